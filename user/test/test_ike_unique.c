// SPDX-License-Identifier: GPL-2.0
/* INITIAL_CONTACT and connections.<c>.unique, between daemons' cores. */
#include <stdio.h>

#include "config.h"
#include "ktap.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"
#define ELSEWHERE "192.0.2.3"

static struct net net;
static struct host *left, *right;

/* Of the left one, or the right one, which serves whoever comes, as unique says. */
static const char *conf(bool of_left, const char *local, const char *unique)
{
	static char text[2048];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s%s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n    unique = %s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, of_left ? RIGHT : LEFT, of_left ? "" : ", %any", unique, me, peer, a, b);
	return text;
}

static void hosts(const char *unique_left, const char *unique_right)
{
	left = net_host(&net, LEFT, NULL, conf(true, LEFT, unique_left));
	right = net_host(&net, RIGHT, NULL, conf(false, RIGHT, unique_right));
}

static void initiate(struct host *host)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, "net"), NULL);
}

static void forget(struct host *host)
{
	while (host->manager.sas)
		ike_sa_destroy(host->manager.sas, "forgotten");
}

/* The left one sets up a tunnel, forgets it, and sets up another one. */
static void again(const char *unique_left, const char *unique_right)
{
	hosts(unique_left, unique_right);
	initiate(left);
	net_run(&net);
	EXPECT_EQ(host_states(right), 2);
	forget(left);
	initiate(left);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
}

/* Everything that has a duplicate_ms comes to it. */
static unsigned int expire(struct host *host)
{
	struct ike_sa *sa, *next;
	unsigned int n = 0;

	for (sa = host->manager.sas; sa; sa = next) {
		next = sa->next;
		if (!sa->duplicate_ms)
			continue;
		EXPECT_EQ(sa->timer.deadline_ms, sa->duplicate_ms);
		sa->timer.expired(&sa->timer);
		n++;
	}
	return n;
}

static void expect_one(void)
{
	struct host *const both[] = { left, right };

	for (unsigned int i = 0; i < 2; i++) {
		REQUIRE(host_established(both[i]));
		host_end_lingering(both[i]);
		EXPECT_EQ(host_ike_sas(both[i]), 1);
		EXPECT_EQ(host_kernel_sas(both[i]), 1);
		EXPECT_EQ(host_states(both[i]), 2);
		EXPECT_EQ(host_policies(both[i]), 3);
		EXPECT(!host_established(both[i])->duplicate_ms);
	}
	EXPECT_EQ(host_established(left)->spi_i, host_established(right)->spi_i);
}

static void initial_contact(void)
{
	static const char *const heed[] = { "no", "replace", "keep" };

	for (unsigned int i = 0; i < 3; i++) {
		again(heed[i], heed[i]);
		expect_one();
		net_clear(&net);
	}
	/* Not sent, or not heeded. */
	again("never", "no");
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT_EQ(expire(right), 0);
	net_clear(&net);
	again("no", "never");
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT_EQ(expire(right), 0);
	net_clear(&net);
}

/* From where the old one is the new one may be its reauthentication: there is time for that. */
static void replaced_by_the_same_host(void)
{
	again("never", "replace");
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT(!host_established(left)->duplicate_ms);
	EXPECT(right->manager.sas->duplicate_ms && !right->manager.sas->next->duplicate_ms);
	EXPECT_EQ(expire(right), 1);
	net_run(&net);
	net_give_up(&net);
	expect_one();
	net_clear(&net);

	/* The new one is gone by then: the old one is the only one. */
	again("never", "replace");
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT_EQ(expire(right), 1);
	EXPECT_EQ(right->manager.sas->state, IKE_ESTABLISHED);
	EXPECT(!right->manager.sas->duplicate_ms);
	EXPECT_EQ(host_end_lingering(right), 1);
	EXPECT_EQ(host_states(right), 2);
	net_clear(&net);
}

/* A tunnel from left, and one from elsewhere in its name. */
static struct host *from_elsewhere(const char *unique_other, const char *unique_right)
{
	struct host *other;

	hosts("no", unique_right);
	other = net_host(&net, ELSEWHERE, NULL, conf(true, ELSEWHERE, unique_other));
	initiate(left);
	net_run(&net);
	initiate(other);
	net_run(&net);
	return other;
}

static void replaced_by_another_host(void)
{
	struct host *other = from_elsewhere("never", "replace");

	/* And the peer is told. */
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_states(left), 0);
	left = other;
	expect_one();
	net_clear(&net);
}

static void kept(void)
{
	struct host *other = from_elsewhere("never", "keep");

	EXPECT_EQ(host_ike_sas(other), 0);
	EXPECT_EQ(host_states(other), 0);
	expect_one();
	net_clear(&net);

	other = from_elsewhere("no", "keep");
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT_EQ(host_ike_sas(other), 1);
	net_clear(&net);

	again("never", "keep");
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT_EQ(expire(right), 0);
	/* Of several the first one is kept, and the others go (as with charon). */
	other = net_host(&net, ELSEWHERE, NULL, conf(true, ELSEWHERE, "never"));
	initiate(other);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(other), 0);
	for (const struct ike_sa *sa = right->manager.sas; sa; sa = sa->next)
		EXPECT_EQ(sa->state == IKE_ESTABLISHED, !sa->next);
	net_give_up(&net);
	EXPECT_EQ(host_ike_sas(right), 1);
	net_clear(&net);
}

static enum fate each_in_a_moment_of_its_own(struct net *n, unsigned int index, bool raw)
{
	uint64_t now = loop_now_ms();

	(void)n;
	(void)index;
	(void)raw;
	while (loop_now_ms() == now)
		;
	return PASS;
}

static enum fate the_first_is_late(struct net *n, unsigned int index, bool raw)
{
	each_in_a_moment_of_its_own(n, index, raw);
	return index ? PASS : LOSE;
}

static uint64_t first_to_come(void)
{
	struct host *const both[] = { left, right };
	uint64_t first = UINT64_MAX;

	for (unsigned int i = 0; i < 2; i++)
		for (const struct ike_sa *sa = both[i]->manager.sas; sa; sa = sa->next)
			if (sa->duplicate_ms && sa->duplicate_ms < first)
				first = sa->duplicate_ms;
	return first;
}

/* What comes within a second comes before either end hears of the other one's. */
static void expire_in_order(void)
{
	struct host *const both[] = { left, right };

	for (uint64_t now = first_to_come(); now != UINT64_MAX; now = first_to_come()) {
		for (unsigned int i = 0; i < 2; i++) {
			struct ike_sa *sa, *next;

			for (sa = both[i]->manager.sas; sa; sa = next) {
				next = sa->next;
				if (sa->duplicate_ms && sa->duplicate_ms < now + 1000)
					sa->timer.expired(&sa->timer);
			}
		}
		net_run(&net);
	}
}

/* Both ends initiate at once: of two tunnels one stays, the same one at both ends. */
static void crossed(enum fate (*fate)(struct net *, unsigned int, bool))
{
	hosts("replace", "replace");
	net.fate = fate;
	net.sent = 0;
	initiate(left);
	initiate(right);
	net_run(&net);
	net_retransmit(&net);
	net.fate = NULL;
	EXPECT_EQ(host_ike_sas(left), 2);
	EXPECT_EQ(host_ike_sas(right), 2);
	/* No packet is lost: both have all of it until then. */
	EXPECT_EQ(host_states(left), 4);
	EXPECT_EQ(host_states(right), 4);
	expire_in_order();
	expect_one();
	net_clear(&net);
}

static void both_initiate(void)
{
	/* Which one goes is by chance. */
	for (unsigned int i = 0; i < 10; i++) {
		crossed(each_in_a_moment_of_its_own);
		crossed(the_first_is_late);
	}
}

/* Reauthentication is no duplicate, and what comes to nothing takes nothing away. */
static void reauthenticated(void)
{
	uint64_t before;

	hosts("replace", "replace");
	initiate(left);
	net_run(&net);
	before = host_established(left)->spi_i;
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	expect_one();
	EXPECT(host_established(left)->spi_i != before);
	EXPECT_EQ(expire(left) + expire(right), 0);
	ike_manager_reauth_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
	expect_one();
	EXPECT_EQ(expire(left) + expire(right), 0);
	net_clear(&net);
}

/* When it goes is known to the next daemon, and to the one that a rekeying puts in its place. */
static void outlives(void)
{
	uint64_t when;

	again("never", "replace");
	when = right->manager.sas->duplicate_ms;
	host_die(right);
	host_start(right, conf(false, RIGHT, "replace"));
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT_EQ(right->manager.sas->duplicate_ms + right->manager.sas->next->duplicate_ms, when);
	EXPECT_EQ(expire(right), 1);
	net_run(&net);
	net_give_up(&net);
	expect_one();

	host_established(left)->duplicate_ms = when;
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	EXPECT_EQ(host_established(left)->duplicate_ms, when);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "INITIAL_CONTACT", initial_contact },
	{ "replace, from the same host", replaced_by_the_same_host },
	{ "replace, from another host", replaced_by_another_host },
	{ "keep", kept },
	{ "both initiate", both_initiate },
	{ "reauthentication", reauthenticated },
	{ "a restart, a rekeying", outlives },
};

KTAP_MAIN(tests)
