/* SPDX-License-Identifier: GPL-2.0 */
/* A datagram's way: through which of our sockets, from and to which address. */
#ifndef IKEFP_PATH_H
#define IKEFP_PATH_H

#include <linux/in6.h>
#include <linux/types.h>

struct ikefp_listener;

struct ikefp_address {
	union {
		struct in6_addr v6;
		__be32 v4; /* the octets behind it are zero */
	};
};

/* Zeroed, it is no path. Holds the listener, whose family and port it has. */
struct ikefp_path {
	struct ikefp_listener *listener;
	struct ikefp_address local;
	struct ikefp_address remote;
	__be16 remote_port;
	int ifindex; /* of a link-local address, else 0 */
};

void ikefp_path_set(struct ikefp_path *path, const struct ikefp_path *from);
void ikefp_path_put(struct ikefp_path *path);
bool ikefp_path_same_host(const struct ikefp_path *a, const struct ikefp_path *b);
bool ikefp_path_same(const struct ikefp_path *a, const struct ikefp_path *b);
bool ikefp_path_same_remote(const struct ikefp_path *a, const struct ikefp_path *b);

#endif
