// SPDX-License-Identifier: GPL-2.0
/* VICI's commands that only look. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "certificate.h"
#include "control.h"
#include "jobs.h"
#include "secrets.h"
#include "vici_client.h"
#include "vici_message.h"

enum vici_result vici_version(struct vici_client *client, const struct tree *request,
			      struct buf *reply)
{
	struct utsname name;

	(void)client;
	(void)request;
	vici_put(reply, "daemon", "ikefpd");
	vici_put(reply, "version", "%s", IKEFP_VERSION);
	if (!uname(&name)) {
		vici_put(reply, "sysname", "%s", name.sysname);
		vici_put(reply, "release", "%s", name.release);
		vici_put(reply, "machine", "%s", name.machine);
	}
	return VICI_DONE;
}

struct sa_counts {
	unsigned int total;
	unsigned int half_open;
};

static bool count_ike(const struct control_ike *ike, void *data)
{
	struct sa_counts *counts = data;

	counts->total++;
	counts->half_open += ike->half_open;
	return true;
}

/* "3 hours", the largest unit that is not zero twice over, as charon says it. */
static void put_running(struct buf *reply, uint64_t seconds)
{
	static const struct {
		unsigned int seconds;
		const char *name;
	} units[] = { { 86400, "days" }, { 3600, "hours" }, { 60, "minutes" } };

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (seconds > 2 * units[i].seconds) {
			vici_put(reply, "running", "%" PRIu64 " %s",
				 seconds / units[i].seconds, units[i].name);
			return;
		}
	vici_put(reply, "running", "%" PRIu64 " second%s", seconds,
		 seconds == 1 ? "" : "s");
}

static void put_priorities(struct buf *reply, const char *section, unsigned int medium)
{
	vici_put_section(reply, section);
	vici_put(reply, "critical", "0");
	vici_put(reply, "high", "0");
	vici_put(reply, "medium", "%u", medium);
	vici_put(reply, "low", "0");
	vici_put_section_end(reply);
}

/* The loop is at work on this; the others are threads (jobs.h). */
enum vici_result vici_stats(struct vici_client *client, const struct tree *request,
			    struct buf *reply)
{
	const struct vici *vici = client->vici;
	struct sa_counts counts = { 0, 0 };
	struct mallinfo2 memory = mallinfo2();
	struct jobs_stats jobs;
	char since[64] = "";
	struct tm tm;

	(void)request;
	control_each_ike(false, count_ike, &counts);
	if (localtime_r(&vici->since, &tm))
		strftime(since, sizeof(since), "%b %d %H:%M:%S %Y", &tm);
	vici_put_section(reply, "uptime");
	put_running(reply, (loop_now_ms() - vici->since_ms) / 1000);
	vici_put(reply, "since", "%s", since);
	vici_put_section_end(reply);

	vici_put_section(reply, "workers");
	jobs_stats(&jobs);
	vici_put(reply, "total", "%u", 1 + jobs.threads);
	vici_put(reply, "idle", "%u", jobs.threads - jobs.working);
	put_priorities(reply, "active", 1 + jobs.working);
	vici_put_section_end(reply);
	put_priorities(reply, "queues", jobs.waiting);
	vici_put(reply, "scheduled", "%zu", loop_timers(vici->loop));

	vici_put_section(reply, "ikesas");
	vici_put(reply, "total", "%u", counts.total);
	vici_put(reply, "half-open", "%u", counts.half_open);
	vici_put_section_end(reply);

	vici_put_list(reply, "plugins");
	vici_put_item(reply, "ikefp");
	vici_put_item(reply, "vici");
	vici_put_list_end(reply);

	vici_put_section(reply, "mallinfo");
	vici_put(reply, "sbrk", "%zu", memory.arena);
	vici_put(reply, "mmap", "%zu", memory.hblkhd);
	vici_put(reply, "used", "%zu", memory.uordblks);
	vici_put(reply, "free", "%zu", memory.fordblks);
	vici_put_section_end(reply);
	return VICI_DONE;
}

void vici_put_ts_list(struct buf *out, const char *name, const struct ts_list *list)
{
	char text[TS_STRLEN];

	vici_put_list(out, name);
	for (unsigned int i = 0; i < list->n; i++)
		vici_put_item(out, ts_str(&list->v[i], text));
	vici_put_list_end(out);
}

static void put_suite(struct buf *out, const struct control_suite *suite)
{
	char name[16];

	if (!suite->encr_alg)
		return;
	vici_put(out, "encr-alg", "%s", suite->encr_alg);
	if (suite->encr_keysize)
		vici_put(out, "encr-keysize", "%u", suite->encr_keysize);
	if (suite->integ_alg)
		vici_put(out, "integ-alg", "%s", suite->integ_alg);
	if (suite->prf_alg)
		vici_put(out, "prf-alg", "%s", suite->prf_alg);
	if (suite->dh_group)
		vici_put(out, "dh-group", "%s", suite->dh_group);
	for (int i = 0; i < ADDKE_MAX; i++) {
		snprintf(name, sizeof(name), "ake%d", i + 1);
		if (suite->ake[i])
			vici_put(out, name, "%s", suite->ake[i]);
	}
	if (suite->esn)
		vici_put(out, "esn", "1");
}

static void put_traffic(struct buf *out, const char *direction, uint64_t bytes,
			uint64_t packets, int64_t use_s)
{
	char name[16];

	snprintf(name, sizeof(name), "bytes-%s", direction);
	vici_put(out, name, "%" PRIu64, bytes);
	snprintf(name, sizeof(name), "packets-%s", direction);
	vici_put(out, name, "%" PRIu64, packets);
	if (use_s < 0)
		return;
	snprintf(name, sizeof(name), "use-%s", direction);
	vici_put(out, name, "%" PRId64, use_s);
}

static void put_mark(struct buf *out, const char *direction, struct xfrm_mark mark)
{
	char name[16];

	if (!mark.m)
		return;
	snprintf(name, sizeof(name), "mark-%s", direction);
	vici_put(out, name, "%.8x", mark.v);
	if (mark.m == UINT32_MAX)
		return;
	snprintf(name, sizeof(name), "mark-mask-%s", direction);
	vici_put(out, name, "%.8x", mark.m);
}

static void put_if_ids(struct buf *out, uint32_t inbound, uint32_t outbound)
{
	if (inbound)
		vici_put(out, "if-id-in", "%.8x", inbound);
	if (outbound)
		vici_put(out, "if-id-out", "%.8x", outbound);
}

static void put_seconds(struct buf *out, const char *name, int64_t seconds)
{
	if (seconds >= 0)
		vici_put(out, name, "%" PRId64, seconds);
}

static void put_child_section(struct buf *out, const char *section,
			      const struct control_child *child)
{
	vici_put_section(out, section);
	vici_put(out, "name", "%s", child->name);
	vici_put(out, "uniqueid", "%u", child->unique_id);
	vici_put(out, "reqid", "%u", child->reqid);
	vici_put(out, "state", "%s", child->state);
	vici_put(out, "mode", "%s", child->transport ? "TRANSPORT" : "TUNNEL");
	if (child->spi_in && child->spi_out) {
		vici_put(out, "protocol", "ESP");
		if (child->encap)
			vici_put(out, "encap", "yes");
		vici_put(out, "spi-in", "%.8x", child->spi_in);
		vici_put(out, "spi-out", "%.8x", child->spi_out);
		put_mark(out, "in", child->mark_in);
		put_mark(out, "out", child->mark_out);
		put_if_ids(out, child->if_id_in, child->if_id_out);
		put_suite(out, &child->suite);
		put_traffic(out, "in", child->bytes_in, child->packets_in,
			    child->use_in_s);
		put_traffic(out, "out", child->bytes_out, child->packets_out,
			    child->use_out_s);
		put_seconds(out, "rekey-time", child->rekey_s);
		put_seconds(out, "life-time", child->life_s);
		vici_put(out, "install-time", "%u", child->installed_s);
	}
	vici_put_ts_list(out, "local-ts", child->local_ts);
	vici_put_ts_list(out, "remote-ts", child->remote_ts);
	vici_put_section_end(out);
}

static void put_child(struct buf *out, const struct control_child *child)
{
	char name[TREE_NAME_MAX + 1];

	snprintf(name, sizeof(name), "%.240s-%u", child->name, child->unique_id);
	put_child_section(out, name, child);
}

static void put_rekeyed(struct buf *out, const struct control_child *old,
			const struct control_child *new)
{
	vici_put_section(out, old->name);
	put_child_section(out, "old", old);
	put_child_section(out, "new", new);
	vici_put_section_end(out);
}

static void put_endpoint(struct buf *out, const char *side, const struct endpoint *end)
{
	char addr[ENDPOINT_STRLEN], name[16];

	snprintf(name, sizeof(name), "%s-host", side);
	vici_put(out, name, "%s", endpoint_addr_str(end, addr));
	snprintf(name, sizeof(name), "%s-port", side);
	vici_put(out, name, "%u", end->port);
}

static void put_end(struct buf *out, const char *side, const struct endpoint *end,
		    const struct ike_id *id)
{
	char text[ID_STRLEN], name[16];

	put_endpoint(out, side, end);
	snprintf(name, sizeof(name), "%s-id", side);
	vici_put(out, name, "%s", id ? ike_id_str(id, text) : "%any");
}

static void put_task(struct buf *out, const char *name, const char *task)
{
	if (!task)
		return;
	vici_put_list(out, name);
	vici_put_item(out, task);
	vici_put_list_end(out);
}

static void put_flag(struct buf *out, const char *name, bool on)
{
	if (on)
		vici_put(out, name, "yes");
}

static void put_ike(struct buf *out, const struct control_ike *ike)
{
	vici_put(out, "uniqueid", "%u", ike->unique_id);
	vici_put(out, "version", "2");
	vici_put(out, "state", "%s", ike->state);
	vici_put(out, "transport", "%s", ike->local.stream ? "tcp" : "udp");
	put_end(out, "local", &ike->local, ike->local_id);
	put_end(out, "remote", &ike->remote, ike->remote_id);
	put_flag(out, "initiator", ike->initiator);
	vici_put(out, "initiator-spi", "%.16" PRIx64, ike->spi_i);
	vici_put(out, "responder-spi", "%.16" PRIx64, ike->spi_r);
	put_flag(out, "nat-local", ike->nat_local);
	put_flag(out, "nat-remote", ike->nat_remote);
	put_flag(out, "nat-fake", ike->nat_fake);
	put_flag(out, "nat-any", ike->nat_local || ike->nat_remote || ike->nat_fake);
	put_if_ids(out, ike->if_id_in, ike->if_id_out);
	put_suite(out, &ike->suite);
	put_flag(out, "ppk", ike->ppk);
	if (ike->established)
		vici_put(out, "established", "%u", ike->established_s);
	put_seconds(out, "rekey-time", ike->rekey_s);
	put_seconds(out, "reauth-time", ike->reauth_s);
	put_task(out, "tasks-queued", ike->task_queued);
	put_task(out, "tasks-active", ike->task_active);
	put_task(out, "tasks-passive", ike->task_passive);
}

static void put_rekeyed_ike(struct buf *out, const struct control_ike *ike)
{
	vici_put_section(out, "old");
	put_ike(out, ike);
	vici_put_section_end(out);
	vici_put_section(out, "new");
	put_ike(out, ike->successor);
	vici_put_section_end(out);
}

/*
 * As charon: the section of the IKE SA has all of it, and the Child SA if it is about one, or
 * the one that was rekeyed and the new one. One that moves has the old endpoints there; the
 * new ones stand before it.
 */
void vici_sa_event(enum control_event event, const struct control_ike *ike, void *data)
{
	static const enum vici_event events[] = {
		[CONTROL_IKE_UP] = VICI_EV_IKE_UPDOWN,
		[CONTROL_IKE_DOWN] = VICI_EV_IKE_UPDOWN,
		[CONTROL_IKE_UPDATE] = VICI_EV_IKE_UPDATE,
		[CONTROL_IKE_REKEY] = VICI_EV_IKE_REKEY,
		[CONTROL_CHILD_UP] = VICI_EV_CHILD_UPDOWN,
		[CONTROL_CHILD_REKEY] = VICI_EV_CHILD_REKEY,
		[CONTROL_CHILD_DOWN] = VICI_EV_CHILD_UPDOWN,
	};
	struct vici *vici = data;
	struct buf out = BUF_INIT;
	bool wanted = false;

	for (struct vici_client *c = vici->clients; c; c = c->next)
		wanted |= vici_wants(c, events[event]);
	if (!wanted)
		return;
	put_flag(&out, "up", event == CONTROL_IKE_UP || event == CONTROL_CHILD_UP);
	if (event == CONTROL_IKE_UPDATE) {
		put_endpoint(&out, "local", ike->new_local);
		put_endpoint(&out, "remote", ike->new_remote);
	}
	vici_put_section(&out, ike->name);
	if (ike->successor)
		put_rekeyed_ike(&out, ike);
	else
		put_ike(&out, ike);
	if (ike->child_count) {
		vici_put_section(&out, "child-sas");
		if (event == CONTROL_CHILD_REKEY)
			put_rekeyed(&out, &ike->children[0], &ike->children[1]);
		else
			put_child(&out, &ike->children[0]);
		vici_put_section_end(&out);
	}
	vici_put_section_end(&out);
	for (struct vici_client *c = vici->clients; c; c = c->next)
		vici_raise(c, events[event], &out);
	buf_clear(&out);
}

/* In strongSwan since 6.0.3. */
void vici_alert(enum control_alert alert, const struct control_ike *ike, void *data)
{
	static const char *const names[] = {
		[ALERT_SHUTDOWN_SIGNAL] = "shutdown-signal",
		[ALERT_LOCAL_AUTH_FAILED] = "local-auth-failed",
		[ALERT_PEER_AUTH_FAILED] = "peer-auth-failed",
		[ALERT_PEER_ADDR_FAILED] = "peer-addr-failed",
		[ALERT_PEER_INIT_UNREACHABLE] = "peer-init-unreachable",
		[ALERT_PARSE_ERROR_BODY] = "parse-error-body",
		[ALERT_RETRANSMIT_SEND_TIMEOUT] = "retransmit-send-timeout",
		[ALERT_HALF_OPEN_TIMEOUT] = "half-open-timeout",
		[ALERT_PROPOSAL_MISMATCH_IKE] = "proposal-mismatch-ike",
		[ALERT_PROPOSAL_MISMATCH_CHILD] = "proposal-mismatch-child",
		[ALERT_TS_MISMATCH] = "ts-mismatch",
		[ALERT_TS_NARROWED] = "ts-narrowed",
		[ALERT_INSTALL_CHILD_SA_FAILED] = "install-child-sa-failed",
		[ALERT_INSTALL_CHILD_POLICY_FAILED] = "install-child-policy-failed",
		[ALERT_UNIQUE_REPLACE] = "unique-replace",
		[ALERT_UNIQUE_KEEP] = "unique-keep",
		[ALERT_KEEP_ON_CHILD_SA_FAILURE] = "keep-on-child-sa-failure",
		[ALERT_IKE_SA_EXPIRED] = "ike-sa-expired",
		[ALERT_CERT_EXPIRED] = "cert-expired",
		[ALERT_CERT_REVOKED] = "cert-revoked",
		[ALERT_CERT_VALIDATION_FAILED] = "cert-validation-failed",
		[ALERT_CERT_NO_ISSUER] = "cert-no-issuer",
		[ALERT_CERT_UNTRUSTED_ROOT] = "cert-untrusted-root",
		[ALERT_CERT_EXCEEDED_PATH_LEN] = "cert-exceeded-path-len",
		[ALERT_CERT_POLICY_VIOLATION] = "cert-policy-violation",
	};
	struct vici *vici = data;
	struct buf out = BUF_INIT;
	bool wanted = false;

	for (struct vici_client *c = vici->clients; c; c = c->next)
		wanted |= vici_wants(c, VICI_EV_ALERT);
	if (!wanted)
		return;
	vici_put(&out, "type", "%s", names[alert]);
	if (ike) {
		vici_put_section(&out, "ike-sa");
		vici_put_section(&out, ike->name);
		put_ike(&out, ike);
		vici_put_section_end(&out);
		vici_put_section_end(&out);
	}
	for (struct vici_client *c = vici->clients; c; c = c->next)
		vici_raise(c, VICI_EV_ALERT, &out);
	buf_clear(&out);
}

struct sa_filter {
	struct vici_client *client;
	const char *ike;
	const char *ike_id;
	const char *child;
	const char *child_id;
};

static bool fits(const char *name, const char *id, const char *has_name, uint32_t has_id)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", has_id);
	return (!name || !strcmp(name, has_name)) && (!id || !strcmp(id, text));
}

static bool list_ike(const struct control_ike *ike, void *data)
{
	const struct sa_filter *filter = data;
	struct buf out = BUF_INIT;
	unsigned int listed = 0;

	if (!fits(filter->ike, filter->ike_id, ike->name, ike->unique_id))
		return true;
	vici_put_section(&out, ike->name);
	put_ike(&out, ike);
	vici_put_section(&out, "child-sas");
	for (size_t i = 0; i < ike->child_count; i++) {
		const struct control_child *child = &ike->children[i];

		if (!fits(filter->child, filter->child_id, child->name,
			  child->unique_id))
			continue;
		put_child(&out, child);
		listed++;
	}
	vici_put_section_end(&out);
	vici_put_section_end(&out);
	/* Asked for a child, an IKE SA without it is of no interest. */
	if (listed || (!filter->child && !filter->child_id))
		vici_raise(filter->client, VICI_EV_LIST_SA, &out);
	buf_clear(&out);
	return true;
}

enum vici_result vici_list_sas(struct vici_client *client, const struct tree *request,
			       struct buf *reply)
{
	struct sa_filter filter = {
		.client = client,
		.ike = tree_str(request, "ike"),
		.ike_id = tree_str(request, "ike-id"),
		.child = tree_str(request, "child"),
		.child_id = tree_str(request, "child-id"),
	};

	(void)reply;
	control_each_ike(true, list_ike, &filter);
	return VICI_DONE;
}

static void put_ranges(struct buf *out, const char *name,
		       const struct addr_range *ranges, size_t count)
{
	vici_put_list(out, name);
	for (size_t i = 0; i < count; i++) {
		const struct addr_range *r = &ranges[i];
		size_t len = r->family == AF_INET ? 4 : 16;
		struct ts ts = { .family = r->family, .end_port = UINT16_MAX };
		char text[TS_STRLEN];

		memcpy(ts.start, r->first, len);
		memcpy(ts.end, r->last, len);
		if (r->host)
			vici_put_item(out, r->host);
		else if (r->family == AF_UNSPEC)
			vici_put_item(out, "%any");
		else if (!memcmp(r->first, r->last, len))
			vici_put_item(out, inet_ntop(r->family, r->first, text,
						     sizeof(text)));
		else
			vici_put_item(out, ts_str(&ts, text));
	}
	vici_put_list_end(out);
}

static void put_subjects(struct buf *out, const char *name, STACK_OF(X509) *certs)
{
	char text[ID_STRLEN];

	if (!certs)
		return;
	vici_put_list(out, name);
	for (int i = 0; i < sk_X509_num(certs); i++)
		vici_put_item(out, certificate_str(sk_X509_value(certs, i), text));
	vici_put_list_end(out);
}

static void put_policies(struct buf *out, STACK_OF(ASN1_OBJECT) *policies)
{
	char oid[128];

	if (!policies)
		return;
	vici_put_list(out, "cert_policy");
	for (int i = 0; i < sk_ASN1_OBJECT_num(policies); i++) {
		OBJ_obj2txt(oid, sizeof(oid), sk_ASN1_OBJECT_value(policies, i), 1);
		vici_put_item(out, oid);
	}
	vici_put_list_end(out);
}

static void put_auth(struct buf *out, const char *name, const struct auth_conf *auth)
{
	static const char *const revocations[] = {
		[REVOCATION_IFURI] = "ifuri", [REVOCATION_STRICT] = "strict",
	};
	char id[ID_STRLEN];

	vici_put_section(out, name);
	vici_put(out, "class", "%s",
		 auth->class == AUTH_PSK ? "pre-shared key" : "public key");
	if (auth->id.type != ID_ANY)
		vici_put(out, "id", "%s", ike_id_str(&auth->id, id));
	if (auth->revocation != REVOCATION_RELAXED)
		vici_put(out, "revocation", "%s", revocations[auth->revocation]);
	put_subjects(out, "certs", auth->certs);
	put_subjects(out, "cacerts", auth->cacerts);
	if (auth->ca_id.type != ID_ANY)
		vici_put(out, "ca_id", "%s", ike_id_str(&auth->ca_id, id));
	put_policies(out, auth->cert_policies);
	vici_put_section_end(out);
}

const char *vici_mode_name(enum child_mode mode)
{
	static const char *const names[] = {
		[MODE_TUNNEL] = "TUNNEL",
		[MODE_TRANSPORT] = "TRANSPORT",
		[MODE_PASS] = "PASS",
		[MODE_DROP] = "DROP",
	};

	return names[mode];
}

static const char *action_name(enum child_action action)
{
	static const char *const names[] = {
		[ACTION_CLEAR] = "none",
		[ACTION_TRAP] = "trap",
		[ACTION_START] = "start",
	};

	return names[action];
}

static void put_conn(struct buf *out, const struct conn *conn)
{
	static const char *const uniques[] = {
		[UNIQUE_NO] = "UNIQUE_NO",
		[UNIQUE_NEVER] = "UNIQUE_NEVER",
		[UNIQUE_REPLACE] = "UNIQUE_REPLACE",
		[UNIQUE_KEEP] = "UNIQUE_KEEP",
	};
	static const char *const transports[] = {
		[TRANSPORT_UDP] = "udp",
		[TRANSPORT_TCP] = "tcp",
		[TRANSPORT_AUTO] = "auto",
	};
	char text[ID_STRLEN];

	vici_put_section(out, conn->name);
	put_ranges(out, "local_addrs", conn->local_addrs, conn->local_addr_count);
	put_ranges(out, "remote_addrs", conn->remote_addrs, conn->remote_addr_count);
	vici_put(out, "local_port", "%u", conn->local_port);
	vici_put(out, "remote_port", "%u", conn->remote_port);
	vici_put(out, "transport", "%s", transports[conn->transport]);
	if (conn->transport != TRANSPORT_UDP)
		vici_put(out, "tcp_remote_port", "%u", conn->tcp_remote_port);
	if (conn->transport == TRANSPORT_AUTO)
		vici_put(out, "tcp_after", "%u", conn->tcp_after);
	vici_put(out, "version", "IKEv2");
	vici_put(out, "reauth_time", "%" PRIu64, conn->reauth_s);
	vici_put(out, "rekey_time", "%" PRIu64, conn->time_s.rekey);
	vici_put(out, "unique", "%s", uniques[conn->unique]);
	if (conn->dpd_delay_ms)
		vici_put(out, "dpd_delay", "%u", conn->dpd_delay_ms / 1000);
	if (conn->dpd_timeout_s)
		vici_put(out, "dpd_timeout", "%" PRIu64, conn->dpd_timeout_s);
	if (conn->ppk_id.type != ID_ANY)
		vici_put(out, "ppk_id", "%s", ike_id_str(&conn->ppk_id, text));
	if (conn->ppk_required)
		vici_put(out, "ppk_required", "yes");
	put_auth(out, "local-1", &conn->local);
	put_auth(out, "remote-1", &conn->remote);
	vici_put_section(out, "children");
	for (const struct child_conf *c = conn->children; c; c = c->next) {
		vici_put_section(out, c->name);
		vici_put(out, "mode", "%s", vici_mode_name(c->mode));
		vici_put(out, "rekey_time", "%" PRIu64, c->time_s.rekey);
		vici_put(out, "rekey_bytes", "%" PRIu64, c->bytes.rekey);
		vici_put(out, "rekey_packets", "%" PRIu64, c->packets.rekey);
		vici_put(out, "dpd_action", "%s", action_name(c->dpd_action));
		vici_put(out, "close_action", "%s", action_name(c->close_action));
		vici_put_ts_list(out, "local-ts", &c->local_ts);
		vici_put_ts_list(out, "remote-ts", &c->remote_ts);
		if (c->interface[0])
			vici_put(out, "interface", "%s", c->interface);
		if (c->priority)
			vici_put(out, "priority", "%u", c->priority);
		vici_put_section_end(out);
	}
	vici_put_section_end(out);
	vici_put_section_end(out);
}

enum vici_result vici_list_conns(struct vici_client *client,
				 const struct tree *request, struct buf *reply)
{
	const char *ike = tree_str(request, "ike");

	(void)reply;
	for (const struct conn *c = client->vici->config->conns; c; c = c->next) {
		struct buf out = BUF_INIT;

		if (ike && strcmp(ike, c->name))
			continue;
		put_conn(&out, c);
		vici_raise(client, VICI_EV_LIST_CONN, &out);
		buf_clear(&out);
	}
	return VICI_DONE;
}

/* Pools: there are none yet. */
enum vici_result vici_list_nothing(struct vici_client *client,
				   const struct tree *request, struct buf *reply)
{
	(void)client;
	(void)request;
	(void)reply;
	return VICI_DONE;
}

enum vici_result vici_get_conns(struct vici_client *client,
				const struct tree *request, struct buf *reply)
{
	(void)request;
	vici_put_list(reply, "conns");
	for (const struct conn *c = client->vici->config->conns; c; c = c->next)
		if (c->source == CONF_VICI)
			vici_put_item(reply, c->name);
	vici_put_list_end(reply);
	return VICI_DONE;
}

static void put_item(const char *name, void *data)
{
	vici_put_item(data, name);
}

enum vici_result vici_get_shared(struct vici_client *client,
				 const struct tree *request, struct buf *reply)
{
	(void)request;
	vici_put_list(reply, "keys");
	secrets_list(client->vici->secrets, SECRET_SHARED, CONF_VICI, put_item, reply);
	secrets_list(client->vici->secrets, SECRET_PPK, CONF_VICI, put_item, reply);
	vici_put_list_end(reply);
	return VICI_DONE;
}
