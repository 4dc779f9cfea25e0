/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IKE_AUTH exchange with a shared key or signatures, and its Child SA: RFC 7296 sections
 * 1.2, 2.9, 2.15, 2.17 and 2.21.2.
 */
#ifndef IKEFPD_IKE_AUTH_H
#define IKEFPD_IKE_AUTH_H

#include "ike_sa.h"

/* Initiator: sends the request. May end the SA. */
void ike_auth_start(struct ike_sa *sa);
/* Both: the signature that was being made is there (ike_sign.h). May end the SA. */
void ike_auth_signed(struct ike_sa *sa);

/* Initiator: may end the SA. */
void ike_auth_response(struct ike_sa *sa, const struct kernel_message *msg,
		       const struct payload_chain *chain);

/* Responder: may end the SA. */
void ike_auth_request(struct ike_sa *sa, const struct kernel_message *msg,
		      const struct payload_chain *chain);

#endif
