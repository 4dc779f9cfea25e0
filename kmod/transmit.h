/* SPDX-License-Identifier: GPL-2.0 */
/* The way out to the wire. */
#ifndef IKEFP_TRANSMIT_H
#define IKEFP_TRANSMIT_H

#include <linux/types.h>

struct dst_entry;
struct ikefp_context;
struct ikefp_datagram;
struct ikefp_path;
struct sk_buff;

void ikefp_transmit_message(struct ikefp_context *ctx, const struct ikefp_path *path,
			    struct dst_entry *route, const struct ikefp_datagram *message,
			    struct sk_buff **spare);
int ikefp_transmit(struct ikefp_context *ctx, const struct ikefp_path *path,
		   struct dst_entry *route, const u8 *octets, u32 len, struct sk_buff **spare);
int ikefp_transmit_keepalive(struct ikefp_context *ctx, const struct ikefp_path *path,
			     struct dst_entry *route);

#endif
