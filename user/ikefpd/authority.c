// SPDX-License-Identifier: GPL-2.0
/* CAs of whom the configuration says where their CRLs and OCSP responders are. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority.h"
#include "certificate.h"
#include "config_keys.h"
#include "token_certs.h"
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

	if (a->cert)
		return tree_refuse(node, err, "a section has one of cacert, file and handle");
	a->cert = blob && blob->data ? certificate_read(blob->data, blob->len) : NULL;
	if (!a->cert || !X509_get0_pubkey(a->cert) || (node->kind == TREE_LIST && blob->next))
		return tree_refuse(node, err, "it is not one X.509 certificate that can be read");
	if (!certificate_is_ca(a->cert))
		return tree_refuse(node, err, "the certificate is not one of a CA");
	return 0;
}

/* A file comes as what it holds; VICI has its path, and no file is opened for that. */
static int read_file(const struct tree *node, void *object, struct errmsg *err)
{
	if (node->kind == TREE_VALUE)
		return tree_refuse(node, err,
				   "by VICI files are not opened: name it in 'cacert', which swanctl reads");
	return read_cacert(node, object, err);
}

static bool is_on_token(const struct tree *section)
{
	static const char *const keys[] = { "handle", "uri", "provider", "slot", "module", "pin" };

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (tree_find(section, keys[i]))
			return true;
	return false;
}

/* Those that say where on a token the certificate is are read together. */
static int read_later(const struct tree *node, void *object, struct errmsg *err)
{
	(void)node;
	(void)object;
	(void)err;
	return 0;
}

static int read_token(const struct tree *section, struct authority *a, struct errmsg *err)
{
	if (a->cert)
		return tree_refuse(section, err, "a section has one of cacert, file and handle");
	a->token = token_cert_ref_read(section, true, err);
	if (!a->token)
		return -1;
	a->token->ca = true;
	a->token->authority = a;
	/* The section that names it comes alone, and nobody would know what it is of. */
	free(a->token->key);
	if (asprintf(&a->token->key, "authorities.%s", a->name) >= 0)
		return 0;
	a->token->key = NULL;
	return tree_refuse(section, err, "out of memory");
}

static const struct config_key authority_keys[] = {
	{ "cacert", read_cacert, NULL },
	{ "crl_uris", read_crl_uris, NULL },
	{ "ocsp_uris", read_ocsp_uris, NULL },
	{ "file", read_file, NULL },
	{ "handle", read_later, NULL },
	{ "uri", read_later, NULL },
	{ "provider", read_later, NULL },
	{ "slot", read_later, NULL },
	{ "module", read_later, NULL },
	{ "pin", read_later, NULL },
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
	if (config_read_section(section, &authority_schema, a, err) ||
	    (is_on_token(section) && read_token(section, a, err)))
		goto fail;
	if (!a->cert && !a->token) {
		tree_refuse(section, err, "names no CA: add a cacert, or a handle");
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
	token_cert_refs_free(a->token);
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
		if (list->cert && !X509_cmp(list->cert, ca))
			return list;
	return NULL;
}
