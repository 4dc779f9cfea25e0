/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work that keeps a processor busy for long, as a key exchange does: threads do it while the
 * loop goes on. Whoever has none does it himself.
 */
#ifndef IKEFPD_JOBS_H
#define IKEFPD_JOBS_H

#include <stdbool.h>

struct loop;

/* Embedded in what it is about. */
struct job {
	/* In a thread: it looks at nothing but what is the job's, and logs nothing. */
	void (*work)(struct job *job);
	/* In the loop, when that has returned; unless the job was cancelled. It may free it. */
	void (*done)(struct job *job);
	/* In the loop: frees one that was cancelled, since no thread is at work on it. */
	void (*drop)(struct job *job);
	bool brief;		/* of less than a millisecond: it goes before those that are not */
	struct job *next;	/* kept by jobs.c, as is the rest */
	bool running, cancelled;
};

/*
 * With so many threads, THREADS_MAX at most, or as many as the system has for us (threads.h). To be
 * called when the process has no more to give up but system calls. Returns 0 or -errno.
 */
int jobs_open(struct loop *loop, unsigned int threads);
/* Waits for those that are at work; all that are left, which nobody is to know of, are dropped. */
void jobs_close(void);

/* False: there is no thread for it. */
bool jobs_submit(struct job *job);
/* How many are not done or dropped yet. */
unsigned int jobs_count(void);

struct jobs_stats {
	unsigned int threads, working, waiting;
};

void jobs_stats(struct jobs_stats *stats);

/* It is dropped, now or when work has returned. For one that was submitted and is not done. */
void jobs_cancel(struct job *job);

#endif
