// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ikefp.h"

/* How often a listing is read again because the SAs changed under it. */
#define LIST_TRIES	5

/* @array grown by one zeroed element; the old one if memory ran out. */
static void *grow(void *array, size_t *count, size_t size, bool *failed)
{
	char *grown = array;

	/* Doubled whenever the count is a power of two. */
	if (!(*count & (*count - 1))) {
		grown = reallocarray(array, *count ? 2 * *count : 1, size);
		if (!grown) {
			*failed = true;
			return array;
		}
	}
	memset(grown + *count * size, 0, size);
	++*count;
	return grown;
}

static void add_listener(const struct ikefp_listener_info *info, void *arg)
{
	struct snapshot *s = arg;

	if (s->failed)
		return;
	s->listeners = grow(s->listeners, &s->listener_count, sizeof(*s->listeners),
			    &s->failed);
	if (!s->failed)
		s->listeners[s->listener_count - 1] = *info;
}

static void add_stream(const struct ikefp_stream_info *info, void *arg)
{
	struct snapshot *s = arg;

	if (s->failed)
		return;
	s->streams = grow(s->streams, &s->stream_count, sizeof(*s->streams), &s->failed);
	if (!s->failed)
		s->streams[s->stream_count - 1] = *info;
}

static void add_worker(const struct ikefp_worker_info *info, void *arg)
{
	struct snapshot *s = arg;

	if (s->failed)
		return;
	s->workers = grow(s->workers, &s->worker_count, sizeof(*s->workers), &s->failed);
	if (!s->failed)
		s->workers[s->worker_count - 1] = *info;
}

static void add_sa(const struct ikefp_sa_info *info, void *arg)
{
	struct snapshot *s = arg;

	if (s->failed)
		return;
	s->sas = grow(s->sas, &s->sa_count, sizeof(*s->sas), &s->failed);
	if (!s->failed)
		s->sas[s->sa_count - 1] = *info;
}

/* Oldest first, as they came up; the kernel lists them by hash. */
static int by_age(const void *a, const void *b)
{
	const struct ikefp_sa_info *x = a, *y = b;

	if (x->age_ms != y->age_ms)
		return x->age_ms < y->age_ms ? 1 : -1;
	return x->spi < y->spi ? -1 : x->spi > y->spi;
}

static int list_sas(struct ikefp_nl *nl, struct snapshot *s)
{
	int err = -EINTR;

	for (int i = 0; i < LIST_TRIES && err == -EINTR; i++) {
		s->sa_count = 0;
		free(s->sas);
		s->sas = NULL;
		err = ikefp_sa_list(nl, add_sa, s);
	}
	if (!err && s->sa_count)
		qsort(s->sas, s->sa_count, sizeof(*s->sas), by_age);
	return err;
}

int snapshot_take(struct ikefp_nl *nl, struct snapshot *s)
{
	int err;

	memset(s, 0, sizeof(*s));
	err = ikefp_listener_list(nl, add_listener, s);
	if (!err)
		err = ikefp_stream_list(nl, add_stream, s);
	if (!err)
		err = ikefp_worker_list(nl, add_worker, s);
	if (!err)
		err = list_sas(nl, s);
	if (!err)
		err = ikefp_policy_get(nl, &s->policy);
	if (!err)
		err = ikefp_stats_get(nl, &s->stats);
	if (!err && s->failed)
		err = -ENOMEM;
	if (err)
		snapshot_clear(s);
	return err;
}

void snapshot_clear(struct snapshot *s)
{
	free(s->listeners);
	free(s->streams);
	free(s->workers);
	free(s->sas);
	memset(s, 0, sizeof(*s));
}
