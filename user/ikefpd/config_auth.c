// SPDX-License-Identifier: GPL-2.0
/* An authentication round of a connection, from its section. */
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "certificate.h"
#include "config_keys.h"
#include "config_load.h"
#include "signature.h"
#include "token_certs.h"

#define COUNT(a)	(sizeof(a) / sizeof(*(a)))

/*
 * "pubkey-sha256-sha384", "ike:rsa/pss-sha512", "rsa-3072-ecdsa-384": kinds of keys,
 * each with the least size of a peer's, and hashes. What is not named is not accepted,
 * neither kinds nor hashes; without any hash all are. With hashes, and without "ike:", they are
 * about what signs the peer's certificates, too.
 */
struct constraint {
	bool rsa, pss, ecdsa, ed25519;	/* kinds */
	bool any;
	uint32_t hashes;	/* bits 1 << enum ike_hash */
};

static bool read_kind(struct constraint *c, const char *word)
{
	if (!strcmp(word, "pubkey"))
		c->any = true;
	else if (!strcmp(word, "rsa"))
		c->rsa = true;
	else if (!strcmp(word, "rsa/pss"))
		c->pss = true;
	else if (!strcmp(word, "ecdsa"))
		c->ecdsa = true;
	else if (!strcmp(word, "ed25519") || !strcmp(word, "eddsa"))
		c->ed25519 = true;
	else
		return false;
	return true;
}

static bool read_hash(struct constraint *c, const char *word)
{
	if (!strcmp(word, "sha1"))
		c->hashes |= 1u << HASH_SHA1;
	else if (!strcmp(word, "sha256") || !strcmp(word, "sha2_256"))
		c->hashes |= 1u << HASH_SHA2_256;
	else if (!strcmp(word, "sha384") || !strcmp(word, "sha2_384"))
		c->hashes |= 1u << HASH_SHA2_384;
	else if (!strcmp(word, "sha512") || !strcmp(word, "sha2_512"))
		c->hashes |= 1u << HASH_SHA2_512;
	else if (!strcmp(word, "identity"))
		c->hashes |= 1u << HASH_IDENTITY;
	else
		return false;
	return true;
}

static bool read_bits(struct auth_conf *auth, const struct constraint *c, const char *word)
{
	char *end;
	unsigned long bits = strtoul(word, &end, 10);

	if (*end || end == word || bits > 16384)
		return false;
	if (c->ecdsa)
		auth->ecdsa_bits = (unsigned int)bits;
	else if (c->rsa || c->pss)
		auth->rsa_bits = (unsigned int)bits;
	else
		return false;
	return true;
}

static bool allows(const struct constraint *c, enum signature_id id)
{
	bool pss = id >= SIGNATURE_PSS_SHA2_256 && id <= SIGNATURE_PSS_SHA2_512;

	if (c->hashes && signature_key_type(id) != KEY_ED25519 &&
	    !(c->hashes & 1u << signature_hash(id)))
		return false;
	if (c->any)
		return true;
	switch (signature_key_type(id)) {
	case KEY_RSA:
		return pss ? c->pss : c->rsa;
	case KEY_ECDSA:
		return c->ecdsa;
	default:
		return c->ed25519;
	}
}

static int read_constraint(const struct tree *node, struct auth_conf *auth,
			   const char *text, struct errmsg *err)
{
	struct constraint c = { 0 };
	const bool ike = !strncmp(text, "ike:", 4);
	char word[32];

	if (ike)
		text += 4;
	auth->signatures = 0;
	auth->chain_signatures = 0;
	while (*text) {
		size_t len = strcspn(text, "-");

		if (len >= sizeof(word))
			len = sizeof(word) - 1;
		memcpy(word, text, len);
		word[len] = '\0';
		if (!read_kind(&c, word) && !read_hash(&c, word) &&
		    !read_bits(auth, &c, word))
			return tree_refuse(node, err,
					   "'%s' is not supported: pubkey and psk are, and rsa, rsa/pss, ecdsa and ed25519 with sizes and hashes, as in rsa-3072-sha256",
					   word);
		text += len;
		text += *text == '-';
	}
	auth->class = AUTH_PUBKEY;
	if (c.any && !c.hashes)
		return 0;
	c.any |= !c.rsa && !c.pss && !c.ecdsa && !c.ed25519;
	for (enum signature_id id = 1; id < SIGNATURES; id++)
		if (allows(&c, id))
			auth->signatures |= 1u << id;
	if (c.hashes && !ike)
		auth->chain_signatures = auth->signatures;
	return auth->signatures ? 0 : tree_refuse(node, err, "no signature scheme is like that");
}

static int read_auth(const struct tree *node, void *object, struct errmsg *err)
{
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "psk")) {
		((struct auth_conf *)object)->class = AUTH_PSK;
		return 0;
	}
	if (!strncmp(text, "eap", 3) || !strncmp(text, "xauth", 5))
		return tree_refuse(node, err,
				   "'%s' is not supported yet: ikefpd serves auth = psk and pubkey",
				   text);
	return read_constraint(node, object, text, err);
}

static int read_identity(const struct tree *node, struct ike_id *to, struct errmsg *err)
{
	const char *text, *why = "not a valid identity";
	struct ike_id id;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (ike_id_parse(&id, text, &why))
		return tree_refuse(node, err, "identity '%s': %s", text, why);
	ike_id_clear(to);
	*to = id;
	return 0;
}

static int read_id(const struct tree *node, void *object, struct errmsg *err)
{
	return read_identity(node, &((struct auth_conf *)object)->id, err);
}

/* Of names in subjectAltName there are no patterns. */
static int read_ca_id(const struct tree *node, void *object, struct errmsg *err)
{
	struct auth_conf *auth = object;

	if (read_identity(node, &auth->ca_id, err))
		return -1;
	if (auth->ca_id.type != ID_DER_ASN1_DN && ike_id_is_pattern(&auth->ca_id))
		return tree_refuse(node, err,
				   "a CA's identity may only have a '*' in distinguished names: give the whole name");
	return 0;
}

#define POLICIES_MAX	16

static int add_policy(const struct tree *node, const char *item, void *object,
		      struct errmsg *err)
{
	struct auth_conf *auth = object;
	ASN1_OBJECT *policy = OBJ_txt2obj(item, 1);

	ERR_clear_error();
	if (!policy)
		return tree_refuse(node, err,
				   "'%s' is no object identifier: write its numbers, as in 1.3.6.1.4.1.99999.1",
				   item);
	if (!auth->cert_policies)
		auth->cert_policies = sk_ASN1_OBJECT_new_null();
	if (sk_ASN1_OBJECT_num(auth->cert_policies) < POLICIES_MAX &&
	    sk_ASN1_OBJECT_push(auth->cert_policies, policy) > 0)
		return 0;
	ASN1_OBJECT_free(policy);
	return tree_refuse(node, err, "more than %d certificate policies", POLICIES_MAX);
}

static int read_cert_policy(const struct tree *node, void *object, struct errmsg *err)
{
	return config_each_item(node, add_policy, object, err);
}

static int read_round(const struct tree *node, void *object, struct errmsg *err)
{
	uint32_t round;

	(void)object;
	return config_uint(node, 0, UINT32_MAX, &round, err);
}

static int read_revocation(const struct tree *node, void *object, struct errmsg *err)
{
	struct auth_conf *auth = object;
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (!strcmp(text, "relaxed"))
		auth->revocation = REVOCATION_RELAXED;
	else if (!strcmp(text, "ifuri"))
		auth->revocation = REVOCATION_IFURI;
	else if (!strcmp(text, "strict"))
		auth->revocation = REVOCATION_STRICT;
	else
		return tree_refuse(node, err, "'%s' is none of relaxed, ifuri and strict", text);
	return 0;
}

/* Certificates and keys come as what their files hold, each an item of a list. */
typedef int (*blob_fn)(const struct tree *node, const struct tree *blob,
		       struct auth_conf *auth, struct errmsg *err);

static int each_blob(const struct tree *node, blob_fn fn, void *object, struct errmsg *err)
{
	if (node->kind == TREE_VALUE)
		return node->len ? fn(node, node, object, err) : 0;
	for (const struct tree *i = node->first; i; i = i->next)
		if (fn(node, i, object, err))
			return -1;
	return 0;
}

static X509 *read_cert(const struct tree *node, const struct tree *blob, struct errmsg *err)
{
	X509 *cert = blob->data ? certificate_read(blob->data, blob->len) : NULL;

	if (!cert || !X509_get0_pubkey(cert)) {
		tree_refuse(node, err, "an item is no X.509 certificate that can be read");
		X509_free(cert);
		return NULL;
	}
	return cert;
}

static int push(const struct tree *node, STACK_OF(X509) **list, X509 *cert,
		struct errmsg *err)
{
	if (!*list)
		*list = sk_X509_new_null();
	if (*list && sk_X509_push(*list, cert) > 0)
		return 0;
	X509_free(cert);
	return tree_refuse(node, err, "out of memory");
}

static int add_cert(const struct tree *node, const struct tree *blob,
		    struct auth_conf *auth, struct errmsg *err)
{
	X509 *cert = read_cert(node, blob, err);
	struct errmsg why;

	if (!cert)
		return -1;
	if (key_check(X509_get0_pubkey(cert), &why)) {
		X509_free(cert);
		return tree_refuse(node, err, "%s", why.text);
	}
	return push(node, &auth->certs, cert, err);
}

static int add_cacert(const struct tree *node, const struct tree *blob,
		      struct auth_conf *auth, struct errmsg *err)
{
	X509 *cert = read_cert(node, blob, err);

	if (!cert)
		return -1;
	if (!certificate_is_ca(cert)) {
		X509_free(cert);
		return tree_refuse(node, err, "a certificate is not one of a CA");
	}
	return push(node, &auth->cacerts, cert, err);
}

static int add_pubkey(const struct tree *node, const struct tree *blob,
		      struct auth_conf *auth, struct errmsg *err)
{
	EVP_PKEY *key = blob->data ? public_key_read(blob->data, blob->len) : NULL;
	struct errmsg why;
	struct conf_pubkey *keys;

	if (!key)
		return tree_refuse(node, err, "an item is no public key");
	if (key_check(key, &why)) {
		EVP_PKEY_free(key);
		return tree_refuse(node, err, "%s", why.text);
	}
	keys = reallocarray(auth->pubkeys, auth->pubkey_count + 1, sizeof(*keys));
	if (!keys) {
		EVP_PKEY_free(key);
		return tree_refuse(node, err, "out of memory");
	}
	auth->pubkeys = keys;
	keys[auth->pubkey_count++] = (struct conf_pubkey){ .key = key };
	return 0;
}

static int read_certs(const struct tree *node, void *object, struct errmsg *err)
{
	return each_blob(node, add_cert, object, err);
}

static int read_cacerts(const struct tree *node, void *object, struct errmsg *err)
{
	return each_blob(node, add_cacert, object, err);
}

static int read_pubkeys(const struct tree *node, void *object, struct errmsg *err)
{
	return each_blob(node, add_pubkey, object, err);
}

static const struct config_key auth_keys[] = {
	{ "auth", read_auth, NULL },
	{ "id", read_id, NULL },
	{ "round", read_round, NULL },
	{ "revocation", read_revocation, NULL },
	{ "certs", read_certs, NULL },
	{ "cacerts", read_cacerts, NULL },
	{ "pubkeys", read_pubkeys, NULL },
	{ "groups", NULL, NULL },
	{ "cert_policy", read_cert_policy, NULL },
	{ "ca_id", read_ca_id, NULL },
	{ "eap_id", NULL, NULL },
	{ "aaa_id", NULL, NULL },
	{ "xauth_id", NULL, NULL },
};

/* A file comes as what it holds; VICI has its path, and no file is opened for that. */
static int read_cert_file(const struct tree *section, const struct tree *file,
			  struct auth_conf *auth, bool ca, struct errmsg *err)
{
	if (section->first != file || file->next)
		return tree_refuse(section, err,
				   "holds 'file', or 'uri', provider and handle of what is on a token, not both");
	if (file->kind == TREE_VALUE)
		return tree_refuse(file, err,
				   "by VICI files are not opened: name it in '%s', whose files swanctl reads",
				   ca ? "cacerts" : "certs");
	return each_blob(file, ca ? add_cacert : add_cert, auth, err);
}

/* It comes to certs or cacerts, which ask for one of theirs from now on, when it is read. */
static int read_token_cert(const struct tree *section, struct auth_conf *auth, bool ca,
			   struct errmsg *err)
{
	STACK_OF(X509) **list = ca ? &auth->cacerts : &auth->certs;
	struct token_cert_ref **end = &auth->token_certs, *ref;

	ref = token_cert_ref_read(section, false, err);
	if (!ref)
		return -1;
	if (!*list)
		*list = sk_X509_new_null();
	if (!*list) {
		token_cert_refs_free(ref);
		return tree_refuse(section, err, "out of memory");
	}
	ref->ca = ca;
	ref->list = *list;
	while (*end)
		end = &(*end)->next;
	*end = ref;
	return 0;
}

static int read_one_cert(const struct tree *section, struct auth_conf *auth, bool ca,
			 struct errmsg *err)
{
	const struct tree *file = tree_find(section, "file");

	if (file && file->kind != TREE_SECTION)
		return read_cert_file(section, file, auth, ca, err);
	return read_token_cert(section, auth, ca, err);
}

static int read_cert_section(const struct tree *section, void *object, struct errmsg *err)
{
	return read_one_cert(section, object, false, err);
}

static int read_cacert_section(const struct tree *section, void *object, struct errmsg *err)
{
	return read_one_cert(section, object, true, err);
}

static const struct config_section auth_sections[] = {
	{ "cert", true, read_cert_section },
	{ "cacert", true, read_cacert_section },
};

static const struct config_schema auth_schema = {
	.keys = auth_keys, .key_count = COUNT(auth_keys),
	.sections = auth_sections, .section_count = COUNT(auth_sections),
};

int config_read_auth(const struct tree *section, struct auth_conf *auth,
		     struct errmsg *err)
{
	if (config_read_section(section, &auth_schema, auth, err))
		return -1;
	if (auth->class == AUTH_PSK && (auth->certs || auth->cacerts || auth->pubkeys))
		return tree_refuse(section, err,
				   "certs, cacerts and pubkeys do not go with auth = psk");
	if (auth->ca_id.type == ID_ANY && !auth->cert_policies)
		return 0;
	if (auth->class == AUTH_PSK)
		return tree_refuse(section, err, "ca_id and cert_policy do not go with auth = psk");
	if (auth->pubkeys)
		return tree_refuse(section, err,
				   "ca_id and cert_policy do not go with pubkeys, which no CA has signed");
	if (!strncmp(section->name, "local", 5))
		return tree_refuse(section, err,
				   "ca_id and cert_policy are about the peer's certificates: move them to 'remote'");
	return 0;
}
