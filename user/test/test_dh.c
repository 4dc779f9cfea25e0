// SPDX-License-Identifier: GPL-2.0
/* Key exchange: published answers, agreement, and values that must be refused. */
#include <errno.h>

#include <openssl/bn.h>

#include "dh.h"
#include "ikev2.h"
#include "ktap.h"
#include "libhex.h"

static const uint16_t groups[] = {
	DH_MODP_2048, DH_MODP_3072, DH_MODP_4096, DH_ECP_256, DH_ECP_384, DH_ECP_521,
	DH_CURVE25519,
};

#define GROUPS (sizeof(groups) / sizeof(*groups))

/* RFC 5903 sections 8.1, 8.2 and 8.3; RFC 7748 section 6.1. */
static const struct {
	uint16_t group;
	const char *i, *r, *shared;
} answers[] = {
	{ DH_ECP_256,
	  "C88F01F5 10D9AC3F 70A292DA A2316DE5 44E9AAB8 AFE84049 C62A9C57 862D1433",
	  "C6EF9C5D 78AE012A 011164AC B397CE20 88685D8F 06BF9BE0 B283AB46 476BEE53",
	  "D6840F6B 42F6EDAF D13116E0 E1256520 2FEF8E9E CE7DCE03 812464D0 4B9442DE" },
	{ DH_ECP_384,
	  "099F3C70 34D4A2C6 99884D73 A375A67F 7624EF7C 6B3C0F16 0647B674 14DCE655"
	  "E35B5380 41E649EE 3FAEF896 783AB194",
	  "41CB0779 B4BDB85D 47846725 FBEC3C94 30FAB46C C8DC5060 855CC9BD A0AA2942"
	  "E0308312 916B8ED2 960E4BD5 5A7448FC",
	  "11187331 C279962D 93D60424 3FD592CB 9D0A926F 422E4718 7521287E 7156C5C4"
	  "D6031355 69B9E9D0 9CF5D4A2 70F59746" },
	{ DH_ECP_521,
	  "0037ADE9 319A89F4 DABDB3EF 411AACCC A5123C61 ACAB57B5 393DCE47 608172A0"
	  "95AA85A3 0FE1C295 2C6771D9 37BA9777 F5957B26 39BAB072 462F68C2 7A57382D"
	  "4A52",
	  "0145BA99 A847AF43 793FDD0E 872E7CDF A16BE30F DC780F97 BCCC3F07 8380201E"
	  "9C677D60 0B343757 A3BDBF2A 3163E4C2 F869CCA7 458AA4A4 EFFC311F 5CB15168"
	  "5EB9",
	  "01144C7D 79AE6956 BC8EDB8E 7C787C45 21CB086F A64407F9 7894E5E6 B2D79B04"
	  "D1427E73 CA4BAA24 0A347868 59810C06 B3C715A3 A8CC3151 F2BEE417 996D19F3"
	  "DDEA" },
	{ DH_CURVE25519,
	  "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
	  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
	  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
};

static void agree(struct dh *i, struct dh *r, const struct octets *want)
{
	uint8_t public[DH_PUBLIC_MAX], si[DH_PUBLIC_MAX], sr[DH_PUBLIC_MAX];
	size_t li = 0, lr = 0;

	REQUIRE(i && r);
	EXPECT_EQ(dh_public(r, public), 0);
	EXPECT_EQ(dh_shared(i, public, dh_public_len(dh_group(r)), si, &li), 0);
	EXPECT_EQ(dh_public(i, public), 0);
	EXPECT_EQ(dh_shared(r, public, dh_public_len(dh_group(i)), sr, &lr), 0);
	REQUIRE(li == lr && li > 0);
	EXPECT_HEX(si, sr, li);
	if (want) {
		EXPECT_EQ(li, want->len);
		EXPECT_HEX(si, want->v, want->len);
	}
}

static void known_answers(void)
{
	size_t i;

	for (i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		struct octets a = hex(answers[i].i), b = hex(answers[i].r);
		struct octets want = hex(answers[i].shared);
		struct dh *di = dh_new_private(answers[i].group, a.v, a.len);
		struct dh *dr = dh_new_private(answers[i].group, b.v, b.len);

		agree(di, dr, &want);
		dh_free(di);
		dh_free(dr);
	}
}

/* Often enough that a secret with a leading zero octet comes up in some group. */
static void agreement(void)
{
	size_t i;
	int n;

	for (i = 0; i < GROUPS; i++) {
		for (n = 0; n < (groups[i] <= DH_MODP_4096 ? 2 : 300); n++) {
			struct dh *a = dh_new(groups[i]), *b = dh_new(groups[i]);

			agree(a, b, NULL);
			dh_free(a);
			dh_free(b);
		}
	}
}

/* What is made of a private key that was written down is the same. */
static void private_keys(void)
{
	uint8_t private[DH_PUBLIC_MAX], before[DH_PUBLIC_MAX], after[DH_PUBLIC_MAX];
	size_t i, len;

	for (i = 0; i < GROUPS; i++) {
		struct dh *a = dh_new(groups[i]), *b = dh_new(groups[i]), *again;

		REQUIRE(a && b);
		EXPECT_EQ(dh_private(a, private, &len), 0);
		again = dh_new_private(groups[i], private, len);
		REQUIRE(again);
		EXPECT_EQ(dh_public(a, before), 0);
		EXPECT_EQ(dh_public(again, after), 0);
		EXPECT_HEX(after, before, dh_public_len(groups[i]));
		agree(again, b, NULL);
		dh_free(a);
		dh_free(b);
		dh_free(again);
	}
	EXPECT(!dh_new_private(DH_CURVE25519, private, 31));
}

/* A responder's value is there with the secret, and not before. */
static void responders(void)
{
	uint8_t public[DH_PUBLIC_MAX], si[DH_PUBLIC_MAX], sr[DH_PUBLIC_MAX];
	size_t i, li, lr;

	for (i = 0; i < GROUPS; i++) {
		struct dh *a = dh_new(groups[i]), *b = dh_new_responder(groups[i]);
		struct dh *again;

		REQUIRE(a && b);
		EXPECT_EQ(dh_value_len(b), dh_public_len(groups[i]));
		EXPECT_EQ(dh_public(b, public), -EIO);
		EXPECT_EQ(dh_public(a, public), 0);
		EXPECT_EQ(dh_shared(b, public, dh_value_len(a), sr, &lr), 0);
		again = dh_get(b);
		dh_free(b);
		EXPECT_EQ(dh_public(again, public), 0);
		EXPECT_EQ(dh_shared(a, public, dh_value_len(again), si, &li), 0);
		REQUIRE(li == lr);
		EXPECT_HEX(si, sr, li);
		dh_free(a);
		dh_free(again);
	}
}

static int try_value(uint16_t group, const uint8_t *value, size_t len)
{
	uint8_t out[DH_PUBLIC_MAX];
	struct dh *dh = dh_new(group);
	size_t out_len;
	int err = dh ? dh_shared(dh, value, len, out, &out_len) : 0;

	dh_free(dh);
	return err;
}

static void wrong_lengths(void)
{
	static const uint8_t value[DH_PUBLIC_MAX + 1] = { 2 };
	size_t i;

	for (i = 0; i < GROUPS; i++) {
		size_t len = dh_public_len(groups[i]);

		EXPECT_EQ(try_value(groups[i], value, 0), -EBADMSG);
		EXPECT_EQ(try_value(groups[i], value, len - 1), -EBADMSG);
		EXPECT_EQ(try_value(groups[i], value, len + 1), -EBADMSG);
	}
	EXPECT_EQ(dh_public_len(2), 0);
	EXPECT(!dh_new(2));
	EXPECT(!dh_new(0));
}

/* RFC 6989: 0, 1 and p - 1 or more; points that are not on the curve. */
static void values_out_of_range(void)
{
	uint8_t value[DH_PUBLIC_MAX];
	size_t i;

	for (i = 0; i < GROUPS; i++) {
		size_t len = dh_public_len(groups[i]);

		memset(value, 0, sizeof(value));
		EXPECT_EQ(try_value(groups[i], value, len), -EBADMSG);
		if (groups[i] == DH_CURVE25519)
			continue;
		value[len - 1] = 1;
		EXPECT_EQ(try_value(groups[i], value, len), -EBADMSG);
		memset(value, 0xff, sizeof(value));
		EXPECT_EQ(try_value(groups[i], value, len), -EBADMSG);
	}
}

/* The ends of the range of MODP: the first and the last that is taken, and those next to them. */
static void modp_ends(void)
{
	uint8_t value[DH_PUBLIC_MAX];

	for (size_t i = 0; i < GROUPS && groups[i] <= DH_MODP_4096; i++) {
		BIGNUM *p = groups[i] == DH_MODP_2048 ? BN_get_rfc3526_prime_2048(NULL) :
			    groups[i] == DH_MODP_3072 ? BN_get_rfc3526_prime_3072(NULL) :
							BN_get_rfc3526_prime_4096(NULL);
		const int len = (int)dh_public_len(groups[i]);

		for (int below = 0; below < 4; below++) {
			EXPECT_EQ(BN_bn2binpad(p, value, len), len);
			EXPECT_EQ(try_value(groups[i], value, len), below < 2 ? -EBADMSG : 0);
			EXPECT(BN_sub_word(p, 1));
		}
		for (uint8_t v = 0; v < 4; v++) {
			memset(value, 0, sizeof(value));
			value[len - 1] = v;
			EXPECT_EQ(try_value(groups[i], value, len), v < 2 ? -EBADMSG : 0);
		}
		BN_free(p);
	}
}

static void points_off_the_curve(void)
{
	static const uint16_t ecp[] = { DH_ECP_256, DH_ECP_384, DH_ECP_521 };
	uint8_t public[DH_PUBLIC_MAX];
	size_t i;

	for (i = 0; i < 3; i++) {
		struct dh *dh = dh_new(ecp[i]);

		REQUIRE(dh && !dh_public(dh, public));
		public[dh_public_len(ecp[i]) - 1] ^= 1;
		EXPECT_EQ(try_value(ecp[i], public, dh_public_len(ecp[i])), -EBADMSG);
		dh_free(dh);
	}
}

/* Points of small order, RFC 7748 section 7: the secret would be all zeros. */
static void curve25519_small_order(void)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(*points); i++) {
		struct octets p = hex(points[i]);

		EXPECT_EQ(try_value(DH_CURVE25519, p.v, p.len), -EBADMSG);
	}
}

static const struct ktap_test tests[] = {
	{ "known answers: RFC 5903, RFC 7748", known_answers },
	{ "both ends agree, in every group", agreement },
	{ "private keys", private_keys },
	{ "responders", responders },
	{ "wrong lengths", wrong_lengths },
	{ "values out of range", values_out_of_range },
	{ "points off the curve", points_off_the_curve },
	{ "the ends of MODP", modp_ends },
	{ "Curve25519: points of small order", curve25519_small_order },
};

KTAP_MAIN(tests)
