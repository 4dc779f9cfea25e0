/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_CLOCK_H
#define IKEFP_BENCH_CLOCK_H

#include <stdint.h>
#include <time.h>

#define SECOND_NS	(1000 * 1000 * 1000)

/* CLOCK_MONOTONIC, in nanoseconds. All namespaces have the same. */
static inline int64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND_NS + now.tv_nsec;
}

#endif
