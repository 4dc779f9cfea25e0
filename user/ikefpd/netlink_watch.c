// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "loop.h"
#include "netlink_watch.h"

/* Datagrams that are read at a time. */
#define READ_MAX 64

struct netlink_watch {
	struct nl_sock *sock;
	struct loop *loop;
	struct loop_fd fd;
	void (*take)(void *arg, struct nlmsghdr *h);
	void (*lost)(void *arg);
	void *arg;
};

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct netlink_watch *w = container_of(fd, struct netlink_watch, fd);
	uint8_t data[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from;
	socklen_t from_len;
	ssize_t n;

	(void)events;
	/* What else there is to do has its turn, however fast they come. */
	for (unsigned int i = 0; i < READ_MAX; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)data;
		int left;

		from_len = sizeof(from);
		n = recvfrom(fd->fd, data, sizeof(data), MSG_DONTWAIT,
			     (struct sockaddr *)&from, &from_len);
		if (n < 0 && errno == ENOBUFS && w->lost)
			w->lost(w->arg);
		if (n < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (n <= 0)
			return;
		/* From the kernel alone. */
		if (from.nl_pid)
			continue;
		for (left = (int)n; nlmsg_ok(h, left); h = nlmsg_next(h, &left))
			w->take(w->arg, h);
	}
}

struct netlink_watch *netlink_watch_open(struct loop *loop, struct nl_sock *sock,
					 void (*take)(void *arg, struct nlmsghdr *h),
					 void (*lost)(void *arg), void *arg)
{
	struct netlink_watch *w = calloc(1, sizeof(*w));
	int err = ENOMEM;

	if (w) {
		w->loop = loop;
		w->sock = sock;
		w->take = take;
		w->lost = lost;
		w->arg = arg;
		w->fd.fd = nl_socket_get_fd(sock);
		w->fd.ready = ready;
		err = -loop_fd_add(loop, &w->fd, EPOLLIN);
	}
	if (!err)
		return w;
	free(w);
	nl_socket_free(sock);
	errno = err;
	return NULL;
}

void netlink_watch_close(struct netlink_watch *w)
{
	if (!w)
		return;
	loop_fd_del(w->loop, &w->fd);
	nl_socket_free(w->sock);
	free(w);
}
