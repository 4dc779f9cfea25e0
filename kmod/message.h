/* SPDX-License-Identifier: GPL-2.0 */
/* The IKE message layer: what a message from the wire does to an SA. */
#ifndef IKEFP_MESSAGE_H
#define IKEFP_MESSAGE_H

#include <linux/types.h>

struct ikefp_context;
struct ikefp_path;
struct sk_buff;

int ikefp_message_receive(struct ikefp_context *ctx, struct sk_buff *skb,
			  const struct ikefp_path *path);

#endif
