/* SPDX-License-Identifier: GPL-2.0 */
/* The route of a path: looked up, or kept for the next message that goes the same way. */
#ifndef IKEFP_ROUTE_H
#define IKEFP_ROUTE_H

#include <linux/types.h>

struct dst_entry;
struct ikefp_path;
struct net;

/* Zeroed, there is none. Under the lock of whose it is. */
struct ikefp_route {
	struct dst_entry *dst; /* held */
	u32 cookie; /* of an IPv6 route: what it was made from */
};

struct dst_entry *ikefp_route_find(struct net *net, const struct ikefp_path *path);
struct dst_entry *ikefp_route_get(struct ikefp_route *route, struct net *net,
				  const struct ikefp_path *path);
void ikefp_route_forget(struct ikefp_route *route);

#endif
