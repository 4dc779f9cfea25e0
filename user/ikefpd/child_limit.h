/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much the ESP SAs of a Child SA carry: the kernel counts, and says when it is to be
 * replaced, and when one has gone.
 */
#ifndef IKEFPD_CHILD_LIMIT_H
#define IKEFPD_CHILD_LIMIT_H

#include <stdbool.h>

#include "child_sa.h"
#include "config.h"
#include "xfrm.h"

bool child_limit_is_set(const struct child_conf *conf);
/* Of one ESP SA: rekeyed after what the settings say less a part by chance. */
struct xfrm_limits child_limit_choose(const struct child_conf *conf);

/*
 * One of its ESP SAs may have reached its soft limits: then it is rekeyed. Or its hard ones:
 * then it ends, and is set up anew.
 */
void child_limit_reached(struct child_sa *child);
/* Whether one has is asked of the kernel, and what follows comes in the loop's next turn. */
void child_limit_look(struct child_sa *child);

#endif
