/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key exchange methods: MODP groups 14-16 (RFC 3526), ECP groups 19-21 (RFC 5903),
 * Curve25519 (RFC 8031), and ML-KEM (FIPS 203, draft-ietf-ipsecme-ikev2-mlkem) where libcrypto
 * has it.
 *
 * Of ML-KEM the initiator alone has a key pair. What the responder sends is made of the
 * initiator's value, together with the shared secret. A responder's key pair of another method
 * may be made as late.
 */
#ifndef IKEFPD_DH_H
#define IKEFPD_DH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_PUBLIC_MAX	1568	/* ML-KEM-1024, of both ends */

struct dh;

/* Octets of the initiator's Key Exchange Data of a group; 0: not supported. */
size_t dh_public_len(uint16_t group);

/* Is it a KEM, not a Diffie-Hellman group? */
bool dh_is_kem(uint16_t group);

/* Is it a matter of some hundred microseconds, and not of milliseconds? */
bool dh_is_brief(uint16_t group);

/* A fresh key pair; NULL if the group is not supported or libcrypto failed. */
struct dh *dh_new(uint16_t group);
/* The responder's, who sends nothing before there is the shared secret: that makes its value. */
struct dh *dh_new_responder(uint16_t group);
/* dh_new() with a given private key, as dh_private() gives it. */
struct dh *dh_new_private(uint16_t group, const uint8_t *key, size_t len);
/* Another reference to the same one, for one dh_free() more. The loop alone counts them. */
struct dh *dh_get(struct dh *dh);
/* With the last reference: wipes the private key. NULL is fine. */
void dh_free(struct dh *dh);

uint16_t dh_group(const struct dh *dh);

/* The private key, big endian (little for Curve25519), *len octets. Not of a KEM. 0 or -EIO. */
int dh_private(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX], size_t *len);

/* Octets of our Key Exchange Data. */
size_t dh_value_len(const struct dh *dh);
/* Our Key Exchange Data; that of dh_new_responder() after dh_shared() alone. 0 or -EIO. */
int dh_public(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX]);

/*
 * The shared secret g^ir: x alone for ECP, leading zeros kept, *len octets.
 * Returns 0, -EBADMSG if the peer's value is of a wrong length, not on the
 * curve, out of range, or gives the all-zero secret of Curve25519, or -EIO.
 */
int dh_shared(struct dh *dh, const uint8_t *peer, size_t peer_len,
	      uint8_t out[DH_PUBLIC_MAX], size_t *len);

#endif
