/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What lies between the messages of a stream (RFC 9329 sections 3 and 4): the prefix, once,
 * in the direction away from who has opened the connection, and before each message its
 * length. Pure: octets to values and back, however the octets were cut on their way. Compiles
 * in userspace as well, where it is fuzzed.
 */
#ifndef IKEFP_FRAMING_H
#define IKEFP_FRAMING_H

#include "wire.h"

#define IKEFP_PREFIX "IKETCP"
#define IKEFP_PREFIX_LEN 6
#define IKEFP_LENGTH_LEN 2 /* counted in the length itself */

/* A message behind its length: what a UDP datagram would carry, IPv4 allowing no more. */
#define IKEFP_FRAMED_MAX IKEFP_MAX_MESSAGE

struct ikefp_framing {
	u8 octets[IKEFP_PREFIX_LEN]; /* of the prefix or the length, */
	u8 have; /* so many of them */
	bool prefix_due;
	u32 message_len; /* of the message that comes next; 0: its length is not known yet */
};

void ikefp_framing_begin(struct ikefp_framing *framing, bool prefix_due);
u32 ikefp_framing_wants(const struct ikefp_framing *framing);
int ikefp_framing_take(struct ikefp_framing *framing, const u8 *octets, u32 len);
void ikefp_framing_put_length(u8 *octets, u32 message_len);

/* The message has been read: after it comes the length of the next. */
static inline void ikefp_framing_next(struct ikefp_framing *framing)
{
	framing->message_len = 0;
}

/* Whether something has come of what is not whole. */
static inline bool ikefp_framing_is_midway(const struct ikefp_framing *framing)
{
	return framing->have || framing->message_len;
}

#endif
