/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_SETTINGS_INHERIT_H
#define IKEFPD_SETTINGS_INHERIT_H

#include "errmsg.h"
#include "tree.h"

/*
 * Copy into each section what it inherits ("name : a, b.c { }"), after its own
 * content and in the order of the references, then drop the cleared keys.
 * Returns 0, or -1 with @err set.
 */
int settings_inherit(struct tree *root, struct errmsg *err);

#endif /* IKEFPD_SETTINGS_INHERIT_H */
