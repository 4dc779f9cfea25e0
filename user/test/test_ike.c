// SPDX-License-Identifier: GPL-2.0
/* Two daemons' cores against each other, over a network in memory. */
#include <stdio.h>
#include <stdlib.h>

#include <linux/xfrm.h>

#include "config.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

struct setup {
	const char *ike, *esp;
	const char *local_ts, *remote_ts;
	const char *secret;
	const char *id;		/* of the one whose configuration it is */
	const char *peer;
	bool encap;
	const char *fragmentation;	/* NULL: yes */
	const char *dscp;		/* NULL: none */
};

static struct setup left_setup(void)
{
	return (struct setup){ "aes128gcm16-prfsha256-x25519", "aes128gcm16",
			       "10.1.0.0/24", "10.2.0.0/24", "the shared secret",
			       "left.example", "right.example", false, NULL, NULL };
}

static struct setup right_setup(void)
{
	return (struct setup){ "aes128gcm16-prfsha256-x25519", "aes128gcm16",
			       "10.2.0.0/24", "10.1.0.0/24", "the shared secret",
			       "right.example", "left.example", false, NULL, NULL };
}

static const char *conf(const struct setup *s, const char *local, const char *remote)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    version = 2\n    local_addrs = %s\n"
		 "    remote_addrs = %s\n    proposals = %s\n    encap = %s\n"
		 "    fragmentation = %s\n    dscp = %s\n"
		 "    local {\n      auth = psk\n      id = %s\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s\n    }\n"
		 "    children {\n      net {\n        local_ts = %s\n"
		 "        remote_ts = %s\n        esp_proposals = %s\n      }\n    }\n"
		 "  }\n}\n"
		 "secrets {\n  ike-a {\n    id-1 = %s\n    id-2 = %s\n"
		 "    secret = \"%s\"\n  }\n}\n",
		 local, remote, s->ike, s->encap ? "yes" : "no",
		 s->fragmentation ?: "yes", s->dscp ?: "000000", s->id, s->peer,
		 s->local_ts, s->remote_ts, s->esp, s->id, s->peer, s->secret);
	return text;
}

static struct job new_job(void)
{
	return (struct job){ .job.done = job_done };
}

static struct net net;
static struct host *left, *right;

static void hosts(const struct setup *l, const struct setup *r)
{
	left = net_host(&net, LEFT, NULL, conf(l, LEFT, RIGHT));
	right = net_host(&net, RIGHT, NULL, conf(r, RIGHT, LEFT));
}

static void initiate(struct host *host, struct job *job)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, "net"),
			     job ? &job->job : NULL);
}

/* Each host's outbound ESP SA is the other's inbound one, keys and all. */
static void expect_same_states(void)
{
	const struct fake_state *a, *b;
	unsigned int pairs = 0;

	for (a = left->xfrm.states; a; a = a->next) {
		for (b = right->xfrm.states; b; b = b->next) {
			if (a->spi != b->spi || a->larval || b->larval)
				continue;
			pairs++;
			EXPECT(a->s.inbound != b->s.inbound);
			EXPECT_EQ(a->encr.id, b->encr.id);
			EXPECT_EQ(a->encr.key_bits, b->encr.key_bits);
			EXPECT_EQ(a->s.integ, b->s.integ);
			EXPECT_EQ(a->s.esn, b->s.esn);
			EXPECT_EQ(a->s.encap, b->s.encap);
			EXPECT_HEX(a->encr_key, b->encr_key, sizeof(a->encr_key));
			EXPECT_HEX(a->integ_key, b->integ_key, sizeof(a->integ_key));
		}
	}
	EXPECT_EQ(pairs, host_states(left));
}

/* One IKE SA with one Child SA at each end, of the same mind. */
static void expect_up(void)
{
	host_end_lingering(left);
	host_end_lingering(right);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT_EQ(host_kernel_sas(left), 1);
	EXPECT_EQ(host_kernel_sas(right), 1);
	REQUIRE(host_established(left) && host_established(right));
	EXPECT(!host_established(left)->handshake);
	EXPECT(!host_established(right)->handshake);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_EQ(host_states(right), 2);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(host_policies(right), 3);
	expect_same_states();
}

static void expect_nothing(struct host *host)
{
	EXPECT_EQ(host_ike_sas(host), 0);
	EXPECT_EQ(host_kernel_sas(host), 0);
	EXPECT(!host->xfrm.states);
	EXPECT(!host->xfrm.policies);
}

static void bring_up(const struct setup *l, const struct setup *r)
{
	struct job job = new_job();

	hosts(l, r);
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(job.done, 1);
	if (!EXPECT(job.ok))
		ktap_fail(__FILE__, __LINE__, "%s: %s", l->ike, job.reason);
}

static void bring_up_default(void)
{
	struct setup l = left_setup(), r = right_setup();

	bring_up(&l, &r);
}

static void establishes(void)
{
	bring_up_default();
	expect_up();
	net_clear(&net);
}

static void every_algorithm(void)
{
	static const char *const ike[] = {
		"aes128gcm16-prfsha256-x25519", "aes256gcm16-prfsha384-ecp384",
		"chacha20poly1305-prfsha512-curve25519", "aes128-sha256-modp2048",
		"aes256-sha384-ecp256", "aes256-sha512-ecp521",
		"aes128gcm16-sha256-modp3072", "aes256-sha256-prfsha512-modp4096",
		"default",
	};
	static const char *const esp[] = {
		"aes128gcm16", "aes256gcm16-esn", "chacha20poly1305", "aes128-sha256",
		"aes256-sha384-esn", "aes256-sha512", "aes128gcm16-x25519",
		"aes128gcm16-esn-noesn", "default",
	};
	struct setup l = left_setup(), r = right_setup();
	size_t i;

	for (i = 0; i < sizeof(ike) / sizeof(*ike); i++) {
		l.ike = r.ike = ike[i];
		l.esp = r.esp = esp[i];
		bring_up(&l, &r);
		expect_up();
		net_clear(&net);
	}
}

static void nat(void)
{
	struct setup l = left_setup(), r = right_setup();
	const struct ike_sa *sa;
	const struct fake_state *s;

	left = net_host(&net, "10.9.9.9", "203.0.113.1", conf(&l, "10.9.9.9", RIGHT));
	right = net_host(&net, RIGHT, NULL, conf(&r, RIGHT, "%any"));
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	sa = host_established(left);
	REQUIRE(sa);
	EXPECT(sa->nat_local && !sa->nat_remote);
	EXPECT_EQ(sa->local.port, 4500);
	EXPECT_EQ(sa->remote.port, 4500);
	sa = host_established(right);
	REQUIRE(sa);
	EXPECT(!sa->nat_local && sa->nat_remote);
	EXPECT_EQ(sa->local.port, 4500);
	EXPECT_EQ(sa->remote.port, 14500);
	for (s = right->xfrm.states; s; s = s->next) {
		EXPECT(s->s.encap);
		EXPECT_EQ(s->s.inbound ? s->src.port : s->dst.port, 14500);
		EXPECT_EQ(s->s.inbound ? s->dst.port : s->src.port, 4500);
	}
	net_clear(&net);
}

static void encap_forced(void)
{
	struct setup l = left_setup(), r = right_setup();
	int i;

	for (i = 0; i < 2; i++) {
		l.encap = i == 0;
		r.encap = i == 1;
		bring_up(&l, &r);
		expect_up();
		EXPECT(left->xfrm.states && left->xfrm.states->s.encap);
		REQUIRE(host_established(left));
		EXPECT_EQ(host_established(left)->remote.port, 4500);
		net_clear(&net);
	}
}

static enum fate random_fate(struct net *n, unsigned int index, bool raw)
{
	(void)index;
	(void)raw;
	n->seed = n->seed * 1103515245 + 12345;
	switch (n->seed >> 16 & 7) {
	case 0:
	case 1:
	case 2:
		return LOSE;
	case 3:
		return DUPLICATE;
	default:
		return PASS;
	}
}

/* RFC 7383 section 2.3: only where both have announced it. */
static void fragmentation(void)
{
	static const struct {
		const char *left, *right;
		bool negotiated;
		uint32_t left_size, right_size;
	} cases[] = {
		{ "yes", "yes", true, 576, 576 },
		{ "yes", "accept", true, 576, 0 },
		{ "accept", "yes", true, 0, 576 },
		{ "force", "yes", true, 576, 576 },
		{ "no", "yes", false, 0, 0 },
		{ "yes", "no", false, 0, 0 },
		{ "no", "no", false, 0, 0 },
	};
	struct setup l = left_setup(), r = right_setup();
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		l.fragmentation = cases[i].left;
		r.fragmentation = cases[i].right;
		bring_up(&l, &r);
		EXPECT_EQ(left->fragments, cases[i].negotiated);
		EXPECT_EQ(right->fragments, cases[i].negotiated);
		EXPECT_EQ(left->fragment_size, cases[i].left_size);
		EXPECT_EQ(right->fragment_size, cases[i].right_size);
		net_clear(&net);
	}
}

/* charon.fragment_size; and what IPv6 is sure of. */
static void fragment_size(void)
{
	struct setup l = left_setup(), r = right_setup();
	char text[4096 + 64];

	snprintf(text, sizeof(text), "charon {\n  fragment_size = 1400\n}\n%s",
		 conf(&l, LEFT, RIGHT));
	left = net_host(&net, LEFT, NULL, text);
	right = net_host(&net, RIGHT, NULL, conf(&r, RIGHT, LEFT));
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	EXPECT_EQ(left->fragment_size, 1400);
	EXPECT_EQ(right->fragment_size, 576);
	net_clear(&net);

	left = net_host(&net, "2001:db8::1", NULL, conf(&l, "2001:db8::1", "2001:db9::1"));
	right = net_host(&net, "2001:db9::1", NULL, conf(&r, "2001:db9::1", "2001:db8::1"));
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	EXPECT_EQ(left->fragment_size, 1280);
	EXPECT_EQ(right->fragment_size, 1280);
	net_clear(&net);
}

/* RFC 7296 section 3.10.1: 4 octets, in IKE_AUTH; what is not that is ignored. */
static void window_size(void)
{
	static const struct {
		uint8_t data[5];
		size_t len;
		uint32_t window;	/* that the other end is told of, 0: none */
	} cases[] = {
		{ { 0, 0, 0, 2 }, 4, 2 },
		{ { 0, 0, 1, 0 }, 4, 256 },
		{ { 0xff, 0xff, 0xff, 0xff }, 4, 0xffffffff },
		{ { 0, 0, 0, 1 }, 4, 0 },
		{ { 0, 0, 0, 0 }, 4, 0 },
		{ { 0, 0, 2 }, 3, 0 },
		{ { 0, 0, 0, 2, 0 }, 5, 0 },
		{ { 0 }, 0, 0 },
	};
	struct setup l = left_setup(), r = right_setup();
	unsigned int i, side;

	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (side = 0; side < 2; side++) {
			struct buf notify = BUF_INIT;

			REQUIRE(!buf_set(&notify, cases[i].data, cases[i].len));
			left = net_host(&net, LEFT, NULL, conf(&l, LEFT, RIGHT));
			right = net_host(&net, RIGHT, NULL, conf(&r, RIGHT, LEFT));
			(side ? left : right)->window_notify = &notify;
			initiate(left, NULL);
			net_run(&net);
			expect_up();
			EXPECT_EQ((side ? right : left)->window, cases[i].window);
			EXPECT_EQ((side ? left : right)->window, 0);
			net_clear(&net);
			buf_clear(&notify);
		}
	}
	/* None is announced. */
	bring_up(&l, &r);
	EXPECT_EQ(left->window, 0);
	EXPECT_EQ(right->window, 0);
	net_clear(&net);
}

static void loss_and_duplication(void)
{
	struct setup l = left_setup(), r = right_setup();
	unsigned int seed, tries;

	for (seed = 1; seed <= 60; seed++) {
		hosts(&l, &r);
		net.fate = random_fate;
		net.seed = seed;
		initiate(left, NULL);
		net_run(&net);
		for (tries = 0; tries < 100 && !host_established(left); tries++)
			net_retransmit(&net);
		expect_up();
		net_clear(&net);
	}
}

/* All that the host has sent, and that it has sent anything. */
static void expect_marked(const struct host *host, uint8_t dscp)
{
	for (uint8_t i = 0; i < 64; i++)
		EXPECT_EQ(host->marked[i] > 0, i == dscp);
}

/* Each end's its own, from the first datagram to the last, refusals and copies among them. */
static void dscp(void)
{
	struct setup l = left_setup(), r = right_setup();
	unsigned int tries;

	l.ike = "aes128gcm16-prfsha256-ecp384-x25519-modp2048";
	r.ike = "aes128gcm16-prfsha256-modp2048";
	l.dscp = "101110";
	r.dscp = "001010";
	hosts(&l, &r);
	net.fate = random_fate;
	net.seed = 7;
	initiate(left, NULL);
	net_run(&net);
	for (tries = 0; tries < 100 && !host_established(left); tries++)
		net_retransmit(&net);
	net.fate = NULL;
	expect_up();
	ike_manager_rekey_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
	host_end_lingering(right);
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	expect_nothing(right);
	expect_marked(left, 46);
	expect_marked(right, 10);
	net_clear(&net);

	r.ike = "aes256gcm16-prfsha256-modp2048";
	hosts(&l, &r);
	initiate(left, NULL);
	net_run(&net);
	expect_nothing(right);
	expect_marked(right, 10);
	net_clear(&net);
}

/* Who the peer is is known in IKE_AUTH alone. */
static void dscp_of_another(void)
{
	static const char first[] =
		"connections {\n  first {\n    local_addrs = " RIGHT "\n    remote_addrs = " LEFT
		"\n    dscp = 001010\n    proposals = aes128gcm16-prfsha256-x25519\n"
		"    local {\n      auth = psk\n    }\n"
		"    remote {\n      auth = psk\n      id = nobody.example\n    }\n  }\n}\n";
	struct setup l = left_setup(), r = right_setup();
	char text[4096 + sizeof(first)];

	/* From the answer of IKE_AUTH on it has none. */
	snprintf(text, sizeof(text), "%s%s", first, conf(&r, RIGHT, LEFT));
	left = net_host(&net, LEFT, NULL, conf(&l, LEFT, RIGHT));
	right = net_host(&net, RIGHT, NULL, text);
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	EXPECT_EQ(right->marked[10], 1);
	EXPECT_EQ(right->marked[0], 1);
	net_clear(&net);

	r.dscp = "101110";
	snprintf(text, sizeof(text), "%s%s", first, conf(&r, RIGHT, LEFT));
	left = net_host(&net, LEFT, NULL, conf(&l, LEFT, RIGHT));
	right = net_host(&net, RIGHT, NULL, text);
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	EXPECT_EQ(right->marked[10], 1);
	EXPECT_EQ(right->marked[46], 1);
	EXPECT_EQ(right->marked[0], 0);
	expect_marked(left, 0);
	net_clear(&net);
}

static void wrong_secret(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	r.secret = "another secret";
	hosts(&l, &r);
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(job.done, 1);
	EXPECT(!job.ok);
	EXPECT_STR(job.reason, "received AUTHENTICATION_FAILED (24) notify error");
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

static void unknown_identity(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	r.peer = "somebody.else";
	hosts(&l, &r);
	initiate(left, &job);
	net_run(&net);
	EXPECT_STR(job.reason, "received AUTHENTICATION_FAILED (24) notify error");
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

/* The initiator asks for any; the responder has the same secret, another name. */
static void responder_with_another_identity(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	l.peer = "*.example.org";
	hosts(&l, &r);
	initiate(left, &job);
	net_run(&net);
	EXPECT(!job.ok);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

/* An unauthenticated error does not end the attempt; giving up does. */
static void no_ike_proposal(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	r.ike = "aes256gcm16-prfsha256-x25519";
	hosts(&l, &r);
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(job.done, 0);
	EXPECT_EQ(host_ike_sas(left), 1);
	expect_nothing(right);
	net_retransmit(&net);
	EXPECT_EQ(job.done, 0);
	net_give_up(&net);
	EXPECT_EQ(job.done, 1);
	EXPECT_STR(job.reason, "received NO_PROPOSAL_CHOSEN (14) notify error");
	expect_nothing(left);
	net_clear(&net);
}

static void refused_child(const struct setup *l, const struct setup *r,
			  const char *reason)
{
	struct job job = new_job();

	hosts(l, r);
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(job.done, 1);
	EXPECT_STR(job.reason, reason);
	EXPECT(host_established(left));
	EXPECT(host_established(right));
	EXPECT(!left->xfrm.states && !left->xfrm.policies);
	EXPECT(!right->xfrm.states && !right->xfrm.policies);
	net_clear(&net);
}

static void childless_after_refusal(void)
{
	struct setup l = left_setup(), r = right_setup();

	r.esp = "aes256gcm16";
	refused_child(&l, &r, "received NO_PROPOSAL_CHOSEN (14) notify error");
	r = right_setup();
	r.local_ts = "10.3.0.0/24";
	refused_child(&l, &r, "received TS_UNACCEPTABLE (38) notify error");
}

/* The responder made it, the initiator cannot: it is deleted at both ends. */
static void child_that_cannot_be_installed(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	hosts(&l, &r);
	left->xfrm.fail_states = true;
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(job.done, 1);
	EXPECT(!job.ok);
	EXPECT(host_established(left) && host_established(right));
	EXPECT(!left->xfrm.states && !left->xfrm.policies);
	EXPECT(!right->xfrm.states && !right->xfrm.policies);
	net_clear(&net);
}

static void narrowing(void)
{
	struct setup l = left_setup(), r = right_setup();
	const struct child_sa *child;
	char text[TS_STRLEN];

	l.local_ts = "10.1.0.0/16[tcp]";
	l.remote_ts = "10.2.0.0/16[tcp/80]";
	r.local_ts = "10.2.7.0/24";
	r.remote_ts = "10.0.0.0/8";
	bring_up(&l, &r);
	REQUIRE(host_established(left) && host_established(right));
	child = host_established(left)->children;
	REQUIRE(child);
	EXPECT_STR(ts_str(&child->local_ts->v[0], text), "10.1.0.0/16[tcp]");
	EXPECT_STR(ts_str(&child->remote_ts->v[0], text), "10.2.7.0/24[tcp/80]");
	child = host_established(right)->children;
	REQUIRE(child);
	EXPECT_STR(ts_str(&child->local_ts->v[0], text), "10.2.7.0/24[tcp/80]");
	EXPECT_STR(ts_str(&child->remote_ts->v[0], text), "10.1.0.0/16[tcp]");
	net_clear(&net);
}

static void invalid_ke(void)
{
	struct setup l = left_setup(), r = right_setup();

	l.ike = "aes128gcm16-prfsha256-ecp384-x25519-modp2048";
	r.ike = "aes128gcm16-prfsha256-modp2048";
	bring_up(&l, &r);
	expect_up();
	EXPECT_EQ(proposal_id(host_established(left)->proposal, TRANSFORM_DH),
		  DH_MODP_2048);
	net_clear(&net);
}

/* Raw messages on their way: of requests the shortest, of answers the longest. */
static size_t shortest, longest;
static unsigned int answers;

static void measure(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	if (octets[18] != IKE_SA_INIT)
		return;
	if (octets[19] & IKE_FLAG_RESPONSE) {
		answers++;
		longest = len > longest ? len : longest;
	}
}

/* What one IKE_SA_INIT request from nobody makes of the responder. */
static void expect_answers(const struct payload_writer *w, unsigned int count)
{
	struct endpoint src = left->addr, dst = right->addr;
	struct buf *octets = (struct buf *)&w->buf;

	src.port = 500;
	dst.port = 500;
	ike_header_write(octets->data, &(struct ike_header) {
		.spi_i = 0x4711,
		.next_payload = w->first,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_FLAG_INITIATOR,
		.length = octets->len,
	});
	answers = 0;
	longest = 0;
	shortest = octets->len;
	net_inject(&net, &src, &dst, octets->data, octets->len);
	net_run(&net);
	EXPECT_EQ(answers, count);
	if (longest > shortest)
		ktap_fail(__FILE__, __LINE__, "%zu octets answered with %zu", shortest, longest);
}

/* A first request that is as short as it can be, for each group and PRF. */
static void never_longer(void)
{
	static const struct {
		const char *ike;
		uint16_t group;
		size_t nonce;
		unsigned int answers;
	} cases[] = {
		{ "aes128gcm16-prfsha256-x25519", DH_CURVE25519, 16, 1 },
		{ "aes128gcm16-prfsha384-x25519", DH_CURVE25519, 24, 1 },
		{ "aes128gcm16-prfsha512-x25519", DH_CURVE25519, 32, 1 },
		{ "aes256-sha512-ecp256", DH_ECP_256, 33, 1 },
		{ "aes256-sha256-modp2048", DH_MODP_2048, 256, 1 },
		/* Too short a nonce for the PRF: refused. */
		{ "aes128gcm16-prfsha512-x25519", DH_CURVE25519, 31, 1 },
	};
	struct setup l = left_setup(), r = right_setup();
	struct payload_writer w;
	uint8_t nonce[256] = { 1 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct proposal *offer;
		uint8_t public[DH_PUBLIC_MAX];
		struct dh *dh = dh_new(cases[i].group);

		l.ike = cases[i].ike;
		r.ike = cases[i].ike;
		hosts(&l, &r);
		net.tamper = measure;
		offer = &config_find_conn(left->config, "gw")->proposals.v[0];
		REQUIRE(dh && !dh_public(dh, public));
		payload_begin(&w, IKE_HEADER_LEN);
		payload_open(&w, PAYLOAD_SA);
		proposal_write(&w.buf, offer, 1, NULL, 0);
		payload_close(&w);
		payload_open(&w, PAYLOAD_KE);
		buf_put16(&w.buf, cases[i].group);
		buf_put16(&w.buf, 0);
		buf_put(&w.buf, public, dh_public_len(cases[i].group));
		payload_close(&w);
		payload_add(&w, PAYLOAD_NONCE, nonce, cases[i].nonce);
		expect_answers(&w, cases[i].answers);
		EXPECT_EQ(host_ike_sas(right), i + 1 < sizeof(cases) / sizeof(*cases));
		buf_clear(&w.buf);
		dh_free(dh);
		net_clear(&net);
	}
}

/* Refusals: no answer where it would be longer. */
static void refusals_never_longer(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct payload_writer w;

	hosts(&l, &r);
	net.tamper = measure;
	payload_begin(&w, IKE_HEADER_LEN);
	expect_answers(&w, 0);		/* 28 octets; INVALID_SYNTAX takes 36 */
	payload_add(&w, PAYLOAD_NONCE, "", 0);
	expect_answers(&w, 0);		/* 32 */
	buf_clear(&w.buf);
	payload_begin(&w, IKE_HEADER_LEN);
	payload_add(&w, PAYLOAD_NONCE, "nonc", 4);
	expect_answers(&w, 1);		/* 36 */
	buf_clear(&w.buf);
	EXPECT_EQ(host_ike_sas(right), 0);
	net_clear(&net);
}

/* A reply to the initiator's raw request with one Notify, from where it should be. */
static void inject_notify(uint16_t type, const void *data, size_t len)
{
	const struct ike_sa *sa = left->manager.sas;
	struct endpoint src = right->addr, dst = left->addr;
	struct payload_writer w;

	src.port = 500;
	dst.port = 500;
	payload_begin(&w, IKE_HEADER_LEN);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, type, data, len);
	ike_header_write(w.buf.data, &(struct ike_header) {
		.spi_i = sa->spi_i,
		.next_payload = w.first,
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_FLAG_RESPONSE,
		.length = w.buf.len,
	});
	net_inject(&net, &src, &dst, w.buf.data, w.buf.len);
	buf_clear(&w.buf);
}

static enum fate lose_raw_requests(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	return raw ? LOSE : PASS;
}

/* The request and a COOKIE pass each other: of two answers the first is not to the last. */
static void cookie_too_late(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();
	uint32_t id;

	hosts(&l, &r);
	initiate(left, &job);
	REQUIRE(left->manager.sas);
	id = left->manager.sas->unique_id;
	inject_notify(COOKIE, "a cookie", 8);
	net_run(&net);
	loop_turn(left->loop, 0);
	EXPECT_EQ(job.done, 1);
	EXPECT(job.ok);
	/* The other answer's, which nobody goes on with. */
	net_expire(&net);
	expect_up();
	EXPECT(job.job.ike_id != id && job.job.ike_id == host_established(left)->unique_id);
	net_clear(&net);
}

/* What is tried again came up by the peer's own attempt meanwhile. */
static void up_by_the_other_end(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();
	struct ike_sa *sa;

	hosts(&l, &r);
	net.fate = lose_raw_requests;
	initiate(left, &job);
	net_run(&net);
	net.fate = NULL;
	sa = left->manager.sas;
	initiate(right, NULL);
	net_run(&net);
	REQUIRE(sa && host_established(left));
	EXPECT_EQ(job.done, 0);
	ike_manager_try_again(sa, "received AUTHENTICATION_FAILED (24) notify error");
	net_run(&net);
	loop_turn(left->loop, 0);
	EXPECT_EQ(job.done, 1);
	EXPECT(job.ok);
	EXPECT_EQ(host_ike_sas(left), 1);
	ike_manager_forget(&left->manager, &job.job);
	net_clear(&net);
}

static unsigned int raw_messages;

/* The first request of each of two attempts. */
static enum fate lose_first_requests(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	if (!raw)
		return PASS;
	raw_messages++;
	return raw_messages == 1 || raw_messages == 4 ? LOSE : PASS;
}

/* It is tried once more, and not for ever. */
static void cookie_and_wrong_secret(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job job = new_job();

	r.secret = "another";
	hosts(&l, &r);
	raw_messages = 0;
	net.fate = lose_first_requests;
	initiate(left, &job);
	net_run(&net);
	EXPECT_EQ(raw_messages, 1);
	inject_notify(COOKIE, "a cookie", 8);
	net_run(&net);
	EXPECT_EQ(raw_messages, 4);
	REQUIRE(left->manager.sas && !left->manager.sas->next);
	inject_notify(COOKIE, "a cookie", 8);
	net_run(&net);
	EXPECT_EQ(raw_messages, 6);
	loop_turn(left->loop, 0);
	EXPECT_EQ(job.done, 1);
	EXPECT(!job.ok);
	EXPECT_STR(job.reason, "received AUTHENTICATION_FAILED (24) notify error");
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_ike_sas(right), 0);
	net_clear(&net);
}

static void cookie(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct buf first = BUF_INIT;
	const struct buf *now;
	unsigned int i;
	char data[8];

	hosts(&l, &r);
	net.fate = lose_raw_requests;
	initiate(left, NULL);
	net_run(&net);
	REQUIRE(left->manager.sas);
	buf_set(&first, left->manager.sas->handshake->request.data,
		left->manager.sas->handshake->request.len);
	inject_notify(COOKIE, "a cookie", 8);
	net_run(&net);
	REQUIRE(left->manager.sas);
	now = &left->manager.sas->handshake->request;
	/* N(COOKIE) comes first, and the rest is the same: RFC 7296 section 2.6. */
	REQUIRE(now->len == first.len + 8 + 8);
	EXPECT_EQ(now->data[16], PAYLOAD_NOTIFY);
	EXPECT_EQ(get16(now->data + IKE_HEADER_LEN + 6), COOKIE);
	EXPECT_HEX(now->data + IKE_HEADER_LEN + 8, "a cookie", 8);
	EXPECT_HEX(now->data + IKE_HEADER_LEN + 16, first.data + IKE_HEADER_LEN,
		   first.len - IKE_HEADER_LEN);

	/* There is a bound to it, and the attempt goes on all the same. */
	for (i = 0; i < 20; i++) {
		snprintf(data, sizeof(data), "c%u", i);
		inject_notify(COOKIE, data, sizeof(data));
		net_run(&net);
	}
	EXPECT(net.sent < 10);
	inject_notify(COOKIE, data, 0);
	inject_notify(INVALID_KE_PAYLOAD, "\0\016", 2);
	inject_notify(INVALID_SYNTAX, NULL, 0);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	net.fate = NULL;
	net_retransmit(&net);
	expect_up();
	buf_clear(&first);
	net_clear(&net);
}

static void delete_ike(void)
{
	struct host *host;
	struct job job;
	int i;

	for (i = 0; i < 2; i++) {
		bring_up_default();
		host = i ? left : right;
		REQUIRE(host_established(host));
		job = new_job();
		ike_manager_terminate_ike(&host->manager,
					  host_established(host)->unique_id, false,
					  &job.job);
		EXPECT_EQ(job.done, 0);
		net_run(&net);
		EXPECT(job.done == 1 && job.ok);
		expect_nothing(left);
		expect_nothing(right);
		net_clear(&net);
	}
}

static void delete_ike_by_both(void)
{
	bring_up_default();
	REQUIRE(host_established(left) && host_established(right));
	ike_manager_terminate_ike(&left->manager, left->manager.sas->unique_id, false,
				  NULL);
	ike_manager_terminate_ike(&right->manager, right->manager.sas->unique_id, false,
				  NULL);
	net_run(&net);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

static void delete_with_lost_answer(void)
{
	struct job job = new_job();

	bring_up_default();
	net.fate = lose_raw_requests;
	REQUIRE(host_established(left));
	ike_manager_terminate_ike(&left->manager, left->manager.sas->unique_id, false,
				  &job.job);
	net_give_up(&net);
	EXPECT(job.done == 1 && job.ok);
	expect_nothing(left);
	net_clear(&net);
}

static void delete_child(void)
{
	struct job job = new_job();

	bring_up_default();
	REQUIRE(host_established(left) && host_established(left)->children);
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, &job.job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
	EXPECT(host_established(left) && host_established(right));
	EXPECT(!left->xfrm.states && !left->xfrm.policies);
	EXPECT(!right->xfrm.states && !right->xfrm.policies);
	net_clear(&net);
}

/* On the IKE SA that has no Child SA left. */
static void initiate_again_after_delete_child(void)
{
	struct job job = new_job();

	bring_up_default();
	initiate(left, &job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
	expect_up();
	REQUIRE(host_established(left) && host_established(left)->children);
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, NULL);
	net_run(&net);
	job = new_job();
	initiate(left, &job);
	net_run(&net);
	EXPECT(job.done == 1 && job.ok);
	expect_up();
	net_clear(&net);
}

static void delete_child_by_both(void)
{
	bring_up_default();
	REQUIRE(host_established(left) && host_established(right));
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, NULL);
	ike_manager_terminate_child(&right->manager,
				    host_established(right)->children->unique_id, NULL);
	net_run(&net);
	EXPECT(host_established(left) && host_established(right));
	EXPECT(!left->xfrm.states && !right->xfrm.states);
	/* Both are ready for the next request. */
	EXPECT_EQ(host_established(left)->active.type, TASK_NONE);
	EXPECT_EQ(host_established(right)->active.type, TASK_NONE);
	net_clear(&net);
}

static void terminate_while_connecting(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct job up = new_job(), down = new_job();

	hosts(&l, &r);
	net.fate = lose_raw_requests;
	initiate(left, &up);
	ike_manager_terminate_ike(&left->manager, left->manager.sas->unique_id, false,
				  &down.job);
	net_run(&net);
	EXPECT(up.done == 1 && !up.ok);
	EXPECT(down.done == 1 && down.ok);
	expect_nothing(left);
	net_clear(&net);
}

/* The peer lost its memory and comes back: one Child SA at each end. */
static void peer_comes_back(void)
{
	bring_up_default();
	net.fate = NULL;
	REQUIRE(host_established(left));
	while (left->manager.sas)
		ike_sa_destroy(left->manager.sas, "forgotten");
	expect_nothing(left);
	EXPECT_EQ(host_states(right), 2);
	initiate(left, NULL);
	net_run(&net);
	expect_up();
	net_clear(&net);
}

/* Unless it is the same configuration that asks, an IKE SA more is no replacement. */
static void both_initiate(void)
{
	struct setup l = left_setup(), r = right_setup();
	struct ike_sa *sa;

	hosts(&l, &r);
	initiate(left, NULL);
	initiate(right, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 2);
	EXPECT_EQ(host_ike_sas(right), 2);
	EXPECT_EQ(host_states(left), 4);
	EXPECT_EQ(host_states(right), 4);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(host_policies(right), 3);
	expect_same_states();
	/* The selectors are the same, and so is the reqid, which the policy has once. */
	sa = left->manager.sas;
	EXPECT_EQ(sa->children->reqid, sa->next->children->reqid);
	sa = right->manager.sas;
	EXPECT_EQ(sa->children->reqid, sa->next->children->reqid);

	/* The policies outlive the first of the two, in the name of the other. */
	sa = left->manager.sas;
	ike_manager_terminate_ike(&left->manager, sa->unique_id, false, NULL);
	net_run(&net);
	expect_up();
	net_clear(&net);
}

static void half_open_expires(void)
{
	struct setup l = left_setup(), r = right_setup();

	hosts(&l, &r);
	initiate(left, NULL);
	while (left->manager.sas) {
		ike_sa_destroy(left->manager.sas, "gone before IKE_AUTH");
	}
	net_run(&net);
	EXPECT_EQ(host_ike_sas(right), 1);
	net_expire(&net);
	expect_nothing(right);
	net_clear(&net);
}

static bool stop_done;

static void on_stopped(struct ike_manager *m)
{
	(void)m;
	stop_done = true;
}

static void stopping(void)
{
	bring_up_default();
	stop_done = false;
	ike_manager_stop(&left->manager, 5000, on_stopped);
	EXPECT(!stop_done);
	net_run(&net);
	loop_turn(left->loop, 100);
	EXPECT(stop_done);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

/* What the right one answers to a request that the left one did not think of. */
static uint16_t answer_to(uint8_t exchange, uint8_t first, const void *data, size_t len,
			  struct buf *notify_data)
{
	const struct buf *response;
	struct payload_chain chain;
	struct notify n;
	uint8_t type;

	if (host_send_request(left, left->manager.sas, exchange, first, data, len))
		return 0;
	net_run(&net);
	response = host_last_response(left, &type);
	if (payload_parse(&chain, type, response->data, response->len))
		return 0;
	if (!notify_error(&n, &chain))
		return 0;
	if (notify_data)
		buf_set(notify_data, n.data, n.len);
	return n.type;
}

static void unknown_critical_payload(void)
{
	static const uint8_t critical[] = { 0, 0x80, 0, 8, 1, 2, 3, 4 };
	static const uint8_t other[] = { 0, 0, 0, 8, 1, 2, 3, 4 };
	struct buf data = BUF_INIT;

	bring_up_default();
	REQUIRE(host_established(left));
	EXPECT_EQ(answer_to(INFORMATIONAL, 200, critical, sizeof(critical), &data),
		  UNSUPPORTED_CRITICAL_PAYLOAD);
	REQUIRE(data.len == 1);
	EXPECT_EQ(data.data[0], 200);
	EXPECT_EQ(answer_to(INFORMATIONAL, 200, other, sizeof(other), NULL), 0);
	expect_up();
	buf_clear(&data);
	net_clear(&net);
}

static void malformed_request(void)
{
	static const uint8_t longer[] = { 0, 0, 0, 9, 1, 2, 3, 4 };

	bring_up_default();
	REQUIRE(host_established(left));
	EXPECT_EQ(answer_to(INFORMATIONAL, PAYLOAD_NOTIFY, longer, sizeof(longer), NULL),
		  INVALID_SYNTAX);
	expect_nothing(right);
	net_clear(&net);
}

static void notifies_in_informational(void)
{
	struct payload_writer w;

	bring_up_default();
	REQUIRE(host_established(left));
	payload_begin(&w, 0);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, 40000, "status", 6);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, 8000, "error", 5);
	EXPECT_EQ(answer_to(INFORMATIONAL, w.first, w.buf.data, w.buf.len, NULL), 0);
	expect_up();
	buf_clear(&w.buf);
	net_clear(&net);
}

/* The IKE_SA_INIT request's payloads, each octet wrong in turn: an answer or none. */
static unsigned int tamper_at;
static size_t tamper_len;

static void tamper_one(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	if (octets[18] != IKE_SA_INIT || octets[19] & IKE_FLAG_RESPONSE)
		return;
	tamper_len = len;
	octets[tamper_at] ^= 0x81;
}

static void tampered_init(void)
{
	struct setup l = left_setup(), r = right_setup();

	hosts(&l, &r);
	tamper_len = SIZE_MAX;
	for (tamper_at = IKE_HEADER_LEN; tamper_at < tamper_len; tamper_at++) {
		net.tamper = tamper_one;
		initiate(left, NULL);
		net_run(&net);
		/* A message that was changed on its way cannot authenticate. */
		EXPECT(!host_established(left) && !host_established(right));
		net.tamper = NULL;
		net_give_up(&net);
		net_expire(&net);
		expect_nothing(left);
		expect_nothing(right);
	}
	EXPECT(tamper_at > 150);
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "establishes", establishes },
	{ "every algorithm", every_algorithm },
	{ "NAT: both move to 4500, ESP in UDP", nat },
	{ "encap = yes, on either side", encap_forced },
	{ "fragmentation, announced and taken", fragmentation },
	{ "fragment sizes", fragment_size },
	{ "SET_WINDOW_SIZE, honoured", window_size },
	{ "loss and duplication", loss_and_duplication },
	{ "dscp", dscp },
	{ "dscp, of another connection than it seemed", dscp_of_another },
	{ "an answer is never longer than its request", never_longer },
	{ "nor is a refusal", refusals_never_longer },
	{ "wrong secret", wrong_secret },
	{ "unknown identity", unknown_identity },
	{ "responder with another identity", responder_with_another_identity },
	{ "NO_PROPOSAL_CHOSEN does not end the attempt", no_ike_proposal },
	{ "refused Child SA leaves the IKE SA", childless_after_refusal },
	{ "Child SA that cannot be installed is deleted", child_that_cannot_be_installed },
	{ "narrowing", narrowing },
	{ "INVALID_KE_PAYLOAD", invalid_ke },
	{ "COOKIE, and a bound to it", cookie },
	{ "an answer to the request without the COOKIE", cookie_too_late },
	{ "tried again, and up by the other end", up_by_the_other_end },
	{ "a wrong secret, with a COOKIE", cookie_and_wrong_secret },
	{ "delete IKE SA", delete_ike },
	{ "delete IKE SA, both at once", delete_ike_by_both },
	{ "delete IKE SA, no answer", delete_with_lost_answer },
	{ "delete Child SA", delete_child },
	{ "initiate again, up and after delete", initiate_again_after_delete_child },
	{ "delete Child SA, both at once", delete_child_by_both },
	{ "terminate while connecting", terminate_while_connecting },
	{ "peer comes back: INITIAL_CONTACT", peer_comes_back },
	{ "both initiate", both_initiate },
	{ "half-open SA expires", half_open_expires },
	{ "stopping deletes all", stopping },
	{ "unknown critical payload", unknown_critical_payload },
	{ "malformed request", malformed_request },
	{ "notifies in INFORMATIONAL", notifies_in_informational },
	{ "IKE_SA_INIT changed on its way", tampered_init },
};

KTAP_MAIN(tests)
