/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_BUSY_H
#define IKEFP_BENCH_BUSY_H

#include <stdint.h>

/*
 * Nanoseconds that the one processor has not been idle, from some moment on: under icount
 * the instructions that it has run.
 */
uint64_t busy_ns(void);

#endif
