// SPDX-License-Identifier: GPL-2.0
/* Proposals: the keywords, what goes on the wire, selection and its check. */
#include <errno.h>
#include <stdio.h>

#include "dh.h"
#include "ktap.h"
#include "proposal.h"

static struct proposal_list parse(enum ike_protocol protocol, const char *text)
{
	struct proposal_list list = { 0 };
	char err[128] = "";

	if (proposal_list_add(&list, protocol, text, err, sizeof(err)))
		ktap_fail(__FILE__, __LINE__, "«%s» refused: %s", text, err);
	return list;
}

static void expect_parsed(enum ike_protocol protocol, const char *text, const char *want)
{
	struct proposal_list list = parse(protocol, text);
	char got[512];

	if (list.n)
		EXPECT_STR(proposal_str(&list.v[0], got, sizeof(got)), want);
	proposal_list_clear(&list);
}

static void expect_refused(enum ike_protocol protocol, const char *text, const char *why)
{
	struct proposal_list list = { 0 };
	char err[128] = "";

	EXPECT_EQ(proposal_list_add(&list, protocol, text, err, sizeof(err)), -EINVAL);
	EXPECT_STR(err, why);
	EXPECT_EQ(list.n, 0);
}

static void keywords(void)
{
	expect_parsed(PROTO_IKE, "aes128gcm16-prfsha256-curve25519",
		      "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519");
	expect_parsed(PROTO_IKE, "AES256GCM-sha384-x25519",
		      "AES_GCM_16_256/CURVE_25519/PRF_HMAC_SHA2_384");
	expect_parsed(PROTO_IKE, "aes256-sha256-modp2048",
		      "AES_CBC_256/HMAC_SHA2_256_128/MODP_2048/PRF_HMAC_SHA2_256");
	expect_parsed(PROTO_IKE, "aes-sha512-prfsha256-ecp521",
		      "AES_CBC_128/HMAC_SHA2_512_256/PRF_HMAC_SHA2_256/ECP_521");
	expect_parsed(PROTO_IKE, "aes128-aes128-sha256-modp3072-modp4096",
		      "AES_CBC_128/HMAC_SHA2_256_128/MODP_3072/MODP_4096/PRF_HMAC_SHA2_256");
	expect_parsed(PROTO_IKE, "aes192-sha384-modp2048",
		      "AES_CBC_192/HMAC_SHA2_384_192/MODP_2048/PRF_HMAC_SHA2_384");
	expect_parsed(PROTO_IKE, "aes128gcm16-prfsha256-x25519-KE1_ecp384-ke1_none-ke7_modp3072",
		      "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_384/KE1_NONE/KE7_MODP_3072");
	expect_parsed(PROTO_ESP, "aes128gcm16-none-x25519-ke1_ecp256",
		      "AES_GCM_16_128/NONE/CURVE_25519/KE1_ECP_256/NO_EXT_SEQ");
	expect_parsed(PROTO_ESP, "aes128gcm16", "AES_GCM_16_128/NO_EXT_SEQ");
	expect_parsed(PROTO_ESP, "aes192gcm", "AES_GCM_16_192/NO_EXT_SEQ");
	expect_parsed(PROTO_ESP, "aes192-sha1", "AES_CBC_192/HMAC_SHA1_96/NO_EXT_SEQ");
	expect_parsed(PROTO_ESP, "aes128gcm16-sha256-prfsha256-esn",
		      "AES_GCM_16_128/EXT_SEQ");
	expect_parsed(PROTO_ESP, "chacha20poly1305-x25519-esn-noesn",
		      "CHACHA20_POLY1305/CURVE_25519/EXT_SEQ/NO_EXT_SEQ");
	expect_parsed(PROTO_ESP, "aes256-sha2_256",
		      "AES_CBC_256/HMAC_SHA2_256_128/NO_EXT_SEQ");
}

static void refused_keywords(void)
{
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-modp1024",
		       "algorithm 'modp1024' is not known or not supported");
	expect_refused(PROTO_IKE, "", "algorithm '' is not known or not supported");
	expect_refused(PROTO_IKE, "aes128gcm16--x25519",
		       "algorithm '' is not known or not supported");
	expect_refused(PROTO_IKE, "aes128gcm16-x25519",
		       "an IKE proposal needs a PRF, such as prfsha256");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256",
		       "an IKE proposal needs a DH group, such as x25519");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-none",
		       "an IKE proposal needs a DH group, such as x25519");
	expect_refused(PROTO_IKE, "aes128-prfsha256-x25519",
		       "aes needs an integrity algorithm, such as sha256");
	expect_refused(PROTO_IKE, "aes128-aes128gcm16-sha256-x25519",
		       "classic and AEAD ciphers cannot be in the same proposal");
	expect_refused(PROTO_IKE, "aes128-sha256-sha1-x25519",
		       "sha1 is for ESP alone, an IKE proposal needs sha256 or better");
	expect_refused(PROTO_IKE, "sha256-x25519",
		       "an encryption algorithm is needed, such as aes128gcm16");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-x25519-esn",
		       "esn and noesn belong to ESP proposals");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke8_ecp256",
		       "algorithm 'ke8_ecp256' is not known or not supported");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke1_sha256",
		       "algorithm 'ke1_sha256' is not known or not supported");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke1_",
		       "algorithm 'ke1_' is not known or not supported");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-ke1_ecp256",
		       "an IKE proposal needs a DH group, such as x25519");
	expect_refused(PROTO_ESP, "aes128gcm16-ke1_ecp256",
		       "an additional key exchange needs a first one, such as x25519");
	expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-mlkem768",
		       "'mlkem768' is for additional key exchanges (RFC 9370): write x25519-ke1_mlkem768");
	if (!dh_public_len(DH_ML_KEM_768))
		expect_refused(PROTO_IKE, "aes128gcm16-prfsha256-x25519-ke1_mlkem768",
			       "'ke1_mlkem768' needs OpenSSL 3.5 or newer");
	expect_refused(PROTO_ESP, "aes128",
		       "aes needs an integrity algorithm, such as sha256");
}

static void defaults(void)
{
	struct proposal_list ike = parse(PROTO_IKE, "default");
	struct proposal_list esp = parse(PROTO_ESP, "default");

	EXPECT_EQ(ike.n, 2);
	EXPECT_EQ(esp.n, 2);
	proposal_list_clear(&ike);
	proposal_list_clear(&esp);
}

/* RFC 7296 section 3.3, octet by octet. */
static void wire(void)
{
	static const uint8_t want[] = {
		2, 0, 0, 40, 1, 3, 4, 3, 0xde, 0xad, 0xbe, 0xef,
		3, 0, 0, 12, 1, 0, 0, 12, 0x80, 14, 0, 128,
		3, 0, 0, 8, 3, 0, 0, 12,
		0, 0, 0, 8, 5, 0, 0, 0,
		0, 0, 0, 28, 2, 3, 4, 2, 0xde, 0xad, 0xbe, 0xef,
		3, 0, 0, 8, 1, 0, 0, 28,
		0, 0, 0, 8, 5, 0, 0, 1,
	};
	struct proposal_list list = { 0 };
	struct buf out = BUF_INIT;
	char err[128];

	proposal_list_add(&list, PROTO_ESP, "aes128-sha256", err, sizeof(err));
	proposal_list_add(&list, PROTO_ESP, "chacha20poly1305-esn", err, sizeof(err));
	proposal_write(&out, list.v, list.n, (const uint8_t *)"\xde\xad\xbe\xef", 4);
	REQUIRE(out.len == sizeof(want));
	EXPECT_HEX(out.data, want, sizeof(want));
	EXPECT_EQ(proposal_check(out.data, out.len), 2);
	buf_clear(&out);
	proposal_list_clear(&list);
}

#define KE	"aes128gcm16-prfsha256-"
#define KE_STR	"1 AES_GCM_16_128/PRF_HMAC_SHA2_256/"

/* The choice of ours out of theirs, or NULL. */
static const char *choice(enum ike_protocol protocol, const char *ours_text,
			  const char *theirs_text, const char *more, bool skip_dh)
{
	struct proposal_list ours = parse(protocol, ours_text);
	struct proposal_list theirs = parse(protocol, theirs_text);
	struct buf body = BUF_INIT;
	struct proposal chosen;
	static char text[512];
	char err[128];
	int r;

	if (more)
		proposal_list_add(&theirs, protocol, more, err, sizeof(err));
	proposal_write(&body, theirs.v, theirs.n, (const uint8_t *)"abcd",
		       protocol == PROTO_ESP ? 4 : 0);
	r = proposal_select(&ours, protocol, body.data, body.len, skip_dh, &chosen);
	if (!r)
		snprintf(text, sizeof(text), "%u ", chosen.number);
	if (!r)
		proposal_str(&chosen, text + 2, sizeof(text) - 2);
	proposal_list_clear(&ours);
	proposal_list_clear(&theirs);
	buf_clear(&body);
	return r ? NULL : text;
}

static void selection(void)
{
	EXPECT_STR(choice(PROTO_IKE, "default", "aes256-sha384-ecp384", NULL, false),
		   "1 AES_CBC_256/PRF_HMAC_SHA2_384/HMAC_SHA2_384_192/ECP_384");
	/* Our order counts, not the peer's. */
	EXPECT_STR(choice(PROTO_IKE, "aes256gcm16-aes128gcm16-prfsha256-x25519",
			  "aes128gcm16-aes256gcm16-prfsha256-ecp256-x25519", NULL, false),
		   "1 AES_GCM_16_256/PRF_HMAC_SHA2_256/CURVE_25519");
	EXPECT_STR(choice(PROTO_IKE, "aes128gcm16-prfsha256-x25519",
			  "aes128-sha256-x25519", "aes128gcm16-prfsha256-x25519", false),
		   "2 AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519");
	EXPECT(!choice(PROTO_IKE, "aes128gcm16-prfsha256-x25519",
		       "aes256gcm16-prfsha256-x25519", NULL, false));
	EXPECT(!choice(PROTO_IKE, "aes128gcm16-prfsha256-x25519",
		       "aes128gcm16-prfsha256-ecp256", NULL, false));
	EXPECT(!choice(PROTO_ESP, "aes128gcm16-esn", "aes128gcm16-noesn", NULL, true));
	EXPECT_STR(choice(PROTO_ESP, "aes128gcm16-esn-noesn", "aes128gcm16-noesn", NULL, true),
		   "1 AES_GCM_16_128/NO_EXT_SEQ");
	/* Groups do not matter in IKE_AUTH; later they do. */
	EXPECT_STR(choice(PROTO_ESP, "aes128gcm16-x25519", "aes128gcm16", NULL, true),
		   "1 AES_GCM_16_128/NO_EXT_SEQ");
	EXPECT(!choice(PROTO_ESP, "aes128gcm16-x25519", "aes128gcm16", NULL, false));
	EXPECT_STR(choice(PROTO_ESP, "aes128gcm16-x25519-none", "aes128gcm16", NULL, false),
		   "1 AES_GCM_16_128/NO_EXT_SEQ");
}

/* Written by hand: one proposal of protocol 1 with these transforms. */
static int select_octets(const uint8_t *transforms, size_t len, uint8_t n,
			 struct proposal *chosen)
{
	struct proposal_list ours = parse(PROTO_IKE, "aes128gcm16-prfsha256-x25519");
	struct buf body = BUF_INIT;
	int r;

	buf_put(&body, "\0\0\0\0\1\1\0", 7);
	buf_put8(&body, n);
	buf_put(&body, transforms, len);
	buf_set16(&body, 2, body.len);
	r = proposal_select(&ours, PROTO_IKE, body.data, body.len, false, chosen);
	buf_clear(&body);
	proposal_list_clear(&ours);
	return r;
}

#define GOOD_GCM	3, 0, 0, 12, 1, 0, 0, 20, 0x80, 14, 0, 128
#define GOOD_PRF	3, 0, 0, 8, 2, 0, 0, 5
#define GOOD_DH		3, 0, 0, 8, 4, 0, 0, 31

static void unknown_to_us(void)
{
	static const uint8_t integ_none[] = {
		GOOD_GCM, GOOD_PRF, GOOD_DH, 0, 0, 0, 8, 3, 0, 0, 0,
	};
	static const uint8_t unknown_type[] = {
		GOOD_GCM, GOOD_PRF, GOOD_DH, 0, 0, 0, 8, 9, 0, 0, 1,
	};
	static const uint8_t unknown_attribute[] = {
		3, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 0, 128, 0x80, 77, 0, 1,
		GOOD_PRF, 0, 0, 0, 8, 4, 0, 0, 31,
	};
	static const uint8_t another_is_good[] = {
		3, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 0, 128, 0x80, 77, 0, 1,
		GOOD_GCM, GOOD_PRF, 0, 0, 0, 8, 4, 0, 0, 31,
	};
	static const uint8_t no_key_length[] = {
		3, 0, 0, 8, 1, 0, 0, 20, GOOD_PRF, 0, 0, 0, 8, 4, 0, 0, 31,
	};
	struct proposal chosen;

	EXPECT_EQ(select_octets(integ_none, sizeof(integ_none), 4, &chosen), 0);
	EXPECT(proposal_has(&chosen, TRANSFORM_INTEG, AUTH_NONE));
	EXPECT_EQ(select_octets(unknown_type, sizeof(unknown_type), 4, &chosen), -ENOENT);
	EXPECT_EQ(select_octets(unknown_attribute, sizeof(unknown_attribute), 3, &chosen),
		  -ENOENT);
	EXPECT_EQ(select_octets(another_is_good, sizeof(another_is_good), 4, &chosen), 0);
	EXPECT_EQ(select_octets(no_key_length, sizeof(no_key_length), 3, &chosen), -ENOENT);
	/* The number of transforms does not fit. */
	EXPECT_EQ(select_octets(integ_none, sizeof(integ_none), 3, &chosen), -EBADMSG);
	EXPECT_EQ(select_octets(integ_none, sizeof(integ_none), 5, &chosen), -EBADMSG);
}

static int verify(const char *ours_text, const char *answer_text, uint8_t number)
{
	struct proposal_list ours = parse(PROTO_ESP, ours_text);
	struct proposal_list answer = parse(PROTO_ESP, answer_text);
	struct buf body = BUF_INIT;
	struct proposal chosen;
	int r;

	answer.v[0].number = number;
	proposal_write(&body, answer.v, answer.n, (const uint8_t *)"abcd", 4);
	r = proposal_verify(&ours, PROTO_ESP, body.data, body.len, true, &chosen);
	if (!r)
		EXPECT_HEX(chosen.spi, "abcd", 4);
	proposal_list_clear(&ours);
	proposal_list_clear(&answer);
	buf_clear(&body);
	return r;
}

/* The peer may choose only from what was offered, and one of each. */
static void verification(void)
{
	EXPECT_EQ(verify("aes128gcm16-aes256gcm16-esn-noesn", "aes256gcm16-noesn", 1), 0);
	EXPECT_EQ(verify("aes128gcm16", "aes256gcm16", 1), -ENOENT);
	EXPECT_EQ(verify("aes128gcm16", "aes128gcm16-esn", 1), -ENOENT);
	EXPECT_EQ(verify("aes128gcm16", "aes128gcm16", 2), -ENOENT);
	EXPECT_EQ(verify("aes128gcm16-aes256gcm16", "aes128gcm16-aes256gcm16", 1), -ENOENT);
	EXPECT_EQ(verify("aes128gcm16", "aes128gcm16-x25519", 1), -ENOENT);
	EXPECT_EQ(verify("default", "default", 1), -ENOENT);
	EXPECT_EQ(verify("aes128-sha256", "aes128-sha384", 1), -ENOENT);
	EXPECT_EQ(verify("default", "aes256-sha512", 2), 0);
	EXPECT_EQ(verify("default", "aes256-sha512", 1), -ENOENT);
}

/* None is done twice, and what only one of several can have is left to it. */
static void key_exchanges(void)
{
	static const struct {
		const char *ours, *theirs, *want;
	} cases[] = {
		{ KE "x25519-ke1_ecp256", KE "x25519-ke1_ecp256", KE_STR "CURVE_25519/KE1_ECP_256" },
		{ KE "x25519-ecp256-ke1_x25519", KE "x25519-ecp256-ke1_x25519",
		  KE_STR "ECP_256/KE1_CURVE_25519" },
		{ KE "x25519-ecp256-ke1_x25519-ke1_ecp384", KE "x25519-ecp256-ke1_x25519",
		  KE_STR "ECP_256/KE1_CURVE_25519" },
		/* Ours is the order, the earlier exchange first. */
		{ KE "x25519-ecp256-ke1_x25519-ke1_ecp384", KE "ecp256-x25519-ke1_x25519-ke1_ecp384",
		  KE_STR "CURVE_25519/KE1_ECP_384" },
		{ KE "x25519-ke1_ecp256-ke1_ecp384-ke2_ecp256", KE "x25519-ke1_ecp256-ke1_ecp384-ke2_ecp256",
		  KE_STR "CURVE_25519/KE1_ECP_384/KE2_ECP_256" },
		/* A row of them that each take the next one's. */
		{ KE "x25519-ecp256-ke1_x25519-ke1_ecp384-ke2_ecp256-ke2_ecp521-ke3_ecp384-ke3_x25519",
		  KE "x25519-ecp256-ke1_x25519-ke1_ecp384-ke2_ecp256-ke2_ecp521-ke3_ecp384",
		  KE_STR "ECP_256/KE1_CURVE_25519/KE2_ECP_521/KE3_ECP_384" },
		{ KE "x25519-ecp256-ke1_x25519-ke1_ecp384-ke2_ecp384-ke3_ecp521",
		  KE "x25519-ecp256-ke1_x25519-ke1_ecp384-ke2_ecp384-ke3_ecp521",
		  KE_STR "ECP_256/KE1_CURVE_25519/KE2_ECP_384/KE3_ECP_521" },
		/* NONE takes nothing from anybody, and is no better than where it stands. */
		{ KE "x25519-ke1_x25519-ke1_none", KE "x25519-ke1_x25519-ke1_none",
		  KE_STR "CURVE_25519/KE1_NONE" },
		{ KE "x25519-ecp256-ke1_x25519-ke1_none", KE "x25519-ecp256-ke1_x25519-ke1_none",
		  KE_STR "CURVE_25519/KE1_NONE" },
		{ KE "x25519-ke1_none-ke1_ecp256-ke2_ecp256", KE "x25519-ke1_ecp256-ke1_none-ke2_ecp256",
		  KE_STR "CURVE_25519/KE1_NONE/KE2_ECP_256" },
		{ KE "x25519-ke1_x25519", KE "x25519-ke1_x25519", NULL },
		{ KE "x25519-ecp256-ke1_x25519-ke2_ecp256", KE "x25519-ecp256-ke1_x25519-ke2_ecp256", NULL },
		{ KE "x25519-ecp256-ke1_x25519-ke1_ecp256-ke2_ecp256-ke2_x25519",
		  KE "x25519-ecp256-ke1_x25519-ke1_ecp256-ke2_ecp256-ke2_x25519", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = choice(PROTO_IKE, cases[i].ours, cases[i].theirs, NULL, false);

		if (!got || !cases[i].want ? got != cases[i].want : strcmp(got, cases[i].want))
			ktap_fail(__FILE__, __LINE__, "%s and %s: %s, not %s", cases[i].ours,
				  cases[i].theirs, got ? got : "none",
				  cases[i].want ? cases[i].want : "none");
	}
}

static const struct ktap_test tests[] = {
	{ "keywords", keywords },
	{ "keywords that are refused", refused_keywords },
	{ "default", defaults },
	{ "on the wire", wire },
	{ "selection", selection },
	{ "key exchanges", key_exchanges },
	{ "what is unknown to us", unknown_to_us },
	{ "verification", verification },
};

KTAP_MAIN(tests)
