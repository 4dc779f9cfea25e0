// SPDX-License-Identifier: GPL-2.0
/* PRF_HMAC_SHA2_* and prf+. */
#include <errno.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "ikev2.h"
#include "prf.h"

static const char *digest_of(uint16_t prf)
{
	switch (prf) {
	case PRF_HMAC_SHA2_256:
		return "SHA256";
	case PRF_HMAC_SHA2_384:
		return "SHA384";
	case PRF_HMAC_SHA2_512:
		return "SHA512";
	default:
		return NULL;
	}
}

size_t prf_len(uint16_t prf)
{
	switch (prf) {
	case PRF_HMAC_SHA2_256:
		return 32;
	case PRF_HMAC_SHA2_384:
		return 48;
	case PRF_HMAC_SHA2_512:
		return 64;
	default:
		return 0;
	}
}

int prf(uint16_t prf, const uint8_t *key, size_t key_len,
	const struct prf_input *in, unsigned int n, uint8_t *out)
{
	const char *digest = digest_of(prf);
	OSSL_PARAM params[2];
	EVP_MAC_CTX *ctx;
	size_t len = 0;
	unsigned int i;
	EVP_MAC *mac;
	int ok;

	if (!digest)
		return -EINVAL;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
						     (char *)digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	/* A NULL key would mean "the key of before", so an empty one needs an address. */
	ok = ctx && EVP_MAC_init(ctx, key ? key : (const uint8_t *)"", key_len,
				 params) > 0;
	for (i = 0; ok && i < n; i++)
		if (in[i].len)
			ok = EVP_MAC_update(ctx, in[i].data, in[i].len) > 0;
	ok = ok && EVP_MAC_final(ctx, out, &len, prf_len(prf)) > 0;
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(mac);
	return ok && len == prf_len(prf) ? 0 : -EIO;
}

int prf_plus(uint16_t prf_id, const uint8_t *key, size_t key_len,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
	size_t block = prf_len(prf_id), have = 0, take;
	uint8_t t[PRF_MAX];
	uint8_t counter = 0;
	int err = 0;

	if (!block || out_len > 255 * block)
		return -EINVAL;
	while (have < out_len) {
		struct prf_input in[3] = {
			{ t, counter ? block : 0 },
			{ seed, seed_len },
			{ &counter, 1 },
		};

		counter++;
		err = prf(prf_id, key, key_len, in, 3, t);
		if (err)
			break;
		take = out_len - have < block ? out_len - have : block;
		memcpy(out + have, t, take);
		have += take;
	}
	OPENSSL_cleanse(t, sizeof(t));
	return err;
}
