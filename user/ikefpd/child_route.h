/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The routes of Child SAs and traps, as strongSwan has them: to each network behind a peer
 * from an address of our own that the selectors allow, if there is one, so that what the
 * gateway itself sends there goes through the tunnel, too. To what a shunt lets pass, one
 * past all those. There is one route to a network; of several that want one the newest has
 * it, and when that goes the next one gets it.
 */
#ifndef IKEFPD_CHILD_ROUTE_H
#define IKEFPD_CHILD_ROUTE_H

#include <stdbool.h>

#include "table.h"

struct child_sa;
struct ike_manager;
struct route;

/* Zeroed at first. */
struct child_routes {
	struct route *route;	/* NULL: none are installed */
	bool off;		/* charon.install_routes = no */
	struct table wanted;
};

/* Its policies are installed, or it has moved. What fails is logged. */
void child_route_install(struct child_routes *t, struct child_sa *child);
void child_route_remove(struct child_routes *t, const struct child_sa *child);
/* All that there is to be is installed: what a daemon before left is not. */
void child_route_remove_leftovers(struct child_routes *t);
void child_route_clear(struct child_routes *t);

#endif
