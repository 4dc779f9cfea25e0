/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_TOP_H
#define IKEFP_TOP_H

#include "ikefp.h"

/*
 * `ikefp top`. What it shows is values to values: rates (top_rates.c), the SAs worth
 * showing (top_table.c), lines of text (top_layout.c). The terminal is top_screen.c's
 * alone, and top.c is the loop.
 */

/* Counters, and when they were read (CLOCK_MONOTONIC). */
struct top_sample {
	uint64_t at_us;
	struct ikefp_stats stats;
};

struct top_rates {
	bool known;
	double value[IKEFP_A_STATS_MAX + 1];	/* a second; 0 of what is a gauge */
};

/*
 * What happened a second between two samples. Not known when no time has passed, or when
 * a counter is less than it was: the module was loaded again.
 */
void top_rates(const struct top_sample *before, const struct top_sample *now,
	       struct top_rates *rates);

enum top_key {
	TOP_PEER, TOP_STATE, TOP_RTT, TOP_RETRANSMITS, TOP_MESSAGES, TOP_DUPLICATES,
	TOP_OUTSTANDING, TOP_AGE, TOP_KEYS
};

/* In the order that a key has, or in the other one. */
struct top_order {
	enum top_key key;
	bool reversed;
};

/* < 0: @a stands above @b. Never 0 but for one and the same SA. */
int top_compare(const struct ikefp_sa_info *a, const struct ikefp_sa_info *b,
		const struct top_order *order);

/*
 * The first TOP_ROWS of however many SAs there are, and how many of each state: memory
 * and time for an SA do not grow with their number.
 */
#define TOP_ROWS	1000

struct top_table {
	struct top_order order;
	struct sa_counts sas;
	size_t count;		/* rows, once sorted TOP_ROWS at most */
	bool full;		/* the first TOP_ROWS are sorted: what is below them is out */
	struct ikefp_sa_info rows[2 * TOP_ROWS];
};

void top_table_clear(struct top_table *table, const struct top_order *order);
void top_table_add(struct top_table *table, const struct ikefp_sa_info *sa);
/* To be called after the last one. */
void top_table_sort(struct top_table *table, const struct top_order *order);

/* All that a screen shows. */
struct top_view {
	char time[16];
	double interval_s;
	struct ikefp_stats stats;
	struct top_rates rates;
	const struct top_table *table;
	bool listed;		/* the table is whole */
	uint64_t listed_ms;	/* how old it is */
	size_t first;		/* the row on top */
	struct top_order order;
	const char *error;	/* why there is nothing new; NULL: there is */
};

enum top_style { TOP_PLAIN, TOP_BOLD, TOP_BAR };

#define TOP_COLUMNS	512

struct top_line {
	enum top_style style;
	char text[TOP_COLUMNS + 1];	/* printable ASCII */
};

/* Rows of the table that a screen of so many lines has room for; 0 for a low one. */
size_t top_page(int height);
/* @height lines, none longer than @width (of TOP_COLUMNS at most). Moves @view->first up
 * where the table has become shorter. */
void top_layout(struct top_view *view, struct top_line *lines, int height, int width);

/* What a key of the keyboard sorts by; false: it is not for that. */
bool top_key_of(int c, enum top_key *key);

/*
 * The terminal. Between open and close a signal that ends the process leaves the terminal
 * as it was. screen_open() returns 0, or -1 and why not is said.
 */
enum screen_key {
	SCREEN_NONE = -1,
	SCREEN_RESIZED = 0x10000, SCREEN_UP, SCREEN_DOWN, SCREEN_PAGE_UP, SCREEN_PAGE_DOWN,
	SCREEN_HOME, SCREEN_END
};

int screen_open(void);
void screen_close(void);
void screen_size(int *height, int *width);
void screen_draw(const struct top_line *lines, int height);
/* A character, or one of enum screen_key; never waits. */
int screen_key(void);
/* Waits for a key or the time's end. -1: the terminal is gone. */
int screen_wait(uint64_t us);

#endif /* IKEFP_TOP_H */
