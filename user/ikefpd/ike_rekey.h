/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rekeying an IKE SA, CREATE_CHILD_SA with a proposal for IKE, in both roles: RFC 7296
 * sections 1.3.2, 2.8, 2.18 and 2.25.2.
 */
#ifndef IKEFPD_IKE_REKEY_H
#define IKEFPD_IKE_REKEY_H

#include "agreement.h"
#include "ike_sa.h"

struct followup;

/* A request of ours that is outstanding. The answer may come to another daemon: it is stashed. */
struct ike_rekey {
	uint64_t spi;			/* our own, of the IKE SA to be */
	struct dh *dh;
	struct buf private;		/* dh's, for the stash: a thread may be at work with dh */
	unsigned int groups;		/* tried so far */
	struct buf nonce_i;
	bool sent;			/* the kernel has the request */
	/* The peer rekeys it, too (ike_sa's successor came of that): the lower nonce of it. */
	struct buf rival;
	uint8_t first_payload;		/* of: */
	struct buf response;		/* what came up, until it is worked off */
	bool resume;			/* of a daemon that is dead: ike_rekey_resume()'s turn */
	/* What the response says, while its additional key exchanges go on; not stashed. */
	struct agreement agreement;
	struct dh *next;		/* of the additional one that is under way */
	bool following;			/* IKE_FOLLOWUP_KE is outstanding */
	const struct proposal *chosen;
	uint64_t peer_spi;
	struct buf nonce_r;
};

/* An empty one. NULL without memory. */
struct ike_rekey *ike_rekey_new(void);

/* Is it for an IKE SA, or for a Child SA? */
bool ike_rekey_is_asked(const struct payload_chain *chain);
void ike_rekey_request(struct ike_sa *sa, const struct kernel_message *msg,
		       const struct payload_chain *chain);
/* For the next daemon, of a response that is not looked at yet: nothing if it is of another task. */
void ike_rekey_note_response(struct ike_sa *sa, const struct kernel_message *msg);
/* May end the SA. */
void ike_rekey_response(struct ike_sa *sa, const struct kernel_message *msg,
			const struct payload_chain *chain);
/*
 * The peer's additional key exchanges are over: the new IKE SA takes its place. Returns 0 and
 * *made, or the Notify to refuse with.
 */
uint16_t ike_rekey_followed(struct ike_sa *sa, struct followup *f,
			    const struct kernel_message *msg, struct ike_sa **made);
/*
 * The request that the daemon before was about to answer when it died comes once more. Of what
 * it had made of it the peer knows nothing. Of any other request: does nothing.
 */
void ike_rekey_undo(struct ike_sa *sa, const struct kernel_message *msg);
/*
 * The daemon before had the response, or its death has lost it. Once all IKE SAs are carried
 * on. May end the SA, and another one.
 */
void ike_rekey_resume(struct ike_sa *sa);

/* Task of ike_sa.c: always returns 0. */
int ike_rekey_start(struct ike_sa *sa);
/*
 * It is about to go. What it has taken the place of, and what has taken its own, are one
 * another's next: how many a peer may have that it does not delete has a bound.
 */
void ike_rekey_pass_on(const struct ike_sa *sa);
/* Wipes and frees what there is of an exchange of ours. */
void ike_rekey_end(struct ike_sa *sa);

/*
 * Has the peer's rekeying made it, while the answer to ours is still to come? Which of the two
 * stays is open: nothing but its own end is asked for on it.
 */
bool ike_rekey_undecided(const struct ike_sa *sa);
/* The one that is, in place of this one; or NULL. */
struct ike_sa *ike_rekey_rival(const struct ike_sa *sa);

/*
 * The peer deletes this IKE SA, which its rekeying has made: is it because it takes ours
 * instead (the answer to which is still to come)? Then what it has goes back.
 */
void ike_rekey_deleted(struct ike_sa *sa);

#endif
