// SPDX-License-Identifier: GPL-2.0
/* VICI's commands that change the configuration. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_load.h"
#include "control.h"
#include "secrets.h"
#include "start.h"
#include "token_certs.h"
#include "vici_client.h"
#include "vici_message.h"

static enum vici_result refuse(struct buf *reply, const char *command,
			       const struct errmsg *err)
{
	log_msg(LOG_CFG, LVL_CTRL, "vici %s refused: %s", command, err->text);
	vici_put_result(reply, "%s", err->text);
	return VICI_DONE;
}

static enum vici_result accepted(struct buf *reply)
{
	vici_put_result(reply, NULL);
	return VICI_DONE;
}

enum vici_result vici_reload_settings(struct vici_client *client,
				      const struct tree *request, struct buf *reply)
{
	struct vici *vici = client->vici;
	struct errmsg err;

	(void)request;
	if (vici->reload && vici->reload(vici->reload_data, &err))
		return refuse(reply, "reload-settings", &err);
	return accepted(reply);
}

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

/* All that it names is there, or it is not loaded. Takes over the reference. */
static enum vici_result put_complete(struct config *config, struct conn *conn, struct buf *reply)
{
	struct errmsg err;

	if (token_certs_check(conn, &err)) {
		conn_put(conn);
		return refuse(reply, "load-conn", &err);
	}
	put_conn(config, conn);
	return accepted(reply);
}

static void certs_read(struct token_certs_wait *wait)
{
	struct vici_conn *load = container_of(wait, struct vici_conn, wait);
	struct vici_client *client = load->client;
	struct conn *conn = load->conn;
	struct buf reply = BUF_INIT;

	free(load);
	put_complete(client->vici->config, conn, &reply);
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
		return refuse(reply, "load-conn", &err);
	}
	load->wait.done = certs_read;
	load->wait.conn = conn;
	load->client = client;
	load->conn = conn;
	token_certs_read(certs, conn);
	if (token_certs_await(certs, &load->wait)) {
		client->conn = load;
		return VICI_PENDING;
	}
	free(load);
	return put_complete(client->vici->config, conn, reply);
}

enum vici_result vici_load_conn(struct vici_client *client,
				const struct tree *request, struct buf *reply)
{
	const struct tree *section = request->first;
	struct errmsg err;
	struct conn *conn;

	if (!section || section->next || section->kind != TREE_SECTION) {
		errmsg_set(&err, "expected one section, named as the connection");
		return refuse(reply, "load-conn", &err);
	}
	conn = config_read_conn(section, CONF_VICI, &err);
	if (!conn)
		return refuse(reply, "load-conn", &err);
	if (conn->local.token_certs || conn->remote.token_certs)
		return read_certs(client, conn, reply);
	put_conn(client->vici->config, conn);
	return accepted(reply);
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

static int read_owners(struct secret *secret, const struct tree *request,
		       struct errmsg *err)
{
	const struct tree *owners = tree_find(request, "owners");

	if (!owners)
		return 0;
	if (owners->kind != TREE_LIST)
		return tree_refuse(owners, err, "expected a list");
	for (const struct tree *i = owners->first; i; i = i->next) {
		const char *text = tree_text(i);

		if (!text)
			return tree_refuse(owners, err, "value contains a NUL octet");
		if (config_add_owner(secret, owners, text, err))
			return -1;
	}
	return 0;
}

static int read_shared(struct secret *secret, const struct tree *request,
		       struct errmsg *err)
{
	const char *type = tree_str(request, "type");
	const char *id = tree_str(request, "id");
	const struct tree *data = tree_find(request, "data");

	if (!type)
		return errmsg_set(err, "shared key type missing");
	if (!strcasecmp(type, "ppk"))
		secret->kind = SECRET_PPK;
	else if (strcasecmp(type, "ike"))
		return errmsg_set(err, "shared keys of type '%s' are not supported yet",
				  type);
	if (!data || data->kind != TREE_VALUE || !data->len)
		return errmsg_set(err, "shared key data missing");
	secret->source = CONF_VICI;
	secret->data = malloc(data->len);
	if (!secret->data)
		return errmsg_set(err, "out of memory");
	memcpy(secret->data, data->data, data->len);
	secret->len = data->len;
	if (id) {
		secret->name = strdup(id);
		if (!secret->name)
			return errmsg_set(err, "out of memory");
	}
	return read_owners(secret, request, err);
}

/* The process of the secrets refused, or could not be asked. */
static enum vici_result failed(struct buf *reply, const char *command, int err)
{
	struct errmsg why;

	errmsg_set(&why, "the process of the secrets: %s", strerror(-err));
	return refuse(reply, command, &why);
}

enum vici_result vici_load_shared(struct vici_client *client,
				  const struct tree *request, struct buf *reply)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	struct errmsg err;
	bool added;
	int ret;

	if (!secret) {
		errmsg_set(&err, "out of memory");
		return refuse(reply, "load-shared", &err);
	}
	if (read_shared(secret, request, &err)) {
		secret_free(secret);
		return refuse(reply, "load-shared", &err);
	}
	ret = secrets_load(client->vici->secrets, secret, &added);
	if (!ret && added)
		log_msg(LOG_CFG, LVL_CTRL, "loaded %s shared key%s%s%s for %zu identities",
			secret->kind == SECRET_PPK ? "PPK" : "IKE",
			secret->name ? " '" : "", secret->name ? secret->name : "",
			secret->name ? "'" : "", secret->owner_count);
	secret_free(secret);
	return ret ? failed(reply, "load-shared", ret) : accepted(reply);
}

enum vici_result vici_unload_shared(struct vici_client *client,
				    const struct tree *request, struct buf *reply)
{
	const char *id = tree_str(request, "id");
	int ret;

	if (!id) {
		vici_put_result(reply, "unique identifier missing");
		return VICI_DONE;
	}
	ret = secrets_unload(client->vici->secrets, SECRET_SHARED, CONF_VICI, id);
	if (ret == -ENOENT)
		ret = secrets_unload(client->vici->secrets, SECRET_PPK, CONF_VICI, id);
	if (ret == -ENOENT)
		vici_put_result(reply, "shared key '%s' not found", id);
	else if (ret)
		return failed(reply, "unload-shared", ret);
	else
		return accepted(reply);
	return VICI_DONE;
}

enum vici_result vici_load_unserved(struct vici_client *client,
				    const struct tree *request, struct buf *reply)
{
	(void)client;
	(void)request;
	vici_put_result(reply,
			"not supported yet: ikefpd serves connections, certificates and keys");
	return VICI_DONE;
}

/* None can be loaded. */
enum vici_result vici_unload_pool(struct vici_client *client, const struct tree *request,
				  struct buf *reply)
{
	const char *name = tree_str(request, "name");

	(void)client;
	if (name)
		vici_put_result(reply,
				"pool '%s' not found: ikefpd assigns no virtual IP addresses, and has no pools",
				name);
	else
		vici_put_result(reply, "missing pool name");
	return VICI_DONE;
}

enum vici_result vici_clear_creds(struct vici_client *client,
				  const struct tree *request, struct buf *reply)
{
	int ret = secrets_clear(client->vici->secrets, CONF_VICI);

	credentials_unload(client->vici->config->credentials, CONF_VICI);
	(void)request;
	return ret ? failed(reply, "clear-creds", ret) : accepted(reply);
}
