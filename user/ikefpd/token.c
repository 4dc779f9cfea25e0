// SPDX-License-Identifier: GPL-2.0
/* A private key or a certificate that is on a token. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>

#include "token.h"

/* The PIN, for a provider that asks for it. */
struct asked {
	const struct token_conf *conf;
	bool at_all, given;
};

/* Of a loader that was asked before the right one. */
static bool is_noise(unsigned long code)
{
	return ERR_GET_LIB(code) == ERR_LIB_OSSL_STORE || ERR_GET_REASON(code) == ERR_R_UNSUPPORTED;
}

/* Why the provider failed, which it says first; then libcrypto does what it makes of it. */
static void add_reason(struct errmsg *why)
{
	const char *data, *reason;
	unsigned long code;
	size_t len = strlen(why->text);
	int flags;

	code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	while (is_noise(code) && ERR_peek_error())
		code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	if (code) {
		reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) :
						  ERR_reason_error_string(code);
		snprintf(why->text + len, sizeof(why->text) - len, ": %s%s%.200s",
			 reason ? reason : "",
			 reason && flags & ERR_TXT_STRING && *data ? ", " : "",
			 flags & ERR_TXT_STRING ? data : "");
	}
	ERR_clear_error();
}

static int read_pin(UI *ui, UI_STRING *string)
{
	struct asked *asked = UI_get0_user_data(ui);
	const struct token_conf *conf = asked->conf;

	if (UI_get_string_type(string) != UIT_PROMPT && UI_get_string_type(string) != UIT_VERIFY)
		return 1;
	asked->at_all = true;
	if (!conf->pin)
		return 0;
	asked->given = true;
	return UI_set_result_ex(ui, string, conf->pin, (int)conf->pin_len) >= 0;
}

/* The TPM's provider asks for a key's PIN where the URI says so. */
static void complete_uri(char uri[TOKEN_URI_MAX + 8], const struct token_conf *conf)
{
	bool ask = conf->pin && !strncasecmp(conf->uri, "handle:", 7) && !strchr(conf->uri, '?');

	snprintf(uri, TOKEN_URI_MAX + 8, "%s%s", conf->uri, ask ? "?pass" : "");
}

static OSSL_STORE_INFO *load(OSSL_STORE_CTX *store, int type)
{
	OSSL_STORE_expect(store, type);
	while (!OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (info && OSSL_STORE_INFO_get_type(info) == type)
			return info;
		OSSL_STORE_INFO_free(info);
		/* What cannot be read is not what is looked for, if anything follows. */
		if (!info && OSSL_STORE_error(store))
			break;
	}
	return NULL;
}

/* A private key or a certificate, OSSL_STORE_INFO_*. */
static OSSL_STORE_INFO *find(struct asked *asked, int type, struct errmsg *why)
{
	const struct token_conf *conf = asked->conf;
	char uri[TOKEN_URI_MAX + 8], properties[TOKEN_PROVIDER_MAX + 16];
	UI_METHOD *ui = UI_create_method("PIN");
	OSSL_STORE_CTX *store = NULL;
	OSSL_STORE_INFO *info = NULL;

	complete_uri(uri, conf);
	snprintf(properties, sizeof(properties), "?provider=%s", conf->provider);
	if (ui && !UI_method_set_reader(ui, read_pin))
		store = OSSL_STORE_open_ex(uri, NULL, properties, ui, asked, NULL, NULL, NULL);
	if (store)
		info = load(store, type);
	OSSL_STORE_close(store);
	UI_destroy_method(ui);
	if (info)
		return info;
	errmsg_set(why, "there is no %s",
		   type == OSSL_STORE_INFO_PKEY ? "private key" : "certificate");
	add_reason(why);
	return NULL;
}

/* Returns 0, or -1 with @why set. */
static int load_providers(const struct token_conf *conf, struct errmsg *why)
{
	ERR_clear_error();
	/* For what the other has not. */
	if (OSSL_PROVIDER_load(NULL, "default") && OSSL_PROVIDER_load(NULL, conf->provider))
		return 0;
	errmsg_set(why, "OpenSSL's provider '%s' cannot be loaded (is it installed, is its device there, and may ikefpd's user open that?)",
		   conf->provider);
	add_reason(why);
	return -1;
}

/* libcrypto's own: what it says of itself is not the provider's word. */
static EVP_PKEY *public_of(EVP_PKEY *key)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);
	const unsigned char *at = der;
	EVP_PKEY *pub = len > 0 ? d2i_PUBKEY_ex(NULL, &at, len, NULL, "provider=default") : NULL;

	OPENSSL_free(der);
	return pub;
}

static enum token_state refuse(const struct asked *asked, struct errmsg *why)
{
	struct errmsg before = *why;

	if (asked->at_all && !asked->conf->pin) {
		errmsg_set(why, "%.500s; it asks for a PIN: add 'pin = ...'", before.text);
		return TOKEN_REFUSED;
	}
	if (!asked->given)
		return TOKEN_AWAY;
	errmsg_set(why, "%.500s; is the PIN right?", before.text);
	return TOKEN_REFUSED;
}

/* The signature that handshakes ask for first. There is one for each key that is served. */
int token_try(const struct token_key *k, struct errmsg *why)
{
	static const char octets[] = "Is it you?";
	enum signature_id ids[SIGNATURES] = { SIGNATURE_NONE };
	struct buf signature = BUF_INIT;
	int err;

	signature_of_key(key_type(k->pub), key_bits(k->pub), false, ids);
	err = token_sign(k, ids[0], false, octets, sizeof(octets), &signature, why);
	buf_clear(&signature);
	return err;
}

enum token_state token_open(struct token_key *k, const struct token_conf *conf,
			    struct errmsg *why)
{
	struct asked asked = { .conf = conf };
	enum token_state state = TOKEN_REFUSED;
	OSSL_STORE_INFO *info;
	struct errmsg wrong;

	*k = (struct token_key){ .key = NULL };
	if (load_providers(conf, why))
		return TOKEN_AWAY;
	info = find(&asked, OSSL_STORE_INFO_PKEY, why);
	if (!info)
		return refuse(&asked, why);
	k->key = OSSL_STORE_INFO_get1_PKEY(info);
	OSSL_STORE_INFO_free(info);
	k->pub = public_of(k->key);
	if (!k->pub) {
		errmsg_set(why, "its public key cannot be read");
		add_reason(why);
	} else if (key_check(k->pub, &wrong)) {
		errmsg_set(why, "%s", wrong.text);
	} else if (key_id(k->pub, k->id)) {
		errmsg_set(why, "its public key has no identifier");
	} else if (!token_try(k, why)) {
		return TOKEN_READY;
	} else {
		/* Without a PIN that was asked for, it may want one all the same. */
		errmsg_set(&wrong, "%s", why->text);
		errmsg_set(why, "%.500s; %s", wrong.text,
			   conf->pin ? "is the PIN right?" : "does it need 'pin = ...'?");
	}
	token_close(k);
	return state;
}

int token_sign(const struct token_key *k, enum signature_id id, bool classic, const void *octets,
	       size_t len, struct buf *out, struct errmsg *why)
{
	/* As an AlgorithmIdentifier of ours says it of PSS. */
	const struct signature_scheme scheme = { id, RSA_PSS_SALTLEN_DIGEST };
	size_t start = out->len;
	int err;

	ERR_clear_error();
	err = signature_sign(k->key, id, classic, octets, len, out);
	if (err == -EINVAL)
		return err;
	if (err) {
		errmsg_set(why, "%s: it does not sign", signature_name(id));
		add_reason(why);
		return -EIO;
	}
	if (out->failed) {
		errmsg_set(why, "out of memory");
		return -EIO;
	}
	if (!signature_verify(k->pub, &scheme, classic, octets, len, out->data + start,
			      out->len - start))
		return 0;
	buf_clear(out);
	errmsg_set(why, "%s: what it has signed is not what its public key verifies",
		   signature_name(id));
	return -EIO;
}

void token_close(struct token_key *k)
{
	EVP_PKEY_free(k->key);
	EVP_PKEY_free(k->pub);
	*k = (struct token_key){ .key = NULL };
}

enum token_state token_read_cert(const struct token_conf *conf, struct buf *der,
				 struct errmsg *why)
{
	struct asked asked = { .conf = conf };
	unsigned char *octets = NULL;
	OSSL_STORE_INFO *info;
	struct errmsg before;
	int len;

	if (load_providers(conf, why))
		return TOKEN_AWAY;
	info = find(&asked, OSSL_STORE_INFO_CERT, why);
	if (!info && asked.given)
		return refuse(&asked, why);
	if (!info && asked.at_all) {
		before = *why;
		errmsg_set(why, "%.500s; it asks for a PIN, and there is no private key of the same uri in 'secrets' whose PIN has been found right",
			   before.text);
	}
	if (!info)
		return TOKEN_AWAY;
	len = i2d_X509(OSSL_STORE_INFO_get0_CERT(info), &octets);
	if (len > 0)
		buf_put(der, octets, (size_t)len);
	OPENSSL_free(octets);
	OSSL_STORE_INFO_free(info);
	if (len > 0 && der->len && der->len <= TOKEN_CERT_MAX)
		return TOKEN_READY;
	buf_clear(der);
	errmsg_set(why, "its certificate cannot be written, or is longer than %d octets",
		   TOKEN_CERT_MAX);
	return TOKEN_AWAY;
}

const char *token_provider(const char *uri)
{
	static const struct {
		const char *scheme, *provider;
	} known[] = {
		{ "handle:", "tpm2" },
		{ "object:", "tpm2" },
		{ "pkcs11:", "pkcs11" },
		{ "file:", "default" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (!strncasecmp(uri, known[i].scheme, strlen(known[i].scheme)))
			return known[i].provider;
	return NULL;
}
