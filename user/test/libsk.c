// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "ikev2.h"
#include "libsk.h"
#include "prf.h"

#define SK_HEADER	4
#define AEAD_IV		8
#define AEAD_TAG	16
#define SALT		4
#define CBC_BLOCK	16

static bool aead(const struct sk_key *key)
{
	return key->encr != ENCR_AES_CBC;
}

static size_t icv_len(const struct sk_key *key)
{
	return aead(key) ? AEAD_TAG : key->a_len / 2;
}

static const EVP_CIPHER *cipher(const struct sk_key *key)
{
	switch (key->encr) {
	case ENCR_AES_GCM_16:
		return key->e_len == 16 + SALT ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
	case ENCR_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	default:
		return key->e_len == 16 ? EVP_aes_128_cbc() : EVP_aes_256_cbc();
	}
}

/* text is changed in place; tag is written, or on opening checked. */
static int crypt_aead(const struct sk_key *key, const uint8_t *iv, const uint8_t *aad,
		      size_t aad_len, uint8_t *text, size_t len, uint8_t *tag, bool seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[SALT + AEAD_IV];
	int n, ok;

	memcpy(nonce, key->e + key->e_len - SALT, SALT);
	memcpy(nonce + SALT, iv, AEAD_IV);
	ok = ctx && EVP_CipherInit_ex(ctx, cipher(key), NULL, key->e, nonce, seal) > 0;
	if (ok && !seal)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, tag) > 0;
	ok = ok && EVP_CipherUpdate(ctx, NULL, &n, aad, aad_len) > 0 &&
	     EVP_CipherUpdate(ctx, text, &n, text, len) > 0 &&
	     EVP_CipherFinal_ex(ctx, text + len, &n) > 0;
	if (ok && seal)
		ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, tag) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

static int crypt_cbc(const struct sk_key *key, const uint8_t *iv, uint8_t *text,
		     size_t len, bool seal)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n, ok;

	ok = ctx && EVP_CipherInit_ex(ctx, cipher(key), NULL, key->e, iv, seal) > 0 &&
	     EVP_CIPHER_CTX_set_padding(ctx, 0) > 0 &&
	     EVP_CipherUpdate(ctx, text, &n, text, len) > 0;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

static int mac(const struct sk_key *key, const uint8_t *data, size_t len, uint8_t *icv)
{
	const struct prf_input in = { data, len };
	uint16_t id = key->integ - AUTH_HMAC_SHA2_256_128 + PRF_HMAC_SHA2_256;
	uint8_t full[PRF_MAX];
	int err = prf(id, key->a, key->a_len, &in, 1, full);

	memcpy(icv, full, icv_len(key));
	return err;
}

int sk_seal(struct buf *out, const struct sk_key *key, const struct ike_header *h,
	    const uint8_t *iv, uint8_t first, const uint8_t *inner, size_t len)
{
	size_t iv_len = aead(key) ? AEAD_IV : CBC_BLOCK;
	size_t pad = aead(key) ? 0 : CBC_BLOCK - 1 - len % CBC_BLOCK;
	size_t text_len = len + pad + 1;
	size_t head = IKE_HEADER_LEN + SK_HEADER, start = out->len;
	struct ike_header full = *h;
	uint8_t icv[PRF_MAX] = { 0 }, *m;
	int err;

	full.next_payload = PAYLOAD_SK;
	full.length = head + iv_len + text_len + icv_len(key);
	buf_zero(out, IKE_HEADER_LEN);
	buf_put8(out, first);
	buf_put8(out, 0);
	buf_put16(out, full.length - IKE_HEADER_LEN);
	if (iv)
		buf_put(out, iv, iv_len);
	else
		buf_zero(out, iv_len);
	buf_put(out, inner, len);
	buf_zero(out, pad);
	buf_put8(out, pad);
	buf_zero(out, icv_len(key));
	if (out->failed)
		return -ENOMEM;
	m = out->data + start;
	ike_header_write(m, &full);
	if (!iv && RAND_bytes(m + head, iv_len) != 1)
		return -EIO;
	if (aead(key)) {
		err = crypt_aead(key, m + head, m, head, m + head + iv_len, text_len, icv,
				 true);
	} else {
		err = crypt_cbc(key, m + head, m + head + iv_len, text_len, true);
		if (!err)
			err = mac(key, m, full.length - icv_len(key), icv);
	}
	memcpy(m + full.length - icv_len(key), icv, icv_len(key));
	return err;
}

int sk_open(struct buf *inner, uint8_t *first, const struct sk_key *key,
	    const uint8_t *message, size_t len)
{
	size_t iv_len = aead(key) ? AEAD_IV : CBC_BLOCK, text_len, pad;
	size_t head = IKE_HEADER_LEN + SK_HEADER;
	uint8_t icv[PRF_MAX] = { 0 }, *text;
	struct buf copy = BUF_INIT;
	struct ike_header h;
	int err = -EBADMSG;

	if (ike_header_read(&h, message, len) || h.next_payload != PAYLOAD_SK ||
	    len < head + iv_len + 1 + icv_len(key) ||
	    get16(message + IKE_HEADER_LEN + 2) != len - IKE_HEADER_LEN)
		return -EBADMSG;
	text_len = len - head - iv_len - icv_len(key);
	if (!aead(key) && text_len % CBC_BLOCK)
		return -EBADMSG;
	if (buf_set(&copy, message, len))
		return -ENOMEM;
	text = copy.data + head + iv_len;
	memcpy(icv, message + len - icv_len(key), icv_len(key));
	if (aead(key)) {
		err = crypt_aead(key, message + head, message, head, text, text_len, icv,
				 false);
	} else if (!mac(key, message, len - icv_len(key), icv) &&
		   !CRYPTO_memcmp(icv, message + len - icv_len(key), icv_len(key))) {
		err = crypt_cbc(key, message + head, text, text_len, false);
	}
	if (!err) {
		pad = text[text_len - 1];
		if (pad + 1 > text_len)
			err = -EBADMSG;
		else
			err = buf_set(inner, text, text_len - 1 - pad);
		*first = message[IKE_HEADER_LEN];
	}
	buf_clear(&copy);
	return err;
}
