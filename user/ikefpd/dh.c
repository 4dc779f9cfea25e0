// SPDX-License-Identifier: GPL-2.0
/* Key exchange methods, all of them by libcrypto's EVP_PKEY. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "dh.h"
#include "ikev2.h"

enum kind { MODP, ECP, MONTGOMERY };

struct group {
	uint16_t id;
	enum kind kind;
	const char *key_type;
	const char *name;	/* libcrypto's */
	size_t public_len;	/* of the Key Exchange Data */
	size_t secret_len;
};

static const struct group groups[] = {
	{ DH_MODP_2048, MODP, "DH", "modp_2048", 256, 256 },
	{ DH_MODP_3072, MODP, "DH", "modp_3072", 384, 384 },
	{ DH_MODP_4096, MODP, "DH", "modp_4096", 512, 512 },
	{ DH_ECP_256, ECP, "EC", "P-256", 64, 32 },
	{ DH_ECP_384, ECP, "EC", "P-384", 96, 48 },
	{ DH_ECP_521, ECP, "EC", "P-521", 132, 66 },
	{ DH_CURVE25519, MONTGOMERY, "X25519", NULL, 32, 32 },
};

struct dh {
	const struct group *group;
	EVP_PKEY *key;
};

static const struct group *group_find(uint16_t id)
{
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

size_t dh_public_len(uint16_t group)
{
	const struct group *g = group_find(group);

	return g ? g->public_len : 0;
}

static struct dh *wrap(const struct group *g, EVP_PKEY *key)
{
	struct dh *dh = key ? malloc(sizeof(*dh)) : NULL;

	if (!dh) {
		EVP_PKEY_free(key);
		return NULL;
	}
	dh->group = g;
	dh->key = key;
	return dh;
}

struct dh *dh_new(uint16_t group)
{
	const struct group *g = group_find(group);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[2];
	EVP_PKEY_CTX *ctx;

	if (!g)
		return NULL;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, g->key_type, NULL);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						     (char *)g->name, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    (g->name && EVP_PKEY_CTX_set_params(ctx, params) <= 0) ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return wrap(g, key);
}

/* A key of this group out of a public value and, if given, a private number. */
static EVP_PKEY *import(const struct group *g, const uint8_t *public, size_t len,
			const BIGNUM *private)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key = NULL;
	BIGNUM *y = NULL;
	uint8_t point[1 + DH_PUBLIC_MAX];
	int ok;

	ok = build && OSSL_PARAM_BLD_push_utf8_string(build,
				OSSL_PKEY_PARAM_GROUP_NAME, g->name, 0);
	if (g->kind == MODP) {
		y = BN_bin2bn(public, len, NULL);
		ok = ok && y && OSSL_PARAM_BLD_push_BN(build,
					OSSL_PKEY_PARAM_PUB_KEY, y);
	} else {
		/* RFC 5903 section 7: x and y without the octet of the form. */
		point[0] = POINT_CONVERSION_UNCOMPRESSED;
		memcpy(point + 1, public, len);
		ok = ok && OSSL_PARAM_BLD_push_octet_string(build,
					OSSL_PKEY_PARAM_PUB_KEY, point, len + 1);
	}
	if (private)
		ok = ok && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY,
						  private);
	params = ok ? OSSL_PARAM_BLD_to_param(build) : NULL;
	ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, g->key_type, NULL) : NULL;
	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, private ? EVP_PKEY_KEYPAIR :
						   EVP_PKEY_PUBLIC_KEY, params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	BN_free(y);
	return key;
}

/* The public point of a private number, and both as a key. */
static EVP_PKEY *ecp_private(const struct group *g, const uint8_t *octets, size_t len)
{
	EC_GROUP *curve = EC_GROUP_new_by_curve_name(EC_curve_nist2nid(g->name));
	EC_POINT *point = curve ? EC_POINT_new(curve) : NULL;
	BIGNUM *private = BN_bin2bn(octets, len, NULL);
	uint8_t public[1 + DH_PUBLIC_MAX];
	EVP_PKEY *key = NULL;

	if (point && private &&
	    EC_POINT_mul(curve, point, private, NULL, NULL, NULL) &&
	    EC_POINT_point2oct(curve, point, POINT_CONVERSION_UNCOMPRESSED, public,
			       sizeof(public), NULL) == g->public_len + 1)
		key = import(g, public + 1, g->public_len, private);
	BN_clear_free(private);
	EC_POINT_free(point);
	EC_GROUP_free(curve);
	return key;
}

struct dh *dh_new_private(uint16_t group, const uint8_t *key, size_t len)
{
	const struct group *g = group_find(group);

	if (!g || g->kind == MODP)
		return NULL;
	return wrap(g, g->kind == ECP ? ecp_private(g, key, len) :
		    EVP_PKEY_new_raw_private_key_ex(NULL, g->key_type, NULL, key, len));
}

void dh_free(struct dh *dh)
{
	if (!dh)
		return;
	EVP_PKEY_free(dh->key);
	free(dh);
}

uint16_t dh_group(const struct dh *dh)
{
	return dh->group->id;
}

int dh_public(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX])
{
	const struct group *g = dh->group;
	uint8_t point[1 + DH_PUBLIC_MAX];
	BIGNUM *y = NULL;
	size_t len = 0;
	int ok = 0;

	switch (g->kind) {
	case MODP:
		ok = EVP_PKEY_get_bn_param(dh->key, OSSL_PKEY_PARAM_PUB_KEY, &y) &&
		     BN_bn2binpad(y, out, g->public_len) == (int)g->public_len;
		BN_free(y);
		break;
	case ECP:
		ok = EVP_PKEY_get_octet_string_param(dh->key,
				OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
				sizeof(point), &len) && len == g->public_len + 1;
		if (ok)
			memcpy(out, point + 1, g->public_len);
		break;
	case MONTGOMERY:
		len = g->public_len;
		ok = EVP_PKEY_get_raw_public_key(dh->key, out, &len) &&
		     len == g->public_len;
		break;
	}
	return ok ? 0 : -EIO;
}

int dh_shared(const struct dh *dh, const uint8_t *peer, size_t peer_len,
	      uint8_t out[DH_PUBLIC_MAX], size_t *len)
{
	const struct group *g = dh->group;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *other;
	uint8_t any = 0;
	size_t i;
	int ok;

	if (peer_len != g->public_len)
		return -EBADMSG;
	other = g->kind == MONTGOMERY ?
		EVP_PKEY_new_raw_public_key_ex(NULL, g->key_type, NULL, peer,
					       peer_len) :
		import(g, peer, peer_len, NULL);
	ctx = other ? EVP_PKEY_CTX_new_from_pkey(NULL, dh->key, NULL) : NULL;
	*len = g->secret_len;
	/* The peer's value is validated: on the curve, or 1 < y < p - 1. */
	ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     (g->kind != MODP || EVP_PKEY_CTX_set_dh_pad(ctx, 1) > 0) &&
	     EVP_PKEY_derive_set_peer_ex(ctx, other, g->kind != MONTGOMERY) > 0 &&
	     EVP_PKEY_derive(ctx, out, len) > 0 && *len == g->secret_len;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(other);
	if (!ok) {
		OPENSSL_cleanse(out, g->secret_len);
		return -EBADMSG;
	}
	/* RFC 8031 section 5 asks for this check; it holds for all groups. */
	for (i = 0; i < *len; i++)
		any |= out[i];
	return any ? 0 : -EBADMSG;
}
