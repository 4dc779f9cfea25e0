/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long an IKE SA lives: when it is rekeyed, when it ends if that came to nothing, and
 * how long one whose place another one has taken waits for its DELETE.
 */
#ifndef IKEFPD_IKE_LIFE_H
#define IKEFPD_IKE_LIFE_H

#include "ike_sa.h"

void ike_life_init(struct ike_sa *sa);
/* It is established: as its connection says, from now on. */
void ike_life_begin(struct ike_sa *sa);
/* Its times are known already, or one is another. */
void ike_life_resume(struct ike_sa *sa);
/* Rekeying failed, and is to be tried again. */
void ike_life_retry(struct ike_sa *sa);
/* The peer rekeys nothing: it is to be reauthenticated in the place of that, and not at once. */
void ike_life_reauth(struct ike_sa *sa);
/*
 * The peer's rekeying was refused for what we were just doing. It will try again; until then,
 * or for some seconds, no Child SA of it is rekeyed: with many that are, one would be in the
 * way each time.
 */
void ike_life_yield(struct ike_sa *sa);
/* Another one has its place: the peer is to delete it. */
void ike_life_wait(struct ike_sa *sa);
/*
 * It has been replaced, and goes once what the peer wanted in its place is gone, or that should
 * long be: ike_life_rival_is_gone().
 */
void ike_life_wait_for_rival(struct ike_sa *sa);
void ike_life_rival_is_gone(struct ike_sa *sa);
void ike_life_end(struct ike_sa *sa);

#endif
