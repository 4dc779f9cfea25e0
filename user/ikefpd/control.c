// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "control.h"
#include "log.h"

struct search {
	const char *ike;
	const char *child;
	bool found;
};

static bool find_child(const struct control_ike *ike, void *data)
{
	struct search *s = data;

	if (strcmp(ike->name, s->ike))
		return true;
	for (size_t i = 0; i < ike->child_count; i++)
		if (!strcmp(ike->children[i].name, s->child))
			s->found = true;
	return !s->found;
}

void control_start_pending(struct config *config)
{
	for (struct conn *conn = config->conns; conn; conn = conn->next) {
		if (!conn->start_pending)
			continue;
		conn->start_pending = false;
		for (const struct child_conf *c = conn->children; c; c = c->next) {
			struct search s = { conn->name, c->name, false };

			if (c->start_action != START_START)
				continue;
			control_each_ike(false, find_child, &s);
			if (s.found)
				continue;
			log_msg(LOG_CFG, LVL_CTRL, "initiating '%s' of '%s'", c->name,
				conn->name);
			control_initiate(conn, c, NULL);
		}
	}
}
