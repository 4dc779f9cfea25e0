// SPDX-License-Identifier: GPL-2.0
/* A connection, from its section. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_conn.h"
#include "config_keys.h"
#include "config_load.h"
#include "vici_message.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

#define PORT_MAX		65535
#define TCP_AFTER_MAX		100
#define REKEY_S_DEFAULT		14400
#define DSCP_DIGITS		6

/* What is being read: a connection and what needs a check at the end. */
struct conn_reader {
	struct conn *conn;
	bool has_local;
	bool has_remote;
};

/* Reading fails on the first error, so one of each is enough. */
static int no_memory(const struct tree *node, struct errmsg *err)
{
	return tree_refuse(node, err, "out of memory");
}

static int read_ike_item(const struct tree *node, const char *item, void *object,
			 struct errmsg *err)
{
	return config_proposal(node, item, object, PROTO_IKE, err);
}

/* Letters, digits, "-", "_" and dots; what has no letter is an address with a mistake. */
static bool is_host_name(const char *text)
{
	size_t len = strlen(text);
	const char *label = text;

	if (!len || len > 253 || strspn(text, "0123456789.") == len)
		return false;
	for (const char *c = text;; c++) {
		if (*c == '.' || !*c) {
			size_t n = (size_t)(c - label);

			/* A dot may end it. */
			if (n > 63 || (!n && (*c || c == text)) || (n && *label == '-'))
				return false;
			label = c + 1;
		} else if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
				   *c)) {
			return false;
		}
		if (!*c)
			return true;
	}
}

static int read_addr_item(const struct tree *node, const char *item, bool names, void *object,
			  struct errmsg *err)
{
	const char *why = "not an address";
	struct addr_range *range = object;
	struct ts ts;

	memset(range, 0, sizeof(*range));
	if (!strcmp(item, "%any"))
		return 0;
	if (!strcmp(item, "%any4") || !strcmp(item, "0.0.0.0"))
		item = "0.0.0.0/0";
	else if (!strcmp(item, "%any6") || !strcmp(item, "::"))
		item = "::/0";
	/* A selector without protocol and ports is an address, subnet or range. */
	if (strchr(item, '[') || ts_parse(&ts, item, &why) || ts.dynamic) {
		if (!is_host_name(item))
			return tree_refuse(node, err,
					   "'%s' is neither an address, a subnet, a range nor a host name",
					   item);
		if (!names)
			return tree_refuse(node, err,
					   "'%s' is neither an address, a subnet nor a range: host names are supported in remote_addrs alone",
					   item);
		range->host = strdup(item);
		return range->host ? 0 : no_memory(node, err);
	}
	range->family = ts.family;
	memcpy(range->first, ts.start, sizeof(range->first));
	memcpy(range->last, ts.end, sizeof(range->last));
	return 0;
}

struct addr_reader {
	struct addr_range **ranges;
	size_t *count;
	bool names;	/* of hosts may be among them */
};

static int add_addr(const struct tree *node, const char *item, void *object,
		    struct errmsg *err)
{
	struct addr_reader *r = object;
	struct addr_range *ranges;

	ranges = reallocarray(*r->ranges, *r->count + 1, sizeof(*ranges));
	if (!ranges)
		return no_memory(node, err);
	*r->ranges = ranges;
	if (read_addr_item(node, item, r->names, &ranges[*r->count], err))
		return -1;
	++*r->count;
	return 0;
}

static int read_children(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn_reader *r = object;

	for (const struct tree *n = node->first; n; n = n->next) {
		if (n->kind != TREE_SECTION)
			return tree_refuse(n, err,
					   "children holds sections only: write '%s { }'",
					   n->name);
		if (config_read_child(n, r->conn, err))
			return -1;
	}
	return 0;
}

/* Authentication. */

static int read_auth_round(const struct tree *node, bool *seen,
			   struct auth_conf *auth, struct errmsg *err)
{
	if (*seen)
		return tree_refuse(node, err,
				   "a second authentication round is not supported yet");
	*seen = true;
	return config_read_auth(node, auth, err);
}

static int read_local(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn_reader *r = object;

	if (read_auth_round(node, &r->has_local, &r->conn->local, err))
		return -1;
	if (ike_id_is_range(&r->conn->local.id))
		return tree_refuse(node, err, "id: a subnet or a range is nobody's own identity");
	return 0;
}

static int read_remote(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn_reader *r = object;

	return read_auth_round(node, &r->has_remote, &r->conn->remote, err);
}

/* The connection itself. */

static int read_version(const struct tree *node, void *object, struct errmsg *err)
{
	uint32_t version;

	(void)object;
	if (config_uint(node, 0, 2, &version, err))
		return -1;
	if (version == 1)
		return tree_refuse(node, err, "IKEv1 is not supported: set version = 2");
	return 0;
}

static int read_local_addrs(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	struct addr_reader r = { &conn->local_addrs, &conn->local_addr_count, false };

	conn->local_addr_count = 0;
	return config_each_item(node, add_addr, &r, err);
}

static int read_remote_addrs(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	struct addr_reader r = { &conn->remote_addrs, &conn->remote_addr_count, true };

	while (conn->remote_addr_count)
		free(conn->remote_addrs[--conn->remote_addr_count].host);
	return config_each_item(node, add_addr, &r, err);
}

static int read_port(const struct tree *node, uint16_t *port, struct errmsg *err)
{
	uint32_t value = 0;

	if (config_uint(node, 1, PORT_MAX, &value, err))
		return -1;
	*port = (uint16_t)value;
	return 0;
}

static int read_local_port(const struct tree *node, void *object, struct errmsg *err)
{
	return read_port(node, &((struct conn_reader *)object)->conn->local_port, err);
}

static int read_remote_port(const struct tree *node, void *object, struct errmsg *err)
{
	return read_port(node, &((struct conn_reader *)object)->conn->remote_port, err);
}

static int read_tcp_remote_port(const struct tree *node, void *object, struct errmsg *err)
{
	return read_port(node, &((struct conn_reader *)object)->conn->tcp_remote_port, err);
}

static int read_tcp_after(const struct tree *node, void *object, struct errmsg *err)
{
	return config_uint(node, 1, TCP_AFTER_MAX,
			   &((struct conn_reader *)object)->conn->tcp_after, err);
}

static int read_transport(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (!strcmp(text, "udp"))
		conn->transport = TRANSPORT_UDP;
	else if (!strcmp(text, "tcp"))
		conn->transport = TRANSPORT_TCP;
	else if (!strcmp(text, "auto"))
		conn->transport = TRANSPORT_AUTO;
	else
		return tree_refuse(node, err, "'%s' is none of udp, tcp and auto", text);
	return 0;
}

static int read_proposals(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;

	proposal_list_clear(&conn->proposals);
	return config_each_item(node, read_ike_item, &conn->proposals, err);
}

static int read_encap(const struct tree *node, void *object, struct errmsg *err)
{
	return config_bool(node, &((struct conn_reader *)object)->conn->encap, err);
}

static int read_dscp(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (strlen(text) != DSCP_DIGITS || strspn(text, "01") != DSCP_DIGITS)
		return tree_refuse(node, err,
				   "'%s' is no codepoint: write all of its six binary digits, as in 101110 for EF, which is 46",
				   text);
	conn->dscp = (uint8_t)strtoul(text, NULL, 2);
	return 0;
}

static int read_fragmentation(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	/* To begin with fragments is IKEv1's; for IKEv2 strongSwan takes it as yes. */
	if (!strcmp(text, "yes") || !strcmp(text, "force"))
		conn->fragmentation = FRAGMENTATION_YES;
	else if (!strcmp(text, "accept"))
		conn->fragmentation = FRAGMENTATION_ACCEPT;
	else if (!strcmp(text, "no"))
		conn->fragmentation = FRAGMENTATION_NO;
	else
		return tree_refuse(node, err, "'%s' is none of yes, accept, force and no",
				   text);
	return 0;
}

static int read_send_certreq(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	bool send = true;

	if (config_bool(node, &send, err))
		return -1;
	conn->no_certreq = !send;
	return 0;
}

static int read_send_cert(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (!strcmp(text, "ifasked"))
		conn->send_cert = SEND_CERT_IF_ASKED;
	else if (!strcmp(text, "always"))
		conn->send_cert = SEND_CERT_ALWAYS;
	else if (!strcmp(text, "never"))
		conn->send_cert = SEND_CERT_NEVER;
	else
		return tree_refuse(node, err, "'%s' is none of ifasked, always and never",
				   text);
	return 0;
}

static int read_dpd_timeout(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct conn_reader *)object)->conn->dpd_timeout_s, err);
}

static int read_dpd_delay(const struct tree *node, void *object, struct errmsg *err)
{
	return config_time(node, &((struct conn_reader *)object)->conn->dpd_delay_ms, err);
}

static int read_rekey_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct conn_reader *)object)->conn->time_s.rekey, err);
}

static int read_reauth_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct conn_reader *)object)->conn->reauth_s, err);
}

static int read_over_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct conn_reader *)object)->conn->time_s.life, err);
}

static int read_rand_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct conn_reader *)object)->conn->time_s.rand, err);
}

static int read_unique(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (!strcmp(text, "no"))
		conn->unique = UNIQUE_NO;
	else if (!strcmp(text, "never"))
		conn->unique = UNIQUE_NEVER;
	else if (!strcmp(text, "replace"))
		conn->unique = UNIQUE_REPLACE;
	else if (!strcmp(text, "keep"))
		conn->unique = UNIQUE_KEEP;
	else
		return tree_refuse(node, err, "'%s' is none of no, never, replace and keep", text);
	return 0;
}

static int read_keyingtries(const struct tree *node, void *object, struct errmsg *err)
{
	uint32_t tries = 0;

	if (config_uint(node, 0, INT32_MAX, &tries, err))
		return -1;
	((struct conn_reader *)object)->conn->keyingtries = (int32_t)tries;
	return 0;
}

static int read_childless(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (!strcmp(text, "allow"))
		conn->childless = CHILDLESS_ALLOW;
	else if (!strcmp(text, "never"))
		conn->childless = CHILDLESS_NEVER;
	else if (!strcmp(text, "prefer"))
		conn->childless = CHILDLESS_PREFER;
	else if (!strcmp(text, "force"))
		conn->childless = CHILDLESS_FORCE;
	else
		return tree_refuse(node, err, "'%s' is none of allow, never, prefer and force",
				   text);
	return 0;
}

static int read_ppk_id(const struct tree *node, void *object, struct errmsg *err)
{
	struct conn *conn = ((struct conn_reader *)object)->conn;
	const char *text = config_text(node, err), *why = "not a valid identity";

	if (!text)
		return -1;
	ike_id_clear(&conn->ppk_id);
	if (ike_id_parse(&conn->ppk_id, text, &why))
		return tree_refuse(node, err, "'%s': %s", text, why);
	return 0;
}

static int read_ppk_required(const struct tree *node, void *object, struct errmsg *err)
{
	return config_bool(node, &((struct conn_reader *)object)->conn->ppk_required, err);
}

/* Of the children that have none of their own. */
static int read_if_id_in(const struct tree *node, void *object, struct errmsg *err)
{
	return config_uint(node, 0, UINT32_MAX,
			   &((struct conn_reader *)object)->conn->if_id_in, err);
}

static int read_if_id_out(const struct tree *node, void *object, struct errmsg *err)
{
	return config_uint(node, 0, UINT32_MAX,
			   &((struct conn_reader *)object)->conn->if_id_out, err);
}

static int read_retransmit(const struct tree *node, void *object, struct errmsg *err)
{
	return config_retransmit(node, &((struct conn_reader *)object)->conn->retransmit, err);
}

static const struct config_key conn_keys[] = {
	{ "version", read_version, NULL },
	{ "local_addrs", read_local_addrs, NULL },
	{ "remote_addrs", read_remote_addrs, NULL },
	{ "local_port", read_local_port, NULL },
	{ "remote_port", read_remote_port, NULL },
	{ "transport", read_transport, NULL },
	{ "tcp_remote_port", read_tcp_remote_port, NULL },
	{ "tcp_after", read_tcp_after, NULL },
	{ "proposals", read_proposals, NULL },
	{ "encap", read_encap, NULL },
	{ "fragmentation", read_fragmentation, NULL },
	/* An offer that is never made; a peer's is not answered. */
	{ "mobike", NULL, SERVED_BOOL },
	{ "childless", read_childless, NULL },
	{ "unique", read_unique, NULL },
	{ "keyingtries", read_keyingtries, NULL },
	{ "dpd_delay", read_dpd_delay, NULL },
	{ "dpd_timeout", read_dpd_timeout, NULL },
	{ "retransmit_timeout", read_retransmit, NULL },
	{ "retransmit_base", read_retransmit, NULL },
	{ "retransmit_tries", read_retransmit, NULL },
	{ "retransmit_jitter", read_retransmit, NULL },
	{ "retransmit_limit", read_retransmit, NULL },
	{ "rekey_time", read_rekey_time, NULL },
	{ "reauth_time", read_reauth_time, NULL },
	{ "over_time", read_over_time, NULL },
	{ "rand_time", read_rand_time, NULL },
	{ "dscp", read_dscp, NULL },
	{ "if_id_in", read_if_id_in, NULL },
	{ "if_id_out", read_if_id_out, NULL },
	{ "send_certreq", read_send_certreq, NULL },
	{ "send_cert", read_send_cert, NULL },
	{ "ocsp", NULL, "reply never" },
	/* Of IKEv1 and mediation: no matter with IKEv2. */
	{ "aggressive", NULL, SERVED_NO },
	{ "pull", NULL, SERVED_YES },
	{ "mediation", NULL, SERVED_NO },
	{ "ppk_required", read_ppk_required, NULL },
	{ "ppk_id", read_ppk_id, NULL },
	{ "vips", NULL, NULL },
	{ "pools", NULL, NULL },
	{ "mediated_by", NULL, NULL },
	{ "mediation_peer", NULL, NULL },
};

static const struct config_section conn_sections[] = {
	{ "children", false, read_children },
	{ "local", true, read_local },
	{ "remote", true, read_remote },
};

static const struct config_schema conn_schema = {
	.keys = conn_keys, .key_count = COUNT(conn_keys),
	.sections = conn_sections, .section_count = COUNT(conn_sections),
};

/* A mask says that the child has its own, none too. */
static void inherit(struct mark_conf *if_id, uint32_t value)
{
	if (!if_id->mask)
		if_id->value = value;
}

/* What strongSwan does where they are not set. */
static void fill_times(struct conn *conn)
{
	struct lifetime *time = &conn->time_s;
	uint64_t longer;

	if (time->rekey == UINT64_MAX)
		time->rekey = conn->reauth_s ? 0 : REKEY_S_DEFAULT;
	longer = time->rekey > conn->reauth_s ? time->rekey : conn->reauth_s;
	if (time->life == UINT64_MAX)
		time->life = longer / 10;
	if (time->rand == UINT64_MAX)
		time->rand = time->life < longer / 2 ? time->life : longer / 2;
}

static void write_section(struct conn *conn, const struct tree *section)
{
	for (const struct tree *n = section->first; n; n = n->next) {
		size_t at = conn->section.len;

		vici_message_write_node(&conn->section, n);
		if (n->kind != TREE_SECTION || strcmp(n->name, "children"))
			continue;
		conn->children_at = at;
		conn->children_len = conn->section.len - at;
	}
}

static int fill_conn(const struct tree *section, struct conn_reader *r,
		     struct errmsg *err)
{
	struct conn *conn = r->conn;
	struct addr_reader local = { &conn->local_addrs, &conn->local_addr_count, false };
	struct addr_reader remote = { &conn->remote_addrs, &conn->remote_addr_count, true };

	if (!r->has_local || !r->has_remote)
		return tree_refuse(section, err,
				   "has no %s section: add '%s { auth = psk }'",
				   r->has_local ? "remote" : "local",
				   r->has_local ? "remote" : "local");
	if (!conn->local_addr_count && add_addr(section, "%any", &local, err))
		return -1;
	if (!conn->remote_addr_count && add_addr(section, "%any", &remote, err))
		return -1;
	fill_times(conn);
	if (!conn->proposals.n &&
	    read_ike_item(section, "default", &conn->proposals, err))
		return -1;
	for (struct child_conf *c = conn->children; c; c = c->next) {
		inherit(&c->if_id_in, conn->if_id_in);
		inherit(&c->if_id_out, conn->if_id_out);
	}
	write_section(conn, section);
	return conn->section.failed ? no_memory(section, err) : 0;
}

struct conn *config_read_conn(const struct tree *section, enum conf_source source,
			      struct errmsg *err)
{
	struct conn_reader r = { .conn = conn_new(section->name) };

	if (!r.conn) {
		no_memory(section, err);
		return NULL;
	}
	r.conn->source = source;
	r.conn->time_s = (struct lifetime){ UINT64_MAX, UINT64_MAX, UINT64_MAX };
	if (config_read_section(section, &conn_schema, &r, err) ||
	    fill_conn(section, &r, err)) {
		conn_put(r.conn);
		return NULL;
	}
	return r.conn;
}
