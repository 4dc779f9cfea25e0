// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "endpoint.h"
#include "expire.h"
#include "log.h"
#include "netlink_watch.h"

struct expire {
	struct netlink_watch *watch;
	void (*expired)(void *arg, const struct endpoint *dst, uint32_t spi);
	void (*lost)(void *arg);
	void *arg;
};

static void take(void *arg, struct nlmsghdr *h)
{
	const struct xfrm_user_expire *u = NLMSG_DATA(h);
	struct endpoint dst = { 0 };
	struct expire *e = arg;

	if (h->nlmsg_type != XFRM_MSG_EXPIRE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*u)) ||
	    u->state.id.proto != IPPROTO_ESP)
		return;
	dst.family = u->state.family;
	memcpy(dst.addr, &u->state.id.daddr, endpoint_addr_len(&dst));
	e->expired(e->arg, &dst, ntohl(u->state.id.spi));
}

static void lost(void *arg)
{
	struct expire *e = arg;

	e->lost(e->arg);
}

struct expire *expire_open(struct loop *loop,
			   void (*expired)(void *arg, const struct endpoint *dst, uint32_t spi),
			   void (*lost_some)(void *arg), void *arg)
{
	struct expire *e = calloc(1, sizeof(*e));
	struct nl_sock *sock = nl_socket_alloc();
	int err = e && sock ? nl_connect(sock, NETLINK_XFRM) : -NLE_NOMEM;

	if (!err)
		err = nl_socket_add_membership(sock, XFRMNLGRP_EXPIRE);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's limits: %s", nl_geterror(err));
		nl_socket_free(sock);
		free(e);
		return NULL;
	}
	e->expired = expired;
	e->lost = lost_some;
	e->arg = arg;
	e->watch = netlink_watch_open(loop, sock, take, lost, e);
	if (e->watch)
		return e;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's limits: %s", strerror(errno));
	free(e);
	return NULL;
}

void expire_close(struct expire *e)
{
	if (!e)
		return;
	netlink_watch_close(e->watch);
	free(e);
}
