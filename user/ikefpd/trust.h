/* SPDX-License-Identifier: GPL-2.0 */
/* Is a peer's certificate to be trusted? RFC 5280, RFC 4945, and what its connection asks. */
#ifndef IKEFPD_TRUST_H
#define IKEFPD_TRUST_H

#include <openssl/x509.h>

#include "config.h"
#include "credentials.h"
#include "errmsg.h"

/*
 * @others, which may be NULL, are intermediate CAs' that came along with it. A
 * certificate that was loaded itself needs no CA, but for what @conf asks. Returns 0, or
 * -1 with @err naming what is wrong, and with which certificate.
 */
int trust_check(struct credentials *credentials, const struct auth_conf *conf, X509 *cert,
		STACK_OF(X509) *others, struct errmsg *err);

/* Is the key as long as @conf asks? 0, or -1 with @err set. */
int trust_check_key(const struct auth_conf *conf, const EVP_PKEY *key, struct errmsg *err);

#endif /* IKEFPD_TRUST_H */
