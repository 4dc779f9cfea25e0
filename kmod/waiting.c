// SPDX-License-Identifier: GPL-2.0

#include <linux/skbuff.h>

#include "answer.h"
#include "sa.h"
#include "waiting.h"

/* With the windows: more than what there may be to tell. */
#define MAX_WAITING 14

struct mark {
	u32 octets; /* counted for it */
	struct ikefp_about about;
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
 * @about: what it tells; of a request, that the SA has it as received
 *
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_waiting_add(struct ikefp_sa *sa, struct sk_buff *skb, struct ikefp_about about)
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
	*mark_of(skb) = (struct mark){ .octets = octets, .about = about };
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

	if (mark_of(skb)->about.what == IKEFP_ABOUT_REQUEST)
		ikefp_answer_request_delivered(sa, mark_of(skb)->about.message_id);
	atomic_long_sub(mark_of(skb)->octets, &sa->ctx->waiting_octets);
	kfree_skb(skb);
}

/**
 * ikefp_waiting_outcomes() - of which requests of the helper's the outcome waits
 * @sa: the SA, locked
 * @message_id: where their message IDs go, in host order, or NULL
 *
 * Return: how many there are.
 */
u32 ikefp_waiting_outcomes(const struct ikefp_sa *sa, u32 *message_id)
{
	struct sk_buff *skb;
	u32 count = 0;

	skb_queue_walk(&sa->waiting, skb) {
		if (mark_of(skb)->about.what != IKEFP_ABOUT_OUTCOME)
			continue;
		if (message_id)
			message_id[count] = mark_of(skb)->about.message_id;
		count++;
	}
	return count;
}
