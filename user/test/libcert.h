/* SPDX-License-Identifier: GPL-2.0 */
/* Certificates for tests, made with libcrypto. */
#ifndef IKEFP_TEST_LIBCERT_H
#define IKEFP_TEST_LIBCERT_H

#include <openssl/x509.h>

#define DAY	86400L

/* A certificate with its key. */
struct cert_pair {
	EVP_PKEY *key;
	X509 *cert;
};

struct cert_plan {
	const char *name;
	const struct cert_pair *issuer;	/* NULL: itself */
	const char *const *extensions;	/* name and value, NULL at the end */
	long from, until;		/* seconds from now; 0, 0: from yesterday, ten days */
	EVP_PKEY *key;			/* NULL: P-256 */
};

/* Signed with SHA-256; free it with cert_pair_free(). */
struct cert_pair cert_make(const struct cert_plan *plan);
void cert_pair_free(struct cert_pair *p);

/*
 * What an OCSP responder says of a certificate of @issuer's, from and until so many seconds from
 * now, be there no end (0). Its octets; *der is to be freed with OPENSSL_free().
 */
size_t ocsp_make(const struct cert_pair *responder, X509 *issuer, X509 *about, int status,
		 long from, long until, unsigned char **der);

#endif
