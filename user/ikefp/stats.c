// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <inttypes.h>

#include "ikefp.h"

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp stats [--json | --prometheus]\n"
		"Shows every counter of this network namespace, and IKE SAs by their state.\n"
		"\n"
		"  --json        one JSON object\n"
		"  --prometheus  for Prometheus, in its text format\n"
		"  --help        show this text\n");
}

static void put(FILE *out, const char *name, uint64_t value, const char *help)
{
	fprintf(out, "  %-28s %14" PRIu64 "%s%s\n", name, value, *help ? "  " : "", help);
}

static void put_kind(FILE *out, const struct census *census, const char *title,
		     enum metric_kind kind)
{
	fprintf(out, "\n%s\n", title);
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		const struct metric *metric = metric_of(i);

		if (metric && metric->kind == kind)
			put(out, drop_reason(i) ? drop_reason(i) : ikefp_stats_name(i),
			    census->stats.value[i], metric->help);
	}
}

void stats_text(FILE *out, const struct census *census)
{
	fprintf(out, "IKE SAs by state\n");
	for (int i = 0; i < SA_STATES; i++)
		put(out, state_name(i), census->sas.state[i], "");
	put_kind(out, census, "Now", METRIC_GAUGE);
	put_kind(out, census, "Since the namespace began", METRIC_COUNTER);
	put_kind(out, census, "Dropped since the namespace began", METRIC_DROP);
}

json_t *stats_json(const struct census *census)
{
	json_t *sas = json_object(), *workers = json_array();

	for (int i = 0; i < SA_STATES; i++)
		json_object_set_new(sas, state_name(i),
				    json_integer((json_int_t)census->sas.state[i]));
	for (size_t i = 0; i < census->worker_count; i++)
		json_array_append_new(workers, worker_json(&census->workers[i]));
	return json_pack("{s:o, s:o, s:o}", "sas", sas, "workers", workers,
			 "counters", counters_json(&census->stats));
}

static int run(bool json, bool prometheus)
{
	struct ikefp_nl *nl = open_family();
	struct census census;
	int code = 0;

	if (!nl)
		return 1;
	if (census_take(nl, &census)) {
		fprintf(stderr, "ikefp: %s\n",
			*ikefp_nl_error(nl) ? ikefp_nl_error(nl) : "out of memory");
		ikefp_nl_close(nl);
		return 1;
	}
	if (json)
		code = write_json(stats_json(&census));
	else if (prometheus)
		stats_prometheus(stdout, &census);
	else
		stats_text(stdout, &census);
	census_clear(&census);
	ikefp_nl_close(nl);
	return fflush(stdout) || ferror(stdout) ? 1 : code;
}

int stats_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = false, prometheus = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			json = true;
			break;
		case 'p':
			prometheus = true;
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
		fprintf(stderr, "ikefp stats: unexpected '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	if (json && prometheus) {
		fprintf(stderr, "ikefp stats: --json or --prometheus, not both\n");
		return 2;
	}
	return run(json, prometheus);
}
