/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What comes up for IKE SAs that were adopted, while others are still to be: what one of
 * them is told may concern another one. It waits here until all are there.
 */
#ifndef IKEFPD_NEWS_H
#define IKEFPD_NEWS_H

#include <stdbool.h>

struct ike_manager;
struct kernel_event;
struct kernel_message;
struct piece_of_news;

/* Zeroed at first. The kernel bounds what may wait for an IKE SA. */
struct news {
	bool wait;
	struct piece_of_news *first, **end;
};

/* From now on it waits. */
void news_hold(struct news *news);
/* True: it waits. Without memory for that it does not. */
bool news_message(struct news *news, const struct kernel_message *msg);
bool news_event(struct news *news, const struct kernel_event *event);
/* Nothing waits any more. m's own: each may end IKE SAs. */
void news_tell(struct ike_manager *m);
void news_clear(struct news *news);

#endif
