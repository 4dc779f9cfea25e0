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
