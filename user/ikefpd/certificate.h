/* SPDX-License-Identifier: GPL-2.0 */
/* Certificates and public keys, one at a time: read, named, matched with identities. */
#ifndef IKEFPD_CERTIFICATE_H
#define IKEFPD_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "errmsg.h"
#include "id.h"

#define KEY_ID_LEN	20	/* of a SHA-1 hash */

/* In DER or PEM, nothing behind it in DER. NULL if it is none. */
X509 *certificate_read(const void *data, size_t len);
X509_CRL *crl_read(const void *data, size_t len);
/* A SubjectPublicKeyInfo in DER or PEM, or PKCS#1's RSA public key in PEM. */
EVP_PKEY *public_key_read(const void *data, size_t len);

/* The subject, for people. Returns buf. */
const char *certificate_str(const X509 *cert, char buf[ID_STRLEN]);
const char *name_str(const X509_NAME *name, char buf[ID_STRLEN]);

/* The subject as an identity. 0 or -ENOMEM. */
int certificate_subject(const X509 *cert, struct ike_id *id);

/* SHA-1 of the SubjectPublicKeyInfo, by which CERTREQ names CAs. 0 or -EIO. */
int certificate_authority_id(const X509 *cert, uint8_t id[KEY_ID_LEN]);

/* key_id() (signature.h) of its key. 0 or -EIO. */
int certificate_key_id(const X509 *cert, uint8_t id[KEY_ID_LEN]);

/* Basic constraints that say so; of version 1, what is issued by itself. */
bool certificate_is_ca(X509 *cert);
bool certificate_is_self_issued(X509 *cert);

/*
 * Is this the subject, one of the subjectAltNames, or for a KEY_ID the key's identifier?
 * An FQDN is not looked for in the subject (RFC 4945 section 3.1.2).
 */
bool certificate_has_id(X509 *cert, const struct ike_id *id);
/*
 * By which it is found (table.h): what certificate_has_id() says yes to has the hash of one of
 * the certificate's, each of which is there once. *hashes is to be freed; 0 or -ENOMEM.
 */
uint64_t certificate_id_hash(const struct ike_id *id);
int certificate_id_hashes(X509 *cert, uint64_t **hashes, size_t *n);

/* May it authenticate IKE peers (RFC 4945 section 5.1.3)? 0, or -1 with @err set. */
int certificate_check_usage(X509 *cert, struct errmsg *err);

#endif /* IKEFPD_CERTIFICATE_H */
