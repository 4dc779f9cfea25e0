// SPDX-License-Identifier: GPL-2.0
/* VICI's log and control-log events. */
#include "vici_client.h"
#include "vici_message.h"

/* The log event carries levels 0 and 1, as charon's. */
#define LOG_EVENT_LEVEL	1

void vici_log_update(struct vici *vici)
{
	int level = LVL_SILENT;

	for (const struct vici_client *c = vici->clients; c; c = c->next) {
		if (vici_wants(c, VICI_EV_LOG) && level < LOG_EVENT_LEVEL)
			level = LOG_EVENT_LEVEL;
		if (vici_wants(c, VICI_EV_CONTROL_LOG) && c->control &&
		    level < vici_control_level(c->control))
			level = vici_control_level(c->control);
	}
	vici->log.level = level;
}

static void put_message(struct buf *out, enum log_group group, int level,
			const struct log_sa *sa, const char *text)
{
	vici_put(out, "group", "%s", log_group_name(group));
	vici_put(out, "level", "%d", level);
	vici_put(out, "thread", "0");
	if (sa && sa->name) {
		vici_put(out, "ikesa-name", "%s", sa->name);
		vici_put(out, "ikesa-uniqueid", "%u", sa->unique_id);
	}
	vici_put(out, "msg", "%s", text);
}

void vici_log_message(struct log_listener *l, enum log_group group, int level,
		      const struct log_sa *sa, const char *text)
{
	struct vici *vici = container_of(l, struct vici, log);
	struct buf message = BUF_INIT;

	put_message(&message, group, level, sa, text);
	for (struct vici_client *c = vici->clients; c; c = c->next) {
		if (level <= LOG_EVENT_LEVEL)
			vici_raise(c, VICI_EV_LOG, &message);
		if (c->control && level <= vici_control_level(c->control) &&
		    vici_control_concerns(c->control, sa))
			vici_raise(c, VICI_EV_CONTROL_LOG, &message);
	}
	buf_clear(&message);
}
