// SPDX-License-Identifier: GPL-2.0
/* Host names as remote addresses: what waits for them, and what they become. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "host_names.h"
#include "ktap.h"
#include "libnet.h"
#include "lookup.h"
#include "trap.h"

#define LEFT	"192.0.2.1"
#define RIGHT	"192.0.2.2"

/* The network: what is asked, until it is answered. */
struct lookup {
	struct lookup_job *jobs[8];
	char names[8][64];
	unsigned int n, asked;
	bool gone;
};

static struct lookup network;
static struct net net;
static struct host *left;

int lookup_ask(struct lookup *l, struct lookup_job *job, enum lookup_kind kind,
	       const char *text, const void *body, size_t len)
{
	EXPECT_EQ(kind, LOOKUP_HOST);
	EXPECT(!body && !len);
	if (l->gone)
		return -1;
	snprintf(l->names[l->n], sizeof(l->names[l->n]), "%s", text);
	l->jobs[l->n++] = job;
	l->asked++;
	return 0;
}

void lookup_cancel(struct lookup_job *job)
{
	for (unsigned int i = 0; i < network.n; i++)
		if (network.jobs[i] == job)
			network.jobs[i] = NULL;
}

/* The oldest question. */
static void answer(const char *why, const void *data, size_t len)
{
	struct lookup_job *job = network.jobs[0];

	REQUIRE(network.n && job);
	network.n--;
	memmove(network.jobs, network.jobs + 1, sizeof(network.jobs) - sizeof(*network.jobs));
	memmove(network.names, network.names + 1, sizeof(network.names) - sizeof(*network.names));
	job->done(job, why, data, len);
}

static const char *conf(const char *local, const char *remote, const char *addrs, const char *child)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-x25519\n"
		 " local {\n auth = psk\n id = %s\n }\n"
		 " remote {\n auth = psk\n id = %s\n }\n"
		 " children {\n net {\n local_ts = 10.1.0.0/16\n remote_ts = 10.1.0.0/16\n%s\n }\n }\n}\n}\n"
		 "secrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, addrs, local, remote, child);
	return text;
}

static struct conn *begin(const char *addrs, const char *child)
{
	network = (struct lookup){ 0 };
	left = net_host(&net, LEFT, NULL, conf(LEFT, RIGHT, addrs, child));
	net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, LEFT, ""));
	left->manager.lookup = &network;
	return config_find_conn(left->config, "gw");
}

static unsigned int done;
static char reason[128];

static void job_done(struct control_job *job, bool ok, const char *why)
{
	(void)job;
	EXPECT_EQ(ok, !why);
	snprintf(reason, sizeof(reason), "%s", why ? why : "");
	done++;
}

static void initiate(struct conn *conn, struct control_job *job)
{
	*job = (struct control_job){ .done = job_done };
	done = 0;
	ike_manager_initiate(&left->manager, conn, conn->children, job);
	net_run(&net);
}

static const uint8_t right[] = { 6, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
				 4, 192, 0, 2, 2 };
static const uint8_t elsewhere[] = { 4, 192, 0, 2, 77 };

static void expect_remote(const struct conn *conn, const char *want)
{
	struct endpoint l, r;
	char addr[ENDPOINT_STRLEN];
	struct errmsg err;

	if (EXPECT(!conn_initiator_addrs(conn, &l, &r, &err)))
		EXPECT_STR(endpoint_addr_str(&r, addr), want);
}

/* Of a family that there is a local address of. Then it fits who comes from there. */
static void initiated(void)
{
	struct conn *conn = begin("peer.test", "");
	struct endpoint l, r;
	struct control_job job;

	endpoint_parse(&l, LEFT, 500);
	endpoint_parse(&r, RIGHT, 500);
	EXPECT(!config_find_by_addrs(left->config, &l, &r));
	initiate(conn, &job);
	EXPECT_EQ(done, 0);
	EXPECT_STR(network.names[0], "peer.test");
	answer(NULL, right, sizeof(right));
	expect_remote(conn, RIGHT);
	net_run(&net);
	EXPECT_EQ(done, 1);
	EXPECT_STR(reason, "");
	EXPECT(host_established(left));
	EXPECT(config_find_by_addrs(left->config, &l, &r) == conn);
	/* On an IKE SA that is there nobody is asked. */
	initiate(conn, &job);
	EXPECT_EQ(network.asked, 1);
	net_clear(&net);
}

static void not_known(void)
{
	struct conn *conn = begin("peer.test", "");
	struct control_job job;

	initiate(conn, &job);
	answer("Name or service not known", NULL, 0);
	EXPECT_EQ(done, 1);
	EXPECT_STR(reason, "the address of 'peer.test' is not known");
	/* It has none of our family. */
	initiate(conn, &job);
	answer(NULL, right, 17);
	EXPECT_STR(reason, "the address of 'peer.test' is not known");
	/* An answer that is cut short. */
	initiate(conn, &job);
	answer(NULL, elsewhere, 4);
	EXPECT_STR(reason, "the address of 'peer.test' is not known");
	/* What it had last is better than nothing. */
	initiate(conn, &job);
	answer(NULL, elsewhere, sizeof(elsewhere));
	net_give_up(&net);
	initiate(conn, &job);
	answer("no route", NULL, 0);
	expect_remote(conn, "192.0.2.77");
	network.gone = true;
	net_give_up(&net);
	initiate(conn, &job);
	net_give_up(&net);
	EXPECT_EQ(done, 1);
	net_clear(&net);
}

/* What is to be up waits until the name is known. */
static void known_later(void)
{
	struct conn *conn = begin("peer.test", "");
	struct control_job job = { .done = job_done, .lasting = true };
	struct ike_sa *sa;

	done = 0;
	ike_manager_initiate(&left->manager, conn, conn->children, &job);
	answer("Temporary failure in name resolution", NULL, 0);
	EXPECT_EQ(done, 1);
	EXPECT_STR(reason, "the address of 'peer.test' is not known");
	for (unsigned int i = 0; i < 3; i++) {
		sa = left->manager.sas;
		REQUIRE(sa && !sa->next && sa->waits);
		EXPECT(loop_timer_armed(&sa->timer));
		sa->timer.expired(&sa->timer);
		EXPECT(loop_timer_armed(&sa->timer));
		if (i < 2)
			answer("Temporary failure in name resolution", NULL, 0);
	}
	answer(NULL, right, sizeof(right));
	net_run(&net);
	REQUIRE(host_established(left));
	EXPECT_EQ(host_ike_sas(left), 1);
	net_clear(&net);
}

/* All of them are asked; who does not wait any more is not told; nor is anybody at the end. */
static void several(void)
{
	struct conn *conn = begin("one.test, two.test", "");
	struct control_job job;

	initiate(conn, &job);
	EXPECT_EQ(network.n, 2);
	answer("no route", NULL, 0);
	EXPECT_EQ(done, 0);
	ike_manager_forget(&left->manager, &job);
	answer(NULL, right, sizeof(right));
	net_run(&net);
	EXPECT_EQ(done, 0);
	EXPECT(host_established(left));
	net_clear(&net);

	conn = begin("one.test", "");
	initiate(conn, &job);
	net_clear(&net);
	EXPECT(!network.jobs[0]);
}

/* Unloaded, or made place for another one: who waits is told. */
static void gone_meanwhile(void)
{
	struct conn *conn = begin("peer.test", "");
	struct control_job job;

	initiate(conn, &job);
	config_remove_conn(left->config, "gw");
	answer(NULL, right, sizeof(right));
	net_run(&net);
	EXPECT_EQ(done, 1);
	EXPECT_STR(reason, "its connection is not configured any more");
	EXPECT(!host_established(left));
	net_clear(&net);
}

/* A trap is there once the name is known, unless its connection has gone by then. */
static void trap(void)
{
	struct conn *conn = begin("peer.test", "start_action = trap");

	host_names_configure(&left->manager, conn);
	EXPECT_EQ(host_policies(left), 0);
	answer(NULL, right, sizeof(right));
	EXPECT_EQ(host_policies(left), 3);
	net_clear(&net);

	conn = begin("peer.test", "start_action = trap");
	host_names_configure(&left->manager, conn);
	config_remove_conn(left->config, "gw");
	answer(NULL, right, sizeof(right));
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* What it had holds its traffic back until the next daemon has an answer, and if there is none. */
static void trap_killed(void)
{
	struct conn *conn = begin("peer.test", "start_action = trap");
	char text[4096];

	host_names_configure(&left->manager, conn);
	answer(NULL, right, sizeof(right));
	EXPECT_EQ(host_policies(left), 3);
	snprintf(text, sizeof(text), "%s", conf(LEFT, RIGHT, "peer.test", "start_action = trap"));
	host_die(left);
	host_start(left, text);
	left->manager.lookup = &network;
	conn = config_find_conn(left->config, "gw");
	host_names_configure(&left->manager, conn);
	trap_configured(&left->manager);
	EXPECT_EQ(host_policies(left), 3);
	answer("no answer", NULL, 0);
	EXPECT(conn->traps_wait && !left->manager.traps);
	EXPECT_EQ(host_policies(left), 3);
	/* The network has changed: it is asked for once more. */
	host_names_configure(&left->manager, conn);
	answer(NULL, right, sizeof(right));
	EXPECT(left->manager.traps);
	EXPECT_EQ(host_policies(left), 3);
	net_clear(&net);
}

/* With a Child SA over it, that the next daemon carries on. */
static void trap_killed_under(void)
{
	struct conn *conn = begin("peer.test", "start_action = trap");
	struct control_job job;
	char text[4096];

	host_names_configure(&left->manager, conn);
	answer(NULL, right, sizeof(right));
	initiate(conn, &job);
	answer(NULL, right, sizeof(right));
	net_run(&net);
	REQUIRE(host_established(left));
	snprintf(text, sizeof(text), "%s", conf(LEFT, RIGHT, "peer.test", "start_action = trap"));
	host_die(left);
	host_start(left, text);
	left->manager.lookup = &network;
	conn = config_find_conn(left->config, "gw");
	host_names_configure(&left->manager, conn);
	trap_configured(&left->manager);
	REQUIRE(host_established(left));
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_policies(left), 3);
	answer("no answer", NULL, 0);
	EXPECT_EQ(host_policies(left), 3);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "initiated", initiated },
	{ "not known", not_known },
	{ "known later", known_later },
	{ "several", several },
	{ "gone meanwhile", gone_meanwhile },
	{ "a trap", trap },
	{ "a trap, the daemon killed", trap_killed },
	{ "a trap under a Child SA, the daemon killed", trap_killed_under },
};

KTAP_MAIN(tests)
