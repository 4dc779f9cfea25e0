/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CAs of whom the configuration says where their CRLs and OCSP responders are. A CA's certificate
 * may be on a token (token_certs.h): until it is read, nothing is of that CA.
 */
#ifndef IKEFPD_AUTHORITY_H
#define IKEFPD_AUTHORITY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/x509.h>

#include "buf.h"
#include "conf_source.h"
#include "errmsg.h"
#include "tree.h"

struct token_cert_ref;

struct authority {
	struct authority *next;
	enum conf_source source;
	char *name;
	X509 *cert;			/* NULL: it is not there yet, but will come from: */
	struct token_cert_ref *token;	/* NULL: it is on none */
	char **crl_uris, **ocsp_uris;
	size_t crl_uri_count, ocsp_uri_count;
	struct buf section;	/* what it was loaded from, encoded */
};

/* From its section, whose cacert is what the file holds. NULL with @err set. */
struct authority *authority_read(const struct tree *section, enum conf_source source,
				 struct errmsg *err);
void authority_free(struct authority *a);	/* NULL is fine */

/* Lists: puts one in the place of one of its name; removes one, -ENOENT; all of a source. */
void authority_put(struct authority **list, struct authority *a);
int authority_remove(struct authority **list, const char *name);
void authority_clear(struct authority **list, enum conf_source source);
/* That of this very CA, or NULL. */
const struct authority *authority_of(const struct authority *list, const X509 *ca);

#endif
