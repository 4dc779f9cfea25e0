/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How many IKE SAs there may be with a peer: INITIAL_CONTACT (RFC 7296 section 2.4) and
 * connections.<c>.unique, as charon does it.
 *
 * With a peer means: between the same identities, over the same family of addresses. What
 * unique says is about the IKE SAs of one connection: two gateways may have several.
 */
#ifndef IKEFPD_IKE_UNIQUE_H
#define IKEFPD_IKE_UNIQUE_H

#include <stdbool.h>

#include "ike_sa.h"

/* Initiator: is this one the first, so that the peer is to be told? */
bool ike_unique_is_first(const struct ike_sa *sa);

/* Responder: is the one that the peer has just authenticated for refused (keep)? */
bool ike_unique_is_refused(const struct ike_sa *sa, bool initial_contact);

/* Then the first of those that are kept stays, and its duplicates go. */
void ike_unique_keep_first(struct ike_sa *sa);

/* Responder: and has sent INITIAL_CONTACT with. Those before go. */
void ike_unique_initial_contact(struct ike_sa *sa);

/* It is established, and has been answered. What it takes the place of is to go (replace). */
void ike_unique_established(struct ike_sa *sa);

/* Its duplicate_ms has come: it goes, unless it is the last one. May end it. */
void ike_unique_expired(struct ike_sa *sa);

#endif
