// SPDX-License-Identifier: GPL-2.0
/* What of that which goes wrong between two daemons' cores each of them is alerted to. */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "config.h"
#include "ktap.h"
#include "libcert.h"
#include "libnet.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"
#define ELSEWHERE "192.0.2.3"

static struct net net;
static struct host *left, *right;

#define ALERTS_MAX	16
#define PROPOSAL	"\nproposals = aes128gcm16-prfsha256-x25519"

/* What each has been told, in order. */
static struct {
	const struct host *host;
	enum control_alert alert;
	bool of_sa;
} told[ALERTS_MAX];

static unsigned int told_count;

static void tell(const struct host *host, enum control_alert alert, const struct ike_sa *sa)
{
	EXPECT(!sa || sa->manager == &host->manager);
	if (told_count < ALERTS_MAX) {
		told[told_count].host = host;
		told[told_count].alert = alert;
		told[told_count].of_sa = sa;
	}
	told_count++;
}

static void tell_left(enum control_alert alert, const struct ike_sa *sa)
{
	tell(left, alert, sa);
}

static void tell_right(enum control_alert alert, const struct ike_sa *sa)
{
	tell(right, alert, sa);
}

/* Was the host told of these, and of nothing else? Of an IKE SA, unless @of_none. */
static void expect_told(const struct host *host, size_t n, const enum control_alert *alerts,
			bool of_none)
{
	size_t seen = 0;

	for (unsigned int i = 0; i < told_count && i < ALERTS_MAX; i++) {
		if (told[i].host != host)
			continue;
		if (seen < n && told[i].alert == alerts[seen])
			EXPECT_EQ(told[i].of_sa, !of_none);
		else
			ktap_fail(__FILE__, __LINE__, "alert %d at %zu, to the %s one",
				  told[i].alert, seen, host == left ? "left" : "right");
		seen++;
	}
	EXPECT_EQ(seen, n);
}

#define EXPECT_TOLD(host, ...) \
	do { \
		static const enum control_alert alerts_[] = { __VA_ARGS__ }; \
		expect_told(host, sizeof(alerts_) / sizeof(*alerts_), alerts_, false); \
	} while (0)

#define EXPECT_NOT_TOLD(host)	expect_told(host, 0, NULL, false)

/* How the two differ: NULL, as they do if nothing is wrong. */
struct ends {
	const char *conn[2], *auth[2], *child[2], *secret[2];
};

static const char *address = LEFT;	/* of the left one */

static const char *conf(int i, const struct ends *e)
{
	static char text[2048];
	const char *const names[] = { "left", "right" }, *const addrs[] = { address, RIGHT };
	const char *remote = e->auth[0] ? e->auth[0] : "auth = psk";

	snprintf(text, sizeof(text),
		 "connections {\n gw {\n local_addrs = %s\n remote_addrs = %s\n%s\n"
		 " local {\n %s\n id = %s.example\n }\n remote {\n %s\n id = %s.example\n }\n"
		 " children {\n net {\n local_ts = 10.%d.0.0/24\n remote_ts = 10.%d.0.0/24\n%s\n }\n }\n"
		 " }\n}\nsecrets {\n ike {\n secret = \"%s\"\n }\n}\n",
		 addrs[i], i ? "%any" : addrs[1],
		 e->conn[i] ? e->conn[i] : "proposals = aes128gcm16-prfsha256-x25519",
		 remote, names[i], e->auth[1] && i ? e->auth[1] : remote, names[!i], i + 1, 2 - i,
		 e->child[i] ? e->child[i] : "esp_proposals = aes128gcm16",
		 e->secret[i] ? e->secret[i] : "the secret");
	return text;
}

static void begin(const struct ends *e)
{
	left = net_host(&net, LEFT, NULL, conf(0, e));
	right = net_host(&net, RIGHT, NULL, conf(1, e));
	left->manager.alert = tell_left;
	right->manager.alert = tell_right;
	told_count = 0;
}

static void end(void)
{
	net.fate = NULL;
	net.tamper = NULL;
	net_clear(&net);
}

static void initiate(struct host *host)
{
	struct conn *conn = config_find_conn(host->config, "gw");

	ike_manager_initiate(&host->manager, conn, conn_find_child(conn, "net"), NULL);
	net_run(&net);
}

static void nothing(void)
{
	begin(&(struct ends){ 0 });
	initiate(left);
	EXPECT(host_established(left) && host_established(right));
	EXPECT_NOT_TOLD(left);
	EXPECT_NOT_TOLD(right);
	end();
}

/* What the initiator gets is not what the responder has signed. */
static void downgrade(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	if (octets[18] != IKE_SA_INIT || !(octets[19] & IKE_FLAG_RESPONSE))
		return;
	for (size_t i = IKE_HEADER_LEN; i + 4 < len; i++)
		if (!memcmp(octets + i, "\0\0\x40\x2f", 4))
			octets[i + 3] = 0xff;
}

static void authentication(void)
{
	begin(&(struct ends){ .secret = { "one", "another" } });
	initiate(left);
	EXPECT_TOLD(right, ALERT_PEER_AUTH_FAILED);
	EXPECT_TOLD(left, ALERT_LOCAL_AUTH_FAILED);
	end();
	/* A key that we have not. */
	begin(&(struct ends){ .auth = { "auth = pubkey" } });
	initiate(left);
	EXPECT_TOLD(left, ALERT_LOCAL_AUTH_FAILED);
	EXPECT_NOT_TOLD(right);
	end();
	/* The initiator is not content, and says so in INFORMATIONAL. */
	begin(&(struct ends){ 0 });
	net.tamper = downgrade;
	initiate(left);
	EXPECT_TOLD(left, ALERT_PEER_AUTH_FAILED);
	EXPECT_TOLD(right, ALERT_LOCAL_AUTH_FAILED);
	end();
	/* Whatever else there is no AUTH for; but for what is wrong with the Child SA alone. */
	begin(&(struct ends){ .conn = { NULL, "childless = force" PROPOSAL } });
	initiate(left);
	EXPECT(!host_established(left));
	EXPECT_TOLD(left, ALERT_LOCAL_AUTH_FAILED);
	EXPECT_NOT_TOLD(right);
	end();
}

/* Cut short where it cannot be: the payload before says that there is one more. */
static void malform(struct net *n, uint8_t *octets, size_t len)
{
	(void)n;
	(void)len;
	if (octets[18] == IKE_SA_INIT && octets[19] & IKE_FLAG_INITIATOR)
		octets[IKE_HEADER_LEN + 2] = 0xff;
}

static void proposals(void)
{
	static const enum control_alert mismatch[] = { ALERT_PROPOSAL_MISMATCH_IKE };

	begin(&(struct ends){ .conn = { NULL, "proposals = aes256gcm16-prfsha384-ecp384" } });
	initiate(left);
	expect_told(right, 1, mismatch, true);
	EXPECT_NOT_TOLD(left);
	/* Anybody may have said so: it counts once nothing better has come. */
	told_count = 0;
	config_find_conn(left->config, "gw")->keyingtries = 1;
	net_give_up(&net);
	EXPECT_TOLD(left, ALERT_PROPOSAL_MISMATCH_IKE);
	EXPECT_NOT_TOLD(right);
	end();
	/* Some other refusal: who says so has been reached. */
	begin(&(struct ends){ 0 });
	config_find_conn(left->config, "gw")->keyingtries = 1;
	net.tamper = malform;
	initiate(left);
	told_count = 0;
	net_give_up(&net);
	EXPECT_TOLD(left, ALERT_RETRANSMIT_SEND_TIMEOUT);
	end();
	begin(&(struct ends){ .child = { NULL, "esp_proposals = aes256gcm16" } });
	initiate(left);
	EXPECT(host_established(left) && !host_states(left));
	EXPECT_TOLD(right, ALERT_PROPOSAL_MISMATCH_CHILD, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_PROPOSAL_MISMATCH_CHILD, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
}

static void selectors(void)
{
	begin(&(struct ends){ .child = { NULL, "remote_ts = 10.9.0.0/24" } });
	initiate(left);
	EXPECT_TOLD(right, ALERT_TS_MISMATCH, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_TS_MISMATCH, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
	begin(&(struct ends){ .child = { NULL, "remote_ts = 10.1.0.64/26" } });
	initiate(left);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_TOLD(right, ALERT_TS_NARROWED);
	EXPECT_TOLD(left, ALERT_TS_NARROWED);
	end();
	/* The initiator has all it has asked for; the responder could do more. */
	begin(&(struct ends){ .child = { "local_ts = 10.1.0.64/26" } });
	initiate(left);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_TOLD(right, ALERT_TS_NARROWED);
	EXPECT_NOT_TOLD(left);
	end();
	/* Once, though the peer has had to ask twice. */
	begin(&(struct ends){
		.conn = { "childless = force" PROPOSAL, "childless = force" PROPOSAL },
		.child = { "esp_proposals = aes128gcm16-x25519-ecp256",
			   "esp_proposals = aes128gcm16-ecp256\nremote_ts = 10.1.0.64/26" } });
	initiate(left);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_TOLD(right, ALERT_TS_NARROWED);
	EXPECT_TOLD(left, ALERT_TS_NARROWED);
	end();
	/* None is there that could be less than another one. */
	begin(&(struct ends){ .child = { NULL, "remote_ts = 10.1.0.64/26" } });
	right->xfrm.fail_states = true;
	initiate(left);
	EXPECT_TOLD(right, ALERT_INSTALL_CHILD_SA_FAILED, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
}

/* By CREATE_CHILD_SA. A rekeying leaves what there was, and some other time it may do. */
static void later_children(void)
{
	static const char force[] = "childless = force" PROPOSAL;

	begin(&(struct ends){ .conn = { force, force },
			      .child = { NULL, "esp_proposals = aes256gcm16" } });
	initiate(left);
	EXPECT(host_established(left) && !host_states(left));
	EXPECT_TOLD(right, ALERT_PROPOSAL_MISMATCH_CHILD, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_PROPOSAL_MISMATCH_CHILD, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
	begin(&(struct ends){ .conn = { force, force },
			      .child = { NULL, "remote_ts = 10.9.0.0/24" } });
	initiate(left);
	EXPECT_TOLD(right, ALERT_TS_MISMATCH, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_TS_MISMATCH, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
	/* TEMPORARY_FAILURE: it is asked for once more. */
	begin(&(struct ends){ .conn = { force, force } });
	right->xfrm.fail_states = true;
	initiate(left);
	EXPECT_TOLD(right, ALERT_INSTALL_CHILD_SA_FAILED);
	EXPECT_NOT_TOLD(left);
	end();
	/* The peer has it, we have not. */
	begin(&(struct ends){ .conn = { force, force } });
	left->xfrm.fail_states = true;
	initiate(left);
	EXPECT_TOLD(left, ALERT_INSTALL_CHILD_SA_FAILED, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_NOT_TOLD(right);
	end();
	/* The one before is there yet. Of IKE_AUTH's none has a key exchange of its own. */
	begin(&(struct ends){ .child = { "esp_proposals = aes128gcm16-x25519",
					 "esp_proposals = aes128gcm16-ecp256" } });
	initiate(left);
	EXPECT_EQ(host_states(left), 2);
	ike_manager_rekey_child(&left->manager, host_established(left)->children->unique_id);
	net_run(&net);
	EXPECT_EQ(host_states(left), 2);
	EXPECT_TOLD(right, ALERT_PROPOSAL_MISMATCH_CHILD);
	EXPECT_TOLD(left, ALERT_PROPOSAL_MISMATCH_CHILD);
	end();
}

static void installations(void)
{
	begin(&(struct ends){ 0 });
	right->xfrm.fail_states = true;
	initiate(left);
	EXPECT_TOLD(right, ALERT_INSTALL_CHILD_SA_FAILED, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	end();
	begin(&(struct ends){ 0 });
	right->xfrm.fail_policies = true;
	initiate(left);
	EXPECT_TOLD(right, ALERT_INSTALL_CHILD_POLICY_FAILED, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_TOLD(left, ALERT_KEEP_ON_CHILD_SA_FAILURE);
	EXPECT_EQ(host_states(right), 0);
	end();
}

/* No answer: to what begins an IKE SA, and to what is asked by one that is there. */
static void no_answers(void)
{
	begin(&(struct ends){ 0 });
	ike_manager_initiate(&left->manager, config_find_conn(left->config, "gw"), NULL, NULL);
	config_find_conn(left->config, "gw")->keyingtries = 1;
	net_give_up(&net);
	EXPECT_TOLD(left, ALERT_RETRANSMIT_SEND_TIMEOUT, ALERT_PEER_INIT_UNREACHABLE);
	end();
	begin(&(struct ends){ 0 });
	initiate(left);
	REQUIRE(host_established(left));
	ike_manager_rekey_child(&left->manager, host_established(left)->children->unique_id);
	net_give_up(&net);
	EXPECT_TOLD(left, ALERT_RETRANSMIT_SEND_TIMEOUT);
	end();
}

static enum fate lose_auth(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	return raw ? PASS : LOSE;
}

static void half_open(void)
{
	begin(&(struct ends){ 0 });
	net.fate = lose_auth;
	initiate(left);
	net_expire(&net);
	EXPECT_TOLD(right, ALERT_HALF_OPEN_TIMEOUT);
	end();
}

static void unknown_name(void)
{
	static const enum control_alert failed[] = { ALERT_PEER_ADDR_FAILED };
	struct conn *conn;
	struct ike_sa *sa;

	begin(&(struct ends){ 0 });
	host_config(left, "connections { gw {\n remote_addrs = gw.example\n local { auth = psk\n }\n"
			  " remote { auth = psk\n }\n }\n }\n");
	conn = config_find_conn(left->config, "gw");
	REQUIRE(conn);
	ike_manager_initiate(&left->manager, conn, NULL, NULL);
	expect_told(left, 1, failed, true);
	/* What is tried again and again says so once. */
	told_count = 0;
	ike_manager_restart(&left->manager, conn, NULL);
	sa = left->manager.sas;
	REQUIRE(sa && sa->waits);
	expect_told(left, 1, failed, true);
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT(left->manager.sas == sa && sa->waits);
	expect_told(left, 1, failed, true);
	end();
}

static void malformed(void)
{
	static const enum control_alert error[] = { ALERT_PARSE_ERROR_BODY };

	begin(&(struct ends){ 0 });
	net.tamper = malform;
	initiate(left);
	expect_told(right, 1, error, true);
	EXPECT_NOT_TOLD(left);
	end();
	/* And from one who has our keys. */
	begin(&(struct ends){ 0 });
	initiate(left);
	REQUIRE(host_established(left));
	EXPECT(!host_send_request(left, host_established(left), INFORMATIONAL, PAYLOAD_NOTIFY,
				  (const uint8_t *)"\0\0\0\x03", 4));
	net_run(&net);
	EXPECT_TOLD(right, ALERT_PARSE_ERROR_BODY);
	end();
}

/* Another one in the left one's name, from elsewhere. */
static void come_from_elsewhere(const struct ends *e)
{
	struct host *other;

	begin(e);
	initiate(left);
	address = ELSEWHERE;
	other = net_host(&net, ELSEWHERE, NULL, conf(0, e));
	address = LEFT;
	initiate(other);
}

static void uniqueness(void)
{
	static const char never[] = "unique = never" PROPOSAL;

	come_from_elsewhere(&(struct ends){ .conn = { never, "unique = replace" PROPOSAL } });
	EXPECT_TOLD(right, ALERT_UNIQUE_REPLACE);
	EXPECT_NOT_TOLD(left);
	end();
	come_from_elsewhere(&(struct ends){ .conn = { never, "unique = keep" PROPOSAL } });
	EXPECT_TOLD(right, ALERT_UNIQUE_KEEP);
	EXPECT_NOT_TOLD(left);
	end();
}

static void lifetime(void)
{
	struct ike_sa *sa;

	begin(&(struct ends){ 0 });
	initiate(left);
	sa = host_established(left);
	REQUIRE(sa);
	sa->life_ms = 1;
	sa->timer.expired(&sa->timer);
	net_run(&net);
	EXPECT_TOLD(left, ALERT_IKE_SA_EXPIRED);
	end();
}

/* Certificates */

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE", NULL };
static const char *const of_last_ca[] = { "basicConstraints", "critical,CA:TRUE,pathlen:0", NULL };
static const char *const of_left[] = { "subjectAltName", "DNS:left.example", NULL };
static const char *const of_right[] = { "subjectAltName", "DNS:right.example", NULL };

static void revoke(struct host *host, const struct cert_pair *ca, const X509 *cert)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -DAY);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(cert));
	X509_REVOKED_set_revocationDate(entry, t);
	X509_CRL_add0_revoked(crl, entry);
	X509_gmtime_adj(t, DAY);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_CRL_sign(crl, ca->key, EVP_sha256());
	EXPECT(!credentials_put_fetched(host->config->credentials, "http://crl", crl));
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
}

static void certificates(void)
{
	static const char policy[] = "cert_policy = 1.3.6.1.4.1.99999.1";
	static const struct {
		enum control_alert alert;
		bool expired, revoked, unknown_ca, self_signed, strict, policy, too_deep;
	} cases[] = {
		{ .alert = ALERT_CERT_EXPIRED, .expired = true },
		{ .alert = ALERT_CERT_REVOKED, .revoked = true },
		{ .alert = ALERT_CERT_NO_ISSUER, .unknown_ca = true },
		{ .alert = ALERT_CERT_UNTRUSTED_ROOT, .self_signed = true },
		{ .alert = ALERT_CERT_VALIDATION_FAILED, .strict = true },
		{ .alert = ALERT_CERT_POLICY_VIOLATION, .policy = true },
		{ .alert = ALERT_CERT_EXCEEDED_PATH_LEN, .too_deep = true },
	};
	struct cert_pair root, below, peer;

	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_last_ca });
	below = cert_make(&(struct cert_plan){ .name = "below", .issuer = &root,
					       .extensions = of_ca });
	peer = cert_make(&(struct cert_plan){ .name = "right", .issuer = &root,
					      .extensions = of_right });
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct ends ends = { .auth = { "auth = pubkey", "auth = pubkey" } };
		struct auth_conf *theirs;
		struct cert_pair mine;
		char auth[128];

		if (cases[i].policy) {
			snprintf(auth, sizeof(auth), "auth = pubkey\n%s", policy);
			ends.auth[1] = auth;
		}
		mine = cert_make(&(struct cert_plan){
			.name = "left", .extensions = of_left,
			.issuer = cases[i].self_signed ? NULL :
				  cases[i].too_deep ? &below : &root,
			.from = -2 * DAY, .until = cases[i].expired ? -DAY : DAY });
		begin(&ends);
		host_load_cert(left, CREDENTIAL_CERT, mine.cert);
		host_load_key(left, mine.key);
		host_load_cert(right, CREDENTIAL_CERT, peer.cert);
		host_load_key(right, peer.key);
		host_load_cert(left, CREDENTIAL_CA, root.cert);
		if (cases[i].too_deep)
			host_load_cert(left, CREDENTIAL_CA, below.cert);
		if (!cases[i].unknown_ca)
			host_load_cert(right, CREDENTIAL_CA, root.cert);
		if (cases[i].revoked)
			revoke(right, &root, mine.cert);
		config_find_conn(left->config, "gw")->send_cert = SEND_CERT_ALWAYS;
		theirs = &config_find_conn(right->config, "gw")->remote;
		if (cases[i].strict)
			theirs->revocation = REVOCATION_STRICT;
		initiate(left);
		EXPECT(!host_established(left));
		expect_told(right, 2, (const enum control_alert []){
			    cases[i].alert, ALERT_PEER_AUTH_FAILED }, false);
		EXPECT_TOLD(left, ALERT_LOCAL_AUTH_FAILED);
		end();
		cert_pair_free(&mine);
	}
	cert_pair_free(&root);
	cert_pair_free(&below);
	cert_pair_free(&peer);
}

static const struct ktap_test tests[] = {
	{ "nothing is wrong", nothing },
	{ "authentication", authentication },
	{ "proposals", proposals },
	{ "traffic selectors", selectors },
	{ "children of CREATE_CHILD_SA", later_children },
	{ "what cannot be installed", installations },
	{ "no answers", no_answers },
	{ "half-open", half_open },
	{ "an unknown name", unknown_name },
	{ "malformed messages", malformed },
	{ "uniqueness", uniqueness },
	{ "the end of a lifetime", lifetime },
	{ "certificates", certificates },
};

KTAP_MAIN(tests)
