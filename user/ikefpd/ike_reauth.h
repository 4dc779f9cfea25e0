/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reauthentication, RFC 7296 section 2.8.3: a new IKE SA with Child SAs of its own is set up
 * beside the old one, which is deleted once all is there (make before break). Nothing is
 * taken away for one that cannot be set up.
 *
 * The peer may do the same: child_sa.h says what goes through which Child SA meanwhile.
 */
#ifndef IKEFPD_IKE_REAUTH_H
#define IKEFPD_IKE_REAUTH_H

#include <stdbool.h>

#include "ike_sa.h"

/* Unless that is under way. One without Child SAs is deleted: may end it. */
void ike_reauth_start(struct ike_sa *sa);
/*
 * From another address than its own, which is gone: who has nothing to say there any more
 * need not be waited for.
 */
void ike_reauth_from(struct ike_sa *sa, const struct endpoint *local);
/*
 * By UDP, of one that goes by TCP: if IKE_SA_INIT is not answered it is over, and nothing has
 * changed. Returns whether it was begun.
 */
bool ike_reauth_by_udp(struct ike_sa *sa);
/* It would not end it: is_under_way() is not, and there is something to set up anew. */
bool ike_reauth_is_possible(const struct ike_sa *sa);
bool ike_reauth_is_under_way(const struct ike_sa *sa);

/* The new one has begun anew, under another SPI. */
void ike_reauth_renamed(const struct ike_sa *sa);
/* Does the new one leave nothing to do for the old one, which is where this host is no more? */
bool ike_reauth_takes_over(const struct ike_sa *sa);
/* Who the peer of the new one is to be: that of the old one. NULL: it is none. */
const struct ike_id *ike_reauth_peer(const struct ike_sa *sa);
/* Another IKE SA, by a rekeying, has its place: as the old one, and as the new one. */
void ike_reauth_goes_over(struct ike_sa *from, struct ike_sa *to);
/* The new one is established, with its first Child SA: it asks for the others, too. */
void ike_reauth_established(struct ike_sa *sa);
/* The daemon before was about to go on with it; once all IKE SAs are carried on. */
bool ike_reauth_is_idle(const struct ike_sa *sa);
void ike_reauth_resume(struct ike_sa *sa);
/* Nothing is outstanding on the new one: the old one, or this, goes. May end either. */
void ike_reauth_settle(struct ike_sa *sa);

#endif
