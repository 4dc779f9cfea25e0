// SPDX-License-Identifier: GPL-2.0
/* A connection's children, each from its section. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_conn.h"
#include "config_keys.h"
#include "vici_message.h"
#include "xfrm.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

#define REPLAY_WINDOW_MAX	4096	/* XFRM's XFRMA_REPLAY_ESN_MAX, in packets */
#define REPLAY_WINDOW_DEFAULT	32
#define REKEY_S_DEFAULT		3600

/* Reading fails on the first error, so one of each is enough. */
static int no_memory(const struct tree *node, struct errmsg *err)
{
	return tree_refuse(node, err, "out of memory");
}

int config_proposal(const struct tree *node, const char *item, struct proposal_list *list,
		    enum ike_protocol protocol, struct errmsg *err)
{
	char why[256] = "not a valid proposal";

	if (proposal_list_add(list, protocol, item, why, sizeof(why)))
		return tree_refuse(node, err, "proposal '%s': %s", item, why);
	return 0;
}

static int read_esp_item(const struct tree *node, const char *item, void *object,
			 struct errmsg *err)
{
	return config_proposal(node, item, object, PROTO_ESP, err);
}

static int read_ts_item(const struct tree *node, const char *item, void *object,
			struct errmsg *err)
{
	struct ts_list *list = object;
	const char *why = "not a valid traffic selector";

	if (list->n == TS_MAX)
		return tree_refuse(node, err, "more than %u traffic selectors", TS_MAX);
	if (ts_parse(&list->v[list->n], item, &why))
		return tree_refuse(node, err, "traffic selector '%s': %s", item, why);
	list->n++;
	return 0;
}

static int read_esp_proposals(const struct tree *node, void *object,
			      struct errmsg *err)
{
	struct child_conf *child = object;

	proposal_list_clear(&child->proposals);
	return config_each_item(node, read_esp_item, &child->proposals, err);
}

static int read_local_ts(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;

	child->local_ts.n = 0;
	return config_each_item(node, read_ts_item, &child->local_ts, err);
}

static int read_remote_ts(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;

	child->remote_ts.n = 0;
	return config_each_item(node, read_ts_item, &child->remote_ts, err);
}

static int read_start_action(const struct tree *node, void *object,
			     struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "none"))
		child->start_action = START_NONE;
	else if (!strcmp(text, "start"))
		child->start_action = START_START;
	else if (!strcmp(text, "trap") || !strcmp(text, "route"))
		child->start_action = START_TRAP;
	else if (!strcmp(text, "trap|start") || !strcmp(text, "start|trap"))
		child->start_action = START_TRAP | START_START;
	else
		return tree_refuse(node, err, "'%s' is none of none, trap, start and trap|start",
				   text);
	return 0;
}

static int read_action(const struct tree *node, enum child_action *action, struct errmsg *err)
{
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "clear") || !strcmp(text, "none"))
		*action = ACTION_CLEAR;
	else if (!strcmp(text, "start") || !strcmp(text, "restart"))
		*action = ACTION_START;
	else if (!strcmp(text, "trap") || !strcmp(text, "hold") || !strcmp(text, "route"))
		*action = ACTION_TRAP;
	else
		return tree_refuse(node, err, "'%s' is neither clear, trap nor start", text);
	return 0;
}

static int read_dpd_action(const struct tree *node, void *object, struct errmsg *err)
{
	return read_action(node, &((struct child_conf *)object)->dpd_action, err);
}

static int read_close_action(const struct tree *node, void *object, struct errmsg *err)
{
	return read_action(node, &((struct child_conf *)object)->close_action, err);
}

static int read_replay_window(const struct tree *node, void *object,
			      struct errmsg *err)
{
	struct child_conf *child = object;

	return config_uint(node, 0, REPLAY_WINDOW_MAX, &child->replay_window, err);
}

static int read_reqid(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;

	return config_uint(node, 0, UINT32_MAX, &child->reqid, err);
}

static int read_mode(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "tunnel"))
		child->mode = MODE_TUNNEL;
	else if (!strcmp(text, "transport"))
		child->mode = MODE_TRANSPORT;
	else if (!strcmp(text, "pass"))
		child->mode = MODE_PASS;
	else if (!strcmp(text, "drop"))
		child->mode = MODE_DROP;
	else if (!strcmp(text, "beet") || !strcmp(text, "transport_proxy"))
		return tree_refuse(node, err,
				   "'%s' is not supported: set it to tunnel or transport", text);
	else
		return tree_refuse(node, err, "'%s' is none of tunnel, transport, pass and drop",
				   text);
	return 0;
}

/* "0x10", "16", with a "/mask" if @mask is set, or one of the words that are allowed. */
static int read_mark_value(const struct tree *node, struct mark_conf *mark, bool mask, bool set,
			   struct errmsg *err)
{
	struct mark_conf new = { .mask = UINT32_MAX };
	const char *text, *slash;
	unsigned long long v;
	size_t len;
	char *end;

	text = config_text(node, err);
	if (!text)
		return -1;
	slash = mask ? strchr(text, '/') : NULL;
	len = slash ? (size_t)(slash - text) : strlen(text);
	if (!set && len == 7 && !strncmp(text, "%unique", len))
		new.kind = MARK_UNIQUE;
	else if (!set && len == 11 && !strncmp(text, "%unique-dir", len))
		new.kind = MARK_UNIQUE_DIR;
	else if (set && len == 5 && !strncmp(text, "%same", len))
		new.kind = MARK_SAME;
	if (new.kind == MARK_GIVEN) {
		errno = 0;
		v = strtoull(text, &end, 0);
		if (end != text + len || !len || *text == '-' || *text == '+' || errno ||
		    v > UINT32_MAX)
			goto refuse;
		new.value = (uint32_t)v;
	}
	if (slash) {
		errno = 0;
		v = strtoull(slash + 1, &end, 0);
		if (end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' || errno ||
		    v > UINT32_MAX)
			goto refuse;
		new.mask = (uint32_t)v;
	}
	if (mask)
		new.value &= new.mask;
	*mark = new;
	return 0;
refuse:
	return tree_refuse(node, err, "'%s' is not %s%s%s", text, mask ? "a mark" : "an if_id",
			   mask ? " with or without a /mask" : "",
			   set ? ", nor %same" : ", nor %unique or %unique-dir");
}

static int read_if_id_in(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->if_id_in, false, false, err);
}

static int read_if_id_out(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->if_id_out, false, false, err);
}

static int read_mark_in(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->mark_in, true, false, err);
}

static int read_mark_out(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->mark_out, true, false, err);
}

static int read_set_mark_in(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->set_mark_in, true, true, err);
}

static int read_set_mark_out(const struct tree *node, void *object, struct errmsg *err)
{
	return read_mark_value(node, &((struct child_conf *)object)->set_mark_out, true, true, err);
}

static int read_mark_in_sa(const struct tree *node, void *object, struct errmsg *err)
{
	return config_bool(node, &((struct child_conf *)object)->mark_in_sa, err);
}

/* Sets or clears a flag that says the opposite of the key if @inverse. */
static int read_flag(const struct tree *node, void *object, unsigned int flag, bool inverse,
		     struct errmsg *err)
{
	struct child_conf *child = object;
	bool on;

	if (config_bool(node, &on, err))
		return -1;
	if (on != inverse)
		child->flags |= flag;
	else
		child->flags &= ~flag;
	return 0;
}

static int read_copy_df(const struct tree *node, void *object, struct errmsg *err)
{
	return read_flag(node, object, XFRM_FLAG_NO_PMTU_DISC, true, err);
}

static int read_copy_ecn(const struct tree *node, void *object, struct errmsg *err)
{
	return read_flag(node, object, XFRM_FLAG_NO_ECN, true, err);
}

static int read_icmp(const struct tree *node, void *object, struct errmsg *err)
{
	return read_flag(node, object, XFRM_FLAG_ICMP, false, err);
}

/* The kernel's default is "out". */
static int read_copy_dscp(const struct tree *node, void *object, struct errmsg *err)
{
	static const struct {
		const char *word;
		unsigned int flags;
	} words[] = {
		{ "out", 0 },
		{ "in", XFRM_FLAG_DECAP_DSCP | XFRM_FLAG_NO_ENCAP_DSCP },
		{ "yes", XFRM_FLAG_DECAP_DSCP },
		{ "no", XFRM_FLAG_NO_ENCAP_DSCP },
	};
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(text, words[i].word))
			continue;
		child->flags &= ~(XFRM_FLAG_DECAP_DSCP | XFRM_FLAG_NO_ENCAP_DSCP);
		child->flags |= words[i].flags;
		return 0;
	}
	return tree_refuse(node, err, "'%s' is none of out, in, yes and no", text);
}

static int read_tfc_padding(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "mtu")) {
		child->tfc_padding = TFC_MTU;
		return 0;
	}
	return config_uint(node, 0, UINT16_MAX, &child->tfc_padding, err);
}

static int read_priority(const struct tree *node, void *object, struct errmsg *err)
{
	return config_uint(node, 0, UINT32_MAX, &((struct child_conf *)object)->priority, err);
}

static int read_policies(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	bool on;

	if (config_bool(node, &on, err))
		return -1;
	child->no_policies = !on;
	return 0;
}

static int read_policies_fwd_out(const struct tree *node, void *object, struct errmsg *err)
{
	return config_bool(node, &((struct child_conf *)object)->policies_fwd_out, err);
}

static int read_rekey_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct child_conf *)object)->time_s.rekey, err);
}

static int read_life_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct child_conf *)object)->time_s.life, err);
}

static int read_rand_time(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct child_conf *)object)->time_s.rand, err);
}

static int read_inactivity(const struct tree *node, void *object, struct errmsg *err)
{
	return config_seconds(node, &((struct child_conf *)object)->inactivity_s, err);
}

/* So much that life, which is a tenth more, can be told. */
#define AMOUNT_MAX	((uint64_t)1 << 62)

static int read_amount(const struct tree *node, const char *units, uint64_t *value,
		       struct errmsg *err)
{
	const char *text = config_text(node, err), *unit;
	unsigned long long v;
	unsigned int shift = 0;
	char *end;

	if (!text)
		return -1;
	errno = 0;
	v = strtoull(text, &end, 10);
	while (*end == ' ')
		end++;
	unit = *end ? strchr(units, *end | 0x20) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || v > AMOUNT_MAX >> shift)
		return tree_refuse(node, err, *units ?
				   "'%s' is not a number of octets: give one, with k, m or g for 2^10, 2^20 or 2^30" :
				   "'%s' is not a number of packets", text);
	*value = v << shift;
	return 0;
}

static int read_bytes(const struct tree *node, uint64_t *value, struct errmsg *err)
{
	return read_amount(node, "kmg", value, err);
}

static int read_packets(const struct tree *node, uint64_t *value, struct errmsg *err)
{
	return read_amount(node, "", value, err);
}

static int read_rekey_bytes(const struct tree *node, void *object, struct errmsg *err)
{
	return read_bytes(node, &((struct child_conf *)object)->bytes.rekey, err);
}

static int read_life_bytes(const struct tree *node, void *object, struct errmsg *err)
{
	return read_bytes(node, &((struct child_conf *)object)->bytes.life, err);
}

static int read_rand_bytes(const struct tree *node, void *object, struct errmsg *err)
{
	return read_bytes(node, &((struct child_conf *)object)->bytes.rand, err);
}

static int read_rekey_packets(const struct tree *node, void *object, struct errmsg *err)
{
	return read_packets(node, &((struct child_conf *)object)->packets.rekey, err);
}

static int read_life_packets(const struct tree *node, void *object, struct errmsg *err)
{
	return read_packets(node, &((struct child_conf *)object)->packets.life, err);
}

static int read_rand_packets(const struct tree *node, void *object, struct errmsg *err)
{
	return read_packets(node, &((struct child_conf *)object)->packets.rand, err);
}

static int read_hw_offload(const struct tree *node, void *object, struct errmsg *err)
{
	static const struct {
		const char *word;
		enum offload offload;
	} words[] = {
		{ "no", OFFLOAD_NO },
		{ "yes", OFFLOAD_CRYPTO },
		{ "crypto", OFFLOAD_CRYPTO },
		{ "packet", OFFLOAD_PACKET },
		{ "auto", OFFLOAD_AUTO },
	};
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(text, words[i].word))
			continue;
		child->hw_offload = words[i].offload;
		return 0;
	}
	return tree_refuse(node, err, "'%s' is none of no, yes, crypto, packet and auto", text);
}

static int read_interface(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (strlen(text) >= sizeof(child->interface) || strpbrk(text, "/: \t\n"))
		return tree_refuse(node, err,
				   "'%s' is no interface's name: those have at most %zu octets, and no '/', ':' or blank",
				   text, sizeof(child->interface) - 1);
	memset(child->interface, 0, sizeof(child->interface));
	strcpy(child->interface, text);
	return 0;
}

#define UPDOWN_MAX	4096

static int read_updown(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (strlen(text) > UPDOWN_MAX)
		return tree_refuse(node, err, "a command of more than %u octets", UPDOWN_MAX);
	free(child->updown);
	child->updown = *text ? strdup(text) : NULL;
	return *text && !child->updown ? no_memory(node, err) : 0;
}

static int read_hostaccess(const struct tree *node, void *object, struct errmsg *err)
{
	return config_bool(node, &((struct child_conf *)object)->hostaccess, err);
}

/* SELinux's, which IKE would have to carry, and XFRM to look at. */
static int read_label(const struct tree *node, void *object, struct errmsg *err)
{
	(void)object;
	return tree_refuse(node, err,
			   "security labels are not supported: remove it, and let a child without label carry the traffic");
}

static int read_label_mode(const struct tree *node, void *object, struct errmsg *err)
{
	const char *text = config_text(node, err);

	(void)object;
	if (!text)
		return -1;
	if (strcmp(text, "system") && strcmp(text, "simple") && strcmp(text, "selinux"))
		return tree_refuse(node, err, "'%s' is none of system, simple and selinux", text);
	return tree_refuse(node, err,
			   "security labels are not supported: remove it, with the child's label");
}

static const struct config_key child_keys[] = {
	{ "esp_proposals", read_esp_proposals, NULL },
	{ "local_ts", read_local_ts, NULL },
	{ "remote_ts", read_remote_ts, NULL },
	{ "mode", read_mode, NULL },
	{ "start_action", read_start_action, NULL },
	{ "close_action", read_close_action, NULL },
	{ "dpd_action", read_dpd_action, NULL },
	{ "replay_window", read_replay_window, NULL },
	{ "reqid", read_reqid, NULL },
	{ "rekey_time", read_rekey_time, NULL },
	{ "life_time", read_life_time, NULL },
	{ "rand_time", read_rand_time, NULL },
	{ "rekey_bytes", read_rekey_bytes, NULL },
	{ "life_bytes", read_life_bytes, NULL },
	{ "rand_bytes", read_rand_bytes, NULL },
	{ "rekey_packets", read_rekey_packets, NULL },
	{ "life_packets", read_life_packets, NULL },
	{ "rand_packets", read_rand_packets, NULL },
	{ "inactivity", read_inactivity, NULL },
	{ "policies", read_policies, NULL },
	{ "policies_fwd_out", read_policies_fwd_out, NULL },
	{ "hw_offload", read_hw_offload, NULL },
	{ "ipcomp", NULL, SERVED_NO },
	{ "hostaccess", read_hostaccess, NULL },
	{ "sha256_96", NULL, SERVED_NO },
	{ "copy_df", read_copy_df, NULL },
	{ "copy_ecn", read_copy_ecn, NULL },
	{ "copy_dscp", read_copy_dscp, NULL },
	{ "icmp", read_icmp, NULL },
	{ "tfc_padding", read_tfc_padding, NULL },
	{ "priority", read_priority, NULL },
	{ "if_id_in", read_if_id_in, NULL },
	{ "if_id_out", read_if_id_out, NULL },
	{ "mark_in", read_mark_in, NULL },
	{ "mark_out", read_mark_out, NULL },
	{ "mark_in_sa", read_mark_in_sa, NULL },
	{ "set_mark_in", read_set_mark_in, NULL },
	{ "set_mark_out", read_set_mark_out, NULL },
	{ "per_cpu_sas", NULL, SERVED_NO },
	{ "ah_proposals", NULL, NULL },
	{ "updown", read_updown, NULL },
	{ "interface", read_interface, NULL },
	{ "label", read_label, NULL },
	{ "label_mode", read_label_mode, NULL },
};

static const struct config_schema child_schema = {
	.keys = child_keys, .key_count = COUNT(child_keys),
};

static bool is_shunt(const struct child_conf *child)
{
	return child->mode == MODE_PASS || child->mode == MODE_DROP;
}

/* strongSwan's margins, where there are none. */
static void fill_lifetime(struct lifetime *l)
{
	if (l->life == UINT64_MAX)
		l->life = l->rekey + l->rekey / 10;
	if (l->rand != UINT64_MAX)
		return;
	l->rand = l->life > l->rekey ? l->life - l->rekey : 0;
	/* As strongSwan does not: nothing is replaced that has hardly begun. */
	if (l->rand > l->rekey / 2)
		l->rand = l->rekey / 2;
}

/* What a missing key means is what its default text means. */
static int fill_child(const struct tree *node, struct child_conf *child,
		      struct errmsg *err)
{
	if (!child->local_ts.n &&
	    read_ts_item(node, "dynamic", &child->local_ts, err))
		return -1;
	if (!child->remote_ts.n &&
	    read_ts_item(node, "dynamic", &child->remote_ts, err))
		return -1;
	fill_lifetime(&child->time_s);
	fill_lifetime(&child->bytes);
	fill_lifetime(&child->packets);
	if (!child->proposals.n)
		return read_esp_item(node, "default", &child->proposals, err);
	return 0;
}

int config_read_child(const struct tree *node, struct conn *conn, struct errmsg *err)
{
	struct child_conf **at = &conn->children;
	struct child_conf *child;

	if (conn_find_child(conn, node->name))
		return tree_refuse(node, err, "there are two children of this name");
	while (*at)
		at = &(*at)->next;
	child = calloc(1, sizeof(*child));
	if (!child)
		return no_memory(node, err);
	*at = child;
	child->conn = conn;
	vici_message_write(&child->section, node);
	child->replay_window = REPLAY_WINDOW_DEFAULT;
	child->time_s = (struct lifetime){ REKEY_S_DEFAULT, UINT64_MAX, UINT64_MAX };
	child->bytes = (struct lifetime){ 0, UINT64_MAX, UINT64_MAX };
	child->packets = (struct lifetime){ 0, UINT64_MAX, UINT64_MAX };
	child->name = strdup(node->name);
	if (!child->name || child->section.failed)
		return no_memory(node, err);
	if (config_read_section(node, &child_schema, child, err) ||
	    fill_child(node, child, err))
		return -1;
	if (is_shunt(child) && child->start_action & START_START)
		return tree_refuse(node, err,
				   "there is nothing to start of a child whose mode is pass or drop: use start_action = trap");
	if (is_shunt(child) && (child->hw_offload == OFFLOAD_CRYPTO || child->hw_offload == OFFLOAD_PACKET))
		return tree_refuse(node, err,
				   "there is no ESP to leave to a device of a child whose mode is pass or drop: remove hw_offload, or set it to no or auto");
	if (child->start_action & START_START)
		conn->start_pending = true;
	return 0;
}
