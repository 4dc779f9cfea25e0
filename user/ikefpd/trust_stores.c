// SPDX-License-Identifier: GPL-2.0
/* Stores of CAs and CRLs, for all who verify. */
#include <stdbool.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "credentials.h"
#include "trust_stores.h"

/* Connections may come and go with CAs of their own while no credentials change. */
#define STORES_MAX	1024

#define HASHED	32	/* octets of a CA's signature: no two have the same */

/* With CAs that connections name. */
struct trust_store {
	struct table_node by_cas;
	struct trust_store *next;
	STACK_OF(X509) *cas;
	X509_STORE *store;
};

/*
 * A certificate that was loaded itself is in no store: there are as many as there are peers, and
 * it is trusted only for itself. It is added to what is found when that is looked for.
 */
static STACK_OF(X509) *find_certs(X509_STORE_CTX *ctx, const X509_NAME *subject)
{
	STACK_OF(X509) *found = X509_STORE_CTX_get1_certs(ctx, subject);
	X509 *cert = X509_STORE_CTX_get0_cert(ctx);
	unsigned long flags = X509_VERIFY_PARAM_get_flags(X509_STORE_CTX_get0_param(ctx));

	if (!(flags & X509_V_FLAG_PARTIAL_CHAIN) ||
	    X509_NAME_cmp(subject, X509_get_subject_name(cert)))
		return found;
	if (!found)
		found = sk_X509_new_null();
	if (found && X509_add_cert(found, cert, X509_ADD_FLAG_UP_REF))
		return found;
	sk_X509_pop_free(found, X509_free);
	return NULL;
}

static X509_STORE *new_store(const struct credentials *c, STACK_OF(X509) *cas)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store;

	if (ok)
		X509_STORE_set_lookup_certs(store, find_certs);
	for (const struct credential *one = c->first; ok && one; one = one->next)
		if (one->kind == CREDENTIAL_CA)
			ok = X509_STORE_add_cert(store, one->cert);
		else if (one->kind == CREDENTIAL_CRL)
			ok = X509_STORE_add_crl(store, one->crl);
	for (int i = 0; ok && i < sk_X509_num(cas); i++)
		ok = X509_STORE_add_cert(store, sk_X509_value(cas, i));
	if (ok)
		return store;
	X509_STORE_free(store);
	ERR_clear_error();
	return NULL;
}

static X509_STORE *get_plain(struct credentials *c)
{
	if (!c->stores.plain)
		c->stores.plain = new_store(c, NULL);
	if (c->stores.plain)
		X509_STORE_up_ref(c->stores.plain);
	return c->stores.plain;
}

static bool all_loaded(const struct credentials *c, STACK_OF(X509) *cas)
{
	for (int i = 0; i < sk_X509_num(cas); i++)
		if (!credentials_has_ca(c, sk_X509_value(cas, i)))
			return false;
	return true;
}

static uint64_t hash_cas(STACK_OF(X509) *cas)
{
	uint64_t hash = TABLE_HASH;

	for (int i = 0; i < sk_X509_num(cas); i++) {
		const ASN1_BIT_STRING *signature;
		int len;

		X509_get0_signature(&signature, NULL, sk_X509_value(cas, i));
		len = ASN1_STRING_length(signature);
		hash = table_hash(hash, ASN1_STRING_get0_data(signature),
				  len < HASHED ? (size_t)len : HASHED);
	}
	return hash;
}

static bool same_cas(STACK_OF(X509) *a, STACK_OF(X509) *b)
{
	bool same = sk_X509_num(a) == sk_X509_num(b);

	for (int i = 0; same && i < sk_X509_num(a); i++)
		same = !X509_cmp(sk_X509_value(a, i), sk_X509_value(b, i));
	return same;
}

static const struct trust_store *find(const struct trust_stores *stores, uint64_t hash,
				      STACK_OF(X509) *cas)
{
	struct table_node *node = table_find(&stores->by_cas, hash);

	for (; node; node = table_next(node)) {
		const struct trust_store *one = container_of(node, struct trust_store, by_cas);

		if (same_cas(one->cas, cas))
			return one;
	}
	return NULL;
}

static void free_one(struct trust_store *one)
{
	X509_STORE_free(one->store);
	sk_X509_pop_free(one->cas, X509_free);
	free(one);
}

/* Most connections' CAs are loaded, too, and one store is enough for them. */
static const struct trust_store *add(struct credentials *c, uint64_t hash, STACK_OF(X509) *cas)
{
	struct trust_store *one = calloc(1, sizeof(*one));

	if (!one)
		return NULL;
	if (c->stores.by_cas.count == STORES_MAX)
		trust_stores_drop(&c->stores);
	one->cas = X509_chain_up_ref(cas);
	one->store = all_loaded(c, cas) ? get_plain(c) : new_store(c, cas);
	if (!one->cas || !one->store) {
		free_one(one);
		return NULL;
	}
	table_add(&c->stores.by_cas, &one->by_cas, hash);
	one->next = c->stores.first;
	c->stores.first = one;
	return one;
}

X509_STORE *trust_stores_get(struct credentials *c, STACK_OF(X509) *cas)
{
	const struct trust_store *one;
	uint64_t hash;

	if (sk_X509_num(cas) <= 0)
		return get_plain(c);
	hash = hash_cas(cas);
	one = find(&c->stores, hash, cas);
	if (!one)
		one = add(c, hash, cas);
	if (!one)
		return NULL;
	X509_STORE_up_ref(one->store);
	return one->store;
}

void trust_stores_drop(struct trust_stores *stores)
{
	struct trust_store *one;

	X509_STORE_free(stores->plain);
	stores->plain = NULL;
	table_clear(&stores->by_cas);
	while ((one = stores->first)) {
		stores->first = one->next;
		free_one(one);
	}
}
