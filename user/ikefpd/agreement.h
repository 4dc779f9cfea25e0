/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The key exchanges of one CREATE_CHILD_SA: its own, if any, and the additional ones in the
 * IKE_FOLLOWUP_KE exchanges after it, RFC 9370 section 2.2.4. What is to be made of them waits
 * until the last one is over.
 */
#ifndef IKEFPD_AGREEMENT_H
#define IKEFPD_AGREEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "dh.h"
#include "ke_hold.h"
#include "payload.h"
#include "proposal.h"

#define LINK_LEN	8	/* octets of ours */
#define LINK_MAX	64	/* of a peer's */

struct agreement {
	uint16_t groups[ADDKE_MAX];	/* the additional ones that are agreed on */
	unsigned int n, done;
	struct buf first, more;		/* secrets: of the first one, of the others in a row */
	struct buf link;		/* by which the responder knows it, in the next request */
};

/* What the chosen proposal asks for. */
void agreement_begin(struct agreement *a, const struct proposal *chosen);
/* Wipes it. */
void agreement_clear(struct agreement *a);

static inline bool agreement_is_over(const struct agreement *a)
{
	return a->done == a->n;
}

/*
 * The shared secret of the exchange at hand; NULL: the peer's KE payload is not one of the group
 * that it should be of. Returns 0, -EBADMSG if its value is not valid, or another negative error.
 */
int agreement_add_first(struct agreement *a, const struct ke_secret *secret);
int agreement_add_next(struct agreement *a, const struct ke_secret *secret);

/* Of the next additional key exchange; 0: there is none. */
static inline uint16_t agreement_group(const struct agreement *a)
{
	return agreement_is_over(a) ? 0 : a->groups[a->done];
}

/* Initiator: the next request's payloads, with the key pair *dh. 0 or a negative error. */
int agreement_put_request(struct agreement *a, struct dh **dh, struct payload_writer *w);
/* Initiator: keeps the link of a response after which there is to be another request. */
int agreement_take_link(struct agreement *a, const struct payload_chain *chain);

/* Responder: appends a link, a new one. 0 or a negative error. */
int agreement_put_link(struct agreement *a, struct payload_writer *w);
/* Responder: is the request the next of this one? */
bool agreement_is_linked(const struct agreement *a, const struct payload_chain *chain);
/*
 * Responder: takes the secret of its request, as agreement_add_next(), and appends our KE
 * payload, and a link where there is to be another one. Returns 0, or the Notify to refuse with.
 */
uint16_t agreement_answer(struct agreement *a, const struct ke_secret *secret,
			  struct payload_writer *w);

#endif
