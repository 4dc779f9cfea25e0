// SPDX-License-Identifier: GPL-2.0
/* XFRM's word of NAT mappings that have changed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "log.h"
#include "loop.h"
#include "mapping.h"

struct mapping {
	struct nl_sock *sock;
	struct loop *loop;
	struct loop_fd fd;
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

static void take(struct mapping *m, const struct nlmsghdr *h)
{
	const struct xfrm_user_mapping *map = NLMSG_DATA(h);
	struct endpoint local, remote;

	if (h->nlmsg_type != XFRM_MSG_MAPPING || h->nlmsg_len < NLMSG_LENGTH(sizeof(*map)) ||
	    (map->id.family != AF_INET && map->id.family != AF_INET6))
		return;
	fill(&local, map->id.family, &map->id.daddr, 0);
	fill(&remote, map->id.family, &map->new_saddr, ntohs(map->new_sport));
	m->changed(m->arg, &local, ntohl(map->id.spi), &remote);
}

/* What the socket has no room for is said again with the next packet. */
static void ready(struct loop_fd *fd, uint32_t events)
{
	struct mapping *m = container_of(fd, struct mapping, fd);
	uint8_t data[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from;
	socklen_t from_len;
	ssize_t n;

	(void)events;
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		int left;

		from_len = sizeof(from);
		n = recvfrom(fd->fd, data, sizeof(data), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n <= 0)
			return;
		/* From the kernel alone. */
		if (from.nl_pid)
			continue;
		for (left = (int)n; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			take(m, h);
	}
}

struct mapping *mapping_open(struct loop *loop, mapping_fn changed, void *arg)
{
	struct mapping *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return NULL;
	m->loop = loop;
	m->changed = changed;
	m->arg = arg;
	m->sock = nl_socket_alloc();
	err = m->sock ? nl_connect(m->sock, NETLINK_XFRM) : -NLE_NOMEM;
	if (!err)
		err = nl_socket_add_membership(m->sock, XFRMNLGRP_MAPPING);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's NAT mappings: %s",
			nl_geterror(err));
		mapping_close(m);
		return NULL;
	}
	m->fd.fd = nl_socket_get_fd(m->sock);
	m->fd.ready = ready;
	err = loop_fd_add(loop, &m->fd, EPOLLIN);
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch XFRM's NAT mappings: %s",
			strerror(-err));
		mapping_close(m);
		return NULL;
	}
	return m;
}

void mapping_close(struct mapping *m)
{
	if (!m)
		return;
	loop_fd_del(m->loop, &m->fd);
	nl_socket_free(m->sock);
	free(m);
}
