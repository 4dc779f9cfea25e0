// SPDX-License-Identifier: GPL-2.0

#include "framing.h"

/**
 * ikefp_framing_begin() - before the first octet of a stream
 * @framing: filled in
 * @prefix_due: whether the prefix comes first
 */
void ikefp_framing_begin(struct ikefp_framing *framing, bool prefix_due)
{
	memset(framing, 0, sizeof(*framing));
	framing->prefix_due = prefix_due;
}

/**
 * ikefp_framing_wants() - how much to read now
 * @framing: the state
 *
 * Return: octets of the prefix or of a length that are missing, for ikefp_framing_take(); 0:
 * a message of message_len octets comes next.
 */
u32 ikefp_framing_wants(const struct ikefp_framing *framing)
{
	if (framing->message_len)
		return 0;
	return (framing->prefix_due ? IKEFP_PREFIX_LEN : IKEFP_LENGTH_LEN) - framing->have;
}

static int take_prefix(struct ikefp_framing *framing)
{
	/* The first octet that is wrong tells: who speaks something else may wait for us. */
	if (memcmp(framing->octets, IKEFP_PREFIX, framing->have))
		return IKEFP_A_STATS_STREAMS_BAD_PREFIX;
	if (framing->have == IKEFP_PREFIX_LEN) {
		framing->prefix_due = false;
		framing->have = 0;
	}
	return 0;
}

static int take_length(struct ikefp_framing *framing)
{
	u32 len;

	if (framing->have < IKEFP_LENGTH_LEN)
		return 0;
	len = framing->octets[0] << 8 | framing->octets[1];
	/* Of nothing is no more use than the 0 and the 1 that RFC 9329 section 3 forbids. */
	if (len <= IKEFP_LENGTH_LEN || len - IKEFP_LENGTH_LEN > IKEFP_FRAMED_MAX)
		return IKEFP_A_STATS_STREAMS_BAD_LENGTH;
	framing->message_len = len - IKEFP_LENGTH_LEN;
	framing->have = 0;
	return 0;
}

/**
 * ikefp_framing_take() - octets of the prefix or of a length have come
 * @framing: the state
 * @octets: the octets
 * @len: how many, at most what ikefp_framing_wants() says
 *
 * Return: 0, or the counter of the reason to close the stream (IKEFP_A_STATS_STREAMS_*).
 */
int ikefp_framing_take(struct ikefp_framing *framing, const u8 *octets, u32 len)
{
	memcpy(framing->octets + framing->have, octets, len);
	framing->have += len;
	return framing->prefix_due ? take_prefix(framing) : take_length(framing);
}

/**
 * ikefp_framing_put_length() - write the length of a message
 * @octets: where the IKEFP_LENGTH_LEN octets go
 * @message_len: octets of the message behind it, at most IKEFP_FRAMED_MAX
 */
void ikefp_framing_put_length(u8 *octets, u32 message_len)
{
	u32 len = IKEFP_LENGTH_LEN + message_len;

	octets[0] = len >> 8;
	octets[1] = len;
}
