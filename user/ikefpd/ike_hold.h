/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE_AUTH message that is held until it is known whether the peer's certificate is
 * revoked, and is then looked at once more, from its beginning; or until our signature is
 * there, for the answer.
 */
#ifndef IKEFPD_IKE_HOLD_H
#define IKEFPD_IKE_HOLD_H

#include "ike_sa.h"

/*
 * Until the handshake's waiter is called (revocation.h), which waits by now. Returns 0; or
 * -EINVAL if it does not, or -ENOMEM: then nobody waits.
 */
int ike_hold(struct ike_sa *sa, const struct kernel_message *msg);

/* Until ike_hold_take(). 0 or -ENOMEM. */
int ike_hold_keep(struct ike_sa *sa, const struct kernel_message *msg);
/*
 * The one that is kept, as it came; its octets are cleared by the caller when it is dealt
 * with. 0, or -errno if it cannot be parsed.
 */
int ike_hold_take(struct ike_sa *sa, struct kernel_message *msg, struct buf *octets,
		  struct payload_chain *chain);

#endif
