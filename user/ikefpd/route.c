// SPDX-License-Identifier: GPL-2.0
/* Addresses and routes, by rtnetlink. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "log.h"
#include "netlink_ask.h"
#include "route.h"

struct own {
	struct endpoint addr;
	uint32_t index;		/* its interface's */
	bool deprecated;
};

struct route {
	struct nl_sock *sock;
	struct nl_sock *events;	/* changes of addresses; nobody waits for them */
	struct own *own;	/* our addresses, unless known to be others by now */
	size_t own_count, own_size;
	bool own_known;
	bool has_rule[2];	/* IPv4, IPv6 */
};

struct route *route_open(void)
{
	struct route *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->sock = netlink_ask_open(NETLINK_ROUTE, "rtnetlink");
	r->events = netlink_ask_open(NETLINK_ROUTE, "rtnetlink");
	if (r->sock && r->events &&
	    !nl_socket_add_memberships(r->events, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0))
		return r;
	nl_socket_free(r->events);
	nl_socket_free(r->sock);
	free(r);
	return NULL;
}

static struct nl_msg *rule_msg(int type, int flags, unsigned char family)
{
	const struct fib_rule_hdr body = {
		.family = family,
		.table = ROUTE_TABLE,
		.action = FR_ACT_TO_TBL,
	};
	struct nl_msg *msg = netlink_ask_new(type, flags, &body, sizeof(body));

	if (msg && (nla_put_u32(msg, FRA_PRIORITY, ROUTE_PRIORITY) ||
		    nla_put_u8(msg, FRA_PROTOCOL, ROUTE_PROTOCOL))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void add_rule(struct route *r, sa_family_t family)
{
	bool *has = &r->has_rule[family == AF_INET6];

	if (!*has)
		*has = !netlink_ask(r->sock, rule_msg(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL,
						      (unsigned char)family),
				    "cannot add the rule of the routing table 220", -EEXIST, NULL);
}

void route_close(struct route *r)
{
	if (!r)
		return;
	/* That of a daemon before, too. */
	netlink_ask(r->sock, rule_msg(RTM_DELRULE, 0, AF_INET), NULL, NETLINK_ASK_ANY, NULL);
	netlink_ask(r->sock, rule_msg(RTM_DELRULE, 0, AF_INET6), NULL, NETLINK_ASK_ANY, NULL);
	nl_socket_free(r->events);
	nl_socket_free(r->sock);
	free(r->own);
	free(r);
}

/* Our addresses */

static int note_address(void *data, struct nlmsghdr *h)
{
	struct ifaddrmsg *body = nlmsg_data(h);
	struct route *r = data;
	struct nlattr *attr;
	struct own *own;
	uint32_t flags;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)))
		return 0;
	attr = nlmsg_find_attr(h, sizeof(*body), IFA_FLAGS);
	flags = attr ? nla_get_u32(attr) : body->ifa_flags;
	/* Of IPv4 point-to-point, the other is the peer's. */
	attr = nlmsg_find_attr(h, sizeof(*body), IFA_LOCAL);
	if (!attr)
		attr = nlmsg_find_attr(h, sizeof(*body), IFA_ADDRESS);
	if (!attr || flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) ||
	    nla_len(attr) != (body->ifa_family == AF_INET ? 4 : 16))
		return 0;
	if (r->own_count == r->own_size) {
		size_t size = r->own_size ? 2 * r->own_size : 16;

		own = reallocarray(r->own, size, sizeof(*own));
		if (!own)
			return -ENOMEM;
		r->own = own;
		r->own_size = size;
	}
	own = &r->own[r->own_count++];
	memset(own, 0, sizeof(*own));
	own->addr.family = body->ifa_family;
	memcpy(own->addr.addr, nla_data(attr), (size_t)nla_len(attr));
	own->index = body->ifa_index;
	own->deprecated = flags & IFA_F_DEPRECATED;
	return 0;
}

/* Has any changed since? What was too much to be told counts, too. */
static bool addresses_changed(struct route *r)
{
	char some[256];
	bool changed = false;

	while (recv(nl_socket_get_fd(r->events), some, sizeof(some), MSG_DONTWAIT) >= 0 ||
	       errno == ENOBUFS || errno == EINTR)
		changed = true;
	return changed;
}

static int read_addresses(struct route *r)
{
	const struct ifaddrmsg body = { .ifa_family = AF_UNSPEC };
	int err;

	if (!addresses_changed(r) && r->own_known)
		return 0;
	r->own_count = 0;
	err = netlink_ask_dump(r->sock, netlink_ask_new(RTM_GETADDR, 0, &body, sizeof(body)),
			       note_address, r);
	r->own_known = !err;
	return err;
}

static bool is_in(const struct ts *ts, const struct endpoint *e)
{
	size_t len = endpoint_addr_len(e);

	return ts->family == e->family && memcmp(e->addr, ts->start, len) >= 0 &&
	       memcmp(e->addr, ts->end, len) <= 0;
}

int route_own_address(struct route *r, const struct ts *ts, struct endpoint *own)
{
	static const struct endpoint loopback[] = {
		{ .family = AF_INET, .addr = { 127, 0, 0, 1 } },
		{ .family = AF_INET6, .addr = { [15] = 1 } },
	};
	const struct own *best = NULL;

	memset(own, 0, sizeof(*own));
	/* It allows any: the kernel chooses one. */
	if (is_in(ts, &loopback[ts->family == AF_INET6]))
		return 0;
	if (read_addresses(r))
		return -ENOENT;
	for (size_t i = 0; i < r->own_count; i++)
		if (is_in(ts, &r->own[i].addr) && (!best || (best->deprecated && !r->own[i].deprecated)))
			best = &r->own[i];
	if (!best)
		return -ENOENT;
	*own = best->addr;
	return 0;
}

uint32_t route_interface_of(struct route *r, const struct endpoint *own)
{
	if (read_addresses(r))
		return 0;
	for (size_t i = 0; i < r->own_count; i++)
		if (endpoint_same_addr(&r->own[i].addr, own))
			return r->own[i].index;
	return 0;
}

int route_addresses_of(struct route *r, uint32_t index,
		       int (*fn)(void *data, const struct endpoint *own), void *data)
{
	int err = read_addresses(r);

	for (size_t i = 0; !err && i < r->own_count; i++)
		if (r->own[i].index == index)
			err = fn(data, &r->own[i].addr);
	return err;
}

/* Interfaces */

/* By its index, or, where that is 0, by its name. Without counters, the answer is short. */
static int ask_interface(struct route *r, uint32_t index, const char *name,
			 struct netlink_answer *a)
{
	const struct ifinfomsg body = { .ifi_index = (int)index };
	struct nl_msg *msg = netlink_ask_new(RTM_GETLINK, 0, &body, sizeof(body));
	int err;

	if (msg && (nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) ||
		    (name && nla_put_string(msg, IFLA_IFNAME, name)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_ask(r->sock, msg, NULL, NETLINK_ASK_ANY, a);
	if (err)
		return err;
	return a->reply && a->reply->nlmsg_len >= NLMSG_LENGTH(sizeof(body)) ? 0 : -EIO;
}

int route_interface_index(struct route *r, const char *name, uint32_t *index)
{
	const struct ifinfomsg *body;
	struct netlink_answer a;
	int err = ask_interface(r, 0, name, &a);

	if (err)
		return err;
	body = NLMSG_DATA(a.reply);
	*index = (uint32_t)body->ifi_index;
	return 0;
}

int route_interface_name(struct route *r, uint32_t index, char name[IFNAMSIZ])
{
	struct netlink_answer a;
	struct nlattr *attr;
	int err = ask_interface(r, index, NULL, &a);

	if (err)
		return err;
	attr = nlmsg_find_attr((struct nlmsghdr *)a.reply, sizeof(struct ifinfomsg), IFLA_IFNAME);
	if (!attr)
		return -EIO;
	memset(name, 0, IFNAMSIZ);
	nla_strlcpy(name, attr, IFNAMSIZ);
	return 0;
}

/* Routes */

static int put_addr(struct nl_msg *msg, int type, const struct endpoint *e)
{
	return nla_put(msg, type, (int)endpoint_addr_len(e), e->addr) ? -ENOMEM : 0;
}

static int lookup(struct route *r, const struct endpoint *remote, const struct endpoint *local,
		  struct netlink_answer *a)
{
	struct rtmsg body = {
		.rtm_family = (unsigned char)remote->family,
		.rtm_dst_len = (unsigned char)(endpoint_addr_len(remote) * 8),
	};
	struct nl_msg *msg;
	int err;

	if (local)
		body.rtm_src_len = body.rtm_dst_len;
	msg = netlink_ask_new(RTM_GETROUTE, 0, &body, sizeof(body));
	if (msg && (put_addr(msg, RTA_DST, remote) || (local && put_addr(msg, RTA_SRC, local)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = netlink_ask(r->sock, msg, NULL, NETLINK_ASK_ANY, a);
	if (err)
		return err;
	return a->reply && a->reply->nlmsg_len >= NLMSG_LENGTH(sizeof(body)) ? 0 : -EIO;
}

bool route_leads(struct route *r, const struct endpoint *local, const struct endpoint *remote)
{
	struct netlink_answer a;

	return !lookup(r, remote, local, &a);
}

int route_to(struct route *r, const struct endpoint *remote, const struct endpoint *local,
	     struct next_hop *hop)
{
	struct netlink_answer a;
	struct nlmsghdr *reply;
	struct nlattr *attr;
	int err;

	memset(hop, 0, sizeof(*hop));
	err = lookup(r, remote, local, &a);
	if (err)
		err = lookup(r, remote, NULL, &a);
	if (err)
		return err;
	reply = (struct nlmsghdr *)a.reply;
	attr = nlmsg_find_attr(reply, sizeof(struct rtmsg), RTA_OIF);
	if (!attr || nla_len(attr) < 4)
		return -EIO;
	hop->index = nla_get_u32(attr);
	attr = nlmsg_find_attr(reply, sizeof(struct rtmsg), RTA_GATEWAY);
	if (attr && nla_len(attr) == (int)endpoint_addr_len(remote)) {
		hop->gateway.family = remote->family;
		memcpy(hop->gateway.addr, nla_data(attr), (size_t)nla_len(attr));
	}
	return route_interface_name(r, hop->index, hop->interface);
}

static struct nl_msg *route_msg(int type, int flags, const struct route_entry *e)
{
	const struct rtmsg body = {
		.rtm_family = (unsigned char)e->dst.family,
		.rtm_dst_len = (unsigned char)e->prefix_len,
		.rtm_table = ROUTE_TABLE,
		.rtm_protocol = ROUTE_PROTOCOL,
		.rtm_scope = !e->index || e->gateway.family || e->dst.family == AF_INET6 ?
			     RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = e->index ? RTN_UNICAST : RTN_THROW,
	};
	struct nl_msg *msg = netlink_ask_new(type, flags, &body, sizeof(body));

	if (msg && (put_addr(msg, RTA_DST, &e->dst) ||
		    (e->gateway.family && put_addr(msg, RTA_GATEWAY, &e->gateway)) ||
		    (e->src.family && put_addr(msg, RTA_PREFSRC, &e->src)) ||
		    (e->index && nla_put_u32(msg, RTA_OIF, e->index)))) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int route_add(struct route *r, const struct route_entry *e)
{
	add_rule(r, e->dst.family);
	return netlink_ask(r->sock, route_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, e),
			   "cannot install a route", 0, NULL);
}

int route_del(struct route *r, const struct route_entry *e)
{
	int err = netlink_ask(r->sock, route_msg(RTM_DELROUTE, 0, e), "cannot remove a route",
			      -ESRCH, NULL);

	return err == -ESRCH ? 0 : err;
}

struct leftovers {
	bool (*wanted)(void *data, const struct route_entry *e);
	void *data;
	struct route_entry *left;
	size_t n, size;
};

/* By its network alone, whatever it leads to. */
static int note_route(void *data, struct nlmsghdr *h)
{
	struct rtmsg *body = nlmsg_data(h);
	struct route_entry e = { 0 }, *more;
	struct leftovers *l = data;
	struct nlattr *attr;
	uint32_t table;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*body)) || body->rtm_protocol != ROUTE_PROTOCOL)
		return 0;
	attr = nlmsg_find_attr(h, sizeof(*body), RTA_TABLE);
	table = attr ? nla_get_u32(attr) : body->rtm_table;
	if (table != ROUTE_TABLE)
		return 0;
	e.dst.family = body->rtm_family;
	e.prefix_len = body->rtm_dst_len;
	attr = nlmsg_find_attr(h, sizeof(*body), RTA_DST);
	if (attr && nla_len(attr) == (int)endpoint_addr_len(&e.dst))
		memcpy(e.dst.addr, nla_data(attr), (size_t)nla_len(attr));
	if (l->wanted(l->data, &e))
		return 0;
	attr = nlmsg_find_attr(h, sizeof(*body), RTA_OIF);
	e.index = attr && body->rtm_type == RTN_UNICAST ? nla_get_u32(attr) : 0;
	if (l->n == l->size) {
		size_t size = l->size ? 2 * l->size : 16;

		more = reallocarray(l->left, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->left = more;
		l->size = size;
	}
	l->left[l->n++] = e;
	return 0;
}

int route_remove_leftovers(struct route *r,
			   bool (*wanted)(void *data, const struct route_entry *e), void *data)
{
	const struct rtmsg body = { .rtm_family = AF_UNSPEC, .rtm_table = ROUTE_TABLE };
	struct leftovers l = { .wanted = wanted, .data = data };
	int err;

	err = netlink_ask_dump(r->sock, netlink_ask_new(RTM_GETROUTE, 0, &body, sizeof(body)),
			       note_route, &l);
	for (size_t i = 0; !err && i < l.n; i++)
		err = route_del(r, &l.left[i]);
	if (!err && l.n)
		log_msg(LOG_KNL, LVL_CTRL, "removed %zu routes of a former helper", l.n);
	free(l.left);
	return err;
}
