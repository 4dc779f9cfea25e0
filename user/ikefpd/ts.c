// SPDX-License-Identifier: GPL-2.0
/* Traffic selectors: RFC 7296 sections 2.9 and 3.13. The text form is ts_text.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ikev2.h"
#include "ts.h"

#define TS_HEADER	4	/* of the payload */
#define TS_V4_LEN	16	/* of one selector */
#define TS_V6_LEN	40

static size_t addr_len(const struct ts *ts)
{
	return ts->family == AF_INET ? 4 : 16;
}

static bool opaque(const struct ts *ts)
{
	return ts->start_port > ts->end_port;
}

bool ts_equal(const struct ts *a, const struct ts *b)
{
	return a->family == b->family && a->dynamic == b->dynamic &&
	       a->protocol == b->protocol && a->start_port == b->start_port &&
	       a->end_port == b->end_port &&
	       !memcmp(a->start, b->start, addr_len(a)) &&
	       !memcmp(a->end, b->end, addr_len(a));
}

const struct ts_list ts_none;

static size_t size_of(const struct ts_list *list)
{
	return offsetof(struct ts_list, v) + list->n * sizeof(list->v[0]);
}

int ts_keep(const struct ts_list **kept, const struct ts_list *list)
{
	struct ts_list *copy = malloc(size_of(list));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, list, size_of(list));
	ts_drop(kept);
	*kept = copy;
	return 0;
}

void ts_drop(const struct ts_list **kept)
{
	if (*kept != &ts_none)
		free((void *)*kept);
	*kept = &ts_none;
}

void ts_copy(struct ts_list *to, const struct ts_list *kept)
{
	memcpy(to, kept, size_of(kept));
}

void ts_resolve(struct ts_list *to, const struct ts_list *from,
		const struct endpoint *e)
{
	unsigned int i;

	*to = *from;
	for (i = 0; i < to->n; i++) {
		struct ts *ts = &to->v[i];

		if (!ts->dynamic)
			continue;
		ts->dynamic = false;
		ts->family = e->family;
		memcpy(ts->start, e->addr, sizeof(ts->start));
		memcpy(ts->end, e->addr, sizeof(ts->end));
	}
}

static void append(struct ts_list *list, const struct ts *ts)
{
	if (list->n < TS_MAX)
		list->v[list->n++] = *ts;
}

void ts_resolve_any(struct ts_list *to, const struct ts_list *from)
{
	unsigned int i;

	to->n = 0;
	for (i = 0; i < from->n; i++) {
		struct ts ts = from->v[i];

		if (ts.dynamic) {
			ts.dynamic = false;
			ts.family = AF_INET;
			memset(ts.start, 0, sizeof(ts.start));
			memset(ts.end, 0xff, sizeof(ts.end));
			append(to, &ts);
			ts.family = AF_INET6;
		}
		append(to, &ts);
	}
}

bool ts_of_one_host(const struct ts_list *list)
{
	const struct ts *first = &list->v[0];
	unsigned int i;

	for (i = 0; i < list->n; i++) {
		const struct ts *ts = &list->v[i];

		if (ts->dynamic || ts->family != first->family ||
		    memcmp(ts->start, first->start, addr_len(ts)) ||
		    memcmp(ts->end, first->start, addr_len(ts)))
			return false;
	}
	return list->n > 0;
}

bool ts_of_host(const struct ts_list *list, const struct endpoint *e)
{
	return ts_of_one_host(list) && list->v[0].family == e->family &&
	       !memcmp(list->v[0].start, e->addr, addr_len(&list->v[0]));
}

void ts_replace_host(struct ts_list *list, const struct endpoint *e)
{
	unsigned int i;

	for (i = 0; i < list->n; i++) {
		list->v[i].family = e->family;
		memcpy(list->v[i].start, e->addr, sizeof(list->v[i].start));
		memcpy(list->v[i].end, e->addr, sizeof(list->v[i].end));
	}
}

static bool intersect(struct ts *to, const struct ts *a, const struct ts *b)
{
	size_t len = addr_len(a);

	if (a->family != b->family || a->dynamic || b->dynamic)
		return false;
	if (a->protocol && b->protocol && a->protocol != b->protocol)
		return false;
	memset(to, 0, sizeof(*to));
	to->family = a->family;
	to->protocol = a->protocol ? a->protocol : b->protocol;

	/* OPAQUE (65535..0) is a part of ANY (0..65535) and of itself alone. */
	if (opaque(a) || opaque(b)) {
		const struct ts *other = opaque(a) ? b : a;

		if (!opaque(other) && (other->start_port || other->end_port != 65535))
			return false;
		to->start_port = 65535;
		to->end_port = 0;
	} else {
		to->start_port = a->start_port > b->start_port ? a->start_port :
								 b->start_port;
		to->end_port = a->end_port < b->end_port ? a->end_port : b->end_port;
		if (to->start_port > to->end_port)
			return false;
	}
	memcpy(to->start, memcmp(a->start, b->start, len) > 0 ? a->start : b->start,
	       len);
	memcpy(to->end, memcmp(a->end, b->end, len) < 0 ? a->end : b->end, len);
	return memcmp(to->start, to->end, len) <= 0;
}

static bool within(const struct ts *inner, const struct ts *outer)
{
	struct ts both;

	return intersect(&both, inner, outer) && ts_equal(&both, inner);
}

unsigned int ts_narrow(struct ts_list *to, const struct ts_list *a,
		       const struct ts_list *b)
{
	struct ts_list out = { 0 };
	unsigned int i, j, k, n;
	struct ts ts;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n; j++) {
			if (!intersect(&ts, &a->v[i], &b->v[j]))
				continue;
			for (k = 0; k < out.n; k++)
				if (within(&ts, &out.v[k]))
					break;
			if (k < out.n)
				continue;
			for (k = 0, n = 0; k < out.n; k++)
				if (!within(&out.v[k], &ts))
					out.v[n++] = out.v[k];
			out.n = n;
			if (out.n < TS_MAX)
				out.v[out.n++] = ts;
		}
	}
	*to = out;
	return to->n;
}

bool ts_within(const struct ts_list *inner, const struct ts_list *outer)
{
	unsigned int i, j;

	for (i = 0; i < inner->n; i++) {
		for (j = 0; j < outer->n; j++)
			if (within(&inner->v[i], &outer->v[j]))
				break;
		if (j == outer->n)
			return false;
	}
	return inner->n > 0;
}

void ts_write(struct buf *out, const struct ts_list *list)
{
	unsigned int i;

	buf_put8(out, list->n);
	buf_zero(out, TS_HEADER - 1);
	for (i = 0; i < list->n; i++) {
		const struct ts *ts = &list->v[i];
		bool v4 = ts->family == AF_INET;

		buf_put8(out, v4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		buf_put8(out, ts->protocol);
		buf_put16(out, v4 ? TS_V4_LEN : TS_V6_LEN);
		buf_put16(out, ts->start_port);
		buf_put16(out, ts->end_port);
		buf_put(out, ts->start, addr_len(ts));
		buf_put(out, ts->end, addr_len(ts));
	}
}

int ts_read(struct ts_list *list, const uint8_t *body, size_t len)
{
	unsigned int count;

	list->n = 0;
	if (len < TS_HEADER)
		return -EBADMSG;
	count = body[0];
	body += TS_HEADER;
	len -= TS_HEADER;
	if (!count)
		return -EBADMSG;
	for (; count; count--) {
		struct ts ts = { 0 };
		size_t total, addr;

		if (len < 8)
			return -EBADMSG;
		total = get16(body + 2);
		if (total < 8 || total > len)
			return -EBADMSG;
		if ((body[0] == TS_IPV4_ADDR_RANGE && total != TS_V4_LEN) ||
		    (body[0] == TS_IPV6_ADDR_RANGE && total != TS_V6_LEN))
			return -EBADMSG;
		if ((body[0] == TS_IPV4_ADDR_RANGE || body[0] == TS_IPV6_ADDR_RANGE) &&
		    list->n < TS_MAX) {
			ts.family = body[0] == TS_IPV4_ADDR_RANGE ? AF_INET : AF_INET6;
			ts.protocol = body[1];
			ts.start_port = get16(body + 4);
			ts.end_port = get16(body + 6);
			addr = addr_len(&ts);
			memcpy(ts.start, body + 8, addr);
			memcpy(ts.end, body + 8 + addr, addr);
			/* An empty range selects nothing. */
			if (memcmp(ts.start, ts.end, addr) <= 0 &&
			    (ts.start_port <= ts.end_port ||
			     (ts.start_port == 65535 && ts.end_port == 0)))
				list->v[list->n++] = ts;
		}
		body += total;
		len -= total;
	}
	return len ? -EBADMSG : 0;
}

unsigned int ts_to_prefix(const struct ts *ts, uint8_t prefix[16], bool *exact)
{
	unsigned int octets = addr_len(ts), len, i;
	uint8_t differ, rest;

	memset(prefix, 0, 16);
	*exact = true;
	for (i = 0; i < octets && ts->start[i] == ts->end[i]; i++)
		prefix[i] = ts->start[i];
	len = i * 8;
	if (i == octets)
		return len;
	/* The octet in which they part; and all ones after all zeros from there on. */
	differ = ts->start[i] ^ ts->end[i];
	for (; !(differ & 0x80); differ <<= 1)
		len++;
	rest = 0xff >> len % 8;
	prefix[i] = ts->start[i] & ~rest;
	*exact = !(ts->start[i] & rest) && (ts->end[i] & rest) == rest;
	for (i++; i < octets; i++)
		*exact = *exact && !ts->start[i] && ts->end[i] == 0xff;
	return len;
}
