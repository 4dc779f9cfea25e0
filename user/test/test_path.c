// SPDX-License-Identifier: GPL-2.0
/* Addresses that go, and routes that come: two daemons' cores. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "ktap.h"
#include "libnet.h"
#include "path.h"
#include "start.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"
#define ELSEWHERE "192.0.2.9"

static struct net net;
static struct host *left, *right;

/* Of the left one, whose address is in its selectors. */
static bool with_trap;

static const char *conf(bool of_left, const char *local_addrs)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "%s    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local_addrs, of_left ? RIGHT : "%any", of_left ? "left" : "right",
		 of_left ? "right" : "left", of_left ? 1 : 2, of_left ? 2 : 1, of_left ? 1 : 2,
		 of_left ? 2 : 1,
		 of_left && with_trap ? "trap {\n remote_ts = 10.2.2.0/24\n start_action = trap\n"
		 " esp_proposals = aes128gcm16\n }\n" : "");
	return text;
}

static struct endpoint address(const char *text)
{
	struct endpoint e = { 0 };

	EXPECT_EQ(endpoint_parse(&e, text, 0), 0);
	return e;
}

static void hosts(const char *local_addrs)
{
	net_source = address(LEFT);
	net_ours = net_source;
	left = net_host(&net, LEFT, NULL, conf(true, local_addrs));
	right = net_host(&net, RIGHT, NULL, conf(false, "%any"));
	start_open(left->loop, left->config);
	control_attach(&left->manager);
}

static void end(void)
{
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

static void initiate(const char *name)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, name), NULL);
	net_run(&net);
}

/* The left one is there no more, and where it is its peer sees it. */
static void moves_to(const char *where)
{
	left->addr = address(where);
	net_source = left->addr;
	net_ours = left->addr;
	path_network_changed(&left->manager);
	net_run(&net);
}

static void expect_up_from(const char *local, unsigned int children)
{
	const struct endpoint addr = address(local);
	struct host *const both[] = { left, right };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct ike_sa *sa = host_established(both[i]);

		REQUIRE(sa);
		EXPECT_EQ(host_ike_sas(both[i]), 1);
		EXPECT_EQ(host_states(both[i]), 2 * children);
		EXPECT(endpoint_same_addr(i ? &sa->remote : &sa->local, &addr));
	}
}

static void goes(void)
{
	hosts("%any");
	initiate("net");
	initiate("other");
	expect_up_from(LEFT, 2);
	moves_to(ELSEWHERE);
	expect_up_from(ELSEWHERE, 2);
	/* And when that goes. */
	moves_to(LEFT);
	expect_up_from(LEFT, 2);
	end();
}

static void nowhere_to_go(void)
{
	uint64_t spi;
	int i;

	for (i = 0; i < 2; i++) {
		hosts(i ? LEFT : "%any");
		initiate("net");
		spi = host_established(left)->spi_i;
		net_ours = address(ELSEWHERE);
		net_source = net_ours;
		if (!i)
			memset(&net_source, 0, sizeof(net_source));
		path_network_changed(&left->manager);
		net_run(&net);
		EXPECT_EQ(host_established(left)->spi_i, spi);
		/* It comes back. */
		net_source = left->addr;
		net_ours = left->addr;
		path_network_changed(&left->manager);
		net_run(&net);
		expect_up_from(LEFT, 1);
		EXPECT_EQ(host_established(left)->spi_i, spi);
		end();
	}
}

static enum fate lose(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return LOSE;
}

/* In the middle of a handshake, the one that sets up anew as well. */
static void goes_early(void)
{
	hosts("%any");
	net.fate = lose;
	initiate("net");
	net.fate = NULL;
	moves_to(ELSEWHERE);
	expect_up_from(ELSEWHERE, 1);

	net.fate = lose;
	moves_to(LEFT);
	EXPECT_EQ(host_ike_sas(left), 2);
	net.fate = NULL;
	moves_to("192.0.2.7");
	expect_up_from("192.0.2.7", 1);
	end();
}

/* In time: it goes on. */
static void comes_back_early(void)
{
	uint64_t spi;

	hosts(LEFT);
	net.fate = lose;
	initiate("net");
	net.fate = NULL;
	spi = left->manager.sas->spi_i;
	net_ours = address(ELSEWHERE);
	path_network_changed(&left->manager);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	net_ours = left->addr;
	path_network_changed(&left->manager);
	net_retransmit(&net);
	expect_up_from(LEFT, 1);
	EXPECT_EQ(host_established(left)->spi_i, spi);
	end();
}

static void no_route_yet(void)
{
	hosts("%any");
	memset(&net_source, 0, sizeof(net_source));
	initiate("net");
	EXPECT_EQ(host_ike_sas(left), 0);
	path_network_changed(&left->manager);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	net_source = left->addr;
	path_network_changed(&left->manager);
	net_run(&net);
	expect_up_from(LEFT, 1);
	end();
}

/* Routes lead from what is none of ours: nothing begins anew from there, however often. */
static void from_elsewhere(void)
{
	uint64_t spi;

	hosts("%any");
	initiate("net");
	spi = host_established(left)->spi_i;
	net_ours = address(ELSEWHERE);
	path_network_changed(&left->manager);
	EXPECT(host_established(left)->stranded);
	net.fate = lose;
	ike_sa_destroy(host_established(left), NULL);
	initiate("net");
	path_network_changed(&left->manager);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT(left->manager.sas->spi_i != spi);
	net.fate = NULL;
	end();
}

static void trap_waits(void)
{
	struct conn *conn;

	with_trap = true;
	hosts("%any");
	conn = config_find_conn(left->config, "gw");
	memset(&net_source, 0, sizeof(net_source));
	control_loaded(conn);
	EXPECT(!left->manager.traps && conn->traps_wait);
	path_network_changed(&left->manager);
	EXPECT(!left->manager.traps && conn->traps_wait);
	net_source = left->addr;
	path_network_changed(&left->manager);
	EXPECT(left->manager.traps && !conn->traps_wait);
	with_trap = false;
	end();
}

static const struct ktap_test tests[] = {
	{ "the address goes", goes },
	{ "there is no other one", nowhere_to_go },
	{ "in the middle of a handshake", goes_early },
	{ "it comes back in the middle of a handshake", comes_back_early },
	{ "there is no route yet", no_route_yet },
	{ "routes lead from elsewhere", from_elsewhere },
	{ "a trap waits", trap_waits },
};

KTAP_MAIN(tests)
