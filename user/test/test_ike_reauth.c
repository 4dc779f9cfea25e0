// SPDX-License-Identifier: GPL-2.0
/* Reauthentication of IKE SAs between two daemons' cores. */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "ike_reauth.h"
#include "ktap.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

/* With what is set of the connection, and the ESP proposals of its second child. */
static const char *conf(bool of_left, const char *settings, const char *other_esp)
{
	static char text[4096];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n%s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = %s\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings, me, peer, a, b, a, b,
		 other_esp);
	return text;
}

static void initiate(const char *name)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, name), NULL);
	net_run(&net);
}

static void bring_up(const char *settings)
{
	left = net_host(&net, LEFT, NULL, conf(true, settings, "aes128gcm16"));
	right = net_host(&net, RIGHT, NULL, conf(false, settings, "aes128gcm16"));
	initiate("net");
	initiate("other");
	EXPECT_EQ(host_states(left), 4);
}

/* One IKE SA with both Child SAs at both ends, and nothing else. */
static void expect_one(void)
{
	struct host *const hosts[] = { left, right };

	for (unsigned int i = 0; i < 2; i++) {
		const struct ike_sa *sa = host_established(hosts[i]);

		REQUIRE(sa);
		host_end_lingering(hosts[i]);
		EXPECT_EQ(host_ike_sas(hosts[i]), 1);
		EXPECT_EQ(host_kernel_sas(hosts[i]), 1);
		EXPECT_EQ(host_states(hosts[i]), 4);
		EXPECT_EQ(host_policies(hosts[i]), 6);
		EXPECT(!sa->reauth_of && !ike_reauth_is_under_way(sa));
	}
	EXPECT_EQ(host_established(left)->spi_i, host_established(right)->spi_i);
}

static struct ike_sa *with_spi(struct host *host, uint64_t spi_i)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa && sa->spi_i != spi_i;)
		sa = sa->next;
	return sa;
}

static void from_either_end(void)
{
	unsigned int i;

	bring_up("");
	for (i = 0; i < 4; i++) {
		struct host *host = i & 1 ? right : left;
		uint64_t before = host_established(host)->spi_i;
		uint32_t reqid = host_established(left)->children->reqid;

		ike_manager_reauth_ike(&host->manager, host_established(host)->unique_id);
		/* Once. */
		ike_manager_reauth_ike(&host->manager, host_established(host)->unique_id);
		EXPECT_EQ(host_ike_sas(host), 2);
		EXPECT(ike_reauth_is_under_way(with_spi(host, before)));
		net_run(&net);
		EXPECT_EQ(host_end_lingering(left), 2);
		EXPECT_EQ(host_end_lingering(right), 2);
		expect_one();
		EXPECT(host_established(host)->spi_i != before);
		EXPECT(host_established(host)->initiator);
		EXPECT_EQ(host_established(left)->children->reqid, reqid);
	}
	net_clear(&net);
}

static enum fate lose_deletes(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	/* IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA: two each. */
	return index >= 6 ? LOSE : PASS;
}

/*
 * Who asks sends through the new ones at once, who answers goes on with the old ones as long
 * as the peer need not have the new ones, and not for ever.
 */
static void meanwhile(void)
{
	struct ike_sa *sa, *old;
	struct child_sa *child;
	uint64_t spi;

	bring_up("");
	spi = host_established(left)->spi_i;
	net.fate = lose_deletes;
	net.sent = 0;
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	net.fate = NULL;
	EXPECT_EQ(host_ike_sas(right), 2);
	old = with_spi(right, spi);
	for (sa = right->manager.sas; sa == old;)
		sa = sa->next;
	REQUIRE(old && sa && old->children && sa->children);
	for (child = sa->children; child; child = child->next) {
		EXPECT(child->out_rank < old->children->out_rank);
		EXPECT(child->prefer_ms && child->timer.deadline_ms == child->prefer_ms);
	}
	child = sa->children;
	child->timer.expired(&child->timer);
	EXPECT(!child->prefer_ms && child->timer.deadline_ms == child->rekey_ms);

	old = with_spi(left, spi);
	for (sa = left->manager.sas; sa == old;)
		sa = sa->next;
	REQUIRE(old && sa && old->children && sa->children);
	EXPECT_EQ(old->state, IKE_DELETING);
	for (child = sa->children; child; child = child->next)
		EXPECT(child->out_rank > old->children->out_rank && !child->prefer_ms);
	net_retransmit(&net);
	expect_one();
	net_clear(&net);
}

static enum fate lose_from_fifth(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	return index >= 4 ? LOSE : PASS;
}

/* The new one is rekeyed before all Child SAs are there. */
static void rekeyed_meanwhile(void)
{
	struct child_sa *child;
	struct ike_sa *sa, *old;
	uint64_t spi;

	bring_up("");
	spi = host_established(left)->spi_i;
	net.fate = lose_from_fifth;
	net.sent = 0;
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	net.fate = NULL;
	old = with_spi(right, spi);
	for (sa = right->manager.sas; sa == old;)
		sa = sa->next;
	REQUIRE(old && sa);
	ike_manager_rekey_ike(&right->manager, sa->unique_id);
	/* Both are put off: the Child SA, and the rekeying, which is tried again first. */
	net_retransmit(&net);
	EXPECT_EQ(host_ike_sas(right), 2);
	REQUIRE(sa->rekey_ms);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	old = with_spi(left, spi);
	for (sa = left->manager.sas; sa == old || sa->state != IKE_ESTABLISHED;)
		sa = sa->next;
	REQUIRE(old && sa);
	EXPECT(sa->reauth_of == spi && old->reauth_by == ike_sa_spi_local(sa));
	EXPECT(ike_reauth_is_under_way(old));
	for (child = sa->children; child && child->state != CHILD_CREATED;)
		child = child->next;
	REQUIRE(child);
	child->timer.expired(&child->timer);
	net_run(&net);
	expect_one();
	net_clear(&net);
}

/* What cannot be had again is not given up. */
static void refused(void)
{
	uint64_t before;

	bring_up("");
	before = host_established(left)->spi_i;
	host_config(right, conf(false, "", "aes256-sha512"));
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	expect_one();
	EXPECT_EQ(host_established(left)->spi_i, before);
	net_clear(&net);

	bring_up("");
	before = host_established(left)->spi_i;
	host_config(right, conf(false, "proposals = aes256-sha512-ecp521", "aes128gcm16"));
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	net_give_up(&net);
	expect_one();
	EXPECT_EQ(host_established(left)->spi_i, before);
	net_clear(&net);
}

/* A daemon dies at each step of it. */
static void dies(void)
{
	unsigned int ops;

	for (ops = 1; ops < 60; ops++) {
		struct host *host;
		unsigned int i;

		for (i = 0; i < 2; i++) {
			bring_up("");
			host = i ? right : left;
			host->ops = ops;
			ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
			net_run(&net);
			host->ops = 0;
			host_die(host);
			host_start(host, conf(!i, "", "aes128gcm16"));
			net_run(&net);
			net_retransmit(&net);
			net_give_up(&net);
			/* What was half there is gone, or all of it is. */
			if (host_ike_sas(left) == 1 && host_ike_sas(right) == 1)
				expect_one();
			else
				EXPECT(host_established(left) && host_established(right));
			net_clear(&net);
		}
	}
}

static void lifetimes(void)
{
	struct ike_sa *sa;
	uint64_t now, reauth;

	bring_up("reauth_time = 100s\nover_time = 30\nrand_time = 20s");
	now = loop_now_ms();
	sa = host_established(left);
	EXPECT(!sa->rekey_ms);
	EXPECT(sa->reauth_ms >= now + 79000 && sa->reauth_ms <= now + 100000);
	EXPECT_EQ(sa->life_ms - sa->reauth_ms, 30000);
	EXPECT(sa->timer.deadline_ms == sa->reauth_ms);
	sa->timer.expired(&sa->timer);
	EXPECT(sa->timer.deadline_ms == sa->reauth_ms && sa->reauth_ms > now);
	net_run(&net);
	expect_one();
	net_clear(&net);

	/* Its time is that of who has proved who he is, whatever is rekeyed. */
	bring_up("reauth_time = 100s\nrekey_time = 50s");
	sa = host_established(left);
	reauth = sa->reauth_ms;
	EXPECT(sa->rekey_ms && sa->timer.deadline_ms == sa->rekey_ms);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	expect_one();
	EXPECT_EQ(host_established(left)->reauth_ms, reauth);
	net_clear(&net);
}

static void without_children(void)
{
	struct ike_sa *sa;

	bring_up("");
	sa = host_established(left);
	while (sa->children) {
		ike_manager_terminate_child(&left->manager, sa->children->unique_id, NULL);
		net_run(&net);
	}
	ike_manager_reauth_ike(&left->manager, sa->unique_id);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "from either end", from_either_end },
	{ "meanwhile", meanwhile },
	{ "rekeyed meanwhile", rekeyed_meanwhile },
	{ "refused", refused },
	{ "a daemon dies", dies },
	{ "lifetimes", lifetimes },
	{ "without Child SAs", without_children },
};

KTAP_MAIN(tests)
