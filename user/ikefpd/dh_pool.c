// SPDX-License-Identifier: GPL-2.0
/* Key pairs made ahead. */
#include "container_of.h"
#include "dh_pool.h"
#include "jobs.h"
#include "loop.h"

#define GROUPS_MAX	10	/* all that dh.c has */
#define PAIRS_MAX	8	/* of a group */

struct pool {
	uint16_t group;
	unsigned int n;
	struct dh *pairs[PAIRS_MAX];
};

/* One at a time: who comes meanwhile does not wait for more. */
struct maker {
	struct job job;
	bool busy;		/* it is a thread's */
	uint16_t group;
	struct dh *made;
};

static struct pool pools[GROUPS_MAX];
static unsigned int n_pools;
static struct loop *loop;
static struct loop_work make;
static struct maker maker;

static struct pool *find(uint16_t group)
{
	unsigned int i;

	for (i = 0; i < n_pools; i++)
		if (pools[i].group == group)
			return &pools[i];
	return NULL;
}

/* The group's; NULL for one that is not known. */
static struct pool *pool_of(uint16_t group)
{
	struct pool *pool = find(group);

	if (pool || n_pools == GROUPS_MAX || !dh_public_len(group))
		return pool;
	pools[n_pools].group = group;
	return &pools[n_pools++];
}

static struct pool *not_full(void)
{
	unsigned int i;

	for (i = 0; i < n_pools; i++)
		if (pools[i].n < PAIRS_MAX)
			return &pools[i];
	return NULL;
}

static void make_more(void);

static void keep(struct dh *dh)
{
	struct pool *pool = dh ? find(dh_group(dh)) : NULL;

	if (!pool)
		return;
	if (pool->n < PAIRS_MAX)
		pool->pairs[pool->n++] = dh;
	else
		dh_free(dh);
	make_more();
}

static void work(struct job *job)
{
	struct maker *m = container_of(job, struct maker, job);

	m->made = dh_new(m->group);
}

static void done(struct job *job)
{
	struct maker *m = container_of(job, struct maker, job);

	m->busy = false;
	keep(m->made);
}

static void drop(struct job *job)
{
	struct maker *m = container_of(job, struct maker, job);

	m->busy = false;
	dh_free(m->made);
}

static void make_more(void)
{
	const struct pool *pool = not_full();

	if (!pool || maker.busy)
		return;
	maker = (struct maker){
		.job = { .work = work, .done = done, .drop = drop },
		.group = pool->group,
	};
	maker.busy = jobs_submit(&maker.job);
	if (!maker.busy)
		loop_spare(loop, &make);
}

static void make_one(struct loop_work *unused)
{
	const struct pool *pool = not_full();

	(void)unused;
	if (pool)
		keep(dh_new(pool->group));
}

void dh_pool_open(struct loop *l)
{
	loop = l;
	make.run = make_one;
}

void dh_pool_close(void)
{
	if (loop)
		loop_spare_cancel(loop, &make);
	if (maker.busy)
		jobs_cancel(&maker.job);
	loop = NULL;
	while (n_pools) {
		struct pool *pool = &pools[--n_pools];

		while (pool->n)
			dh_free(pool->pairs[--pool->n]);
	}
}

/* NULL: there is none. */
static struct dh *take(uint16_t group)
{
	struct pool *pool = loop ? pool_of(group) : NULL;
	struct dh *dh = NULL;

	if (pool && pool->n) {
		dh = pool->pairs[--pool->n];
		pool->pairs[pool->n] = NULL;
	}
	if (pool)
		make_more();
	return dh;
}

struct dh *dh_pool_take(uint16_t group)
{
	struct dh *dh = take(group);

	return dh ? dh : dh_new(group);
}

struct dh *dh_pool_take_responder(uint16_t group)
{
	struct dh *dh = dh_is_kem(group) ? NULL : take(group);

	return dh ? dh : dh_new_responder(group);
}
