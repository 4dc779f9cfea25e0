// SPDX-License-Identifier: GPL-2.0
/* IKE SAs that are set up without a Child SA, between two daemons' cores. */
#include <stdio.h>

#include "config.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;
static unsigned int create_child;	/* CREATE_CHILD_SA requests of the left one */

static const char *conf(bool of_left, const char *childless)
{
	static char text[2048];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n    childless = %s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, childless, me, peer, a, b);
	return text;
}

static void count(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	(void)len;
	create_child += octets[18] == CREATE_CHILD_SA && !(octets[19] & IKE_FLAG_RESPONSE);
}

static void hosts(const char *of_left, const char *of_right)
{
	left = net_host(&net, LEFT, NULL, conf(true, of_left));
	right = net_host(&net, RIGHT, NULL, conf(false, of_right));
	net.tamper = count;
	create_child = 0;
}

/* The IKE SA alone, or with its child. */
static struct job initiate(bool with_child)
{
	struct conn *conn = config_find_conn(left->config, "gw");
	struct job job = { .job.done = job_done };

	ike_manager_initiate(&left->manager, conn, with_child ? conn_find_child(conn, "net") : NULL,
			     &job.job);
	net_run(&net);
	loop_turn(left->loop, 0);
	if (!job.done) {
		net_give_up(&net);
		loop_turn(left->loop, 0);
	}
	EXPECT_EQ(job.done, 1);
	return job;
}

static void expect(unsigned int ike_sas, unsigned int states)
{
	struct host *const both[] = { left, right };

	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(host_ike_sas(both[i]), ike_sas);
		EXPECT_EQ(host_kernel_sas(both[i]), ike_sas);
		EXPECT_EQ(host_states(both[i]), states);
		EXPECT(!ike_sas || host_established(both[i]));
	}
}

static void ike_alone(void)
{
	static const char *const policies[] = { "allow", "prefer", "force" };

	for (unsigned int i = 0; i < 3; i++) {
		hosts(policies[i], policies[i]);
		EXPECT(initiate(false).ok);
		expect(1, 0);
		/* It is there. */
		EXPECT(initiate(false).ok);
		expect(1, 0);
		EXPECT(initiate(true).ok);
		expect(1, 2);
		EXPECT_EQ(create_child, 1);
		net_clear(&net);
	}
}

static void with_child(void)
{
	static const struct {
		const char *left, *right;
		unsigned int create_child;
	} cases[] = {
		{ "allow", "allow", 0 }, { "allow", "prefer", 0 }, { "never", "allow", 0 },
		{ "prefer", "allow", 1 }, { "prefer", "force", 1 }, { "prefer", "never", 0 },
		{ "force", "allow", 1 }, { "force", "prefer", 1 }, { "never", "never", 0 },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		hosts(cases[i].left, cases[i].right);
		EXPECT(initiate(true).ok);
		expect(1, 2);
		EXPECT_EQ(create_child, cases[i].create_child);
		net_clear(&net);
	}
}

static void not_allowed(void)
{
	static const char why[] = "the peer does not allow IKE SAs without a Child SA (RFC 6023)";

	hosts("force", "never");
	EXPECT_STR(initiate(true).reason, why);
	net_expire(&net);
	expect(0, 0);
	EXPECT_STR(initiate(false).reason, why);
	net_clear(&net);
	hosts("allow", "never");
	EXPECT_STR(initiate(false).reason, why);
	net_clear(&net);
	hosts("never", "allow");
	EXPECT_STR(initiate(false).reason, "its connection says childless = never");
	expect(0, 0);
	net_clear(&net);
}

/* IKE_AUTH is the third message. */
static enum fate changes_its_mind(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	if (index == 2)
		host_config(right, conf(false, "never"));
	return PASS;
}

static void refused(void)
{
	hosts("allow", "allow");
	net.fate = changes_its_mind;
	net.sent = 0;
	EXPECT_STR(initiate(false).reason, "received INVALID_SYNTAX (7) notify error");
	net.fate = NULL;
	expect(0, 0);
	net_clear(&net);
	hosts("allow", "force");
	EXPECT_STR(initiate(true).reason, "received INVALID_SYNTAX (7) notify error");
	expect(0, 0);
	net_clear(&net);
}

/* It needs no Child SA to be worth it, before and after a rekeying, and a restart. */
static void reauthenticated(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct host *host;
		uint64_t before;

		hosts("allow", "allow");
		EXPECT(initiate(false).ok);
		host = i ? right : left;
		ike_manager_rekey_ike(&host->manager, host_established(host)->unique_id);
		net_run(&net);
		expect(1, 0);
		host_die(host);
		host_start(host, conf(!i, "allow"));
		before = host_established(host)->spi_i;
		ike_manager_reauth_ike(&host->manager, host_established(host)->unique_id);
		net_run(&net);
		expect(1, 0);
		EXPECT(host_established(host)->spi_i != before);
		net_clear(&net);
	}
}

static const struct ktap_test tests[] = {
	{ "the IKE SA alone", ike_alone },
	{ "with a child", with_child },
	{ "not allowed", not_allowed },
	{ "refused", refused },
	{ "reauthentication", reauthenticated },
};

KTAP_MAIN(tests)
