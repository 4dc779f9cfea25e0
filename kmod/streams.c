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
#include "stream_io.h"
#include "streams.h"
#include "trace.h"

/* Octets that TCP may have taken and not sent; then it tells that it takes more. */
#define NOT_SENT_MAX 16384
/* How long a peer may take nothing, in milliseconds. */
#define STALLED_MS 30000

static ikefp_stream_receive_fn receive_message;
static ikefp_stream_ended_fn tell_ended;

/**
 * ikefp_streams_module_init() - what all namespaces' streams share
 * @receive: what is done with each message that is read
 * @ended: what is done when a stream has ended
 *
 * Return: 0 or -ENOMEM.
 */
int ikefp_streams_module_init(ikefp_stream_receive_fn receive, ikefp_stream_ended_fn ended)
{
	receive_message = receive;
	tell_ended = ended;
	return ikefp_stream_module_init();
}

/**
 * ikefp_streams_module_exit() - after the last namespace is gone
 */
void ikefp_streams_module_exit(void)
{
	ikefp_stream_module_exit();
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

static void forget_stranger(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;

	spin_lock_bh(&ctx->strangers_lock);
	if (!list_empty(&stream->stranger_node)) {
		list_del_init(&stream->stranger_node);
		ctx->stranger_count--;
	}
	spin_unlock_bh(&ctx->strangers_lock);
}

static bool same_source(const struct ikefp_stream *a, const struct ikefp_stream *b)
{
	const struct ikefp_policy *policy = &a->ctx->policy;
	u32 bits;

	if (a->family != b->family)
		return false;
	bits = a->family == AF_INET ? ikefp_policy_get(policy, SOURCE_PREFIX_IPV4) :
				      ikefp_policy_get(policy, SOURCE_PREFIX_IPV6);
	return ipv6_prefix_equal(&a->remote.v6, &b->remote.v6, bits);
}

/* 0, or the counter of the reason why there must not be one more. */
static int admit_stranger(struct ikefp_stream *stream)
{
	struct ikefp_context *ctx = stream->ctx;
	u32 of_source = 1;
	struct ikefp_stream *other;
	int reason = 0;

	spin_lock_bh(&ctx->strangers_lock);
	if (ctx->stranger_count >= ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN)) {
		reason = IKEFP_A_STATS_DROP_STREAM_LIMIT;
		goto unlock;
	}
	list_for_each_entry(other, &ctx->strangers, stranger_node)
		of_source += same_source(stream, other);
	if (of_source > ikefp_policy_get(&ctx->policy, MAX_HALF_OPEN_SOURCE)) {
		reason = IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT;
		goto unlock;
	}
	list_add_tail(&stream->stranger_node, &ctx->strangers);
	ctx->stranger_count++;
unlock:
	spin_unlock_bh(&ctx->strangers_lock);
	return reason;
}

/**
 * ikefp_streams_trust() - an SA that goes by a stream is established
 * @stream: the stream
 *
 * Any context.
 */
void ikefp_streams_trust(struct ikefp_stream *stream)
{
	if (READ_ONCE(stream->trusted) || !ikefp_stream_is_open(stream))
		return;
	WRITE_ONCE(stream->trusted, true);
	forget_stranger(stream);
	ikefp_stream_schedule(stream);
}

static bool is_abandoned(const struct ikefp_context *ctx)
{
	return refcount_read(&ctx->net->ns.count) <= atomic_read(&ctx->stream_count);
}

static void give_back(struct ikefp_stream *stream)
{
	struct socket *sock = stream->sock;

	remove_wait_queue(&sock->wq.wait, &stream->wait);
	write_lock_bh(&sock->sk->sk_callback_lock);
	rcu_assign_sk_user_data(sock->sk, NULL);
	write_unlock_bh(&sock->sk->sk_callback_lock);
	/* Nobody waits for what is on its way where nobody is. */
	if (is_abandoned(stream->ctx))
		sock_no_linger(sock->sk);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	stream->sock = NULL;
	atomic_dec(&stream->ctx->stream_count);
	sockfd_put(sock);
}

static void leave_table(struct ikefp_stream *stream)
{
	if (xa_erase_bh(&stream->ctx->streams, stream->id))
		ikefp_stream_put(stream);
}

static void end(struct ikefp_stream *stream, int reason)
{
	struct ikefp_context *ctx = stream->ctx;

	/* What was said before that. */
	if (reason == IKEFP_STREAM_CLOSED)
		ikefp_stream_io_write(stream);
	forget_stranger(stream);
	ikefp_stream_shut(stream);
	ikefp_stream_io_forget(stream);
	if (reason != IKEFP_STREAM_CLOSED)
		ikefp_count(ctx, reason);
	trace_ikefp_stream(ctx->net, stream->id, stream->originator, reason);
	stream->untold = reason != IKEFP_STREAM_CLOSED && stream->worker;
	give_back(stream);
	if (!stream->untold)
		leave_table(stream);
}

static void lift_limit(struct ikefp_stream *stream)
{
	struct sock *sk = stream->sock->sk;

	if (!stream->limited || !READ_ONCE(stream->trusted))
		return;
	lock_sock(sk);
	sk->sk_userlocks &= ~SOCK_RCVBUF_LOCK;
	release_sock(sk);
	stream->limited = false;
}

/* What there is to do with the socket; a reason to end, or 0. */
static int serve(struct ikefp_stream *stream)
{
	int write, read;

	lift_limit(stream);
	write = ikefp_stream_io_write(stream);
	if (write && write != -EINPROGRESS)
		return write;
	read = ikefp_stream_io_read(stream, receive_message);
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

	/* Pairs with ikefp_streams_add(): all else of the stream is set. */
	if (smp_load_acquire(&stream->sock)) {
		int reason = READ_ONCE(stream->end_reason) ?: serve(stream);

		if (reason) {
			cmpxchg(&stream->end_reason, 0, reason);
			end(stream, READ_ONCE(stream->end_reason));
		}
	}
	if (stream->untold && tell_ended(stream)) {
		stream->untold = false;
		leave_table(stream);
	}
	ikefp_stream_put(stream);
}

/* Of the socket's wait queue, under its lock. Something has happened to the socket. */
static int woken(struct wait_queue_entry *wait, unsigned int mode, int sync, void *key)
{
	ikefp_stream_schedule(container_of(wait, struct ikefp_stream, wait));
	return 0;
}

static void look_after(struct ikefp_stream *stream)
{
	const struct ikefp_policy *policy = &stream->ctx->policy;
	unsigned long whole = msecs_to_jiffies(ikefp_policy_get(policy, REASSEMBLY_MS));
	unsigned long used = msecs_to_jiffies(ikefp_policy_get(policy, HALF_OPEN_MS));
	bool midway = READ_ONCE(stream->midway);

	if (midway && time_after(jiffies, READ_ONCE(stream->midway_since) + whole))
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_SLOW);
	else if (!atomic_read(&stream->sas) &&
		 time_after(jiffies, READ_ONCE(stream->unused_since) + used))
		ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_UNUSED);
	else if (midway || !ikefp_stream_is_open(stream))
		ikefp_stream_schedule(stream);
}

/* Every second, as long as there are streams. */
static void watch(struct work_struct *work)
{
	struct ikefp_context *ctx =
		container_of(to_delayed_work(work), struct ikefp_context, stream_watch);
	bool abandoned = is_abandoned(ctx);
	struct ikefp_stream *stream;
	unsigned long id;
	bool any = false;

	for (id = 0; (stream = ikefp_streams_get_next(ctx, &id)); id++) {
		any = true;
		if (abandoned)
			ikefp_stream_close(stream, IKEFP_A_STATS_STREAMS_UNUSED);
		else
			look_after(stream);
		ikefp_stream_put(stream);
		cond_resched();
	}
	if (any)
		schedule_delayed_work(&ctx->stream_watch, HZ);
}

/**
 * ikefp_streams_begin() - a namespace begins
 * @ctx: the namespace
 *
 * Context: process.
 */
void ikefp_streams_begin(struct ikefp_context *ctx)
{
	xa_init_flags(&ctx->streams, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_BH);
	spin_lock_init(&ctx->strangers_lock);
	INIT_LIST_HEAD(&ctx->strangers);
	INIT_DELAYED_WORK(&ctx->stream_watch, watch);
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
		ikefp_stream_close(stream, IKEFP_STREAM_CLOSED);
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
		stream->limited = !stream->trusted && !(sk->sk_userlocks & SOCK_RCVBUF_LOCK);
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
	INIT_LIST_HEAD(&stream->stranger_node);
	spin_lock_init(&stream->out_lock);
	__skb_queue_head_init(&stream->ike);
	__skb_queue_head_init(&stream->esp);
	__skb_queue_head_init(&stream->sending);
	ikefp_framing_begin(&stream->framing, !originator);
	return stream;
}

/* The prefix goes first (RFC 9329 section 4). */
static int queue_prefix(struct ikefp_stream *stream)
{
	struct sk_buff *skb = alloc_skb(IKEFP_PREFIX_LEN, GFP_KERNEL);

	if (!skb)
		return -ENOMEM;
	skb_put_data(skb, IKEFP_PREFIX, IKEFP_PREFIX_LEN);
	__skb_queue_tail(&stream->sending, skb);
	return 0;
}

static int refuse(struct ikefp_context *ctx, int reason, struct netlink_ext_ack *extack)
{
	ikefp_count(ctx, reason);
	if (reason == IKEFP_A_STATS_DROP_STREAM_SOURCE_LIMIT)
		NL_SET_ERR_MSG(extack,
			       "max-half-open-source streams of this source wait for an SA already");
	else
		NL_SET_ERR_MSG(extack,
			       "there are max-streams already, or max-half-open that wait for an SA");
	return -ENOSPC;
}

/* 0 or a negative errno, the caller told why. What it does is undone by who calls it. */
static int set_up(struct ikefp_stream *stream, struct socket *sock,
		  struct netlink_ext_ack *extack)
{
	struct ikefp_context *ctx = stream->ctx;
	int reason;
	int err;

	err = get_addresses(stream, sock->sk, extack);
	if (err)
		return err;
	reason = stream->originator ? 0 : admit_stranger(stream);
	if (reason)
		return refuse(ctx, reason, extack);
	if (stream->originator && queue_prefix(stream)) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return -ENOMEM;
	}
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

/**
 * ikefp_streams_add() - take a connection over
 * @ctx: the namespace, with flood.c and rtt_memory.c begun
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
		goto unclaim;

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
	schedule_delayed_work(&ctx->stream_watch, HZ);
	return stream;

unclaim:
	__skb_queue_purge(&stream->sending);
	forget_stranger(stream);
	unclaim(stream, sk);
uncount:
	atomic_dec(&ctx->stream_count);
	ikefp_stream_put(stream);
	return ERR_PTR(err);
}
