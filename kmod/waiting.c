// SPDX-License-Identifier: GPL-2.0

#include <linux/skbuff.h>

#include "answer.h"
#include "sa.h"
#include "waiting.h"

/* With the windows: more than what there may be to tell. */
#define MAX_WAITING 14

struct mark {
	u32 octets; /* counted for it */
	bool request; /* which the SA has as received: */
	u32 message_id;
};

static struct mark *mark_of(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct mark) > sizeof_field(struct sk_buff, cb));
	return (struct mark *)skb->cb;
}

/**
 * ikefp_waiting_check() - can an upcall wait
 * @sa: the SA, locked
 *
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_waiting_check(const struct ikefp_sa *sa)
{
	/* Nobody can go on with a handshake whose secrets went with the worker. */
	if (sa->state != IKEFP_SA_STATE_ESTABLISHED)
		return IKEFP_A_STATS_DROP_NO_WORKER;
	if (skb_queue_len(&sa->waiting) >= MAX_WAITING + sa->window_in.size + sa->window_out)
		return IKEFP_A_STATS_DROP_WAITING_LIMIT;
	return 0;
}

/**
 * ikefp_waiting_add() - have an upcall wait
 * @sa: the SA, locked
 * @skb: the upcall; taken, freed on failure
 * @request_id: the message ID, where it is a request of the peer's; else NULL
 *
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_waiting_add(struct ikefp_sa *sa, struct sk_buff *skb, const u32 *request_id)
{
	struct ikefp_context *ctx = sa->ctx;
	u32 octets = skb->truesize;
	int reason = ikefp_waiting_check(sa);

	if (!reason && atomic_long_add_return(octets, &ctx->waiting_octets) >
		       ikefp_policy_get(&ctx->policy, MAX_WAITING_OCTETS)) {
		atomic_long_sub(octets, &ctx->waiting_octets);
		reason = IKEFP_A_STATS_DROP_WAITING_LIMIT;
	}
	if (reason) {
		kfree_skb(skb);
		return reason;
	}
	*mark_of(skb) = (struct mark){
		.octets = octets,
		.request = request_id,
		.message_id = request_id ? *request_id : 0,
	};
	__skb_queue_tail(&sa->waiting, skb);
	return 0;
}

/**
 * ikefp_waiting_first() - the upcall that waits longest
 * @sa: the SA, locked
 *
 * Return: the upcall, which stays in its place, or NULL.
 */
struct sk_buff *ikefp_waiting_first(const struct ikefp_sa *sa)
{
	return skb_peek(&sa->waiting);
}

/**
 * ikefp_waiting_drop_first() - the upcall that waited longest does so no more
 * @sa: the SA, locked, that has one
 */
void ikefp_waiting_drop_first(struct ikefp_sa *sa)
{
	struct sk_buff *skb = __skb_dequeue(&sa->waiting);

	if (mark_of(skb)->request)
		ikefp_answer_request_delivered(sa, mark_of(skb)->message_id);
	atomic_long_sub(mark_of(skb)->octets, &sa->ctx->waiting_octets);
	kfree_skb(skb);
}
