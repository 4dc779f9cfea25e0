// SPDX-License-Identifier: GPL-2.0

#include <net/genetlink.h>

#include "attrs.h"
#include "sa.h"
#include "upcall.h"
#include "waiting.h"
#include "worker.h"

/* Octets of all the attributes of an upcall but the payload, with room to spare. */
#define FIXED_ATTRS_LEN 256

/* Not from the reserves for emergencies: no socket takes a packet of that memory. */
#define UPCALL_GFP (GFP_ATOMIC | __GFP_NOMEMALLOC | __GFP_NOWARN)

static const struct genl_family *upcall_family;

/**
 * ikefp_upcall_init() - before the family is open
 * @family: the family that upcalls belong to
 */
void ikefp_upcall_init(const struct genl_family *family)
{
	upcall_family = family;
}

/* To the SA's worker, which it has. */
static int to_worker(struct ikefp_sa *sa, struct sk_buff *skb)
{
	switch (ikefp_worker_deliver(sa->worker, skb)) {
	case 0:
		ikefp_count(sa->ctx, IKEFP_A_STATS_UPCALLS);
		return 0;
	case -ECONNREFUSED:
		return IKEFP_A_STATS_DROP_NO_WORKER;
	default:
		WRITE_ONCE(sa->worker->full_until, jiffies + HZ);
		return IKEFP_A_STATS_DROP_WORKER_FULL;
	}
}

/*
 * A worker's socket that is full refuses at once; the caller takes the message as
 * not received, and the peer will send it again. None overtakes those that wait.
 */
static int deliver(struct ikefp_sa *sa, struct sk_buff *skb, void *message,
		   struct ikefp_about about)
{
	genlmsg_end(skb, message);
	if (!sa->worker)
		return ikefp_waiting_add(sa, skb, about);
	if (!ikefp_upcall_flush(sa)) {
		nlmsg_free(skb);
		return IKEFP_A_STATS_DROP_WORKER_FULL;
	}
	return to_worker(sa, skb);
}

/**
 * ikefp_upcall_flush() - hand the worker what has waited for it
 * @sa: the SA, locked
 *
 * Context: any.
 * Return: whether nothing waits any more. What its socket has no room for is to be
 * tried again.
 */
bool ikefp_upcall_flush(struct ikefp_sa *sa)
{
	struct sk_buff *first, *copy;

	while ((first = ikefp_waiting_first(sa))) {
		if (!sa->worker)
			return false;
		/* What is sent is gone, also where it does not arrive. */
		copy = skb_clone(first, UPCALL_GFP);
		/* To netlink these are the sender's credentials. */
		if (copy)
			memset(copy->cb, 0, sizeof(copy->cb));
		if (!copy || to_worker(sa, copy)) {
			sa->waiting_deadline = jiffies + IKEFP_UPCALL_RETRY;
			return false;
		}
		ikefp_waiting_drop_first(sa);
	}
	return true;
}

static int put_u64(struct sk_buff *skb, int attribute, u64 value)
{
	return nla_put_be64(skb, attribute, cpu_to_be64(value), IKEFP_A_MESSAGE_PAD);
}

static int put_path(struct sk_buff *skb, const struct ikefp_path *path)
{
	return ikefp_put_path(skb, IKEFP_A_MESSAGE_LOCAL_IPV4, path) ||
	       (path->stream && nla_put_u32(skb, IKEFP_A_MESSAGE_STREAM, path->stream->id)) ?
		       -EMSGSIZE : 0;
}

static int put_received(struct sk_buff *skb, const struct ikefp_sa *sa,
			const struct ikefp_received *received)
{
	const struct ikefp_header *header = received->header;

	if (put_u64(skb, IKEFP_A_MESSAGE_SPI, sa->spi) ||
	    put_u64(skb, IKEFP_A_MESSAGE_SPI_I, header->spi_i) ||
	    put_u64(skb, IKEFP_A_MESSAGE_SPI_R, header->spi_r) ||
	    nla_put_u8(skb, IKEFP_A_MESSAGE_EXCHANGE_TYPE, header->exchange_type) ||
	    nla_put_u8(skb, IKEFP_A_MESSAGE_FLAGS, header->flags) ||
	    nla_put_u32(skb, IKEFP_A_MESSAGE_MESSAGE_ID, header->message_id) ||
	    nla_put_u8(skb, IKEFP_A_MESSAGE_FIRST_PAYLOAD, received->first_payload) ||
	    put_path(skb, received->path))
		return -EMSGSIZE;
	if (received->raw && nla_put_flag(skb, IKEFP_A_MESSAGE_RAW))
		return -EMSGSIZE;
	if (ikefp_header_is_response(header) && nla_put_flag(skb, IKEFP_A_MESSAGE_RESPONSE))
		return -EMSGSIZE;
	return nla_put(skb, IKEFP_A_MESSAGE_PAYLOAD, received->payload_len, received->payload);
}

static struct ikefp_about about_message(const struct ikefp_received *received)
{
	struct ikefp_about about = { .message_id = received->header->message_id };

	/* Those of IKE_SA_INIT are of the SA as a whole. */
	if (!received->raw)
		about.what = ikefp_header_is_response(received->header) ? IKEFP_ABOUT_OUTCOME :
									  IKEFP_ABOUT_REQUEST;
	return about;
}

/**
 * ikefp_upcall_message() - hand a message to the worker
 * @sa: the SA that it belongs to, locked
 * @received: the message
 *
 * Context: any.
 * Return: 0 when it is in the worker's socket, or waits for one; else the counter of the
 * reason why not (IKEFP_A_STATS_DROP_*), and the message is to be treated as lost on the
 * way.
 */
int ikefp_upcall_message(struct ikefp_sa *sa, const struct ikefp_received *received)
{
	int reason = sa->worker ? 0 : ikefp_waiting_check(sa);
	struct sk_buff *skb;
	void *message;

	/* Before memory is spent on it. */
	if (reason)
		return reason;
	skb = genlmsg_new(FIXED_ATTRS_LEN + nla_total_size(received->payload_len),
			  UPCALL_GFP);
	if (!skb)
		return IKEFP_A_STATS_DROP_MEMORY;
	message = genlmsg_put(skb, 0, 0, upcall_family, 0, IKEFP_CMD_MESSAGE_RECV);
	if (!message || put_received(skb, sa, received)) {
		WARN_ON_ONCE(1);
		nlmsg_free(skb);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	return deliver(sa, skb, message, about_message(received));
}

/**
 * ikefp_upcall_exchange_timeout() - tell the worker that a request was given up
 * @sa: the SA, locked
 * @exchange: the request, still there
 *
 * Context: any.
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_upcall_exchange_timeout(struct ikefp_sa *sa, const struct ikefp_exchange *exchange)
{
	struct sk_buff *skb = genlmsg_new(FIXED_ATTRS_LEN, UPCALL_GFP);
	void *message;

	if (!skb)
		return IKEFP_A_STATS_DROP_MEMORY;
	message = genlmsg_put(skb, 0, 0, upcall_family, 0, IKEFP_CMD_EXCHANGE_TIMEOUT);
	if (!message || put_u64(skb, IKEFP_A_MESSAGE_SPI, sa->spi) ||
	    nla_put_u8(skb, IKEFP_A_MESSAGE_EXCHANGE_TYPE, exchange->exchange_type) ||
	    nla_put_u32(skb, IKEFP_A_MESSAGE_MESSAGE_ID, exchange->message_id)) {
		WARN_ON_ONCE(1);
		nlmsg_free(skb);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	return deliver(sa, skb, message, (struct ikefp_about){
		.what = IKEFP_ABOUT_OUTCOME,
		.message_id = exchange->message_id,
	});
}

/* What has become of an SA; @path, where it leads now, may be NULL. */
static int upcall_sa(struct ikefp_sa *sa, u8 command, const struct ikefp_path *path)
{
	struct sk_buff *skb = genlmsg_new(FIXED_ATTRS_LEN, UPCALL_GFP);
	void *message;

	if (!skb)
		return IKEFP_A_STATS_DROP_MEMORY;
	message = genlmsg_put(skb, 0, 0, upcall_family, 0, command);
	if (!message || put_u64(skb, IKEFP_A_MESSAGE_SPI, sa->spi) ||
	    (path && put_path(skb, path))) {
		WARN_ON_ONCE(1);
		nlmsg_free(skb);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	return deliver(sa, skb, message, (struct ikefp_about){ .what = IKEFP_ABOUT_SA });
}

/**
 * ikefp_upcall_sa_expired() - tell the worker that a half-open SA's time is up
 * @sa: the SA, locked
 *
 * Context: any.
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_upcall_sa_expired(struct ikefp_sa *sa)
{
	return upcall_sa(sa, IKEFP_CMD_SA_EXPIRED, NULL);
}

/**
 * ikefp_upcall_sa_moved() - tell the worker where the peer is now
 * @sa: the SA, locked
 *
 * Context: any.
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_upcall_sa_moved(struct ikefp_sa *sa)
{
	return upcall_sa(sa, IKEFP_CMD_SA_MOVED, &sa->path);
}

/**
 * ikefp_upcall_sa_dead() - tell the worker that the peer gives no sign of life
 * @sa: the SA, locked
 *
 * Context: any.
 * Return: 0, or the counter of the reason why not (IKEFP_A_STATS_DROP_*).
 */
int ikefp_upcall_sa_dead(struct ikefp_sa *sa)
{
	return upcall_sa(sa, IKEFP_CMD_SA_DEAD, NULL);
}

/**
 * ikefp_upcall_stream_closed() - tell a stream's worker that it has ended
 * @stream: the stream
 *
 * Context: process.
 * Return: whether it was told, or there is no such worker.
 */
bool ikefp_upcall_stream_closed(struct ikefp_stream *stream)
{
	struct sk_buff *skb = genlmsg_new(FIXED_ATTRS_LEN, GFP_KERNEL);
	struct ikefp_worker *worker;
	void *message;
	int err = -ECONNREFUSED;

	if (!skb)
		return false;
	message = genlmsg_put(skb, 0, 0, upcall_family, 0, IKEFP_CMD_STREAM_CLOSED);
	if (!message || nla_put_u32(skb, IKEFP_A_STREAM_STREAM, stream->id)) {
		WARN_ON_ONCE(1);
		nlmsg_free(skb);
		return true;
	}
	genlmsg_end(skb, message);
	rcu_read_lock();
	worker = ikefp_worker_find(stream->ctx, READ_ONCE(stream->worker));
	if (worker)
		err = ikefp_worker_deliver(worker, skb);
	else
		nlmsg_free(skb);
	rcu_read_unlock();
	return !err || err == -ECONNREFUSED;
}
