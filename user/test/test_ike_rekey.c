// SPDX-License-Identifier: GPL-2.0
/* Rekeying of IKE SAs between two daemons' cores, what crosses on the way included. */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "control.h"
#include "ike_rekey.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"
#include "start.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

#define X25519	"proposals = aes128gcm16-prfsha256-x25519"

static const char *plain = X25519;	/* or additional_key_exchanges() */
static unsigned int followups;		/* IKE_FOLLOWUP_KE exchanges of a rekeying */

#define PLAIN	plain

/* With what is set of the connection. */
static const char *conf(bool of_left, const char *settings)
{
	static char text[4096];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n%s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings, me, peer, a, b, a, b);
	return text;
}

static struct job *initiate(struct host *host, const char *name)
{
	static struct job job;
	struct conn *conn = config_find_conn(host->config, "gw");

	job = (struct job){ .job.done = job_done };
	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, name), &job.job);
	return &job;
}

static void bring_up(const char *of_left, const char *of_right)
{
	const struct job *job;

	left = net_host(&net, LEFT, NULL, conf(true, of_left));
	right = net_host(&net, RIGHT, NULL, conf(false, of_right));
	job = initiate(left, "net");
	net_run(&net);
	EXPECT(job->done == 1 && job->ok);
}

static struct ike_sa *in_state(const struct host *host, enum ike_sa_state state)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa && sa->state != state;)
		sa = sa->next;
	return sa;
}

static void rekey(struct host *host)
{
	struct ike_sa *sa = host_established(host);

	if (EXPECT(sa))
		ike_manager_rekey_ike(&host->manager, sa->unique_id);
}

static struct child_sa *in_child_state(const struct ike_sa *sa, enum child_sa_state state)
{
	struct child_sa *child;

	for (child = sa->children; child && child->state != state;)
		child = child->next;
	return child;
}

/* Those whose DELETE does not come end, whether the peer has them or not. */
static void end_waiting(struct host *host)
{
	struct ike_sa *sa;

	while ((sa = in_state(host, IKE_REKEYED))) {
		EXPECT(!sa->children);
		sa->timer.expired(&sa->timer);
		net_run(&net);
		if (in_state(host, IKE_DELETING))
			net_give_up(&net);
	}
}

/* One IKE SA, with @children Child SAs, at both ends; nothing queued, and nothing else. */
static void expect_one(unsigned int children)
{
	struct host *const hosts[] = { left, right };
	const struct child_sa *child;
	const struct ike_sa *sa[2];
	unsigned int i, n;

	for (i = 0; i < 2; i++) {
		sa[i] = host_established(hosts[i]);
		REQUIRE(sa[i]);
		EXPECT_EQ(host_ike_sas(hosts[i]), 1);
		EXPECT_EQ(host_kernel_sas(hosts[i]), 1);
		EXPECT(!sa[i]->rekey && !sa[i]->create && !sa[i]->queue);
		EXPECT_EQ(sa[i]->active.type, TASK_NONE);
		EXPECT_EQ(host_states(hosts[i]), 2 * children);
		EXPECT_EQ(host_policies(hosts[i]), 3 * children);
		for (n = 0, child = sa[i]->children; child; child = child->next, n++) {
			EXPECT_EQ(child->state, CHILD_INSTALLED);
			EXPECT(child->ike_sa == sa[i]);
			EXPECT(ike_manager_child(&hosts[i]->manager, child->unique_id) == child);
		}
		EXPECT_EQ(n, children);
	}
	EXPECT_EQ(sa[0]->spi_i, sa[1]->spi_i);
	EXPECT_EQ(sa[0]->spi_r, sa[1]->spi_r);
	EXPECT_EQ(sa[0]->initiator, !sa[1]->initiator);
	EXPECT_HEX(sa[0]->sk_d, sa[1]->sk_d, 32);
	for (child = sa[0]->children; child; child = child->next)
		EXPECT(child_sa_by_spi_out((struct ike_sa *)sa[1], child->spi_in));
}

/* Both ends can ask for something. */
static void expect_works(unsigned int children)
{
	struct host *const hosts[] = { left, right };
	unsigned int i;

	expect_one(children);
	for (i = 0; i < 2; i++) {
		struct ike_sa *sa = host_established(hosts[i]);
		uint32_t before = sa->children->unique_id;
		const struct child_sa *child;

		ike_manager_rekey_child(&hosts[i]->manager, before);
		net_run(&net);
		child = in_child_state(sa, CHILD_DELETED);
		REQUIRE(child && child->unique_id == before);
		EXPECT_EQ(host_end_lingering(left), 1);
		EXPECT_EQ(host_end_lingering(right), 1);
		expect_one(children);
	}
}

static void from_either_end(void)
{
	uint64_t before;
	uint32_t spi_in;
	unsigned int i;

	bring_up(PLAIN, PLAIN);
	spi_in = host_established(left)->children->spi_in;
	for (i = 0; i < 8; i++) {
		const struct ike_sa *sa;
		uint64_t count = net.sent;

		before = host_established(left)->spi_i;
		rekey(i & 1 ? left : right);
		EXPECT_STR(ike_sa_state_name(host_established(i & 1 ? left : right)), "REKEYING");
		net_run(&net);
		expect_one(1);
		sa = host_established(left);
		EXPECT(sa->spi_i != before);
		EXPECT_EQ(sa->initiator, i & 1);
		EXPECT_EQ(sa->children->spi_in, spi_in);
		/* CREATE_CHILD_SA, what follows it, and the DELETE of the old one. */
		EXPECT_EQ(net.sent - count, 4 + 2 * followups);
	}
	expect_works(1);
	net_clear(&net);
}

/* What a peer that has lost its answer, or gets all twice, makes of it. */
static enum fate lose_some(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	return (index * 7 + n->seed) % 3 ? PASS : n->seed & 1 ? LOSE : DUPLICATE;
}

static void on_a_bad_path(void)
{
	unsigned int i, tries;

	for (i = 0; i < 12; i++) {
		bring_up(PLAIN, PLAIN);
		net.seed = i;
		net.fate = lose_some;
		rekey(i % 3 ? left : right);
		if (i >= 6)
			rekey(i % 3 ? right : left);
		net_run(&net);
		for (tries = 0; tries < 20; tries++)
			net_retransmit(&net);
		net.fate = NULL;
		net_retransmit(&net);
		end_waiting(left);
		end_waiting(right);
		expect_works(1);
		net_clear(&net);
	}
}

/* As if its IKE SA had been of what is configured now from the beginning. */
static void reconfigured(struct host *host)
{
	struct ike_sa *sa = host_established(host);

	ike_sa_set_conn(sa, config_find_conn(host->config, "gw"));
	child_sa_set_conf(sa->children, conn_find_child(sa->conn, "net"));
}

static void other_proposals(void)
{
	/* Another group, and another PRF than the one whose SK_d it is. */
	bring_up("proposals = aes128gcm16-prfsha256-x25519",
		 "proposals = aes128gcm16-prfsha256-x25519");
	host_config(left, conf(true, "proposals = aes256-sha512-modp2048-ecp256"));
	host_config(right, conf(false, "proposals = aes256-sha512-ecp256"));
	reconfigured(left);
	reconfigured(right);
	rekey(left);
	net_run(&net);
	expect_one(1);
	EXPECT_EQ(proposal_id(host_established(left)->proposal, TRANSFORM_DH), DH_ECP_256);
	EXPECT_EQ(proposal_id(host_established(left)->proposal, TRANSFORM_PRF),
		  PRF_HMAC_SHA2_512);
	EXPECT_HEX(host_established(left)->sk_d, host_established(right)->sk_d, 64);
	/* And from the longer one on. */
	rekey(right);
	net_run(&net);
	expect_works(1);
	net_clear(&net);
}

/* Nothing that both like: the old one stays, for another try. */
static void refused(void)
{
	struct ike_sa *sa;

	bring_up(PLAIN, PLAIN);
	host_config(right, conf(false, "proposals = aes256gcm16-prfsha384-ecp384"));
	reconfigured(right);
	sa = host_established(left);
	rekey(left);
	net_run(&net);
	expect_one(1);
	EXPECT(sa == host_established(left));
	EXPECT(sa->rekey_ms > loop_now_ms() && sa->rekey_ms <= loop_now_ms() + 10000);
	EXPECT(loop_timer_armed(&sa->timer));
	net_clear(&net);
}

static enum fate lose_all(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	(void)index;
	return LOSE;
}

/* The peer rekeys no IKE SA: another one is set up, and not at once (RFC 7296 section 4). */
static void no_additional(void)
{
	static const uint8_t refusal[] = { 0, 0, 0, 8, 0, 0, 0, NO_ADDITIONAL_SAS };
	const struct kernel_message msg = { .exchange = CREATE_CHILD_SA };
	struct payload_chain chain;
	uint32_t unique_id;
	struct ike_sa *sa;
	unsigned int sent;

	bring_up(PLAIN, PLAIN);
	sa = host_established(left);
	unique_id = sa->unique_id;
	net.fate = lose_all;
	rekey(left);
	net_run(&net);
	net.fate = NULL;
	host_forget_request(left, sa);
	sent = net.sent;
	if (EXPECT(!payload_parse(&chain, PAYLOAD_NOTIFY, refusal, sizeof(refusal))))
		ike_rekey_response(sa, &msg, &chain);
	net_run(&net);
	EXPECT_EQ(net.sent, sent);
	expect_one(1);
	EXPECT(sa == host_established(left) && !sa->rekey_ms && sa->life_ms);
	EXPECT(sa->reauth_ms >= loop_now_ms() + 4000 && sa->reauth_ms <= loop_now_ms() + 10000);
	/* It is time; and again later, while nothing has come of it. */
	net.fate = lose_all;
	sa->reauth_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT(net.sent > sent);
	EXPECT(sa == host_established(left) && sa->reauth_ms > loop_now_ms());
	/* Be there no end to its life (over_time = 0). */
	sa->life_ms = 0;
	sa->reauth_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	EXPECT(sa == host_established(left) && sa->reauth_ms > loop_now_ms());
	net.fate = NULL;
	net_retransmit(&net);
	net_run(&net);
	EXPECT(host_established(left)->unique_id > unique_id);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	net_clear(&net);
}

/* RFC 7296 section 2.8.2, whoever has the lowest nonce. */
static void both_rekey(void)
{
	unsigned int i, left_wins = 0;

	for (i = 0; i < 24; i++) {
		bring_up(PLAIN, PLAIN);
		rekey(left);
		rekey(right);
		net_run(&net);
		expect_one(1);
		left_wins += host_established(left)->initiator;
		/* Nobody is left waiting for a DELETE. */
		EXPECT(!in_state(left, IKE_REKEYED) && !in_state(right, IKE_REKEYED));
		expect_works(1);
		net_clear(&net);
	}
	EXPECT(left_wins > 0 && left_wins < 24);
}

static enum fate lose_fifth(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index == 5 ? LOSE : PASS;
}

static enum fate lose_sixth(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index == 6 ? LOSE : PASS;
}

/* The right one's request comes when all else is over: the left one has not noticed. */
static void one_is_late(void)
{
	bring_up(PLAIN, PLAIN);
	EXPECT_EQ(net.sent, 4);
	net.fate = lose_fifth;
	rekey(left);
	rekey(right);
	EXPECT_EQ(net.sent, 6);
	net_run(&net);
	EXPECT(host_established(left)->initiator);
	net.fate = NULL;
	net_retransmit(&net);
	expect_works(1);
	net_clear(&net);
}

/*
 * The right one has both requests, and its answer is lost. If the right one's IKE SA stays, its
 * DELETE of the old one must not come before that answer: the left one would forget what it
 * has asked for, and nobody delete what that has made (RFC 7296 section 2.25.2).
 */
static void answer_is_late(void)
{
	unsigned int i;

	for (i = 0; i < 12; i++) {
		bring_up(PLAIN, PLAIN);
		net.fate = lose_sixth;
		rekey(left);
		rekey(right);
		net_run(&net);
		net.fate = NULL;
		net_retransmit(&net);
		expect_works(1);
		net_clear(&net);
	}
}

static enum fate lose_answers(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index >= 6 ? LOSE : PASS;
}

static void expect_none(void)
{
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	EXPECT_EQ(host_kernel_sas(left) + host_kernel_sas(right), 0);
	EXPECT(!left->xfrm.states && !right->xfrm.states);
}

/* Each has made an IKE SA of the other one's request; the answer to its own is to come. */
static void half_way(void)
{
	bring_up(PLAIN, PLAIN);
	net.fate = lose_answers;
	rekey(left);
	rekey(right);
	net_run(&net);
	net.fate = NULL;
	REQUIRE(in_state(left, IKE_REKEYED) && host_established(left));
	EXPECT(ike_rekey_undecided(host_established(left)));
}

static unsigned int unlucky;

static enum fate lose_unlucky(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index == unlucky ? LOSE : PASS;
}

/* By whatever name, before the two have settled which of the new ones stays. */
static void terminated_between(void)
{
	unsigned int i;

	for (i = 0; i < 24; i++) {
		struct job job = { .job.done = job_done };
		struct ike_sa *old;

		half_way();
		old = in_state(left, IKE_REKEYED);
		ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id,
					  false, &job.job);
		if (i & 1)
			ike_manager_terminate_ike(&left->manager, old->unique_id, false, NULL);
		/* One of the answers is lost once more: the other end settles first. */
		if (i & 2) {
			unlucky = net.sent + 3 + (i >> 2 & 1);
			net.fate = lose_unlucky;
		}
		/* What the right one has made of its own request it knows only then. */
		net_retransmit(&net);
		net.fate = NULL;
		net_retransmit(&net);
		net_retransmit(&net);
		/* That the right one has forgotten its own request leaves one that it never had. */
		if (host_ike_sas(left))
			net_give_up(&net);
		end_waiting(left);
		end_waiting(right);
		EXPECT(job.done == 1 && job.ok);
		expect_none();
		net_clear(&net);
	}
}

/* The peer has it, and our kernel does not: neither can go on with what the other one has. */
static void not_made(void)
{
	uint64_t before;

	bring_up(PLAIN, PLAIN);
	before = host_established(left)->spi_i;
	start_open(left->loop, left->config);
	control_attach(&left->manager);
	left->full = true;
	rekey(left);
	net_run(&net);
	left->full = false;
	end_waiting(right);
	REQUIRE(host_established(left));
	EXPECT(host_established(left)->spi_i != before);
	expect_works(1);
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

/* What is to be asked for on the peer's new one does not wait for an answer that never comes. */
static void answer_never_comes(void)
{
	struct kernel_event event = {
		.type = KERNEL_EVENT_TIMEOUT, .exchange = CREATE_CHILD_SA,
	};

	half_way();
	initiate(left, "other");
	EXPECT_EQ(host_established(left)->active.type, TASK_NONE);
	event.spi_local = ike_sa_spi_local(in_state(left, IKE_REKEYED));
	ike_manager_event(&left->manager, &event);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_established(left)->active.type, TASK_CREATE_CHILD);
	net_clear(&net);
}

static void crosses_delete(void)
{
	bring_up(PLAIN, PLAIN);
	rekey(left);
	ike_manager_terminate_ike(&right->manager, host_established(right)->unique_id, false,
				  NULL);
	net_run(&net);
	expect_none();
	net_clear(&net);
}

/* By the one that rekeys it: nothing is to be there afterwards. */
static void deleted_meanwhile(void)
{
	struct job job = { .job.done = job_done };

	bring_up(PLAIN, PLAIN);
	rekey(left);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false,
				  &job.job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
	expect_none();
	net_clear(&net);
}

/* RFC 7296 section 2.25.2: each is told to try again. */
static void crosses_child(void)
{
	struct child_sa *child;
	struct ike_sa *sa;

	bring_up(PLAIN, PLAIN);
	child = host_established(right)->children;
	rekey(left);
	ike_manager_rekey_child(&right->manager, child->unique_id);
	net_run(&net);
	expect_one(1);
	sa = host_established(left);
	EXPECT(sa->rekey_ms <= loop_now_ms() + 10000 && child->rekey_ms <= loop_now_ms() + 10000);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT(host_established(left) != sa);
	expect_works(1);

	/* Who was in the way stays out of it until the other end has tried again ... */
	child = host_established(right)->children;
	rekey(left);
	ike_manager_rekey_child(&right->manager, child->unique_id);
	net_run(&net);
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT_EQ(child->state, CHILD_INSTALLED);
	EXPECT(child->rekeying && host_established(right)->queue);
	sa = host_established(left);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT(host_established(left) != sa);
	EXPECT_EQ(child->state, CHILD_DELETED);
	EXPECT_EQ(host_end_lingering(left), 1);
	EXPECT_EQ(host_end_lingering(right), 1);
	expect_works(1);

	/* ... or might have. */
	child = host_established(right)->children;
	rekey(left);
	ike_manager_rekey_child(&right->manager, child->unique_id);
	net_run(&net);
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT_EQ(child->state, CHILD_INSTALLED);
	sa = host_established(right);
	EXPECT(sa->yield_ms > loop_now_ms() + 10000 && sa->yield_ms <= loop_now_ms() + 15000);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT_EQ(child->state, CHILD_DELETED);
	EXPECT_EQ(host_end_lingering(left), 1);
	EXPECT_EQ(host_end_lingering(right), 1);
	expect_works(1);

	/* What is deleted is deleted, and the rest is tried again. */
	sa = host_established(left);
	rekey(left);
	ike_manager_terminate_child(&right->manager,
				    host_established(right)->children->unique_id, NULL);
	net_run(&net);
	expect_one(0);
	EXPECT(sa == host_established(left));
	rekey(left);
	net_run(&net);
	expect_one(0);
	net_clear(&net);
}

/* What waits for its turn has it on the new one. */
static void what_is_queued(void)
{
	const struct job *job;

	bring_up(PLAIN, PLAIN);
	rekey(left);
	job = initiate(left, "other");
	EXPECT(host_established(left)->queue);
	net_run(&net);
	EXPECT(job->done == 1 && job->ok);
	EXPECT_EQ(job->job.ike_id, host_established(left)->unique_id);
	expect_works(2);
	net_clear(&net);
}

/* Nor is it asked for on a new one that may go again. */
static void what_is_queued_between(void)
{
	unsigned int i, left_wins = 0;

	for (i = 0; i < 24; i++) {
		const struct job *job;

		bring_up(PLAIN, PLAIN);
		rekey(left);
		rekey(right);
		job = initiate(left, "other");
		net_run(&net);
		EXPECT(job->done == 1 && job->ok);
		expect_one(2);
		EXPECT_EQ(job->job.ike_id, host_established(left)->unique_id);
		left_wins += host_established(left)->initiator;
		expect_works(2);
		net_clear(&net);
	}
	EXPECT(left_wins > 0 && left_wins < 24);
}

/* What the peer has no time for has it later, on the new one. */
static void what_is_put_off(void)
{
	struct child_sa *child;
	const struct job *job;
	struct ike_sa *sa;

	bring_up(PLAIN, PLAIN);
	rekey(right);
	job = initiate(left, "other");
	net_run(&net);
	EXPECT(!job->done);
	sa = host_established(left);
	child = sa->children->next;
	REQUIRE(child && child->state == CHILD_CREATED && loop_timer_armed(&child->timer));
	EXPECT(child->rekey_ms <= loop_now_ms() + 10000);
	rekey(right);
	net_run(&net);
	EXPECT(host_established(left) != sa && child->ike_sa == host_established(left));
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT(job->done == 1 && job->ok);
	expect_works(2);
	net_clear(&net);
}

/* It is waited for no more, and the peer, which has none, is asked to delete nothing. */
static void what_is_put_off_is_terminated(void)
{
	struct child_sa *child;
	const struct job *job;

	bring_up(PLAIN, PLAIN);
	rekey(right);
	job = initiate(left, "other");
	net_run(&net);
	child = host_established(left)->children->next;
	REQUIRE(child && child->state == CHILD_CREATED && !job->done);
	ike_manager_terminate_child(&left->manager, child->unique_id, NULL);
	EXPECT(!host_established(left)->children->next);
	EXPECT_EQ(host_established(left)->active.type, TASK_NONE);
	net_run(&net);
	EXPECT(job->done == 1 && !job->ok);
	expect_one(1);
	net_clear(&net);
}

static void lifetimes(void)
{
	struct ike_sa *sa;
	uint64_t now;

	bring_up(X25519 "\nrekey_time = 100s\nover_time = 30\nrand_time = 20s",
		 X25519 "\nrekey_time = 0");
	now = loop_now_ms();
	sa = host_established(left);
	EXPECT(sa->rekey_ms >= now + 79000 && sa->rekey_ms <= now + 100000);
	EXPECT_EQ(sa->life_ms - sa->rekey_ms, 30000);
	EXPECT(sa->timer.deadline_ms == sa->rekey_ms);
	EXPECT(!host_established(right)->rekey_ms && !host_established(right)->life_ms);
	EXPECT(!loop_timer_armed(&host_established(right)->timer));
	sa->timer.expired(&sa->timer);
	EXPECT(sa->timer.deadline_ms == sa->life_ms);
	net_run(&net);
	expect_one(1);

	/* No rekeying has come of it. */
	sa = host_established(left);
	sa->life_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	net_clear(&net);

	/* It is over while it is rekeyed: what comes of that goes before. */
	bring_up(PLAIN, PLAIN);
	net.fate = lose_fifth;
	rekey(left);
	net_run(&net);
	net.fate = NULL;
	sa = host_established(left);
	sa->life_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	net_retransmit(&net);
	end_waiting(right);
	EXPECT(host_established(left) && host_established(left) != sa);
	expect_works(1);
	net_clear(&net);

	/* And if nothing does, it is over then. */
	bring_up(PLAIN, PLAIN);
	right->full = true;
	net.fate = lose_fifth;
	rekey(left);
	net_run(&net);
	net.fate = NULL;
	sa = host_established(left);
	sa->life_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	net_retransmit(&net);
	net_run(&net);
	expect_none();
	net_clear(&net);

	/* Who has asked for it, where it is never done by itself, is told, and asks again. */
	bring_up(PLAIN, X25519 "\nrekey_time = 0");
	left->full = true;
	rekey(right);
	net_run(&net);
	sa = host_established(right);
	EXPECT(!sa->rekey && !sa->rekey_ms && !loop_timer_armed(&sa->timer));
	net_clear(&net);

	/* As strongSwan has them where they are not set. */
	bring_up(PLAIN, PLAIN);
	now = loop_now_ms();
	sa = host_established(left);
	EXPECT(sa->rekey_ms >= now + 12959000 && sa->rekey_ms <= now + 14400000);
	EXPECT_EQ(sa->life_ms - sa->rekey_ms, 1440000);
	net_clear(&net);
}

/* The old one is never deleted by who should: it goes all the same, and is nothing meanwhile. */
static void no_delete(void)
{
	struct ike_sa *old;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		bring_up(PLAIN, PLAIN);
		net.fate = lose_answers;
		rekey(left);
		net_run(&net);
		net.fate = NULL;
		old = in_state(right, IKE_REKEYED);
		REQUIRE(old && !old->children);
		EXPECT(loop_timer_armed(&old->timer));
		EXPECT(ike_manager_of_peers(&right->manager, &old->local_id, &old->remote_id, NULL));
		/* A request on it is refused, and it is in nobody's way. */
		if (i) {
			ike_manager_rekey_ike(&right->manager, old->unique_id);
			EXPECT_EQ(old->active.type, TASK_NONE);
			initiate(right, "other");
			net_run(&net);
			EXPECT_EQ(host_states(right), 4);
			ike_sa_destroy(in_state(left, IKE_DELETING), NULL);
		}
		old->timer.expired(&old->timer);
		net_run(&net);
		if (!i)
			expect_works(1);
		else
			EXPECT_EQ(old->state, IKE_DELETING);
		net_clear(&net);
	}
}

static uint16_t answer_to(const struct payload_writer *w)
{
	const struct buf *response;
	struct payload_chain chain;
	struct notify n;
	uint8_t type;

	if (host_send_request(left, left->manager.sas, CREATE_CHILD_SA, w->first, w->buf.data,
			      w->buf.len))
		return 0;
	net_run(&net);
	response = host_last_response(left, &type);
	if (payload_parse(&chain, type, response->data, response->len))
		return 0;
	return notify_error(&n, &chain);
}

/* Request and answer pass, the DELETE does not. */
static enum fate lose_third(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	return index % 3 == 2 ? LOSE : PASS;
}

/* A peer that deletes nothing has so many, and no more. */
static void bounded(void)
{
	struct ike_sa *sa;
	unsigned int i;

	bring_up(PLAIN, PLAIN);
	net.fate = lose_third;
	net.sent = 0;
	for (i = 1; i <= 6; i++) {
		rekey(left);
		net_run(&net);
		EXPECT_EQ(host_ike_sas(right), i < 4 ? i + 1 : 5);
	}
	net.fate = NULL;
	net_retransmit(&net);
	expect_one(1);
	sa = host_established(left);
	rekey(left);
	net_run(&net);
	EXPECT(host_established(left) != sa);
	expect_works(1);
	net_clear(&net);
}

/* The peer has deleted what it has rekeyed last. */
static void delete_last_replaced(struct host *host)
{
	struct ike_sa *sa = host_established(host);

	sa = sa ? ike_manager_by_spi(&host->manager, sa->predecessor) : NULL;
	if (sa && sa->state == IKE_REKEYED)
		ike_sa_destroy(sa, NULL);
}

/* Nor has one that deletes @deleted of every @of, the newest first. */
static void expect_bounded(unsigned int deleted, unsigned int of)
{
	unsigned int i, j;

	bring_up(PLAIN, PLAIN);
	net.fate = lose_third;
	net.sent = 0;
	for (i = 1; i <= 24; i++) {
		rekey(left);
		net_run(&net);
		for (j = 0; !(i % of) && j < deleted; j++)
			delete_last_replaced(right);
		EXPECT(host_ike_sas(right) <= 5);
	}
	net_clear(&net);
}

static void bounded_with_gaps(void)
{
	expect_bounded(1, 2);
	expect_bounded(2, 3);
	expect_bounded(1, 3);
}

static void offer(struct payload_writer *w, const char *spi, uint8_t spi_len, uint16_t group)
{
	const struct proposal p = {
		.protocol = PROTO_IKE,
		.n = 3,
		.transforms = { { TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 },
				{ TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0 },
				{ TRANSFORM_DH, group, 0 } },
	};

	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, &p, 1, (const uint8_t *)spi, spi_len);
	payload_close(w);
}

#define NONCE "0123456789abcdef0123456789abcdef"

static void requests_refused(void)
{
	static const struct {
		const char *spi;
		uint8_t spi_len;
		uint16_t group;
		size_t nonce;
		size_t ke;
		uint16_t refusal;
	} cases[] = {
		{ "12345678", 8, DH_CURVE25519, 32, 0, INVALID_SYNTAX },
		{ "12345678", 8, DH_CURVE25519, 0, 36, INVALID_SYNTAX },
		{ "12345678", 8, DH_ECP_384, 32, 36, NO_PROPOSAL_CHOSEN },
		{ "", 0, DH_CURVE25519, 32, 36, INVALID_SYNTAX },
		{ "\0\0\0\0\0\0\0", 8, DH_CURVE25519, 32, 36, INVALID_SYNTAX },
		/* Of no length that a value has, and of a small order. */
		{ "12345678", 8, DH_CURVE25519, 32, 35, INVALID_SYNTAX },
		{ "12345678", 8, DH_CURVE25519, 32, 36, INVALID_SYNTAX },
	};
	uint8_t ke[64] = { 0, DH_CURVE25519 };
	struct payload_writer w;
	unsigned int i;

	bring_up(PLAIN, PLAIN);
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		payload_begin(&w, 0);
		offer(&w, cases[i].spi, cases[i].spi_len, cases[i].group);
		if (cases[i].nonce)
			payload_add(&w, PAYLOAD_NONCE, NONCE, cases[i].nonce);
		if (cases[i].ke)
			payload_add(&w, PAYLOAD_KE, ke, cases[i].ke);
		EXPECT_EQ(answer_to(&w), cases[i].refusal);
		buf_clear(&w.buf);
	}
	ke[1] = DH_ECP_256;
	payload_begin(&w, 0);
	offer(&w, "12345678", 8, DH_CURVE25519);
	payload_add(&w, PAYLOAD_NONCE, NONCE, 32);
	payload_add(&w, PAYLOAD_KE, ke, 36);
	EXPECT_EQ(answer_to(&w), INVALID_KE_PAYLOAD);
	buf_clear(&w.buf);
	expect_works(1);
	net_clear(&net);
}

/* RFC 9370: the same with two of them. */
static void additional_key_exchanges(void)
{
	plain = X25519 "-ke1_ecp256-ke3_ecp384";
	followups = 2;
	from_either_end();
	on_a_bad_path();
	both_rekey();
	answer_is_late();
	crosses_delete();
	deleted_meanwhile();
	not_made();
	crosses_child();
	plain = X25519;
	followups = 0;
}

static const struct ktap_test tests[] = {
	{ "from either end", from_either_end },
	{ "on a bad path", on_a_bad_path },
	{ "another group and PRF", other_proposals },
	{ "refused", refused },
	{ "NO_ADDITIONAL_SAS", no_additional },
	{ "both rekey", both_rekey },
	{ "both rekey, one is late", one_is_late },
	{ "both rekey, an answer is late", answer_is_late },
	{ "one rekeys, the other deletes", crosses_delete },
	{ "deleted while it is rekeyed", deleted_meanwhile },
	{ "deleted between two", terminated_between },
	{ "not made", not_made },
	{ "an answer never comes", answer_never_comes },
	{ "a Child SA's exchange meanwhile", crosses_child },
	{ "what is queued", what_is_queued },
	{ "what is queued between two", what_is_queued_between },
	{ "what is put off", what_is_put_off },
	{ "what is put off is terminated", what_is_put_off_is_terminated },
	{ "lifetimes", lifetimes },
	{ "no DELETE comes", no_delete },
	{ "bounded", bounded },
	{ "bounded with gaps", bounded_with_gaps },
	{ "requests refused", requests_refused },
	{ "additional key exchanges", additional_key_exchanges },
};

KTAP_MAIN(tests)
