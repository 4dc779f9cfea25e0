/* SPDX-License-Identifier: GPL-2.0 */
/* Is a peer's certificate to be trusted? RFC 5280, RFC 4945, and what its connection asks. */
#ifndef IKEFPD_TRUST_H
#define IKEFPD_TRUST_H

#include <openssl/x509.h>

#include "config.h"
#include "credentials.h"
#include "errmsg.h"
#include "revocation.h"

/* It is not known yet if one of the chain is revoked: to be asked again. */
#define TRUST_WAIT	1

/* Somebody who says that a certificate is his. */
struct trust_peer {
	X509 *cert;
	STACK_OF(X509) *others;	/* intermediate CAs' that came along with it; NULL: none */
	/*
	 * Is it? 0, or -1 with @err set. Called when all else is known to be good, before
	 * anybody is asked if it is revoked. NULL: it is.
	 */
	int (*prove)(const struct trust_peer *peer, struct errmsg *err);
	struct revocation_waiter *waiter;	/* for TRUST_WAIT; NULL: nobody waits */
};

/*
 * A certificate that was loaded itself needs no CA, but for what @conf asks. @r NULL: nobody
 * is asked what is revoked. Returns 0, TRUST_WAIT, or -1 with @err naming what is wrong, and
 * with which certificate.
 */
int trust_check(struct credentials *credentials, struct revocation_info *r,
		const struct auth_conf *conf, const struct trust_peer *peer,
		struct errmsg *err);

/* Is the key as long as @conf asks? 0, or -1 with @err set. */
int trust_check_key(const struct auth_conf *conf, const EVP_PKEY *key, struct errmsg *err);

#endif /* IKEFPD_TRUST_H */
