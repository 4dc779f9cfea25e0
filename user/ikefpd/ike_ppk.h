/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Postquantum preshared keys, RFC 8784: SK_d, SK_pi and SK_pr have one in them, which the
 * process of the secrets mixes in. Each function that may refuse returns 0, or -1 with why.
 */
#ifndef IKEFPD_IKE_PPK_H
#define IKEFPD_IKE_PPK_H

#include <stdbool.h>

#include "errmsg.h"
#include "ike_sa.h"

/* Initiator: does the connection name one that can be asked for? */
bool ike_ppk_is_wanted(const struct conn *conn);

/* N(USE_PPK) of IKE_SA_INIT. */
void ike_ppk_put_use(struct payload_writer *w);

/* Initiator, before IKE_AUTH: use_ppk and ppk_keys are what they are to be. */
int ike_ppk_request(struct ike_sa *sa, struct errmsg *why);
/* N(PPK_IDENTITY) of its request. */
void ike_ppk_put_identity(struct payload_writer *w, const struct conn *conn);
/* Initiator: and now what they are, as the response says. */
int ike_ppk_response(struct ike_sa *sa, const struct payload_chain *chain, struct errmsg *why);

/*
 * Responder: likewise, as the request says, whose connection is known. @auth is empty, and then
 * the body of the AUTH payload that is to be checked: the one there is, or what NO_PPK_AUTH has.
 */
int ike_ppk_answer(struct ike_sa *sa, const struct payload_chain *chain,
		   const struct payload *found, struct buf *auth, struct errmsg *why);

/* Both ends have proved who they are: those keys are the IKE SA's from now on. */
void ike_ppk_apply(struct ike_sa *sa);

#endif
