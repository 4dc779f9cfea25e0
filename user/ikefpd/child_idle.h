/* SPDX-License-Identifier: GPL-2.0 */
/* A Child SA that carries nothing for a time (inactivity) is deleted. */
#ifndef IKEFPD_CHILD_IDLE_H
#define IKEFPD_CHILD_IDLE_H

#include "child_sa.h"

/* It is installed, in the place of old or of none (NULL). Before child_life_begin(). */
void child_idle_begin(struct child_sa *child, const struct child_sa *old);
/* It is carried on, or has another configuration. */
void child_idle_resume(struct child_sa *child);
/* child->idle_ms is over, by what was known: it is deleted if it still is. */
void child_idle_expired(struct child_sa *child);

#endif
