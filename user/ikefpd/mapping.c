// SPDX-License-Identifier: GPL-2.0
/* XFRM's word of NAT mappings that have changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "log.h"
#include "mapping.h"
#include "netlink_watch.h"

struct mapping {
	struct netlink_watch *watch;
	mapping_fn changed;
	void *arg;
};

static void fill(struct endpoint *e, uint16_t family, const xfrm_address_t *addr,
		 uint16_t port)
{
	memset(e, 0, sizeof(*e));
	e->family = family;
	e->port = port;
	memcpy(e->addr, addr, endpoint_addr_len(e));
}

/* What the socket has no room for is said again with the next packet. */
static void take(void *arg, struct nlmsghdr *h)
{
	const struct xfrm_user_mapping *map = NLMSG_DATA(h);
	struct endpoint local, remote;
	struct mapping *m = arg;

	if (h->nlmsg_type != XFRM_MSG_MAPPING || h->nlmsg_len < NLMSG_LENGTH(sizeof(*map)) ||
	    (map->id.family != AF_INET && map->id.family != AF_INET6))
		return;
	fill(&local, map->id.family, &map->id.daddr, 0);
	fill(&remote, map->id.family, &map->new_saddr, ntohs(map->new_sport));
	m->changed(m->arg, &local, ntohl(map->id.spi), &remote);
}

struct mapping *mapping_open(struct loop *loop, mapping_fn changed, void *arg)
{
	struct mapping *m = calloc(1, sizeof(*m));
	struct nl_sock *sock = nl_socket_alloc();
	int err = m && sock ? nl_connect(sock, NETLINK_XFRM) : -NLE_NOMEM;

	if (!err)
		err = nl_socket_add_membership(sock, XFRMNLGRP_MAPPING);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's NAT mappings: %s",
			nl_geterror(err));
		nl_socket_free(sock);
		free(m);
		return NULL;
	}
	m->changed = changed;
	m->arg = arg;
	m->watch = netlink_watch_open(loop, sock, take, NULL, m);
	if (m->watch)
		return m;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's NAT mappings: %s", strerror(errno));
	free(m);
	return NULL;
}

void mapping_close(struct mapping *m)
{
	if (!m)
		return;
	netlink_watch_close(m->watch);
	free(m);
}
