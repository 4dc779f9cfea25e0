// SPDX-License-Identifier: GPL-2.0

#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "stream.h"
#include "stream_io.h"

/* Messages that are dropped, one after the other, before the stream is thought corrupt. */
#define DROPPED_MAX 16
/* Batches that are written, messages that are read, before others have a turn. */
#define TURNS 64
/* Of a message that is about to come. */
#define FIRST_ROOM 4096
/* Before a message, for the headers that it may get. */
#define HEADROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr) + 8)

/* So many octets of the batch have been taken. */
static void sent(struct ikefp_stream *stream, u32 octets)
{
	struct sk_buff *skb;

	while (octets && (skb = skb_peek(&stream->sending))) {
		u32 len = min(octets, skb->len);

		__skb_pull(skb, len);
		octets -= len;
		if (!skb->len) {
			__skb_unlink(skb, &stream->sending);
			consume_skb(skb);
		}
	}
}

static int reason_of(int err)
{
	return err == -ETIMEDOUT ? IKEFP_A_STATS_STREAMS_STALLED : IKEFP_A_STATS_STREAMS_LOST;
}

/**
 * ikefp_stream_io_write() - give the socket what it takes of what is to be sent
 * @stream: the stream
 *
 * Context: its work.
 * Return: 0, it has all, or takes no more now and will tell; -EINPROGRESS, there may be more;
 * or the counter of the reason to end (IKEFP_A_STATS_STREAMS_*).
 */
int ikefp_stream_io_write(struct ikefp_stream *stream)
{
	u32 turns;

	for (turns = 0; turns < TURNS; turns++) {
		struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
		struct kvec octets[IKEFP_STREAM_BATCH];
		struct sk_buff *skb;
		u32 count = 0;
		u32 len = 0;
		int taken;

		if (skb_queue_empty(&stream->sending))
			ikefp_stream_take_batch(stream);
		skb_queue_walk(&stream->sending, skb) {
			octets[count++] = (struct kvec){ skb->data, skb->len };
			len += skb->len;
		}
		if (!count)
			return 0;
		taken = kernel_sendmsg(stream->sock, &msg, octets, count, len);
		/* The socket tells when it has room. */
		if (taken == -EAGAIN)
			return 0;
		if (taken < 0)
			return reason_of(taken);
		sent(stream, taken);
	}
	return -EINPROGRESS;
}

/* More than 0: octets; -EAGAIN: there are none now; or a reason to end. */
static int read_octets(struct ikefp_stream *stream, void *to, u32 len, int *reason)
{
	struct msghdr msg = {};
	struct kvec octets = { to, len };
	int got = kernel_recvmsg(stream->sock, &msg, &octets, 1, len, MSG_DONTWAIT);

	if (got > 0)
		return got;
	*reason = got == -EAGAIN ? -EAGAIN : reason_of(got);
	return 0;
}

static void uncharge(struct ikefp_stream *stream)
{
	atomic_long_sub(stream->charged, &stream->ctx->stream_octets);
	stream->charged = 0;
}

/*
 * 0, or the reason to end: those of all streams together are too many. Strangers have half: they
 * cannot keep out whom we know.
 */
static int charge(struct ikefp_stream *stream, u32 octets)
{
	u32 limit = ikefp_policy_get(&stream->ctx->policy, MAX_REASSEMBLY_OCTETS);
	u32 more = octets - stream->charged;

	if (!READ_ONCE(stream->trusted))
		limit /= 2;
	stream->charged = octets;
	if (atomic_long_add_return(more, &stream->ctx->stream_octets) <= limit)
		return 0;
	return IKEFP_A_STATS_STREAMS_OVERLOADED;
}

/*
 * Room for what comes next of a message, never much more than what has come of it: its
 * length alone is soon said. 0; -EAGAIN: not now; or a reason to end.
 */
static int make_room(struct ikefp_stream *stream, u32 len)
{
	struct sk_buff *skb = stream->message;
	u32 room = min_t(u32, len, skb ? 2 * skb->len : FIRST_ROOM);
	int reason;

	if (!skb) {
		stream->message = alloc_skb(HEADROOM + room, GFP_KERNEL | __GFP_NOWARN);
		if (!stream->message)
			return -EAGAIN;
		skb_reserve(stream->message, HEADROOM);
		return 0;
	}
	reason = charge(stream, room);
	if (reason)
		return reason;
	return pskb_expand_head(skb, 0, room - skb->len, GFP_KERNEL | __GFP_NOWARN) ? -EAGAIN : 0;
}

/* 0: the message is whole; -EAGAIN, or a reason to end. */
static int read_message(struct ikefp_stream *stream)
{
	u32 len = stream->framing.message_len;
	int reason = 0;

	while (!stream->message || stream->message->len < len) {
		struct sk_buff *skb = stream->message;
		u32 room = skb ? min_t(u32, len - skb->len, skb_tailroom(skb)) : 0;
		int got;

		if (!room) {
			reason = make_room(stream, len);
			if (reason)
				return reason;
			continue;
		}
		got = read_octets(stream, skb_tail_pointer(skb), room, &reason);
		if (!got)
			return reason;
		skb_put(skb, got);
	}
	return 0;
}

/* 0: one was read; -EAGAIN: no other is there; or a reason to end. */
static int read_next(struct ikefp_stream *stream, ikefp_stream_receive_fn receive)
{
	struct ikefp_framing *framing = &stream->framing;
	enum ikefp_stream_verdict verdict;
	struct sk_buff *skb;
	u32 wanted;
	int reason;

	while ((wanted = ikefp_framing_wants(framing))) {
		u8 octets[IKEFP_PREFIX_LEN];
		int got = read_octets(stream, octets, wanted, &reason);

		if (!got)
			return reason;
		if (!ikefp_framing_is_midway(framing))
			stream->midway_since = jiffies;
		reason = ikefp_framing_take(framing, octets, got);
		if (reason)
			return reason;
	}
	reason = read_message(stream);
	if (reason)
		return reason;
	skb = stream->message;
	stream->message = NULL;
	uncharge(stream);
	ikefp_framing_next(framing);

	local_bh_disable();
	rcu_read_lock();
	verdict = receive(stream, skb);
	rcu_read_unlock();
	local_bh_enable();
	if (verdict == IKEFP_STREAM_NO_ROOM)
		return IKEFP_A_STATS_STREAMS_OVERLOADED;
	if (verdict == IKEFP_STREAM_TAKEN)
		stream->dropped = 0;
	if (verdict == IKEFP_STREAM_DROPPED && ++stream->dropped >= DROPPED_MAX)
		return IKEFP_A_STATS_STREAMS_CORRUPT;
	return 0;
}

/**
 * ikefp_stream_io_read() - read what the socket has
 * @stream: the stream
 * @receive: what is done with each message
 *
 * Context: its work.
 * Return: 0, that was all, and the socket will tell of more; -EINPROGRESS, there may be more;
 * or the counter of the reason to end (IKEFP_A_STATS_STREAMS_*).
 */
int ikefp_stream_io_read(struct ikefp_stream *stream, ikefp_stream_receive_fn receive)
{
	int reason = 0;
	u32 turns;

	for (turns = 0; turns < TURNS && !reason; turns++)
		reason = read_next(stream, receive);
	WRITE_ONCE(stream->midway, ikefp_framing_is_midway(&stream->framing));
	if (reason == -EAGAIN)
		return 0;
	return reason ?: -EINPROGRESS;
}

/**
 * ikefp_stream_io_forget() - what was read of a message is of no more use
 * @stream: the stream
 *
 * Context: its work.
 */
void ikefp_stream_io_forget(struct ikefp_stream *stream)
{
	kfree_skb(stream->message);
	stream->message = NULL;
	uncharge(stream);
	WRITE_ONCE(stream->midway, false);
}
