// SPDX-License-Identifier: GPL-2.0

#include <net/netlink.h>

#include "attrs.h"
#include "path.h"

/* Offsets from the first attribute of a path. */
enum { LOCAL_IPV4, LOCAL_IPV6, LOCAL_PORT, REMOTE_IPV4, REMOTE_IPV6, REMOTE_PORT, IFINDEX };

/* As the generator numbers them, in the order of the specification. */
static_assert(IKEFP_A_SA_REMOTE_PORT - IKEFP_A_SA_LOCAL_IPV4 == REMOTE_PORT);
static_assert(IKEFP_A_SA_IFINDEX - IKEFP_A_SA_LOCAL_IPV4 == IFINDEX);
static_assert(IKEFP_A_MESSAGE_REMOTE_PORT - IKEFP_A_MESSAGE_LOCAL_IPV4 == REMOTE_PORT);
static_assert(IKEFP_A_MESSAGE_IFINDEX - IKEFP_A_MESSAGE_LOCAL_IPV4 == IFINDEX);
static_assert(IKEFP_A_EVENT_REMOTE_PORT - IKEFP_A_EVENT_LOCAL_IPV4 == REMOTE_PORT);
static_assert(IKEFP_A_EVENT_IFINDEX - IKEFP_A_EVENT_LOCAL_IPV4 == IFINDEX);
static_assert(IKEFP_A_STREAM_REMOTE_PORT - IKEFP_A_STREAM_LOCAL_IPV4 == REMOTE_PORT);
static_assert(IKEFP_A_STREAM_IFINDEX - IKEFP_A_STREAM_LOCAL_IPV4 == IFINDEX);

/**
 * ikefp_put_path() - add a path's attributes to a message
 * @skb: the message
 * @local_ipv4: the attribute local-ipv4 of the set; the others follow it
 * @path: the path
 *
 * Return: 0, or -EMSGSIZE.
 */
int ikefp_put_path(struct sk_buff *skb, int local_ipv4, const struct ikefp_path *path)
{
	if (ikefp_path_family(path) == AF_INET) {
		if (nla_put_in_addr(skb, local_ipv4 + LOCAL_IPV4, path->local.v4) ||
		    nla_put_in_addr(skb, local_ipv4 + REMOTE_IPV4, path->remote.v4))
			return -EMSGSIZE;
	} else {
		if (nla_put_in6_addr(skb, local_ipv4 + LOCAL_IPV6, &path->local.v6) ||
		    nla_put_in6_addr(skb, local_ipv4 + REMOTE_IPV6, &path->remote.v6))
			return -EMSGSIZE;
	}
	if (nla_put_be16(skb, local_ipv4 + LOCAL_PORT, ikefp_path_local_port(path)) ||
	    nla_put_be16(skb, local_ipv4 + REMOTE_PORT, path->remote_port))
		return -EMSGSIZE;
	if (path->ifindex && nla_put_u32(skb, local_ipv4 + IFINDEX, path->ifindex))
		return -EMSGSIZE;
	return 0;
}
