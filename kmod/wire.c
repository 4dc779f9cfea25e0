// SPDX-License-Identifier: GPL-2.0

#include "wire.h"

static u16 load16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}

static u32 load32(const u8 *p)
{
	return (u32)load16(p) << 16 | load16(p + 2);
}

static u64 load64(const u8 *p)
{
	return (u64)load32(p) << 32 | load32(p + 4);
}

static void store16(u8 *p, u16 value)
{
	p[0] = (u8)(value >> 8);
	p[1] = (u8)value;
}

static void store32(u8 *p, u32 value)
{
	store16(p, (u16)(value >> 16));
	store16(p + 2, (u16)value);
}

static void store64(u8 *p, u64 value)
{
	store32(p, (u32)(value >> 32));
	store32(p + 4, (u32)value);
}

/**
 * ikefp_wire_get_header() - read an IKE header
 * @octets: at least IKEFP_HEADER_LEN octets, any alignment
 * @header: where the fields go, in host order; nothing is checked
 */
void ikefp_wire_get_header(const u8 *octets, struct ikefp_header *header)
{
	header->spi_i = load64(octets);
	header->spi_r = load64(octets + 8);
	header->first_payload = octets[16];
	header->version = octets[17];
	header->exchange_type = octets[18];
	header->flags = octets[19];
	header->message_id = load32(octets + 20);
	header->length = load32(octets + 24);
}

/**
 * ikefp_wire_put_header() - write an IKE header
 * @octets: room for IKEFP_HEADER_LEN octets
 * @header: the fields, in host order
 */
void ikefp_wire_put_header(u8 *octets, const struct ikefp_header *header)
{
	store64(octets, header->spi_i);
	store64(octets + 8, header->spi_r);
	octets[16] = header->first_payload;
	octets[17] = header->version;
	octets[18] = header->exchange_type;
	octets[19] = header->flags;
	store32(octets + 20, header->message_id);
	store32(octets + 24, header->length);
}

/**
 * ikefp_wire_check_header() - what can be said of a header without an SA
 * @header: the header
 * @len: octets of the datagram from the header on, at least IKEFP_HEADER_LEN
 *
 * The checks of RFC 7296 sections 2.5 and 3.1 in the order in which they can be
 * relied on: the rest of a header of another major version means nothing to us.
 * Reserved flags and the minor version are ignored, as section 3.1 wants.
 *
 * Return: 0, or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*).
 */
int ikefp_wire_check_header(const struct ikefp_header *header, size_t len)
{
	bool init = header->exchange_type == IKEFP_IKE_SA_INIT;

	if (header->version >> 4 != IKEFP_VERSION_2_0 >> 4)
		return IKEFP_A_STATS_DROP_VERSION;
	if (header->length != len || len > IKEFP_MAX_MESSAGE)
		return IKEFP_A_STATS_DROP_LENGTH;

	switch (header->exchange_type) {
	case IKEFP_IKE_SA_INIT:
	case IKEFP_IKE_AUTH:
	case IKEFP_CREATE_CHILD_SA:
	case IKEFP_INFORMATIONAL:
	case IKEFP_IKE_INTERMEDIATE:
	case IKEFP_IKE_FOLLOWUP_KE:
		break;
	default:
		return IKEFP_A_STATS_DROP_EXCHANGE_TYPE;
	}

	/* Only the initiator's SPI is always there (section 3.1). */
	if (!header->spi_i || (!header->spi_r && !init))
		return IKEFP_A_STATS_DROP_UNKNOWN_SPI;

	/* The first message, and it alone, has no responder's SPI and asks. */
	if (init) {
		bool from_initiator = ikefp_header_is_from_initiator(header);

		if (ikefp_header_is_response(header) == from_initiator)
			return IKEFP_A_STATS_DROP_FLAGS;
		if (from_initiator && header->spi_r)
			return IKEFP_A_STATS_DROP_FLAGS;
		if (header->message_id)
			return IKEFP_A_STATS_DROP_MESSAGE_ID;
	}
	return 0;
}

/* Of a payload whole and in place, generic header included. */
static void look_at(const u8 *payload, u16 len, u8 type, bool first,
		    struct ikefp_init_payloads *init)
{
	u16 nonce_len = len - IKEFP_PAYLOAD_HEADER_LEN;

	if (type == IKEFP_PAYLOAD_NONCE && !init->nonce && nonce_len >= IKEFP_NONCE_MIN &&
	    nonce_len <= IKEFP_NONCE_MAX) {
		init->nonce = payload + IKEFP_PAYLOAD_HEADER_LEN;
		init->nonce_len = nonce_len;
	}
	if (type == IKEFP_PAYLOAD_NOTIFY && first && len > IKEFP_NOTIFY_HEADER_LEN &&
	    len <= IKEFP_NOTIFY_HEADER_LEN + IKEFP_COOKIE_MAX && !payload[5] &&
	    load16(payload + 6) == IKEFP_COOKIE) {
		init->cookie = payload + IKEFP_NOTIFY_HEADER_LEN;
		init->cookie_len = len - IKEFP_NOTIFY_HEADER_LEN;
	}
}

/**
 * ikefp_wire_get_init() - the nonce and the cookie of an IKE_SA_INIT request
 * @octets: what follows the IKE header
 * @len: octets of it
 * @first_payload: type of the first payload
 * @init: where they go, pointing into @octets
 *
 * Walks the generic payload headers (RFC 7296 section 3.2) to the end; what else the
 * payloads hold is the helper's to judge. The nonce is the first one of a length that
 * section 3.9 allows. A cookie is the first payload, or it is none (section 2.6). Time
 * is linear in @len, at most one step for four octets.
 *
 * Return: whether there are payloads, none of them SK or SKF, and the last ends
 * exactly with the message. Otherwise @init says nothing.
 */
bool ikefp_wire_get_init(const u8 *octets, size_t len, u8 first_payload,
			 struct ikefp_init_payloads *init)
{
	u8 type = first_payload;
	bool first = true;

	memset(init, 0, sizeof(*init));
	if (type == IKEFP_PAYLOAD_NONE)
		return false;
	while (type != IKEFP_PAYLOAD_NONE) {
		u16 payload_len;

		if (type == IKEFP_PAYLOAD_SK || type == IKEFP_PAYLOAD_SKF)
			return false;
		if (len < IKEFP_PAYLOAD_HEADER_LEN)
			return false;
		payload_len = load16(octets + 2);
		if (payload_len < IKEFP_PAYLOAD_HEADER_LEN || payload_len > len)
			return false;
		look_at(octets, payload_len, type, first, init);
		first = false;
		type = octets[0];
		octets += payload_len;
		len -= payload_len;
	}
	return !len;
}

/**
 * ikefp_wire_check_payloads() - do the payloads of a cleartext message fit it
 * @octets: what follows the IKE header
 * @len: octets of it
 * @first_payload: type of the first payload
 *
 * Return: as ikefp_wire_get_init().
 */
bool ikefp_wire_check_payloads(const u8 *octets, size_t len, u8 first_payload)
{
	struct ikefp_init_payloads ignored;

	return ikefp_wire_get_init(octets, len, first_payload, &ignored);
}

/**
 * ikefp_wire_check_sk() - find the SK payload of a sealed message
 * @octets: the message from its IKE header on
 * @len: octets of it, as in its header, at least IKEFP_HEADER_LEN
 * @inner_first_payload: type of the first payload inside
 *
 * The SK payload must be the last (RFC 7296 section 3.14). Here it must be the first
 * too: no exchange has payloads in the clear before it.
 *
 * Return: 0, or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*).
 */
int ikefp_wire_check_sk(const u8 *octets, size_t len, u8 *inner_first_payload)
{
	const u8 *sk = octets + IKEFP_HEADER_LEN;
	u8 type = octets[16];

	if (type == IKEFP_PAYLOAD_SKF)
		return IKEFP_A_STATS_DROP_FRAGMENT;
	if (type != IKEFP_PAYLOAD_SK)
		return IKEFP_A_STATS_DROP_NOT_SEALED;
	if (len < IKEFP_HEADER_LEN + IKEFP_PAYLOAD_HEADER_LEN ||
	    load16(sk + 2) != len - IKEFP_HEADER_LEN)
		return IKEFP_A_STATS_DROP_MALFORMED;
	*inner_first_payload = sk[0];
	return 0;
}

/**
 * ikefp_wire_check_skf() - find the SKF payload of a fragment
 * @octets: the fragment from its IKE header on
 * @len: octets of it, as in its header, at least IKEFP_HEADER_LEN
 * @fragment: where its place in the message goes
 *
 * As with SK, the payload must be first and last (RFC 7383 section 2.5). Fragments
 * count from 1, and none is behind the last. What those after the first say of the
 * payloads inside is ignored.
 *
 * Return: 0, or the counter of the reason to drop it (IKEFP_A_STATS_DROP_*).
 */
int ikefp_wire_check_skf(const u8 *octets, size_t len, struct ikefp_fragment *fragment)
{
	const u8 *skf = octets + IKEFP_HEADER_LEN;

	if (octets[16] != IKEFP_PAYLOAD_SKF)
		return IKEFP_A_STATS_DROP_NOT_SEALED;
	if (len < IKEFP_SKF_HEADERS_LEN || load16(skf + 2) != len - IKEFP_HEADER_LEN)
		return IKEFP_A_STATS_DROP_MALFORMED;
	fragment->number = load16(skf + 4);
	fragment->total = load16(skf + 6);
	if (!fragment->number || fragment->number > fragment->total)
		return IKEFP_A_STATS_DROP_MALFORMED;
	fragment->inner_first_payload = fragment->number == 1 ? skf[0] : IKEFP_PAYLOAD_NONE;
	return 0;
}

/**
 * ikefp_wire_put_sk() - write the generic header of an SK payload
 * @octets: room for IKEFP_PAYLOAD_HEADER_LEN octets
 * @inner_first_payload: type of the first payload inside
 * @len: octets of the SK payload, this header included
 */
void ikefp_wire_put_sk(u8 *octets, u8 inner_first_payload, u16 len)
{
	octets[0] = inner_first_payload;
	octets[1] = 0;
	store16(octets + 2, len);
}

/**
 * ikefp_wire_put_skf() - write the header of an SKF payload
 * @octets: room for IKEFP_SKF_HEADERS_LEN - IKEFP_HEADER_LEN octets
 * @fragment: its place in the message
 * @len: octets of the SKF payload, this header included
 */
void ikefp_wire_put_skf(u8 *octets, const struct ikefp_fragment *fragment, u16 len)
{
	ikefp_wire_put_sk(octets, fragment->inner_first_payload, len);
	store16(octets + 4, fragment->number);
	store16(octets + 6, fragment->total);
}

/*
 * A message that is one unauthenticated notify (RFC 7296 section 3.10), as the answer
 * to a request: the header, and the payload but for its data.
 */
static void put_notify(u8 *octets, const struct ikefp_header *request, u16 type, u16 data_len)
{
	struct ikefp_header header = *request;
	u8 *notify = octets + IKEFP_HEADER_LEN;

	header.first_payload = IKEFP_PAYLOAD_NOTIFY;
	header.version = IKEFP_VERSION_2_0;
	header.flags = IKEFP_FLAG_RESPONSE;
	if (!ikefp_header_is_from_initiator(request))
		header.flags |= IKEFP_FLAG_INITIATOR;
	header.length = IKEFP_NOTIFY_MESSAGE_LEN + data_len;
	ikefp_wire_put_header(octets, &header);

	notify[0] = IKEFP_PAYLOAD_NONE;
	notify[1] = 0;
	store16(notify + 2, IKEFP_NOTIFY_HEADER_LEN + data_len);
	notify[4] = 0; /* protocol ID: none */
	notify[5] = 0; /* SPI size */
	store16(notify + 6, type);
}

/**
 * ikefp_wire_put_invalid_major_version() - write the answer to another major version
 * @octets: room for IKEFP_INVALID_MAJOR_VERSION_LEN octets
 * @request: the header of the message to answer
 *
 * With our version in the header (RFC 7296 sections 1.5 and 2.5).
 */
void ikefp_wire_put_invalid_major_version(u8 *octets, const struct ikefp_header *request)
{
	put_notify(octets, request, IKEFP_INVALID_MAJOR_VERSION, 0);
}

/**
 * ikefp_wire_put_cookie() - write the answer that asks for a cookie
 * @octets: room for IKEFP_NOTIFY_MESSAGE_LEN + @cookie_len octets
 * @request: the header of the IKE_SA_INIT request to answer
 * @cookie: the cookie
 * @cookie_len: octets of it, 1 to IKEFP_COOKIE_MAX
 *
 * The responder's SPI in it is 0, as in the request (RFC 7296 section 2.6).
 */
void ikefp_wire_put_cookie(u8 *octets, const struct ikefp_header *request, const u8 *cookie,
			   u16 cookie_len)
{
	put_notify(octets, request, IKEFP_COOKIE, cookie_len);
	memcpy(octets + IKEFP_NOTIFY_MESSAGE_LEN, cookie, cookie_len);
}
