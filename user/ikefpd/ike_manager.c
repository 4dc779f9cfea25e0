// SPDX-License-Identifier: GPL-2.0
/* All IKE SAs: the table, what starts and ends them, who waits for them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "child_life.h"
#include "child_limit.h"
#include "child_sa.h"
#include "config.h"
#include "create_child.h"
#include "host_names.h"
#include "ike_begin.h"
#include "ike_init.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_rekey.h"
#include "ike_retry.h"
#include "log.h"
#include "resume.h"
#include "route.h"
#include "source.h"
#include "start.h"
#include "stream.h"
#include "transport.h"

enum wait {
	WAIT_CHILD_UP,		/* a Child SA of an IKE SA */
	WAIT_IKE_UP,
	WAIT_IKE_GONE,
	WAIT_CHILD_GONE,
};

struct waiter {
	struct waiter *next;
	struct control_job *job;
	enum wait what;
	uint32_t id;
	char *name;		/* CHILD_UP: the child's */
	bool over;		/* job is to be told, from the loop: */
	bool ok;
	char reason[128];
};

static void job_done(struct control_job *job, bool ok, const char *reason)
{
	if (!job)
		return;
	job->core = NULL;
	job->done(job, ok, reason);
}

static void waiter_free(struct waiter *w)
{
	free(w->name);
	free(w);
}

/* False if there is no memory; the job has been told so. */
static bool wait_for(struct ike_manager *m, struct control_job *job, enum wait what,
		     uint32_t id, const char *name)
{
	struct waiter *w;

	if (!job)
		return true;
	w = calloc(1, sizeof(*w));
	if (w && name && !(w->name = strdup(name))) {
		free(w);
		w = NULL;
	}
	if (!w) {
		job_done(job, false, "out of memory");
		return false;
	}
	w->job = job;
	w->what = what;
	w->id = id;
	w->next = m->waiters;
	m->waiters = w;
	job->core = w;
	return true;
}

/*
 * All who wait for this are told once the IKE SA's own work is done: what they do
 * then may end it.
 */
static void wake(struct ike_manager *m, enum wait what, uint32_t id, const char *name,
		 bool ok, const char *reason)
{
	struct waiter *w;

	for (w = m->waiters; w; w = w->next) {
		if (w->over || w->what != what || w->id != id ||
		    (name && w->name && strcmp(name, w->name)))
			continue;
		w->over = true;
		w->ok = ok;
		if (!ok)
			snprintf(w->reason, sizeof(w->reason), "%s", reason);
		loop_defer(m->loop, &m->wake_work);
	}
}

static void tell(struct loop_work *work)
{
	struct ike_manager *m = container_of(work, struct ike_manager, wake_work);
	struct waiter **link = &m->waiters, *w;

	while ((w = *link)) {
		if (!w->over) {
			link = &w->next;
			continue;
		}
		*link = w->next;
		job_done(w->job, w->ok, w->ok ? NULL : w->reason);
		waiter_free(w);
		/* The callback may have added or forgotten others. */
		link = &m->waiters;
	}
}

void ike_manager_child_up(struct ike_manager *m, const struct child_sa *child)
{
	wake(m, WAIT_CHILD_UP, child->ike_sa->unique_id, child->conf->name, true, NULL);
}

void ike_manager_child_failed(struct ike_manager *m, uint32_t ike_id, const char *name,
			      const char *reason)
{
	wake(m, WAIT_CHILD_UP, ike_id, name, false, reason);
}

void ike_manager_ike_up(struct ike_manager *m, uint32_t ike_id)
{
	wake(m, WAIT_IKE_UP, ike_id, NULL, true, NULL);
}

void ike_manager_ike_failed(struct ike_manager *m, uint32_t ike_id, const char *reason)
{
	wake(m, WAIT_CHILD_UP, ike_id, NULL, false, reason);
	wake(m, WAIT_IKE_UP, ike_id, NULL, false, reason);
}

void ike_manager_child_gone(struct ike_manager *m, uint32_t child_id)
{
	wake(m, WAIT_CHILD_GONE, child_id, NULL, true, NULL);
}

/* Once the last one is gone, from the loop: we may be deep in its own callbacks. */
static void stop_expired(struct loop_timer *timer)
{
	struct ike_manager *m = container_of(timer, struct ike_manager, stop_timer);

	if (m->sas)
		log_msg(LOG_MGR, LVL_CTRL, "not all peers have answered our DELETE");
	m->stopped(m);
}

void ike_manager_waits_for(struct ike_manager *m, uint32_t ike_id, uint32_t new_ike_id)
{
	struct waiter *w;

	for (w = m->waiters; w; w = w->next) {
		if (w->over || w->id != ike_id ||
		    (w->what != WAIT_CHILD_UP && w->what != WAIT_IKE_UP))
			continue;
		w->id = new_ike_id;
		w->job->ike_id = new_ike_id;
	}
}

void ike_manager_ike_gone(struct ike_manager *m, uint32_t ike_id, const char *reason)
{
	ike_manager_ike_failed(m, ike_id, reason ? reason : "the IKE SA was deleted");
	wake(m, WAIT_IKE_GONE, ike_id, NULL, true, NULL);
	if (m->stopping && !m->sas)
		loop_timer_arm(m->loop, &m->stop_timer, 0);
}

void ike_manager_forget(struct ike_manager *m, struct control_job *job)
{
	struct waiter **link;

	host_names_forget(m, job);
	for (link = &m->waiters; *link; link = &(*link)->next) {
		struct waiter *w = *link;

		if (w->job != job)
			continue;
		*link = w->next;
		waiter_free(w);
		job->core = NULL;
		return;
	}
}

void ike_manager_init(struct ike_manager *m, struct loop *loop, struct kernel *kernel,
		      struct xfrm *xfrm, const struct config *config,
		      struct secrets *secrets)
{
	memset(m, 0, sizeof(*m));
	m->sas_end = &m->sas;
	m->loop = loop;
	m->kernel = kernel;
	m->xfrm = xfrm;
	m->config = config;
	m->secrets = secrets;
	m->stop_timer.expired = stop_expired;
	m->wake_work.run = tell;
	/* Policies of a daemon before may stay; theirs are others. */
	if (RAND_bytes((uint8_t *)&m->last_trap_reqid, sizeof(m->last_trap_reqid)) != 1)
		m->last_trap_reqid = 0;
	m->last_trap_reqid %= XFRM_REQID_LAST - XFRM_REQID_TRAP;
}

void ike_manager_clear(struct ike_manager *m)
{
	struct waiter *w;

	m->stopping = true;
	news_clear(&m->news);
	host_names_clear(m);
	while (m->sas)
		ike_sa_destroy(m->sas, "the daemon ends");
	trap_clear(m);
	/* What no trap has taken over. */
	if (m->all_adopted)
		xfrm_remove_leftovers(m->xfrm, &(struct xfrm_own){ .n = 0 });
	while ((w = m->waiters)) {
		m->waiters = w->next;
		waiter_free(w);
	}
	loop_timer_cancel(m->loop, &m->stop_timer);
	loop_defer_cancel(m->loop, &m->wake_work);
	transport_clear(m);
	stream_clear(m);
	table_clear(&m->by_spi);
	table_clear(&m->by_id);
	table_clear(&m->by_conn);
	table_clear(&m->by_peers);
	table_clear(&m->child_by_id);
	table_clear(&m->child_by_spi_in);
	table_clear(&m->child_by_spi_out);
	policy_clear(&m->policies);
	child_route_clear(&m->routes);
}

void ike_manager_tell(enum control_event event, const struct ike_sa *sa,
		      const struct child_sa *child, const struct child_sa *old)
{
	if (sa->manager->event)
		sa->manager->event(event, sa, child, old);
}

void ike_manager_alert(const struct ike_manager *m, enum control_alert alert,
		       const struct ike_sa *sa)
{
	if (m->alert)
		m->alert(alert, sa);
}

void ike_manager_tell_move(const struct ike_sa *sa, const struct endpoint *local,
			   const struct endpoint *remote)
{
	if (sa->manager->moves)
		sa->manager->moves(sa, local, remote);
}

void ike_manager_add(struct ike_manager *m, struct ike_sa *sa)
{
	sa->link = m->sas_end;
	*m->sas_end = sa;
	m->sas_end = &sa->next;
	ike_manager_index(m, sa);
}

static uint64_t conn_hash(const char *name)
{
	return table_hash(TABLE_HASH, name, strlen(name));
}

static uint64_t peers_hash(const struct ike_id *local, const struct ike_id *remote)
{
	return ike_id_hash(ike_id_hash(TABLE_HASH, local), remote);
}

/* Puts it where it belongs now, or nowhere. */
static void place(struct table *t, struct table_node *node, bool known, uint64_t hash)
{
	if (known && node->link && node->hash == hash)
		return;
	table_remove(t, node);
	if (known)
		table_add(t, node, hash);
}

void ike_manager_index(struct ike_manager *m, struct ike_sa *sa)
{
	place(&m->by_id, &sa->by_id, true, sa->unique_id);
	place(&m->by_spi, &sa->by_spi, ike_sa_spi_local(sa), ike_sa_spi_local(sa));
	place(&m->by_conn, &sa->by_conn, sa->conn, sa->conn ? conn_hash(sa->conn->name) : 0);
	place(&m->by_peers, &sa->by_peers, sa->state == IKE_ESTABLISHED,
	      peers_hash(&sa->local_id, &sa->remote_id));
}

void ike_manager_remove(struct ike_manager *m, struct ike_sa *sa)
{
	*sa->link = sa->next;
	if (sa->next)
		sa->next->link = sa->link;
	else
		m->sas_end = sa->link;
	table_remove(&m->by_id, &sa->by_id);
	table_remove(&m->by_spi, &sa->by_spi);
	table_remove(&m->by_conn, &sa->by_conn);
	table_remove(&m->by_peers, &sa->by_peers);
}

void ike_manager_add_child(struct ike_manager *m, struct child_sa *child)
{
	table_add(&m->child_by_id, &child->by_id, child->unique_id);
	table_add(&m->child_by_spi_in, &child->by_spi_in, child->spi_in);
	ike_manager_index_child(m, child);
}

void ike_manager_index_child(struct ike_manager *m, struct child_sa *child)
{
	table_remove(&m->child_by_spi_out, &child->by_spi_out);
	if (child->spi_out)
		table_add(&m->child_by_spi_out, &child->by_spi_out, child->spi_out);
}

void ike_manager_remove_child(struct ike_manager *m, struct child_sa *child)
{
	table_remove(&m->child_by_id, &child->by_id);
	table_remove(&m->child_by_spi_in, &child->by_spi_in);
	table_remove(&m->child_by_spi_out, &child->by_spi_out);
}

struct ike_sa *ike_manager_by_spi(struct ike_manager *m, uint64_t spi_local)
{
	struct table_node *node;
	struct ike_sa *sa;

	for (node = table_find(&m->by_spi, spi_local); node; node = table_next(node)) {
		sa = container_of(node, struct ike_sa, by_spi);
		if (ike_sa_spi_local(sa) == spi_local)
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_manager_by_id(struct ike_manager *m, uint32_t unique_id)
{
	struct table_node *node;
	struct ike_sa *sa;

	for (node = table_find(&m->by_id, unique_id); node; node = table_next(node)) {
		sa = container_of(node, struct ike_sa, by_id);
		if (sa->unique_id == unique_id)
			return sa;
	}
	return NULL;
}

struct child_sa *ike_manager_child(struct ike_manager *m, uint32_t unique_id)
{
	struct table_node *node;

	for (node = table_find(&m->child_by_id, unique_id); node; node = table_next(node)) {
		struct child_sa *child = container_of(node, struct child_sa, by_id);

		if (child->unique_id == unique_id)
			return child;
	}
	return NULL;
}

void ike_manager_message(struct ike_manager *m, const struct kernel_message *msg)
{
	struct ike_sa *sa;

	if (news_message(&m->news, msg))
		return;
	sa = ike_manager_by_spi(m, msg->spi_local);
	if (sa)
		ike_sa_message(sa, msg);
	else if (msg->raw && !(msg->flags & IKE_FLAG_RESPONSE))
		ike_init_request(m, msg);
	else
		log_msg(LOG_MGR, LVL_DIAG, "message for an IKE SA that is gone");
}

/* What has taken its place has the Child SAs, and may have heard nothing yet. */
static void moved(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	struct ike_manager *m = sa->manager;
	struct ike_sa *new = sa->successor ? ike_manager_by_spi(m, sa->successor) : NULL;

	ike_sa_moved(sa, local, remote);
	if (new && new->state == IKE_ESTABLISHED &&
	    !kernel_sa_move(m->kernel, ike_sa_spi_local(new), local, remote))
		ike_sa_moved(new, local, remote);
}

void ike_manager_event(struct ike_manager *m, const struct kernel_event *event)
{
	struct ike_sa *sa, *rival;
	uint64_t rival_spi;

	if (news_event(&m->news, event))
		return;
	sa = ike_manager_by_spi(m, event->spi_local);
	if (!sa)
		return;
	rival = ike_rekey_rival(sa);
	rival_spi = rival ? ike_sa_spi_local(rival) : 0;
	switch (event->type) {
	case KERNEL_EVENT_TIMEOUT:
		ike_sa_timeout(sa, event->exchange);
		break;
	case KERNEL_EVENT_EXPIRED:
		ike_log(sa, LOG_IKE, LVL_CTRL, "half-open IKE_SA expired");
		ike_manager_alert(m, ALERT_HALF_OPEN_TIMEOUT, sa);
		ike_sa_destroy(sa, "the peer did not go on with IKE_AUTH");
		break;
	case KERNEL_EVENT_MOVED:
		moved(sa, &event->local, &event->remote);
		break;
	case KERNEL_EVENT_DEAD:
		ike_manager_alert(m, ALERT_RETRANSMIT_SEND_TIMEOUT, sa);
		ike_sa_dead(sa);
		break;
	}
	/* Without an answer to our rekeying, the peer's new one stays. */
	rival = rival_spi ? ike_manager_by_spi(m, rival_spi) : NULL;
	if (rival)
		ike_sa_go_on(rival);
}

static struct child_sa *by_spi_in(struct ike_manager *m, const struct endpoint *local,
				  uint32_t spi_in)
{
	struct table_node *node;

	for (node = table_find(&m->child_by_spi_in, spi_in); node; node = table_next(node)) {
		struct child_sa *child = container_of(node, struct child_sa, by_spi_in);

		if (child->spi_in == spi_in && endpoint_same_addr(&child->local, local))
			return child;
	}
	return NULL;
}

static struct child_sa *by_spi_out(struct ike_manager *m, const struct endpoint *remote,
				   uint32_t spi_out)
{
	struct table_node *node;

	for (node = table_find(&m->child_by_spi_out, spi_out); node; node = table_next(node)) {
		struct child_sa *child = container_of(node, struct child_sa, by_spi_out);

		if (child->spi_out == spi_out && endpoint_same_addr(&child->remote, remote))
			return child;
	}
	return NULL;
}

void ike_manager_limit(struct ike_manager *m, const struct endpoint *dst, uint32_t spi)
{
	struct child_sa *child = by_spi_in(m, dst, spi);

	if (!child)
		child = by_spi_out(m, dst, spi);
	if (child)
		child_limit_reached(child);
}

void ike_manager_look_at_limits(struct ike_manager *m)
{
	struct child_sa *child;
	struct ike_sa *sa;

	/* What is to be done waits for the loop's next turn: none of them goes meanwhile. */
	for (sa = m->sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			child_limit_look(child);
}

/*
 * RFC 7296 section 2.23 speaks of IKE and ESP alike: both go through the same mapping.
 * The same is said of each packet until ESP has moved.
 */
void ike_manager_mapping(struct ike_manager *m, const struct endpoint *local,
			 uint32_t spi_in, const struct endpoint *remote)
{
	struct child_sa *child = by_spi_in(m, local, spi_in);
	struct ike_sa *sa = child ? child->ike_sa : NULL;

	if (!sa || sa->state != IKE_ESTABLISHED || sa->nat_local || sa->local.stream ||
	    !child->encap ||
	    endpoint_equal(&sa->remote, remote))
		return;
	if (!kernel_sa_move(m->kernel, ike_sa_spi_local(sa), &sa->local, remote))
		ike_sa_moved(sa, &sa->local, remote);
}

struct ike_sa *ike_manager_of_peers(const struct ike_manager *m, const struct ike_id *local,
				    const struct ike_id *remote, const struct ike_sa *after)
{
	struct table_node *node = after ? table_next(&after->by_peers) :
				  table_find(&m->by_peers, peers_hash(local, remote));

	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_peers);

		if (ike_id_equal(&sa->local_id, local) && ike_id_equal(&sa->remote_id, remote))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_manager_of_conn(const struct ike_manager *m, const char *name,
				   const struct ike_sa *after)
{
	struct table_node *node = after ? table_next(&after->by_conn) :
				  table_find(&m->by_conn, conn_hash(name));

	for (; node; node = table_next(node)) {
		struct ike_sa *sa = container_of(node, struct ike_sa, by_conn);

		if (!strcmp(sa->conn->name, name))
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_manager_to_use(const struct ike_manager *m, const struct conn *conn,
				  const struct endpoint *remote)
{
	struct ike_sa *sa, *oldest = NULL;

	for (sa = ike_manager_of_conn(m, conn->name, NULL); sa;
	     sa = ike_manager_of_conn(m, conn->name, sa))
		if (sa->conn == conn && sa->state != IKE_DELETING && sa->state != IKE_REKEYED &&
		    (!remote || endpoint_same_addr(&sa->remote, remote)) &&
		    (!oldest || oldest->waits ||
		     (!sa->waits && sa->created_ms <= oldest->created_ms)))
			oldest = sa;
	return oldest;
}

/* The IKE SA alone, which is there, or on its way. */
static void initiate_ike_on(struct ike_manager *m, const struct ike_sa *sa,
			    struct control_job *job)
{
	if (job)
		job->ike_id = sa->unique_id;
	if (sa->state == IKE_ESTABLISHED)
		job_done(job, true, NULL);
	else
		wait_for(m, job, WAIT_IKE_UP, sa->unique_id, NULL);
}

/* On an IKE SA that is there: the Child SA may be up, or on its way. */
static void initiate_on(struct ike_manager *m, struct ike_sa *sa,
			const struct child_conf *child, struct control_job *job)
{
	const struct child_sa *c;

	if (job)
		job->ike_id = sa->unique_id;
	for (c = sa->children; c; c = c->next) {
		if (c->conf == child && c->state == CHILD_INSTALLED) {
			job_done(job, true, NULL);
			return;
		}
	}
	if (!wait_for(m, job, WAIT_CHILD_UP, sa->unique_id, child->name))
		return;
	if (sa->handshake && sa->initiator && sa->handshake->child_conf == child)
		return;
	if (ike_sa_has_task(sa, TASK_CREATE_CHILD, 0, child))
		return;
	if (ike_sa_queue(sa, TASK_CREATE_CHILD, 0, child))
		ike_manager_child_failed(m, sa->unique_id, child->name, "out of memory");
}

/* May end it. */
static void begin(struct ike_sa *sa)
{
	static const char why[] = "the IKE_SA_INIT request could not be sent";

	if (ike_begin(sa) && !ike_retry(sa, why))
		ike_sa_destroy(sa, why);
}

/* Where it goes from, and to. 0, or -1 with @unreachable set if that may be known later. */
static int find_way(const struct ike_manager *m, const struct conn *conn, struct endpoint *local,
		    struct endpoint *remote, bool *unreachable, struct errmsg *err)
{
	struct route *r = m->routes.route;
	char addr[ENDPOINT_STRLEN];

	*unreachable = false;
	if (conn_initiator_addrs(conn, local, remote, err))
		return -1;
	*unreachable = true;
	if (endpoint_is_any(local))
		return source_address(remote, local) ?
		       errmsg_set(err, "there is no route to the peer") : 0;
	/* An address may be there on an interface that is down, or for a VRF's routes alone. */
	if ((source_is_ours(local) || (r && route_interface_of(r, local))) &&
	    (!r || route_leads(r, local, remote)))
		return 0;
	return errmsg_set(err, "there is no route to the peer from %s",
			  endpoint_addr_str(local, addr));
}

/* For want of an address, not of a way to it. */
static void alert_no_address(const struct ike_manager *m, const struct conn *conn,
			     bool unreachable)
{
	if (!unreachable && conn_has_host(conn))
		ike_manager_alert(m, ALERT_PEER_ADDR_FAILED, NULL);
}

/* One that has waited, or need not wait any more. May end it. */
static void begin_again(struct ike_sa *sa)
{
	struct endpoint local = sa->local, remote = sa->remote;
	struct errmsg err;
	bool unreachable;

	/* One of many peers is where it was. */
	if (conn_is_for_many(sa->conn)) {
		local.port = sa->conn->local_port;
		local.stream = 0;
		remote.port = sa->conn->remote_port;
	} else if (find_way(sa->manager, sa->conn, &local, &remote, &unreachable, &err)) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA %s[%u] waits: %s", sa->log.name,
			sa->unique_id, err.text);
		/* Once for all that it waits. */
		if (!sa->unreachable)
			alert_no_address(sa->manager, sa->conn, unreachable);
		ike_retry_wait(sa);
		return;
	}
	loop_timer_cancel(sa->manager->loop, &sa->timer);
	sa->waits = false;
	sa->unreachable = false;
	/* Nothing has been sent of this attempt (stream.h). */
	sa->state = IKE_CREATED;
	sa->created_ms = loop_now_ms();
	sa->local = local;
	sa->remote = remote;
	begin(sa);
}

/* The address of its host name is not known yet: it is asked for again, however often. */
static void wait_for_name(struct ike_manager *m, struct conn *conn,
			  const struct child_conf *child)
{
	struct ike_sa *sa = ike_sa_new(m, conn, true);

	if (!sa)
		return;
	sa->state = IKE_CONNECTING;
	sa->lasting = true;
	sa->handshake->child_conf = child;
	ike_retry_wait(sa);
}

static void initiate(struct ike_manager *m, struct conn *conn, const struct child_conf *child,
		     struct control_job *job, bool lasting)
{
	const struct ike_sa *sa = ike_manager_to_use(m, conn, NULL);

	if (m->stopping || (sa && !sa->waits) ||
	    !host_names_initiate(m, conn, child, job, lasting))
		ike_manager_initiate_now(m, conn, child, job, lasting);
}

void ike_manager_initiate(struct ike_manager *m, struct conn *conn,
			  const struct child_conf *child, struct control_job *job)
{
	initiate(m, conn, child, job, job && job->lasting);
}

void ike_manager_restart(struct ike_manager *m, struct conn *conn,
			 const struct child_conf *child)
{
	initiate(m, conn, child, NULL, true);
}

void ike_manager_not_initiated(struct control_job *job, const char *reason)
{
	job_done(job, false, reason);
}

/* A new IKE SA. */
static void begin_new(struct ike_manager *m, struct conn *conn, const struct child_conf *child,
		      const struct endpoint *local, const struct endpoint *remote,
		      struct control_job *job, bool lasting)
{
	struct ike_sa *sa = ike_sa_new(m, conn, true);
	uint32_t id;

	if (!sa) {
		job_done(job, false, "out of memory");
		return;
	}
	sa->local = *local;
	sa->remote = *remote;
	sa->lasting = lasting;
	sa->handshake->child_conf = child;
	id = sa->unique_id;
	if (job)
		job->ike_id = id;
	if (wait_for(m, job, child ? WAIT_CHILD_UP : WAIT_IKE_UP, id, child ? child->name : NULL))
		begin(sa);
	else
		ike_sa_destroy(sa, "out of memory");
}

/* On an IKE SA that is there, on its way, or waits to be: that does not wait then. */
static void initiate_with(struct ike_manager *m, struct ike_sa *sa,
			  const struct child_conf *child, struct control_job *job)
{
	const uint32_t id = sa->unique_id;
	const bool waits = sa->waits;

	if (child)
		initiate_on(m, sa, child, job);
	else
		initiate_ike_on(m, sa, job);
	if (!waits)
		return;
	sa = ike_manager_by_id(m, id);
	if (sa && sa->waits)
		begin_again(sa);
}

void ike_manager_initiate_now(struct ike_manager *m, struct conn *conn,
			      const struct child_conf *child, struct control_job *job,
			      bool lasting)
{
	struct endpoint local, remote;
	struct ike_sa *sa;
	struct errmsg err;
	bool unreachable;

	if (m->stopping) {
		job_done(job, false, "the daemon is stopping");
		return;
	}
	sa = ike_manager_to_use(m, conn, NULL);
	if (sa) {
		sa->lasting |= lasting;
		initiate_with(m, sa, child, job);
		return;
	}
	if (!child && conn->childless == CHILDLESS_NEVER) {
		job_done(job, false, "its connection says childless = never");
		return;
	}
	if (find_way(m, conn, &local, &remote, &unreachable, &err)) {
		log_msg(LOG_CFG, LVL_CTRL, "cannot initiate '%s': %s", conn->name, err.text);
		alert_no_address(m, conn, unreachable);
		if (unreachable && job)
			job->unreachable = true;
		else if (unreachable && child)
			start_when_possible(conn, child);
		else if (lasting && conn->keyingtries <= 0 && host_names_any(conn))
			wait_for_name(m, conn, child);
		job_done(job, false, err.text);
		return;
	}
	begin_new(m, conn, child, &local, &remote, job, lasting);
}

void ike_manager_initiate_to(struct ike_manager *m, struct conn *conn,
			     const struct child_conf *child, const struct endpoint *local,
			     const struct endpoint *remote)
{
	struct ike_sa *sa = ike_manager_to_use(m, conn, remote);

	if (m->stopping)
		return;
	if (sa && child)
		initiate_with(m, sa, child, NULL);
	else if (!sa)
		begin_new(m, conn, child, local, remote, NULL, false);
}

/* Of a connection for many @local is given, and the peer is between these. */
static void initiate_again(struct ike_manager *m, struct conn *conn,
			   const struct child_conf *child, const struct endpoint *local,
			   const struct endpoint *remote, bool lasting)
{
	if (local)
		ike_manager_initiate_to(m, conn, child, local, remote);
	else
		ike_manager_initiate_now(m, conn, child, NULL, lasting);
}

void ike_manager_try_again(struct ike_sa *sa, const char *reason)
{
	struct ike_manager *m = sa->manager;
	struct conn *conn = conn_get(sa->conn);
	bool many = conn_is_for_many(conn);
	struct endpoint local = sa->local, remote = sa->remote;
	const struct child_sa *c;
	struct ike_task *task;
	struct ike_sa *other;

	/* Not one to be used. */
	sa->state = IKE_DELETING;
	local.port = conn->local_port;
	local.stream = 0;
	remote.port = conn->remote_port;
	/* At the address that it had just now, name or not. */
	initiate_again(m, conn, sa->handshake->child_conf, many ? &local : NULL, &remote, sa->lasting);
	/* And what else it was to have. */
	while ((task = sa->queue)) {
		sa->queue = task->next;
		if (task->type == TASK_CREATE_CHILD)
			initiate_again(m, conn, task->conf, many ? &local : NULL, &remote,
				       sa->lasting);
		ike_task_set_conf(task, NULL);
		free(task);
	}
	other = ike_manager_to_use(m, conn, many ? &remote : NULL);
	if (other) {
		other->second_try = true;
		if (other->tries < sa->tries)
			other->tries = sa->tries;
		ike_manager_waits_for(m, sa->unique_id, other->unique_id);
	}
	if (other && other->state == IKE_ESTABLISHED)
		ike_manager_ike_up(m, other->unique_id);
	for (c = other ? other->children : NULL; c; c = c->next)
		if (c->state == CHILD_INSTALLED)
			ike_manager_child_up(m, c);
	ike_sa_destroy(sa, reason);
	conn_put(conn);
}

void ike_manager_terminate_ike(struct ike_manager *m, uint32_t id, bool force,
			       struct control_job *job)
{
	struct ike_sa *sa = ike_manager_by_id(m, id);

	if (job)
		job->ike_id = id;
	if (!sa) {
		job_done(job, true, NULL);
		return;
	}
	if (!wait_for(m, job, WAIT_IKE_GONE, id, NULL))
		return;
	if (sa->state == IKE_CREATED || sa->state == IKE_CONNECTING) {
		ike_sa_destroy(sa, "it was terminated");
		return;
	}
	if (sa->state != IKE_DELETING) {
		sa->state = IKE_DELETING;
		if (ike_sa_queue(sa, TASK_DELETE_IKE, 0, NULL))
			force = true;
	}
	sa = ike_manager_by_id(m, id);
	if (sa && force)
		ike_sa_destroy(sa, NULL);
}

void ike_manager_rekey_child(struct ike_manager *m, uint32_t id)
{
	struct child_sa *child = ike_manager_child(m, id);

	if (!child || child->state != CHILD_INSTALLED || child->rekeying ||
	    child->ike_sa->state != IKE_ESTABLISHED)
		return;
	child->rekeying = true;
	if (ike_sa_queue(child->ike_sa, TASK_REKEY_CHILD, child->spi_in, NULL)) {
		child->rekeying = false;
		child_life_retry(child);
	}
}

void ike_manager_rekey_ike(struct ike_manager *m, uint32_t id)
{
	struct ike_sa *sa = ike_manager_by_id(m, id);

	if (!sa || sa->state != IKE_ESTABLISHED || ike_reauth_is_under_way(sa) ||
	    ike_sa_has_task(sa, TASK_REKEY_IKE, 0, NULL))
		return;
	if (ike_sa_queue(sa, TASK_REKEY_IKE, 0, NULL))
		ike_life_retry(sa);
}

void ike_manager_reauth_ike(struct ike_manager *m, uint32_t id)
{
	struct ike_sa *sa = ike_manager_by_id(m, id);

	if (sa && !m->stopping)
		ike_reauth_start(sa);
}

static void delete_child(struct child_sa *child)
{
	child->state = CHILD_DELETING;
	if (ike_sa_queue(child->ike_sa, TASK_DELETE_CHILD, child->spi_in, NULL))
		child_sa_destroy(child);
}

/* The peer has refused it for now, and has none: nobody waits for it any more. */
static void drop_put_off(struct child_sa *child)
{
	ike_manager_child_failed(child->ike_sa->manager, child->ike_sa->unique_id,
				 child->conf->name, "it was terminated");
	child_sa_destroy(child);
}

void ike_manager_terminate_child(struct ike_manager *m, uint32_t id,
				 struct control_job *job)
{
	struct child_sa *child = ike_manager_child(m, id);

	if (child && job)
		job->ike_id = child->ike_sa->unique_id;
	if (!child || child->state == CHILD_DELETED) {
		job_done(job, true, NULL);
		return;
	}
	if (!wait_for(m, job, WAIT_CHILD_GONE, id, NULL))
		return;
	switch (child->state) {
	case CHILD_DELETING:
	case CHILD_DELETED:
		break;
	case CHILD_INSTALLED:
	case CHILD_REKEYED:
		delete_child(child);
		break;
	case CHILD_CREATED:
		/* It belongs to an IKE_AUTH that is under way, or to a CREATE_CHILD_SA of either end. */
		if (child->ike_sa->handshake)
			ike_sa_destroy(child->ike_sa, "it was terminated");
		else if (create_child_asks_for(child))
			delete_child(child);
		else if (loop_timer_armed(&child->timer))
			drop_put_off(child);
		else
			/* One that the peer has half agreed on (followup.h). */
			child_sa_destroy(child);
		break;
	case CHILD_ROUTED:
		/* It is no Child SA. */
		break;
	}
}

void ike_manager_stop(struct ike_manager *m, uint64_t wait_ms,
		      void (*stopped)(struct ike_manager *m))
{
	struct ike_sa *sa, *next;

	m->stopping = true;
	m->stopped = stopped;
	loop_timer_arm(m->loop, &m->stop_timer, wait_ms);
	/* None of them ends but the one that is told to. */
	for (sa = m->sas; sa; sa = next) {
		next = sa->next;
		ike_manager_terminate_ike(m, sa->unique_id, false, NULL);
	}
	if (!m->sas)
		loop_timer_arm(m->loop, &m->stop_timer, 0);
}
