// SPDX-License-Identifier: GPL-2.0

#include <linux/slab.h>

#include "stream.h"
#include "stream_source.h"

/* Octets of memory of IKE that waits. Who lets more wait than several of the longest, stalls. */
#define IKE_QUEUE_MAX (512u * 1024)
/* Of ESP; what it carries is about what a slow link does in a tenth of a second. */
#define ESP_QUEUE_MAX (256u * 1024)

/**
 * ikefp_stream_put() - give up a hold
 * @stream: may be NULL
 *
 * Any context.
 */
void ikefp_stream_put(struct ikefp_stream *stream)
{
	if (stream && refcount_dec_and_test(&stream->refs))
		kfree_rcu(stream, rcu);
}

/**
 * ikefp_stream_schedule() - there is something for a stream's work to do
 * @stream: the stream, held, or under RCU and in its table
 *
 * Any context.
 */
void ikefp_stream_schedule(struct ikefp_stream *stream)
{
	ikefp_stream_hold(stream);
	if (!queue_work(stream->ctx->stream_queue, &stream->work))
		ikefp_stream_put(stream);
}

/**
 * ikefp_stream_join() - an SA goes by a stream
 * @stream: the stream, held
 *
 * Any context.
 */
void ikefp_stream_join(struct ikefp_stream *stream)
{
	atomic_inc(&stream->sas);
	atomic_inc(&stream->ctx->stream_sa_count);
}

/**
 * ikefp_stream_leave() - it does no more
 * @stream: the stream, held
 *
 * Any context.
 */
void ikefp_stream_leave(struct ikefp_stream *stream)
{
	WRITE_ONCE(stream->unused_since, jiffies);
	atomic_dec(&stream->sas);
	atomic_dec(&stream->ctx->stream_sa_count);
}

/**
 * ikefp_stream_close() - a stream is to end
 * @stream: the stream
 * @reason: why, the counter (IKEFP_A_STATS_STREAMS_*), or IKEFP_STREAM_CLOSED. The first counts.
 *
 * Any context. It ends soon.
 */
void ikefp_stream_close(struct ikefp_stream *stream, int reason)
{
	cmpxchg(&stream->end_reason, 0, reason);
	ikefp_stream_schedule(stream);
}

/**
 * ikefp_stream_close_now() - the same, and it has ended
 * @stream: the stream, held
 * @reason: as of ikefp_stream_close()
 *
 * Context: process. Sleeps.
 */
void ikefp_stream_close_now(struct ikefp_stream *stream, int reason)
{
	ikefp_stream_close(stream, reason);
	flush_work(&stream->work);
}

/* Under out_lock, the stream being open. */
static bool charge(struct ikefp_stream *stream, struct sk_buff *skb,
		   enum ikefp_stream_memory memory)
{
	if (!ikefp_stream_source_charge(stream->ctx, stream->source, memory, skb->truesize,
					READ_ONCE(stream->trusted)))
		return false;
	/* Nobody else has anything there while it waits. */
	skb->cb[0] = memory;
	return true;
}

/* The caller's; its data the message behind its length. 0 or -ENOTCONN, -ENOBUFS, -ENOMEM. */
static int queue_ike(struct ikefp_stream *stream, struct sk_buff *skb)
{
	int err = 0;

	spin_lock_bh(&stream->out_lock);
	if (!stream->open) {
		err = -ENOTCONN;
	} else if (stream->ike_octets + skb->truesize > IKE_QUEUE_MAX) {
		err = -ENOBUFS;
	} else if (!charge(stream, skb, IKEFP_STREAM_QUEUED)) {
		err = -ENOMEM;
	} else {
		stream->ike_octets += skb->truesize;
		__skb_queue_tail(&stream->ike, skb);
		ikefp_stream_schedule(stream);
	}
	spin_unlock_bh(&stream->out_lock);
	return err;
}

/**
 * ikefp_stream_send() - send an IKE message
 * @stream: the stream, held or under RCU
 * @octets: the message from its IKE header on
 * @len: octets of it, at most IKEFP_FRAMED_MAX - IKEFP_MARKER_LEN
 *
 * Nothing is sent a second time by a stream, so that one that there is no room for ends it:
 * what is outstanding goes out by the next.
 *
 * Context: any.
 * Return: 0 when it is to be sent; -ENOTCONN when the stream has ended, -ENOBUFS when it does
 * for that, or -ENOMEM, likewise, also above max-stream-octets.
 */
int ikefp_stream_send(struct ikefp_stream *stream, const u8 *octets, u32 len)
{
	struct sk_buff *skb;
	int err;

	if (!ikefp_stream_is_open(stream))
		return -ENOTCONN;
	skb = alloc_skb(IKEFP_LENGTH_LEN + IKEFP_MARKER_LEN + len, GFP_ATOMIC | __GFP_NOWARN);
	err = -ENOMEM;
	if (!skb)
		goto close;
	ikefp_framing_put_length(skb_put(skb, IKEFP_LENGTH_LEN), IKEFP_MARKER_LEN + len);
	memset(skb_put(skb, IKEFP_MARKER_LEN), 0, IKEFP_MARKER_LEN);
	skb_put_data(skb, octets, len);
	err = queue_ike(stream, skb);
	if (err)
		kfree_skb(skb);
close:
	if (err == -ENOBUFS)
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_STALLED);
	else if (err == -ENOMEM)
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_OVERLOADED);
	return err;
}

/**
 * ikefp_stream_send_esp() - send an ESP packet
 * @stream: the stream, held or under RCU
 * @skb: the packet, in one piece, its data beginning with the SPI, with room before it for
 *       the length, which can be written; taken only on success
 *
 * Context: any.
 * Return: 0 when it is to be sent; or the counter of the reason why not
 * (IKEFP_A_STATS_DROP_*).
 */
int ikefp_stream_send_esp(struct ikefp_stream *stream, struct sk_buff *skb)
{
	struct ikefp_context *ctx = stream->ctx;
	u32 len = skb->len;
	int reason = 0;

	if (len > IKEFP_FRAMED_MAX)
		return IKEFP_A_STATS_DROP_LENGTH;
	spin_lock_bh(&stream->out_lock);
	if (!stream->open) {
		reason = IKEFP_A_STATS_DROP_STREAM_CLOSED;
	} else if (stream->esp_octets + skb->truesize > ESP_QUEUE_MAX ||
		   !charge(stream, skb, IKEFP_STREAM_QUEUED_ESP)) {
		reason = IKEFP_A_STATS_DROP_STREAM_FULL;
	} else {
		ikefp_framing_put_length(__skb_push(skb, IKEFP_LENGTH_LEN), len);
		stream->esp_octets += skb->truesize;
		__skb_queue_tail(&stream->esp, skb);
		ikefp_count(ctx, IKEFP_A_STATS_TX_ESP);
		ikefp_stream_schedule(stream);
	}
	spin_unlock_bh(&stream->out_lock);
	return reason;
}

static u32 move_to_batch(struct ikefp_stream *stream, struct sk_buff_head *queue, u32 max)
{
	struct sk_buff *skb;
	u32 octets = 0;

	while (skb_queue_len(&stream->sending) < max && (skb = __skb_dequeue(queue))) {
		octets += skb->truesize;
		__skb_queue_tail(&stream->sending, skb);
	}
	return octets;
}

/**
 * ikefp_stream_take_batch() - what is to be written next, IKE first
 * @stream: the stream
 *
 * Context: its work.
 */
void ikefp_stream_take_batch(struct ikefp_stream *stream)
{
	spin_lock_bh(&stream->out_lock);
	stream->ike_octets -= move_to_batch(stream, &stream->ike, IKEFP_STREAM_BATCH);
	stream->esp_octets -= move_to_batch(stream, &stream->esp, IKEFP_STREAM_BATCH);
	spin_unlock_bh(&stream->out_lock);
}

/**
 * ikefp_stream_free_sent() - a message has been sent, or will not be
 * @stream: the stream
 * @skb: the message, of no queue any more
 *
 * Context: its work.
 */
void ikefp_stream_free_sent(struct ikefp_stream *stream, struct sk_buff *skb)
{
	ikefp_stream_source_uncharge(stream->ctx, stream->source, skb->cb[0], skb->truesize);
	consume_skb(skb);
}

/**
 * ikefp_stream_shut() - nothing more is sent
 * @stream: the stream
 * @politely: but for the IKE that was to be until now
 *
 * Context: its work.
 */
void ikefp_stream_shut(struct ikefp_stream *stream, bool politely)
{
	struct sk_buff_head unsent;
	struct sk_buff *skb;

	__skb_queue_head_init(&unsent);
	spin_lock_bh(&stream->out_lock);
	WRITE_ONCE(stream->open, false);
	if (politely)
		stream->ike_octets -= move_to_batch(stream, &stream->ike, U32_MAX);
	skb_queue_splice_init(&stream->ike, &unsent);
	skb_queue_splice_tail_init(&stream->esp, &unsent);
	spin_unlock_bh(&stream->out_lock);
	while ((skb = __skb_dequeue(&unsent)))
		ikefp_stream_free_sent(stream, skb);
	if (!politely)
		ikefp_stream_drop_unsent(stream);
}

/**
 * ikefp_stream_drop_unsent() - nor is what was to be written next
 * @stream: the stream
 *
 * Context: its work.
 */
void ikefp_stream_drop_unsent(struct ikefp_stream *stream)
{
	struct sk_buff *skb;

	while ((skb = __skb_dequeue(&stream->sending)))
		ikefp_stream_free_sent(stream, skb);
}
