// SPDX-License-Identifier: GPL-2.0
/*
 * IKE_FOLLOWUP_KE, the responder's side of it: what waits for the peer's next key exchange, and
 * what becomes of it when that does not come, or is not what it should be.
 */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "followup.h"
#include "ktap.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

#define KES "-x25519-ke1_ecp256-ke2_ecp384"

static struct net net;
static struct host *left, *right;
static unsigned int pass;	/* of what is sent: so many messages, and no more */

static const char *conf(bool of_left)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha256" KES "\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16" KES "\n close_action = start\n }\n"
		 "      more {\n local_ts = 10.%d.1.0/24\n remote_ts = 10.%d.1.0/24\n"
		 " esp_proposals = aes128gcm16" KES "\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, of_left ? "left" : "right",
		 of_left ? "right" : "left", of_left ? 1 : 2, of_left ? 2 : 1,
		 of_left ? 1 : 2, of_left ? 2 : 1);
	return text;
}

static enum fate lose_the_rest(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return pass ? pass--, PASS : LOSE;
}

static void bring_up(void)
{
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(true));
	right = net_host(&net, RIGHT, NULL, conf(false));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), NULL);
	net_run(&net);
	REQUIRE(host_established(left) && host_established(right));
}

static unsigned int waiting(void)
{
	const struct ike_sa *sa = host_established(right);
	const struct followup *f;
	unsigned int n = 0;

	for (f = sa->followups; f; f = f->next)
		n++;
	return n;
}

static void rekey_child(void)
{
	ike_manager_rekey_child(&left->manager,
				host_established(left)->children->unique_id);
	net_run(&net);
}

static void rekey_ike(void)
{
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
}

/* The one Child SA that there was, or one in its place, at both ends. */
static void expect_one(void)
{
	const struct ike_sa *l, *r;

	host_end_lingering(left);
	host_end_lingering(right);
	l = host_established(left);
	r = host_established(right);
	REQUIRE(l && r && l->children && r->children);
	EXPECT(!l->children->next && !r->children->next);
	EXPECT_EQ(l->children->spi_in, r->children->spi_out);
	EXPECT_EQ(l->children->spi_out, r->children->spi_in);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_EQ(host_states(right), 2);
	EXPECT(!r->followups);
}

/* The peer does not go on: after a minute nothing waits, and later it is told so. */
static void too_late(void (*rekey)(void))
{
	struct followup *f;

	bring_up();
	/* CREATE_CHILD_SA and its answer, and one exchange more. */
	pass = 4;
	net.fate = lose_the_rest;
	rekey();
	f = host_established(right)->followups;
	REQUIRE(f);
	EXPECT_EQ(waiting(), 1);
	EXPECT(loop_timer_armed(&f->timer));
	f->timer.expired(&f->timer);
	EXPECT_EQ(waiting(), 0);
	net.fate = NULL;
	net_retransmit(&net);
	expect_one();
	/* And once more. */
	rekey();
	expect_one();
	net_clear(&net);
}

static void child_too_late(void)
{
	too_late(rekey_child);
}

static void ike_too_late(void)
{
	too_late(rekey_ike);
}

/* What it would take the place of goes meanwhile, or all of it. */
static void overtaken(void)
{
	bring_up();
	pass = 2;
	net.fate = lose_the_rest;
	rekey_child();
	EXPECT_EQ(waiting(), 1);
	child_sa_destroy(host_established(right)->children);
	EXPECT_EQ(waiting(), 0);
	EXPECT(!host_established(right)->children);
	net_clear(&net);

	bring_up();
	pass = 2;
	net.fate = lose_the_rest;
	rekey_ike();
	EXPECT_EQ(waiting(), 1);
	ike_sa_destroy(host_established(right), "the test");
	net_clear(&net);
}

/* The notify that a request or a response begins with. */
static uint16_t answer_to(uint8_t exchange, const struct payload_writer *w)
{
	const struct ike_sa *sa = host_established(left);
	struct payload_chain chain;
	const struct buf *response;
	struct notify n;
	uint8_t first;

	host_send_request(left, sa, exchange, w->first, w->buf.data, w->buf.len);
	net_run(&net);
	response = host_last_response(left, &first);
	if (payload_parse(&chain, first, response->data, response->len) ||
	    !notify_error(&n, &chain))
		return 0;
	return n.type;
}

/* Requests that are wrong. */
static void refused(void)
{
	static const uint8_t ke[4 + 64] = { DH_ECP_256 >> 8, DH_ECP_256 };
	struct payload_writer w;

	bring_up();
	payload_begin(&w, 0);
	payload_add(&w, PAYLOAD_KE, ke, sizeof(ke));
	EXPECT_EQ(answer_to(IKE_FOLLOWUP_KE, &w), STATE_NOT_FOUND);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, ADDITIONAL_KEY_EXCHANGE, "nonsense", 8);
	EXPECT_EQ(answer_to(IKE_FOLLOWUP_KE, &w), STATE_NOT_FOUND);
	buf_clear(&w.buf);
	expect_one();
	net_clear(&net);
}

static void make_another(void)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "more"), NULL);
	net_run(&net);
}

static unsigned int kept;	/* ALERT_KEEP_ON_CHILD_SA_FAILURE, to the right one */

static void count_kept(enum control_alert alert, const struct ike_sa *sa)
{
	(void)sa;
	kept += alert == ALERT_KEEP_ON_CHILD_SA_FAILURE;
}

/* With a link that is right: without a key exchange, with another one's, with an invalid value. */
static void answer_wrong(void (*begin)(void), unsigned int alerts)
{
	static const struct {
		uint16_t group;	/* 0: no payload */
		size_t len;
	} wrong[] = { { 0, 0 }, { DH_ECP_384, 96 }, { DH_ECP_256, 63 }, { DH_ECP_256, 64 } };
	const uint8_t zero[96] = { 0 };
	const struct followup *f;
	struct payload_writer w;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		bring_up();
		right->manager.alert = count_kept;
		kept = 0;
		pass = 2;
		net.fate = lose_the_rest;
		begin();
		f = host_established(right)->followups;
		REQUIRE(f);
		/* The left one's own request is given up, and this one is sent in its place. */
		net.fate = NULL;
		payload_begin(&w, 0);
		if (wrong[i].group) {
			payload_open(&w, PAYLOAD_KE);
			buf_put16(&w.buf, wrong[i].group);
			buf_put16(&w.buf, 0);
			buf_put(&w.buf, zero, wrong[i].len);
			payload_close(&w);
		}
		payload_add_notify(&w, PROTO_NONE, NULL, 0, ADDITIONAL_KEY_EXCHANGE, f->agreement.link.data,
				   f->agreement.link.len);
		host_forget_request(left, host_established(left));
		EXPECT_EQ(answer_to(IKE_FOLLOWUP_KE, &w), INVALID_SYNTAX);
		EXPECT_EQ(kept, alerts);
		EXPECT_EQ(waiting(), 0);
		EXPECT(!host_established(right)->children->next);
		buf_clear(&w.buf);
		net_clear(&net);
	}
}

static void wrong_key_exchange(void)
{
	answer_wrong(rekey_child, 0);
	answer_wrong(make_another, 1);
}

/* The peer deletes what it has half agreed to replace: close_action is for that, too. */
static void closed(void)
{
	struct payload_writer w;
	uint32_t spi;

	bring_up();
	pass = 2;
	net.fate = lose_the_rest;
	rekey_child();
	EXPECT_EQ(waiting(), 1);
	host_forget_request(left, host_established(left));
	net.fate = NULL;
	spi = host_established(left)->children->spi_in;
	payload_begin(&w, 0);
	payload_open(&w, PAYLOAD_DELETE);
	buf_put8(&w.buf, PROTO_ESP);
	buf_put8(&w.buf, 4);
	buf_put16(&w.buf, 1);
	buf_put32(&w.buf, spi);
	payload_close(&w);
	/* What it is started by waits for an idle moment of the loop. */
	EXPECT_EQ(answer_to(INFORMATIONAL, &w), 0);
	EXPECT_EQ(waiting(), 0);
	REQUIRE(host_established(right));
	EXPECT(ike_sa_has_task(host_established(right), TASK_CREATE_CHILD, 0,
			       conn_find_child(host_established(right)->conn, "net")) ||
	       host_established(right)->children);
	buf_clear(&w.buf);
	net_clear(&net);
}

/* What one end has in use the other one has, too, and has no other in mind. */
static void expect_same(void)
{
	const struct child_sa *child;
	struct ike_sa *l = host_established(left), *r = host_established(right);

	REQUIRE(l && r && l->children);
	for (child = l->children; child; child = child->next) {
		const struct child_sa *other = child_sa_by_spi_out(r, child->spi_in);

		if (child->state != CHILD_INSTALLED)
			continue;
		REQUIRE(other);
		EXPECT_EQ(other->state, CHILD_INSTALLED);
		EXPECT(!other->replaced);
	}
}

/* It dies after each operation, and the peer is told that nothing came of it. */
static void dies(void)
{
	bool died = true;

	for (unsigned int op = 1; died; op++) {
		bring_up();
		right->ops = op;
		rekey_child();
		died = right->dead;
		right->ops = 0;
		if (died) {
			host_die(right);
			host_start(right, conf(false));
		}
		net_retransmit(&net);
		net_retransmit(&net);
		expect_same();
		net_clear(&net);
	}
}

static const struct ktap_test tests[] = {
	{ "the peer does not go on, Child SA", child_too_late },
	{ "the peer does not go on, IKE SA", ike_too_late },
	{ "overtaken", overtaken },
	{ "refused", refused },
	{ "wrong key exchanges", wrong_key_exchange },
	{ "close_action", closed },
	{ "dies after each operation", dies },
};

KTAP_MAIN(tests)
