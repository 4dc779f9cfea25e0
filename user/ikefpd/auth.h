/* SPDX-License-Identifier: GPL-2.0 */
/* The AUTH payload with a shared key: RFC 7296 section 2.15. */
#ifndef IKEFPD_AUTH_H
#define IKEFPD_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "prf.h"

/*
 * Appends the octets that AUTH is over: message | nonce | prf(sk_p, id). message is
 * the signer's own IKE_SA_INIT message, whole; nonce is the other end's; id_body is
 * the signer's ID payload without its generic header. Returns 0, -ENOMEM, -EINVAL or
 * -EIO.
 */
int auth_octets(struct buf *out, uint16_t prf, const struct buf *message,
		const struct buf *nonce, const uint8_t *sk_p,
		const uint8_t *id_body, size_t id_len);

/*
 * AUTH = prf(prf(secret, "Key Pad for IKEv2"), octets). out takes prf_len(prf)
 * octets. Returns 0, -EINVAL or -EIO.
 */
int auth_psk(uint16_t prf, const uint8_t *secret, size_t secret_len,
	     const uint8_t *octets, size_t len, uint8_t out[PRF_MAX]);

#endif
