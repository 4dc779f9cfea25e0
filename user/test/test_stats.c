// SPDX-License-Identifier: GPL-2.0
/* What `ikefp stats` prints: as text, as JSON, for Prometheus. */
#include <ctype.h>
#include <stdlib.h>

#include "ikefp.h"
#include "ktap.h"

/* Each counter is something, and is explained. */
static void test_metrics(void)
{
	int drops = 0;

	for (int i = 0; i <= IKEFP_A_STATS_MAX + 1; i++) {
		const struct metric *metric = metric_of(i);
		const char *name = ikefp_stats_name(i);

		EXPECT_EQ(!metric, !name);
		if (!metric || !name)
			continue;
		if (metric->kind == METRIC_UNKNOWN || !metric->help || !*metric->help)
			ktap_fail(__FILE__, __LINE__, "metrics.c does not explain %s", name);
		EXPECT_EQ(metric->kind == METRIC_DROP, !strncmp(name, "drop-", 5));
		EXPECT_EQ(metric->kind == METRIC_DROP, drop_reason(i) != NULL);
		drops += metric->kind == METRIC_DROP;
	}
	EXPECT(drops > 0);
	EXPECT_STR(drop_reason(IKEFP_A_STATS_DROP_NO_COOKIE), "no-cookie");
}

/* Letters, digits and _, with the endings that Prometheus' conventions want. */
static void test_names(void)
{
	char name[METRIC_NAME];

	EXPECT_STR(prometheus_name(IKEFP_A_STATS_RX_MESSAGES, name), "ikefp_rx_messages_total");
	EXPECT_STR(prometheus_name(IKEFP_A_STATS_CACHE_OCTETS, name), "ikefp_cache_bytes");
	EXPECT_STR(prometheus_name(IKEFP_A_STATS_HALF_OPEN, name), "ikefp_half_open");
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		if (!metric_of(i) || drop_reason(i))
			continue;
		prometheus_name(i, name);
		EXPECT(strlen(name) + 1 < sizeof(name));
		for (const char *c = name; *c; c++)
			EXPECT(islower((unsigned char)*c) || *c == '_');
	}
}

static struct census example(void)
{
	static struct ikefp_worker_info workers[2] = { { 4711, 2 }, { 4294967295u, 0 } };
	struct census census = { .workers = workers, .worker_count = 2 };
	struct ikefp_sa_info sa = { .state = IKEFP_SA_STATE_ESTABLISHED };

	sa_counts_add(&census.sas, &sa);
	sa.state = IKEFP_SA_STATE_LINGERING;
	sa_counts_add(&census.sas, &sa);
	/* A state of a later kernel. */
	sa.state = 99;
	sa_counts_add(&census.sas, &sa);
	census.stats.value[IKEFP_A_STATS_SAS] = 3;
	census.stats.value[IKEFP_A_STATS_RX_MESSAGES] = UINT64_MAX;
	census.stats.value[IKEFP_A_STATS_CACHE_OCTETS] = 1234;
	census.stats.value[IKEFP_A_STATS_DROP_INTEGRITY] = 7;
	return census;
}

static char *printed(void (*print)(FILE *, const struct census *), const struct census *census)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(out, census);
	fclose(out);
	return text;
}

static int times(const char *text, const char *what)
{
	int n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void test_prometheus(void)
{
	static const char start[] =
		"# HELP ikefp_sas IKE SAs by their state.\n"
		"# TYPE ikefp_sas gauge\n"
		"ikefp_sas{state=\"half-open\"} 0\n"
		"ikefp_sas{state=\"established\"} 1\n"
		"ikefp_sas{state=\"lingering\"} 1\n"
		"# HELP ikefp_worker_sas IKE SAs of each worker, by its netlink port ID.\n"
		"# TYPE ikefp_worker_sas gauge\n"
		"ikefp_worker_sas{worker=\"4711\"} 2\n"
		"ikefp_worker_sas{worker=\"4294967295\"} 0\n";
	struct census census = example();
	char *text = printed(stats_prometheus, &census), *line;

	REQUIRE(text);
	EXPECT(!strncmp(text, start, strlen(start)));
	EXPECT(strstr(text, "\n# TYPE ikefp_rx_messages_total counter\n"
		      "ikefp_rx_messages_total 18446744073709551615\n"));
	EXPECT(strstr(text, "\n# TYPE ikefp_cache_bytes gauge\nikefp_cache_bytes 1234\n"));
	EXPECT(strstr(text, "\nikefp_dropped_total{reason=\"integrity\"} 7\n"));
	/* A metric is told about once, and stands together. */
	EXPECT_EQ(times(text, "# HELP ikefp_dropped_total "), 1);
	EXPECT_EQ(times(text, "# TYPE ikefp_dropped_total "), 1);
	EXPECT_EQ(times(text, "# TYPE ikefp_sas "), 1);
	EXPECT_EQ(times(text, "# HELP "), times(text, "# TYPE "));
	line = strstr(text, "# TYPE ikefp_dropped_total counter\n");
	REQUIRE(line);
	for (line = strchr(line, '\n') + 1; *line; line = strchr(line, '\n') + 1)
		EXPECT(!strncmp(line, "ikefp_dropped_total{reason=\"", 28));
	EXPECT_EQ(text[strlen(text) - 1], '\n');
	free(text);
	/* A metric of which there is nothing is not there. */
	census.worker_count = 0;
	text = printed(stats_prometheus, &census);
	EXPECT(!strstr(text, "ikefp_worker_sas"));
	free(text);
}

static void test_escaping(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	REQUIRE(out);
	prometheus_metric(out, "m", "gauge", "a \\ b\n\"c\"");
	prometheus_sample(out, "m", "l", "a\\n\n\"q\"", 1);
	prometheus_sample(out, "m", NULL, NULL, 0);
	fclose(out);
	EXPECT_STR(text, "# HELP m a \\\\ b\\n\"c\"\n"
		   "# TYPE m gauge\n"
		   "m{l=\"a\\\\n\\n\\\"q\\\"\"} 1\n"
		   "m 0\n");
	free(text);
}

static void test_text(void)
{
	struct census census = example();
	char *text = printed(stats_text, &census);

	REQUIRE(text);
	EXPECT(!strncmp(text, "IKE SAs by state\n"
			"  half-open                                 0\n"
			"  established                               1\n", 100));
	EXPECT(strstr(text, "\n  rx-messages                  18446744073709551615  IKE messages"));
	EXPECT(strstr(text, "\n  integrity                                 7  Not sealed with"));
	/* Each counter has its line, and each title. */
	EXPECT_EQ(times(text, "\n  "), 3 + IKEFP_A_STATS_MAX - IKEFP_A_STATS_PAD);
	free(text);
}

static void test_json(void)
{
	struct census census = example();
	json_t *json = stats_json(&census), *sas, *counters;

	REQUIRE(json);
	sas = json_object_get(json, "sas");
	EXPECT_EQ(json_object_size(sas), 3);
	EXPECT_EQ(json_integer_value(json_object_get(sas, "lingering")), 1);
	EXPECT_EQ(json_array_size(json_object_get(json, "workers")), 2);
	counters = json_object_get(json, "counters");
	EXPECT_EQ(json_object_size(counters), IKEFP_A_STATS_MAX - 1);
	EXPECT_EQ(json_integer_value(json_object_get(counters, "drop-integrity")), 7);
	json_decref(json);
}

static const struct ktap_test tests[] = {
	{ "each counter is explained", test_metrics },
	{ "names for Prometheus", test_names },
	{ "Prometheus", test_prometheus },
	{ "Prometheus, escaping", test_escaping },
	{ "text", test_text },
	{ "JSON", test_json },
};

KTAP_MAIN(tests)
