// SPDX-License-Identifier: GPL-2.0
/*
 * Messages of rekeyings that are held while a thread makes their shared secret: at each of them,
 * at either end, whatever can come meanwhile.
 */
#include <stdio.h>

#include "config.h"
#include "followup.h"
#include "ike_rekey.h"
#include "ke_hold.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

#define KES "-x25519-ke1_ecp256"

/* CREATE_CHILD_SA's request and response, and those of IKE_FOLLOWUP_KE. */
#define HOLDS	4

static struct net net;
static struct host *left, *right;
static unsigned int first;	/* of what is sent */

static const char *conf_of(bool of_left, const char *groups)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256%s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16%s\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = aes128gcm16%s\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, groups, of_left ? "left" : "right",
		 of_left ? "right" : "left", of_left ? 1 : 2, of_left ? 2 : 1, groups,
		 of_left ? 1 : 2, of_left ? 2 : 1, groups);
	return text;
}

static const char *conf(bool of_left)
{
	return conf_of(of_left, KES);
}

static void initiate(struct host *host, const char *name, struct job *job)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	*job = (struct job){ .job.done = job_done };
	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, name), &job->job);
}

static void bring_up(void)
{
	struct job job;

	left = net_host(&net, LEFT, NULL, conf(true));
	right = net_host(&net, RIGHT, NULL, conf(false));
	initiate(left, "net", &job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
}

static void rekey_child(struct host *host)
{
	const struct ike_sa *sa = host_established(host);

	if (sa && sa->children)
		ike_manager_rekey_child(&host->manager, sa->children->unique_id);
}

static void rekey_ike(struct host *host)
{
	const struct ike_sa *sa = host_established(host);

	if (sa)
		ike_manager_rekey_ike(&host->manager, sa->unique_id);
}

static void (*const rekeys[])(struct host *host) = { rekey_child, rekey_ike };

#define REKEYS	(sizeof(rekeys) / sizeof(*rekeys))

static struct ike_sa *holding(const struct host *host)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa && !sa->ke_hold;)
		sa = sa->next;
	return sa;
}

/* The one whose turn it is, at the @n-th message of what is under way. */
static struct host *holder(unsigned int n)
{
	return n & 1 ? left : right;
}

/* Up to the @n-th message of what has begun, from 0, which is held then. */
static void hold(unsigned int n)
{
	for (unsigned int i = 0;; i++) {
		net_keep_busy(&net);
		net_run(&net);
		EXPECT(holding(holder(i)));
		EXPECT(!holding(holder(i + 1)));
		EXPECT_EQ(net_jobs(&net), 1);
		if (i == n)
			return;
		net_let_go(&net);
	}
}

/* Runs what the left one begins up to its @n-th message. */
static void begin(void (*rekey)(struct host *host), unsigned int n)
{
	bring_up();
	net_keep_busy(&net);
	rekey(left);
	net_let_go(&net);
	hold(n);
}

static const struct child_sa *same_child(struct ike_sa *sa, const struct child_sa *child)
{
	const struct child_sa *other = child_sa_by_spi_out(sa, child->spi_in);

	return other && other->state == CHILD_INSTALLED ? other : NULL;
}

/* What one end has in use the other one has, too, and nothing is under way. */
static void expect_same(struct host *host, struct host *peer)
{
	const struct child_sa *child;
	struct ike_sa *sa, *other;

	for (sa = host->manager.sas; sa; sa = sa->next) {
		EXPECT(!sa->ke_hold);
		if (sa->state != IKE_ESTABLISHED)
			continue;
		EXPECT(!sa->rekey && !sa->create && !sa->queue);
		EXPECT_EQ(sa->active.type, TASK_NONE);
		other = ike_manager_by_spi(&peer->manager, sa->initiator ? sa->spi_r : sa->spi_i);
		REQUIRE(other);
		EXPECT_EQ(other->state, IKE_ESTABLISHED);
		EXPECT_HEX(sa->sk_d, other->sk_d, 32);
		for (child = sa->children; child; child = child->next)
			if (child->state == CHILD_INSTALLED)
				EXPECT(same_child(other, child));
	}
}

static unsigned int in_use(const struct host *host)
{
	const struct ike_sa *sa = host_established(host);
	const struct child_sa *child;
	unsigned int n = 0;

	for (child = sa ? sa->children : NULL; child; child = child->next)
		n += child->state == CHILD_INSTALLED;
	return n;
}

/* All comes to its end, with so many Child SAs. */
static void settle(unsigned int children)
{
	net_let_go(&net);
	net_run(&net);
	net_retransmit(&net);
	net_retransmit(&net);
	host_end_lingering(left);
	host_end_lingering(right);
	expect_same(left, right);
	expect_same(right, left);
	EXPECT_EQ(in_use(left), children);
	EXPECT_EQ(in_use(right), children);
	EXPECT_EQ(net_jobs(&net), 0);
	net_clear(&net);
}

/* A thread makes each secret, and nothing of the exchange goes on without. */
static void made_by_threads(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < HOLDS; n++) {
			const struct ike_sa *sa;

			begin(rekeys[r], n);
			sa = holding(holder(n));
			EXPECT_EQ(ke_hold_is_of_request(sa), !(n & 1));
			EXPECT(!net.queue);
			/* The peer asks once more. */
			net_retransmit(&net);
			EXPECT_EQ(net_jobs(&net), 1);
			settle(1);
		}
	}
}

/* Without threads it is as it was. */
static void without_threads(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		net.no_threads = true;
		bring_up();
		rekeys[r](left);
		net_run(&net);
		settle(1);
	}
}

/* It goes, in whatever way: the thread's work is in vain. */
static void ended(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < 3 * HOLDS; n++) {
			struct ike_sa *sa;

			begin(rekeys[r], n % HOLDS);
			sa = holding(holder(n));
			if (n < HOLDS)
				ike_sa_destroy(sa, "the test ends it");
			else if (n < 2 * HOLDS)
				ike_sa_dead(sa);
			else
				ike_manager_terminate_ike(&holder(n)->manager, sa->unique_id, true,
							  NULL);
			EXPECT(!holding(holder(n)));
			EXPECT_EQ(net_jobs(&net), 0);
			net_let_go(&net);
			net_run(&net);
			net_clear(&net);
		}
	}
}

/* It is terminated in good order, at either end: the peer's answer is not waited for in vain. */
static void ike_terminated(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < 2 * HOLDS; n++) {
			struct host *host;
			struct job job = { .job.done = job_done };

			begin(rekeys[r], n % HOLDS);
			host = holder(n < HOLDS ? n : n + 1);
			ike_manager_terminate_ike(&host->manager, host_established(host)->unique_id,
						  false, &job.job);
			net_run(&net);
			net_let_go(&net);
			net_run(&net);
			net_retransmit(&net);
			EXPECT(job.done == 1 && job.ok);
			EXPECT_EQ(host_ike_sas(left), 0);
			EXPECT_EQ(host_ike_sas(right), 0);
			EXPECT(!left->xfrm.states && !right->xfrm.states);
			net_clear(&net);
		}
	}
}

/* The one that is in use, be it that another one is to take its place. */
static uint32_t child_in_use(const struct host *host)
{
	const struct child_sa *child = host_established(host)->children;

	while (child->state != CHILD_INSTALLED)
		child = child->next;
	return child->unique_id;
}

/* What is to be replaced, or has been, is terminated, at either end. */
static void child_terminated(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < 2 * HOLDS; n++) {
			struct host *host;
			struct job job = { .job.done = job_done };

			begin(rekeys[r], n % HOLDS);
			host = holder(n < HOLDS ? n : n + 1);
			ike_manager_terminate_child(&host->manager, child_in_use(host), &job.job);
			net_run(&net);
			net_let_go(&net);
			net_run(&net);
			/* It may have been asked for before the peer knew the new IKE SA. */
			net_retransmit(&net);
			EXPECT(job.done == 1 && job.ok);
			settle(0);
		}
	}
}

/* Both ends rekey: the same thing, or the IKE SA and its Child SA. */
static void crossing(void)
{
	for (unsigned int i = 0; i < 2 * REKEYS * REKEYS; i++) {
		for (unsigned int n = 0; n < HOLDS; n++) {
			bring_up();
			net_keep_busy(&net);
			rekeys[i % REKEYS](left);
			if (i & 4)
				rekeys[i / REKEYS % REKEYS](right);
			net_let_go(&net);
			net_keep_busy(&net);
			net_run(&net);
			for (unsigned int k = 0; k < n; k++) {
				net_let_go(&net);
				net_keep_busy(&net);
				net_run(&net);
			}
			if (!(i & 4))
				rekeys[i / REKEYS % REKEYS](right);
			net_run(&net);
			settle(1);
		}
	}
}

/* What this end is asked to do while it holds a request waits for that. */
static void asked_meanwhile(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < HOLDS; n++) {
			struct job job;

			begin(rekeys[r], n);
			initiate(holder(n), "other", &job);
			net_run(&net);
			EXPECT(!job.done);
			EXPECT(!net.queue);
			net_let_go(&net);
			net_run(&net);
			EXPECT(job.done == 1 && job.ok);
			settle(2);
		}
	}
}

/* The peer's next message, of which this end has to make nothing before the one that is held. */
static void asked_by_the_peer(void)
{
	for (unsigned int n = 1; n < HOLDS; n += 2) {
		const struct ike_sa *sa;
		struct job job;

		begin(rekey_child, n);
		sa = holding(left);
		initiate(right, "other", &job);
		net_run(&net);
		EXPECT(holding(left) == sa && !job.done);
		net_let_go(&net);
		net_run(&net);
		EXPECT(job.done == 1 && job.ok);
		settle(2);
	}
}

/* The daemon dies, and the next one goes on with what there is. */
static void dies(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		for (unsigned int n = 0; n < 2 * HOLDS; n++) {
			struct host *host;
			struct resume_summary summary;

			begin(rekeys[r], n % HOLDS);
			host = holder(n < HOLDS ? n : n + 1);
			/* It has written down all that there is to be known. */
			resume_save(host_established(host));
			host_die(host);
			EXPECT(!holding(host));
			summary = host_start(host, conf(host == left));
			EXPECT_EQ(summary.refused, 0);
			net_let_go(&net);
			net_run(&net);
			/* What nobody can make the keys of any more is set up anew. */
			if (r == 1 && host == left && n % HOLDS >= 2) {
				EXPECT_EQ(host_ike_sas(left), 0);
				net_clear(&net);
				continue;
			}
			settle(1);
		}
	}
}

/* What is lost on the way: all but the first. */
static enum fate lose_the_rest(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	return index == first ? PASS : LOSE;
}

/*
 * The answer to ours comes while a request of the peer's is held, and the daemon dies: the next
 * one has that answer, which does not come twice.
 */
static void dies_with_both(void)
{
	struct ike_sa *sa;

	bring_up();
	first = net.sent;
	net.fate = lose_the_rest;
	rekey_ike(left);
	rekey_ike(right);
	net_run(&net);
	net.fate = NULL;
	net_keep_busy(&net);
	net_retransmit(&net);
	sa = holding(left);
	REQUIRE(sa);
	EXPECT(ke_hold_is_of_request(sa) && sa->rekey->response.len);
	host_die(left);
	host_start(left, conf(true));
	settle(1);
}

/* A peer that goes on is waited for no shorter for that a thread is late. */
static void patience(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		struct followup *f;

		begin(rekeys[r], 1);
		f = host_established(right)->followups;
		REQUIRE(f);
		EXPECT(!loop_timer_arm(right->loop, &f->timer, 10000));
		net_let_go(&net);
		net_keep_busy(&net);
		net_run(&net);
		EXPECT(holding(right));
		EXPECT(f->timer.deadline_ms > loop_now_ms() + 30000);
		settle(1);
	}
}

/* What this end wants is another thing by then. */
static void reconfigured(void)
{
	for (unsigned int r = 0; r < REKEYS; r++) {
		struct ike_sa *sa;

		begin(rekeys[r], 0);
		sa = holding(right);
		host_config(right, conf_of(false, "-ecp384"));
		ike_sa_set_conn(sa, config_find_conn(right->config, "gw"));
		child_sa_set_conf(sa->children, conn_find_child(sa->conn, "net"));
		settle(1);
	}
}

static const struct ktap_test tests[] = {
	{ "made by threads", made_by_threads },
	{ "without threads", without_threads },
	{ "the IKE SA ends", ended },
	{ "the IKE SA is terminated", ike_terminated },
	{ "the Child SA is terminated", child_terminated },
	{ "both ends rekey", crossing },
	{ "another task", asked_meanwhile },
	{ "another request of the peer's", asked_by_the_peer },
	{ "the daemon dies", dies },
	{ "the daemon dies with a request and a response", dies_with_both },
	{ "patience", patience },
	{ "other settings", reconfigured },
};

KTAP_MAIN(tests)
