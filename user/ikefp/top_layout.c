// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

/* Above the table: a title, SAs, memory, rates, drops, the columns' heads. */
#define DROP_LINES	2
#define HEAD_LINES	(1 + 2 + 1 + 2 + DROP_LINES + 1)
#define SHORT_TEXT	24
/* A table that is older is said to be. */
#define STALE_MS	3000

/* A screen being written, a line at a time. What does not fit is left out. */
struct page {
	struct top_line *lines;
	int height, width;
	int used;
};

static void put(struct page *page, enum top_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct page *page, enum top_style style, const char *format, ...)
{
	struct top_line *line = &page->lines[page->used];
	va_list args;

	if (page->used >= page->height)
		return;
	line->style = style;
	va_start(args, format);
	vsnprintf(line->text, (size_t)page->width + 1, format, args);
	va_end(args);
	page->used++;
}

/* "12345", "123k", "12M", ...: at most 6 characters up to 10^15. */
static const char *count_text(uint64_t n, char buf[SHORT_TEXT])
{
	static const char units[] = " kMGTPE";
	int unit = 0;

	while (n >= 100000) {
		n /= 1000;
		unit++;
	}
	if (unit)
		snprintf(buf, SHORT_TEXT, "%" PRIu64 "%c", n, units[unit]);
	else
		snprintf(buf, SHORT_TEXT, "%" PRIu64, n);
	return buf;
}

static const char *rate_text(const struct top_view *view, double rate, char buf[SHORT_TEXT])
{
	if (!view->rates.known)
		snprintf(buf, SHORT_TEXT, "-");
	else if (rate < 1000)
		snprintf(buf, SHORT_TEXT, "%.1f", rate);
	else
		count_text((uint64_t)rate, buf);
	return buf;
}

#define RATE(view, attribute, buf) \
	rate_text(view, (view)->rates.value[IKEFP_A_STATS_##attribute], buf)

static void put_title(struct page *page, const struct top_view *view, size_t rows)
{
	const struct top_table *table = view->table;
	size_t last = view->first + rows < table->count ? view->first + rows : table->count;

	if (view->error)
		put(page, TOP_BAR, "ikefp top  %s  %s", view->time, view->error);
	else
		put(page, TOP_BAR, "ikefp top  %s  every %g s  SAs %zu to %zu of %s%zu",
		    view->time, view->interval_s, last ? view->first + 1 : 0, last,
		    table->sas.total > table->count ? "the first " : "", table->count);
}

static void put_sas(struct page *page, const struct top_view *view)
{
	const struct sa_counts *sas = &view->table->sas;
	const uint64_t *now = view->stats.value;
	char age[DURATION_TEXT];

	if (view->listed)
		put(page, TOP_PLAIN, "SAs       %" PRIu64 ": %" PRIu64 " half-open, %" PRIu64
		    " established, %" PRIu64 " lingering%s%s%s", sas->total,
		    sas->state[IKEFP_SA_STATE_HALF_OPEN],
		    sas->state[IKEFP_SA_STATE_ESTABLISHED],
		    sas->state[IKEFP_SA_STATE_LINGERING],
		    view->listed_ms < STALE_MS ? "" : ", as they were ",
		    view->listed_ms < STALE_MS ? "" : ms_text(view->listed_ms, age),
		    view->listed_ms < STALE_MS ? "" : " ago");
	else
		put(page, TOP_PLAIN, "SAs       %" PRIu64 ", being listed",
		    now[IKEFP_A_STATS_SAS]);
	put(page, TOP_PLAIN, "          %" PRIu64 " orphan%s, %" PRIu64 " worker%s%s",
	    now[IKEFP_A_STATS_ORPHANS], now[IKEFP_A_STATS_ORPHANS] == 1 ? "" : "s",
	    now[IKEFP_A_STATS_WORKERS], now[IKEFP_A_STATS_WORKERS] == 1 ? "" : "s",
	    now[IKEFP_A_STATS_WORKERS] ? "" : ": is ikefpd running?");
}

static void put_memory(struct page *page, const struct top_view *view)
{
	const uint64_t *now = view->stats.value;
	char cache[SHORT_TEXT], waiting[SHORT_TEXT], stash[SHORT_TEXT], fragments[SHORT_TEXT];

	put(page, TOP_PLAIN, "Octets    cache %s, upcalls waiting %s, stashes %s, fragments %s",
	    count_text(now[IKEFP_A_STATS_CACHE_OCTETS], cache),
	    count_text(now[IKEFP_A_STATS_WAITING_OCTETS], waiting),
	    count_text(now[IKEFP_A_STATS_STASH_OCTETS], stash),
	    count_text(now[IKEFP_A_STATS_REASSEMBLY_OCTETS], fragments));
}

static void put_rates(struct page *page, const struct top_view *view)
{
	const double *rate = view->rates.value;
	char a[SHORT_TEXT], b[SHORT_TEXT], c[SHORT_TEXT], d[SHORT_TEXT];

	put(page, TOP_BOLD, "A second  messages in %s, out %s, retransmitted %s, duplicates %s",
	    RATE(view, RX_MESSAGES, a), RATE(view, TX_MESSAGES, b), RATE(view, RETRANSMITS, c),
	    /* Absorbed either way: with the answer, or because there is none yet. */
	    rate_text(view, rate[IKEFP_A_STATS_DUPLICATES_ANSWERED] +
		      rate[IKEFP_A_STATS_DROP_IN_PROGRESS], d));
	put(page, TOP_PLAIN, "          cookies sent %s, accepted %s; ESP in %s",
	    RATE(view, COOKIES_SENT, a), RATE(view, COOKIES_ACCEPTED, b),
	    RATE(view, RX_ESP, c));
}

/* Reasons in the order of their rates. */
static size_t sort_drops(const struct top_view *view, int order[IKEFP_A_STATS_MAX + 1])
{
	const double *rate = view->rates.value;
	size_t count = 0;

	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++) {
		size_t at = count;

		if (!drop_reason(i) || rate[i] <= 0)
			continue;
		for (; at && rate[order[at - 1]] < rate[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
		count++;
	}
	return count;
}

/* DROP_LINES of them, the last of which says if there are more. */
static void put_drops(struct page *page, const struct top_view *view)
{
	char text[TOP_COLUMNS + 1], item[80], number[SHORT_TEXT];
	int order[IKEFP_A_STATS_MAX + 1], lines = 0;
	size_t count = sort_drops(view, order), i;
	const size_t width = (size_t)page->width;
	double sum = 0;
	size_t len;

	for (i = 0; i < count; i++)
		sum += view->rates.value[order[i]];
	len = (size_t)snprintf(text, sizeof(text), "Dropped   %s",
			       rate_text(view, sum, number));
	for (i = 0; i < count; i++) {
		size_t more = (size_t)snprintf(item, sizeof(item), "%s %s %s", i ? "," : ":",
					       drop_reason(order[i]),
					       rate_text(view, view->rates.value[order[i]],
							 number));

		/* Room is left for ", ...". */
		if (len + more + 5 > width) {
			if (++lines == DROP_LINES)
				break;
			put(page, TOP_PLAIN, "%s%s", text, i ? "," : ":");
			len = (size_t)snprintf(text, sizeof(text), "          %s", item + 2);
			continue;
		}
		memcpy(text + len, item, more + 1);
		len += more;
	}
	put(page, TOP_PLAIN, "%s%s", text, i < count ? ", ..." : "");
	if (!lines)
		put(page, TOP_PLAIN, "%s", "");
}

/* The table. Columns in the order of their worth: a narrow screen has the first ones. */
enum column { STATE, RTT, RETRANSMITS, MESSAGES, DUPLICATES, OUTSTANDING, AGE, ROLE, SPI, COLUMNS };

static const struct {
	const char *head;
	int width;
	enum top_key key;
} columns[COLUMNS] = {
	[STATE] = { "STATE", -11, TOP_STATE },
	[RTT] = { "RTT", 10, TOP_RTT },
	[RETRANSMITS] = { "RETR", 6, TOP_RETRANSMITS },
	[MESSAGES] = { "MSGS", 6, TOP_MESSAGES },
	[DUPLICATES] = { "DUPL", 6, TOP_DUPLICATES },
	[OUTSTANDING] = { "OUT", 5, TOP_OUTSTANDING },
	[AGE] = { "AGE", 6, TOP_AGE },
	[ROLE] = { "ROLE", -9, TOP_KEYS },
	[SPI] = { "SPI", -16, TOP_KEYS },
};

/* Sorting keys in the footer, by the letter that chooses them. */
static const struct {
	char letter;
	enum top_key key;
	const char *text;
} keys[] = {
	{ 'p', TOP_PEER, "peer" }, { 's', TOP_STATE, "state" }, { 't', TOP_RTT, "rtt" },
	{ 'r', TOP_RETRANSMITS, "retr" }, { 'm', TOP_MESSAGES, "msgs" },
	{ 'd', TOP_DUPLICATES, "dupl" }, { 'o', TOP_OUTSTANDING, "out" },
	{ 'a', TOP_AGE, "age" },
};

bool top_key_of(int c, enum top_key *key)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (c == keys[i].letter) {
			*key = keys[i].key;
			return true;
		}
	return false;
}

static void age_text(uint64_t s, char buf[DURATION_TEXT])
{
	if (s < 100)
		snprintf(buf, DURATION_TEXT, "%" PRIu64 "s", s);
	else if (s < 100 * 60)
		snprintf(buf, DURATION_TEXT, "%" PRIu64 "m", s / 60);
	else if (s < 100 * 3600)
		snprintf(buf, DURATION_TEXT, "%" PRIu64 "h", s / 3600);
	else
		snprintf(buf, DURATION_TEXT, "%" PRIu64 "d", s / 86400);
}

static void cell(const struct ikefp_sa_info *sa, enum column column, char buf[DURATION_TEXT])
{
	switch (column) {
	case STATE:
		snprintf(buf, DURATION_TEXT, "%s",
			 sa->worker || sa->state == IKEFP_SA_STATE_LINGERING ?
			 state_name(sa->state) : "orphan");
		break;
	case RTT:
		if (sa->srtt_us)
			us_text(sa->srtt_us, buf);
		else
			snprintf(buf, DURATION_TEXT, "-");
		break;
	case RETRANSMITS:
		count_text(sa->retransmits, buf);
		break;
	case MESSAGES:
		count_text(sa->messages_in + sa->messages_out, buf);
		break;
	case DUPLICATES:
		count_text(sa->duplicates, buf);
		break;
	case OUTSTANDING:
		count_text(sa->outstanding, buf);
		break;
	case AGE:
		age_text(sa->age_ms / 1000, buf);
		break;
	case ROLE:
		snprintf(buf, DURATION_TEXT, "%s", role_name(sa->role));
		break;
	case SPI:
	case COLUMNS:
		snprintf(buf, DURATION_TEXT, "%016" PRIx64, sa->spi);
		break;
	}
}

/* The column that the table is sorted by is marked. */
static void head(char *buf, size_t size, const struct top_order *order, const char *text,
		 enum top_key key)
{
	snprintf(buf, size, "%s%s", text,
		 order->key != key ? "" : order->reversed ? "^" : "*");
}

/* As wide as the widest address on the page, so that the columns stand still. */
static int peer_width(const struct top_view *view, size_t rows)
{
	char text[ADDRESS_TEXT];
	size_t widest = 21;

	for (size_t i = view->first; i < view->table->count && i < view->first + rows; i++) {
		size_t len = strlen(address_text(&view->table->rows[i].endpoint.remote, text));

		if (len > widest)
			widest = len;
	}
	return (int)widest;
}

static void put_table(struct page *page, const struct top_view *view, size_t rows)
{
	int peer = peer_width(view, rows), used = peer, shown = 0;
	char line[TOP_COLUMNS + 1], text[ADDRESS_TEXT];
	size_t len;

	while (shown < COLUMNS && used + 1 + abs(columns[shown].width) <= page->width)
		used += 1 + abs(columns[shown++].width);
	head(text, sizeof(text), &view->order, "PEER", TOP_PEER);
	len = (size_t)snprintf(line, sizeof(line), "%-*s", peer, text);
	for (int c = 0; c < shown; c++) {
		head(text, sizeof(text), &view->order, columns[c].head, columns[c].key);
		len += (size_t)snprintf(line + len, sizeof(line) - len, " %*s",
					columns[c].width, text);
	}
	put(page, TOP_BAR, "%s", line);
	for (size_t i = view->first; i < view->first + rows; i++) {
		const struct ikefp_sa_info *sa = &view->table->rows[i];

		if (i >= view->table->count) {
			put(page, TOP_PLAIN, "%s", "");
			continue;
		}
		len = (size_t)snprintf(line, sizeof(line), "%-*s", peer,
				       address_text(&sa->endpoint.remote, text));
		for (int c = 0; c < shown; c++) {
			cell(sa, c, text);
			len += (size_t)snprintf(line + len, sizeof(line) - len, " %*s",
						columns[c].width, text);
		}
		put(page, TOP_PLAIN, "%s", line);
	}
}

static void put_footer(struct page *page)
{
	char line[TOP_COLUMNS + 1];
	size_t len = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		len += (size_t)snprintf(line + len, sizeof(line) - len, "%c:%s ",
					keys[i].letter, keys[i].text);
	put(page, TOP_BAR, "%sR:reverse q:quit", line);
}

size_t top_page(int height)
{
	return height > HEAD_LINES + 1 ? (size_t)height - HEAD_LINES - 1 : 0;
}

void top_layout(struct top_view *view, struct top_line *lines, int height, int width)
{
	struct page page = {
		.lines = lines, .height = height,
		.width = width < TOP_COLUMNS ? width : TOP_COLUMNS,
	};
	size_t rows = top_page(height);

	if (view->first + rows > view->table->count)
		view->first = view->table->count > rows ? view->table->count - rows : 0;
	put_title(&page, view, rows);
	put_sas(&page, view);
	put_memory(&page, view);
	put_rates(&page, view);
	put_drops(&page, view);
	put_table(&page, view, rows);
	put_footer(&page);
}
