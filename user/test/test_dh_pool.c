// SPDX-License-Identifier: GPL-2.0
/* Key pairs made ahead are as good as others, and each is given out once. */
#include <string.h>

#include "dh_pool.h"
#include "ikev2.h"
#include "ktap.h"
#include "loop.h"

#define TAKEN	20

static struct dh *taken[TAKEN];
static uint8_t publics[TAKEN][DH_PUBLIC_MAX];

static void take(unsigned int i, uint16_t group)
{
	taken[i] = dh_pool_take(group);
	REQUIRE(taken[i]);
	EXPECT_EQ(dh_group(taken[i]), group);
	EXPECT_EQ(dh_public(taken[i], publics[i]), 0);
}

/* All of one group: no two are the same, and each agrees with the next. */
static void all_differ(unsigned int n)
{
	uint8_t a[DH_PUBLIC_MAX], b[DH_PUBLIC_MAX];
	size_t len = dh_public_len(dh_group(taken[0])), a_len, b_len;
	unsigned int i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			EXPECT(memcmp(publics[i], publics[j], len));
	for (i = 1; i < n; i++) {
		EXPECT_EQ(dh_shared(taken[i], publics[i - 1], len, a, &a_len), 0);
		EXPECT_EQ(dh_shared(taken[i - 1], publics[i], len, b, &b_len), 0);
		EXPECT(a_len == b_len && !memcmp(a, b, a_len));
	}
}

static void put_back(unsigned int n)
{
	while (n)
		dh_free(taken[--n]);
}

static void given_out_once(void)
{
	struct loop *loop = loop_new();
	unsigned int i;

	REQUIRE(loop);
	dh_pool_open(loop);
	for (i = 0; i < TAKEN; i++) {
		/* Those of the first turns come from the pool, those of the last do not. */
		for (unsigned int turns = i < TAKEN / 2 ? 3 : 0; turns; turns--)
			EXPECT_EQ(loop_turn(loop, 0), 0);
		take(i, DH_CURVE25519);
	}
	all_differ(TAKEN);
	put_back(TAKEN);
	dh_pool_close();
	loop_free(loop);
}

static void of_each_group(void)
{
	struct loop *loop = loop_new();
	unsigned int i;

	REQUIRE(loop);
	dh_pool_open(loop);
	for (i = 0; i < 6; i++) {
		take(i, i % 2 ? DH_ECP_256 : DH_CURVE25519);
		EXPECT_EQ(loop_turn(loop, 0), 0);
		EXPECT_EQ(loop_turn(loop, 0), 0);
	}
	put_back(6);
	EXPECT(!dh_pool_take(0));
	EXPECT(!dh_pool_take(2));
	dh_pool_close();
	loop_free(loop);
}

/* A daemon's core without a loop of its own. */
static void not_open(void)
{
	take(0, DH_CURVE25519);
	take(1, DH_CURVE25519);
	all_differ(2);
	put_back(2);
}

static const struct ktap_test tests[] = {
	{ "each is given out once", given_out_once },
	{ "of each group", of_each_group },
	{ "not open", not_open },
};

KTAP_MAIN(tests)
