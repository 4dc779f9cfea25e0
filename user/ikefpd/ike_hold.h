/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE_AUTH message that is held while the peer's signature and certificates are verified, and
 * until it is known whether they are revoked, and is then looked at once more, from its
 * beginning; or until our signature is there, for the answer. What else the peer sends has come
 * after it, and waits.
 */
#ifndef IKEFPD_IKE_HOLD_H
#define IKEFPD_IKE_HOLD_H

#include "ike_sa.h"

/*
 * Until ike_hold_look_again(): who verifies calls it, or who is waited for if the handshake's
 * waiter waits by now (revocation.h). Returns 0; or -ENOMEM: then nobody does any more.
 */
int ike_hold(struct ike_sa *sa, const struct kernel_message *msg);
/* May end the SA. */
void ike_hold_look_again(struct ike_sa *sa);
/* Does this one wait for the one that is held? If not, it is to be looked at now. */
bool ike_hold_next(struct ike_sa *sa, const struct kernel_message *msg);

/* Until ike_hold_take(). 0 or -ENOMEM. */
int ike_hold_keep(struct ike_sa *sa, const struct kernel_message *msg);
/*
 * The one that is kept, as it came; its octets are cleared by the caller when it is dealt
 * with. 0, or -errno if it cannot be parsed.
 */
int ike_hold_take(struct ike_sa *sa, struct kernel_message *msg, struct buf *octets,
		  struct payload_chain *chain);

#endif
