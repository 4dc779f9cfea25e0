/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_IKEFP_H
#define IKEFP_IKEFP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <jansson.h>

#include "ikefp_nl.h"

/*
 * The ikefp command: one file a subcommand. Keys are not shown because the kernel
 * gives none.
 */

/* Subcommands; argv[0] is the subcommand's name. They return the exit code. */
int show_main(int argc, char **argv);
int monitor_main(int argc, char **argv);
int policy_main(int argc, char **argv);
int stats_main(int argc, char **argv);
int top_main(int argc, char **argv);

/* Opens the family, or says why not and what to do. NULL: exit with 1. */
struct ikefp_nl *open_family(void);

/* Writes to standard output what was made, which is freed; NULL: says so. The exit code. */
int write_json(json_t *json);

/* names.c: what the numbers are called. Never NULL. */
const char *kind_name(enum ikefp_listener_kind kind);
const char *role_name(enum ikefp_role role);
const char *state_name(enum ikefp_sa_state state);
const char *event_name(enum ikefp_event_kind kind);
const char *exchange_name(uint8_t exchange_type);

#define ADDRESS_TEXT	64
#define DURATION_TEXT	32

/*
 * "192.0.2.1:500", "[2001:db8::1]:500", "[fe80::1%3]:500"; "-" if there is no
 * address. Returns @buf.
 */
const char *address_text(const struct sockaddr_storage *addr, char buf[ADDRESS_TEXT]);
/* "41.203 ms", "1.5 s". Returns @buf. */
const char *us_text(uint64_t us, char buf[DURATION_TEXT]);
/* "850 ms", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h". Returns @buf. */
const char *ms_text(uint64_t ms, char buf[DURATION_TEXT]);

/* {"address": ..., "port": ...}, NULL where there is no address. */
json_t *address_json(const struct sockaddr_storage *addr);
/* 16 hexadecimal digits, NULL for 0. */
json_t *spi_json(uint64_t spi);

/* metrics.c: what the counters are. */
enum metric_kind { METRIC_UNKNOWN, METRIC_GAUGE, METRIC_COUNTER, METRIC_DROP };

struct metric {
	enum metric_kind kind;
	const char *help;	/* a sentence; of a drop, when its reason applies */
};

/* Of IKEFP_A_STATS_*; NULL for a number that is none. */
const struct metric *metric_of(int attribute);
/* "integrity" of drop-integrity; NULL where it counts no drops. */
const char *drop_reason(int attribute);
/* Those of all reasons. */
uint64_t dropped(const struct ikefp_stats *stats);

#define SA_STATES	(IKEFP_SA_STATE_LINGERING + 1)

struct sa_counts {
	uint64_t total;
	uint64_t state[SA_STATES];
};

void sa_counts_add(struct sa_counts *counts, const struct ikefp_sa_info *sa);

/* What `ikefp stats` shows. */
struct census {
	struct sa_counts sas;
	struct ikefp_worker_info *workers;
	size_t worker_count;
	struct ikefp_stats stats;
	bool failed;		/* memory ran out */
};

/* census.c. Returns 0 or a negative errno, the reason in ikefp_nl_error(). */
int census_take(struct ikefp_nl *nl, struct census *census);
void census_clear(struct census *census);

/* stats.c; NULL without memory. */
void stats_text(FILE *out, const struct census *census);
json_t *stats_json(const struct census *census);

/* prometheus.c */
#define METRIC_NAME	64
void stats_prometheus(FILE *out, const struct census *census);
/* What a counter is called there; not for drops, which are one metric. Returns @buf. */
const char *prometheus_name(int attribute, char buf[METRIC_NAME]);
void prometheus_metric(FILE *out, const char *name, const char *type, const char *help);
/* @label: NULL where there is none, else @text is its value, any octets. */
void prometheus_sample(FILE *out, const char *name, const char *label, const char *text,
		       uint64_t value);

/* What `ikefp show` shows, taken at one time. */
struct snapshot {
	struct ikefp_worker_info *workers;
	size_t worker_count;
	struct ikefp_listener_info *listeners;
	size_t listener_count;
	struct ikefp_stream_info *streams;
	size_t stream_count;
	struct ikefp_sa_info *sas;
	size_t sa_count;
	struct ikefp_stats stats;
	struct ikefp_policy policy;
	bool failed;		/* memory ran out */
};

/* snapshot.c. Returns 0 or a negative errno, the reason in ikefp_nl_error(). */
int snapshot_take(struct ikefp_nl *nl, struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);

/* show_text.c, show_json.c, monitor.c; NULL without memory. */
void show_text(FILE *out, const struct snapshot *snapshot);
json_t *show_json(const struct snapshot *snapshot);
json_t *worker_json(const struct ikefp_worker_info *worker);
/* Every counter by its name. */
json_t *counters_json(const struct ikefp_stats *stats);
/* policy.c: "NAME=VALUE" into a change; 0, or -1 and why not is said. */
int policy_parse(const char *text, struct ikefp_policy *policy);
/* One "NAME=VALUE" a line. */
void policy_text(FILE *out, const struct ikefp_policy *policy);
json_t *policy_json(const struct ikefp_policy *policy);
/* One line, without its time. */
void event_text(FILE *out, const struct ikefp_event *event);
json_t *event_json(const struct ikefp_event *event);

#endif /* IKEFP_IKEFP_H */
