// SPDX-License-Identifier: GPL-2.0
/* What a datagram is (RFC 3948 section 2), at each length at which that changes. */

#include <linux/ip.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/route.h>
#include <net/sock.h>

#include "../demux.h"
#include "fixture.h"

enum kind { KEEPALIVE, ESP, IKE, SHORT, UNANSWERABLE, KINDS };

static const int counters[KINDS] = {
	[KEEPALIVE] = IKEFP_A_STATS_RX_KEEPALIVE,
	[ESP] = IKEFP_A_STATS_RX_ESP,
	[IKE] = IKEFP_A_STATS_RX_MESSAGES,
	[SHORT] = IKEFP_A_STATS_DROP_SHORT,
	[UNANSWERABLE] = IKEFP_A_STATS_DROP_UNANSWERABLE,
};

struct datagram {
	const char *what;
	u8 len;
	u8 octets[40];
	enum kind ike; /* what it is for a listener without markers */
	enum kind natt; /* and for one with */
};

/* 28 octets of a header that is dropped for its version, and so counted nowhere here. */
#define OTHER_VERSION 0x10
#define VERSION_AT (IKEFP_MARKER_LEN + 17)

static const struct datagram datagrams[] = {
	{ "empty", 0, {}, SHORT, SHORT },
	{ "keepalive", 1, { 0xff }, SHORT, KEEPALIVE },
	{ "one octet, not a keepalive", 1, { 0xfe }, SHORT, SHORT },
	{ "one octet, zero", 1, { 0 }, SHORT, SHORT },
	{ "two octets", 2, { 0xff, 0xff }, SHORT, SHORT },
	{ "three octets", 3, { 0, 0, 0 }, SHORT, SHORT },
	{ "a marker", 4, { 0, 0, 0, 0 }, SHORT, SHORT },
	{ "a SPI", 4, { 1, 2, 3, 4 }, SHORT, SHORT },
	{ "an ESP header", 8, { 1, 2, 3, 4, 0, 0, 0, 1 }, SHORT, SHORT },
	{ "and an octet", 9, { 1, 2, 3, 4, 0, 0, 0, 1, 5 }, SHORT, ESP },
	{ "the lowest SPI", 9, { 0, 0, 0, 1, 0, 0, 0, 1, 5 }, SHORT, ESP },
	{ "the highest", 9, { 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 5 }, SHORT, ESP },
	{ "marker, short header", 31, { [VERSION_AT] = OTHER_VERSION }, IKE, SHORT },
	{ "marker, header", 32, { [VERSION_AT] = OTHER_VERSION }, IKE, IKE },
	{ "no marker, header", 28, { 1, [17] = OTHER_VERSION }, IKE, ESP },
};

static void name(const struct datagram *datagram, char *to)
{
	strscpy(to, datagram->what, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(datagram, datagrams, name);

/* A datagram as UDP hands it over: routed, its data at the UDP header. */
static struct sk_buff *skb_of(struct kunit *test, const struct datagram *datagram, __be32 to,
			      u16 source)
{
	const u32 headers_len = sizeof(struct iphdr) + sizeof(struct udphdr);
	struct flowi4 flow = { .daddr = to, .flowi4_oif = LOOPBACK_IFINDEX };
	struct sk_buff *skb = alloc_skb(headers_len + datagram->len, GFP_KERNEL);
	struct rtable *route;
	struct iphdr *ip;
	struct udphdr *udp;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	ip = skb_put_zero(skb, sizeof(*ip));
	udp = skb_put_zero(skb, sizeof(*udp));
	skb_put_data(skb, datagram->octets, datagram->len);
	ip->version = 4;
	ip->ihl = 5;
	ip->protocol = IPPROTO_UDP;
	ip->tot_len = htons(skb->len);
	ip->saddr = htonl(INADDR_LOOPBACK + 1);
	ip->daddr = to;
	udp->source = htons(source);
	udp->len = htons(sizeof(*udp) + datagram->len);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(*ip));
	skb_pull(skb, sizeof(*ip));
	skb->protocol = htons(ETH_P_IP);
	skb->dev = init_net.loopback_dev;
	route = ip_route_output_key(&init_net, &flow);
	if (IS_ERR(route)) {
		kfree_skb(skb);
		KUNIT_FAIL_AND_ABORT(test, "no route");
	}
	skb_dst_set(skb, &route->dst);
	return skb;
}

static void receive(struct ikefp_listener *listener, struct sk_buff *skb)
{
	local_bh_disable();
	rcu_read_lock();
	ikefp_demux_receive(listener->sock->sk, skb);
	rcu_read_unlock();
	local_bh_enable();
}

/* It was counted as what it is, once, and as nothing else. */
static void expect(struct kunit *test, const struct ikefp_context *ctx, enum kind kind)
{
	enum kind other;

	for (other = 0; other < KINDS; other++) {
		/* What has a marker is a message, also when it is too short for one. */
		if (kind == SHORT && other == IKE)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, fixture_count(ctx, counters[other]), other == kind,
				    "counter %d", counters[other]);
	}
}

static void on_ike(struct kunit *test)
{
	const struct datagram *datagram = test->param_value;
	struct ikefp_context *ctx = fixture_context(test);
	struct ikefp_listener *listener =
		fixture_listener(test, ctx, IKEFP_LISTENER_KIND_IKE, ikefp_demux_receive);

	receive(listener, skb_of(test, datagram, htonl(INADDR_LOOPBACK), 500));
	expect(test, ctx, datagram->ike);
}

static void on_natt(struct kunit *test)
{
	const struct datagram *datagram = test->param_value;
	struct ikefp_context *ctx = fixture_context(test);
	struct ikefp_listener *listener =
		fixture_listener(test, ctx, IKEFP_LISTENER_KIND_NATT, ikefp_demux_receive);

	receive(listener, skb_of(test, datagram, htonl(INADDR_LOOPBACK), 4500));
	expect(test, ctx, datagram->natt);
}

/* A message to many, or from a port that does not exist, is no message. */
static void unanswerable(struct kunit *test)
{
	static const struct datagram message = { "", 32, { [VERSION_AT] = OTHER_VERSION } };
	struct ikefp_context *ctx = fixture_context(test);
	struct ikefp_listener *listener =
		fixture_listener(test, ctx, IKEFP_LISTENER_KIND_NATT, ikefp_demux_receive);

	receive(listener, skb_of(test, &message, htonl(INADDR_LOOPBACK), 0));
	expect(test, ctx, UNANSWERABLE);
	receive(listener, skb_of(test, &message, htonl(INADDR_BROADCAST), 500));
	receive(listener, skb_of(test, &message, htonl(INADDR_ALLHOSTS_GROUP), 500));
	KUNIT_EXPECT_EQ(test, fixture_count(ctx, IKEFP_A_STATS_DROP_UNANSWERABLE), 3);
	KUNIT_EXPECT_EQ(test, fixture_count(ctx, IKEFP_A_STATS_RX_MESSAGES), 0);
}

/* The listener is on its way out: nothing is counted in what may be gone. */
static void closed(struct kunit *test)
{
	struct ikefp_context *ctx = fixture_context(test);
	struct ikefp_listener *listener =
		fixture_listener(test, ctx, IKEFP_LISTENER_KIND_NATT, ikefp_demux_receive);
	struct sock *sk = listener->sock->sk;
	enum kind kind;
	size_t i;

	rcu_assign_sk_user_data(sk, NULL);
	for (i = 0; i < ARRAY_SIZE(datagrams); i++)
		receive(listener, skb_of(test, &datagrams[i], htonl(INADDR_LOOPBACK), 500));
	for (kind = 0; kind < KINDS; kind++)
		KUNIT_EXPECT_EQ(test, fixture_count(ctx, counters[kind]), 0);
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM(on_ike, datagram_gen_params),
	KUNIT_CASE_PARAM(on_natt, datagram_gen_params),
	KUNIT_CASE(unanswerable),
	KUNIT_CASE(closed),
	{}
};

static struct kunit_suite suite = { .name = "demux", .test_cases = cases };

kunit_test_suite(suite);
