// SPDX-License-Identifier: GPL-2.0
/* Threads. */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

#include "threads.h"

#define STACK_SIZE	(256 * 1024)	/* octets; libcrypto needs a tenth of it */

/* On the stack of who starts it, until it has begun. */
struct start {
	void (*fn)(void *arg);
	void *arg;
	bool begun;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER;

static void *begin(void *data)
{
	struct start *start = data;
	void (*fn)(void *arg) = start->fn;
	void *arg = start->arg;

	pthread_mutex_lock(&lock);
	start->begun = true;
	pthread_cond_signal(&begun);
	pthread_mutex_unlock(&lock);
	fn(arg);
	return NULL;
}

unsigned int threads_spare(void)
{
	cpu_set_t set;
	int n;

	/* A machine of more processors than a set has has enough. */
	if (sched_getaffinity(0, sizeof(set), &set))
		return errno == EINVAL ? THREADS_MAX : 0;
	n = CPU_COUNT(&set) - 1;
	return n < THREADS_MAX ? (unsigned int)n : THREADS_MAX;
}

static int start_one(pthread_t *thread, const pthread_attr_t *attr, struct start *start)
{
	int err;

	err = pthread_create(thread, attr, begin, start);
	if (err)
		return -err;
	pthread_mutex_lock(&lock);
	while (!start->begun)
		pthread_cond_wait(&begun, &lock);
	pthread_mutex_unlock(&lock);
	return 0;
}

int threads_start(pthread_t *threads, unsigned int n, void (*fn)(void *arg), void *const *args,
		  unsigned int *started)
{
	pthread_attr_t attr;
	sigset_t all, before;
	int err;

	*started = 0;
	/* They share one heap: an arena each would be more memory, and other system calls. */
	mallopt(M_ARENA_MAX, 1);
	err = -pthread_attr_init(&attr);
	if (err)
		return err;
	err = -pthread_attr_setstacksize(&attr, STACK_SIZE);
	sigfillset(&all);
	/* What a thread must not call is told by the thread that does (sandbox.c). */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (!err && *started < n) {
		struct start start = { .fn = fn, .arg = args ? args[*started] : NULL };

		err = start_one(&threads[*started], &attr, &start);
		if (!err)
			++*started;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err == -EAGAIN ? 0 : err;
}
