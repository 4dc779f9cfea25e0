// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "config.h"
#include "ike_manager.h"
#include "ike_unload.h"

/* The child as it is configured now; NULL: not as before. */
static const struct child_conf *kept(const struct conn *now, const struct child_conf *conf)
{
	const struct child_conf *c = now ? conn_find_child(now, conf->name) : NULL;

	return c && child_conf_same(c, conf) ? c : NULL;
}

static bool closes(const struct conn *now, const struct child_conf *conf)
{
	return conf->start_action & START_START && !kept(now, conf);
}

static bool is_going(const struct child_sa *child)
{
	return child->state == CHILD_DELETING || child->state == CHILD_DELETED;
}

/* What is to be asked for yet, and is not to be any more. */
static void drop_tasks(struct ike_sa *sa, const struct conn *now)
{
	struct ike_task **link = &sa->queue, *task;

	while ((task = *link)) {
		if (!task->conf || !closes(now, task->conf)) {
			link = &task->next;
			continue;
		}
		*link = task->next;
		ike_manager_child_failed(sa->manager, sa->unique_id, task->conf->name,
					 "it is not configured so any more");
		ike_task_set_conf(task, NULL);
		free(task);
	}
}

static void rebind_task(struct ike_task *task, const struct conn *now)
{
	const struct child_conf *conf = task->conf ? kept(now, task->conf) : NULL;

	if (conf)
		ike_task_set_conf(task, conf);
}

/* It is of the connection that is configured now; so is what it has, but what is not so there. */
static void rebind(struct ike_sa *sa, struct conn *now)
{
	const struct child_conf *conf;
	struct child_sa *child;
	struct ike_task *task;

	if (sa->handshake && sa->handshake->child_conf)
		sa->handshake->child_conf = kept(now, sa->handshake->child_conf);
	for (child = sa->children; child; child = child->next) {
		conf = kept(now, child->conf);
		if (conf)
			child_sa_set_conf(child, conf);
	}
	rebind_task(&sa->active, now);
	for (task = sa->queue; task; task = task->next)
		rebind_task(task, now);
	ike_sa_set_conn(sa, now);
}

static bool may_rebind(const struct ike_sa *sa, const struct conn *now)
{
	return now && (!sa->handshake || !sa->handshake->child_conf ||
		       kept(now, sa->handshake->child_conf));
}

static const struct child_sa *first_to_close(const struct ike_sa *sa, const struct conn *now)
{
	const struct child_sa *child = sa->children;

	while (child && (is_going(child) || !closes(now, child->conf)))
		child = child->next;
	return child;
}

/* Has it, or is it to have, anything that stays? */
static bool has_others(const struct ike_sa *sa, const struct conn *now)
{
	const struct child_sa *child;
	const struct ike_task *task;

	for (child = sa->children; child; child = child->next)
		if (!is_going(child) && !closes(now, child->conf))
			return true;
	for (task = sa->queue; task; task = task->next)
		if (task->type == TASK_CREATE_CHILD)
			return true;
	return false;
}

static void close_children(struct ike_manager *m, uint32_t id, const struct conn *now)
{
	const struct child_sa *child;
	struct ike_sa *sa;

	while ((sa = ike_manager_by_id(m, id)) && (child = first_to_close(sa, now))) {
		ike_log(sa, LOG_CFG, LVL_CTRL, "closing CHILD_SA %s{%u}", child->conf->name,
			child->unique_id);
		ike_manager_terminate_child(m, child->unique_id, NULL);
	}
}

/* May end it. */
static void unload(struct ike_sa *sa)
{
	const struct child_conf *asked = sa->handshake ? sa->handshake->child_conf : NULL;
	struct conn *now = config_find_conn(sa->manager->config, sa->conn->name);
	bool whole;

	if (now && !conn_same_settings(now, sa->conn))
		now = NULL;
	drop_tasks(sa, now);
	whole = (asked && closes(now, asked)) ||
		(first_to_close(sa, now) && !has_others(sa, now));
	if (may_rebind(sa, now))
		rebind(sa, now);
	if (!whole) {
		close_children(sa->manager, sa->unique_id, now);
		return;
	}
	ike_log(sa, LOG_CFG, LVL_CTRL, "closing IKE_SA %s[%u]", sa->log.name, sa->unique_id);
	ike_manager_terminate_ike(sa->manager, sa->unique_id, false, NULL);
}

void ike_unload(struct ike_manager *m)
{
	struct ike_sa *sa, *next;

	for (sa = m->sas; sa; sa = next) {
		next = sa->next;
		/* One that is carried on from a daemon before is of nothing that was configured here. */
		if (sa->conn && !sa->conn->link && !sa->conn->bygone &&
		    (sa->state != IKE_DELETING && sa->state != IKE_REKEYED))
			unload(sa);
	}
}
