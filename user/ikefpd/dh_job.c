// SPDX-License-Identifier: GPL-2.0
/* A shared secret that is being made. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "container_of.h"
#include "dh.h"
#include "dh_job.h"
#include "jobs.h"

struct dh_job {
	struct job job;
	struct dh *dh;		/* until it is ready */
	uint8_t peer[DH_PUBLIC_MAX], shared[DH_PUBLIC_MAX];
	size_t peer_len, len;
	int err;
	struct dh_job **slot;
	struct dh **owner;
	dh_ready_fn ready;
	void *arg;
};

static void free_job(struct dh_job *d)
{
	dh_free(d->dh);
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

static void work(struct job *job)
{
	struct dh_job *d = container_of(job, struct dh_job, job);

	d->err = dh_shared(d->dh, d->peer, d->peer_len, d->shared, &d->len);
}

static void done(struct job *job)
{
	struct dh_job *d = container_of(job, struct dh_job, job);

	*d->slot = NULL;
	*d->owner = d->dh;
	d->dh = NULL;
	d->ready(d->arg, d->err, d->shared, d->len);
	free_job(d);
}

static void drop(struct job *job)
{
	free_job(container_of(job, struct dh_job, job));
}

static void at_once(struct dh *dh, const uint8_t *peer, size_t peer_len,
		    dh_ready_fn ready, void *arg)
{
	uint8_t shared[DH_PUBLIC_MAX];
	size_t len = 0;
	int err;

	err = dh_shared(dh, peer, peer_len, shared, &len);
	ready(arg, err, shared, len);
	OPENSSL_cleanse(shared, sizeof(shared));
}

void dh_job_begin(struct dh_job **slot, struct dh **dh, const uint8_t *peer, size_t peer_len,
		  dh_ready_fn ready, void *arg)
{
	struct dh_job *d = peer_len <= DH_PUBLIC_MAX ? calloc(1, sizeof(*d)) : NULL;

	if (d) {
		d->job = (struct job){
			.work = work, .done = done, .drop = drop,
			.brief = dh_is_brief(dh_group(*dh)),
		};
		memcpy(d->peer, peer, peer_len);
		d->peer_len = peer_len;
		d->dh = *dh;
		d->slot = slot;
		d->owner = dh;
		d->ready = ready;
		d->arg = arg;
		*slot = d;
		*dh = NULL;
		if (jobs_submit(&d->job))
			return;
		*slot = NULL;
		*dh = d->dh;
		free(d);
	}
	at_once(*dh, peer, peer_len, ready, arg);
}

void dh_job_cancel(struct dh_job **slot)
{
	struct dh_job *d = *slot;

	*slot = NULL;
	if (d)
		jobs_cancel(&d->job);
}
