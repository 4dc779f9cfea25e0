// SPDX-License-Identifier: GPL-2.0
/* What `ikefp top` shows, but for the terminal. */
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "ktap.h"
#include "top.h"

/* Rates */

static void test_rates(void)
{
	struct top_sample before = { .at_us = 1000000 }, now = { .at_us = 3000000 };
	struct top_rates rates;

	before.stats.value[IKEFP_A_STATS_RX_MESSAGES] = 10;
	now.stats.value[IKEFP_A_STATS_RX_MESSAGES] = 15;
	now.stats.value[IKEFP_A_STATS_DROP_INTEGRITY] = 2;
	/* A gauge may go down; a rate it has not. */
	before.stats.value[IKEFP_A_STATS_SAS] = 100;
	before.stats.value[IKEFP_A_STATS_CACHE_OCTETS] = 100;
	now.stats.value[IKEFP_A_STATS_WORKERS] = 5;
	top_rates(&before, &now, &rates);
	EXPECT(rates.known);
	EXPECT(rates.value[IKEFP_A_STATS_RX_MESSAGES] == 2.5);
	EXPECT(rates.value[IKEFP_A_STATS_DROP_INTEGRITY] == 1);
	EXPECT(rates.value[IKEFP_A_STATS_WORKERS] == 0);
	EXPECT(rates.value[IKEFP_A_STATS_SAS] == 0);
}

static void test_rates_unknown(void)
{
	struct top_sample before = { .at_us = 1000000 }, now = { .at_us = 2000000 };
	struct top_rates rates;

	/* The module was loaded again: one counter tells, and nothing is said of the others. */
	before.stats.value[IKEFP_A_STATS_UPCALLS] = 10;
	now.stats.value[IKEFP_A_STATS_UPCALLS] = 9;
	now.stats.value[IKEFP_A_STATS_RX_MESSAGES] = 50;
	top_rates(&before, &now, &rates);
	EXPECT(!rates.known);
	for (int i = 0; i <= IKEFP_A_STATS_MAX; i++)
		EXPECT(rates.value[i] == 0);
	/* No time has passed, or it goes backwards. */
	now = before;
	top_rates(&before, &now, &rates);
	EXPECT(!rates.known);
	now.at_us = 0;
	top_rates(&before, &now, &rates);
	EXPECT(!rates.known);
}

/* The table */

static struct ikefp_sa_info sa_of(unsigned int n)
{
	struct ikefp_sa_info sa = {
		.spi = n + 1, .state = IKEFP_SA_STATE_ESTABLISHED, .worker = 1,
		.age_ms = 1000ull * n, .srtt_us = n, .messages_in = n,
	};
	struct sockaddr_in *in = (struct sockaddr_in *)&sa.endpoint.remote;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(0x0a000000 + n);
	in->sin_port = htons(500);
	return sa;
}

/* 0 to @number - 1 in an order that repeats, with nothing in it twice. */
static unsigned int shuffled(unsigned int i, unsigned int number)
{
	return (unsigned int)((i * 7919ull + 13) % number);
}

static struct top_table table;

static void fill(unsigned int number, struct top_order order)
{
	top_table_clear(&table, &order);
	for (unsigned int i = 0; i < number; i++) {
		struct ikefp_sa_info sa = sa_of(shuffled(i, number));

		top_table_add(&table, &sa);
	}
	top_table_sort(&table, &order);
}

static void test_table(void)
{
	static const unsigned int numbers[] = {
		0, 1, 2, TOP_ROWS - 1, TOP_ROWS, TOP_ROWS + 1, 2 * TOP_ROWS - 1, 2 * TOP_ROWS,
		2 * TOP_ROWS + 1, 100003,
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		const unsigned int n = numbers[i], rows = n < TOP_ROWS ? n : TOP_ROWS;

		fill(n, (struct top_order){ TOP_PEER, false });
		EXPECT_EQ(table.sas.total, n);
		EXPECT_EQ(table.sas.state[IKEFP_SA_STATE_ESTABLISHED], n);
		EXPECT_EQ(table.count, rows);
		for (unsigned int r = 0; r < rows; r++)
			EXPECT_EQ(table.rows[r].spi, r + 1);
		fill(n, (struct top_order){ TOP_RTT, false });
		EXPECT_EQ(table.count, rows);
		for (unsigned int r = 0; r < rows; r++)
			EXPECT_EQ(table.rows[r].spi, n - r);
		fill(n, (struct top_order){ TOP_PEER, true });
		for (unsigned int r = 0; r < rows; r++)
			EXPECT_EQ(table.rows[r].spi, n - r);
	}
}

/* The last row that there is room for comes last. */
static void test_table_last(void)
{
	const struct top_order order = { TOP_PEER, false };
	struct ikefp_sa_info last = sa_of(TOP_ROWS - 1);

	top_table_clear(&table, &order);
	for (unsigned int i = 0; i < 2 * TOP_ROWS + 1; i++) {
		struct ikefp_sa_info sa = sa_of(i);

		if (sa.spi != last.spi)
			top_table_add(&table, &sa);
	}
	EXPECT(table.full);
	top_table_add(&table, &last);
	top_table_sort(&table, &order);
	EXPECT_EQ(table.count, TOP_ROWS);
	EXPECT_EQ(table.rows[TOP_ROWS - 1].spi, TOP_ROWS);
}

/* The worst order: each comes before all those before. */
static void test_table_worst(void)
{
	const struct top_order order = { TOP_AGE, false };
	const unsigned int number = 100000;

	top_table_clear(&table, &order);
	for (unsigned int i = 0; i < number; i++) {
		struct ikefp_sa_info sa = sa_of(i);

		top_table_add(&table, &sa);
		EXPECT(table.count < 2 * TOP_ROWS);
	}
	top_table_sort(&table, &order);
	EXPECT_EQ(table.count, TOP_ROWS);
	EXPECT_EQ(table.rows[0].spi, number);
	EXPECT_EQ(table.rows[TOP_ROWS - 1].spi, number - TOP_ROWS + 1);
}

static void test_compare(void)
{
	struct ikefp_sa_info a = sa_of(1), b = sa_of(2), v6 = sa_of(0);
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&v6.endpoint.remote;
	enum top_key key;

	memset(in6, 0, sizeof(*in6));
	in6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, "2001:db8::1", &in6->sin6_addr);
	EXPECT(top_compare(&a, &v6, &(struct top_order){ TOP_PEER, false }) < 0);
	/* Every key has an order, which reversed is the other, and ends ties. */
	for (key = 0; key < TOP_KEYS; key++) {
		const struct top_order order = { key, false }, reversed = { key, true };
		struct ikefp_sa_info twin = a;

		EXPECT_EQ(top_compare(&a, &a, &order), 0);
		EXPECT_EQ(top_compare(&a, &b, &order) < 0, top_compare(&b, &a, &order) > 0);
		twin.spi++;
		EXPECT(top_compare(&a, &twin, &order) < 0);
		EXPECT(top_compare(&a, &twin, &reversed) < 0);
	}
	EXPECT(top_compare(&a, &b, &(struct top_order){ TOP_PEER, false }) < 0);
	EXPECT(top_compare(&a, &b, &(struct top_order){ TOP_PEER, true }) > 0);
	EXPECT(top_compare(&a, &b, &(struct top_order){ TOP_MESSAGES, false }) > 0);
	/* As numbers: 10.0.0.9 before 10.0.0.10. */
	a = sa_of(9);
	b = sa_of(10);
	EXPECT(top_compare(&a, &b, &(struct top_order){ TOP_PEER, false }) < 0);
	/* The same host, another port. */
	a = b;
	((struct sockaddr_in *)&a.endpoint.remote)->sin_port = htons(4500);
	a.spi = 0;
	EXPECT(top_compare(&b, &a, &(struct top_order){ TOP_PEER, false }) < 0);
}

static void test_keys(void)
{
	enum top_key key;
	bool seen[TOP_KEYS] = { 0 };
	int letters = 0;

	for (int c = 0; c < 256; c++)
		if (top_key_of(c, &key)) {
			EXPECT(!seen[key]);
			seen[key] = true;
			letters++;
		}
	EXPECT_EQ(letters, TOP_KEYS);
	EXPECT(!top_key_of('q', &key) && !top_key_of('R', &key));
}

/* Lines */

#define HEIGHT	60
static struct top_line lines[HEIGHT];

static struct top_view view_of(const struct top_table *shown)
{
	struct top_view view = {
		.time = "14:03:11", .interval_s = 1, .table = shown, .listed = true,
		.order = shown->order, .rates = { .known = true },
	};
	double *rate = view.rates.value;

	view.stats.value[IKEFP_A_STATS_SAS] = shown->sas.total;
	view.stats.value[IKEFP_A_STATS_WORKERS] = 1;
	view.stats.value[IKEFP_A_STATS_CACHE_OCTETS] = 123456;
	rate[IKEFP_A_STATS_RX_MESSAGES] = 12;
	rate[IKEFP_A_STATS_TX_MESSAGES] = 123456.7;
	rate[IKEFP_A_STATS_DUPLICATES_ANSWERED] = 0.5;
	rate[IKEFP_A_STATS_DROP_IN_PROGRESS] = 0.25;
	rate[IKEFP_A_STATS_DROP_INTEGRITY] = 7;
	return view;
}

/* Printable, no longer than the screen is wide, and all of them written. */
static void expect_fit(int height, int width)
{
	for (int y = 0; y < height; y++) {
		EXPECT((int)strlen(lines[y].text) <= width);
		for (const char *c = lines[y].text; *c; c++)
			EXPECT(isprint((unsigned char)*c));
	}
}

static void test_layout(void)
{
	static const char *const want[] = {
		"ikefp top  14:03:11  every 1 s  SAs 1 to 3 of 3",
		"SAs       3: 0 half-open, 3 established, 0 lingering",
		"          0 orphans, 1 worker",
		"Octets    cache 123k, upcalls waiting 0, stashes 0, fragments 0",
		"A second  messages in 12.0, out 123k, retransmitted 0.0, duplicates 0.8",
		"          cookies sent 0.0, accepted 0.0; ESP in 0.0",
		"Dropped   7.2: integrity 7.0, in-progress 0.2",
		"",
		"PEER                  STATE             RTT*   RETR   MSGS   DUPL   OUT    AGE",
		"10.0.0.2:500          established   0.002 ms      0      2      0     0     2s",
		"10.0.0.1:500          established   0.001 ms      0      1      0     0     1s",
		"10.0.0.0:500          established          -      0      0      0     0     0s",
	};
	struct top_view view;

	fill(3, (struct top_order){ TOP_RTT, false });
	view = view_of(&table);
	EXPECT_EQ(top_page(24), 14);
	top_layout(&view, lines, 24, 80);
	expect_fit(24, 80);
	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		EXPECT_STR(lines[i].text, want[i]);
	for (int i = 12; i < 23; i++)
		EXPECT_STR(lines[i].text, "");
	EXPECT_STR(lines[23].text,
		   "p:peer s:state t:rtt r:retr m:msgs d:dupl o:out a:age R:reverse q:quit");
	EXPECT_EQ(lines[8].style, TOP_BAR);
	/* A wide one has more. */
	top_layout(&view, lines, 24, 200);
	EXPECT(strstr(lines[8].text, "AGE ROLE      SPI"));
	EXPECT(strstr(lines[9].text, " initiator 0000000000000003"));
	/* IPv6 has the room that it needs. */
	inet_pton(AF_INET6, "2001:db8:ffff::1",
		  &((struct sockaddr_in6 *)&table.rows[0].endpoint.remote)->sin6_addr);
	table.rows[0].endpoint.remote.ss_family = AF_INET6;
	top_layout(&view, lines, 24, 80);
	expect_fit(24, 80);
	EXPECT(!strncmp(lines[9].text, "[2001:db8:ffff::1]:500 ", 23));
	EXPECT(strstr(lines[9].text, "  2s"));
}

/* No screen is too small or too large. */
static void test_layout_sizes(void)
{
	fill(2000, (struct top_order){ TOP_PEER, true });
	for (int height = 0; height <= HEIGHT; height++)
		for (int width = 0; width <= TOP_COLUMNS + 1;
		     width = width == 200 ? TOP_COLUMNS - 1 : width + 1) {
			struct top_view view = view_of(&table);

			for (int i = 1; i <= IKEFP_A_STATS_MAX; i++)
				view.rates.value[i] = i * 1000;
			view.first = SIZE_MAX / 2;
			top_layout(&view, lines, height, width);
			expect_fit(height, width);
			EXPECT(view.first < table.count || !top_page(height));
		}
}

static void test_layout_drops(void)
{
	struct top_view view;
	char text[2 * TOP_COLUMNS + 3];

	fill(0, (struct top_order){ TOP_PEER, false });
	view = view_of(&table);
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++)
		view.rates.value[i] = drop_reason(i) ? i : 0;
	top_layout(&view, lines, 24, 80);
	/* Most first, and it says that there are more. */
	snprintf(text, sizeof(text), "%s %s", lines[6].text, lines[7].text);
	EXPECT(strstr(text, ": stream-closed "));
	EXPECT(strstr(text, "stream-closed") < strstr(text, "stream-full"));
	EXPECT_STR(text + strlen(text) - 5, ", ...");
	/* Room enough for all of them. */
	for (int i = 1; i <= IKEFP_A_STATS_MAX; i++)
		view.rates.value[i] = i >= IKEFP_A_STATS_DROP_SOURCE_LIMIT &&
				      i <= IKEFP_A_STATS_DROP_WAITING_LIMIT && drop_reason(i);
	top_layout(&view, lines, 24, 80);
	snprintf(text, sizeof(text), "%s %s", lines[6].text, lines[7].text);
	EXPECT(strstr(text, "3.0: source-limit 1.0, cache-limit 1.0, waiting-limit 1.0"));
	EXPECT(!strstr(text, "..."));
	/* Nothing is known yet. */
	view.rates = (struct top_rates){ 0 };
	top_layout(&view, lines, 24, 80);
	EXPECT_STR(lines[6].text, "Dropped   -");
	EXPECT_STR(lines[4].text, "A second  messages in -, out -, retransmitted -, duplicates -");
}

static void test_layout_states(void)
{
	struct top_view view;

	fill(1200, (struct top_order){ TOP_PEER, false });
	view = view_of(&table);
	view.first = 990;
	top_layout(&view, lines, 24, 80);
	EXPECT_STR(lines[0].text,
		   "ikefp top  14:03:11  every 1 s  SAs 987 to 1000 of the first 1000");
	view.listed_ms = 7000;
	top_layout(&view, lines, 24, 80);
	EXPECT(strstr(lines[1].text, ", as they were 7 s ago"));
	view.listed = false;
	view.stats.value[IKEFP_A_STATS_WORKERS] = 0;
	view.stats.value[IKEFP_A_STATS_ORPHANS] = 1;
	view.error = "the kernel has no family \"ikefp\"";
	top_layout(&view, lines, 24, 80);
	EXPECT_STR(lines[0].text, "ikefp top  14:03:11  the kernel has no family \"ikefp\"");
	EXPECT_STR(lines[1].text, "SAs       1200, being listed");
	EXPECT_STR(lines[2].text, "          1 orphan, 0 workers: is ikefpd running?");
	/* Without a daemon, and deleted. */
	table.rows[0].worker = 0;
	table.rows[1].worker = 0;
	table.rows[1].state = IKEFP_SA_STATE_LINGERING;
	view.first = 0;
	top_layout(&view, lines, 24, 80);
	EXPECT(strstr(lines[9].text, " orphan "));
	EXPECT(strstr(lines[10].text, " lingering "));
}

static const struct ktap_test tests[] = {
	{ "rates", test_rates },
	{ "rates that are not known", test_rates_unknown },
	{ "the first rows of many", test_table },
	{ "the first rows, the last of them last", test_table_last },
	{ "the first rows, the worst order", test_table_worst },
	{ "sorting", test_compare },
	{ "keys", test_keys },
	{ "lines", test_layout },
	{ "lines, all sizes", test_layout_sizes },
	{ "lines, drops", test_layout_drops },
	{ "lines, what is there and what not", test_layout_states },
};

KTAP_MAIN(tests)
