// SPDX-License-Identifier: GPL-2.0
/* The family, and the commands for what is neither SA nor worker: listeners, settings. */

#include <linux/module.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "context.h"
#include "demux.h"
#include "flood.h"
#include "genl.h"
#include "listener.h"
#include "monitor.h"
#include "netlink.h"
#include "rtt_memory.h"
#include "upcall.h"

struct ikefp_context *(*ikefp_netlink_context)(const struct net *net);

static const struct genl_multicast_group groups[] = {
	[IKEFP_NLGRP_MONITOR] = {
		.name = IKEFP_MCGRP_MONITOR,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
};

struct genl_family ikefp_netlink_family __ro_after_init = {
	.name = IKEFP_FAMILY_NAME,
	.version = IKEFP_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = ikefp_nl_ops,
	.n_ops = ARRAY_SIZE(ikefp_nl_ops),
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
	.resv_start_op = IKEFP_CMD_LISTENER_ADD,
};

/* A worker is its socket: when that is closed, it is gone. */
static int socket_released(struct notifier_block *block, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;
	struct ikefp_context *ctx;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	ctx = ikefp_netlink_context(notify->net);
	if (ctx)
		ikefp_netlink_socket_closed(ctx, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block release_notifier = { .notifier_call = socket_released };

/**
 * ikefp_netlink_register() - open the family
 * @context: finds the context of a namespace, for as long as the family is open
 *
 * Context: module init.
 * Return: 0 or a negative errno.
 */
int ikefp_netlink_register(struct ikefp_context *(*context)(const struct net *net))
{
	int err;

	ikefp_netlink_context = context;
	ikefp_upcall_init(&ikefp_netlink_family);
	ikefp_monitor_init(&ikefp_netlink_family, IKEFP_NLGRP_MONITOR);
	err = netlink_register_notifier(&release_notifier);
	if (err)
		return err;
	err = genl_register_family(&ikefp_netlink_family);
	if (err)
		netlink_unregister_notifier(&release_notifier);
	return err;
}

/**
 * ikefp_netlink_unregister() - close the family
 *
 * On return no command runs. Upcalls may still go to a worker's open socket.
 *
 * Context: module exit.
 */
void ikefp_netlink_unregister(void)
{
	ikefp_monitor_exit();
	genl_unregister_family(&ikefp_netlink_family);
	netlink_unregister_notifier(&release_notifier);
}

static struct ikefp_context *context_of(struct genl_info *info)
{
	return ikefp_netlink_context(genl_info_net(info));
}

/* Listeners */

static int get_listener_key(const struct genl_info *info, struct ikefp_listener_key *key)
{
	struct nlattr *v4 = info->attrs[IKEFP_A_LISTENER_IPV4];
	struct nlattr *v6 = info->attrs[IKEFP_A_LISTENER_IPV6];

	memset(key, 0, sizeof(*key));
	if (!ikefp_netlink_has(info, IKEFP_A_LISTENER_FAMILY, "family is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_LISTENER_PORT, "port is missing"))
		return -EINVAL;
	key->family = nla_get_u16(info->attrs[IKEFP_A_LISTENER_FAMILY]);
	key->port = nla_get_be16(info->attrs[IKEFP_A_LISTENER_PORT]);
	if (key->family != AF_INET && key->family != AF_INET6) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_LISTENER_FAMILY],
				    "family is neither AF_INET nor AF_INET6");
		return -EAFNOSUPPORT;
	}
	if (!key->port) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_LISTENER_PORT],
				    "port is 0");
		return -EINVAL;
	}
	if ((v4 && key->family != AF_INET) || (v6 && key->family != AF_INET6)) {
		NL_SET_ERR_MSG_ATTR(info->extack, v4 ?: v6, "address is not of this family");
		return -EINVAL;
	}
	if (v4)
		key->addr.v4 = nla_get_in_addr(v4);
	if (v6)
		key->addr.v6 = nla_get_in6_addr(v6);
	return 0;
}

int ikefp_nl_listener_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct ikefp_listener_key key;
	enum ikefp_listener_kind kind;
	int err;

	if (!ikefp_netlink_has(info, IKEFP_A_LISTENER_KIND, "kind is missing"))
		return -EINVAL;
	err = get_listener_key(info, &key);
	if (err)
		return err;
	kind = nla_get_u8(info->attrs[IKEFP_A_LISTENER_KIND]);

	mutex_lock(&ctx->config_lock);
	err = ikefp_flood_begin(ctx) ?: ikefp_rtt_memory_begin(ctx);
	if (err)
		NL_SET_ERR_MSG(info->extack, "out of memory");
	else
		err = ikefp_listener_open(ctx, kind, &key, ikefp_demux_receive,
					  kind == IKEFP_LISTENER_KIND_NATT ?
						  ikefp_demux_gro_receive : NULL,
					  info->extack);
	if (!err)
		ikefp_monitor_listener(ctx, ikefp_listener_find(ctx, &key),
				       IKEFP_EVENT_KIND_LISTENER_ADDED);
	mutex_unlock(&ctx->config_lock);
	return err;
}

static int no_listener(const struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack, "no listener is bound to just this address and port");
	return -ENOENT;
}

int ikefp_nl_listener_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct ikefp_listener *listener;
	struct ikefp_listener_key key;
	int err;

	err = get_listener_key(info, &key);
	if (err)
		return err;
	mutex_lock(&ctx->config_lock);
	listener = ikefp_listener_find(ctx, &key);
	if (listener) {
		ikefp_monitor_listener(ctx, listener, IKEFP_EVENT_KIND_LISTENER_REMOVED);
		ikefp_listener_close(listener);
	}
	mutex_unlock(&ctx->config_lock);
	return listener ? 0 : no_listener(info);
}

static int put_listener(struct sk_buff *skb, const struct ikefp_listener *listener)
{
	static const struct ikefp_address any;

	if (nla_put_u8(skb, IKEFP_A_LISTENER_KIND, listener->kind) ||
	    nla_put_u16(skb, IKEFP_A_LISTENER_FAMILY, listener->family) ||
	    nla_put_be16(skb, IKEFP_A_LISTENER_PORT, listener->port))
		return -EMSGSIZE;
	if (!memcmp(&listener->addr, &any, sizeof(any)))
		return 0;
	if (listener->family == AF_INET)
		return nla_put_in_addr(skb, IKEFP_A_LISTENER_IPV4, listener->addr.v4);
	return nla_put_in6_addr(skb, IKEFP_A_LISTENER_IPV6, &listener->addr.v6);
}

int ikefp_nl_listener_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	const struct ikefp_listener *listener;
	struct ikefp_listener_key key;
	struct sk_buff *reply;
	void *message;
	int err;

	err = get_listener_key(info, &key);
	if (err)
		return err;
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0,
				    IKEFP_CMD_LISTENER_GET);
	err = -EMSGSIZE;
	if (!message)
		goto free;
	rcu_read_lock();
	listener = ikefp_listener_find(ctx, &key);
	err = listener ? put_listener(reply, listener) : no_listener(info);
	rcu_read_unlock();
	if (err)
		goto free;
	genlmsg_end(reply, message);
	return genlmsg_reply(reply, info);

free:
	nlmsg_free(reply);
	return err;
}

int ikefp_nl_listener_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ikefp_context *ctx = ikefp_netlink_context(sock_net(skb->sk));
	const struct ikefp_listener *listener;
	long index = 0;

	mutex_lock(&ctx->config_lock);
	cb->seq = ctx->listener_generation + 1;
	list_for_each_entry(listener, &ctx->listeners, node) {
		void *message;

		if (index++ < cb->args[0])
			continue;
		message = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				      &ikefp_netlink_family, NLM_F_MULTI,
				      IKEFP_CMD_LISTENER_GET);
		if (!message)
			break;
		if (put_listener(skb, listener)) {
			genlmsg_cancel(skb, message);
			break;
		}
		genl_dump_check_consistent(cb, message);
		genlmsg_end(skb, message);
		cb->args[0] = index;
	}
	mutex_unlock(&ctx->config_lock);
	return skb->len;
}

/* Settings and counters */

static bool is_time(int setting)
{
	switch (setting) {
	case IKEFP_A_POLICY_RTO_INITIAL_MS:
	case IKEFP_A_POLICY_RTO_MIN_MS:
	case IKEFP_A_POLICY_RTO_MAX_MS:
	case IKEFP_A_POLICY_GIVE_UP_MS:
	case IKEFP_A_POLICY_HALF_OPEN_MS:
	case IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS:
	case IKEFP_A_POLICY_LINGER_MS:
	case IKEFP_A_POLICY_ORPHAN_MS:
	case IKEFP_A_POLICY_COOKIE_SECRET_MS:
	case IKEFP_A_POLICY_KEEPALIVE_MS:
	case IKEFP_A_POLICY_LIVENESS_MS:
	case IKEFP_A_POLICY_REASSEMBLY_MS:
		return true;
	default:
		return false;
	}
}

#define RATE_MAX 1000000u

static bool is_rate(int setting)
{
	switch (setting) {
	case IKEFP_A_POLICY_COOKIE_RATE:
	case IKEFP_A_POLICY_SOURCE_RATE:
	case IKEFP_A_POLICY_INIT_RATE:
		return true;
	default:
		return false;
	}
}

static int get_policy(const struct genl_info *info, struct ikefp_policy *policy)
{
	int i;

	for (i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++) {
		if (!info->attrs[i])
			continue;
		policy->value[i] = nla_get_u32(info->attrs[i]);
		if (is_time(i) && policy->value[i] > IKEFP_DAY_MS) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
					    "time is longer than a day");
			return -ERANGE;
		}
		if (is_rate(i) && policy->value[i] > RATE_MAX) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[i],
					    "rate is above a million a second");
			return -ERANGE;
		}
	}
	if (policy->value[IKEFP_A_POLICY_RTO_MAX_MS] < policy->value[IKEFP_A_POLICY_RTO_MIN_MS]) {
		NL_SET_ERR_MSG(info->extack, "rto-max-ms would be less than rto-min-ms");
		return -ERANGE;
	}
	return 0;
}

/**
 * ikefp_netlink_check_floor() - is a wait long enough
 * @skb: the request
 * @info: of the request
 * @attr: the wait, in milliseconds; 0, for ever; NULL, not given
 *
 * Timers that are due as often as they can be, of many SAs, leave a processor to nothing
 * else: only who may administer the host may have that.
 *
 * Return: 0, or -EPERM with extack.
 */
int ikefp_netlink_check_floor(const struct sk_buff *skb, const struct genl_info *info,
			      const struct nlattr *attr)
{
	if (!attr || !nla_get_u32(attr) || nla_get_u32(attr) >= IKEFP_LEAST_WAIT_MS ||
	    netlink_capable(skb, CAP_NET_ADMIN))
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "below 100 ms takes CAP_NET_ADMIN in the initial user namespace");
	return -EPERM;
}

/*
 * The memory and the time are everybody's: only who may administer the host has more of
 * them used.
 */
static int check_limits(struct sk_buff *skb, struct genl_info *info,
			const struct ikefp_policy *policy)
{
	static const int limits[] = {
		IKEFP_A_POLICY_MAX_SAS,
		IKEFP_A_POLICY_MAX_HALF_OPEN,
		IKEFP_A_POLICY_MAX_CACHE_OCTETS,
		IKEFP_A_POLICY_MAX_WAITING_OCTETS,
		IKEFP_A_POLICY_MAX_STASH_OCTETS,
		IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS,
		IKEFP_A_POLICY_MAX_STREAMS,
		IKEFP_A_POLICY_MAX_STREAM_OCTETS,
	};
	static const int waits[] = {
		IKEFP_A_POLICY_RTO_INITIAL_MS,
		IKEFP_A_POLICY_RTO_MIN_MS,
		IKEFP_A_POLICY_RTO_MAX_MS,
		IKEFP_A_POLICY_KEEPALIVE_MS,
		IKEFP_A_POLICY_LIVENESS_MS,
		IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS,
	};
	struct ikefp_policy unchanged;
	int i;

	for (i = 0; i < ARRAY_SIZE(waits); i++) {
		int err = ikefp_netlink_check_floor(skb, info, info->attrs[waits[i]]);

		if (err)
			return err;
	}
	ikefp_policy_init(&unchanged, genl_info_net(info)->user_ns == &init_user_ns);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		if (info->attrs[limits[i]] &&
		    policy->value[limits[i]] > unchanged.value[limits[i]] &&
		    !netlink_capable(skb, CAP_NET_ADMIN)) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[limits[i]],
					    "above the default takes CAP_NET_ADMIN in the initial user namespace");
			return -EPERM;
		}
	}
	return 0;
}

int ikefp_nl_policy_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct ikefp_policy policy;
	int err;
	int i;

	mutex_lock(&ctx->config_lock);
	policy = ctx->policy;
	err = get_policy(info, &policy);
	if (!err)
		err = check_limits(skb, info, &policy);
	if (!err) {
		for (i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++)
			WRITE_ONCE(ctx->policy.value[i], policy.value[i]);
	}
	mutex_unlock(&ctx->config_lock);
	return err;
}

int ikefp_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct sk_buff *reply;
	void *message;
	int i;

	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_POLICY_GET);
	if (!message)
		goto too_long;
	for (i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++) {
		if (nla_put_u32(reply, i, READ_ONCE(ctx->policy.value[i])))
			goto too_long;
	}
	genlmsg_end(reply, message);
	return genlmsg_reply(reply, info);

too_long:
	nlmsg_free(reply);
	return -EMSGSIZE;
}

static u64 counter(struct ikefp_context *ctx, int stat)
{
	u64 sum = 0;
	int cpu;

	switch (stat) {
	case IKEFP_A_STATS_SAS:
		return atomic_read(&ctx->sa_count);
	case IKEFP_A_STATS_HALF_OPEN:
		return atomic_read(&ctx->half_open_count);
	case IKEFP_A_STATS_CACHE_OCTETS:
		return atomic_long_read(&ctx->cache_octets);
	case IKEFP_A_STATS_WORKERS:
		return READ_ONCE(ctx->worker_count);
	case IKEFP_A_STATS_ORPHANS:
		return atomic_read(&ctx->orphan_count);
	case IKEFP_A_STATS_WAITING_OCTETS:
		return atomic_long_read(&ctx->waiting_octets);
	case IKEFP_A_STATS_STASH_OCTETS:
		return atomic_long_read(&ctx->stash_octets);
	case IKEFP_A_STATS_REASSEMBLY_OCTETS:
		return atomic_long_read(&ctx->reassembly_octets);
	case IKEFP_A_STATS_STREAMS:
		/* Not read at the same moment. */
		return max(atomic_read(&ctx->stream_count) - atomic_read(&ctx->streams_ending), 0);
	}
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(ctx->counters, cpu)->value[stat]);
	return sum;
}

int ikefp_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_context *ctx = context_of(info);
	struct sk_buff *reply;
	void *message;
	int i;

	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_STATS_GET);
	if (!message)
		goto too_long;
	for (i = IKEFP_A_STATS_PAD + 1; i <= IKEFP_A_STATS_MAX; i++) {
		if (nla_put_u64_64bit(reply, i, counter(ctx, i), IKEFP_A_STATS_PAD))
			goto too_long;
	}
	genlmsg_end(reply, message);
	return genlmsg_reply(reply, info);

too_long:
	nlmsg_free(reply);
	return -EMSGSIZE;
}
