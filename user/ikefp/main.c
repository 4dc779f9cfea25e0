// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "ikefp.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} subcommands[] = {
	{ "show", show_main, "listeners, IKE SAs and counters, as they are now" },
	{ "stats", stats_main, "every counter, as text, JSON, or for Prometheus" },
	{ "top", top_main, "rates and IKE SAs, live in a terminal" },
	{ "monitor", monitor_main, "events as they happen" },
	{ "policy", policy_main, "show the settings, or change some" },
};

#define SUBCOMMANDS	(sizeof(subcommands) / sizeof(*subcommands))

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp COMMAND [OPTION]...\n"
		"Looks at the IKE message layer in the kernel (module ikefp), and sets it. Needs\n"
		"root.\n"
		"\n");
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].help);
	fprintf(out,
		"\n"
		"  --help     show this text; ikefp COMMAND --help shows that of a command\n"
		"  --version  show the version\n"
		"\n"
		"Without a command it does what show does.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return show_main(argc, argv);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("ikefp %s\n", IKEFP_VERSION);
		return 0;
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		if (!strcmp(argv[1], subcommands[i].name))
			return subcommands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "ikefp: there is no command '%s'\n", argv[1]);
	usage(stderr);
	return 2;
}
