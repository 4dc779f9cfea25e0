/* SPDX-License-Identifier: GPL-2.0 */
/* The way in from the wire. */
#ifndef IKEFP_DEMUX_H
#define IKEFP_DEMUX_H

#include "stream_io.h"

struct list_head;
struct sk_buff;
struct sock;

int ikefp_demux_receive(struct sock *sk, struct sk_buff *skb);
struct sk_buff *ikefp_demux_gro_receive(struct sock *sk, struct list_head *held,
					struct sk_buff *skb);
enum ikefp_stream_verdict ikefp_demux_receive_framed(struct ikefp_stream *stream,
						     struct sk_buff *skb);

#endif
