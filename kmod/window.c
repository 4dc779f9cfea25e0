// SPDX-License-Identifier: GPL-2.0

#include "window.h"

/**
 * ikefp_window_check() - where a request's message ID lies
 * @expected: the ID of the next request from this peer
 * @message_id: the ID of the request at hand
 *
 * IDs do not wrap: an SA is replaced before it runs out of them (RFC 7296 section
 * 2.2), so nothing comes before 0, and the last ID is never new.
 */
enum ikefp_window_verdict ikefp_window_check(u32 expected, u32 message_id)
{
	if (message_id == expected && ~expected)
		return IKEFP_WINDOW_NEW;
	if (expected && message_id == expected - 1)
		return IKEFP_WINDOW_DUPLICATE;
	return IKEFP_WINDOW_OUTSIDE;
}
