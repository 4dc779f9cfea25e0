/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two processors that meet in a bad order. A race is staged by holding one of them at a
 * point that both can see (a lock that a test has, a socket's callback that is a test's
 * own) until the other has done what it should not be disturbed by. Nothing waits for a
 * time, only for conditions, and for none longer than STAGE_PATIENCE.
 */
#ifndef IKEFP_KUNIT_STAGE_H
#define IKEFP_KUNIT_STAGE_H

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/timekeeping.h>

/* Seconds. */
#define STAGE_PATIENCE 20

/* Whether @condition came true; asleep meanwhile. */
#define stage_until(condition) \
({ \
	unsigned long __end = jiffies + STAGE_PATIENCE * HZ; \
	bool __true; \
	\
	while (!(__true = (condition)) && time_before(jiffies, __end)) \
		usleep_range(100, 1000); \
	__true; \
})

/* Whether @condition came true; where nobody may sleep. */
#define stage_spin_until(condition) \
({ \
	u64 __end = ktime_get_ns() + STAGE_PATIENCE * (u64)NSEC_PER_SEC; \
	bool __true; \
	\
	while (!(__true = (condition)) && ktime_get_ns() < __end) \
		udelay(1); \
	__true; \
})

/*
 * Whether @condition, which nothing but a mistake makes true, has not come true in a
 * tenth of a second.
 */
#define stage_never(condition) \
({ \
	unsigned long __end = jiffies + HZ / 10; \
	bool __true; \
	\
	while (!(__true = (condition)) && time_before(jiffies, __end)) \
		usleep_range(100, 1000); \
	!__true; \
})

/* The same where nobody may sleep. */
#define stage_spin_never(condition) \
({ \
	u64 __end = ktime_get_ns() + NSEC_PER_SEC / 10; \
	bool __true; \
	\
	while (!(__true = (condition)) && ktime_get_ns() < __end) \
		udelay(1); \
	!__true; \
})

struct stage_thread;

/* What was done before the cue is seen by whoever has got it. */
static inline void stage_cue(bool *cue)
{
	/* Pairs with stage_cued(). */
	smp_store_release(cue, true);
}

static inline bool stage_cued(const bool *cue)
{
	/* Pairs with stage_cue(). */
	return smp_load_acquire(cue);
}

void stage_set(struct kunit *test);
struct stage_thread *stage_enter(struct kunit *test, void (*function)(void *arg), void *arg);
bool stage_left(struct stage_thread *thread);
void stage_exit(struct kunit *test, struct stage_thread *thread);

#endif
