// SPDX-License-Identifier: GPL-2.0

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "die.h"

#define WATCH_PERIOD_US 2000
#define TICK_US 10000 /* HZ=100 at the worst */
#define MAX_PROCESSORS 64

static atomic_llong late_us;
static atomic_llong behind_us;
static atomic_int samples[MAX_PROCESSORS]; /* of each processor's watch */
static int watches;

int clock_scale(void)
{
	const char *scale = getenv("IKEFP_TIME_SCALE");
	int factor = scale ? atoi(scale) : 1;

	if (factor < 1)
		die("IKEFP_TIME_SCALE '%s': a whole number above 0 is needed", scale);
	return factor;
}

static int64_t read_us(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

void clock_sleep_until(int64_t us)
{
	const struct timespec until = {
		.tv_sec = us / 1000000,
		.tv_nsec = us % 1000000 * 1000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void saw_behind(int64_t us)
{
	if (us > behind_us)
		behind_us = us;
}

static void *watch(void *arg)
{
	atomic_int *sampled = arg;
	struct timespec tick;
	int64_t tick_us;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	tick_us = tick.tv_nsec / 1000;
	for (;;) {
		int64_t until = clock_us() + WATCH_PERIOD_US;
		/* The coarse clock moves with jiffies. */
		int64_t coarse = read_us(CLOCK_MONOTONIC_COARSE);
		int64_t late = clock_us() - coarse;

		if (late > tick_us)
			saw_behind(late - tick_us);
		clock_sleep_until(until);
		late = clock_us() - until;
		if (late > WATCH_PERIOD_US) {
			late_us += late;
			saw_behind(late);
		}
		(*sampled)++;
	}
	return NULL;
}

/* What the watches sleep through at this moment counts, too. */
static void finish_sample(void)
{
	int i, before[MAX_PROCESSORS];

	for (i = 0; i < watches; i++)
		before[i] = samples[i];
	for (i = 0; i < watches; i++) {
		while (samples[i] == before[i])
			clock_sleep_until(clock_us() + WATCH_PERIOD_US / 4);
	}
}

int64_t clock_watch_behind_us(void)
{
	static int64_t before;
	int64_t since, most;

	finish_sample();
	since = atomic_exchange(&behind_us, 0);
	most = since > before ? since : before;
	before = since;
	return most;
}

/* One on each processor, since each may stand still alone. */
void clock_watch_start(void)
{
	cpu_set_t processors, one;
	pthread_attr_t attr;
	pthread_t thread;
	int i;

	/* What is read from a disk only when it is needed is late unseen. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		die("cannot keep the program in memory: %s", strerror(errno));
	if (sched_getaffinity(0, sizeof(processors), &processors) || pthread_attr_init(&attr))
		die("cannot tell the processors");
	for (i = 0; i < CPU_SETSIZE && watches < MAX_PROCESSORS; i++) {
		if (!CPU_ISSET(i, &processors))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (pthread_attr_setaffinity_np(&attr, sizeof(one), &one) ||
		    pthread_create(&thread, &attr, watch, &samples[watches]))
			die("cannot make a thread");
		pthread_detach(thread);
		watches++;
	}
	pthread_attr_destroy(&attr);
}

int64_t clock_watch_mark(void)
{
	return late_us;
}

int64_t clock_watch_late_us(int64_t mark)
{
	finish_sample();
	return late_us - mark;
}

int64_t clock_latest_us(int64_t wait_us, int64_t late)
{
	return wait_us + wait_us / 8 + 2 * TICK_US + late;
}

int64_t clock_earliest_us(int64_t wait_us, int64_t behind)
{
	return wait_us - TICK_US - behind;
}
