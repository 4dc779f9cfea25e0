// SPDX-License-Identifier: GPL-2.0

#include "sk.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "die.h"

#define AEAD(NAME, ENCR, KEY, CIPHER) { \
	.name = NAME, .encr = ENCR, .key_len = KEY, .salt_len = 4, .iv_len = 8, \
	.block_len = 1, .icv_len = 16, .cipher = CIPHER, \
}

#define CBC(NAME, INTEG, KEY, CIPHER, INTEG_KEY, DIGEST) { \
	.name = NAME, .encr = 12, .integ = INTEG, .key_len = KEY, .integ_key_len = INTEG_KEY, \
	.iv_len = 16, .block_len = 16, .icv_len = INTEG_KEY / 2, .cipher = CIPHER, \
	.digest = DIGEST, \
}

const struct sk_algorithm sk_algorithms[SK_ALGORITHMS] = {
	AEAD("aes128gcm16", 20, 16, "AES-128-GCM"),
	AEAD("aes256gcm16", 20, 32, "AES-256-GCM"),
	AEAD("chacha20poly1305", 28, 32, "ChaCha20-Poly1305"),
	CBC("aes128-sha256", 12, 16, "AES-128-CBC", 32, "SHA2-256"),
	CBC("aes256-sha256", 12, 32, "AES-256-CBC", 32, "SHA2-256"),
	CBC("aes128-sha384", 13, 16, "AES-128-CBC", 48, "SHA2-384"),
	CBC("aes192-sha384", 13, 24, "AES-192-CBC", 48, "SHA2-384"),
	CBC("aes128-sha512", 14, 16, "AES-128-CBC", 64, "SHA2-512"),
	CBC("aes256-sha512", 14, 32, "AES-256-CBC", 64, "SHA2-512"),
	AEAD("aes192gcm16", 20, 24, "AES-192-GCM"),
};

void sk_keys_make(struct sk_keys *keys, const struct sk_algorithm *algorithm)
{
	keys->algorithm = algorithm;
	if (RAND_bytes(keys->ei, sizeof(keys->ei)) != 1 ||
	    RAND_bytes(keys->er, sizeof(keys->er)) != 1 ||
	    RAND_bytes(keys->ai, sizeof(keys->ai)) != 1 ||
	    RAND_bytes(keys->ar, sizeof(keys->ar)) != 1)
		die("no random octets");
}

struct ikefp_keys sk_keys_for_module(const struct sk_keys *keys)
{
	const struct sk_algorithm *algorithm = keys->algorithm;
	size_t encr_len = algorithm->key_len + algorithm->salt_len;
	struct ikefp_keys out = {
		.encr = algorithm->encr,
		.integ = algorithm->integ,
		.sk_ei = { keys->ei, encr_len },
		.sk_er = { keys->er, encr_len },
	};

	if (algorithm->integ) {
		out.sk_ai = (struct ikefp_octets){ keys->ai, algorithm->integ_key_len };
		out.sk_ar = (struct ikefp_octets){ keys->ar, algorithm->integ_key_len };
	}
	return out;
}

static bool from_initiator(const uint8_t *message)
{
	return message[19] & FLAG_INITIATOR;
}

static void icv_of(const struct sk_keys *keys, const uint8_t *message, size_t len, uint8_t *icv)
{
	const struct sk_algorithm *algorithm = keys->algorithm;
	const uint8_t *key = from_initiator(message) ? keys->ai : keys->ar;
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (!EVP_Q_mac(NULL, "HMAC", NULL, algorithm->digest, NULL, key,
		       algorithm->integ_key_len, message, len, digest, sizeof(digest), NULL))
		die("HMAC failed");
	memcpy(icv, digest, algorithm->icv_len);
}

/* What the cipher needs to begin; the AEADs' nonce is salt | IV. */
static EVP_CIPHER_CTX *begin(const struct sk_keys *keys, const uint8_t *message,
			     size_t headers_len, bool seal)
{
	const struct sk_algorithm *algorithm = keys->algorithm;
	const uint8_t *key = from_initiator(message) ? keys->ei : keys->er;
	const uint8_t *wire_iv = message + headers_len;
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, algorithm->cipher, NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t iv[16];
	int len;

	memcpy(iv, key + algorithm->key_len, algorithm->salt_len);
	memcpy(iv + algorithm->salt_len, wire_iv, algorithm->iv_len);
	if (!cipher || !ctx || !EVP_CipherInit_ex2(ctx, cipher, key, iv, seal, NULL) ||
	    !EVP_CIPHER_CTX_set_padding(ctx, 0))
		die("OpenSSL has no %s", algorithm->cipher);
	if (!algorithm->integ &&
	    !EVP_CipherUpdate(ctx, NULL, &len, message, headers_len))
		die("associated data refused");
	EVP_CIPHER_free(cipher);
	return ctx;
}

size_t sk_seal(const struct sk_keys *keys, const struct ike_header *header,
	       const struct sk_options *options, uint8_t first_payload, const void *inner,
	       size_t len, uint8_t *message)
{
	static const struct sk_options usual;
	const struct sk_options *how = options ?: &usual;
	const struct sk_algorithm *algorithm = keys->algorithm;
	struct ike_header whole = *header;
	size_t block = algorithm->block_len;
	size_t padding = (block - (len + 1) % block) % block + how->extra_padding;
	size_t text_len = len + padding + 1;
	size_t headers_len = HEADER_LEN +
			     (how->fragment.number ? SKF_HEADER_LEN : SK_HEADER_LEN);
	uint8_t *iv = message + headers_len;
	uint8_t *text = iv + algorithm->iv_len;
	EVP_CIPHER_CTX *ctx;
	int out_len, end_len;

	whole.first_payload = how->fragment.number ? PAYLOAD_SKF : PAYLOAD_SK;
	whole.length = text + text_len + algorithm->icv_len - message;
	ike_put_header(message, &whole);
	message[HEADER_LEN] = first_payload;
	message[HEADER_LEN + 1] = 0;
	put16(message + HEADER_LEN + 2, whole.length - HEADER_LEN);
	if (how->fragment.number) {
		put16(message + HEADER_LEN + 4, how->fragment.number);
		put16(message + HEADER_LEN + 6, how->fragment.total);
	}
	if (how->iv)
		memcpy(iv, how->iv, algorithm->iv_len);
	else
		RAND_bytes(iv, algorithm->iv_len);
	if (len)
		memcpy(text, inner, len);
	memset(text + len, how->iv ? 0 : 0xa5, padding);
	text[len + padding] = how->pad_length ?: (int)padding;

	ctx = begin(keys, message, headers_len, true);
	if (!EVP_CipherUpdate(ctx, text, &out_len, text, text_len) ||
	    !EVP_CipherFinal_ex(ctx, text + out_len, &end_len) ||
	    out_len + end_len != (int)text_len)
		die("sealing failed");
	if (algorithm->integ)
		icv_of(keys, message, whole.length - algorithm->icv_len, text + text_len);
	else if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, algorithm->icv_len,
				      text + text_len))
		die("no tag");
	EVP_CIPHER_CTX_free(ctx);
	return whole.length;
}

static bool decrypt(const struct sk_keys *keys, const uint8_t *message, size_t headers_len,
		    const uint8_t *text, size_t text_len, const uint8_t *icv, uint8_t *plain)
{
	const struct sk_algorithm *algorithm = keys->algorithm;
	EVP_CIPHER_CTX *ctx = begin(keys, message, headers_len, false);
	int out_len, end_len;
	bool good = true;

	if (algorithm->integ) {
		uint8_t want[EVP_MAX_MD_SIZE];

		icv_of(keys, message, icv - message, want);
		good = !CRYPTO_memcmp(want, icv, algorithm->icv_len);
	} else if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, algorithm->icv_len,
					(void *)icv)) {
		die("tag refused");
	}
	good = good && EVP_CipherUpdate(ctx, plain, &out_len, text, text_len) &&
	       EVP_CipherFinal_ex(ctx, plain + out_len, &end_len) &&
	       out_len + end_len == (int)text_len;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

static ssize_t open_payload(const struct sk_keys *keys, const uint8_t *message, size_t len,
			    uint8_t type, size_t headers_len, uint8_t *first_payload,
			    uint8_t *inner, const char **why)
{
	static uint8_t plain[MESSAGE_SIZE];
	const struct sk_algorithm *algorithm = keys->algorithm;
	size_t start = headers_len + algorithm->iv_len;
	size_t text_len, padding;

	*why = "too short";
	if (len < start + algorithm->block_len + algorithm->icv_len)
		return -1;
	*why = "wrong IKE header";
	if (ike_get_header(message).length != len || message[16] != type ||
	    message[17] != 0x20)
		return -1;
	*why = "wrong SK header";
	if (message[HEADER_LEN + 1] || get16(message + HEADER_LEN + 2) != len - HEADER_LEN)
		return -1;
	*why = "not whole blocks";
	text_len = len - start - algorithm->icv_len;
	if (text_len % algorithm->block_len)
		return -1;
	*why = "not authentic";
	if (!decrypt(keys, message, headers_len, message + start, text_len,
		     message + len - algorithm->icv_len, plain))
		return -1;
	*why = "more padding than needed";
	padding = plain[text_len - 1];
	if (padding >= algorithm->block_len || padding + 1 > text_len)
		return -1;
	*why = "";
	*first_payload = message[HEADER_LEN];
	memcpy(inner, plain, text_len - 1 - padding);
	return text_len - 1 - padding;
}

ssize_t sk_open(const struct sk_keys *keys, const uint8_t *message, size_t len,
		uint8_t *first_payload, uint8_t *inner, const char **why)
{
	return open_payload(keys, message, len, PAYLOAD_SK, HEADER_LEN + SK_HEADER_LEN,
			    first_payload, inner, why);
}

ssize_t sk_open_fragment(const struct sk_keys *keys, const uint8_t *message, size_t len,
			 struct sk_fragment *fragment, uint8_t *first_payload,
			 uint8_t *inner, const char **why)
{
	ssize_t inner_len = open_payload(keys, message, len, PAYLOAD_SKF,
					 HEADER_LEN + SKF_HEADER_LEN, first_payload, inner, why);

	if (inner_len < 0)
		return -1;
	fragment->number = get16(message + HEADER_LEN + 4);
	fragment->total = get16(message + HEADER_LEN + 6);
	*why = "a place that is none";
	if (!fragment->number || fragment->number > fragment->total)
		return -1;
	*why = "a first payload in a later fragment";
	if (fragment->number > 1 && *first_payload)
		return -1;
	*why = "";
	return inner_len;
}
