// SPDX-License-Identifier: GPL-2.0
/* Which certificates are trusted, for whom, and why others are not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509v3.h>

#include "certificate.h"
#include "credentials.h"
#include "ktap.h"
#include "libcert.h"
#include "signature.h"
#include "trust.h"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE",
				     "keyUsage", "critical,keyCertSign,cRLSign",
				     "subjectKeyIdentifier", "hash", NULL };
static const char *const of_gw[] = { "subjectAltName", "DNS:gw.example,email:gw@example.org,IP:192.0.2.1,IP:2001:db8::1",
				     "subjectKeyIdentifier", "hash", NULL };

static void load(struct credentials *c, enum credential_kind kind, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	struct errmsg err;

	if (credentials_add(c, CONF_VICI, kind, der, (size_t)len, &err))
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
	OPENSSL_free(der);
}

/* A CRL with these of its serial numbers, good until so many seconds from now. */
static void load_crl(struct credentials *c, const struct cert_pair *ca, const X509 *revoked,
		     long until)
{
	X509_CRL *crl = X509_CRL_new();
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *t = X509_gmtime_adj(NULL, -2 * DAY);
	unsigned char *der = NULL;
	struct errmsg err;
	int len;

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca->cert));
	X509_CRL_set1_lastUpdate(crl, t);
	if (revoked) {
		X509_REVOKED_set_serialNumber(entry, (ASN1_INTEGER *)X509_get0_serialNumber(revoked));
		X509_REVOKED_set_revocationDate(entry, t);
		X509_CRL_add0_revoked(crl, entry);
	} else {
		X509_REVOKED_free(entry);
	}
	X509_gmtime_adj(t, until);
	X509_CRL_set1_nextUpdate(crl, t);
	X509_CRL_sign(crl, ca->key, EVP_sha256());
	len = i2d_X509_CRL(crl, &der);
	EXPECT(!credentials_add(c, CONF_VICI, CREDENTIAL_CRL, der, (size_t)len, &err));
	OPENSSL_free(der);
	ASN1_TIME_free(t);
	X509_CRL_free(crl);
}

/* @why NULL: it is trusted; else what is said of it has that in it. */
static void expect(struct credentials *c, const struct auth_conf *conf, X509 *cert,
		   STACK_OF(X509) *others, const char *why)
{
	struct errmsg err = { "" };
	const struct trust_peer peer = { .cert = cert, .others = others };
	struct trust_case *tc = trust_open(c, conf, &peer, &err);
	int ret = -1;

	if (tc) {
		/* Not before it is verified. */
		EXPECT_EQ(trust_conclude(tc, NULL, NULL, &err), -1);
		trust_verify(tc);
		ret = trust_conclude(tc, NULL, NULL, &err);
	}
	trust_close(tc);

	if (ret && !why)
		ktap_fail(__FILE__, __LINE__, "refused: %s", err.text);
	else if (!ret && why)
		ktap_fail(__FILE__, __LINE__, "trusted, not: %s", why);
	else if (why && !strstr(err.text, why))
		ktap_fail(__FILE__, __LINE__, "«%s», not «%s»", err.text, why);
}

static struct cert_pair root, gw;

static void begin(struct credentials **c)
{
	root = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	gw = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &root, .extensions = of_gw });
	*c = credentials_new();
	load(*c, CREDENTIAL_CA, root.cert);
}

static void end(struct credentials *c)
{
	credentials_free(c);
	cert_pair_free(&root);
	cert_pair_free(&gw);
}

static void chains(void)
{
	struct auth_conf conf = { 0 };
	STACK_OF(X509) *others = sk_X509_new_null(), *ca = sk_X509_new_null();
	struct cert_pair im, leaf, of_leaf, stranger;
	struct credentials *c;

	begin(&c);
	im = cert_make(&(struct cert_plan){ .name = "im", .issuer = &root, .extensions = of_ca });
	leaf = cert_make(&(struct cert_plan){ .name = "leaf", .issuer = &im, .extensions = of_gw });
	of_leaf = cert_make(&(struct cert_plan){ .name = "of leaf", .issuer = &leaf, .extensions = of_gw });
	stranger = cert_make(&(struct cert_plan){ .name = "stranger", .extensions = of_ca });
	expect(c, &conf, gw.cert, NULL, NULL);
	expect(c, &conf, leaf.cert, NULL, "CN=leaf\": unable to get local issuer certificate");
	sk_X509_push(others, im.cert);
	expect(c, &conf, leaf.cert, others, NULL);
	/* One that is no CA has issued it. */
	sk_X509_push(others, leaf.cert);
	expect(c, &conf, of_leaf.cert, others, "CN=leaf\": invalid CA certificate");
	/* A CA of its own making. */
	sk_X509_push(others, stranger.cert);
	expect(c, &conf, stranger.cert, others, "CN=stranger\": its key usage does not allow signatures");
	/* An intermediate CA that was loaded is no trust anchor without its root. */
	credentials_clear(c, CONF_VICI);
	load(c, CREDENTIAL_CA, im.cert);
	expect(c, &conf, leaf.cert, NULL, "CN=im\": unable to get issuer certificate");
	load(c, CREDENTIAL_CA, root.cert);
	expect(c, &conf, leaf.cert, NULL, NULL);
	/* The connection's CA: any of the chain. */
	sk_X509_push(ca, im.cert);
	conf.cacerts = ca;
	expect(c, &conf, leaf.cert, NULL, NULL);
	expect(c, &conf, gw.cert, NULL, "CN=gw\": it is of none of the CAs that the connection names");
	sk_X509_free(others);
	sk_X509_free(ca);
	cert_pair_free(&im);
	cert_pair_free(&leaf);
	cert_pair_free(&of_leaf);
	cert_pair_free(&stranger);
	end(c);
}

static struct ike_id id_of(const char *text)
{
	const char *why = "";
	struct ike_id id = { 0 };

	if (ike_id_parse(&id, text, &why))
		ktap_fail(__FILE__, __LINE__, "%s: %s", text, why);
	return id;
}

/* A CA of the chain by its name, be it only sent along. */
static void ca_identities(void)
{
	static const char *const of_im[] = { "basicConstraints", "critical,CA:TRUE",
					     "keyUsage", "critical,keyCertSign",
					     "subjectAltName", "DNS:ca.example,email:ca@example.org",
					     "subjectKeyIdentifier", "hash", NULL };
	static const char no_such[] = ": it is of no CA with the identity '";
	static const struct {
		const char *id;
		bool of_im, of_root;
	} cases[] = {
		{ "%any", true, true },
		{ "O=Example, CN=im", true, false },
		{ "O=Example, CN=root", true, true },
		{ "O=Example, CN=*", true, true },
		{ "O=Other, CN=*", false, false },
		{ "ca.example", true, false },
		{ "CA.example", true, false },
		{ "ca@example.org", true, false },
		{ "other.example", false, false },
		/* The peer's own names are no CA's. */
		{ "O=Example, CN=leaf", false, false },
		{ "O=Example, CN=gw", false, false },
		{ "gw.example", false, false },
	};
	STACK_OF(X509) *others = sk_X509_new_null();
	struct auth_conf conf = { 0 };
	struct cert_pair im, leaf;
	struct credentials *c;

	begin(&c);
	im = cert_make(&(struct cert_plan){ .name = "im", .issuer = &root, .extensions = of_im });
	leaf = cert_make(&(struct cert_plan){ .name = "leaf", .issuer = &im, .extensions = of_gw });
	sk_X509_push(others, im.cert);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		conf.ca_id = id_of(cases[i].id);
		expect(c, &conf, leaf.cert, others, cases[i].of_im ? NULL : no_such);
		expect(c, &conf, gw.cert, others, cases[i].of_root ? NULL : no_such);
		ike_id_clear(&conf.ca_id);
	}
	/* One that is trusted itself is of no CA, and one that calls itself so is none. */
	load(c, CREDENTIAL_CERT, gw.cert);
	credentials_clear(c, CONF_VICI);
	load(c, CREDENTIAL_CERT, gw.cert);
	conf.ca_id = id_of("O=Example, CN=root");
	expect(c, &conf, gw.cert, NULL, no_such);
	ike_id_clear(&conf.ca_id);
	sk_X509_free(others);
	cert_pair_free(&im);
	cert_pair_free(&leaf);
	end(c);
}

static void ask_for(struct auth_conf *conf, const char *const *oids)
{
	sk_ASN1_OBJECT_pop_free(conf->cert_policies, ASN1_OBJECT_free);
	conf->cert_policies = NULL;
	for (; *oids; oids++) {
		if (!conf->cert_policies)
			conf->cert_policies = sk_ASN1_OBJECT_new_null();
		sk_ASN1_OBJECT_push(conf->cert_policies, OBJ_txt2obj(*oids, 1));
	}
}

#define ONE	"1.3.6.1.4.1.99999.1"
#define TWO	"1.3.6.1.4.1.99999.2"
#define ANY	"2.5.29.32.0"

/* The value of an extension with these, for libcert.h. */
static const char *policies_of(const char *oids, char text[256])
{
	CERTIFICATEPOLICIES *policies = sk_POLICYINFO_new_null();
	unsigned char *der = NULL;
	char oid[64];
	int len;

	while (*oids) {
		size_t n = strcspn(oids, ",");
		POLICYINFO *one = POLICYINFO_new();

		snprintf(oid, sizeof(oid), "%.*s", (int)n, oids);
		one->policyid = OBJ_txt2obj(oid, 1);
		sk_POLICYINFO_push(policies, one);
		oids += n + (oids[n] == ',');
	}
	len = i2d_CERTIFICATEPOLICIES(policies, &der);
	strcpy(text, "DER:");
	for (int i = 0; i < len; i++)
		sprintf(text + 4 + 2 * i, "%02x", der[i]);
	OPENSSL_free(der);
	CERTIFICATEPOLICIES_free(policies);
	return text;
}

/* Each of those that are asked for has to be its own, and allowed by all its CAs. */
static void certificate_policies(void)
{
	static const struct {
		const char *ca, *own;	/* policies; NULL: none */
		const char *asked[3];
		const char *missing;	/* NULL: it is trusted */
	} cases[] = {
		{ ONE "," TWO, ONE "," TWO, { ONE }, NULL },
		{ ONE "," TWO, ONE "," TWO, { ONE, TWO }, NULL },
		{ ONE "," TWO, ONE, { TWO }, TWO },
		{ ONE "," TWO, ONE, { ONE, TWO }, TWO },
		{ ONE, ONE "," TWO, { ONE }, NULL },
		{ ONE, ONE "," TWO, { TWO }, TWO },
		{ ONE, NULL, { ONE }, ONE },
		{ NULL, ONE, { ONE }, ONE },
		{ NULL, NULL, { ONE }, ONE },
		{ NULL, NULL, { NULL }, NULL },
		{ ANY, ONE, { ONE }, NULL },
		{ ANY, ONE, { TWO }, TWO },
		{ ANY, ANY, { ONE, TWO }, NULL },
	};
	const char *of_im[] = { "basicConstraints", "critical,CA:TRUE", "keyUsage",
				"critical,keyCertSign", "subjectKeyIdentifier", "hash",
				NULL, NULL, NULL };
	const char *of_leaf[] = { "subjectKeyIdentifier", "hash", NULL, NULL, NULL };
	struct auth_conf conf = { 0 };
	struct credentials *c;

	begin(&c);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		STACK_OF(X509) *others = sk_X509_new_null();
		struct cert_pair im, leaf;
		char ca[256], own[256];

		of_im[6] = cases[i].ca ? "certificatePolicies" : NULL;
		of_im[7] = cases[i].ca ? policies_of(cases[i].ca, ca) : NULL;
		of_leaf[2] = cases[i].own ? "certificatePolicies" : NULL;
		of_leaf[3] = cases[i].own ? policies_of(cases[i].own, own) : NULL;
		im = cert_make(&(struct cert_plan){ .name = "im", .issuer = &root, .extensions = of_im });
		leaf = cert_make(&(struct cert_plan){ .name = "leaf", .issuer = &im,
						      .extensions = of_leaf });
		sk_X509_push(others, im.cert);
		ask_for(&conf, cases[i].asked);
		expect(c, &conf, leaf.cert, others, cases[i].missing);
		if (cases[i].missing)
			expect(c, &conf, leaf.cert, others, "CN=leaf\": it is not for the policy ");
		sk_X509_free(others);
		cert_pair_free(&im);
		cert_pair_free(&leaf);
	}
	ask_for(&conf, (const char *const []){ NULL });
	end(c);
}

/* What the certificates are signed with, all but the anchor. */
static void hashes(void)
{
	struct auth_conf conf = { .chain_signatures = 1u << SIGNATURE_ECDSA_SHA2_256 };
	struct credentials *c;

	begin(&c);
	expect(c, &conf, gw.cert, NULL, NULL);
	conf.chain_signatures = 1u << SIGNATURE_ECDSA_SHA2_384 | 1u << SIGNATURE_RSA_SHA2_256 |
				1u << SIGNATURE_PSS_SHA2_256 | 1u << SIGNATURE_ED25519;
	expect(c, &conf, gw.cert, NULL,
	       "CN=gw\": it is signed with ecdsa-with-SHA256, which the connection's auth does not allow");
	/* The anchor alone. */
	credentials_clear(c, CONF_VICI);
	load(c, CREDENTIAL_CA, root.cert);
	conf.chain_signatures |= 1u << SIGNATURE_ECDSA_SHA2_256;
	expect(c, &conf, gw.cert, NULL, NULL);
	end(c);
}

static void refused(const char *name, const char *const *extensions, long from, long until,
		    EVP_PKEY *key, const char *why)
{
	struct auth_conf conf = { 0 };
	struct credentials *c;
	struct cert_pair p;

	begin(&c);
	p = cert_make(&(struct cert_plan){ name, &root, extensions, from, until, key });
	expect(c, &conf, p.cert, NULL, why);
	/* That it was loaded itself does not help. */
	load(c, CREDENTIAL_CERT, p.cert);
	expect(c, &conf, p.cert, NULL, why);
	cert_pair_free(&p);
	end(c);
}

static void usages(void)
{
	static const char *const encipher[] = { "keyUsage", "keyEncipherment", NULL };
	static const char *const sign[] = { "keyUsage", "digitalSignature", NULL };
	static const char *const code[] = { "extendedKeyUsage", "codeSigning", NULL };
	static const char *const ike[] = { "extendedKeyUsage", "codeSigning,1.3.6.1.5.5.7.3.17", NULL };
	static const char *const tls[] = { "extendedKeyUsage", "serverAuth", NULL };
	static const char *const unknown[] = { "1.2.3.4.5", "critical,ASN1:NULL", NULL };

	refused("a", encipher, 0, 0, NULL, "its key usage does not allow signatures");
	refused("b", code, 0, 0, NULL, "its extended key usage is not for IKE");
	refused("c", unknown, 0, 0, NULL, "unhandled critical extension");
	refused("d", sign, 0, 0, NULL, NULL);
	refused("e", ike, 0, 0, NULL, NULL);
	refused("f", tls, 0, 0, NULL, NULL);
}

static void times_and_keys(void)
{
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	EVP_PKEY *k1 = EVP_EC_gen("secp256k1");

	refused("a", of_gw, -2 * DAY, -DAY, NULL, "certificate has expired");
	refused("b", of_gw, DAY, 2 * DAY, NULL, "certificate is not yet valid");
	refused("c", of_gw, 0, 0, weak, "key too weak");
	refused("d", of_gw, 0, 0, k1, "its ECDSA key is on none of the curves");
	EVP_PKEY_free(weak);
	EVP_PKEY_free(k1);
}

static void forged(void)
{
	struct auth_conf conf = { 0 };
	struct cert_pair other, p;
	struct credentials *c;

	begin(&c);
	/* The same name, another key. */
	other = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	p = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &other, .extensions = of_gw });
	expect(c, &conf, p.cert, NULL, "certificate signature failure");
	cert_pair_free(&other);
	cert_pair_free(&p);
	end(c);
}

static void revocation(void)
{
	static const char *const with_uri[] = {
		"crlDistributionPoints", "URI:http://crl.example/ca.crl", NULL };
	struct auth_conf relaxed = { 0 }, ifuri = { .revocation = REVOCATION_IFURI };
	struct auth_conf strict = { .revocation = REVOCATION_STRICT };
	struct credentials *c;
	struct cert_pair uri, other;

	begin(&c);
	uri = cert_make(&(struct cert_plan){ .name = "uri", .issuer = &root, .extensions = with_uri });
	other = cert_make(&(struct cert_plan){ .name = "root", .extensions = of_ca });
	expect(c, &relaxed, uri.cert, NULL, NULL);
	expect(c, &ifuri, gw.cert, NULL, NULL);
	expect(c, &ifuri, uri.cert, NULL, "CN=uri\": unable to get certificate CRL");
	expect(c, &strict, gw.cert, NULL, "CN=gw\": unable to get certificate CRL");
	load_crl(c, &root, uri.cert, DAY);
	expect(c, &relaxed, uri.cert, NULL, "CN=uri\": certificate revoked");
	expect(c, &relaxed, gw.cert, NULL, NULL);
	expect(c, &strict, gw.cert, NULL, NULL);
	/* One that is too old: good for what it says. */
	credentials_clear(c, CONF_VICI);
	load(c, CREDENTIAL_CA, root.cert);
	load_crl(c, &root, uri.cert, -DAY);
	expect(c, &relaxed, uri.cert, NULL, "CN=uri\": certificate revoked");
	expect(c, &relaxed, gw.cert, NULL, NULL);
	expect(c, &strict, gw.cert, NULL, "CN=gw\": CRL has expired");
	/* One that somebody else signed in the CA's name says nothing that is good. */
	credentials_clear(c, CONF_VICI);
	load(c, CREDENTIAL_CA, root.cert);
	load_crl(c, &other, NULL, DAY);
	expect(c, &strict, gw.cert, NULL, "CRL signature failure");
	cert_pair_free(&uri);
	cert_pair_free(&other);
	end(c);
}

/* A certificate that was loaded, or that the connection names, needs no CA. */
static void pinned(void)
{
	STACK_OF(X509) *certs = sk_X509_new_null(), *ca = sk_X509_new_null();
	struct auth_conf conf = { 0 };
	struct credentials *c;
	struct cert_pair self;

	begin(&c);
	self = cert_make(&(struct cert_plan){ .name = "self", .extensions = of_gw });
	expect(c, &conf, self.cert, NULL, "self-signed certificate");
	load(c, CREDENTIAL_CERT, self.cert);
	expect(c, &conf, self.cert, NULL, NULL);
	credentials_clear(c, CONF_VICI);
	sk_X509_push(certs, self.cert);
	conf.certs = certs;
	expect(c, &conf, self.cert, NULL, NULL);
	expect(c, &conf, gw.cert, NULL, "it is none of those that the connection names");
	/* With CAs named besides, they count. */
	sk_X509_push(ca, root.cert);
	conf.cacerts = ca;
	expect(c, &conf, self.cert, NULL, "it is of none of the CAs");
	sk_X509_push(certs, gw.cert);
	expect(c, &conf, gw.cert, NULL, NULL);
	sk_X509_free(certs);
	sk_X509_free(ca);
	cert_pair_free(&self);
	end(c);
}

static int objects(struct credentials *c, STACK_OF(X509) *cas)
{
	X509_STORE *store = trust_stores_get(c, cas);
	int n = store ? sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) : -1;

	X509_STORE_free(store);
	return n;
}

/* Is it the same one as before, or else, are they different ones? */
static bool is_same(X509_STORE *before, struct credentials *c, STACK_OF(X509) *cas)
{
	X509_STORE *now = trust_stores_get(c, cas);
	bool same = now == before;

	X509_STORE_free(now);
	return same;
}

/* One store serves all handshakes, until what is in it changes; whoever has it keeps it. */
static void stores(void)
{
	STACK_OF(X509) *named = sk_X509_new_null(), *same = sk_X509_new_null();
	struct cert_pair other, peer;
	struct auth_conf conf = { 0 };
	X509_STORE *plain, *with;
	struct credentials *c;
	X509_CRL *crl;

	begin(&c);
	other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
	peer = cert_make(&(struct cert_plan){ .name = "peer", .issuer = &other, .extensions = of_gw });
	plain = trust_stores_get(c, NULL);
	EXPECT(is_same(plain, c, NULL));
	/* A connection's CA that is loaded needs no other. */
	sk_X509_push(named, root.cert);
	EXPECT(is_same(plain, c, named));
	/* One that is not is for that connection, and those that name the same, alone. */
	sk_X509_push(named, other.cert);
	sk_X509_push(same, X509_dup(root.cert));
	sk_X509_push(same, X509_dup(other.cert));
	with = trust_stores_get(c, named);
	EXPECT(with != plain && is_same(with, c, same));
	EXPECT_EQ(objects(c, named), 2);
	EXPECT_EQ(objects(c, NULL), 1);
	expect(c, &conf, peer.cert, NULL, "unable to get local issuer certificate");
	conf.cacerts = named;
	expect(c, &conf, peer.cert, NULL, NULL);
	/* Peers' certificates are in none. */
	load(c, CREDENTIAL_CERT, peer.cert);
	EXPECT_EQ(objects(c, NULL), 1);
	conf.cacerts = NULL;
	expect(c, &conf, peer.cert, NULL, NULL);
	EXPECT(!is_same(plain, c, NULL) && !is_same(with, c, named));
	X509_STORE_free(plain);
	X509_STORE_free(with);
	/* What is loaded, fetched and unloaded is seen by all that are asked for next. */
	plain = trust_stores_get(c, NULL);
	with = trust_stores_get(c, named);
	crl = X509_CRL_new();
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(root.cert));
	EXPECT(!credentials_put_fetched(c, "http://a", crl));
	X509_CRL_free(crl);
	EXPECT(!is_same(plain, c, NULL) && !is_same(with, c, named));
	EXPECT_EQ(objects(c, NULL), 2);
	EXPECT_EQ(objects(c, named), 3);
	load(c, CREDENTIAL_CA, other.cert);
	EXPECT_EQ(objects(c, named), 3);
	EXPECT_EQ(objects(c, NULL), 3);
	credentials_clear_fetched(c);
	EXPECT_EQ(objects(c, named), 2);
	credentials_clear(c, CONF_VICI);
	EXPECT_EQ(objects(c, NULL), 0);
	EXPECT_EQ(objects(c, named), 2);
	X509_STORE_free(plain);
	X509_STORE_free(with);
	plain = trust_stores_get(c, NULL);
	credentials_changed(c);
	EXPECT(!is_same(plain, c, NULL));
	X509_STORE_free(plain);
	sk_X509_free(named);
	sk_X509_pop_free(same, X509_free);
	cert_pair_free(&other);
	cert_pair_free(&peer);
	end(c);
}

#define MORE_STORES	1100

/* Connections that come and go do not leave one each for ever. */
static void many_stores(void)
{
	struct credentials *c;
	size_t most = 0;

	begin(&c);
	for (int i = 0; i < MORE_STORES; i++) {
		STACK_OF(X509) *named = sk_X509_new_null();
		struct cert_pair ca;

		ca = cert_make(&(struct cert_plan){ .name = "ca", .key = root.key });
		sk_X509_push(named, ca.cert);
		EXPECT_EQ(objects(c, named), 2);
		if (c->stores.by_cas.count > most)
			most = c->stores.by_cas.count;
		sk_X509_free(named);
		cert_pair_free(&ca);
	}
	EXPECT(most > 1000 && most < MORE_STORES);
	EXPECT_EQ(c->stores.by_cas.count, MORE_STORES - most);
	end(c);
}

static bool has(X509 *cert, const char *text)
{
	struct ike_id id;
	const char *why;
	bool found;

	if (!EXPECT(!ike_id_parse(&id, text, &why)))
		return false;
	found = certificate_has_id(cert, &id);
	ike_id_clear(&id);
	return found;
}

static void identities(void)
{
	static const char *const star[] = { "subjectAltName", "DNS:*.example", NULL };
	static const char *const theirs[] = {
		"gw.example", "GW.Example", "gw@example.org", "192.0.2.1", "2001:db8::1",
		"O=Example, CN=gw", "O=EXAMPLE, CN=gw",
	};
	static const char *const not_theirs[] = {
		"gw.exampl", "gw.example.org", "keyid:gw.example", "email:gw.example", "fqdn:gw@example.org",
		"192.0.2.2", "fqdn:192.0.2.1", "gw", "O=Example, CN=gx", "CN=gw", "CN=gw, O=Example",
		"O=Example, CN=*", "O=Example, CN=gw, CN=gw", "*.example", "fqdn:#67772e6578616d706c6500",
	};
	uint8_t key[KEY_ID_LEN];
	char text[64] = "keyid:#";
	struct credentials *c;
	struct cert_pair wild;

	begin(&c);
	for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
		if (!has(gw.cert, theirs[i]))
			ktap_fail(__FILE__, __LINE__, "not of %s", theirs[i]);
	for (size_t i = 0; i < sizeof(not_theirs) / sizeof(*not_theirs); i++)
		if (has(gw.cert, not_theirs[i]))
			ktap_fail(__FILE__, __LINE__, "of %s", not_theirs[i]);
	EXPECT(!certificate_authority_id(gw.cert, key));
	for (size_t i = 0; i < sizeof(key); i++)
		snprintf(text + 7 + 2 * i, 3, "%02x", key[i]);
	EXPECT(has(gw.cert, text));
	text[7] = text[7] == '0' ? '1' : '0';
	EXPECT(!has(gw.cert, text));
	wild = cert_make(&(struct cert_plan){ .name = "*", .issuer = &root, .extensions = star });
	EXPECT(!has(wild.cert, "gw.example"));
	EXPECT(!has(wild.cert, "O=Example, CN=gw"));
	cert_pair_free(&wild);
	end(c);
}

static void credentials_round_trip(void)
{
	struct credentials *c, *copy = credentials_new();
	struct buf out = BUF_INIT;
	struct errmsg err;
	unsigned int n = 0;

	begin(&c);
	load(c, CREDENTIAL_CERT, gw.cert);
	load(c, CREDENTIAL_CERT, gw.cert);
	load_crl(c, &root, gw.cert, DAY);
	credentials_write(&out, c);
	EXPECT(!credentials_read(copy, out.data, out.len, &err));
	for (const struct credential *one = copy->first; one; one = one->next)
		n++;
	EXPECT_EQ(n, 3);
	EXPECT(credentials_has_cert(copy, gw.cert));
	for (size_t len = 1; len < 6; len++)
		EXPECT(credentials_read(copy, out.data, len, &err));
	/* A CA's folder takes no others. */
	EXPECT(credentials_add(c, CONF_VICI, CREDENTIAL_CA, "-----", 5, &err));
	buf_clear(&out);
	credentials_free(copy);
	end(c);
}

static const struct ktap_test tests[] = {
	{ "chains", chains },
	{ "identities of CAs", ca_identities },
	{ "certificate policies", certificate_policies },
	{ "hashes", hashes },
	{ "usages", usages },
	{ "times and keys", times_and_keys },
	{ "a forged certificate", forged },
	{ "revocation", revocation },
	{ "certificates that are trusted themselves", pinned },
	{ "stores", stores },
	{ "many stores", many_stores },
	{ "identities", identities },
	{ "credentials, written and read", credentials_round_trip },
};

KTAP_MAIN(tests)
