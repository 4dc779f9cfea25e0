/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Key exchange methods: MODP groups 14-16 (RFC 3526), ECP groups 19-21
 * (RFC 5903) and Curve25519 (RFC 8031).
 */
#ifndef IKEFPD_DH_H
#define IKEFPD_DH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DH_PUBLIC_MAX	512	/* MODP-4096 */

struct dh;

/* Octets of the Key Exchange Data of a group; 0: not supported. */
size_t dh_public_len(uint16_t group);

/* Is it a matter of some hundred microseconds, and not of milliseconds? */
bool dh_is_brief(uint16_t group);

/* A fresh key pair; NULL if the group is not supported or libcrypto failed. */
struct dh *dh_new(uint16_t group);
/* The same with a given private key, as dh_private() gives it. */
struct dh *dh_new_private(uint16_t group, const uint8_t *key, size_t len);
/* Wipes the private key. */
void dh_free(struct dh *dh);

uint16_t dh_group(const struct dh *dh);

/* The private key, big endian (little for Curve25519), *len octets. 0 or -EIO. */
int dh_private(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX], size_t *len);

/* Our Key Exchange Data, dh_public_len() octets. 0 or -EIO. */
int dh_public(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX]);

/*
 * The shared secret g^ir: x alone for ECP, leading zeros kept, *len octets.
 * Returns 0, -EBADMSG if the peer's value is of a wrong length, not on the
 * curve, out of range, or gives the all-zero secret of Curve25519.
 */
int dh_shared(const struct dh *dh, const uint8_t *peer, size_t peer_len,
	      uint8_t out[DH_PUBLIC_MAX], size_t *len);

#endif
