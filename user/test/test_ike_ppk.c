// SPDX-License-Identifier: GPL-2.0
/* Postquantum preshared keys (RFC 8784), between two daemons' cores. */
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "ktap.h"
#include "libjob.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

#define PPK		"ppk-a {\n secret = 0x0102030405060708\n id = ppk@example\n }\n"
#define OTHER_PPK	"ppk-a {\n secret = 0x0102030405060709\n id = ppk@example\n }\n"
#define ANY_PPK		"ppk {\n secret = 0x0102030405060708\n }\n"
#define OF_ANOTHER	"ppk-b {\n secret = 0x0102030405060708\n id = other@example\n }\n"

#define ID		"ppk_id = ppk@example"
#define REQUIRED	"ppk_id = ppk@example\n ppk_required = yes"

#define FAILED		"received AUTHENTICATION_FAILED (24) notify error"

static struct net net;
static struct host *left, *right;

static const char *conf(bool of_left, const char *settings, const char *ppk)
{
	static char text[2048];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;

	snprintf(text, sizeof(text),
		 "connections {\n  gw {\n    local_addrs = %s\n    remote_addrs = %s\n"
		 "    proposals = aes128gcm16-prfsha384-x25519\n    %s\n"
		 "    local {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    remote {\n      auth = psk\n      id = %s.example\n    }\n"
		 "    children {\n      net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n"
		 " esp_proposals = aes128gcm16\n }\n"
		 "    }\n  }\n}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n %s }\n",
		 of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings, me, peer, a, b, ppk);
	return text;
}

static struct job initiate(void)
{
	struct conn *conn = config_find_conn(left->config, "gw");
	struct job job = { .job.done = job_done };

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

/* Both ends have the same keys, of the IKE SA and for ESP. */
static void expect_up(bool ppk)
{
	const struct ike_sa *l = host_established(left), *r = host_established(right);
	const struct fake_state *a, *b;
	unsigned int pairs = 0;

	host_end_lingering(left);
	host_end_lingering(right);
	REQUIRE(l && r);
	EXPECT_EQ(l->ppk, ppk);
	EXPECT_EQ(r->ppk, ppk);
	EXPECT_HEX(l->sk_d, r->sk_d, 48);
	EXPECT_EQ(host_states(left), 2);
	for (a = left->xfrm.states; a; a = a->next) {
		for (b = right->xfrm.states; b; b = b->next) {
			if (a->spi != b->spi)
				continue;
			EXPECT_HEX(a->encr_key, b->encr_key, sizeof(a->encr_key));
			pairs++;
		}
	}
	EXPECT_EQ(pairs, 2);
}

static void expect_nothing(void)
{
	EXPECT_EQ(host_ike_sas(left) + host_ike_sas(right), 0);
	EXPECT_EQ(host_kernel_sas(left) + host_kernel_sas(right), 0);
	EXPECT_EQ(host_states(left) + host_states(right), 0);
}

static void who_has_what(void)
{
	static const struct {
		const char *left, *left_ppk, *right, *right_ppk;
		bool ppk;
		const char *reason;	/* NULL: it is up */
	} cases[] = {
		{ ID, PPK, "", PPK, true, NULL },
		{ ID, PPK, ID, PPK, true, NULL },
		{ ID, ANY_PPK, "ppk_id = *@example", PPK, true, NULL },
		{ REQUIRED, PPK, REQUIRED, PPK, true, NULL },
		{ REQUIRED, PPK, "", ANY_PPK, true, NULL },
		{ ID, PPK, REQUIRED, PPK, true, NULL },
		{ "ppk_id = \"keyid:#70706b406578616d706c65\"", ANY_PPK, "", PPK, true, NULL },
		/* One end has none, or none of that name, and it is not required. */
		{ "", "", ID, PPK, false, NULL },
		{ ID, PPK, "", "", false, NULL },
		{ ID, "", "", PPK, false, NULL },
		{ ID, PPK, "", OF_ANOTHER, false, NULL },
		{ "ppk_id = *@example", PPK, "", PPK, false, NULL },
		{ "", PPK, "", PPK, false, NULL },
		/* It is. */
		{ REQUIRED, PPK, "", "", false, "PPK required but peer does not support PPK" },
		{ REQUIRED, "", "", PPK, false, "PPK required but no PPK found for 'ppk@example'" },
		{ "ppk_required = yes", PPK, "", PPK, false,
		  "PPK required but no PPK_ID configured" },
		{ REQUIRED, PPK, "", OF_ANOTHER, false, FAILED },
		{ "", PPK, REQUIRED, PPK, false, FAILED },
		{ ID, "", REQUIRED, PPK, false, FAILED },
		{ ID, PPK, REQUIRED, "", false, FAILED },
		{ ID, PPK, REQUIRED, OF_ANOTHER, false, FAILED },
		{ ID, PPK, "ppk_id = other@example", ANY_PPK, false, FAILED },
		/* The same name, and another PPK. */
		{ ID, PPK, ID, OTHER_PPK, false, FAILED },
		{ REQUIRED, PPK, REQUIRED, OTHER_PPK, false, FAILED },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct job job;

		left = net_host(&net, LEFT, NULL, conf(true, cases[i].left, cases[i].left_ppk));
		right = net_host(&net, RIGHT, NULL, conf(false, cases[i].right, cases[i].right_ppk));
		job = initiate();
		EXPECT_STR(job.reason, cases[i].reason ?: "");
		if (cases[i].reason)
			expect_nothing();
		else
			expect_up(cases[i].ppk);
		net_clear(&net);
	}
}

/* The IKE SA that a rekeying makes, and the daemon that comes next, know of it. */
static void afterwards(void)
{
	left = net_host(&net, LEFT, NULL, conf(true, REQUIRED, PPK));
	right = net_host(&net, RIGHT, NULL, conf(false, REQUIRED, PPK));
	EXPECT(initiate().ok);
	ike_manager_rekey_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
	expect_up(true);
	host_die(left);
	host_start(left, conf(true, REQUIRED, PPK));
	expect_up(true);
	ike_manager_reauth_ike(&left->manager, host_established(left)->unique_id);
	net_run(&net);
	expect_up(true);
	net_clear(&net);
}

static uint16_t from;

/* Somebody on the way takes a notify out of IKE_SA_INIT. */
static void strip(struct net *n, uint8_t *octets, size_t len)
{
	const uint8_t use_ppk[] = { 0, 8, 0, 0, USE_PPK >> 8, USE_PPK & 0xff };
	uint8_t *at;

	(void)n;
	if (octets[18] != IKE_SA_INIT || octets[19] != from)
		return;
	at = memmem(octets, len, use_ppk, sizeof(use_ppk));
	if (at)
		at[5] = 0xff;
}

static void stripped(void)
{
	static const uint8_t flags[] = { IKE_FLAG_INITIATOR, IKE_FLAG_RESPONSE };

	for (unsigned int i = 0; i < 2; i++) {
		left = net_host(&net, LEFT, NULL, conf(true, ID, PPK));
		right = net_host(&net, RIGHT, NULL, conf(false, ID, PPK));
		from = flags[i];
		net.tamper = strip;
		EXPECT(!initiate().ok);
		net_run(&net);
		expect_nothing();
		net_clear(&net);
	}
}

static const struct ktap_test tests[] = {
	{ "who has what", who_has_what },
	{ "afterwards", afterwards },
	{ "taken out on the way", stripped },
};

KTAP_MAIN(tests)
