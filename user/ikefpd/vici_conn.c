// SPDX-License-Identifier: GPL-2.0
/* VICI's commands for connections, which may wait for certificates that are on tokens. */
#include <stdlib.h>
#include <string.h>

#include "config_load.h"
#include "control.h"
#include "start.h"
#include "token_certs.h"
#include "vici_client.h"
#include "vici_message.h"

/* Takes over the reference. */
static void put_conn(struct config *config, struct conn *conn)
{
	log_msg(LOG_CFG, LVL_CTRL, "%s vici connection '%s'",
		config_find_conn(config, conn->name) ? "updated" : "added", conn->name);
	control_loaded(config_put_conn(config, conn));
	control_configured();
	start_pending();
}

/* Its certificates are being read from tokens. */
struct vici_conn {
	struct token_certs_wait wait;
	struct vici_client *client;
	struct conn *conn;
};

void vici_conn_abandon(struct vici_conn *load)
{
	token_certs_forget(load->client->vici->token_certs, &load->wait);
	conn_put(load->conn);
	free(load);
}

/* All that it names is there, or it is not loaded. */
static enum vici_result put_complete(struct vici_conn *load, struct buf *reply)
{
	struct config *config = load->client->vici->config;
	struct conn *conn = load->conn;
	struct errmsg err;
	int ret = token_certs_check(&load->wait, &err);

	free(load);
	if (ret) {
		conn_put(conn);
		return vici_refuse(reply, "load-conn", &err);
	}
	put_conn(config, conn);
	return vici_accept(reply);
}

static void certs_read(struct token_certs_wait *wait)
{
	struct vici_conn *load = container_of(wait, struct vici_conn, wait);
	struct vici_client *client = load->client;
	struct buf reply = BUF_INIT;

	put_complete(load, &reply);
	vici_respond(client, &reply);
}

static enum vici_result read_certs(struct vici_client *client, struct conn *conn,
				   struct buf *reply)
{
	struct token_certs *certs = client->vici->token_certs;
	struct vici_conn *load = certs ? calloc(1, sizeof(*load)) : NULL;
	struct errmsg err;

	if (!load) {
		conn_put(conn);
		errmsg_set(&err, certs ? "out of memory" : "there are no tokens here");
		return vici_refuse(reply, "load-conn", &err);
	}
	load->wait.done = certs_read;
	load->wait.refs[0] = conn->local.token_certs;
	load->wait.refs[1] = conn->remote.token_certs;
	load->client = client;
	load->conn = conn;
	token_certs_read(certs, conn);
	if (token_certs_await(certs, &load->wait)) {
		client->conn = load;
		return VICI_PENDING;
	}
	return put_complete(load, reply);
}

enum vici_result vici_load_conn(struct vici_client *client,
				const struct tree *request, struct buf *reply)
{
	const struct tree *section = request->first;
	struct errmsg err;
	struct conn *conn;

	if (!section || section->next || section->kind != TREE_SECTION) {
		errmsg_set(&err, "expected one section, named as the connection");
		return vici_refuse(reply, "load-conn", &err);
	}
	conn = config_read_conn(section, CONF_VICI, &err);
	if (!conn)
		return vici_refuse(reply, "load-conn", &err);
	if (conn->local.token_certs || conn->remote.token_certs)
		return read_certs(client, conn, reply);
	put_conn(client->vici->config, conn);
	return vici_accept(reply);
}

enum vici_result vici_unload_conn(struct vici_client *client,
				  const struct tree *request, struct buf *reply)
{
	const char *name = tree_str(request, "name");

	if (!name)
		vici_put_result(reply, "unload: missing connection name");
	else if (config_remove_conn(client->vici->config, name))
		vici_put_result(reply, "unload: connection '%s' not found", name);
	else
		vici_put_result(reply, NULL);
	control_configured();
	return VICI_DONE;
}
