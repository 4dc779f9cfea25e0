/* SPDX-License-Identifier: GPL-2.0 */
/* Distinguished names: ID_DER_ASN1_DN, in DER, and as swanctl.conf writes them. */
#ifndef IKEFPD_DN_H
#define IKEFPD_DN_H

#include <stddef.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "buf.h"

/*
 * "C=CH, O=Example, CN=gw" in DER; "/" may separate as well as ",". A value may be in
 * double quotes. Returns 0, -EINVAL with *why a constant text, or -ENOMEM.
 */
int dn_parse(struct buf *der, const char *text, const char **why);
int dn_from_name(struct buf *der, const X509_NAME *name);

/*
 * Does a name fit a configured one, in which "*" stands for any value? Without regard
 * to case and string type. 0: no; 2: by wildcards; 3: it is the very name.
 */
int dn_match(const uint8_t *configured, size_t configured_len, const uint8_t *name,
	     size_t len);

/*
 * The same for names that X509_NAME_cmp() takes for the same, whatever their case, blanks and
 * string types (table.h).
 */
uint64_t dn_hash(const X509_NAME *name);
/* Of a name in DER; one that cannot be read has some hash, too. */
uint64_t dn_hash_der(const uint8_t *name, size_t len);

/* For people, cut to fit. Returns out; NULL if it is no name. */
const char *dn_str(const uint8_t *der, size_t len, char *out, size_t size);

#endif /* IKEFPD_DN_H */
