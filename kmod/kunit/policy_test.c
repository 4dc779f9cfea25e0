// SPDX-License-Identifier: GPL-2.0
/* The settings that nobody has changed. */

#include <kunit/test.h>

#include "../policy.h"

static void defaults(struct kunit *test)
{
	struct ikefp_policy policy;

	/* Whatever was there before, nothing of it is left. */
	memset(&policy, 0xff, sizeof(policy));
	ikefp_policy_init(&policy, true);
	KUNIT_EXPECT_NULL(test, memchr_inv(&policy.value[0], 0, sizeof(policy.value[0])));
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, RTO_INITIAL_MS), 500);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, RTO_MIN_MS), 200);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, RTO_MAX_MS), 5000);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, BACKOFF_PERCENT), 150);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, TRIES), 0);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, GIVE_UP_MS), 60000);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, HALF_OPEN_MS), 30000);
	KUNIT_EXPECT_EQ(test, ikefp_policy_get(&policy, LINGER_MS), 30000);
}

/* What would keep everybody out, or let everybody in. */
static void limits(struct kunit *test)
{
	struct ikefp_policy policy;

	ikefp_policy_init(&policy, true);
	KUNIT_EXPECT_GE(test, ikefp_policy_get(&policy, MAX_SAS), 100000);
	KUNIT_EXPECT_GE(test, ikefp_policy_get(&policy, MAX_HALF_OPEN), 100);
	KUNIT_EXPECT_LT(test, ikefp_policy_get(&policy, MAX_HALF_OPEN),
			ikefp_policy_get(&policy, MAX_SAS));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(defaults),
	KUNIT_CASE(limits),
	{}
};

static struct kunit_suite suite = { .name = "policy", .test_cases = cases };

kunit_test_suite(suite);
