// SPDX-License-Identifier: GPL-2.0
/* The start_actions: some at a time, all in the end, and none that is not wanted. */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "ktap.h"
#include "start.h"
#include "stub_core.h"

#define MANY	(3 * START_MAX + 1)

static struct config *config;
static unsigned int most;	/* that were under way at a time */

static void begin(int outcome)
{
	stub_loop = loop_new();
	stub_outcome = outcome;
	stub_last_id = 0;
	most = 0;
	config = config_new();
	start_open(stub_loop, config);
	log_set_stderr(false);
}

static void end(void)
{
	start_close();
	stub_clear();
	config_free(config);
	loop_free(stub_loop);
}

/* The section is what tells connections of one name apart. */
static void load_as(unsigned int n, enum start_action action, const char *section)
{
	struct child_conf *child = calloc(1, sizeof(*child));
	struct conn *conn;
	char name[16];

	snprintf(name, sizeof(name), "c%u", n);
	conn = conn_new(name);
	child->name = strdup("net");
	child->start_action = action;
	conn->children = child;
	conn->start_pending = action == START_START;
	buf_set(&conn->section, section, strlen(section));
	config_put_conn(config, conn);
}

static void load(unsigned int n, enum start_action action)
{
	load_as(n, action, "");
}

static unsigned int number(bool up)
{
	const struct stub_sa *sa;
	unsigned int n = 0;

	for (sa = stub_sas; sa; sa = sa->next)
		n += sa->up == up;
	return n;
}

static void turns(uint64_t ms, unsigned int up)
{
	uint64_t until = loop_now_ms() + ms;

	while (loop_now_ms() < until && number(true) < up) {
		loop_turn(stub_loop, 10);
		if (number(false) > most)
			most = number(false);
	}
}

static void all_come_up(void)
{
	unsigned int i;

	begin(0);
	for (i = 0; i < MANY; i++)
		load(i, i == 5 ? START_NONE : START_START);
	start_pending();
	EXPECT_EQ(number(false), START_MAX);
	turns(10000, MANY - 1);
	EXPECT_EQ(number(true), MANY - 1);
	EXPECT_EQ(most, START_MAX);
	/* Once. */
	start_pending();
	turns(50, MANY);
	EXPECT_EQ(stub_last_id, MANY - 1);
	end();
}

static void failures_make_room(void)
{
	unsigned int i;
	uint64_t until;

	begin(1);
	for (i = 0; i < MANY; i++)
		load(i, START_START);
	start_pending();
	until = loop_now_ms() + 10000;
	while (loop_now_ms() < until && (stub_last_id < MANY || stub_sas))
		loop_turn(stub_loop, 10);
	EXPECT_EQ(stub_last_id, MANY);
	EXPECT(!stub_sas);
	end();
}

static void silent_peers_make_room(void)
{
	unsigned int i;

	begin(2);
	for (i = 0; i < START_MAX + 3; i++)
		load(i, START_START);
	start_pending();
	turns(START_MS / 2, 1);
	EXPECT_EQ(stub_last_id, START_MAX);
	turns(START_MS / 2 + 200, 1);
	EXPECT_EQ(stub_last_id, START_MAX + 3);
	end();
}

static struct stub_sa *last(void)
{
	struct stub_sa *sa = stub_sas;

	while (sa->next)
		sa = sa->next;
	return sa;
}

static void unwanted_meanwhile(void)
{
	struct conn *conn;
	unsigned int i;
	char name[16];

	begin(0);
	for (i = 0; i < START_MAX + 4; i++)
		load(i, START_START);
	start_pending();
	/* Of the four that wait, one goes, one is another now, and one is up. */
	snprintf(name, sizeof(name), "c%u", START_MAX);
	EXPECT(!config_remove_conn(config, name));
	load_as(START_MAX + 1, START_NONE, "other");
	snprintf(name, sizeof(name), "c%u", START_MAX + 2);
	conn = config_find_conn(config, name);
	control_initiate(conn, conn->children, NULL);
	last()->up = true;
	turns(1000, START_MAX + 2);
	turns(50, MANY);
	EXPECT_EQ(stub_last_id, START_MAX + 2);
	end();
}

static void stops(void)
{
	unsigned int i;

	begin(0);
	for (i = 0; i < MANY; i++)
		load(i, START_START);
	start_pending();
	start_stop();
	turns(200, MANY);
	EXPECT_EQ(stub_last_id, START_MAX);
	/* With some under way. */
	for (i = MANY; i < 2 * MANY; i++)
		load(i, START_START);
	start_pending();
	end();
}

static const struct ktap_test tests[] = {
	{ "all come up, some at a time", all_come_up },
	{ "failures make room", failures_make_room },
	{ "peers that do not answer make room", silent_peers_make_room },
	{ "what is not wanted any more is not begun", unwanted_meanwhile },
	{ "stops", stops },
};

KTAP_MAIN(tests)
