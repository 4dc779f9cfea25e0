// SPDX-License-Identifier: GPL-2.0
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "top.h"

#define LESS(a, b)	((a) < (b) ? -1 : (a) > (b))

/* As numbers, IPv4 before IPv6, and by port where the address is the same. */
static int by_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in6 *b6 = (const struct sockaddr_in6 *)b;
	const struct sockaddr_in *a4 = (const struct sockaddr_in *)a;
	const struct sockaddr_in *b4 = (const struct sockaddr_in *)b;
	int order;

	if (a->ss_family != b->ss_family)
		return LESS(a->ss_family, b->ss_family);
	if (a->ss_family == AF_INET)
		order = LESS(ntohl(a4->sin_addr.s_addr), ntohl(b4->sin_addr.s_addr));
	else
		order = memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
	/* The port stands at the same place in both. */
	return order ? order : LESS(ntohs(a4->sin_port), ntohs(b4->sin_port));
}

static int by_key(const struct ikefp_sa_info *a, const struct ikefp_sa_info *b,
		  enum top_key key)
{
	switch (key) {
	case TOP_STATE:
		return LESS(a->state, b->state);
	/* Most first. */
	case TOP_RTT:
		return LESS(b->srtt_us, a->srtt_us);
	case TOP_RETRANSMITS:
		return LESS(b->retransmits, a->retransmits);
	case TOP_MESSAGES:
		return LESS(b->messages_in + b->messages_out,
			    a->messages_in + a->messages_out);
	case TOP_DUPLICATES:
		return LESS(b->duplicates, a->duplicates);
	case TOP_OUTSTANDING:
		return LESS(b->outstanding, a->outstanding);
	case TOP_AGE:
		return LESS(b->age_ms, a->age_ms);
	case TOP_PEER:
	case TOP_KEYS:
		break;
	}
	return by_address(&a->endpoint.remote, &b->endpoint.remote);
}

int top_compare(const struct ikefp_sa_info *a, const struct ikefp_sa_info *b,
		const struct top_order *order)
{
	int first = by_key(a, b, order->key);

	if (first)
		return order->reversed ? -first : first;
	first = by_address(&a->endpoint.remote, &b->endpoint.remote);
	return first ? first : LESS(a->spi, b->spi);
}

static int compare(const void *a, const void *b, void *order)
{
	return top_compare(a, b, order);
}

static void sort(struct top_table *table)
{
	qsort_r(table->rows, table->count, sizeof(*table->rows), compare, &table->order);
	if (table->count < TOP_ROWS)
		return;
	table->count = TOP_ROWS;
	table->full = true;
}

void top_table_clear(struct top_table *table, const struct top_order *order)
{
	table->order = *order;
	table->sas = (struct sa_counts){ 0 };
	table->count = 0;
	table->full = false;
}

void top_table_add(struct top_table *table, const struct ikefp_sa_info *sa)
{
	sa_counts_add(&table->sas, sa);
	if (table->full && top_compare(sa, &table->rows[TOP_ROWS - 1], &table->order) > 0)
		return;
	table->rows[table->count++] = *sa;
	/* Once for every TOP_ROWS that were taken. */
	if (table->count == 2 * TOP_ROWS)
		sort(table);
}

void top_table_sort(struct top_table *table, const struct top_order *order)
{
	table->order = *order;
	sort(table);
}
