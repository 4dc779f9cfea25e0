// SPDX-License-Identifier: GPL-2.0

#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "answer.h"
#include "datagram.h"
#include "reassembly.h"
#include "sa.h"

/**
 * ikefp_answer_place() - where a request is, or will be
 * @sa: the SA, locked
 * @message_id: the request's
 */
struct ikefp_answer *ikefp_answer_place(struct ikefp_sa *sa, u32 message_id)
{
	return &sa->answers[message_id % sa->window_in.size];
}

/**
 * ikefp_answer_find() - a request that was received
 * @sa: the SA, locked
 * @message_id: the request's
 *
 * Return: the request, or NULL where it was not received, or is forgotten.
 */
struct ikefp_answer *ikefp_answer_find(struct ikefp_sa *sa, u32 message_id)
{
	struct ikefp_answer *answer = ikefp_answer_place(sa, message_id);

	return answer->known && answer->message_id == message_id ? answer : NULL;
}

/**
 * ikefp_answer_in_turn() - whether the peer may send a request now
 * @sa: the SA, locked
 * @message_id: the request's, a new one
 *
 * All that lie a window and more before it must have been answered.
 */
bool ikefp_answer_in_turn(const struct ikefp_sa *sa, u32 message_id)
{
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		const struct ikefp_answer *answer = &sa->answers[i];

		if (answer->known && !answer->octets && answer->message_id < message_id &&
		    message_id - answer->message_id >= sa->window_in.size)
			return false;
	}
	return true;
}

/**
 * ikefp_answer_any() - whether any request was answered
 * @sa: the SA, locked
 */
bool ikefp_answer_any(const struct ikefp_sa *sa)
{
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		if (sa->answers[i].octets)
			return true;
	}
	return false;
}

/**
 * ikefp_answer_later_fragments() - what is not left of an SA's room for fragments
 * @sa: the SA, locked
 * @place: that of the request whose fragments there is to be room for
 *
 * Requests that come in fragments at the same time share the room of one; but the one
 * that is expected has that much to itself, so that it gets through whatever the others
 * have taken.
 *
 * Return: octets of payloads that wait for others.
 */
u32 ikefp_answer_later_fragments(const struct ikefp_sa *sa, const struct ikefp_answer *place)
{
	u32 octets = 0;
	u32 i;

	if (place == &sa->answers[sa->window_in.expected % sa->window_in.size])
		return 0;
	for (i = 0; i < sa->window_in.size; i++) {
		const struct ikefp_answer *answer = &sa->answers[i];

		if (answer != place && answer->next_fragments &&
		    answer->next_id != sa->window_in.expected)
			octets += ikefp_reassembly_len(answer->next_fragments);
	}
	return octets;
}

/**
 * ikefp_answer_request_delivered() - a request that waited for a worker has come to one
 * @sa: the SA, locked
 * @message_id: the request's
 */
void ikefp_answer_request_delivered(struct ikefp_sa *sa, u32 message_id)
{
	struct ikefp_answer *answer = ikefp_answer_find(sa, message_id);

	if (answer)
		answer->waits = false;
}

/**
 * ikefp_answer_give_back() - the worker is gone
 * @sa: the SA, locked
 *
 * It may have had requests in its socket, or in its hands: nobody will answer those. They
 * are as if lost on the way, so that the peer's next copies are taken; unless they wait
 * here still.
 */
void ikefp_answer_give_back(struct ikefp_sa *sa)
{
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		struct ikefp_answer *answer = &sa->answers[i];

		if (!answer->known || answer->octets || answer->waits)
			continue;
		answer->known = false;
		ikefp_window_give_back(&sa->window_in, answer->message_id);
	}
}

/**
 * ikefp_answer_forget_fragments() - what there is of requests is of no more use
 * @sa: the SA, locked, or nobody else's any more
 */
void ikefp_answer_forget_fragments(struct ikefp_sa *sa)
{
	u32 i;

	for (i = 0; i < sa->window_in.size; i++)
		ikefp_reassembly_forget(&sa->answers[i].next_fragments);
}

/**
 * ikefp_answer_forget_old() - answers that no peer asks for any more are forgotten
 * @sa: the SA, locked
 *
 * Their requests' copies are nobody's from then on, as RFC 7296 section 2.1 wants.
 *
 * Return: milliseconds until the next one is old, 0: there is none.
 */
u32 ikefp_answer_forget_old(struct ikefp_sa *sa)
{
	ktime_t now = ktime_get();
	u32 next_ms = 0;
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		struct ikefp_answer *answer = &sa->answers[i];
		s64 left_ms;

		if (!answer->octets)
			continue;
		left_ms = IKEFP_ANSWER_KEPT_MS - ktime_ms_delta(now, answer->last_copy);
		if (left_ms > 0) {
			next_ms = next_ms ? min_t(u32, next_ms, left_ms) : left_ms;
			continue;
		}
		answer->known = false;
		ikefp_datagram_put(answer->octets);
		answer->octets = NULL;
		ikefp_path_put(&answer->path);
	}
	return next_ms;
}

/**
 * ikefp_answer_forget_all() - no request is answered any more
 * @sa: the SA, nobody else's any more
 */
void ikefp_answer_forget_all(struct ikefp_sa *sa)
{
	u32 i;

	ikefp_answer_forget_fragments(sa);
	for (i = 0; i < sa->window_in.size; i++) {
		ikefp_datagram_put(sa->answers[i].octets);
		ikefp_path_put(&sa->answers[i].path);
	}
}

/**
 * ikefp_answer_new() - room for a window's requests and their answers
 * @ctx: the namespace
 * @window: how many
 * @limit: octets that the namespace may use for messages
 *
 * Context: process.
 * Return: the room, to be freed with ikefp_answer_free(), or an ERR_PTR: -ENOSPC above
 * the limit, -ENOMEM.
 */
struct ikefp_answer *ikefp_answer_new(struct ikefp_context *ctx, u32 window, u32 limit)
{
	size_t size = array_size(window, sizeof(struct ikefp_answer));
	struct ikefp_answer *answers;

	if (!ikefp_datagram_charge(ctx, size, limit))
		return ERR_PTR(-ENOSPC);
	answers = kzalloc(size, GFP_KERNEL_ACCOUNT);
	if (answers)
		return answers;
	ikefp_datagram_uncharge(ctx, size);
	return ERR_PTR(-ENOMEM);
}

/* A request and the fragments of a later one need not stay in one place. */
static void move(const struct ikefp_answer *from, struct ikefp_answer *answers, u32 window)
{
	struct ikefp_answer *next = &answers[from->next_id % window];
	struct ikefp_answer *to = &answers[from->message_id % window];
	struct ikefp_answer merged;

	if (from->known) {
		merged = *from;
		merged.next_id = to->next_id;
		merged.next_fragments = to->next_fragments;
		merged.next_deadline = to->next_deadline;
		*to = merged;
	}
	if (from->next_fragments) {
		next->next_id = from->next_id;
		next->next_fragments = from->next_fragments;
		next->next_deadline = from->next_deadline;
	}
}

/* What the peer cannot ask for any more would be in the way of what it can. */
static void forget_stale(struct ikefp_sa *sa, struct ikefp_answer *answer)
{
	if (answer->known && ikefp_window_check(&sa->window_in, answer->message_id) ==
			     IKEFP_WINDOW_DUPLICATE)
		return;
	answer->known = false;
	ikefp_datagram_put(answer->octets);
	ikefp_path_put(&answer->path);
}

/**
 * ikefp_answer_widen() - the peer may have more requests under way
 * @sa: the SA, locked
 * @answers: room for them
 * @window: how many, more than before
 *
 * Return: the room before, empty, to be freed; NULL where it was the SA's own.
 */
struct ikefp_answer *ikefp_answer_widen(struct ikefp_sa *sa, struct ikefp_answer *answers,
					u32 window)
{
	struct ikefp_answer *before = sa->answers;
	u32 i;

	for (i = 0; i < sa->window_in.size; i++) {
		forget_stale(sa, &before[i]);
		move(&before[i], answers, window);
	}
	memset(before, 0, sa->window_in.size * sizeof(*before));
	sa->answers = answers;
	sa->window_in.size = window;
	return before == &sa->answer ? NULL : before;
}

/**
 * ikefp_answer_free() - free a window's room
 * @ctx: the namespace
 * @answers: the room, empty; may be NULL
 * @window: how many there is room for
 */
void ikefp_answer_free(struct ikefp_context *ctx, struct ikefp_answer *answers, u32 window)
{
	if (!answers)
		return;
	ikefp_datagram_uncharge(ctx, array_size(window, sizeof(*answers)));
	kfree(answers);
}
