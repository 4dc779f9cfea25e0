// SPDX-License-Identifier: GPL-2.0
/*
 * IDs do not wrap: an SA is replaced before it runs out of them (RFC 7296 section 2.2),
 * so nothing comes before 0, and the last ID is never new.
 */

#include "window.h"

/* After the newest that was received. */
static u32 end(const struct ikefp_window *window)
{
	u32 end = window->expected;
	u32 ahead;

	for (ahead = window->ahead; ahead; ahead >>= 1)
		end++;
	return window->ahead ? end + 1 : end;
}

/**
 * ikefp_window_check() - where a request's message ID lies
 * @window: the window
 * @message_id: the ID of the request at hand
 *
 * That a request was sent shows that its sender has the responses to all that lie a
 * window and more before it: those are of no use any more.
 */
enum ikefp_window_verdict ikefp_window_check(const struct ikefp_window *window, u32 message_id)
{
	u32 after = message_id - window->expected;

	if (message_id < window->expected)
		return end(window) - message_id <= window->size ? IKEFP_WINDOW_DUPLICATE :
								  IKEFP_WINDOW_OUTSIDE;
	if (after >= window->size || !~message_id)
		return IKEFP_WINDOW_OUTSIDE;
	return after && window->ahead >> (after - 1) & 1 ? IKEFP_WINDOW_DUPLICATE :
							   IKEFP_WINDOW_NEW;
}

/**
 * ikefp_window_take() - a request was received
 * @window: the window
 * @message_id: its ID, which was new
 */
void ikefp_window_take(struct ikefp_window *window, u32 message_id)
{
	u32 after = message_id - window->expected;

	if (after) {
		window->ahead |= 1U << (after - 1);
		return;
	}
	window->expected++;
	while (window->ahead & 1) {
		window->expected++;
		window->ahead >>= 1;
	}
	window->ahead >>= 1;
}

/**
 * ikefp_window_give_back() - a request is as if it had not been received
 * @window: the window
 * @message_id: its ID, a duplicate's
 */
void ikefp_window_give_back(struct ikefp_window *window, u32 message_id)
{
	u32 before = window->expected - message_id;

	if (message_id > window->expected) {
		window->ahead &= ~(1U << (message_id - window->expected - 1));
		return;
	}
	/* Those between were received, the one that was expected was not. */
	window->ahead = window->ahead << before | ((1U << (before - 1)) - 1);
	window->expected = message_id;
}

/**
 * ikefp_window_may_send() - whether the peer can take a request of ours
 * @size: of the peer's window
 * @unanswered: the ID of our first request that it has not answered; @message_id where
 *              there is none
 * @message_id: the request's ID
 */
bool ikefp_window_may_send(u32 size, u32 unanswered, u32 message_id)
{
	return message_id - unanswered < size;
}
