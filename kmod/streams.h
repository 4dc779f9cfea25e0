/* SPDX-License-Identifier: GPL-2.0 */
/* The streams of a namespace: how they come, what is looked after, and how they end. */
#ifndef IKEFP_STREAMS_H
#define IKEFP_STREAMS_H

#include "stream_io.h"

struct netlink_ext_ack;

/* Tells the stream's worker that it has ended. False: to be tried again. Process. */
typedef bool (*ikefp_stream_ended_fn)(struct ikefp_stream *stream);

void ikefp_streams_module_init(ikefp_stream_receive_fn receive, ikefp_stream_ended_fn ended);
int ikefp_streams_begin(struct ikefp_context *ctx);
int ikefp_streams_first(struct ikefp_context *ctx);
void ikefp_streams_came(struct ikefp_context *ctx);
void ikefp_streams_end(struct ikefp_context *ctx);
void ikefp_streams_exit(struct ikefp_context *ctx);

struct ikefp_stream *ikefp_streams_add(struct ikefp_context *ctx, struct socket *sock,
				       bool originator, u32 worker,
				       struct netlink_ext_ack *extack);
struct ikefp_stream *ikefp_streams_get(struct ikefp_context *ctx, u32 id);
struct ikefp_stream *ikefp_streams_get_next(struct ikefp_context *ctx, unsigned long *id);
void ikefp_streams_trust(struct ikefp_stream *stream);
void ikefp_streams_distrust(struct ikefp_stream *stream);
void ikefp_streams_adopt(struct ikefp_stream *stream, u32 worker);

#endif
