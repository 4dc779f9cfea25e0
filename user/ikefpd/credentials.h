/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The certificates, CRLs and public keys that were loaded, for all connections:
 * swanctl's x509, x509ca, x509crl and pubkey. There is nothing secret in them.
 */
#ifndef IKEFPD_CREDENTIALS_H
#define IKEFPD_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "buf.h"
#include "certificate.h"
#include "conf_source.h"
#include "credential_index.h"
#include "errmsg.h"
#include "trust_stores.h"

enum credential_kind {
	CREDENTIAL_CERT,	/* of an end entity: ours, or of a peer that is trusted by it */
	CREDENTIAL_CA,		/* a trust anchor, if it is issued by itself */
	CREDENTIAL_CRL,
	CREDENTIAL_PUBKEY	/* without a certificate */
};

struct credential {
	struct credential *next;
	enum credential_kind kind;
	enum conf_source source;
	X509 *cert;		/* one of these */
	X509_CRL *crl;
	EVP_PKEY *key;
	uint8_t authority_id[KEY_ID_LEN];	/* of a CA: certificate_authority_id() */
	struct credential_node *nodes;	/* by which it is found */
	size_t node_count;
	char *uri;		/* where it was fetched; NULL: it was loaded */
	bool added;		/* by itself, */
	unsigned int authorities;	/* or for so many of those */
};

struct credentials {
	struct credential *first;	/* in the order they were loaded */
	struct credential_index index;
	struct trust_stores stores;
	uint64_t loaded, fetched;	/* changes so far: of what was loaded, of fetched CRLs */
};

struct credentials *credentials_new(void);	/* NULL without memory */

/*
 * Reads one in DER or PEM, and adds it unless it is there. What is asked for as
 * CREDENTIAL_CERT and says that it is a CA becomes one. Returns 0, or -1 with @err set.
 */
int credentials_add(struct credentials *c, enum conf_source source,
		    enum credential_kind kind, const void *data, size_t len,
		    struct errmsg *err);
void credentials_clear(struct credentials *c, enum conf_source source);
/* But for what is the CA of an authority. */
void credentials_unload(struct credentials *c, enum conf_source source);
/*
 * The CA of an authority: there as long as it is that of one, or has been added besides. 0, or -1
 * with @err set.
 */
int credentials_add_authority(struct credentials *c, enum conf_source source, X509 *ca,
			      struct errmsg *err);
void credentials_remove_authority(struct credentials *c, enum conf_source source,
				  const X509 *ca);
/* What is of a file in @to makes place for all of @from. */
void credentials_replace_file(struct credentials *to, struct credentials *from);
void credentials_free(struct credentials *c);	/* NULL is fine */

/*
 * A CRL, in the place of what was fetched from the same place before, and of those of its CA whose
 * time is over. 0 or -ENOMEM.
 */
int credentials_put_fetched(struct credentials *c, const char *uri, X509_CRL *crl);
void credentials_clear_fetched(struct credentials *c);

/*
 * What was added by itself, in octets, and back again: what credentials_read() takes begins at
 * @data.
 */
void credentials_write(struct buf *out, const struct credentials *c);
int credentials_read(struct credentials *c, const uint8_t *data, size_t len,
		     struct errmsg *err);

/* It in DER, to be freed with OPENSSL_free(); its octets, or what is not positive. */
int credential_der(const struct credential *one, unsigned char **der);

/* Certificates that connections name have come or gone, which counts as a change of these. */
void credentials_changed(struct credentials *c);

/* Has it been loaded as an end entity's? */
bool credentials_has_cert(const struct credentials *c, const X509 *cert);
/* Or as a CA's? */
bool credentials_has_ca(const struct credentials *c, const X509 *ca);
/*
 * The end entities' with this identity, in the order they were loaded, without references; free
 * the list with sk_X509_free(). NULL if there are none, or no memory.
 */
STACK_OF(X509) *credentials_of_id(const struct credentials *c, const struct ike_id *id);
/* The CA that issued it, by its names; NULL if it is not there. */
X509 *credentials_issuer(const struct credentials *c, X509 *cert);

#endif /* IKEFPD_CREDENTIALS_H */
