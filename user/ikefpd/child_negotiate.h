/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The payloads that make a Child SA, in whatever exchange they travel: SA, TSi
 * and TSr. RFC 7296 sections 1.2, 2.7, 2.9 and 2.17.
 */
#ifndef IKEFPD_CHILD_NEGOTIATE_H
#define IKEFPD_CHILD_NEGOTIATE_H

#include <stddef.h>
#include <stdint.h>

#include "agreement.h"
#include "child_sa.h"
#include "ike_sa.h"
#include "payload.h"

/*
 * What its keys are made of. In CREATE_CHILD_SA (create) the nonces are the exchange's own
 * and travel along, as does a KE payload where a DH group is negotiated.
 */
struct child_keying {
	uint16_t prf;
	const uint8_t *sk_d;
	const struct buf *nonce_i, *nonce_r;
	bool create;
	struct dh *dh;		/* the initiator's; NULL: it sends no KE payload */
	struct agreement *agreement;	/* of CREATE_CHILD_SA */
	const struct ke_secret *secret;	/* of the peer's KE payload; NULL: of none that counts */
};

/*
 * Initiator: appends SA, with CREATE_CHILD_SA Ni and KEi, TSi, TSr. Returns 0 or a
 * negative error.
 */
int child_offer(struct child_sa *child, const struct child_keying *keying,
		struct payload_writer *w);

/* Refused with this Notify, by the peer or by us: who watches is told of what does not fit. */
void child_alert_refusal(const struct ike_sa *sa, uint16_t refusal);

enum child_outcome {
	CHILD_ACCEPTED,		/* installed */
	CHILD_FOLLOWS,		/* the keying's agreement is not over yet: then child_finish() */
	CHILD_REFUSED,		/* the peer did not make it */
	CHILD_UNWANTED,		/* the peer made it, but not as offered; or we cannot */
};

/*
 * Initiator: checks the answer against the offer and installs; old is the one that it
 * takes the place of, or NULL. In the last two cases reason says why, and nothing of it
 * is in the kernel but the inbound SPI.
 */
enum child_outcome child_accept(struct child_sa *child,
				const struct payload_chain *chain,
				const struct child_keying *keying,
				struct child_sa *old, char *reason, size_t len);

/* Initiator: installs it when all key exchanges are over. CHILD_ACCEPTED or CHILD_UNWANTED. */
enum child_outcome child_finish(struct child_sa *child, const struct child_keying *keying,
				struct child_sa *old, char *reason, size_t len);

/*
 * Responder: the group of the KE payload whose secret child_answer() has to have; 0: it needs
 * none, be it that it refuses. Changes nothing.
 */
uint16_t child_answer_group(const struct ike_sa *sa, const struct payload_chain *chain,
			    const struct child_sa *old);

/*
 * Responder: chooses among the connection's children, or takes that of the Child SA old
 * that is rekeyed; installs, unless the keying's agreement is not over yet, and appends SA,
 * with CREATE_CHILD_SA Nr and KEr, TSi, TSr. Returns 0 and *child, or the Notify type to refuse
 * with: w is as it was then, and for INVALID_KE_PAYLOAD *group is the one to use.
 */
uint16_t child_answer(struct ike_sa *sa, const struct payload_chain *chain,
		      const struct child_keying *keying, struct child_sa *old,
		      struct child_sa **child, uint16_t *group, struct payload_writer *w);

/* Responder: installs it when all key exchanges are over. 0 or a negative error. */
int child_finish_answer(struct child_sa *child, const struct child_keying *keying,
			struct child_sa *old);

#endif
