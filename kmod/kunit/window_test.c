// SPDX-License-Identifier: GPL-2.0
/* The window of received requests, at its edges and where a sum of IDs would wrap. */

#include <kunit/test.h>

#include "../window.h"

static void first_request(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ikefp_window_check(0, 0), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, ikefp_window_check(0, 1), IKEFP_WINDOW_OUTSIDE);
	/* Nothing comes before the first. */
	KUNIT_EXPECT_EQ(test, ikefp_window_check(0, U32_MAX), IKEFP_WINDOW_OUTSIDE);
}

static void last_request(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ikefp_window_check(U32_MAX - 1, U32_MAX - 1), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, ikefp_window_check(U32_MAX, U32_MAX - 1), IKEFP_WINDOW_DUPLICATE);
	/* After it the window would move to 0: it is never taken. */
	KUNIT_EXPECT_EQ(test, ikefp_window_check(U32_MAX, U32_MAX), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, ikefp_window_check(U32_MAX, 0), IKEFP_WINDOW_OUTSIDE);
}

/* The same said without wrapping numbers. */
static enum ikefp_window_verdict verdict(s64 expected, s64 message_id)
{
	if (message_id == expected && message_id < U32_MAX)
		return IKEFP_WINDOW_NEW;
	return message_id == expected - 1 ? IKEFP_WINDOW_DUPLICATE : IKEFP_WINDOW_OUTSIDE;
}

static void every_edge(struct kunit *test)
{
	static const u32 edges[] = { 0, 0x7fffffff, 0x80000000, 0xffff, 0x10000, U32_MAX };
	size_t i, j;
	int di, dj;

	for (i = 0; i < ARRAY_SIZE(edges); i++) {
		for (j = 0; j < ARRAY_SIZE(edges); j++) {
			for (di = -3; di <= 3; di++) {
				for (dj = -3; dj <= 3; dj++) {
					u32 expected = edges[i] + di, id = edges[j] + dj;

					KUNIT_EXPECT_EQ_MSG(test, ikefp_window_check(expected, id),
							    verdict(expected, id),
							    "expected %u, got %u", expected, id);
				}
			}
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_request),
	KUNIT_CASE(last_request),
	KUNIT_CASE(every_edge),
	{}
};

static struct kunit_suite suite = { .name = "window", .test_cases = cases };

kunit_test_suite(suite);
