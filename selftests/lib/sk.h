/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sealing and opening on OpenSSL, knowing nothing of the module: the SK payload of RFC
 * 7296 section 3.14 and the SKF payload of RFC 7383, with the AEADs of RFC 5282 and RFC
 * 7634.
 */
#ifndef IKEFP_TEST_SK_H
#define IKEFP_TEST_SK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ike.h"
#include "ikefp_nl.h"

#define SK_HEADER_LEN 4
#define SKF_HEADER_LEN 8

struct sk_algorithm {
	const char *name;
	uint16_t encr;		/* IANA transform type 1 */
	uint16_t integ;		/* IANA transform type 3 */
	size_t key_len;		/* octets, the salt not counted */
	size_t salt_len;
	size_t integ_key_len;
	size_t iv_len;
	size_t block_len;
	size_t icv_len;
	const char *cipher;	/* OpenSSL's names */
	const char *digest;
};

#define SK_ALGORITHMS 10

extern const struct sk_algorithm sk_algorithms[SK_ALGORITHMS];

struct sk_keys {
	const struct sk_algorithm *algorithm;
	uint8_t ei[64], er[64], ai[64], ar[64];
};

/* Random ones. */
void sk_keys_make(struct sk_keys *keys, const struct sk_algorithm *algorithm);

/* The same for the module. Points into @keys. */
struct ikefp_keys sk_keys_for_module(const struct sk_keys *keys);

/* A fragment's place in its message. */
struct sk_fragment {
	uint16_t number;	/* from 1; 0: not a fragment */
	uint16_t total;
};

/* How to seal, where it is not as usual. */
struct sk_options {
	const uint8_t *iv;	/* NULL: random */
	int extra_padding;	/* octets of padding beyond the least, a multiple of the block */
	int pad_length;		/* what the pad length octet says, if not 0 */
	struct sk_fragment fragment;
};

/*
 * Seals @len octets of inner payloads. @header says all but the length and the first
 * payload, which becomes SK, or SKF; its I flag says whose keys. @options may be NULL. Returns
 * the octets of the message.
 */
size_t sk_seal(const struct sk_keys *keys, const struct ike_header *header,
	       const struct sk_options *options, uint8_t first_payload, const void *inner,
	       size_t len, uint8_t *message);

/*
 * Opens a message and checks its every octet against the RFC: header, SK header,
 * padding of less than a block. Returns the octets of the inner payloads, which are put
 * to @inner, or -1 with @why a sentence.
 */
ssize_t sk_open(const struct sk_keys *keys, const uint8_t *message, size_t len,
		uint8_t *first_payload, uint8_t *inner, const char **why);

/* The same of a fragment, whose place goes to @fragment. */
ssize_t sk_open_fragment(const struct sk_keys *keys, const uint8_t *message, size_t len,
			 struct sk_fragment *fragment, uint8_t *first_payload,
			 uint8_t *inner, const char **why);

#endif
