/* SPDX-License-Identifier: GPL-2.0 */
/* The way in from the helper: the family and its commands. */
#ifndef IKEFP_NETLINK_H
#define IKEFP_NETLINK_H

#include <linux/types.h>
#include <uapi/linux/ikefp.h>

struct genl_info;
struct nlattr;
struct ikefp_context;
struct ikefp_crypto;
struct ikefp_sa;
struct net;
struct sk_buff;
struct work_struct;

/* Octets of all the attributes of an SA but its stash, with room to spare. */
#define IKEFP_SA_ATTRS_LEN 1472

/* @context: finds the context of a namespace. */
int ikefp_netlink_register(struct ikefp_context *(*context)(const struct net *net));
void ikefp_netlink_unregister(void);

extern struct genl_family ikefp_netlink_family;
extern struct ikefp_context *(*ikefp_netlink_context)(const struct net *net);

void ikefp_netlink_find_orphans(struct work_struct *work);
void ikefp_netlink_socket_closed(struct ikefp_context *ctx, u32 portid);
/* The shortest wait that every user namespace's root may set. */
#define IKEFP_LEAST_WAIT_MS 100

int ikefp_netlink_check_floor(const struct sk_buff *skb, const struct genl_info *info,
			      const struct nlattr *attr);
struct ikefp_sa *ikefp_netlink_get_sa(struct genl_info *info, int attribute);
u64 ikefp_netlink_get_spi(struct genl_info *info, int attribute);
struct ikefp_crypto *ikefp_netlink_get_keys(const struct genl_info *info, enum ikefp_role role);
int ikefp_netlink_enter_sa(struct ikefp_sa *sa);
int ikefp_netlink_creation_failed(const struct genl_info *info, int attribute, int err);
int ikefp_netlink_put_sa(struct sk_buff *skb, struct ikefp_sa *sa);

/*
 * Whether @attribute was given; if not, the caller's extack says so with @message and
 * with the attribute's type (NLMSGERR_ATTR_MISS_TYPE).
 */
#define ikefp_netlink_has(info, attribute, message) \
({ \
	const struct genl_info *__info = (info); \
	const int __type = (attribute); \
	bool __has = __info->attrs[__type]; \
	if (!__has) { \
		NL_SET_ERR_MSG(__info->extack, message); \
		NL_SET_ERR_ATTR_MISS(__info->extack, NULL, __type); \
	} \
	__has; \
})

#endif
