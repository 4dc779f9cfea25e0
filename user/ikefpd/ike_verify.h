/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The peer's signature and the certificates that vouch for its key: a thread verifies them
 * where there is one (jobs.h), while the message that they came with is held (ike_hold.h).
 */
#ifndef IKEFPD_IKE_VERIFY_H
#define IKEFPD_IKE_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "errmsg.h"
#include "payload.h"
#include "signature.h"

struct ike_handshake;
struct ike_sa;

/* A peer's AUTH payload, taken apart. */
struct ike_peer_signature {
	struct signature_scheme scheme;
	bool classic;
	const uint8_t *data;
	size_t len;
};

/*
 * Is it one over @octets of somebody who may be sa->remote_id, by the connection's settings and
 * what is loaded? 0; -1 with @err saying why not; or TRUST_WAIT, which is all that is known yet:
 * the message that is held by then (ike_hold()) is looked at once more, and it is to be asked
 * again. What was found out before stands then only if the connection is still the same, and
 * what it depends on; else it is found out anew.
 */
int ike_verify(struct ike_sa *sa, const struct payload_chain *chain,
	       const struct ike_peer_signature *signature, const struct buf *octets,
	       struct errmsg *err);

/* Nothing comes of it any more. */
void ike_verify_end(struct ike_handshake *h);

#endif
