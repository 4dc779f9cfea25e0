// SPDX-License-Identifier: GPL-2.0
/* An IP address and a UDP port. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.h"

size_t endpoint_addr_len(const struct endpoint *e)
{
	switch (e->family) {
	case AF_INET:
		return 4;
	case AF_INET6:
		return 16;
	default:
		return 0;
	}
}

int endpoint_parse(struct endpoint *e, const char *text, uint16_t port)
{
	memset(e, 0, sizeof(*e));
	e->port = port;
	if (!strcmp(text, "%any"))
		e->family = AF_UNSPEC;
	else if (!strcmp(text, "%any4"))
		e->family = AF_INET;
	else if (!strcmp(text, "%any6"))
		e->family = AF_INET6;
	else if (inet_pton(AF_INET, text, e->addr) == 1)
		e->family = AF_INET;
	else if (inet_pton(AF_INET6, text, e->addr) == 1)
		e->family = AF_INET6;
	else
		return -EINVAL;
	return 0;
}

bool endpoint_same_addr(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr, endpoint_addr_len(a));
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return endpoint_same_addr(a, b) && a->port == b->port && a->stream == b->stream;
}

bool endpoint_is_any(const struct endpoint *e)
{
	static const uint8_t zero[16];

	return !memcmp(e->addr, zero, endpoint_addr_len(e));
}

const char *endpoint_addr_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN])
{
	if (endpoint_is_any(e))
		snprintf(buf, ENDPOINT_STRLEN, "%s",
			 e->family == AF_INET6 ? "%any6" : "%any");
	else if (!inet_ntop(e->family, e->addr, buf, ENDPOINT_STRLEN))
		snprintf(buf, ENDPOINT_STRLEN, "?");
	return buf;
}

const char *endpoint_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN])
{
	size_t len;

	endpoint_addr_str(e, buf);
	len = strlen(buf);
	snprintf(buf + len, ENDPOINT_STRLEN - len, "[%u]", e->port);
	return buf;
}

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = e->family;
	switch (e->family) {
	case AF_INET:
		sin->sin_port = htons(e->port);
		memcpy(&sin->sin_addr, e->addr, 4);
		return sizeof(*sin);
	case AF_INET6:
		sin6->sin6_port = htons(e->port);
		memcpy(&sin6->sin6_addr, e->addr, 16);
		return sizeof(*sin6);
	default:
		return 0;
	}
}

int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

	memset(e, 0, sizeof(*e));
	switch (sa->sa_family) {
	case AF_INET:
		e->port = ntohs(sin->sin_port);
		memcpy(e->addr, &sin->sin_addr, 4);
		break;
	case AF_INET6:
		e->port = ntohs(sin6->sin6_port);
		memcpy(e->addr, &sin6->sin6_addr, 16);
		break;
	default:
		return -EAFNOSUPPORT;
	}
	e->family = sa->sa_family;
	return 0;
}
