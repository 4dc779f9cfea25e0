// SPDX-License-Identifier: GPL-2.0
/* control.h for the daemon's one manager: commands, and snapshots of all SAs. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "host_names.h"
#include "ike_manager.h"
#include "ike_unload.h"
#include "resume.h"

static struct ike_manager *manager;

void control_attach(struct ike_manager *m)
{
	manager = m;
}

void control_initiate(struct conn *conn, const struct child_conf *child,
		      struct control_job *job)
{
	ike_manager_initiate(manager, conn, child, job);
}

void control_terminate_ike(uint32_t ike_id, bool force, struct control_job *job)
{
	ike_manager_terminate_ike(manager, ike_id, force, job);
}

void control_terminate_child(uint32_t child_id, struct control_job *job)
{
	ike_manager_terminate_child(manager, child_id, job);
}

void control_rekey_ike(uint32_t ike_id)
{
	ike_manager_rekey_ike(manager, ike_id);
}

void control_reauth_ike(uint32_t ike_id)
{
	ike_manager_reauth_ike(manager, ike_id);
}

void control_rekey_child(uint32_t child_id)
{
	ike_manager_rekey_child(manager, child_id);
}

bool control_has_child(const char *conn, const char *child)
{
	const struct child_sa *c;
	const struct ike_sa *sa;

	for (sa = ike_manager_of_conn(manager, conn, NULL); sa;
	     sa = ike_manager_of_conn(manager, conn, sa))
		for (c = sa->state == IKE_DELETING ? NULL : sa->children; c; c = c->next)
			if (c->state != CHILD_DELETING && c->state != CHILD_DELETED &&
			    !strcmp(c->conf->name, child))
				return true;
	return false;
}

void control_loaded(struct conn *conn)
{
	resume_rebind(manager, conn);
	host_names_configure(manager, conn);
}

void control_configured(void)
{
	trap_configured(manager);
	ike_unload(manager);
}

int control_install(struct conn *conn, const struct child_conf *child, struct errmsg *err)
{
	return trap_install(manager, conn, child, true, err);
}

bool control_uninstall(const char *conn, const char *child)
{
	return trap_uninstall(manager, conn, child);
}

void control_each_trap(control_policy_fn fn, void *data)
{
	const struct trap *t;

	for (t = manager->traps; t; t = t->next)
		fn(t->conn, &t->child, data);
}

int control_unknown_spis(uint64_t *n)
{
	return kernel_unknown_spis(manager->kernel, n);
}

void control_forget(struct control_job *job)
{
	ike_manager_forget(manager, job);
}

/* NULL for a transform that is not there. */
static const char *algorithm(const struct proposal *p, uint8_t type)
{
	const struct transform *t = proposal_get(p, type);

	return t && (t->id || type == TRANSFORM_ESN) ? transform_name(type, t->id) : NULL;
}

static void fill_suite(struct control_suite *suite, const struct proposal *p)
{
	const struct transform *encr = proposal_get(p, TRANSFORM_ENCR);

	suite->encr_alg = algorithm(p, TRANSFORM_ENCR);
	suite->integ_alg = algorithm(p, TRANSFORM_INTEG);
	suite->prf_alg = algorithm(p, TRANSFORM_PRF);
	suite->dh_group = algorithm(p, TRANSFORM_DH);
	for (int i = 0; i < ADDKE_MAX; i++)
		suite->ake[i] = algorithm(p, TRANSFORM_ADDKE1 + i);
	suite->encr_keysize = encr ? encr->key_bits : 0;
	suite->esn = proposal_id(p, TRANSFORM_ESN) == ESN_YES;
}

static uint32_t seconds_since(uint64_t then_ms)
{
	return (loop_now_ms() - then_ms) / 1000;
}

/* -1: never. */
static int64_t seconds_until(uint64_t then_ms)
{
	return then_ms ? ((int64_t)then_ms - (int64_t)loop_now_ms()) / 1000 : -1;
}

static void fill_child(struct control_child *c, const struct child_sa *child,
		       bool counters)
{
	struct xfrm_usage in, out;

	*c = (struct control_child) {
		.name = child->conf->name,
		.unique_id = child->unique_id,
		.reqid = child->reqid,
		.state = child_sa_state_name(child),
		.encap = child->encap,
		.transport = child->transport,
		.if_id_in = child->if_id_in,
		.if_id_out = child->if_id_out,
		.mark_in = child->mark_in,
		.mark_out = child->mark_out,
		.spi_in = child->spi_in,
		.spi_out = child->spi_out,
		.use_in_s = -1,
		.use_out_s = -1,
		.rekey_s = -1,
		.life_s = -1,
		.local_ts = child->local_ts,
		.remote_ts = child->remote_ts,
	};
	fill_suite(&c->suite, child->proposal);
	if (child->state != CHILD_CREATED)
		c->installed_s = seconds_since(child->installed_ms);
	c->rekey_s = seconds_until(child->rekey_ms);
	c->life_s = seconds_until(child->life_ms);
	if (!counters || child->state == CHILD_CREATED)
		return;
	child_sa_usage(child, &in, &out);
	c->bytes_in = in.bytes;
	c->packets_in = in.packets;
	c->use_in_s = in.use_s;
	c->bytes_out = out.bytes;
	c->packets_out = out.packets;
	c->use_out_s = out.use_s;
}

static void fill_ike(struct control_ike *ike, const struct ike_sa *sa)
{
	*ike = (struct control_ike) {
		.name = sa->log.name,
		.unique_id = sa->unique_id,
		.state = ike_sa_state_name(sa),
		.half_open = sa->state == IKE_CONNECTING,
		.local = sa->local,
		.remote = sa->remote,
		.local_id = sa->local_id.type == ID_ANY ? NULL : &sa->local_id,
		.remote_id = sa->remote_id.type == ID_ANY ? NULL : &sa->remote_id,
		.if_id_in = sa->conn ? sa->conn->if_id_in : 0,
		.if_id_out = sa->conn ? sa->conn->if_id_out : 0,
		.initiator = sa->initiator,
		.spi_i = sa->spi_i,
		.spi_r = sa->spi_r,
		.nat_local = sa->nat_local,
		.nat_remote = sa->nat_remote,
		.nat_fake = sa->nat_fake,
		.ppk = sa->ppk,
		.established = sa->state == IKE_ESTABLISHED,
		.task_active = ike_task_name(sa->active.type),
		.task_queued = sa->queue ? ike_task_name(sa->queue->type) : NULL,
	};
	if (ike->established)
		ike->established_s = seconds_since(sa->established_ms);
	ike->rekey_s = ike->established ? seconds_until(sa->rekey_ms) : -1;
	ike->reauth_s = ike->established ? seconds_until(sa->reauth_ms) : -1;
	fill_suite(&ike->suite, sa->proposal);
}

static struct {
	control_event_fn event;
	control_alert_fn alert;
	void *data;
} watcher;

static void tell(enum control_event event, const struct ike_sa *sa,
		 const struct child_sa *child, const struct child_sa *old)
{
	struct ike_sa *successor = NULL;
	struct control_ike ike, new;
	struct control_child c[2];

	fill_ike(&ike, sa);
	ike.children = c;
	if (event == CONTROL_IKE_REKEY)
		successor = ike_manager_by_spi(manager, sa->successor);
	if (successor) {
		fill_ike(&new, successor);
		ike.successor = &new;
	}
	if (old)
		fill_child(&c[ike.child_count++], old, true);
	if (child)
		fill_child(&c[ike.child_count++], child, event == CONTROL_CHILD_DOWN);
	watcher.event(event, &ike, watcher.data);
}

static void tell_move(const struct ike_sa *sa, const struct endpoint *local,
		      const struct endpoint *remote)
{
	struct control_ike ike;

	fill_ike(&ike, sa);
	ike.new_local = local;
	ike.new_remote = remote;
	watcher.event(CONTROL_IKE_UPDATE, &ike, watcher.data);
}

static void tell_alert(enum control_alert alert, const struct ike_sa *sa)
{
	struct control_ike ike;

	if (sa)
		fill_ike(&ike, sa);
	watcher.alert(alert, sa ? &ike : NULL, watcher.data);
}

void control_watch(control_event_fn event, control_alert_fn alert, void *data)
{
	watcher.event = event;
	watcher.alert = alert;
	watcher.data = data;
	manager->event = event ? tell : NULL;
	manager->moves = event ? tell_move : NULL;
	manager->alert = alert ? tell_alert : NULL;
}

void control_shutdown(void)
{
	ike_manager_alert(manager, ALERT_SHUTDOWN_SIGNAL, NULL);
}

void control_each_ike(bool counters, control_ike_fn fn, void *data)
{
	const struct child_sa *child;
	const struct ike_sa *sa;
	bool more = true;

	for (sa = manager->sas; sa && more; sa = sa->next) {
		struct control_child *children = NULL;
		struct control_ike ike;
		size_t n = 0;

		fill_ike(&ike, sa);
		for (child = sa->children; child; child = child->next)
			n++;
		if (n)
			children = calloc(n, sizeof(*children));
		for (child = sa->children; children && child; child = child->next)
			fill_child(&children[ike.child_count++], child, counters);
		ike.children = children;
		more = fn(&ike, data);
		free(children);
	}
}
