// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "ikefp.h"

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp policy [--json]\n"
		"       ikefp policy NAME=VALUE...\n"
		"Shows the settings of this network namespace, or changes some: all of those\n"
		"given or, if one is refused, none. ikefp(8) says what each is for.\n"
		"\n"
		"  --json  one JSON object\n"
		"  --help  show this text\n");
}

static int setting_of(const char *name, size_t len)
{
	for (int i = 1; i <= IKEFP_A_POLICY_MAX; i++) {
		const char *known = ikefp_policy_name(i);

		if (known && strlen(known) == len && !memcmp(known, name, len))
			return i;
	}
	return 0;
}

static int unknown(const char *name, size_t len)
{
	fprintf(stderr, "ikefp policy: there is no setting '%.*s'; there are:\n", (int)len, name);
	for (int i = 1; i <= IKEFP_A_POLICY_MAX; i++)
		if (ikefp_policy_name(i))
			fprintf(stderr, "  %s\n", ikefp_policy_name(i));
	return -1;
}

int policy_parse(const char *text, struct ikefp_policy *policy)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	int setting = setting_of(text, len);
	unsigned long long value;
	char *end;

	if (!setting)
		return unknown(text, len);
	if (!equals) {
		fprintf(stderr, "ikefp policy: %s: write %s=VALUE to change it\n", text, text);
		return -1;
	}
	errno = 0;
	value = strtoull(equals + 1, &end, 10);
	if (equals[1] < '0' || equals[1] > '9' || *end || errno || value > UINT32_MAX) {
		fprintf(stderr, "ikefp policy: %s: not a whole number from 0 to 4294967295\n",
			text);
		return -1;
	}
	if (policy->set[setting]) {
		fprintf(stderr, "ikefp policy: %.*s is given twice\n", (int)len, text);
		return -1;
	}
	policy->set[setting] = true;
	policy->value[setting] = value;
	return 0;
}

void policy_text(FILE *out, const struct ikefp_policy *policy)
{
	for (int i = 1; i <= IKEFP_A_POLICY_MAX; i++)
		if (ikefp_policy_name(i) && policy->set[i])
			fprintf(out, "%s=%u\n", ikefp_policy_name(i), policy->value[i]);
}

static int run(const struct ikefp_policy *change, bool changes, bool json)
{
	struct ikefp_nl *nl = open_family();
	struct ikefp_policy policy;
	int code = 0;

	if (!nl)
		return 1;
	if (changes ? ikefp_policy_set(nl, change) : ikefp_policy_get(nl, &policy)) {
		fprintf(stderr, "ikefp: %s\n", ikefp_nl_error(nl));
		code = 1;
	} else if (!changes && json) {
		code = write_json(policy_json(&policy));
	} else if (!changes) {
		policy_text(stdout, &policy);
	}
	ikefp_nl_close(nl);
	return fflush(stdout) || ferror(stdout) ? 1 : code;
}

int policy_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ikefp_policy change = { 0 };
	bool json = false;
	int option, i;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (json && optind < argc) {
		fprintf(stderr, "ikefp policy: --json is for showing the settings\n");
		return 2;
	}
	for (i = optind; i < argc; i++)
		if (policy_parse(argv[i], &change))
			return 2;
	return run(&change, optind < argc, json);
}
