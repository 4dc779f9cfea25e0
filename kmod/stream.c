// SPDX-License-Identifier: GPL-2.0

#include <linux/slab.h>

#include "stream.h"

/* Of IKE that wait to be sent. Whoever lets more wait than several of the longest, stalls. */
#define IKE_QUEUE_MAX (256u * 1024)
/* Of ESP; about what a slow link carries in a tenth of a second. */
#define ESP_QUEUE_MAX (128u * 1024)
#define ESP_QUEUE_PACKETS 256

static struct workqueue_struct *stream_queue;

/**
 * ikefp_stream_module_init() - what all namespaces' streams share
 *
 * Return: 0 or -ENOMEM.
 */
int ikefp_stream_module_init(void)
{
	stream_queue = alloc_workqueue("ikefp_stream", WQ_UNBOUND | WQ_HIGHPRI, 0);
	return stream_queue ? 0 : -ENOMEM;
}

/**
 * ikefp_stream_module_exit() - after the last namespace is gone
 */
void ikefp_stream_module_exit(void)
{
	destroy_workqueue(stream_queue);
}

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
	if (!queue_work(stream_queue, &stream->work))
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

/* The caller's; its data the message behind its length. 0 or -ENOTCONN, -ENOBUFS. */
static int queue_ike(struct ikefp_stream *stream, struct sk_buff *skb)
{
	int err = 0;

	spin_lock_bh(&stream->out_lock);
	if (!stream->open) {
		err = -ENOTCONN;
	} else if (stream->ike_octets + skb->len > IKE_QUEUE_MAX) {
		err = -ENOBUFS;
	} else {
		stream->ike_octets += skb->len;
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
 * for that, or -ENOMEM, likewise.
 */
int ikefp_stream_send(struct ikefp_stream *stream, const u8 *octets, u32 len)
{
	struct sk_buff *skb;
	int err;

	if (!ikefp_stream_is_open(stream))
		return -ENOTCONN;
	skb = alloc_skb(IKEFP_LENGTH_LEN + IKEFP_MARKER_LEN + len, GFP_ATOMIC | __GFP_NOWARN);
	if (!skb) {
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_OVERLOADED);
		return -ENOMEM;
	}
	ikefp_framing_put_length(skb_put(skb, IKEFP_LENGTH_LEN), IKEFP_MARKER_LEN + len);
	memset(skb_put(skb, IKEFP_MARKER_LEN), 0, IKEFP_MARKER_LEN);
	skb_put_data(skb, octets, len);
	err = queue_ike(stream, skb);
	if (err)
		kfree_skb(skb);
	if (err == -ENOBUFS)
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_STALLED);
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
	} else if (stream->esp_octets + len > ESP_QUEUE_MAX ||
		   skb_queue_len(&stream->esp) >= ESP_QUEUE_PACKETS) {
		reason = IKEFP_A_STATS_DROP_STREAM_FULL;
	} else {
		ikefp_framing_put_length(__skb_push(skb, IKEFP_LENGTH_LEN), len);
		stream->esp_octets += skb->len;
		__skb_queue_tail(&stream->esp, skb);
		ikefp_count(ctx, IKEFP_A_STATS_TX_ESP);
		ikefp_stream_schedule(stream);
	}
	spin_unlock_bh(&stream->out_lock);
	return reason;
}

static u32 move_to_batch(struct ikefp_stream *stream, struct sk_buff_head *queue)
{
	struct sk_buff *skb;
	u32 octets = 0;

	while (skb_queue_len(&stream->sending) < IKEFP_STREAM_BATCH &&
	       (skb = __skb_dequeue(queue))) {
		octets += skb->len;
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
	stream->ike_octets -= move_to_batch(stream, &stream->ike);
	stream->esp_octets -= move_to_batch(stream, &stream->esp);
	spin_unlock_bh(&stream->out_lock);
}

/**
 * ikefp_stream_shut() - nothing more is sent, nor what has not been yet
 * @stream: the stream
 *
 * Context: its work.
 */
void ikefp_stream_shut(struct ikefp_stream *stream)
{
	struct sk_buff_head unsent;

	__skb_queue_head_init(&unsent);
	spin_lock_bh(&stream->out_lock);
	WRITE_ONCE(stream->open, false);
	skb_queue_splice_init(&stream->ike, &unsent);
	skb_queue_splice_tail_init(&stream->esp, &unsent);
	spin_unlock_bh(&stream->out_lock);
	__skb_queue_purge(&unsent);
	__skb_queue_purge(&stream->sending);
}
