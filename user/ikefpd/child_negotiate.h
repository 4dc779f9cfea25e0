/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The payloads that make a Child SA, in whatever exchange they travel: SA, TSi
 * and TSr. RFC 7296 sections 1.2, 2.7, 2.9 and 2.17.
 */
#ifndef IKEFPD_CHILD_NEGOTIATE_H
#define IKEFPD_CHILD_NEGOTIATE_H

#include <stddef.h>
#include <stdint.h>

#include "child_sa.h"
#include "ike_sa.h"
#include "payload.h"

/* Initiator: appends SAi2, TSi, TSr. Returns 0 or a negative error. */
int child_offer(struct child_sa *child, struct payload_writer *w);

enum child_outcome {
	CHILD_ACCEPTED,		/* installed */
	CHILD_REFUSED,		/* the peer did not make it */
	CHILD_UNWANTED,		/* the peer made it, but not as offered; or we cannot */
};

/*
 * Initiator: checks the answer against the offer and installs. In the other two
 * cases reason says why, and nothing of it is in the kernel but the inbound SPI.
 */
enum child_outcome child_accept(struct child_sa *child,
				const struct payload_chain *chain,
				const struct ike_handshake *h,
				char *reason, size_t len);

/*
 * Responder: chooses among the connection's children, installs, and appends SAr2,
 * TSi, TSr. Returns 0 and *child, or the Notify type to refuse with: w is as it
 * was then.
 */
uint16_t child_answer(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct ike_handshake *h, struct child_sa **child,
		      struct payload_writer *w);

#endif
