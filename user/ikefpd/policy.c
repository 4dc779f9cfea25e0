// SPDX-License-Identifier: GPL-2.0
/* The policies of all Child SAs, shared where selectors are the same. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <linux/xfrm.h>

#include "child_sa.h"
#include "config.h"
#include "policy.h"
#include "selector.h"

#define PRIORITY_STEP	200000

/* In the order of their priorities, strongSwan's. */
enum rank {
	RANK_PASS,
	RANK_CHILD_SA,
	RANK_TRAP,
	RANK_DROP
};

static enum rank rank_of(const struct child_sa *child)
{
	/* Whatever its configuration says by now. */
	if (child->state != CHILD_ROUTED)
		return RANK_CHILD_SA;
	if (child->conf->mode == MODE_PASS)
		return RANK_PASS;
	return child->conf->mode == MODE_DROP ? RANK_DROP : RANK_TRAP;
}

/* Which of a Child SA's policies: of what passes between two of its selectors. */
struct part {
	uint8_t dir;		/* XFRM_POLICY_IN, _OUT, _FWD */
	bool outbound;		/* from local to remote */
	uint8_t local, remote;	/* by number */
	uint32_t interface;	/* index of the only one that it is for, 0: of any */
};

/* A Child SA that wants the policy: what it would have it say is found by its part. */
struct user {
	struct user *next;
	struct child_sa *child;
	struct part part;
};

/* Gateways have three for each Child SA: its key is its users', and kept nowhere else. */
struct policy {
	struct table_node node;
	struct user *users;	/* the first is in the kernel, */
	bool sure;		/* and not only if a daemon before got to it */
	bool gone;		/* of a stale one: who had it in the kernel has left it there */
	struct stale *stale;	/* NULL: it is not */
};

/* While adopting: what is to be seen to at the end. It outlives the policy's users. */
struct stale {
	struct stale *next;
	struct policy *policy;
	struct xfrm_policy_key key;
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

static uint32_t priority_of(enum rank rank, const struct ts *src, const struct ts *dst,
			    bool restricted)
{
	uint32_t priority = PRIORITY_STEP * (rank + 1);
	uint8_t prefix[16];
	bool exact;

	priority -= (ts_to_prefix(src, prefix, &exact) +
		     ts_to_prefix(dst, prefix, &exact)) * 512;
	priority -= src->protocol || dst->protocol ? 256 : 0;
	priority -= (port_bits(src) + port_bits(dst)) * 4;
	priority -= restricted ? 2 : 0;
	return priority - 1;
}

uint32_t policy_priority(const struct ts *src, const struct ts *dst)
{
	return priority_of(RANK_CHILD_SA, src, dst, false);
}

static uint64_t hash(const struct xfrm_policy_key *key)
{
	return table_hash(TABLE_HASH, key, sizeof(*key));
}

static bool is_newer(const struct child_sa *a, const struct child_sa *b)
{
	if (a->state == CHILD_CREATED || b->state == CHILD_CREATED)
		return b->state != CHILD_CREATED;
	if (a->installed_ms != b->installed_ms)
		return a->installed_ms > b->installed_ms;
	return a->unique_id > b->unique_id;
}

static uint8_t action_of(const struct child_sa *child)
{
	switch (rank_of(child)) {
	case RANK_PASS:
		return XFRM_PASS;
	case RANK_DROP:
		return XFRM_DROP;
	default:
		return XFRM_PROTECT;
	}
}

/* Forwarded traffic comes here before it goes out: it is not protected yet, nor need it be. */
static bool is_optional(const struct part *part)
{
	return part->dir == XFRM_POLICY_FWD && part->outbound;
}

/* What has to be protected for one of them is not let in without for another one. */
static bool goes_before(const struct user *a, const struct user *b, bool newest)
{
	if (action_of(a->child) == action_of(b->child) &&
	    is_optional(&a->part) != is_optional(&b->part))
		return is_optional(&b->part);
	if (rank_of(a->child) != rank_of(b->child))
		return rank_of(a->child) < rank_of(b->child);
	return newest || is_newer(a->child, b->child);
}

static void add_user(struct policy *policy, struct user *user, bool newest)
{
	struct user **link = &policy->users;

	while (*link && !goes_before(user, *link, newest))
		link = &(*link)->next;
	user->next = *link;
	*link = user;
}

static void unlink_user(struct policy *policy, struct user *user)
{
	struct user **link = &policy->users;

	while (*link != user)
		link = &(*link)->next;
	*link = user->next;
}

/* Of what is forwarded devices have none. */
static uint32_t device_of(const struct child_sa *child, uint8_t dir)
{
	if (dir == XFRM_POLICY_OUT)
		return child->offload_out == OFFLOAD_PACKET ? child->device : 0;
	return dir == XFRM_POLICY_IN && child->offload_in == OFFLOAD_PACKET ? child->device : 0;
}

/* What the Child SA would have it say. */
static struct xfrm_policy policy_of(const struct child_sa *child, const struct part *part)
{
	const struct ts *local = &child->local_ts->v[part->local];
	const struct ts *remote = &child->remote_ts->v[part->remote];
	const struct ts *src = part->outbound ? local : remote;
	const struct ts *dst = part->outbound ? remote : local;

	return (struct xfrm_policy){
		.dir = part->dir,
		.src_ts = *src, .dst_ts = *dst,
		.mark = part->outbound ? child->mark_out : child->mark_in,
		.if_id = part->outbound ? child->if_id_out : child->if_id_in,
		.action = action_of(child),
		.transport = child->transport,
		.optional = is_optional(part),
		.src = part->outbound ? child->local : child->remote,
		.dst = part->outbound ? child->remote : child->local,
		.reqid = child->reqid,
		.priority = child->priority ?: priority_of(rank_of(child), src, dst,
							   part->interface),
		.interface = part->interface,
		.device = device_of(child, part->dir),
		.attempt = child->attempt,
	};
}

static struct xfrm_policy_key part_key(const struct child_sa *child, const struct part *part)
{
	const struct xfrm_policy p = policy_of(child, part);

	return selector_key(&p);
}

/* The same of all its users. */
static struct xfrm_policy_key key_of(const struct policy *policy)
{
	if (policy->stale)
		return policy->stale->key;
	return part_key(policy->users->child, &policy->users->part);
}

static struct policy *find_key(const struct policy_table *table,
			       const struct xfrm_policy_key *key)
{
	struct table_node *node;

	for (node = table_find(&table->policies, hash(key)); node; node = table_next(node)) {
		struct policy *policy = container_of(node, struct policy, node);
		const struct xfrm_policy_key k = key_of(policy);

		if (!memcmp(&k, key, sizeof(*key)))
			return policy;
	}
	return NULL;
}

static struct policy *find(const struct policy_table *table, const struct child_sa *child,
			   const struct part *part)
{
	const struct xfrm_policy_key key = part_key(child, part);

	return find_key(table, &key);
}

bool policy_wanted(const struct policy_table *table, const struct xfrm_policy_key *key)
{
	return find_key(table, key);
}

/* Without it, if nobody wants it any more. */
static void free_unused(struct policy_table *table, struct policy *policy)
{
	if (policy->users || policy->stale)
		return;
	table_remove(&table->policies, &policy->node);
	free(policy);
}

/* What its first user says. */
static int install_first(struct xfrm *xfrm, struct policy *policy)
{
	const struct xfrm_policy p = policy_of(policy->users->child, &policy->users->part);
	int err = xfrm_policy_add(xfrm, &p);

	policy->sure = !err;
	return err;
}

static bool same_words(const struct xfrm_policy *p, const struct xfrm_policy *q)
{
	return p->action == q->action && p->transport == q->transport && p->optional == q->optional &&
	       endpoint_same_addr(&p->src, &q->src) && endpoint_same_addr(&p->dst, &q->dst) &&
	       p->reqid == q->reqid && p->priority == q->priority && p->device == q->device;
}

/*
 * Its first user is another one than before. Where that says the same nothing is installed:
 * each policy that is makes the kernel give up all routes that it has cached, and a packet
 * that has come in by one just then is lost. Whoever has taken a Child SA by the policy asks
 * again all the same, when another one is added, or this one retired (xfrm_state_retire())
 * or deleted.
 */
static int first_is_another(const struct policy_table *table, struct xfrm *xfrm,
			    struct policy *policy, const struct xfrm_policy *before)
{
	const struct xfrm_policy p = policy_of(policy->users->child, &policy->users->part);

	if (policy->sure && !table->adopting && same_words(&p, before))
		return 0;
	return install_first(xfrm, policy);
}

/* @xfrm NULL: it is installed already. */
static int install_one(struct policy_table *table, struct xfrm *xfrm,
		       const struct part *part, struct child_sa *child)
{
	const struct xfrm_policy_key key = part_key(child, part);
	struct user *user = calloc(1, sizeof(*user));
	struct xfrm_policy before = { 0 };
	struct policy *policy;
	int err = 0;

	if (!user)
		return -ENOMEM;
	user->child = child;
	user->part = *part;
	policy = find_key(table, &key);
	if (!policy) {
		policy = calloc(1, sizeof(*policy));
		if (!policy) {
			free(user);
			return -ENOMEM;
		}
		table_add(&table->policies, &policy->node, hash(&key));
	}
	if (policy->users)
		before = policy_of(policy->users->child, &policy->users->part);
	add_user(policy, user, xfrm);
	if (policy->users == user && !xfrm)
		policy->sure = false;
	else if (policy->users == user)
		err = first_is_another(table, xfrm, policy, &before);
	if (!err)
		return 0;
	unlink_user(policy, user);
	free(user);
	free_unused(table, policy);
	return err;
}

/* Of one that has users. Returns 0 or -ENOMEM. */
static int make_stale(struct policy_table *table, struct policy *policy)
{
	struct stale *stale;

	if (policy->stale)
		return 0;
	stale = malloc(sizeof(*stale));
	if (!stale)
		return -ENOMEM;
	*stale = (struct stale){ table->stale, policy, key_of(policy) };
	policy->stale = stale;
	table->stale = stale;
	return 0;
}

/* Unlinks the child's user of this policy, if any, and sees what the kernel needs. */
static void remove_user(struct policy_table *table, struct policy *policy, struct xfrm *xfrm,
			const struct part *part, const struct child_sa *child)
{
	const struct xfrm_policy_key key = key_of(policy);
	struct user **link, *user;
	struct xfrm_policy p;
	bool first, act, later;

	for (link = &policy->users; *link; link = &(*link)->next)
		if ((*link)->child == child && is_optional(&(*link)->part) == is_optional(part))
			break;
	user = *link;
	if (!user)
		return;
	first = user == policy->users;
	/* Its trap may be of a daemon before, and yet to be configured. */
	act = first && xfrm && (user->next || !child->trapped);
	/* Without memory for that the kernel keeps what nobody wants: nothing goes in the clear. */
	later = act && table->adopting && !make_stale(table, policy);
	if (later)
		policy->gone = true;
	p = policy_of(child, &user->part);
	*link = user->next;
	free(user);
	if (first && (!xfrm || !policy->users))
		policy->sure = false;
	if (!act || later)
		return;
	if (policy->users)
		first_is_another(table, xfrm, policy, &p);
	else if (!table->adopting)
		xfrm_policy_del(xfrm, &key);
}

static int remove_one(struct policy_table *table, struct xfrm *xfrm,
		      const struct part *part, struct child_sa *child)
{
	struct policy *policy = find(table, child, part);

	if (!policy)
		return 0;
	remove_user(table, policy, xfrm, part, child);
	free_unused(table, policy);
	return 0;
}

typedef int (*each_fn)(struct policy_table *table, struct xfrm *xfrm,
		       const struct part *part, struct child_sa *child);

/* So many of them, and how many there were. */
struct extent {
	unsigned int max, done;
};

static int each_of_pair(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child,
			uint8_t local, uint8_t remote, each_fn fn, struct extent *extent)
{
	const struct part parts[] = {
		{ XFRM_POLICY_OUT, true, local, remote, child->bound_index },
		{ XFRM_POLICY_FWD, true, local, remote, child->bound_index },
		{ XFRM_POLICY_IN, false, local, remote, 0 },
		{ XFRM_POLICY_FWD, false, local, remote, 0 },
	};
	unsigned int i;
	int err;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]) && extent->done < extent->max; i++) {
		if (parts[i].dir == XFRM_POLICY_FWD && parts[i].outbound && !child->fwd_out)
			continue;
		err = fn(table, xfrm, &parts[i], child);
		if (err)
			return err;
		extent->done++;
	}
	return 0;
}

/* For so many of the policies that the Child SA wants. */
static int each_within(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child,
		       each_fn fn, struct extent *extent)
{
	unsigned int i, j;
	int err = 0;

	for (i = 0; i < child->local_ts->n; i++) {
		for (j = 0; !err && j < child->remote_ts->n; j++) {
			const struct ts *local = &child->local_ts->v[i];
			const struct ts *remote = &child->remote_ts->v[j];

			if (local->family != remote->family ||
			    (local->protocol && remote->protocol &&
			     local->protocol != remote->protocol))
				continue;
			err = each_of_pair(table, xfrm, child, (uint8_t)i, (uint8_t)j, fn, extent);
		}
	}
	return err;
}

/* For all of them. */
static int each(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child,
		each_fn fn)
{
	struct extent all = { .max = UINT_MAX };

	return each_within(table, xfrm, child, fn, &all);
}

/* All or none: what the child had of them before stays. */
static int install(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	struct extent all = { .max = UINT_MAX };
	int err = each_within(table, xfrm, child, install_one, &all);
	struct extent undo = { .max = all.done };

	if (err)
		each_within(table, xfrm, child, remove_one, &undo);
	return err;
}

int policy_install(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	return install(table, xfrm, child);
}

void policy_adopt_begin(struct policy_table *table)
{
	table->adopting = true;
}

void policy_adopt_end(struct policy_table *table, struct xfrm *xfrm, bool all)
{
	struct stale *stale;

	table->adopting = false;
	while ((stale = table->stale)) {
		struct policy *policy = stale->policy;

		table->stale = stale->next;
		policy->stale = NULL;
		if (policy->users)
			install_first(xfrm, policy);
		else if (all && policy->gone)
			xfrm_policy_del(xfrm, &stale->key);
		policy->gone = false;
		free(stale);
		free_unused(table, policy);
	}
}

int policy_adopt(struct policy_table *table, struct child_sa *child)
{
	return install(table, NULL, child);
}

void policy_remove(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	each(table, xfrm, child, remove_one);
}

static int move_one(struct policy_table *table, struct xfrm *xfrm,
		    const struct part *part, struct child_sa *child)
{
	struct policy *policy = find(table, child, part);

	if (!policy || !policy->users || policy->users->child != child)
		return 0;
	/* One yet to be adopted may be newer. */
	if (table->adopting && make_stale(table, policy))
		return -ENOMEM;
	return install_first(xfrm, policy);
}

int policy_move(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child)
{
	return each(table, xfrm, child, move_one);
}

static bool same_ts(const struct ts_list *a, const struct ts_list *b)
{
	unsigned int i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!ts_equal(&a->v[i], &b->v[i]))
			return false;
	return true;
}

/* That of traffic going out between two of its selectors. */
static struct policy *find_out(const struct policy_table *table, const struct child_sa *child,
			       unsigned int local, unsigned int remote)
{
	const struct part part = { XFRM_POLICY_OUT, true, (uint8_t)local, (uint8_t)remote,
				   child->bound_index };

	return find(table, child, &part);
}

/* That of traffic coming in. */
static struct policy *find_in(const struct policy_table *table, const struct child_sa *child,
			      unsigned int local, unsigned int remote)
{
	const struct part part = { XFRM_POLICY_IN, false, (uint8_t)local, (uint8_t)remote, 0 };

	return find(table, child, &part);
}

/*
 * Who has the same selectors has each policy; so it is enough to look at one, of those that
 * are for any interface.
 */
const struct child_sa *policy_shared(const struct policy_table *table,
				     const struct child_sa *child)
{
	const struct policy *policy = NULL;
	const struct user *user;
	unsigned int i, j;

	for (i = 0; !policy && i < child->local_ts->n; i++)
		for (j = 0; !policy && j < child->remote_ts->n; j++)
			policy = find_in(table, child, i, j);
	for (user = policy ? policy->users : NULL; user; user = user->next)
		if (user->child != child && rank_of(user->child) != RANK_PASS &&
		    rank_of(user->child) != RANK_DROP &&
		    same_ts(user->child->local_ts, child->local_ts) &&
		    same_ts(user->child->remote_ts, child->remote_ts) &&
		    user->child->if_id_out == child->if_id_out &&
		    xfrm_mark_equal(user->child->mark_out, child->mark_out))
			return user->child;
	return NULL;
}

bool policy_trapped(const struct policy_table *table, const struct child_sa *child)
{
	const struct policy *policy;
	const struct user *user;
	unsigned int i, j;

	for (i = 0; i < child->local_ts->n; i++) {
		for (j = 0; j < child->remote_ts->n; j++) {
			policy = find_out(table, child, i, j);
			for (user = policy ? policy->users : NULL; user; user = user->next)
				if (rank_of(user->child) == RANK_TRAP)
					return true;
		}
	}
	return false;
}

void policy_each_other(struct policy_table *table, struct child_sa *child,
		       void (*fn)(struct child_sa *other, void *arg), void *arg)
{
	const struct policy *policy;
	const struct user *user;
	unsigned int i, j;

	for (i = 0; i < child->local_ts->n; i++) {
		for (j = 0; j < child->remote_ts->n; j++) {
			policy = find_out(table, child, i, j);
			for (user = policy ? policy->users : NULL; user; user = user->next)
				if (user->child != child)
					fn(user->child, arg);
		}
	}
}

void policy_clear(struct policy_table *table)
{
	struct stale *stale;

	while ((stale = table->stale)) {
		table->stale = stale->next;
		stale->policy->stale = NULL;
		free_unused(table, stale->policy);
		free(stale);
	}
	table_clear(&table->policies);
}
