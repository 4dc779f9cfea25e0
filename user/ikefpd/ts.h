/* SPDX-License-Identifier: GPL-2.0 */
/* Traffic selectors: RFC 7296 sections 2.9 and 3.13. */
#ifndef IKEFPD_TS_H
#define IKEFPD_TS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "endpoint.h"

struct ts {
	sa_family_t family;	/* AF_INET, AF_INET6; AF_UNSPEC only if dynamic */
	bool dynamic;		/* "dynamic": the IKE SA's own address, see ts_resolve */
	uint8_t protocol;	/* 0: any */
	uint16_t start_port;	/* host order; 0..65535: any; 65535..0: OPAQUE */
	uint16_t end_port;
	uint8_t start[16];	/* network order */
	uint8_t end[16];
};

#define TS_MAX		32	/* of one side of a Child SA */
#define TS_STRLEN	(2 * INET6_ADDRSTRLEN + 32)

struct ts_list {
	unsigned int n;
	struct ts v[TS_MAX];
};

/* None. */
extern const struct ts_list ts_none;

/*
 * Keeps a copy of a list, in memory for as many as there are: such a one is read, and never
 * copied as a whole. *kept is &ts_none or what was kept before, which goes. Returns 0, or
 * -ENOMEM, and *kept is as before.
 */
int ts_keep(const struct ts_list **kept, const struct ts_list *list);
/* Frees it: *kept is &ts_none. */
void ts_drop(const struct ts_list **kept);
/* The other way round. */
void ts_copy(struct ts_list *to, const struct ts_list *kept);

/*
 * Reads a selector as swanctl.conf writes it: "10.0.0.0/24", "10.0.0.1",
 * "10.0.0.1-10.0.0.9", "2001:db8::/32" or "dynamic", each with an optional
 * "[proto/port]": "[tcp]", "[tcp/http]", "[udp/1000-2000]", "[/53]", "[17/opaque]".
 * Returns 0, or -EINVAL with *why pointing at a constant text.
 */
int ts_parse(struct ts *ts, const char *text, const char **why);

/* "10.0.0.0/24[tcp/80]", as strongSwan writes it. Returns buf. */
const char *ts_str(const struct ts *ts, char buf[TS_STRLEN]);
/* All of a list, with spaces between, cut where there are too many for buf. */
const char *ts_list_str(const struct ts_list *list, char *buf, size_t len);
bool ts_equal(const struct ts *a, const struct ts *b);

/* The list with every "dynamic" replaced by the address of e. */
void ts_resolve(struct ts_list *to, const struct ts_list *from,
		const struct endpoint *e);

/* The list with every "dynamic" replaced by all addresses of both families. */
void ts_resolve_any(struct ts_list *to, const struct ts_list *from);

/* Are they all of one single host, with whatever protocols and ports? Of this one? */
bool ts_of_one_host(const struct ts_list *list);
bool ts_of_host(const struct ts_list *list, const struct endpoint *e);
/* Each of them becomes this host's. */
void ts_replace_host(struct ts_list *list, const struct endpoint *e);

/*
 * What both lists cover: every non-empty intersection of a selector of a with
 * one of b, those inside another left out. RFC 7296 section 2.9. Returns the
 * number of selectors; 0 means TS_UNACCEPTABLE.
 */
unsigned int ts_narrow(struct ts_list *to, const struct ts_list *a,
		       const struct ts_list *b);
/* Is every selector of inner covered by one of outer? */
bool ts_within(const struct ts_list *inner, const struct ts_list *outer);

/* Body of a TS payload, its 4 octets of count and RESERVED included. */
void ts_write(struct buf *out, const struct ts_list *list);
/*
 * Reads it. Selectors of a type that is not known are left out, as are those
 * beyond TS_MAX. Returns 0 or -EBADMSG.
 */
int ts_read(struct ts_list *list, const uint8_t *body, size_t len);

/*
 * The smallest prefix that holds the whole range, and whether it is exact, for
 * an XFRM selector. Returns the prefix length; prefix takes the network.
 */
unsigned int ts_to_prefix(const struct ts *ts, uint8_t prefix[16], bool *exact);

#endif
