/* SPDX-License-Identifier: GPL-2.0 */
/* Which of our addresses the kernel would send from. */
#ifndef IKEFPD_SOURCE_H
#define IKEFPD_SOURCE_H

#include <stdbool.h>

#include "endpoint.h"

/*
 * Fills in the address of local (its port stays) by a route lookup to remote.
 * Returns 0 or a negative error: -ENETUNREACH, say.
 */
int source_address(const struct endpoint *remote, struct endpoint *local);
/* Is it an address of this host? */
bool source_is_ours(const struct endpoint *addr);

#endif
