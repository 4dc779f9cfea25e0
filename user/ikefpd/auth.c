// SPDX-License-Identifier: GPL-2.0
/* The AUTH payload with a shared key. */
#include <openssl/crypto.h>

#include "auth.h"

int auth_psk(uint16_t prf_id, const uint8_t *secret, size_t secret_len,
	     const uint8_t *message, size_t message_len,
	     const uint8_t *nonce, size_t nonce_len,
	     const uint8_t *sk_p, const uint8_t *id_body, size_t id_len,
	     uint8_t out[PRF_MAX])
{
	static const char pad[] = "Key Pad for IKEv2";
	const struct prf_input pad_in = { pad, sizeof(pad) - 1 };
	const struct prf_input id_in = { id_body, id_len };
	size_t len = prf_len(prf_id);
	uint8_t maced_id[PRF_MAX], key[PRF_MAX];
	int err;

	err = prf(prf_id, sk_p, len, &id_in, 1, maced_id);
	if (!err)
		err = prf(prf_id, secret, secret_len, &pad_in, 1, key);
	if (!err) {
		const struct prf_input signed_octets[] = {
			{ message, message_len },
			{ nonce, nonce_len },
			{ maced_id, len },
		};

		err = prf(prf_id, key, len, signed_octets, 3, out);
	}
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(maced_id, sizeof(maced_id));
	return err;
}
