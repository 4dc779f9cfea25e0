// SPDX-License-Identifier: GPL-2.0
/* Round trip times (RFC 6298), the waits that come of them, and their ends. */

#include <kunit/test.h>

#include "../policy.h"
#include "../rto.h"

#define DAY_MS 86400000u

static const struct ikefp_rto_params params = {
	.initial_ms = 500,
	.min_ms = 200,
	.max_ms = 5000,
	.backoff_percent = 150,
	.jitter_percent = 10,
	.give_up_ms = 60000,
};

/* RFC 6298, 2.2 and 2.3, by hand: alpha 1/8, beta 1/4. */
static void samples(struct kunit *test)
{
	struct ikefp_rtt rtt = {};

	ikefp_rtt_sample(&rtt, 80000);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 80000);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 40000);
	ikefp_rtt_sample(&rtt, 160000);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 50000); /* 40000 * 3/4 + 80000 / 4 */
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 90000); /* 80000 * 7/8 + 160000 / 8 */
	ikefp_rtt_sample(&rtt, 10000);
	KUNIT_EXPECT_EQ(test, rtt.rttvar_us, 57500);
	KUNIT_EXPECT_EQ(test, rtt.srtt_us, 80000);
}

/* It ends up where the path is, from above and from below. */
static void samples_converge(struct kunit *test)
{
	struct ikefp_rtt rtt = {};
	int i;

	ikefp_rtt_sample(&rtt, 5000000);
	for (i = 0; i < 200; i++)
		ikefp_rtt_sample(&rtt, 20000);
	KUNIT_EXPECT_GE(test, rtt.srtt_us, 19900);
	KUNIT_EXPECT_LE(test, rtt.srtt_us, 20100);
	KUNIT_EXPECT_LE(test, rtt.rttvar_us, 100);
	for (i = 0; i < 200; i++)
		ikefp_rtt_sample(&rtt, 300000);
	KUNIT_EXPECT_GE(test, rtt.srtt_us, 299900);
	KUNIT_EXPECT_LE(test, rtt.srtt_us, 300100);
}

/* Zero says that there was no sample: one of nothing must not. */
static void extreme_samples(struct kunit *test)
{
	struct ikefp_rtt rtt = {};
	int i;

	for (i = 0; i < 100; i++) {
		ikefp_rtt_sample(&rtt, 0);
		KUNIT_ASSERT_GE(test, rtt.srtt_us, 1);
	}
	for (i = 0; i < 100; i++)
		ikefp_rtt_sample(&rtt, U64_MAX);
	KUNIT_EXPECT_LE(test, rtt.srtt_us, 60000000);
	KUNIT_EXPECT_GE(test, rtt.srtt_us, 59000000);
	/* And back. */
	for (i = 0; i < 300; i++)
		ikefp_rtt_sample(&rtt, 1);
	KUNIT_EXPECT_GE(test, rtt.srtt_us, 1);
	KUNIT_EXPECT_LE(test, rtt.srtt_us, 100);
}

static u32 first(u32 srtt_us, u32 rttvar_us, u32 min_ms, u32 max_ms)
{
	const struct ikefp_rtt rtt = { .srtt_us = srtt_us, .rttvar_us = rttvar_us };
	struct ikefp_rto_params limits = params;

	limits.min_ms = min_ms;
	limits.max_ms = max_ms;
	return ikefp_rto_first_ms(&rtt, &limits);
}

static void first_wait(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, first(0, 0, 200, 5000), 500); /* not measured yet */
	KUNIT_EXPECT_EQ(test, first(20000, 5000, 200, 5000), 200);
	KUNIT_EXPECT_EQ(test, first(300000, 25000, 200, 5000), 400);
	KUNIT_EXPECT_EQ(test, first(300001, 25000, 200, 5000), 401); /* rounded up */
	KUNIT_EXPECT_EQ(test, first(1000000, 4000000, 200, 5000), 5000);
	/* A floor above the cap is the floor, not the cap. */
	KUNIT_EXPECT_EQ(test, first(20000, 5000, 200, 100), 200);
	KUNIT_EXPECT_EQ(test, first(300000, 25000, 200, 100), 400);
	/* The longest there can be. */
	KUNIT_EXPECT_EQ(test, first(60000000, 60000000, 1, DAY_MS), 300000);
}

static u32 next(u32 rto_ms, u32 backoff_percent, u32 max_ms)
{
	struct ikefp_rto_params growth = params;

	growth.backoff_percent = backoff_percent;
	growth.max_ms = max_ms;
	return ikefp_rto_next_ms(rto_ms, &growth);
}

static void backoff(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, next(200, 150, 5000), 300);
	KUNIT_EXPECT_EQ(test, next(333, 150, 5000), 499);
	KUNIT_EXPECT_EQ(test, next(4000, 150, 5000), 5000);
	KUNIT_EXPECT_EQ(test, next(5000, 150, 5000), 5000);
	KUNIT_EXPECT_EQ(test, next(700, 100, 5000), 700);
	/* The cap does not make it shorter than the path is long. */
	KUNIT_EXPECT_EQ(test, next(8000, 150, 5000), 8000);
	/* The largest settings do not overflow. */
	KUNIT_EXPECT_EQ(test, next(DAY_MS, 1000, U32_MAX), 864000000);
}

static void jitter(struct kunit *test)
{
	u32 least = U32_MAX, most = 0, random;

	for (random = 0; random < 1000; random++) {
		u32 wait = ikefp_rto_wait_ms(1000, 0, random * 4294967u, &params);

		least = min(least, wait);
		most = max(most, wait);
	}
	/* Ten percent off at most, never on top; and all of it is used. */
	KUNIT_EXPECT_EQ(test, least, 900);
	KUNIT_EXPECT_EQ(test, most, 1000);
}

static void give_up(struct kunit *test)
{
	struct ikefp_rto_params steady = params;

	steady.jitter_percent = 0;
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, 55000, 0, &steady), 5000);
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, 55001, 0, &steady), 4999);
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, 59999, 0, &steady), 1);
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, 60000, 0, &steady), 1);
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, U32_MAX, 0, &steady), 1);
	/* With a number of tries, the last waits as long as it is. */
	steady.tries = 5;
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(5000, 59999, 0, &steady), 5000);
	KUNIT_EXPECT_EQ(test, ikefp_rto_wait_ms(0, 0, 0, &steady), 1);
}

/* A request from its first copy to its end: the copies; @end_ms is when it ends. */
static u32 run(const struct ikefp_rto_params *settings, u32 rto_ms, u32 *end_ms)
{
	u32 now_ms = 0, copies = 1;

	for (;;) {
		now_ms += ikefp_rto_wait_ms(rto_ms, now_ms, 0, settings);
		if (settings->tries ? copies > settings->tries : now_ms >= settings->give_up_ms)
			break;
		copies++;
		rto_ms = ikefp_rto_next_ms(rto_ms, settings);
	}
	*end_ms = now_ms;
	return copies;
}

/* The minute of policy.c; the jitter, left out here, makes room for one copy more. */
static void default_schedule(struct kunit *test)
{
	struct ikefp_policy policy;
	struct ikefp_rto_params settings;
	u32 end_ms;

	ikefp_policy_init(&policy, true);
	settings = (struct ikefp_rto_params){
		.initial_ms = ikefp_policy_get(&policy, RTO_INITIAL_MS),
		.min_ms = ikefp_policy_get(&policy, RTO_MIN_MS),
		.max_ms = ikefp_policy_get(&policy, RTO_MAX_MS),
		.backoff_percent = ikefp_policy_get(&policy, BACKOFF_PERCENT),
		.jitter_percent = 0,
		.tries = ikefp_policy_get(&policy, TRIES),
		.give_up_ms = ikefp_policy_get(&policy, GIVE_UP_MS),
	};
	KUNIT_EXPECT_EQ(test, run(&settings, 500, &end_ms), 16);
	KUNIT_EXPECT_EQ(test, end_ms, 60000);
}

/* retransmit_timeout 4 s, base 1.8, tries 5: 165 s, as strongSwan's manual has it. */
static void strongswan_schedule(struct kunit *test)
{
	const struct ikefp_rto_params settings = {
		.initial_ms = 4000,
		.min_ms = 4000,
		.max_ms = DAY_MS,
		.backoff_percent = 180,
		.tries = 5,
		.give_up_ms = 60000,
	};
	u32 end_ms;

	KUNIT_EXPECT_EQ(test, run(&settings, 4000, &end_ms), 6);
	KUNIT_EXPECT_GE(test, end_ms, 165000);
	KUNIT_EXPECT_LE(test, end_ms, 165100);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(samples),
	KUNIT_CASE(samples_converge),
	KUNIT_CASE(extreme_samples),
	KUNIT_CASE(first_wait),
	KUNIT_CASE(backoff),
	KUNIT_CASE(jitter),
	KUNIT_CASE(give_up),
	KUNIT_CASE(default_schedule),
	KUNIT_CASE(strongswan_schedule),
	{}
};

static struct kunit_suite suite = { .name = "rto", .test_cases = cases };

kunit_test_suite(suite);
