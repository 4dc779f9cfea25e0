// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>

#include "ktap.h"

static unsigned int failures;		/* of the test that runs */
static const char *skipped;

void ktap_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failures++;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void ktap_skip(const char *reason)
{
	skipped = reason;
}

static void print_hex(const char *what, const uint8_t *data, size_t len)
{
	printf("#   %s ", what);
	for (size_t i = 0; i < len; i++)
		printf("%02x", data[i]);
	putchar('\n');
}

bool ktap_hex_equal(const char *file, int line, const void *got, const void *want,
		    size_t len)
{
	if (!memcmp(got, want, len))
		return true;
	ktap_fail(file, line, "octets differ");
	print_hex("got ", got, len);
	print_hex("want", want, len);
	return false;
}

static bool wanted(const char *name, int argc, char **argv)
{
	if (argc < 2)
		return true;
	for (int i = 1; i < argc; i++)
		if (!strcmp(name, argv[i]))
			return true;
	return false;
}

int ktap_main(int argc, char **argv, const struct ktap_test *tests, size_t count)
{
	unsigned int planned = 0, done = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < count; i++)
		planned += wanted(tests[i].name, argc, argv);
	printf("KTAP version 1\n1..%u\n", planned);
	for (size_t i = 0; i < count; i++) {
		if (!wanted(tests[i].name, argc, argv))
			continue;
		failures = 0;
		skipped = NULL;
		tests[i].run();
		printf("%s %u %s%s%s\n", failures ? "not ok" : "ok", ++done,
		       tests[i].name, skipped && !failures ? " # SKIP " : "",
		       skipped && !failures ? skipped : "");
		failed += !!failures;
	}
	return planned && !failed ? 0 : 1;
}
