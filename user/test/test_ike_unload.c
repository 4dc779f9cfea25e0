// SPDX-License-Identifier: GPL-2.0
/* Connections that are unloaded or replaced while what start_action has set up is up. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"
#include "start.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

/* The left one's, with these children, or without the connection if that is NULL. */
static const char *conf(bool of_left, const char *settings, const char *children)
{
	static char text[4096];
	int n = 0;

	if (children)
		n = snprintf(text, sizeof(text),
			     "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
			     "    proposals = aes128gcm16-prfsha256-x25519\n    %s\n"
			     "    children {\n%s    }\n"
			     "    local {\n      auth = psk\n      id = %s.example\n    }\n"
			     "    remote {\n      auth = psk\n      id = %s.example\n    }\n  }\n}\n",
			     of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings, children,
			     of_left ? "left" : "right", of_left ? "right" : "left");
	snprintf(text + n, sizeof(text) - n,
		 "secrets {\n  ike {\n    secret = \"the shared secret\"\n  }\n}\n");
	return text;
}

#define TS(name, local, remote, more) \
	"      " name " {\n local_ts = " local "\n remote_ts = " remote "\n" \
	" esp_proposals = aes128gcm16\n" more "\n }\n"
#define NET	TS("net", "10.1.0.0/24", "10.2.0.0/24", " start_action = start")
#define NET_TWO	TS("net", "10.1.0.0/24", "10.2.2.0/24", " start_action = start")
#define OTHER	TS("other", "10.1.1.0/24", "10.2.1.0/24", " start_action = start")
#define BY_HAND	TS("hand", "10.1.3.0/24", "10.2.3.0/24", "")
#define HAND_TWO TS("hand", "10.1.3.0/24", "10.2.4.0/24", "")

/* As load-conn, unload-conn and reload-settings do it. */
static void load(const char *settings, const char *children)
{
	struct config *config = left->config;

	if (!children)
		EXPECT(!config_remove_conn(config, "gw"));
	host_config(left, conf(true, settings, children));
	for (struct conn *conn = config->conns; conn; conn = conn->next)
		control_loaded(conn);
	control_configured();
	start_pending();
	net_run(&net);
	loop_turn(left->loop, 0);
	net_run(&net);
}

static void begin(const char *settings, const char *children)
{
	left = net_host(&net, LEFT, NULL, conf(true, settings, children));
	right = net_host(&net, RIGHT, NULL,
			 conf(false, "",
			      TS("all", "10.2.0.0/16", "10.1.0.0/16", "")));
	start_open(left->loop, left->config);
	control_attach(&left->manager);
	start_pending();
	net_run(&net);
	loop_turn(left->loop, 0);
	net_run(&net);
}

static void end(void)
{
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

static unsigned int children(const char *name)
{
	const struct child_sa *child;
	const struct ike_sa *sa;
	unsigned int n = 0;

	for (sa = left->manager.sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			n += child->state == CHILD_INSTALLED && !strcmp(child->conf->name, name);
	return n;
}

static const struct child_sa *child(const char *name)
{
	const struct child_sa *c = host_established(left) ? host_established(left)->children : NULL;

	while (c && (c->state != CHILD_INSTALLED || strcmp(c->conf->name, name)))
		c = c->next;
	return c;
}

static void removed(void)
{
	begin("", NET OTHER);
	EXPECT_EQ(host_states(left), 4);
	load("", NULL);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_ike_sas(right), 0);
	EXPECT_EQ(host_states(left), 0);
	end();

	/* What was not to be started stays, and the IKE SA with it. */
	begin("", NET BY_HAND);
	ike_manager_initiate(&left->manager, config_find_conn(left->config, "gw"),
			     conn_find_child(config_find_conn(left->config, "gw"), "hand"), NULL);
	net_run(&net);
	EXPECT_EQ(host_states(left), 4);
	load("", NULL);
	EXPECT_EQ(children("hand"), 1);
	EXPECT_EQ(children("net"), 0);
	EXPECT_EQ(host_ike_sas(left), 1);
	/* And may be rekeyed, as long as it likes. */
	ike_manager_rekey_child(&left->manager, child("hand")->unique_id);
	net_run(&net);
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	EXPECT_EQ(children("hand"), 1);
	end();
}

static void unchanged(void)
{
	uint32_t id, net_id, other_id;

	begin("", NET OTHER);
	id = host_established(left)->unique_id;
	net_id = child("net")->unique_id;
	other_id = child("other")->unique_id;
	load("", NET OTHER);
	EXPECT_EQ(host_established(left)->unique_id, id);
	EXPECT_EQ(child("net")->unique_id, net_id);

	/* One of its children is another one, on the same IKE SA. */
	load("", NET_TWO OTHER);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_established(left)->unique_id, id);
	EXPECT(host_established(left)->conn == config_find_conn(left->config, "gw"));
	EXPECT_EQ(child("other")->unique_id, other_id);
	EXPECT_EQ(children("net"), 1);
	EXPECT(child("net")->unique_id != net_id);
	EXPECT_EQ(child("net")->remote_ts->v[0].start[2], 2);

	/* One goes, one comes. */
	load("", OTHER BY_HAND);
	EXPECT_EQ(host_established(left)->unique_id, id);
	EXPECT_EQ(children("net"), 0);
	EXPECT_EQ(child("other")->unique_id, other_id);
	load("", NET OTHER);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(children("net"), 1);
	EXPECT_EQ(child("other")->unique_id, other_id);
	EXPECT_EQ(host_states(left), 4);
	EXPECT_EQ(host_states(right), 4);
	end();
}

static void replaced(void)
{
	uint32_t id;

	/* The whole connection. */
	begin("", NET OTHER);
	id = host_established(left)->unique_id;
	load("dpd_delay = 10s", NET OTHER);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT(host_established(left)->unique_id != id);
	EXPECT_EQ(host_states(left), 4);
	EXPECT_EQ(host_states(right), 4);

	/* Its only child. */
	load("dpd_delay = 10s", NET);
	EXPECT_EQ(host_states(left), 2);
	id = host_established(left)->unique_id;
	load("dpd_delay = 10s", NET_TWO);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT(host_established(left)->unique_id != id);
	EXPECT_EQ(children("net"), 1);
	EXPECT_EQ(host_states(right), 2);
	end();
}

/* What was begun by hand goes on as it was; what is new is of the new one. */
static void by_hand(void)
{
	struct conn *conn;

	begin("", NET BY_HAND);
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "hand"), NULL);
	net_run(&net);
	load("", NET HAND_TWO);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(children("hand"), 1);
	EXPECT_EQ(child("hand")->remote_ts->v[0].start[2], 3);
	/* It outlives its section, with what takes its place. */
	ike_manager_rekey_child(&left->manager, child("hand")->unique_id);
	net_run(&net);
	host_end_lingering(left);
	EXPECT_EQ(children("hand"), 1);
	EXPECT_EQ(child("hand")->remote_ts->v[0].start[2], 3);
	ike_manager_terminate_child(&left->manager, child("hand")->unique_id, NULL);
	net_run(&net);
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "hand"), NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(child("hand")->remote_ts->v[0].start[2], 4);
	end();
}

static enum fate lose(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return LOSE;
}

/* On its way, or waiting for its peer. */
static void connecting(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		net.fate = lose;
		begin("", NET OTHER);
		EXPECT_EQ(host_ike_sas(left), 1);
		if (i) {
			net_give_up(&net);
			REQUIRE(left->manager.sas && left->manager.sas->waits);
		}
		/* It goes on for what is as it was. */
		load("", NET BY_HAND);
		EXPECT_EQ(host_ike_sas(left), 1);
		EXPECT(left->manager.sas->conn == config_find_conn(left->config, "gw"));
		EXPECT(!left->manager.sas->queue);
		load("", NULL);
		EXPECT_EQ(host_ike_sas(left), 0);
		EXPECT_EQ(host_kernel_sas(left), 0);
		net.fate = NULL;
		end();
	}
}

/* A request is under way, of a child that has gone when it is answered. */
static void under_way(void)
{
	begin("", NET OTHER);
	EXPECT_EQ(host_states(left), 4);
	ike_manager_rekey_child(&left->manager, child("other")->unique_id);
	load("", NET);
	host_end_lingering(left);
	host_end_lingering(right);
	EXPECT_EQ(children("other"), 0);
	EXPECT_EQ(children("net"), 1);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_EQ(host_states(right), 2);

	/* The rekeying of an IKE SA that is to go, and of one that goes over to another connection. */
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	load("", NET OTHER);
	EXPECT_EQ(children("other"), 1);
	EXPECT_EQ(children("net"), 1);
	EXPECT_EQ(host_ike_sas(left), 1);
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	load("", NULL);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_ike_sas(right), 0);
	end();
}

/* It waits for the network, and is not wanted any more when that has changed. */
static void not_wanted(void)
{
	endpoint_parse(&net_ours, "192.0.2.9", 0);
	begin("", NET);
	EXPECT_EQ(host_ike_sas(left), 0);
	load("", NULL);
	load("", TS("net", "10.1.0.0/24", "10.2.0.0/24", ""));
	net_ours = left->addr;
	start_look_again();
	loop_turn(left->loop, 0);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);

	endpoint_parse(&net_ours, "192.0.2.9", 0);
	load("", NET);
	load("", NET);
	net_ours = left->addr;
	start_look_again();
	loop_turn(left->loop, 0);
	net_run(&net);
	EXPECT_EQ(children("net"), 1);
	end();
	memset(&net_ours, 0, sizeof(net_ours));
}

static const struct ktap_test tests[] = {
	{ "removed", removed },
	{ "unchanged", unchanged },
	{ "replaced", replaced },
	{ "what was begun by hand", by_hand },
	{ "connecting", connecting },
	{ "requests under way", under_way },
	{ "not wanted any more", not_wanted },
};

KTAP_MAIN(tests)
