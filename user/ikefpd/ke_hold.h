/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message of CREATE_CHILD_SA or IKE_FOLLOWUP_KE that is held while a thread makes the shared
 * secret of its key exchange (dh_job.h). It counts as not there yet: whatever happens meanwhile
 * has come before it, and it is looked at from its beginning, once more, with the secret at
 * hand. What else the peer sends has come after it, and waits.
 */
#ifndef IKEFPD_KE_HOLD_H
#define IKEFPD_KE_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dh;
struct ike_sa;
struct kernel_message;
struct payload_chain;

/* What was made of a message's KE payload; until the function that it was handed to returns. */
struct ke_secret {
	struct dh *dh;		/* ours */
	int err;		/* as of dh_shared() */
	const uint8_t *data;
	size_t len;
};

/* May end the SA. */
typedef void (*ke_hold_fn)(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain, const struct ke_secret *secret);

/*
 * Holds the message until there is the secret of @dh, which is ours to free from now on, and of
 * the peer's value. Calls @fn once: later in the loop, unless the SA ends before; or, where
 * there is no thread or no memory, before it returns. May end the SA.
 */
void ke_hold_begin(struct ike_sa *sa, const struct kernel_message *msg,
		   const struct payload_chain *chain, struct dh *dh, const uint8_t *peer,
		   size_t peer_len, ke_hold_fn fn);
/* Does this one wait? If not, it is to be looked at now. */
bool ke_hold_keep(struct ike_sa *sa, const struct kernel_message *msg);
/* Is it a request of the peer's that is held? */
bool ke_hold_is_of_request(const struct ike_sa *sa);
/* Wipes and frees what is held; nothing comes of it any more. */
void ke_hold_end(struct ike_sa *sa);

#endif
