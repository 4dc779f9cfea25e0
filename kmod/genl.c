// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ikefp.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "genl.h"

#include <uapi/linux/ikefp.h>

/* Common nested types */
const struct nla_policy ikefp_keys_nl_policy[IKEFP_A_KEYS_SK_AR + 1] = {
	[IKEFP_A_KEYS_ENCR] = { .type = NLA_U16, },
	[IKEFP_A_KEYS_INTEG] = { .type = NLA_U16, },
	[IKEFP_A_KEYS_SK_EI] = { .type = NLA_BINARY, },
	[IKEFP_A_KEYS_SK_ER] = { .type = NLA_BINARY, },
	[IKEFP_A_KEYS_SK_AI] = { .type = NLA_BINARY, },
	[IKEFP_A_KEYS_SK_AR] = { .type = NLA_BINARY, },
};

const struct nla_policy ikefp_retransmit_nl_policy[IKEFP_A_POLICY_GIVE_UP_MS + 1] = {
	[IKEFP_A_POLICY_RTO_INITIAL_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_RTO_MIN_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_RTO_MAX_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_BACKOFF_PERCENT] = NLA_POLICY_RANGE(NLA_U32, 100, 1000),
	[IKEFP_A_POLICY_JITTER_PERCENT] = NLA_POLICY_MAX(NLA_U32, 100),
	[IKEFP_A_POLICY_TRIES] = NLA_POLICY_MAX(NLA_U32, 1000),
	[IKEFP_A_POLICY_GIVE_UP_MS] = NLA_POLICY_MIN(NLA_U32, 10),
};

/* IKEFP_CMD_LISTENER_ADD - do */
const struct nla_policy ikefp_listener_add_nl_policy[IKEFP_A_LISTENER_PORT + 1] = {
	[IKEFP_A_LISTENER_KIND] = NLA_POLICY_MAX(NLA_U8, 1),
	[IKEFP_A_LISTENER_FAMILY] = { .type = NLA_U16, },
	[IKEFP_A_LISTENER_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_LISTENER_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_LISTENER_PORT] = { .type = NLA_U16, },
};

/* IKEFP_CMD_LISTENER_DEL - do */
const struct nla_policy ikefp_listener_del_nl_policy[IKEFP_A_LISTENER_PORT + 1] = {
	[IKEFP_A_LISTENER_FAMILY] = { .type = NLA_U16, },
	[IKEFP_A_LISTENER_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_LISTENER_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_LISTENER_PORT] = { .type = NLA_U16, },
};

/* IKEFP_CMD_LISTENER_GET - do */
const struct nla_policy ikefp_listener_get_nl_policy[IKEFP_A_LISTENER_PORT + 1] = {
	[IKEFP_A_LISTENER_FAMILY] = { .type = NLA_U16, },
	[IKEFP_A_LISTENER_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_LISTENER_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_LISTENER_PORT] = { .type = NLA_U16, },
};

/* IKEFP_CMD_WORKER_ATTACH - do */
const struct nla_policy ikefp_worker_attach_nl_policy[IKEFP_A_WORKER_ONLY + 1] = {
	[IKEFP_A_WORKER_ONLY] = { .type = NLA_FLAG, },
};

/* IKEFP_CMD_SA_NEW - do */
const struct nla_policy ikefp_sa_new_nl_policy[IKEFP_A_SA_DSCP + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_LOCAL_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_SA_LOCAL_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_SA_LOCAL_PORT] = { .type = NLA_U16, },
	[IKEFP_A_SA_REMOTE_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_SA_REMOTE_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_SA_REMOTE_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[IKEFP_A_SA_IFINDEX] = { .type = NLA_U32, },
	[IKEFP_A_SA_WORKER] = { .type = NLA_U32, },
	[IKEFP_A_SA_STREAM] = { .type = NLA_U32, },
	[IKEFP_A_SA_DSCP] = NLA_POLICY_MAX(NLA_U8, 63),
};

/* IKEFP_CMD_SA_SET - do */
const struct nla_policy ikefp_sa_set_nl_policy[IKEFP_A_SA_DSCP + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_PEER_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_STATE] = NLA_POLICY_MAX(NLA_U8, 2),
	[IKEFP_A_SA_LOCAL_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_SA_LOCAL_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_SA_LOCAL_PORT] = { .type = NLA_U16, },
	[IKEFP_A_SA_REMOTE_IPV4] = { .type = NLA_U32, },
	[IKEFP_A_SA_REMOTE_IPV6] = NLA_POLICY_EXACT_LEN(16),
	[IKEFP_A_SA_REMOTE_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[IKEFP_A_SA_IFINDEX] = { .type = NLA_U32, },
	[IKEFP_A_SA_KEYS] = NLA_POLICY_NESTED(ikefp_keys_nl_policy),
	[IKEFP_A_SA_STASH] = { .type = NLA_BINARY, },
	[IKEFP_A_SA_FRAGMENT_SIZE] = { .type = NLA_U32, },
	[IKEFP_A_SA_BEHIND_NAT] = NLA_POLICY_MAX(NLA_U8, 1),
	[IKEFP_A_SA_FOLLOW] = NLA_POLICY_MAX(NLA_U8, 1),
	[IKEFP_A_SA_LIVENESS_MS] = { .type = NLA_U32, },
	[IKEFP_A_SA_ESP_SPIS] = { .type = NLA_BINARY, },
	[IKEFP_A_SA_WINDOW_IN] = { .type = NLA_U32, },
	[IKEFP_A_SA_WINDOW_OUT] = { .type = NLA_U32, },
	[IKEFP_A_SA_STREAM] = { .type = NLA_U32, },
	[IKEFP_A_SA_RETRANSMIT] = NLA_POLICY_NESTED(ikefp_retransmit_nl_policy),
	[IKEFP_A_SA_ESP_MARKS] = { .type = NLA_BINARY, },
	[IKEFP_A_SA_DSCP] = NLA_POLICY_MAX(NLA_U8, 63),
};

/* IKEFP_CMD_SA_DEL - do */
const struct nla_policy ikefp_sa_del_nl_policy[IKEFP_A_SA_SPI + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
};

/* IKEFP_CMD_SA_GET - do */
const struct nla_policy ikefp_sa_get_nl_policy[IKEFP_A_SA_SPI + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
};

/* IKEFP_CMD_MESSAGE_SEND - do */
const struct nla_policy ikefp_message_send_nl_policy[IKEFP_A_MESSAGE_PAYLOAD + 1] = {
	[IKEFP_A_MESSAGE_SPI] = { .type = NLA_U64, },
	[IKEFP_A_MESSAGE_EXCHANGE_TYPE] = { .type = NLA_U8, },
	[IKEFP_A_MESSAGE_MESSAGE_ID] = { .type = NLA_U32, },
	[IKEFP_A_MESSAGE_RAW] = { .type = NLA_FLAG, },
	[IKEFP_A_MESSAGE_RESPONSE] = { .type = NLA_FLAG, },
	[IKEFP_A_MESSAGE_FIRST_PAYLOAD] = { .type = NLA_U8, },
	[IKEFP_A_MESSAGE_PAYLOAD] = { .type = NLA_BINARY, },
};

/* IKEFP_CMD_POLICY_SET - do */
const struct nla_policy ikefp_policy_set_nl_policy[IKEFP_A_POLICY_MAX_STREAM_OCTETS + 1] = {
	[IKEFP_A_POLICY_RTO_INITIAL_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_RTO_MIN_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_RTO_MAX_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_BACKOFF_PERCENT] = NLA_POLICY_RANGE(NLA_U32, 100, 1000),
	[IKEFP_A_POLICY_JITTER_PERCENT] = NLA_POLICY_MAX(NLA_U32, 100),
	[IKEFP_A_POLICY_TRIES] = NLA_POLICY_MAX(NLA_U32, 1000),
	[IKEFP_A_POLICY_GIVE_UP_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_HALF_OPEN_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_LINGER_MS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_MAX_SAS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_MAX_HALF_OPEN] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_COOKIE_HALF_OPEN] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_COOKIE_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
	[IKEFP_A_POLICY_COOKIE_SECRET_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_SOURCE_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
	[IKEFP_A_POLICY_INIT_RATE] = NLA_POLICY_MIN(NLA_U32, 1),
	[IKEFP_A_POLICY_SOURCE_PREFIX_IPV4] = NLA_POLICY_MAX(NLA_U32, 32),
	[IKEFP_A_POLICY_SOURCE_PREFIX_IPV6] = NLA_POLICY_MAX(NLA_U32, 128),
	[IKEFP_A_POLICY_MAX_CACHE_OCTETS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_ORPHAN_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_MAX_WAITING_OCTETS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_MAX_STASH_OCTETS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_REASSEMBLY_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_KEEPALIVE_MS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_LIVENESS_MS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS] = NLA_POLICY_MIN(NLA_U32, 10),
	[IKEFP_A_POLICY_MAX_STREAMS] = { .type = NLA_U32, },
	[IKEFP_A_POLICY_MAX_STREAM_OCTETS] = { .type = NLA_U32, },
};

/* IKEFP_CMD_POLICY_GET - do */
const struct nla_policy ikefp_policy_get_nl_policy[IKEFP_A_POLICY_PAD + 1] = {
};

/* IKEFP_CMD_STATS_GET - do */
const struct nla_policy ikefp_stats_get_nl_policy[IKEFP_A_STATS_PAD + 1] = {
};

/* IKEFP_CMD_WORKER_GET - do */
const struct nla_policy ikefp_worker_get_nl_policy[IKEFP_A_WORKER_WORKER + 1] = {
	[IKEFP_A_WORKER_WORKER] = { .type = NLA_U32, },
};

/* IKEFP_CMD_SA_ADOPT - do */
const struct nla_policy ikefp_sa_adopt_nl_policy[IKEFP_A_SA_SPI + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
};

/* IKEFP_CMD_SA_REKEY - do */
const struct nla_policy ikefp_sa_rekey_nl_policy[IKEFP_A_SA_NEW_SPI + 1] = {
	[IKEFP_A_SA_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_NEW_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_PEER_SPI] = { .type = NLA_U64, },
	[IKEFP_A_SA_ROLE] = NLA_POLICY_MAX(NLA_U8, 1),
	[IKEFP_A_SA_KEYS] = NLA_POLICY_NESTED(ikefp_keys_nl_policy),
};

/* IKEFP_CMD_STREAM_ADD - do */
const struct nla_policy ikefp_stream_add_nl_policy[IKEFP_A_STREAM_WORKER + 1] = {
	[IKEFP_A_STREAM_FD] = { .type = NLA_U32, },
	[IKEFP_A_STREAM_ORIGINATOR] = NLA_POLICY_MAX(NLA_U8, 1),
	[IKEFP_A_STREAM_WORKER] = { .type = NLA_U32, },
};

/* IKEFP_CMD_STREAM_DEL - do */
const struct nla_policy ikefp_stream_del_nl_policy[IKEFP_A_STREAM_STREAM + 1] = {
	[IKEFP_A_STREAM_STREAM] = { .type = NLA_U32, },
};

/* IKEFP_CMD_STREAM_GET - do */
const struct nla_policy ikefp_stream_get_nl_policy[IKEFP_A_STREAM_STREAM + 1] = {
	[IKEFP_A_STREAM_STREAM] = { .type = NLA_U32, },
};

/* Ops table for ikefp */
const struct genl_ops ikefp_nl_ops[18] = {
	{
		.cmd		= IKEFP_CMD_LISTENER_ADD,
		.doit		= ikefp_nl_listener_add_doit,
		.policy		= ikefp_listener_add_nl_policy,
		.maxattr	= IKEFP_A_LISTENER_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_LISTENER_DEL,
		.doit		= ikefp_nl_listener_del_doit,
		.policy		= ikefp_listener_del_nl_policy,
		.maxattr	= IKEFP_A_LISTENER_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_LISTENER_GET,
		.doit		= ikefp_nl_listener_get_doit,
		.dumpit		= ikefp_nl_listener_get_dumpit,
		.policy		= ikefp_listener_get_nl_policy,
		.maxattr	= IKEFP_A_LISTENER_PORT,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_WORKER_ATTACH,
		.doit		= ikefp_nl_worker_attach_doit,
		.policy		= ikefp_worker_attach_nl_policy,
		.maxattr	= IKEFP_A_WORKER_ONLY,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_NEW,
		.doit		= ikefp_nl_sa_new_doit,
		.policy		= ikefp_sa_new_nl_policy,
		.maxattr	= IKEFP_A_SA_DSCP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_SET,
		.doit		= ikefp_nl_sa_set_doit,
		.policy		= ikefp_sa_set_nl_policy,
		.maxattr	= IKEFP_A_SA_DSCP,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_DEL,
		.doit		= ikefp_nl_sa_del_doit,
		.policy		= ikefp_sa_del_nl_policy,
		.maxattr	= IKEFP_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_GET,
		.doit		= ikefp_nl_sa_get_doit,
		.dumpit		= ikefp_nl_sa_get_dumpit,
		.policy		= ikefp_sa_get_nl_policy,
		.maxattr	= IKEFP_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_MESSAGE_SEND,
		.doit		= ikefp_nl_message_send_doit,
		.policy		= ikefp_message_send_nl_policy,
		.maxattr	= IKEFP_A_MESSAGE_PAYLOAD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_POLICY_SET,
		.doit		= ikefp_nl_policy_set_doit,
		.policy		= ikefp_policy_set_nl_policy,
		.maxattr	= IKEFP_A_POLICY_MAX_STREAM_OCTETS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_POLICY_GET,
		.doit		= ikefp_nl_policy_get_doit,
		.policy		= ikefp_policy_get_nl_policy,
		.maxattr	= IKEFP_A_POLICY_PAD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_STATS_GET,
		.doit		= ikefp_nl_stats_get_doit,
		.policy		= ikefp_stats_get_nl_policy,
		.maxattr	= IKEFP_A_STATS_PAD,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_WORKER_GET,
		.doit		= ikefp_nl_worker_get_doit,
		.dumpit		= ikefp_nl_worker_get_dumpit,
		.policy		= ikefp_worker_get_nl_policy,
		.maxattr	= IKEFP_A_WORKER_WORKER,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_ADOPT,
		.doit		= ikefp_nl_sa_adopt_doit,
		.policy		= ikefp_sa_adopt_nl_policy,
		.maxattr	= IKEFP_A_SA_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_SA_REKEY,
		.doit		= ikefp_nl_sa_rekey_doit,
		.policy		= ikefp_sa_rekey_nl_policy,
		.maxattr	= IKEFP_A_SA_NEW_SPI,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_STREAM_ADD,
		.doit		= ikefp_nl_stream_add_doit,
		.policy		= ikefp_stream_add_nl_policy,
		.maxattr	= IKEFP_A_STREAM_WORKER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_STREAM_DEL,
		.doit		= ikefp_nl_stream_del_doit,
		.policy		= ikefp_stream_del_nl_policy,
		.maxattr	= IKEFP_A_STREAM_STREAM,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= IKEFP_CMD_STREAM_GET,
		.doit		= ikefp_nl_stream_get_doit,
		.dumpit		= ikefp_nl_stream_get_dumpit,
		.policy		= ikefp_stream_get_nl_policy,
		.maxattr	= IKEFP_A_STREAM_STREAM,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
};

static const struct genl_multicast_group ikefp_nl_mcgrps[] = {
	[IKEFP_NLGRP_MONITOR] = { "monitor", },
};
