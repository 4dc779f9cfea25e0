/* SPDX-License-Identifier: GPL-2.0 */
/* The IKE_SA_INIT exchange: RFC 7296 sections 1.2, 2.6, 2.7 and 2.23. */
#ifndef IKEFPD_IKE_INIT_H
#define IKEFPD_IKE_INIT_H

#include "ike_sa.h"

/*
 * Initiator: makes the kernel's SA and sends the first request, by TCP perhaps later. sa->local
 * and sa->remote are set, for UDP, or sa->local is a stream's. Returns 0 or a negative error.
 */
int ike_init_start(struct ike_sa *sa);

/*
 * Initiator: the same by TCP, once there is a connection (stream.h), with its endpoints. What was
 * sent by UDP is of no more use, and all begins anew; unless that was answered just now. And by
 * UDP, where there is none. May end the SA.
 */
void ike_init_by_stream(struct ike_sa *sa, const struct endpoint *local,
			const struct endpoint *remote);
void ike_init_by_udp(struct ike_sa *sa);

/* Initiator: a response, which nobody has authenticated. May end the SA. */
void ike_init_response(struct ike_sa *sa, const struct kernel_message *msg);

/* Responder: a new SA that the kernel has made, msg->spi_local its SPI. */
void ike_init_request(struct ike_manager *m, const struct kernel_message *msg);

#endif
