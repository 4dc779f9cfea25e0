// SPDX-License-Identifier: GPL-2.0
/* VICI's commands about policies: traps and shunts. */
#include <stdio.h>
#include <string.h>

#include "child_sa.h"
#include "control.h"
#include "vici_client.h"
#include "vici_message.h"

enum vici_result vici_install(struct vici_client *client, const struct tree *request,
			      struct buf *reply)
{
	const char *ike = tree_str(request, "ike"), *child = tree_str(request, "child");
	const struct child_conf *conf;
	struct conn *conn = NULL;
	struct errmsg err;

	if (!child) {
		vici_put_result(reply, "missing configuration name");
		return VICI_DONE;
	}
	log_msg(LOG_CFG, LVL_CTRL, "vici install '%s'", child);
	conf = vici_find_child(client->vici->config, ike, child, &conn);
	if (!conf)
		vici_put_result(reply, "configuration name not found");
	else if (control_install(conn, conf, &err))
		vici_put_result(reply, "%s", err.text);
	else
		vici_put_result(reply, NULL);
	return VICI_DONE;
}

enum vici_result vici_uninstall(struct vici_client *client, const struct tree *request,
				struct buf *reply)
{
	const char *ike = tree_str(request, "ike"), *child = tree_str(request, "child");

	(void)client;
	if (!child) {
		vici_put_result(reply, "missing configuration name");
		return VICI_DONE;
	}
	log_msg(LOG_CFG, LVL_CTRL, "vici uninstall '%s'", child);
	if (control_uninstall(ike, child))
		vici_put_result(reply, NULL);
	else
		vici_put_result(reply, "policy '%s' not found", child);
	return VICI_DONE;
}

struct policy_filter {
	struct vici_client *client;
	bool drop, pass, trap;
	const char *ike, *child;
};

static bool is_yes(const struct tree *request, const char *name)
{
	const char *text = tree_str(request, name);

	return text && !strcmp(text, "yes");
}

static bool is_listed(const struct policy_filter *f, const struct conn *conn,
		      const struct child_conf *conf)
{
	if ((f->ike && strcmp(f->ike, conn->name)) ||
	    (f->child && strcmp(f->child, conf->name)))
		return false;
	switch (conf->mode) {
	case MODE_PASS:
		return f->pass;
	case MODE_DROP:
		return f->drop;
	default:
		return f->trap;
	}
}

static void list_policy(const struct conn *conn, const struct child_sa *trap, void *data)
{
	const struct child_conf *conf = trap->conf;
	const struct policy_filter *filter = data;
	struct buf out = BUF_INIT;
	char name[TREE_NAME_MAX + 1];

	if (!is_listed(filter, conn, conf))
		return;
	snprintf(name, sizeof(name), "%.120s/%.120s", conn->name, conf->name);
	vici_put_section(&out, name);
	vici_put(&out, "child", "%s", conf->name);
	vici_put(&out, "ike", "%s", conn->name);
	vici_put(&out, "mode", "%s", conf->mode == MODE_TRANSPORT && !trap->transport ?
		 "TUNNEL" : vici_mode_name(conf->mode));
	vici_put_ts_list(&out, "local-ts", trap->local_ts);
	vici_put_ts_list(&out, "remote-ts", trap->remote_ts);
	vici_put_section_end(&out);
	vici_raise(filter->client, VICI_EV_LIST_POLICY, &out);
	buf_clear(&out);
}

enum vici_result vici_list_policies(struct vici_client *client, const struct tree *request,
				    struct buf *reply)
{
	struct policy_filter filter = {
		.client = client,
		.drop = is_yes(request, "drop"),
		.pass = is_yes(request, "pass"),
		.trap = is_yes(request, "trap"),
		.ike = tree_str(request, "ike"),
		.child = tree_str(request, "child"),
	};

	(void)reply;
	control_each_trap(list_policy, &filter);
	return VICI_DONE;
}
