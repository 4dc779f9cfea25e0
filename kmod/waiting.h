/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Upcalls of an SA that wait for a worker to take them, in their order, within bounds:
 * of each SA in number, of the namespace in memory.
 */
#ifndef IKEFP_WAITING_H
#define IKEFP_WAITING_H

#include <linux/types.h>

struct ikefp_sa;
struct sk_buff;

/* What an upcall is about, and the message ID of that. */
struct ikefp_about {
	enum {
		IKEFP_ABOUT_SA,
		IKEFP_ABOUT_REQUEST, /* one of the peer's */
		IKEFP_ABOUT_OUTCOME, /* of a request of the helper's */
	} what;
	u32 message_id;
};

int ikefp_waiting_check(const struct ikefp_sa *sa);
int ikefp_waiting_add(struct ikefp_sa *sa, struct sk_buff *skb, struct ikefp_about about);
u32 ikefp_waiting_outcomes(const struct ikefp_sa *sa, u32 *message_id);
struct sk_buff *ikefp_waiting_first(const struct ikefp_sa *sa);
void ikefp_waiting_drop_first(struct ikefp_sa *sa);

#endif
