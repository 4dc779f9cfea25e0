// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <netinet/in.h>
#include <string.h>

/* From local-ipv4 on. */
enum { LOCAL_IPV4, LOCAL_IPV6, LOCAL_PORT, REMOTE_IPV4, REMOTE_IPV6, REMOTE_PORT, IFINDEX };

static bool put_address(struct nl_msg *msg, int ipv4, const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (addr->ss_family == AF_INET)
		return !nla_put(msg, ipv4, sizeof(in->sin_addr), &in->sin_addr) &&
		       !nla_put_u16(msg, ipv4 + 2, in->sin_port);
	if (addr->ss_family == AF_INET6)
		return !nla_put(msg, ipv4 + 1, sizeof(in6->sin6_addr), &in6->sin6_addr) &&
		       !nla_put_u16(msg, ipv4 + 2, in6->sin6_port);
	return false;
}

bool ikefp_nl_put_endpoint(struct nl_msg *msg, int first, const struct ikefp_endpoint *endpoint)
{
	const struct sockaddr_in6 *remote = (const struct sockaddr_in6 *)&endpoint->remote;

	if (!put_address(msg, first + LOCAL_IPV4, &endpoint->local) ||
	    !put_address(msg, first + REMOTE_IPV4, &endpoint->remote))
		return false;
	if (remote->sin6_family == AF_INET6 && remote->sin6_scope_id &&
	    nla_put_u32(msg, first + IFINDEX, remote->sin6_scope_id))
		return false;
	return true;
}

static void get_address(struct nlattr **attrs, int ipv4, uint32_t ifindex,
			struct sockaddr_storage *addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	uint16_t port = attrs[ipv4 + 2] ? nla_get_u16(attrs[ipv4 + 2]) : 0;

	memset(addr, 0, sizeof(*addr));
	if (attrs[ipv4] && nla_len(attrs[ipv4]) == sizeof(in->sin_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		memcpy(&in->sin_addr, nla_data(attrs[ipv4]), sizeof(in->sin_addr));
	} else if (attrs[ipv4 + 1] && nla_len(attrs[ipv4 + 1]) == sizeof(in6->sin6_addr)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		memcpy(&in6->sin6_addr, nla_data(attrs[ipv4 + 1]), sizeof(in6->sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
			in6->sin6_scope_id = ifindex;
	}
}

void ikefp_nl_get_endpoint(struct nlattr **attrs, int first, struct ikefp_endpoint *endpoint)
{
	uint32_t ifindex = get_u32(attrs[first + IFINDEX]);

	get_address(attrs, first + LOCAL_IPV4, ifindex, &endpoint->local);
	get_address(attrs, first + REMOTE_IPV4, ifindex, &endpoint->remote);
	endpoint->stream = 0;
}
