// SPDX-License-Identifier: GPL-2.0
/*
 * Two IKE SAs whose Child SAs share their policies, as a peer makes them that sets up
 * anew before it breaks the old one; and a daemon that dies, wherever it can.
 */
#include <stdio.h>
#include <stdlib.h>

#include <linux/xfrm.h>

#include "config.h"
#include "ktap.h"
#include "libnet.h"
#include "resume.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

static const char *conf(bool of_left)
{
	static char text[4096];
	size_t len = (size_t)snprintf(text, sizeof(text), "connections {\n");
	int i;

	for (i = 0; i < (of_left ? 2 : 1); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"  gw%d {\n    version = 2\n    local_addrs = %s\n"
			"    remote_addrs = %s\n    proposals = aes128gcm16-prfsha256-x25519\n"
			"    local {\n      auth = psk\n      id = %s.example\n    }\n"
			"    remote {\n      auth = psk\n      id = %s.example\n    }\n"
			"    children {\n      net {\n        local_ts = %s\n"
			"        remote_ts = %s\n        esp_proposals = aes128gcm16\n"
			"      }\n    }\n  }\n",
			i, of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT,
			of_left ? "left" : "right", of_left ? "right" : "left",
			of_left ? "10.1.0.0/24" : "10.2.0.0/24",
			of_left ? "10.2.0.0/24" : "10.1.0.0/24");
	snprintf(text + len, sizeof(text) - len,
		 "}\nsecrets {\n  ike-a {\n    secret = \"the shared secret\"\n  }\n}\n");
	return text;
}

static void initiate(const char *name)
{
	struct conn *conn = config_find_conn(left->config, name);

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), NULL);
	net_run(&net);
}

static void begin(void)
{
	left = net_host(&net, LEFT, NULL, conf(true));
	right = net_host(&net, RIGHT, NULL, conf(false));
	initiate("gw0");
	EXPECT_EQ(host_policies(right), 3);
}

static void second_comes(void)
{
	initiate("gw1");
}

static void first_goes(void)
{
	ike_manager_terminate_ike(&left->manager, 1, false, NULL);
	net_run(&net);
}

static unsigned int children(const struct host *host)
{
	const struct child_sa *child;
	const struct ike_sa *sa;
	unsigned int n = 0;

	for (sa = host->manager.sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			n += child->state == CHILD_INSTALLED;
	return n;
}

/* Dies after each operation in turn. Who has a Child SA then has its policies. */
static void dies_during(bool both, void (*step)(void))
{
	unsigned int after;
	bool died = true;

	for (after = 1; died; after++) {
		begin();
		if (both)
			second_comes();
		right->ops = after;
		step();
		died = right->dead;
		right->ops = 0;
		if (died) {
			host_die(right);
			host_start(right, conf(false));
			EXPECT(children(right));
			EXPECT_EQ(host_policies(right), 3);
		}
		right->restarted = true;
		net_clear(&net);
	}
	EXPECT(after > 3);
}

static void comes(void)
{
	dies_during(false, second_comes);
}

static void goes(void)
{
	dies_during(true, first_goes);
}

static bool all_lead_to(const struct endpoint *peer)
{
	const struct fake_policy *p;

	for (p = right->xfrm.policies; p; p = p->next)
		if (!endpoint_same_addr(p->p.dir == XFRM_POLICY_OUT ? &p->p.dst : &p->p.src, peer))
			return false;
	return true;
}

/* The older one's peer has moved. The newer has the policies, and leaves them to it. */
static void order(void)
{
	struct endpoint there, here;
	struct ike_sa *sa;

	begin();
	second_comes();
	sa = ike_manager_by_id(&right->manager, 1);
	REQUIRE(sa);
	here = sa->remote;
	EXPECT(!endpoint_parse(&there, "192.0.2.9", 1024));
	kernel_sa_move(right->kernel, ike_sa_spi_local(sa), &sa->local, &there);
	ike_sa_moved(sa, &sa->local, &there);
	EXPECT(all_lead_to(&here));
	host_die(right);
	EXPECT_EQ(host_start(right, conf(false)).resumed, 2);
	EXPECT(all_lead_to(&here));
	sa = ike_manager_by_id(&right->manager, 2);
	REQUIRE(sa);
	ike_sa_destroy(sa, NULL);
	EXPECT_EQ(host_policies(right), 3);
	EXPECT(all_lead_to(&there));
	net_clear(&net);
}

/* What another's may be stays, as long as it cannot be known. */
static void not_all(void)
{
	struct ike_sa *sa;

	begin();
	resume_begin(&right->manager);
	sa = host_established(right);
	REQUIRE(sa);
	ike_sa_destroy(sa, NULL);
	EXPECT_EQ(host_policies(right), 3);
	resume_finish(&right->manager, false);
	EXPECT_EQ(host_policies(right), 3);
	/* With the next daemon it can. */
	resume_begin(&right->manager);
	resume_finish(&right->manager, true);
	EXPECT_EQ(host_policies(right), 0);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "dies while the second one comes", comes },
	{ "dies while the first one goes", goes },
	{ "who has the policies", order },
	{ "not all were adopted", not_all },
};

KTAP_MAIN(tests)
