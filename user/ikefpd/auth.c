// SPDX-License-Identifier: GPL-2.0
/* The AUTH payload with a shared key. */
#include <errno.h>

#include <openssl/crypto.h>

#include "auth.h"

int auth_octets(struct buf *out, uint16_t prf_id, const struct buf *message,
		const struct buf *nonce, const uint8_t *sk_p,
		const uint8_t *id_body, size_t id_len)
{
	const struct prf_input id = { id_body, id_len };
	size_t len = prf_len(prf_id);
	uint8_t maced_id[PRF_MAX];
	int err;

	err = prf(prf_id, sk_p, len, &id, 1, maced_id);
	if (err)
		return err;
	buf_put(out, message->data, message->len);
	buf_put(out, nonce->data, nonce->len);
	buf_put(out, maced_id, len);
	OPENSSL_cleanse(maced_id, sizeof(maced_id));
	return out->failed ? -ENOMEM : 0;
}

int auth_psk(uint16_t prf_id, const uint8_t *secret, size_t secret_len,
	     const uint8_t *octets, size_t len, uint8_t out[PRF_MAX])
{
	static const char pad[] = "Key Pad for IKEv2";
	const struct prf_input pad_in = { pad, sizeof(pad) - 1 };
	const struct prf_input in = { octets, len };
	uint8_t key[PRF_MAX];
	int err;

	err = prf(prf_id, secret, secret_len, &pad_in, 1, key);
	if (!err)
		err = prf(prf_id, key, prf_len(prf_id), &in, 1, out);
	OPENSSL_cleanse(key, sizeof(key));
	return err;
}
