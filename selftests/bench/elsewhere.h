/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_ELSEWHERE_H
#define IKEFP_BENCH_ELSEWHERE_H

/* A UDP socket of another network namespace, which is a file. The process stays in its own. */
int open_elsewhere(const char *netns);

#endif
