// SPDX-License-Identifier: GPL-2.0
/* Traps and shunts: policies without ESP SAs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "child_interface.h"
#include "child_offload.h"
#include "config.h"
#include "ike_manager.h"
#include "log.h"
#include "resume.h"
#include "source.h"
#include "trap.h"

static bool is_shunt(const struct child_conf *conf)
{
	return conf->mode == MODE_PASS || conf->mode == MODE_DROP;
}

static bool is_wanted(const struct child_conf *conf)
{
	return conf->start_action & START_TRAP;
}

static uint64_t name_hash(const char *conn, const char *child)
{
	return table_hash(table_hash(TABLE_HASH, conn, strlen(conn) + 1), child, strlen(child));
}

/* The one that was installed last. */
static struct trap *find(const struct ike_manager *m, const char *conn, const char *child)
{
	struct table_node *node;

	for (node = table_find(&m->traps_by_name, name_hash(conn, child)); node;
	     node = table_next(node)) {
		struct trap *t = container_of(node, struct trap, by_name);

		if (!strcmp(t->conn->name, conn) && !strcmp(t->child.conf->name, child))
			return t;
	}
	return NULL;
}

const struct child_sa *trap_of(const struct ike_manager *m, const char *conn, const char *child)
{
	const struct trap *t = find(m, conn, child);

	return t ? &t->child : NULL;
}

/* What is under it has changed: the next daemon is to know. */
static void tell(struct child_sa *child, void *arg)
{
	struct ike_manager *m = arg;
	bool trapped = policy_trapped(&m->policies, child);

	if (!child->ike_sa || child->trapped == trapped)
		return;
	child->trapped = trapped;
	resume_save(child->ike_sa);
}

static void drop(struct ike_manager *m, struct trap *trap)
{
	struct trap **link = &m->traps;

	while (*link != trap)
		link = &(*link)->next;
	*link = trap->next;
	table_remove(&m->traps_by_name, &trap->by_name);
	if (trap->child.has_policies) {
		child_route_remove(&m->routes, &trap->child);
		policy_remove(&m->policies, m->xfrm, &trap->child);
	}
	offload_bypass_put(m, &trap->child);
	policy_each_other(&m->policies, &trap->child, tell, m);
	conn_put(trap->conn);
	child_sa_agreed_clear(&trap->child);
	free(trap);
}

/* Of traps alone: by it the next daemon knows their policies. */
static uint32_t next_reqid(struct ike_manager *m)
{
	m->last_trap_reqid = m->last_trap_reqid % (XFRM_REQID_LAST - XFRM_REQID_TRAP) + 1;
	return XFRM_REQID_TRAP + m->last_trap_reqid;
}

static bool has_dynamic(const struct ts_list *list)
{
	unsigned int i;

	for (i = 0; i < list->n; i++)
		if (list->v[i].dynamic)
			return true;
	return false;
}

static int keep(struct child_sa *child, const struct ts_list *local,
		const struct ts_list *remote, struct errmsg *err)
{
	if (ts_keep(&child->local_ts, local) || ts_keep(&child->remote_ts, remote))
		return errmsg_set(err, "out of memory");
	return 0;
}

static bool is_for_many(const struct trap *trap)
{
	return trap->child.conf->mode == MODE_TRANSPORT && conn_is_for_many(trap->conn);
}

/* What is between any of our addresses and those of the peers: the packets say who it is. */
static int resolve_many(struct trap *trap, struct errmsg *err)
{
	const struct child_conf *conf = trap->child.conf;
	struct ts_list local, remote, all, peers;

	ts_resolve_any(&local, &conf->local_ts);
	ts_resolve_any(&all, &conf->remote_ts);
	conn_remote_ts(trap->conn, &peers);
	if (!ts_narrow(&remote, &all, &peers))
		return errmsg_set(err, "none of its remote_addrs is in remote_ts");
	trap->child.transport = true;
	return keep(&trap->child, &local, &remote, err);
}

/* Whom it is a trap for; a shunt is for nobody. */
static int resolve(struct trap *trap, struct errmsg *err)
{
	const struct child_conf *conf = trap->child.conf;
	struct child_sa *child = &trap->child;
	struct ts_list local, remote;

	if (is_shunt(conf)) {
		ts_resolve_any(&local, &conf->local_ts);
		ts_resolve_any(&remote, &conf->remote_ts);
		return keep(child, &local, &remote, err);
	}
	if (is_for_many(trap))
		return resolve_many(trap, err);
	if (conn_is_for_many(trap->conn))
		return errmsg_set(err, "remote_addrs names no single host: only with mode = transport may it be any of many");
	if (conn_initiator_addrs(trap->conn, &child->local, &child->remote, err))
		return -1;
	/* Without a route yet the kernel sees for itself when there is a packet. */
	if (endpoint_is_any(&child->local) && source_address(&child->remote, &child->local) &&
	    has_dynamic(&conf->local_ts))
		return errmsg_set(err, "there is no route to the peer yet");
	ts_resolve(&local, &conf->local_ts, &child->local);
	ts_resolve(&remote, &conf->remote_ts, &child->remote);
	child->transport = conf->mode == MODE_TRANSPORT &&
			   ts_of_host(&local, &child->local) &&
			   ts_of_host(&remote, &child->remote);
	return keep(child, &local, &remote, err);
}

static int install(struct ike_manager *m, struct child_sa *child)
{
	return offload_bypass_ignored(m, child) ? -EOPNOTSUPP :
	       policy_install(&m->policies, m->xfrm, child);
}

/* Of a trap's, too, a device can do no more than packets (child_offload.h). */
static int install_policies(struct ike_manager *m, struct child_sa *child, struct errmsg *err)
{
	int failed;

	if (child_interface_find(m, child))
		return errmsg_set(err, "there is no interface '%s'", child->bound_to);
	if (!is_shunt(child->conf) && child->hw_offload != OFFLOAD_CRYPTO &&
	    child_offload_begin(m, child))
		return errmsg_set(err, "there is no device for hw_offload");
	failed = install(m, child);
	if (failed && child->attempt) {
		child->offload_in = OFFLOAD_NO;
		child->offload_out = OFFLOAD_NO;
		child->device = 0;
		child->attempt = false;
		offload_bypass_hold(m, child);
		failed = install(m, child);
	}
	if (failed)
		return errmsg_set(err, "its policies could not be installed%s", child->device ?
				  ": the device does not do what hw_offload asks for: set it to auto, crypto or no" : "");
	child->attempt = false;
	child->has_policies = true;
	offload_bypass_check(m, child);
	return 0;
}

int trap_install(struct ike_manager *m, struct conn *conn, const struct child_conf *conf,
		 bool manual, struct errmsg *err)
{
	struct trap *old = find(m, conn->name, conf->name), *trap;

	if (old && old->child.conf == conf) {
		old->manual |= manual;
		return 0;
	}
	if (m->stopping)
		return errmsg_set(err, "the daemon is stopping");
	trap = calloc(1, sizeof(*trap));
	if (!trap)
		return errmsg_set(err, "out of memory");
	trap->conn = conn_get(conn);
	trap->manual = manual || (old && old->manual);
	child_sa_agreed_init(&trap->child);
	trap->child.conf = conf;
	trap->child.state = CHILD_ROUTED;
	trap->child.unique_id = ++m->last_child_id;
	child_sa_configure(&trap->child, m);
	if (resolve(trap, err)) {
		child_sa_agreed_clear(&trap->child);
		conn_put(conn);
		free(trap);
		return -1;
	}
	if (!trap->child.reqid && !is_shunt(conf))
		trap->child.reqid = next_reqid(m);
	trap->next = m->traps;
	m->traps = trap;
	table_add(&m->traps_by_name, &trap->by_name, name_hash(conn->name, conf->name));
	/* In the place of the old one, not after it. */
	if (install_policies(m, &trap->child, err)) {
		drop(m, trap);
		return -1;
	}
	child_route_install(&m->routes, &trap->child);
	if (old)
		drop(m, old);
	else
		log_msg(LOG_CFG, LVL_CTRL, "installed '%s' of '%s'", conf->name, conn->name);
	policy_each_other(&m->policies, &trap->child, tell, m);
	return 0;
}

bool trap_uninstall(struct ike_manager *m, const char *conn, const char *child)
{
	struct trap *t, *found = NULL;

	/* The newest comes first here. */
	for (t = m->traps; t; t = t->next) {
		if ((conn && strcmp(conn, t->conn->name)) || strcmp(child, t->child.conf->name))
			continue;
		if (!found || is_shunt(t->child.conf) || !is_shunt(found->child.conf))
			found = t;
	}
	if (!found)
		return false;
	log_msg(LOG_CFG, LVL_CTRL, "uninstalled '%s' of '%s'", child, found->conn->name);
	drop(m, found);
	return true;
}

/* Is it still configured, to be there or by hand? */
static bool stays(const struct ike_manager *m, const struct trap *t)
{
	const struct conn *conn = config_find_conn(m->config, t->conn->name);
	const struct child_conf *conf = conn ? conn_find_child(conn, t->child.conf->name) : NULL;

	return conf && (t->manual || is_wanted(conf));
}

void trap_configure(struct ike_manager *m, struct conn *conn)
{
	const struct child_conf *conf;
	struct errmsg err;

	conn->traps_wait = false;
	for (conf = conn->children; conf; conf = conf->next) {
		if ((!is_wanted(conf) && !find(m, conn->name, conf->name)) ||
		    !trap_install(m, conn, conf, false, &err))
			continue;
		conn->traps_wait = true;
		log_msg(LOG_CFG, LVL_AUDIT, "cannot install '%s' of '%s': %s", conf->name,
			conn->name, err.text);
	}
}

void trap_configured(struct ike_manager *m)
{
	struct trap *t, *next;

	for (t = m->traps; t; t = next) {
		next = t->next;
		if (stays(m, t))
			continue;
		log_msg(LOG_CFG, LVL_CTRL, "uninstalled '%s' of '%s'", t->child.conf->name,
			t->conn->name);
		drop(m, t);
	}
}

/* The policies of a range hold what is beside it back, too. */
static void acquired_of_many(struct ike_manager *m, const struct trap *t,
			     const struct endpoint *local, const struct endpoint *remote)
{
	struct endpoint from = *local, to = *remote;
	char text[ENDPOINT_STRLEN];

	if (!conn_match_addrs(t->conn, local, remote)) {
		log_msg(LOG_KNL, LVL_DIAG, "traffic to %s: it is none of the addresses of '%s'",
			endpoint_addr_str(remote, text), t->conn->name);
		return;
	}
	log_msg(LOG_KNL, LVL_CTRL, "traffic to %s for '%s' of '%s': initiating",
		endpoint_addr_str(remote, text), t->child.conf->name, t->conn->name);
	from.port = t->conn->local_port;
	to.port = t->conn->remote_port;
	ike_manager_initiate_to(m, t->conn, t->child.conf, &from, &to);
}

void trap_acquired(struct ike_manager *m, uint32_t reqid, const struct endpoint *local,
		   const struct endpoint *remote)
{
	struct conn *conn;
	struct trap *t;

	for (t = m->traps; t; t = t->next)
		if (!is_shunt(t->child.conf) && t->child.reqid == reqid)
			break;
	if (!t) {
		log_msg(LOG_KNL, LVL_DIAG, "traffic for no trap of ours (reqid %u)", reqid);
		return;
	}
	/* Whatever it does, it may do away with the trap. */
	conn = conn_get(t->conn);
	if (is_for_many(t)) {
		acquired_of_many(m, t, local, remote);
	} else {
		log_msg(LOG_KNL, LVL_CTRL, "traffic for '%s' of '%s': initiating",
			t->child.conf->name, t->conn->name);
		ike_manager_initiate(m, conn, t->child.conf, NULL);
	}
	conn_put(conn);
}

void trap_clear(struct ike_manager *m)
{
	while (m->traps)
		drop(m, m->traps);
	table_clear(&m->traps_by_name);
}
