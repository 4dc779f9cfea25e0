// SPDX-License-Identifier: GPL-2.0
/* A Child SA: a pair of ESP SAs and their policies. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "child_idle.h"
#include "child_interface.h"
#include "child_life.h"
#include "child_limit.h"
#include "child_offload.h"
#include "child_sa.h"
#include "config.h"
#include "followup.h"
#include "ike_manager.h"
#include "ike_sa.h"
#include "policy.h"
#include "resume.h"
#include "trap.h"
#include "updown.h"
#include "xfrm.h"

const char *child_sa_state_name(const struct child_sa *child)
{
	static const char *const names[] = {
		[CHILD_CREATED] = "CREATED",
		[CHILD_INSTALLED] = "INSTALLED",
		[CHILD_REKEYED] = "REKEYED",
		[CHILD_DELETING] = "DELETING",
		[CHILD_DELETED] = "DELETED",
		[CHILD_ROUTED] = "ROUTED",
	};

	return child->state == CHILD_INSTALLED && child->rekeying ? "REKEYING" :
	       names[child->state];
}

/* @shared: that of the other direction, 0: none yet. */
static uint32_t choose_mark(struct child_sa *child, const struct mark_conf *conf,
			    struct ike_manager *m, uint32_t *shared)
{
	if (conf->kind != MARK_UNIQUE && conf->kind != MARK_UNIQUE_DIR)
		return conf->value;
	child->unique_marks = true;
	if (conf->kind == MARK_UNIQUE && *shared)
		return *shared;
	m->last_mark += m->last_mark == UINT32_MAX ? 2 : 1;
	*shared = m->last_mark;
	return m->last_mark;
}

void child_sa_configure(struct child_sa *child, struct ike_manager *m)
{
	const struct child_conf *conf = child->conf;
	uint32_t mark = 0, if_id = 0;

	child->reqid = conf->reqid;
	child->priority = conf->priority;
	child->no_policies = conf->no_policies;
	child->fwd_out = conf->policies_fwd_out;
	child->mark_in_sa = conf->mark_in_sa;
	child->hw_offload = conf->hw_offload;
	memcpy(child->bound_to, conf->interface, sizeof(child->bound_to));
	child->if_id_in = choose_mark(child, &conf->if_id_in, m, &if_id);
	child->if_id_out = choose_mark(child, &conf->if_id_out, m, &if_id);
	child->mark_in.m = conf->mark_in.mask;
	child->mark_in.v = choose_mark(child, &conf->mark_in, m, &mark) & conf->mark_in.mask;
	child->mark_out.m = conf->mark_out.mask;
	child->mark_out.v = choose_mark(child, &conf->mark_out, m, &mark) & conf->mark_out.mask;
}

/* Of its ESP SAs. strongSwan's inbound ones have none unless it is asked for. */
static struct xfrm_mark mark_of(const struct child_sa *child, bool inbound)
{
	const struct xfrm_mark none = { 0, 0 };

	if (!inbound)
		return child->mark_out;
	return child->mark_in_sa ? child->mark_in : none;
}

struct xfrm_mark child_sa_mark(const struct child_sa *child, bool inbound)
{
	return mark_of(child, inbound);
}

static struct xfrm_mark set_mark_of(const struct child_sa *child, bool inbound)
{
	const struct mark_conf *conf = inbound ? &child->conf->set_mark_in :
						 &child->conf->set_mark_out;
	const struct xfrm_mark *same = inbound ? &child->mark_in : &child->mark_out;

	return (struct xfrm_mark){ conf->kind == MARK_SAME ? same->v : conf->value, conf->mask };
}

/* Its trap has the traffic that it is for: it has the same. */
static void trap_marks(struct child_sa *child, struct ike_manager *m)
{
	const struct child_sa *trap = NULL;

	if (child->unique_marks)
		trap = trap_of(m, child->ike_sa->conn->name, child->conf->name);
	if (!trap || trap->conf != child->conf)
		return;
	child->if_id_in = trap->if_id_in;
	child->if_id_out = trap->if_id_out;
	child->mark_in = trap->mark_in;
	child->mark_out = trap->mark_out;
}

/* What was agreed on or chosen for the one before, whatever the configuration says by now. */
static void inherit(struct child_sa *child, const struct child_sa *old)
{
	child->reqid = old->reqid;
	child->priority = old->priority;
	child->transport = old->transport;
	child->no_tfc = old->no_tfc;
	child->if_id_in = old->if_id_in;
	child->if_id_out = old->if_id_out;
	child->mark_in = old->mark_in;
	child->mark_out = old->mark_out;
	child->mark_in_sa = old->mark_in_sa;
	child->unique_marks = old->unique_marks;
	child->no_policies = old->no_policies;
	child->fwd_out = old->fwd_out;
	child->hw_offload = old->hw_offload;
	memcpy(child->bound_to, old->bound_to, sizeof(child->bound_to));
	child->bound_index = old->bound_index;
	memcpy(child->interface, old->interface, sizeof(child->interface));
}

void child_sa_agreed_init(struct child_sa *child)
{
	child->proposal = &proposal_none;
	child->local_ts = &ts_none;
	child->remote_ts = &ts_none;
}

void child_sa_agreed_clear(struct child_sa *child)
{
	proposal_drop(&child->proposal);
	ts_drop(&child->local_ts);
	ts_drop(&child->remote_ts);
}

void child_sa_set_conf(struct child_sa *child, const struct child_conf *conf)
{
	child_conf_get(conf);
	child_conf_put(child->conf);
	child->conf = conf;
}

struct child_sa *child_sa_new(struct ike_sa *ike_sa, const struct child_conf *conf,
			      const struct child_sa *old)
{
	struct ike_manager *m = ike_sa->manager;
	struct child_sa *child = calloc(1, sizeof(*child)), **end;

	if (!child)
		return NULL;
	child_sa_agreed_init(child);
	child->ike_sa = ike_sa;
	child_sa_set_conf(child, conf);
	child->unique_id = ++m->last_child_id;
	child->local = ike_sa->local;
	child->remote = ike_sa->remote;
	child_life_init(child);
	if (old) {
		inherit(child, old);
	} else {
		child->transport = conf->mode == MODE_TRANSPORT;
		child_sa_configure(child, m);
		trap_marks(child, m);
	}
	if (xfrm_alloc_spi(m->xfrm, &child->remote, &child->local,
			   child->reqid ? child->reqid : XFRM_REQID_FIRST, &child->spi_in)) {
		child_sa_set_conf(child, NULL);
		free(child);
		return NULL;
	}
	for (end = &ike_sa->children; *end;)
		end = &(*end)->next;
	*end = child;
	ike_manager_add_child(m, child);
	return child;
}

/* Child SAs with the same selectors share a reqid, as strongSwan has it. */
static uint32_t choose_reqid(const struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;
	const struct child_sa *other = policy_shared(&m->policies, child);

	if (other)
		return other->reqid;
	m->last_reqid = m->last_reqid % (XFRM_REQID_TRAP - XFRM_REQID_FIRST) + 1;
	return XFRM_REQID_FIRST + m->last_reqid;
}

static int add_state(struct child_sa *child, bool inbound, bool reserved,
		     const struct child_keys *keys, bool initiator, int *result)
{
	const bool of_initiator = inbound != initiator;
	const struct xfrm_state s = {
		.src = inbound ? child->remote : child->local,
		.dst = inbound ? child->local : child->remote,
		.spi = inbound ? child->spi_in : child->spi_out,
		.reqid = child->reqid,
		.transport = child->transport,
		.if_id = inbound ? child->if_id_in : child->if_id_out,
		.mark = mark_of(child, inbound),
		.set_mark = set_mark_of(child, inbound),
		.flags = child->conf->flags,
		.tfc_padding = inbound || child->transport || child->no_tfc ? 0 : child->conf->tfc_padding,
		.inbound = inbound,
		.reserved = reserved,
		.encap = child->encap,
		.esn = proposal_id(child->proposal, TRANSFORM_ESN) == ESN_YES,
		.replay_window = child->conf->replay_window,
		.added_s = inbound ? 0 : child->out_rank,
		.limits = child_limit_choose(child->conf),
		.offload = inbound ? child->offload_in : child->offload_out,
		.device = child->device,
		.attempt = child->attempt,
		.encr = proposal_get(child->proposal, TRANSFORM_ENCR),
		.integ = proposal_id(child->proposal, TRANSFORM_INTEG),
		.encr_key = of_initiator ? keys->ei : keys->er,
		.encr_len = keys->encr_len,
		.integ_key = of_initiator ? keys->ai : keys->ar,
		.integ_len = keys->integ_len,
	};

	return xfrm_state_add(child->ike_sa->manager->xfrm, &s, result);
}

static int add_policies(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;
	int err;

	if (child->no_policies)
		return 0;
	err = policy_install(&m->policies, m->xfrm, child);
	child->has_policies = !err;
	return err;
}

/* Inbound first: the peer may send as soon as it is done. */
static int add_all(struct child_sa *child, const struct child_keys *keys, bool initiator)
{
	struct ike_manager *m = child->ike_sa->manager;
	const bool offload = child->device;
	int err, in = -ECANCELED, out = -ECANCELED, failed;

	xfrm_collect(m->xfrm);
	err = add_state(child, true, !offload, keys, initiator, &in);
	if (!err)
		err = add_state(child, false, false, keys, initiator, &out);
	if (!err && !offload)
		err = add_policies(child);
	failed = xfrm_commit(m->xfrm);
	if (in == -ESRCH)
		add_state(child, true, false, keys, initiator, &in);
	child->state_in = !in;
	child->state_out = !out;
	err = err ?: failed ?: in;
	if (err || !offload)
		return err;

	/* Policies lead to ESP SAs of the same device: not before it has those. */
	err = child_offload_check(child);
	if (err)
		return err;
	xfrm_collect(m->xfrm);
	err = add_policies(child);
	failed = xfrm_commit(m->xfrm);
	return err ?: failed;
}

static void take_back(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;

	xfrm_collect(m->xfrm);
	if (child->has_policies)
		policy_remove(&m->policies, m->xfrm, child);
	child->has_policies = false;
	if (child->state_out)
		xfrm_state_del(m->xfrm, &child->remote, child->spi_out, mark_of(child, false));
	if (child->state_in)
		xfrm_state_del(m->xfrm, &child->local, child->spi_in, mark_of(child, true));
	child->state_out = false;
	child->state_in = false;
	xfrm_commit(m->xfrm);
}

/* With a device's help, if it is to be and there is one. */
static int add_offloaded(struct child_sa *child, const struct child_keys *keys, bool initiator)
{
	struct ike_manager *m = child->ike_sa->manager;
	const struct xfrm_mark none = { 0, 0 };
	int err;

	err = child_offload_begin(m, child);
	if (err)
		return err;
	/* In the place of what is reserved nothing could be tried twice. */
	if (child->device)
		xfrm_state_del(m->xfrm, &child->local, child->spi_in, none);
	for (;;) {
		err = add_all(child, keys, initiator);
		if (!err)
			break;
		if (!child_offload_less(child, err))
			return err;
		take_back(child);
	}
	child_offload_done(child);
	return 0;
}

static void log_established(const struct child_sa *child)
{
	char local[TS_STRLEN], remote[TS_STRLEN], text[256];

	ike_log(child->ike_sa, LOG_CFG, LVL_CTRL, "selected proposal: ESP:%s",
		proposal_str(child->proposal, text, sizeof(text)));
	ike_log(child->ike_sa, LOG_IKE, LVL_AUDIT,
		"CHILD_SA %s{%u} established%s with SPIs %.8x_i %.8x_o and TS %s%s === %s%s%s",
		child->conf->name, child->unique_id, child->transport ? " in transport mode" : "",
		child->spi_in, child->spi_out,
		ts_str(&child->local_ts->v[0], local),
		child->local_ts->n > 1 ? " ..." : "",
		ts_str(&child->remote_ts->v[0], remote),
		child->remote_ts->n > 1 ? " ..." : "",
		child->ike_sa->local.stream ? " by TCP" : child->encap ? " in UDP" : "");
}

static uint64_t choose_rank(const struct child_sa *old, bool initiator)
{
	uint64_t now = time(NULL);

	if (!old)
		return now;
	if (!initiator)
		return old->out_rank - 1;
	return now > old->out_rank ? now : old->out_rank + 1;
}

static void lift(const struct child_sa *child)
{
	if (child->state_out && child_limit_is_set(child->conf))
		xfrm_state_lift(child->ike_sa->manager->xfrm, &child->remote, child->spi_out,
				mark_of(child, false));
}

int child_sa_install(struct child_sa *child, const struct child_keys *keys,
		     bool initiator, const struct child_sa *old)
{
	const struct ike_sa *sa = child->ike_sa;
	struct ike_manager *m = sa->manager;
	const struct child_sa *shared;
	bool told;
	int err;

	err = child_interface_find(m, child);
	if (err) {
		ike_log(sa, LOG_KNL, LVL_AUDIT,
			"CHILD_SA %s{%u}: there is no interface '%s': create it first, or set 'interface' to another",
			child->conf->name, child->unique_id, child->bound_to);
		ike_manager_alert(m, ALERT_INSTALL_CHILD_SA_FAILED, sa);
		return err;
	}
	shared = policy_shared(&m->policies, child);
	child->local = sa->local;
	child->remote = sa->remote;
	/* By TCP, too, it is ESP in UDP for XFRM, and the module's stream takes it from there. */
	child->encap = sa->nat_local || sa->nat_remote || sa->nat_fake || sa->local.stream;
	child->out_rank = choose_rank(old ? old : shared, initiator);
	child->trapped = policy_trapped(&m->policies, child) ||
			 (old && old->trapped && sa->resumed);
	told = child->trapped || child->reqid || shared;
	if (!child->reqid)
		child->reqid = choose_reqid(child);

	/*
	 * A daemon that comes after this one knows by a reqid of ours what a former one left
	 * in XFRM; of other reqids, and of policies that another Child SA or a trap wants, too,
	 * it has to be told.
	 */
	if (told) {
		resume_save(sa);
		kernel_sa_apply(m->kernel);
	}

	/* What is preferred until the peer has the new one is not passed over for its limits. */
	if (!initiator && old)
		lift(old);
	else if (!initiator && shared && shared->ike_sa && shared->ike_sa != sa)
		lift(shared);

	/* By TCP what it carries goes from the first packet on: by UDP it is lost. */
	if (sa->local.stream) {
		child->coming = true;
		ike_sa_tell_esp(child->ike_sa);
		kernel_sa_apply(m->kernel);
	}

	ike_manager_index_child(m, child);
	err = add_offloaded(child, keys, initiator);
	if (err) {
		ike_manager_alert(m, child->state_in && child->state_out ?
				  ALERT_INSTALL_CHILD_POLICY_FAILED :
				  ALERT_INSTALL_CHILD_SA_FAILED, sa);
		return err;
	}
	child->state = CHILD_INSTALLED;
	if (child->has_policies)
		child_route_install(&m->routes, child);
	child->installed_ms = loop_now_ms();
	if (!old && shared && !initiator)
		child_life_prefer(child);
	child_idle_begin(child, old);
	child_life_begin(child);
	log_established(child);
	if (old) {
		counters_count(sa->conn->name, COUNTER_CHILD_REKEY);
		ike_manager_tell(CONTROL_CHILD_REKEY, sa, child, old);
	} else {
		ike_manager_tell(CONTROL_CHILD_UP, sa, child, NULL);
		updown_run(m->updown, child, true);
	}
	ike_sa_tell_esp(child->ike_sa);
	return 0;
}

/* In transport mode the selectors are the ends' addresses. */
static int move_policies(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;
	const struct ts_list *new_local = &ts_none, *new_remote = &ts_none;
	struct ts_list local, remote;
	int err;

	if (!child->transport) {
		child_route_install(&m->routes, child);
		return policy_move(&m->policies, m->xfrm, child);
	}
	ts_copy(&local, child->local_ts);
	ts_copy(&remote, child->remote_ts);
	ts_replace_host(&local, &child->local);
	ts_replace_host(&remote, &child->remote);
	err = ts_keep(&new_local, &local) ?: ts_keep(&new_remote, &remote);
	if (err) {
		ts_drop(&new_local);
		return err;
	}
	policy_remove(&m->policies, m->xfrm, child);
	ts_drop(&child->local_ts);
	ts_drop(&child->remote_ts);
	child->local_ts = new_local;
	child->remote_ts = new_remote;
	err = policy_install(&m->policies, m->xfrm, child);
	child->has_policies = !err;
	return err;
}

int child_sa_move(struct child_sa *child)
{
	const struct endpoint local = child->local, remote = child->remote;
	const struct ike_sa *sa = child->ike_sa;
	struct ike_manager *m = sa->manager;
	bool same_local = endpoint_same_addr(&local, &sa->local);
	bool same_remote = endpoint_same_addr(&remote, &sa->remote);
	struct xfrm_move move = { .fall_back = child->hw_offload == OFFLOAD_AUTO };
	int err = 0;

	/* Nothing is sent through it any more. */
	if (child->state == CHILD_DELETED && child->state_out) {
		xfrm_state_del(m->xfrm, &remote, child->spi_out, mark_of(child, false));
		child->state_out = false;
	}
	child->local = sa->local;
	child->remote = sa->remote;
	/* Without UDP a port is nothing to ESP. */
	if (!child->state_in || (same_local && same_remote && !child->encap))
		return 0;
	if (!same_local)
		child_offload_moved(child);
	move.device = child->device;
	if (child->state_out)
		err = xfrm_state_move(m->xfrm, &remote, child->spi_out, mark_of(child, false),
				      &child->local, &child->remote, false, &move);
	if (move.fell_back)
		child->offload_out = OFFLOAD_NO;
	move.fell_back = false;
	if (!err)
		err = xfrm_state_move(m->xfrm, &local, child->spi_in, mark_of(child, true),
				      &child->remote, &child->local, true, &move);
	if (move.fell_back)
		child->offload_in = OFFLOAD_NO;
	offload_bypass_hold(m, child);
	if (!err && child->has_policies && !(same_local && same_remote))
		err = move_policies(child);
	/* Of what has not moved nothing is taken away. */
	if (err)
		return err;
	if (!same_remote && child->state_out)
		xfrm_state_del(m->xfrm, &remote, child->spi_out, mark_of(child, false));
	if (!same_local)
		xfrm_state_del(m->xfrm, &local, child->spi_in, mark_of(child, true));
	return 0;
}

static void log_closed(const struct child_sa *child)
{
	ike_log(child->ike_sa, LOG_IKE, LVL_AUDIT, "CHILD_SA %s{%u} closed",
		child->conf->name, child->unique_id);
}

static void remove_policies(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;

	if (!child->has_policies)
		return;
	child_route_remove(&m->routes, child);
	policy_remove(&m->policies, m->xfrm, child);
	child->has_policies = false;
}

static void retire(struct child_sa *child)
{
	if (child->state_out)
		xfrm_state_retire(child->ike_sa->manager->xfrm, &child->remote, child->spi_out,
				  mark_of(child, false));
}

static void retire_other(struct child_sa *other, void *arg)
{
	const struct child_sa *child = arg;

	if (other->ike_sa && other->ike_sa != child->ike_sa && other->reqid == child->reqid &&
	    other->out_rank > child->out_rank)
		retire(other);
}

void child_sa_prefer(struct child_sa *child)
{
	child->prefer_ms = 0;
	policy_each_other(&child->ike_sa->manager->policies, child, retire_other, child);
}

void child_sa_replaced(struct child_sa *child)
{
	struct ike_manager *m = child->ike_sa->manager;

	if (child->state_out &&
	    xfrm_state_retire(m->xfrm, &child->remote, child->spi_out, mark_of(child, false))) {
		xfrm_state_del(m->xfrm, &child->remote, child->spi_out, mark_of(child, false));
		child->state_out = false;
	}
	remove_policies(child);
	child->state = CHILD_DELETED;
	log_closed(child);
	child_life_linger(child);
	ike_sa_tell_esp(child->ike_sa);
	ike_manager_child_gone(m, child->unique_id);
}

static void unlink_child(struct child_sa *child)
{
	struct child_sa **link = &child->ike_sa->children;

	while (*link != child)
		link = &(*link)->next;
	*link = child->next;
}

/* The one that has taken its place was told, or this one has been already. */
static void tell_down(struct child_sa *child)
{
	struct ike_sa *sa = child->ike_sa;

	if (!child->installed_ms || child->replaced)
		return;
	ike_manager_tell(CONTROL_CHILD_DOWN, sa, child, NULL);
	updown_run(sa->manager->updown, child, false);
}

struct heir {
	struct child_sa *child;
	struct ike_sa *sa;
};

static void find_heir(struct child_sa *other, void *arg)
{
	struct ike_sa *sa = other->ike_sa;
	struct heir *heir = arg;
	const struct ike_sa *from = heir->child->ike_sa;

	if (!sa || sa == from || sa->state != IKE_ESTABLISHED || !child_sa_is_up(other) ||
	    other->reqid != heir->child->reqid)
		return;
	/* Others may have the same traffic: what was a peer's stays that peer's. */
	if (ike_id_equal(&sa->local_id, &from->local_id) &&
	    ike_id_equal(&sa->remote_id, &from->remote_id) &&
	    conn_find_child(sa->conn, heir->child->conf->name))
		heir->sa = sa;
}

void child_sa_pass_on(struct child_sa *child)
{
	struct heir heir = { .child = child };
	struct child_sa **end;

	if (child->state != CHILD_INSTALLED)
		return;
	policy_each_other(&child->ike_sa->manager->policies, child, find_heir, &heir);
	if (!heir.sa)
		return;
	tell_down(child);
	child->replaced = true;
	unlink_child(child);
	for (end = &heir.sa->children; *end;)
		end = &(*end)->next;
	*end = child;
	child->next = NULL;
	child->ike_sa = heir.sa;
	child->moves++;
	child_sa_set_conf(child, conn_find_child(heir.sa->conn, child->conf->name));
	child_sa_replaced(child);
	resume_save(heir.sa);
}

void child_sa_destroy(struct child_sa *child)
{
	struct ike_manager *m;
	struct ike_sa *sa;

	if (!child)
		return;
	sa = child->ike_sa;
	m = sa->manager;
	unlink_child(child);
	followup_child_gone(sa, child->spi_in);
	child_life_end(child);
	ike_manager_remove_child(m, child);
	tell_down(child);
	xfrm_collect(m->xfrm);
	remove_policies(child);
	if (child->state_out)
		xfrm_state_del(m->xfrm, &child->remote, child->spi_out, mark_of(child, false));
	if (child->spi_in)
		xfrm_state_del(m->xfrm, &child->local, child->spi_in, mark_of(child, true));
	offload_bypass_put(m, child);
	xfrm_commit(m->xfrm);
	if (child->state != CHILD_CREATED && child->state != CHILD_DELETED) {
		log_closed(child);
		ike_sa_tell_esp(sa);
	} else if (child->coming) {
		ike_sa_tell_esp(sa);
	}
	ike_manager_child_gone(m, child->unique_id);
	child_sa_agreed_clear(child);
	child_sa_set_conf(child, NULL);
	free(child);
}

int child_sa_offloaded(const struct child_sa *child)
{
	struct xfrm *xfrm = child->ike_sa->manager->xfrm;
	int err = xfrm_state_offloaded(xfrm, &child->local, child->spi_in, mark_of(child, true));

	return err ?: xfrm_state_offloaded(xfrm, &child->remote, child->spi_out,
					   mark_of(child, false));
}

struct child_sa *child_sa_by_spi_in(struct ike_sa *ike_sa, uint32_t spi)
{
	struct child_sa *child;

	for (child = ike_sa->children; child; child = child->next)
		if (child->spi_in == spi)
			return child;
	return NULL;
}

struct child_sa *child_sa_by_spi_out(struct ike_sa *ike_sa, uint32_t spi)
{
	struct child_sa *child;

	for (child = ike_sa->children; child; child = child->next)
		if (spi && child->spi_out == spi && child->state != CHILD_CREATED &&
		    child->state != CHILD_DELETED)
			return child;
	return NULL;
}

int child_sa_usage(const struct child_sa *child, struct xfrm_usage *in,
		   struct xfrm_usage *out)
{
	struct xfrm *xfrm = child->ike_sa->manager->xfrm;
	int err_in = xfrm_state_usage(xfrm, &child->local, child->spi_in, mark_of(child, true), in);
	int err_out = xfrm_state_usage(xfrm, &child->remote, child->spi_out,
				       mark_of(child, false), out);

	if (err_in)
		*in = (struct xfrm_usage){ .use_s = -1 };
	if (err_out)
		*out = (struct xfrm_usage){ .use_s = -1 };
	return err_in ? err_in : err_out;
}
