// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "config.h"
#include "exchange.h"
#include "followup.h"
#include "fuzz.h"
#include "libnet.h"
#include "log.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static struct net net;
static struct host *left, *right;
static unsigned int count;
static void (*on_message)(struct kernel_message *msg, unsigned int number);
static struct control_job job;
static unsigned int jobs_done;

/* The linker has the stand-in for the kernel call this (--wrap). */
void __wrap_ike_manager_message(struct ike_manager *m, const struct kernel_message *msg);
void __real_ike_manager_message(struct ike_manager *m, const struct kernel_message *msg);

void __wrap_ike_manager_message(struct ike_manager *m, const struct kernel_message *msg)
{
	struct kernel_message changed = *msg;

	if (on_message)
		on_message(&changed, count++);
	__real_ike_manager_message(m, &changed);
}

static bool signs(const struct exchange_setup *s)
{
	return s->setup & SETUP_PUBKEY && !(s->setup & SETUP_TWO);
}

static EVP_PKEY *key_of(bool responder)
{
	const uint8_t seed[32] = { responder };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));

	CHECK(key);
	return key;
}

static void load_private_key(struct host *host, EVP_PKEY *key)
{
	struct secret secret = { .kind = SECRET_PRIVATE_KEY, .source = CONF_VICI };
	BIO *bio = BIO_new(BIO_s_mem());
	uint8_t id[KEY_ID_LEN];
	char *pem;

	CHECK(bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL));
	secret.len = (size_t)BIO_get_mem_data(bio, &pem);
	secret.data = (uint8_t *)pem;
	CHECK(!secrets_load_key(host->secrets.secrets, &secret, id));
	BIO_free(bio);
}

static void add_public_key(struct auth_conf *auth, EVP_PKEY *key)
{
	auth->pubkeys = calloc(1, sizeof(*auth->pubkeys));
	CHECK(auth->pubkeys && EVP_PKEY_up_ref(key));
	auth->pubkeys[0].key = key;
	auth->pubkey_count = 1;
}

static void load_keys(const struct exchange_setup *s, struct host *host, bool responder)
{
	struct conn *conn = config_find_conn(host->config, "gw");
	EVP_PKEY *own = key_of(responder), *other = key_of(!responder);

	if (responder || !(s->setup & SETUP_NO_SECRET))
		load_private_key(host, own);
	add_public_key(&conn->local, own);
	add_public_key(&conn->remote, other);
	EVP_PKEY_free(own);
	EVP_PKEY_free(other);
}

/* RFC 9370. */
static bool additional(const struct exchange_setup *s)
{
	return s->setup & SETUP_GROUPS && s->setup & SETUP_OTHER_IKE;
}

static const char *conf(const struct exchange_setup *s, bool responder)
{
	static char text[2048];
	uint16_t no_secret = responder ? SETUP_NO_SECRET_R : SETUP_NO_SECRET;
	const char *ike = "aes128gcm16-prfsha256-x25519-modp2048";
	const char *peer = "right.example", *esp = "aes128gcm16-esn-noesn", *mode = "tunnel";
	bool pubkey = s->setup & SETUP_PUBKEY;

	if (additional(s))
		ike = "aes128gcm16-prfsha256-x25519-ke1_ecp256-ke7_ecp384";
	else if (s->setup & SETUP_OTHER_IKE && responder)
		ike = "aes256-sha384-x25519";
	else if (s->setup & SETUP_GROUPS && responder)
		ike = "aes128gcm16-prfsha256-modp2048";
	if (responder && s->setup & SETUP_OTHER_ESP)
		esp = "aes256-sha512";
	else if (s->setup & SETUP_PFS && additional(s))
		esp = "aes128gcm16-x25519-ke1_ecp256-ke7_ecp384";
	else if (s->setup & SETUP_PFS)
		esp = responder && s->setup & SETUP_GROUPS ? "aes128gcm16-modp2048" :
							     "aes128gcm16-x25519-modp2048";
	if (s->setup & SETUP_TRANSPORT || (!responder && s->setup & SETUP_TRANSPORT_ONE))
		mode = "transport";
	if (responder)
		peer = s->setup & SETUP_ADDRESS ? "%any" : "*.example";
	else if (s->setup & SETUP_ANY)
		peer = "%any";
	snprintf(text, sizeof(text),
		 "connections { %s gw { local_addrs = %s\n remote_addrs = %s\n"
		 "proposals = %s\n encap = %s\n childless = %s\n %s\n"
		 "local { auth = %s\n id = %s\n }\n remote { auth = %s\n id = %s\n }\n"
		 "children { net { local_ts = %s\n remote_ts = %s\n esp_proposals = %s\n"
		 "mode = %s\n }\n"
		 "other { local_ts = dynamic[tcp/22]\n remote_ts = dynamic, 2001:db8::/32\n"
		 "} } } }\n"
		 "secrets { ike-a { secret = \"" SECRET "\"\n id = %s\n }\n"
		 "ppk { secret = \"" SECRET "\"\n id = %s\n } }\n",
		 responder && s->setup & SETUP_TWO ?
		 "first { proposals = aes256-sha512-ecp521\n"
		 "local { auth = psk\n } remote { auth = psk\n } }" : "",
		 responder ? RIGHT : s->setup & SETUP_NAT ? "10.9.9.9" : LEFT,
		 responder ? "%any" : RIGHT, ike, s->setup & SETUP_ENCAP ? "yes" : "no",
		 s->then & THEN_CHILDLESS && !responder ? "prefer" :
		 s->setup & SETUP_OTHER_ESP && s->setup & SETUP_TS && responder ? "force" : "allow",
		 !(s->then & THEN_PPK) ? "" : s->setup & SETUP_TWO ?
		 "ppk_id = ppk\n ppk_required = yes" : "ppk_id = ppk",
		 signs(s) || (pubkey && !responder && s->setup & SETUP_NO_SECRET) ? "pubkey" : "psk",
		 responder ? "right.example" : s->setup & SETUP_ADDRESS ? "%any" : "left.example",
		 pubkey ? "pubkey" : "psk", peer,
		 s->setup & (SETUP_TRANSPORT | SETUP_TRANSPORT_ONE) ? "dynamic" :
		 !responder ? "10.1.0.0/16" :
		 s->setup & SETUP_TS ? "10.2.7.0/24[tcp]" : "10.2.0.0/16",
		 s->setup & (SETUP_TRANSPORT | SETUP_TRANSPORT_ONE) ? "dynamic" :
		 responder ? "10.0.0.0/8" : "10.2.0.0/16", esp, mode,
		 s->setup & no_secret ? "nobody.example" : "%any",
		 s->then & THEN_PPK && !(s->setup & no_secret) ? "ppk" : "nobody");
	return text;
}

static void job_done(struct control_job *done, bool ok, const char *reason)
{
	CHECK(done == &job && ok == !reason);
	jobs_done++;
}

static void initiate(void)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	jobs_done = 0;
	job = (struct control_job){ .done = job_done };
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), &job);
	net_run(&net);
}

static void settle(void)
{
	net_run(&net);
	net_give_up(&net);
	net_expire(&net);
}

/* A Child SA that the peer has put off is asked for again. */
static bool ask_again(void)
{
	struct child_sa *child;
	struct ike_sa *sa;

	for (sa = left->manager.sas; sa; sa = sa->next) {
		for (child = sa->children; child; child = child->next) {
			if (child->state != CHILD_CREATED || !loop_timer_armed(&child->timer))
				continue;
			loop_timer_cancel(left->loop, &child->timer);
			child->timer.expired(&child->timer);
			settle();
			return true;
		}
	}
	return false;
}

/* Until who waits knows; there are so many records at most that put it off. */
static void settle_job(void)
{
	unsigned int i;

	settle();
	for (i = 0; i < 64 && !jobs_done && ask_again(); i++)
		;
	CHECK(jobs_done == 1);
}

/* Each end has as many of the other's ESP SAs as Child SAs say, and no policy alone. */
static void check_states(const struct host *host)
{
	const struct child_sa *child;
	const struct ike_sa *sa;
	unsigned int n = 0;

	for (sa = host->manager.sas; sa; sa = sa->next)
		for (child = sa->children; child; child = child->next)
			n += child->state != CHILD_CREATED;
	CHECK(host_states(host) <= 2 * n);
	CHECK(n || !host_policies(host));
}

static void rekey(struct host *host)
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

/* The time is over of what the peer does not go on with. */
static void end_followups(struct host *host)
{
	struct ike_sa *sa;

	for (sa = host->manager.sas; sa; sa = sa->next) {
		if (!sa->followups)
			continue;
		loop_timer_cancel(host->loop, &sa->followups->timer);
		sa->followups->timer.expired(&sa->followups->timer);
		settle();
		return;
	}
}

/* What is under way crosses on its way; what was rekeyed goes after some time. */
static void create_children(uint16_t then)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	if (then & THEN_REKEY_IKE)
		rekey_ike(left);
	if (then & THEN_REKEY_IKE_R)
		rekey_ike(right);
	if (then & THEN_REKEY)
		rekey(left);
	if (then & THEN_REKEY_R)
		rekey(right);
	if (then & THEN_TERMINATE && host_established(left) && host_established(left)->children)
		ike_manager_terminate_child(&left->manager,
					    host_established(left)->children->unique_id, NULL);
	settle();
	end_followups(left);
	end_followups(right);
	if (then & THEN_ANOTHER && host_established(left))
		ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "other"), NULL);
	settle();
	check_states(left);
	check_states(right);
}

static void delete_child(struct host *host)
{
	const struct ike_sa *sa = host_established(host);

	if (sa && sa->children)
		ike_manager_terminate_child(&host->manager, sa->children->unique_id, NULL);
	settle();
}

static void delete_ike(struct host *host)
{
	const struct ike_sa *sa = host->manager.sas;

	if (sa)
		ike_manager_terminate_ike(&host->manager, sa->unique_id, false, NULL);
	settle();
}

static void stopped(struct ike_manager *m)
{
	(void)m;
}

void exchange_request(bool from_responder, uint8_t exchange, uint8_t first,
		      const uint8_t *chain, size_t len)
{
	struct host *host = from_responder ? right : left;
	const struct ike_sa *sa = host_established(host);

	settle();
	if (!sa || sa != host_established(host))
		return;
	host_send_request(host, sa, exchange, first, chain, len);
	settle();
}

/* The second response comes while the first one's shared secret is being made. */
static enum fate twice(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	return raw ? DUPLICATE : PASS;
}

void exchange_run(const struct exchange_setup *s,
		  void (*message)(struct kernel_message *msg, unsigned int number),
		  void (*more)(void))
{
	bool initiated;

	fuzz_reset_random();
	fuzz_watch_log(SECRET);
	count = 0;
	on_message = message;
	left = net_host(&net, s->setup & SETUP_NAT ? "10.9.9.9" : LEFT,
			s->setup & SETUP_NAT ? "203.0.113.1" : NULL, conf(s, false));
	right = net_host(&net, RIGHT, NULL, conf(s, true));
	left->xfrm.fail_states = s->setup & SETUP_NO_XFRM;
	if (s->then & THEN_RETRANSMIT) {
		net.fate = twice;
		net.busy = true;
	}
	if (signs(s)) {
		load_keys(s, left, false);
		load_keys(s, right, true);
	}

	fuzz_fail_allocation(s->fail);
	initiate();
	net.busy = false;
	net_run(&net);
	if (s->then & THEN_RETRANSMIT)
		net_retransmit(&net);
	check_states(left);
	check_states(right);
	if (s->then & (THEN_REKEY_IKE | THEN_REKEY_IKE_R | THEN_REKEY | THEN_REKEY_R |
		       THEN_ANOTHER))
		create_children(s->then);
	if (more)
		more();
	if (s->then & THEN_FORGET) {
		while (left->manager.sas)
			ike_sa_destroy(left->manager.sas, "forgotten");
		settle();
	}
	initiated = s->then & THEN_INITIATE;
	if (initiated) {
		/* The first job's outcome is in: the attempt is over, one way or the other. */
		settle_job();
		initiate();
	}
	if (s->then & THEN_DELETE_CHILD)
		delete_child(left);
	if (s->then & THEN_DELETE_CHILD_R)
		delete_child(right);
	if (s->then & THEN_DELETE_IKE)
		delete_ike(left);
	if (s->then & THEN_DELETE_IKE_R)
		delete_ike(right);
	if (s->then & THEN_STOP) {
		ike_manager_stop(&right->manager, 0, stopped);
		settle();
	}
	/* Whoever waits learns how it ended, once. */
	settle_job();
	check_states(left);
	check_states(right);
	fuzz_fail_allocation(0);
	net_clear(&net);
}
