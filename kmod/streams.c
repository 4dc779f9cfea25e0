// SPDX-License-Identifier: GPL-2.0

#include <linux/file.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/inet_connection_sock.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "bypass.h"
#include "stream.h"
#include "stream_esp.h"
#include "stream_io.h"
#include "stream_source.h"
#include "streams.h"
#include "trace.h"
#include "worker.h"

/* Octets that TCP may have taken and not sent; then it tells that it takes more. */
#define NOT_SENT_MAX 16384
/* How long a peer may take nothing, in milliseconds. */
#define STALLED_MS 30000
/* How long it has to close a connection that we have closed, likewise. */
#define END_MS 10000
/*
 * Streams of a namespace that are served at one time. As many as there are processors would do,
 * but one may have to wait for its socket's lock, or for memory.
 */
#define SERVED_MAX 32

static ikefp_stream_receive_fn receive_message;
static ikefp_stream_ended_fn tell_ended;

/**
 * ikefp_streams_module_init() - what all namespaces' streams share
 * @receive: what is done with each message that is read
 * @ended: what is done when a stream has ended
 */
void ikefp_streams_module_init(ikefp_stream_receive_fn receive, ikefp_stream_ended_fn ended)
{
	receive_message = receive;
	tell_ended = ended;
}

/**
 * ikefp_streams_get() - find a stream, to keep it
 * @ctx: the namespace
 * @id: its ID
 *
 * Context: any.
 * Return: the stream, held, or NULL.
 */
struct ikefp_stream *ikefp_streams_get(struct ikefp_context *ctx, u32 id)
{
	struct ikefp_stream *stream;

	rcu_read_lock();
	stream = xa_load(&ctx->streams, id);
	if (stream && !refcount_inc_not_zero(&stream->refs))
		stream = NULL;
	rcu_read_unlock();
	return stream;
}

/**
 * ikefp_streams_get_next() - go through all streams
 * @ctx: the namespace
 * @id: where to begin; then the ID of the stream found
 *
 * Return: the first stream from @id on, held, or NULL.
 */
struct ikefp_stream *ikefp_streams_get_next(struct ikefp_context *ctx, unsigned long *id)
{
	struct ikefp_stream *stream;

	rcu_read_lock();
	for (stream = xa_find(&ctx->streams, id, ULONG_MAX, XA_PRESENT); stream;
	     stream = xa_find_after(&ctx->streams, id, ULONG_MAX, XA_PRESENT)) {
		if (refcount_inc_not_zero(&stream->refs))
			break;
	}
	rcu_read_unlock();
	return stream;
}

/* Strangers: streams of which nobody knows who is at their other end */

/* Under sources_lock. */
static void forget_stranger(struct ikefp_stream *stream)
{
	if (stream->stranger)
		ikefp_stream_source_remove_stranger(stream->ctx, stream->source);
	stream->stranger = false;
}

/*
 * Which it is now; that of a stream that has ended nobody asks. 0, or the counter of the reason
 * why there must not be one more stranger. Under sources_lock.
 */
static int settle(struct ikefp_stream *stream)
{
	bool trusted = stream->originator || stream->established;
	int reason;

	if (!stream->source || stream->ending)
		return 0;
	WRITE_ONCE(stream->trusted, trusted);
	if (trusted) {
		forget_stranger(stream);
		return 0;
	}
	if (stream->stranger)
		return 0;
	reason = ikefp_stream_source_add_stranger(stream->ctx, stream->source);
	stream->stranger = !reason;
	return reason;
}

/**
 * ikefp_streams_trust() - an SA that goes by a stream is established
 * @stream: the stream, held
 *
 * Any context.
 */
void ikefp_streams_trust(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;

	spin_lock_bh(&ctx->sources_lock);
	stream->established++;
	settle(stream);
	spin_unlock_bh(&ctx->sources_lock);
	if (ikefp_stream_is_open(stream))
		ikefp_stream_schedule(stream);
}

/**
 * ikefp_streams_distrust() - it goes by it no more
 * @stream: the stream, held
 *
 * A peer goes by one stream at a time: those that it has left are anybody's, and their number is
 * bounded as strangers' is.
 *
 * Any context.
 */
void ikefp_streams_distrust(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;
	int reason;

	spin_lock_bh(&ctx->sources_lock);
	stream->established--;
	reason = settle(stream);
	spin_unlock_bh(&ctx->sources_lock);
	if (reason)
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_UNUSED);
	else if (ikefp_stream_is_open(stream))
		ikefp_stream_schedule(stream);
}

/**
 * ikefp_streams_adopt() - an SA that goes by a stream has been adopted
 * @stream: the stream, held
 * @worker: port ID of who has adopted it
 *
 * He is told of the stream's end from now on, if whoever was to be is gone. What has ended by
 * now, its state says to who looks at it after this.
 *
 * Any context.
 */
void ikefp_streams_adopt(struct ikefp_stream *stream, u32 worker)
{
	u32 before = READ_ONCE(stream->worker);

	rcu_read_lock();
	if (before && !ikefp_worker_find(stream->ctx, before))
		WRITE_ONCE(stream->worker, worker);
	rcu_read_unlock();
	/* Pairs with begin_end(): he is told, or sees it. */
	smp_mb();
}

static bool is_abandoned(const struct ikefp_context *ctx)
{
	return refcount_read(&ctx->net->ns.count) <= atomic_read(&ctx->stream_count);
}

/*
 * Who closes the socket is to wait for nothing (SO_LINGER, as it may be set): it may be the work
 * that does it for all files. Nor does anybody wait where nobody is.
 */
static void forget_linger(const struct ikefp_context *ctx, struct sock *sk)
{
	if (is_abandoned(ctx)) {
		sock_no_linger(sk);
		return;
	}
	lock_sock(sk);
	sock_reset_flag(sk, SOCK_LINGER);
	release_sock(sk);
}

/*
 * The file is what sockfd_lookup() has held: who closes his descriptors of it, or makes more, does
 * not end it, and a socket keeps the file that it has until that ends. Here it may be the last
 * hold: then the socket is closed later, by another work, in which nothing of ours is left.
 */
static void give_back(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;
	struct socket *sock = stream->sock;

	ikefp_stream_drop_unsent(stream);
	remove_wait_queue(&sock->wq.wait, &stream->wait);
	write_lock_bh(&sock->sk->sk_callback_lock);
	rcu_assign_sk_user_data(sock->sk, NULL);
	write_unlock_bh(&sock->sk->sk_callback_lock);
	forget_linger(ctx, sock->sk);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	stream->sock = NULL;
	ikefp_stream_source_remove(ctx, stream->source);
	atomic_dec(&ctx->streams_ending);
	atomic_dec(&ctx->stream_count);
	sockfd_put(sock);
}

/* Once; then its ID may be another's. */
static void leave_table(struct ikefp_stream *stream)
{
	if (xa_cmpxchg_bh(&stream->ctx->streams, stream->id, stream, NULL, GFP_KERNEL) == stream)
		ikefp_stream_put(stream);
}

static void begin_end(struct ikefp_stream *stream, int reason)
{
	bool politely = reason == IKEFP_STREAM_CLOSED || reason == IKEFP_A_STATS_STREAMS_UNUSED;
	struct ikefp_context *ctx = stream->ctx;

	/* What was said before that; also to who has only said that he says no more. */
	if (politely || reason == IKEFP_A_STATS_STREAMS_LOST)
		ikefp_stream_io_write(stream);
	spin_lock_bh(&ctx->sources_lock);
	forget_stranger(stream);
	stream->ending = true;
	spin_unlock_bh(&ctx->sources_lock);
	atomic_inc(&ctx->streams_ending);
	stream->end_by = jiffies + (politely ? msecs_to_jiffies(END_MS) : 0);
	ikefp_stream_shut(stream, politely);
	ikefp_stream_io_forget(stream);
	if (reason != IKEFP_STREAM_CLOSED)
		ikefp_count(ctx, reason);
	trace_ikefp_stream(ctx->net, stream->id, stream->originator, reason);
	/* Pairs with ikefp_streams_adopt(). */
	smp_mb();
	stream->untold = reason != IKEFP_STREAM_CLOSED && READ_ONCE(stream->worker);
}

static bool is_over(struct ikefp_stream *stream)
{
	return READ_ONCE(stream->at_once) || time_after_eq(jiffies, stream->end_by) ||
	       ikefp_stream_io_finish(stream);
}

/* What TCP keeps for a stranger does not grow. */
static void limit(struct ikefp_stream *stream)
{
	bool limited = stream->limits && !READ_ONCE(stream->trusted);
	struct sock *sk = stream->sock->sk;

	if (limited == stream->limited)
		return;
	lock_sock(sk);
	if (limited)
		sk->sk_userlocks |= SOCK_RCVBUF_LOCK;
	else
		sk->sk_userlocks &= ~SOCK_RCVBUF_LOCK;
	release_sock(sk);
	stream->limited = limited;
}

/* What there is to do with the socket; a reason to end, or 0. */
static int serve(struct ikefp_stream *stream)
{
	int write, read;

	limit(stream);
	write = ikefp_stream_io_write(stream);
	/* Where nothing more can be written, too: what the peer has said before is there still. */
	read = ikefp_stream_io_read(stream, receive_message);
	if (write && write != -EINPROGRESS)
		return write;
	if (read && read != -EINPROGRESS)
		return read;
	if (write || read)
		ikefp_stream_schedule(stream);
	return 0;
}

/* The work: all that is done to the socket. */
static void work(struct work_struct *work)
{
	struct ikefp_stream *stream = container_of(work, struct ikefp_stream, work);
	int reason;

	/* Pairs with ikefp_streams_add(): all else of the stream is set. */
	if (smp_load_acquire(&stream->sock)) {
		reason = stream->ending ? 0 : READ_ONCE(stream->end_reason) ?: serve(stream);
		if (reason) {
			cmpxchg(&stream->end_reason, 0, reason);
			begin_end(stream, READ_ONCE(stream->end_reason));
		}
		if (stream->ending && is_over(stream))
			give_back(stream);
	}
	if (stream->untold && tell_ended(stream))
		stream->untold = false;
	if (stream->ending && !stream->sock && !stream->untold)
		leave_table(stream);
	ikefp_stream_put(stream);
}

/* Of the socket's wait queue, under its lock. Something has happened to the socket. */
static int woken(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	ikefp_stream_schedule(container_of(wait, struct ikefp_stream, wait));
	return 0;
}

static void close_at_once(struct ikefp_stream *stream, int reason)
{
	WRITE_ONCE(stream->at_once, true);
	ikefp_stream_close(stream, reason);
}

static void look_after(struct ikefp_stream *stream)
{
	const struct ikefp_policy *policy = &stream->ctx->policy;
	unsigned long whole = msecs_to_jiffies(ikefp_policy_get(policy, REASSEMBLY_MS));
	unsigned long used = msecs_to_jiffies(ikefp_policy_get(policy, HALF_OPEN_MS));
	bool midway = READ_ONCE(stream->midway);

	/* It waits for us, not for its peer. */
	if (READ_ONCE(stream->waits))
		ikefp_stream_schedule(stream);
	else if (midway && time_after(jiffies, READ_ONCE(stream->midway_since) + whole))
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_SLOW);
	else if (!atomic_read(&stream->sas) &&
		 time_after(jiffies, READ_ONCE(stream->unused_since) + used))
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_UNUSED);
	else if (midway || !ikefp_stream_is_open(stream))
		ikefp_stream_schedule(stream);
}

/* Every second, as long as there are streams, or what may go by them; more often if one waits. */
static void watch(struct work_struct *work)
{
	struct ikefp_context *ctx =
		container_of(to_delayed_work(work), struct ikefp_context, stream_watch);
	bool abandoned = is_abandoned(ctx);
	struct ikefp_stream *stream;
	unsigned long again = HZ;
	unsigned long id;
	bool any = false;

	for (id = 0; (stream = ikefp_streams_get_next(ctx, &id)); id++) {
		any = true;
		if (abandoned)
			close_at_once(stream, IKEFP_A_STATS_STREAMS_UNUSED);
		else
			look_after(stream);
		if (READ_ONCE(stream->waits))
			again = HZ / 20;
		ikefp_stream_put(stream);
		cond_resched();
	}
	if (any || !ikefp_stream_esp_rest(ctx))
		schedule_delayed_work(&ctx->stream_watch, again);
}

/**
 * ikefp_streams_begin() - a namespace begins
 * @ctx: the namespace
 *
 * Context: process.
 * Return: 0 or -ENOMEM.
 */
int ikefp_streams_begin(struct ikefp_context *ctx)
{
	xa_init_flags(&ctx->streams, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	INIT_DELAYED_WORK(&ctx->stream_watch, watch);
	return ikefp_stream_sources_begin(ctx);
}

/**
 * ikefp_streams_first() - before a stream comes, perhaps a namespace's first
 * @ctx: the namespace
 *
 * It has a queue of its own: what its peers send holds up no other namespace's.
 *
 * Context: process, under config_lock.
 * Return: 0, to be followed by ikefp_streams_came(); -ENOMEM; or why netfilter takes no hook.
 */
int ikefp_streams_first(struct ikefp_context *ctx)
{
	int err;

	if (!ctx->stream_queue)
		ctx->stream_queue = alloc_workqueue("ikefp_stream/%u", WQ_UNBOUND | WQ_HIGHPRI,
						    SERVED_MAX, ctx->net->ns.inum);
	if (!ctx->stream_queue)
		return -ENOMEM;
	err = ikefp_stream_esp_divert(ctx);
	if (!err)
		ctx->streams_coming++;
	return err;
}

/**
 * ikefp_streams_came() - it is there, or will not come
 * @ctx: the namespace
 *
 * Context: process.
 */
void ikefp_streams_came(struct ikefp_context *ctx)
{
	mutex_lock(&ctx->config_lock);
	ctx->streams_coming--;
	mutex_unlock(&ctx->config_lock);
	schedule_delayed_work(&ctx->stream_watch, HZ);
}

/**
 * ikefp_streams_end() - a namespace ends
 * @ctx: the namespace, whose commands are over
 *
 * On return nothing comes by a stream any more, nor is one left but in paths.
 *
 * Context: process. Sleeps.
 */
void ikefp_streams_end(struct ikefp_context *ctx)
{
	struct ikefp_stream *stream;
	unsigned long id;

	cancel_delayed_work_sync(&ctx->stream_watch);
	/* All at once, and then one after the other. */
	for (id = 0; (stream = ikefp_streams_get_next(ctx, &id)); id++) {
		close_at_once(stream, IKEFP_STREAM_CLOSED);
		ikefp_stream_put(stream);
		cond_resched();
	}
	for (id = 0; (stream = ikefp_streams_get_next(ctx, &id)); id++) {
		flush_work(&stream->work);
		/* Ended before, of which its worker was not told. */
		leave_table(stream);
		ikefp_stream_put(stream);
	}
	xa_destroy(&ctx->streams);
}

/**
 * ikefp_streams_exit() - nothing has a path by a stream any more
 * @ctx: the namespace, after ikefp_streams_end() and with its SAs gone
 *
 * Context: process. Sleeps.
 */
void ikefp_streams_exit(struct ikefp_context *ctx)
{
	if (ctx->stream_queue)
		destroy_workqueue(ctx->stream_queue);
	ikefp_stream_sources_end(ctx);
}

static bool is_connected_tcp(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       READ_ONCE(sk->sk_state) == TCP_ESTABLISHED;
}

static int get_addresses(struct ikefp_stream *stream, const struct sock *sk,
			 struct netlink_ext_ack *extack)
{
	const struct inet_sock *inet = inet_sk(sk);

	stream->family = sk->sk_family;
	stream->local_port = inet->inet_sport;
	stream->remote_port = inet->inet_dport;
	if (sk->sk_family == AF_INET) {
		stream->local.v4 = inet->inet_saddr;
		stream->remote.v4 = inet->inet_daddr;
		return 0;
	}
#if IS_ENABLED(CONFIG_IPV6)
	stream->local.v6 = sk->sk_v6_rcv_saddr;
	stream->remote.v6 = sk->sk_v6_daddr;
	if (ipv6_addr_v4mapped(&stream->remote.v6)) {
		NL_SET_ERR_MSG(extack, "an IPv4 connection of an IPv6 socket (set IPV6_V6ONLY)");
		return -EAFNOSUPPORT;
	}
	if (ipv6_addr_type(&stream->remote.v6) & IPV6_ADDR_LINKLOCAL)
		stream->ifindex = sk->sk_bound_dev_if;
#endif
	return 0;
}

/* From here on it is ours: nobody else's in the kernel, nor that of another stream. */
static int claim(struct ikefp_stream *stream, struct sock *sk, struct netlink_ext_ack *extack)
{
	int err = 0;

	lock_sock(sk);
	write_lock_bh(&sk->sk_callback_lock);
	if (!is_connected_tcp(sk)) {
		NL_SET_ERR_MSG(extack, "the socket is not connected");
		err = -ENOTCONN;
	} else if (sk->sk_user_data || inet_csk(sk)->icsk_ulp_ops) {
		NL_SET_ERR_MSG(extack, "the socket is a stream already, or something else's");
		err = -EBUSY;
	} else {
		rcu_assign_sk_user_data(sk, stream);
	}
	write_unlock_bh(&sk->sk_callback_lock);
	if (!err) {
		/* Urgent data is data. */
		sock_set_flag(sk, SOCK_URGINLINE);
		WRITE_ONCE(tcp_sk(sk)->notsent_lowat, NOT_SENT_MAX);
		stream->limits = !(sk->sk_userlocks & SOCK_RCVBUF_LOCK);
		stream->limited = stream->limits && !stream->trusted;
		if (stream->limited)
			sk->sk_userlocks |= SOCK_RCVBUF_LOCK;
	}
	release_sock(sk);
	return err;
}

static void unclaim(struct ikefp_stream *stream, struct sock *sk)
{
	lock_sock(sk);
	if (stream->limited)
		sk->sk_userlocks &= ~SOCK_RCVBUF_LOCK;
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
}

static struct ikefp_stream *alloc_stream(struct ikefp_context *ctx, bool originator, u32 worker)
{
	struct ikefp_stream *stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);

	if (!stream)
		return NULL;
	refcount_set(&stream->refs, 1);
	stream->ctx = ctx;
	stream->worker = worker;
	stream->originator = originator;
	stream->trusted = originator;
	stream->unused_since = jiffies;
	INIT_WORK(&stream->work, work);
	init_waitqueue_func_entry(&stream->wait, woken);
	spin_lock_init(&stream->out_lock);
	__skb_queue_head_init(&stream->ike);
	__skb_queue_head_init(&stream->esp);
	__skb_queue_head_init(&stream->sending);
	ikefp_framing_begin(&stream->framing, !originator);
	return stream;
}

/* The prefix goes first (RFC 9329 section 4). 0 or a negative errno, the caller told why. */
static int queue_prefix(struct ikefp_stream *stream, struct netlink_ext_ack *extack)
{
	struct sk_buff *skb = alloc_skb(IKEFP_PREFIX_LEN, GFP_KERNEL);

	if (!skb) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return -ENOMEM;
	}
	if (!ikefp_stream_source_charge(stream->ctx, stream->source, IKEFP_STREAM_QUEUED,
					skb->truesize, true)) {
		NL_SET_ERR_MSG(extack, "there are max-stream-octets already that wait to be sent");
		kfree_skb(skb);
		return -ENOSPC;
	}
	skb->cb[0] = IKEFP_STREAM_QUEUED;
	skb_put_data(skb, IKEFP_PREFIX, IKEFP_PREFIX_LEN);
	__skb_queue_tail(&stream->sending, skb);
	return 0;
}

static int refuse(struct ikefp_context *ctx, int reason, struct netlink_ext_ack *extack)
{
	ikefp_count(ctx, reason);
	if (reason == IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT)
		NL_SET_ERR_MSG(extack,
			       "this source has half of max-streams already, or max-half-open-source that wait for an SA");
	else
		NL_SET_ERR_MSG(extack,
			       "there are max-streams already, or max-half-open that wait for an SA");
	return -ENOSPC;
}

/* 0 or a negative errno, the caller told why. */
static int admit(struct ikefp_stream *stream, struct netlink_ext_ack *extack)
{
	struct ikefp_context *ctx = stream->ctx;
	int reason;

	reason = ikefp_stream_source_add(ctx, stream->family, &stream->remote, &stream->source);
	if (reason == -ENOMEM) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return -ENOMEM;
	}
	if (!reason) {
		spin_lock_bh(&ctx->sources_lock);
		reason = settle(stream);
		spin_unlock_bh(&ctx->sources_lock);
	}
	return reason ? refuse(ctx, reason, extack) : 0;
}

/* 0 or a negative errno, the caller told why. What it does is undone by who calls it. */
static int set_up(struct ikefp_stream *stream, struct socket *sock,
		  struct netlink_ext_ack *extack)
{
	struct ikefp_context *ctx = stream->ctx;
	int err;

	err = get_addresses(stream, sock->sk, extack) ?: admit(stream, extack);
	if (err)
		return err;
	err = stream->originator ? queue_prefix(stream, extack) : 0;
	if (err)
		return err;
	err = xa_alloc_cyclic_bh(&ctx->streams, &stream->id, NULL, XA_LIMIT(1, U32_MAX - 1),
				 &ctx->stream_next_id, GFP_KERNEL);
	if (err < 0) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return err;
	}
	/* Last: a socket that is the caller's again has no policy that lets it past all others. */
	err = ikefp_bypass_xfrm(sock->sk, extack);
	if (err) {
		xa_erase_bh(&ctx->streams, stream->id);
		return err;
	}
	tcp_sock_set_nodelay(sock->sk);
	tcp_sock_set_user_timeout(sock->sk, STALLED_MS);
	return 0;
}

static void undo(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;

	ikefp_stream_drop_unsent(stream);
	if (!stream->source)
		return;
	spin_lock_bh(&ctx->sources_lock);
	forget_stranger(stream);
	spin_unlock_bh(&ctx->sources_lock);
	ikefp_stream_source_remove(ctx, stream->source);
}

/**
 * ikefp_streams_add() - take a connection over
 * @ctx: the namespace, between ikefp_streams_first() and ikefp_streams_came(), with flood.c and
 *       rtt_memory.c begun
 * @sock: the connection's socket, whose file is held; the hold is taken
 * @originator: whether we have opened the connection
 * @worker: port ID of who is told when it ends; 0: nobody
 * @extack: what to tell the caller
 *
 * Context: process. Sleeps.
 * Return: the stream, held; or an ERR_PTR: -EPROTONOSUPPORT, -EXDEV, -EAFNOSUPPORT,
 * -ENOTCONN, -EBUSY, -ENOSPC, -ENOMEM. Then the socket is the caller's again.
 */
struct ikefp_stream *ikefp_streams_add(struct ikefp_context *ctx, struct socket *sock,
				       bool originator, u32 worker,
				       struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->sk;
	struct ikefp_stream *stream;
	int err;

	if (sk->sk_type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)) {
		NL_SET_ERR_MSG(extack, "the socket is not of TCP");
		return ERR_PTR(-EPROTONOSUPPORT);
	}
	if (!net_eq(sock_net(sk), ctx->net)) {
		NL_SET_ERR_MSG(extack, "the socket is of another network namespace");
		return ERR_PTR(-EXDEV);
	}
	stream = alloc_stream(ctx, originator, worker);
	if (!stream) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return ERR_PTR(-ENOMEM);
	}
	if (atomic_inc_return(&ctx->stream_count) > ikefp_policy_get(&ctx->policy, MAX_STREAMS)) {
		err = refuse(ctx, IKEFP_A_STATS_DROP_STREAM_LIMIT, extack);
		goto uncount;
	}
	err = claim(stream, sk, extack);
	if (err)
		goto uncount;
	err = set_up(stream, sock, extack);
	if (err)
		goto undo;

	ikefp_count(ctx, IKEFP_A_STATS_STREAMS_OPENED);
	trace_ikefp_stream(ctx->net, stream->id, originator, 0);
	add_wait_queue(&sock->wq.wait, &stream->wait);
	/* The table's hold. */
	ikefp_stream_hold(stream);
	xa_store_bh(&ctx->streams, stream->id, stream, GFP_KERNEL);
	WRITE_ONCE(stream->open, true);
	/* Until here the work does nothing, from here on it may end the stream. Pairs with it. */
	smp_store_release(&stream->sock, sock);
	/* What has come before. */
	ikefp_stream_schedule(stream);
	return stream;

undo:
	undo(stream);
	unclaim(stream, sk);
uncount:
	atomic_dec(&ctx->stream_count);
	ikefp_stream_put(stream);
	return ERR_PTR(err);
}
