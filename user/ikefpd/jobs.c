// SPDX-License-Identifier: GPL-2.0
/* Threads for what takes long. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "jobs.h"
#include "loop.h"
#include "threads.h"

struct queue {
	struct job *first, **end;
};

/* After so many brief jobs in a row one that is not has its turn. */
#define BRIEF_MAX	8

/* Guarded by the lock: all but the threads and what the loop has. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct queue brief, lengthy, finished;
static unsigned int brief_in_row, n_working;
static bool closing;

static pthread_t threads[THREADS_MAX];
static unsigned int n_threads;
static unsigned int n_jobs;
static struct loop *loop;
static struct loop_fd told = { .fd = -1 };

static void put(struct queue *q, struct job *job)
{
	job->next = NULL;
	if (!q->first)
		q->end = &q->first;
	*q->end = job;
	q->end = &job->next;
}

static struct job *take(struct queue *q)
{
	struct job *job = q->first;

	if (job)
		q->first = job->next;
	return job;
}

static struct job *take_next(void)
{
	struct job *job = !lengthy.first || brief_in_row < BRIEF_MAX ? take(&brief) : NULL;

	if (job) {
		brief_in_row++;
		return job;
	}
	brief_in_row = 0;
	return take(&lengthy);
}

static struct queue *queue_of(const struct job *job)
{
	return job->brief ? &brief : &lengthy;
}

static bool take_out(struct queue *q, const struct job *job)
{
	struct job **link;

	for (link = &q->first; *link && *link != job; link = &(*link)->next)
		;
	if (!*link)
		return false;
	*link = job->next;
	if (!*link)
		q->end = link;
	return true;
}

/* More than one finished job may be told of at once. */
static void tell(void)
{
	const uint64_t one = 1;
	ssize_t n;

	do
		n = write(told.fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

static void serve(void *arg)
{
	struct job *job;

	(void)arg;
	pthread_mutex_lock(&lock);
	while (!closing) {
		job = take_next();
		if (!job) {
			pthread_cond_wait(&more, &lock);
			continue;
		}
		job->running = true;
		n_working++;
		pthread_mutex_unlock(&lock);
		job->work(job);
		pthread_mutex_lock(&lock);
		job->running = false;
		n_working--;
		put(&finished, job);
		tell();
	}
	pthread_mutex_unlock(&lock);
}

static void drop(struct job *job)
{
	n_jobs--;
	job->drop(job);
}

static void finish_all(struct loop_fd *fd, uint32_t events)
{
	struct job *job;
	uint64_t count;
	ssize_t n;

	(void)events;
	n = read(fd->fd, &count, sizeof(count));
	(void)n;
	for (;;) {
		pthread_mutex_lock(&lock);
		job = take(&finished);
		pthread_mutex_unlock(&lock);
		if (!job)
			return;
		if (job->cancelled) {
			drop(job);
			continue;
		}
		n_jobs--;
		job->done(job);
	}
}

int jobs_open(struct loop *l, unsigned int n)
{
	int err;

	if (!n)
		return 0;
	told.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (told.fd < 0)
		return -errno;
	told.ready = finish_all;
	loop = l;
	err = loop_fd_add(loop, &told, EPOLLIN);
	if (!err)
		err = threads_start(threads, n < THREADS_MAX ? n : THREADS_MAX, serve, NULL,
				    &n_threads);
	if (err || !n_threads)
		jobs_close();
	return err;
}

void jobs_close(void)
{
	struct job *job;

	pthread_mutex_lock(&lock);
	closing = true;
	pthread_cond_broadcast(&more);
	pthread_mutex_unlock(&lock);
	while (n_threads)
		pthread_join(threads[--n_threads], NULL);
	while ((job = take(&brief)) || (job = take(&lengthy)) || (job = take(&finished)))
		drop(job);
	if (told.fd >= 0) {
		loop_fd_del(loop, &told);
		close(told.fd);
		told.fd = -1;
	}
	closing = false;
}

bool jobs_submit(struct job *job)
{
	if (!n_threads)
		return false;
	job->running = false;
	job->cancelled = false;
	n_jobs++;
	pthread_mutex_lock(&lock);
	put(queue_of(job), job);
	pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	return true;
}

void jobs_cancel(struct job *job)
{
	bool idle;

	pthread_mutex_lock(&lock);
	idle = !job->running && (take_out(queue_of(job), job) || take_out(&finished, job));
	pthread_mutex_unlock(&lock);
	job->cancelled = true;
	if (idle)
		drop(job);
}

unsigned int jobs_count(void)
{
	return n_jobs;
}

void jobs_stats(struct jobs_stats *stats)
{
	const struct job *job;

	pthread_mutex_lock(&lock);
	*stats = (struct jobs_stats){ .threads = n_threads, .working = n_working };
	for (job = brief.first; job; job = job->next)
		stats->waiting++;
	for (job = lengthy.first; job; job = job->next)
		stats->waiting++;
	pthread_mutex_unlock(&lock);
}
