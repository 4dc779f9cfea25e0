/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream: a TCP connection that carries IKE and ESP (RFC 9329). The helper opens or accepts
 * it and hands it down; from then on the module reads and writes it.
 *
 * All that is done to the socket is done by the stream's work, in process context, one at a
 * time: reading, writing, closing. Whoever has something to send puts it into one of two
 * bounded queues, from any context and with any lock but the queues' own, and has the work
 * run; so does the socket's wait queue whenever something has happened to the socket. Nothing
 * of the socket's own is replaced (callbacks, operations, protocol), so that nothing of this
 * module's is left in it when the module goes. Who keeps the descriptor can hold a work up, with
 * the socket's lock; so it takes who may administer the host to hand one down.
 *
 * Why not in softirq, as net/xfrm/espintcp.c does it? The packet that ESP is made of may
 * come from a socket that is locked, and what it becomes may be for one; there the one lock
 * would be taken under the other, in whatever order traffic wants it. Why not by strparser? It
 * keeps what has come of a message in the packets that it has come in, past the socket's
 * accounting: of a message that comes octet by octet, each octet would keep a packet. Here it
 * is copied into memory that grows with it, and above some KiB counts for the namespace
 * (max-reassembly-octets). Nor is it left in the socket until it is whole: TCP may have no
 * room for the rest of it then, since what has been read of a packet still counts as long as
 * the end of it has not.
 *
 * IKE goes before ESP. What TCP has taken but not sent cannot be overtaken, so that it is
 * given no more than it is about to send (TCP_NOTSENT_LOWAT); and what it has no room for
 * waits here, where IKE overtakes it. Of ESP what finds the queue full is dropped: who sends
 * it slows down, as for any link that is full.
 *
 * A stream is in its namespace's table from ikefp_streams_add() on, which holds it once; each
 * path by it holds it, and work that is due. When it ends, paths by it lead nowhere, and its
 * worker is told. Where it is we who close it, for no fault of the peer's, what was said before
 * that is sent, and what the peer still sends is thrown away, until it has closed the connection,
 * too: TCP answers octets that nobody reads with a reset, which may overtake what it has sent.
 * Then the socket is given back, and the stream leaves the table. It is freed after a grace
 * period.
 *
 * The socket of userspace that it was holds its network namespace. A namespace that nobody
 * can get at any more, whose processes and descriptors are gone, would be there as long as
 * its peers like; so its streams are closed when nothing but they hold it.
 */
#ifndef IKEFP_STREAM_H
#define IKEFP_STREAM_H

#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "address.h"
#include "context.h"
#include "framing.h"

struct socket;

struct ikefp_stream {
	refcount_t refs;
	struct rcu_head rcu;
	struct ikefp_context *ctx; /* as long as its socket is open */
	u32 id;
	u32 worker; /* port ID of who is told of its end; 0: nobody */
	bool originator; /* we have opened it */
	u16 family;
	__be16 local_port;
	__be16 remote_port;
	struct ikefp_address local;
	struct ikefp_address remote;
	int ifindex; /* of a link-local address, else 0 */

	struct work_struct work;
	struct wait_queue_entry wait;
	int end_reason; /* 0: none yet. IKEFP_A_STATS_STREAMS_*, or IKEFP_STREAM_CLOSED */
	bool at_once; /* when it ends, nobody waits for what is on its way */
	atomic_t sas; /* whose path it is */
	unsigned long unused_since; /* jiffies, while there are none */
	bool trusted; /* an established SA goes by it, or we have opened it; as these: */
	u32 established; /* SAs that go by it; under ctx->sources_lock */
	bool stranger; /* counted as one; likewise */
	struct ikefp_stream_source *source; /* while it is open, or something is charged */

	/* The work's alone. */
	struct socket *sock; /* NULL: it has been given back */
	bool ending; /* nothing more is taken, or sent that was not before */
	unsigned long end_by; /* jiffies */
	bool untold; /* the worker has yet to be */
	bool limits; /* what TCP may keep for a stranger is for us to say */
	bool limited; /* it does not grow */
	bool waits; /* for room; others look at it */
	unsigned long waits_since; /* jiffies */
	struct ikefp_framing framing;
	struct sk_buff *message; /* that is being read, or NULL */
	u32 charged; /* octets of it that the namespace counts */
	u32 dropped; /* messages, one after the other */
	struct sk_buff_head sending; /* the first perhaps in part */
	bool midway; /* of a message, others look at it; since: */
	unsigned long midway_since; /* jiffies */

	spinlock_t out_lock; /* all below */
	bool open; /* something can be sent */
	struct sk_buff_head ike;
	u32 ike_octets; /* of memory, as skb->truesize has it */
	struct sk_buff_head esp;
	u32 esp_octets; /* likewise */
};

/* By the helper's wish: no counter says so, and nobody is told. */
#define IKEFP_STREAM_CLOSED -1

/* Messages that are handed to TCP at once. */
#define IKEFP_STREAM_BATCH 16

int ikefp_stream_send(struct ikefp_stream *stream, const u8 *octets, u32 len);
int ikefp_stream_send_esp(struct ikefp_stream *stream, struct sk_buff *skb);
void ikefp_stream_take_batch(struct ikefp_stream *stream);
void ikefp_stream_free_sent(struct ikefp_stream *stream, struct sk_buff *skb);
void ikefp_stream_shut(struct ikefp_stream *stream, bool politely);
void ikefp_stream_drop_unsent(struct ikefp_stream *stream);
void ikefp_stream_schedule(struct ikefp_stream *stream);
void ikefp_stream_close(struct ikefp_stream *stream, int reason);
void ikefp_stream_close_now(struct ikefp_stream *stream, int reason);
void ikefp_stream_join(struct ikefp_stream *stream);
void ikefp_stream_leave(struct ikefp_stream *stream);
void ikefp_stream_put(struct ikefp_stream *stream);

/* Needs another hold. */
static inline void ikefp_stream_hold(struct ikefp_stream *stream)
{
	refcount_inc(&stream->refs);
}

/* Whether something can be sent by it; it may end at any moment. */
static inline bool ikefp_stream_is_open(const struct ikefp_stream *stream)
{
	return READ_ONCE(stream->open);
}

#endif
