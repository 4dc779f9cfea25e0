/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Seals and opens messages with an SK payload by libcrypto: RFC 7296 section
 * 3.14, RFC 5282, RFC 7634. In the product the kernel does this; the tests have
 * one of their own, which the RFCs' vectors vouch for.
 */
#ifndef IKEFP_TEST_LIBSK_H
#define IKEFP_TEST_LIBSK_H

#include "buf.h"
#include "payload.h"

struct sk_key {
	uint16_t encr;		/* enum ike_encr */
	uint16_t integ;		/* enum ike_integ, AUTH_NONE for an AEAD */
	const uint8_t *e;	/* with the salt of an AEAD */
	size_t e_len;
	const uint8_t *a;
	size_t a_len;
};

/*
 * Appends the whole message to out: h with its next_payload and length set, the
 * generic header, IV, ciphertext, ICV. iv NULL: a random one. 0 or -EIO.
 */
int sk_seal(struct buf *out, const struct sk_key *key, const struct ike_header *h,
	    const uint8_t *iv, uint8_t first, const uint8_t *inner, size_t len);

/* The reverse. Returns 0 or -EBADMSG; inner is overwritten. */
int sk_open(struct buf *inner, uint8_t *first, const struct sk_key *key,
	    const uint8_t *message, size_t len);

#endif
