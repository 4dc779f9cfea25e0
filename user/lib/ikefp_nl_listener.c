// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <arpa/inet.h>
#include <string.h>

static bool put_listener(struct nl_msg *msg, const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (nla_put_u16(msg, IKEFP_A_LISTENER_FAMILY, addr->ss_family))
		return false;
	if (addr->ss_family == AF_INET6) {
		if (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) &&
		    nla_put(msg, IKEFP_A_LISTENER_IPV6, sizeof(in6->sin6_addr), &in6->sin6_addr))
			return false;
		return !nla_put_u16(msg, IKEFP_A_LISTENER_PORT, in6->sin6_port);
	}
	if (in->sin_addr.s_addr != htonl(INADDR_ANY) &&
	    nla_put(msg, IKEFP_A_LISTENER_IPV4, sizeof(in->sin_addr), &in->sin_addr))
		return false;
	return !nla_put_u16(msg, IKEFP_A_LISTENER_PORT, in->sin_port);
}

int ikefp_listener_add(struct ikefp_nl *nl, enum ikefp_listener_kind kind,
		       const struct sockaddr_storage *addr)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_LISTENER_ADD, 0);

	return ikefp_nl_transact(nl, nl->command, msg,
				 msg && !nla_put_u8(msg, IKEFP_A_LISTENER_KIND, kind) &&
					 put_listener(msg, addr),
				 IKEFP_A_LISTENER_MAX, NULL, NULL);
}

int ikefp_listener_del(struct ikefp_nl *nl, const struct sockaddr_storage *addr)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_LISTENER_DEL, 0);

	return ikefp_nl_transact(nl, nl->command, msg, msg && put_listener(msg, addr),
				 IKEFP_A_LISTENER_MAX, NULL, NULL);
}

struct listener_listing {
	void (*each)(const struct ikefp_listener_info *info, void *arg);
	void *arg;
};

static void list_listener(struct nlattr **attrs, void *arg)
{
	struct listener_listing *listing = arg;
	struct ikefp_listener_info info = {
		.kind = get_u8(attrs[IKEFP_A_LISTENER_KIND]),
	};
	struct sockaddr_in *in = (struct sockaddr_in *)&info.addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&info.addr;

	if (!attrs[IKEFP_A_LISTENER_FAMILY] || !attrs[IKEFP_A_LISTENER_PORT])
		return;
	info.addr.ss_family = nla_get_u16(attrs[IKEFP_A_LISTENER_FAMILY]);
	/* The port stands at the same place in both. */
	in->sin_port = nla_get_u16(attrs[IKEFP_A_LISTENER_PORT]);
	if (attrs[IKEFP_A_LISTENER_IPV4])
		nla_memcpy(&in->sin_addr, attrs[IKEFP_A_LISTENER_IPV4], sizeof(in->sin_addr));
	if (attrs[IKEFP_A_LISTENER_IPV6])
		nla_memcpy(&in6->sin6_addr, attrs[IKEFP_A_LISTENER_IPV6],
			   sizeof(in6->sin6_addr));
	listing->each(&info, listing->arg);
}

int ikefp_listener_list(struct ikefp_nl *nl,
			void (*each)(const struct ikefp_listener_info *, void *), void *arg)
{
	struct listener_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_LISTENER_GET, NLM_F_DUMP);

	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_LISTENER_MAX, list_listener,
				 &listing);
}
