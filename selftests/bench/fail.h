/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_FAIL_H
#define IKEFP_BENCH_FAIL_H

#include <stdio.h>
#include <stdlib.h>

/* Ends the program: what it measures did not do its work, and there is no number. */
#define fail(...) do { \
	fprintf(stderr, __VA_ARGS__); \
	fputc('\n', stderr); \
	exit(1); \
} while (0)

#endif
