// SPDX-License-Identifier: GPL-2.0

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "die.h"

#define WATCH_PERIOD_US 2000
#define TICK_US 10000 /* HZ=100 at the worst */

static _Atomic int64_t late_us;

int64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
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

static void *watch(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t until = clock_us() + WATCH_PERIOD_US;
		int64_t late;

		clock_sleep_until(until);
		late = clock_us() - until;
		if (late > WATCH_PERIOD_US)
			late_us += late;
	}
	return NULL;
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
	return late_us;
}

int64_t clock_latest_us(int64_t wait_us, int64_t late)
{
	return wait_us + wait_us / 8 + 2 * TICK_US + late;
}
