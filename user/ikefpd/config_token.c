// SPDX-License-Identifier: GPL-2.0
/* Where a private key or a certificate is that is on a token: of a file, or of VICI. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "config_keys.h"
#include "config_load.h"
#include "token.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

/* NV indices and persistent objects of a TPM: TCG's registry of handles, section 2.2. */
#define TPM_NV_INDEX		0x01u
#define TPM_PERSISTENT		0x81u
#define TPM_HANDLE_DIGITS	8

struct token_section {
	bool cert;		/* of a certificate, */
	bool among;		/* among other keys */
	const struct tree *uri_node, *handle_node, *pin_node;
	char uri[TOKEN_URI_MAX];
	char provider[TOKEN_PROVIDER_MAX];
};

static int read_text(const struct tree *node, char *out, size_t size, struct errmsg *err)
{
	const char *text = config_text(node, err);

	if (!text)
		return -1;
	if (!*text)
		return tree_refuse(node, err, "is empty");
	if (strlen(text) >= size)
		return tree_refuse(node, err, "is longer than %zu octets", size - 1);
	strcpy(out, text);
	return 0;
}

/* It stands in the log. */
static int read_uri(const struct tree *node, void *object, struct errmsg *err)
{
	struct token_section *s = object;
	size_t scheme;

	if (read_text(node, s->uri, sizeof(s->uri), err))
		return -1;
	s->uri_node = node;
	scheme = strcspn(s->uri, ":");
	if (!scheme || !s->uri[scheme] || !s->uri[scheme + 1] || strpbrk(s->uri, " \t\r\n"))
		return tree_refuse(node, err,
				   "'%s' is no URI of a %s: write one such as 'handle:0x%s' (TPM) or 'pkcs11:token=...;object=...'",
				   s->uri, s->cert ? "certificate" : "key",
				   s->cert ? "01800001" : "81000001");
	if (strcasestr(s->uri, "pin-value="))
		return tree_refuse(node, err,
				   "has a PIN in it, and would be logged: write it as 'pin = ...'");
	return 0;
}

static int read_provider(const struct tree *node, void *object, struct errmsg *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	struct token_section *s = object;

	if (read_text(node, s->provider, sizeof(s->provider), err))
		return -1;
	if (s->provider[strspn(s->provider, allowed)])
		return tree_refuse(node, err,
				   "'%s' is no name of an OpenSSL provider: write its file's, without folder and '.so', as in 'tpm2'",
				   s->provider);
	return 0;
}

/* "pkcs11:id=%01%02", for who had a CKA_ID. */
static void put_pkcs11(char *out, size_t size, const char *digits)
{
	size_t len = (size_t)snprintf(out, size, "pkcs11:id=");

	for (; digits[0] && digits[1] && len + 4 < size; digits += 2, len += 3)
		snprintf(out + len, size - len, "%%%.2s", digits);
}

/* As strongSwan writes it: hexadecimal digits, of a CKA_ID or of a TPM's object. */
static int read_handle(const struct tree *node, void *object, struct errmsg *err)
{
	struct token_section *s = object;
	unsigned int kind = s->cert ? TPM_NV_INDEX : TPM_PERSISTENT;
	char text[256], uri[TOKEN_URI_MAX];
	const char *digits = text;
	size_t len;

	if (read_text(node, text, sizeof(text), err))
		return -1;
	s->handle_node = node;
	if (!strncasecmp(digits, "0x", 2))
		digits += 2;
	len = strlen(digits);
	if (!len || len % 2 || digits[strspn(digits, "0123456789abcdefABCDEF")])
		return tree_refuse(node, err,
				   "'%s' is no handle: it is an even number of hexadecimal digits", text);
	if (len != TPM_HANDLE_DIGITS || strtoul(digits, NULL, 16) >> 24 != kind) {
		put_pkcs11(uri, sizeof(uri), digits);
		return tree_refuse(node, err,
				   "'%s' is no %s of a TPM (%02x000000 to %02xffffff): of a PKCS#11 token, write 'uri = \"%s\"' in its place",
				   text, s->cert ? "NV index" : "persistent handle", kind, kind,
				   uri);
	}
	snprintf(s->uri, sizeof(s->uri), "handle:0x%s", digits);
	return 0;
}

static int read_pin(const struct tree *node, void *object, struct errmsg *err)
{
	struct token_section *s = object;

	if (!config_text(node, err))
		return -1;
	if (!node->len)
		return tree_refuse(node, err, "is empty: leave it out where the key needs none");
	s->pin_node = node;
	return 0;
}

/* strongSwan loads a PKCS#11 module by itself. */
static int refuse_pkcs11(const struct tree *node, void *object, struct errmsg *err)
{
	const char *handle = tree_str(node->parent, "handle");
	const char *slot = tree_str(node->parent, "slot");
	char uri[TOKEN_URI_MAX] = "pkcs11:token=...;object=...";

	(void)object;
	if (handle && !strncasecmp(handle, "0x", 2))
		handle += 2;
	if (handle && *handle)
		put_pkcs11(uri, sizeof(uri), handle);
	return tree_refuse(node, err,
			   "ikefpd reaches PKCS#11 tokens by OpenSSL's provider 'pkcs11', to which openssl.cnf names the module: in the place of handle, slot and module write 'uri = \"%.200s%s%.20s\"'",
			   uri, slot ? ";slot-id=" : "", slot ? slot : "");
}

static int refuse_pin(const struct tree *node, void *object, struct errmsg *err)
{
	(void)object;
	return tree_refuse(node, err,
			   "a certificate that asks for a PIN has that of the private key of the same uri: write it there, in 'secrets { token { pin = ... } }'");
}

static int refuse_file(const struct tree *node, void *object, struct errmsg *err)
{
	(void)object;
	return tree_refuse(node, err, "does not go with what is on a token: remove one of them");
}

static const struct config_key token_keys[] = {
	{ "uri", read_uri, NULL },
	{ "provider", read_provider, NULL },
	{ "handle", read_handle, NULL },
	{ "pin", read_pin, NULL },
	{ "module", refuse_pkcs11, NULL },
	{ "slot", refuse_pkcs11, NULL },
};

static const struct config_schema token_schema = {
	.keys = token_keys, .key_count = COUNT(token_keys),
};

static const struct config_key cert_keys[] = {
	{ "uri", read_uri, NULL },
	{ "provider", read_provider, NULL },
	{ "handle", read_handle, NULL },
	{ "pin", refuse_pin, NULL },
	{ "file", refuse_file, NULL },
	{ "module", refuse_pkcs11, NULL },
	{ "slot", refuse_pkcs11, NULL },
};

static const struct config_schema cert_schema = {
	.keys = cert_keys, .key_count = COUNT(cert_keys),
};

/* The others have been read. */
static int read_among(const struct tree *section, struct token_section *s, struct errmsg *err)
{
	for (size_t i = 0; i < COUNT(cert_keys); i++) {
		const struct tree *node = tree_find(section, cert_keys[i].name);

		if (node && cert_keys[i].read(node, s, err))
			return -1;
	}
	return 0;
}

static int read_keys(const struct tree *section, struct token_section *s, struct errmsg *err)
{
	if (s->among)
		return read_among(section, s, err);
	return config_read_section(section, s->cert ? &cert_schema : &token_schema, s, err);
}

/* What is said first is what is of more use than what is said of a handle. */
static int read_all(const struct tree *section, struct token_section *s, struct errmsg *err)
{
	static const char *const unserved[] = { "module", "slot" };
	const char *provider;

	for (size_t i = 0; i < COUNT(unserved); i++) {
		const struct tree *node = tree_find(section, unserved[i]);

		if (node && node->kind != TREE_SECTION)
			return refuse_pkcs11(node, s, err);
	}
	if (read_keys(section, s, err))
		return -1;
	if (s->uri_node && s->handle_node)
		return tree_refuse(s->handle_node, err, "does not go with 'uri': remove one of them");
	if (!*s->uri)
		return tree_refuse(section, err,
				   "has no uri: add one, such as 'uri = \"handle:0x%s\"' (TPM) or 'uri = \"pkcs11:token=...;object=...\"'",
				   s->cert ? "01800001" : "81000001");
	provider = token_provider(s->uri);
	if (!*s->provider && !provider)
		return tree_refuse(s->uri_node, err,
				   "which OpenSSL provider serves '%s' is not known: add 'provider = ...'",
				   s->uri);
	if (!*s->provider)
		strcpy(s->provider, provider);
	return 0;
}

struct secret *config_read_token(const struct tree *section, enum conf_source source,
				 struct errmsg *err)
{
	struct token_section s = { .uri_node = NULL };
	const struct tree *pin;
	struct secret *secret;
	int len;

	if (read_all(section, &s, err))
		return NULL;
	secret = calloc(1, sizeof(*secret));
	if (secret) {
		secret->kind = SECRET_TOKEN;
		secret->source = source;
		secret->name = strdup(source == CONF_FILE ? section->name : s.uri);
		len = asprintf((char **)&secret->data, "%s %s", s.provider, s.uri);
		secret->len = len < 0 ? 0 : (size_t)len;
		if (len < 0)
			secret->data = NULL;
		pin = s.pin_node;
		secret->passphrase = pin ? malloc(pin->len + 1) : NULL;
		if (secret->passphrase) {
			memcpy(secret->passphrase, pin->data, pin->len + 1);
			secret->passphrase_len = pin->len;
		}
		if (secret->name && secret->data && !pin == !secret->passphrase)
			return secret;
	}
	secret_free(secret);
	tree_refuse(section, err, "out of memory");
	return NULL;
}

char *config_read_token_cert(const struct tree *section, bool among, struct errmsg *err)
{
	struct token_section s = { .cert = true, .among = among };
	char *token;

	if (read_all(section, &s, err))
		return NULL;
	if (asprintf(&token, "%s %s", s.provider, s.uri) >= 0)
		return token;
	tree_refuse(section, err, "out of memory");
	return NULL;
}
