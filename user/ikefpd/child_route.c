// SPDX-License-Identifier: GPL-2.0
/* The routes of Child SAs and traps. */
#include <stdlib.h>
#include <string.h>

#include "child_route.h"
#include "child_sa.h"
#include "config.h"
#include "container_of.h"
#include "log.h"
#include "route.h"

struct want {
	struct want *next;
	const struct child_sa *child;
	struct route_entry entry;
};

/* A network. */
struct target {
	struct table_node node;
	struct want *wants;	/* the first has the route */
};

/* Where it leads does not count. */
static uint64_t hash(const struct route_entry *e)
{
	uint64_t h = table_hash(TABLE_HASH, &e->dst, sizeof(e->dst));

	return table_hash(h, &e->prefix_len, sizeof(e->prefix_len));
}

static struct target *find(const struct child_routes *t, const struct route_entry *e)
{
	struct table_node *node;

	for (node = table_find(&t->wanted, hash(e)); node; node = table_next(node)) {
		struct target *target = container_of(node, struct target, node);

		if (!memcmp(&target->wants->entry.dst, &e->dst, sizeof(e->dst)) &&
		    target->wants->entry.prefix_len == e->prefix_len)
			return target;
	}
	return NULL;
}

static bool same(const struct route_entry *a, const struct route_entry *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* A change that the kernel refuses leaves it as it was. */
static void put(struct child_routes *t, const struct child_sa *child, const struct route_entry *e)
{
	struct target *target = find(t, e);
	struct route_entry before = { 0 };
	struct want *want = NULL;

	if (target) {
		before = target->wants->entry;
		for (want = target->wants; want; want = want->next)
			if (want->child == child)
				break;
	}
	if (!want) {
		want = calloc(1, sizeof(*want));
		if (want && !target)
			target = calloc(1, sizeof(*target));
		if (!want || !target) {
			free(want);
			log_msg(LOG_KNL, LVL_AUDIT, "no memory for a route");
			return;
		}
		want->child = child;
		if (!target->wants)
			table_add(&t->wanted, &target->node, hash(e));
		want->next = target->wants;
		target->wants = want;
	}
	want->entry = *e;
	if (target->wants == want && !same(&before, e))
		route_add(t->route, e);
}

/* Takes it from a target, which may go with it. */
static void take(struct child_routes *t, struct target *target, const struct child_sa *child)
{
	struct want **link = &target->wants, *want;
	struct route_entry before = target->wants->entry;

	while (*link && (*link)->child != child)
		link = &(*link)->next;
	want = *link;
	if (!want)
		return;
	*link = want->next;
	free(want);
	if (target->wants) {
		if (!same(&before, &target->wants->entry))
			route_add(t->route, &target->wants->entry);
		return;
	}
	route_del(t->route, &before);
	table_remove(&t->wanted, &target->node);
	free(target);
}

static bool is_pass(const struct child_sa *child)
{
	return child->state == CHILD_ROUTED && child->conf->mode == MODE_PASS;
}

static bool is_drop(const struct child_sa *child)
{
	return child->state == CHILD_ROUTED && child->conf->mode == MODE_DROP;
}

/* Routes are of whole networks: with a protocol or a port there is none. */
static bool is_routable(const struct child_sa *child, const struct ts *local,
			const struct ts *remote)
{
	return local->family == remote->family && !local->protocol && !remote->protocol &&
	       !local->start_port && local->end_port == UINT16_MAX && !remote->start_port &&
	       remote->end_port == UINT16_MAX && !child->if_id_out && !child->transport &&
	       !is_drop(child);
}

static void target_of(struct route_entry *e, const struct ts *remote)
{
	bool exact;

	memset(e, 0, sizeof(*e));
	e->dst.family = remote->family;
	e->prefix_len = ts_to_prefix(remote, e->dst.addr, &exact);
}

/* Where it leads. False: there is no use for one. */
static bool lead(struct child_routes *t, struct route_entry *e, const struct child_sa *child,
		 const struct ts *local)
{
	struct next_hop hop;

	if (is_pass(child))
		return true;
	if (route_own_address(t->route, local, &e->src) ||
	    route_to(t->route, &child->remote, &child->local, &hop))
		return false;
	/* What goes that way would not be the policies'. */
	if (child->bound_index && child->bound_index != hop.index)
		return false;
	e->index = hop.index;
	/* A peer on the same link is the next hop itself; one of another family is none. */
	if (!hop.gateway.family) {
		hop.gateway = child->remote;
		hop.gateway.port = 0;
	}
	if (hop.gateway.family == e->dst.family)
		e->gateway = hop.gateway;
	return true;
}

void child_route_install(struct child_routes *t, struct child_sa *child)
{
	struct route_entry e;

	if (!t->route || t->off)
		return;
	for (unsigned int i = 0; i < child->remote_ts->n; i++) {
		for (unsigned int j = 0; j < child->local_ts->n; j++) {
			const struct ts *local = &child->local_ts->v[j];

			if (!is_routable(child, local, &child->remote_ts->v[i]))
				continue;
			target_of(&e, &child->remote_ts->v[i]);
			if (!lead(t, &e, child, local))
				continue;
			put(t, child, &e);
			break;
		}
	}
}

void child_route_remove(struct child_routes *t, const struct child_sa *child)
{
	struct route_entry e;
	struct target *target;

	if (!t->route)
		return;
	for (unsigned int i = 0; i < child->remote_ts->n; i++) {
		target_of(&e, &child->remote_ts->v[i]);
		target = find(t, &e);
		if (target)
			take(t, target, child);
	}
}

static bool is_wanted(void *data, const struct route_entry *e)
{
	return find(data, e);
}

void child_route_remove_leftovers(struct child_routes *t)
{
	if (t->route)
		route_remove_leftovers(t->route, is_wanted, t);
}

void child_route_clear(struct child_routes *t)
{
	table_clear(&t->wanted);
}
