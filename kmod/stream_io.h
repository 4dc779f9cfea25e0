/* SPDX-License-Identifier: GPL-2.0 */
/* What a stream's work does with its socket. */
#ifndef IKEFP_STREAM_IO_H
#define IKEFP_STREAM_IO_H

#include "stream.h"

/* What became of a message that was read. */
enum ikefp_stream_verdict {
	IKEFP_STREAM_TAKEN, /* it was authentic, or may have been the first of an SA */
	IKEFP_STREAM_PASSED, /* that is somebody else's to know */
	IKEFP_STREAM_DROPPED,
	IKEFP_STREAM_NO_ROOM, /* for want of memory, or above a limit */
};

/*
 * Takes a message, which it consumes: what a UDP datagram would carry, in one piece, with room
 * for link, IP and UDP headers before it. BH disabled, under RCU.
 */
typedef enum ikefp_stream_verdict (*ikefp_stream_receive_fn)(struct ikefp_stream *stream,
							      struct sk_buff *skb);

int ikefp_stream_io_write(struct ikefp_stream *stream);
int ikefp_stream_io_read(struct ikefp_stream *stream, ikefp_stream_receive_fn receive);
void ikefp_stream_io_forget(struct ikefp_stream *stream);
bool ikefp_stream_io_finish(struct ikefp_stream *stream);

#endif
