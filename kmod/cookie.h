/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stateless cookies (RFC 7296 section 2.6). Pure: secrets and a request to a cookie.
 * The octets are
 *
 *	version of the secret | SipHash-2-4(secret, Ni | IPi | SPIi)
 *
 * Nobody can guess the latter's 8 octets within the life of a secret, and it is soon made:
 * in a flood every request costs one.
 */
#ifndef IKEFP_COOKIE_H
#define IKEFP_COOKIE_H

#include <linux/siphash.h>

#include "wire.h"

#define IKEFP_COOKIE_SECRET_LEN 16
#define IKEFP_COOKIE_LEN 9
#define IKEFP_COOKIE_ADDRESS_LEN 16

/* The one that cookies are made of, and the one before it. */
struct ikefp_cookie_secrets {
	u8 version; /* of the former; its lowest bit says which it is */
	u64 since_ns; /* when it came to be the former */
	siphash_key_t secret[2];
};

/* Whose cookie it is. */
struct ikefp_cookie_owner {
	u64 spi_i;
	const u8 *address; /* IKEFP_COOKIE_ADDRESS_LEN octets */
	const u8 *nonce;
	u16 nonce_len; /* at most IKEFP_NONCE_MAX */
};

unsigned int ikefp_cookie_secrets_due(const struct ikefp_cookie_secrets *secrets, u64 now_ns,
				      u64 life_ns);
void ikefp_cookie_new_secret(struct ikefp_cookie_secrets *secrets, u64 now_ns,
			     const u8 secret[IKEFP_COOKIE_SECRET_LEN]);
void ikefp_cookie_make(const struct ikefp_cookie_secrets *secrets,
		       const struct ikefp_cookie_owner *owner, u8 cookie[IKEFP_COOKIE_LEN]);
bool ikefp_cookie_is_good(const struct ikefp_cookie_secrets *secrets,
			  const struct ikefp_cookie_owner *owner, const u8 *cookie, u16 len);

#endif
