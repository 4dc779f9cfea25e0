/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ikefp.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_IKEFP_GEN_H
#define _LINUX_IKEFP_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/ikefp.h>

/* Common nested types */
extern const struct nla_policy ikefp_keys_nl_policy[IKEFP_A_KEYS_SK_AR + 1];
extern const struct nla_policy ikefp_retransmit_nl_policy[IKEFP_A_POLICY_GIVE_UP_MS + 1];

extern const struct nla_policy ikefp_listener_add_nl_policy[IKEFP_A_LISTENER_PORT + 1];

extern const struct nla_policy ikefp_listener_del_nl_policy[IKEFP_A_LISTENER_PORT + 1];

extern const struct nla_policy ikefp_listener_get_nl_policy[IKEFP_A_LISTENER_PORT + 1];

extern const struct nla_policy ikefp_worker_attach_nl_policy[IKEFP_A_WORKER_ONLY + 1];

extern const struct nla_policy ikefp_sa_new_nl_policy[IKEFP_A_SA_DSCP + 1];

extern const struct nla_policy ikefp_sa_set_nl_policy[IKEFP_A_SA_DSCP + 1];

extern const struct nla_policy ikefp_sa_del_nl_policy[IKEFP_A_SA_SPI + 1];

extern const struct nla_policy ikefp_sa_get_nl_policy[IKEFP_A_SA_SPI + 1];

extern const struct nla_policy ikefp_message_send_nl_policy[IKEFP_A_MESSAGE_PAYLOAD + 1];

extern const struct nla_policy ikefp_policy_set_nl_policy[IKEFP_A_POLICY_MAX_STREAM_OCTETS + 1];

extern const struct nla_policy ikefp_policy_get_nl_policy[IKEFP_A_POLICY_PAD + 1];

extern const struct nla_policy ikefp_stats_get_nl_policy[IKEFP_A_STATS_PAD + 1];

extern const struct nla_policy ikefp_worker_get_nl_policy[IKEFP_A_WORKER_WORKER + 1];

extern const struct nla_policy ikefp_sa_adopt_nl_policy[IKEFP_A_SA_SPI + 1];

extern const struct nla_policy ikefp_sa_rekey_nl_policy[IKEFP_A_SA_NEW_SPI + 1];

extern const struct nla_policy ikefp_stream_add_nl_policy[IKEFP_A_STREAM_WORKER + 1];

extern const struct nla_policy ikefp_stream_del_nl_policy[IKEFP_A_STREAM_STREAM + 1];

extern const struct nla_policy ikefp_stream_get_nl_policy[IKEFP_A_STREAM_STREAM + 1];

/* Ops table for ikefp */
extern const struct genl_ops ikefp_nl_ops[18];

int ikefp_nl_listener_add_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_listener_del_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_listener_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_listener_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int ikefp_nl_worker_attach_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_new_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_set_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_del_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ikefp_nl_message_send_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_policy_set_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_worker_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_worker_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int ikefp_nl_sa_adopt_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_sa_rekey_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_stream_add_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_stream_del_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_stream_get_doit(struct sk_buff *skb, struct genl_info *info);
int ikefp_nl_stream_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);

enum {
	IKEFP_NLGRP_MONITOR,
};

#endif /* _LINUX_IKEFP_GEN_H */
