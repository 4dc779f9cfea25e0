// SPDX-License-Identifier: GPL-2.0

#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "datagram.h"
#include "exchange.h"
#include "reassembly.h"
#include "sa.h"

/**
 * ikefp_exchange_find() - the request that a response can be to
 * @sa: the SA, locked
 * @message_id: the response's
 *
 * Return: the sealed request, which was sent and not given up, or NULL.
 */
struct ikefp_exchange *ikefp_exchange_find(struct ikefp_sa *sa, u32 message_id)
{
	struct ikefp_exchange *exchange;
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		exchange = &sa->exchanges[i];
		if (exchange->octets && !exchange->waits && !exchange->over && !exchange->raw &&
		    exchange->message_id == message_id)
			return exchange;
	}
	return NULL;
}

/**
 * ikefp_exchange_vacant() - a place for one more request
 * @sa: the SA, locked
 *
 * Return: the place, all zeroes, or NULL.
 */
struct ikefp_exchange *ikefp_exchange_vacant(struct ikefp_sa *sa)
{
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		if (!sa->exchanges[i].octets)
			return &sa->exchanges[i];
	}
	return NULL;
}

/**
 * ikefp_exchange_first() - the request that has been without an answer for longest
 * @sa: the SA, locked
 *
 * Return: that with the lowest message ID; NULL where there is none at all.
 */
struct ikefp_exchange *ikefp_exchange_first(const struct ikefp_sa *sa)
{
	struct ikefp_exchange *first = NULL;
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		if (sa->exchanges[i].octets &&
		    (!first || sa->exchanges[i].message_id < first->message_id))
			first = &sa->exchanges[i];
	}
	return first;
}

/**
 * ikefp_exchange_may_start() - whether the peer can take a request
 * @sa: the SA, locked
 * @message_id: the request's
 */
bool ikefp_exchange_may_start(const struct ikefp_sa *sa, u32 message_id)
{
	const struct ikefp_exchange *first = ikefp_exchange_first(sa);

	return ikefp_window_may_send(sa->window_out, first ? first->message_id : message_id,
				     message_id);
}

/**
 * ikefp_exchange_next_to_start() - the request whose turn has come
 * @sa: the SA, locked
 *
 * Return: the first of those that wait and the peer can take now, or NULL.
 */
struct ikefp_exchange *ikefp_exchange_next_to_start(struct ikefp_sa *sa)
{
	struct ikefp_exchange *next = NULL;
	u32 i;

	for (i = 0; i < sa->window_out; i++) {
		struct ikefp_exchange *exchange = &sa->exchanges[i];

		if (exchange->octets && exchange->waits &&
		    (!next || exchange->message_id < next->message_id))
			next = exchange;
	}
	return next && ikefp_exchange_may_start(sa, next->message_id) ? next : NULL;
}

/**
 * ikefp_exchange_take_next() - give the request that has no place one
 * @sa: the SA, locked
 *
 * It waits there, to be found by ikefp_exchange_next_to_start().
 */
void ikefp_exchange_take_next(struct ikefp_sa *sa)
{
	struct ikefp_next_request *next = &sa->next_request;
	struct ikefp_exchange *exchange = next->octets ? ikefp_exchange_vacant(sa) : NULL;

	if (!exchange)
		return;
	exchange->octets = next->octets;
	exchange->waits = true;
	exchange->exchange_type = next->exchange_type;
	exchange->message_id = next->message_id;
	exchange->fragment_size = next->fragment_size;
	exchange->copies = 1;
	memset(next, 0, sizeof(*next));
}

/**
 * ikefp_exchange_outstanding() - how many requests were sent and have no answer
 * @sa: the SA, locked
 */
u32 ikefp_exchange_outstanding(const struct ikefp_sa *sa)
{
	u32 outstanding = 0;
	u32 i;

	for (i = 0; i < sa->window_out; i++)
		outstanding += sa->exchanges[i].octets && !sa->exchanges[i].waits;
	return outstanding;
}

/**
 * ikefp_exchange_of_helper() - how many of the helper's requests have no outcome
 * @sa: the SA, locked
 *
 * Those that were not sent yet are counted, a raw one too.
 */
u32 ikefp_exchange_of_helper(const struct ikefp_sa *sa)
{
	u32 of_helper = !!sa->next_request.octets;
	u32 i;

	for (i = 0; i < sa->window_out; i++)
		of_helper += sa->exchanges[i].octets && !sa->exchanges[i].liveness;
	return of_helper;
}

/**
 * ikefp_exchange_forget() - a request is over, whatever its outcome
 * @exchange: the request, of a locked SA; there may be none
 */
void ikefp_exchange_forget(struct ikefp_exchange *exchange)
{
	ikefp_datagram_put(exchange->octets);
	ikefp_reassembly_forget(&exchange->fragments);
	memset(exchange, 0, sizeof(*exchange));
}

/**
 * ikefp_exchange_forget_all() - nothing is to be sent of our own any more
 * @sa: the SA, locked, or nobody else's any more
 */
void ikefp_exchange_forget_all(struct ikefp_sa *sa)
{
	u32 i;

	for (i = 0; i < sa->window_out; i++)
		ikefp_exchange_forget(&sa->exchanges[i]);
	ikefp_datagram_put(sa->next_request.octets);
	memset(&sa->next_request, 0, sizeof(sa->next_request));
}

/**
 * ikefp_exchange_new() - room for a window's requests
 * @ctx: the namespace
 * @window: how many
 * @limit: octets that the namespace may use for messages
 *
 * Context: process.
 * Return: the room, to be freed with ikefp_exchange_free(), or an ERR_PTR: -ENOSPC above
 * the limit, -ENOMEM.
 */
struct ikefp_exchange *ikefp_exchange_new(struct ikefp_context *ctx, u32 window, u32 limit)
{
	size_t size = array_size(window, sizeof(struct ikefp_exchange));
	struct ikefp_exchange *exchanges;

	if (!ikefp_datagram_charge(ctx, size, limit))
		return ERR_PTR(-ENOSPC);
	exchanges = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (exchanges)
		return exchanges;
	ikefp_datagram_uncharge(ctx, size);
	return ERR_PTR(-ENOMEM);
}

/**
 * ikefp_exchange_widen() - the peer takes more requests at a time
 * @sa: the SA, locked
 * @exchanges: room for them
 * @window: how many, more than before
 *
 * What waited for the window to open still waits.
 *
 * Return: the room before, empty, to be freed; NULL where it was the SA's own.
 */
struct ikefp_exchange *ikefp_exchange_widen(struct ikefp_sa *sa,
					    struct ikefp_exchange *exchanges, u32 window)
{
	struct ikefp_exchange *before = sa->exchanges;

	memcpy(exchanges, before, sa->window_out * sizeof(*before));
	memset(before, 0, sa->window_out * sizeof(*before));
	sa->exchanges = exchanges;
	sa->window_out = window;
	ikefp_exchange_take_next(sa);
	return before == &sa->exchange ? NULL : before;
}

/**
 * ikefp_exchange_free() - free a window's room
 * @ctx: the namespace
 * @exchanges: the room, empty; may be NULL
 * @window: how many there is room for
 */
void ikefp_exchange_free(struct ikefp_context *ctx, struct ikefp_exchange *exchanges, u32 window)
{
	if (!exchanges)
		return;
	ikefp_datagram_uncharge(ctx, array_size(window, sizeof(*exchanges)));
	kfree(exchanges);
}
