/* SPDX-License-Identifier: GPL-2.0 */
/* The AUTH payload with a shared key: RFC 7296 section 2.15. */
#ifndef IKEFPD_AUTH_H
#define IKEFPD_AUTH_H

#include <stddef.h>
#include <stdint.h>

#include "prf.h"

/*
 * AUTH = prf(prf(secret, "Key Pad for IKEv2"), message | nonce | prf(sk_p, id)):
 * message is the signer's own IKE_SA_INIT message, whole; nonce is the other
 * end's; id_body is the signer's ID payload without its generic header. out takes
 * prf_len(prf) octets. Returns 0, -EINVAL or -EIO.
 */
int auth_psk(uint16_t prf, const uint8_t *secret, size_t secret_len,
	     const uint8_t *message, size_t message_len,
	     const uint8_t *nonce, size_t nonce_len,
	     const uint8_t *sk_p, const uint8_t *id_body, size_t id_len,
	     uint8_t out[PRF_MAX]);

#endif
