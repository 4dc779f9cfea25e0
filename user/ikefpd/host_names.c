// SPDX-License-Identifier: GPL-2.0
/* Host names as remote addresses. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "host_names.h"
#include "ike_manager.h"
#include "log.h"
#include "lookup.h"

/* A name, by its place in remote_addrs. */
struct question {
	struct lookup_job lookup;
	struct host_wait *wait;
	size_t at;
};

struct host_wait {
	struct host_wait *next, **link;	/* in the manager's list */
	struct ike_manager *manager;
	struct conn *conn;		/* a reference */
	bool initiate;			/* else its traps are installed */
	const struct child_conf *child;
	struct control_job *job;
	bool lasting;
	size_t open;			/* questions without an answer */
	size_t count;
	struct question questions[];
};

static size_t count_names(const struct conn *conn)
{
	size_t n = 0;

	for (size_t i = 0; i < conn->remote_addr_count; i++)
		n += conn->remote_addrs[i].host != NULL;
	return n;
}

bool host_names_any(const struct conn *conn)
{
	return count_names(conn);
}

static void wait_free(struct host_wait *w)
{
	for (size_t i = 0; i < w->count; i++)
		lookup_cancel(&w->questions[i].lookup);
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	conn_put(w->conn);
	free(w);
}

static void go_on(struct host_wait *w)
{
	const struct child_conf *child = w->child;
	bool initiate = w->initiate;
	struct ike_manager *m = w->manager;
	struct conn *conn = conn_get(w->conn);
	struct control_job *job = w->job;
	bool lasting = w->lasting;

	wait_free(w);
	/* It may have been unloaded, or have made place for another one. */
	if (config_find_conn(m->config, conn->name) != conn)
		ike_manager_not_initiated(job, "its connection is not configured any more");
	else if (initiate)
		ike_manager_initiate_now(m, conn, child, job, lasting);
	else
		trap_configure(m, conn);
	conn_put(conn);
}

/* Is it of a family that there is a local address of? */
static bool is_usable(const struct conn *conn, sa_family_t family)
{
	for (size_t i = 0; i < conn->local_addr_count; i++)
		if (conn->local_addrs[i].family == AF_UNSPEC ||
		    conn->local_addrs[i].family == family)
			return true;
	return false;
}

/* The first address that is usable. */
static void take(struct conn *conn, struct addr_range *to, const uint8_t *data, size_t len)
{
	while (len) {
		size_t addr_len = data[0] == 4 ? 4 : 16;
		sa_family_t family = data[0] == 4 ? AF_INET : AF_INET6;

		if (len < 1 + addr_len)
			break;
		if (is_usable(conn, family)) {
			memset(to->first, 0, sizeof(to->first));
			memcpy(to->first, data + 1, addr_len);
			memcpy(to->last, to->first, sizeof(to->last));
			to->family = family;
			return;
		}
		data += 1 + addr_len;
		len -= 1 + addr_len;
	}
	log_msg(LOG_CFG, LVL_CTRL, "'%s' of '%s' has no address of a family that there is a local one of",
		to->host, conn->name);
}

static void answered(struct lookup_job *lookup, const char *why, const uint8_t *data, size_t len)
{
	struct question *q = container_of(lookup, struct question, lookup);
	struct host_wait *w = q->wait;
	struct addr_range *to = &w->conn->remote_addrs[q->at];

	if (why)
		log_msg(LOG_CFG, LVL_CTRL, "the address of '%s' of '%s': %s", to->host,
			w->conn->name, why);
	else
		take(w->conn, to, data, len);
	if (!--w->open)
		go_on(w);
}

static struct host_wait *wait_new(struct ike_manager *m, struct conn *conn)
{
	size_t n = m->lookup ? count_names(conn) : 0;
	struct host_wait *w;

	if (!n)
		return NULL;
	w = calloc(1, sizeof(*w) + n * sizeof(*w->questions));
	if (!w)
		return NULL;
	w->manager = m;
	w->conn = conn_get(conn);
	w->count = n;
	w->link = &m->host_waits;
	w->next = m->host_waits;
	if (w->next)
		w->next->link = &w->next;
	m->host_waits = w;
	return w;
}

static bool ask(struct host_wait *w)
{
	struct question *q = w->questions;

	for (size_t i = 0; i < w->conn->remote_addr_count; i++) {
		const char *host = w->conn->remote_addrs[i].host;

		if (!host)
			continue;
		q->wait = w;
		q->at = i;
		q->lookup.done = answered;
		w->open += !lookup_ask(w->manager->lookup, &q->lookup, LOOKUP_HOST, host, NULL, 0);
		q++;
	}
	if (w->open)
		return true;
	wait_free(w);
	return false;
}

bool host_names_initiate(struct ike_manager *m, struct conn *conn,
			 const struct child_conf *child, struct control_job *job, bool lasting)
{
	struct host_wait *w = wait_new(m, conn);

	if (!w)
		return false;
	w->initiate = true;
	w->child = child;
	w->job = job;
	w->lasting = lasting;
	return ask(w);
}

void host_names_configure(struct ike_manager *m, struct conn *conn)
{
	struct host_wait *w = wait_new(m, conn);

	if (!w || !ask(w))
		trap_configure(m, conn);
}

void host_names_forget(struct ike_manager *m, struct control_job *job)
{
	for (struct host_wait *w = m->host_waits; w; w = w->next)
		if (w->job == job)
			w->job = NULL;
}

void host_names_clear(struct ike_manager *m)
{
	while (m->host_waits)
		wait_free(m->host_waits);
}
