// SPDX-License-Identifier: GPL-2.0
/* A connection that is loaded after the IKE SA of its name was carried on. */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "control.h"
#include "ktap.h"
#include "libnet.h"
#include "start.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

static const char *conf(bool of_left, const char *name)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n  %s {\n    version = 2\n    local_addrs = %s\n"
		 "    remote_addrs = %s\n    proposals = aes128gcm16-prfsha256-x25519\n"
		 "    dpd_delay = 10s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n        local_ts = %s\n        remote_ts = %s\n"
		 "        esp_proposals = aes128gcm16\n        start_action = start\n"
		 "        dpd_action = start\n      }\n    }\n  }\n}\n"
		 "secrets {\n  ike-a {\n    secret = \"the shared secret\"\n  }\n}\n",
		 name, of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT,
		 of_left ? "left" : "right", of_left ? "right" : "left",
		 of_left ? "10.1.0.0/24" : "10.2.0.0/24",
		 of_left ? "10.2.0.0/24" : "10.1.0.0/24");
	return text;
}

static void bring_up(void)
{
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(true, "gw"));
	right = net_host(&net, RIGHT, NULL, conf(false, "gw"));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
	net_run(&net);
	REQUIRE(host_established(left));
}

/* Its dpd_action is carried out, though nothing of it was to be initiated. */
static void dead(void)
{
	struct kernel_event event = { .type = KERNEL_EVENT_DEAD };
	struct conn *conn;

	bring_up();
	host_die(left);
	start_open(left->loop, left->config);
	control_attach(&left->manager);
	EXPECT_EQ(host_start(left, conf(true, "another")).resumed, 1);
	REQUIRE(host_established(left));
	EXPECT(host_established(left)->conn->bygone);

	/* As load-conn does it. */
	host_config(left, conf(true, "gw"));
	conn = config_find_conn(left->config, "gw");
	control_loaded(conn);
	start_pending();
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	REQUIRE(host_established(left));
	EXPECT(host_established(left)->conn == conn);
	EXPECT(host_established(left)->children->conf == conn->children);

	event.spi_local = ike_sa_spi_local(host_established(left));
	ike_manager_event(&left->manager, &event);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_states(left), 2);
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "dpd_action", dead },
};

KTAP_MAIN(tests)
