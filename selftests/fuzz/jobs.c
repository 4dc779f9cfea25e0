// SPDX-License-Identifier: GPL-2.0
/*
 * What threads do (jobs.h), without threads: each job is done in a turn of the loop, not
 * the first after it was submitted, so that what a run finds is found again.
 */
#include "fuzz.h"
#include "jobs.h"
#include "loop.h"

static struct loop *loop;
static struct loop_work turn;
static struct job *first, **end = &first;
static unsigned int count;
static bool waited;

static struct job *take(void)
{
	struct job *job = first;

	if (!job)
		return NULL;
	first = job->next;
	if (!first)
		end = &first;
	count--;
	return job;
}

static void run(struct loop_work *work)
{
	struct job *job;

	waited = !waited;
	if (waited) {
		loop_spare(loop, work);
		return;
	}
	job = take();
	if (!job)
		return;
	job->work(job);
	job->done(job);
	if (first)
		loop_spare(loop, work);
}

int jobs_open(struct loop *l, unsigned int threads)
{
	(void)threads;
	loop = l;
	turn.run = run;
	return 0;
}

void jobs_close(void)
{
	struct job *job;

	if (loop)
		loop_spare_cancel(loop, &turn);
	loop = NULL;
	waited = false;
	while ((job = take()))
		job->drop(job);
}

bool jobs_submit(struct job *job)
{
	if (!loop)
		return false;
	job->next = NULL;
	*end = job;
	end = &job->next;
	count++;
	loop_spare(loop, &turn);
	return true;
}

void jobs_cancel(struct job *job)
{
	struct job **link = &first;

	while (*link && *link != job)
		link = &(*link)->next;
	CHECK(*link);
	*link = job->next;
	if (!*link)
		end = link;
	count--;
	job->drop(job);
}

unsigned int jobs_count(void)
{
	return count;
}
