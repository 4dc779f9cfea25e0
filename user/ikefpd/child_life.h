/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How long a Child SA lives: it is rekeyed when the first of its lifetimes ends, and
 * deleted when the second does and nothing has come of that.
 */
#ifndef IKEFPD_CHILD_LIFE_H
#define IKEFPD_CHILD_LIFE_H

struct child_sa;

void child_life_init(struct child_sa *child);
/* It is installed: its lifetimes begin. */
void child_life_begin(struct child_sa *child);
/* It is carried on: they go on. Or one of them is another. */
void child_life_resume(struct child_sa *child);
/* Its rekeying came to nothing, for now. */
void child_life_retry(struct child_sa *child);
/* Nor ever will: it goes with its IKE SA, or when its life is over. */
void child_life_not_rekeyed(struct child_sa *child);
/* It has carried so much that it is to be rekeyed, or all that it ever will. */
void child_life_rekey_now(struct child_sa *child);
void child_life_spent(struct child_sa *child);
/* Another one has its place: the peer is to delete it. */
void child_life_wait(struct child_sa *child);
/* It is deleted, and goes by itself. */
void child_life_linger(struct child_sa *child);
/*
 * Another one for the same traffic is used in its stead for some seconds more: the peer need
 * not have it yet. Before child_life_begin().
 */
void child_life_prefer(struct child_sa *child);
void child_life_end(struct child_sa *child);

#endif
