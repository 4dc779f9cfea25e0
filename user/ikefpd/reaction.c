// SPDX-License-Identifier: GPL-2.0
/* dpd_action and close_action. */
#include "config.h"
#include "ike_manager.h"
#include "reaction.h"
#include "trap.h"

static bool is_noted(const struct reaction *r, const struct child_conf *conf)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->restart[i] == conf)
			return true;
	return false;
}

static int trap_again(const struct ike_sa *sa, const struct child_conf *conf, struct errmsg *err)
{
	/* That one peer has closed it is no reason to hold back what is for all others. */
	if (conn_is_for_many(sa->conn) && !(conf->start_action & START_TRAP))
		return errmsg_set(err, "remote_addrs names no single host: only with start_action = trap may it be any of many");
	return trap_install(sa->manager, conf->conn, conf, true, err);
}

void reaction_note(struct reaction *r, const struct child_sa *child, enum child_action action)
{
	struct ike_sa *sa = child->ike_sa;
	struct errmsg err;

	/* Not one that was not up, nor one that we wanted to go. */
	if (child->state != CHILD_INSTALLED || sa->state != IKE_ESTABLISHED ||
	    action == ACTION_CLEAR)
		return;
	if (action == ACTION_TRAP) {
		if (trap_again(sa, child->conf, &err))
			ike_log(sa, LOG_CFG, LVL_AUDIT, "cannot install '%s' of '%s': %s",
				child->conf->name, sa->conn->name, err.text);
		return;
	}
	if (is_noted(r, child->conf))
		return;
	if (r->n == REACTION_MAX) {
		ike_log(sa, LOG_CFG, LVL_AUDIT, "'%s' of '%s' is not set up anew: too many are",
			child->conf->name, sa->conn->name);
		return;
	}
	r->restart[r->n++] = child_conf_get(child->conf);
}

void reaction_run(struct reaction *r, struct ike_manager *m)
{
	const struct child_conf *child, *now;
	struct conn *conn;
	size_t i;

	for (i = 0; i < r->n; i++) {
		/* As it is configured by now, if it still is. */
		child = r->restart[i];
		conn = config_find_conn(m->config, child->conn->name);
		now = conn ? conn_find_child(conn, child->name) : NULL;
		ike_manager_restart(m, now ? conn : child->conn, now ? now : child);
		child_conf_put(child);
	}
}
