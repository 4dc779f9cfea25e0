// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ikefp.h"

/* How often the SAs are counted again because they changed meanwhile. */
#define CENSUS_TRIES	5

void sa_counts_add(struct sa_counts *counts, const struct ikefp_sa_info *sa)
{
	counts->total++;
	if ((size_t)sa->state < SA_STATES)
		counts->state[sa->state]++;
}

static void count_sa(const struct ikefp_sa_info *sa, void *arg)
{
	struct census *census = arg;

	sa_counts_add(&census->sas, sa);
}

static void add_worker(const struct ikefp_worker_info *info, void *arg)
{
	struct census *census = arg;
	struct ikefp_worker_info *grown;

	if (census->failed)
		return;
	grown = reallocarray(census->workers, census->worker_count + 1, sizeof(*grown));
	if (!grown) {
		census->failed = true;
		return;
	}
	census->workers = grown;
	census->workers[census->worker_count++] = *info;
}

int census_take(struct ikefp_nl *nl, struct census *census)
{
	int err = -EINTR;

	memset(census, 0, sizeof(*census));
	for (int i = 0; i < CENSUS_TRIES && err == -EINTR; i++) {
		census->sas = (struct sa_counts){ 0 };
		err = ikefp_sa_list(nl, count_sa, census);
	}
	if (!err)
		err = ikefp_worker_list(nl, add_worker, census);
	if (!err)
		err = ikefp_stats_get(nl, &census->stats);
	if (!err && census->failed)
		err = -ENOMEM;
	if (err)
		census_clear(census);
	return err;
}

void census_clear(struct census *census)
{
	free(census->workers);
	memset(census, 0, sizeof(*census));
}
