/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The signatures of a handshake: threads wait for them where there are any (jobs.h), and nobody
 * for those of tokens (tokens.h).
 */
#ifndef IKEFPD_IKE_SIGN_H
#define IKEFPD_IKE_SIGN_H

#include <stdbool.h>

#include "buf.h"
#include "signature.h"

struct ike_handshake;
struct ike_sa;

/*
 * Signs with the handshake's key and appends to @out. Returns 0; -EINPROGRESS if it is yet to
 * be made: ike_auth_signed() is called then, and the same asked once more; or an error of
 * secrets_key_sign(), or -EREMOTEIO of a token, which is logged, and in the handshake's failure.
 */
int ike_sign(struct ike_sa *sa, enum signature_id id, bool classic, const struct buf *octets,
	     struct buf *out);

/* Forgets them all. */
void ike_sign_end(struct ike_handshake *h);

#endif
