/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IKE_FOLLOWUP_KE exchange, for the responder: what the peer has asked for in a
 * CREATE_CHILD_SA waits here until its additional key exchanges are over (RFC 9370 section
 * 2.2.4), for a minute at most.
 */
#ifndef IKEFPD_FOLLOWUP_H
#define IKEFPD_FOLLOWUP_H

#include "agreement.h"
#include "ike_sa.h"

struct followup {
	struct followup *next;
	struct ike_sa *sa;
	struct agreement agreement;
	struct buf nonce_i, nonce_r;
	struct loop_timer timer;
	/* For a Child SA: our inbound SPI of it, and that of the one to be replaced; 0: none. */
	uint32_t spi, old;
	/* For an IKE SA: what was chosen, and the SPIs. */
	const struct proposal *chosen;
	uint64_t spi_i, spi_r;
};

/*
 * A new one, in the place of the oldest where there are too many. Takes over what the agreement
 * and the nonces have. NULL without memory: they are as they were.
 */
struct followup *followup_new(struct ike_sa *sa, struct agreement *agreement,
			      struct buf *nonce_i, struct buf *nonce_r);
/* Ends one, or all, and what was to come of them. */
void followup_drop(struct followup *f);
void followup_end(struct ike_sa *sa);

/*
 * The Child SA with this inbound SPI of ours goes: nothing is to come of it, or to take its place
 * any more.
 */
void followup_child_gone(struct ike_sa *sa, uint32_t spi_in);
/* The peer deletes the Child SA with this outbound SPI before it is there. */
void followup_unwanted(struct ike_sa *sa, uint32_t spi_out);

/* Is what the peer does already, or all but, to be waited for? */
bool followup_forbids(const struct ike_sa *sa, const struct ike_task *task);

/* May end the SA. */
void followup_request(struct ike_sa *sa, const struct kernel_message *msg,
		      const struct payload_chain *chain);

#endif
