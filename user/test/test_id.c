// SPDX-License-Identifier: GPL-2.0
/* Identities: text, payloads, matching. */
#include <errno.h>
#include <stdio.h>

#include "id.h"
#include "ikev2.h"
#include "ktap.h"

static void text_forms(void)
{
	static const struct {
		const char *in;
		uint8_t type;
		const char *out;
	} forms[] = {
		{ "192.0.2.1", 1, "192.0.2.1" },
		{ "2001:db8::1", 5, "2001:db8::1" },
		{ "gw.example.org", 2, "gw.example.org" },
		{ "@gw.example.org", 2, "gw.example.org" },
		{ "@192.0.2.1", 2, "192.0.2.1" },
		{ "user@example.org", 3, "user@example.org" },
		{ "@@user@example.org", 3, "user@example.org" },
		{ "@#0102ff", 11, "0102ff" },
		{ "keyid:some key", 11, "some key" },
		{ "fqdn:user@host", 2, "user@host" },
		{ "email:#6162", 3, "ab" },
		{ "C=CH, O=Example, CN=gw, E=a@b.ch", 9, "C=CH, O=Example, CN=gw, E=a@b.ch" },
		{ "/C=CH/O=A, B/CN=*", 9, "C=CH, O=A, B, CN=*" },
		{ "asn1dn:O=\"A, B\",CN=x", 9, "O=A, B, CN=x" },
		{ "ipv4:192.0.2.1", 1, "192.0.2.1" },
		{ "10.1.2.3/24", 7, "10.1.2.0-10.1.2.255" },
		{ "192.0.2.1-192.0.2.9", 7, "192.0.2.1-192.0.2.9" },
		{ "ipv4net:10.0.0.0/9", 7, "10.0.0.0-10.127.255.255" },
		{ "ipv6range:2001:db8::1-2001:db8::2", 8, "2001:db8::1-2001:db8::2" },
		{ "2001:db8::/127", 8, "2001:db8::-2001:db8::1" },
		{ "0.0.0.0/0", 7, "0.0.0.0-255.255.255.255" },
		{ "asn1gn:#300602", 10, "300602" }, { "{1}:#c0000201", 1, "192.0.2.1" },
		{ "{2}:gw", 2, "gw" }, { "{201}:#00", 201, "00" },
		{ "a-b.example.org", 2, "a-b.example.org" }, { "a/b", 2, "a/b" },
		{ "%any", 0, "%any" },
		{ "", 0, "%any" },
	};
	char text[ID_STRLEN];
	struct ike_id id;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		EXPECT_EQ(ike_id_parse(&id, forms[i].in, &why), 0);
		EXPECT_EQ(id.type, forms[i].type);
		EXPECT_STR(ike_id_str(&id, text), forms[i].out);
		ike_id_clear(&id);
	}
}

static void refused_text(void)
{
	static const char *const bad[] = {
		"@#", "@#0", "@#xy", "ipv4:2001:db8::1", "ipv6:192.0.2.1", "fqdn:", "@",
		"ipv4net:10.0.0.0", "ipv4net:10.0.0.0/33", "ipv6net:10.0.0.0/8",
		"ipv4range:10.0.0.9-10.0.0.1", "asn1gn:x", "{0}:x", "{256}:x", "{1}:#0102", "{5}:x",
		"{2}:", "{2}", "{x}:y", "ipv4:#01", "ipv4net:#01",
		"C=CH, O", "asn1dn:x", "C=Switzerland", "NOSUCH=x", "CN=", "=x", "asn1dn:/",
	};
	struct ike_id id;
	const char *why;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why = NULL;
		if (ike_id_parse(&id, bad[i], &why) != -EINVAL || !why)
			ktap_fail(__FILE__, __LINE__, "«%s» was taken", bad[i]);
	}
}

static int match(const char *pattern, const char *peer)
{
	struct ike_id a, b;
	const char *why;
	int m;

	ike_id_parse(&a, pattern, &why);
	ike_id_parse(&b, peer, &why);
	m = ike_id_match(&a, &b);
	ike_id_clear(&a);
	ike_id_clear(&b);
	return m;
}

static void matching(void)
{
	EXPECT_EQ(match("gw.example.org", "gw.example.org"), 3);
	EXPECT_EQ(match("GW.example.org", "gw.EXAMPLE.org"), 3);
	EXPECT_EQ(match("*.example.org", "gw.example.org"), 2);
	EXPECT_EQ(match("*.example.org", "example.org"), 0);
	EXPECT_EQ(match("*@example.org", "user@example.org"), 2);
	EXPECT_EQ(match("*@example.org", "user@example.com"), 0);
	EXPECT_EQ(match("*.example.org", "@@a.example.org"), 0);
	EXPECT_EQ(match("%any", "192.0.2.1"), 1);
	EXPECT_EQ(match("192.0.2.1", "192.0.2.2"), 0);
	EXPECT_EQ(match("@192.0.2.1", "192.0.2.1"), 0);
	EXPECT_EQ(match("@#6162", "@#6142"), 0);
}

static void from_payloads(void)
{
	struct ike_id id;
	char text[ID_STRLEN];

	EXPECT_EQ(ike_id_set(&id, ID_IPV4_ADDR, "abc", 3), -EBADMSG);
	EXPECT_EQ(ike_id_set(&id, ID_IPV6_ADDR, "abcd", 4), -EBADMSG);
	EXPECT_EQ(ike_id_set(&id, ID_FQDN, "", 0), -EBADMSG);
	EXPECT_EQ(ike_id_set(&id, ID_ANY, "x", 1), -EBADMSG);
	/* What a peer puts into a name cannot disturb the log. */
	EXPECT_EQ(ike_id_set(&id, ID_FQDN, "a\n\033b\0c", 6), 0);
	EXPECT_STR(ike_id_str(&id, text), "a??b?c");
	ike_id_clear(&id);
}

static void long_ones(void)
{
	static uint8_t data[2000];
	char text[ID_STRLEN];
	struct ike_id id;

	memset(data, 'a', sizeof(data));
	EXPECT_EQ(ike_id_set(&id, ID_FQDN, data, sizeof(data)), 0);
	EXPECT(strlen(ike_id_str(&id, text)) < ID_STRLEN);
	ike_id_clear(&id);
	EXPECT_EQ(ike_id_set(&id, ID_DER_ASN1_DN, "\x30\x82", 2), 0);
	EXPECT_STR(ike_id_str(&id, text), "3082");
	ike_id_clear(&id);
	memset(data, 0xee, sizeof(data));
	EXPECT_EQ(ike_id_set(&id, ID_KEY_ID, data, sizeof(data)), 0);
	EXPECT(strlen(ike_id_str(&id, text)) < ID_STRLEN);
	ike_id_clear(&id);
}

static const struct ktap_test tests[] = {
	{ "text", text_forms },
	{ "text that is refused", refused_text },
	{ "matching", matching },
	{ "from payloads", from_payloads },
	{ "long and unprintable ones", long_ones },
};

KTAP_MAIN(tests)
