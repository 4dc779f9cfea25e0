// SPDX-License-Identifier: GPL-2.0
/* VICI's initiate and terminate: commands that end when an SA is up or gone; and rekey. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"
#include "vici_client.h"
#include "vici_message.h"

struct vici_job {
	struct control_job job;
	struct vici_control *control;
	bool done;
};

struct vici_control {
	struct vici_client *client;
	bool terminate;
	bool starting;		/* within the calls that start the jobs */
	int level;
	int timeout_ms;
	bool timed_out;
	struct loop_timer timer;
	struct conn *conn;	/* what is initiated; a reference */
	const char *what;		/* of it, and its name: */
	const char *name;
	struct vici_job *jobs;
	size_t job_count;
	size_t done;
	size_t succeeded;
	struct errmsg reason;	/* the last failure's */
};

/* Does an SA or child fit what terminate or rekey asks for? Zero or NULL: any. */
struct selector {
	const char *ike;
	const char *child;
	uint32_t ike_id;
	uint32_t child_id;
	uint32_t *ids;
	size_t count;
	bool failed;
};

static int number(const struct tree *request, const char *name, int fallback)
{
	const char *text = tree_str(request, name);
	char *end;
	long v;

	if (!text)
		return fallback;
	v = strtol(text, &end, 10);
	if (end == text || *end || v > INT_MAX || v < INT_MIN)
		return fallback;
	return (int)v;
}

static bool is_yes(const struct tree *request, const char *name)
{
	const char *text = tree_str(request, name);

	return text && !strcmp(text, "yes");
}

static void control_free(struct vici_control *control)
{
	loop_timer_cancel(control->client->vici->loop, &control->timer);
	free(control->jobs);
	conn_put(control->conn);
	free(control);
}

static void put_initiate_result(const struct vici_control *control, struct buf *reply)
{
	if (control->timed_out)
		vici_put_result(reply, "%s '%s' not established after %dms", control->what,
				control->name, control->timeout_ms);
	else if (!control->succeeded)
		vici_put_result(reply, "establishing %s '%s' failed%s%s", control->what,
				control->name, *control->reason.text ? ": " : "",
				control->reason.text);
	else
		vici_put_result(reply, NULL);
}

static void put_terminate_result(const struct vici_control *control,
				 struct buf *reply)
{
	bool ok = control->succeeded == control->job_count;

	vici_put(reply, "success", "%s", ok ? "yes" : "no");
	vici_put(reply, "matches", "%zu", control->job_count);
	vici_put(reply, "terminated", "%zu", control->succeeded);
	if (ok)
		return;
	vici_put(reply, "errmsg", "%s%s%s",
		 control->job_count == 1 ? "terminating SA failed" :
		 "not all matching SAs could be terminated",
		 control->timed_out || *control->reason.text ? ": " : "",
		 control->timed_out ? "timeout" : control->reason.text);
}

/* Writes the answer into @reply and ends the command. */
static void conclude(struct vici_control *control, struct buf *reply)
{
	if (control->terminate)
		put_terminate_result(control, reply);
	else
		put_initiate_result(control, reply);
	control_free(control);
}

static void answer(struct vici_control *control)
{
	struct vici_client *client = control->client;
	struct buf reply = BUF_INIT;

	conclude(control, &reply);
	vici_respond(client, &reply);
}

static void job_done(struct control_job *base, bool ok, const char *reason)
{
	struct vici_job *job = container_of(base, struct vici_job, job);
	struct vici_control *control = job->control;

	job->done = true;
	control->done++;
	if (ok)
		control->succeeded++;
	else if (reason)
		errmsg_set(&control->reason, "%s", reason);
	if (control->done == control->job_count && !control->starting)
		answer(control);
}

static void forget_jobs(struct vici_control *control)
{
	for (size_t i = 0; i < control->job_count; i++)
		if (!control->jobs[i].done)
			control_forget(&control->jobs[i].job);
}

static void timed_out(struct loop_timer *timer)
{
	struct vici_control *control = container_of(timer, struct vici_control, timer);

	control->timed_out = true;
	forget_jobs(control);
	answer(control);
}

void vici_control_abandon(struct vici_control *control)
{
	forget_jobs(control);
	control_free(control);
}

bool vici_control_concerns(const struct vici_control *control,
			   const struct log_sa *sa)
{
	if (control->starting)
		return true;
	if (!sa)
		return false;
	for (size_t i = 0; i < control->job_count; i++)
		if (control->jobs[i].job.ike_id == sa->unique_id && !control->jobs[i].done)
			return true;
	return false;
}

int vici_control_level(const struct vici_control *control)
{
	return control->level;
}

static struct vici_control *control_new(struct vici_client *client,
					const struct tree *request, size_t jobs)
{
	struct vici_control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->jobs = calloc(jobs, sizeof(*control->jobs));
	if (!control->jobs) {
		free(control);
		return NULL;
	}
	control->client = client;
	control->job_count = jobs;
	control->level = number(request, "loglevel", 1);
	control->timeout_ms = number(request, "timeout", 0);
	control->timer.expired = timed_out;
	for (size_t i = 0; i < jobs; i++) {
		control->jobs[i].control = control;
		control->jobs[i].job.done = job_done;
	}
	client->control = control;
	vici_log_update(client->vici);
	return control;
}

/* The jobs are started: are they done at once, or does the client wait? */
static enum vici_result started(struct vici_control *control, struct buf *reply)
{
	struct vici_client *client = control->client;

	control->starting = false;
	if (control->done == control->job_count) {
		client->control = NULL;
		conclude(control, reply);
		return VICI_DONE;
	}
	if (control->timeout_ms > 0 &&
	    loop_timer_arm(client->vici->loop, &control->timer,
			   (uint64_t)control->timeout_ms)) {
		client->control = NULL;
		vici_control_abandon(control);
		vici_put_result(reply, "out of memory");
		return VICI_DONE;
	}
	return VICI_PENDING;
}

const struct child_conf *vici_find_child(const struct config *config, const char *ike,
					 const char *child, struct conn **conn)
{
	for (struct conn *c = config->conns; c; c = c->next) {
		const struct child_conf *found;

		if (ike && strcmp(ike, c->name))
			continue;
		found = conn_find_child(c, child);
		if (found) {
			*conn = c;
			return found;
		}
	}
	return NULL;
}

enum vici_result vici_initiate(struct vici_client *client, const struct tree *request,
			       struct buf *reply)
{
	const char *ike = tree_str(request, "ike");
	const char *child = tree_str(request, "child");
	const char *what = child ? "CHILD_SA" : "IKE_SA";
	const struct child_conf *conf = NULL;
	struct vici_control *control;
	struct conn *conn = NULL;

	if (!child && !ike) {
		vici_put_result(reply, "missing configuration name");
		return VICI_DONE;
	}
	log_msg(LOG_CFG, LVL_CTRL, "vici initiate %s '%s'", what, child ? child : ike);
	if (child)
		conf = vici_find_child(client->vici->config, ike, child, &conn);
	else
		conn = config_find_conn(client->vici->config, ike);
	if (!conn) {
		vici_put_result(reply, "%s config '%s' not found", what, child ? child : ike);
		return VICI_DONE;
	}
	if (conf && (conf->mode == MODE_PASS || conf->mode == MODE_DROP)) {
		vici_put_result(reply, "'%s' has no CHILD_SA: its mode is pass or drop", child);
		return VICI_DONE;
	}
	if (number(request, "timeout", 0) < 0) {
		control_initiate(conn, conf, NULL);
		vici_put_result(reply, NULL);
		return VICI_DONE;
	}
	control = control_new(client, request, 1);
	if (!control) {
		vici_put_result(reply, "out of memory");
		return VICI_DONE;
	}
	control->what = what;
	control->name = conf ? conf->name : conn->name;
	control->starting = true;
	control->conn = conn_get(conn);
	control_initiate(conn, conf, &control->jobs[0].job);
	return started(control, reply);
}

static void add_id(struct selector *s, uint32_t id)
{
	uint32_t *ids = reallocarray(s->ids, s->count + 1, sizeof(*ids));

	if (!ids) {
		s->failed = true;
		return;
	}
	s->ids = ids;
	ids[s->count++] = id;
}

static bool select_ike(const struct control_ike *ike, void *data)
{
	struct selector *s = data;

	if (s->ike && strcmp(s->ike, ike->name))
		return true;
	if (s->ike_id && s->ike_id != ike->unique_id)
		return true;
	if (!s->child && !s->child_id) {
		add_id(s, ike->unique_id);
		return true;
	}
	for (size_t i = 0; i < ike->child_count; i++) {
		const struct control_child *child = &ike->children[i];

		if ((!s->child || !strcmp(s->child, child->name)) &&
		    (!s->child_id || s->child_id == child->unique_id))
			add_id(s, child->unique_id);
	}
	return true;
}

static enum vici_result terminate_selected(struct vici_client *client,
					   const struct tree *request,
					   const struct selector *s,
					   struct buf *reply)
{
	bool force = is_yes(request, "force");
	bool detached = number(request, "timeout", 0) < 0;
	bool child = s->child || s->child_id;
	struct vici_control *control;

	control = control_new(client, request, s->count);
	if (!control) {
		vici_put_result(reply, "out of memory");
		return VICI_DONE;
	}
	control->terminate = true;
	control->starting = true;
	for (size_t i = 0; i < s->count; i++) {
		struct control_job *job = &control->jobs[i].job;

		if (child)
			control_terminate_child(s->ids[i], detached ? NULL : job);
		else
			control_terminate_ike(s->ids[i], force, detached ? NULL : job);
		if (detached)
			job_done(job, true, NULL);
	}
	return started(control, reply);
}

#define ID_TEXT	16

static const char *id_text(uint32_t id, char *buf)
{
	if (id)
		snprintf(buf, ID_TEXT, " #%u", id);
	else
		*buf = '\0';
	return buf;
}

static const char *or_any(const char *name)
{
	return name ? name : "*";
}

enum vici_result vici_terminate(struct vici_client *client,
				const struct tree *request, struct buf *reply)
{
	struct selector s = {
		.ike = tree_str(request, "ike"),
		.child = tree_str(request, "child"),
		.ike_id = (uint32_t)number(request, "ike-id", 0),
		.child_id = (uint32_t)number(request, "child-id", 0),
	};
	enum vici_result result = VICI_DONE;
	char id[2][ID_TEXT];

	if (!s.ike && !s.child && !s.ike_id && !s.child_id) {
		vici_put_result(reply, "missing terminate selector");
		return VICI_DONE;
	}
	if (s.child || s.child_id)
		log_msg(LOG_CFG, LVL_CTRL, "vici terminate CHILD_SA %s%s of IKE_SA %s%s",
			or_any(s.child), id_text(s.child_id, id[0]), or_any(s.ike),
			id_text(s.ike_id, id[1]));
	else
		log_msg(LOG_CFG, LVL_CTRL, "vici terminate IKE_SA %s%s", or_any(s.ike),
			id_text(s.ike_id, id[0]));
	control_each_ike(false, select_ike, &s);
	if (s.failed) {
		vici_put_result(reply, "out of memory");
	} else if (!s.count) {
		vici_put(reply, "success", "no");
		vici_put(reply, "matches", "0");
		vici_put(reply, "terminated", "0");
		vici_put(reply, "errmsg", "no matching SAs to terminate found");
	} else {
		result = terminate_selected(client, request, &s, reply);
	}
	free(s.ids);
	return result;
}

/* As charon does it: they are told to, and nobody waits for what becomes of it. */
enum vici_result vici_rekey(struct vici_client *client, const struct tree *request,
			    struct buf *reply)
{
	struct selector s = {
		.ike = tree_str(request, "ike"),
		.child = tree_str(request, "child"),
		.ike_id = (uint32_t)number(request, "ike-id", 0),
		.child_id = (uint32_t)number(request, "child-id", 0),
	};
	size_t i;

	(void)client;
	if (!s.ike && !s.child && !s.ike_id && !s.child_id) {
		vici_put_result(reply, "missing rekey selector");
		return VICI_DONE;
	}
	control_each_ike(false, select_ike, &s);
	for (i = 0; !s.failed && i < s.count; i++) {
		if (s.child || s.child_id)
			control_rekey_child(s.ids[i]);
		else if (is_yes(request, "reauth"))
			control_reauth_ike(s.ids[i]);
		else
			control_rekey_ike(s.ids[i]);
	}
	vici_put(reply, "success", "%s", s.count && !s.failed ? "yes" : "no");
	vici_put(reply, "matches", "%zu", s.count);
	if (s.failed || !s.count)
		vici_put(reply, "errmsg", "%s", s.failed ? "out of memory" :
			 "no matching SAs to rekey found");
	free(s.ids);
	return VICI_DONE;
}

/* Who asks for it is to hear what is the nearest thing to it. */
enum vici_result vici_redirect(struct vici_client *client, const struct tree *request,
			       struct buf *reply)
{
	(void)client;
	(void)request;
	vici_put_result(reply,
			"not supported yet: peers are not redirected to other gateways (RFC 5685): 'terminate' ends their IKE SAs");
	return VICI_DONE;
}
