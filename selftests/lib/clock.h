/* SPDX-License-Identifier: GPL-2.0 */
/* Time, and how far a time that was measured can be trusted. */
#ifndef IKEFP_TEST_CLOCK_H
#define IKEFP_TEST_CLOCK_H

#include <stdint.h>

/*
 * How many times longer than on a usual machine things may take here, from
 * $IKEFP_TIME_SCALE: 1 unless set. For waits that no test wants to see over.
 */
int clock_scale(void);

/* CLOCK_MONOTONIC, in microseconds. */
int64_t clock_us(void);

/* Waits until clock_us() is @us at least. For the passing of time itself, never for an event. */
void clock_sleep_until(int64_t us);

/*
 * A machine that does not get the processor makes every timer late. The watch is a
 * thread on each processor that asks to be woken every 2 ms and adds up by how much it
 * was late: by so much more may a deadline be late that was met meanwhile.
 */
void clock_watch_start(void);

/*
 * Microseconds of lateness: what is known of it so far, to be taken before that begins
 * which is to be measured; and after its end, all that has come since.
 */
int64_t clock_watch_mark(void);
int64_t clock_watch_late_us(int64_t mark);

/*
 * How far jiffies, which the tick brings forward, may have been behind since this was
 * asked for the time before last: what is counted in them from then on is early by as much.
 * 0 where the ticks came in time. So where it is asked at the end of each wait, that covers
 * the event which ends one wait and begins the next.
 */
int64_t clock_watch_behind_us(void);

/*
 * The latest that a kernel timer of @wait_us may fire: a timer of the kernel's wheel
 * is late by up to an eighth of its wait (see kernel/time/timer.c), and two ticks come
 * from the rounding of the wait and of the moment that it began. @late_us is what the
 * watch saw meanwhile.
 */
int64_t clock_latest_us(int64_t wait_us, int64_t late_us);

/*
 * The earliest that a deadline in jiffies may come which lies @wait_us ahead, the tick
 * counted in that has begun already. @behind_us is what the watch saw since before.
 */
int64_t clock_earliest_us(int64_t wait_us, int64_t behind_us);

#endif
