// SPDX-License-Identifier: GPL-2.0
/* IKE_INTERMEDIATE and additional key exchanges, between two daemons' cores. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "control.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

#define BASE		"aes128gcm16-prfsha256-x25519"

static struct net net;
static struct host *left, *right;
static unsigned int intermediate;	/* IKE_INTERMEDIATE messages */

static const char *conf(bool of_left, const char *proposals)
{
	static char text[2048];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = %s\n    ppk_id = ppk@example\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n"
		 "  ppk {\n secret = 0x01020304\n }\n}\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, proposals, me, peer, a, b);
	return text;
}

static void count(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	(void)len;
	intermediate += octets[18] == IKE_INTERMEDIATE;
}

static struct job initiate(const char *of_left, const char *of_right)
{
	struct job job = { .job.done = job_done };
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(true, of_left));
	right = net_host(&net, RIGHT, NULL, conf(false, of_right));
	intermediate = 0;
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), &job.job);
	net_run(&net);
	loop_turn(left->loop, 0);
	if (!job.done) {
		net_give_up(&net);
		loop_turn(left->loop, 0);
	}
	net_expire(&net);
	EXPECT_EQ(job.done, 1);
	return job;
}

static void expect_up(const char *proposal)
{
	const struct ike_sa *l = host_established(left), *r = host_established(right);
	char text[256];

	REQUIRE(l && r);
	EXPECT_STR(proposal_str(l->proposal, text, sizeof(text)), proposal);
	EXPECT_HEX(l->sk_d, r->sk_d, 32);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_EQ(host_states(right), 2);
}

static void expect_nothing(void)
{
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	EXPECT_EQ(host_kernel_sas(left) + host_kernel_sas(right), 0);
}

static void what_is_agreed_on(void)
{
	static const struct {
		const char *left, *right;
		unsigned int exchanges;
		const char *proposal;	/* NULL: none */
	} cases[] = {
		{ BASE, BASE, 0, "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519" },
		{ BASE "-ke1_ecp384", BASE "-ke1_ecp384", 1,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_384" },
		/* As many as there are, in their order, whatever their numbers. */
		{ BASE "-ke7_ecp256-ke3_ecp384-ke2_ecp521", BASE "-ke2_ecp521-ke3_ecp384-ke7_ecp256",
		  3, "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE2_ECP_521/KE3_ECP_384/KE7_ECP_256" },
		/* The responder's liking. */
		{ BASE "-ke1_ecp256-ke1_ecp384", BASE "-ke1_ecp384-ke1_ecp256", 1,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_384" },
		{ BASE "-ke1_ecp256-ke1_none", BASE, 0,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519" },
		{ BASE, BASE "-ke1_none-ke1_ecp256", 0,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519" },
		{ BASE "-ke1_none-ke1_ecp256", BASE "-ke1_ecp256-ke1_none", 1,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_256" },
		{ BASE "-ke1_ecp256, " BASE, BASE, 0,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519" },
		/* No method twice. */
		{ BASE "-ke1_ecp256-ke1_x25519-ke2_ecp256-ke2_ecp384",
		  BASE "-ke1_x25519-ke1_ecp256-ke2_ecp256-ke2_ecp384", 2,
		  "AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_256/KE2_ECP_384" },
		{ BASE "-ke1_x25519", BASE "-ke1_x25519", 0, NULL },
		{ BASE "-ke1_ecp256", BASE, 0, NULL },
		{ BASE, BASE "-ke1_ecp256", 0, NULL },
		{ BASE "-ke1_ecp256", BASE "-ke1_ecp384", 0, NULL },
		{ BASE "-ke1_ecp256", BASE "-ke2_ecp256", 0, NULL },
	};
	struct job job;

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		net.tamper = count;
		job = initiate(cases[i].left, cases[i].right);
		EXPECT_EQ(job.ok, !!cases[i].proposal);
		EXPECT_EQ(intermediate, 2 * cases[i].exchanges);
		if (cases[i].proposal)
			expect_up(cases[i].proposal);
		else
			expect_nothing();
		net_clear(&net);
	}
}

static bool names_exchanges(const struct control_ike *ike, void *data)
{
	unsigned int *seen = data;

	++*seen;
	EXPECT_STR(ike->suite.dh_group, "CURVE_25519");
	EXPECT(!ike->suite.ake[0]);
	EXPECT_STR(ike->suite.ake[1], "ECP_384");
	EXPECT_STR(ike->suite.ake[6], "ECP_256");
	EXPECT_EQ(ike->if_id_in, 0);
	EXPECT_EQ(ike->if_id_out, 42);
	return true;
}

/* By their numbers, as they were agreed on; and the connection's if_id. */
static void listed(void)
{
	unsigned int seen = 0;

	initiate(BASE "-ke2_ecp384-ke7_ecp256\nif_id_out = 42", BASE "-ke2_ecp384-ke7_ecp256");
	control_attach(&left->manager);
	control_each_ike(false, names_exchanges, &seen);
	control_attach(NULL);
	EXPECT_EQ(seen, 1);
	net_clear(&net);
}

static enum fate lose_some(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)raw;
	return index % 3 == 0 ? LOSE : index % 3 == 1 ? DUPLICATE : PASS;
}

/* Of three one is lost, and one comes twice. */
static void lost(void)
{
	struct job job = { .job.done = job_done };
	struct conn *conn;

	left = net_host(&net, LEFT, NULL, conf(true, BASE "-ke1_ecp384-ke2_modp2048"));
	right = net_host(&net, RIGHT, NULL, conf(false, BASE "-ke1_ecp384-ke2_modp2048"));
	net.fate = lose_some;
	conn = config_find_conn(left->config, "gw");
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), &job.job);
	for (unsigned int i = 0; i < 16 && !job.done; i++) {
		net_run(&net);
		net_retransmit(&net);
	}
	EXPECT(job.ok);
	expect_up("AES_GCM_16_128/PRF_HMAC_SHA2_256/CURVE_25519/KE1_ECP_384/KE2_MODP_2048");
	net_clear(&net);
}

static uint16_t from;

/* Somebody on the way takes the notify out of IKE_SA_INIT. */
static void strip(struct net *n, uint8_t *octets, size_t len)
{
	const uint8_t notify[] = {
		0, 8, 0, 0, INTERMEDIATE_EXCHANGE_SUPPORTED >> 8,
		INTERMEDIATE_EXCHANGE_SUPPORTED & 0xff,
	};
	uint8_t *at;

	(void)n;
	if (octets[18] != IKE_SA_INIT || octets[19] != from)
		return;
	at = memmem(octets, len, notify, sizeof(notify));
	if (at)
		at[5] = 0xfe;
}

static void stripped(void)
{
	from = IKE_FLAG_INITIATOR;
	net.tamper = strip;
	EXPECT_STR(initiate(BASE "-ke1_ecp384", BASE "-ke1_ecp384").reason,
		   "received NO_PROPOSAL_CHOSEN (14) notify error");
	expect_nothing();
	net_clear(&net);
	from = IKE_FLAG_RESPONSE;
	net.tamper = strip;
	EXPECT_STR(initiate(BASE "-ke1_ecp384", BASE "-ke1_ecp384").reason,
		   "it has additional key exchanges, but no IKE_INTERMEDIATE");
	expect_nothing();
	net_clear(&net);
}

/* Or the key exchange out of the response: the initiator goes on with IKE_AUTH. */
static void take_out(struct net *n, uint8_t *octets, size_t len)
{
	const uint8_t transform[] = { 0, 8, TRANSFORM_ADDKE1, 0, 0, DH_ECP_384 };
	uint8_t *at;

	(void)n;
	if (octets[18] != IKE_SA_INIT || octets[19] != IKE_FLAG_RESPONSE)
		return;
	at = memmem(octets, len, transform, sizeof(transform));
	if (at)
		at[5] = DH_NONE;
}

static void left_out(void)
{
	net.tamper = take_out;
	EXPECT_STR(initiate(BASE "-ke1_ecp384-ke1_none", BASE "-ke1_ecp384").reason,
		   "received INVALID_SYNTAX (7) notify error");
	expect_nothing();
	net_clear(&net);
}

static const struct ktap_test tests[] = {
	{ "what is agreed on", what_is_agreed_on },
	{ "listed", listed },
	{ "lost messages", lost },
	{ "the notify taken out on the way", stripped },
	{ "the key exchange taken out on the way", left_out },
};

KTAP_MAIN(tests)
