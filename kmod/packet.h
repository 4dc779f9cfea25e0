/* SPDX-License-Identifier: GPL-2.0 */
/* The packet that a datagram goes out in: a new one, or the one that it answers. */
#ifndef IKEFP_PACKET_H
#define IKEFP_PACKET_H

#include <linux/types.h>

struct sk_buff;

struct sk_buff *ikefp_packet_get(struct sk_buff **spare, u32 headroom, u32 len);

#endif
