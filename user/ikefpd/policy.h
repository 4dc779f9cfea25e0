/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The policies of all Child SAs, traps and shunts (trap.h). The kernel has one policy for a
 * selector, but several may want it (a Child SA and its trap, a peer that came back before
 * its old SA went, or two ranges that the same prefix holds): what lets pass comes before a
 * Child SA, that before a trap, that before what drops; of equals the newest has it; and
 * when that one goes the next one gets it.
 */
#ifndef IKEFPD_POLICY_H
#define IKEFPD_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "table.h"
#include "ts.h"
#include "xfrm.h"

struct child_sa;
struct stale;

/* By direction and selectors. Zeroed at first. */
struct policy_table {
	struct table policies;
	bool adopting;
	struct stale *stale;	/* while adopting: the kernel has one of a Child SA that went */
};

/* strongSwan's priority of a policy: the more specific, the smaller. */
uint32_t policy_priority(const struct ts *src, const struct ts *dst);

/*
 * Installs out, in and fwd policies for each pair of the Child SA's selectors.
 * Returns 0, or a negative error; then it has what it had of them before.
 */
int policy_install(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child);
/*
 * The same for one whose policies are installed: of several the newest has them, in
 * whatever order they are adopted. Returns 0 or -ENOMEM, and has none.
 * From begin to end no policy is taken from the kernel: what one Child SA has no use for
 * may be that of one yet to be adopted. @all were.
 */
void policy_adopt_begin(struct policy_table *table);
int policy_adopt(struct policy_table *table, struct child_sa *child);
void policy_adopt_end(struct policy_table *table, struct xfrm *xfrm, bool all);
/* The Child SA's endpoints have changed: its policies lead there. Never without one. */
int policy_move(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child);
/* Takes away what is this Child SA's. */
void policy_remove(struct policy_table *table, struct xfrm *xfrm, struct child_sa *child);
/* Another Child SA with the same selectors and its policies installed, or NULL. */
const struct child_sa *policy_shared(const struct policy_table *table,
				     const struct child_sa *child);
/*
 * Has a trap (trap.h) any of the policies that the Child SA wants? With each other that
 * wants one of its policies, @fn is called, maybe more than once.
 */
bool policy_trapped(const struct policy_table *table, const struct child_sa *child);
void policy_each_other(struct policy_table *table, struct child_sa *child,
		       void (*fn)(struct child_sa *other, void *arg), void *arg);
/* Does anybody want it? */
bool policy_wanted(const struct policy_table *table, const struct xfrm_policy_key *key);
/* Of a table whose Child SAs are gone. */
void policy_clear(struct policy_table *table);

#endif
