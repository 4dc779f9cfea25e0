// SPDX-License-Identifier: GPL-2.0
/* A daemon dies, at any moment, and another one carries on: two daemons' cores. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <linux/xfrm.h>
#include <openssl/sha.h>

#include "config.h"
#include "followup.h"
#include "control.h"
#include "ike_reauth.h"
#include "ktap.h"
#include "libnet.h"
#include "resume.h"
#include "start.h"
#include "stash.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;
static unsigned int lost;	/* Child SAs that did not come to be */

/* RFC 9370: what both ends have besides. */
static const char *more_ike = "", *more_esp = "";

/* Another child, of both ends. */
static bool has_further;

static const char *further_child(bool of_left)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "      further {\n        local_ts = 10.%d.1.0/24\n"
		 "        remote_ts = 10.%d.1.0/24\n        esp_proposals = aes128gcm16%s\n"
		 "      }\n", of_left ? 1 : 2, of_left ? 2 : 1, more_esp);
	return has_further ? text : "";
}

/* The configuration of one end, with its connection and child called so. */
static const char *conf(bool of_left, const char *conn, const char *child)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections {\n  %s {\n    version = 2\n    local_addrs = %s\n"
		 "    remote_addrs = %s\n    proposals = aes128gcm16-prfsha256-x25519%s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      %s {\n        local_ts = %s\n"
		 "        remote_ts = %s\n        esp_proposals = aes128gcm16%s\n      }\n%s    }\n"
		 "  }\n}\n"
		 "secrets {\n  ike-a {\n    id-1 = left.example\n    id-2 = right.example\n"
		 "    secret = \"the shared secret\"\n  }\n}\n",
		 conn, of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, more_ike,
		 of_left ? "left" : "right", of_left ? "right" : "left", child,
		 of_left ? "10.1.0.0/24" : "10.2.0.0/24",
		 of_left ? "10.2.0.0/24" : "10.1.0.0/24", more_esp, further_child(of_left));
	return text;
}

static const char *same(const struct host *host)
{
	return conf(host == left, "gw", "net");
}

static void hosts(void)
{
	left = net_host(&net, LEFT, NULL, conf(true, "gw", "net"));
	right = net_host(&net, RIGHT, NULL, conf(false, "gw", "net"));
}

static void initiate_child(struct host *host, const char *name)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, name), NULL);
}

static void initiate(struct host *host)
{
	initiate_child(host, "net");
}

static void bring_up(void)
{
	hosts();
	initiate(left);
	net_run(&net);
}

static bool has_state(const struct host *host, uint32_t spi, bool inbound)
{
	const struct fake_state *s;

	for (s = host->xfrm.states; s; s = s->next)
		if (!s->larval && s->spi == spi && s->s.inbound == inbound)
			return true;
	return false;
}

/* One IKE SA with one Child SA at each end, of the same mind, and nothing else. */
static void expect_up(void)
{
	const struct ike_sa *l, *r;

	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT_EQ(host_kernel_sas(left), 1);
	EXPECT_EQ(host_kernel_sas(right), 1);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_EQ(host_states(right), 2);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(host_policies(right), 3);
	l = host_established(left);
	r = host_established(right);
	REQUIRE(l && r && l->children && r->children);
	EXPECT_EQ(l->spi_i, r->spi_i);
	EXPECT_EQ(l->spi_r, r->spi_r);
	EXPECT_EQ(l->children->spi_in, r->children->spi_out);
	EXPECT_EQ(l->children->spi_out, r->children->spi_in);
	EXPECT(has_state(left, l->children->spi_in, true));
	EXPECT(has_state(left, l->children->spi_out, false));
	EXPECT(has_state(right, r->children->spi_in, true));
	EXPECT(has_state(right, r->children->spi_out, false));
	EXPECT_EQ(l->active.type, TASK_NONE);
	EXPECT(!l->queue);
}

static void expect_nothing(const struct host *host)
{
	EXPECT_EQ(host_ike_sas(host), 0);
	EXPECT_EQ(host_kernel_sas(host), 0);
	EXPECT_EQ(host_states(host), 0);
	EXPECT_EQ(host_policies(host), 0);
}

static struct resume_summary restart(struct host *host)
{
	host_die(host);
	return host_start(host, same(host));
}

/* The peer is elsewhere when the next daemon comes: so are IKE SA, ESP SAs and policies. */
static void moved_meanwhile(void)
{
	const struct fake_state *state;
	struct endpoint there;
	unsigned int i;

	bring_up();
	REQUIRE(!endpoint_parse(&there, "192.0.2.9", 1024));
	for (i = 0; i < 2; i++) {
		const struct ike_sa *sa;

		host_die(right);
		there.addr[3] += i;
		host_peer_moves(right, &there);
		EXPECT_EQ(host_start(right, same(right)).resumed, 1);
		sa = host_established(right);
		REQUIRE(sa && sa->children);
		EXPECT(endpoint_equal(&sa->remote, &there));
		EXPECT(endpoint_equal(&sa->children->remote, &there));
		EXPECT_EQ(host_states(right), 2);
		EXPECT_EQ(host_policies(right), 3);
		for (state = right->xfrm.states; state; state = state->next)
			EXPECT(endpoint_same_addr(state->s.inbound ? &state->src : &state->dst,
						  &there));
	}
	net_clear(&net);
}

/* It dies of the move, after each operation in turn. */
static void dies_of_a_move(void)
{
	const struct fake_policy *policy;
	const struct fake_state *state;
	struct endpoint there;
	struct ike_sa *sa;
	unsigned int after;
	bool died = true;

	EXPECT(!endpoint_parse(&there, "192.0.2.9", 1024));
	for (after = 1; died; after++) {
		bring_up();
		sa = host_established(right);
		REQUIRE(sa);
		kernel_sa_move(right->kernel, ike_sa_spi_local(sa), &sa->local, &there);
		right->ops = after;
		ike_sa_moved(sa, &sa->local, &there);
		died = right->dead;
		right->ops = 0;
		if (died)
			EXPECT_EQ(restart(right).resumed, 1);
		EXPECT_EQ(host_states(right), 2);
		EXPECT_EQ(host_policies(right), 3);
		for (state = right->xfrm.states; state; state = state->next)
			EXPECT(endpoint_same_addr(state->s.inbound ? &state->src : &state->dst,
						  &there));
		for (policy = right->xfrm.policies; policy; policy = policy->next)
			EXPECT(endpoint_same_addr(policy->p.dir == XFRM_POLICY_OUT ?
						  &policy->p.dst : &policy->p.src, &there));
		right->restarted = true;
		net_clear(&net);
	}
	EXPECT(after > 5);
}

/* Everything that can be seen of an IKE SA stays as it was. */
static void carries_on(void)
{
	char id[ID_STRLEN], ts[TS_STRLEN], text[256];
	struct host *both[2];

	bring_up();
	both[0] = left;
	both[1] = right;
	for (unsigned int i = 0; i < 2; i++) {
		struct host *host = both[i];
		const struct ike_sa *sa = host_established(host);
		const struct child_sa *child;
		uint32_t unique_id, child_id, reqid, spi_in, spi_out;
		struct resume_summary summary;
		uint8_t sk_d[PRF_MAX];
		uint64_t established;

		REQUIRE(sa && sa->children);
		unique_id = sa->unique_id;
		established = sa->established_ms;
		memcpy(sk_d, sa->sk_d, sizeof(sk_d));
		child_id = sa->children->unique_id;
		reqid = sa->children->reqid;
		spi_in = sa->children->spi_in;
		spi_out = sa->children->spi_out;
		summary = restart(host);
		EXPECT_EQ(summary.resumed, 1);
		EXPECT_EQ(summary.refused + summary.half_open, 0);
		sa = host_established(host);
		REQUIRE(sa && sa->children);
		child = sa->children;
		EXPECT_EQ(sa->unique_id, unique_id);
		EXPECT_EQ(sa->initiator, host == left);
		EXPECT_EQ(sa->established_ms, established);
		EXPECT_HEX(sa->sk_d, sk_d, sizeof(sk_d));
		EXPECT(sa->conn == config_find_conn(host->config, "gw"));
		EXPECT_STR(sa->log.name, "gw");
		EXPECT_STR(ike_id_str(&sa->local_id, id),
			   host == left ? "left.example" : "right.example");
		EXPECT_STR(ike_id_str(&sa->remote_id, id),
			   host == left ? "right.example" : "left.example");
		EXPECT_STR(proposal_str(sa->proposal, text, sizeof(text)),
			   "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519");
		EXPECT(!child->next);
		EXPECT(child->conf == conn_find_child(sa->conn, "net"));
		EXPECT_EQ(child->state, CHILD_INSTALLED);
		EXPECT_EQ(child->unique_id, child_id);
		EXPECT_EQ(child->reqid, reqid);
		EXPECT_EQ(child->spi_in, spi_in);
		EXPECT_EQ(child->spi_out, spi_out);
		EXPECT_STR(ts_str(&child->local_ts->v[0], ts),
			   host == left ? "10.1.0.0/24" : "10.2.0.0/24");
		EXPECT_STR(ts_str(&child->remote_ts->v[0], ts),
			   host == left ? "10.2.0.0/24" : "10.1.0.0/24");
		EXPECT(ike_manager_by_spi(&host->manager, ike_sa_spi_local(sa)) == sa);
		EXPECT_EQ(host->manager.last_ike_id, unique_id);
		EXPECT_EQ(host->manager.last_child_id, child_id);
		expect_up();
	}
	/* It is there to be used: nothing is set up anew, and it ends as any other. */
	initiate(left);
	net_run(&net);
	expect_up();
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false,
				  NULL);
	net_run(&net);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

static void peer_deletes(void)
{
	bring_up();
	restart(right);
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, NULL);
	net_run(&net);
	EXPECT_EQ(host_states(right), 0);
	EXPECT_EQ(host_policies(right), 0);
	/* And that is known, too. */
	restart(right);
	REQUIRE(host_established(right));
	EXPECT(!host_established(right)->children);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false,
				  NULL);
	net_run(&net);
	expect_nothing(right);
	net_clear(&net);
}

static enum fate lose_all(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return LOSE;
}

/* A DELETE is under way when it dies: its answer finds the next one. */
static void request_outstanding(void)
{
	bring_up();
	net.fate = lose_all;
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, NULL);
	net_run(&net);
	restart(left);
	REQUIRE(host_established(left));
	EXPECT_EQ(host_established(left)->active.type, TASK_DELETE_CHILD);
	net.fate = NULL;
	net_retransmit(&net);
	EXPECT_EQ(host_states(left), 0);
	EXPECT_EQ(host_states(right), 0);
	REQUIRE(host_established(left));
	EXPECT_EQ(host_established(left)->active.type, TASK_NONE);

	net.fate = lose_all;
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false,
				  NULL);
	net_run(&net);
	restart(left);
	net.fate = NULL;
	net_retransmit(&net);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

/* Its connection is not configured any more: it goes on, under its name, until it ends. */
static void bygone(void)
{
	struct conn *conn;

	bring_up();
	host_die(left);
	host_start(left, conf(true, "other", "net"));
	expect_up();
	EXPECT_STR(host_established(left)->log.name, "gw");
	EXPECT_STR(host_established(left)->children->conf->name, "net");
	EXPECT(host_established(left)->conn->bygone);
	/* It has nothing to propose. */
	ike_reauth_start(host_established(left));
	expect_up();
	/* Once more; and then it is configured again, as when swanctl loads it. */
	restart(left);
	host_die(left);
	host_start(left, conf(true, "gw", "another"));
	EXPECT(host_established(left)->conn->bygone);
	host_config(left, same(left));
	conn = config_find_conn(left->config, "gw");
	resume_rebind(&left->manager, conn);
	initiate(left);
	net_run(&net);
	expect_up();
	EXPECT(host_established(left)->conn == conn);
	net_clear(&net);
}

/* What was chosen was not offered: our DELETE of it is under way. */
static void unwanted(void)
{
	struct buf out = BUF_INIT;
	struct ike_sa *sa, *again;
	uint16_t version;
	bool complete;

	bring_up();
	sa = host_established(left);
	REQUIRE(sa && sa->children);
	sa->children->state = CHILD_DELETING;
	proposal_drop(&sa->children->proposal);
	stash_write(&out, sa);
	EXPECT(!out.failed);
	again = ike_sa_new(&left->manager, NULL, true);
	REQUIRE(again);
	ike_sa_end_handshake(again);
	EXPECT_EQ(stash_read(again, out.data, out.len, &version, &complete), 0);
	stash_forget_children(again);
	again->spi_i = 0;
	again->spi_r = 0;
	ike_sa_destroy(again, NULL);
	buf_clear(&out);
	net_clear(&net);
}

/* Whatever was done to it: it is refused, and nothing of it stays. */
static void expect_refused(void)
{
	struct resume_summary summary = restart(left);

	EXPECT_EQ(summary.resumed, 0);
	EXPECT_EQ(summary.refused, 1);
	expect_nothing(left);
}

static struct buf *up_and_stashed(void)
{
	bring_up();
	return host_stash(left);
}

/* It is set up anew by itself, and takes the place of what the peer still has. */
static void other_version(void)
{
	struct buf *stash = up_and_stashed();

	REQUIRE(stash);
	buf_set16(stash, 4, STASH_VERSION + 1);
	host_die(left);
	start_open(left->loop, left->config);
	control_attach(&left->manager);
	EXPECT_EQ(host_start(left, same(left)).refused, 1);
	expect_nothing(left);
	start_pending();
	net_run(&net);
	expect_up();
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

/* As soon as it is configured. */
static void other_version_loaded_later(void)
{
	struct buf *stash = up_and_stashed();

	REQUIRE(stash);
	buf_set16(stash, 4, STASH_VERSION + 1);
	host_die(left);
	start_open(left->loop, left->config);
	control_attach(&left->manager);
	EXPECT_EQ(host_start(left, conf(true, "gw", "another")).refused, 1);
	start_pending();
	net_run(&net);
	expect_nothing(left);
	host_config(left, same(left));
	start_pending();
	net_run(&net);
	expect_up();
	start_pending();
	net_run(&net);
	expect_up();
	start_close();
	control_attach(NULL);
	net_clear(&net);
}

static void missing(void)
{
	struct buf *stash = up_and_stashed();

	REQUIRE(stash);
	buf_clear(stash);
	expect_refused();
	net_clear(&net);
}

static struct ike_sa *blank(void)
{
	struct ike_sa *sa = ike_sa_new(&left->manager, NULL, true);

	ike_sa_end_handshake(sa);
	return sa;
}

static int read_copy(const uint8_t *data, size_t len)
{
	struct ike_sa *sa = blank();
	/* Of just this size, so that reading beyond is found. */
	uint8_t *copy = malloc(len ? len : 1);
	uint16_t version;
	bool complete;
	int err;

	memcpy(copy, data, len);
	err = stash_read(sa, copy, len, &version, &complete);
	free(copy);
	stash_forget_children(sa);
	sa->spi_i = 0;
	sa->spi_r = 0;
	ike_sa_destroy(sa, NULL);
	return err;
}

/* Every octet changed, and cut short everywhere. */
static void damaged(void)
{
	struct buf *stash = up_and_stashed();
	size_t i;

	REQUIRE(stash);
	EXPECT_EQ(read_copy(stash->data, stash->len), 0);
	for (i = 0; i < stash->len; i++) {
		int err;

		stash->data[i] ^= 1 << i % 8;
		err = read_copy(stash->data, stash->len);
		if (i == 4 || i == 5)
			EXPECT_EQ(err, -EPROTONOSUPPORT);
		else
			EXPECT_EQ(err, -EBADMSG);
		stash->data[i] ^= 1 << i % 8;
	}
	for (i = 0; i < stash->len; i++)
		EXPECT_EQ(read_copy(stash->data, i), -EBADMSG);
	stash->data[40] ^= 1;
	expect_refused();
	net_clear(&net);
}

static void sign(struct buf *stash)
{
	SHA256(stash->data, stash->len - SHA256_DIGEST_LENGTH,
	       stash->data + stash->len - SHA256_DIGEST_LENGTH);
}

/* Well signed, but not what it should be: each octet changed, its digest set right. */
static void forged(void)
{
	struct buf *stash = up_and_stashed();
	unsigned int refused = 0, i, bit;

	REQUIRE(stash);
	for (i = 8; i < stash->len - 32; i++) {
		for (bit = 0; bit < 8; bit++) {
			stash->data[i] ^= 1 << bit;
			sign(stash);
			refused += !!read_copy(stash->data, stash->len);
			stash->data[i] ^= 1 << bit;
		}
	}
	EXPECT(refused > 100);
	sign(stash);
	EXPECT_EQ(read_copy(stash->data, stash->len), 0);
	net_clear(&net);
}

/* What a peer does not go on with is forgotten, and waited for no more. */
static void end_followups(struct host *host)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa; sa = sa->next)
		if (sa->followups)
			sa->followups->timer.expired(&sa->followups->timer);
}

/*
 * It dies after each of its operations in turn, and another one starts. Then the peers
 * repeat and give up what they must, and one end asks for the tunnel again. The ends are
 * of the same mind, and nothing is left of what was before.
 */
static bool die_at(bool of_left, unsigned int op, void (*scene)(void),
			   void (*after)(void))
{
	struct host *host;
	bool died;

	hosts();
	host = of_left ? left : right;
	host->ops = op;
	scene();
	died = host->dead;
	host->ops = 0;
	if (died) {
		host_die(host);
		host_start(host, same(host));
	}
	net_retransmit(&net);
	net_retransmit(&net);
	net_give_up(&net);
	net_expire(&net);
	end_followups(left);
	end_followups(right);
	net_run(&net);
	after();
	net_clear(&net);
	return died;
}

static void comes_up(void)
{
	initiate(left);
	net_run(&net);
}

/* A tunnel that one end does not know of takes its place when it asks again. */
static void up_after_all(void)
{
	initiate(left);
	net_run(&net);
	net_retransmit(&net);
	expect_up();
}

static void goes_down(void)
{
	unsigned int l = left->ops, r = right->ops;

	left->ops = 0;
	right->ops = 0;
	initiate(left);
	net_run(&net);
	left->ops = l;
	right->ops = r;
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false,
				  NULL);
	net_run(&net);
}

/* Unless it died before anything of it was written down: then it is as it was. */
static void down_after_all(void)
{
	if (host_ike_sas(left)) {
		expect_up();
		return;
	}
	expect_nothing(left);
	expect_nothing(right);
}

static void child_goes_down(void)
{
	unsigned int l = left->ops, r = right->ops;

	left->ops = 0;
	right->ops = 0;
	initiate(left);
	net_run(&net);
	left->ops = l;
	right->ops = r;
	ike_manager_terminate_child(&left->manager,
				    host_established(left)->children->unique_id, NULL);
	net_run(&net);
}

static void child_down_after_all(void)
{
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT_EQ(host_states(left), host_states(right));
	EXPECT_EQ(host_policies(left), host_policies(right));
}

static struct child_sa *newest(const struct host *host)
{
	struct child_sa *child, *found = NULL;

	for (child = host_established(host)->children; child; child = child->next)
		if (child->state == CHILD_INSTALLED)
			found = child;
	return found;
}

static void rekey(bool of_left, bool of_right)
{
	unsigned int l = left->ops, r = right->ops;

	left->ops = 0;
	right->ops = 0;
	initiate(left);
	net_run(&net);
	left->ops = l;
	right->ops = r;
	if (of_left)
		ike_manager_rekey_child(&left->manager, newest(left)->unique_id);
	if (of_right && newest(right))
		ike_manager_rekey_child(&right->manager, newest(right)->unique_id);
	net_run(&net);
}

static void is_rekeyed(void)
{
	rekey(true, false);
}

static void both_rekey(void)
{
	rekey(true, true);
}

/* The old one or a new one, but one, at both ends. */
static void rekeyed_after_all(void)
{
	REQUIRE(host_established(left) && host_established(right));
	host_end_lingering(left);
	host_end_lingering(right);
	expect_up();
}

static void rekey_ike(bool of_left, bool of_right)
{
	unsigned int l = left->ops, r = right->ops;

	left->ops = 0;
	right->ops = 0;
	initiate(left);
	net_run(&net);
	left->ops = l;
	right->ops = r;
	if (of_left)
		ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	if (of_right && host_established(right))
		ike_manager_rekey_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
}

static void ike_is_rekeyed(void)
{
	rekey_ike(true, false);
}

static void both_rekey_ike(void)
{
	rekey_ike(true, true);
}

/* What waits for a DELETE that does not come. */
static void end_waiting(struct host *host)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa && sa->state != IKE_REKEYED;)
		sa = sa->next;
	if (!sa)
		return;
	EXPECT(!sa->children);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	net_give_up(&net);
	end_waiting(host);
}

/* One that had sent a request whose answer nobody can use any more sets all up anew. */
static void ike_rekeyed_after_all(void)
{
	end_waiting(left);
	end_waiting(right);
	if (!host_established(left))
		initiate(left);
	else if (!host_established(right))
		initiate(right);
	net_run(&net);
	expect_up();
}

/* It dies before its request goes out: nobody has anything of that. */
static void ike_rekeying_not_sent(void)
{
	struct ike_sa *sa;
	uint64_t spi;

	bring_up();
	spi = host_established(left)->spi_i;
	left->ops = 2;
	ike_manager_rekey_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	left->ops = 0;
	restart(left);
	/* It asks, and is asked. */
	sa = host_established(left);
	REQUIRE(sa);
	EXPECT_EQ(sa->spi_i, spi);
	EXPECT(sa->children && sa->children->state == CHILD_INSTALLED);
	EXPECT_EQ(sa->active.type, TASK_REKEY_IKE);
	net_run(&net);
	REQUIRE(host_established(left));
	EXPECT(host_established(left)->spi_i != spi);
	expect_up();
	net_clear(&net);
}

/* So many Child SAs of this name are in use. */
static unsigned int in_use(const struct host *host, const char *name)
{
	const struct ike_sa *sa = host_established(host);
	const struct child_sa *child;
	unsigned int n = 0;

	for (child = sa ? sa->children : NULL; child; child = child->next)
		n += child->state == CHILD_INSTALLED && !strcmp(child->conf->name, name);
	return n;
}

static struct child_sa *put_off(const struct host *host)
{
	struct child_sa *child;

	for (child = host_established(host)->children; child; child = child->next)
		if (child->state == CHILD_CREATED && loop_timer_armed(&child->timer))
			break;
	return child;
}

static void ask_again(struct host *host)
{
	struct child_sa *child;

	while ((child = put_off(host))) {
		child->timer.expired(&child->timer);
		net_run(&net);
	}
}

static void further_comes_up(void)
{
	unsigned int l = left->ops, r = right->ops;

	left->ops = 0;
	right->ops = 0;
	initiate(left);
	net_run(&net);
	left->ops = l;
	right->ops = r;
	initiate_child(left, "further");
	net_run(&net);
}

/* It is there, unless its end died before it was written down that it is to be. */
static void further_after_all(void)
{
	unsigned int n;

	ask_again(left);
	n = in_use(left, "further");
	EXPECT_EQ(in_use(left, "net"), 1);
	EXPECT_EQ(in_use(right, "net"), 1);
	EXPECT_EQ(in_use(right, "further"), n);
	EXPECT_EQ(host_states(left), 2 + 2 * n);
	EXPECT_EQ(host_states(right), 2 + 2 * n);
	EXPECT_EQ(host_established(left)->active.type, TASK_NONE);
	EXPECT(!host_established(left)->queue);
	lost += !n;
}

static void expect_further(void)
{
	lost = 0;
	further_after_all();
	EXPECT_EQ(lost, 0);
}

/* It is asked for and not answered yet; or waits for its turn; or its answer was its end. */
static void further_under_way(void)
{
	has_further = true;
	bring_up();
	net.fate = lose_all;
	initiate_child(left, "further");
	net_run(&net);
	restart(left);
	EXPECT_EQ(host_established(left)->active.type, TASK_CREATE_CHILD);
	net.fate = NULL;
	net_retransmit(&net);
	expect_further();
	net_clear(&net);

	bring_up();
	net.fate = lose_all;
	ike_manager_rekey_child(&left->manager, host_established(left)->children->unique_id);
	initiate_child(left, "further");
	net_run(&net);
	restart(left);
	net.fate = NULL;
	net_retransmit(&net);
	host_end_lingering(left);
	host_end_lingering(right);
	expect_further();
	net_clear(&net);
	has_further = false;
}

/* The next daemon knows its section later, as when swanctl loads it. */
static void further_loaded_later(void)
{
	has_further = true;
	bring_up();
	net.fate = lose_all;
	initiate_child(left, "further");
	net_run(&net);
	host_die(left);
	net.fate = NULL;
	host_start(left, conf(true, "other", "net"));
	net_retransmit(&net);
	EXPECT_EQ(in_use(left, "further"), 0);
	EXPECT(ike_sa_has_task(host_established(left), TASK_CREATE_CHILD, 0,
			       conn_find_child(host_established(left)->conn, "further")));
	host_config(left, same(left));
	resume_rebind(&left->manager, config_find_conn(left->config, "gw"));
	net_run(&net);
	expect_further();
	net_clear(&net);
	has_further = false;
}

/* The peer has refused it for the time being, and the daemon dies before it asks again. */
static void further_put_off(void)
{
	has_further = true;
	bring_up();
	/* It rekeys the IKE SA just then. */
	net.fate = lose_all;
	ike_manager_rekey_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
	net.fate = NULL;
	initiate_child(left, "further");
	net_run(&net);
	REQUIRE(put_off(left));
	restart(left);
	net_retransmit(&net);
	net_run(&net);
	host_end_lingering(left);
	host_end_lingering(right);
	expect_further();
	net_clear(&net);
	has_further = false;
}

static void at_every_step(void)
{
	static const struct {
		void (*scene)(void);
		void (*after)(void);
	} scenes[] = {
		{ comes_up, up_after_all },
		{ goes_down, down_after_all },
		{ child_goes_down, child_down_after_all },
		{ is_rekeyed, rekeyed_after_all },
		{ both_rekey, rekeyed_after_all },
		{ ike_is_rekeyed, ike_rekeyed_after_all },
		{ both_rekey_ike, ike_rekeyed_after_all },
		{ further_comes_up, further_after_all },
	};

	has_further = true;
	lost = 0;

	for (size_t i = 0; i < sizeof(scenes) / sizeof(*scenes); i++) {
		for (unsigned int side = 0; side < 2; side++) {
			unsigned int op;

			for (op = 1; die_at(side, op, scenes[i].scene, scenes[i].after);)
				op++;
			/* It was not over before it began. */
			EXPECT(op > 2);
		}
	}
	/* By the first operation of all. */
	EXPECT_EQ(lost, 1);
	has_further = false;
}

#define SEVERAL 20

/* So many connections between the two. */
static const char *several_conf(bool of_left)
{
	static char text[SEVERAL * 1024];
	size_t len = snprintf(text, sizeof(text), "connections {\n");

	for (unsigned int i = 0; i < SEVERAL; i++)
		len += snprintf(text + len, sizeof(text) - len,
				"gw%u {\n local_addrs = %s\n remote_addrs = %s\n"
				" proposals = aes128gcm16-prfsha256-x25519\n"
				" local {\n auth = psk\n id = %s%u.example\n }\n"
				" remote {\n auth = psk\n id = %s%u.example\n }\n"
				" children {\n net {\n local_ts = 10.%u.%u.0/24\n"
				" remote_ts = 10.%u.%u.0/24\n"
				" esp_proposals = aes128gcm16\n }\n }\n}\n",
				i, of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT,
				of_left ? "left" : "right", i, of_left ? "right" : "left", i,
				of_left ? 1 : 2, i, of_left ? 2 : 1, i);
	snprintf(text + len, sizeof(text) - len,
		 "}\nsecrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n");
	return text;
}

static void stopped(struct ike_manager *m)
{
	(void)m;
}

/* Whatever the order that they are carried on in, each is found, and all are ended. */
static void several(void)
{
	struct ike_sa *sa, *other;
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, several_conf(true));
	right = net_host(&net, RIGHT, NULL, several_conf(false));
	for (conn = left->config->conns; conn; conn = conn->next) {
		ike_manager_initiate(&left->manager, conn, conn->children, NULL);
		net_run(&net);
	}
	EXPECT_EQ(host_states(right), 2 * SEVERAL);
	host_die(left);
	EXPECT_EQ(host_start(left, several_conf(true)).resumed, SEVERAL);
	EXPECT_EQ(host_states(left), 2 * SEVERAL);
	EXPECT_EQ(host_policies(left), 3 * SEVERAL);
	for (conn = left->config->conns; conn; conn = conn->next) {
		sa = ike_manager_of_conn(&left->manager, conn->name, NULL);
		REQUIRE(sa);
		EXPECT(sa->conn == conn && !ike_manager_of_conn(&left->manager, conn->name, sa));
		EXPECT(ike_manager_by_id(&left->manager, sa->unique_id) == sa);
		EXPECT(ike_manager_of_peers(&left->manager, &sa->local_id, &sa->remote_id, NULL));
		EXPECT(!ike_manager_of_peers(&left->manager, &sa->remote_id, &sa->local_id, NULL));
		EXPECT(ike_manager_child(&left->manager, sa->children->unique_id) ==
		       sa->children);
		for (other = left->manager.sas; other; other = other->next)
			EXPECT(other == sa || other->children->reqid != sa->children->reqid);
	}
	EXPECT(!ike_manager_by_id(&left->manager, SEVERAL + 1));
	/* Not in the order of their ids: that of the module is another. */
	ike_manager_stop(&left->manager, 5000, stopped);
	net_run(&net);
	expect_nothing(left);
	expect_nothing(right);
	net_clear(&net);
}

/* Also while additional key exchanges are under way, the last one or not. */
static void at_every_step_of_several(void)
{
	more_ike = "-ke1_ecp256-ke2_ecp384";
	more_esp = "-x25519-ke1_ecp256-ke2_ecp384";
	at_every_step();
	more_ike = "";
	more_esp = "";
}

static const struct ktap_test tests[] = {
	{ "carries on with all there is", carries_on },
	{ "carries on with a peer that has moved meanwhile", moved_meanwhile },
	{ "dies of a move", dies_of_a_move },
	{ "several, in another order", several },
	{ "the peer deletes what was carried on", peer_deletes },
	{ "a request under way", request_outstanding },
	{ "a connection that is not configured any more", bygone },
	{ "a Child SA that is not wanted", unwanted },
	{ "a stash of another version", other_version },
	{ "a stash of another version, the connection loaded later", other_version_loaded_later },
	{ "no stash", missing },
	{ "a damaged stash", damaged },
	{ "a stash of nonsense", forged },
	{ "dies after each operation", at_every_step },
	{ "dies after each operation, additional key exchanges", at_every_step_of_several },
	{ "rekeying of the IKE SA is not sent", ike_rekeying_not_sent },
	{ "a further Child SA", further_under_way },
	{ "a further Child SA, the connection loaded later", further_loaded_later },
	{ "a further Child SA that the peer has put off", further_put_off },
};

KTAP_MAIN(tests)
