/* SPDX-License-Identifier: GPL-2.0 */
/* Who waits for what a daemon's core was asked for, and what it was told. */
#ifndef IKEFP_TEST_LIBJOB_H
#define IKEFP_TEST_LIBJOB_H

#include <stdio.h>

#include "container_of.h"
#include "control.h"

struct job {
	struct control_job job;
	unsigned int done;	/* so often */
	bool ok;
	char reason[256];
};

/* The job's function. */
static inline void job_done(struct control_job *control, bool ok, const char *reason)
{
	struct job *job = container_of(control, struct job, job);

	job->done++;
	job->ok = ok;
	snprintf(job->reason, sizeof(job->reason), "%s", reason ? reason : "");
}

#endif
