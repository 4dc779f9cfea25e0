/* SPDX-License-Identifier: GPL-2.0 */
/* The message-ID windows, both ways (RFC 7296 sections 2.2 and 2.3). Pure. */
#ifndef IKEFP_WINDOW_H
#define IKEFP_WINDOW_H

#include "wire.h"

/* Which of the peer's requests were received. */
struct ikefp_window {
	u32 expected; /* the first that was not */
	u16 ahead; /* those after it that were: bit 0 is the one right after it */
	u8 size; /* 1 to IKEFP_MAX_WINDOW */
};

enum ikefp_window_verdict {
	IKEFP_WINDOW_NEW, /* not received yet, and within the window */
	IKEFP_WINDOW_DUPLICATE, /* one of the latest, as many as the window is wide */
	IKEFP_WINDOW_OUTSIDE,
};

enum ikefp_window_verdict ikefp_window_check(const struct ikefp_window *window, u32 message_id);
void ikefp_window_take(struct ikefp_window *window, u32 message_id);
void ikefp_window_give_back(struct ikefp_window *window, u32 message_id);
bool ikefp_window_may_send(u32 size, u32 unanswered, u32 message_id);

#endif
