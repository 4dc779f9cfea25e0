// SPDX-License-Identifier: GPL-2.0
/* Signatures in AUTH payloads: RFC 7427's algorithms, and the methods before it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "ikev2.h"
#include "ktap.h"
#include "signature.h"

static const char octets[] = "IKE_SA_INIT, nonce and prf(SK_p, ID)";

static EVP_PKEY *rsa, *p256, *p384, *p521, *ed25519;

static EVP_PKEY *key_of(enum signature_id id)
{
	switch (signature_key_type(id)) {
	case KEY_RSA:
		return rsa;
	case KEY_ECDSA:
		return p256;
	default:
		return ed25519;
	}
}

static void digital(void)
{
	for (enum signature_id id = SIGNATURE_RSA_SHA2_256; id < SIGNATURES; id++) {
		struct signature_scheme scheme;
		struct buf auth = BUF_INIT;
		size_t used;

		signature_put_algorithm(&auth, id);
		EXPECT(!signature_sign(key_of(id), id, false, octets, sizeof(octets), &auth));
		EXPECT(!signature_read_algorithm(&scheme, auth.data, auth.len, &used));
		EXPECT_EQ(scheme.id, id);
		EXPECT(!signature_verify(key_of(id), &scheme, false, octets, sizeof(octets),
					 auth.data + used, auth.len - used));
		/* Other octets, another signature, none. */
		EXPECT_EQ(signature_verify(key_of(id), &scheme, false, octets,
					   sizeof(octets) - 1, auth.data + used,
					   auth.len - used), -EKEYREJECTED);
		auth.data[auth.len - 1] ^= 1;
		EXPECT_EQ(signature_verify(key_of(id), &scheme, false, octets, sizeof(octets),
					   auth.data + used, auth.len - used), -EKEYREJECTED);
		EXPECT_EQ(signature_verify(key_of(id), &scheme, false, octets, sizeof(octets),
					   auth.data + used, 0), -EKEYREJECTED);
		/* A key of another kind. */
		EXPECT_EQ(signature_verify(key_of(id) == rsa ? p256 : rsa, &scheme, false,
					   octets, sizeof(octets), auth.data + used,
					   auth.len - used), -EINVAL);
		buf_clear(&auth);
	}
}

/* Every octet of what is read is needed, and none beyond it is looked at. */
static void malformed(void)
{
	for (enum signature_id id = SIGNATURE_RSA_SHA2_256; id < SIGNATURES; id++) {
		struct signature_scheme scheme;
		struct buf auth = BUF_INIT;
		size_t used;

		signature_put_algorithm(&auth, id);
		buf_put8(&auth, 0);
		for (size_t len = 0; len < auth.len - 1; len++) {
			uint8_t *copy = malloc(len + 1);

			memcpy(copy, auth.data, len);
			EXPECT_EQ(signature_read_algorithm(&scheme, copy, len, &used), -EBADMSG);
			free(copy);
		}
		/* The last one is a length of salt, which the peer chooses. */
		for (size_t i = 0; i < auth.len - 2; i++) {
			auth.data[i] ^= 0x10;
			EXPECT(signature_read_algorithm(&scheme, auth.data, auth.len, &used) ||
			       scheme.id != id);
			auth.data[i] ^= 0x10;
		}
		buf_clear(&auth);
	}
}

/* RFC 7427 appendix A.4.3 writes the default of the trailer; some leave out NULLs. */
static void pss_forms(void)
{
	static const uint8_t with_trailer[] = {
		0x48, 0x30, 0x46, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
		0x0a, 0x30, 0x39, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09,
		0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d, 0x06, 0x09,
		0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa2, 0x03,
		0x02, 0x01, 0x20, 0xa3, 0x03, 0x02, 0x01, 0x01, 0xff };
	static const uint8_t without_null[] = {
		0x3f, 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
		0x0a, 0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x02, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86,
		0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86,
		0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa2, 0x03, 0x02, 0x01, 0x30, 0xff };
	/* All defaults: SHA-1. */
	static const uint8_t sha1[] = {
		0x0f, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
		0x0a, 0x30, 0x00, 0xff };
	struct signature_scheme scheme;
	size_t used;

	EXPECT(!signature_read_algorithm(&scheme, with_trailer, sizeof(with_trailer), &used));
	EXPECT_EQ(scheme.id, SIGNATURE_PSS_SHA2_256);
	EXPECT_EQ(scheme.salt_len, 32);
	EXPECT_EQ(used, sizeof(with_trailer) - 1);
	EXPECT(!signature_read_algorithm(&scheme, without_null, sizeof(without_null), &used));
	EXPECT_EQ(scheme.id, SIGNATURE_PSS_SHA2_384);
	EXPECT_EQ(scheme.salt_len, 48);
	EXPECT_EQ(signature_read_algorithm(&scheme, sha1, sizeof(sha1), &used), -EOPNOTSUPP);
}

static void classic(void)
{
	EVP_PKEY *const keys[] = { rsa, p256, p384, p521 };
	static const uint8_t methods[] = { 1, 9, 10, 11 };
	static const size_t lens[] = { 256, 64, 96, 132 };

	for (size_t i = 0; i < 4; i++) {
		struct signature_scheme scheme = { SIGNATURE_NONE, 0 };
		struct buf sig = BUF_INIT;
		uint8_t method = 0;

		scheme.id = signature_classic(key_type(keys[i]), key_bits(keys[i]), &method);
		EXPECT_EQ(method, methods[i]);
		EXPECT_EQ(scheme.id, signature_of_method(method));
		EXPECT(!signature_sign(keys[i], scheme.id, true, octets, sizeof(octets), &sig));
		EXPECT_EQ(sig.len, lens[i]);
		EXPECT(!signature_verify(keys[i], &scheme, true, octets, sizeof(octets),
					 sig.data, sig.len));
		sig.data[sig.len / 2 - 1] ^= 1;
		EXPECT_EQ(signature_verify(keys[i], &scheme, true, octets, sizeof(octets),
					   sig.data, sig.len), -EKEYREJECTED);
		EXPECT_EQ(signature_verify(keys[i], &scheme, true, octets, sizeof(octets),
					   sig.data, sig.len - 1), -EKEYREJECTED);
		/* RFC 4754: another curve's method. */
		if (i)
			EXPECT_EQ(signature_verify(keys[i % 3 + 1], &scheme, true, octets,
						   sizeof(octets), sig.data, sig.len), -EINVAL);
		buf_clear(&sig);
	}
	EXPECT_EQ(signature_classic(KEY_ED25519, 256, NULL), SIGNATURE_NONE);
	EXPECT_EQ(signature_of_method(14), SIGNATURE_NONE);
	EXPECT_EQ(signature_of_method(2), SIGNATURE_NONE);
}

static void preferences(void)
{
	enum signature_id ids[SIGNATURES];

	EXPECT_EQ(signature_of_key(KEY_RSA, 2048, false, ids), 3);
	EXPECT_EQ(ids[0], SIGNATURE_RSA_SHA2_256);
	EXPECT_EQ(signature_of_key(KEY_RSA, 4096, true, ids), 3);
	EXPECT_EQ(ids[0], SIGNATURE_PSS_SHA2_384);
	EXPECT_EQ(ids[2], SIGNATURE_PSS_SHA2_256);
	EXPECT_EQ(signature_of_key(KEY_ECDSA, 521, false, ids), 3);
	EXPECT_EQ(ids[0], SIGNATURE_ECDSA_SHA2_512);
	EXPECT_EQ(signature_of_key(KEY_ED25519, 253, false, ids), 1);
	EXPECT_EQ(ids[0], SIGNATURE_ED25519);
}

static void keys_refused(void)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024), *k1 = EVP_EC_gen("secp256k1");
	EVP_PKEY *x25519 = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct errmsg why;

	EXPECT(key_check(weak, &why));
	EXPECT_STR(why.text, "its RSA key has 1024 bits: 2048 to 8192 are allowed");
	EXPECT(key_check(k1, &why));
	EXPECT(key_check(x25519, &why));
	EXPECT(!key_check(rsa, &why) && !key_check(p521, &why) && !key_check(ed25519, &why));
	EVP_PKEY_free(weak);
	EVP_PKEY_free(k1);
	EVP_PKEY_free(x25519);
}

/* An RSA public key of that modulus, with an exponent of so many bits. */
static EVP_PKEY *with_exponent(int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = NULL, *e = BN_new();
	EVP_PKEY *key = NULL;
	OSSL_PARAM *params;

	EXPECT(EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_N, &n) && BN_one(e) &&
	       BN_set_bit(e, bits - 1) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
	       OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
	params = OSSL_PARAM_BLD_to_param(build);
	EXPECT(EVP_PKEY_fromdata_init(ctx) > 0 &&
	       EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

static void quick_keys(void)
{
	EVP_PKEY *short_one = with_exponent(32), *long_one = with_exponent(33);

	EXPECT(key_is_quick(rsa) && key_is_quick(p256) && key_is_quick(ed25519));
	EXPECT(!key_is_quick(p384) && !key_is_quick(p521));
	EXPECT(key_is_quick(short_one));
	EXPECT(!key_is_quick(long_one));
	EVP_PKEY_free(short_one);
	EVP_PKEY_free(long_one);
}

static const struct ktap_test tests[] = {
	{ "digital signatures", digital },
	{ "malformed algorithms", malformed },
	{ "forms of RSASSA-PSS", pss_forms },
	{ "methods before RFC 7427", classic },
	{ "preferences", preferences },
	{ "keys that are refused", keys_refused },
	{ "keys that are quick", quick_keys },
};

int main(int argc, char **argv)
{
	int code;

	rsa = EVP_RSA_gen(2048);
	p256 = EVP_EC_gen("P-256");
	p384 = EVP_EC_gen("P-384");
	p521 = EVP_EC_gen("P-521");
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	code = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(p521);
	EVP_PKEY_free(ed25519);
	return code;
}
