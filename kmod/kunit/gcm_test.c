// SPDX-License-Identifier: GPL-2.0
/* AES-GCM without the vector unit: as its authors say, and as the kernel's own does it. */

#include <crypto/aead.h>
#include <kunit/test.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "../gcm.h"

#define AD_MAX 40
#define ICV_LEN IKEFP_GCM_ICV_LEN

struct vector {
	struct ikefp_gcm_key key;
	u32 text_len;
	u8 sealed[16 + ICV_LEN];
};

/* Test cases 1, 2, 13 and 14 of the GCM specification: all is zero but the result. */
static const struct vector vectors[] = {
	{ .key.len = 16, .text_len = 0,
	  .sealed = { 0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61,
		      0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a } },
	{ .key.len = 16, .text_len = 16,
	  .sealed = { 0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92,
		      0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78,
		      0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd,
		      0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf } },
	{ .key.len = 32, .text_len = 0,
	  .sealed = { 0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9,
		      0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b } },
	{ .key.len = 32, .text_len = 16,
	  .sealed = { 0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
		      0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18,
		      0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
		      0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19 } },
};

static void specification(struct kunit *test)
{
	static const u8 nonce[IKEFP_GCM_NONCE_LEN];
	static const u8 zero[16];
	int i;

	for (i = 0; i < ARRAY_SIZE(vectors); i++) {
		const struct vector *vector = &vectors[i];
		u8 text[16 + ICV_LEN] = {};

		KUNIT_EXPECT_EQ(test, 0, ikefp_gcm_seal(&vector->key, nonce, NULL, 0, text,
							vector->text_len));
		KUNIT_EXPECT_EQ(test, 0, memcmp(text, vector->sealed, vector->text_len + ICV_LEN));
		KUNIT_EXPECT_EQ(test, 0, ikefp_gcm_open(&vector->key, nonce, NULL, 0, text,
							vector->text_len));
		KUNIT_EXPECT_EQ(test, 0, memcmp(text, zero, vector->text_len));
	}
}

static int kernels_seal(struct crypto_aead *aead, const struct ikefp_gcm_key *key,
			const u8 *nonce, u8 *ad, u32 ad_len, u8 *text, u32 text_len)
{
	struct aead_request *request;
	struct scatterlist sg[2];
	u8 iv[IKEFP_GCM_NONCE_LEN];
	int err;

	err = crypto_aead_setkey(aead, key->octets, key->len);
	if (err)
		return err;
	request = aead_request_alloc(aead, GFP_KERNEL);
	if (!request)
		return -ENOMEM;
	memcpy(iv, nonce, sizeof(iv));
	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], ad, ad_len);
	sg_set_buf(&sg[1], text, text_len + ICV_LEN);
	aead_request_set_callback(request, 0, NULL, NULL);
	aead_request_set_ad(request, ad_len);
	aead_request_set_crypt(request, sg, sg, text_len, iv);
	err = crypto_aead_encrypt(request);
	aead_request_free(request);
	return err;
}

/* All the tails of a block, of both parts, and the longest message. */
static void as_the_kernels(struct kunit *test)
{
	static const u32 long_lens[] = { 127, 128, 129, 255, 256, 257, 1472, 4095, 4097, 65535 };
	u32 room = 65535 + ICV_LEN;
	u8 *plain = kunit_kzalloc(test, room, GFP_KERNEL);
	u8 *ours = kunit_kzalloc(test, room, GFP_KERNEL);
	u8 *kernels = kunit_kzalloc(test, room, GFP_KERNEL);
	u8 *ad = kunit_kzalloc(test, AD_MAX, GFP_KERNEL);
	u8 nonce[IKEFP_GCM_NONCE_LEN];
	struct crypto_aead *aead;
	struct ikefp_gcm_key key;
	u32 i, ad_len, len;

	KUNIT_ASSERT_TRUE(test, plain && ours && kernels && ad);
	aead = crypto_alloc_aead("gcm(aes)", 0, CRYPTO_ALG_ASYNC);
	KUNIT_ASSERT_FALSE(test, IS_ERR(aead));
	for (i = 0; i < 2 * (100 + ARRAY_SIZE(long_lens)); i++) {
		len = i / 2 < 100 ? i / 2 : long_lens[i / 2 - 100];
		ad_len = 1 + i % AD_MAX;
		key.len = i % 2 ? 32 : 16;
		get_random_bytes(key.octets, sizeof(key.octets));
		get_random_bytes(nonce, sizeof(nonce));
		get_random_bytes(ad, ad_len);
		get_random_bytes(plain, len);
		memcpy(ours, plain, len);
		memcpy(kernels, plain, len);
		KUNIT_EXPECT_EQ(test, 0, kernels_seal(aead, &key, nonce, ad, ad_len, kernels, len));
		KUNIT_EXPECT_EQ(test, 0, ikefp_gcm_seal(&key, nonce, ad, ad_len, ours, len));
		KUNIT_EXPECT_EQ_MSG(test, 0, memcmp(ours, kernels, len + ICV_LEN),
				    "%u octets, %u of them authentic only", len, ad_len);
		KUNIT_EXPECT_EQ(test, 0, ikefp_gcm_open(&key, nonce, ad, ad_len, kernels, len));
		KUNIT_EXPECT_EQ(test, 0, memcmp(kernels, plain, len));
	}
	crypto_free_aead(aead);
}

static void every_bit_counts(struct kunit *test)
{
	struct ikefp_gcm_key key = { .len = 32 };
	u8 message[28 + 33 + ICV_LEN], sealed[sizeof(message)], nonce[IKEFP_GCM_NONCE_LEN] = { 1 };
	int i;

	get_random_bytes(key.octets, sizeof(key.octets));
	get_random_bytes(sealed, sizeof(sealed));
	KUNIT_ASSERT_EQ(test, 0, ikefp_gcm_seal(&key, nonce, sealed, 28, sealed + 28, 33));
	for (i = 0; i < 8 * sizeof(message); i++) {
		memcpy(message, sealed, sizeof(message));
		message[i / 8] ^= 1 << i % 8;
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				ikefp_gcm_open(&key, nonce, message, 28, message + 28, 33));
		message[i / 8] ^= 1 << i % 8;
		KUNIT_EXPECT_EQ(test, 0, memcmp(message, sealed, sizeof(message)));
	}
	for (i = 0; i < 8 * sizeof(nonce); i++) {
		nonce[i / 8] ^= 1 << i % 8;
		KUNIT_EXPECT_EQ(test, -EBADMSG,
				ikefp_gcm_open(&key, nonce, sealed, 28, sealed + 28, 33));
		nonce[i / 8] ^= 1 << i % 8;
	}
	KUNIT_EXPECT_EQ(test, 0, ikefp_gcm_open(&key, nonce, sealed, 28, sealed + 28, 33));
}

static void no_such_key(struct kunit *test)
{
	static const struct ikefp_gcm_key key = { .len = 15 };
	u8 nonce[IKEFP_GCM_NONCE_LEN] = {}, text[1 + ICV_LEN] = {};

	KUNIT_EXPECT_EQ(test, -EINVAL, ikefp_gcm_seal(&key, nonce, NULL, 0, text, 1));
	KUNIT_EXPECT_EQ(test, -EINVAL, ikefp_gcm_open(&key, nonce, NULL, 0, text, 1));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(specification),
	KUNIT_CASE(as_the_kernels),
	KUNIT_CASE(every_bit_counts),
	KUNIT_CASE(no_such_key),
	{}
};

static struct kunit_suite suite = { .name = "gcm", .test_cases = cases };

kunit_test_suite(suite);
