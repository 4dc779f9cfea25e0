// SPDX-License-Identifier: GPL-2.0
/* Key pairs made ahead are as good as others, and each is given out once. */
#include <string.h>

#include "dh_pool.h"
#include "ikev2.h"
#include "jobs.h"
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

static void turn_until_idle(struct loop *loop)
{
	while (jobs_count())
		EXPECT_EQ(loop_turn(loop, -1), 0);
}

/* Threads make them, as many as there is room for, and the loop none. */
static void by_threads(void)
{
	struct loop *loop = loop_new();
	unsigned int i;

	REQUIRE(loop);
	dh_pool_open(loop);
	EXPECT_EQ(jobs_open(loop, 2), 0);
	for (i = 0; i < TAKEN; i++) {
		take(i, i % 2 ? DH_ECP_256 : DH_CURVE25519);
		EXPECT_EQ(jobs_count(), 1);
		if (i < TAKEN / 2)
			turn_until_idle(loop);
	}
	put_back(TAKEN);
	dh_pool_close();
	jobs_close();
	loop_free(loop);
}

/* It closes while a thread is at one, or is about to be, and opens again. */
static void closed_meanwhile(void)
{
	for (unsigned int i = 0; i < TAKEN; i++) {
		struct loop *loop = loop_new();

		REQUIRE(loop);
		dh_pool_open(loop);
		EXPECT_EQ(jobs_open(loop, 1), 0);
		take(0, DH_ECP_384);
		put_back(1);
		dh_pool_close();
		dh_pool_open(loop);
		take(0, DH_CURVE25519);
		put_back(1);
		if (i % 2)
			turn_until_idle(loop);
		dh_pool_close();
		jobs_close();
		loop_free(loop);
	}
}

/* A responder that there is no key pair for makes one with its secret. */
static void responder(void)
{
	uint8_t public[DH_PUBLIC_MAX], shared[DH_PUBLIC_MAX];
	struct loop *loop = loop_new();
	struct dh *dh;
	size_t len;

	REQUIRE(loop);
	dh_pool_open(loop);
	dh = dh_pool_take_responder(DH_CURVE25519);
	REQUIRE(dh);
	EXPECT(dh_public(dh, public));
	take(0, DH_CURVE25519);
	EXPECT_EQ(dh_shared(dh, publics[0], dh_value_len(taken[0]), shared, &len), 0);
	EXPECT(!dh_public(dh, public));
	dh_free(dh);
	EXPECT_EQ(loop_turn(loop, 0), 0);
	dh = dh_pool_take_responder(DH_CURVE25519);
	REQUIRE(dh);
	EXPECT(!dh_public(dh, public));
	dh_free(dh);
	put_back(1);
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
	{ "by threads", by_threads },
	{ "closed meanwhile", closed_meanwhile },
	{ "a responder", responder },
};

KTAP_MAIN(tests)
