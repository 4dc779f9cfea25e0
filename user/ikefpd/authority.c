// SPDX-License-Identifier: GPL-2.0
/* CAs of whom the configuration says where their CRLs and OCSP responders are. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "certificate.h"
#include "config_keys.h"
#include "vici_message.h"

#define URIS_MAX	16	/* of each kind */

struct uris {
	char ***uris;
	size_t *count;
	bool files;	/* may be among them */
};

static int add_uri(const struct tree *node, const char *item, void *object, struct errmsg *err)
{
	struct uris *to = object;
	char **uris;

	if (strncmp(item, "http://", 7) && (!to->files || strncmp(item, "file:///", 8)))
		return tree_refuse(node, err, to->files ?
				   "'%s' is neither an http:// address nor a file:///path: others are not supported" :
				   "'%s' is no http:// address: others are not supported", item);
	if (*to->count == URIS_MAX)
		return tree_refuse(node, err, "more than %d addresses", URIS_MAX);
	uris = reallocarray(*to->uris, *to->count + 1, sizeof(*uris));
	if (!uris)
		return tree_refuse(node, err, "out of memory");
	*to->uris = uris;
	uris[*to->count] = strdup(item);
	if (!uris[*to->count])
		return tree_refuse(node, err, "out of memory");
	++*to->count;
	return 0;
}

static int read_crl_uris(const struct tree *node, void *object, struct errmsg *err)
{
	struct authority *a = object;
	struct uris to = { &a->crl_uris, &a->crl_uri_count, true };

	return config_each_item(node, add_uri, &to, err);
}

static int read_ocsp_uris(const struct tree *node, void *object, struct errmsg *err)
{
	struct authority *a = object;
	struct uris to = { &a->ocsp_uris, &a->ocsp_uri_count, false };

	return config_each_item(node, add_uri, &to, err);
}

/* What the file holds: of a file a list of one item, over VICI a value. */
static int read_cacert(const struct tree *node, void *object, struct errmsg *err)
{
	const struct tree *blob = node->kind == TREE_LIST ? node->first : node;
	struct authority *a = object;

	X509_free(a->cert);
	a->cert = blob && blob->data ? certificate_read(blob->data, blob->len) : NULL;
	if (!a->cert || !X509_get0_pubkey(a->cert) || (node->kind == TREE_LIST && blob->next))
		return tree_refuse(node, err, "it is not one X.509 certificate that can be read");
	if (!certificate_is_ca(a->cert))
		return tree_refuse(node, err, "the certificate is not one of a CA");
	return 0;
}

static const struct config_key authority_keys[] = {
	{ "cacert", read_cacert, NULL },
	{ "crl_uris", read_crl_uris, NULL },
	{ "ocsp_uris", read_ocsp_uris, NULL },
	{ "file", NULL, NULL },
	{ "handle", NULL, NULL },
	{ "slot", NULL, NULL },
	{ "module", NULL, NULL },
	{ "cert_uri_base", NULL, NULL },
};

static const struct config_schema authority_schema = {
	.keys = authority_keys,
	.key_count = sizeof(authority_keys) / sizeof(*authority_keys),
};

struct authority *authority_read(const struct tree *section, enum conf_source source,
				 struct errmsg *err)
{
	struct authority *a = calloc(1, sizeof(*a));

	if (!a || !(a->name = strdup(section->name))) {
		tree_refuse(section, err, "out of memory");
		goto fail;
	}
	a->source = source;
	if (config_read_section(section, &authority_schema, a, err))
		goto fail;
	if (!a->cert) {
		tree_refuse(section, err, "names no CA: add a cacert");
		goto fail;
	}
	vici_message_write(&a->section, section);
	if (!a->section.failed)
		return a;
	tree_refuse(section, err, "out of memory");
fail:
	authority_free(a);
	return NULL;
}

void authority_free(struct authority *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->crl_uri_count; i++)
		free(a->crl_uris[i]);
	for (size_t i = 0; i < a->ocsp_uri_count; i++)
		free(a->ocsp_uris[i]);
	free(a->crl_uris);
	free(a->ocsp_uris);
	X509_free(a->cert);
	buf_clear(&a->section);
	free(a->name);
	free(a);
}

void authority_put(struct authority **list, struct authority *a)
{
	authority_remove(list, a->name);
	while (*list)
		list = &(*list)->next;
	*list = a;
}

int authority_remove(struct authority **list, const char *name)
{
	struct authority *a;

	for (; (a = *list); list = &a->next) {
		if (strcmp(a->name, name))
			continue;
		*list = a->next;
		authority_free(a);
		return 0;
	}
	return -ENOENT;
}

void authority_clear(struct authority **list, enum conf_source source)
{
	struct authority *a;

	while ((a = *list)) {
		if (a->source != source) {
			list = &a->next;
			continue;
		}
		*list = a->next;
		authority_free(a);
	}
}

const struct authority *authority_of(const struct authority *list, const X509 *ca)
{
	for (; list; list = list->next)
		if (!X509_cmp(list->cert, ca))
			return list;
	return NULL;
}
