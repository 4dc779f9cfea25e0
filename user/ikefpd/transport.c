// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "config.h"
#include "ike_begin.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "lifetime.h"
#include "log.h"
#include "stream.h"
#include "transport.h"

/* How often to see whether IKE_SA_INIT has gone out once more. */
#define LOOK_MS		100
/* When UDP is tried again, less a part by chance; and how soon at most where routes change. */
#define PROBE_MS	30000
#define PROBE_MAX_MS	3600000
#define PROBE_MIN_MS	5000

/* Between two addresses UDP did not pass, and TCP did. */
struct tcp_path {
	struct tcp_path *next;
	struct ike_manager *manager;
	struct endpoint local, remote;	/* of no ports */
	bool outdated;			/* the network is another one since */
	uint64_t wait_ms;		/* for the next probe */
	uint64_t probed_ms;		/* loop_now_ms() */
	struct loop_timer timer;
};

static struct tcp_path *find(const struct ike_sa *sa)
{
	struct tcp_path *path = sa->manager->tcp_paths;

	while (path && !(endpoint_same_addr(&path->local, &sa->local) &&
			 endpoint_same_addr(&path->remote, &sa->remote)))
		path = path->next;
	return path;
}

static void forget(struct tcp_path *path)
{
	struct tcp_path **link = &path->manager->tcp_paths;

	while (*link != path)
		link = &(*link)->next;
	*link = path->next;
	loop_timer_cancel(path->manager->loop, &path->timer);
	free(path);
}

bool transport_is_tcp(const struct ike_sa *sa)
{
	const struct tcp_path *path;

	if (sa->conn->transport != TRANSPORT_AUTO)
		return sa->conn->transport == TRANSPORT_TCP;
	path = sa->handshake->probe ? NULL : find(sa);
	return path && !path->outdated;
}

static void look_later(struct ike_sa *sa)
{
	/* Without memory for a timer it goes by UDP, or not at all. */
	loop_timer_arm(sa->manager->loop, &sa->handshake->udp_timer, LOOK_MS);
}

/* How many copies are not answered before TCP is tried; of a few the last one is waited for so. */
static uint32_t tcp_after(const struct ike_sa *sa)
{
	int32_t most = sa->conn->retransmit.tries;

	if (most == CONF_UNSET)
		most = sa->manager->config->retransmit.tries;
	return most > 0 && (uint32_t)most < sa->conn->tcp_after ? (uint32_t)most :
								 sa->conn->tcp_after;
}

static void fall_back(struct ike_sa *sa)
{
	char remote[ENDPOINT_STRLEN];

	if (sa->handshake->probe) {
		ike_sa_destroy(sa, "UDP does not pass yet");
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL,
		"IKE_SA_INIT was sent to %s %u times by UDP and not answered: trying TCP",
		endpoint_str(&sa->remote, remote), tcp_after(sa));
	stream_join(sa);
	/* There may have been one already. */
	if (sa->local.stream)
		ike_begin_by_stream(sa, &sa->local, &sa->remote);
}

/* It waits for the answer to IKE_SA_INIT, by UDP. */
static void look(struct loop_timer *timer)
{
	struct ike_handshake *h = container_of(timer, struct ike_handshake, udp_timer);
	struct ike_sa *sa = h->sa;
	uint32_t tries;

	if (sa->active.type != TASK_IKE_INIT || sa->local.stream)
		return;
	if (!h->dh_job && !sa->stream &&
	    !kernel_sa_tries(sa->manager->kernel, sa->spi_i, &tries) &&
	    tries > tcp_after(sa))
		fall_back(sa);
	else
		look_later(sa);
}

void transport_wait(struct ike_sa *sa)
{
	if (sa->conn->transport != TRANSPORT_AUTO)
		return;
	sa->handshake->udp_timer.expired = look;
	look_later(sa);
}

void transport_no_tcp(struct ike_sa *sa)
{
	struct tcp_path *path = find(sa);

	if (path)
		forget(path);
	stream_leave(sa);
	ike_begin_by_udp(sa);
}

/* One that a probe can take the place of; NULL: there is none. */
static struct ike_sa *by_tcp(const struct ike_manager *m, const struct endpoint *local,
			     const struct endpoint *remote)
{
	struct ike_sa *sa;

	for (sa = m->sas; sa; sa = sa->next)
		if (sa->stream && sa->conn->transport == TRANSPORT_AUTO &&
		    endpoint_same_addr(&sa->local, local) &&
		    endpoint_same_addr(&sa->remote, remote) && ike_reauth_is_possible(sa))
			return sa;
	return NULL;
}

static bool is_any(const struct ike_manager *m, const struct tcp_path *path)
{
	const struct ike_sa *sa;

	for (sa = m->sas; sa; sa = sa->next)
		if (sa->stream && endpoint_same_addr(&sa->local, &path->local) &&
		    endpoint_same_addr(&sa->remote, &path->remote))
			return true;
	return false;
}

static void probe_later(struct tcp_path *path)
{
	uint64_t ms = path->wait_ms - lifetime_random(path->wait_ms / 4);

	if (loop_timer_arm(path->manager->loop, &path->timer, ms))
		forget(path);
}

static void probe(struct loop_timer *timer)
{
	struct tcp_path *path = container_of(timer, struct tcp_path, timer);
	struct ike_manager *m = path->manager;
	struct ike_sa *sa = by_tcp(m, &path->local, &path->remote);

	/* The next one begins by UDP. */
	if (!is_any(m, path)) {
		forget(path);
		return;
	}
	path->probed_ms = loop_now_ms();
	path->wait_ms = path->wait_ms < PROBE_MAX_MS / 2 ? 2 * path->wait_ms : PROBE_MAX_MS;
	probe_later(path);
	if (sa)
		ike_reauth_by_udp(sa);
}

static void remember(const struct ike_sa *sa)
{
	struct tcp_path *path = find(sa);

	if (path) {
		path->outdated = false;
		return;
	}
	/* Without memory for it the next one finds out by itself. */
	path = calloc(1, sizeof(*path));
	if (!path)
		return;
	path->manager = sa->manager;
	path->local = sa->local;
	path->remote = sa->remote;
	path->wait_ms = PROBE_MS;
	path->timer.expired = probe;
	path->next = sa->manager->tcp_paths;
	sa->manager->tcp_paths = path;
	probe_later(path);
}

/* What is by TCP comes back, each by itself. */
static void udp_passes(const struct ike_sa *established)
{
	const struct endpoint local = established->local, remote = established->remote;
	struct ike_manager *m = established->manager;
	struct tcp_path *path = find(established);
	char text[ENDPOINT_STRLEN];
	struct ike_sa *sa;

	if (!path)
		return;
	forget(path);
	log_msg(LOG_IKE, LVL_CTRL, "UDP passes to %s: no more TCP",
		endpoint_addr_str(&remote, text));
	while ((sa = by_tcp(m, &local, &remote)) && ike_reauth_by_udp(sa))
		;
}

void transport_works(struct ike_sa *sa)
{
	if (!sa->conn || sa->conn->transport != TRANSPORT_AUTO)
		return;
	if (sa->stream)
		remember(sa);
	else if (!sa->local.stream)
		udp_passes(sa);
}

void transport_network_changed(struct ike_manager *m)
{
	const uint64_t now = loop_now_ms();
	struct tcp_path *path, *next;

	for (path = m->tcp_paths; path; path = next) {
		uint64_t earliest = path->probed_ms ? path->probed_ms + PROBE_MIN_MS : 0;

		next = path->next;
		path->outdated = true;
		path->wait_ms = PROBE_MS;
		if (loop_timer_arm(m->loop, &path->timer, earliest > now ? earliest - now : 0))
			forget(path);
	}
}

void transport_clear(struct ike_manager *m)
{
	while (m->tcp_paths)
		forget(m->tcp_paths);
}
