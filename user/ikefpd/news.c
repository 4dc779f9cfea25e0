// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "buf.h"
#include "ike_manager.h"
#include "news.h"

struct piece_of_news {
	struct piece_of_news *next;
	bool is_event;
	struct kernel_event event;
	struct kernel_message msg;
	struct buf octets;		/* of msg */
};

void news_hold(struct news *news)
{
	news->wait = true;
	news->end = &news->first;
}

static struct piece_of_news *add(struct news *news)
{
	struct piece_of_news *piece = calloc(1, sizeof(*piece));

	if (!piece)
		return NULL;
	*news->end = piece;
	news->end = &piece->next;
	return piece;
}

static void drop_first(struct news *news)
{
	struct piece_of_news *piece = news->first;

	news->first = piece->next;
	if (!news->first)
		news->end = &news->first;
	buf_clear(&piece->octets);
	free(piece);
}

bool news_message(struct news *news, const struct kernel_message *msg)
{
	struct buf octets = BUF_INIT;
	struct piece_of_news *piece;

	/* IKE_SA_INIT: of nobody who was there before. */
	if (!news->wait || msg->raw)
		return false;
	piece = buf_set(&octets, msg->data, msg->len) ? NULL : add(news);
	if (!piece) {
		buf_clear(&octets);
		return false;
	}
	piece->msg = *msg;
	piece->octets = octets;
	piece->msg.data = octets.data;
	return true;
}

bool news_event(struct news *news, const struct kernel_event *event)
{
	struct piece_of_news *piece = news->wait ? add(news) : NULL;

	if (!piece)
		return false;
	piece->is_event = true;
	piece->event = *event;
	return true;
}

void news_tell(struct ike_manager *m)
{
	struct news *news = &m->news;

	news->wait = false;
	while (news->first) {
		if (news->first->is_event)
			ike_manager_event(m, &news->first->event);
		else
			ike_manager_message(m, &news->first->msg);
		drop_first(news);
	}
}

void news_clear(struct news *news)
{
	news->wait = false;
	while (news->first)
		drop_first(news);
}
