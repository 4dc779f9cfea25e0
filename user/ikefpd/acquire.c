// SPDX-License-Identifier: GPL-2.0
/* XFRM's word of traffic without an ESP SA. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "acquire.h"
#include "log.h"
#include "netlink_watch.h"

struct acquire {
	struct netlink_watch *watch;
	acquire_fn acquired;
	void *arg;
};

static struct endpoint endpoint_of(sa_family_t family, const xfrm_address_t *addr)
{
	struct endpoint e = { .family = family };

	memcpy(e.addr, addr, endpoint_addr_len(&e));
	return e;
}

/* What the socket has no room for is said again. */
static void take(void *arg, struct nlmsghdr *h)
{
	const struct xfrm_user_acquire *acquire = NLMSG_DATA(h);
	const struct xfrm_user_tmpl *tmpl;
	struct endpoint local, remote;
	struct acquire *a = arg;
	struct nlattr *attr;

	if (h->nlmsg_type != XFRM_MSG_ACQUIRE ||
	    h->nlmsg_len < NLMSG_LENGTH(sizeof(struct xfrm_user_acquire)))
		return;
	attr = nlmsg_find_attr(h, sizeof(struct xfrm_user_acquire), XFRMA_TMPL);
	if (!attr || nla_len(attr) < (int)sizeof(*tmpl))
		return;
	tmpl = nla_data(attr);
	local = endpoint_of(acquire->sel.family, &acquire->saddr);
	remote = endpoint_of(acquire->sel.family, &acquire->id.daddr);
	a->acquired(a->arg, tmpl->reqid, &local, &remote);
}

struct acquire *acquire_open(struct loop *loop, acquire_fn acquired, void *arg)
{
	struct acquire *a = calloc(1, sizeof(*a));
	struct nl_sock *sock = nl_socket_alloc();
	int err = a && sock ? nl_connect(sock, NETLINK_XFRM) : -NLE_NOMEM;

	if (!err)
		err = nl_socket_add_membership(sock, XFRMNLGRP_ACQUIRE);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's acquires: %s", nl_geterror(err));
		nl_socket_free(sock);
		free(a);
		return NULL;
	}
	a->acquired = acquired;
	a->arg = arg;
	a->watch = netlink_watch_open(loop, sock, take, NULL, a);
	if (a->watch)
		return a;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's acquires: %s", strerror(errno));
	free(a);
	return NULL;
}

void acquire_close(struct acquire *a)
{
	if (!a)
		return;
	netlink_watch_close(a->watch);
	free(a);
}
