/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What peers' chains are verified with: stores of CAs and CRLs, made once for all handshakes
 * between two changes of the credentials. Threads that verify with one hold a reference, and go
 * on with it when it is dropped here.
 */
#ifndef IKEFPD_TRUST_STORES_H
#define IKEFPD_TRUST_STORES_H

#include <openssl/x509.h>

#include "table.h"

struct credentials;
struct trust_store;

/* Zeroed: empty. */
struct trust_stores {
	X509_STORE *plain;	/* of what is loaded; NULL: to be made */
	struct table by_cas;	/* with connections' CAs besides */
	struct trust_store *first;
};

/*
 * That of all CAs and CRLs that are loaded, and of these CAs (may be NULL) besides: those of a
 * connection. What is verified with it is its own trust anchor if X509_V_FLAG_PARTIAL_CHAIN
 * is set. NULL without memory; free it with X509_STORE_free().
 */
X509_STORE *trust_stores_get(struct credentials *c, STACK_OF(X509) *cas);
/* CAs or CRLs have changed. */
void trust_stores_drop(struct trust_stores *stores);

#endif /* IKEFPD_TRUST_STORES_H */
