// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for network devices that do ESP, for virtual machines, which have none, and
 * kernels without netdevsim: it gives a device that there is already what XFRM asks such a
 * one for, and counts what it is asked. What it has been told to encrypt the kernel does
 * after all, as the packet leaves, for the device does not claim NETIF_F_HW_ESP; with
 * OFFLOAD_PACKET, where the kernel leaves packets as they are, nothing does, and what the
 * policies that it has been given want protected it drops, going out and coming in. As any device
 * it looks at packets alone: what socket one is from or for it does not know.
 *
 * In /sys/module/esp_offload/parameters: a name written to "device" makes that one of the
 * writer's network namespace do ESP; "does" is what all of them do from then on: "nothing",
 * "crypto", "states" (of whole packets, but no policies), "portless" (no policies of ports) or
 * "packet"; "asked" tells of what they have now, and of packets that they dropped, and that were
 * theirs, so far. It cannot be unloaded: devices, and what XFRM has yet to free, go on pointing to
 * it.
 */
#include <linux/atomic.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/version.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

enum does {
	DOES_NOTHING,
	DOES_CRYPTO,
	DOES_STATES,
	DOES_PORTLESS,
	DOES_PACKET
};

static const char * const words[] = {
	[DOES_NOTHING] = "nothing",
	[DOES_CRYPTO] = "crypto",
	[DOES_STATES] = "states",
	[DOES_PORTLESS] = "portless",
	[DOES_PACKET] = "packet",
};

static int does = DOES_PACKET;
static atomic_t states, policies, packets, dropped;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
static bool wants_packets(const struct xfrm_state *x)
{
	return x->xso.type == XFRM_DEV_OFFLOAD_PACKET;
}
#else
static bool wants_packets(const struct xfrm_state *x)
{
	return false;
}
#endif

static int add_state(struct xfrm_state *x, struct netlink_ext_ack *extack)
{
	if (does == DOES_NOTHING) {
		NL_SET_ERR_MSG(extack, "the stand-in does no ESP");
		return -EINVAL;
	}
	if (wants_packets(x) && does == DOES_CRYPTO) {
		NL_SET_ERR_MSG(extack, "the stand-in does no whole packets");
		return -EINVAL;
	}
	x->xso.offload_handle = 1;
	atomic_inc(&states);
	return 0;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
static int add_state_untold(struct xfrm_state *x)
{
	return add_state(x, NULL);
}
#endif

static void delete_state(struct xfrm_state *x)
{
	atomic_dec(&states);
}

static bool is_mine(struct sk_buff *skb, struct xfrm_state *x)
{
	atomic_inc(&packets);
	return true;
}

static void advance_esn(struct xfrm_state *x)
{
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
struct given_policy {
	struct list_head list;
	const struct xfrm_policy *policy;
};

static LIST_HEAD(given);
static DEFINE_SPINLOCK(given_lock);

static int add_policy(struct xfrm_policy *x, struct netlink_ext_ack *extack)
{
	struct given_policy *g;

	if (does < DOES_PORTLESS) {
		NL_SET_ERR_MSG(extack, "the stand-in does no policies");
		return -EINVAL;
	}
	if (does == DOES_PORTLESS && (x->selector.sport_mask || x->selector.dport_mask)) {
		NL_SET_ERR_MSG(extack, "the stand-in does no ports");
		return -EOPNOTSUPP;
	}
	g = kmalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->policy = x;
	spin_lock_bh(&given_lock);
	list_add(&g->list, &given);
	spin_unlock_bh(&given_lock);
	atomic_inc(&policies);
	return 0;
}

static void delete_policy(struct xfrm_policy *x)
{
	struct given_policy *g;

	spin_lock_bh(&given_lock);
	list_for_each_entry(g, &given, list) {
		if (g->policy == x) {
			list_del(&g->list);
			kfree(g);
			break;
		}
	}
	spin_unlock_bh(&given_lock);
	atomic_dec(&policies);
}

struct packet {
	u16 family;
	u8 protocol;
	xfrm_address_t saddr, daddr;
	__be16 ports[2];		/* of UDP and TCP */
};

/* False: of no interest. */
static bool read_packet(const struct sk_buff *skb, struct packet *p)
{
	int offset = skb_network_offset(skb);
	struct ipv6hdr ip6;
	struct iphdr ip;

	memset(p, 0, sizeof(*p));
	if (skb->protocol == htons(ETH_P_IP)) {
		if (skb_copy_bits(skb, offset, &ip, sizeof(ip)))
			return false;
		p->family = AF_INET;
		p->protocol = ip.protocol;
		p->saddr.a4 = ip.saddr;
		p->daddr.a4 = ip.daddr;
		offset += ip.ihl * 4;
	} else if (skb->protocol == htons(ETH_P_IPV6)) {
		if (skb_copy_bits(skb, offset, &ip6, sizeof(ip6)))
			return false;
		p->family = AF_INET6;
		p->protocol = ip6.nexthdr;
		p->saddr.in6 = ip6.saddr;
		p->daddr.in6 = ip6.daddr;
		offset += sizeof(ip6);
	} else {
		return false;
	}
	/* It is protected. */
	if (p->protocol == IPPROTO_ESP)
		return false;
	return (p->protocol != IPPROTO_UDP && p->protocol != IPPROTO_TCP) ||
	       !skb_copy_bits(skb, offset, p->ports, sizeof(p->ports));
}

static bool is_for(const struct xfrm_policy *x, const struct net_device *dev, u8 dir,
		   const struct packet *p)
{
	const struct xfrm_selector *sel = &x->selector;

	return x->xdo.dev == dev && x->xdo.dir == dir && sel->family == p->family &&
	       (!sel->ifindex || sel->ifindex == dev->ifindex) &&
	       (!sel->proto || sel->proto == p->protocol) &&
	       addr_match(&p->saddr, &sel->saddr, sel->prefixlen_s) &&
	       addr_match(&p->daddr, &sel->daddr, sel->prefixlen_d) &&
	       !((p->ports[0] ^ sel->sport) & sel->sport_mask) &&
	       !((p->ports[1] ^ sel->dport) & sel->dport_mask);
}

/* By the first of its policies, is it to be protected, and is not? */
static bool is_held(const struct sk_buff *skb, const struct net_device *dev, u8 dir)
{
	const struct xfrm_policy *first = NULL;
	const struct given_policy *g;
	struct packet p;
	bool held;

	if (!read_packet(skb, &p))
		return false;
	spin_lock_bh(&given_lock);
	list_for_each_entry(g, &given, list)
		if (is_for(g->policy, dev, dir, &p) &&
		    (!first || g->policy->priority < first->priority))
			first = g->policy;
	held = first && first->xfrm_nr;
	spin_unlock_bh(&given_lock);
	if (held)
		atomic_inc(&dropped);
	return held;
}

/* What the driver has, and the same with its transmit(). */
static const struct net_device_ops *filtered, *filtering;

static netdev_tx_t transmit(struct sk_buff *skb, struct net_device *dev)
{
	if (!is_held(skb, dev, XFRM_DEV_OFFLOAD_OUT))
		return filtered->ndo_start_xmit(skb, dev);
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static rx_handler_result_t receive(struct sk_buff **skb)
{
	if (!is_held(*skb, (*skb)->dev, XFRM_DEV_OFFLOAD_IN))
		return RX_HANDLER_PASS;
	kfree_skb(*skb);
	return RX_HANDLER_CONSUMED;
}

/* All devices are of one driver. */
static int filter(struct net_device *dev)
{
	typeof(transmit) **slot;

	if (!filtering) {
		filtering = kmemdup(dev->netdev_ops, sizeof(*filtering), GFP_KERNEL);
		if (!filtering)
			return -ENOMEM;
		slot = (void *)&filtering->ndo_start_xmit;
		*slot = transmit;
		filtered = dev->netdev_ops;
	}
	if (dev->netdev_ops != filtered)
		return -EBUSY;
	dev->netdev_ops = filtering;
	return netdev_rx_handler_register(dev, receive, NULL);
}
#else
static int filter(struct net_device *dev)
{
	return 0;
}
#endif

static const struct xfrmdev_ops ops = {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	.xdo_dev_state_add	= add_state,
	.xdo_dev_policy_add	= add_policy,
	.xdo_dev_policy_delete	= delete_policy,
#else
	.xdo_dev_state_add	= add_state_untold,
#endif
	.xdo_dev_state_delete	= delete_state,
	.xdo_dev_offload_ok	= is_mine,
	.xdo_dev_state_advance_esn = advance_esn,
};

static int set_device(const char *value, const struct kernel_param *kp)
{
	char name[IFNAMSIZ];
	struct net_device *dev;
	int err = -ENODEV;

	strscpy(name, value, sizeof(name));
	rtnl_lock();
	dev = __dev_get_by_name(current->nsproxy->net_ns, strim(name));
	if (dev) {
		err = dev->xfrmdev_ops && dev->xfrmdev_ops != &ops ? -EBUSY : 0;
		if (!err && !dev->xfrmdev_ops)
			err = filter(dev);
		if (!err)
			dev->xfrmdev_ops = &ops;
	}
	rtnl_unlock();
	return err;
}

static int set_does(const char *value, const struct kernel_param *kp)
{
	int word = sysfs_match_string(words, value);

	if (word < 0)
		return word;
	does = word;
	return 0;
}

static int get_does(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", words[does]);
}

static int get_asked(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "states %d policies %d dropped %d packets %d\n",
			  atomic_read(&states), atomic_read(&policies), atomic_read(&dropped),
			  atomic_read(&packets));
}

static const struct kernel_param_ops device_ops = { .set = set_device };
static const struct kernel_param_ops does_ops = { .set = set_does, .get = get_does };
static const struct kernel_param_ops asked_ops = { .get = get_asked };

module_param_cb(device, &device_ops, NULL, 0200);
module_param_cb(does, &does_ops, NULL, 0600);
module_param_cb(asked, &asked_ops, NULL, 0400);

static int __init esp_offload_init(void)
{
	return 0;
}
module_init(esp_offload_init);

MODULE_DESCRIPTION("Stand-in for network devices that do ESP, for tests");
MODULE_LICENSE("GPL");
