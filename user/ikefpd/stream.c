// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "dscp.h"
#include "ike_begin.h"
#include "ike_manager.h"
#include "ike_retry.h"
#include "lifetime.h"
#include "log.h"
#include "stream.h"
#include "tcp_connect.h"
#include "transport.h"

#define CONNECT_MS	10000	/* a peer has to take it within this */
#define GIVE_UP_MS	60000	/* as long as IKE_SA_INIT is sent */
/* How long to wait for the next attempt, less up to half of it by chance. */
#define AGAIN_MS	500
#define AGAIN_MAX_MS	30000
#define STABLE_MS	10000	/* one that was there for so long was a good one */

struct stream {
	struct stream *next, **link;	/* in the manager's list */
	struct ike_manager *manager;
	struct ike_sa *sas;		/* that go by it, or are to */
	struct endpoint local;		/* while it is open its port, and its name, are there, too */
	struct endpoint remote;
	uint8_t dscp;
	struct tcp_connect *connect;	/* it is being opened */
	struct loop_timer timer;	/* there is something to do for it */
	unsigned int failures;		/* one after the other */
	bool complained;		/* that it cannot be opened was logged */
	bool busy;			/* others are told something: it stays until they are */
	uint64_t opened_ms;		/* loop_now_ms() */
};

static bool is_open(const struct stream *s)
{
	return s->local.stream;
}

static void stream_free(struct stream *s)
{
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	tcp_connect_cancel(s->connect);
	loop_timer_cancel(s->manager->loop, &s->timer);
	free(s);
}

/* One that is open is there for the next IKE SA, until the kernel closes it. */
static void free_unused(struct stream *s)
{
	if (!s->sas && !is_open(s) && !s->busy)
		stream_free(s);
}

static void enter(struct stream *s, struct ike_sa *sa)
{
	sa->stream = s;
	sa->stream_next = s->sas;
	sa->stream_link = &s->sas;
	if (s->sas)
		s->sas->stream_link = &sa->stream_next;
	s->sas = sa;
}

void stream_leave(struct ike_sa *sa)
{
	struct stream *s = sa->stream;

	if (!s)
		return;
	sa->stream = NULL;
	*sa->stream_link = sa->stream_next;
	if (sa->stream_next)
		sa->stream_next->stream_link = sa->stream_link;
	free_unused(s);
}

void stream_inherit(struct ike_sa *sa, const struct ike_sa *old)
{
	sa->local = old->local;
	sa->remote = old->remote;
	if (old->stream)
		enter(old->stream, sa);
}

/* An IKE SA that is not where its stream is yet; NULL: they all are. */
static struct ike_sa *astray(const struct stream *s)
{
	struct ike_sa *sa = s->sas;

	while (sa && endpoint_equal(&sa->local, &s->local))
		sa = sa->stream_next;
	return sa;
}

/* Each may end, and others with it. */
static void take_all(struct stream *s)
{
	struct ike_sa *sa;

	while ((sa = astray(s))) {
		if (sa->state == IKE_CREATED || !sa->local.stream)
			ike_begin_by_stream(sa, &s->local, &s->remote);
		else
			ike_sa_next_stream(sa, &s->local, &s->remote);
	}
}

/* Who has sent nothing yet, and waits for too long; NULL: nobody does. */
static struct ike_sa *impatient(const struct stream *s)
{
	struct ike_sa *sa = s->sas;

	while (sa && (sa->state != IKE_CREATED || loop_now_ms() < sa->created_ms + GIVE_UP_MS))
		sa = sa->stream_next;
	return sa;
}

static uint64_t wait_ms(const struct stream *s)
{
	uint64_t ms = AGAIN_MS;
	unsigned int n;

	for (n = s->failures; n > 1 && ms < AGAIN_MAX_MS; n--)
		ms *= 2;
	if (ms > AGAIN_MAX_MS)
		ms = AGAIN_MAX_MS;
	return ms - lifetime_random(ms / 2);
}

static void open_later(struct stream *s)
{
	/* Without memory for a timer nothing would come of it. */
	if (loop_timer_arm(s->manager->loop, &s->timer, wait_ms(s)))
		log_msg(LOG_NET, LVL_AUDIT, "no memory to open a TCP connection");
}

/* Who would go by UDP as well, and has sent nothing yet. */
static struct ike_sa *flexible(const struct stream *s)
{
	struct ike_sa *sa = s->sas;

	while (sa && (sa->state != IKE_CREATED || sa->conn->transport != TRANSPORT_AUTO))
		sa = sa->stream_next;
	return sa;
}

/* May end IKE SAs, and the stream with the last of them. */
static void not_opened(struct stream *s, const char *why)
{
	char remote[ENDPOINT_STRLEN], reason[ENDPOINT_STRLEN + 96];
	struct ike_sa *sa;

	snprintf(reason, sizeof(reason), "no TCP connection to %s: %s",
		 endpoint_str(&s->remote, remote), why);
	/* Every half minute would be too often for what may last for days. */
	log_msg(LOG_NET, s->complained ? LVL_DIAG : LVL_CTRL, "%s", reason);
	s->complained = true;
	s->failures++;
	open_later(s);
	s->busy = true;
	while ((sa = flexible(s)))
		transport_no_tcp(sa);
	while ((sa = impatient(s)))
		if (!ike_retry(sa, reason))
			ike_sa_destroy(sa, reason);
	s->busy = false;
	free_unused(s);
}

static int read_local(int fd, struct endpoint *local)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(fd, (struct sockaddr *)&ss, &len))
		return -errno;
	return endpoint_from_sockaddr(local, (struct sockaddr *)&ss);
}

static int read_remote(int fd, struct endpoint *remote)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getpeername(fd, (struct sockaddr *)&ss, &len))
		return -errno;
	return endpoint_from_sockaddr(remote, (struct sockaddr *)&ss);
}

/* One that has ended already is the kernel's to find out. */
void stream_accepted(struct ike_manager *m, int fd)
{
	const struct conn *conn = NULL;
	struct endpoint local, remote;
	char text[ENDPOINT_STRLEN];
	int err = 0;

	if (!read_local(fd, &local) && !read_remote(fd, &remote))
		conn = config_find_by_addrs(m->config, &local, &remote);
	if (conn && conn->dscp)
		err = dscp_set(fd, local.family, conn->dscp);
	if (err)
		log_msg(LOG_NET, LVL_AUDIT, "the TCP connection from %s has not got the dscp of '%s': %s",
			endpoint_str(&remote, text), conn->name, strerror(-err));
	kernel_stream_add(m->kernel, fd, false, NULL);
}

static void connected(void *arg, int fd, int err)
{
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	struct stream *s = arg;
	struct endpoint from;
	uint32_t id;

	s->connect = NULL;
	if (!err)
		err = read_local(fd, &from);
	if (err) {
		if (fd >= 0)
			close(fd);
		not_opened(s, strerror(-err));
		return;
	}
	if (kernel_stream_add(s->manager->kernel, fd, true, &id)) {
		not_opened(s, "the kernel does not take it");
		return;
	}
	s->local = from;
	s->local.stream = id;
	s->opened_ms = loop_now_ms();
	s->complained = false;
	log_msg(LOG_NET, LVL_CTRL, "TCP connection from %s to %s is open",
		endpoint_str(&s->local, local), endpoint_str(&s->remote, remote));
	take_all(s);
}

/* It is to be opened, or who has come to it is to be told that it is. */
static void expired(struct loop_timer *timer)
{
	struct stream *s = container_of(timer, struct stream, timer);
	int err;

	if (is_open(s)) {
		take_all(s);
		return;
	}
	err = tcp_connect_begin(&s->connect, s->manager->loop, &s->local, &s->remote, s->dscp,
				CONNECT_MS, connected, s);
	if (err)
		not_opened(s, strerror(-err));
}

static struct stream *find(const struct ike_manager *m, const struct endpoint *local,
			   const struct endpoint *remote, uint8_t dscp)
{
	struct stream *s = m->streams;

	while (s && !(endpoint_same_addr(&s->local, local) && endpoint_equal(&s->remote, remote) &&
		      s->dscp == dscp))
		s = s->next;
	return s;
}

static struct stream *get(struct ike_manager *m, const struct endpoint *local,
			  const struct endpoint *remote, uint8_t dscp)
{
	struct stream *s = find(m, local, remote, dscp);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->manager = m;
	s->local = *local;
	s->local.port = 0;
	s->local.stream = 0;
	s->remote = *remote;
	s->dscp = dscp;
	s->timer.expired = expired;
	s->next = m->streams;
	s->link = &m->streams;
	if (s->next)
		s->next->link = &s->next;
	m->streams = s;
	return s;
}

int stream_join(struct ike_sa *sa)
{
	struct ike_manager *m = sa->manager;
	struct endpoint remote = sa->remote;
	struct stream *s;

	remote.port = sa->conn->tcp_remote_port;
	s = get(m, &sa->local, &remote, sa->conn->dscp);
	if (!s)
		return -ENOMEM;
	enter(s, sa);
	if (is_open(s)) {
		sa->local = s->local;
		sa->remote = s->remote;
		return 0;
	}
	/* Who comes is not to wait because others do. */
	if (s->connect || !loop_timer_arm(m->loop, &s->timer, 0))
		return 0;
	stream_leave(sa);
	return -ENOMEM;
}

int stream_resume(struct ike_sa *sa, const struct endpoint *local,
		  const struct endpoint *remote, uint8_t dscp)
{
	struct ike_manager *m = sa->manager;
	struct stream *s = get(m, local, remote, dscp);

	if (!s)
		return -ENOMEM;
	enter(s, sa);
	if (!is_open(s) && kernel_stream_is_open(m->kernel, local->stream)) {
		s->local = *local;
		s->opened_ms = loop_now_ms();
	}
	if (endpoint_equal(local, &s->local))
		return 0;
	return loop_timer_arm(m->loop, &s->timer, 0);
}

void stream_closed(struct ike_manager *m, uint32_t id)
{
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	struct stream *s = m->streams;

	while (s && s->local.stream != id)
		s = s->next;
	if (!s)
		return;
	log_msg(LOG_NET, LVL_CTRL, "TCP connection from %s to %s has ended",
		endpoint_str(&s->local, local), endpoint_str(&s->remote, remote));
	s->local.port = 0;
	s->local.stream = 0;
	if (!s->sas) {
		stream_free(s);
		return;
	}
	s->failures = loop_now_ms() < s->opened_ms + STABLE_MS ? s->failures + 1 : 0;
	open_later(s);
}

void stream_clear(struct ike_manager *m)
{
	while (m->streams)
		stream_free(m->streams);
}
