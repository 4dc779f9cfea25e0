/* SPDX-License-Identifier: GPL-2.0 */
/* Is a peer's certificate to be trusted? RFC 5280, RFC 4945, and what its connection asks. */
#ifndef IKEFPD_TRUST_H
#define IKEFPD_TRUST_H

#include <openssl/x509.h>

#include "config.h"
#include "credentials.h"
#include "errmsg.h"
#include "revocation.h"

/* It is not known yet: to be asked again. */
#define TRUST_WAIT	1

/* Somebody who says that a certificate is his. */
struct trust_peer {
	X509 *cert;
	STACK_OF(X509) *others;	/* intermediate CAs' that came along with it; NULL: none */
	/*
	 * Is it? 0, or -1 with @err set. Called by trust_verify() when all else is known to be
	 * good, before anybody is asked if it is revoked. NULL: it is.
	 */
	int (*prove)(const struct trust_peer *peer, struct errmsg *err);
};

/*
 * What is asked, with all that the answer depends on as it was then: what becomes of the
 * configuration meanwhile is nothing to it. All but trust_verify() is the loop's.
 */
struct trust_case;

/*
 * A certificate that was loaded itself needs no CA, but for what @conf asks. @peer is kept
 * until trust_close(), and of @conf its ca_id and cert_policies. NULL with @err naming what is
 * wrong, and with which certificate.
 */
struct trust_case *trust_open(struct credentials *credentials, const struct auth_conf *conf,
			      const struct trust_peer *peer, struct errmsg *err);
/* Verifies all signatures, in any thread, once. 0, or -1 if it is not to be trusted. */
int trust_verify(struct trust_case *tc);
/*
 * When that has returned: what it said, with @err set likewise; and is any of the chain
 * revoked? @r NULL: nobody is asked. 0, -1, or TRUST_WAIT, for which @w waits if not NULL; then
 * it may be called once more, as long as trust_is_current().
 */
int trust_conclude(struct trust_case *tc, struct revocation_info *r, struct revocation_waiter *w,
		   struct errmsg *err);
/* Why it was refused, of X509_V_ERR_*; 0: for something else. */
int trust_error(const struct trust_case *tc);
/* Would it be verified with the same now? Newer CRLs do not matter where there were good ones. */
bool trust_is_current(const struct trust_case *tc, const struct credentials *credentials);
void trust_close(struct trust_case *tc);	/* NULL is fine */

/* Is the key as long as @conf asks? 0, or -1 with @err set. */
int trust_check_key(const struct auth_conf *conf, const EVP_PKEY *key, struct errmsg *err);

#endif /* IKEFPD_TRUST_H */
