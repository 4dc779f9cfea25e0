// SPDX-License-Identifier: GPL-2.0
/* Traffic selectors: text, wire, narrowing, prefixes, and XFRM priorities. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "ktap.h"
#include "policy.h"
#include "ts.h"

static struct ts parse(const char *text)
{
	const char *why = "";
	struct ts ts = { 0 };

	if (ts_parse(&ts, text, &why))
		ktap_fail(__FILE__, __LINE__, "«%s» refused: %s", text, why);
	return ts;
}

/* A list out of one string, selectors between spaces. */
static struct ts_list list(const char *text)
{
	struct ts_list l = { 0 };
	char word[TS_STRLEN];

	while (*text) {
		size_t len = strcspn(text, " ");

		snprintf(word, sizeof(word), "%.*s", (int)len, text);
		l.v[l.n++] = parse(word);
		text += len;
		text += *text == ' ';
	}
	return l;
}

static const char *str(const struct ts_list *l)
{
	static char text[1024];
	char one[TS_STRLEN];
	unsigned int i;

	text[0] = '\0';
	for (i = 0; i < l->n; i++) {
		if (i)
			strcat(text, " ");
		strcat(text, ts_str(&l->v[i], one));
	}
	return text;
}

static void text_forms(void)
{
	static const struct {
		const char *in, *out;
	} forms[] = {
		{ "10.1.0.0/16", "10.1.0.0/16" },
		{ "10.1.2.3/16", "10.1.0.0/16" },
		{ "10.1.2.3", "10.1.2.3/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "10.0.0.1-10.0.0.9", "10.0.0.1..10.0.0.9" },
		{ "10.0.0.0-10.0.0.255", "10.0.0.0/24" },
		{ "2001:db8::/32", "2001:db8::/32" },
		{ "::/0", "::/0" },
		{ "dynamic", "dynamic" },
		{ "dynamic[tcp/80]", "dynamic[tcp/80]" },
		{ "10.1.0.0/16[tcp]", "10.1.0.0/16[tcp]" },
		{ "10.1.0.0/16[udp/1000-2000]", "10.1.0.0/16[udp/1000-2000]" },
		{ "10.1.0.0/16[17/any]", "10.1.0.0/16[udp]" },
		{ "10.1.0.0/16[/53]", "10.1.0.0/16[/53]" },
		{ "10.1.0.0/16[any/53]", "10.1.0.0/16[/53]" },
		{ "10.1.0.0/16[tcp/opaque]", "10.1.0.0/16[tcp/opaque]" },
		{ "10.1.0.0/16[icmp/8]", "10.1.0.0/16[icmp/2048-2303]" },
		{ "10.1.0.0/16[200]", "10.1.0.0/16[200]" },
	};
	char text[TS_STRLEN];
	size_t i;

	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct ts ts = parse(forms[i].in);

		EXPECT_STR(ts_str(&ts, text), forms[i].out);
	}
}

static void refused_text(void)
{
	static const char *const bad[] = {
		"", "10.1.0.0/33", "10.1.0.0/", "10.1.0.0/x", "10.1.0.0/-1", "10.1.0/24",
		"2001:db8::/129", "10.0.0.9-10.0.0.1", "10.0.0.1-::1", "name.example",
		"10.1.0.0/16[", "10.1.0.0/16[tcp", "10.1.0.0/16[tcp]x", "10.1.0.0/16[nope]",
		"10.1.0.0/16[tcp/65536]", "10.1.0.0/16[tcp/9-8]", "10.1.0.0/16[256]",
	};
	const char *why;
	struct ts ts;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		why = NULL;
		if (ts_parse(&ts, bad[i], &why) != -EINVAL || !why)
			ktap_fail(__FILE__, __LINE__, "«%s» was taken", bad[i]);
	}
}

static void wire(void)
{
	static const uint8_t want[] = {
		2, 0, 0, 0,
		7, 6, 0, 16, 0, 80, 0, 80, 10, 1, 0, 0, 10, 1, 255, 255,
		8, 0, 0, 40, 0, 0, 255, 255,
		0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x20, 1, 0x0d, 0xb8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
	};
	struct ts_list l = list("10.1.0.0/16[tcp/80] 2001:db8::/32"), back;
	struct buf out = BUF_INIT;

	ts_write(&out, &l);
	REQUIRE(out.len == sizeof(want));
	EXPECT_HEX(out.data, want, sizeof(want));
	EXPECT_EQ(ts_read(&back, out.data, out.len), 0);
	EXPECT_STR(str(&back), "10.1.0.0/16[tcp/80] 2001:db8::/32");
	buf_clear(&out);
}

/* A type that is not known, and an empty range, select nothing. */
static void odd_selectors(void)
{
	static const uint8_t octets[] = {
		3, 0, 0, 0,
		9, 0, 0, 8, 1, 2, 3, 4,
		7, 0, 0, 16, 0, 0, 255, 255, 10, 0, 0, 9, 10, 0, 0, 1,
		7, 0, 0, 16, 0, 0, 255, 255, 10, 0, 0, 1, 10, 0, 0, 1,
	};
	struct ts_list l;

	EXPECT_EQ(ts_read(&l, octets, sizeof(octets)), 0);
	EXPECT_STR(str(&l), "10.0.0.1/32");
}

static void expect_narrow(const char *a, const char *b, const char *want)
{
	struct ts_list la = list(a), lb = list(b), out;

	ts_narrow(&out, &la, &lb);
	EXPECT_STR(str(&out), want);
	ts_narrow(&out, &lb, &la);
	EXPECT_STR(str(&out), want);
	EXPECT(out.n == 0 || (ts_within(&out, &la) && ts_within(&out, &lb)));
}

static void narrowing(void)
{
	expect_narrow("10.0.0.0/8", "10.1.0.0/16", "10.1.0.0/16");
	expect_narrow("10.0.0.0/8", "192.0.2.0/24", "");
	expect_narrow("10.0.0.0/8", "::/0", "");
	expect_narrow("10.0.0.5-10.0.0.20", "10.0.0.10-10.0.0.30", "10.0.0.10..10.0.0.20");
	expect_narrow("0.0.0.0/0[tcp]", "10.0.0.0/8", "10.0.0.0/8[tcp]");
	expect_narrow("0.0.0.0/0[tcp]", "10.0.0.0/8[udp]", "");
	expect_narrow("0.0.0.0/0[tcp/80]", "10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/80]");
	expect_narrow("0.0.0.0/0[tcp/80]", "10.0.0.0/8[tcp/81]", "");
	expect_narrow("0.0.0.0/0[tcp/50-90]", "10.0.0.0/8[tcp/80-100]",
		      "10.0.0.0/8[tcp/80-90]");
	expect_narrow("0.0.0.0/0[tcp/opaque]", "10.0.0.0/8[tcp]", "10.0.0.0/8[tcp/opaque]");
	expect_narrow("0.0.0.0/0[tcp/opaque]", "10.0.0.0/8[tcp/80]", "");
	expect_narrow("10.1.0.0/16 10.2.0.0/16", "10.0.0.0/8", "10.1.0.0/16 10.2.0.0/16");
	/* The packet that triggered it, and then the net: the net holds both. */
	expect_narrow("10.1.0.5[tcp/80] 10.1.0.0/16", "10.0.0.0/8", "10.1.0.0/16");
	expect_narrow("10.1.0.0/16 2001:db8::/32", "0.0.0.0/0 ::/0",
		      "10.1.0.0/16 2001:db8::/32");
}

static void within(void)
{
	struct ts_list inner = list("10.1.0.0/16"), outer = list("10.0.0.0/8");
	struct ts_list none = { 0 };

	EXPECT(ts_within(&inner, &outer));
	EXPECT(!ts_within(&outer, &inner));
	EXPECT(!ts_within(&none, &outer));
	inner = list("10.1.0.0/16 192.0.2.1");
	EXPECT(!ts_within(&inner, &outer));
	inner = list("10.1.0.0/16");
	outer = list("10.0.0.0/8[tcp]");
	EXPECT(!ts_within(&inner, &outer));
}

static void dynamic(void)
{
	struct ts_list l = list("dynamic[udp/53] 10.0.0.0/8"), out;
	struct endpoint e;

	endpoint_parse(&e, "2001:db8::7", 500);
	ts_resolve(&out, &l, &e);
	EXPECT_STR(str(&out), "2001:db8::7/128[udp/53] 10.0.0.0/8");
}

static void prefixes(void)
{
	uint8_t prefix[16];
	struct ts ts;
	bool exact;

	ts = parse("10.1.0.0/16");
	EXPECT_EQ(ts_to_prefix(&ts, prefix, &exact), 16);
	EXPECT(exact);
	EXPECT_HEX(prefix, "\12\1\0\0", 4);
	ts = parse("10.0.0.5-10.0.0.9");
	EXPECT_EQ(ts_to_prefix(&ts, prefix, &exact), 28);
	EXPECT(!exact);
	EXPECT_HEX(prefix, "\12\0\0\0", 4);
	ts = parse("0.0.0.0/0");
	EXPECT_EQ(ts_to_prefix(&ts, prefix, &exact), 0);
	EXPECT(exact);
	ts = parse("2001:db8::1");
	EXPECT_EQ(ts_to_prefix(&ts, prefix, &exact), 128);
	EXPECT(exact);
}

/* What strongSwan 5.9.8 gives these selectors ("ip xfrm policy"). */
static void priorities(void)
{
	struct ts a = parse("10.1.0.0/24"), b = parse("10.2.0.0/24");
	struct ts any = parse("0.0.0.0/0"), tcp = parse("10.1.0.0/24[tcp/80]");

	EXPECT_EQ(policy_priority(&a, &b), 375423);
	EXPECT_EQ(policy_priority(&any, &any), 399999);
	EXPECT_EQ(policy_priority(&tcp, &b), 375423 - 256 - 64);
}

static const struct ktap_test tests[] = {
	{ "text", text_forms },
	{ "text that is refused", refused_text },
	{ "on the wire", wire },
	{ "odd selectors", odd_selectors },
	{ "narrowing", narrowing },
	{ "within", within },
	{ "dynamic", dynamic },
	{ "prefixes", prefixes },
	{ "policy priorities", priorities },
};

KTAP_MAIN(tests)
