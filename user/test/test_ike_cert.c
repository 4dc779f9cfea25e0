// SPDX-License-Identifier: GPL-2.0
/* Two daemons' cores that authenticate with certificates, over a network in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "config.h"
#include "jobs.h"
#include "ktap.h"
#include "libcert.h"
#include "libnet.h"
#include "lookup.h"
#include "revocation.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE", NULL };

static struct net net;
static struct host *left, *right;
static struct cert_pair root;
static const char *last_reason;
static char reason[512];

static void job_done(struct control_job *job, bool ok, const char *why)
{
	(void)job;
	snprintf(reason, sizeof(reason), "%s", why ? why : "");
	last_reason = ok ? NULL : reason;
}

static const char *conf_of(const char *me, const char *peer, const char *local,
			   const char *remote, const char *my_auth, const char *auth)
{
	static char text[2048];

	snprintf(text, sizeof(text),
		 "connections { gw {\n local_addrs = %s\n remote_addrs = %s\n"
		 " proposals = aes128gcm16-prfsha256-x25519\n"
		 " local { auth = %s\n id = %s\n }\n remote { auth = %s\n id = %s\n }\n"
		 " children { net { local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n }\n }\n }\n}\n"
		 "secrets { ike { secret = shared\n }\n }\n",
		 local, remote, my_auth, me, auth, peer, *me == 'l' ? 1 : 2, *me == 'l' ? 2 : 1);
	return text;
}

static const char *conf(const char *me, const char *peer, const char *local,
			const char *remote, const char *auth)
{
	return conf_of(me, peer, local, remote, auth, auth);
}

static const char *conf_at(const struct host *host, const char *auth, const char *peer_auth)
{
	if (host == left)
		return conf_of("left.example", "right.example", LEFT, RIGHT, auth, peer_auth);
	return conf_of("right.example", "left.example", RIGHT, LEFT, auth, peer_auth);
}

/* A certificate of the root's for one's name, with a key of this kind. */
static void certify(struct host *host, const char *san, const char *kind)
{
	const char *const extensions[] = { "subjectAltName", san, NULL };
	struct cert_plan plan = { .name = "gw", .issuer = &root, .extensions = extensions };
	struct cert_pair gw;

	plan.key = !strcmp(kind, "RSA") ? EVP_RSA_gen(2048) :
		   !strcmp(kind, "ED25519") ? EVP_PKEY_Q_keygen(NULL, NULL, kind) :
					      EVP_EC_gen(kind);
	gw = cert_make(&plan);
	host_load_cert(host, CREDENTIAL_CERT, gw.cert);
	host_load_key(host, gw.key);
	cert_pair_free(&gw);
	EVP_PKEY_free(plan.key);
}

static void begin(const char *left_auth, const char *right_auth)
{
	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	left = net_host(&net, LEFT, NULL, conf("left.example", "right.example", LEFT, RIGHT,
					       left_auth));
	right = net_host(&net, RIGHT, NULL, conf("right.example", "left.example", RIGHT, LEFT,
						 right_auth));
	host_load_cert(left, CREDENTIAL_CA, root.cert);
	host_load_cert(right, CREDENTIAL_CA, root.cert);
}

static void end(void)
{
	net.tamper = NULL;
	net_clear(&net);
	cert_pair_free(&root);
}

/* Why not, or NULL. */
static const char *initiate(void)
{
	struct control_job job = { .done = job_done };
	struct conn *conn = config_find_conn(left->config, "gw");

	last_reason = "nothing was heard";
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), &job);
	net_run(&net);
	return last_reason;
}

static void establishes(void)
{
	static const char *const kinds[] = { "RSA", "P-256", "P-384", "P-521", "ED25519" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		begin("pubkey", "pubkey");
		certify(left, "DNS:left.example", kinds[i]);
		certify(right, "DNS:right.example", kinds[(i + 1) % 5]);
		EXPECT(!initiate());
		EXPECT(host_established(left) && host_established(right));
		EXPECT_EQ(host_states(left), 2);
		end();
	}
}

static void without_threads(void)
{
	net.no_threads = true;
	begin("pubkey", "pubkey");
	certify(left, "DNS:left.example", "P-256");
	certify(right, "DNS:right.example", "RSA");
	EXPECT(!initiate());
	EXPECT(host_established(left) && host_established(right));
	end();
}

/* From here on what threads are to do waits: of IKE_AUTH the request, or the response. */
static unsigned int sealed, busy_from;

static enum fate keep_busy(struct net *n, unsigned int index, bool raw)
{
	(void)index;
	if (!raw && sealed++ == busy_from)
		net_keep_busy(n);
	return PASS;
}

static void initiate_until(unsigned int datagram)
{
	struct conn *conn = config_find_conn(left->config, "gw");

	sealed = 0;
	busy_from = datagram;
	net.fate = keep_busy;
	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), NULL);
	net_run(&net);
	net.fate = NULL;
}

static void go_on(void)
{
	net_let_go(&net);
	net_run(&net);
}

/* While the responder's signature is made the IKE SA goes. */
static void ended_while_it_signs(void)
{
	begin("pubkey", "pubkey");
	host_config(left, conf_at(left, "psk", "pubkey"));
	host_config(right, conf_at(right, "pubkey", "psk"));
	certify(right, "DNS:right.example", "P-256");
	initiate_until(0);
	REQUIRE(right->manager.sas);
	EXPECT(right->manager.sas->handshake->signatures);
	EXPECT_EQ(jobs_count(), TEST_SIGNERS + 1);
	net_expire(&net);
	EXPECT_EQ(host_ike_sas(right), 0);
	EXPECT_EQ(jobs_count(), TEST_SIGNERS);
	net_give_up(&net);
	net_let_go(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	end();
}

static void load_cert_of(struct host *host, const struct host *other)
{
	const struct credential *c = other->config->credentials->first;

	while (c && c->kind != CREDENTIAL_CERT)
		c = c->next;
	REQUIRE(c);
	host_load_cert(host, CREDENTIAL_CERT, c->cert);
}

/* Certificates come along, and are read first; or were loaded at both ends. */
static bool come_along;

/* The responder's, or the initiator's message is held: its signature is being verified. */
static struct host *hold_at(bool initiator)
{
	struct host *host;

	begin("pubkey", "pubkey");
	host = initiator ? left : right;
	certify(left, "DNS:left.example", "P-256");
	certify(right, "DNS:right.example", "P-384");
	if (!come_along) {
		load_cert_of(left, right);
		load_cert_of(right, left);
		config_find_conn(left->config, "gw")->send_cert = SEND_CERT_NEVER;
		config_find_conn(right->config, "gw")->send_cert = SEND_CERT_NEVER;
	}
	initiate_until(initiator);
	EXPECT(host->manager.sas && host->manager.sas->handshake &&
	       host->manager.sas->handshake->verification &&
	       host->manager.sas->handshake->held.data);
	EXPECT(!host_established(host));
	EXPECT_EQ(jobs_count(), TEST_SIGNERS + 1);
	return host;
}

static void expect_established(bool yes)
{
	EXPECT_EQ(host_established(left) != NULL, yes);
	EXPECT_EQ(host_established(right) != NULL, yes);
	EXPECT_EQ(host_states(left), yes ? 2 : 0);
	EXPECT_EQ(host_states(right), yes ? 2 : 0);
	EXPECT_EQ(jobs_count(), 0);
}

static void verified_by_threads(void)
{
	for (int i = 0; i < 4; i++) {
		come_along = i & 1;
		hold_at(i & 2);
		go_on();
		expect_established(true);
		end();
	}
}

/* The IKE SA goes, and with it what is to be verified. */
static void ended_while_it_verifies(void)
{
	for (int i = 0; i < 4; i++) {
		struct host *host;

		come_along = i & 1;
		host = hold_at(i & 2);
		REQUIRE(host->manager.sas);
		ike_sa_destroy(host->manager.sas, NULL);
		EXPECT_EQ(jobs_count(), TEST_SIGNERS);
		net_let_go(&net);
		EXPECT_EQ(host_ike_sas(host), 0);
		end();
	}
}

/* What the responder asks for is after its IKE_AUTH response, and waits with it. */
static void next_request(void)
{
	struct ike_sa *sa;

	hold_at(true);
	sa = host_established(right);
	REQUIRE(sa && sa->children);
	ike_manager_rekey_child(&right->manager, sa->children->unique_id);
	net_run(&net);
	EXPECT(left->manager.sas->handshake && left->manager.sas->handshake->has_next);
	go_on();
	EXPECT(host_established(left) && host_established(right));
	end();
	/* Be it an empty one. */
	hold_at(true);
	sa = host_established(right);
	REQUIRE(sa);
	EXPECT(!host_send_request(right, sa, INFORMATIONAL, 0, NULL, 0));
	net_run(&net);
	EXPECT(left->manager.sas->handshake && left->manager.sas->handshake->has_next);
	go_on();
	expect_established(true);
	end();
	/* Or the end of what is not there yet. */
	hold_at(true);
	ike_manager_terminate_ike(&right->manager, host_established(right)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	go_on();
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT_EQ(host_ike_sas(right), 0);
	end();
	/* Without the SA nothing is left of it. */
	hold_at(true);
	host_send_request(right, host_established(right), INFORMATIONAL, 0, NULL, 0);
	net_run(&net);
	ike_sa_destroy(left->manager.sas, NULL);
	go_on();
	end();
}

/* It is by the configuration that there is when it is known. */
static void loaded_while_it_verifies(void)
{
	for (int i = 0; i < 4; i++) {
		const bool initiator = i & 2;
		struct cert_pair another;
		struct host *host;
		uint64_t loaded;

		come_along = i & 1;
		/* The same once more. */
		host = hold_at(initiator);
		host_config(host, conf_at(host, "pubkey", "pubkey"));
		go_on();
		expect_established(true);
		end();
		/* Its CA is none any more. */
		host = hold_at(initiator);
		credentials_clear(host->config->credentials, CONF_VICI);
		go_on();
		EXPECT(!host_established(host));
		end();
		/* It is one by now. */
		begin("pubkey", "pubkey");
		host = initiator ? left : right;
		credentials_clear(host->config->credentials, CONF_VICI);
		certify(left, "DNS:left.example", "P-256");
		certify(right, "DNS:right.example", "P-256");
		if (come_along)
			config_find_conn(left->config, "gw")->send_cert = SEND_CERT_ALWAYS;
		if (come_along)
			config_find_conn(right->config, "gw")->send_cert = SEND_CERT_ALWAYS;
		else
			load_cert_of(initiator ? right : left, host);
		initiate_until(initiator);
		EXPECT(host->manager.sas && host->manager.sas->handshake->verification);
		if (come_along)
			host_load_cert(host, CREDENTIAL_CA, root.cert);
		else
			load_cert_of(host, initiator ? right : left);
		go_on();
		expect_established(true);
		end();
		/* Or another one is. */
		host = hold_at(initiator);
		another = cert_make(&(struct cert_plan){ .name = "another", .extensions = of_ca });
		credentials_clear(host->config->credentials, CONF_VICI);
		host_load_cert(host, CREDENTIAL_CA, another.cert);
		cert_pair_free(&another);
		go_on();
		EXPECT(!host_established(host));
		end();
		/* Another connection is chosen as responder; an initiator goes on with its own. */
		host = hold_at(initiator);
		host_config(host, conf_at(host, "pubkey", "ed25519"));
		go_on();
		EXPECT_EQ(host_established(host) != NULL, initiator);
		end();
		/* Be it that alone that has changed. */
		host = hold_at(initiator);
		loaded = host->config->credentials->loaded;
		host_config(host, conf_at(host, "pubkey", "ecdsa-521"));
		host->config->credentials->loaded = loaded;
		go_on();
		EXPECT_EQ(host_established(host) != NULL, initiator);
		end();
	}
}

/* With all that the host has, or none. */
static X509_CRL *make_crl(const struct cert_pair *ca, const struct host *host)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -DAY);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_gmtime_adj(t, DAY);
	X509_CRL_set1_nextUpdate(crl, t);
	for (const struct credential *c = host ? host->config->credentials->first : NULL; c;
	     c = c->next) {
		X509_REVOKED *entry;

		if (c->kind != CREDENTIAL_CERT)
			continue;
		entry = X509_REVOKED_new();
		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(c->cert));
		X509_REVOKED_set_revocationDate(entry, t);
		X509_CRL_add0_revoked(crl, entry);
	}
	X509_CRL_sign(crl, ca->key, EVP_sha256());
	ASN1_TIME_free(t);
	return crl;
}

/* A CRL, with what this one has, or nothing. */
static void fetched(struct host *host, const struct cert_pair *ca, const struct host *revoked)
{
	X509_CRL *crl = make_crl(ca, revoked);
	char uri[] = "http://ca/0";

	uri[sizeof(uri) - 2] += (char)host->config->credentials->fetched;
	EXPECT(!credentials_put_fetched(host->config->credentials, uri, crl));
	X509_CRL_free(crl);
}

/* Nothing was known of the certificate when it was begun to be verified; it is now. */
static void revoked_while_it_verifies(void)
{
	for (int i = 0; i < 4; i++) {
		struct host *host;

		come_along = i & 1;
		host = hold_at(i & 2);
		fetched(host, &root, i & 2 ? right : left);
		go_on();
		EXPECT(!host_established(host));
		end();
	}
}

/*
 * None comes along, and of those that were loaded one has another key, of one nothing is known,
 * which is asked for, and the third is good.
 */
static void tries_all(void)
{
	static const char *const of_left[] = { "subjectAltName", "DNS:left.example", NULL };
	for (int busy = 0; busy < 2; busy++) {
		struct cert_pair pairs[3], other;

		begin("pubkey", "pubkey");
		certify(right, "DNS:right.example", "P-256");
		other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
		host_load_cert(right, CREDENTIAL_CA, other.cert);
		for (int i = 0; i < 3; i++) {
			pairs[i] = cert_make(&(struct cert_plan){
				.name = "left", .issuer = i == 1 ? &other : &root,
				.extensions = of_left, .key = i == 2 ? pairs[1].key : NULL });
			host_load_cert(right, CREDENTIAL_CERT, pairs[i].cert);
		}
		host_load_cert(left, CREDENTIAL_CERT, pairs[2].cert);
		host_load_key(left, pairs[2].key);
		config_find_conn(left->config, "gw")->send_cert = SEND_CERT_NEVER;
		config_find_conn(right->config, "gw")->remote.revocation = REVOCATION_STRICT;
		if (!busy)
			EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
		fetched(right, &root, NULL);
		initiate_until(busy ? 0 : 10);
		if (busy)
			go_on();
		expect_established(true);
		for (int i = 0; i < 3; i++)
			cert_pair_free(&pairs[i]);
		cert_pair_free(&other);
		end();
	}
}

/* The one whom a responder is asked for. */
struct lookup {
	struct lookup_job *job;
};

int lookup_ask(struct lookup *l, struct lookup_job *job, enum lookup_kind kind,
	       const char *text, const void *body, size_t len)
{
	(void)text;
	(void)body;
	(void)len;
	EXPECT(!l->job && kind == LOOKUP_OCSP);
	l->job = job;
	return 0;
}

void lookup_cancel(struct lookup_job *job)
{
	(void)job;
}

/*
 * While a responder is asked about one of two that were loaded, it becomes known by a CRL that the
 * other one is revoked: that is to be heeded, though the responder says then that the first is.
 */
static void another_is_revoked_meanwhile(void)
{
	static const char *const of_ocsp[] = { "subjectAltName", "DNS:left.example",
		"authorityInfoAccess", "OCSP;URI:http://ocsp.example/", NULL };
	static const char *const of_left[] = { "subjectAltName", "DNS:left.example", NULL };

	for (int no_threads = 0; no_threads < 2; no_threads++) {
		struct cert_pair other, first, second;
		struct lookup network = { 0 };
		unsigned char *der;
		size_t len;

		net.no_threads = no_threads;
		begin("pubkey", "pubkey");
		right->manager.revocation = revocation_new(&network, right->config);
		certify(right, "DNS:right.example", "P-256");
		other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
		first = cert_make(&(struct cert_plan){ .name = "left", .issuer = &root,
						       .extensions = of_ocsp });
		second = cert_make(&(struct cert_plan){ .name = "left", .issuer = &other,
							.extensions = of_left, .key = first.key });
		host_load_cert(right, CREDENTIAL_CA, other.cert);
		host_load_cert(right, CREDENTIAL_CERT, first.cert);
		host_load_cert(right, CREDENTIAL_CERT, second.cert);
		host_load_cert(left, CREDENTIAL_CERT, second.cert);
		host_load_key(left, first.key);
		config_find_conn(left->config, "gw")->send_cert = SEND_CERT_NEVER;
		config_find_conn(right->config, "gw")->remote.revocation = REVOCATION_RELAXED;
		fetched(right, &root, NULL);
		initiate_until(10);
		EXPECT(!host_established(right));
		fetched(right, &other, left);
		len = ocsp_make(&root, root.cert, first.cert, V_OCSP_CERTSTATUS_REVOKED, -60, DAY,
				&der);
		if (EXPECT(network.job))
			network.job->done(network.job, NULL, der, len);
		OPENSSL_free(der);
		net_run(&net);
		EXPECT(!host_established(right));
		revocation_free(right->manager.revocation);
		right->manager.revocation = NULL;
		cert_pair_free(&other);
		cert_pair_free(&first);
		cert_pair_free(&second);
		end();
	}
}

/* No kind of authentication stands in for another. */
static void kinds_do_not_mix(void)
{
	begin("pubkey", "psk");
	certify(left, "DNS:left.example", "P-256");
	EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
	end();
	begin("psk", "pubkey");
	certify(right, "DNS:right.example", "P-256");
	EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
	EXPECT(!host_established(right));
	end();
}

/* IKE_SA_INIT without SIGNATURE_HASH_ALGORITHMS, to who receives it. */
static bool of_response;

static void downgrade(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	if (octets[18] != IKE_SA_INIT || !(octets[19] & IKE_FLAG_RESPONSE) == of_response)
		return;
	for (size_t i = IKE_HEADER_LEN; i + 4 < len; i++)
		if (!memcmp(octets + i, "\0\0\x40\x2f", 4))
			octets[i + 3] = 0xff;
}

static void wrong_signature(void)
{
	for (int i = 0; i < 2; i++) {
		begin("pubkey", "pubkey");
		certify(left, "DNS:left.example", "P-256");
		certify(right, "DNS:right.example", "P-256");
		of_response = i;
		net.tamper = downgrade;
		if (i)
			EXPECT_STR(initiate(), "its signature is wrong");
		else
			EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
		EXPECT(!host_established(left) && !host_established(right));
		end();
	}
}

static void refusals(void)
{
	begin("pubkey", "pubkey");
	certify(left, "DNS:left.example", "P-256");
	EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
	certify(right, "DNS:wrong.example", "P-256");
	EXPECT_STR(initiate(), "received AUTHENTICATION_FAILED (24) notify error");
	end();
	begin("pubkey", "pubkey");
	certify(right, "DNS:right.example", "P-256");
	EXPECT_STR(initiate(), "no private key found");
	certify(left, "DNS:left.example", "P-256");
	credentials_clear(left->config->credentials, CONF_VICI);
	EXPECT_STR(initiate(), "no private key found");
	end();
}

static size_t request_len, response_len, nonce_len;
static bool asked, named, childless;

static void measure(struct net *n, uint8_t *octets, size_t len)
{
	const struct payload *certreq;
	struct payload_chain chain;
	struct notify notify;

	(void)n;
	if (octets[18] != IKE_SA_INIT)
		return;
	if (!(octets[19] & IKE_FLAG_RESPONSE)) {
		request_len = len;
		return;
	}
	response_len = len;
	EXPECT(!payload_parse(&chain, octets[16], octets + IKE_HEADER_LEN, len - IKE_HEADER_LEN));
	certreq = payload_find(&chain, PAYLOAD_CERTREQ);
	asked = certreq;
	named = certreq && certreq->len > 1;
	childless = !notify_find(&notify, &chain, CHILDLESS_IKEV2_SUPPORTED);
	nonce_len = payload_find(&chain, PAYLOAD_NONCE)->len;
}

/* A request with nothing that the response does not have, too. */
static void ask(size_t nonce)
{
	const struct proposal *offer = &config_find_conn(left->config, "gw")->proposals.v[0];
	struct endpoint src = left->addr, dst = right->addr;
	uint8_t public[DH_PUBLIC_MAX], octets[128] = { 1 };
	struct dh *dh = dh_new(DH_CURVE25519);
	struct payload_writer w;

	payload_begin(&w, IKE_HEADER_LEN);
	payload_open(&w, PAYLOAD_SA);
	proposal_write(&w.buf, offer, 1, NULL, 0);
	payload_close(&w);
	payload_open(&w, PAYLOAD_KE);
	buf_put16(&w.buf, DH_CURVE25519);
	buf_put16(&w.buf, 0);
	EXPECT(!dh_public(dh, public));
	buf_put(&w.buf, public, dh_public_len(DH_CURVE25519));
	payload_close(&w);
	payload_add(&w, PAYLOAD_NONCE, octets, nonce);
	ike_header_write(w.buf.data, &(struct ike_header) {
		.spi_i = 0x4711 + nonce, .next_payload = w.first, .version = IKE_VERSION,
		.exchange = IKE_SA_INIT, .flags = IKE_FLAG_INITIATOR, .length = w.buf.len });
	src.port = 500;
	dst.port = 500;
	request_len = w.buf.len;
	response_len = 0;
	net_inject(&net, &src, &dst, w.buf.data, w.buf.len);
	net_run(&net);
	EXPECT(response_len && response_len <= request_len);
	buf_clear(&w.buf);
	dh_free(dh);
}

/*
 * The response is not longer than the request, with a CERTREQ and CHILDLESS_IKEV2_SUPPORTED,
 * too: our nonce makes room for them, where it can. Its length is even.
 */
static void never_longer(void)
{
	begin("pubkey", "pubkey");
	certify(left, "DNS:left.example", "P-256");
	certify(right, "DNS:right.example", "P-256");
	net.tamper = measure;
	EXPECT(!initiate());
	EXPECT(response_len <= request_len && asked && childless && nonce_len == 30);
	/* The CA's name takes 25 octets, none 5, and the notify 8; a PRF of SHA-256 16 of nonce. */
	ask(65);
	EXPECT(named && childless && nonce_len == 32);
	ask(49);
	EXPECT(named && childless && nonce_len == 16);
	ask(48);
	EXPECT(named && !childless && nonce_len == 22);
	ask(41);
	EXPECT(named && !childless && nonce_len == 16);
	ask(40);
	EXPECT(asked && !named && childless && nonce_len == 26);
	ask(32);
	EXPECT(asked && childless && nonce_len == 18);
	ask(29);
	EXPECT(asked && childless && nonce_len == 16);
	ask(28);
	EXPECT(asked && !childless && nonce_len == 22);
	ask(21);
	EXPECT(asked && !childless && nonce_len == 16);
	ask(20);
	EXPECT(!asked && !childless && nonce_len == 20);
	/* Who asks for it has the notify before names. */
	config_find_conn(right->config, "gw")->childless = CHILDLESS_PREFER;
	ask(49);
	EXPECT(named && childless && nonce_len == 16);
	ask(48);
	EXPECT(asked && !named && childless && nonce_len == 32);
	end();
}

/* Does a CERTREQ of all that the host trusts name this CA? */
static bool asks_for(const struct host *host, X509 *ca)
{
	struct payload_writer w;
	uint8_t id[KEY_ID_LEN];
	bool found = false;

	EXPECT(!certificate_authority_id(ca, id));
	payload_begin(&w, 0);
	ike_put_certreq(&w, host->config, NULL, false);
	EXPECT(!w.buf.failed);
	for (size_t i = 5; i < w.buf.len; i += KEY_ID_LEN) {
		EXPECT(i + KEY_ID_LEN <= w.buf.len);
		found |= !memcmp(w.buf.data + i, id, KEY_ID_LEN);
	}
	buf_clear(&w.buf);
	return found;
}

/* What is asked for is what is trusted then, by whatever is loaded. */
static void asked_for(void)
{
	struct cert_pair second, third;
	struct conn *conn;

	begin("pubkey", "pubkey");
	second = cert_make(&(struct cert_plan){ .name = "second", .extensions = of_ca });
	third = cert_make(&(struct cert_plan){ .name = "third", .extensions = of_ca });
	EXPECT(asks_for(left, root.cert) && !asks_for(left, second.cert));
	host_load_cert(left, CREDENTIAL_CA, second.cert);
	EXPECT(asks_for(left, root.cert) && asks_for(left, second.cert));
	credentials_clear(left->config->credentials, CONF_VICI);
	EXPECT(!asks_for(left, root.cert) && !asks_for(left, second.cert));
	host_load_cert(left, CREDENTIAL_CA, root.cert);
	/* Of connections that come, get another certificate from a token, and go. */
	conn = conn_new("another");
	conn->remote.cacerts = sk_X509_new_null();
	X509_up_ref(second.cert);
	sk_X509_push(conn->remote.cacerts, second.cert);
	config_put_conn(left->config, conn);
	EXPECT(asks_for(left, root.cert) && asks_for(left, second.cert));
	X509_up_ref(third.cert);
	sk_X509_push(conn->remote.cacerts, third.cert);
	credentials_changed(left->config->credentials);
	EXPECT(asks_for(left, root.cert) && asks_for(left, second.cert));
	EXPECT(asks_for(left, third.cert));
	EXPECT(!config_remove_conn(left->config, "another"));
	EXPECT(asks_for(left, root.cert) && !asks_for(left, second.cert));
	EXPECT(!asks_for(left, third.cert));
	cert_pair_free(&second);
	cert_pair_free(&third);
	end();
}

/* Which certificate is ours where the peer asks for this CA (NULL: it does not ask). */
static X509 *chosen(const struct cert_pair *ca, int *err)
{
	struct ike_certs certs = { 0 };
	struct ike_id id = { 0 };
	uint8_t authority[KEY_ID_LEN];
	const char *why;
	X509 *cert;

	EXPECT(!ike_id_parse(&id, "left.example", &why));
	if (ca) {
		EXPECT(!certificate_authority_id(ca->cert, authority));
		buf_put(&certs.authorities, authority, sizeof(authority));
	}
	*err = ike_certs_choose(&certs, left->config, config_find_conn(left->config, "gw"), &id,
				left->secrets.secrets);
	EXPECT(*err || certs.key);
	cert = certs.cert;
	ike_certs_clear(&certs);
	ike_id_clear(&id);
	return cert;
}

/* Of those with a private key, by the CA that the peer asks for, or one above it. */
static void choices(void)
{
	static const char *const of_left[] = { "subjectAltName", "DNS:left.example", NULL };
	struct cert_pair other, im, mine[3];
	struct auth_conf *local;
	EVP_PKEY *key;
	X509 *cert;
	int err;

	begin("pubkey", "pubkey");
	local = &config_find_conn(left->config, "gw")->local;
	other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
	im = cert_make(&(struct cert_plan){ .name = "im", .issuer = &other, .extensions = of_ca });
	for (int i = 0; i < 3; i++) {
		mine[i] = cert_make(&(struct cert_plan){ .name = "left", .extensions = of_left,
							 .issuer = i == 2 ? &im : &root });
		host_load_cert(left, CREDENTIAL_CERT, mine[i].cert);
	}
	EXPECT(!chosen(NULL, &err) && err == -ENOKEY);
	host_load_key(left, mine[1].key);
	host_load_key(left, mine[2].key);
	cert = chosen(NULL, &err);
	EXPECT(!err && !X509_cmp(cert, mine[1].cert));
	/* What leads to it is not known yet. */
	cert = chosen(&other, &err);
	EXPECT(!err && !X509_cmp(cert, mine[1].cert));
	host_load_cert(left, CREDENTIAL_CA, other.cert);
	host_load_cert(left, CREDENTIAL_CA, im.cert);
	cert = chosen(&other, &err);
	EXPECT(!err && !X509_cmp(cert, mine[2].cert));
	cert = chosen(&im, &err);
	EXPECT(!err && !X509_cmp(cert, mine[2].cert));
	cert = chosen(&root, &err);
	EXPECT(!err && !X509_cmp(cert, mine[1].cert));
	/* Or what the connection names, be it a key without a certificate. */
	local->certs = sk_X509_new_null();
	X509_up_ref(mine[2].cert);
	sk_X509_push(local->certs, mine[2].cert);
	cert = chosen(&root, &err);
	EXPECT(!err && !X509_cmp(cert, mine[2].cert));
	sk_X509_pop_free(local->certs, X509_free);
	local->certs = NULL;
	key = X509_get0_pubkey(mine[0].cert);
	local->pubkeys = calloc(1, sizeof(*local->pubkeys));
	local->pubkey_count = 1;
	EVP_PKEY_up_ref(key);
	local->pubkeys[0].key = key;
	EXPECT(!chosen(&root, &err) && err == -ENOKEY);
	host_load_key(left, mine[0].key);
	EXPECT(!chosen(&root, &err) && !err);
	EXPECT(!secrets_clear(left->secrets.secrets, CONF_VICI));
	EXPECT(!chosen(NULL, &err) && err == -ENOKEY);
	for (int i = 0; i < 3; i++)
		cert_pair_free(&mine[i]);
	cert_pair_free(&other);
	cert_pair_free(&im);
	end();
}

static const struct ktap_test tests[] = {
	{ "without threads", without_threads },
	{ "an end while it signs", ended_while_it_signs },
	{ "threads verify", verified_by_threads },
	{ "an end while it verifies", ended_while_it_verifies },
	{ "a request after it while it verifies", next_request },
	{ "another configuration while it verifies", loaded_while_it_verifies },
	{ "a CRL while it verifies", revoked_while_it_verifies },
	{ "CAs that are asked for", asked_for },
	{ "our certificate", choices },
	{ "all that were loaded are tried", tries_all },
	{ "another one is revoked meanwhile", another_is_revoked_meanwhile },
	{ "establishes", establishes },
	{ "kinds do not mix", kinds_do_not_mix },
	{ "a wrong signature", wrong_signature },
	{ "refusals", refusals },
	{ "a response that is never longer", never_longer },
};

KTAP_MAIN(tests)
