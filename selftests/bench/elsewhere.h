/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_BENCH_ELSEWHERE_H
#define IKEFP_BENCH_ELSEWHERE_H

/*
 * An IPv4 socket of a type (SOCK_DGRAM, SOCK_STREAM) of another network namespace, which is a
 * file. The process stays in its own.
 */
int open_elsewhere(const char *netns, int type);

#endif
