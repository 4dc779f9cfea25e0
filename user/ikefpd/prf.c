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

/*
 * One context for each digest, made when it is first needed, that never gets a key: to
 * copy it is cheaper than to find the algorithms by their names again.
 */
static EVP_MAC_CTX *keyless(const char *digest)
{
	static struct {
		const char *digest;
		EVP_MAC_CTX *ctx;
	} made[3];
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx;
	EVP_MAC *mac;
	size_t i;

	for (i = 0; i < sizeof(made) / sizeof(*made) && made[i].ctx; i++)
		if (made[i].digest == digest)
			return made[i].ctx;
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	EVP_MAC_free(mac);
	if (ctx && EVP_MAC_CTX_set_params(ctx, params) <= 0) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	made[i].digest = digest;
	made[i].ctx = ctx;
	return ctx;
}

/* For EVP_MAC_CTX_free(), which wipes it. NULL if libcrypto failed. */
static EVP_MAC_CTX *keyed(const char *digest, const uint8_t *key, size_t key_len)
{
	const EVP_MAC_CTX *from = keyless(digest);
	EVP_MAC_CTX *ctx = from ? EVP_MAC_CTX_dup(from) : NULL;

	/* A NULL key would mean "the key of before", so an empty one needs an address. */
	if (ctx && EVP_MAC_init(ctx, key ? key : (const uint8_t *)"", key_len, NULL) <= 0) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

/* The MAC of the inputs, len octets; *ctx takes no more. */
static int compute(EVP_MAC_CTX *ctx, const struct prf_input *in, unsigned int n,
		   uint8_t *out, size_t len)
{
	size_t got = 0;
	unsigned int i;
	int ok = 1;

	for (i = 0; ok && i < n; i++)
		if (in[i].len)
			ok = EVP_MAC_update(ctx, in[i].data, in[i].len) > 0;
	ok = ok && EVP_MAC_final(ctx, out, &got, len) > 0;
	return ok && got == len ? 0 : -EIO;
}

int prf(uint16_t prf, const uint8_t *key, size_t key_len,
	const struct prf_input *in, unsigned int n, uint8_t *out)
{
	const char *digest = digest_of(prf);
	EVP_MAC_CTX *ctx;
	int err;

	if (!digest)
		return -EINVAL;
	ctx = keyed(digest, key, key_len);
	err = ctx ? compute(ctx, in, n, out, prf_len(prf)) : -EIO;
	EVP_MAC_CTX_free(ctx);
	return err;
}

int prf_plus(uint16_t prf_id, const uint8_t *key, size_t key_len,
	     const uint8_t *seed, size_t seed_len, uint8_t *out, size_t out_len)
{
	size_t block = prf_len(prf_id), have = 0, take;
	EVP_MAC_CTX *ctx;
	uint8_t t[PRF_MAX];
	uint8_t counter = 0;
	int err = 0;

	if (!block || out_len > 255 * block)
		return -EINVAL;
	ctx = keyed(digest_of(prf_id), key, key_len);
	if (!ctx)
		return -EIO;
	while (have < out_len) {
		struct prf_input in[3] = {
			{ t, counter ? block : 0 },
			{ seed, seed_len },
			{ &counter, 1 },
		};

		/* No key: that of before. */
		if (counter && EVP_MAC_init(ctx, NULL, 0, NULL) <= 0) {
			err = -EIO;
			break;
		}
		counter++;
		err = compute(ctx, in, 3, t, block);
		if (err)
			break;
		take = out_len - have < block ? out_len - have : block;
		memcpy(out + have, t, take);
		have += take;
	}
	EVP_MAC_CTX_free(ctx);
	OPENSSL_cleanse(t, sizeof(t));
	return err;
}
