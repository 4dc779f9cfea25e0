/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the module reads and writes of an IKE message's octets: the header, the chain
 * of generic payload headers of an IKE_SA_INIT message, the headers of the SK and SKF payloads.
 * Pure: octets to values and back. Compiles in userspace as well, where it is fuzzed.
 */
#ifndef IKEFP_WIRE_H
#define IKEFP_WIRE_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/string.h>
#include <uapi/linux/ikefp.h>
#else
#include <linux/ikefp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
#endif

#define IKEFP_HEADER_LEN 28 /* RFC 7296 section 3.1 */
#define IKEFP_PAYLOAD_HEADER_LEN 4 /* RFC 7296 section 3.2 */
#define IKEFP_SK_HEADERS_LEN (IKEFP_HEADER_LEN + 4) /* to the SK payload's IV */
#define IKEFP_SKF_HEADERS_LEN (IKEFP_HEADER_LEN + 8) /* RFC 7383 section 2.5 */
#define IKEFP_MARKER_LEN 4 /* the non-ESP marker, RFC 3948 section 2.2 */
#define IKEFP_NOTIFY_HEADER_LEN 8 /* of a notify without SPI, RFC 7296 section 3.10 */
#define IKEFP_NOTIFY_MESSAGE_LEN (IKEFP_HEADER_LEN + IKEFP_NOTIFY_HEADER_LEN)
#define IKEFP_INVALID_MAJOR_VERSION_LEN IKEFP_NOTIFY_MESSAGE_LEN
#define IKEFP_NONCE_MIN 16 /* RFC 7296 section 3.9 */
#define IKEFP_NONCE_MAX 256
#define IKEFP_COOKIE_MAX 64 /* RFC 7296 section 2.6 */

/* Of one message, sent or received. */
#define IKEFP_MAX_FRAGMENTS 256

#define IKEFP_VERSION_2_0 0x20

#define IKEFP_FLAG_INITIATOR 0x08
#define IKEFP_FLAG_RESPONSE 0x20

enum ikefp_exchange_type {
	IKEFP_IKE_SA_INIT = 34,
	IKEFP_IKE_AUTH = 35,
	IKEFP_CREATE_CHILD_SA = 36,
	IKEFP_INFORMATIONAL = 37,
	IKEFP_IKE_INTERMEDIATE = 43, /* RFC 9242 */
	IKEFP_IKE_FOLLOWUP_KE = 44, /* RFC 9370 */
};

enum ikefp_payload_type {
	IKEFP_PAYLOAD_NONE = 0,
	IKEFP_PAYLOAD_NONCE = 40,
	IKEFP_PAYLOAD_NOTIFY = 41,
	IKEFP_PAYLOAD_SK = 46,
	IKEFP_PAYLOAD_SKF = 53, /* RFC 7383 */
};

/* The IKE header, all numbers in host order. */
struct ikefp_header {
	u64 spi_i;
	u64 spi_r;
	u8 first_payload;
	u8 version;
	u8 exchange_type;
	u8 flags;
	u32 message_id;
	u32 length;
};

enum ikefp_notify_type {
	IKEFP_INVALID_MAJOR_VERSION = 5,
	IKEFP_COOKIE = 16390,
};

/* What the module looks for in an IKE_SA_INIT request; NULL where it is not there. */
struct ikefp_init_payloads {
	const u8 *nonce;
	const u8 *cookie;
	u16 nonce_len;
	u16 cookie_len;
};

/* A fragment's place in its message (RFC 7383 section 2.5). */
struct ikefp_fragment {
	u8 inner_first_payload; /* in fragment 1; else 0 */
	u16 number; /* from 1 */
	u16 total;
};

void ikefp_wire_get_header(const u8 *octets, struct ikefp_header *header);
void ikefp_wire_put_header(u8 *octets, const struct ikefp_header *header);
int ikefp_wire_check_header(const struct ikefp_header *header, size_t len);
bool ikefp_wire_check_payloads(const u8 *octets, size_t len, u8 first_payload);
bool ikefp_wire_get_init(const u8 *octets, size_t len, u8 first_payload,
			 struct ikefp_init_payloads *init);
int ikefp_wire_check_sk(const u8 *octets, size_t len, u8 *inner_first_payload);
int ikefp_wire_check_skf(const u8 *octets, size_t len, struct ikefp_fragment *fragment);
void ikefp_wire_put_sk(u8 *octets, u8 inner_first_payload, u16 len);
void ikefp_wire_put_skf(u8 *octets, const struct ikefp_fragment *fragment, u16 len);
void ikefp_wire_put_invalid_major_version(u8 *octets, const struct ikefp_header *request);
void ikefp_wire_put_cookie(u8 *octets, const struct ikefp_header *request, const u8 *cookie,
			   u16 cookie_len);

static inline bool ikefp_header_is_response(const struct ikefp_header *header)
{
	return header->flags & IKEFP_FLAG_RESPONSE;
}

static inline bool ikefp_header_is_from_initiator(const struct ikefp_header *header)
{
	return header->flags & IKEFP_FLAG_INITIATOR;
}

#endif
