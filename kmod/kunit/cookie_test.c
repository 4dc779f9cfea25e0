// SPDX-License-Identifier: GPL-2.0
/* Stateless cookies: what they are bound to, and how long they are good. */

#include <kunit/test.h>

#include "../cookie.h"

#define LIFE 1000ull

static const u8 secret_a[IKEFP_COOKIE_SECRET_LEN] = { 1 };
static const u8 secret_b[IKEFP_COOKIE_SECRET_LEN] = { 2 };
static const u8 secret_c[IKEFP_COOKIE_SECRET_LEN] = { 3 };
static const u8 address[IKEFP_COOKIE_ADDRESS_LEN] = { 192, 0, 2, 1 };
static u8 nonce[IKEFP_NONCE_MAX] = { 5, 6, 7 };

static const struct ikefp_cookie_owner owner = {
	.spi_i = 0x0102030405060708ull, .address = address, .nonce = nonce, .nonce_len = 32,
};

static struct ikefp_cookie_secrets two_secrets(void)
{
	struct ikefp_cookie_secrets secrets = {};

	ikefp_cookie_new_secret(&secrets, LIFE, secret_a);
	ikefp_cookie_new_secret(&secrets, LIFE, secret_b);
	return secrets;
}

static void good(struct kunit *test)
{
	const struct ikefp_cookie_secrets secrets = two_secrets();
	struct ikefp_cookie_owner other = owner;
	u8 cookie[IKEFP_COOKIE_LEN];

	ikefp_cookie_make(&secrets, &owner, cookie);
	KUNIT_EXPECT_EQ(test, cookie[0], secrets.version);
	KUNIT_EXPECT_TRUE(test, ikefp_cookie_is_good(&secrets, &owner, cookie, sizeof(cookie)));
	other.nonce_len = IKEFP_NONCE_MAX;
	ikefp_cookie_make(&secrets, &other, cookie);
	KUNIT_EXPECT_TRUE(test, ikefp_cookie_is_good(&secrets, &other, cookie, sizeof(cookie)));
}

static void every_bit_counts(struct kunit *test)
{
	const struct ikefp_cookie_secrets secrets = two_secrets();
	u8 cookie[IKEFP_COOKIE_LEN + 1] = {};
	int i;

	ikefp_cookie_make(&secrets, &owner, cookie);
	for (i = 0; i < 8 * IKEFP_COOKIE_LEN; i++) {
		cookie[i / 8] ^= 1 << i % 8;
		KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &owner, cookie,
							      IKEFP_COOKIE_LEN));
		cookie[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i <= IKEFP_COOKIE_LEN + 1; i++)
		KUNIT_EXPECT_EQ(test, ikefp_cookie_is_good(&secrets, &owner, cookie, i),
				i == IKEFP_COOKIE_LEN);
}

static void bound_to_its_owner(struct kunit *test)
{
	const struct ikefp_cookie_secrets secrets = two_secrets();
	struct ikefp_cookie_owner other;
	u8 changed[IKEFP_NONCE_MAX];
	u8 cookie[IKEFP_COOKIE_LEN];
	int i;

	ikefp_cookie_make(&secrets, &owner, cookie);
	other = owner;
	other.spi_i++;
	KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &other, cookie, sizeof(cookie)));
	other = owner;
	other.nonce_len--;
	KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &other, cookie, sizeof(cookie)));
	other = owner;
	other.address = changed;
	for (i = 0; i < IKEFP_COOKIE_ADDRESS_LEN; i++) {
		memcpy(changed, address, sizeof(address));
		changed[i] ^= 1;
		KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &other, cookie,
							      sizeof(cookie)));
	}
	other = owner;
	other.nonce = changed;
	for (i = 0; i < owner.nonce_len; i++) {
		memcpy(changed, nonce, sizeof(nonce));
		changed[i] ^= 1;
		KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &other, cookie,
							      sizeof(cookie)));
	}
}

/* Good with its secret and the next one, not after; also where the version wraps. */
static void two_are_good(struct kunit *test)
{
	struct ikefp_cookie_secrets secrets = two_secrets();
	u8 cookie[IKEFP_COOKIE_LEN];
	int i;

	for (i = 0; i < 300; i++) {
		ikefp_cookie_make(&secrets, &owner, cookie);
		ikefp_cookie_new_secret(&secrets, LIFE, secret_c);
		KUNIT_EXPECT_TRUE(test, ikefp_cookie_is_good(&secrets, &owner, cookie,
							     sizeof(cookie)));
		ikefp_cookie_new_secret(&secrets, LIFE, i % 2 ? secret_a : secret_b);
		KUNIT_EXPECT_FALSE(test, ikefp_cookie_is_good(&secrets, &owner, cookie,
							      sizeof(cookie)));
	}
}

static void secrets_due(struct kunit *test)
{
	struct ikefp_cookie_secrets secrets = two_secrets();

	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, LIFE, LIFE), 0);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, 2 * LIFE - 1, LIFE), 0);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, 2 * LIFE, LIFE), 1);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, 3 * LIFE - 1, LIFE), 1);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, 3 * LIFE, LIFE), 2);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, U64_MAX, LIFE), 2);
	ikefp_cookie_new_secret(&secrets, 2 * LIFE, secret_c);
	KUNIT_EXPECT_EQ(test, ikefp_cookie_secrets_due(&secrets, 2 * LIFE, LIFE), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(good),
	KUNIT_CASE(every_bit_counts),
	KUNIT_CASE(bound_to_its_owner),
	KUNIT_CASE(two_are_good),
	KUNIT_CASE(secrets_due),
	{}
};

static struct kunit_suite suite = { .name = "cookie", .test_cases = cases };

kunit_test_suite(suite);
