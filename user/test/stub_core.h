/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stand-in for the IKE SA manager behind control.h, for tests of VICI: SAs
 * that come up and go down after some turns of the loop. Included by one test
 * program, which then links this in place of the real thing.
 */
#ifndef IKEFP_TEST_STUB_CORE_H
#define IKEFP_TEST_STUB_CORE_H

#include <stdlib.h>
#include <string.h>

#include "child_sa.h"
#include "control.h"
#include "log.h"
#include "loop.h"

#define STUB_DELAY_MS	5

struct stub_sa {
	struct stub_sa *next;
	struct conn *conn;
	const struct child_conf *child;
	uint32_t unique_id;
	bool up;
	bool fails;
	bool going;
	struct control_job *job;
	struct loop_timer timer;
};

static struct loop *stub_loop;
static struct stub_sa *stub_sas;
static uint32_t stub_last_id;
/* How the next initiate ends: 0 in time, 1 with an error, 2 never. */
static int stub_outcome;
/* The last that was loaded. */
static const struct conn *stub_loaded;

static void stub_log(const struct stub_sa *sa, const char *text)
{
	const struct log_sa about = { sa->conn->name, sa->unique_id };

	log_sa(LOG_IKE, LVL_CTRL, &about, "%s", text);
}

static void stub_remove(struct stub_sa *sa)
{
	struct stub_sa **at = &stub_sas;

	while (*at != sa)
		at = &(*at)->next;
	*at = sa->next;
	loop_timer_cancel(stub_loop, &sa->timer);
	conn_put(sa->conn);
	free(sa);
}

static void stub_step(struct loop_timer *timer)
{
	struct stub_sa *sa = container_of(timer, struct stub_sa, timer);
	struct control_job *job = sa->job;
	bool ok = !sa->fails;

	sa->job = NULL;
	if (sa->going || sa->fails) {
		stub_log(sa, sa->going ? "deleted" : "received NO_PROPOSAL_CHOSEN");
		stub_remove(sa);
	} else {
		sa->up = true;
		stub_log(sa, "established");
	}
	if (job)
		job->done(job, ok, ok ? NULL : "received NO_PROPOSAL_CHOSEN");
}

void control_initiate(struct conn *conn, const struct child_conf *child,
		      struct control_job *job)
{
	struct stub_sa *sa = calloc(1, sizeof(*sa)), **at = &stub_sas;

	while (*at)
		at = &(*at)->next;
	*at = sa;
	sa->conn = conn_get(conn);
	sa->child = child;
	sa->unique_id = ++stub_last_id;
	sa->fails = stub_outcome == 1;
	sa->job = job;
	sa->timer.expired = stub_step;
	if (job) {
		job->ike_id = sa->unique_id;
		job->core = sa;
	}
	stub_log(sa, "initiating IKE_SA");
	if (stub_outcome != 2)
		loop_timer_arm(stub_loop, &sa->timer, STUB_DELAY_MS);
}

void control_terminate_ike(uint32_t ike_id, bool force, struct control_job *job)
{
	for (struct stub_sa *sa = stub_sas; sa; sa = sa->next) {
		if (sa->unique_id != ike_id)
			continue;
		stub_log(sa, "deleting IKE_SA");
		sa->going = true;
		sa->fails = false;
		sa->job = job;
		if (job) {
			job->ike_id = ike_id;
			job->core = sa;
		}
		if (force) {
			stub_step(&sa->timer);
			return;
		}
		loop_timer_arm(stub_loop, &sa->timer, STUB_DELAY_MS);
		return;
	}
	if (job)
		job->done(job, true, NULL);
}

void control_terminate_child(uint32_t child_id, struct control_job *job)
{
	control_terminate_ike(child_id - 100, false, job);
}

/* The last that was asked for. */
static uint32_t stub_rekeyed;

void control_rekey_ike(uint32_t ike_id)
{
	stub_rekeyed = ike_id;
}

static uint32_t stub_reauthenticated;

void control_reauth_ike(uint32_t ike_id)
{
	stub_reauthenticated = ike_id;
}

void control_rekey_child(uint32_t child_id)
{
	stub_rekeyed = child_id;
}

void control_loaded(struct conn *conn)
{
	stub_loaded = conn;
}

static struct {
	control_event_fn event;
	control_alert_fn alert;
	void *data;
} stub_watcher;

void control_watch(control_event_fn event, control_alert_fn alert, void *data)
{
	stub_watcher.event = event;
	stub_watcher.alert = alert;
	stub_watcher.data = data;
}

void control_configured(void)
{
}

/* What was installed last, by hand. */
static const struct child_conf *stub_installed;

int control_install(struct conn *conn, const struct child_conf *child, struct errmsg *err)
{
	(void)conn;
	if (stub_outcome == 1)
		return errmsg_set(err, "no route");
	stub_installed = child;
	return 0;
}

bool control_uninstall(const char *conn, const char *child)
{
	bool is = stub_installed && !strcmp(stub_installed->name, child);

	(void)conn;
	if (is)
		stub_installed = NULL;
	return is;
}

void control_each_trap(control_policy_fn fn, void *data)
{
	static struct conn conn = { .name = (char *)"net" };
	struct child_sa trap = { .conf = stub_installed, .state = CHILD_ROUTED };

	if (!stub_installed)
		return;
	trap.local_ts = &stub_installed->local_ts;
	trap.remote_ts = &stub_installed->remote_ts;
	fn(&conn, &trap, data);
}

bool control_has_child(const char *conn, const char *child)
{
	const struct stub_sa *sa;

	for (sa = stub_sas; sa; sa = sa->next)
		if (!strcmp(sa->conn->name, conn) && !strcmp(sa->child->name, child) && sa->up)
			return true;
	return false;
}

static uint64_t stub_unknown_spis;

int control_unknown_spis(uint64_t *n)
{
	*n = stub_unknown_spis;
	return 0;
}

void control_forget(struct control_job *job)
{
	struct stub_sa *sa = job->core;

	if (sa)
		sa->job = NULL;
}

void control_each_ike(bool counters, control_ike_fn fn, void *data)
{
	for (struct stub_sa *sa = stub_sas, *next; sa; sa = next) {
		struct control_child child = {
			.name = sa->child->name, .unique_id = sa->unique_id + 100,
			.reqid = 1, .state = "INSTALLED", .encap = true,
			.spi_in = 0xc0ffee01, .spi_out = 0xc0ffee02,
			.suite = { .encr_alg = "AES_GCM_16", .encr_keysize = 128 },
			.bytes_in = counters ? 8400 : 0, .packets_in = counters ? 100 : 0,
			.bytes_out = 168, .packets_out = 2,
			.use_in_s = 3, .use_out_s = -1, .installed_s = 61,
			.rekey_s = 3000, .life_s = -1,
			.local_ts = &sa->child->local_ts,
			.remote_ts = &sa->child->remote_ts,
		};
		struct control_ike ike = {
			.name = sa->conn->name, .unique_id = sa->unique_id,
			.state = sa->going ? "DELETING" : sa->up ? "ESTABLISHED" :
				 "CONNECTING",
			.half_open = !sa->up,
			.local_id = &sa->conn->local.id, .remote_id = &sa->conn->remote.id,
			.initiator = true, .spi_i = 0x1122334455667788, .spi_r = 0x99,
			.nat_local = true, .established = sa->up, .established_s = 61,
			.rekey_s = 9000, .reauth_s = -1,
			.suite = { .encr_alg = "AES_CBC", .encr_keysize = 256,
				   .integ_alg = "HMAC_SHA2_256_128",
				   .prf_alg = "PRF_HMAC_SHA2_256",
				   .dh_group = "CURVE_25519",
				   .ake = { [1] = "ML_KEM_768" } },
			.if_id_out = 0x2a,
			.task_active = sa->going ? "IKE_DELETE" : NULL,
			.children = &child, .child_count = sa->up,
		};

		next = sa->next;
		endpoint_parse(&ike.local, "192.0.2.1", 4500);
		endpoint_parse(&ike.remote, "2001:db8::2", 4500);
		if (!fn(&ike, data))
			return;
	}
}

static inline void stub_clear(void)
{
	while (stub_sas)
		stub_remove(stub_sas);
}

#endif /* IKEFP_TEST_STUB_CORE_H */
