// SPDX-License-Identifier: GPL-2.0
/* The header, the chain of payloads, the SK payload (RFC 7296 section 3). */

#include <kunit/test.h>

#include "../wire.h"

static const u8 header_octets[IKEFP_HEADER_LEN] = {
	0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* SPIi */
	0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, /* SPIr */
	46, 0x20, 37, 0x28, /* SK, version 2.0, INFORMATIONAL, a response of the initiator */
	0xfe, 0xdc, 0xba, 0x98, /* message ID */
	0x00, 0x01, 0x02, 0x03, /* length */
};

static const struct ikefp_header header = {
	.spi_i = 0x0102030405060708,
	.spi_r = 0xf1f2f3f4f5f6f7f8,
	.first_payload = IKEFP_PAYLOAD_SK,
	.version = IKEFP_VERSION_2_0,
	.exchange_type = IKEFP_INFORMATIONAL,
	.flags = IKEFP_FLAG_INITIATOR | IKEFP_FLAG_RESPONSE,
	.message_id = 0xfedcba98,
	.length = 0x00010203,
};

/* A copy that ends where the memory does, so that KASAN sees a step too far. */
static u8 *copy(struct kunit *test, const void *octets, size_t len)
{
	u8 *to = kunit_kmalloc(test, len ?: 1, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, to);
	memcpy(to, octets, len);
	return to;
}

static void header_fields(struct kunit *test)
{
	struct ikefp_header read;
	u8 written[IKEFP_HEADER_LEN + 1];
	int shift;

	/* At any alignment. */
	for (shift = 0; shift <= 1; shift++) {
		memset(written, 0xaa, sizeof(written));
		ikefp_wire_put_header(written + shift, &header);
		KUNIT_EXPECT_MEMEQ(test, written + shift, header_octets, IKEFP_HEADER_LEN);
		KUNIT_EXPECT_EQ(test, written[shift ? 0 : IKEFP_HEADER_LEN], 0xaa);
		ikefp_wire_get_header(written + shift, &read);
		KUNIT_EXPECT_EQ(test, read.spi_i, header.spi_i);
		KUNIT_EXPECT_EQ(test, read.spi_r, header.spi_r);
		KUNIT_EXPECT_EQ(test, read.first_payload, header.first_payload);
		KUNIT_EXPECT_EQ(test, read.version, header.version);
		KUNIT_EXPECT_EQ(test, read.exchange_type, header.exchange_type);
		KUNIT_EXPECT_EQ(test, read.flags, header.flags);
		KUNIT_EXPECT_EQ(test, read.message_id, header.message_id);
		KUNIT_EXPECT_EQ(test, read.length, header.length);
	}
}

struct header_case {
	const char *what;
	u64 spi_i;
	u64 spi_r;
	u8 version;
	u8 exchange_type;
	u8 flags;
	u32 message_id;
	u32 length;
	size_t len;
	int reason;
};

static const struct header_case header_cases[] = {
	/* IKE_SA_INIT */
	{ "first", 1, 0, 0x20, 34, 0x08, 0, 100, 100, 0 },
	{ "its answer", 1, 2, 0x20, 34, 0x20, 0, 100, 100, 0 },
	{ "an answer without a SPI", 1, 0, 0x20, 34, 0x20, 0, 100, 100, 0 },
	{ "nothing in it", 1, 0, 0x20, 34, 0x08, 0, 28, 28, 0 },
	{ "first of nobody", 0, 0, 0x20, 34, 0x08, 0, 100, 100, IKEFP_A_STATS_DROP_UNKNOWN_SPI },
	{ "first with two SPIs", 1, 2, 0x20, 34, 0x08, 0, 100, 100, IKEFP_A_STATS_DROP_FLAGS },
	{ "an initiator's answer", 1, 2, 0x20, 34, 0x28, 0, 9, 9, IKEFP_A_STATS_DROP_FLAGS },
	{ "a responder's request", 1, 2, 0x20, 34, 0x00, 0, 9, 9, IKEFP_A_STATS_DROP_FLAGS },
	{ "the second", 1, 0, 0x20, 34, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_MESSAGE_ID },
	/* All others */
	{ "IKE_AUTH", 1, 2, 0x20, 35, 0x08, 1, 100, 100, 0 },
	{ "CREATE_CHILD_SA", 1, 2, 0x20, 36, 0x28, 9, 100, 100, 0 },
	{ "INFORMATIONAL", 1, 2, 0x20, 37, 0x00, U32_MAX, 100, 100, 0 },
	{ "IKE_INTERMEDIATE", 1, 2, 0x20, 43, 0x20, 1, 100, 100, 0 },
	{ "IKE_FOLLOWUP_KE", 1, 2, 0x20, 44, 0x08, 1, 100, 100, 0 },
	{ "no responder", 1, 0, 0x20, 35, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_UNKNOWN_SPI },
	{ "no initiator", 0, 2, 0x20, 35, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_UNKNOWN_SPI },
	{ "below", 1, 2, 0x20, 33, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_EXCHANGE_TYPE },
	{ "between", 1, 2, 0x20, 38, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_EXCHANGE_TYPE },
	{ "above", 1, 2, 0x20, 45, 0x08, 1, 9, 9, IKEFP_A_STATS_DROP_EXCHANGE_TYPE },
	/* What section 3.1 says to ignore */
	{ "minor version", 1, 2, 0x2f, 37, 0x08, 1, 100, 100, 0 },
	{ "reserved flags", 1, 2, 0x20, 37, 0xd7, 1, 100, 100, 0 },
	/* Versions come first, lengths second */
	{ "IKEv1", 0, 0, 0x10, 2, 0, 0, 5, 9, IKEFP_A_STATS_DROP_VERSION },
	{ "IKEv3", 1, 0, 0x30, 34, 0x08, 0, 5, 9, IKEFP_A_STATS_DROP_VERSION },
	{ "too short", 0, 0, 0x20, 99, 0, 0, 99, 100, IKEFP_A_STATS_DROP_LENGTH },
	{ "too long", 0, 0, 0x20, 99, 0, 0, 101, 100, IKEFP_A_STATS_DROP_LENGTH },
	{ "the longest", 1, 2, 0x20, 37, 0, 0, IKEFP_MAX_MESSAGE, IKEFP_MAX_MESSAGE, 0 },
	{ "longer than that", 1, 2, 0x20, 37, 0, 0, IKEFP_MAX_MESSAGE + 1, IKEFP_MAX_MESSAGE + 1,
	  IKEFP_A_STATS_DROP_LENGTH },
};

static void header_name(const struct header_case *param, char *name)
{
	strscpy(name, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, header_cases, header_name);

static void header_checks(struct kunit *test)
{
	const struct header_case *param = test->param_value;
	const struct ikefp_header checked = {
		.spi_i = param->spi_i,
		.spi_r = param->spi_r,
		.version = param->version,
		.exchange_type = param->exchange_type,
		.flags = param->flags,
		.message_id = param->message_id,
		.length = param->length,
	};

	KUNIT_EXPECT_EQ(test, ikefp_wire_check_header(&checked, param->len), param->reason);
}

struct chain_case {
	const char *what;
	u8 first;
	u8 len;
	u8 octets[16];
	bool good;
};

static const struct chain_case chain_cases[] = {
	{ "one", 33, 8, { 0, 0, 0, 8, 1, 2, 3, 4 }, true },
	{ "one, empty", 33, 4, { 0, 0, 0, 4 }, true },
	{ "two", 33, 12, { 34, 0, 0, 8, 1, 2, 3, 4, 0, 0, 0, 4 }, true },
	{ "three", 33, 12, { 34, 0, 0, 4, 40, 0, 0, 4, 0, 0, 0, 4 }, true },
	{ "critical, unknown", 200, 4, { 0, 0x80, 0, 4 }, true },
	{ "none", 0, 0, {}, false },
	{ "none, but octets", 0, 4, { 0, 0, 0, 4 }, false },
	{ "one that is not there", 33, 0, {}, false },
	{ "half a header", 33, 3, { 0, 0, 0 }, false },
	{ "length 0", 33, 4, { 0, 0, 0, 0 }, false },
	{ "length 0 for ever", 33, 4, { 33, 0, 0, 0 }, false },
	{ "length 3", 33, 4, { 0, 0, 0, 3 }, false },
	{ "one octet too long", 33, 8, { 0, 0, 0, 9, 1, 2, 3, 4 }, false },
	{ "much too long", 33, 8, { 0, 0, 0xff, 0xff, 1, 2, 3, 4 }, false },
	{ "one octet left", 33, 9, { 0, 0, 0, 8, 1, 2, 3, 4, 5 }, false },
	{ "the second is missing", 33, 8, { 34, 0, 0, 8, 1, 2, 3, 4 }, false },
	{ "the second is cut", 33, 10, { 34, 0, 0, 8, 1, 2, 3, 4, 0, 0 }, false },
	{ "SK", 46, 4, { 0, 0, 0, 4 }, false },
	{ "SKF", 53, 4, { 0, 0, 0, 4 }, false },
	{ "SK second", 33, 8, { 46, 0, 0, 4, 0, 0, 0, 4 }, false },
	{ "SKF second", 33, 8, { 53, 0, 0, 4, 0, 0, 0, 4 }, false },
};

static void chain_name(const struct chain_case *param, char *name)
{
	strscpy(name, param->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(chain, chain_cases, chain_name);

static void payload_chains(struct kunit *test)
{
	const struct chain_case *param = test->param_value;
	u8 *octets = copy(test, param->octets, param->len);

	KUNIT_EXPECT_EQ(test, ikefp_wire_check_payloads(octets, param->len, param->first),
			param->good);
}

/* Of a good chain every shorter part is bad, and is not read past its end. */
static void truncated_chain(struct kunit *test)
{
	static const u8 chain[] = { 34, 0, 0, 8, 1, 2, 3, 4, 40, 0, 0, 5, 9, 0, 0, 0, 7, 1, 2, 3 };
	size_t len;

	for (len = 0; len <= sizeof(chain); len++) {
		u8 *octets = copy(test, chain, len);

		KUNIT_EXPECT_EQ_MSG(test, ikefp_wire_check_payloads(octets, len, 33),
				    len == sizeof(chain), "%zu octets", len);
		kunit_kfree(test, octets);
	}
}

/* As long as a message gets, in the largest step and in the smallest ones. */
static void longest_chain(struct kunit *test)
{
	const size_t len = 65532;
	u8 *octets = kunit_kzalloc(test, len, GFP_KERNEL);
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, octets);
	octets[2] = len >> 8;
	octets[3] = len & 0xff;
	KUNIT_EXPECT_TRUE(test, ikefp_wire_check_payloads(octets, len, 33));
	for (i = 0; i < len; i += 4)
		ikefp_wire_put_sk(octets + i, i + 4 < len ? 33 : 0, 4);
	KUNIT_EXPECT_TRUE(test, ikefp_wire_check_payloads(octets, len, 33));
	octets[len - 4] = 33;
	KUNIT_EXPECT_FALSE(test, ikefp_wire_check_payloads(octets, len, 33));
}

static int check_sk(struct kunit *test, u8 first, u16 sk_len, size_t len, u8 *inner)
{
	u8 octets[IKEFP_HEADER_LEN + 64] = {};
	int reason;
	u8 *message;

	octets[16] = first;
	ikefp_wire_put_sk(octets + IKEFP_HEADER_LEN, 41, sk_len);
	message = copy(test, octets, len);
	reason = ikefp_wire_check_sk(message, len, inner);
	kunit_kfree(test, message);
	return reason;
}

static void sk_payload(struct kunit *test)
{
	u8 inner = 0;

	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 32, 60, &inner), 0);
	KUNIT_EXPECT_EQ(test, inner, 41);
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 4, 32, &inner), 0);
	/* Less than its header, or not the rest of the message. */
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 4, 31, &inner), IKEFP_A_STATS_DROP_MALFORMED);
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 0, 28, &inner), IKEFP_A_STATS_DROP_MALFORMED);
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 31, 60, &inner), IKEFP_A_STATS_DROP_MALFORMED);
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 33, 60, &inner), IKEFP_A_STATS_DROP_MALFORMED);
	KUNIT_EXPECT_EQ(test, check_sk(test, 46, 0xffff, 60, &inner),
			IKEFP_A_STATS_DROP_MALFORMED);
	/* In the clear, or with something in the clear before it. */
	KUNIT_EXPECT_EQ(test, check_sk(test, 41, 32, 60, &inner), IKEFP_A_STATS_DROP_NOT_SEALED);
	KUNIT_EXPECT_EQ(test, check_sk(test, 0, 0, 28, &inner), IKEFP_A_STATS_DROP_NOT_SEALED);
}

static void sk_header(struct kunit *test)
{
	u8 octets[5] = { 0xaa, 0xaa, 0xaa, 0xaa, 0xaa };

	ikefp_wire_put_sk(octets, 33, 0xfedc);
	KUNIT_EXPECT_MEMEQ(test, octets, ((u8[]){ 33, 0, 0xfe, 0xdc, 0xaa }), 5);
}

/* RFC 7296 sections 2.5 and 3.10, octet for octet. */
static void invalid_major_version(struct kunit *test)
{
	static const u8 notify[] = { 0, 0, 0, 8, 0, 0, 0, 5 };
	u8 octets[IKEFP_INVALID_MAJOR_VERSION_LEN];
	struct ikefp_header request = header, answer;

	request.version = 0x35;
	request.exchange_type = 77;
	request.flags = IKEFP_FLAG_INITIATOR;
	memset(octets, 0xaa, sizeof(octets));
	ikefp_wire_put_invalid_major_version(octets, &request);
	ikefp_wire_get_header(octets, &answer);
	KUNIT_EXPECT_EQ(test, answer.spi_i, request.spi_i);
	KUNIT_EXPECT_EQ(test, answer.spi_r, request.spi_r);
	KUNIT_EXPECT_EQ(test, answer.first_payload, 41);
	KUNIT_EXPECT_EQ(test, answer.version, 0x20);
	KUNIT_EXPECT_EQ(test, answer.exchange_type, 77);
	KUNIT_EXPECT_EQ(test, answer.flags, IKEFP_FLAG_RESPONSE);
	KUNIT_EXPECT_EQ(test, answer.message_id, request.message_id);
	KUNIT_EXPECT_EQ(test, answer.length, sizeof(octets));
	KUNIT_EXPECT_MEMEQ(test, octets + IKEFP_HEADER_LEN, notify, sizeof(notify));

	/* The initiator is the other one then. */
	request.flags = 0;
	ikefp_wire_put_invalid_major_version(octets, &request);
	ikefp_wire_get_header(octets, &answer);
	KUNIT_EXPECT_EQ(test, answer.flags, IKEFP_FLAG_RESPONSE | IKEFP_FLAG_INITIATOR);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(header_fields),
	KUNIT_CASE_PARAM(header_checks, header_gen_params),
	KUNIT_CASE_PARAM(payload_chains, chain_gen_params),
	KUNIT_CASE(truncated_chain),
	KUNIT_CASE(longest_chain),
	KUNIT_CASE(sk_payload),
	KUNIT_CASE(sk_header),
	KUNIT_CASE(invalid_major_version),
	{}
};

static struct kunit_suite suite = { .name = "wire", .test_cases = cases };

kunit_test_suite(suite);
