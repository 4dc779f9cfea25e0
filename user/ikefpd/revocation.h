/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Has a certificate been revoked? What OCSP responders (RFC 6960) and CRLs at distribution
 * points (RFC 5280 section 4.2.1.13) say of it: those that the certificate names, or, if
 * its CA has some, those of the configuration. What was learnt is kept for as long as it is
 * good; what could not be learnt is not asked for again at once. Who has to wait for an
 * answer is told when it is there.
 */
#ifndef IKEFPD_REVOCATION_H
#define IKEFPD_REVOCATION_H

#include <stdbool.h>

#include <openssl/x509.h>

#include "config.h"

struct lookup;
struct revocation_info;

/* @lookup NULL: nothing is asked. NULL without memory. */
struct revocation_info *revocation_new(struct lookup *lookup, const struct config *config);
void revocation_free(struct revocation_info *r);
/* Forgets what was learnt. */
void revocation_flush(struct revocation_info *r);

enum revocation_answer {
	REVOCATION_GOOD,
	REVOCATION_REVOKED,
	REVOCATION_NO_URI,	/* nobody is said to know */
	REVOCATION_UNKNOWN,	/* somebody is, but has not answered */
	REVOCATION_WAIT		/* it is being asked for */
};

/* Somebody who waits: zeroed at first, kept until @ready was called or it was cancelled. */
struct revocation_waiter {
	void (*ready)(struct revocation_waiter *w);
	struct revocation_waiter *next, **link;	/* kept by revocation.c */
};

/*
 * OCSP first; then, unless a CRL that is good is there (@has_crl), CRLs: those that are
 * fetched are among config->credentials then. @issuer is the certificate that @cert was
 * verified with. If it is REVOCATION_WAIT, and @w is not NULL and waits for nothing yet, it
 * waits for this.
 */
enum revocation_answer revocation_ask(struct revocation_info *r, X509 *cert, X509 *issuer,
				      bool has_crl, struct revocation_waiter *w);
void revocation_cancel(struct revocation_waiter *w);

#endif
