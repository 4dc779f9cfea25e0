/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_SELECTOR_H
#define IKEFPD_SELECTOR_H

#include <linux/xfrm.h>

#include "ts.h"
#include "xfrm.h"

/*
 * A pair of traffic selectors as XFRM has them: a prefix and a mask of ports in place of
 * each range, the smallest that hold it. Two pairs may well come to the same.
 */
void selector_of(struct xfrm_selector *sel, const struct ts *src, const struct ts *dst);


/* What the kernel tells this policy from others by. */
struct xfrm_policy_key selector_key(const struct xfrm_policy *p);

#endif
