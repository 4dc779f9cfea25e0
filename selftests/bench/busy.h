/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_BUSY_H
#define IKEFP_BENCH_BUSY_H

#include <stdint.h>

#define RESTLESS_LOOP	502		/* instructions that it counts as one */

/*
 * Nanoseconds that the one processor has not been idle, from some moment on: under icount
 * the instructions that it has run. Where $RESTLESS is the file of a program that runs whenever
 * nothing else does (restless.c), the processor is idle as long as that runs.
 */
uint64_t busy_ns(void);

/*
 * The same for a few messages: what it takes to ask, which is the more the more timers there
 * are, is not in it.
 */
struct busy {
	uint64_t idle_ns, begin_ns;
};

struct busy busy_begin(void);
uint64_t busy_end(const struct busy *busy);

#endif
