// SPDX-License-Identifier: GPL-2.0
/* A connection's children, each from its section. */
#include <stdlib.h>
#include <string.h>

#include "config_conn.h"
#include "config_keys.h"

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
	else if (strstr(text, "trap") || !strcmp(text, "route"))
		return tree_refuse(node, err,
				   "'%s' is not supported yet: use start, or initiate by hand",
				   text);
	else
		return tree_refuse(node, err, "'%s' is neither none nor start", text);
	return 0;
}

static int read_dpd_action(const struct tree *node, void *object, struct errmsg *err)
{
	struct child_conf *child = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "clear") || !strcmp(text, "none"))
		child->dpd_action = DPD_CLEAR;
	else if (!strcmp(text, "start") || !strcmp(text, "restart"))
		child->dpd_action = DPD_START;
	else if (!strcmp(text, "trap") || !strcmp(text, "hold"))
		return tree_refuse(node, err,
				   "'%s' is not supported yet: set it to clear or start, or remove it",
				   text);
	else
		return tree_refuse(node, err, "'%s' is neither clear, trap nor start", text);
	return 0;
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

static const struct config_key child_keys[] = {
	{ "esp_proposals", read_esp_proposals, NULL },
	{ "local_ts", read_local_ts, NULL },
	{ "remote_ts", read_remote_ts, NULL },
	{ "mode", NULL, "tunnel" },
	{ "start_action", read_start_action, NULL },
	{ "close_action", NULL, "none clear" },
	{ "dpd_action", read_dpd_action, NULL },
	{ "replay_window", read_replay_window, NULL },
	{ "reqid", read_reqid, NULL },
	{ "rekey_time", read_rekey_time, NULL },
	{ "life_time", read_life_time, NULL },
	{ "rand_time", read_rand_time, NULL },
	{ "rekey_bytes", NULL, "0" },
	{ "life_bytes", NULL, "0" },
	{ "rand_bytes", NULL, "0" },
	{ "rekey_packets", NULL, "0" },
	{ "life_packets", NULL, "0" },
	{ "rand_packets", NULL, "0" },
	{ "inactivity", NULL, SERVED_ZERO },
	{ "policies", NULL, SERVED_YES },
	{ "policies_fwd_out", NULL, SERVED_NO },
	{ "hw_offload", NULL, "no" },
	{ "ipcomp", NULL, SERVED_NO },
	{ "hostaccess", NULL, SERVED_NO },
	{ "sha256_96", NULL, SERVED_NO },
	{ "copy_df", NULL, SERVED_YES },
	{ "copy_ecn", NULL, SERVED_YES },
	{ "copy_dscp", NULL, "out" },
	{ "icmp", NULL, SERVED_NO },
	{ "tfc_padding", NULL, "0" },
	{ "priority", NULL, "0" },
	{ "if_id_in", NULL, "0" },
	{ "if_id_out", NULL, "0" },
	{ "mark_in", NULL, NULL },
	{ "mark_out", NULL, NULL },
	{ "mark_in_sa", NULL, SERVED_NO },
	{ "set_mark_in", NULL, NULL },
	{ "set_mark_out", NULL, NULL },
	{ "per_cpu_sas", NULL, SERVED_NO },
	{ "ah_proposals", NULL, NULL },
	{ "updown", NULL, NULL },
	{ "interface", NULL, NULL },
	{ "label", NULL, NULL },
	{ "label_mode", NULL, NULL },
};

static const struct config_schema child_schema = {
	.keys = child_keys, .key_count = COUNT(child_keys),
};

/* What a missing key means is what its default text means. */
static int fill_child(const struct tree *node, struct child_conf *child,
		      struct errmsg *err)
{
	struct lifetime *time = &child->time_s;

	if (!child->local_ts.n &&
	    read_ts_item(node, "dynamic", &child->local_ts, err))
		return -1;
	if (!child->remote_ts.n &&
	    read_ts_item(node, "dynamic", &child->remote_ts, err))
		return -1;
	/* strongSwan's margins. */
	if (time->life == UINT64_MAX)
		time->life = time->rekey + time->rekey / 10;
	if (time->rand == UINT64_MAX)
		time->rand = time->life > time->rekey ? time->life - time->rekey : 0;
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
	child->replay_window = REPLAY_WINDOW_DEFAULT;
	child->time_s = (struct lifetime){ REKEY_S_DEFAULT, UINT64_MAX, UINT64_MAX };
	child->name = strdup(node->name);
	if (!child->name)
		return no_memory(node, err);
	if (config_read_section(node, &child_schema, child, err) ||
	    fill_child(node, child, err))
		return -1;
	if (child->start_action == START_START)
		conn->start_pending = true;
	return 0;
}
