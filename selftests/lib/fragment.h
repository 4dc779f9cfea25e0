/* SPDX-License-Identifier: GPL-2.0 */
/* Messages in fragments (RFC 7383): the peer's, cut as a test wants it, and the kernel's. */
#ifndef IKEFP_TEST_FRAGMENT_H
#define IKEFP_TEST_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client.h"
#include "peer.h"

#define MAX_FRAGMENTS 256
#define FRAGMENT_INNER_SIZE 66000

/* The payloads of all messages, from the beginning on; different at every place. */
extern uint8_t inner[FRAGMENT_INNER_SIZE];

/* What the tests are run with: families, ports, algorithms, roles. */
struct fragment_variant {
	const char *kernel, *peer, *stranger;
	int algorithm;
	bool kernel_initiates;
	enum ikefp_listener_kind kind;
	uint32_t size; /* octets of an IP datagram, as the family is sure of */
};

#define FRAGMENT_VARIANTS 4

extern const struct fragment_variant fragment_variants[FRAGMENT_VARIANTS];

/*
 * An established SA with the variant's fragment size, in a namespace of its own; nothing
 * is retransmitted nor forgotten by itself.
 */
struct fragment_ends {
	struct client *client;
	struct peer *peer;
	struct peer *stranger; /* on another host */
	size_t around; /* octets of an IP datagram that are not the IKE message's */
};

struct fragment_ends fragment_begin(const struct fragment_variant *variant);

/* An SA more. */
void fragment_init(struct peer *peer, struct client *client, uint64_t spi,
		   const struct fragment_variant *variant);

/* Sets the SA's fragment size: what sa-set returns. */
int fragment_set_size(struct client *client, const struct peer *peer, uint32_t size);

/* A message of the peer's, cut into parts as equal as can be. */
struct cut {
	struct ike_header header;
	size_t len; /* of its payloads */
	uint16_t total;
};

/* The peer's next request, CREATE_CHILD_SA. */
struct cut cut_request(struct peer *peer, size_t len, uint16_t total);

/* One of its fragments; by a stranger or with keys of somebody's own, a forged one. */
void send_fragment(struct peer *peer, const struct cut *cut, uint16_t number);
void send_forged(struct peer *from, const struct peer *as, const struct cut *cut,
		 uint16_t number);

/* The worker answers the request that it was handed, the peer's next. */
void fragment_answer(struct client *client, struct peer *peer, size_t len);

/* A message of the kernel's, all of its datagrams. */
struct got {
	uint16_t total; /* fragments; 0: whole, in one datagram that is none */
	size_t each; /* octets of an IP datagram: of all but the last */
	struct ike_header header;
	size_t octets_len;
	uint8_t octets[FRAGMENT_INNER_SIZE * 2];
};

/*
 * Takes a message, whose payloads must be @len octets; no datagram may be longer than
 * @size, and every fragment but the last must be as long as the algorithm's blocks can
 * make it within that. Returns "" or what is wrong.
 */
const char *fragment_take(struct peer *peer, size_t around, size_t size, size_t len,
			  struct got *got);

/* Takes the very same octets once more. Whether they are that. */
bool fragment_take_again(struct peer *peer, const struct got *first);

/* The longest payloads that fit one IP datagram of this size, whole. */
size_t fragment_longest_whole(const struct peer *peer, size_t around, size_t size);

/* Needs kselftest_harness.h: what the worker is handed is this message, and no more. */
#define EXPECT_WHOLE(client, cut) \
	do { \
		const struct ikefp_message_in *__in = client_wait_message(client); \
		EXPECT_EQ((cut).header.message_id, __in->message_id); \
		EXPECT_EQ((cut).header.exchange_type, __in->exchange_type); \
		EXPECT_EQ(PAYLOAD_IDI, __in->first_payload); \
		ASSERT_EQ((cut).len, __in->payload.len); \
		EXPECT_EQ(0, memcmp(inner, __in->payload.data, (cut).len)); \
		EXPECT_NULL(client_wait(client, 0)); \
	} while (0)

#endif
