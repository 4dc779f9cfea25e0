// SPDX-License-Identifier: GPL-2.0
/* A configuration file: its top sections, secrets, and the change to it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "config_files.h"
#include "config_keys.h"
#include "config_load.h"
#include "ikev2.h"
#include "settings.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

/* What a file is read into. */
struct file {
	struct config *config;
	struct secret **secrets;
	struct secret *passphrases;	/* of private keys' files, by "folder/file" */
};

int config_add_owner(struct secret *secret, const struct tree *node,
		     const char *owner, struct errmsg *err)
{
	const char *why = "not a valid identity";
	struct ike_id *owners;

	owners = reallocarray(secret->owners, secret->owner_count + 1, sizeof(*owners));
	if (!owners)
		return tree_refuse(node, err, "out of memory");
	secret->owners = owners;
	if (ike_id_parse(&owners[secret->owner_count], owner, &why))
		return tree_refuse(node, err, "identity '%s': %s", owner, why);
	secret->owner_count++;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_hex(struct secret *secret, const char *text, size_t len)
{
	if (!len || len % 2)
		return false;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		secret->data[secret->len++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool decode_base64(struct secret *secret, const char *text, size_t len)
{
	size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
	size_t pad = strspn(text + digits, "=");
	int n;

	if (!len || len % 4 || pad > 2 || digits + pad != len)
		return false;
	n = EVP_DecodeBlock(secret->data, (const uint8_t *)text, (int)len);
	if (n < 3)
		return false;
	n -= (int)pad;
	secret->len = (size_t)n;
	return true;
}

/* Plain text, 0x and hexadecimal digits, or 0s and base64. Never shown. */
static int read_secret_value(const struct tree *node, void *object,
			     struct errmsg *err)
{
	struct secret *secret = object;
	const char *text = node->data;
	size_t len = node->len;

	if (!len)
		return tree_refuse(node, err, "the secret is empty");
	secret->data = malloc(len);
	if (!secret->data)
		return tree_refuse(node, err, "out of memory");
	secret->len = 0;
	if (!strncasecmp(text, "0x", 2)) {
		if (!decode_hex(secret, text + 2, len - 2))
			return tree_refuse(node, err,
					   "the secret starts with 0x but is not an even number of hexadecimal digits");
	} else if (!strncasecmp(text, "0s", 2)) {
		if (!decode_base64(secret, text + 2, len - 2))
			return tree_refuse(node, err,
					   "the secret starts with 0s but is not valid base64");
	} else {
		memcpy(secret->data, text, len);
		secret->len = len;
	}
	return 0;
}

struct secret *config_read_secret(const struct tree *section, enum secret_kind kind,
				  struct errmsg *err)
{
	const char *what = kind == SECRET_PPK ? "ppk" : "ike";
	struct secret *secret = calloc(1, sizeof(*secret));

	if (!secret || !(secret->name = strdup(section->name))) {
		tree_refuse(section, err, "out of memory");
		goto fail;
	}
	secret->kind = kind;
	secret->source = CONF_FILE;
	for (const struct tree *n = section->first; n; n = n->next) {
		const char *text;
		int ret;

		if (n->kind != TREE_VALUE) {
			ret = tree_refuse(n, err, "unknown section: %s holds id<suffix> and secret",
					  what);
		} else if (!strcmp(n->name, "secret")) {
			ret = read_secret_value(n, secret, err);
		} else if (!strncmp(n->name, "id", 2)) {
			text = config_text(n, err);
			ret = text ? config_add_owner(secret, n, text, err) : -1;
		} else {
			ret = tree_refuse(n, err, "unknown key: %s holds id<suffix> and secret",
					  what);
		}
		if (ret)
			goto fail;
	}
	if (!secret->data) {
		tree_refuse(section, err, "has no secret: add 'secret = ...'");
		goto fail;
	}
	return secret;
fail:
	secret_free(secret);
	return NULL;
}

static int read_secret(const struct tree *node, struct file *file, enum secret_kind kind,
		       struct errmsg *err)
{
	struct secret *secret = config_read_secret(node, kind, err);

	if (!secret)
		return -1;
	secret_list_put(file->secrets, secret);
	return 0;
}

static int read_ike(const struct tree *node, void *object, struct errmsg *err)
{
	return read_secret(node, object, SECRET_SHARED, err);
}

static int read_ppk(const struct tree *node, void *object, struct errmsg *err)
{
	return read_secret(node, object, SECRET_PPK, err);
}

/*
 * "private<suffix> { file = ..., secret = ... }": the folder is the section's name. Nobody is
 * there to be asked for a secret: without one the file is not to be encrypted.
 */
static int read_passphrase(const struct tree *node, const char *folder, struct file *file,
			   struct errmsg *err)
{
	struct secret *secret = calloc(1, sizeof(*secret));
	const struct tree *value = NULL;
	const char *name = NULL;
	int ret = 0;

	if (!secret)
		return tree_refuse(node, err, "out of memory");
	secret->kind = SECRET_PRIVATE_KEY;
	for (const struct tree *n = node->first; !ret && n; n = n->next) {
		if (n->kind != TREE_VALUE)
			ret = tree_refuse(n, err, "unknown section: %s holds file and secret",
					  folder);
		else if (!strcmp(n->name, "secret"))
			value = n;
		else if (strcmp(n->name, "file"))
			ret = tree_refuse(n, err, "unknown key: %s holds file and secret", folder);
		else if (!(name = config_text(n, err)))
			ret = -1;
	}
	if (!ret && !name)
		ret = tree_refuse(node, err, "has no file: add 'file = ...'");
	if (ret || !value) {
		secret_free(secret);
		return ret;
	}
	secret->passphrase = calloc(1, value->len + 1);
	if (asprintf(&secret->name, "%s/%s", folder, name) < 0)
		secret->name = NULL;
	if (!secret->passphrase || !secret->name) {
		secret_free(secret);
		return tree_refuse(node, err, "out of memory");
	}
	memcpy(secret->passphrase, value->data, value->len);
	secret->passphrase_len = value->len;
	secret->next = file->passphrases;
	file->passphrases = secret;
	return 0;
}

static int read_private(const struct tree *node, void *object, struct errmsg *err)
{
	return read_passphrase(node, "private", object, err);
}

static int read_rsa(const struct tree *node, void *object, struct errmsg *err)
{
	return read_passphrase(node, "rsa", object, err);
}

static int read_ecdsa(const struct tree *node, void *object, struct errmsg *err)
{
	return read_passphrase(node, "ecdsa", object, err);
}

static int read_pkcs8(const struct tree *node, void *object, struct errmsg *err)
{
	return read_passphrase(node, "pkcs8", object, err);
}

static int read_pkcs12(const struct tree *node, void *object, struct errmsg *err)
{
	return read_passphrase(node, "pkcs12", object, err);
}

static int read_token(const struct tree *node, void *object, struct errmsg *err)
{
	struct file *file = object;
	struct secret *secret = config_read_token(node, CONF_FILE, err);

	if (!secret)
		return -1;
	secret_list_put(file->secrets, secret);
	return 0;
}

static const struct config_section secret_sections[] = {
	{ "ike", true, read_ike },
	{ "eap", true, NULL },
	{ "xauth", true, NULL },
	{ "ntlm", true, NULL },
	{ "ppk", true, read_ppk },
	{ "private", true, read_private },
	{ "rsa", true, read_rsa },
	{ "ecdsa", true, read_ecdsa },
	{ "pkcs8", true, read_pkcs8 },
	{ "pkcs12", true, read_pkcs12 },
	{ "token", true, read_token },
};

static const struct config_schema secrets_schema = {
	.sections = secret_sections, .section_count = COUNT(secret_sections),
};

static int read_secrets(const struct tree *node, void *object, struct errmsg *err)
{
	return config_read_section(node, &secrets_schema, object, err);
}

static int read_connections(const struct tree *node, void *object, struct errmsg *err)
{
	struct file *file = object;

	for (const struct tree *n = node->first; n; n = n->next) {
		struct conn *conn;

		if (n->kind != TREE_SECTION)
			return tree_refuse(n, err,
					   "connections holds sections only: write '%s { }'",
					   n->name);
		conn = config_read_conn(n, CONF_FILE, err);
		if (!conn)
			return -1;
		config_put_conn(file->config, conn);
	}
	return 0;
}

static int read_retransmit(const struct tree *node, void *object, struct errmsg *err)
{
	return config_retransmit(node, &((struct config *)object)->retransmit, err);
}

/* The kernel's least and UDP's most. */
#define FRAGMENT_SIZE_MIN	256
#define FRAGMENT_SIZE_MAX	65535

static int read_fragment_size(const struct tree *node, void *object, struct errmsg *err)
{
	struct config *config = object;

	if (config_uint(node, 0, FRAGMENT_SIZE_MAX, &config->fragment_size, err))
		return -1;
	if (config->fragment_size && config->fragment_size < FRAGMENT_SIZE_MIN)
		return tree_refuse(node, err, "must be 0 or at least %d", FRAGMENT_SIZE_MIN);
	return 0;
}

static int read_keep_alive(const struct tree *node, void *object, struct errmsg *err)
{
	struct config *config = object;
	uint32_t ms = 0;

	if (config_time(node, &ms, err))
		return -1;
	config->keep_alive_ms = (int32_t)ms;
	return 0;
}

static int read_install_routes(const struct tree *node, void *object, struct errmsg *err)
{
	struct config *config = object;
	bool on;

	if (config_bool(node, &on, err))
		return -1;
	config->no_routes = !on;
	return 0;
}

static int add_tcp_port(const struct tree *node, const char *item, void *object,
			struct errmsg *err)
{
	uint16_t *ports = ((struct config *)object)->tcp_ports;
	size_t len = strlen(item), n;
	unsigned long port = 0;

	if (len && len <= 5 && strspn(item, "0123456789") == len)
		port = strtoul(item, NULL, 10);
	if (!port || port > UINT16_MAX)
		return tree_refuse(node, err, "'%s' is not a number from 1 to %u", item, UINT16_MAX);
	for (n = 0; n < TCP_PORTS_MAX && ports[n]; n++)
		if (ports[n] == port)
			return tree_refuse(node, err, "has port %lu twice", port);
	if (n == TCP_PORTS_MAX)
		return tree_refuse(node, err, "has more than %u ports", TCP_PORTS_MAX);
	ports[n] = (uint16_t)port;
	return 0;
}

static int read_tcp_ports(const struct tree *node, void *object, struct errmsg *err)
{
	memset(((struct config *)object)->tcp_ports, 0, sizeof(((struct config *)object)->tcp_ports));
	return config_each_item(node, add_tcp_port, object, err);
}

static const struct config_key charon_keys[] = {
	{ "fragment_size", read_fragment_size, NULL },
	{ "install_routes", read_install_routes, NULL },
	{ "keep_alive", read_keep_alive, NULL },
	{ "retransmit_timeout", read_retransmit, NULL },
	{ "retransmit_base", read_retransmit, NULL },
	{ "retransmit_tries", read_retransmit, NULL },
	{ "retransmit_jitter", read_retransmit, NULL },
	{ "retransmit_limit", read_retransmit, NULL },
	{ "tcp_ports", read_tcp_ports, NULL },
};

static const struct config_schema charon_schema = {
	.keys = charon_keys, .key_count = COUNT(charon_keys),
};

static int read_charon(const struct tree *node, void *object, struct errmsg *err)
{
	struct file *file = object;

	return config_read_section(node, &charon_schema, file->config, err);
}

static int read_unserved(const struct tree *node, void *object, struct errmsg *err)
{
	(void)object;
	if (!node->first)
		return 0;
	return tree_refuse(node, err, "not supported yet: remove what it holds");
}

int config_remove_authority(struct config *config, const char *name)
{
	for (const struct authority *a = config->authorities; a; a = a->next)
		if (!strcmp(a->name, name) && a->cert)
			credentials_remove_authority(config->credentials, a->source, a->cert);
	return authority_remove(&config->authorities, name);
}

int config_put_authority(struct config *config, struct authority *a, struct errmsg *err)
{
	if (a->cert && credentials_add_authority(config->credentials, a->source, a->cert, err)) {
		authority_free(a);
		return -1;
	}
	config_remove_authority(config, a->name);
	authority_put(&config->authorities, a);
	return 0;
}

static bool is_put(const struct config *config, const struct authority *a)
{
	const struct authority *at = config->authorities;

	while (at && at != a)
		at = at->next;
	return at;
}

int config_set_ca(struct config *config, struct authority *a, X509 *ca, struct errmsg *err)
{
	const bool put = is_put(config, a);

	if (put && a->cert)
		credentials_remove_authority(config->credentials, a->source, a->cert);
	X509_free(a->cert);
	a->cert = NULL;
	if (put && ca && credentials_add_authority(config->credentials, a->source, ca, err))
		return -1;
	if (ca)
		X509_up_ref(ca);
	a->cert = ca;
	return 0;
}

static int read_authorities(const struct tree *node, void *object, struct errmsg *err)
{
	struct file *file = object;

	for (const struct tree *n = node->first; n; n = n->next) {
		struct authority *a;

		if (n->kind != TREE_SECTION)
			return tree_refuse(n, err, "authorities holds sections only: write '%s { }'",
					   n->name);
		a = authority_read(n, CONF_FILE, err);
		if (!a || config_put_authority(file->config, a, err))
			return -1;
	}
	return 0;
}

static const struct config_section top_sections[] = {
	{ "connections", false, read_connections },
	{ "secrets", false, read_secrets },
	{ "charon", false, read_charon },
	{ "pools", false, read_unserved },
	{ "authorities", false, read_authorities },
};

static const struct config_schema top_schema = {
	.sections = top_sections, .section_count = COUNT(top_sections),
};

static bool is_top_section(const char *name)
{
	for (size_t i = 0; i < COUNT(top_sections); i++)
		if (!strcmp(top_sections[i].name, name))
			return true;
	return false;
}

/* Does anything inherit from this section or from one in it? */
static bool is_template(const struct tree *section)
{
	if (section->referenced)
		return true;
	for (const struct tree *n = section->first; n; n = n->next)
		if (n->kind == TREE_SECTION && is_template(n))
			return true;
	return false;
}

/* Sections that others inherit from may have any name; they are not read. */
static void drop_templates(struct tree *root)
{
	struct tree *next;

	for (struct tree *n = root->first; n; n = next) {
		next = n->next;
		if (n->kind == TREE_SECTION && !is_top_section(n->name) && is_template(n))
			tree_remove(n);
	}
}

static void replace_authorities(struct config *config, struct config *fresh)
{
	struct authority *a;

	authority_clear(&config->authorities, CONF_FILE);
	while ((a = fresh->authorities)) {
		fresh->authorities = a->next;
		a->next = NULL;
		config_remove_authority(config, a->name);
		authority_put(&config->authorities, a);
	}
}

void config_replace_file(struct config *config, struct config *fresh)
{
	struct conn *conn, *next;

	for (conn = config->conns; conn; conn = next) {
		next = conn->next;
		if (conn->source == CONF_FILE && !config_find_conn(fresh, conn->name)) {
			config_take_conn(config, conn);
			conn_put(conn);
		}
	}
	while ((conn = fresh->conns)) {
		config_take_conn(fresh, conn);
		config_put_conn(config, conn);
	}
	credentials_replace_file(config->credentials, fresh->credentials);
	replace_authorities(config, fresh);
	config->retransmit = fresh->retransmit;
	config->fragment_size = fresh->fragment_size;
	config->no_routes = fresh->no_routes;
	config->keep_alive_ms = fresh->keep_alive_ms;
	memcpy(config->tcp_ports, fresh->tcp_ports, sizeof(config->tcp_ports));
}

int config_read_file(struct config *config, struct secret **secrets, const char *path,
		     struct errmsg *err)
{
	struct file file = { config, secrets, NULL };
	struct settings settings;
	int ret;

	ret = settings_load(&settings, path, err);
	if (ret)
		return ret;
	drop_templates(settings.root);
	ret = config_files_inline(settings.root, path, err);
	if (!ret)
		ret = config_read_section(settings.root, &top_schema, &file, err);
	if (!ret)
		ret = config_files_read(config->credentials, secrets, file.passphrases, path,
					err);
	secret_list_free(&file.passphrases);
	settings_clear(&settings);
	return ret;
}
