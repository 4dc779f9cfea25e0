// SPDX-License-Identifier: GPL-2.0
/* Scripts for Child SAs that come and go. */
#include <errno.h>
#include <fcntl.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "child_sa.h"
#include "config.h"
#include "id.h"
#include "ike_sa.h"
#include "ipc.h"
#include "log.h"
#include "loop.h"
#include "route.h"
#include "script_runner.h"
#include "table.h"
#include "updown.h"

/* Where a shell finds programs, if the daemon does not know better. */
#define PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* A request that the socket has no room for. */
struct request {
	struct request *next;
	struct buf octets;
};

struct updown {
	struct loop *loop;
	struct route *route;
	struct loop_fd fd;
	bool gone;		/* the process has ended */
	struct request *first, **end;
};

/* The environment */

static void put_text(struct buf *b, const char *text)
{
	buf_put(b, text, strlen(text) + 1);
}

static void put(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct buf *b, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		put_text(b, text);
	else
		b->failed = true;
	free(text);
}

static void put_client(struct buf *b, const char *whose, const struct ts *ts)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t prefix[16];
	unsigned int len;
	bool exact;

	len = ts_to_prefix(ts, prefix, &exact);
	if (!exact)
		log_msg(LOG_CHD, LVL_CTRL,
			"updown: a range of addresses becomes the smallest network that holds it");
	put(b, "PLUTO_%s_CLIENT=%s/%u", whose,
	    inet_ntop(ts->family, prefix, text, sizeof(text)), len);
}

/* Of ICMP the type is the local port, the code the remote one; both stand in either. */
static void put_port(struct buf *b, const struct ts *local, const struct ts *remote, bool of_local)
{
	const struct ts *ts = of_local ? local : remote;
	const char *whose = of_local ? "MY" : "PEER";
	uint8_t protocol = local->protocol ? local->protocol : remote->protocol;
	uint16_t icmp = local->start_port > remote->start_port ? local->start_port :
								 remote->start_port;

	if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6)
		put(b, "PLUTO_%s_PORT=%u", whose, of_local ? icmp >> 8 : icmp & 0xff);
	else if (ts->start_port == ts->end_port || (!ts->start_port && ts->end_port == UINT16_MAX))
		put(b, "PLUTO_%s_PORT=%u", whose, ts->start_port);
	else
		put(b, "PLUTO_%s_PORT=%u:%u", whose, ts->start_port, ts->end_port);
}

static void put_verb(struct buf *b, const struct child_sa *child, const struct ts *ts, bool up)
{
	struct ts_list list = { .n = 1 };
	bool is_host;

	list.v[0] = *ts;
	is_host = ts_of_host(&list, &child->ike_sa->local);
	put(b, "PLUTO_VERB=%s-%s%s", up ? "up" : "down", is_host ? "host" : "client",
	    ts->family == AF_INET6 ? "-v6" : "");
}

static void put_marks(struct buf *b, const struct child_sa *child)
{
	if (child->mark_in.v)
		put(b, "PLUTO_MARK_IN=%u/0x%08x", child->mark_in.v, child->mark_in.m);
	if (child->mark_out.v)
		put(b, "PLUTO_MARK_OUT=%u/0x%08x", child->mark_out.v, child->mark_out.m);
	if (child->if_id_in)
		put(b, "PLUTO_IF_ID_IN=%u", child->if_id_in);
	if (child->if_id_out)
		put(b, "PLUTO_IF_ID_OUT=%u", child->if_id_out);
}

/* A peer that comes back has its old Child SA's script end before the new one's begins. */
static uint64_t order_of(const struct child_sa *child)
{
	const struct ike_sa *sa = child->ike_sa;
	uint64_t hash = table_hash(TABLE_HASH, sa->conn->name, strlen(sa->conn->name) + 1);

	hash = table_hash(hash, child->conf->name, strlen(child->conf->name) + 1);
	return ike_id_hash(hash, &sa->remote_id);
}

void updown_write(struct buf *out, const struct child_sa *child, bool up, unsigned int local,
		  unsigned int remote, const char *path)
{
	const struct ts *local_ts = &child->local_ts->v[local];
	const struct ts *remote_ts = &child->remote_ts->v[remote];
	const struct ike_sa *sa = child->ike_sa;
	char addr[ENDPOINT_STRLEN], id[ID_STRLEN];

	buf_put64(out, order_of(child));
	put(out, "updown %s{%u}", child->conf->name, child->unique_id);
	put_text(out, child->conf->updown);
	put(out, "PATH=%s", path ? path : PATH);
	put_text(out, "PLUTO_VERSION=1.1");
	put_verb(out, child, local_ts, up);
	put(out, "PLUTO_CONNECTION=%s", child->conf->name);
	put(out, "PLUTO_INTERFACE=%s", child->interface[0] ? child->interface : "unknown");
	put(out, "PLUTO_REQID=%u", child->reqid);
	put_text(out, "PLUTO_PROTO=esp");
	put(out, "PLUTO_UNIQUEID=%u", sa->unique_id);
	put(out, "PLUTO_ME=%s", endpoint_addr_str(&sa->local, addr));
	put(out, "PLUTO_MY_ID=%s", ike_id_str(&sa->local_id, id));
	put_client(out, "MY", local_ts);
	put_port(out, local_ts, remote_ts, true);
	put(out, "PLUTO_MY_PROTOCOL=%u", local_ts->protocol);
	put(out, "PLUTO_PEER=%s", endpoint_addr_str(&sa->remote, addr));
	put(out, "PLUTO_PEER_ID=%s", ike_id_str(&sa->remote_id, id));
	put_client(out, "PEER", remote_ts);
	put_port(out, local_ts, remote_ts, false);
	put(out, "PLUTO_PEER_PROTOCOL=%u", remote_ts->protocol);
	put_marks(out, child);
	if (sa->nat_local || sa->nat_remote || sa->nat_fake)
		put(out, "PLUTO_UDP_ENC=%u", sa->remote.port);
	if (child->conf->hostaccess)
		put_text(out, "PLUTO_HOST_ACCESS=1");
}

/* Requests */

static void lost(struct updown *u)
{
	if (u->gone)
		return;
	u->gone = true;
	loop_fd_del(u->loop, &u->fd);
	log_msg(LOG_DMN, LVL_AUDIT,
		"the process 'ikefpd: scripts' is gone: updown scripts are not run until ikefpd is started anew");
}

static void watch(struct updown *u)
{
	loop_fd_add(u->loop, &u->fd, EPOLLIN | (u->first ? EPOLLOUT : 0));
}

static void drop_request(struct updown *u)
{
	struct request *request = u->first;

	u->first = request->next;
	if (!u->first)
		u->end = &u->first;
	buf_clear(&request->octets);
	free(request);
}

static void send_requests(struct updown *u)
{
	while (u->first && !u->gone) {
		int err = ipc_send(u->fd.fd, u->first->octets.data, u->first->octets.len);

		if (err == -EAGAIN)
			break;
		if (err == -EPIPE)
			lost(u);
		else if (err)
			log_msg(LOG_CHD, LVL_AUDIT, "an updown script is not run: %s", strerror(-err));
		drop_request(u);
	}
}

static void queue(struct updown *u, const struct child_sa *child, bool up, unsigned int local,
		  unsigned int remote)
{
	struct request *request = calloc(1, sizeof(*request));

	if (request)
		updown_write(&request->octets, child, up, local, remote, getenv("PATH"));
	if (!request || request->octets.failed) {
		if (request)
			buf_clear(&request->octets);
		free(request);
		ike_log(child->ike_sa, LOG_CHD, LVL_AUDIT, "no memory: the updown script of %s{%u} is not run",
			child->conf->name, child->unique_id);
		return;
	}
	*u->end = request;
	u->end = &request->next;
}

/* One line that a script has written, or what has become of it. Returns false at the end. */
static bool take_line(struct updown *u, int wait_ms)
{
	char line[SCRIPT_LINE_MAX + 512];
	ssize_t n = ipc_recv(u->fd.fd, line, sizeof(line), wait_ms);

	if (n > 0)
		log_msg(LOG_CHD, LVL_CTRL, "%.*s", (int)n, line);
	return n > 0;
}

static void ready(struct loop_fd *fd, uint32_t events)
{
	struct updown *u = container_of(fd, struct updown, fd);

	if (events & EPOLLIN && take_line(u, 0))
		return;
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		lost(u);
		return;
	}
	send_requests(u);
	if (!u->gone)
		watch(u);
}

/* Not of two families, nor of two protocols: there is no such policy. */
static bool is_pair(const struct ts *local, const struct ts *remote)
{
	return local->family == remote->family &&
	       (!local->protocol || !remote->protocol || local->protocol == remote->protocol);
}

void updown_run(struct updown *u, struct child_sa *child, bool up)
{
	struct next_hop hop;

	if (!u || !child->conf->updown)
		return;
	if (u->gone) {
		ike_log(child->ike_sa, LOG_CHD, LVL_AUDIT,
			"the updown script of %s{%u} is not run: the process that runs them is gone",
			child->conf->name, child->unique_id);
		return;
	}
	/* When it goes, the interface may have gone before. */
	if (!child->interface[0] && !route_to(u->route, &child->remote, &child->local, &hop))
		memcpy(child->interface, hop.interface, sizeof(child->interface));
	for (unsigned int i = 0; i < child->local_ts->n; i++)
		for (unsigned int j = 0; j < child->remote_ts->n; j++)
			if (is_pair(&child->local_ts->v[i], &child->remote_ts->v[j]))
				queue(u, child, up, i, j);
	send_requests(u);
	if (!u->gone)
		watch(u);
}

struct updown *updown_open(struct loop *loop, int fd, struct route *route)
{
	struct updown *u = calloc(1, sizeof(*u));
	int err = ENOMEM;

	if (!u)
		return NULL;
	u->loop = loop;
	u->route = route;
	u->fd.fd = fd;
	u->fd.ready = ready;
	u->end = &u->first;
	err = fcntl(fd, F_SETFL, O_NONBLOCK) ? errno : -loop_fd_add(loop, &u->fd, EPOLLIN);
	if (!err)
		return u;
	free(u);
	errno = err;
	return NULL;
}

void updown_close(struct updown *u, int wait_ms)
{
	uint64_t end_ms = loop_now_ms() + (uint64_t)wait_ms, now;

	if (!u)
		return;
	loop_fd_del(u->loop, &u->fd);
	/* It reads all the time: this is no more than an instant. */
	while (u->first && !u->gone && (now = loop_now_ms()) < end_ms) {
		struct pollfd out = { .fd = u->fd.fd, .events = POLLOUT };

		poll(&out, 1, (int)(end_ms - now));
		send_requests(u);
	}
	shutdown(u->fd.fd, SHUT_WR);
	while (!u->gone && (now = loop_now_ms()) < end_ms && take_line(u, (int)(end_ms - now)))
		;
	while (u->first)
		drop_request(u);
	free(u);
}
