// SPDX-License-Identifier: GPL-2.0
/* VICI's commands about CAs and where their CRLs and OCSP responders are. */
#include <string.h>

#include "authority.h"
#include "certificate.h"
#include "config_load.h"
#include "vici_client.h"
#include "vici_message.h"

enum vici_result vici_load_authority(struct vici_client *client, const struct tree *request,
				     struct buf *reply)
{
	const struct tree *section = request->first;
	struct authority *a = NULL;
	struct errmsg err;

	if (!section || section->next || section->kind != TREE_SECTION)
		errmsg_set(&err, "expected one section, named as the authority");
	else
		a = authority_read(section, CONF_VICI, &err);
	if (!a || config_put_authority(client->vici->config, a, &err)) {
		log_msg(LOG_CFG, LVL_CTRL, "vici load-authority refused: %s", err.text);
		vici_put_result(reply, "%s", err.text);
		return VICI_DONE;
	}
	log_msg(LOG_CFG, LVL_CTRL, "loaded vici authority '%s'", a->name);
	vici_put_result(reply, NULL);
	return VICI_DONE;
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
