// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "log.h"
#include "loop.h"
#include "netlink_watch.h"
#include "network_watch.h"
#include "route.h"

/* An interface that comes up has its addresses and routes within this. */
#define DELAY_MS	100
/* Where routes come and go all the time nobody is told of it more often. */
#define AGAIN_MS	1000

struct network_watch {
	struct netlink_watch *watch;
	struct loop *loop;
	struct loop_timer timer;
	uint64_t told_ms;		/* loop_now_ms(); 0: not yet */
	void (*changed)(void *arg);
	void *arg;
};

static void expired(struct loop_timer *timer)
{
	struct network_watch *w = container_of(timer, struct network_watch, timer);

	w->told_ms = loop_now_ms();
	w->changed(w->arg);
}

static bool is_of_interest(const struct nlmsghdr *h)
{
	const struct rtmsg *route = NLMSG_DATA(h);

	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return true;
	case RTM_NEWROUTE:
		return h->nlmsg_len >= NLMSG_LENGTH(sizeof(*route)) &&
		       route->rtm_type == RTN_UNICAST && route->rtm_table != ROUTE_TABLE;
	default:
		return false;
	}
}

static void take(void *arg, struct nlmsghdr *h)
{
	struct network_watch *w = arg;
	uint64_t now, delay = DELAY_MS;

	if (!is_of_interest(h) || loop_timer_armed(&w->timer))
		return;
	now = loop_now_ms();
	if (w->told_ms && now + delay < w->told_ms + AGAIN_MS)
		delay = w->told_ms + AGAIN_MS - now;
	/* Without memory for a timer now: the next change has one. */
	loop_timer_arm(w->loop, &w->timer, delay);
}

struct network_watch *network_watch_open(struct loop *loop, void (*changed)(void *arg),
					 void *arg)
{
	static const int groups[] = {
		RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,
	};
	struct network_watch *w = calloc(1, sizeof(*w));
	struct nl_sock *sock = nl_socket_alloc();
	int err = w && sock ? nl_connect(sock, NETLINK_ROUTE) : -NLE_NOMEM;

	for (size_t i = 0; !err && i < sizeof(groups) / sizeof(*groups); i++)
		err = nl_socket_add_membership(sock, groups[i]);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch addresses and routes: %s",
			nl_geterror(err));
		nl_socket_free(sock);
		free(w);
		return NULL;
	}
	w->loop = loop;
	w->timer.expired = expired;
	w->changed = changed;
	w->arg = arg;
	w->watch = netlink_watch_open(loop, sock, take, NULL, w);
	if (w->watch)
		return w;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch addresses and routes: %s", strerror(errno));
	free(w);
	return NULL;
}

void network_watch_close(struct network_watch *w)
{
	if (!w)
		return;
	loop_timer_cancel(w->loop, &w->timer);
	netlink_watch_close(w->watch);
	free(w);
}
