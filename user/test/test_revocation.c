// SPDX-License-Identifier: GPL-2.0
/* What OCSP responders and distribution points are asked, and what their answers do. */
#include <stdlib.h>
#include <string.h>

#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "config.h"
#include "jobs.h"
#include "ktap.h"
#include "libcert.h"
#include "lookup.h"
#include "loop.h"
#include "revocation.h"
#include "trust.h"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE",
				     "keyUsage", "critical,keyCertSign,cRLSign",
				     "subjectKeyIdentifier", "hash", NULL };
static const char *const of_cdp[] = { "subjectAltName", "DNS:gw.example",
	"crlDistributionPoints", "URI:ldap://ca.example/,URI:file:///etc/one.crl,URI:http://ca.example/one.crl,URI:http://ca.example/two.crl",
	NULL };
static const char *const of_ocsp[] = { "subjectAltName", "DNS:gw.example",
	"authorityInfoAccess", "caIssuers;URI:http://ca.example/ca,OCSP;URI:http://ocsp.example/",
	"crlDistributionPoints", "URI:http://ca.example/one.crl", NULL };
static const char *const of_ldap[] = { "crlDistributionPoints", "URI:ldap://ca.example/", NULL };
static const char *const of_issuer[] = {
	"authorityInfoAccess", "caIssuers;URI:http://ca.example/ca", NULL };
static const char *const of_plain[] = { "subjectAltName", "DNS:gw.example", NULL };
static const char *const of_responder[] = { "extendedKeyUsage", "OCSPSigning", NULL };

/* The network: what is asked, until it is answered. */
struct lookup {
	struct lookup_job *job;
	enum lookup_kind kind;
	char text[128];
	unsigned int asked;
};

static struct lookup network;

int lookup_ask(struct lookup *l, struct lookup_job *job, enum lookup_kind kind,
	       const char *text, const void *body, size_t len)
{
	EXPECT(!l->job);
	EXPECT_EQ(len > 0, kind == LOOKUP_OCSP);
	EXPECT_EQ(body != NULL, kind == LOOKUP_OCSP);
	l->job = job;
	l->kind = kind;
	snprintf(l->text, sizeof(l->text), "%s", text);
	l->asked++;
	return 0;
}

void lookup_cancel(struct lookup_job *job)
{
	if (network.job == job)
		network.job = NULL;
}

static void answer(const char *why, const uint8_t *data, size_t len)
{
	struct lookup_job *job = network.job;

	REQUIRE(job);
	network.job = NULL;
	job->done(job, why, data, len);
}

static struct cert_pair root, other, cdp, ocsp, plain;
static struct config *config;
static struct revocation_info *info;

static void begin(void)
{
	struct errmsg err;
	unsigned char *der = NULL;
	int len;

	network = (struct lookup){ 0 };
	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
	cdp = cert_make(&(struct cert_plan){ .name = "cdp", .issuer = &root, .extensions = of_cdp });
	ocsp = cert_make(&(struct cert_plan){ .name = "ocsp", .issuer = &root, .extensions = of_ocsp });
	plain = cert_make(&(struct cert_plan){ .name = "plain", .issuer = &root, .extensions = of_plain });
	config = config_new();
	info = revocation_new(&network, config);
	len = i2d_X509(root.cert, &der);
	EXPECT(!credentials_add(config->credentials, CONF_VICI, CREDENTIAL_CA, der, (size_t)len,
				&err));
	OPENSSL_free(der);
}

static void end(void)
{
	revocation_free(info);
	config_free(config);
	cert_pair_free(&root);
	cert_pair_free(&other);
	cert_pair_free(&cdp);
	cert_pair_free(&ocsp);
	cert_pair_free(&plain);
}

static unsigned int woken;

static void ready(struct revocation_waiter *w)
{
	(void)w;
	woken++;
}

static bool is_liar;

static int prove(const struct trust_peer *peer, struct errmsg *err)
{
	EXPECT(peer->cert);
	return is_liar ? errmsg_set(err, "a wrong signature") : 0;
}

/* What a peer's certificate is told, as in a handshake. */
static int trust(X509 *cert, enum revocation how, struct revocation_waiter *w, struct errmsg *err)
{
	const struct auth_conf conf = { .revocation = how };

	const struct trust_peer peer = { .cert = cert, .prove = prove };
	struct trust_case *tc = trust_open(config->credentials, &conf, &peer, err);
	int ret;

	if (!tc)
		return -1;
	trust_verify(tc);
	ret = trust_conclude(tc, info, w, err);
	trust_close(tc);
	return ret;
}

static void expect_trust(X509 *cert, enum revocation how, int want, const char *why)
{
	struct errmsg err = { "" };

	EXPECT_EQ(trust(cert, how, NULL, &err), want);
	if (why && !strstr(err.text, why))
		ktap_fail(__FILE__, __LINE__, "«%s», not «%s»", err.text, why);
}

static X509_CRL *make_crl(const struct cert_pair *ca, const X509 *revoked, long until)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -2 * DAY);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked) {
		X509_REVOKED *entry = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(entry, t);
		X509_CRL_add0_revoked(crl, entry);
	}
	X509_gmtime_adj(t, until);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_CRL_sign(crl, ca->key, EVP_sha256());
	ASN1_TIME_free(t);
	return crl;
}

static void answer_crl(const struct cert_pair *ca, const X509 *revoked, long until)
{
	X509_CRL *crl = make_crl(ca, revoked, until);
	unsigned char *der = NULL;
	int len = i2d_X509_CRL(crl, &der);

	answer(NULL, der, (size_t)len);
	OPENSSL_free(der);
	X509_CRL_free(crl);
}

#define NO_END	0

static void answer_ocsp(const struct cert_pair *signer, X509 *about, int status, long from,
			long until)
{
	unsigned char *der;
	size_t len = ocsp_make(signer, root.cert, about, status, from, until, &der);

	answer(NULL, der, len);
	OPENSSL_free(der);
}

/* One fetch for all who wait; then it is known. */
static void crl(void)
{
	struct revocation_waiter a = { .ready = ready }, b = { .ready = ready },
				 c = { .ready = ready };
	struct errmsg err;

	begin();
	woken = 0;
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, &a, &err), TRUST_WAIT);
	EXPECT_STR(network.text, "http://ca.example/one.crl");
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, &b, &err), TRUST_WAIT);
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, &c, &err), TRUST_WAIT);
	EXPECT_EQ(network.asked, 1);
	revocation_cancel(&b);
	answer_crl(&root, ocsp.cert, DAY);
	EXPECT_EQ(woken, 2);
	expect_trust(cdp.cert, REVOCATION_STRICT, 0, NULL);
	expect_trust(plain.cert, REVOCATION_STRICT, 0, NULL);
	EXPECT_EQ(network.asked, 1);
	/* Flushed, it is asked for again. */
	revocation_flush(info);
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	answer_crl(&root, cdp.cert, DAY);
	expect_trust(cdp.cert, REVOCATION_RELAXED, -1, "CN=cdp\": certificate revoked");
	end();
}

/* The next one is asked; what fails is not asked again at once. */
static void no_crl(void)
{
	struct cert_pair ldap;
	struct errmsg err;

	for (int i = 0; i < 5; i++) {
		begin();
		EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
		answer("no route", NULL, 0);
		EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
		EXPECT_STR(network.text, "http://ca.example/two.crl");
		if (i == 0)
			answer(NULL, (const uint8_t *)"nonsense", 8);
		else if (i == 1)
			answer_crl(&other, NULL, DAY);
		else if (i == 2)
			answer_crl(&(struct cert_pair){ other.key, root.cert }, cdp.cert, DAY);
		else if (i == 3)
			answer_crl(&root, NULL, -DAY);
		else
			answer(NULL, NULL, 0);
		expect_trust(cdp.cert, REVOCATION_STRICT, -1,
			     "CN=cdp\": unable to get certificate CRL");
		expect_trust(cdp.cert, REVOCATION_IFURI, -1, "unable to get certificate CRL");
		expect_trust(cdp.cert, REVOCATION_RELAXED, 0, NULL);
		EXPECT_EQ(network.asked, 2);
		end();
	}
	/* Nobody can be asked where there is an address, of a kind that is not fetched. */
	begin();
	ldap = cert_make(&(struct cert_plan){ .name = "ldap", .issuer = &root,
					      .extensions = of_ldap });
	expect_trust(ldap.cert, REVOCATION_IFURI, -1, "unable to get certificate CRL");
	expect_trust(ldap.cert, REVOCATION_RELAXED, 0, NULL);
	cert_pair_free(&ldap);
	/* That of the CA's certificate is none of these. */
	ldap = cert_make(&(struct cert_plan){ .name = "issuer", .issuer = &root,
					      .extensions = of_issuer });
	expect_trust(ldap.cert, REVOCATION_IFURI, 0, NULL);
	cert_pair_free(&ldap);
	EXPECT_EQ(network.asked, 0);
	end();
	begin();
	expect_trust(plain.cert, REVOCATION_STRICT, -1, "unable to get certificate CRL");
	expect_trust(plain.cert, REVOCATION_IFURI, 0, NULL);
	EXPECT_EQ(network.asked, 0);
	end();
}

static void asks_ocsp(void)
{
	struct errmsg err;

	begin();
	EXPECT_EQ(trust(ocsp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	EXPECT_EQ(network.kind, LOOKUP_OCSP);
	EXPECT_STR(network.text, "http://ocsp.example/");
}

static void good_ocsp(void)
{
	struct cert_pair responder;

	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
	expect_trust(ocsp.cert, REVOCATION_STRICT, 0, NULL);
	EXPECT_EQ(network.asked, 1);
	end();
	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_REVOKED, -60, DAY);
	expect_trust(ocsp.cert, REVOCATION_RELAXED, -1, "CN=ocsp\": certificate revoked");
	end();
	/* Of now, without an end; and one that has just ended, which is not asked for at once. */
	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, NO_END);
	expect_trust(ocsp.cert, REVOCATION_STRICT, 0, NULL);
	end();
	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -DAY, -60);
	expect_trust(ocsp.cert, REVOCATION_STRICT, 0, NULL);
	EXPECT_EQ(network.asked, 1);
	end();
	/* By one whom the CA has named for it. */
	asks_ocsp();
	responder = cert_make(&(struct cert_plan){ .name = "responder", .issuer = &root,
						   .extensions = of_responder });
	answer_ocsp(&responder, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
	expect_trust(ocsp.cert, REVOCATION_STRICT, 0, NULL);
	cert_pair_free(&responder);
	end();
}

/* After an answer that is none, the CRL is asked for. */
static void bad_ocsp(void)
{
	struct errmsg err;

	for (int i = 0; i < 8; i++) {
		asks_ocsp();
		if (i == 0)
			answer("no route", NULL, 0);
		else if (i == 1)
			answer_ocsp(&other, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
		else if (i == 2)
			answer_ocsp(&plain, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
		else if (i == 3)
			answer_ocsp(&root, plain.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
		else if (i == 4)
			answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_UNKNOWN, -60, DAY);
		else if (i == 5)
			answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -2 * DAY, -DAY);
		else if (i == 6)
			answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -3600, NO_END);
		else
			answer(NULL, (const uint8_t *)"0", 1);
		EXPECT_EQ(trust(ocsp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
		EXPECT_EQ(network.kind, LOOKUP_CRL);
		answer_crl(&root, NULL, DAY);
		expect_trust(ocsp.cert, REVOCATION_STRICT, 0, NULL);
		EXPECT_EQ(network.asked, 2);
		end();
	}
}

/* Those of the configuration come first, and may be files. */
static void configured_as(const char *uri, enum lookup_kind kind, const char *asked)
{
	struct authority *a = calloc(1, sizeof(*a));
	struct errmsg err;

	begin();
	a->name = strdup("ours");
	a->source = CONF_VICI;
	a->cert = root.cert;
	X509_up_ref(root.cert);
	a->crl_uris = calloc(1, sizeof(char *));
	a->crl_uris[a->crl_uri_count++] = strdup(uri);
	authority_put(&config->authorities, a);
	EXPECT_EQ(trust(plain.cert, REVOCATION_RELAXED, NULL, &err), TRUST_WAIT);
	EXPECT_STR(network.text, asked);
	EXPECT_EQ(network.kind, kind);
	answer_crl(&root, NULL, DAY);
	expect_trust(plain.cert, REVOCATION_STRICT, 0, NULL);
	expect_trust(cdp.cert, REVOCATION_STRICT, 0, NULL);
	EXPECT_EQ(network.asked, 1);
	end();
}

static void configured(void)
{
	configured_as("http://ours.example/", LOOKUP_CRL, "http://ours.example/");
	configured_as("file:///etc/ours.crl", LOOKUP_FILE, "/etc/ours.crl");
}

/* For who has not the key nobody is asked. */
static void liar(void)
{
	begin();
	is_liar = true;
	expect_trust(ocsp.cert, REVOCATION_RELAXED, -1, "a wrong signature");
	is_liar = false;
	EXPECT_EQ(network.asked, 0);
	end();
}

static unsigned int put_fetched(const struct cert_pair *of, const char *uri, long until)
{
	X509_CRL *crl = make_crl(of, NULL, until);
	unsigned int n = 0;

	EXPECT(!credentials_put_fetched(config->credentials, uri, crl));
	X509_CRL_free(crl);
	for (const struct credential *c = config->credentials->first; c; c = c->next)
		n += c->source == CONF_FETCHED;
	return n;
}

/* Those whose time is over go with the next one of that CA, wherever it is from. */
static void expired_crls(void)
{
	begin();
	EXPECT_EQ(put_fetched(&root, "http://ca.example/one.crl", -60), 1);
	EXPECT_EQ(put_fetched(&root, "http://ca.example/two.crl", DAY), 1);
	EXPECT_EQ(put_fetched(&root, "http://ca.example/three.crl", DAY), 2);
	EXPECT_EQ(put_fetched(&root, "http://ca.example/three.crl", -60), 2);
	EXPECT_EQ(put_fetched(&root, "http://ca.example/four.crl", DAY), 2);
	/* Another CA's tell nothing of who it has revoked. */
	EXPECT_EQ(put_fetched(&other, "http://ca.example/other.crl", -60), 3);
	EXPECT_EQ(put_fetched(&root, "http://ca.example/one.crl", DAY), 4);
	EXPECT_EQ(put_fetched(&other, "http://ca.example/other-two.crl", DAY), 4);
	end();
}

/* One that does not answer is waited for once, whoever it is to be asked about. */
static void dead_responder(void)
{
	struct cert_pair another;
	struct errmsg err;

	asks_ocsp();
	answer("it does not answer", NULL, 0);
	another = cert_make(&(struct cert_plan){ .name = "another", .issuer = &root,
						 .extensions = of_ocsp });
	/* The CRL is next at once, and a server of those that does not answer, likewise. */
	EXPECT_EQ(trust(another.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	EXPECT_EQ(network.kind, LOOKUP_CRL);
	answer("it does not answer", NULL, 0);
	expect_trust(another.cert, REVOCATION_RELAXED, 0, NULL);
	expect_trust(another.cert, REVOCATION_STRICT, -1, "unable to get certificate CRL");
	EXPECT_EQ(network.asked, 2);
	/* But by who has everything forgotten. */
	revocation_flush(info);
	EXPECT_EQ(trust(another.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	EXPECT_EQ(network.kind, LOOKUP_OCSP);
	cert_pair_free(&another);
	end();
	/* What it says of one is nothing about others. */
	asks_ocsp();
	another = cert_make(&(struct cert_plan){ .name = "another", .issuer = &root,
						 .extensions = of_ocsp });
	answer(NULL, (const uint8_t *)"nonsense", 8);
	EXPECT_EQ(trust(another.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	EXPECT_EQ(network.asked, 2);
	cert_pair_free(&another);
	end();
}

static void finish_jobs(struct loop *loop)
{
	while (jobs_count())
		loop_turn(loop, 100);
}

/* A thread judges answers: what is asked is known when it has, and whoever waits is told then. */
static void by_threads(void)
{
	struct revocation_waiter a = { .ready = ready }, b = { .ready = ready };
	struct loop *loop = loop_new();
	struct errmsg err;

	REQUIRE(!jobs_open(loop, 2));
	begin();
	woken = 0;
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, &a, &err), TRUST_WAIT);
	answer_crl(&root, ocsp.cert, DAY);
	EXPECT_EQ(woken, 0);
	EXPECT_EQ(trust(cdp.cert, REVOCATION_STRICT, &b, &err), TRUST_WAIT);
	/* What is on its way is not forgotten. */
	revocation_flush(info);
	finish_jobs(loop);
	EXPECT_EQ(woken, 2);
	expect_trust(cdp.cert, REVOCATION_STRICT, 0, NULL);
	EXPECT_EQ(network.asked, 1);
	end();
	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_REVOKED, -60, DAY);
	EXPECT_EQ(trust(ocsp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	finish_jobs(loop);
	expect_trust(ocsp.cert, REVOCATION_RELAXED, -1, "CN=ocsp\": certificate revoked");
	end();
	/* A bad one. */
	asks_ocsp();
	answer_ocsp(&other, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
	finish_jobs(loop);
	EXPECT_EQ(trust(ocsp.cert, REVOCATION_STRICT, NULL, &err), TRUST_WAIT);
	EXPECT_EQ(network.kind, LOOKUP_CRL);
	/* Nobody wants to know any more; or the daemon ends. */
	answer_crl(&root, NULL, DAY);
	end();
	finish_jobs(loop);
	asks_ocsp();
	answer_ocsp(&root, ocsp.cert, V_OCSP_CERTSTATUS_GOOD, -60, DAY);
	jobs_close();
	end();
	loop_free(loop);
}

static const struct ktap_test tests[] = {
	{ "a CRL", crl },
	{ "no CRL", no_crl },
	{ "CRLs whose time is over", expired_crls },
	{ "OCSP", good_ocsp },
	{ "OCSP that is no answer", bad_ocsp },
	{ "a responder that does not answer", dead_responder },
	{ "an authority of the configuration", configured },
	{ "who has not the key", liar },
	{ "threads", by_threads },
};

KTAP_MAIN(tests)
