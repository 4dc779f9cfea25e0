/* SPDX-License-Identifier: GPL-2.0 */
/* PRF_HMAC_SHA2_* and prf+: RFC 4868, RFC 7296 section 2.13. */
#ifndef IKEFPD_PRF_H
#define IKEFPD_PRF_H

#include <stddef.h>
#include <stdint.h>

#define PRF_MAX		64	/* octets of the longest PRF's output */

struct prf_input {
	const void *data;
	size_t len;
};

/* Octets of output, which is also the preferred key length; 0: not known. */
size_t prf_len(uint16_t prf);

/*
 * out (prf_len octets) = prf(key, the inputs one after another).
 * Returns 0, -EINVAL for an unknown PRF, -EIO if libcrypto failed.
 */
int prf(uint16_t prf, const uint8_t *key, size_t key_len,
	const struct prf_input *in, unsigned int n, uint8_t *out);

/* out_len octets of prf+(key, seed); at most 255 times prf_len. */
int prf_plus(uint16_t prf, const uint8_t *key, size_t key_len,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len);

#endif
