// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dscp.h"
#include "loop.h"
#include "tcp_connect.h"
#include "tcp_socket.h"

struct tcp_connect {
	struct loop *loop;
	struct loop_fd fd;
	struct loop_timer timer;
	tcp_connect_fn done;
	void *arg;
};

static void over(struct tcp_connect *c, int err)
{
	tcp_connect_fn done = c->done;
	void *arg = c->arg;
	int fd = c->fd.fd;

	loop_fd_del(c->loop, &c->fd);
	loop_timer_cancel(c->loop, &c->timer);
	free(c);
	if (err) {
		close(fd);
		fd = -1;
	}
	done(arg, fd, err);
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct tcp_connect *c = container_of(fd, struct tcp_connect, fd);
	socklen_t len = sizeof(int);
	int err = 0;

	(void)events;
	if (getsockopt(fd->fd, SOL_SOCKET, SO_ERROR, &err, &len))
		err = errno;
	over(c, -err);
}

static void expired(struct loop_timer *timer)
{
	over(container_of(timer, struct tcp_connect, timer), -ETIMEDOUT);
}

/* A connection that is there at once is said so by the loop, too. */
static int begin(struct tcp_connect *c, const struct endpoint *local,
		 const struct endpoint *remote, uint8_t dscp)
{
	struct endpoint from = *local;
	struct sockaddr_storage ss;
	socklen_t len;
	int err = dscp ? dscp_set(c->fd.fd, remote->family, dscp) : 0;

	if (err)
		return err;
	from.port = 0;
	len = endpoint_to_sockaddr(&from, &ss);
	if (bind(c->fd.fd, (struct sockaddr *)&ss, len))
		return -errno;
	len = endpoint_to_sockaddr(remote, &ss);
	if (connect(c->fd.fd, (struct sockaddr *)&ss, len) && errno != EINPROGRESS)
		return -errno;
	return 0;
}

int tcp_connect_begin(struct tcp_connect **result, struct loop *loop,
		      const struct endpoint *local, const struct endpoint *remote, uint8_t dscp,
		      uint64_t limit_ms, tcp_connect_fn done, void *arg)
{
	struct tcp_connect *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->loop = loop;
	c->done = done;
	c->arg = arg;
	c->fd.ready = ready;
	c->timer.expired = expired;
	c->fd.fd = tcp_socket(remote->family);
	err = c->fd.fd < 0 ? c->fd.fd : begin(c, local, remote, dscp);
	if (!err)
		err = loop_timer_arm(loop, &c->timer, limit_ms);
	if (!err)
		err = loop_fd_add(loop, &c->fd, EPOLLOUT);
	if (err) {
		loop_timer_cancel(loop, &c->timer);
		if (c->fd.fd >= 0)
			close(c->fd.fd);
		free(c);
		return err;
	}
	*result = c;
	return 0;
}

void tcp_connect_cancel(struct tcp_connect *c)
{
	if (!c)
		return;
	loop_fd_del(c->loop, &c->fd);
	loop_timer_cancel(c->loop, &c->timer);
	close(c->fd.fd);
	free(c);
}
