/* SPDX-License-Identifier: GPL-2.0 */
/* A path as netlink attributes, which several attribute sets have in the same order. */
#ifndef IKEFP_ATTRS_H
#define IKEFP_ATTRS_H

struct ikefp_path;
struct sk_buff;

int ikefp_put_path(struct sk_buff *skb, int local_ipv4, const struct ikefp_path *path);

#endif
