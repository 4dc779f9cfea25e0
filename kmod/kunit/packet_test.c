// SPDX-License-Identifier: GPL-2.0
/* When an answer goes out in the packet that it answers, and that nothing stays of that. */

#include <kunit/test.h>
#include <linux/if_vlan.h>
#include <linux/skbuff.h>

#include "../packet.h"

#define HEADROOM 80
#define LEN 60

/* One from the wire, its headers pulled, of which all is set that may be. */
static struct sk_buff *received(struct kunit *test, unsigned int headroom, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(headroom + len, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_reserve(skb, headroom);
	memset(skb_put(skb, LEN), 0xa5, LEN);
	skb->ip_summed = CHECKSUM_UNNECESSARY;
	skb->csum_level = 1;
	skb->csum_valid = 1;
	skb->encapsulation = 1;
	skb->priority = 7;
	skb->mark = 8;
	skb->tstamp = 9;
	skb->skb_iif = 10;
	skb_set_hash(skb, 11, PKT_HASH_TYPE_L4);
	__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), 12);
	skb_set_dst_pending_confirm(skb, 1);
	skb_metadata_set(skb, 4);
	skb_hwtstamps(skb)->hwtstamp = 13;
#ifdef CONFIG_NETWORK_SECMARK
	skb->secmark = 14;
#endif
	return skb;
}

static void taken(struct kunit *test, unsigned int headroom)
{
	struct sk_buff *spare = received(test, headroom, HEADROOM + LEN), *given = spare;
	struct sk_buff other, *skb;

	/* As where it is one of several that came as one. */
	spare->next = &other;
	spare->prev = &other;
	skb = ikefp_packet_get(&spare, HEADROOM, LEN);
	KUNIT_ASSERT_PTR_EQ(test, skb, given);
	KUNIT_EXPECT_NULL(test, skb->next);
	KUNIT_EXPECT_NULL(test, skb->prev);
	KUNIT_EXPECT_EQ(test, skb_metadata_len(skb), 0);
	KUNIT_EXPECT_EQ(test, skb_hwtstamps(skb)->hwtstamp, 0);
#ifdef CONFIG_NETWORK_SECMARK
	KUNIT_EXPECT_EQ(test, skb->secmark, 0);
#endif
	KUNIT_EXPECT_NULL(test, spare);
	KUNIT_EXPECT_EQ(test, skb->len, 0);
	KUNIT_EXPECT_GE(test, skb_headroom(skb), HEADROOM);
	KUNIT_EXPECT_GE(test, skb_tailroom(skb), LEN);
	KUNIT_EXPECT_FALSE(test, skb->ip_summed);
	KUNIT_EXPECT_FALSE(test, skb->csum_level);
	KUNIT_EXPECT_FALSE(test, skb->csum_valid);
	KUNIT_EXPECT_FALSE(test, skb->encapsulation);
	KUNIT_EXPECT_EQ(test, skb->priority, 0);
	KUNIT_EXPECT_EQ(test, skb->mark, 0);
	KUNIT_EXPECT_EQ(test, skb->tstamp, 0);
	KUNIT_EXPECT_EQ(test, skb->skb_iif, 0);
	KUNIT_EXPECT_EQ(test, skb->hash, 0);
	KUNIT_EXPECT_FALSE(test, skb_vlan_tag_present(skb));
	KUNIT_EXPECT_FALSE(test, skb_get_dst_pending_confirm(skb));
	KUNIT_EXPECT_NULL(test, skb->dev);
	KUNIT_EXPECT_NULL(test, skb->destructor);
	kfree_skb(skb);
}

/* However much there is before its data. */
static void reused(struct kunit *test)
{
	taken(test, 0);
	taken(test, HEADROOM - 1);
	taken(test, HEADROOM);
	taken(test, HEADROOM + 100);
}

/* Another one is given, and the spare one is as it was. */
static void left_alone(struct kunit *test, struct sk_buff *spare, u32 len)
{
	struct sk_buff *given = spare, *skb = ikefp_packet_get(&spare, HEADROOM, len);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_PTR_EQ(test, spare, given);
	KUNIT_EXPECT_PTR_NE(test, skb, given);
	KUNIT_EXPECT_EQ(test, skb->len, 0);
	KUNIT_EXPECT_GE(test, skb_headroom(skb), HEADROOM);
	KUNIT_EXPECT_GE(test, skb_tailroom(skb), len);
	KUNIT_EXPECT_EQ(test, spare->len, LEN);
	KUNIT_EXPECT_EQ(test, spare->mark, 8);
	kfree_skb(skb);
}

static void not_reused(struct kunit *test)
{
	struct sk_buff *spare = received(test, HEADROOM, LEN), *other;

	/* It has no such room. */
	left_alone(test, spare, skb_end_offset(spare) - HEADROOM + 1);
	/* Somebody else has a clone, or holds it. */
	other = skb_clone(spare, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	left_alone(test, spare, LEN);
	kfree_skb(other);
	skb_get(spare);
	left_alone(test, spare, LEN);
	kfree_skb(spare);
	/* Its memory waits for a message about its time, or is borrowed from a program. */
	skb_shinfo(spare)->tx_flags = SKBTX_SW_TSTAMP;
	left_alone(test, spare, LEN);
	skb_shinfo(spare)->tx_flags = 0;
	skb_shinfo(spare)->gso_size = 100;
	left_alone(test, spare, LEN);
	skb_shinfo(spare)->gso_size = 0;
	/* It is of the reserve. */
	spare->pfmemalloc = 1;
	left_alone(test, spare, LEN);
	spare->pfmemalloc = 0;
	taken(test, HEADROOM);
	kfree_skb(spare);
}

static void in_pieces(struct kunit *test)
{
	struct sk_buff *spare = received(test, HEADROOM, LEN), *other;

	other = alloc_skb(LEN, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	skb_shinfo(spare)->frag_list = other;
	left_alone(test, spare, LEN);
	kfree_skb(spare);
}

static void none(struct kunit *test)
{
	struct sk_buff *spare = NULL, *skb = ikefp_packet_get(NULL, HEADROOM, LEN);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_GE(test, skb_headroom(skb), HEADROOM);
	kfree_skb(skb);
	skb = ikefp_packet_get(&spare, HEADROOM, LEN);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	kfree_skb(skb);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(reused),
	KUNIT_CASE(not_reused),
	KUNIT_CASE(in_pieces),
	KUNIT_CASE(none),
	{}
};

static struct kunit_suite suite = { .name = "packet", .test_cases = cases };

kunit_test_suite(suite);
