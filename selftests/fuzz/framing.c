// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/framing.c. An input is an octet that says whether the prefix is due and how the stream
 * is cut on its way, and the stream.
 *
 * However it is cut, the messages are those that are found here at one go, in another way; and
 * it is refused where this one refuses it, after as many octets, or not before they are there.
 */
#include <string.h>

#include "framing.h"
#include "fuzz.h"

/* How many octets come at a time. */
static size_t piece(uint8_t *state)
{
	*state = *state * 5 + 3;
	return 1 + (*state >> 4);
}

/* The length of the message that begins at @at, or 0: it is refused, or is not there yet. */
static size_t reference(const uint8_t *stream, size_t len, size_t at, bool *refused)
{
	size_t framed;

	*refused = false;
	if (len - at < 2)
		return 0;
	framed = stream[at] * 256u + stream[at + 1];
	*refused = framed < 3 || framed > 65509;
	return *refused ? 0 : framed - 2;
}

static bool prefix_is_wrong(const uint8_t *stream, size_t len)
{
	return memcmp(stream, "IKETCP", len < 6 ? len : 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ikefp_framing framing;
	bool due, refused = false;
	const uint8_t *stream;
	size_t len, at = 0;
	uint8_t state;

	if (!size)
		return 0;
	due = data[0] & 1;
	state = data[0];
	stream = data + 1;
	len = size - 1;

	ikefp_framing_begin(&framing, due);
	CHECK(!ikefp_framing_is_midway(&framing));
	for (;;) {
		size_t wanted = ikefp_framing_wants(&framing), begun = at, got = 0;
		uint8_t again[IKEFP_LENGTH_LEN];
		bool prefix = framing.prefix_due;
		size_t message_len;
		int reason = 0;

		CHECK(wanted == (prefix ? 6u : 2u));
		while (!reason && (wanted = ikefp_framing_wants(&framing)) && at < len) {
			got = piece(&state);
			got = got < wanted ? got : wanted;
			got = got < len - at ? got : len - at;
			reason = ikefp_framing_take(&framing, stream + at, got);
			at += got;
			if (prefix && !framing.prefix_due)
				break;
		}
		if (prefix) {
			CHECK(!!reason == prefix_is_wrong(stream, at));
			if (reason || framing.prefix_due)
				break;
			continue;
		}
		message_len = reference(stream, len, begun, &refused);
		CHECK(refused == (reason == IKEFP_A_STATS_STREAMS_BAD_LENGTH));
		CHECK(framing.message_len == message_len);
		CHECK(ikefp_framing_is_midway(&framing) == (at > begun));
		if (!message_len)
			break;
		ikefp_framing_put_length(again, message_len);
		CHECK(!memcmp(again, stream + begun, sizeof(again)));
		CHECK(!ikefp_framing_wants(&framing));
		ikefp_framing_next(&framing);
		if (message_len > len - at)
			break;
		at += message_len;
	}
	return 0;
}
