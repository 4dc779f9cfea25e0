// SPDX-License-Identifier: GPL-2.0
/*
 * A stand-in for network devices that do ESP, for virtual machines, which have none, and
 * kernels without netdevsim: it gives a device that there is already what XFRM asks such a
 * one for, and counts what it is asked. What it has been told to encrypt the kernel does
 * after all, as the packet leaves, for the device does not claim NETIF_F_HW_ESP; with
 * OFFLOAD_PACKET, where the kernel leaves packets as they are, nothing does.
 *
 * In /sys/module/esp_offload/parameters: a name written to "device" makes that one of the
 * writer's network namespace do ESP; "does" is what all of them do from then on: "nothing",
 * "crypto", "states" (of whole packets, but no policies) or "packet"; "asked" tells of what
 * they have now, and of packets that were theirs so far. It cannot be unloaded: devices, and
 * what XFRM has yet to free, go on pointing to it.
 */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <linux/version.h>
#include <net/net_namespace.h>
#include <net/xfrm.h>

enum does {
	DOES_NOTHING,
	DOES_CRYPTO,
	DOES_STATES,
	DOES_PACKET
};

static const char * const words[] = {
	[DOES_NOTHING] = "nothing",
	[DOES_CRYPTO] = "crypto",
	[DOES_STATES] = "states",
	[DOES_PACKET] = "packet",
};

static int does = DOES_PACKET;
static atomic_t states, policies, packets;

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
static int add_policy(struct xfrm_policy *x, struct netlink_ext_ack *extack)
{
	if (does != DOES_PACKET) {
		NL_SET_ERR_MSG(extack, "the stand-in does no policies");
		return -EINVAL;
	}
	atomic_inc(&policies);
	return 0;
}

static void delete_policy(struct xfrm_policy *x)
{
	atomic_dec(&policies);
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
	return sysfs_emit(buffer, "states %d policies %d packets %d\n", atomic_read(&states),
			  atomic_read(&policies), atomic_read(&packets));
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
