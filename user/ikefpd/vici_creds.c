// SPDX-License-Identifier: GPL-2.0
/* VICI's commands about certificates and private keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "certificate.h"
#include "config_load.h"
#include "revocation.h"
#include "secrets.h"
#include "tokens.h"
#include "vici_client.h"
#include "vici_message.h"

/* By type and flag, or as older swanctls say it, by the folder it is from. */
static const struct {
	const char *type, *flag, *folder;
	enum credential_kind kind;
} kinds[] = {
	{ "X509", "CA", "x509ca", CREDENTIAL_CA },
	{ "X509", "NONE", "x509", CREDENTIAL_CERT },
	{ "X509_CRL", NULL, "x509crl", CREDENTIAL_CRL },
	{ "PUBKEY", NULL, "pubkey", CREDENTIAL_PUBKEY },
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

static int find_kind(const char *type, const char *flag, enum credential_kind *kind,
		     struct errmsg *err)
{
	if (!type)
		return errmsg_set(err, "certificate type missing");
	for (size_t i = 0; i < KINDS; i++)
		if (!strcasecmp(type, kinds[i].folder) ||
		    (!strcasecmp(type, kinds[i].type) &&
		     (!kinds[i].flag || !strcasecmp(flag ? flag : "NONE", kinds[i].flag)))) {
			*kind = kinds[i].kind;
			return 0;
		}
	return errmsg_set(err, "certificates of type '%s'%s%s are not supported yet", type,
			  flag ? " and flag " : "", flag ? flag : "");
}

static enum vici_result refuse(struct buf *reply, const char *command,
			       const struct errmsg *err)
{
	log_msg(LOG_CFG, LVL_CTRL, "vici %s refused: %s", command, err->text);
	vici_put_result(reply, "%s", err->text);
	return VICI_DONE;
}

enum vici_result vici_load_cert(struct vici_client *client, const struct tree *request,
				struct buf *reply)
{
	const struct tree *data = tree_find(request, "data");
	enum credential_kind kind = CREDENTIAL_CERT;
	struct errmsg err;

	if (find_kind(tree_str(request, "type"), tree_str(request, "flag"), &kind, &err))
		return refuse(reply, "load-cert", &err);
	if (!data || data->kind != TREE_VALUE || !data->len) {
		errmsg_set(&err, "certificate data missing");
		return refuse(reply, "load-cert", &err);
	}
	if (credentials_add(client->vici->config->credentials, CONF_VICI, kind, data->data,
			    data->len, &err))
		return refuse(reply, "load-cert", &err);
	vici_put_result(reply, NULL);
	return VICI_DONE;
}

static void put_key_id(struct buf *reply, const uint8_t id[KEY_ID_LEN])
{
	char text[2 * KEY_ID_LEN + 1];

	for (size_t i = 0; i < KEY_ID_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", id[i]);
	vici_put(reply, "id", "%s", text);
}

/* The type is what the key says that it is; only those that are served pass. */
enum vici_result vici_load_key(struct vici_client *client, const struct tree *request,
			       struct buf *reply)
{
	const struct tree *data = tree_find(request, "data");
	struct secret key = { .kind = SECRET_PRIVATE_KEY, .source = CONF_VICI };
	uint8_t id[KEY_ID_LEN];
	struct errmsg err;
	int ret;

	if (!tree_str(request, "type") || !data || data->kind != TREE_VALUE || !data->len) {
		errmsg_set(&err, "key %s missing", tree_str(request, "type") ? "data" : "type");
		return refuse(reply, "load-key", &err);
	}
	/* Not a copy: it is wiped with the request. */
	key.data = (uint8_t *)data->data;
	key.len = data->len;
	ret = secrets_load_key(client->vici->secrets, &key, id);
	if (ret) {
		errmsg_set(&err, "the private key: %s", secrets_key_error(ret));
		return refuse(reply, "load-key", &err);
	}
	log_msg(LOG_CFG, LVL_CTRL, "loaded a private key");
	vici_put_result(reply, NULL);
	put_key_id(reply, id);
	return VICI_DONE;
}

enum vici_result vici_unload_key(struct vici_client *client, const struct tree *request,
				 struct buf *reply)
{
	const char *id = tree_str(request, "id");
	char name[2 * KEY_ID_LEN + 1];
	int ret;

	if (!id) {
		vici_put_result(reply, "key id missing");
		return VICI_DONE;
	}
	snprintf(name, sizeof(name), "%s", id);
	for (char *c = name; *c; c++)
		if (*c >= 'A' && *c <= 'F')
			*c += 'a' - 'A';
	ret = secrets_unload(client->vici->secrets, SECRET_PRIVATE_KEY, CONF_VICI, name);
	if (ret == -ENOENT)
		vici_put_result(reply, "key not found");
	else if (ret)
		vici_put_result(reply, "the process of the secrets: %s", strerror(-ret));
	else
		vici_put_result(reply, NULL);
	return VICI_DONE;
}

static void put_item(const char *name, void *data)
{
	vici_put_item(data, name);
}

enum vici_result vici_get_keys(struct vici_client *client, const struct tree *request,
			       struct buf *reply)
{
	(void)request;
	vici_put_list(reply, "keys");
	secrets_list(client->vici->secrets, SECRET_PRIVATE_KEY, CONF_VICI, put_item, reply);
	vici_put_list_end(reply);
	return VICI_DONE;
}

/* The token is being looked for. */
struct vici_token {
	struct token_load load;
	struct vici_client *client;
};

void vici_token_abandon(struct vici_token *token)
{
	tokens_load_cancel(&token->load);
	free(token);
}

static void token_loaded(struct token_load *load, const uint8_t id[KEY_ID_LEN], const char *why)
{
	struct vici_token *token = container_of(load, struct vici_token, load);
	struct vici_client *client = token->client;
	struct buf reply = BUF_INIT;
	struct errmsg err;

	free(token);
	if (why) {
		errmsg_set(&err, "the token's private key: %s", why);
		refuse(&reply, "load-token", &err);
	} else {
		vici_put_result(&reply, NULL);
		put_key_id(&reply, id);
	}
	vici_respond(client, &reply);
}

enum vici_result vici_load_token(struct vici_client *client, const struct tree *request,
				 struct buf *reply)
{
	struct tokens *tokens = secrets_tokens(client->vici->secrets);
	struct vici_token *token = NULL;
	struct secret *secret;
	struct errmsg err;
	int ret = -ENOMEM;

	secret = config_read_token(request, CONF_VICI, &err);
	if (!secret)
		return refuse(reply, "load-token", &err);
	token = calloc(1, sizeof(*token));
	if (token) {
		token->client = client;
		token->load.done = token_loaded;
		ret = tokens ? tokens_load(tokens, secret, &token->load) : -EPIPE;
	}
	secret_free(secret);
	if (!ret) {
		client->token = token;
		return VICI_PENDING;
	}
	free(token);
	errmsg_set(&err, "the process of the tokens: %s", strerror(-ret));
	return refuse(reply, "load-token", &err);
}

static bool has_key(const struct vici_client *client, const struct credential *one)
{
	uint8_t id[KEY_ID_LEN];

	if (one->crl || (one->cert ? certificate_key_id(one->cert, id) : key_id(one->key, id)))
		return false;
	return secrets_has_key(client->vici->secrets, id);
}

static void list_cert(struct vici_client *client, const struct credential *one)
{
	struct buf out = BUF_INIT;
	unsigned char *der = NULL;
	int len = credential_der(one, &der);

	if (len <= 0)
		return;
	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].kind != one->kind)
			continue;
		vici_put(&out, "type", "%s", kinds[i].type);
		if (kinds[i].flag)
			vici_put(&out, "flag", "%s", kinds[i].flag);
	}
	if (has_key(client, one))
		vici_put(&out, "has_privkey", "yes");
	vici_put_value(&out, "data", der, (size_t)len);
	vici_raise(client, VICI_EV_LIST_CERT, &out);
	buf_clear(&out);
	OPENSSL_free(der);
}

static bool wanted(const struct tree *request, const struct credential *one)
{
	const char *type = tree_str(request, "type"), *flag = tree_str(request, "flag");
	const char *subject = tree_str(request, "subject"), *why;
	struct ike_id id;
	bool fits;

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].kind != one->kind)
			continue;
		if (type && strcasecmp(type, "ANY") && strcasecmp(type, kinds[i].type))
			return false;
		if (flag && strcasecmp(flag, "ANY") && kinds[i].flag &&
		    strcasecmp(flag, kinds[i].flag))
			return false;
	}
	if (!subject)
		return true;
	if (!one->cert || ike_id_parse(&id, subject, &why))
		return false;
	fits = id.type == ID_ANY || certificate_has_id(one->cert, &id);
	ike_id_clear(&id);
	return fits;
}

static void list_cert_of_conn(struct vici_client *client, const struct tree *request,
			      enum credential_kind kind, X509 *cert)
{
	const struct credential one = { .kind = kind, .cert = cert };

	if (wanted(request, &one) &&
	    !credentials_has_cert(client->vici->config->credentials, cert))
		list_cert(client, &one);
}

/* Those that were loaded, then those that connections brought along. */
enum vici_result vici_list_certs(struct vici_client *client, const struct tree *request,
				 struct buf *reply)
{
	const struct config *config = client->vici->config;

	(void)reply;
	for (const struct credential *c = config->credentials->first; c; c = c->next)
		if (wanted(request, c))
			list_cert(client, c);
	for (const struct conn *conn = config->conns; conn; conn = conn->next) {
		for (int i = 0; i < sk_X509_num(conn->local.certs); i++)
			list_cert_of_conn(client, request, CREDENTIAL_CERT,
					  sk_X509_value(conn->local.certs, i));
		for (int i = 0; i < sk_X509_num(conn->remote.certs); i++)
			list_cert_of_conn(client, request, CREDENTIAL_CERT,
					  sk_X509_value(conn->remote.certs, i));
	}
	return VICI_DONE;
}

enum vici_result vici_flush_certs(struct vici_client *client, const struct tree *request,
				  struct buf *reply)
{
	(void)request;
	/* What a peer sent goes with its handshake: it is what was fetched. */
	if (client->vici->revocation)
		revocation_flush(client->vici->revocation);
	vici_put_result(reply, NULL);
	return VICI_DONE;
}
