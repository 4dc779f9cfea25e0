// SPDX-License-Identifier: GPL-2.0
/* Loaded certificates: found by identity and as issuers, as if all were looked at. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/x509v3.h>

#include "certificate.h"
#include "credentials.h"
#include "dn.h"
#include "ikev2.h"
#include "ktap.h"
#include "libcert.h"

static const char *const of_ca[] = { "basicConstraints", "critical,CA:TRUE",
				     "subjectKeyIdentifier", "hash", NULL };

static void load(struct credentials *c, enum conf_source source, X509 *cert)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der);
	struct errmsg err;

	EXPECT(!credentials_add(c, source, CREDENTIAL_CERT, der, (size_t)len, &err));
	OPENSSL_free(der);
}

static struct ike_id id_of(const char *text)
{
	const char *why = "";
	struct ike_id id = { 0 };

	if (ike_id_parse(&id, text, &why))
		ktap_fail(__FILE__, __LINE__, "%s: %s", text, why);
	return id;
}

/* What is found is what looking at each of them finds, in that order. Returns how many it is. */
static int expect_found(const struct credentials *c, const struct ike_id *id)
{
	STACK_OF(X509) *found = credentials_of_id(c, id);
	const int count = found ? sk_X509_num(found) : 0;
	char text[ID_STRLEN];
	int n = 0;

	for (const struct credential *one = c->first; one; one = one->next) {
		if (one->kind != CREDENTIAL_CERT || !certificate_has_id(one->cert, id))
			continue;
		if (n >= count || sk_X509_value(found, n) != one->cert)
			ktap_fail(__FILE__, __LINE__, "%s: another one at %d of %d",
				  ike_id_str(id, text), n, count);
		n++;
	}
	EXPECT_EQ(count, n);
	sk_X509_free(found);
	return n;
}

static int found(const struct credentials *c, const char *text)
{
	struct ike_id id = id_of(text);
	const int n = expect_found(c, &id);

	ike_id_clear(&id);
	return n;
}

static int found_by_key(const struct credentials *c, const uint8_t key[KEY_ID_LEN])
{
	const struct ike_id id = { .type = ID_KEY_ID, .data = (uint8_t *)key, .len = KEY_ID_LEN };

	return expect_found(c, &id);
}

#define MANY	40	/* the table grows */

static void of_an_identity(void)
{
	static const char *const no[] = {
		"%any", "gw0.exampl", "gw0.example.org", "keyid:gw0.example", "email:gw0.example",
		"192.0.2.200", "fqdn:192.0.2.1", "gw0", "O=Example, CN=gx", "CN=gw0", "O=Example, CN=*",
		"CN=gw0, O=Example", "*.example", "asn1dn:#3003", "O=Example, CN=ca",
	};
	struct cert_pair ca = cert_make(&(struct cert_plan){ .name = "ca", .extensions = of_ca });
	struct credentials *c = credentials_new(), *fresh = credentials_new();
	uint8_t keys[2][KEY_ID_LEN];
	X509 *kept = NULL;

	load(c, CONF_VICI, ca.cert);
	for (int i = 0; i < MANY; i++) {
		char san[256], name[16];
		const char *const extensions[] = { "subjectAltName", san,
						   "subjectKeyIdentifier", "hash", NULL };
		struct cert_pair p;

		snprintf(name, sizeof(name), "gw%d", i / 2);
		snprintf(san, sizeof(san), "DNS:gw%d.example,DNS:all.example,email:gw%d@example.org,"
			 "IP:192.0.2.%d,IP:2001:db8::%d,DNS:all.example,URI:http://all.example",
			 i, i, i, i % 10);
		p = cert_make(&(struct cert_plan){ .name = name, .issuer = &ca,
						   .extensions = extensions });
		load(c, i % 2 ? CONF_FILE : CONF_VICI, p.cert);
		load(c, i % 2 ? CONF_FILE : CONF_VICI, p.cert);
		if (i < 2) {
			EXPECT(!certificate_key_id(p.cert, keys[0]));
			EXPECT(!certificate_authority_id(p.cert, keys[1]));
		}
		if (i == 1)
			kept = X509_dup(p.cert);
		cert_pair_free(&p);
	}
	EXPECT_EQ(found(c, "all.example"), MANY);
	EXPECT_EQ(found(c, "ALL.Example"), MANY);
	EXPECT_EQ(found(c, "gw7.example"), 1);
	EXPECT_EQ(found(c, "GW7@example.org"), 1);
	EXPECT_EQ(found(c, "192.0.2.0"), 1);
	EXPECT_EQ(found(c, "2001:db8::3"), MANY / 10);
	EXPECT_EQ(found(c, "O=Example, CN=gw3"), 2);
	EXPECT_EQ(found(c, "O=EXAMPLE, CN=  Gw3 "), 2);
	EXPECT_EQ(found_by_key(c, keys[0]), 1);
	EXPECT_EQ(found_by_key(c, keys[1]), 1);
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		EXPECT_EQ(found(c, no[i]), 0);
	/* A file's go, and others come in their place, behind those of VICI. */
	load(fresh, CONF_FILE, kept);
	credentials_replace_file(c, fresh);
	EXPECT_EQ(found(fresh, "all.example"), 0);
	EXPECT_EQ(found(c, "all.example"), MANY / 2 + 1);
	EXPECT_EQ(found(c, "gw1.example"), 1);
	EXPECT_EQ(found(c, "gw3.example"), 0);
	EXPECT(credentials_has_cert(c, kept) && !credentials_has_cert(fresh, kept));
	EXPECT(credentials_has_ca(c, ca.cert) && !credentials_has_cert(c, ca.cert));
	credentials_unload(c, CONF_VICI);
	EXPECT_EQ(found(c, "all.example"), 1);
	EXPECT(!credentials_has_ca(c, ca.cert));
	credentials_clear(c, CONF_FILE);
	EXPECT_EQ(found(c, "all.example"), 0);
	EXPECT(!c->first);
	X509_free(kept);
	cert_pair_free(&ca);
	credentials_free(c);
	credentials_free(fresh);
}

/* Strings of other types in the same name: what libcrypto takes for the same is found. */
static void other_strings(void)
{
	struct credentials *c = credentials_new();
	struct cert_pair p = cert_make(&(struct cert_plan){ .name = "Gw  One" });
	X509_NAME *name = X509_NAME_new();
	struct ike_id id = { .type = ID_DER_ASN1_DN };
	int len;

	X509_NAME_add_entry_by_txt(name, "O", V_ASN1_PRINTABLESTRING, (const uint8_t *)"example", -1,
				   -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", V_ASN1_BMPSTRING, (const uint8_t *)"\0g\0W\0 \0O\0n\0e",
				   12, -1, 0);
	len = i2d_X509_NAME(name, &id.data);
	REQUIRE(len > 0);
	id.len = (size_t)len;
	load(c, CONF_VICI, p.cert);
	EXPECT_EQ(expect_found(c, &id), 1);
	OPENSSL_free(id.data);
	X509_NAME_free(name);
	cert_pair_free(&p);
	credentials_free(c);
}

static void issuers(void)
{
	static const char *const with_key[] = { "basicConstraints", "critical,CA:TRUE",
						"subjectKeyIdentifier", "00:01", NULL };
	static const char *const plain[] = { "subjectAltName", "DNS:gw.example", NULL };
	struct cert_pair first, second, other, gw;
	struct credentials *c = credentials_new();
	X509 *issuer;

	first = cert_make(&(struct cert_plan){ .name = "CA", .extensions = of_ca });
	second = cert_make(&(struct cert_plan){ .name = "CA", .extensions = with_key });
	other = cert_make(&(struct cert_plan){ .name = "other", .extensions = of_ca });
	gw = cert_make(&(struct cert_plan){ .name = "gw", .issuer = &second, .extensions = plain });
	load(c, CONF_VICI, other.cert);
	load(c, CONF_VICI, gw.cert);
	EXPECT(!credentials_issuer(c, gw.cert));
	/* Nothing but the name tells: the first one that was loaded. */
	load(c, CONF_VICI, second.cert);
	load(c, CONF_FILE, first.cert);
	issuer = credentials_issuer(c, gw.cert);
	EXPECT(issuer && !X509_cmp(issuer, second.cert));
	credentials_clear(c, CONF_VICI);
	issuer = credentials_issuer(c, gw.cert);
	EXPECT(issuer && !X509_cmp(issuer, first.cert));
	credentials_clear(c, CONF_FILE);
	EXPECT(!credentials_issuer(c, gw.cert));
	cert_pair_free(&first);
	cert_pair_free(&second);
	cert_pair_free(&other);
	cert_pair_free(&gw);
	credentials_free(c);
}

/* libcrypto's allocations; how many more of them succeed. */
static unsigned int allocations, allocations_left = UINT_MAX;

static void *allocate(size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	allocations++;
	if (!allocations_left)
		return NULL;
	allocations_left -= allocations_left != UINT_MAX;
	return malloc(len);
}

static void *reallocate(void *p, size_t len, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(p, len);
}

static void release(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	free(p);
}

/* Before libcrypto has allocated any. */
__attribute__((constructor)) static void count_allocations(void)
{
	CRYPTO_set_mem_functions(allocate, reallocate, release);
}

/* A certificate whose names cannot be read for want of memory is not one without any. */
static void without_memory(void)
{
	static const char *const names[] = { "subjectAltName", "DNS:a.example,DNS:b.example", NULL };
	struct cert_pair p = cert_make(&(struct cert_plan){ .name = "a", .extensions = names });
	GENERAL_NAMES *read;
	uint64_t *hashes;
	unsigned int most;
	size_t n;

	EXPECT(!certificate_id_hashes(p.cert, &hashes, &n));
	free(hashes);
	allocations = 0;
	read = X509_get_ext_d2i(p.cert, NID_subject_alt_name, NULL, NULL);
	most = allocations;
	EXPECT(read && most);
	GENERAL_NAMES_free(read);
	for (unsigned int i = 0; i < most; i++) {
		allocations_left = i;
		EXPECT_EQ(certificate_id_hashes(p.cert, &hashes, &n), -ENOMEM);
		allocations_left = UINT_MAX;
		free(hashes);
	}
	cert_pair_free(&p);
}

/* As it is read: the attributes of an RDN by their encoding. @set: are they of one? */
static X509_NAME *name_of(const char *const parts[], bool set)
{
	X509_NAME *name = X509_NAME_new(), *read;
	unsigned char *der = NULL;
	const unsigned char *at;
	int len;

	for (size_t i = 0; parts[i]; i += 2)
		EXPECT(X509_NAME_add_entry_by_txt(name, parts[i], MBSTRING_UTF8,
						  (const uint8_t *)parts[i + 1], -1, -1,
						  i && set ? -1 : 0));
	len = i2d_X509_NAME(name, &der);
	at = der;
	read = d2i_X509_NAME(NULL, &at, len);
	EXPECT(read);
	OPENSSL_free(der);
	X509_NAME_free(name);
	return read;
}

static void sets_in_a_name(void)
{
	static const char *const a[] = { "CN", "xx", "OU", "yyy", NULL };
	static const char *const b[] = { "OU", "yyy", "CN", "   xx", NULL };
	static const char *const c[] = { "OU", "yyy", "CN", "xxx", NULL };
	X509_NAME *one = name_of(a, true), *same = name_of(b, true);
	X509_NAME *others[] = { name_of(a, false), name_of(b, false), name_of(c, true) };

	/* The blanks have moved it. */
	EXPECT_EQ(OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(one, 0))),
		  NID_commonName);
	EXPECT_EQ(OBJ_obj2nid(X509_NAME_ENTRY_get_object(X509_NAME_get_entry(same, 0))),
		  NID_organizationalUnitName);
	EXPECT(!X509_NAME_cmp(one, same));
	EXPECT(dn_hash(one) == dn_hash(same));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		EXPECT(X509_NAME_cmp(one, others[i]));
		EXPECT(dn_hash(one) != dn_hash(others[i]));
		X509_NAME_free(others[i]);
	}
	X509_NAME_free(one);
	X509_NAME_free(same);
}

static const struct ktap_test tests[] = {
	{ "of an identity", of_an_identity },
	{ "other strings in a name", other_strings },
	{ "sets in a name", sets_in_a_name },
	{ "without memory", without_memory },
	{ "issuers", issuers },
};

KTAP_MAIN(tests)
