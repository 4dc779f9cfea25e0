/* SPDX-License-Identifier: GPL-2.0 */
/* The IKE_SA_INIT exchange: RFC 7296 sections 1.2, 2.6, 2.7 and 2.23. */
#ifndef IKEFPD_IKE_INIT_H
#define IKEFPD_IKE_INIT_H

#include "ike_sa.h"

/*
 * Initiator: sends the request, with the COOKIE of RFC 7296 section 2.6 if any. The kernel has the
 * SA, and the handshake a key and a nonce. Returns 0 or a negative error.
 */
int ike_init_send(struct ike_sa *sa);
/* Another key of its own for the handshake. Returns 0 or a negative error. */
int ike_init_new_key(struct ike_handshake *h, uint16_t group);

/* Initiator: a response, which nobody has authenticated. May end the SA. */
void ike_init_response(struct ike_sa *sa, const struct kernel_message *msg);

/* Responder: a new SA that the kernel has made, msg->spi_local its SPI. */
void ike_init_request(struct ike_manager *m, const struct kernel_message *msg);

#endif
