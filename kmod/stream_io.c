// SPDX-License-Identifier: GPL-2.0

#include <linux/net.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "stream.h"
#include "stream_io.h"
#include "stream_source.h"

/* Messages that are dropped, one after the other, before the stream is thought corrupt. */
#define DROPPED_MAX 16
/* Batches that are written, messages that are read, before others have a turn. */
#define TURNS 64
/*
 * How long a message may wait for room that is not a stream's, in milliseconds: what is behind it
 * waits, too, and its peer may do better by another stream.
 */
#define NO_ROOM_MS 5000
/* Before a message, for the headers that it may get. */
#define HEADROOM (LL_MAX_HEADER + sizeof(struct ipv6hdr) + 8)
/* Of a message that is about to come: all of it together 4 KiB. */
#define FIRST_ROOM (SKB_WITH_OVERHEAD(4096) - HEADROOM)
/* What is thrown away at a time. */
#define UNREAD_MAX 65536

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
			ikefp_stream_free_sent(stream, skb);
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
			if (count == IKEFP_STREAM_BATCH)
				break;
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

/* Octets of memory that a message takes, with all that the kernel keeps around it. */
static u32 memory_of(u32 len)
{
	return kmalloc_size_roundup(SKB_DATA_ALIGN(HEADROOM + len) +
				    SKB_DATA_ALIGN(sizeof(struct skb_shared_info))) +
	       SKB_DATA_ALIGN(sizeof(struct sk_buff));
}

static bool charge(struct ikefp_stream *stream, u32 octets)
{
	if (!ikefp_stream_source_charge(stream->ctx, stream->source, IKEFP_STREAM_READ, octets,
					READ_ONCE(stream->trusted)))
		return false;
	stream->charged = octets;
	return true;
}

static void uncharge(struct ikefp_stream *stream)
{
	if (!stream->charged)
		return;
	ikefp_stream_source_uncharge(stream->ctx, stream->source, IKEFP_STREAM_READ,
				     stream->charged);
	stream->charged = 0;
}

/*
 * Later there may be room: what comes waits in the socket, and then with the peer. The time is
 * not the peer's; but there may never be any, as where a setting is less than the message.
 */
static int wait_for_room(struct ikefp_stream *stream)
{
	if (!stream->waits)
		stream->waits_since = jiffies;
	else if (time_after(jiffies, stream->waits_since + msecs_to_jiffies(NO_ROOM_MS)))
		return IKEFP_A_STATS_STREAMS_OVERLOADED;
	WRITE_ONCE(stream->waits, true);
	return -EAGAIN;
}

static void found_room(struct ikefp_stream *stream)
{
	if (!stream->waits)
		return;
	WRITE_ONCE(stream->midway_since, jiffies);
	WRITE_ONCE(stream->waits, false);
}

/*
 * Room for a message: little at first, its length alone is soon said; and when so much has come of
 * it, for all of it. So who waits for memory keeps none that others wait for. 0; -EAGAIN: not
 * now; or a reason to end.
 */
static int make_room(struct ikefp_stream *stream, u32 len)
{
	struct sk_buff *skb = stream->message;

	if (!skb) {
		skb = alloc_skb(HEADROOM + min_t(u32, len, FIRST_ROOM), GFP_KERNEL | __GFP_NOWARN);
		if (!skb)
			return wait_for_room(stream);
		skb_reserve(skb, HEADROOM);
		stream->message = skb;
		found_room(stream);
		return 0;
	}
	if (!stream->charged && !charge(stream, memory_of(len))) {
		if (!READ_ONCE(stream->trusted))
			return IKEFP_A_STATS_STREAMS_OVERLOADED;
		return wait_for_room(stream);
	}
	if (pskb_expand_head(skb, 0, len - skb->len, GFP_KERNEL | __GFP_NOWARN)) {
		uncharge(stream);
		return wait_for_room(stream);
	}
	found_room(stream);
	return 0;
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

/*
 * IKE of whom we know, that is tried again where there is no room for it: what is opened is changed
 * by that. NULL: it is not tried, or not any more.
 */
static struct sk_buff *copy_for_later(const struct ikefp_stream *stream, const struct sk_buff *skb)
{
	static const u8 marker[IKEFP_MARKER_LEN];

	if (!READ_ONCE(stream->trusted) || skb->len < IKEFP_MARKER_LEN ||
	    memcmp(skb->data, marker, IKEFP_MARKER_LEN) ||
	    time_after(jiffies, stream->midway_since + msecs_to_jiffies(NO_ROOM_MS)))
		return NULL;
	return skb_copy(skb, GFP_KERNEL | __GFP_NOWARN);
}

/* 0: one was read; -EAGAIN: no other is there; or a reason to end. */
static int read_next(struct ikefp_stream *stream, ikefp_stream_receive_fn receive)
{
	struct ikefp_framing *framing = &stream->framing;
	enum ikefp_stream_verdict verdict;
	struct sk_buff *skb, *copy;
	u32 wanted;
	int reason;

	while ((wanted = ikefp_framing_wants(framing))) {
		u8 octets[IKEFP_PREFIX_LEN];
		int got = read_octets(stream, octets, wanted, &reason);

		if (!got)
			return reason;
		if (!ikefp_framing_is_midway(framing))
			WRITE_ONCE(stream->midway_since, jiffies);
		reason = ikefp_framing_take(framing, octets, got);
		if (reason)
			return reason;
	}
	reason = read_message(stream);
	if (reason)
		return reason;
	skb = stream->message;
	copy = copy_for_later(stream, skb);
	stream->message = NULL;

	local_bh_disable();
	rcu_read_lock();
	verdict = receive(stream, skb);
	rcu_read_unlock();
	local_bh_enable();
	if (verdict == IKEFP_STREAM_NO_ROOM && copy) {
		stream->message = copy;
		return wait_for_room(stream);
	}
	consume_skb(copy);
	found_room(stream);
	uncharge(stream);
	ikefp_framing_next(framing);
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
	WRITE_ONCE(stream->waits, false);
}

/* What comes is nobody's. 0: the peer has closed its end; -EAGAIN: it has not; or it is broken. */
static int throw_away(struct ikefp_stream *stream)
{
	u32 turns;

	for (turns = 0; turns < TURNS; turns++) {
		struct msghdr msg = {};
		struct kvec nowhere = { NULL, UNREAD_MAX };
		int got = kernel_recvmsg(stream->sock, &msg, &nowhere, 1, UNREAD_MAX,
					 MSG_DONTWAIT | MSG_TRUNC);

		if (got <= 0)
			return got;
	}
	ikefp_stream_schedule(stream);
	return -EAGAIN;
}

/**
 * ikefp_stream_io_finish() - what was said before the end
 * @stream: the stream, which takes nothing more to send
 *
 * It is written, and then that it was the last; what comes is read, and thrown away.
 *
 * Context: its work.
 * Return: whether both ends have said all, or the connection is broken. If not, the socket will
 * tell.
 */
bool ikefp_stream_io_finish(struct ikefp_stream *stream)
{
	bool said = READ_ONCE(stream->sock->sk->sk_shutdown) & SEND_SHUTDOWN;
	int write = said ? 0 : ikefp_stream_io_write(stream);
	int read;

	if (write && write != -EINPROGRESS)
		return true;
	if (write)
		ikefp_stream_schedule(stream);
	else if (!said && skb_queue_empty(&stream->sending))
		kernel_sock_shutdown(stream->sock, SHUT_WR);
	read = throw_away(stream);
	return read ? read != -EAGAIN : skb_queue_empty(&stream->sending);
}
