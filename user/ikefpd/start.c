// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "log.h"
#include "loop.h"
#include "start.h"

struct start {
	struct start *next;
	struct conn *conn;		/* a reference */
	const struct child_conf *child;
	struct control_job job;
	struct loop_timer timer;
};

/* What is to be up, by its names: its section may not be loaded yet. */
struct again {
	struct again *next;
	char *conn, *child;
	const struct child_conf *of;	/* a reference: what it was of then; NULL: not known */
	bool waits;		/* for the network to change, or a token to come */
};

static struct {
	struct loop *loop;
	struct config *config;
	struct again *again;
	struct start *waiting, **waiting_end;
	struct start *under_way;
	unsigned int n_under_way;
	struct loop_work more, once_more;
} starts;

static void start_free(struct start *s)
{
	conn_put(s->conn);
	free(s);
}

static void over(struct start *s)
{
	struct start **link;

	for (link = &starts.under_way; *link != s;)
		link = &(*link)->next;
	*link = s->next;
	starts.n_under_way--;
	loop_timer_cancel(starts.loop, &s->timer);
	start_free(s);
	loop_defer(starts.loop, &starts.more);
}

static void done(struct control_job *job, bool ok, const char *reason)
{
	struct start *s = container_of(job, struct start, job);

	/* What became of it has been logged. */
	(void)ok;
	(void)reason;
	if (job->unreachable)
		start_when_possible(s->conn, s->child);
	over(s);
}

/* It goes on, while others begin. */
static void expired(struct loop_timer *timer)
{
	struct start *s = container_of(timer, struct start, timer);

	control_forget(&s->job);
	over(s);
}

static void begin(struct start *s)
{
	/* Much may have changed since it was loaded. */
	if (config_find_conn(starts.config, s->conn->name) != s->conn ||
	    control_has_child(s->conn->name, s->child->name)) {
		start_free(s);
		return;
	}
	log_msg(LOG_CFG, LVL_CTRL, "initiating '%s' of '%s'", s->child->name,
		s->conn->name);
	s->next = starts.under_way;
	starts.under_way = s;
	starts.n_under_way++;
	s->job.done = done;
	s->job.lasting = true;
	s->timer.expired = expired;
	/* Without a timer it counts until it is over. */
	loop_timer_arm(starts.loop, &s->timer, START_MS);
	control_initiate(s->conn, s->child, &s->job);
}

static void begin_more(struct loop_work *work)
{
	struct start *s;

	(void)work;
	while ((s = starts.waiting) && starts.n_under_way < START_MAX) {
		starts.waiting = s->next;
		if (!starts.waiting)
			starts.waiting_end = &starts.waiting;
		begin(s);
	}
}

static void enqueue(struct conn *conn, const struct child_conf *child)
{
	struct start *s = calloc(1, sizeof(*s));

	if (!s) {
		log_msg(LOG_CFG, LVL_AUDIT, "no memory to initiate '%s' of '%s'",
			child->name, conn->name);
		return;
	}
	s->conn = conn_get(conn);
	s->child = child;
	*starts.waiting_end = s;
	starts.waiting_end = &s->next;
}

static void again_free(struct again *a)
{
	child_conf_put(a->of);
	free(a->conn);
	free(a->child);
	free(a);
}

static void add_again(const char *conn, const char *child, const struct child_conf *of)
{
	const bool waits = of;
	struct again *a;

	if (!starts.loop)
		return;
	/* Once, however many IKE SAs it had. */
	for (a = starts.again; a; a = a->next) {
		if (!strcmp(a->conn, conn) && !strcmp(a->child, child)) {
			a->waits &= waits;
			if (!of) {
				child_conf_put(a->of);
				a->of = NULL;
			}
			return;
		}
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		return;
	a->waits = waits;
	a->of = child_conf_get(of);
	a->conn = strdup(conn);
	a->child = strdup(child);
	if (!a->conn || !a->child) {
		log_msg(LOG_CFG, LVL_AUDIT, "no memory to initiate '%s' of '%s'", child, conn);
		again_free(a);
		return;
	}
	a->next = starts.again;
	starts.again = a;
}

void start_again(const char *conn, const char *child)
{
	add_again(conn, child, NULL);
	if (starts.loop)
		loop_defer(starts.loop, &starts.once_more);
}

void start_when_possible(const struct conn *conn, const struct child_conf *child)
{
	add_again(conn->name, child->name, child);
}

void start_look_again(void)
{
	struct again *a;

	for (a = starts.again; a; a = a->next)
		a->waits = false;
	if (starts.again)
		loop_defer(starts.loop, &starts.once_more);
}

/* It is not configured as it was, and what is to be started of that has been. */
static bool is_outdated(const struct again *a, const struct child_conf *now)
{
	return a->of && (!now || (now != a->of && !child_conf_same(now, a->of) &&
				  (a->of->start_action | now->start_action) & START_START));
}

static void enqueue_again(void)
{
	const struct child_conf *child;
	struct again **link = &starts.again, *a;
	struct conn *conn;

	while ((a = *link)) {
		conn = config_find_conn(starts.config, a->conn);
		child = conn ? conn_find_child(conn, a->child) : NULL;
		if (!is_outdated(a, child)) {
			if (!child || a->waits) {
				link = &a->next;
				continue;
			}
			enqueue(conn, child);
		}
		*link = a->next;
		again_free(a);
	}
}

static void begin_again(struct loop_work *work)
{
	(void)work;
	enqueue_again();
	begin_more(&starts.more);
}

void start_open(struct loop *loop, struct config *config)
{
	memset(&starts, 0, sizeof(starts));
	starts.loop = loop;
	starts.config = config;
	starts.waiting_end = &starts.waiting;
	starts.more.run = begin_more;
	starts.once_more.run = begin_again;
}

void start_pending(void)
{
	enqueue_again();
	for (struct conn *conn = starts.config->conns; conn; conn = conn->next) {
		if (!conn->start_pending)
			continue;
		conn->start_pending = false;
		for (const struct child_conf *c = conn->children; c; c = c->next)
			if (c->start_action & START_START)
				enqueue(conn, c);
	}
	begin_more(&starts.more);
}

void start_stop(void)
{
	struct start *s;
	struct again *a;

	while ((s = starts.waiting)) {
		starts.waiting = s->next;
		start_free(s);
	}
	starts.waiting_end = &starts.waiting;
	while ((a = starts.again)) {
		starts.again = a->next;
		again_free(a);
	}
}

void start_close(void)
{
	struct start *s;

	if (!starts.loop)
		return;
	start_stop();
	while ((s = starts.under_way)) {
		control_forget(&s->job);
		over(s);
	}
	loop_defer_cancel(starts.loop, &starts.more);
	loop_defer_cancel(starts.loop, &starts.once_more);
	starts.loop = NULL;
}
