// SPDX-License-Identifier: GPL-2.0
/* The token bucket, and sets of them. */

#include <kunit/test.h>

#include "../ratelimit.h"

#define SECOND 1000000000ull

static u32 take_all(struct ikefp_bucket *bucket, u64 now, u32 per_second, u32 burst)
{
	u32 taken = 0;

	while (taken <= burst && ikefp_bucket_take(bucket, now, per_second, burst))
		taken++;
	return taken;
}

static void full_at_first(struct kunit *test)
{
	struct ikefp_bucket bucket = {};

	KUNIT_EXPECT_EQ(test, take_all(&bucket, SECOND, 10, 7), 7);
	KUNIT_EXPECT_FALSE(test, ikefp_bucket_take(&bucket, SECOND, 10, 7));
}

/* Not a nanosecond before it is due, and what was refused costs nothing. */
static void next_token(struct kunit *test)
{
	struct ikefp_bucket bucket = {};
	u64 now = SECOND;

	take_all(&bucket, now, 10, 3);
	KUNIT_EXPECT_FALSE(test, ikefp_bucket_take(&bucket, now + SECOND / 20, 10, 3));
	KUNIT_EXPECT_FALSE(test, ikefp_bucket_take(&bucket, now + SECOND / 10 - 1, 10, 3));
	KUNIT_EXPECT_TRUE(test, ikefp_bucket_take(&bucket, now + SECOND / 10, 10, 3));
	KUNIT_EXPECT_FALSE(test, ikefp_bucket_take(&bucket, now + SECOND / 10, 10, 3));
}

static void never_more_than_burst(struct kunit *test)
{
	struct ikefp_bucket bucket = {};

	take_all(&bucket, SECOND, 10, 5);
	KUNIT_EXPECT_EQ(test, take_all(&bucket, 2000 * SECOND, 10, 5), 5);
	/* Nor where a clock of 64 bits is as far as it gets. */
	KUNIT_EXPECT_EQ(test, take_all(&bucket, U64_MAX, 10, 5), 5);
}

/* Asked all the time, it gives the burst and then the rate. */
static void rate_holds(struct kunit *test)
{
	static const u32 rates[] = { 1, 3, 10, 1000 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		struct ikefp_bucket bucket = {};
		u32 taken = 0;
		u64 now;

		for (now = SECOND; now <= 11 * SECOND; now += SECOND / 4000)
			taken += ikefp_bucket_take(&bucket, now, rates[i], 4);
		KUNIT_EXPECT_EQ_MSG(test, taken, 4 + 10 * rates[i], "%u a second", rates[i]);
	}
}

static void largest(struct kunit *test)
{
	struct ikefp_bucket bucket = {};
	int i;

	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_TRUE(test, ikefp_bucket_take(&bucket, SECOND, 1, U32_MAX));
}

/* A source among others has what it would have alone. */
static void sources_apart(struct kunit *test)
{
	struct ikefp_bucket_set set = {};
	u32 source;

	for (source = 1; source <= IKEFP_BUCKET_WAYS; source++) {
		u32 taken = 0;

		while (taken <= 5 && ikefp_bucket_set_take(&set, source, SECOND, 10, 5))
			taken++;
		KUNIT_EXPECT_EQ(test, taken, 5);
	}
	for (source = 1; source <= IKEFP_BUCKET_WAYS; source++) {
		KUNIT_EXPECT_FALSE(test, ikefp_bucket_set_take(&set, source, SECOND, 10, 5));
		KUNIT_EXPECT_TRUE(test, ikefp_bucket_set_take(&set, source, SECOND * 11 / 10,
							      10, 5));
	}
}

/* One more is never shut out; and many that come once push out no one that has used more. */
static void newcomers(struct kunit *test)
{
	struct ikefp_bucket_set set = {};
	u32 source;
	int i;

	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_TRUE(test, ikefp_bucket_set_take(&set, 1, SECOND, 10, 5));
	for (source = 2; source < 1000; source++)
		KUNIT_EXPECT_TRUE(test, ikefp_bucket_set_take(&set, source, SECOND, 10, 5));
	KUNIT_EXPECT_FALSE(test, ikefp_bucket_set_take(&set, 1, SECOND, 10, 5));
	/* Where all have used all they have, one of them makes room. */
	for (source = 2; source <= 2 * IKEFP_BUCKET_WAYS; source++) {
		for (i = 0; i < 5; i++)
			KUNIT_EXPECT_TRUE(test, ikefp_bucket_set_take(&set, 1000 + source,
								      SECOND, 10, 5));
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(full_at_first),
	KUNIT_CASE(next_token),
	KUNIT_CASE(never_more_than_burst),
	KUNIT_CASE(rate_holds),
	KUNIT_CASE(largest),
	KUNIT_CASE(sources_apart),
	KUNIT_CASE(newcomers),
	{}
};

static struct kunit_suite suite = { .name = "ratelimit", .test_cases = cases };

kunit_test_suite(suite);
