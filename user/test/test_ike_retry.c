// SPDX-License-Identifier: GPL-2.0
/* keyingtries: a peer that does not answer, between daemons' cores. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "ike_retry.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"
#include "path.h"
#include "start.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

static const char *conf(bool of_left, const char *settings, const char *child, const char *secret)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n    %s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n %s\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"%s\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings,
		 of_left ? "left" : "right", of_left ? "right" : "left",
		 of_left ? 1 : 2, of_left ? 2 : 1, child, of_left ? 1 : 2, of_left ? 2 : 1, secret);
	return text;
}

static struct job new_job(void)
{
	return (struct job){ .job.done = job_done };
}

static void hosts(const char *settings, const char *child)
{
	left = net_host(&net, LEFT, NULL, conf(true, settings, child, "the secret"));
	right = net_host(&net, RIGHT, NULL, conf(false, "", "", "the secret"));
	start_open(left->loop, left->config);
	control_attach(&left->manager);
}

static void end(void)
{
	start_close();
	control_attach(NULL);
	net_clear(&net);
	memset(&net_ours, 0, sizeof(net_ours));
}

static enum fate lose(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return LOSE;
}

static void silent(bool is)
{
	net.fate = is ? lose : NULL;
}

static void initiate(const char *name, struct job *job)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, name),
			     job ? &job->job : NULL);
	net_run(&net);
}

static void give_up(void)
{
	net_give_up(&net);
	loop_turn(left->loop, 0);
}

/* The only IKE SA of the left one, which waits after so many attempts. */
static struct ike_sa *waiting(unsigned int tries)
{
	struct ike_sa *sa = left->manager.sas;
	uint64_t now = loop_now_ms();

	EXPECT(sa && !sa->next && sa->waits);
	EXPECT_EQ(sa->tries, tries);
	EXPECT_EQ(host_kernel_sas(left), 0);
	EXPECT_EQ(host_states(left), 0);
	EXPECT(loop_timer_armed(&sa->timer));
	EXPECT(sa->timer.deadline_ms > now && sa->timer.deadline_ms <= now + RETRY_MOST_MS);
	return sa;
}

static void has_waited(struct ike_sa *sa)
{
	loop_timer_arm(left->loop, &sa->timer, 0);
	loop_turn(left->loop, 10);
	net_run(&net);
	loop_turn(left->loop, 0);
}

static void expect_up(unsigned int children)
{
	struct host *const both[] = { left, right };

	for (unsigned int i = 0; i < 2; i++) {
		REQUIRE(host_established(both[i]));
		EXPECT_EQ(host_ike_sas(both[i]), 1);
		EXPECT_EQ(host_kernel_sas(both[i]), 1);
		EXPECT_EQ(host_states(both[i]), 2 * children);
	}
}

static void pauses(void)
{
	for (unsigned int tries = 1; tries < 40; tries++) {
		uint64_t most = tries < 5 ? RETRY_FIRST_MS << (tries - 1) : RETRY_MOST_MS;
		uint64_t ms = ike_retry_pause_ms(tries), other = ms;

		EXPECT(ms >= most / 2 && ms <= most);
		for (unsigned int i = 0; i < 20 && other == ms; i++)
			other = ike_retry_pause_ms(tries);
		EXPECT(other != ms);
	}
}

/* By hand, and keyingtries is not set, or 1. */
static void once(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct job job = new_job();

		job.job.lasting = i;
		hosts(i ? "keyingtries = 1" : "", "start_action = start");
		silent(true);
		initiate("net", &job);
		give_up();
		EXPECT_EQ(job.done, 1);
		EXPECT(!job.ok);
		EXPECT_EQ(host_ike_sas(left), 0);
		silent(false);
		end();
	}
}

/* What is to be up, and keyingtries is not set: who has begun it need not wait for ever. */
static void lasting(void)
{
	struct job job = new_job();
	uint32_t id;

	job.job.lasting = true;
	hosts("", "");
	silent(true);
	initiate("net", &job);
	id = job.job.ike_id;
	initiate("other", NULL);
	give_up();
	EXPECT_EQ(job.done, 1);
	EXPECT(!job.ok);
	EXPECT_EQ(waiting(1)->unique_id, id);
	has_waited(waiting(1));
	EXPECT_EQ(host_kernel_sas(left), 1);
	give_up();
	EXPECT_EQ(waiting(2)->unique_id, id);
	silent(false);
	has_waited(waiting(2));
	expect_up(2);
	EXPECT_EQ(host_established(left)->unique_id, id);
	end();
}

/* Not more often, and who waits waits for all of them. */
static void counted(void)
{
	struct job job = new_job();

	hosts("keyingtries = 3", "");
	silent(true);
	initiate("net", &job);
	give_up();
	has_waited(waiting(1));
	give_up();
	EXPECT_EQ(job.done, 0);
	has_waited(waiting(2));
	give_up();
	EXPECT_EQ(job.done, 1);
	EXPECT(!job.ok);
	EXPECT_EQ(host_ike_sas(left), 0);
	silent(false);
	end();
}

static enum fate lose_sealed(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	return raw ? PASS : LOSE;
}

static void for_ever(void)
{
	struct job job = new_job(), second = new_job();

	hosts("keyingtries = 0", "");
	net.fate = lose_sealed;
	initiate("net", &job);
	for (unsigned int tries = 1; tries < 6; tries++) {
		give_up();
		/* Of IKE_AUTH: the right one is not told. */
		net_expire(&net);
		EXPECT_EQ(host_ike_sas(right), 0);
		EXPECT_EQ(job.done, 0);
		if (tries < 5)
			has_waited(waiting(tries));
	}
	waiting(5);
	/* Who asks for it now need not wait, nor does who has asked. */
	silent(false);
	initiate("other", &second);
	loop_turn(left->loop, 0);
	EXPECT(job.done == 1 && job.ok);
	EXPECT(second.done == 1 && second.ok);
	expect_up(2);
	end();
}

/* The peer has refused it for good. */
static void refused(void)
{
	struct job job = new_job();

	job.job.lasting = true;
	hosts("keyingtries = 0", "start_action = start");
	host_config(right, conf(false, "", "", "another secret"));
	initiate("net", &job);
	loop_turn(left->loop, 0);
	EXPECT(job.done == 1 && !job.ok);
	EXPECT_EQ(host_ike_sas(left), 0);
	end();
}

/* It need not be tried any more. */
static void meanwhile(void)
{
	struct job job = new_job();
	struct conn *conn;

	hosts("keyingtries = 0", "");
	silent(true);
	initiate("net", &job);
	initiate("other", NULL);
	give_up();
	waiting(1);
	/* The peer has begun it. */
	silent(false);
	conn = config_find_conn(right->config, "gw");
	ike_manager_initiate(&right->manager, conn, conn->children, NULL);
	net_run(&net);
	REQUIRE(host_established(left));
	EXPECT_EQ(host_ike_sas(left), 2);
	has_waited(left->manager.sas);
	EXPECT(job.done == 1 && job.ok);
	expect_up(2);
	end();

	/* It is terminated. */
	job = new_job();
	hosts("keyingtries = 0", "");
	silent(true);
	initiate("net", &job);
	give_up();
	ike_manager_terminate_ike(&left->manager, waiting(1)->unique_id, false, NULL);
	loop_turn(left->loop, 0);
	EXPECT(job.done == 1 && !job.ok);
	EXPECT_EQ(host_ike_sas(left), 0);

	/* Its connection has gone. */
	job = new_job();
	initiate("net", &job);
	give_up();
	EXPECT(!config_remove_conn(left->config, "gw"));
	has_waited(waiting(1));
	EXPECT(job.done == 1 && !job.ok);
	EXPECT_EQ(host_ike_sas(left), 0);
	silent(false);
	end();
}

/* There is nothing to go from for a while: that is no attempt. */
static void unreachable(void)
{
	struct endpoint nowhere;

	hosts("keyingtries = 3", "");
	endpoint_parse(&nowhere, "192.0.2.9", 0);
	silent(true);
	initiate("net", NULL);
	give_up();
	net_ours = nowhere;
	has_waited(waiting(1));
	EXPECT(waiting(1)->unreachable);
	has_waited(waiting(1));
	path_network_changed(&left->manager);
	loop_turn(left->loop, 10);
	EXPECT(waiting(1)->unreachable);
	net_ours = left->addr;
	silent(false);
	path_network_changed(&left->manager);
	loop_turn(left->loop, 10);
	net_run(&net);
	expect_up(1);
	end();
}

static void die(void)
{
	struct kernel_event event = { .type = KERNEL_EVENT_DEAD };

	REQUIRE(host_established(left));
	event.spi_local = ike_sa_spi_local(host_established(left));
	ike_manager_event(&left->manager, &event);
	net_run(&net);
}

static void dpd_action(void)
{
	hosts("", "dpd_action = start");
	initiate("net", NULL);
	expect_up(1);
	silent(true);
	die();
	give_up();
	has_waited(waiting(1));
	give_up();
	silent(false);
	has_waited(waiting(2));
	expect_up(1);
	end();
}

/* Its peer is as far as ever: it is our own address that has gone. */
static void stranded(void)
{
	hosts("", "start_action = start\n dpd_action = clear");
	initiate("net", NULL);
	expect_up(1);
	die();
	EXPECT_EQ(host_ike_sas(left), 0);

	initiate("net", NULL);
	expect_up(1);
	endpoint_parse(&net_ours, "192.0.2.9", 0);
	path_network_changed(&left->manager);
	die();
	EXPECT_EQ(host_ike_sas(left), 0);
	net_ours = left->addr;
	path_network_changed(&left->manager);
	loop_turn(left->loop, 0);
	net_run(&net);
	expect_up(1);
	end();
}

static const struct ktap_test tests[] = {
	{ "pauses", pauses },
	{ "once", once },
	{ "what is to be up", lasting },
	{ "so many times", counted },
	{ "for ever, IKE_AUTH", for_ever },
	{ "refused", refused },
	{ "not needed any more", meanwhile },
	{ "unreachable meanwhile", unreachable },
	{ "dpd_action", dpd_action },
	{ "stranded", stranded },
};

KTAP_MAIN(tests)
