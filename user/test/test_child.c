// SPDX-License-Identifier: GPL-2.0
/* What swanctl.conf asks of a Child SA, as it comes out in XFRM at both ends. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <linux/xfrm.h>

#include "config.h"
#include "ktap.h"
#include "libnet.h"
#include "updown.h"

#define LEFT		"192.0.2.1"
#define RIGHT		"192.0.2.2"
#define LEFT_PUBLIC	"198.51.100.1"
#define RIGHT_PUBLIC	"198.51.100.2"

static struct net net;
static struct host *left, *right;

/* A connection "gw" whose child "net" has these settings. */
static const char *conf(const char *local, const char *remote, const char *child)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-x25519\n"
		 " local {\n auth = psk\n id = %s\n }\n"
		 " remote {\n auth = psk\n }\n"
		 " children {\n net {\n esp_proposals = aes128gcm16\n%s\n }\n }\n }\n}\n"
		 "secrets {\n ike {\n secret = \"the shared secret\"\n }\n}\n",
		 local, remote, local, child);
	return text;
}

static void up(const char *l, const char *r)
{
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(LEFT, RIGHT, l));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, r));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
	net_run(&net);
}

static struct child_sa *child_of(struct host *host)
{
	const struct ike_sa *sa = host_established(host);

	return sa ? sa->children : NULL;
}

static const struct xfrm_state *state_of(const struct host *host, bool inbound)
{
	const struct fake_state *s;

	for (s = host->xfrm.states; s; s = s->next)
		if (!s->larval && s->s.inbound == inbound)
			return &s->s;
	return NULL;
}

static const struct xfrm_policy *policy_of(const struct host *host, uint8_t dir)
{
	const struct fake_policy *p;

	for (p = host->xfrm.policies; p; p = p->next)
		if (p->p.dir == dir)
			return &p->p;
	return NULL;
}

static bool ts_is(const struct ts *ts, const char *text)
{
	char is[TS_STRLEN];

	return !strcmp(ts_str(ts, is), text);
}

/* All of a host's ESP SAs and policies are of this mode. */
static bool all_transport(const struct host *host, bool transport)
{
	const struct fake_policy *p;
	const struct fake_state *s;

	for (s = host->xfrm.states; s; s = s->next)
		if (!s->larval && s->s.transport != transport)
			return false;
	for (p = host->xfrm.policies; p; p = p->next)
		if (p->p.transport != transport)
			return false;
	return true;
}

static void selectors(void)
{
	up("local_ts = 10.1.0.0/24[tcp], 10.1.1.0/24, 2001:db8:1::/64\n"
	   "remote_ts = 10.2.0.0/24[tcp/80], 10.2.1.0/24[udp/53], 2001:db8:2::/64",
	   "local_ts = 10.2.0.0/16, 2001:db8:2::/48\n"
	   "remote_ts = 10.1.0.0/23, 2001:db8:1::/48");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT_EQ(child_of(left)->local_ts->n, 3);
	EXPECT_EQ(child_of(left)->remote_ts->n, 3);
	EXPECT(ts_is(&child_of(right)->local_ts->v[0], "10.2.0.0/24[tcp/80]"));
	/*
	 * Of one family and one protocol: of 2 times 2 of IPv4, not TCP to UDP; and IPv6.
	 */
	EXPECT_EQ(host_policies(left), 3 * 4);
	EXPECT_EQ(host_policies(right), 3 * 4);
	net_clear(&net);
}

static void transport(void)
{
	up("mode = transport", "mode = transport");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(child_of(left)->transport && child_of(right)->transport);
	EXPECT(all_transport(left, true) && all_transport(right, true));
	EXPECT(ts_is(&child_of(left)->local_ts->v[0], LEFT "/32"));
	EXPECT(ts_is(&child_of(right)->local_ts->v[0], RIGHT "/32"));
	net_clear(&net);
}

static void transport_ports(void)
{
	up("mode = transport\nlocal_ts = dynamic[tcp]\nremote_ts = dynamic[tcp/80], dynamic[tcp/443]",
	   "mode = transport\nlocal_ts = dynamic[tcp/80]\nremote_ts = dynamic[tcp]");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(child_of(left)->transport && child_of(right)->transport);
	EXPECT_EQ(child_of(left)->remote_ts->n, 1);
	EXPECT(ts_is(&child_of(left)->remote_ts->v[0], RIGHT "/32[tcp/80]"));
	net_clear(&net);
}

/* Who asks for it and does not get it takes a tunnel. */
static void transport_refused(void)
{
	up("mode = transport", "mode = tunnel");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(all_transport(left, false) && all_transport(right, false));
	net_clear(&net);
	up("mode = tunnel", "mode = transport");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(all_transport(left, false) && all_transport(right, false));
	net_clear(&net);
}

/* A network is no host: it is not asked for. */
static void transport_of_networks(void)
{
	up("mode = transport\nlocal_ts = 10.1.0.0/24", "mode = transport\nremote_ts = 10.1.0.0/24");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(all_transport(left, false) && all_transport(right, false));
	net_clear(&net);
}

static void behind_nat(const char *l, const char *r)
{
	struct conn *conn;

	left = net_host(&net, LEFT, LEFT_PUBLIC, conf(LEFT, RIGHT_PUBLIC, l));
	right = net_host(&net, RIGHT, RIGHT_PUBLIC, conf(RIGHT, LEFT_PUBLIC, r));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
	net_run(&net);
}

/* RFC 7296 section 2.23.1: each end has its own address and the peer's outer one. */
static void transport_nat(void)
{
	behind_nat("mode = transport", "mode = transport");
	REQUIRE(child_of(left) && child_of(right));
	EXPECT(all_transport(left, true) && all_transport(right, true));
	EXPECT(child_of(left)->encap && child_of(right)->encap);
	EXPECT(ts_is(&child_of(left)->local_ts->v[0], LEFT "/32"));
	EXPECT(ts_is(&child_of(left)->remote_ts->v[0], RIGHT_PUBLIC "/32"));
	EXPECT(ts_is(&child_of(right)->local_ts->v[0], RIGHT "/32"));
	EXPECT(ts_is(&child_of(right)->remote_ts->v[0], LEFT_PUBLIC "/32"));
	net_clear(&net);
}

static struct endpoint moves_from, moves_to;

static void note_move(const struct ike_sa *sa, const struct endpoint *local,
		      const struct endpoint *remote)
{
	(void)local;
	moves_from = sa->remote;
	moves_to = *remote;
}

/* The peer's mapping is another one: so are its selectors. It is told before it has moved. */
static void transport_moves(void)
{
	struct endpoint elsewhere, before;
	struct ike_sa *sa;

	behind_nat("mode = transport", "mode = transport");
	REQUIRE(child_of(left) && child_of(right));
	sa = host_established(right);
	REQUIRE(!endpoint_parse(&elsewhere, "203.0.113.9", 4567));
	right->manager.moves = note_move;
	before = sa->remote;
	ike_sa_moved(sa, &sa->local, &elsewhere);
	EXPECT(endpoint_equal(&moves_from, &before));
	EXPECT(endpoint_equal(&moves_to, &elsewhere));
	EXPECT(ts_is(&child_of(right)->remote_ts->v[0], "203.0.113.9/32"));
	EXPECT_EQ(host_policies(right), 3);
	EXPECT_EQ(host_states(right), 2);
	REQUIRE(policy_of(right, XFRM_POLICY_OUT) && policy_of(right, XFRM_POLICY_IN));
	EXPECT(ts_is(&policy_of(right, XFRM_POLICY_OUT)->dst_ts, "203.0.113.9/32"));
	EXPECT(ts_is(&policy_of(right, XFRM_POLICY_IN)->src_ts, "203.0.113.9/32"));
	net_clear(&net);
}

static void marks(void)
{
	const struct xfrm_policy *out, *in;
	const struct xfrm_state *s;

	up("mark_in = 0x10/0xf0\nmark_out = 42\nif_id_in = 7\nif_id_out = 8\nset_mark_out = 5/0xff\n"
	   "set_mark_in = %same/0xf0\npriority = 77\npolicies_fwd_out = yes",
	   "mark_in_sa = yes\nmark_in = 3");
	REQUIRE(child_of(left) && child_of(right));
	out = policy_of(left, XFRM_POLICY_OUT);
	in = policy_of(left, XFRM_POLICY_IN);
	REQUIRE(out && in);
	EXPECT_EQ(host_policies(left), 4);
	EXPECT_EQ(host_policies(right), 3);
	EXPECT_EQ(out->mark.v, 42);
	EXPECT_EQ(out->mark.m, UINT32_MAX);
	EXPECT_EQ(out->if_id, 8);
	EXPECT_EQ(out->priority, 77);
	EXPECT_EQ(in->mark.v, 0x10);
	EXPECT_EQ(in->mark.m, 0xf0);
	EXPECT_EQ(in->if_id, 7);
	s = state_of(left, false);
	REQUIRE(s);
	EXPECT_EQ(s->mark.v, 42);
	EXPECT_EQ(s->if_id, 8);
	EXPECT_EQ(s->set_mark.v, 5);
	EXPECT_EQ(s->set_mark.m, 0xff);
	s = state_of(left, true);
	REQUIRE(s);
	EXPECT_EQ(s->mark.m, 0);
	EXPECT_EQ(s->if_id, 7);
	EXPECT_EQ(s->set_mark.v, 0x10);
	s = state_of(right, true);
	REQUIRE(s);
	EXPECT_EQ(s->mark.v, 3);
	EXPECT_EQ(s->mark.m, UINT32_MAX);
	net_clear(&net);
}

/* What is forwarded to the tunnel is not protected yet, and passes; what comes has to be. */
static void forwarded(void)
{
	static const char all[] =
		"local_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\npolicies_fwd_out = yes";
	unsigned int to = 0, from = 0;
	const struct fake_policy *f;

	up("policies_fwd_out = yes", "");
	REQUIRE(child_of(left));
	for (f = left->xfrm.policies; f; f = f->next) {
		const bool out = ts_equal(&f->p.src_ts, &child_of(left)->local_ts->v[0]);

		EXPECT_EQ(f->p.optional, f->p.dir == XFRM_POLICY_FWD && out);
		to += f->p.dir == XFRM_POLICY_FWD && out;
		from += f->p.dir == XFRM_POLICY_FWD && !out;
	}
	EXPECT(to == 1 && from == 1);
	net_clear(&net);
	/* Where both are one policy nothing comes in that is not protected. */
	up(all, all);
	EXPECT_EQ(host_policies(left), 3);
	REQUIRE(policy_of(left, XFRM_POLICY_FWD));
	EXPECT(!policy_of(left, XFRM_POLICY_FWD)->optional);
	ike_manager_terminate_child(&left->manager, child_of(left)->unique_id, NULL);
	net_run(&net);
	EXPECT_EQ(host_policies(left) + host_policies(right), 0);
	net_clear(&net);
}

static void unique_marks(void)
{
	const struct child_sa *c;
	uint32_t mark, if_id;

	up("mark_in = %unique\nmark_out = %unique\nif_id_in = %unique-dir\nif_id_out = %unique-dir", "");
	REQUIRE(child_of(left));
	c = child_of(left);
	mark = c->mark_in.v;
	if_id = c->if_id_in;
	EXPECT(mark && if_id);
	EXPECT_EQ(c->mark_in.m, UINT32_MAX);
	EXPECT_EQ(c->mark_out.v, mark);
	EXPECT(c->if_id_out && c->if_id_out != if_id);
	/* A daemon that comes after this one knows them, and gives out others. */
	host_die(left);
	host_start(left, conf(LEFT, RIGHT, "mark_in = %unique\nmark_out = %unique\n"
			      "if_id_in = %unique-dir\nif_id_out = %unique-dir"));
	REQUIRE(child_of(left));
	c = child_of(left);
	EXPECT_EQ(c->mark_in.v, mark);
	EXPECT_EQ(c->if_id_in, if_id);
	EXPECT(left->manager.last_mark >= c->if_id_out);
	EXPECT(left->manager.last_mark >= mark);
	net_clear(&net);
}

static void flags(void)
{
	const struct xfrm_state *s;

	up("copy_df = no\ncopy_ecn = no\ncopy_dscp = in\nicmp = yes\ntfc_padding = mtu\npolicies = no",
	   "copy_df = yes\ncopy_dscp = out\ntfc_padding = 100");
	REQUIRE(child_of(left) && child_of(right));
	s = state_of(left, false);
	REQUIRE(s);
	EXPECT_EQ(s->flags, XFRM_FLAG_NO_PMTU_DISC | XFRM_FLAG_NO_ECN | XFRM_FLAG_DECAP_DSCP |
			    XFRM_FLAG_NO_ENCAP_DSCP | XFRM_FLAG_ICMP);
	EXPECT_EQ(s->tfc_padding, TFC_MTU);
	EXPECT_EQ(state_of(left, true)->tfc_padding, 0);
	s = state_of(right, false);
	REQUIRE(s);
	EXPECT_EQ(s->flags, 0);
	EXPECT_EQ(s->tfc_padding, 100);
	EXPECT_EQ(host_policies(left), 0);
	EXPECT_EQ(host_policies(right), 3);
	/* Nor has the next daemon any. */
	host_die(left);
	host_start(left, conf(LEFT, RIGHT, ""));
	EXPECT_EQ(host_policies(left), 0);
	EXPECT_EQ(host_states(left), 2);
	net_clear(&net);
}

/* As XFRM has it; NULL: it would let such traffic pass in the clear. */
static const struct xfrm_policy *out_policy(const struct host *host)
{
	return policy_of(host, XFRM_POLICY_OUT);
}

static void load(struct host *host)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	trap_configure(&host->manager, conn);
	trap_configured(&host->manager);
}

/* By either end, until what was replaced is gone. */
static void rekey(struct host *host)
{
	struct host *const hosts[] = { left, right };
	const struct child_sa *child;

	REQUIRE(child_of(host));
	ike_manager_rekey_child(&host->manager, child_of(host)->unique_id);
	net_run(&net);
	for (unsigned int i = 0; i < 2; i++) {
		EXPECT_EQ(host_end_lingering(hosts[i]), 1);
		child = child_of(hosts[i]);
		REQUIRE(child && !child->next);
		EXPECT_EQ(child->state, CHILD_INSTALLED);
		EXPECT_EQ(host_states(hosts[i]), 2);
	}
	EXPECT_EQ(child_of(left)->spi_in, child_of(right)->spi_out);
}

static void rekeyed_transport(void)
{
	up("mode = transport", "mode = transport");
	rekey(left);
	EXPECT(all_transport(left, true) && all_transport(right, true));
	rekey(right);
	EXPECT(all_transport(left, true) && all_transport(right, true));
	EXPECT_EQ(host_policies(left), 3);
	net_clear(&net);

	behind_nat("mode = transport", "mode = transport");
	rekey(left);
	EXPECT(all_transport(left, true) && all_transport(right, true));
	rekey(right);
	EXPECT(all_transport(left, true) && all_transport(right, true));
	net_clear(&net);

	/* What one end did not want it does not get by rekeying. */
	up("mode = transport", "mode = tunnel");
	rekey(left);
	rekey(right);
	EXPECT(all_transport(left, false) && all_transport(right, false));
	net_clear(&net);
}

/* Its own marks stay its own: there are rules for them by now. */
static void rekeyed_marks(void)
{
	static const char settings[] =
		"mark_in = %unique\nmark_out = %unique\nif_id_in = %unique-dir\n"
		"if_id_out = %unique-dir\nmark_in_sa = yes\npriority = 77\n"
		"policies_fwd_out = yes\nset_mark_in = %same\ntfc_padding = 100";
	const struct child_sa *c;
	struct child_sa old;

	up(settings, "policies = no");
	REQUIRE(child_of(left));
	child_of(left)->no_tfc = true;
	old = *child_of(left);
	for (unsigned int i = 0; i < 4; i++) {
		rekey(i & 1 ? right : left);
		c = child_of(left);
		REQUIRE(c);
		EXPECT(c->spi_in != old.spi_in);
		EXPECT_EQ(c->reqid, old.reqid);
		EXPECT(xfrm_mark_equal(c->mark_in, old.mark_in));
		EXPECT(xfrm_mark_equal(c->mark_out, old.mark_out));
		EXPECT_EQ(c->if_id_in, old.if_id_in);
		EXPECT_EQ(c->if_id_out, old.if_id_out);
		EXPECT(c->mark_in_sa && c->fwd_out && c->unique_marks && c->no_tfc);
		EXPECT_EQ(c->priority, 77);
		EXPECT_EQ(out_policy(left)->priority, 77);
		EXPECT(xfrm_mark_equal(state_of(left, true)->mark, old.mark_in));
		EXPECT(xfrm_mark_equal(state_of(left, false)->mark, old.mark_out));
		EXPECT_EQ(state_of(left, true)->set_mark.v, old.mark_in.v);
		EXPECT_EQ(state_of(left, false)->tfc_padding, 0);
		EXPECT_EQ(host_policies(left), 4);
		EXPECT_EQ(host_policies(right), 0);
		if (i != 1)
			continue;
		/* The next daemon knows all of that. */
		host_die(left);
		host_start(left, conf(LEFT, RIGHT, settings));
	}
	net_clear(&net);
}

#define TRAP	"local_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24\nstart_action = trap"
#define PEER	"local_ts = 10.2.0.0/24\nremote_ts = 10.1.0.0/24"

static void trapped_hosts(const char *child)
{
	left = net_host(&net, LEFT, NULL, conf(LEFT, RIGHT, child));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, PEER));
	load(left);
}

/* XFRM does not say between whom where the trap does. */
static void acquired(struct host *host, uint32_t reqid)
{
	const struct endpoint none = { .family = AF_INET };

	trap_acquired(&host->manager, reqid, &none, &none);
}

static void trap(void)
{
	const struct xfrm_policy *out;
	uint32_t reqid;

	trapped_hosts(TRAP);
	out = out_policy(left);
	REQUIRE(out);
	EXPECT_EQ(host_policies(left), 3);
	reqid = out->reqid;
	EXPECT(reqid > XFRM_REQID_TRAP);
	EXPECT_EQ(out->priority - policy_priority(&out->src_ts, &out->dst_ts), 200000);
	/* Not one of ours. */
	acquired(left, reqid + 1);
	EXPECT_EQ(host_ike_sas(left), 0);
	acquired(left, reqid);
	acquired(left, reqid);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	REQUIRE(child_of(left));
	/* XFRM's ESP SA in waiting has this one. */
	EXPECT_EQ(child_of(left)->reqid, reqid);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(out_policy(left)->priority,
		  policy_priority(&out_policy(left)->src_ts, &out_policy(left)->dst_ts));
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(out_policy(left)->reqid, reqid);
	EXPECT(!trap_uninstall(&left->manager, "other", "net"));
	EXPECT(trap_uninstall(&left->manager, NULL, "net"));
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* Whatever is loaded, there is no moment without a policy: the fake XFRM has no gaps. */
static void trap_loaded_anew(void)
{
	struct errmsg err;

	trapped_hosts(TRAP);
	host_config(left, conf(LEFT, RIGHT, TRAP "\nreplay_window = 64"));
	load(left);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT(left->manager.traps && !left->manager.traps->next);
	EXPECT_EQ(left->manager.traps->child.conf->replay_window, 64);
	host_config(left, conf(LEFT, RIGHT, PEER));
	load(left);
	EXPECT_EQ(host_policies(left), 0);
	/* One by hand stays. */
	EXPECT(!trap_install(&left->manager, left->config->conns,
			     left->config->conns->children, true, &err));
	host_config(left, conf(LEFT, RIGHT, PEER "\nreplay_window = 64"));
	load(left);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(left->manager.traps->child.conf->replay_window, 64);
	net_clear(&net);
}

/* Its policies are there when the next daemon has nothing configured yet, and then taken. */
static void trap_killed(void)
{
	trapped_hosts(TRAP);
	host_die(left);
	EXPECT_EQ(host_policies(left), 3);
	host_start(left, "connections {\n}\n");
	EXPECT_EQ(host_policies(left), 3);
	host_config(left, conf(LEFT, RIGHT, TRAP));
	load(left);
	EXPECT_EQ(host_policies(left), 3);
	acquired(left, out_policy(left)->reqid);
	net_run(&net);
	EXPECT(child_of(left));
	/* Under a Child SA: it is known to be there. */
	host_die(left);
	host_start(left, "connections {\n}\n");
	REQUIRE(child_of(left));
	EXPECT(child_of(left)->trapped);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_policies(left), 3);
	host_config(left, conf(LEFT, RIGHT, TRAP));
	load(left);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT(left->manager.traps);
	net_clear(&net);
}

/* What comes after the Child SA of a trap is one, too; its end brings the trap back. */
static void trap_rekeyed(void)
{
	uint32_t reqid;

	trapped_hosts(TRAP);
	REQUIRE(out_policy(left));
	reqid = out_policy(left)->reqid;
	acquired(left, reqid);
	net_run(&net);
	rekey(left);
	rekey(right);
	EXPECT_EQ(child_of(left)->reqid, reqid);
	EXPECT(child_of(left)->trapped);
	EXPECT_EQ(host_policies(left), 3);
	/* Also where the next daemon has nothing configured yet, and the peer rekeys. */
	host_die(left);
	host_start(left, "connections {\n}\n");
	REQUIRE(child_of(left));
	EXPECT(child_of(left)->trapped);
	ike_manager_rekey_child(&left->manager, child_of(left)->unique_id);
	net_run(&net);
	EXPECT_EQ(host_states(left), 2);
	host_config(left, conf(LEFT, RIGHT, TRAP));
	resume_rebind(&left->manager, config_find_conn(left->config, "gw"));
	load(left);
	rekey(left);
	EXPECT(child_of(left)->trapped);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(host_states(left), 0);
	net_clear(&net);
}

/* One that was replaced is not taken away; one that is, is. */
static void close_action_rekeyed(void)
{
	up("close_action = trap", "");
	REQUIRE(child_of(left));
	rekey(left);
	rekey(right);
	EXPECT(!left->manager.traps);
	ike_manager_terminate_child(&right->manager, child_of(right)->unique_id, NULL);
	net_run(&net);
	EXPECT(!child_of(left));
	EXPECT(left->manager.traps);
	net_clear(&net);
}

/* One that comes under a Child SA, and one that goes. */
static void trap_under(void)
{
	struct errmsg err;
	struct conn *conn;

	trapped_hosts(PEER);
	host_config(left, conf(LEFT, RIGHT, "local_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24"));
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn->children, NULL);
	net_run(&net);
	REQUIRE(child_of(left));
	EXPECT(!child_of(left)->trapped);
	EXPECT(!trap_install(&left->manager, conn, conn->children, true, &err));
	EXPECT(child_of(left)->trapped);
	EXPECT_EQ(out_policy(left)->reqid, child_of(left)->reqid);
	EXPECT(trap_uninstall(&left->manager, "gw", "net"));
	EXPECT(!child_of(left)->trapped);
	EXPECT_EQ(host_policies(left), 3);
	net_clear(&net);
}

/* A child of that name that is a trap, or with a mode a shunt, in a connection of its own. */
static void install_another(const char *name, const char *mode)
{
	struct errmsg err;
	struct conn *conn;
	char text[1024];

	snprintf(text, sizeof(text),
		 "connections {\n %s {\n remote_addrs = " RIGHT "\n"
		 " local {\n auth = psk\n }\n remote {\n auth = psk\n }\n"
		 " children {\n net {\n%s\n local_ts = 10.1.0.0/24\n"
		 " remote_ts = 10.2.0.0/24\n }\n }\n }\n}\n", name, mode);
	host_config(left, text);
	conn = config_find_conn(left->config, name);
	REQUIRE(conn);
	EXPECT(!trap_install(&left->manager, conn, conn->children, true, &err));
}

/* Of several of a name one goes, shunts before traps. */
static void uninstalled_one_by_one(void)
{
	struct ike_manager *m;

	trapped_hosts(PEER);
	m = &left->manager;
	install_another("first", "");
	install_another("second", "");
	install_another("third", "mode = drop");
	install_another("fourth", "mode = pass");
	EXPECT(trap_uninstall(m, NULL, "net"));
	EXPECT(!trap_of(m, "third", "net"));
	EXPECT(trap_of(m, "first", "net") && trap_of(m, "second", "net") &&
	       trap_of(m, "fourth", "net"));
	EXPECT(trap_uninstall(m, NULL, "net"));
	EXPECT(!trap_of(m, "fourth", "net"));
	EXPECT(trap_of(m, "first", "net") && trap_of(m, "second", "net"));
	EXPECT(trap_uninstall(m, NULL, "net"));
	EXPECT(!trap_of(m, "first", "net"));
	EXPECT(trap_of(m, "second", "net"));
	EXPECT(!trap_uninstall(m, "first", "net"));
	EXPECT(trap_uninstall(m, NULL, "net"));
	EXPECT(!trap_uninstall(m, NULL, "net"));
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

static void shunts(void)
{
	trapped_hosts("mode = drop\nlocal_ts = 10.1.0.0/24\nremote_ts = dynamic\nstart_action = trap");
	REQUIRE(out_policy(left));
	EXPECT_EQ(out_policy(left)->action, XFRM_DROP);
	/* There is no IPv6 to 10.1.0.0/24. */
	EXPECT_EQ(host_policies(left), 3);
	EXPECT(ts_is(&out_policy(left)->dst_ts, "0.0.0.0/0"));
	/* Killed: what drops stays, until something else is loaded. */
	host_die(left);
	host_start(left, "connections {\n}\n");
	EXPECT_EQ(host_policies(left), 3);
	host_config(left, conf(LEFT, RIGHT, "mode = pass\nlocal_ts = 10.1.0.0/24\nremote_ts = dynamic\n"
			       "start_action = trap"));
	load(left);
	EXPECT_EQ(host_policies(left), 3);
	EXPECT_EQ(out_policy(left)->action, XFRM_PASS);
	/* What passes does not, unless it is configured. */
	host_die(left);
	host_start(left, "connections {\n}\n");
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* What passes comes before a Child SA of the same selectors, that before what drops. */
static void shunts_and_child(void)
{
	struct errmsg err;
	struct conn *conn;

	up("local_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24", PEER);
	REQUIRE(child_of(left));
	host_config(left, conf(LEFT, RIGHT, "mode = drop\nlocal_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24"));
	conn = config_find_conn(left->config, "gw");
	EXPECT(!trap_install(&left->manager, conn, conn->children, true, &err));
	EXPECT_EQ(out_policy(left)->action, XFRM_PROTECT);
	host_config(left, conf(LEFT, RIGHT, "mode = pass\nlocal_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24"));
	conn = config_find_conn(left->config, "gw");
	EXPECT(!trap_install(&left->manager, conn, conn->children, true, &err));
	EXPECT_EQ(out_policy(left)->action, XFRM_PASS);
	EXPECT(trap_uninstall(&left->manager, NULL, "net"));
	EXPECT_EQ(out_policy(left)->action, XFRM_PROTECT);
	net_clear(&net);
}

/* What the peer takes away, @how. */
static void taken_away(const char *settings, void (*how)(void))
{
	char child[256];

	snprintf(child, sizeof(child), "local_ts = 10.1.0.0/24\nremote_ts = 10.2.0.0/24\n%s",
		 settings);
	up(child, PEER);
	REQUIRE(child_of(left) && child_of(right));
	how();
	net_run(&net);
}

static void peer_deletes_child(void)
{
	ike_manager_terminate_child(&right->manager, child_of(right)->unique_id, NULL);
}

static void peer_deletes_ike(void)
{
	ike_manager_terminate_ike(&right->manager, host_established(right)->unique_id, false,
				  NULL);
}

static void we_delete(void)
{
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
}

static void peer_dies(void)
{
	ike_sa_dead(host_established(left));
}

static void reactions(void)
{
	void (*const ways[])(void) = { peer_deletes_child, peer_deletes_ike, peer_dies };

	for (size_t i = 0; i < 3; i++) {
		bool dead = ways[i] == peer_dies;

		taken_away(dead ? "dpd_action = trap" : "close_action = trap", ways[i]);
		EXPECT(!child_of(left));
		EXPECT_EQ(host_policies(left), 3);
		EXPECT(out_policy(left)->reqid > XFRM_REQID_TRAP);
		net_clear(&net);
		taken_away(dead ? "dpd_action = start" : "close_action = start", ways[i]);
		EXPECT(child_of(left) && child_of(left)->state == CHILD_INSTALLED);
		net_clear(&net);
		taken_away(dead ? "close_action = start" : "dpd_action = start", ways[i]);
		EXPECT(!child_of(left));
		EXPECT_EQ(host_policies(left), 0);
		net_clear(&net);
	}
	taken_away("close_action = trap", we_delete);
	EXPECT_EQ(host_policies(left), 0);
	net_clear(&net);
}

/* The texts of a script's request, one a line. */
static const char *request_of(const struct child_sa *child, bool up, unsigned int local,
			      unsigned int remote)
{
	struct buf b = BUF_INIT;
	static char text[4096];

	updown_write(&b, child, up, local, remote, "/bin");
	EXPECT(b.len > 8 && b.len - 8 < sizeof(text) && !b.failed);
	memcpy(text, b.data + 8, b.len - 8);
	for (size_t i = 0; i < b.len - 8; i++)
		if (!text[i])
			text[i] = i + 1 < b.len - 8 ? '\n' : '\0';
	buf_clear(&b);
	return text;
}

static void updown(void)
{
	static const char script[] = "updown = \"/bin/script a\"\nreqid = 7\n";
	char settings[512];
	struct child_sa *child;

	snprintf(settings, sizeof(settings),
		 "%slocal_ts = 10.1.0.0/16[tcp/1024-65535], 192.0.2.1\n"
		 "remote_ts = 10.2.0.0/16, 10.2.1.3-10.2.1.4[udp/53]\n"
		 "mark_in = 5\nmark_out = 6/0xff\nif_id_in = 8\nif_id_out = 9", script);
	up(settings, "local_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0");
	child = child_of(left);
	REQUIRE(child);
	strcpy(child->interface, "eth7");
	EXPECT_STR(request_of(child, true, 0, 0),
		   "updown net{1}\n/bin/script a\nPATH=/bin\nPLUTO_VERSION=1.1\n"
		   "PLUTO_VERB=up-client\nPLUTO_CONNECTION=net\nPLUTO_INTERFACE=eth7\n"
		   "PLUTO_REQID=7\nPLUTO_PROTO=esp\nPLUTO_UNIQUEID=1\n"
		   "PLUTO_ME=192.0.2.1\nPLUTO_MY_ID=192.0.2.1\nPLUTO_MY_CLIENT=10.1.0.0/16\n"
		   "PLUTO_MY_PORT=1024:65535\nPLUTO_MY_PROTOCOL=6\n"
		   "PLUTO_PEER=192.0.2.2\nPLUTO_PEER_ID=192.0.2.2\n"
		   "PLUTO_PEER_CLIENT=10.2.0.0/16\nPLUTO_PEER_PORT=0\nPLUTO_PEER_PROTOCOL=0\n"
		   "PLUTO_MARK_IN=5/0xffffffff\nPLUTO_MARK_OUT=6/0x000000ff\n"
		   "PLUTO_IF_ID_IN=8\nPLUTO_IF_ID_OUT=9");
	EXPECT(!strstr(request_of(child, true, 0, 0), "PLUTO_HOST_ACCESS"));
	/* Our own address alone; a range is what holds it. */
	EXPECT(strstr(request_of(child, false, 1, 0), "PLUTO_VERB=down-host\n"));
	EXPECT(strstr(request_of(child, false, 1, 0), "PLUTO_MY_CLIENT=192.0.2.1/32\n"));
	net_clear(&net);

	snprintf(settings, sizeof(settings), "%slocal_ts = 2001:db8:1::/64[ipv6-icmp/34048-34303]\n"
		 "remote_ts = 2001:db8:2::/64\nhostaccess = yes", script);
	up(settings, "local_ts = ::/0\nremote_ts = ::/0");
	child = child_of(left);
	REQUIRE(child);
	EXPECT(strstr(request_of(child, true, 0, 0), "PLUTO_VERB=up-client-v6\n"));
	EXPECT(strstr(request_of(child, true, 0, 0), "PLUTO_INTERFACE=unknown\n"));
	EXPECT(strstr(request_of(child, true, 0, 0), "PLUTO_MY_PORT=133\n"));
	EXPECT(strstr(request_of(child, true, 0, 0), "PLUTO_PEER_PORT=0\n"));
	EXPECT(strstr(request_of(child, true, 0, 0), "\nPLUTO_HOST_ACCESS=1"));
	net_clear(&net);
}

#define THIRD	"192.0.2.3"
#define MANY	"mode = transport\nremote_ts = dynamic[udp]\nstart_action = trap"

static struct endpoint endpoint_of(const char *addr)
{
	struct endpoint e = { .family = AF_INET };

	EXPECT_EQ(inet_pton(AF_INET, addr, e.addr), 1);
	return e;
}

static void acquired_between(const char *from, const char *to)
{
	const struct endpoint local = endpoint_of(from), remote = endpoint_of(to);

	trap_acquired(&left->manager, left->manager.traps->child.reqid, &local, &remote);
	net_run(&net);
}

/* Any of a network: the packets say who. Each peer has an IKE SA of its own. */
static void trap_for_many(void)
{
	char text[TS_STRLEN];
	struct host *third;

	left = net_host(&net, LEFT, NULL, conf(LEFT, "192.0.2.0/25, 198.51.100.7-198.51.100.9", MANY));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, LEFT, "mode = transport"));
	third = net_host(&net, THIRD, NULL, conf(THIRD, "%any", "mode = transport"));
	load(left);
	REQUIRE(left->manager.traps);
	EXPECT_EQ(left->manager.traps->child.remote_ts->n, 2);
	EXPECT_STR(ts_str(&left->manager.traps->child.remote_ts->v[0], text), "192.0.2.0/25[udp]");
	EXPECT(out_policy(left)->transport);
	EXPECT_EQ(host_policies(left), 6);
	acquired_between(LEFT, RIGHT);
	REQUIRE(child_of(right));
	EXPECT(child_of(right)->transport && child_of(left)->transport);
	EXPECT_EQ(host_ike_sas(left), 1);
	/* Once more, and one that is no peer's: nothing comes of it. */
	acquired_between(LEFT, RIGHT);
	acquired_between(LEFT, "192.0.2.200");
	EXPECT_EQ(host_ike_sas(left), 1);
	acquired_between(LEFT, THIRD);
	EXPECT_EQ(host_ike_sas(left), 2);
	REQUIRE(child_of(third));
	EXPECT(child_of(third)->transport);
	EXPECT_STR(ts_str(&child_of(third)->local_ts->v[0], text), "192.0.2.3/32[udp]");
	/* With the peer's SA go its policies alone. */
	ike_manager_terminate_ike(&right->manager, host_established(right)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT(left->manager.traps && child_of(third));
	acquired_between(LEFT, RIGHT);
	EXPECT_EQ(host_ike_sas(left), 2);
	net_clear(&net);
}

/* Selectors of networks become those of both hosts; a tunnel cannot be had. */
static void trap_for_many_of_networks(void)
{
	struct errmsg err;
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(LEFT, "%any", "mode = transport\nlocal_ts = 192.0.2.0/24\n"
					       "remote_ts = 192.0.2.0/24\nstart_action = trap"));
	right = net_host(&net, RIGHT, NULL, conf(RIGHT, "%any", "mode = transport\nlocal_ts = 192.0.2.0/24\n"
						 "remote_ts = 192.0.2.0/24\nclose_action = trap"));
	load(left);
	REQUIRE(left->manager.traps);
	acquired_between(LEFT, RIGHT);
	REQUIRE(child_of(right));
	EXPECT(child_of(right)->transport);
	/* That of one peer alone is not what its end would hold back. */
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(right), 0);
	EXPECT_EQ(host_policies(right), 0);
	host_config(left, conf(LEFT, "192.0.2.0/25", TRAP));
	conn = config_find_conn(left->config, "gw");
	EXPECT(trap_install(&left->manager, conn, conn->children, true, &err));
	EXPECT_STR(err.text, "remote_addrs names no single host: only with mode = transport may it be any of many");
	host_config(left, conf(LEFT, "192.0.2.0/25", "mode = transport\nremote_ts = 10.0.0.0/8"));
	conn = config_find_conn(left->config, "gw");
	EXPECT(trap_install(&left->manager, conn, conn->children, true, &err));
	EXPECT_STR(err.text, "none of its remote_addrs is in remote_ts");
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "several selectors, protocols and ports", selectors },
	{ "transport mode", transport },
	{ "transport mode, protocols and ports", transport_ports },
	{ "transport mode, wanted by one", transport_refused },
	{ "transport mode, not of networks", transport_of_networks },
	{ "transport mode, two NATs", transport_nat },
	{ "transport mode, a NAT's mapping changes", transport_moves },
	{ "marks, if_ids, priority", marks },
	{ "%unique", unique_marks },
	{ "copy_*, icmp, tfc_padding, policies", flags },
	{ "a trap", trap },
	{ "a trap, loaded anew", trap_loaded_anew },
	{ "a trap, the daemon killed", trap_killed },
	{ "a trap comes and goes under a Child SA", trap_under },
	{ "a trap for many peers", trap_for_many },
	{ "a trap for many peers, of networks", trap_for_many_of_networks },
	{ "uninstalled one by one", uninstalled_one_by_one },
	{ "what passes and what drops", shunts },
	{ "what passes, a Child SA, what drops", shunts_and_child },
	{ "close_action and dpd_action", reactions },
	{ "transport mode rekeyed", rekeyed_transport },
	{ "marks rekeyed", rekeyed_marks },
	{ "a trap's Child SA rekeyed", trap_rekeyed },
	{ "close_action of what was replaced", close_action_rekeyed },
	{ "an updown script's environment", updown },
	{ "policies for what is forwarded", forwarded },
};

KTAP_MAIN(tests)
