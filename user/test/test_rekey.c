// SPDX-License-Identifier: GPL-2.0
/* CREATE_CHILD_SA between two daemons' cores, what crosses on the way included. */
#include <stdio.h>
#include <stdlib.h>

#include "config.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"
#include "lifetime.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;

/* Two children, and what else is set of them. */
static const char *conf(bool of_left, const char *settings)
{
	static char text[4096];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256-x25519\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n"
		 "      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n%s\n }\n"
		 "      other {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n%s\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, me, peer, a, b, settings, a, b,
		 settings);
	return text;
}

static struct job initiate(struct host *host, const char *name)
{
	static struct job job;
	struct conn *conn = config_find_conn(host->config, "gw");

	job = (struct job){ .job.done = job_done };
	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, name), &job.job);
	net_run(&net);
	return job;
}

static void bring_up(const char *of_left, const char *of_right)
{
	struct job job;

	left = net_host(&net, LEFT, NULL, conf(true, of_left));
	right = net_host(&net, RIGHT, NULL, conf(false, of_right));
	job = initiate(left, "net");
	EXPECT(job.done == 1 && job.ok);
}

#define GCM	"esp_proposals = aes128gcm16"

static const char *plain = GCM;	/* or additional_key_exchanges() */

#define PLAIN	plain
#define PFS	"esp_proposals = aes128gcm16-x25519"

/* The newest in this state, or NULL. */
static struct child_sa *child_in(const struct host *host, enum child_sa_state state)
{
	struct ike_sa *sa = host_established(host);
	struct child_sa *child, *found = NULL;

	for (child = sa ? sa->children : NULL; child; child = child->next)
		if (child->state == state)
			found = child;
	return found;
}

static unsigned int count(const struct host *host, enum child_sa_state state)
{
	struct ike_sa *sa = host_established(host);
	const struct child_sa *child;
	unsigned int n = 0;

	for (child = sa ? sa->children : NULL; child; child = child->next)
		n += child->state == state;
	return n;
}

static void rekey(struct host *host)
{
	struct child_sa *child = child_in(host, CHILD_INSTALLED);

	if (EXPECT(child))
		ike_manager_rekey_child(&host->manager, child->unique_id);
}

static const struct fake_state *state(const struct host *host, uint32_t spi)
{
	const struct fake_state *s;

	for (s = host->xfrm.states; s; s = s->next)
		if (s->spi == spi)
			return s;
	return NULL;
}

/* Which of two outbound ones XFRM takes. */
static bool is_better(const struct fake_state *a, const struct fake_state *b)
{
	return a->retired != b->retired ? b->retired : a->s.added_s > b->s.added_s;
}

/* Of the host's outbound ESP SAs the one that XFRM sends through is the peer's, too. */
static void expect_sends(const struct host *host, const struct host *peer)
{
	const struct fake_state *s, *best = NULL, *theirs;

	for (s = host->xfrm.states; s; s = s->next)
		if (!s->larval && !s->s.inbound && (!best || is_better(s, best)))
			best = s;
	REQUIRE(best);
	theirs = state(peer, best->spi);
	REQUIRE(theirs && !theirs->larval && theirs->s.inbound);
	EXPECT_HEX(best->encr_key, theirs->encr_key, sizeof(best->encr_key));
}

/* One IKE SA, one pair of Child SAs; nothing queued, and nothing else in XFRM. */
static void expect_one(void)
{
	struct host *const hosts[] = { left, right };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct ike_sa *sa = host_established(hosts[i]);

		REQUIRE(sa);
		EXPECT_EQ(host_ike_sas(hosts[i]), 1);
		EXPECT_EQ(count(hosts[i], CHILD_INSTALLED), 1);
		EXPECT(!sa->create && !sa->queue && sa->active.type == TASK_NONE);
		expect_sends(hosts[i], hosts[1 - i]);
		host_end_lingering(hosts[i]);
		REQUIRE(sa->children && !sa->children->next);
		EXPECT(!sa->children->rekeying);
		EXPECT_EQ(host_states(hosts[i]), 2);
		EXPECT_EQ(host_policies(hosts[i]), 3);
		expect_sends(hosts[i], hosts[1 - i]);
	}
	EXPECT_EQ(host_established(left)->children->spi_in,
		  host_established(right)->children->spi_out);
	EXPECT_EQ(host_established(left)->children->spi_out,
		  host_established(right)->children->spi_in);
}

static void second_child(void)
{
	struct job job;

	bring_up(PLAIN, PFS);
	job = initiate(left, "other");
	/* No key exchange, though the right one asks for one. */
	EXPECT(job.done == 1 && !job.ok);
	EXPECT_STR(job.reason, "received NO_PROPOSAL_CHOSEN (14) notify error");
	expect_one();
	net_clear(&net);

	bring_up(PFS, PFS);
	job = initiate(left, "other");
	EXPECT(job.done == 1 && job.ok);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(count(left, CHILD_INSTALLED), 2);
	EXPECT_EQ(count(right, CHILD_INSTALLED), 2);
	EXPECT_EQ(host_states(left), 4);
	EXPECT_EQ(host_policies(left), 6);
	EXPECT(child_in(left, CHILD_INSTALLED)->reqid !=
	       host_established(left)->children->reqid);
	expect_sends(left, right);
	/* It is there. */
	job = initiate(left, "other");
	EXPECT(job.done == 1 && job.ok);
	EXPECT_EQ(count(left, CHILD_INSTALLED), 2);
	net_clear(&net);
}

/* Two at once, while the handshake of the first is under way. */
static void second_child_at_once(void)
{
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(true, PLAIN));
	right = net_host(&net, RIGHT, NULL, conf(false, PLAIN));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), NULL);
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "other"), NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(count(left, CHILD_INSTALLED), 2);
	EXPECT_EQ(count(right, CHILD_INSTALLED), 2);
	net_clear(&net);
}

/* As long as the old one is there, who answers sends through it. */
static void order_of_sending(void)
{
	struct child_sa *old_left, *old_right;
	uint32_t old_right_out, old_left_out;

	bring_up(PFS, PFS);
	old_left = child_in(left, CHILD_INSTALLED);
	old_right = child_in(right, CHILD_INSTALLED);
	old_right_out = old_right->spi_out;
	old_left_out = old_left->spi_out;
	counters_reset_all();
	rekey(left);
	EXPECT_STR(child_sa_state_name(old_left), "REKEYING");
	net_run(&net);
	EXPECT_EQ(old_right->state, CHILD_DELETED);
	EXPECT_EQ(old_left->state, CHILD_DELETED);
	/* At either end, which are one process here. */
	EXPECT_EQ(counters_get(NULL)[COUNTER_CHILD_REKEY], 2);
	/* For what is still on its way, either way. */
	EXPECT(state(right, old_right_out) && state(right, old_right_out)->retired);
	EXPECT(state(left, old_left_out) && state(left, old_left_out)->retired);
	EXPECT(state(left, old_right_out) && state(left, old_right_out)->s.inbound);
	EXPECT(state(right, old_left_out) && state(right, old_left_out)->s.inbound);
	EXPECT(state(right, child_in(right, CHILD_INSTALLED)->spi_out)->s.added_s <
	       old_right->out_rank);
	EXPECT(state(left, child_in(left, CHILD_INSTALLED)->spi_out)->s.added_s >
	       old_left->out_rank);
	EXPECT_EQ(child_in(right, CHILD_INSTALLED)->reqid, old_right->reqid);
	expect_one();
	net_clear(&net);
}

/* Again and again, from either end, with and without a key exchange. */
static void many_times(void)
{
	const char *const settings[] = { PLAIN, PFS };
	unsigned int i;

	for (i = 0; i < 16; i++) {
		if (!(i % 8))
			bring_up(settings[i / 8], settings[i / 8]);
		rekey(i & 1 ? left : right);
		net_run(&net);
		expect_one();
		if (i % 8 == 7)
			net_clear(&net);
	}
}

static void other_group(void)
{
	bring_up("esp_proposals = aes128gcm16-x25519-ecp256", "esp_proposals = aes128gcm16-ecp256");
	rekey(left);
	net_run(&net);
	expect_one();
	EXPECT_EQ(proposal_id(host_established(left)->children->proposal, TRANSFORM_DH),
		  DH_ECP_256);
	net_clear(&net);
}

/* Neither end has what the other one asks for: the old one stays, for another try. */
static void refused(void)
{
	struct child_sa *child;

	bring_up(PFS, "esp_proposals = aes128gcm16-ecp256");
	child = child_in(left, CHILD_INSTALLED);
	rekey(left);
	net_run(&net);
	expect_one();
	EXPECT(child == child_in(left, CHILD_INSTALLED) && !child->rekeying);
	EXPECT(child->rekey_ms > loop_now_ms());
	EXPECT(loop_timer_armed(&child->timer));
	net_clear(&net);
}

/* The peer has as many Child SAs on its IKE SA as it takes. */
static void fill(struct host *host)
{
	struct ike_sa *sa = host_established(host);

	for (unsigned int i = 1; i < KERNEL_ESP_PAIRS_MAX; i++)
		if (!EXPECT(child_sa_new(sa, sa->children->conf, NULL)))
			break;
}

/*
 * NO_ADDITIONAL_SAS (RFC 7296 section 4): all is set up anew on another IKE SA, and not at
 * once; nothing more is asked for on this one, whose Child SA stays until then.
 */
static void no_additional(void)
{
	struct child_sa *child;
	struct ike_sa *sa;
	unsigned int sent;

	bring_up(PLAIN, PLAIN);
	fill(right);
	sa = host_established(left);
	child = child_in(left, CHILD_INSTALLED);
	rekey(left);
	net_run(&net);
	EXPECT(sa == host_established(left) && child == child_in(left, CHILD_INSTALLED));
	EXPECT_EQ(count(left, CHILD_INSTALLED), 1);
	EXPECT_EQ(host_states(left), 2);
	EXPECT(!child->rekeying && !child->rekey_ms && child->life_ms && !sa->rekey_ms);
	EXPECT(sa->reauth_ms >= loop_now_ms() + 4000 && sa->reauth_ms <= loop_now_ms() + 10000);
	sent = net.sent;
	net_run(&net);
	EXPECT_EQ(net.sent, sent);
	/* It is time. */
	sa->reauth_ms = loop_now_ms();
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT(host_established(left)->unique_id != 1);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	expect_one();
	net_clear(&net);
}

/* Another one is refused, whoever asks is told, and it is not asked for again. */
static void no_additional_new(void)
{
	unsigned int sent;
	struct job job;

	bring_up(PLAIN, PLAIN);
	fill(right);
	sent = net.sent;
	job = initiate(left, "other");
	EXPECT(job.done == 1 && !job.ok);
	EXPECT_STR(job.reason, "received NO_ADDITIONAL_SAS (35) notify error");
	EXPECT_EQ(net.sent, sent + 2);
	EXPECT_EQ(count(left, CHILD_INSTALLED), 1);
	EXPECT_EQ(count(left, CHILD_CREATED), 0);
	EXPECT_EQ(host_states(left), 2);
	EXPECT(!host_established(left)->reauth_ms);
	net_clear(&net);
}

/* RFC 7296 section 2.8.1, whoever has the lowest nonce. */
static void both_rekey(void)
{
	unsigned int i;

	for (i = 0; i < 24; i++) {
		bring_up(PLAIN, PLAIN);
		rekey(left);
		rekey(right);
		net_run(&net);
		expect_one();
		net_clear(&net);
	}
}

static enum fate lose_sixth(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index == 5 ? LOSE : PASS;
}

/* The section's other case: the right one's request comes when all else is over. */
static void one_is_late(void)
{
	bring_up(PLAIN, PLAIN);
	EXPECT_EQ(net.sent, 4);
	net.fate = lose_sixth;
	rekey(left);
	rekey(right);
	EXPECT_EQ(net.sent, 6);
	net_run(&net);
	net.fate = NULL;
	net_retransmit(&net);
	expect_one();
	net_clear(&net);
}

/* RFC 7296 section 2.25.1: rekeying crosses a DELETE. */
static void rekey_and_delete(void)
{
	bring_up(PLAIN, PLAIN);
	rekey(left);
	ike_manager_terminate_child(&right->manager, child_in(right, CHILD_INSTALLED)->unique_id,
				    NULL);
	net_run(&net);
	EXPECT(!host_established(left)->children && !host_established(right)->children);
	EXPECT_EQ(host_states(left) + host_states(right), 0);
	EXPECT_EQ(host_policies(left) + host_policies(right), 0);
	net_clear(&net);
}

/* It is terminated while its rekeying is under way: nothing of it is to be there. */
static void delete_while_rekeying(void)
{
	struct job job = { .job.done = job_done };

	bring_up(PLAIN, PLAIN);
	rekey(left);
	ike_manager_terminate_child(&left->manager, child_in(left, CHILD_INSTALLED)->unique_id,
				    &job.job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
	host_end_lingering(right);
	EXPECT(!host_established(left)->children && !host_established(right)->children);
	EXPECT_EQ(host_states(left) + host_states(right), 0);
	net_clear(&net);
}

/* The one that is being made is terminated. */
static void delete_while_creating(void)
{
	struct job job = { .job.done = job_done };
	struct conn *conn;

	bring_up(PLAIN, PLAIN);
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "other"), &job.job);
	ike_manager_terminate_child(&left->manager, child_in(left, CHILD_CREATED)->unique_id,
				    NULL);
	/* It has no SPI of the peer's yet, so that no DELETE can mean it. */
	EXPECT(!child_sa_by_spi_out(host_established(left), 0));
	net_run(&net);
	EXPECT(job.done == 1 && !job.ok);
	expect_one();
	net_clear(&net);
}

/* The right one has lost it: another one takes its place. */
static void not_found(void)
{
	bring_up(PLAIN, PLAIN);
	child_sa_destroy(child_in(right, CHILD_INSTALLED));
	rekey(left);
	net_run(&net);
	expect_one();
	net_clear(&net);
}

/* The left one does not have the answer yet that made it. Returns the right one's inbound SPI. */
static uint32_t answer_lost(void)
{
	const struct child_sa *made;

	bring_up(PLAIN, PLAIN);
	net.fate = lose_sixth;
	rekey(left);
	net_run(&net);
	made = child_in(right, CHILD_INSTALLED);
	rekey(right);
	net_run(&net);
	EXPECT_EQ(net.sent, 8);
	EXPECT(made && made == child_in(right, CHILD_INSTALLED) && !made->rekeying);
	EXPECT(made && made->rekey_ms > loop_now_ms());
	return made ? made->spi_in : 0;
}

/* Nothing is lost; but where the left one never has it, another one takes its place. */
static void not_found_yet(void)
{
	uint32_t spi = answer_lost();

	net.fate = NULL;
	net_retransmit(&net);
	expect_one();
	EXPECT_EQ(child_in(right, CHILD_INSTALLED)->spi_in, spi);
	net_clear(&net);

	spi = answer_lost();
	rekey(right);
	net_run(&net);
	EXPECT(child_in(right, CHILD_INSTALLED) && child_in(right, CHILD_INSTALLED)->spi_in != spi);
	net_clear(&net);
}

static void ike_goes(void)
{
	bring_up(PLAIN, PLAIN);
	rekey(left);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	EXPECT(!left->xfrm.states && !right->xfrm.states);
	net_clear(&net);
}

static void cannot_be_installed(void)
{
	bring_up(PLAIN, PLAIN);
	right->xfrm.fail_states = true;
	rekey(left);
	net_run(&net);
	expect_one();
	right->xfrm.fail_states = false;
	left->xfrm.fail_states = true;
	rekey(left);
	net_run(&net);
	/* The right one has taken it for replaced. */
	EXPECT_EQ(count(left, CHILD_INSTALLED), 1);
	expect_sends(left, right);
	expect_sends(right, left);
	left->xfrm.fail_states = false;
	rekey(left);
	net_run(&net);
	expect_one();
	net_clear(&net);
}

static enum fate forget_reservations(struct net *n, unsigned int index, bool raw)
{
	struct fake_state **link = &left->xfrm.states, *s;

	(void)n;
	(void)index;
	(void)raw;
	while ((s = *link)) {
		if (!s->larval) {
			link = &s->next;
			continue;
		}
		*link = s->next;
		free(s);
	}
	return PASS;
}

/* The kernel holds an SPI for 30 s, and an answer may take longer. */
static void late_answer(void)
{
	bring_up(PLAIN, PLAIN);
	net.fate = forget_reservations;
	rekey(left);
	net_run(&net);
	net.fate = NULL;
	expect_one();
	expect_sends(left, right);
	expect_sends(right, left);
	net_clear(&net);
}

static enum fate lose_from_sixth(struct net *n, unsigned int index, bool raw)
{
	(void)raw;
	(void)n;
	return index >= 5 ? LOSE : PASS;
}

static void lifetimes(void)
{
	struct child_sa *child;
	uint64_t now;

	bring_up(GCM "\nrekey_time = 100s\nlife_time = 3m\nrand_time = 20", GCM "\nrekey_time = 0");
	now = loop_now_ms();
	child = child_in(left, CHILD_INSTALLED);
	EXPECT(child->rekey_ms >= now + 79000 && child->rekey_ms <= now + 100000);
	EXPECT(child->life_ms >= now + 179000 && child->life_ms <= now + 180000);
	EXPECT(child->timer.deadline_ms == child->rekey_ms);
	/* The right one has none. */
	EXPECT(!child_in(right, CHILD_INSTALLED)->rekey_ms);
	EXPECT(!child_in(right, CHILD_INSTALLED)->life_ms);
	EXPECT(!loop_timer_armed(&child_in(right, CHILD_INSTALLED)->timer));

	child->timer.expired(&child->timer);
	EXPECT(child->timer.deadline_ms == child->life_ms);
	net_run(&net);
	expect_one();

	child = child_in(left, CHILD_INSTALLED);
	child->life_ms = loop_now_ms();
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT(!host_established(left)->children && !host_established(right)->children);
	net_clear(&net);

	/* It is over while it is rekeyed, by either end: what comes of that goes before. */
	bring_up(PLAIN, PLAIN);
	net.fate = lose_from_sixth;
	rekey(left);
	net_run(&net);
	child = child_in(left, CHILD_INSTALLED);
	child->life_ms = loop_now_ms();
	child->timer.expired(&child->timer);
	EXPECT_EQ(child->state, CHILD_INSTALLED);
	child = child_in(right, CHILD_REKEYED);
	REQUIRE(child);
	EXPECT(!child->rekey_ms && child->life_ms > loop_now_ms() + 60000);
	EXPECT(child->timer.deadline_ms == child->life_ms);
	net.fate = NULL;
	net_retransmit(&net);
	expect_one();
	net_clear(&net);

	/* As strongSwan has them where they are not set. */
	bring_up(PLAIN, PLAIN);
	now = loop_now_ms();
	child = child_in(left, CHILD_INSTALLED);
	EXPECT(child->rekey_ms >= now + 3239000 && child->rekey_ms <= now + 3600000);
	EXPECT(child->life_ms >= now + 3959000 && child->life_ms <= now + 3960000);
	net_clear(&net);
}

static void expect_limits(const struct fake_state *s, uint64_t bytes, uint64_t rand_bytes,
			  uint64_t life_bytes)
{
	EXPECT(s->s.limits.soft_bytes <= bytes && s->s.limits.soft_bytes >= bytes - rand_bytes);
	EXPECT_EQ(s->s.limits.hard_bytes, life_bytes);
}

/* However much rand is, what is left is anything up to rekey. */
static void rand_above_rekey(void)
{
	const struct lifetime l = { .rekey = 1000, .rand = 100000 };
	unsigned int i, low = 0, high = 0;

	for (i = 0; i < 1000; i++) {
		uint64_t soft = lifetime_soft(&l);

		EXPECT(soft >= 1 && soft <= 1000);
		low += soft <= 500;
		high += soft > 500;
	}
	EXPECT(low > 300 && high > 300);
	EXPECT_EQ(lifetime_soft(&(struct lifetime){ .rekey = 1, .rand = 1 }), 1);
	EXPECT_EQ(lifetime_soft(&(struct lifetime){ .rand = 1 }), 0);
}

/* What ends by how much was carried. */
static void reach(struct host *host, uint32_t spi, const struct endpoint *dst, bool hard)
{
	struct fake_state *s = host->xfrm.states;

	while (s && s->spi != spi)
		s = s->next;
	REQUIRE(s);
	s->usage.soft = true;
	if (hard)
		xfrm_state_del(&host->xfrm, dst, spi, (struct xfrm_mark){ 0 });
	ike_manager_limit(&host->manager, dst, spi);
}

static void limits(void)
{
	const struct fake_state *s;
	struct child_sa *child;
	uint32_t spi_out;

	bring_up(GCM "\nrekey_bytes = 10m\nlife_packets = 500",
		 GCM "\nrekey_bytes = 1000\nrand_bytes = 100\nlife_bytes = 1500");
	for (s = left->xfrm.states; s; s = s->next) {
		expect_limits(s, 10 << 20, 1 << 20, (10 << 20) + (1 << 20));
		EXPECT_EQ(s->s.limits.soft_packets, 0);
		EXPECT_EQ(s->s.limits.hard_packets, 500);
	}
	for (s = right->xfrm.states; s; s = s->next) {
		expect_limits(s, 1000, 100, 1500);
		EXPECT_EQ(s->s.limits.soft_packets + s->s.limits.hard_packets, 0);
	}

	/* Nobody's, and at another address. */
	child = child_in(left, CHILD_INSTALLED);
	spi_out = child->spi_out;
	ike_manager_limit(&left->manager, &child->remote, spi_out + 1);
	ike_manager_limit(&left->manager, &child->local, spi_out);
	/* What was said of it before. */
	ike_manager_limit(&left->manager, &child->remote, spi_out);
	EXPECT(!child->rekeying);
	/* Who answers goes on with the old one, which must not be passed over for its limits. */
	net.fate = lose_from_sixth;
	reach(left, spi_out, &child->remote, false);
	EXPECT(child->rekeying);
	/* Once. */
	reach(left, child->spi_in, &child->local, false);
	net_run(&net);
	child = child_in(right, CHILD_REKEYED);
	REQUIRE(child);
	for (s = right->xfrm.states; s && s->spi != child->spi_out;)
		s = s->next;
	REQUIRE(s);
	EXPECT(s->lifted);
	/* What is replaced is not rekeyed. */
	reach(right, child->spi_in, &child->local, false);
	EXPECT(!child->rekeying);
	net.fate = NULL;
	net_retransmit(&net);
	expect_one();
	EXPECT(child_in(left, CHILD_INSTALLED)->spi_out != spi_out);

	/* All: it ends, but not while it is rekeyed. */
	child = child_in(right, CHILD_INSTALLED);
	reach(right, child->spi_in, &child->local, false);
	reach(right, child->spi_in, &child->local, true);
	child->timer.expired(&child->timer);
	EXPECT_EQ(child->state, CHILD_INSTALLED);
	net_run(&net);
	expect_one();
	child = child_in(right, CHILD_INSTALLED);
	spi_out = child->spi_out;
	reach(right, spi_out, &child->remote, true);
	child->timer.expired(&child->timer);
	net_run(&net);
	expect_one();
	EXPECT(child_in(right, CHILD_INSTALLED)->spi_out != spi_out);
	net_clear(&net);
}

/* What was said of them while there was nobody to hear it. */
static void limits_looked_at(void)
{
	struct child_sa *child;

	bring_up(GCM "\nrekey_packets = 100", PLAIN);
	child = child_in(left, CHILD_INSTALLED);
	ike_manager_look_at_limits(&left->manager);
	EXPECT(child->timer.deadline_ms > loop_now_ms());
	left->xfrm.states->usage.soft = true;
	ike_manager_look_at_limits(&left->manager);
	EXPECT(child->timer.deadline_ms <= loop_now_ms());
	child->timer.expired(&child->timer);
	net_run(&net);
	expect_one();

	child = child_in(left, CHILD_INSTALLED);
	xfrm_state_del(&left->xfrm, &child->remote, child->spi_out, (struct xfrm_mark){ 0 });
	ike_manager_look_at_limits(&left->manager);
	EXPECT(child->spent && child->timer.deadline_ms <= loop_now_ms());
	child->timer.expired(&child->timer);
	net_run(&net);
	expect_one();
	net_clear(&net);
}

static void used(struct host *host, const struct child_sa *child, bool inbound, int64_t ago_s)
{
	struct fake_state *s = host->xfrm.states;

	while (s && s->spi != (inbound ? child->spi_in : child->spi_out))
		s = s->next;
	REQUIRE(s);
	s->usage.use_s = ago_s;
}

static void inactivity(void)
{
	struct child_sa *child;
	uint64_t now;

	bring_up(GCM "\ninactivity = 1m", PLAIN);
	now = loop_now_ms();
	child = child_in(left, CHILD_INSTALLED);
	EXPECT(child->idle_ms >= now + 59000 && child->idle_ms <= now + 60000);
	EXPECT(child->timer.deadline_ms == child->idle_ms);
	EXPECT(!child_in(right, CHILD_INSTALLED)->idle_ms);

	/* It was used meanwhile: from then on, in whichever way. */
	child->used_ms -= 100000;
	child->idle_ms = now;
	used(left, child, true, 10);
	used(left, child, false, 70);
	child->timer.expired(&child->timer);
	EXPECT(child->idle_ms >= now + 49000 && child->idle_ms <= now + 51000);
	EXPECT(child->timer.deadline_ms == child->idle_ms);
	/* A rekeying uses nothing. */
	rekey(left);
	net_run(&net);
	expect_one();
	child = child_in(left, CHILD_INSTALLED);
	EXPECT(child->idle_ms >= now + 49000 && child->idle_ms <= now + 51000);

	child->used_ms -= 100000;
	child->idle_ms = now;
	used(left, child, false, 61);
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT(!host_established(left)->children && !host_established(right)->children);
	net_clear(&net);
}

static void carry(struct host *host, const struct child_sa *child, uint64_t packets)
{
	used(host, child, true, -1);
	for (struct fake_state *s = host->xfrm.states; s; s = s->next)
		if (s->spi == child->spi_in)
			s->usage.packets += packets;
}

/* Where the kernel does not say when a packet was carried it is asked how many were. */
static void inactivity_unsaid(void)
{
	struct child_sa *child;
	uint64_t now;

	bring_up(GCM "\ninactivity = 1m", PLAIN);
	now = loop_now_ms();
	child = child_in(left, CHILD_INSTALLED);
	carry(left, child, 3);
	child->used_ms = now - 60000;
	child->idle_ms = now;
	child->timer.expired(&child->timer);
	/* Just now, for all that is known. It is looked at again before that is too long ago. */
	EXPECT(child->used_ms >= now && child->idle_ms <= now + 8500);
	EXPECT(child->timer.deadline_ms == child->idle_ms);

	child->used_ms = now - 30000;
	child->idle_ms = now;
	child->timer.expired(&child->timer);
	EXPECT(child->used_ms == now - 30000 && child->idle_ms <= now + 8500);

	child->used_ms = now - 60000;
	child->idle_ms = now;
	child->timer.expired(&child->timer);
	net_run(&net);
	EXPECT(!host_established(left)->children && !host_established(right)->children);
	net_clear(&net);
}

/* What the right one answers to a request that the left one did not think of. */
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

static void offer(struct payload_writer *w, uint8_t protocol, uint8_t spi_len)
{
	const struct proposal p = {
		.protocol = protocol,
		.n = 1,
		.transforms = { { TRANSFORM_ENCR, ENCR_AES_GCM_16, 128 } },
	};

	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, &p, 1, (const uint8_t *)"12345678", spi_len);
	payload_close(w);
}

static void requests_refused(void)
{
	const uint8_t wrong_spi[4] = { 1, 2, 3, 4 };
	static const uint8_t ts[] = { 1, 0, 0, 0, 7, 0, 0, 16, 0, 0, 255, 255, 10, 9, 0, 0,
				      10, 9, 0, 255 };
	struct payload_writer w;

	bring_up(PLAIN, PLAIN);
	payload_begin(&w, 0);
	payload_add(&w, PAYLOAD_NONCE, "0123456789abcdef0123456789abcdef", 32);
	EXPECT_EQ(answer_to(&w),
		  INVALID_SYNTAX);
	offer(&w, PROTO_IKE, 8);
	EXPECT_EQ(answer_to(&w),
		  INVALID_SYNTAX);
	buf_clear(&w.buf);

	payload_begin(&w, 0);
	payload_add(&w, PAYLOAD_NONCE, "0123456789abcdef0123456789abcdef", 32);
	offer(&w, PROTO_ESP, 4);
	EXPECT_EQ(answer_to(&w),
		  INVALID_SYNTAX);
	payload_add(&w, PAYLOAD_TSI, ts, sizeof(ts));
	payload_add(&w, PAYLOAD_TSR, ts, sizeof(ts));
	EXPECT_EQ(answer_to(&w),
		  TS_UNACCEPTABLE);
	payload_add_notify(&w, PROTO_ESP, wrong_spi, 4, REKEY_SA, NULL, 0);
	EXPECT_EQ(answer_to(&w),
		  CHILD_SA_NOT_FOUND);
	expect_one();
	buf_clear(&w.buf);
	net_clear(&net);
}

/* RFC 9370: the same with two of them, after that of CREATE_CHILD_SA. */
static void additional_key_exchanges(void)
{
	plain = GCM "-x25519-ke1_ecp256-ke3_ecp384";
	second_child();
	second_child_at_once();
	many_times();
	both_rekey();
	rekey_and_delete();
	delete_while_rekeying();
	delete_while_creating();
	not_found();
	ike_goes();
	cannot_be_installed();
	plain = GCM;
}

static const struct ktap_test tests[] = {
	{ "a second Child SA", second_child },
	{ "a second Child SA during the handshake", second_child_at_once },
	{ "who sends through which when", order_of_sending },
	{ "rekeying many times", many_times },
	{ "INVALID_KE_PAYLOAD", other_group },
	{ "refused", refused },
	{ "NO_ADDITIONAL_SAS", no_additional },
	{ "NO_ADDITIONAL_SAS, a new one", no_additional_new },
	{ "both rekey", both_rekey },
	{ "both rekey, one is late", one_is_late },
	{ "one rekeys, the other deletes", rekey_and_delete },
	{ "deleted while it is rekeyed", delete_while_rekeying },
	{ "deleted while it is made", delete_while_creating },
	{ "CHILD_SA_NOT_FOUND", not_found },
	{ "CHILD_SA_NOT_FOUND, but not for long", not_found_yet },
	{ "the IKE SA goes", ike_goes },
	{ "what cannot be installed", cannot_be_installed },
	{ "an answer after the SPI's reservation", late_answer },
	{ "lifetimes", lifetimes },
	{ "inactivity", inactivity },
	{ "inactivity, by how much was carried", inactivity_unsaid },
	{ "rand above rekey", rand_above_rekey },
	{ "limits", limits },
	{ "limits are looked at", limits_looked_at },
	{ "requests refused", requests_refused },
	{ "additional key exchanges", additional_key_exchanges },
};

KTAP_MAIN(tests)
