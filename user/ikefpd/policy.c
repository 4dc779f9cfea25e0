// SPDX-License-Identifier: GPL-2.0
/* The policies of all Child SAs, shared where selectors are the same. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include "child_sa.h"
#include "policy.h"

#define PRIORITY_BASE	400000

/* A Child SA that wants the policy, and what it would have it say. */
struct user {
	struct user *next;
	const struct child_sa *child;
	struct xfrm_policy policy;
};

struct policy {
	struct policy *next;
	struct user *users;	/* the newest first: that one is in the kernel */
};

static unsigned int port_bits(const struct ts *ts)
{
	unsigned int differ = ts->start_port ^ ts->end_port, bits = 16;

	if (ts->start_port > ts->end_port)
		return 0;
	for (; differ; differ >>= 1)
		bits--;
	return bits;
}

uint32_t policy_priority(const struct ts *src, const struct ts *dst)
{
	uint32_t priority = PRIORITY_BASE;
	uint8_t prefix[16];
	bool exact;

	priority -= (ts_to_prefix(src, prefix, &exact) +
		     ts_to_prefix(dst, prefix, &exact)) * 512;
	priority -= src->protocol || dst->protocol ? 256 : 0;
	priority -= (port_bits(src) + port_bits(dst)) * 4;
	return priority - 1;
}

static bool same_selector(const struct xfrm_policy *a, const struct xfrm_policy *b)
{
	return a->dir == b->dir && ts_equal(&a->src_ts, &b->src_ts) &&
	       ts_equal(&a->dst_ts, &b->dst_ts);
}

/* FNV-1a, of what same_selector() compares. */
static uint32_t hash(uint32_t h, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		h = (h ^ *p++) * 16777619;
	return h;
}

static uint32_t hash_ts(uint32_t h, const struct ts *ts)
{
	h = hash(h, &ts->protocol, sizeof(ts->protocol));
	h = hash(h, &ts->start_port, sizeof(ts->start_port));
	h = hash(h, &ts->end_port, sizeof(ts->end_port));
	h = hash(h, ts->start, ts->family == AF_INET ? 4 : 16);
	return hash(h, ts->end, ts->family == AF_INET ? 4 : 16);
}

static struct policy **bucket(struct policy_table *table, const struct xfrm_policy *p)
{
	uint32_t h = hash(2166136261u, &p->dir, sizeof(p->dir));

	h = hash_ts(hash_ts(h, &p->src_ts), &p->dst_ts);
	return &table->buckets[h % POLICY_BUCKETS];
}

/* @xfrm NULL: it is installed already. */
static int install_one(struct policy_table *table, struct xfrm *xfrm,
		       const struct xfrm_policy *p, const struct child_sa *child)
{
	struct policy **list = bucket(table, p);
	struct user *user = calloc(1, sizeof(*user));
	struct policy *policy;
	int err;

	if (!user)
		return -ENOMEM;
	user->child = child;
	user->policy = *p;
	for (policy = *list; policy; policy = policy->next)
		if (same_selector(&policy->users->policy, p))
			break;
	if (!policy) {
		policy = calloc(1, sizeof(*policy));
		if (!policy) {
			free(user);
			return -ENOMEM;
		}
		policy->next = *list;
		*list = policy;
	}
	user->next = policy->users;
	policy->users = user;
	err = xfrm ? xfrm_policy_add(xfrm, p) : 0;
	if (!err)
		return 0;
	policy->users = user->next;
	free(user);
	if (!policy->users) {
		*list = policy->next;
		free(policy);
	}
	return err;
}

/* Unlinks the child's user of this policy, if any, and sees what the kernel needs. */
static void remove_user(struct policy *policy, struct xfrm *xfrm,
			const struct child_sa *child)
{
	struct user **link, *user;

	for (link = &policy->users; *link; link = &(*link)->next)
		if ((*link)->child == child)
			break;
	user = *link;
	if (!user)
		return;
	*link = user->next;
	if (!xfrm)
		;
	else if (!policy->users)
		xfrm_policy_del(xfrm, &user->policy);
	else if (link == &policy->users)
		xfrm_policy_add(xfrm, &policy->users->policy);
	free(user);
}

static int remove_one(struct policy_table *table, struct xfrm *xfrm,
		      const struct xfrm_policy *p, const struct child_sa *child)
{
	struct policy **link, *policy;

	for (link = bucket(table, p); (policy = *link); link = &policy->next)
		if (same_selector(&policy->users->policy, p))
			break;
	if (!policy)
		return 0;
	remove_user(policy, xfrm, child);
	if (policy->users)
		return 0;
	*link = policy->next;
	free(policy);
	return 0;
}

typedef int (*each_fn)(struct policy_table *table, struct xfrm *xfrm,
		       const struct xfrm_policy *p, const struct child_sa *child);

static int each_of_pair(struct policy_table *table, struct xfrm *xfrm,
			const struct child_sa *child, const struct ts *local,
			const struct ts *remote, each_fn fn)
{
	struct xfrm_policy out = {
		.dir = XFRM_POLICY_OUT,
		.src_ts = *local, .dst_ts = *remote,
		.src = child->local, .dst = child->remote,
		.reqid = child->reqid,
		.priority = policy_priority(local, remote),
	};
	struct xfrm_policy in = {
		.dir = XFRM_POLICY_IN,
		.src_ts = *remote, .dst_ts = *local,
		.src = child->remote, .dst = child->local,
		.reqid = child->reqid,
		.priority = policy_priority(remote, local),
	};
	int err;

	err = fn(table, xfrm, &out, child);
	if (!err)
		err = fn(table, xfrm, &in, child);
	in.dir = XFRM_POLICY_FWD;
	if (!err)
		err = fn(table, xfrm, &in, child);
	return err;
}

/* For each policy that the Child SA wants. */
static int each(struct policy_table *table, struct xfrm *xfrm, const struct child_sa *child,
		each_fn fn)
{
	unsigned int i, j;
	int err = 0;

	for (i = 0; i < child->local_ts.n; i++) {
		for (j = 0; !err && j < child->remote_ts.n; j++) {
			const struct ts *local = &child->local_ts.v[i];
			const struct ts *remote = &child->remote_ts.v[j];

			if (local->family != remote->family ||
			    (local->protocol && remote->protocol &&
			     local->protocol != remote->protocol))
				continue;
			err = each_of_pair(table, xfrm, child, local, remote, fn);
		}
	}
	return err;
}

int policy_install(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	int err = each(table, xfrm, child, install_one);

	if (err)
		policy_remove(table, xfrm, child);
	return err;
}

int policy_adopt(struct policy_table *table, struct child_sa *child)
{
	int err = each(table, NULL, child, install_one);

	if (err)
		policy_remove(table, NULL, child);
	return err;
}

void policy_remove(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	each(table, xfrm, child, remove_one);
}

static int move_user(struct policy *policy, struct xfrm *xfrm, const struct child_sa *child)
{
	struct user *user;

	for (user = policy->users; user; user = user->next)
		if (user->child == child)
			break;
	if (!user)
		return 0;
	if (user->policy.dir == XFRM_POLICY_OUT) {
		user->policy.src = child->local;
		user->policy.dst = child->remote;
	} else {
		user->policy.src = child->remote;
		user->policy.dst = child->local;
	}
	return user == policy->users ? xfrm_policy_add(xfrm, &user->policy) : 0;
}

int policy_move(struct policy_table *table, struct xfrm *xfrm, const struct child_sa *child)
{
	struct policy *policy;
	unsigned int i;
	int err = 0;

	for (i = 0; i < POLICY_BUCKETS; i++)
		for (policy = table->buckets[i]; policy && !err; policy = policy->next)
			err = move_user(policy, xfrm, child);
	return err;
}
