// SPDX-License-Identifier: GPL-2.0
/* Prometheus' text exposition format, version 0.0.4. */
#include <inttypes.h>
#include <string.h>

#include "ikefp.h"

/* A backslash, a line's end and, where it stands between quotes, a quote are escaped. */
static void put_escaped(FILE *out, const char *text, bool quoted)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\\' || (quoted && *text == '"'))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

void prometheus_metric(FILE *out, const char *name, const char *type, const char *help)
{
	fprintf(out, "# HELP %s ", name);
	put_escaped(out, help, false);
	fprintf(out, "\n# TYPE %s %s\n", name, type);
}

void prometheus_sample(FILE *out, const char *name, const char *label, const char *text,
		       uint64_t value)
{
	fputs(name, out);
	if (label) {
		fprintf(out, "{%s=\"", label);
		put_escaped(out, text, true);
		fputs("\"}", out);
	}
	fprintf(out, " %" PRIu64 "\n", value);
}

const char *prometheus_name(int attribute, char buf[METRIC_NAME])
{
	static const char octets[] = "octets";
	const char *name = ikefp_stats_name(attribute);
	size_t len;

	snprintf(buf, METRIC_NAME, "ikefp_%s", name);
	for (char *c = buf; *c; c++)
		if (*c == '-')
			*c = '_';
	len = strlen(buf);
	/* Its conventions want octets called bytes, and counters _total. */
	if (len >= strlen(octets) && !strcmp(buf + len - strlen(octets), octets))
		snprintf(buf + len - strlen(octets), METRIC_NAME - len + strlen(octets), "bytes");
	else if (metric_of(attribute)->kind == METRIC_COUNTER)
		snprintf(buf + len, METRIC_NAME - len, "_total");
	return buf;
}

static void put_sas(FILE *out, const struct census *census)
{
	prometheus_metric(out, "ikefp_sas", "gauge", "IKE SAs by their state.");
	for (int i = 0; i < SA_STATES; i++)
		prometheus_sample(out, "ikefp_sas", "state", state_name(i), census->sas.state[i]);
}

static void put_workers(FILE *out, const struct census *census)
{
	char id[16];

	if (!census->worker_count)
		return;
	prometheus_metric(out, "ikefp_worker_sas", "gauge",
			  "IKE SAs of each worker, by its netlink port ID.");
	for (size_t i = 0; i < census->worker_count; i++) {
		snprintf(id, sizeof(id), "%u", census->workers[i].worker);
		prometheus_sample(out, "ikefp_worker_sas", "worker", id, census->workers[i].sas);
	}
}

static void put_kind(FILE *out, const struct census *census, enum metric_kind kind)
{
	char name[METRIC_NAME];

	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		const struct metric *metric = metric_of(i);

		/* The SAs are there by their state. */
		if (!metric || metric->kind != kind || i == IKEFP_A_STATS_SAS)
			continue;
		prometheus_metric(out, prometheus_name(i, name),
				  kind == METRIC_GAUGE ? "gauge" : "counter", metric->help);
		prometheus_sample(out, name, NULL, NULL, census->stats.value[i]);
	}
}

static void put_drops(FILE *out, const struct census *census)
{
	prometheus_metric(out, "ikefp_dropped_total", "counter",
			  "Packets dropped, by the reason (\"ikefp stats\" explains each).");
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++)
		if (drop_reason(i))
			prometheus_sample(out, "ikefp_dropped_total", "reason", drop_reason(i),
					  census->stats.value[i]);
}

void stats_prometheus(FILE *out, const struct census *census)
{
	put_sas(out, census);
	put_workers(out, census);
	put_kind(out, census, METRIC_GAUGE);
	put_kind(out, census, METRIC_COUNTER);
	put_drops(out, census);
}
