// SPDX-License-Identifier: GPL-2.0

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "die.h"

#define WATCH_PERIOD_US 2000
#define TICK_US 10000 /* HZ=100 at the worst */

static atomic_llong late_us;
static atomic_llong behind_us;
static atomic_int samples;

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
	struct timespec tick;
	int64_t tick_us;

	(void)arg;
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
		samples++;
	}
	return NULL;
}

/* What the watch sleeps through at this moment counts, too. */
static void finish_sample(void)
{
	int before = samples;

	while (samples == before)
		clock_sleep_until(clock_us() + WATCH_PERIOD_US / 4);
}

int64_t clock_watch_behind_us(void)
{
	finish_sample();
	return atomic_exchange(&behind_us, 0);
}

void clock_watch_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, watch, NULL))
		die("cannot make a thread");
	pthread_detach(thread);
}

int64_t clock_watch_late_us(void)
{
	finish_sample();
	return late_us;
}

int64_t clock_latest_us(int64_t wait_us, int64_t late)
{
	return wait_us + wait_us / 8 + 2 * TICK_US + late;
}
