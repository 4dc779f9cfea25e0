// SPDX-License-Identifier: GPL-2.0
/* Traffic selectors as XFRM has them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "selector.h"

/* A range of ports as the smallest value and mask that hold it. */
static void port_mask(const struct ts *ts, __be16 *port, __be16 *mask)
{
	uint16_t m = 0xffff;

	*port = 0;
	*mask = 0;
	if (ts->start_port > ts->end_port)
		return;
	while ((ts->start_port & m) != (ts->end_port & m))
		m <<= 1;
	*port = htons(ts->start_port & m);
	*mask = htons(m);
}

void selector_of(struct xfrm_selector *sel, const struct ts *src, const struct ts *dst)
{
	const struct ts *icmp;
	uint8_t prefix[16];
	bool exact;

	memset(sel, 0, sizeof(*sel));
	sel->family = src->family;
	sel->prefixlen_s = ts_to_prefix(src, prefix, &exact);
	memcpy(&sel->saddr, prefix, src->family == AF_INET ? 4 : 16);
	sel->prefixlen_d = ts_to_prefix(dst, prefix, &exact);
	memcpy(&sel->daddr, prefix, dst->family == AF_INET ? 4 : 16);
	sel->proto = src->protocol ? src->protocol : dst->protocol;
	port_mask(src, &sel->sport, &sel->sport_mask);
	port_mask(dst, &sel->dport, &sel->dport_mask);
	if ((sel->proto != IPPROTO_ICMP && sel->proto != IPPROTO_ICMPV6) ||
	    (!sel->sport_mask && !sel->dport_mask))
		return;
	/* ICMP: the kernel has the type for source port, the code for destination. */
	icmp = sel->sport_mask ? src : dst;
	sel->sport = htons(icmp->start_port >> 8);
	sel->sport_mask = htons(0xffff);
	sel->dport = htons(icmp->start_port & 0xff);
	sel->dport_mask = htons((icmp->start_port ^ icmp->end_port) & 0xff ? 0 : 0xffff);
	if (!sel->dport_mask)
		sel->dport = 0;
}

struct xfrm_policy_key selector_key(const struct xfrm_policy *p)
{
	struct xfrm_policy_key key;

	memset(&key, 0, sizeof(key));
	key.dir = p->dir;
	key.mark = p->mark;
	key.if_id = p->if_id;
	selector_of(&key.sel, &p->src_ts, &p->dst_ts);
	key.sel.ifindex = (int)p->interface;
	return key;
}
