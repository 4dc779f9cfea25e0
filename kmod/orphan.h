/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An SA whose worker is gone. The kernel goes on with all that it does alone; what is
 * for the helper waits (upcall.h) until a worker adopts the SA, or its time is up.
 */
#ifndef IKEFP_ORPHAN_H
#define IKEFP_ORPHAN_H

#include <linux/types.h>

struct ikefp_sa;
struct ikefp_worker;

bool ikefp_orphan_check(struct ikefp_sa *sa);
void ikefp_orphan_adopted(struct ikefp_sa *sa, struct ikefp_worker *worker);

#endif
