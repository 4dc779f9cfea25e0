// SPDX-License-Identifier: GPL-2.0
/* Key pairs made ahead. */
#include "dh_pool.h"
#include "loop.h"

#define GROUPS_MAX	10	/* all that dh.c has */
#define PAIRS_MAX	8	/* of a group */

struct pool {
	uint16_t group;
	unsigned int n;
	struct dh *pairs[PAIRS_MAX];
};

static struct pool pools[GROUPS_MAX];
static unsigned int n_pools;
static struct loop *loop;
static struct loop_work make;

/* The group's; NULL for one that is not known. */
static struct pool *pool_of(uint16_t group)
{
	unsigned int i;

	for (i = 0; i < n_pools; i++)
		if (pools[i].group == group)
			return &pools[i];
	if (n_pools == GROUPS_MAX || !dh_public_len(group))
		return NULL;
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

/* One at a time: who comes meanwhile does not wait for more. */
static void make_one(struct loop_work *work)
{
	struct pool *pool = not_full();
	struct dh *dh = pool ? dh_new(pool->group) : NULL;

	if (!dh)
		return;
	pool->pairs[pool->n++] = dh;
	if (not_full())
		loop_spare(loop, work);
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
	loop = NULL;
	while (n_pools) {
		struct pool *pool = &pools[--n_pools];

		while (pool->n)
			dh_free(pool->pairs[--pool->n]);
	}
}

struct dh *dh_pool_take(uint16_t group)
{
	struct pool *pool = loop ? pool_of(group) : NULL;
	struct dh *dh;

	if (!pool)
		return dh_new(group);
	loop_spare(loop, &make);
	if (!pool->n)
		return dh_new(group);
	dh = pool->pairs[--pool->n];
	pool->pairs[pool->n] = NULL;
	return dh;
}

struct dh *dh_pool_take_responder(uint16_t group)
{
	return dh_is_kem(group) ? dh_new_responder(group) : dh_pool_take(group);
}
