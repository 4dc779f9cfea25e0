// SPDX-License-Identifier: GPL-2.0
/* Carrying on where a daemon was that is dead. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "child_idle.h"
#include "child_life.h"
#include "child_limit.h"
#include "config.h"
#include "host_names.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_rekey.h"
#include "log.h"
#include "resume.h"
#include "start.h"
#include "stash.h"
#include "stream.h"
#include "transport.h"

void resume_save(const struct ike_sa *sa)
{
	struct buf octets = BUF_INIT;

	stash_write(&octets, sa);
	if (octets.failed || kernel_sa_stash(sa->manager->kernel, ike_sa_spi_local(sa),
					     octets.data, octets.len))
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"what is new of IKE_SA %s[%u] is not stashed: should this daemon die, the next one cannot go on with that",
			sa->log.name, sa->unique_id);
	buf_clear(&octets);
}

static bool has_child(const struct conn *conn, const struct ike_task *task)
{
	return !task->conf || conn_find_child(conn, task->conf->name);
}

/*
 * Has the connection all the children that the IKE SA's Child SAs were made of, or are to
 * be?
 */
static bool has_children(const struct conn *conn, const struct ike_sa *sa)
{
	const struct child_sa *child;
	const struct ike_task *task;

	for (child = sa->children; child; child = child->next)
		if (!conn_find_child(conn, child->conf->name))
			return false;
	for (task = sa->queue; task; task = task->next)
		if (!has_child(conn, task))
			return false;
	return has_child(conn, &sa->active);
}

static void rebind_task(struct ike_task *task, struct conn *conn)
{
	if (task->conf)
		ike_task_set_conf(task, conn_find_child(conn, task->conf->name));
}

static void rebind(struct ike_sa *sa, struct conn *conn)
{
	struct child_sa *child;
	struct ike_task *task;

	for (child = sa->children; child; child = child->next)
		child_sa_set_conf(child, conn_find_child(conn, child->conf->name));
	/* What was to be made of the connection before. */
	rebind_task(&sa->active, conn);
	for (task = sa->queue; task; task = task->next)
		rebind_task(task, conn);
	ike_sa_set_conn(sa, conn);
}

/* What its configuration says of them is known only now. */
static void look_at_children(struct ike_sa *sa)
{
	struct child_sa *child;

	for (child = sa->children; child; child = child->next) {
		child_idle_resume(child);
		child_limit_look(child);
	}
}

static struct ike_sa *to_rebind(struct ike_manager *m, const struct conn *conn)
{
	struct ike_sa *sa;

	for (sa = ike_manager_of_conn(m, conn->name, NULL); sa;
	     sa = ike_manager_of_conn(m, conn->name, sa))
		if (sa->conn->bygone && has_children(conn, sa))
			break;
	return sa;
}

void resume_rebind(struct ike_manager *m, struct conn *conn)
{
	struct ike_sa *sa;

	while ((sa = to_rebind(m, conn))) {
		rebind(sa, conn);
		look_at_children(sa);
		/* What it was to be asked for; it may end by that. */
		ike_sa_go_on(sa);
	}
}

static size_t count_children(const struct ike_manager *m)
{
	const struct child_sa *child;
	const struct ike_sa *sa;
	size_t n = 0;

	for (sa = m->sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			n++;
	return n;
}

static bool wanted(void *data, const struct xfrm_policy_key *key)
{
	const struct ike_manager *m = data;

	return policy_wanted(&m->policies, key) || offload_bypass_wanted(m, key);
}

static void remove_leftovers(struct ike_manager *m)
{
	size_t n = 2 * count_children(m);
	struct xfrm_own own = { .keep_traps = true, .has = wanted, .data = m };
	const struct child_sa *child;
	const struct ike_sa *sa;

	own.spis = calloc(n + 1, sizeof(*own.spis));
	own.reqids = calloc(n + 1, sizeof(*own.reqids));
	if (own.spis && own.reqids) {
		for (sa = m->sas; sa; sa = sa->next) {
			for (child = sa->children; child; child = child->next) {
				own.spis[own.n] = child->spi_in;
				own.reqids[own.n++] = child->reqid;
				own.spis[own.n] = child->spi_out;
				own.reqids[own.n++] = child->reqid;
			}
		}
		xfrm_remove_leftovers(m->xfrm, &own);
	}
	free(own.spis);
	free(own.reqids);
}

void resume_begin(struct ike_manager *m)
{
	policy_adopt_begin(&m->policies);
	news_hold(&m->news);
}

/* Each may end others. */
static void resume_rekeys(struct ike_manager *m)
{
	struct ike_sa *sa;

	do {
		for (sa = m->sas; sa && !(sa->rekey && sa->rekey->resume);)
			sa = sa->next;
		if (sa) {
			sa->rekey->resume = false;
			ike_rekey_resume(sa);
		}
	} while (sa);
}

/* Those that go on at all do so by this. */
static void resume_reauths(struct ike_manager *m)
{
	struct ike_sa *sa;

	do {
		for (sa = m->sas; sa && !ike_reauth_is_idle(sa);)
			sa = sa->next;
		if (sa)
			ike_reauth_resume(sa);
	} while (sa);
}

void resume_finish(struct ike_manager *m, bool all)
{
	struct ike_sa *sa;
	struct conn *conn;

	/* Before anything is taken away, what is to hold traffic back is there. */
	for (conn = m->config->conns; conn; conn = conn->next)
		host_names_configure(m, conn);
	m->all_adopted = all;
	news_tell(m);
	resume_rekeys(m);
	policy_adopt_end(&m->policies, m->xfrm, all);
	offload_bypass_adopted(m);
	for (sa = m->sas; sa; sa = sa->next)
		look_at_children(sa);
	resume_reauths(m);
	if (all) {
		remove_leftovers(m);
		child_route_remove_leftovers(&m->routes);
	} else {
		log_msg(LOG_MGR, LVL_AUDIT,
			"not all IKE_SAs of the daemon before could be adopted: whatever it had in XFRM stays");
	}
}

/* If its stash says what it was. */
static void set_up_anew(const struct kernel_orphan *orphan)
{
	struct conn *conn = orphan->established ?
			    stash_read_names(orphan->stash, orphan->stash_len) : NULL;
	const struct child_conf *child;

	if (!conn)
		return;
	for (child = conn->children; child; child = child->next)
		start_again(conn->name, child->name);
	conn_put(conn);
}

/*
 * An SA that nobody can go on with. No peer is told: it is set up anew, or the peer has to
 * find out.
 */
static void refuse(struct ike_manager *m, const struct kernel_orphan *orphan,
		   struct resume_summary *summary)
{
	char remote[ENDPOINT_STRLEN];

	summary->refused++;
	log_msg(LOG_MGR, LVL_AUDIT,
		"IKE_SA %016" PRIx64 "_i %016" PRIx64 "_r with %s is deleted",
		orphan->initiator ? orphan->spi_local : orphan->spi_remote,
		orphan->initiator ? orphan->spi_remote : orphan->spi_local,
		endpoint_addr_str(&orphan->remote, remote));
	kernel_sa_delete(m->kernel, orphan->spi_local);
	set_up_anew(orphan);
}

/* The IKE SA that the stash describes, or NULL, logged. */
static struct ike_sa *read_stash(struct ike_manager *m, const struct kernel_orphan *orphan,
				 bool *complete)
{
	struct ike_sa *sa = ike_sa_new(m, NULL, orphan->initiator);
	uint16_t version;
	int err;

	if (!sa) {
		log_msg(LOG_MGR, LVL_AUDIT, "no memory to carry an IKE_SA on");
		return NULL;
	}
	/* It has an id of its own. */
	m->last_ike_id--;
	ike_sa_end_handshake(sa);
	err = stash_read(sa, orphan->stash, orphan->stash_len, &version, complete);
	if (!err && (sa->initiator != orphan->initiator ||
		     ike_sa_spi_local(sa) != orphan->spi_local ||
		     ike_sa_spi_remote(sa) != orphan->spi_remote))
		err = -EBADMSG;
	if (!err)
		return sa;
	if (err == -EPROTONOSUPPORT)
		log_msg(LOG_MGR, LVL_AUDIT,
			"what the daemon before left of an IKE_SA is in format %u, this ikefpd knows format %u alone",
			version, STASH_VERSION);
	else
		log_msg(LOG_MGR, LVL_AUDIT, "what the daemon before left of an IKE_SA is %s",
			err == -ENOMEM ? "more than there is memory for" :
			orphan->stash_len ? "damaged" : "nothing");
	stash_forget_children(sa);
	/* Nothing of the kernel's is known to be this one's. */
	sa->spi_i = 0;
	sa->spi_r = 0;
	ike_sa_destroy(sa, "it cannot be carried on");
	return NULL;
}

static void at_least(uint32_t *last, uint32_t id)
{
	if (*last < id)
		*last = id;
}

/* Those that come get others. One that was given may be what no unique one is near. */
static void unique_marks(struct ike_manager *m, const struct child_sa *child)
{
	const uint32_t marks[] = { child->if_id_in, child->if_id_out, child->mark_in.v,
				   child->mark_out.v };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		at_least(&m->last_mark, marks[i]);
}

static void add_task(struct ike_sa *sa, enum ike_task_type type, uint32_t spi,
		     const struct child_conf *conf)
{
	struct ike_task *task = calloc(1, sizeof(*task)), **end;

	if (!task) {
		ike_log(sa, LOG_MGR, LVL_AUDIT, "no memory for a task of IKE_SA %s[%u]",
			sa->log.name, sa->unique_id);
		return;
	}
	task->type = type;
	task->spi = spi;
	ike_task_set_conf(task, conf);
	for (end = &sa->queue; *end;)
		end = &(*end)->next;
	*end = task;
}

/* It is another IKE SA's; nothing of it is ended. */
static void forget_child(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;
	struct child_sa **link;

	for (link = &child->ike_sa->children; *link != child;)
		link = &(*link)->next;
	*link = child->next;
	if (ike_manager_child(m, child->unique_id) == child) {
		child_life_end(child);
		child_route_remove(&m->routes, child);
		if (child->has_policies)
			policy_remove(&m->policies, m->xfrm, child);
		offload_bypass_put(m, child);
		ike_manager_remove_child(m, child);
	}
	child_sa_agreed_clear(child);
	child_sa_set_conf(child, NULL);
	free(child);
}

/*
 * The daemon died while it went from one IKE SA to another one, and both have it (see
 * ike_inherit.h). False: it is another one's.
 */
static bool has_come_last(struct ike_manager *m, const struct child_sa *child)
{
	struct child_sa *other = ike_manager_child(m, child->unique_id);

	if (!other || other->spi_in != child->spi_in)
		return true;
	if (other->moves >= child->moves)
		return false;
	forget_child(other);
	return true;
}

/*
 * One that was being made goes. The peer may have it, or be about to: it is told, unless
 * it asked itself, and then it asks again.
 */
static void resume_child(struct ike_sa *sa, struct child_sa *child)
{
	struct ike_manager *m = sa->manager;

	if (!has_come_last(m, child)) {
		forget_child(child);
		return;
	}
	ike_manager_add_child(m, child);
	at_least(&m->last_child_id, child->unique_id);
	if (child->reqid > XFRM_REQID_FIRST && child->reqid <= XFRM_REQID_TRAP)
		at_least(&m->last_reqid, child->reqid - XFRM_REQID_FIRST);
	child->state_in = true;
	child->state_out = true;
	offload_bypass_hold(m, child);
	if (child->unique_marks)
		unique_marks(m, child);
	if (child->state != CHILD_DELETED && !child->no_policies)
		child->has_policies = !policy_adopt(&m->policies, child);
	if (child->has_policies)
		child_route_install(&m->routes, child);
	if (child->state != CHILD_CREATED) {
		child_life_resume(child);
		return;
	}
	if (sa->active.type == TASK_CREATE_CHILD || sa->active.type == TASK_REKEY_CHILD)
		add_task(sa, TASK_DELETE_LOST, child->spi_in, NULL);
	child_sa_destroy(child);
}

static void resume_children(struct ike_sa *sa)
{
	struct child_sa *child, *next;

	for (child = sa->children; child; child = next) {
		next = child->next;
		resume_child(sa, child);
	}
}

/*
 * A request that was under way: its answer is still to come, or came up to a daemon that
 * died of it. A DELETE that is sent twice does no harm, and a Child SA is asked for or rekeyed
 * once more.
 */
static void resume_tasks(struct ike_sa *sa, bool outstanding)
{
	struct ike_task task = sa->active;

	if (outstanding && task.type != TASK_NONE)
		return;
	/* Its turn comes when all are there. */
	if (task.type == TASK_REKEY_IKE && sa->rekey) {
		sa->rekey->resume = true;
		return;
	}
	sa->active.type = TASK_NONE;
	if (task.type >= TASK_CREATE_CHILD)
		add_task(sa, task.type, task.spi, task.conf);
	if (sa->queue)
		ike_sa_next(sa);
}

static bool has_task(const struct ike_sa *sa, enum ike_task_type type)
{
	const struct ike_task *task;

	for (task = sa->queue; task; task = task->next)
		if (task->type == type)
			return true;
	return sa->active.type == type;
}

void resume_orphan(struct ike_manager *m, const struct kernel_orphan *orphan,
		   struct resume_summary *summary)
{
	struct ike_sa *sa;
	struct conn *conn;
	bool complete;

	/* Its Diffie-Hellman values went with the daemon. */
	if (!orphan->established && !orphan->stash_len) {
		summary->half_open++;
		kernel_sa_delete(m->kernel, orphan->spi_local);
		return;
	}
	sa = read_stash(m, orphan, &complete);
	if (!sa) {
		refuse(m, orphan, summary);
		return;
	}
	ike_manager_index(m, sa);
	sa->log.unique_id = sa->unique_id;
	at_least(&m->last_ike_id, sa->unique_id);
	resume_children(sa);
	if (!complete) {
		summary->half_open++;
		ike_sa_destroy(sa, "the daemon before died in its handshake");
		return;
	}
	if (sa->state == IKE_DELETING && !has_task(sa, TASK_DELETE_IKE)) {
		ike_sa_destroy(sa, "the peer deleted the IKE SA");
		return;
	}
	sa->resumed = true;
	conn = config_find_conn(m->config, sa->conn->name);
	if (conn && has_children(conn, sa))
		rebind(sa, conn);
	else
		ike_log(sa, LOG_MGR, LVL_CTRL,
			"IKE_SA %s[%u] goes on until it is terminated: its connection is not configured%s",
			sa->log.name, sa->unique_id, conn ? " with the same children" : "");
	ike_log(sa, LOG_MGR, LVL_DIAG, "IKE_SA %s[%u] is carried on", sa->log.name,
		sa->unique_id);
	/* Of TCP connections stashes know nothing but whose they are. */
	sa->local.stream = orphan->local.stream;
	if (sa->opens_stream && orphan->local.stream &&
	    stream_resume(sa, &orphan->local, &orphan->remote, orphan->dscp))
		ike_log(sa, LOG_MGR, LVL_AUDIT, "no memory for the TCP connection of IKE_SA %s[%u]",
			sa->log.name, sa->unique_id);
	transport_works(sa);
	/* What the daemon before was not told, or did not live to tell. */
	ike_sa_moved(sa, &orphan->local, &orphan->remote);
	ike_sa_tell_esp(sa);
	ike_life_resume(sa);
	summary->resumed++;
	resume_tasks(sa, orphan->outstanding);
}
