// SPDX-License-Identifier: GPL-2.0
/* Messages sealed and opened in a softirq that came while the vector unit was in use. */

#include <asm/simd.h>
#include <crypto/internal/simd.h>
#include <kunit/test.h>
#include <linux/netlink.h>
#include <net/netlink.h>
#ifdef CONFIG_X86
#include <asm/fpu/api.h>
#endif

#include "../crypto.h"
#include "../wire.h"

#define KEY_LEN (32 + 4)
#define INNER_LEN 100
#define HEADERS_LEN IKEFP_SK_HEADERS_LEN

#ifdef CONFIG_X86
static struct nlattr *attribute(struct kunit *test, int len)
{
	struct nlattr *attr = kunit_kzalloc(test, nla_total_size(len), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, attr);
	attr->nla_len = nla_attr_size(len);
	return attr;
}

static void seal_and_open(struct kunit *test, struct ikefp_crypto *from, struct ikefp_crypto *to,
			  bool seal_in_use, bool open_in_use)
{
	u32 len = ikefp_crypto_sealed_len(from, HEADERS_LEN, INNER_LEN);
	u8 *message = kunit_kzalloc(test, len, GFP_KERNEL);
	u8 inner[INNER_LEN], *opened = NULL;
	u32 opened_len = 0;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, message);
	memset(inner, 0x5a, sizeof(inner));
	if (seal_in_use)
		kernel_fpu_begin();
	err = crypto_simd_usable() == seal_in_use;
	err = err ?: ikefp_crypto_seal(from, message, HEADERS_LEN, len, inner, sizeof(inner));
	if (seal_in_use)
		kernel_fpu_end();
	KUNIT_EXPECT_EQ(test, 0, err);

	if (open_in_use)
		kernel_fpu_begin();
	err = crypto_simd_usable() == open_in_use;
	err = err ?: ikefp_crypto_open(to, message, HEADERS_LEN, len, &opened, &opened_len);
	if (open_in_use)
		kernel_fpu_end();
	KUNIT_ASSERT_EQ(test, 0, err);
	KUNIT_ASSERT_EQ(test, opened_len, INNER_LEN);
	KUNIT_EXPECT_EQ(test, 0, memcmp(opened, inner, INNER_LEN));
}

static void in_use(struct kunit *test)
{
	struct nlattr *keys[IKEFP_A_KEYS_MAX + 1] = {};
	struct ikefp_crypto *initiator, *responder;
	int i;

	keys[IKEFP_A_KEYS_ENCR] = attribute(test, sizeof(u16));
	*(u16 *)nla_data(keys[IKEFP_A_KEYS_ENCR]) = 20;
	keys[IKEFP_A_KEYS_SK_EI] = attribute(test, KEY_LEN);
	memset(nla_data(keys[IKEFP_A_KEYS_SK_EI]), 1, KEY_LEN);
	keys[IKEFP_A_KEYS_SK_ER] = attribute(test, KEY_LEN);
	memset(nla_data(keys[IKEFP_A_KEYS_SK_ER]), 2, KEY_LEN);

	initiator = ikefp_crypto_new(keys, IKEFP_ROLE_INITIATOR, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(initiator));
	responder = ikefp_crypto_new(keys, IKEFP_ROLE_RESPONDER, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(responder));
	for (i = 0; i < 4; i++) {
		seal_and_open(test, initiator, responder, i & 1, i & 2);
		seal_and_open(test, responder, initiator, i & 1, i & 2);
	}
	ikefp_crypto_free(responder);
	ikefp_crypto_free(initiator);
}
#else
static void in_use(struct kunit *test)
{
	kunit_skip(test, "not an x86");
}
#endif

static struct kunit_case cases[] = {
	KUNIT_CASE(in_use),
	{}
};

static struct kunit_suite suite = { .name = "crypto", .test_cases = cases };

kunit_test_suite(suite);
