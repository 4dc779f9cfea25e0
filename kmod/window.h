/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The message-ID window of the requests that a peer sends us (RFC 7296 sections 2.2
 * and 2.3), of size one. Pure.
 */
#ifndef IKEFP_WINDOW_H
#define IKEFP_WINDOW_H

#include "wire.h"

enum ikefp_window_verdict {
	IKEFP_WINDOW_NEW, /* the request that we expect */
	IKEFP_WINDOW_DUPLICATE, /* the one before it */
	IKEFP_WINDOW_OUTSIDE,
};

enum ikefp_window_verdict ikefp_window_check(u32 expected, u32 message_id);

#endif
