// SPDX-License-Identifier: GPL-2.0
/*
 * kmod/wire.c. An input is a datagram, from the IKE header on.
 *
 * A header that was read is written back as it was; each check's yes implies what
 * its comment says, found out here a second time and in another way; and what the
 * module writes, it reads.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "wire.h"

static void check_header(const uint8_t *octets, size_t len)
{
	uint8_t again[IKEFP_HEADER_LEN];
	struct ikefp_header h;
	bool init;

	ikefp_wire_get_header(octets, &h);
	ikefp_wire_put_header(again, &h);
	CHECK(!memcmp(again, octets, sizeof(again)));
	if (ikefp_wire_check_header(&h, len))
		return;
	init = octets[18] == 34;
	CHECK(octets[17] >> 4 == 2);
	CHECK(h.length == len && len <= 65535);
	CHECK(memcmp(octets, "\0\0\0\0\0\0\0\0", 8));
	CHECK(init || memcmp(octets + 8, "\0\0\0\0\0\0\0\0", 8));
	CHECK((octets[18] >= 34 && octets[18] <= 37) || octets[18] == 43 || octets[18] == 44);
	if (init) {
		/* Asks and is the initiator's, or answers and is the responder's. */
		CHECK(!(octets[19] & 0x20) == !!(octets[19] & 0x08));
		CHECK(octets[19] & 0x20 || !memcmp(octets + 8, "\0\0\0\0\0\0\0\0", 8));
		CHECK(!memcmp(octets + 20, "\0\0\0\0", 4));
	}
}

static void check_payloads(const uint8_t *octets, size_t len, uint8_t first)
{
	size_t at = 0, steps = 0;
	uint8_t type = first;

	if (!ikefp_wire_check_payloads(octets, len, first))
		return;
	CHECK(type);
	while (type) {
		size_t payload_len;

		CHECK(type != 46 && type != 53);
		CHECK(++steps <= len / 4);
		CHECK(len - at >= 4);
		payload_len = (size_t)octets[at + 2] * 256 + octets[at + 3];
		CHECK(payload_len >= 4 && payload_len <= len - at);
		type = octets[at];
		at += payload_len;
	}
	CHECK(at == len);
}

static void check_init(const uint8_t *octets, size_t len, uint8_t first)
{
	const uint8_t *nonce = NULL, *cookie = NULL;
	struct ikefp_init_payloads init;
	size_t at = 0, payload_len;
	uint8_t type;

	CHECK(ikefp_wire_get_init(octets, len, first, &init) ==
	      ikefp_wire_check_payloads(octets, len, first));
	if (!ikefp_wire_get_init(octets, len, first, &init))
		return;
	for (type = first; type; type = octets[at], at += payload_len) {
		payload_len = (size_t)octets[at + 2] * 256 + octets[at + 3];
		if (type == 40 && !nonce && payload_len >= 20 && payload_len <= 260) {
			nonce = octets + at + 4;
			CHECK(init.nonce_len == payload_len - 4);
		}
		if (type == 41 && !at && payload_len > 8 && payload_len <= 72 && !octets[5] &&
		    octets[6] == 0x40 && octets[7] == 6) {
			cookie = octets + 8;
			CHECK(init.cookie_len == payload_len - 8);
		}
	}
	CHECK(init.nonce == nonce && init.cookie == cookie);
}

/* What asks for a cookie is itself a message with that cookie. */
static void check_cookie(const uint8_t *octets, size_t len)
{
	uint8_t answer[IKEFP_NOTIFY_MESSAGE_LEN + IKEFP_COOKIE_MAX];
	uint16_t cookie_len = (uint16_t)(1 + octets[0] % IKEFP_COOKIE_MAX);
	struct ikefp_init_payloads init;
	struct ikefp_header request, h;

	ikefp_wire_get_header(octets, &request);
	if (ikefp_wire_check_header(&request, len) || octets[18] != 34 || octets[19] & 0x20 ||
	    len < IKEFP_HEADER_LEN + (size_t)cookie_len)
		return;
	ikefp_wire_put_cookie(answer, &request, octets + IKEFP_HEADER_LEN, cookie_len);
	ikefp_wire_get_header(answer, &h);
	len = IKEFP_NOTIFY_MESSAGE_LEN + (size_t)cookie_len;
	CHECK(!ikefp_wire_check_header(&h, len) && ikefp_header_is_response(&h));
	CHECK(h.spi_i == request.spi_i && !h.spi_r && h.exchange_type == 34);
	CHECK(ikefp_wire_get_init(answer + IKEFP_HEADER_LEN, len - IKEFP_HEADER_LEN,
				  h.first_payload, &init));
	CHECK(init.cookie_len == cookie_len && !init.nonce &&
	      !memcmp(init.cookie, octets + IKEFP_HEADER_LEN, cookie_len));
}

static void check_sk(const uint8_t *octets, size_t len)
{
	uint8_t inner = 255, again[IKEFP_PAYLOAD_HEADER_LEN];
	int reason = ikefp_wire_check_sk(octets, len, &inner);

	CHECK(octets[16] != 53 || reason == IKEFP_A_STATS_DROP_FRAGMENT);
	CHECK(octets[16] == 46 || octets[16] == 53 || reason == IKEFP_A_STATS_DROP_NOT_SEALED);
	if (reason)
		return;
	CHECK(octets[16] == 46 && len >= 32 && inner == octets[28]);
	ikefp_wire_put_sk(again, inner, (uint16_t)(len - 28));
	CHECK(again[0] == octets[28] && !again[1] && !memcmp(again + 2, octets + 30, 2));
}

static void check_skf(const uint8_t *octets, size_t len)
{
	uint8_t again[IKEFP_SKF_HEADERS_LEN - IKEFP_HEADER_LEN];
	struct ikefp_fragment fragment;
	int reason = ikefp_wire_check_skf(octets, len, &fragment);

	CHECK(octets[16] == 53 || reason == IKEFP_A_STATS_DROP_NOT_SEALED);
	if (reason)
		return;
	CHECK(octets[16] == 53 && len >= 36);
	CHECK(fragment.number && fragment.number <= fragment.total);
	CHECK(fragment.inner_first_payload == (fragment.number == 1 ? octets[28] : 0));
	ikefp_wire_put_skf(again, &fragment, (uint16_t)(len - 28));
	/* Of those after the first, the payload type is not looked at; of all, flags. */
	CHECK(again[0] == fragment.inner_first_payload && !again[1]);
	CHECK(!memcmp(again + 2, octets + 30, 6));
}

static void check_answer(const uint8_t *octets)
{
	uint8_t answer[IKEFP_INVALID_MAJOR_VERSION_LEN];
	struct ikefp_header request, h;

	ikefp_wire_get_header(octets, &request);
	ikefp_wire_put_invalid_major_version(answer, &request);
	ikefp_wire_get_header(answer, &h);
	CHECK(!memcmp(answer, octets, 16) && !memcmp(answer + 20, octets + 20, 4));
	CHECK(h.length == sizeof(answer) && h.version == 0x20);
	CHECK(ikefp_header_is_response(&h));
	CHECK(ikefp_header_is_from_initiator(&h) != ikefp_header_is_from_initiator(&request));
	CHECK(ikefp_wire_check_payloads(answer + IKEFP_HEADER_LEN,
					sizeof(answer) - IKEFP_HEADER_LEN, h.first_payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < IKEFP_HEADER_LEN)
		return 0;
	check_header(data, size);
	check_payloads(data + IKEFP_HEADER_LEN, size - IKEFP_HEADER_LEN, data[16]);
	check_init(data + IKEFP_HEADER_LEN, size - IKEFP_HEADER_LEN, data[16]);
	check_cookie(data, size);
	check_sk(data, size);
	check_skf(data, size);
	check_answer(data);
	return 0;
}
