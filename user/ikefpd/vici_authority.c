// SPDX-License-Identifier: GPL-2.0
/*
 * VICI's commands about CAs and where their CRLs and OCSP responders are. They may wait for
 * certificates that are on tokens.
 */
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "certificate.h"
#include "config_load.h"
#include "token_certs.h"
#include "vici_client.h"
#include "vici_message.h"

/* Takes it over. */
static enum vici_result put_authority(struct config *config, struct authority *a,
				      struct buf *reply)
{
	struct errmsg err;

	if (config_put_authority(config, a, &err))
		return vici_refuse(reply, "load-authority", &err);
	log_msg(LOG_CFG, LVL_CTRL, "loaded vici authority '%s'", a->name);
	return vici_accept(reply);
}

/* Its certificate is being read from a token. */
struct vici_authority {
	struct token_certs_wait wait;
	struct vici_client *client;
	struct authority *authority;
};

void vici_authority_abandon(struct vici_authority *load)
{
	token_certs_forget(load->client->vici->token_certs, &load->wait);
	authority_free(load->authority);
	free(load);
}

/* Its certificate is there, or it is not loaded. */
static enum vici_result put_complete(struct vici_authority *load, struct buf *reply)
{
	struct config *config = load->client->vici->config;
	struct authority *a = load->authority;
	struct errmsg err;
	int ret = token_certs_check(&load->wait, &err);

	free(load);
	if (!ret)
		return put_authority(config, a, reply);
	authority_free(a);
	return vici_refuse(reply, "load-authority", &err);
}

static void cert_read(struct token_certs_wait *wait)
{
	struct vici_authority *load = container_of(wait, struct vici_authority, wait);
	struct vici_client *client = load->client;
	struct buf reply = BUF_INIT;

	put_complete(load, &reply);
	vici_respond(client, &reply);
}

static enum vici_result read_cert(struct vici_client *client, struct authority *a,
				  struct buf *reply)
{
	struct token_certs *certs = client->vici->token_certs;
	struct vici_authority *load = certs ? calloc(1, sizeof(*load)) : NULL;
	struct errmsg err;

	if (!load) {
		authority_free(a);
		errmsg_set(&err, certs ? "out of memory" : "there are no tokens here");
		return vici_refuse(reply, "load-authority", &err);
	}
	load->wait.done = cert_read;
	load->wait.refs[0] = a->token;
	load->client = client;
	load->authority = a;
	token_certs_read_ca(certs, a);
	if (!token_certs_await(certs, &load->wait))
		return put_complete(load, reply);
	client->authority = load;
	return VICI_PENDING;
}

enum vici_result vici_load_authority(struct vici_client *client, const struct tree *request,
				     struct buf *reply)
{
	const struct tree *section = request->first;
	struct authority *a;
	struct errmsg err;

	if (!section || section->next || section->kind != TREE_SECTION) {
		errmsg_set(&err, "expected one section, named as the authority");
		return vici_refuse(reply, "load-authority", &err);
	}
	a = authority_read(section, CONF_VICI, &err);
	if (!a)
		return vici_refuse(reply, "load-authority", &err);
	if (a->token)
		return read_cert(client, a, reply);
	return put_authority(client->vici->config, a, reply);
}

enum vici_result vici_unload_authority(struct vici_client *client, const struct tree *request,
				       struct buf *reply)
{
	const char *name = tree_str(request, "name");

	if (!name)
		vici_put_result(reply, "unload: missing authority name");
	else if (config_remove_authority(client->vici->config, name))
		vici_put_result(reply, "unload: authority '%s' not found", name);
	else
		vici_put_result(reply, NULL);
	return VICI_DONE;
}

static void put_uris(struct buf *out, const char *name, char *const *uris, size_t n)
{
	vici_put_list(out, name);
	for (size_t i = 0; i < n; i++)
		vici_put_item(out, uris[i]);
	vici_put_list_end(out);
}

enum vici_result vici_list_authorities(struct vici_client *client, const struct tree *request,
				       struct buf *reply)
{
	const char *name = tree_str(request, "name");
	char subject[ID_STRLEN];

	(void)reply;
	for (const struct authority *a = client->vici->config->authorities; a; a = a->next) {
		struct buf out = BUF_INIT;

		if (name && strcmp(name, a->name))
			continue;
		vici_put_section(&out, a->name);
		if (a->cert)
			vici_put(&out, "cacert", "%s", certificate_str(a->cert, subject));
		put_uris(&out, "crl_uris", a->crl_uris, a->crl_uri_count);
		put_uris(&out, "ocsp_uris", a->ocsp_uris, a->ocsp_uri_count);
		vici_put_section_end(&out);
		vici_raise(client, VICI_EV_LIST_AUTHORITY, &out);
		buf_clear(&out);
	}
	return VICI_DONE;
}

enum vici_result vici_get_authorities(struct vici_client *client, const struct tree *request,
				      struct buf *reply)
{
	(void)request;
	vici_put_list(reply, "authorities");
	for (const struct authority *a = client->vici->config->authorities; a; a = a->next)
		vici_put_item(reply, a->name);
	vici_put_list_end(reply);
	return VICI_DONE;
}
