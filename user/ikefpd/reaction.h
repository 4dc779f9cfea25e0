/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is done when the peer takes a Child SA away (close_action), or gives no sign of life
 * (dpd_action): nothing, or a trap, or it is set up anew. In two steps, around its end.
 */
#ifndef IKEFPD_REACTION_H
#define IKEFPD_REACTION_H

#include <stddef.h>

#include "child_sa.h"
#include "config.h"

#define REACTION_MAX	64	/* Child SAs that are set up anew */

/* Zeroed at first. */
struct reaction {
	size_t n;
	const struct child_conf *restart[REACTION_MAX];	/* references */
};

/* A Child SA is about to go: its trap is there first. */
void reaction_note(struct reaction *r, const struct child_sa *child, enum child_action action);
/* It is gone: what is to be is set up anew. Any IKE SA may end by it. */
void reaction_run(struct reaction *r, struct ike_manager *m);

#endif
