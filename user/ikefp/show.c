// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>

#include "ikefp.h"

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp show [--json]\n"
		"Shows listeners, IKE SAs and counters of this network namespace.\n"
		"\n"
		"  --json  one JSON object, with the policy and every counter\n"
		"  --help  show this text\n");
}

int show_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct snapshot snapshot;
	struct ikefp_nl *nl;
	bool json = false;
	int option, code = 0;

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
	if (optind < argc) {
		fprintf(stderr, "ikefp show: unexpected '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	nl = open_family();
	if (!nl)
		return 1;
	if (snapshot_take(nl, &snapshot)) {
		fprintf(stderr, "ikefp: %s\n", ikefp_nl_error(nl));
		ikefp_nl_close(nl);
		return 1;
	}
	if (json)
		code = write_json(show_json(&snapshot));
	else
		show_text(stdout, &snapshot);
	snapshot_clear(&snapshot);
	ikefp_nl_close(nl);
	return fflush(stdout) || ferror(stdout) ? 1 : code;
}
