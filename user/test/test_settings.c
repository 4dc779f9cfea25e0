// SPDX-License-Identifier: GPL-2.0
/* The settings reader: each rule of the syntax, each error with its line. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ktap.h"
#include "settings.h"

/* A value by its path, "a.b.key"; NULL if it is not there. */
static const char *value(const struct tree *at, const char *path)
{
	char name[64];

	while (at && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		at = tree_find(at, name);
		path += len;
		path += *path == '.';
	}
	return at ? tree_text(at) : NULL;
}

static const struct tree *node(const struct tree *at, const char *path)
{
	char name[64];

	while (at && *path) {
		size_t len = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)len, path);
		at = tree_find(at, name);
		path += len;
		path += *path == '.';
	}
	return at;
}

static void expect_value(const char *text, const char *path, const char *want)
{
	struct settings s;
	struct errmsg err;

	if (settings_parse(&s, "t", text, strlen(text), &err)) {
		ktap_fail(__FILE__, __LINE__, "«%s» refused: %s", text, err.text);
		return;
	}
	if (want)
		EXPECT_STR(value(s.root, path), want);
	else
		EXPECT(!value(s.root, path));
	settings_clear(&s);
}

static void expect_error(const char *text, const char *want)
{
	struct settings s;
	struct errmsg err;

	if (!settings_parse(&s, "t", text, strlen(text), &err)) {
		ktap_fail(__FILE__, __LINE__, "«%s» was accepted", text);
		settings_clear(&s);
		return;
	}
	EXPECT_STR(err.text, want);
}

static void test_values(void)
{
	expect_value("a = b", "a", "b");
	expect_value("a=b\n", "a", "b");
	expect_value("a\t =  b c\t d  \n", "a", "b c d");
	expect_value("a = b # comment\n", "a", "b");
	expect_value("# a = c\na = b", "a", "b");
	expect_value("a = b\r\nc = d\r\n", "a", "b");
	expect_value("a = b = c : d , e . f", "a", "b = c : d , e . f");
	expect_value("a = 1\na = 2\n", "a", "2");
	expect_value("a\n=\tb", "a", "b");
	expect_value("a-b_c%/* = x", "a-b_c%/*", "x");
	expect_value("s { a = b } c = d", "s.a", "b");
	expect_value("s { a = b } c = d", "c", "d");
	expect_value("s { a = { }", "s.a", "{");
	expect_value("included = x", "included", "x");
	expect_value("include = x", "include", "x");
	expect_value("include { a = x }", "include.a", "x");
	expect_value("", "a", NULL);
}

static void test_strings(void)
{
	expect_value("a = \"b  c\"", "a", "b  c");
	expect_value("a = \"b # } { = c\" # d", "a", "b # } { = c");
	expect_value("a = \"b\\\"c\\\\d\\n\\r\\te\\x\"", "a", "b\"c\\d\n\r\tex");
	expect_value("a = \"one\ntwo\"\nb = c", "a", "one\ntwo");
	expect_value("a = \"one\\\n  two\"", "a", "one  two");
	expect_value("a = \"one\\\r\ntwo\"", "a", "onetwo");
	expect_value("a = b \"c  d\" e", "a", "b c  d e");
	expect_value("a = \"\"", "a", "");
	expect_value("a = b\"c\"d", "a", "b c d");
}

static void test_clearing(void)
{
	expect_value("a = b\na =\n", "a", NULL);
	expect_value("a = # gone\n", "a", NULL);
	expect_value("a =\na = b", "a", "b");
	expect_value("t { a = b }\ns : t { a = }", "s.a", NULL);
	expect_value("t { a = b }\ns : t { a = \"\" }", "s.a", "");
}

static void test_sections(void)
{
	expect_value("s{t{u{a=b\n}}}", "s.t.u.a", "b");
	expect_value("s\n# comment\n{\n a = b\n}", "s.a", "b");
	expect_value("s { a = b } s { c = d }", "s.a", "b");
	expect_value("s { a = b } s { a = d }", "s.a", "d");
	expect_value("s { }", "s.a", NULL);
}

static void test_inheritance(void)
{
	expect_value("t { a = b }\ns : t { }", "s.a", "b");
	expect_value("s : t { }\nt { a = b }", "s.a", "b");
	expect_value("s : t { a = own }\nt { a = b }", "s.a", "own");
	expect_value("t { a = 1\n x { b = 2 } }\ns : t { x { c = 3 } }", "s.x.b", "2");
	expect_value("t { a = 1 } u { a = 2\n b = 3 }\ns : t, u { }", "s.a", "1");
	expect_value("t { a = 1 } u { a = 2\n b = 3 }\ns : t, u { }", "s.b", "3");
	expect_value("t { a = 1 }\nu : t { b = 2 }\ns : u { }", "s.a", "1");
	expect_value("p { t { a = 1 } }\ns:p.t{}", "s.a", "1");
	expect_value("t { x : y { } } y { a = 1 }\ns : t { }", "s.x.a", "1");
	/* What the target inherits itself is found by the path, too. */
	expect_value("b { c { a = 1 } } p : b { }\ns : p.c { }", "s.a", "1");
	expect_value("s : t\n,\n u\n{ }\nt { a = 1 }\nu { }", "s.a", "1");
}

static void test_inheritance_order(void)
{
	static const char text[] = "t { a { } b { } }\ns : t { c { }\n b { } }";
	struct settings s;
	struct errmsg err;
	const struct tree *n;

	REQUIRE(!settings_parse(&s, "t", text, strlen(text), &err));
	n = node(s.root, "s")->first;
	EXPECT_STR(n->name, "c");
	EXPECT_STR(n->next->name, "b");
	EXPECT_STR(n->next->next->name, "a");
	EXPECT(!n->next->next->next);
	settings_clear(&s);
}

static void test_errors(void)
{
	expect_error("a", "t:1: expected '=' or '{' after 'a'");
	expect_error("\n\na b = c", "t:3: expected '=' or '{' after 'a'");
	expect_error("s {\na = b\n", "t:3: section 's' opened in line 1 is not closed: add '}'");
	expect_error("a = b\n}", "t:2: '}' without a section to close");
	expect_error("\n= b", "t:2: unexpected '=': expected a key, a section or '}'");
	expect_error("\"a\" = b", "t:1: unexpected '\"': expected a key, a section or '}'");
	expect_error("a.b = c", "t:1: names cannot contain '.': 'a.'");
	expect_error("a = \"b\n\n", "t:1: string is not closed: add the final '\"'");
	expect_error("a = \"b\\", "t:1: string is not closed: add the final '\"'");
	expect_error("s : { }", "t:1: unexpected '{': expected the name of a section to inherit from");
	expect_error("s : t u { }", "t:1: unexpected 'u': expected ',' or '{'");
	expect_error("s :", "t:1: unexpected end of file: expected the name of a section to inherit from");
	expect_error("a { }\na = b", "t:2: 'a' is a section in t:1: a name can be one or the other");
	expect_error("a = b\na { }", "t:2: 'a' is a key in t:1: a name can be one or the other");
	expect_error("a\x01 = b\n\x02", "t:2: expected '=' or '{' after '\x02'");
	expect_error("include", "t:1: expected '=' or '{' after 'include'");
	expect_error("\ninclude /nonexistent/x.conf", "t:2: included file /nonexistent/x.conf does not exist");
}

static void test_inheritance_errors(void)
{
	expect_error("\ns : t { }", "t:2: inherited section 't' does not exist");
	expect_error("s : s { }", "t:1: inherited section 's' contains the section that inherits from it");
	expect_error("s { t : s { } }", "t:1: inherited section 's' contains the section that inherits from it");
	expect_error("a : b { }\nb : a { }", "t:2: inherited section 'a' inherits from itself");
	expect_error("a { x : b { } }\nb { y : a { } }",
		     "t:2: inherited section 'a' contains the section that inherits from it");
	expect_error("t { a = 1 }\ns : t { a { } }",
		     "t:2: s.a: is a section in one place, a key in the other: t:1");
}

static void test_limits(void)
{
	char text[65536 + 64] = "";
	struct settings s;
	struct errmsg err;

	for (int i = 0; i < 40; i++)
		strcat(text, "s {\n");
	EXPECT(settings_parse(&s, "t", text, strlen(text), &err));
	EXPECT_STR(err.text, "t:32: sections nest deeper than 32");

	memset(text, 'a', 256);
	strcpy(text + 256, " = b");
	EXPECT(settings_parse(&s, "t", text, strlen(text), &err));
	EXPECT_STR(err.text, "t:1: name is longer than 255 characters");

	memcpy(text, "a = ", 4);
	memset(text + 4, 'b', 65536);
	EXPECT(settings_parse(&s, "t", text, 4 + 65536, &err));
	EXPECT_STR(err.text, "t:1: value is longer than 65535 octets");

	/* Each section holds the one before it twice: 2^24 in all. */
	text[0] = '\0';
	strcat(text, "s0 { a = b }\n");
	for (int i = 1; i < 24; i++)
		sprintf(text + strlen(text), "s%d { x : s%d { }\n y : s%d { } }\n", i,
			i - 1, i - 1);
	EXPECT(settings_parse(&s, "t", text, strlen(text), &err));
	EXPECT(strstr(err.text, "makes the configuration too large"));
}

static char dir[] = "/tmp/ikefp-test-XXXXXX";

static void put_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	if (!EXPECT(f))
		return;
	fputs(text, f);
	fclose(f);
}

static void test_include(void)
{
	char path[128], want[512];
	struct settings s;
	struct errmsg err;

	REQUIRE(mkdtemp(dir));
	put_file("main.conf", "a = 1\ns {\n include sub.inc # comment\n}\n"
		 "include \"b*.inc\"\ninclude none*.conf\n");
	put_file("sub.inc", "x = y\n");
	put_file("b1.inc", "b = 1\n");
	put_file("b2.inc", "b = 2\nc = d\n");
	snprintf(path, sizeof(path), "%s/main.conf", dir);
	if (EXPECT(!settings_load(&s, path, &err))) {
		EXPECT_STR(value(s.root, "a"), "1");
		EXPECT_STR(value(s.root, "s.x"), "y");
		EXPECT_STR(value(s.root, "b"), "2");
		snprintf(want, sizeof(want), "%s/b2.inc", dir);
		EXPECT_STR(node(s.root, "c")->file, want);
		EXPECT_EQ(node(s.root, "c")->line, 2);
		settings_clear(&s);
	}

	/* An error in an included file is told there. */
	put_file("sub.inc", "x = y\nz\n");
	EXPECT(settings_load(&s, path, &err));
	snprintf(want, sizeof(want), "%s/sub.inc:2: expected '=' or '{' after 'z'", dir);
	EXPECT_STR(err.text, want);

	put_file("sub.inc", "s { }\n}");
	EXPECT(settings_load(&s, path, &err));
	snprintf(want, sizeof(want), "%s/sub.inc:2: '}' without a section to close", dir);
	EXPECT_STR(err.text, want);

	put_file("main.conf", "\ninclude main.conf\n");
	EXPECT(settings_load(&s, path, &err));
	EXPECT(strstr(err.text, "main.conf:2: includes nest deeper than 10"));

	put_file("main.conf", "include .\n");
	EXPECT(settings_load(&s, path, &err));
	EXPECT(strstr(err.text, "main.conf:1: include "));

	snprintf(path, sizeof(path), "%s/missing.conf", dir);
	EXPECT(settings_load(&s, path, &err));
	snprintf(want, sizeof(want), "%s: No such file or directory", path);
	EXPECT_STR(err.text, want);

	snprintf(want, sizeof(want), "rm -r %s", dir);
	EXPECT(!system(want));
}

/* Any octets: an answer, no crash. The seed makes a failure repeatable. */
static void test_mutations(void)
{
	static const char seed[] =
		"t { a = b\n c = \"d\\n\\\"e\" }\ns : t, s.x { x { y = z # w\n } a = }\n"
		"include = x\nu { v : t { } }\n";
	static const char alphabet[] = "{}:.,=\"#\\\n\r\t abs";
	unsigned int random = 1;
	char text[sizeof(seed)];
	struct settings s;
	struct errmsg err;

	for (int round = 0; round < 20000; round++) {
		size_t len = sizeof(seed) - 1;

		memcpy(text, seed, sizeof(seed));
		for (int i = 0; i < 1 + round % 6; i++) {
			random = random * 1103515245 + 12345;
			text[(random >> 16) % len] =
				alphabet[(random >> 8) % (sizeof(alphabet) - 1)];
		}
		if (round % 3 == 0)
			len = (random >> 12) % len;
		if (!settings_parse(&s, "t", text, len, &err))
			settings_clear(&s);
	}
}

static const struct ktap_test tests[] = {
	{ "values", test_values },
	{ "strings", test_strings },
	{ "clearing", test_clearing },
	{ "sections", test_sections },
	{ "inheritance", test_inheritance },
	{ "inheritance_order", test_inheritance_order },
	{ "errors", test_errors },
	{ "inheritance_errors", test_inheritance_errors },
	{ "limits", test_limits },
	{ "include", test_include },
	{ "mutations", test_mutations },
};

KTAP_MAIN(tests)
