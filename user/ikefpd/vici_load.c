// SPDX-License-Identifier: GPL-2.0
/* VICI's commands that change the configuration, but those for connections. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_load.h"
#include "control.h"
#include "secrets.h"
#include "vici_client.h"
#include "vici_message.h"

enum vici_result vici_refuse(struct buf *reply, const char *command, const struct errmsg *err)
{
	log_msg(LOG_CFG, LVL_CTRL, "vici %s refused: %s", command, err->text);
	vici_put_result(reply, "%s", err->text);
	return VICI_DONE;
}

enum vici_result vici_accept(struct buf *reply)
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
		return vici_refuse(reply, "reload-settings", &err);
	return vici_accept(reply);
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
	return vici_refuse(reply, command, &why);
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
		return vici_refuse(reply, "load-shared", &err);
	}
	if (read_shared(secret, request, &err)) {
		secret_free(secret);
		return vici_refuse(reply, "load-shared", &err);
	}
	ret = secrets_load(client->vici->secrets, secret, &added);
	if (!ret && added)
		log_msg(LOG_CFG, LVL_CTRL, "loaded %s shared key%s%s%s for %zu identities",
			secret->kind == SECRET_PPK ? "PPK" : "IKE",
			secret->name ? " '" : "", secret->name ? secret->name : "",
			secret->name ? "'" : "", secret->owner_count);
	secret_free(secret);
	return ret ? failed(reply, "load-shared", ret) : vici_accept(reply);
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
		return vici_accept(reply);
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
	return ret ? failed(reply, "clear-creds", ret) : vici_accept(reply);
}
