// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "top.h"

/*
 * The counters are read once an interval, in one message. The SAs are listed in parts,
 * on a handle of their own, for LISTING_SHARE of an interval at most: where there are
 * very many the table is some intervals old, and keys are answered at once all the same.
 */
#define LISTING_SHARE	4

struct top {
	struct ikefp_nl *nl, *listing;
	uint64_t interval_us;
	bool sampled;
	struct top_sample sample;
	struct top_view view;
	struct top_table *table, *next;	/* shown; being listed */
	bool listing_now;
	uint64_t listed_at_us;
	struct top_line *lines;
	int line_count;
	char error[300];
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: ikefp top [--interval SECONDS]\n"
		"Shows, live, what happens a second in this network namespace, and its IKE SAs.\n"
		"Keys are at the foot of the screen; q ends it.\n"
		"\n"
		"  -i, --interval SECONDS  from 0.1 to 3600, of which 1 is taken without it\n"
		"      --help              show this text\n");
}

static uint64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void close_family(struct top *top)
{
	ikefp_nl_close(top->nl);
	ikefp_nl_close(top->listing);
	top->nl = NULL;
	top->listing = NULL;
	top->listing_now = false;
	/* Counters read later are not those of before. */
	top->sampled = false;
}

/* Both handles, or neither and why not. */
static int open_handles(struct top *top)
{
	struct ikefp_nl *failed;
	int err = ikefp_nl_open(&top->nl);

	failed = top->nl;
	if (!err) {
		err = ikefp_nl_open(&top->listing);
		failed = top->listing;
	}
	if (!err)
		return 0;
	snprintf(top->error, sizeof(top->error), "%s",
		 failed ? ikefp_nl_error(failed) : "out of memory");
	close_family(top);
	return err;
}

static void lost(struct top *top, const struct ikefp_nl *nl)
{
	snprintf(top->error, sizeof(top->error), "%s", ikefp_nl_error(nl));
	close_family(top);
}

static int begin_listing(struct top *top)
{
	top_table_clear(top->next, &top->view.order);
	if (ikefp_sa_list_begin(top->listing)) {
		lost(top, top->listing);
		return -1;
	}
	top->listing_now = true;
	return 0;
}

static void take_sa(const struct ikefp_sa_info *sa, void *table)
{
	top_table_add(table, sa);
}

/* One part more. True: that was the last, and the table is another. */
static bool list_part(struct top *top)
{
	int more = ikefp_sa_list_next(top->listing, take_sa, top->next);
	struct top_table *shown = top->table;

	if (more > 0)
		return false;
	top->listing_now = false;
	if (more == -EINTR)
		return false;
	if (more < 0) {
		lost(top, top->listing);
		return true;
	}
	top_table_sort(top->next, &top->view.order);
	top->table = top->next;
	top->next = shown;
	top->view.table = top->table;
	top->view.listed = true;
	top->listed_at_us = now_us();
	return true;
}

static void read_counters(struct top *top)
{
	struct top_sample sample;

	if (ikefp_stats_get(top->nl, &sample.stats)) {
		lost(top, top->nl);
		return;
	}
	sample.at_us = now_us();
	if (top->sampled)
		top_rates(&top->sample, &sample, &top->view.rates);
	else
		top->view.rates.known = false;
	top->sample = sample;
	top->sampled = true;
	top->view.stats = sample.stats;
}

/* Once an interval. The module may go and come back: that is looked for here. */
static void refresh(struct top *top)
{
	if (!top->nl && open_handles(top))
		return;
	top->error[0] = '\0';
	read_counters(top);
	if (top->nl && !top->listing_now)
		begin_listing(top);
}

static int draw(struct top *top)
{
	struct tm tm;
	time_t now = time(NULL);
	int height, width;

	screen_size(&height, &width);
	if (height > top->line_count) {
		struct top_line *lines = reallocarray(top->lines, (size_t)height, sizeof(*lines));

		if (!lines)
			return -1;
		top->lines = lines;
		top->line_count = height;
	}
	memset(top->lines, 0, (size_t)height * sizeof(*top->lines));
	localtime_r(&now, &tm);
	strftime(top->view.time, sizeof(top->view.time), "%H:%M:%S", &tm);
	top->view.error = top->error[0] ? top->error : NULL;
	if (top->error[0])
		top->view.rates.known = false;
	top->view.listed_ms = (now_us() - top->listed_at_us) / 1000;
	top_layout(&top->view, top->lines, height, width);
	screen_draw(top->lines, height);
	return 0;
}

static void scroll(struct top *top, int key)
{
	size_t page, *first = &top->view.first;
	int height, width;

	screen_size(&height, &width);
	page = top_page(height);
	switch (key) {
	case SCREEN_UP:
		*first -= *first > 0;
		break;
	case SCREEN_DOWN:
		++*first;
		break;
	case SCREEN_PAGE_UP:
		*first -= *first > page ? page : *first;
		break;
	case SCREEN_PAGE_DOWN:
		*first += page;
		break;
	case SCREEN_HOME:
		*first = 0;
		break;
	case SCREEN_END:
		*first = top->table->count;
		break;
	}
}

/* What is shown is sorted anew; what is being listed may have left out other SAs. */
static void sort_by(struct top *top, struct top_order order)
{
	top->view.order = order;
	top->view.first = 0;
	top_table_sort(top->table, &order);
	if (!top->listing_now)
		return;
	ikefp_nl_close(top->listing);
	top->listing = NULL;
	top->listing_now = false;
	if (ikefp_nl_open(&top->listing) || begin_listing(top))
		close_family(top);
}

/* All keys that were pressed. 1: q was among them; 0: any; -1: none. */
static int take_keys(struct top *top)
{
	struct top_order order = top->view.order;
	int key, result = -1;

	while ((key = screen_key()) != SCREEN_NONE) {
		result = 0;
		if (key == 'q')
			return 1;
		if (key == 'R')
			order.reversed = !order.reversed;
		else if (top_key_of(key, &order.key))
			order.reversed = false;
		else
			scroll(top, key);
	}
	if (order.key != top->view.order.key || order.reversed != top->view.order.reversed)
		sort_by(top, order);
	return result;
}

/* Until the interval is over. Returns as take_keys(), -2 if the terminal is gone. */
static int spend_interval(struct top *top)
{
	const uint64_t end = now_us() + top->interval_us;
	uint64_t budget = top->interval_us / LISTING_SHARE;
	uint64_t now;

	while ((now = now_us()) < end) {
		const bool list = top->listing_now && budget;
		bool changed = false;
		int keys;

		if (screen_wait(list ? 0 : end - now))
			return -2;
		keys = take_keys(top);
		if (keys > 0)
			return keys;
		if (list && top->listing_now) {
			const uint64_t begun = now_us();
			uint64_t spent;

			changed = list_part(top);
			spent = now_us() - begun;
			budget -= spent < budget ? spent : budget;
		}
		if ((changed || !keys) && draw(top))
			return -2;
	}
	return 0;
}

static int run(struct top *top)
{
	int end = 0;

	if (screen_open())
		return 1;
	while (!end) {
		refresh(top);
		end = draw(top) ? -2 : spend_interval(top);
	}
	screen_close();
	return end > 0 ? 0 : 1;
}

/* @text: a number of seconds, from 0.1 to 3600. 0: it is none. */
static uint64_t interval_of(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !isfinite(seconds) || seconds < 0.1 || seconds > 3600)
		return 0;
	return (uint64_t)(seconds * 1e6);
}

int top_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct top top = { .interval_us = 1000000 };
	int option, code = 1;

	while ((option = getopt_long(argc, argv, "hi:", options, NULL)) != -1) {
		switch (option) {
		case 'i':
			top.interval_us = interval_of(optarg);
			if (!top.interval_us) {
				fprintf(stderr, "ikefp top: --interval %s: not a number of seconds from 0.1 to 3600\n",
					optarg);
				return 2;
			}
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
		fprintf(stderr, "ikefp top: unexpected '%s'\n", argv[optind]);
		usage(stderr);
		return 2;
	}
	top.table = calloc(1, sizeof(*top.table));
	top.next = calloc(1, sizeof(*top.next));
	top.view.table = top.table;
	top.view.interval_s = (double)top.interval_us / 1e6;
	/* Refused or not there at the start: no reason to wait for it. */
	if (!top.table || !top.next)
		fprintf(stderr, "ikefp: out of memory\n");
	else if (open_handles(&top) || ikefp_stats_get(top.nl, &top.view.stats))
		fprintf(stderr, "ikefp: %s\n", top.nl ? ikefp_nl_error(top.nl) : top.error);
	else
		code = run(&top);
	close_family(&top);
	free(top.lines);
	free(top.table);
	free(top.next);
	return code;
}
