// SPDX-License-Identifier: GPL-2.0
/* VICI's commands about counters. */
#include <inttypes.h>
#include <string.h>

#include "control.h"
#include "counters.h"
#include "vici_client.h"
#include "vici_message.h"

void vici_counters_look(void)
{
	uint64_t n;

	if (!control_unknown_spis(&n))
		counters_follow_invalid_spi(n);
}

static void put_counters(const char *conn, const uint64_t *values, void *data)
{
	struct buf *reply = data;

	vici_put_section(reply, conn);
	for (unsigned int i = 0; i < COUNTERS; i++)
		vici_put(reply, counter_name(i), "%" PRIu64, values[i]);
	vici_put_section_end(reply);
}

static bool is_yes(const struct tree *request, const char *name)
{
	const char *text = tree_str(request, name);

	return text && !strcmp(text, "yes");
}

enum vici_result vici_get_counters(struct vici_client *client, const struct tree *request,
				   struct buf *reply)
{
	const char *name = tree_str(request, "name");
	const uint64_t *values = counters_get(name);

	(void)client;
	vici_counters_look();
	if (!is_yes(request, "all") && !values) {
		vici_put_result(reply, "no counters found for this connection");
		return VICI_DONE;
	}
	vici_put_section(reply, "counters");
	if (is_yes(request, "all"))
		counters_each(put_counters, reply);
	else
		put_counters(name ? name : "", values, reply);
	vici_put_section_end(reply);
	vici_put_result(reply, NULL);
	return VICI_DONE;
}

enum vici_result vici_reset_counters(struct vici_client *client, const struct tree *request,
				     struct buf *reply)
{
	const char *name = tree_str(request, "name");

	(void)client;
	vici_counters_look();
	if (is_yes(request, "all")) {
		counters_reset_all();
	} else if (!counters_reset(name)) {
		vici_put_result(reply, "no counters found for this connection");
		return VICI_DONE;
	}
	vici_put_result(reply, NULL);
	return VICI_DONE;
}
