// SPDX-License-Identifier: GPL-2.0
/* Signatures in AUTH payloads. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "ikev2.h"
#include "signature.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))
#define PROPERTIES_MAX	128

/* AlgorithmIdentifiers: RFC 7427 appendix A, RFC 8420 appendix A. */
#define OID_RSA(hash)	{ 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, \
			  0x01, 0x01, hash, 0x05, 0x00 }
#define OID_ECDSA(hash)	{ 0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, \
			  0x03, hash }
#define OID_PSS(hash, salt) \
	{ 0x30, 0x41, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a, \
	  0x30, 0x34, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, \
	  0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, \
	  0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09, 0x60, \
	  0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00, 0xa2, 0x03, 0x02, \
	  0x01, salt }

static const uint8_t rsa_256[] = OID_RSA(0x0b), rsa_384[] = OID_RSA(0x0c),
	rsa_512[] = OID_RSA(0x0d);
static const uint8_t pss_256[] = OID_PSS(1, 32), pss_384[] = OID_PSS(2, 48),
	pss_512[] = OID_PSS(3, 64);
static const uint8_t ecdsa_256[] = OID_ECDSA(2), ecdsa_384[] = OID_ECDSA(3),
	ecdsa_512[] = OID_ECDSA(4);
static const uint8_t ed25519[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70 };

static const struct scheme {
	const char *name;
	enum key_type key;
	enum ike_hash hash;
	bool pss;
	const uint8_t *algorithm;
	size_t algorithm_len;
} schemes[SIGNATURES] = {
	[SIGNATURE_RSA_SHA1] = { "RSA_EMSA_PKCS1_SHA1", KEY_RSA, HASH_SHA1, false, NULL, 0 },
#define SCHEME(name, key, hash, pss, oid) { name, key, hash, pss, oid, sizeof(oid) }
	[SIGNATURE_RSA_SHA2_256] = SCHEME("RSA_EMSA_PKCS1_SHA2_256", KEY_RSA, HASH_SHA2_256,
					  false, rsa_256),
	[SIGNATURE_RSA_SHA2_384] = SCHEME("RSA_EMSA_PKCS1_SHA2_384", KEY_RSA, HASH_SHA2_384,
					  false, rsa_384),
	[SIGNATURE_RSA_SHA2_512] = SCHEME("RSA_EMSA_PKCS1_SHA2_512", KEY_RSA, HASH_SHA2_512,
					  false, rsa_512),
	[SIGNATURE_PSS_SHA2_256] = SCHEME("RSA_EMSA_PSS_SHA2_256", KEY_RSA, HASH_SHA2_256,
					  true, pss_256),
	[SIGNATURE_PSS_SHA2_384] = SCHEME("RSA_EMSA_PSS_SHA2_384", KEY_RSA, HASH_SHA2_384,
					  true, pss_384),
	[SIGNATURE_PSS_SHA2_512] = SCHEME("RSA_EMSA_PSS_SHA2_512", KEY_RSA, HASH_SHA2_512,
					  true, pss_512),
	[SIGNATURE_ECDSA_SHA2_256] = SCHEME("ECDSA_WITH_SHA256_DER", KEY_ECDSA,
					    HASH_SHA2_256, false, ecdsa_256),
	[SIGNATURE_ECDSA_SHA2_384] = SCHEME("ECDSA_WITH_SHA384_DER", KEY_ECDSA,
					    HASH_SHA2_384, false, ecdsa_384),
	[SIGNATURE_ECDSA_SHA2_512] = SCHEME("ECDSA_WITH_SHA512_DER", KEY_ECDSA,
					    HASH_SHA2_512, false, ecdsa_512),
	[SIGNATURE_ED25519] = SCHEME("ED25519", KEY_ED25519, HASH_IDENTITY, false, ed25519),
};

enum key_type key_type(const EVP_PKEY *key)
{
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		return KEY_RSA;
	case EVP_PKEY_EC:
		return KEY_ECDSA;
	case EVP_PKEY_ED25519:
		return KEY_ED25519;
	default:
		return KEY_UNKNOWN;
	}
}

unsigned int key_bits(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	return bits > 0 ? (unsigned int)bits : 0;
}

/* Up to 3072 bits a modulus may have an exponent as long, which takes a hundred times as long. */
static bool has_short_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool is_short = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) &&
			BN_num_bits(e) <= 32;

	BN_free(e);
	return is_short;
}

bool key_is_quick(const EVP_PKEY *key)
{
	switch (key_type(key)) {
	case KEY_RSA:
		return key_bits(key) <= 4096 && has_short_exponent(key);
	case KEY_ECDSA:
		return key_bits(key) <= 256;
	default:
		return true;
	}
}

/* Explicit parameters would make of a curve whatever the key's author likes. */
static bool known_curve(const EVP_PKEY *key)
{
	char name[64];
	size_t len;

	return EVP_PKEY_get_group_name(key, name, sizeof(name), &len) == 1 &&
	       (!strcmp(name, "prime256v1") || !strcmp(name, "secp384r1") ||
		!strcmp(name, "secp521r1"));
}

int key_check(const EVP_PKEY *key, struct errmsg *err)
{
	unsigned int bits = key_bits(key);

	switch (key_type(key)) {
	case KEY_RSA:
		if (bits < SIGNATURE_KEY_BITS_MIN || bits > SIGNATURE_KEY_BITS_MAX)
			return errmsg_set(err, "its RSA key has %u bits: %u to %u are allowed",
					  bits, SIGNATURE_KEY_BITS_MIN,
					  SIGNATURE_KEY_BITS_MAX);
		return 0;
	case KEY_ECDSA:
		if (!known_curve(key))
			return errmsg_set(err, "its ECDSA key is on none of the curves P-256, P-384 and P-521");
		return 0;
	case KEY_ED25519:
		return 0;
	default:
		return errmsg_set(err, "its key is neither RSA, ECDSA nor Ed25519");
	}
}

int key_id(EVP_PKEY *key, uint8_t id[20])
{
	const unsigned char *bits;
	X509_PUBKEY *info = NULL;
	int len, err = -EIO;

	if (X509_PUBKEY_set(&info, key) &&
	    X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, info) &&
	    EVP_Digest(bits, (size_t)len, id, NULL, EVP_sha1(), NULL))
		err = 0;
	X509_PUBKEY_free(info);
	return err;
}

const char *signature_name(enum signature_id id)
{
	return schemes[id].name;
}

enum key_type signature_key_type(enum signature_id id)
{
	return schemes[id].key;
}

enum ike_hash signature_hash(enum signature_id id)
{
	return schemes[id].hash;
}

/* NIST SP 800-57 part 1, table 2: 128, 192, 256 bits. */
static enum ike_hash hash_of_key(enum key_type type, unsigned int bits)
{
	if (type == KEY_ED25519)
		return HASH_IDENTITY;
	if (type == KEY_ECDSA)
		return bits <= 256 ? HASH_SHA2_256 : bits <= 384 ? HASH_SHA2_384 : HASH_SHA2_512;
	return bits <= 3072 ? HASH_SHA2_256 : bits <= 7680 ? HASH_SHA2_384 : HASH_SHA2_512;
}

size_t signature_of_key(enum key_type type, unsigned int bits, bool pss,
			enum signature_id ids[SIGNATURES])
{
	enum ike_hash least = hash_of_key(type, bits);
	size_t n = 0;

	for (int weaker = 0; weaker < 2; weaker++)
		for (enum signature_id id = 1; id < SIGNATURES; id++) {
			const struct scheme *s = &schemes[id];

			if (s->key == type && s->algorithm && s->pss == pss &&
			    (s->hash < least) == weaker)
				ids[n++] = id;
		}
	return n;
}

enum signature_id signature_classic(enum key_type type, unsigned int bits, uint8_t *method)
{
	if (type == KEY_RSA) {
		*method = AUTH_METHOD_RSA;
		return SIGNATURE_RSA_SHA1;
	}
	if (type != KEY_ECDSA)
		return SIGNATURE_NONE;
	*method = bits <= 256 ? AUTH_METHOD_ECDSA_256 :
		  bits <= 384 ? AUTH_METHOD_ECDSA_384 : AUTH_METHOD_ECDSA_521;
	return signature_of_method(*method);
}

enum signature_id signature_of_method(uint8_t method)
{
	switch (method) {
	case AUTH_METHOD_RSA:
		return SIGNATURE_RSA_SHA1;
	case AUTH_METHOD_ECDSA_256:
		return SIGNATURE_ECDSA_SHA2_256;
	case AUTH_METHOD_ECDSA_384:
		return SIGNATURE_ECDSA_SHA2_384;
	case AUTH_METHOD_ECDSA_521:
		return SIGNATURE_ECDSA_SHA2_512;
	default:
		return SIGNATURE_NONE;
	}
}

void signature_put_algorithm(struct buf *out, enum signature_id id)
{
	buf_put8(out, (uint8_t)schemes[id].algorithm_len);
	buf_put(out, schemes[id].algorithm, schemes[id].algorithm_len);
}

static enum signature_id pss_of_hash(int nid)
{
	switch (nid) {
	case NID_sha256:
		return SIGNATURE_PSS_SHA2_256;
	case NID_sha384:
		return SIGNATURE_PSS_SHA2_384;
	case NID_sha512:
		return SIGNATURE_PSS_SHA2_512;
	default:
		return SIGNATURE_NONE;
	}
}

/* The digest's parameters may be absent or NULL: RFC 4055 section 2.1. */
static int digest_nid(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *oid;
	int type;

	X509_ALGOR_get0(&oid, &type, NULL, algorithm);
	return type == V_ASN1_NULL || type == V_ASN1_UNDEF ? OBJ_obj2nid(oid) : NID_undef;
}

static int mask_digest_nid(const X509_ALGOR *mask)
{
	const ASN1_OBJECT *oid;
	const void *value;
	X509_ALGOR *hash;
	int type, nid;

	X509_ALGOR_get0(&oid, &type, &value, mask);
	if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
		return NID_undef;
	hash = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mask->parameter);
	nid = hash ? digest_nid(hash) : NID_undef;
	X509_ALGOR_free(hash);
	return nid;
}

/* Which parameters have their defaults, and are written out, peers do not agree on. */
static enum signature_id read_pss(const X509_ALGOR *algorithm, int *salt_len)
{
	enum signature_id id = SIGNATURE_NONE;
	RSA_PSS_PARAMS *pss;
	long salt;

	if (!algorithm->parameter)
		return SIGNATURE_NONE;
	pss = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), algorithm->parameter);
	if (!pss)
		return SIGNATURE_NONE;
	salt = pss->saltLength ? ASN1_INTEGER_get(pss->saltLength) : 20;
	/* Without a hash it is SHA-1. */
	if (pss->hashAlgorithm && pss->maskGenAlgorithm && salt >= 0 && salt <= 1024 &&
	    (!pss->trailerField || ASN1_INTEGER_get(pss->trailerField) == 1)) {
		int nid = digest_nid(pss->hashAlgorithm);

		if (nid == mask_digest_nid(pss->maskGenAlgorithm))
			id = pss_of_hash(nid);
	}
	*salt_len = (int)salt;
	RSA_PSS_PARAMS_free(pss);
	return id;
}

int signature_read_algorithm(struct signature_scheme *scheme, const uint8_t *data,
			     size_t len, size_t *used)
{
	const unsigned char *at = data + 1;
	const ASN1_OBJECT *oid;
	X509_ALGOR *algorithm;
	int err = -EBADMSG;

	if (!len || !data[0] || data[0] >= len)
		return -EBADMSG;
	*scheme = (struct signature_scheme){ SIGNATURE_NONE, 0 };
	*used = 1 + (size_t)data[0];
	for (enum signature_id id = 1; id < SIGNATURES; id++)
		if (!schemes[id].pss && schemes[id].algorithm_len == data[0] &&
		    !memcmp(schemes[id].algorithm, data + 1, data[0])) {
			scheme->id = id;
			return 0;
		}
	algorithm = d2i_X509_ALGOR(NULL, &at, data[0]);
	if (algorithm && at == data + *used) {
		X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
		if (OBJ_obj2nid(oid) == NID_rsassaPss)
			scheme->id = read_pss(algorithm, &scheme->salt_len);
		err = scheme->id == SIGNATURE_NONE ? -EOPNOTSUPP : 0;
	}
	X509_ALGOR_free(algorithm);
	ERR_clear_error();
	return err;
}

static const EVP_MD *digest_of(enum ike_hash hash)
{
	switch (hash) {
	case HASH_SHA1:
		return EVP_sha1();
	case HASH_SHA2_256:
		return EVP_sha256();
	case HASH_SHA2_384:
		return EVP_sha384();
	case HASH_SHA2_512:
		return EVP_sha512();
	default:
		return NULL;	/* it hashes by itself */
	}
}

static bool set_padding(EVP_PKEY_CTX *ctx, const struct scheme *s, int salt_len)
{
	if (s->key != KEY_RSA)
		return true;
	if (!s->pss)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt_len) > 0;
}

/* Octets of r, and of s. */
static size_t coordinate_len(const EVP_PKEY *key)
{
	return (key_bits(key) + 7) / 8;
}

/* RFC 4754 section 7: a curve has its hash. */
static bool fits(const EVP_PKEY *key, const struct scheme *s, bool classic)
{
	return s->key != KEY_UNKNOWN && key_type(key) == s->key &&
	       !(classic && s->key == KEY_ECDSA &&
		 hash_of_key(KEY_ECDSA, key_bits(key)) != s->hash);
}

static int put_coordinates(struct buf *out, const unsigned char *der, size_t der_len,
			   size_t len)
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
	uint8_t octets[2 * 66];
	int err = -EIO;

	if (sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), octets, (int)len) >= 0 &&
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), octets + len, (int)len) >= 0) {
		buf_put(out, octets, 2 * len);
		err = 0;
	}
	ECDSA_SIG_free(sig);
	return err;
}

/*
 * A key of another provider than libcrypto's own signs there, or not at all: it cannot leave
 * it, and libcrypto would try to take it along.
 */
static const char *properties_of(const EVP_PKEY *key, char text[PROPERTIES_MAX])
{
	const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
	const char *name = provider ? OSSL_PROVIDER_get0_name(provider) : "default";

	if (!strcmp(name, "default"))
		return NULL;
	snprintf(text, PROPERTIES_MAX, "?provider=%s", name);
	return text;
}

/* The digest is made here: a token would be sent all the octets, some at a time. */
static int sign_digest(EVP_PKEY *key, const struct scheme *s, const char *properties,
		       const void *octets, size_t len, uint8_t *sig, size_t *sig_len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, properties);
	const EVP_MD *md = digest_of(s->hash);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int digest_len;
	int err = -EIO;

	if (ctx && EVP_Digest(octets, len, digest, &digest_len, md, NULL) > 0 &&
	    EVP_PKEY_sign_init(ctx) > 0 && EVP_PKEY_CTX_set_signature_md(ctx, md) > 0 &&
	    set_padding(ctx, s, RSA_PSS_SALTLEN_DIGEST) &&
	    EVP_PKEY_sign(ctx, sig, sig_len, digest, digest_len) > 0)
		err = 0;
	EVP_PKEY_CTX_free(ctx);
	return err;
}

/* Of a scheme that hashes by itself. */
static int sign_whole(EVP_PKEY *key, const char *properties, const void *octets, size_t len,
		      uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = -EIO;

	if (ctx && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, properties, key, NULL) > 0 &&
	    EVP_DigestSign(ctx, sig, sig_len, octets, len) > 0)
		err = 0;
	EVP_MD_CTX_free(ctx);
	return err;
}

int signature_sign(EVP_PKEY *key, enum signature_id id, bool classic,
		   const void *octets, size_t len, struct buf *out)
{
	const struct scheme *s = &schemes[id];
	char text[PROPERTIES_MAX];
	const char *properties = properties_of(key, text);
	uint8_t sig[SIGNATURE_KEY_BITS_MAX / 8];
	size_t sig_len = sizeof(sig);
	int err;

	if (!fits(key, s, classic) || EVP_PKEY_get_size(key) > (int)sizeof(sig))
		return -EINVAL;
	err = digest_of(s->hash) ?
		      sign_digest(key, s, properties, octets, len, sig, &sig_len) :
		      sign_whole(key, properties, octets, len, sig, &sig_len);
	if (err)
		return err;
	if (classic && s->key == KEY_ECDSA)
		return put_coordinates(out, sig, sig_len, coordinate_len(key));
	buf_put(out, sig, sig_len);
	return 0;
}

static int verify(EVP_PKEY *key, const struct scheme *s, int salt_len, const void *octets,
		  size_t len, const void *sig, size_t sig_len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pctx;
	int err = -EIO;

	if (ctx && EVP_DigestVerifyInit(ctx, &pctx, digest_of(s->hash), NULL, key) > 0 &&
	    set_padding(pctx, s, salt_len))
		err = EVP_DigestVerify(ctx, sig, sig_len, octets, len) == 1 ? 0 :
								       -EKEYREJECTED;
	EVP_MD_CTX_free(ctx);
	ERR_clear_error();
	return err;
}

/* r and s, to the DER that libcrypto wants. */
static int verify_coordinates(EVP_PKEY *key, const struct scheme *s, const void *octets,
			      size_t len, const uint8_t *sig, size_t sig_len)
{
	size_t half = coordinate_len(key);
	ECDSA_SIG *pair;
	BIGNUM *r, *t;
	unsigned char *der = NULL;
	int der_len = -1, err = -EIO;

	if (sig_len != 2 * half)
		return -EKEYREJECTED;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn(sig, (int)half, NULL);
	t = BN_bin2bn(sig + half, (int)half, NULL);
	if (pair && r && t && ECDSA_SIG_set0(pair, r, t)) {
		r = t = NULL;
		der_len = i2d_ECDSA_SIG(pair, &der);
	}
	if (der_len > 0)
		err = verify(key, s, 0, octets, len, der, (size_t)der_len);
	OPENSSL_free(der);
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(pair);
	return err;
}

int signature_verify(EVP_PKEY *key, const struct signature_scheme *scheme, bool classic,
		     const void *octets, size_t len, const void *sig, size_t sig_len)
{
	const struct scheme *s = &schemes[scheme->id];

	if (!fits(key, s, classic))
		return -EINVAL;
	if (classic && s->key == KEY_ECDSA)
		return verify_coordinates(key, s, octets, len, sig, sig_len);
	return verify(key, s, scheme->salt_len, octets, len, sig, sig_len);
}
