/* SPDX-License-Identifier: GPL-2.0 */
/* Threads of a process that then gives up all system calls but those it makes (sandbox.h). */
#ifndef IKEFPD_THREADS_H
#define IKEFPD_THREADS_H

#include <pthread.h>

#define THREADS_MAX	16

/* Processors that this one may run on besides one, at most THREADS_MAX. */
unsigned int threads_spare(void);

/*
 * Starts @n, each of which runs @fn with the next of @args; signals are not theirs. Returns
 * when all have begun: what libc does for a thread at its start is done by then. 0, or
 * -errno with *@started of them running. Where the system has no more threads for us
 * (RLIMIT_NPROC, a control group's limit) there are fewer, be it none.
 */
int threads_start(pthread_t *threads, unsigned int n, void (*fn)(void *arg), void *const *args,
		  unsigned int *started);

#endif
