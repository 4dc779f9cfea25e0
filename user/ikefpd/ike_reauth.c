// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "config.h"
#include "ike_begin.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "resume.h"

/* It was up; one that goes, or that is to come, is not to be had again. */
static bool is_up(const struct child_sa *child)
{
	return child->state == CHILD_INSTALLED && !child->replaced;
}

static const struct child_sa *first_up(const struct ike_sa *sa)
{
	const struct child_sa *child = sa->children;

	while (child && !is_up(child))
		child = child->next;
	return child;
}

/* Their connections need not be the same: one was loaded anew meanwhile. */
static bool has_up(const struct ike_sa *sa, const char *name)
{
	const struct child_sa *child;

	for (child = sa->children; child; child = child->next)
		if (is_up(child) && !strcmp(child->conf->name, name))
			return true;
	return false;
}

/* What is to be replaced, or what a rekeying has put in its place; NULL if that is gone. */
static struct ike_sa *old_of(const struct ike_sa *sa)
{
	struct ike_sa *old = ike_manager_by_spi(sa->manager, sa->reauth_of);

	while (old && old->successor)
		old = ike_manager_by_spi(sa->manager, old->successor);
	return old && old->state == IKE_ESTABLISHED ? old : NULL;
}

const struct ike_id *ike_reauth_peer(const struct ike_sa *sa)
{
	const struct ike_sa *old = sa->reauth_of ? old_of(sa) : NULL;

	return old ? &old->remote_id : NULL;
}

bool ike_reauth_takes_over(const struct ike_sa *sa)
{
	const struct ike_sa *old = sa->reauth_of ? old_of(sa) : NULL;

	return old && !endpoint_same_addr(&old->local, &sa->local);
}

bool ike_reauth_is_under_way(const struct ike_sa *sa)
{
	const struct ike_sa *new = sa->reauth_by ?
				   ike_manager_by_spi(sa->manager, sa->reauth_by) : NULL;

	return new && new->reauth_of && new->state != IKE_DELETING;
}

/* As it is configured by now, if it still is. */
static struct conn *conn_now(const struct ike_sa *sa, const struct child_conf **child)
{
	struct conn *conn = config_find_conn(sa->manager->config, sa->conn->name);
	const struct child_conf *now;

	if (!*child)
		return conn ? conn : sa->conn;
	now = conn ? conn_find_child(conn, (*child)->name) : NULL;
	if (!now)
		return (*child)->conn;
	*child = now;
	return conn;
}

/*
 * A TCP connection's ports are nothing to another way. By one that the peer has opened the new one
 * goes, too: it could not be reached otherwise.
 */
static void leave_stream(struct ike_sa *sa, const struct ike_sa *old)
{
	if (!old->local.stream ||
	    (!old->stream && endpoint_same_addr(&sa->local, &old->local)))
		return;
	sa->local.stream = 0;
	sa->local.port = sa->conn->local_port;
	sa->remote.port = sa->conn->remote_port;
}

/* To where the old one is by now, through whatever NAT there is. */
static struct ike_sa *begin(const struct ike_sa *old, const struct endpoint *local,
			    const struct child_conf *child, bool probe)
{
	struct conn *conn = conn_now(old, &child);
	struct ike_sa *sa;

	/* What is carried on without its configuration has nothing to propose. */
	if (!conn->proposals.n)
		return NULL;
	sa = ike_sa_new(old->manager, conn, true);
	if (!sa)
		return NULL;
	sa->local = *local;
	sa->remote = old->remote;
	leave_stream(sa, old);
	sa->handshake->probe = probe;
	sa->reauth_of = ike_sa_spi_local(old);
	sa->handshake->child_conf = child;
	if (ike_begin(sa)) {
		ike_sa_destroy(sa, "the IKE_SA_INIT request could not be sent");
		return NULL;
	}
	return sa;
}

void ike_reauth_start(struct ike_sa *sa)
{
	ike_reauth_from(sa, &sa->local);
}

void ike_reauth_from(struct ike_sa *sa, const struct endpoint *local)
{
	const struct child_sa *child = first_up(sa);
	const struct ike_sa *new;

	if (sa->state != IKE_ESTABLISHED || ike_reauth_is_under_way(sa))
		return;
	if (!child && !sa->childless) {
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"IKE_SA %s[%u] has no CHILD_SA: deleted, not reauthenticated",
			sa->log.name, sa->unique_id);
		ike_manager_terminate_ike(sa->manager, sa->unique_id, false, NULL);
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "reauthenticating IKE_SA %s[%u]", sa->log.name,
		sa->unique_id);
	new = begin(sa, local, child ? child->conf : NULL, false);
	if (!new)
		return;
	sa->reauth_by = ike_sa_spi_local(new);
	resume_save(sa);
}

bool ike_reauth_is_possible(const struct ike_sa *sa)
{
	return sa->state == IKE_ESTABLISHED && !ike_reauth_is_under_way(sa) && !sa->reauth_of &&
	       (first_up(sa) || sa->childless);
}

bool ike_reauth_by_udp(struct ike_sa *sa)
{
	const struct child_sa *child = first_up(sa);
	const struct ike_sa *new;

	ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA %s[%u] goes by TCP: trying UDP", sa->log.name,
		sa->unique_id);
	new = begin(sa, &sa->local, child ? child->conf : NULL, true);
	if (!new)
		return false;
	sa->reauth_by = ike_sa_spi_local(new);
	resume_save(sa);
	return true;
}

void ike_reauth_renamed(const struct ike_sa *sa)
{
	struct ike_sa *old = sa->reauth_of ? old_of(sa) : NULL;

	if (!old)
		return;
	old->reauth_by = ike_sa_spi_local(sa);
	resume_save(old);
}

void ike_reauth_goes_over(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_sa *old = from->reauth_of ? old_of(from) : NULL;
	struct ike_sa *new = from->reauth_by ?
			     ike_manager_by_spi(from->manager, from->reauth_by) : NULL;

	to->reauth_by = from->reauth_by;
	if (new && new->reauth_of == ike_sa_spi_local(from)) {
		new->reauth_of = ike_sa_spi_local(to);
		if (!new->handshake)
			resume_save(new);
	}
	to->reauth_of = from->reauth_of;
	from->reauth_of = 0;
	if (!old)
		return;
	old->reauth_by = ike_sa_spi_local(to);
	resume_save(old);
}

void ike_reauth_established(struct ike_sa *sa)
{
	const struct ike_sa *old = old_of(sa);
	const struct child_sa *child;

	for (child = old ? old->children : NULL; child; child = child->next) {
		const struct child_conf *conf = conn_find_child(sa->conn, child->conf->name);

		if (is_up(child) && conf && !has_up(sa, conf->name) &&
		    !ike_sa_has_task(sa, TASK_CREATE_CHILD, 0, conf))
			/* Without memory it is not there in the end: ike_reauth_settle(). */
			ike_sa_queue(sa, TASK_CREATE_CHILD, 0, conf);
	}
}

/* What the old one has and the new one lacks; NULL: nothing. */
static const struct child_sa *missing(const struct ike_sa *sa, const struct ike_sa *old)
{
	const struct child_sa *child;

	for (child = old->children; child; child = child->next)
		if (is_up(child) && !has_up(sa, child->conf->name) &&
		    conn_find_child(sa->conn, child->conf->name))
			return child;
	return NULL;
}

void ike_reauth_settle(struct ike_sa *sa)
{
	const bool takes_over = ike_reauth_takes_over(sa);
	const struct child_sa *child;
	struct ike_sa *old, *goes;

	/* While the IKE SAs of the daemon before come one by one, the old one need not be there. */
	if (sa->state != IKE_ESTABLISHED || sa->manager->policies.adopting)
		return;
	/* The peer has put one off, and will be asked for it again. */
	for (child = sa->children; child; child = child->next)
		if (child->state == CHILD_CREATED)
			return;
	old = old_of(sa);
	goes = old;
	child = old && !takes_over ? missing(sa, old) : NULL;
	if (child) {
		ike_log(old, LOG_IKE, LVL_CTRL,
			"failed to reauthenticate IKE_SA %s[%u]: there is no new CHILD_SA %s",
			old->log.name, old->unique_id, child->conf->name);
		goes = sa;
	}
	sa->reauth_of = 0;
	resume_save(sa);
	if (goes)
		ike_manager_terminate_ike(sa->manager, goes->unique_id, takes_over, NULL);
}

bool ike_reauth_is_idle(const struct ike_sa *sa)
{
	return sa->reauth_of && sa->state == IKE_ESTABLISHED && !sa->handshake &&
	       sa->active.type == TASK_NONE;
}

void ike_reauth_resume(struct ike_sa *sa)
{
	ike_reauth_established(sa);
	if (ike_reauth_is_idle(sa))
		ike_reauth_settle(sa);
}
