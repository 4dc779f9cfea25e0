// SPDX-License-Identifier: GPL-2.0
/* PRFs, prf+, the IKE and Child SA keys, and AUTH, by published answers. */
#include <stdio.h>

#include "auth.h"
#include "buf.h"
#include "kdf.h"
#include "ktap.h"
#include "libhex.h"
#include "prf.h"

/* RFC 4231 sections 4.2 and 4.3: HMAC-SHA-256, -384 and -512. */
static void rfc4231(void)
{
	static const struct {
		const char *key, *data, *digest[3];
	} v[] = {
		{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		  { "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
		    "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
		    "faea9ea9076ede7f4af152e8b2fa9cb6",
		    "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
		    "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" } },
		{ "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		  { "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
		    "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
		    "8e2240ca5e69e2c78b3239ecfab21649",
		    "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
		    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" } },
	};
	uint8_t out[PRF_MAX];
	size_t i, j;

	for (i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct octets key = hex(v[i].key), data = hex(v[i].data);
		const struct prf_input in[2] = { { data.v, 3 }, { data.v + 3, data.len - 3 } };

		for (j = 0; j < 3; j++) {
			struct octets want = hex(v[i].digest[j]);

			EXPECT_EQ(prf_len(PRF_HMAC_SHA2_256 + j), want.len);
			EXPECT_EQ(prf(PRF_HMAC_SHA2_256 + j, key.v, key.len, in, 2, out), 0);
			EXPECT_HEX(out, want.v, want.len);
		}
	}
	EXPECT_EQ(prf(2, (const uint8_t *)"k", 1, NULL, 0, out), -EINVAL);
	EXPECT_EQ(prf_len(2), 0);
}

/* NIST CAVP, SP 800-135: IKEv2, nonces of 64 bits, 1024 bits of g^ir. */
static const struct cavp {
	uint16_t prf;
	const char *ni, *nr, *spi_i, *spi_r, *shared, *skeyseed, *dkm;
} cavp[] = {
	{ PRF_HMAC_SHA2_256,
	  "ed80dc79912c32a9", "35fb6d1a3feac078",
	  "47c1858efc932ea4", "606fd05609624002",
	  "42968e5d0ccc3cfc5a3e4bc1bba370cea1fae0d54c49ccba34b2bee804beeb2e"
	  "9e8c57a4e01bd45102cf2433aacc6cfec06792f363e5170e6aa6650274e90664"
	  "8e449d27a8f00b5b44261982c9835c748a751ec5138eaacc5e025661339538a6"
	  "1bf418e454699e19c32db8d9ce5dd86b220f1e89afc5872e68be36cb1a0c8866",
	  "37fde90b81d63692620f67367b62092e3efdc6a03509137d731004767ff35010",
	  "63d018a08f7a29daa7d1f92cb63f45fa39bbaf5e5f1a78139613bb891e3e6bf9"
	  "d0448f7c74e05b4c1a25c0b61e62c875e852f287e192d4ae536112db51972164"
	  "00bd5e123470efc15f53161865fe8b19a1416518a157d651ecd2caddab6a9eae"
	  "6a27a55af088218d5156edaa9789f934d9836ed43edffda553822202ff9f7d48"
	  "60ca72e0" },
	{ PRF_HMAC_SHA2_384,
	  "d672b0bc852829b9", "3509f3b724706364",
	  "0f9a016d7b22223c", "85f710daf8b982d8",
	  "4df040b70978629c49437cff41a0d46cbea68c8d75b370ffc11d7b387144ea83"
	  "bb5903fbb92e473df50a9b19ea43e9c2f3da9a849c03864276c6f264ecf02a60"
	  "d40ba65c06656b633f02a87427e928eb66a2dabd9dc05744717bcaf7ae78c296"
	  "872f5c48d1a8120c2155b70c565ce271998e3e44af263d487ea3ba7f56132d7d",
	  "54436a9ea95d6ff79b967f4b07f6de976a376e8ea26aa9574709afc60243c9c1"
	  "41da4ca0e158e627a75ea87f6feb07ef",
	  "10b00a654643b3b985764f86e23ef62431122fcc96de16e338a372bee49391db"
	  "1f83a7358c080380abbf4af47cdb83b9530343168f7dbc9221260e1546c6b383"
	  "e2235d2705a727f0b41aebf6a1b4c61cb460660152a17ba74c20d5191ba68417"
	  "94945270d829587b7f3294639ea7b77149e1d07230ac16e0cd5ab236fa3212bd"
	  "569ee70f" },
	{ PRF_HMAC_SHA2_512,
	  "df7931db9b429e10", "b8aa8e4d46042393",
	  "9ba40af9157f4792", "5383c7cd3d1046e6",
	  "1e3b007d2da913ca60ecc98c25a22db08073d5c35c11b2524b298a922b6abfe6"
	  "acf7359db66ae5f85d67aacff686419cd8666d05ae7977cefad7f54dd8e312a8"
	  "e8e5e0370f88142fbdd659dd6fde22bdd531f5402881a8de85c1024e595ec93c"
	  "575618af7fd3dbac7982919078d71cc13eff1910a032750e1ff428675de189ee",
	  "daf9bd6f2f912da553867966af386e67909a8df0ca7e84b83b355cb7d7f1026f"
	  "17d8ea34b5d57fd0d1ba389528fca1e81d1c8ce511b28a2458241143fee30ccc",
	  "919a75deaeccbd393bebc89615f8a215edb7073b2319d86740221eee7a2deb92"
	  "509044d7e61fcb1bf9676b3881c7ced49e6bba1549da3113601677a2445d91ac"
	  "13a597335782dd3a9cf496d9e19b932f27dd35e36f8070d232d0a3b3f4c4a0b4"
	  "ba4470778dc090f31f52ab1b6d81e4c7dfb35063ad96c327adcdbde714cc9a6b"
	  "5ef049b8" },
};

static void cavp_skeyseed(void)
{
	uint8_t out[PRF_MAX];
	size_t i;

	for (i = 0; i < sizeof(cavp) / sizeof(*cavp); i++) {
		const struct cavp *v = &cavp[i];
		struct octets ni = hex(v->ni), nr = hex(v->nr), shared = hex(v->shared);
		struct octets want = hex(v->skeyseed);

		EXPECT_EQ(kdf_skeyseed(v->prf, ni.v, ni.len, nr.v, nr.len, shared.v,
				       shared.len, out), 0);
		EXPECT_HEX(out, want.v, want.len);
	}
}

/* The derived keying material begins as the keys do, one after the other. */
static void cavp_ike_keys(void)
{
	size_t i;

	for (i = 0; i < sizeof(cavp) / sizeof(*cavp); i++) {
		const struct cavp *v = &cavp[i];
		struct octets ni = hex(v->ni), nr = hex(v->nr), shared = hex(v->shared);
		struct octets spi_i = hex(v->spi_i), spi_r = hex(v->spi_r);
		struct octets want = hex(v->dkm);
		struct proposal p = {
			.protocol = PROTO_IKE,
			.n = 2,
			.transforms = {
				{ TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
				{ TRANSFORM_PRF, v->prf, 0 },
			},
		};
		struct buf all = BUF_INIT;
		struct ike_keys k;

		EXPECT_EQ(kdf_ike_keys(&k, &p, ni.v, ni.len, nr.v, nr.len, shared.v,
				       shared.len, get64(spi_i.v), get64(spi_r.v)), 0);
		EXPECT_EQ(k.encr_len, 20);
		EXPECT_EQ(k.integ_len, 0);
		buf_put(&all, k.d, k.prf_len);
		buf_put(&all, k.ei, k.encr_len);
		buf_put(&all, k.er, k.encr_len);
		buf_put(&all, k.pi, k.prf_len);
		buf_put(&all, k.pr, k.prf_len);
		EXPECT(all.len >= want.len);
		EXPECT_HEX(all.data, want.v, want.len);
		buf_clear(&all);
	}
}

/* With an integrity algorithm SK_a* stand between: RFC 7296 section 2.14. */
static void order_of_keys(void)
{
	struct proposal p = {
		.protocol = PROTO_IKE,
		.n = 3,
		.transforms = {
			{ TRANSFORM_ENCR, ENCR_AES_CBC, 256 },
			{ TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0 },
			{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_512_256, 0 },
		},
	};
	static const uint8_t n[16] = "0123456789abcdef", shared[32] = "shared";
	uint8_t seed[48], skeyseed[PRF_MAX], stream[288];
	struct ike_keys k;
	struct buf s = BUF_INIT;

	EXPECT_EQ(kdf_ike_keys(&k, &p, n, 16, n, 16, shared, 32, 1, 2), 0);
	EXPECT_EQ(kdf_skeyseed(PRF_HMAC_SHA2_256, n, 16, n, 16, shared, 32, skeyseed), 0);
	buf_put(&s, n, 16);
	buf_put(&s, n, 16);
	buf_put64(&s, 1);
	buf_put64(&s, 2);
	REQUIRE(s.len == sizeof(seed));
	memcpy(seed, s.data, s.len);
	buf_clear(&s);
	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_256, skeyseed, 32, seed, sizeof(seed), stream,
			   sizeof(stream)), 0);
	EXPECT_HEX(k.d, stream, 32);
	EXPECT_HEX(k.ai, stream + 32, 64);
	EXPECT_HEX(k.ar, stream + 96, 64);
	EXPECT_HEX(k.ei, stream + 160, 32);
	EXPECT_HEX(k.er, stream + 192, 32);
	EXPECT_HEX(k.pi, stream + 224, 32);
	EXPECT_HEX(k.pr, stream + 256, 32);

	/* An AEAD with integrity, or a cipher without, is no proposal. */
	p.transforms[0].id = ENCR_AES_GCM_16;
	EXPECT_EQ(kdf_ike_keys(&k, &p, n, 16, n, 16, shared, 32, 1, 2), -EINVAL);
	p.transforms[0].id = ENCR_AES_CBC;
	p.n = 2;
	EXPECT_EQ(kdf_ike_keys(&k, &p, n, 16, n, 16, shared, 32, 1, 2), -EINVAL);
}

/*
 * Section 2.18, by Python's hmac: SKEYSEED by the old PRF, of 384 bits, and all else by the new
 * one, of 256.
 */
static void rekeyed_keys(void)
{
	static const struct proposal p = {
		.protocol = PROTO_IKE,
		.n = 2,
		.transforms = {
			{ TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
			{ TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0 },
		},
	};
	static const uint8_t ni[] = "0123456789abcdef", nr[] = "FEDCBA9876543210fedcba9876543210";
	static const uint8_t shared[] = "g^ir of the new exchange";
	const struct octets d = hex(
		"a947a0c00d6222ca5fe079b11b35f8109a5e02e3bb9af67cb1c69c461e8e323e"), ei = hex(
		"cf2a31744768713898103f0dc7a5df1bc357a2a2"), er = hex(
		"33a5e4555bffa3cb51fc31a8af4c42cdd1d08bbe");
	uint8_t sk_d[48];
	const struct kdf_rekeyed old = { PRF_HMAC_SHA2_384, sk_d };
	const struct kdf_secrets secrets = { .first = shared, .first_len = sizeof(shared) - 1 };
	struct ike_keys k;
	size_t i;

	for (i = 0; i < sizeof(sk_d); i++)
		sk_d[i] = 0x10 + i;
	EXPECT_EQ(kdf_rekeyed_keys(&k, &old, &p, ni, 16, nr, 32, &secrets,
				   0x1122334455667788, 0x99aabbccddeeff00), 0);
	EXPECT_EQ(k.prf_len, 32);
	EXPECT_HEX(k.d, d.v, d.len);
	EXPECT_EQ(k.encr_len, 20);
	EXPECT_HEX(k.ei, ei.v, ei.len);
	EXPECT_HEX(k.er, er.v, er.len);
}

/* KEYMAT = prf+(SK_d, Ni | Nr), the initiator's keys first: section 2.17. */
static void child_keys(void)
{
	struct proposal p = {
		.protocol = PROTO_ESP,
		.n = 2,
		.transforms = {
			{ TRANSFORM_ENCR, ENCR_AES_CBC, 128 },
			{ TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0 },
		},
	};
	static const uint8_t sk_d[48] = "SK_d", shared[] = "g^ir", more[] = "more";
	static const uint8_t nonces[32] = "0123456789abcdefFEDCBA9876543210";
	const struct kdf_secrets none = { 0 }, secrets = { .first = shared, .first_len = 4 };
	const struct kdf_secrets several = {
		.first = shared, .first_len = 4, .more = more, .more_len = sizeof(more) - 1,
	};
	uint8_t stream[96], seed[40];
	struct child_keys k;

	EXPECT_EQ(kdf_child_keys(&k, PRF_HMAC_SHA2_384, sk_d, &p, &none, nonces, 16,
				 nonces + 16, 16), 0);
	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_384, sk_d, 48, nonces, 32, stream, 96), 0);
	EXPECT_HEX(k.ei, stream, 16);
	EXPECT_HEX(k.ai, stream + 16, 32);
	EXPECT_HEX(k.er, stream + 48, 16);
	EXPECT_HEX(k.ar, stream + 64, 32);

	/* With a key exchange of its own g^ir comes first. */
	memcpy(seed, shared, 4);
	memcpy(seed + 4, nonces, 32);
	EXPECT_EQ(kdf_child_keys(&k, PRF_HMAC_SHA2_384, sk_d, &p, &secrets, nonces, 16,
				 nonces + 16, 16), 0);
	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_384, sk_d, 48, seed, 36, stream, 96), 0);
	EXPECT_HEX(k.ei, stream, 16);
	EXPECT_HEX(k.ar, stream + 64, 32);

	/* Those of additional ones come last: RFC 9370 section 2.2.4. */
	memcpy(seed + 36, more, 4);
	EXPECT_EQ(kdf_child_keys(&k, PRF_HMAC_SHA2_384, sk_d, &p, &several, nonces, 16,
				 nonces + 16, 16), 0);
	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_384, sk_d, 48, seed, 40, stream, 96), 0);
	EXPECT_HEX(k.ei, stream, 16);
	EXPECT_HEX(k.ar, stream + 64, 32);
}

static void prf_plus_bounds(void)
{
	uint8_t out[255 * 32 + 1];

	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_256, (const uint8_t *)"k", 1,
			   (const uint8_t *)"s", 1, out, 255 * 32), 0);
	EXPECT_EQ(prf_plus(PRF_HMAC_SHA2_256, (const uint8_t *)"k", 1,
			   (const uint8_t *)"s", 1, out, sizeof(out)), -EINVAL);
}

/* Written out by hand from RFC 7296 section 2.15. */
static void auth_with_shared_key(void)
{
	static const uint8_t secret[] = "a secret", sk_p[48] = "SK_p";
	static uint8_t message_octets[] = "IKE_SA_INIT", nonce_octets[] = "nonce of the other";
	const struct buf message = { .data = message_octets, .len = 11 };
	const struct buf nonce = { .data = nonce_octets, .len = 18 };
	static const uint8_t id[] = "\2\0\0\0name";
	const struct prf_input pad = { "Key Pad for IKEv2", 17 }, body = { id, 8 };
	struct prf_input octets[3] = { { message_octets, 11 }, { nonce_octets, 18 } };
	uint8_t key[48], maced_id[48], want[48], got[PRF_MAX];
	struct buf signed_octets = BUF_INIT;

	EXPECT_EQ(prf(PRF_HMAC_SHA2_384, secret, 8, &pad, 1, key), 0);
	EXPECT_EQ(prf(PRF_HMAC_SHA2_384, sk_p, 48, &body, 1, maced_id), 0);
	octets[2] = (struct prf_input){ maced_id, 48 };
	EXPECT_EQ(prf(PRF_HMAC_SHA2_384, key, 48, octets, 3, want), 0);
	EXPECT_EQ(auth_octets(&signed_octets, PRF_HMAC_SHA2_384, &message, &nonce, sk_p, id,
			      8), 0);
	EXPECT_EQ(auth_psk(PRF_HMAC_SHA2_384, secret, 8, signed_octets.data,
			   signed_octets.len, got), 0);
	EXPECT_HEX(got, want, 48);
	buf_clear(&signed_octets);
}

static const struct ktap_test tests[] = {
	{ "HMAC: RFC 4231", rfc4231 },
	{ "SKEYSEED: NIST CAVP", cavp_skeyseed },
	{ "IKE SA keys: NIST CAVP", cavp_ike_keys },
	{ "order of the IKE SA keys", order_of_keys },
	{ "keys of a rekeyed IKE SA", rekeyed_keys },
	{ "Child SA keys", child_keys },
	{ "bounds of prf+", prf_plus_bounds },
	{ "AUTH with a shared key", auth_with_shared_key },
};

KTAP_MAIN(tests)
