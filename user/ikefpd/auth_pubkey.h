/* SPDX-License-Identifier: GPL-2.0 */
/* The AUTH payload with a signature: RFC 7296 section 2.15, RFC 7427, RFC 8420. */
#ifndef IKEFPD_AUTH_PUBKEY_H
#define IKEFPD_AUTH_PUBKEY_H

#include "ike_sa.h"

/*
 * Our AUTH payload over these octets, with what ike_certs_choose() chose. Returns 0;
 * -ENOTSUP if peer and connection leave no scheme for the key; or what the process of
 * the secrets says.
 */
int auth_pubkey_put(struct ike_sa *sa, struct payload_writer *w, const struct buf *octets);

/*
 * Is the peer's AUTH payload over these octets the signature of somebody who may be
 * sa->remote_id, with a certificate in @chain, or one or a key that was loaded? 0;
 * TRUST_WAIT if it is to be asked again once the message, which is to be held, is looked at
 * again (ike_verify.h); or -1 with @err saying why not.
 */
int auth_pubkey_check(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct payload *auth, const struct buf *octets,
		      struct errmsg *err);

#endif /* IKEFPD_AUTH_PUBKEY_H */
