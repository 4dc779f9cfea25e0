// SPDX-License-Identifier: GPL-2.0
/* Key exchange methods, all of them by libcrypto's EVP_PKEY. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/dh.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>

#include "dh.h"
#include "ikev2.h"

enum kind { MODP, ECP, MONTGOMERY, KEM };

#define MONTGOMERY_LEN	32

struct group {
	uint16_t id;
	enum kind kind;
	const char *key_type;
	const char *name;	/* libcrypto's */
	size_t public_len;	/* of the Key Exchange Data */
	size_t secret_len;
	size_t answer_len;	/* of the responder's, if it is another one */
};

static const struct group groups[] = {
	{ DH_MODP_2048, MODP, "DH", "modp_2048", 256, 256, 0 },
	{ DH_MODP_3072, MODP, "DH", "modp_3072", 384, 384, 0 },
	{ DH_MODP_4096, MODP, "DH", "modp_4096", 512, 512, 0 },
	{ DH_ECP_256, ECP, "EC", "P-256", 64, 32, 0 },
	{ DH_ECP_384, ECP, "EC", "P-384", 96, 48, 0 },
	{ DH_ECP_521, ECP, "EC", "P-521", 132, 66, 0 },
	{ DH_CURVE25519, MONTGOMERY, "X25519", NULL, MONTGOMERY_LEN, MONTGOMERY_LEN, 0 },
	{ DH_ML_KEM_512, KEM, "ML-KEM-512", NULL, 800, 32, 768 },
	{ DH_ML_KEM_768, KEM, "ML-KEM-768", NULL, 1184, 32, 1088 },
	{ DH_ML_KEM_1024, KEM, "ML-KEM-1024", NULL, 1568, 32, 1568 },
};

struct dh {
	const struct group *group;
	unsigned int refs;	/* besides the first */
	bool responder;
	EVP_PKEY *key;		/* NULL: the responder's, of a KEM for good, or until dh_shared() */
	uint8_t public[MONTGOMERY_LEN];	/* of MONTGOMERY; the others have it in the key */
	uint8_t *answer;	/* of a KEM's responder, once it is there */
};

static const struct group *group_find(uint16_t id)
{
	size_t i;

	for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
		if (groups[i].id == id)
			return &groups[i];
	return NULL;
}

/* libcrypto 3.5 and newer have ML-KEM. */
static bool is_there(const struct group *g)
{
	EVP_PKEY_CTX *ctx;

	if (g->kind != KEM)
		return true;
	ctx = EVP_PKEY_CTX_new_from_name(NULL, g->key_type, NULL);
	EVP_PKEY_CTX_free(ctx);
	return ctx;
}

size_t dh_public_len(uint16_t group)
{
	const struct group *g = group_find(group);

	return g && is_there(g) ? g->public_len : 0;
}

bool dh_is_kem(uint16_t group)
{
	const struct group *g = group_find(group);

	return g && g->kind == KEM;
}

static struct dh *wrap(const struct group *g, EVP_PKEY *key)
{
	struct dh *dh = key ? calloc(1, sizeof(*dh)) : NULL;

	if (!dh) {
		EVP_PKEY_free(key);
		return NULL;
	}
	dh->group = g;
	dh->key = key;
	return dh;
}

static EVP_PKEY *generate(const struct group *g)
{
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[2];
	EVP_PKEY_CTX *ctx;

	ctx = EVP_PKEY_CTX_new_from_name(NULL, g->key_type, NULL);
	params[0] = g->name ? OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
							       (char *)g->name, 0) :
			      OSSL_PARAM_construct_end();
	params[1] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_keygen_init(ctx) <= 0 ||
	    EVP_PKEY_CTX_set_params(ctx, params) <= 0 ||
	    EVP_PKEY_generate(ctx, &key) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
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

static BIGNUM *modp_prime(const struct group *g)
{
	return g->id == DH_MODP_2048 ? BN_get_rfc3526_prime_2048(NULL) :
	       g->id == DH_MODP_3072 ? BN_get_rfc3526_prime_3072(NULL) :
				       BN_get_rfc3526_prime_4096(NULL);
}

/* The same of MODP: g is 2 (RFC 3526). */
static EVP_PKEY *modp_private(const struct group *g, const uint8_t *octets, size_t len)
{
	BIGNUM *p = modp_prime(g);
	BIGNUM *private = BN_bin2bn(octets, len, NULL), *two = BN_new(), *y = BN_new();
	uint8_t public[DH_PUBLIC_MAX];
	BN_CTX *ctx = BN_CTX_new();
	EVP_PKEY *key = NULL;

	if (private)
		BN_set_flags(private, BN_FLG_CONSTTIME);
	if (p && private && two && y && ctx && BN_set_word(two, 2) &&
	    BN_mod_exp(y, two, private, p, ctx) &&
	    BN_bn2binpad(y, public, g->public_len) == (int)g->public_len)
		key = import(g, public, g->public_len, private);
	BN_clear_free(private);
	BN_CTX_free(ctx);
	BN_free(two);
	BN_free(y);
	BN_free(p);
	return key;
}

/* Each thread has one. */
static pthread_key_t peers;
static pthread_once_t peers_once = PTHREAD_ONCE_INIT;
static int peers_err;

static void free_peer(void *peer)
{
	EVP_PKEY_free(peer);
}

static void make_peers(void)
{
	peers_err = pthread_key_create(&peers, free_peer);
}

/*
 * A public value as a key for derive(): in a thread always the same one, with another value
 * each time, since to make one takes libcrypto long. NULL if it fails. Not the caller's to
 * free.
 */
static EVP_PKEY *montgomery_peer(const struct group *g, const uint8_t value[MONTGOMERY_LEN])
{
	EVP_PKEY *peer;

	if (pthread_once(&peers_once, make_peers) || peers_err)
		return NULL;
	peer = pthread_getspecific(peers);
	if (peer)
		return EVP_PKEY_set1_encoded_public_key(peer, value, MONTGOMERY_LEN) > 0 ? peer : NULL;
	peer = EVP_PKEY_new_raw_public_key_ex(NULL, g->key_type, NULL, value, MONTGOMERY_LEN);
	if (peer && !pthread_setspecific(peers, peer))
		return peer;
	EVP_PKEY_free(peer);
	return NULL;
}

/*
 * 1 < y < p - 1, as RFC 6989 section 2.1 asks for; of the other values the worst tell a peer if
 * our private number, which is used once, is odd. libcrypto's own check finds these, too, by a
 * power that takes ten times as long as all the rest.
 */
static bool is_modp_value(const struct group *g, const uint8_t *value, size_t len)
{
	BIGNUM *y = BN_bin2bn(value, len, NULL), *end = modp_prime(g);
	bool is = y && end && BN_sub_word(end, 1) && BN_cmp(y, BN_value_one()) > 0 &&
		  BN_cmp(y, end) < 0;

	BN_free(y);
	BN_free(end);
	return is;
}

static int derive(const struct group *g, EVP_PKEY *key, EVP_PKEY *peer, uint8_t *out,
		  size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int ok;

	*len = g->secret_len;
	/* A point is validated: on the curve; the others are by now. */
	ok = ctx && EVP_PKEY_derive_init(ctx) > 0 &&
	     (g->kind != MODP || EVP_PKEY_CTX_set_dh_pad(ctx, 1) > 0) &&
	     EVP_PKEY_derive_set_peer_ex(ctx, peer, g->kind == ECP) > 0 &&
	     EVP_PKEY_derive(ctx, out, len) > 0 && *len == g->secret_len;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

/*
 * The public value is X25519(private, 9), RFC 7748 section 6.1. Computed as a key exchange
 * with 9 it is there in half the instructions of libcrypto's key generation. For that the
 * key needs a public value of its own, which plays no part in an exchange: 9, too.
 */
static struct dh *montgomery_new(const struct group *g, const uint8_t *private)
{
	static const uint8_t nine[MONTGOMERY_LEN] = { 9 };
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, (void *)private,
						  MONTGOMERY_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)nine,
						  MONTGOMERY_LEN),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, g->key_type, NULL);
	EVP_PKEY *key = NULL, *base;
	struct dh *dh;
	size_t len;

	if (!ctx || EVP_PKEY_fromdata_init(ctx) <= 0 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, (OSSL_PARAM *)params) <= 0)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	dh = wrap(g, key);
	base = dh ? montgomery_peer(g, nine) : NULL;
	if (dh && (!base || derive(g, key, base, dh->public, &len))) {
		dh_free(dh);
		return NULL;
	}
	return dh;
}

bool dh_is_brief(uint16_t group)
{
	return group == DH_CURVE25519 || group == DH_ECP_256 || dh_is_kem(group);
}

struct dh *dh_new(uint16_t group)
{
	const struct group *g = group_find(group);
	uint8_t private[MONTGOMERY_LEN];
	struct dh *dh = NULL;

	if (!g)
		return NULL;
	if (g->kind != MONTGOMERY)
		return wrap(g, generate(g));
	if (RAND_priv_bytes(private, sizeof(private)) == 1)
		dh = montgomery_new(g, private);
	OPENSSL_cleanse(private, sizeof(private));
	return dh;
}

struct dh *dh_new_responder(uint16_t group)
{
	const struct group *g = group_find(group);
	struct dh *dh = g && is_there(g) ? calloc(1, sizeof(*dh)) : NULL;

	if (dh) {
		dh->group = g;
		dh->responder = true;
	}
	return dh;
}

struct dh *dh_new_private(uint16_t group, const uint8_t *key, size_t len)
{
	const struct group *g = group_find(group);

	if (!g)
		return NULL;
	if (g->kind == MODP)
		return wrap(g, modp_private(g, key, len));
	if (g->kind == ECP)
		return wrap(g, ecp_private(g, key, len));
	return g->kind == MONTGOMERY && len == MONTGOMERY_LEN ? montgomery_new(g, key) : NULL;
}

struct dh *dh_get(struct dh *dh)
{
	dh->refs++;
	return dh;
}

void dh_free(struct dh *dh)
{
	if (!dh || dh->refs--)
		return;
	EVP_PKEY_free(dh->key);
	free(dh->answer);
	free(dh);
}

uint16_t dh_group(const struct dh *dh)
{
	return dh->group->id;
}

int dh_private(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX], size_t *len)
{
	BIGNUM *x = NULL;
	int n = -1;

	*len = DH_PUBLIC_MAX;
	if (dh->group->kind == KEM)
		return -EIO;
	if (dh->group->kind == MONTGOMERY)
		return EVP_PKEY_get_raw_private_key(dh->key, out, len) == 1 ? 0 : -EIO;
	if (EVP_PKEY_get_bn_param(dh->key, OSSL_PKEY_PARAM_PRIV_KEY, &x) &&
	    BN_num_bytes(x) <= DH_PUBLIC_MAX)
		n = BN_bn2bin(x, out);
	BN_clear_free(x);
	*len = n < 0 ? 0 : n;
	return n < 0 ? -EIO : 0;
}

size_t dh_value_len(const struct dh *dh)
{
	const struct group *g = dh->group;

	return dh->responder && g->kind == KEM ? g->answer_len : g->public_len;
}

int dh_public(const struct dh *dh, uint8_t out[DH_PUBLIC_MAX])
{
	const struct group *g = dh->group;
	uint8_t point[1 + DH_PUBLIC_MAX];
	BIGNUM *y = NULL;
	size_t len = 0;
	int ok = 0;

	if (!dh->key && g->kind != KEM)
		return -EIO;
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
		memcpy(out, dh->public, MONTGOMERY_LEN);
		ok = 1;
		break;
	case KEM:
		len = DH_PUBLIC_MAX;
		if (dh->key) {
			ok = EVP_PKEY_get_raw_public_key(dh->key, out, &len) > 0 &&
			     len == g->public_len;
		} else if (dh->answer) {
			memcpy(out, dh->answer, g->answer_len);
			ok = 1;
		}
		break;
	}
	return ok ? 0 : -EIO;
}

/* @peer: what the responder has made of our public value. */
static int decapsulate(const struct dh *dh, const uint8_t *peer, size_t peer_len, uint8_t *out,
		       size_t *len)
{
	const struct group *g = dh->group;
	EVP_PKEY_CTX *ctx;
	int ok;

	if (peer_len != g->answer_len)
		return -EBADMSG;
	*len = g->secret_len;
	ctx = EVP_PKEY_CTX_new_from_pkey(NULL, dh->key, NULL);
	ok = ctx && EVP_PKEY_decapsulate_init(ctx, NULL) > 0 &&
	     EVP_PKEY_decapsulate(ctx, out, len, peer, peer_len) > 0 && *len == g->secret_len;
	EVP_PKEY_CTX_free(ctx);
	return ok ? 0 : -EBADMSG;
}

/* @peer: the initiator's public value, which libcrypto checks (FIPS 203 section 7.2). */
static int encapsulate(struct dh *dh, const uint8_t *peer, size_t peer_len, uint8_t *out,
		       size_t *len)
{
	const struct group *g = dh->group;
	size_t answer_len = g->answer_len;
	EVP_PKEY_CTX *ctx = NULL;
	EVP_PKEY *key;
	int ok;

	if (peer_len != g->public_len)
		return -EBADMSG;
	*len = g->secret_len;
	free(dh->answer);
	dh->answer = malloc(answer_len);
	key = EVP_PKEY_new_raw_public_key_ex(NULL, g->key_type, NULL, peer, peer_len);
	if (key)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	ok = ctx && dh->answer && EVP_PKEY_encapsulate_init(ctx, NULL) > 0 &&
	     EVP_PKEY_encapsulate(ctx, dh->answer, &answer_len, out, len) > 0 &&
	     answer_len == g->answer_len && *len == g->secret_len;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!ok) {
		free(dh->answer);
		dh->answer = NULL;
	}
	return ok ? 0 : -EBADMSG;
}

/* The responder's key pair, which nobody has needed before. */
static int make_key(struct dh *dh)
{
	struct dh *made = dh_new(dh->group->id);

	if (!made)
		return -EIO;
	dh->key = made->key;
	memcpy(dh->public, made->public, sizeof(dh->public));
	made->key = NULL;
	dh_free(made);
	return 0;
}

static int agree(const struct dh *dh, const uint8_t *peer, size_t peer_len, uint8_t *out,
		 size_t *len)
{
	const struct group *g = dh->group;
	EVP_PKEY *other, *imported = NULL;
	int err;

	if (peer_len != g->public_len || (g->kind == MODP && !is_modp_value(g, peer, peer_len)))
		return -EBADMSG;
	if (g->kind == MONTGOMERY)
		other = montgomery_peer(g, peer);
	else
		other = imported = import(g, peer, peer_len, NULL);
	err = other ? derive(g, dh->key, other, out, len) : -EBADMSG;
	EVP_PKEY_free(imported);
	return err;
}

int dh_shared(struct dh *dh, const uint8_t *peer, size_t peer_len, uint8_t out[DH_PUBLIC_MAX],
	      size_t *len)
{
	uint8_t any = 0;
	size_t i;
	int err;

	if (dh->group->kind != KEM)
		err = (dh->key ? 0 : make_key(dh)) ?: agree(dh, peer, peer_len, out, len);
	else
		err = dh->key ? decapsulate(dh, peer, peer_len, out, len) :
				encapsulate(dh, peer, peer_len, out, len);
	if (err) {
		OPENSSL_cleanse(out, dh->group->secret_len);
		return err;
	}
	/* RFC 8031 section 5 asks for this check; it holds for all groups. */
	for (i = 0; i < *len; i++)
		any |= out[i];
	return any ? 0 : -EBADMSG;
}
