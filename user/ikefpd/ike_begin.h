/* SPDX-License-Identifier: GPL-2.0 */
/* How an IKE SA that we initiate begins, and by what way (transport.h). */
#ifndef IKEFPD_IKE_BEGIN_H
#define IKEFPD_IKE_BEGIN_H

#include "ike_sa.h"

/*
 * Gives it an SPI, makes the kernel's SA and sends IKE_SA_INIT, by TCP perhaps later. sa->local
 * and sa->remote are set, for UDP, or sa->local is a stream's. Returns 0 or a negative error.
 */
int ike_begin(struct ike_sa *sa);
/*
 * The same by TCP, once there is a connection (stream.h), with its endpoints. What was sent by
 * UDP is of no more use, and all begins anew; unless that was answered just now. And by UDP,
 * where there is none. May end the SA.
 */
void ike_begin_by_stream(struct ike_sa *sa, const struct endpoint *local,
			 const struct endpoint *remote);
void ike_begin_by_udp(struct ike_sa *sa);

#endif
