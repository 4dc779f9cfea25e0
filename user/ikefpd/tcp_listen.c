// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "loop.h"
#include "tcp_listen.h"
#include "tcp_socket.h"

/* Connections of one socket that are accepted before others have their turn. */
#define AT_ONCE		16
/* Who has no descriptor or memory for one more tries again then. */
#define PAUSE_MS	1000

struct listener {
	struct tcp_listen *of;
	struct loop_fd fd;
};

struct tcp_listen {
	struct loop *loop;
	tcp_accepted_fn accepted;
	void *arg;
	struct loop_timer timer;	/* armed: none is accepted */
	struct listener v[2 * TCP_PORTS_MAX];
	unsigned int n;
};

static void pause_all(struct tcp_listen *t)
{
	unsigned int i;

	/* Without memory for a timer the sockets have to be looked at again at once. */
	if (loop_timer_arm(t->loop, &t->timer, PAUSE_MS))
		return;
	for (i = 0; i < t->n; i++)
		loop_fd_del(t->loop, &t->v[i].fd);
}

static void go_on(struct loop_timer *timer)
{
	struct tcp_listen *t = container_of(timer, struct tcp_listen, timer);
	unsigned int i;

	for (i = 0; i < t->n; i++) {
		if (loop_fd_add(t->loop, &t->v[i].fd, EPOLLIN)) {
			pause_all(t);
			return;
		}
	}
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct tcp_listen *t = container_of(fd, struct listener, fd)->of;
	unsigned int i;

	(void)events;
	for (i = 0; i < AT_ONCE; i++) {
		int accepted = accept4(fd->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (accepted >= 0) {
			t->accepted(t->arg, accepted);
			continue;
		}
		/* As others it may be gone again already, which concerns that one alone. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			pause_all(t);
		if (errno != ECONNABORTED && errno != EINTR)
			return;
	}
}

static int add(struct tcp_listen *t, sa_family_t family, uint16_t port)
{
	const struct endpoint any = { .family = family, .port = port };
	struct listener *l = &t->v[t->n];
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(&any, &ss);
	const int on = 1;
	int err = 0;

	l->of = t;
	l->fd.ready = ready;
	l->fd.fd = tcp_socket(family);
	if (l->fd.fd < 0)
		return l->fd.fd;
	t->n++;
	/* The connections of a daemon before are at the port, too. */
	if (setsockopt(l->fd.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    (family == AF_INET6 &&
	     setsockopt(l->fd.fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on))) ||
	    bind(l->fd.fd, (struct sockaddr *)&ss, len) || listen(l->fd.fd, SOMAXCONN))
		err = -errno;
	return err ? err : loop_fd_add(t->loop, &l->fd, EPOLLIN);
}

/* True if the family cannot be used at all on this host: IPv6 may be off. */
static bool no_family(int err)
{
	return err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL;
}

static void drop_last(struct tcp_listen *t, unsigned int from)
{
	while (t->n > from) {
		struct listener *l = &t->v[--t->n];

		loop_fd_del(t->loop, &l->fd);
		close(l->fd.fd);
	}
}

struct tcp_listen *tcp_listen_open(struct loop *loop, const uint16_t *ports, unsigned int n,
				   tcp_accepted_fn accepted, void *arg, struct errmsg *err)
{
	static const sa_family_t families[] = { AF_INET, AF_INET6 };
	struct tcp_listen *t = calloc(1, sizeof(*t));
	unsigned int i;

	if (!t) {
		errmsg_set(err, "out of memory");
		return NULL;
	}
	t->loop = loop;
	t->accepted = accepted;
	t->arg = arg;
	t->timer.expired = go_on;
	for (i = 0; i < 2 * n; i++) {
		unsigned int before = t->n;
		int ret = add(t, families[i % 2], ports[i / 2]);

		if (ret && families[i % 2] == AF_INET6 && no_family(ret)) {
			drop_last(t, before);
			log_msg(LOG_NET, LVL_CTRL, "no IPv6 at TCP port %u: %s", ports[i / 2],
				strerror(-ret));
		} else if (ret) {
			errmsg_set(err, "cannot listen at TCP port %u (charon.tcp_ports): %s",
				   ports[i / 2], strerror(-ret));
			tcp_listen_close(t);
			return NULL;
		}
	}
	return t;
}

void tcp_listen_close(struct tcp_listen *t)
{
	if (!t)
		return;
	drop_last(t, 0);
	loop_timer_cancel(t->loop, &t->timer);
	free(t);
}
