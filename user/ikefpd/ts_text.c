// SPDX-License-Identifier: GPL-2.0
/* Traffic selectors as swanctl.conf writes them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ts.h"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{ "icmp", IPPROTO_ICMP }, { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP },
	{ "ipv6-icmp", IPPROTO_ICMPV6 }, { "icmpv6", IPPROTO_ICMPV6 },
	{ "gre", IPPROTO_GRE }, { "sctp", IPPROTO_SCTP },
};

static bool parse_number(const char *text, unsigned long max, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoul(text, &end, 10);
	return !*end && !errno && *value <= max;
}

static bool parse_protocol(const char *text, uint8_t *protocol)
{
	struct protoent *entry;
	unsigned long v;
	size_t i;

	if (!*text || !strcmp(text, "any")) {
		*protocol = 0;
		return true;
	}
	if (parse_number(text, 255, &v)) {
		*protocol = v;
		return true;
	}
	for (i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		if (!strcmp(protocols[i].name, text)) {
			*protocol = protocols[i].number;
			return true;
		}
	}
	entry = getprotobyname(text);
	if (!entry || entry->p_proto > 255)
		return false;
	*protocol = entry->p_proto;
	return true;
}

/* ICMP: a type, or type and code as type << 8 | code, as strongSwan takes it. */
static bool parse_ports(char *text, struct ts *ts)
{
	bool icmp = ts->protocol == IPPROTO_ICMP || ts->protocol == IPPROTO_ICMPV6;
	char *dash = strchr(text, '-');
	unsigned long from, to;
	struct servent *entry;

	if (!*text || !strcmp(text, "any"))
		return true;
	if (!strcmp(text, "opaque")) {
		ts->start_port = 65535;
		ts->end_port = 0;
		return true;
	}
	if (parse_number(text, 65535, &from)) {
		ts->start_port = from;
		ts->end_port = from;
		if (icmp && from < 256) {
			ts->start_port = from << 8;
			ts->end_port = from << 8 | 0xff;
		}
		return true;
	}
	if (dash) {
		*dash = '\0';
		if (!parse_number(text, 65535, &from) ||
		    !parse_number(dash + 1, 65535, &to) || from > to)
			return false;
		ts->start_port = icmp && from < 256 ? from << 8 : from;
		ts->end_port = icmp && to < 256 ? to << 8 | 0xff : to;
		return true;
	}
	entry = getservbyname(text, NULL);
	if (!entry)
		return false;
	ts->start_port = ntohs(entry->s_port);
	ts->end_port = ts->start_port;
	return true;
}

static int parse_addr(const char *text, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (inet_pton(AF_INET, text, addr) == 1)
		return AF_INET;
	if (inet_pton(AF_INET6, text, addr) == 1)
		return AF_INET6;
	return AF_UNSPEC;
}

static int parse_range(struct ts *ts, char *text, const char **why)
{
	char *slash = strchr(text, '/'), *dash = strchr(text, '-');
	unsigned long prefix;
	unsigned int bits, i;

	if (slash)
		*slash = '\0';
	else if (dash)
		*dash = '\0';
	ts->family = parse_addr(text, ts->start);
	if (ts->family == AF_UNSPEC) {
		*why = "not a numeric address";
		return -EINVAL;
	}
	bits = ts->family == AF_INET ? 32 : 128;
	memcpy(ts->end, ts->start, sizeof(ts->end));
	if (slash) {
		if (!parse_number(slash + 1, bits, &prefix)) {
			*why = "the prefix length is not a number in range";
			return -EINVAL;
		}
		for (i = prefix; i < bits; i++) {
			ts->start[i / 8] &= ~(0x80 >> i % 8);
			ts->end[i / 8] |= 0x80 >> i % 8;
		}
	} else if (dash) {
		if (parse_addr(dash + 1, ts->end) != ts->family ||
		    memcmp(ts->start, ts->end, bits / 8) > 0) {
			*why = "the range does not end in a higher address of the same family";
			return -EINVAL;
		}
	}
	return 0;
}

int ts_parse(struct ts *ts, const char *text, const char **why)
{
	char copy[TS_STRLEN], *bracket, *end, *slash;

	memset(ts, 0, sizeof(*ts));
	ts->end_port = 65535;
	if (strlen(text) >= sizeof(copy)) {
		*why = "too long";
		return -EINVAL;
	}
	strcpy(copy, text);
	bracket = strchr(copy, '[');
	if (bracket) {
		*bracket++ = '\0';
		end = strchr(bracket, ']');
		if (!end || end[1]) {
			*why = "no ] at the end";
			return -EINVAL;
		}
		*end = '\0';
		slash = strchr(bracket, '/');
		if (slash)
			*slash++ = '\0';
		if (!parse_protocol(bracket, &ts->protocol)) {
			*why = "the protocol is not known";
			return -EINVAL;
		}
		if (slash && !parse_ports(slash, ts)) {
			*why = "the port is not known";
			return -EINVAL;
		}
	}
	if (!strcmp(copy, "dynamic")) {
		ts->dynamic = true;
		return 0;
	}
	return parse_range(ts, copy, why);
}

const char *ts_str(const struct ts *ts, char buf[TS_STRLEN])
{
	char start[INET6_ADDRSTRLEN] = "?", end[INET6_ADDRSTRLEN] = "?";
	const char *name = NULL;
	uint8_t network[16];
	unsigned int prefix;
	size_t len, i;
	bool exact;

	if (ts->dynamic) {
		snprintf(buf, TS_STRLEN, "dynamic");
	} else {
		inet_ntop(ts->family, ts->start, start, sizeof(start));
		inet_ntop(ts->family, ts->end, end, sizeof(end));
		prefix = ts_to_prefix(ts, network, &exact);
		if (exact)
			snprintf(buf, TS_STRLEN, "%s/%u", start, prefix);
		else
			snprintf(buf, TS_STRLEN, "%s..%s", start, end);
	}
	if (!ts->protocol && ts->start_port == 0 && ts->end_port == 65535)
		return buf;

	len = strlen(buf);
	for (i = 0; !name && i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].number == ts->protocol)
			name = protocols[i].name;
	if (name)
		len += snprintf(buf + len, TS_STRLEN - len, "[%s", name);
	else if (ts->protocol)
		len += snprintf(buf + len, TS_STRLEN - len, "[%u", ts->protocol);
	else
		len += snprintf(buf + len, TS_STRLEN - len, "[");
	if (ts->start_port > ts->end_port)
		len += snprintf(buf + len, TS_STRLEN - len, "/opaque");
	else if (ts->start_port == ts->end_port)
		len += snprintf(buf + len, TS_STRLEN - len, "/%u", ts->start_port);
	else if (ts->start_port || ts->end_port != 65535)
		len += snprintf(buf + len, TS_STRLEN - len, "/%u-%u", ts->start_port,
				ts->end_port);
	snprintf(buf + len, TS_STRLEN - len, "]");
	return buf;
}

const char *ts_list_str(const struct ts_list *list, char *buf, size_t len)
{
	char text[TS_STRLEN];
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < list->n && used < len; i++)
		used += snprintf(buf + used, len - used, "%s%s", i ? " " : "",
				 ts_str(&list->v[i], text));
	return buf;
}
