// SPDX-License-Identifier: GPL-2.0
/* The windows, at their edges and where a sum of IDs would wrap. */

#include <kunit/test.h>
#include <linux/random.h>

#include "../window.h"

static enum ikefp_window_verdict check(u32 size, u32 expected, u32 message_id)
{
	const struct ikefp_window window = { .size = size, .expected = expected };

	return ikefp_window_check(&window, message_id);
}

static void first_request(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, check(1, 0, 0), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, check(1, 0, 1), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, check(2, 0, 1), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, check(2, 0, 2), IKEFP_WINDOW_OUTSIDE);
	/* Nothing comes before the first. */
	KUNIT_EXPECT_EQ(test, check(1, 0, U32_MAX), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, check(16, 0, U32_MAX), IKEFP_WINDOW_OUTSIDE);
}

static void last_request(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, check(1, U32_MAX - 1, U32_MAX - 1), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, check(1, U32_MAX, U32_MAX - 1), IKEFP_WINDOW_DUPLICATE);
	/* After it the window would move to 0: it is never taken. */
	KUNIT_EXPECT_EQ(test, check(1, U32_MAX, U32_MAX), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, check(1, U32_MAX, 0), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, check(16, U32_MAX - 3, U32_MAX - 1), IKEFP_WINDOW_NEW);
	KUNIT_EXPECT_EQ(test, check(16, U32_MAX - 3, U32_MAX), IKEFP_WINDOW_OUTSIDE);
	KUNIT_EXPECT_EQ(test, check(16, U32_MAX - 3, 0), IKEFP_WINDOW_OUTSIDE);
}

/* The same said without wrapping numbers. */
static enum ikefp_window_verdict verdict(s64 size, s64 expected, s64 message_id)
{
	if (message_id >= expected && message_id < expected + size && message_id < U32_MAX)
		return IKEFP_WINDOW_NEW;
	if (message_id < expected && message_id >= expected - size)
		return IKEFP_WINDOW_DUPLICATE;
	return IKEFP_WINDOW_OUTSIDE;
}

static void every_edge(struct kunit *test)
{
	static const u32 edges[] = { 0, 0x7fffffff, 0x80000000, 0xffff, 0x10000, U32_MAX };
	static const u32 sizes[] = { 1, 2, 3, 15, 16 };
	size_t i, j, k;
	int di, dj;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		for (i = 0; i < ARRAY_SIZE(edges); i++) {
			for (j = 0; j < ARRAY_SIZE(edges); j++) {
				for (di = -3; di <= 3; di++) {
					for (dj = -20; dj <= 20; dj++) {
						u32 expected = edges[i] + di, id = edges[j] + dj;

						KUNIT_EXPECT_EQ_MSG(test,
								    check(sizes[k], expected, id),
								    verdict(sizes[k], expected, id),
								    "size %u, expected %u, got %u",
								    sizes[k], expected, id);
					}
				}
			}
		}
	}
}

#define SPAN 64

/* What was received, as a list; and the window, which must say the same. */
struct history {
	struct ikefp_window window;
	u32 base;
	bool received[SPAN];
};

static u32 history_expected(const struct history *history)
{
	u32 i;

	for (i = 0; i < SPAN && history->received[i]; i++)
		;
	return i;
}

static u32 history_end(const struct history *history)
{
	u32 i;

	for (i = SPAN; i && !history->received[i - 1]; i--)
		;
	return i;
}

static void history_agrees(struct kunit *test, const struct history *history)
{
	u32 expected = history_expected(history);
	u32 end = history_end(history);
	u32 i;

	KUNIT_ASSERT_EQ(test, history->window.expected, history->base + expected);
	for (i = 0; i < SPAN; i++) {
		enum ikefp_window_verdict want = IKEFP_WINDOW_OUTSIDE;

		if (history->base + i < history->base || !~(history->base + i))
			break;
		if (history->received[i] && (i >= expected || i + history->window.size >= end))
			want = IKEFP_WINDOW_DUPLICATE;
		else if (!history->received[i] && i < expected + history->window.size)
			want = IKEFP_WINDOW_NEW;
		KUNIT_ASSERT_EQ_MSG(test, ikefp_window_check(&history->window, history->base + i),
				    want, "size %u, base %u, %u", history->window.size,
				    history->base, i);
	}
}

/* Any order that a window allows, with requests given back that are of the latest. */
static void any_order(struct kunit *test)
{
	static const u32 bases[] = { 0, 0x7fffffe0, U32_MAX - 32 };
	struct history *history = kunit_kzalloc(test, sizeof(*history), GFP_KERNEL);
	u32 size, step;
	size_t i;

	KUNIT_ASSERT_NOT_NULL(test, history);
	for (i = 0; i < ARRAY_SIZE(bases); i++) {
		for (size = 1; size <= IKEFP_MAX_WINDOW; size++) {
			*history = (struct history){
				.window = { .size = size, .expected = bases[i] },
				.base = bases[i],
			};
			for (step = 0; step < 300; step++) {
				u32 end = history_end(history);
				u32 least = end > size ? end - size : 0;
				u32 at = least + get_random_u32() % (2 * size);
				u32 id = bases[i] + at;

				if (at >= SPAN || id < bases[i])
					continue;
				if (ikefp_window_check(&history->window, id) == IKEFP_WINDOW_NEW) {
					ikefp_window_take(&history->window, id);
					history->received[at] = true;
				} else if (history->received[at] && get_random_u32() % 4 == 0) {
					ikefp_window_give_back(&history->window, id);
					history->received[at] = false;
				}
				history_agrees(test, history);
			}
			/* It got somewhere. */
			KUNIT_EXPECT_LT(test, size, history_end(history));
		}
	}
}

static void sending(struct kunit *test)
{
	static const u32 firsts[] = { 0, 5, 0x7fffffff, U32_MAX - 20, U32_MAX - 1 };
	u32 size, ahead;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(firsts); i++) {
		for (size = 1; size <= IKEFP_MAX_WINDOW; size++) {
			for (ahead = 0; ahead < 20; ahead++) {
				if (firsts[i] + ahead < firsts[i])
					continue;
				KUNIT_EXPECT_EQ(test, ikefp_window_may_send(size, firsts[i],
									    firsts[i] + ahead),
						ahead < size);
			}
		}
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_request),
	KUNIT_CASE(last_request),
	KUNIT_CASE(every_edge),
	KUNIT_CASE(any_order),
	KUNIT_CASE(sending),
	{}
};

static struct kunit_suite suite = { .name = "window", .test_cases = cases };

kunit_test_suite(suite);
