// SPDX-License-Identifier: GPL-2.0
/* The certificates, CRLs and public keys that were loaded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "certificate.h"
#include "credentials.h"
#include "dn.h"
#include "signature.h"

static void credential_free(struct credential *one)
{
	X509_free(one->cert);
	X509_CRL_free(one->crl);
	EVP_PKEY_free(one->key);
	free(one->nodes);
	free(one->uri);
	free(one);
}

/* What handshakes ask of it is found out when it is loaded. 0, or -1 with @err set. */
static int prepare(struct credential *one, struct errmsg *err)
{
	if (one->kind == CREDENTIAL_CA && certificate_authority_id(one->cert, one->authority_id))
		return errmsg_set(err, "its key cannot be hashed");
	return credential_index_prepare(one) ? errmsg_set(err, "out of memory") : 0;
}

static bool same(const struct credential *a, const struct credential *b)
{
	if (a->source != b->source || a->kind != b->kind)
		return false;
	if (a->cert)
		return !X509_cmp(a->cert, b->cert);
	if (a->crl)
		return !X509_CRL_match(a->crl, b->crl);
	return EVP_PKEY_eq(a->key, b->key) == 1;
}

void credentials_changed(struct credentials *c)
{
	c->loaded++;
	trust_stores_drop(&c->stores);
}

/* What *at is goes. */
static void drop(struct credentials *c, struct credential **at)
{
	struct credential *one = *at;

	*at = one->next;
	credential_index_remove(&c->index, one);
	credential_free(one);
}

static void append(struct credentials *c, struct credential *one)
{
	struct credential **at = &c->first;

	for (; *at; at = &(*at)->next)
		if (same(*at, one)) {
			(*at)->added |= one->added;
			(*at)->authorities += one->authorities;
			credential_free(one);
			return;
		}
	*at = one;
	credential_index_add(&c->index, one);
	credentials_changed(c);
}

static int read_cert(struct credential *one, const void *data, size_t len,
		     struct errmsg *err)
{
	bool wanted = one->kind == CREDENTIAL_CA;

	one->cert = certificate_read(data, len);
	if (!one->cert || !X509_get0_pubkey(one->cert))
		return errmsg_set(err, "it is no X.509 certificate that can be read");
	one->kind = certificate_is_ca(one->cert) ? CREDENTIAL_CA : CREDENTIAL_CERT;
	if (wanted && one->kind != CREDENTIAL_CA)
		return errmsg_set(err, "ca certificate lacks CA basic constraint, rejected");
	return 0;
}

static int read_one(struct credential *one, const void *data, size_t len,
		    struct errmsg *err)
{
	switch (one->kind) {
	case CREDENTIAL_CERT:
	case CREDENTIAL_CA:
		return read_cert(one, data, len, err);
	case CREDENTIAL_CRL:
		one->crl = crl_read(data, len);
		return one->crl ? 0 : errmsg_set(err, "it is no X.509 CRL");
	case CREDENTIAL_PUBKEY:
		one->key = public_key_read(data, len);
		if (!one->key)
			return errmsg_set(err, "it is no public key");
		return key_check(one->key, err);
	}
	return errmsg_set(err, "it is of no kind that is known");
}

int credentials_add(struct credentials *c, enum conf_source source,
		    enum credential_kind kind, const void *data, size_t len,
		    struct errmsg *err)
{
	struct credential *one = calloc(1, sizeof(*one));

	if (!one)
		return errmsg_set(err, "out of memory");
	one->source = source;
	one->kind = kind;
	one->added = true;
	if (read_one(one, data, len, err) || prepare(one, err)) {
		credential_free(one);
		return -1;
	}
	append(c, one);
	return 0;
}

void credentials_clear(struct credentials *c, enum conf_source source)
{
	struct credential **at = &c->first;

	while (*at)
		if ((*at)->source == source)
			drop(c, at);
		else
			at = &(*at)->next;
	credentials_changed(c);
}

/* Goes, unless somebody names it. */
static void drop_unnamed(struct credentials *c, struct credential **at)
{
	if ((*at)->added || (*at)->authorities)
		return;
	drop(c, at);
	credentials_changed(c);
}

void credentials_unload(struct credentials *c, enum conf_source source)
{
	struct credential **at = &c->first, *one;

	while ((one = *at)) {
		if (one->source == source) {
			one->added = false;
			drop_unnamed(c, at);
		}
		if (*at == one)
			at = &one->next;
	}
}

int credentials_add_authority(struct credentials *c, enum conf_source source, X509 *ca,
			      struct errmsg *err)
{
	struct credential *one = calloc(1, sizeof(*one));

	if (!one)
		return errmsg_set(err, "out of memory");
	one->kind = CREDENTIAL_CA;
	one->source = source;
	one->authorities = 1;
	X509_up_ref(ca);
	one->cert = ca;
	if (prepare(one, err)) {
		credential_free(one);
		return -1;
	}
	append(c, one);
	return 0;
}

void credentials_remove_authority(struct credentials *c, enum conf_source source,
				  const X509 *ca)
{
	for (struct credential **at = &c->first; *at; at = &(*at)->next) {
		struct credential *one = *at;

		if (one->source != source || one->kind != CREDENTIAL_CA || !one->authorities ||
		    X509_cmp(one->cert, ca))
			continue;
		one->authorities--;
		drop_unnamed(c, at);
		return;
	}
}

static bool same_key_id(const X509_CRL *a, const X509_CRL *b)
{
	int at_a = X509_CRL_get_ext_by_NID(a, NID_authority_key_identifier, -1);
	int at_b = X509_CRL_get_ext_by_NID(b, NID_authority_key_identifier, -1);

	if (at_a < 0 || at_b < 0)
		return at_a < 0 && at_b < 0;
	return !ASN1_STRING_cmp(X509_EXTENSION_get_data(X509_CRL_get_ext(a, at_a)),
				X509_EXTENSION_get_data(X509_CRL_get_ext(b, at_b)));
}

/*
 * One whose time is over still tells who has been revoked (trust.c), until there is another one
 * of that CA.
 */
static bool supersedes(const X509_CRL *crl, const X509_CRL *old)
{
	const ASN1_TIME *end = X509_CRL_get0_nextUpdate(old);

	return end && X509_cmp_current_time(end) < 0 && same_key_id(crl, old) &&
	       !X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_CRL_get_issuer(old)) &&
	       ASN1_TIME_compare(X509_CRL_get0_lastUpdate(crl), X509_CRL_get0_lastUpdate(old)) >= 0;
}

int credentials_put_fetched(struct credentials *c, const char *uri, X509_CRL *crl)
{
	struct credential *one = calloc(1, sizeof(*one)), **at = &c->first;

	if (!one || !(one->uri = strdup(uri))) {
		free(one);
		return -ENOMEM;
	}
	one->kind = CREDENTIAL_CRL;
	one->source = CONF_FETCHED;
	X509_CRL_up_ref(crl);
	one->crl = crl;
	while (*at) {
		struct credential *old = *at;

		if (!old->uri || (strcmp(old->uri, uri) && !supersedes(crl, old->crl))) {
			at = &old->next;
			continue;
		}
		drop(c, at);
	}
	*at = one;
	c->fetched++;
	trust_stores_drop(&c->stores);
	return 0;
}

void credentials_clear_fetched(struct credentials *c)
{
	credentials_clear(c, CONF_FETCHED);
}

void credentials_replace_file(struct credentials *to, struct credentials *from)
{
	struct credential *one;

	credentials_clear(to, CONF_FILE);
	while ((one = from->first)) {
		from->first = one->next;
		one->next = NULL;
		credential_index_remove(&from->index, one);
		append(to, one);
	}
	credentials_changed(from);
}

struct credentials *credentials_new(void)
{
	return calloc(1, sizeof(struct credentials));
}

void credentials_free(struct credentials *c)
{
	if (!c)
		return;
	credentials_clear(c, CONF_FILE);
	credentials_clear(c, CONF_VICI);
	credentials_clear_fetched(c);
	credential_index_clear(&c->index);
	free(c);
}

int credential_der(const struct credential *one, unsigned char **der)
{
	if (one->cert)
		return i2d_X509(one->cert, der);
	if (one->crl)
		return i2d_X509_CRL(one->crl, der);
	return i2d_PUBKEY(one->key, der);
}

void credentials_write(struct buf *out, const struct credentials *c)
{
	for (const struct credential *one = c->first; one; one = one->next) {
		unsigned char *der = NULL;
		int len;

		if (!one->added)
			continue;
		len = credential_der(one, &der);
		if (len <= 0) {
			out->failed = true;
			return;
		}
		buf_put8(out, (uint8_t)one->kind);
		buf_put32(out, (uint32_t)len);
		buf_put(out, der, (size_t)len);
		OPENSSL_free(der);
	}
}

int credentials_read(struct credentials *c, const uint8_t *data, size_t len,
		     struct errmsg *err)
{
	while (len) {
		uint32_t one = len < 5 ? UINT32_MAX : get32(data + 1);

		if (len < 5 || one > len - 5)
			return errmsg_set(err, "the certificates are cut short");
		if (credentials_add(c, CONF_FILE, data[0], data + 5, one, err))
			return -1;
		data += 5 + one;
		len -= 5 + one;
	}
	return 0;
}

/* Whoever it is, it is found by its subject, too. */
static bool has(const struct table *table, const X509 *cert, enum credential_kind kind)
{
	struct table_node *node = table_find(table, dn_hash(X509_get_subject_name(cert)));

	for (; node; node = table_next(node)) {
		const struct credential *one = credential_at(node);

		if (one->kind == kind && !X509_cmp(one->cert, cert))
			return true;
	}
	return false;
}

bool credentials_has_cert(const struct credentials *c, const X509 *cert)
{
	return has(&c->index.by_id, cert, CREDENTIAL_CERT);
}

bool credentials_has_ca(const struct credentials *c, const X509 *ca)
{
	return has(&c->index.by_subject, ca, CREDENTIAL_CA);
}

/* The last one that was loaded comes first. */
STACK_OF(X509) *credentials_of_id(const struct credentials *c, const struct ike_id *id)
{
	struct table_node *node = table_find(&c->index.by_id, certificate_id_hash(id));
	STACK_OF(X509) *found = NULL;

	for (; node; node = table_next(node)) {
		X509 *cert = credential_at(node)->cert;

		if (!certificate_has_id(cert, id))
			continue;
		if (!found)
			found = sk_X509_new_null();
		if (!sk_X509_unshift(found, cert))
			break;
	}
	return found;
}

X509 *credentials_issuer(const struct credentials *c, X509 *cert)
{
	struct table_node *node = table_find(&c->index.by_subject,
					     dn_hash(X509_get_issuer_name(cert)));
	X509 *issuer = NULL;

	for (; node; node = table_next(node))
		if (X509_check_issued(credential_at(node)->cert, cert) == X509_V_OK)
			issuer = credential_at(node)->cert;
	return issuer;
}
