// SPDX-License-Identifier: GPL-2.0
/*
 * An IKE message from the wire goes through these steps; each drops what fails it,
 * with a counter of its own:
 *
 * 1. the header (wire.c); another major version is answered, within a rate limit;
 * 2. the SA: an IKE_SA_INIT request makes one, if there is no flood of them (flood.c),
 *    all else must name one by its SPIs;
 * 3. a duplicate of the latest request is answered from the cache, if its octets are
 *    the request's and it comes from the host that the request came from;
 * 4. a request must be the next, a response that of the outstanding request;
 * 5. it is opened with the SA's keys, a fragment (RFC 7383) too, which is kept until
 *    the last of its message has come, and then
 * 6. an empty INFORMATIONAL request is answered here, and everything else goes to the
 *    SA's worker; only when it is in the worker's socket, or waits for the orphan's
 *    adoption, has it been received: the window moves, the timer stops. Otherwise it is
 *    as if lost on the way.
 * 7. What has been received is a sign of life; and where it came from, the SA goes from
 *    then on, if it may follow its peer (RFC 7296 section 2.23).
 *
 * Until step 5 nothing of the SA changes. Responses to a raw request are never
 * authentic: they go up, each different one once, and change nothing.
 */

#include <linux/netlink.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>

#include "crypto.h"
#include "datagram.h"
#include "flood.h"
#include "listener.h"
#include "message.h"
#include "monitor.h"
#include "orphan.h"
#include "reassembly.h"
#include "sa.h"
#include "seal.h"
#include "timers.h"
#include "trace.h"
#include "transmit.h"
#include "upcall.h"
#include "window.h"
#include "worker.h"

static void outgoing_set(struct ikefp_outgoing *out, struct ikefp_datagram *octets,
			 const struct ikefp_path *path)
{
	out->octets = ikefp_datagram_hold(octets);
	ikefp_path_set(&out->path, path);
}

/**
 * ikefp_outgoing_send() - transmit what was decided under an SA's lock
 * @ctx: the namespace, which counts it
 * @out: what, and which way; what it holds is put
 *
 * What the network does not take now is lost like any datagram.
 *
 * Context: any, without the lock.
 */
void ikefp_outgoing_send(struct ikefp_context *ctx, struct ikefp_outgoing *out)
{
	if (!out->octets)
		return;
	ikefp_transmit_message(ctx, &out->path, out->octets);
	ikefp_datagram_put(out->octets);
	ikefp_path_put(&out->path);
}

static void drop(struct ikefp_context *ctx, int reason, const struct ikefp_header *header)
{
	ikefp_count(ctx, reason);
	trace_ikefp_drop(ctx->net, reason, header->spi_i, header->spi_r, header->exchange_type,
			 header->message_id);
}

static u64 digest(const struct ikefp_context *ctx, const struct sk_buff *skb)
{
	return siphash(skb->data, skb->len, &ctx->digest_key);
}

/* Sealed messages */

/* What goes out to the peer keeps a NAT's mapping alive. */
static void note_sent(struct ikefp_sa *sa, const struct ikefp_path *path)
{
	if (ikefp_path_same_remote(&sa->path, path))
		sa->last_out = jiffies;
}

/*
 * A new message was received: the peer lives, and is where that came from. An SA keeps
 * its family and the kind of its port, which say how ESP goes.
 */
static void heard(struct ikefp_sa *sa, const struct ikefp_path *path)
{
	ikefp_timers_heard(sa);
	if (!sa->follow || sa->state != IKEFP_SA_STATE_ESTABLISHED ||
	    ikefp_path_same_remote(&sa->path, path) ||
	    sa->path.listener->family != path->listener->family ||
	    sa->path.listener->kind != path->listener->kind)
		return;
	ikefp_path_set(&sa->path, path);
	ikefp_count(sa->ctx, IKEFP_A_STATS_SAS_MOVED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_MOVED);
	trace_ikefp_sa_moved(sa->ctx->net, sa->spi, sa->peer_spi);
	ikefp_timers_moved(sa);
}

/* The answer to the latest request, which it is kept for. */
static void answered(struct ikefp_sa *sa, struct ikefp_datagram *octets, struct ikefp_outgoing *out)
{
	sa->answer.octets = octets;
	sa->answer.fragment_size = sa->fragment_size;
	sa->answer.copies = 1;
	sa->messages_out++;
	note_sent(sa, &sa->answer.path);
	outgoing_set(out, octets, &sa->answer.path);
}

/* A sealed message, opened. */
struct opened {
	u64 digest; /* of its octets, or of those of its fragment 1 */
	u16 total; /* datagrams that it came in */
	struct ikefp_reassembled whole; /* where it came in fragments */
};

static void count_opened(struct ikefp_sa *sa, const struct opened *opened)
{
	sa->messages_in++;
	if (opened->whole.octets) {
		/* At no moment is there a fragment too many that waits for others. */
		ikefp_count(sa->ctx, IKEFP_A_STATS_REASSEMBLED);
		ikefp_count(sa->ctx, IKEFP_A_STATS_RX_FRAGMENTS);
	}
}

/*
 * A request was received: from here on the one before it is forgotten. That the peer
 * sends another shows that it has the answer to that.
 */
static void accepted_request(struct ikefp_sa *sa, const struct ikefp_header *header,
			     const struct opened *opened, const struct ikefp_path *path)
{
	if (sa->answer.octets)
		ikefp_seal_size_served(sa, sa->answer.fragment_size);
	ikefp_reassembly_forget(&sa->request_fragments);
	ikefp_datagram_put(sa->answer.octets);
	sa->answer.octets = NULL;
	sa->answer.known = true;
	sa->answer.exchange_type = header->exchange_type;
	sa->answer.digest = opened->digest;
	sa->answer.request_total = opened->total;
	ikefp_path_set(&sa->answer.path, path);
	sa->next_in++;
	count_opened(sa, opened);
	/*
	 * What a worker had in its hands when it died is taken again; it is not new, and
	 * anybody may have recorded it.
	 */
	if (header->message_id < sa->newest_in)
		return;
	sa->newest_in = header->message_id + 1;
	heard(sa, path);
}

/*
 * Whether these are the octets of the latest request. Of a fragmented one, the first
 * fragment stands for all (RFC 7383 section 2.6.1). The peer may have cut it anew into
 * more and smaller fragments; then the octets differ, but they are authentic, and it
 * is by them that the request is known from then on.
 */
static int check_duplicate(struct ikefp_sa *sa, struct sk_buff *skb, u8 exchange_type)
{
	struct ikefp_fragment fragment = { .total = 1 };
	u64 skb_digest;
	u32 inner_len;
	u8 *inner;
	int reason;

	/* The header is in the linear part. */
	if (skb->data[16] == IKEFP_PAYLOAD_SKF) {
		if (!sa->fragments)
			return IKEFP_A_STATS_DROP_FRAGMENT;
		if (skb_linearize(skb))
			return IKEFP_A_STATS_DROP_MEMORY;
		reason = ikefp_wire_check_skf(skb->data, skb->len, &fragment);
		if (reason)
			return reason;
		if (fragment.number != 1)
			return IKEFP_A_STATS_DROP_FRAGMENT_DUPLICATE;
	}
	if (skb_linearize(skb))
		return IKEFP_A_STATS_DROP_MEMORY;
	skb_digest = digest(sa->ctx, skb);
	if (sa->answer.digest == skb_digest)
		return 0;
	if (fragment.total <= sa->answer.request_total || !sa->crypto ||
	    exchange_type != sa->answer.exchange_type)
		return IKEFP_A_STATS_DROP_DIGEST;
	if (skb_ensure_writable(skb, skb->len))
		return IKEFP_A_STATS_DROP_MEMORY;
	reason = ikefp_crypto_open(sa->crypto, skb->data, IKEFP_SKF_HEADERS_LEN, skb->len, &inner,
				   &inner_len);
	if (reason)
		return reason;
	sa->answer.digest = skb_digest;
	sa->answer.request_total = fragment.total;
	return 0;
}

static int receive_duplicate(struct ikefp_sa *sa, struct sk_buff *skb,
			     const struct ikefp_header *header, const struct ikefp_path *path,
			     struct ikefp_outgoing *out)
{
	int reason;

	if (!sa->answer.known)
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	/*
	 * A NAT may have given the peer another port since; an answer to another host
	 * would be one that this host did not ask for. Where the request came from need not
	 * be where the peer is: whoever saw it may have sent it first.
	 */
	if (!ikefp_path_same_host(&sa->answer.path, path) &&
	    !ikefp_path_same_host(&sa->path, path))
		return IKEFP_A_STATS_DROP_SOURCE;
	reason = check_duplicate(sa, skb, header->exchange_type);
	if (reason)
		return reason;
	sa->duplicates++;
	if (!sa->answer.octets)
		return IKEFP_A_STATS_DROP_IN_PROGRESS;
	ikefp_count(sa->ctx, IKEFP_A_STATS_DUPLICATES_ANSWERED);
	ikefp_seal_next_copy(sa, path, &sa->answer.octets, &sa->answer.fragment_size,
			     &sa->answer.copies);
	note_sent(sa, path);
	outgoing_set(out, sa->answer.octets, path);
	return 0;
}

static int open_fragment(struct ikefp_sa *sa, struct sk_buff *skb,
			 struct ikefp_reassembly **fragments, struct ikefp_received *received,
			 struct opened *opened)
{
	u32 max = ikefp_policy_get(&sa->ctx->policy, MAX_REASSEMBLY_OCTETS);
	const struct ikefp_header *header = received->header;
	/* Strangers leave room for those that are known. */
	const struct ikefp_reassembly_limit limit = {
		.used = &sa->ctx->reassembly_octets,
		.max = sa->state == IKEFP_SA_STATE_ESTABLISHED ? max : max / 2,
	};
	struct ikefp_fragment fragment;
	int reason;

	if (!sa->fragments)
		return IKEFP_A_STATS_DROP_FRAGMENT;
	reason = ikefp_wire_check_skf(skb->data, skb->len, &fragment);
	if (reason)
		return reason;
	reason = ikefp_reassembly_add(fragments, sa->crypto, &limit, header, &fragment,
				      opened->digest, skb->data, &opened->whole);
	if (reason == -EINPROGRESS)
		ikefp_count(sa->ctx, IKEFP_A_STATS_RX_FRAGMENTS);
	else if (reason)
		return reason;
	trace_ikefp_fragment(sa->ctx->net, sa->spi, header->exchange_type, header->message_id,
			     fragment.number, fragment.total, !reason);
	if (reason)
		return reason;
	opened->total = fragment.total;
	opened->digest = opened->whole.digest;
	received->first_payload = opened->whole.first_payload;
	received->payload = opened->whole.octets;
	received->payload_len = opened->whole.len;
	return 0;
}

static int open_whole(struct ikefp_sa *sa, struct sk_buff *skb, struct ikefp_received *received)
{
	u8 *inner;
	int reason;

	reason = ikefp_wire_check_sk(skb->data, skb->len, &received->first_payload);
	if (reason)
		return reason;
	reason = ikefp_crypto_open(sa->crypto, skb->data, IKEFP_SK_HEADERS_LEN, skb->len, &inner,
				   &received->payload_len);
	if (reason)
		return reason;
	received->payload = inner;
	return 0;
}

/*
 * -EINPROGRESS where it is a fragment that is kept in @fragments, and others of the
 * message are missing.
 */
static int open_sealed(struct ikefp_sa *sa, struct sk_buff *skb,
		       struct ikefp_reassembly **fragments, struct ikefp_received *received,
		       struct opened *opened)
{
	int reason;

	if (skb_ensure_writable(skb, skb->len))
		return IKEFP_A_STATS_DROP_MEMORY;
	opened->digest = digest(sa->ctx, skb);
	opened->total = 1;
	if (received->header->first_payload == IKEFP_PAYLOAD_SKF)
		reason = open_fragment(sa, skb, fragments, received, opened);
	else
		reason = open_whole(sa, skb, received);
	if (reason)
		return reason;
	if (!received->payload_len != !received->first_payload)
		return IKEFP_A_STATS_DROP_MALFORMED;
	return 0;
}

/* A request that asks for nothing but a sign of life (RFC 7296 section 1.4). */
static int answer_liveness(struct ikefp_sa *sa, const struct ikefp_received *received,
			   const struct opened *opened, struct ikefp_outgoing *out)
{
	const struct ikefp_inner empty = { .exchange_type = IKEFP_INFORMATIONAL };
	struct ikefp_datagram *octets;

	octets = ikefp_datagram_new(sa->ctx, ikefp_seal_room(sa, 0), ikefp_sa_cache_limit(sa),
				    GFP_ATOMIC);
	if (IS_ERR(octets))
		return PTR_ERR(octets) == -ENOSPC ? IKEFP_A_STATS_DROP_CACHE_LIMIT :
						    IKEFP_A_STATS_DROP_MEMORY;
	if (ikefp_seal(sa, &empty, true, received->header->message_id, received->path, octets)) {
		ikefp_datagram_put(octets);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	accepted_request(sa, received->header, opened, received->path);
	answered(sa, octets, out);
	ikefp_count(sa->ctx, IKEFP_A_STATS_LIVENESS_ANSWERED);
	return 0;
}

static int receive_request(struct ikefp_sa *sa, struct sk_buff *skb,
			   struct ikefp_received *received, struct opened *opened,
			   struct ikefp_outgoing *out)
{
	const struct ikefp_header *header = received->header;
	int reason;

	switch (ikefp_window_check(sa->next_in, header->message_id)) {
	case IKEFP_WINDOW_DUPLICATE:
		return receive_duplicate(sa, skb, header, received->path, out);
	case IKEFP_WINDOW_OUTSIDE:
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	case IKEFP_WINDOW_NEW:
		break;
	}
	if (sa->state == IKEFP_SA_STATE_LINGERING)
		return IKEFP_A_STATS_DROP_UNKNOWN_SPI;
	if (!sa->crypto)
		return IKEFP_A_STATS_DROP_NO_KEYS;
	/* The window is one: no request before the last is answered. */
	if (sa->answer.known && !sa->answer.octets)
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	reason = open_sealed(sa, skb, &sa->request_fragments, received, opened);
	if (reason == -EINPROGRESS)
		ikefp_timers_fragment_kept(sa);
	if (reason)
		return reason;

	if (header->exchange_type == IKEFP_INFORMATIONAL && !received->payload_len &&
	    sa->state == IKEFP_SA_STATE_ESTABLISHED)
		return answer_liveness(sa, received, opened, out);

	reason = ikefp_upcall_message(sa, received);
	if (reason)
		return reason;
	accepted_request(sa, header, opened, received->path);
	return 0;
}

static int receive_response(struct ikefp_sa *sa, struct sk_buff *skb,
			    struct ikefp_received *received, struct opened *opened,
			    struct ikefp_outgoing *out)
{
	const struct ikefp_header *header = received->header;
	struct ikefp_exchange *exchange = &sa->exchange;
	int reason;

	if (!exchange->octets || exchange->over || exchange->raw ||
	    exchange->message_id != header->message_id ||
	    exchange->exchange_type != header->exchange_type)
		return IKEFP_A_STATS_DROP_STALE_RESPONSE;
	reason = open_sealed(sa, skb, &exchange->fragments, received, opened);
	if (reason)
		return reason;
	/* What was asked for no reason but a sign of life is nobody's but ours. */
	reason = exchange->liveness ? 0 : ikefp_upcall_message(sa, received);
	if (reason)
		return reason;

	if (exchange->tries == 1)
		ikefp_rtt_sample(&sa->rtt, ktime_us_delta(ktime_get(), exchange->first_sent));
	ikefp_seal_size_served(sa, exchange->fragment_size);
	count_opened(sa, opened);
	heard(sa, received->path);
	if (ikefp_timers_next_request(sa))
		outgoing_set(out, exchange->octets, &sa->path);
	return 0;
}

/* Raw messages */

static bool seen_before(struct ikefp_sa *sa, u64 response_digest)
{
	int i;

	for (i = 0; i < IKEFP_RESPONSES_SEEN; i++) {
		if (sa->responses_seen[i] == response_digest)
			return true;
	}
	return false;
}

static int receive_raw_response(struct ikefp_sa *sa, struct sk_buff *skb,
				struct ikefp_received *received)
{
	const struct ikefp_header *header = received->header;
	struct ikefp_exchange *exchange = &sa->exchange;
	u64 response_digest;
	int reason;

	if (!exchange->octets || exchange->over || !exchange->raw)
		return IKEFP_A_STATS_DROP_STALE_RESPONSE;
	if (!ikefp_path_same_remote(&sa->path, received->path))
		return IKEFP_A_STATS_DROP_SOURCE;
	if (skb_linearize(skb))
		return IKEFP_A_STATS_DROP_MEMORY;
	if (!ikefp_wire_check_payloads(skb->data + IKEFP_HEADER_LEN, skb->len - IKEFP_HEADER_LEN,
				       header->first_payload))
		return IKEFP_A_STATS_DROP_MALFORMED;
	response_digest = digest(sa->ctx, skb);
	if (seen_before(sa, response_digest))
		return IKEFP_A_STATS_DROP_STALE_RESPONSE;

	received->raw = true;
	received->first_payload = header->first_payload;
	received->payload = skb->data;
	received->payload_len = skb->len;
	reason = ikefp_upcall_message(sa, received);
	if (reason)
		return reason;
	sa->responses_seen[sa->responses_seen_next++ % IKEFP_RESPONSES_SEEN] = response_digest;
	/* Of each request the first answer, good or not: later ones tell less. */
	if (exchange->tries == 1 && !sa->init_rtt_us) {
		s64 rtt_us = ktime_us_delta(ktime_get(), exchange->first_sent);

		sa->init_rtt_us = clamp_t(s64, rtt_us, 1, U32_MAX);
	}
	sa->messages_in++;
	return 0;
}

/* A first request whose octets made an SA before. */
static int receive_init_duplicate(struct ikefp_sa *sa, const struct ikefp_path *path,
				  struct ikefp_outgoing *out)
{
	int reason = 0;

	spin_lock_bh(&sa->lock);
	sa->duplicates++;
	if (!sa->init.response) {
		reason = IKEFP_A_STATS_DROP_IN_PROGRESS;
	} else if (!ikefp_flood_may_answer(sa->ctx, path, sa->init.source.proved)) {
		reason = IKEFP_A_STATS_DROP_SOURCE_RATE;
	} else {
		ikefp_count(sa->ctx, IKEFP_A_STATS_DUPLICATES_ANSWERED);
		outgoing_set(out, sa->init.response, path);
	}
	spin_unlock_bh(&sa->lock);
	return reason;
}

/* The first message of an SA to be: nothing is known of its sender. */
static int receive_init(struct ikefp_context *ctx, struct sk_buff *skb,
			const struct ikefp_header *header, const struct ikefp_path *path,
			struct ikefp_outgoing *out)
{
	struct ikefp_received received = {
		.header = header,
		.path = path,
		.raw = true,
		.first_payload = header->first_payload,
	};
	struct ikefp_init_key key = {
		.remote = path->remote,
		.remote_port = path->remote_port,
		.family = path->listener->family,
		.ifindex = path->ifindex,
	};
	struct ikefp_init_payloads init;
	struct ikefp_init_source source;
	struct ikefp_worker *worker;
	struct ikefp_sa *sa;
	int reason;

	if (skb_linearize(skb))
		return IKEFP_A_STATS_DROP_MEMORY;
	if (!ikefp_wire_get_init(skb->data + IKEFP_HEADER_LEN, skb->len - IKEFP_HEADER_LEN,
				 header->first_payload, &init))
		return IKEFP_A_STATS_DROP_MALFORMED;
	key.digest = digest(ctx, skb);
	sa = ikefp_sa_find_init(ctx, &key);
	if (sa)
		return receive_init_duplicate(sa, path, out);

	/* Before memory is spent on it. */
	if (!READ_ONCE(ctx->worker_count))
		return IKEFP_A_STATS_DROP_NO_WORKER;
	reason = ikefp_flood_admit(ctx, header, &init, path, &source);
	if (reason)
		return reason;
	worker = ikefp_worker_least_loaded(ctx);
	if (!worker || !ikefp_worker_hold(worker))
		return IKEFP_A_STATS_DROP_NO_WORKER;
	sa = ikefp_sa_new_responder(ctx, header->spi_i, worker, &key, &source, path, &reason);
	ikefp_worker_put(worker);
	if (!sa)
		return reason;
	received.payload = skb->data;
	received.payload_len = skb->len;
	spin_lock_bh(&sa->lock);
	reason = ikefp_upcall_message(sa, &received);
	if (reason) {
		ikefp_sa_bury(sa);
	} else {
		sa->messages_in++;
		ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_CREATED);
		ikefp_timers_update(sa);
	}
	spin_unlock_bh(&sa->lock);
	ikefp_sa_put(sa);
	return reason;
}

/* Every message */

static int receive_for_sa(struct ikefp_context *ctx, struct sk_buff *skb,
			  const struct ikefp_header *header, const struct ikefp_path *path,
			  struct ikefp_outgoing *out)
{
	bool from_initiator = ikefp_header_is_from_initiator(header);
	u64 own_spi = from_initiator ? header->spi_r : header->spi_i;
	u64 peer_spi = from_initiator ? header->spi_i : header->spi_r;
	struct ikefp_received received = { .header = header, .path = path };
	struct opened opened = {};
	struct ikefp_sa *sa = ikefp_sa_find(ctx, own_spi);
	int reason;

	if (!sa)
		return IKEFP_A_STATS_DROP_UNKNOWN_SPI;
	spin_lock_bh(&sa->lock);
	if (ikefp_orphan_check(sa))
		ikefp_timers_update(sa);
	if (sa->dead)
		reason = IKEFP_A_STATS_DROP_UNKNOWN_SPI;
	else if (from_initiator == (sa->role == IKEFP_ROLE_INITIATOR))
		reason = IKEFP_A_STATS_DROP_FLAGS;
	else if (header->exchange_type == IKEFP_IKE_SA_INIT)
		reason = receive_raw_response(sa, skb, &received);
	else if (sa->peer_spi != peer_spi)
		reason = IKEFP_A_STATS_DROP_UNKNOWN_SPI;
	else if (ikefp_header_is_response(header))
		reason = receive_response(sa, skb, &received, &opened, out);
	else
		reason = receive_request(sa, skb, &received, &opened, out);
	spin_unlock_bh(&sa->lock);
	ikefp_reassembled_free(&opened.whole);
	return reason == -EINPROGRESS ? 0 : reason;
}

/*
 * A higher major version is answered with ours (RFC 7296 section 2.5), unless the
 * answer would be longer than what it answers.
 */
static int answer_version(struct ikefp_context *ctx, const struct ikefp_header *header,
			  u32 len, const struct ikefp_path *path)
{
	u8 answer[IKEFP_INVALID_MAJOR_VERSION_LEN];

	if (header->version < IKEFP_VERSION_2_0 || ikefp_header_is_response(header) ||
	    len < sizeof(answer))
		return IKEFP_A_STATS_DROP_VERSION;
	if (!ikefp_flood_may_answer(ctx, path, false))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	if (!ikefp_flood_may_answer_version(ctx))
		return IKEFP_A_STATS_DROP_RATE_LIMIT;
	ikefp_wire_put_invalid_major_version(answer, header);
	ikefp_transmit(ctx, path, answer, sizeof(answer));
	ikefp_count(ctx, IKEFP_A_STATS_INVALID_MAJOR_VERSION_SENT);
	return IKEFP_A_STATS_DROP_VERSION;
}

/**
 * ikefp_message_receive() - take an IKE message from the wire
 * @ctx: the namespace
 * @skb: the datagram, its data beginning with the IKE header; stays the caller's, its
 *       octets may be changed
 * @path: where it came to and from
 *
 * Context: softirq, under RCU.
 * Return: whether it was taken, or else dropped.
 */
bool ikefp_message_receive(struct ikefp_context *ctx, struct sk_buff *skb,
			   const struct ikefp_path *path)
{
	struct ikefp_header header = {};
	struct ikefp_outgoing out = {};
	int reason;

	ikefp_count(ctx, IKEFP_A_STATS_RX_MESSAGES);
	if (!pskb_may_pull(skb, IKEFP_HEADER_LEN)) {
		drop(ctx, IKEFP_A_STATS_DROP_SHORT, &header);
		return false;
	}
	ikefp_wire_get_header(skb->data, &header);
	reason = ikefp_wire_check_header(&header, skb->len);
	if (reason == IKEFP_A_STATS_DROP_VERSION)
		reason = answer_version(ctx, &header, skb->len, path);
	else if (!reason && header.exchange_type == IKEFP_IKE_SA_INIT &&
		 !ikefp_header_is_response(&header))
		reason = receive_init(ctx, skb, &header, path, &out);
	else if (!reason)
		reason = receive_for_sa(ctx, skb, &header, path, &out);
	if (reason)
		drop(ctx, reason, &header);
	ikefp_outgoing_send(ctx, &out);
	return !reason;
}

/* To the wire */

static void start_exchange(struct ikefp_sa *sa, struct ikefp_datagram *octets, bool raw,
			   u8 exchange_type, u32 message_id)
{
	ikefp_sa_forget_exchange(sa);
	sa->init_rtt_us = 0;
	sa->exchange.octets = ikefp_datagram_hold(octets);
	sa->exchange.raw = raw;
	sa->exchange.exchange_type = exchange_type;
	sa->exchange.message_id = message_id;
	sa->exchange.fragment_size = raw ? 0 : sa->fragment_size;
	sa->exchange.copies = 1;
	ikefp_timers_request_sent(sa);
	sa->messages_out++;
	sa->last_out = jiffies;
}

/**
 * ikefp_message_ask_liveness() - ask the peer for a sign of life
 * @sa: the SA, locked, established, with no request outstanding
 *
 * RFC 7296 section 2.4. The request is the SA's exchange then, for the caller to
 * transmit.
 *
 * Context: any.
 * Return: 0; -EOVERFLOW when the SA has no message IDs left, -ENOMEM, or the crypto
 * API's error.
 */
int ikefp_message_ask_liveness(struct ikefp_sa *sa)
{
	const struct ikefp_inner empty = { .exchange_type = IKEFP_INFORMATIONAL };
	struct ikefp_datagram *octets;
	int err;

	if (sa->next_out == U32_MAX)
		return -EOVERFLOW;
	octets = ikefp_datagram_new(sa->ctx, ikefp_seal_room(sa, 0), ikefp_sa_cache_limit(sa),
				    GFP_ATOMIC);
	if (IS_ERR(octets))
		return PTR_ERR(octets);
	err = ikefp_seal(sa, &empty, false, sa->next_out, &sa->path, octets);
	if (!err) {
		start_exchange(sa, octets, false, IKEFP_INFORMATIONAL, sa->next_out++);
		sa->exchange.liveness = true;
	}
	ikefp_datagram_put(octets);
	return err;
}

/* To the wire, for the helper */

static int not_there(struct netlink_ext_ack *extack)
{
	NL_SET_ERR_MSG(extack, "the SA is deleted");
	return -ENOENT;
}

static bool is_gone(const struct ikefp_sa *sa)
{
	return sa->dead || sa->state == IKEFP_SA_STATE_LINGERING;
}

static int send_raw_request(struct ikefp_sa *sa, const struct ikefp_header *header,
			    struct ikefp_datagram *octets, struct ikefp_outgoing *out,
			    struct netlink_ext_ack *extack)
{
	if (sa->role != IKEFP_ROLE_INITIATOR || header->spi_i != sa->spi) {
		NL_SET_ERR_MSG(extack, "a raw request goes from an initiator's SA, with its SPI");
		return -EINVAL;
	}
	if (sa->crypto) {
		NL_SET_ERR_MSG(extack, "the SA has keys: IKE_SA_INIT is over");
		return -EINVAL;
	}
	start_exchange(sa, octets, true, header->exchange_type, 0);
	outgoing_set(out, octets, &sa->path);
	return 0;
}

static int send_raw_response(struct ikefp_sa *sa, const struct ikefp_header *header,
			     struct ikefp_datagram *octets, struct ikefp_outgoing *out,
			     struct netlink_ext_ack *extack)
{
	if (sa->role != IKEFP_ROLE_RESPONDER || header->spi_i != sa->peer_spi ||
	    (header->spi_r && header->spi_r != sa->spi)) {
		NL_SET_ERR_MSG(extack, "a raw response goes from a responder's SA, with its SPIs");
		return -EINVAL;
	}
	if (!sa->init.hashed || sa->init.response) {
		NL_SET_ERR_MSG(extack, "no IKE_SA_INIT request waits for a response");
		return -EINVAL;
	}
	sa->init.response = ikefp_datagram_hold(octets);
	sa->messages_out++;
	outgoing_set(out, octets, &sa->path);
	return 0;
}

/**
 * ikefp_message_send_raw() - send an IKE_SA_INIT message
 * @sa: the SA, held
 * @octets: the message from its IKE header on; another hold is taken as needed
 * @extack: what to tell the caller
 *
 * A request is retransmitted until keys are set, another request takes its place, or
 * it is given up. A response is sent again for each duplicate of the request.
 *
 * Context: process.
 * Return: 0, even where the network did not take this copy; -EINVAL for octets that
 * do not fit the SA, -ENOENT when it was deleted.
 */
int ikefp_message_send_raw(struct ikefp_sa *sa, struct ikefp_datagram *octets,
			   struct netlink_ext_ack *extack)
{
	struct ikefp_header header;
	struct ikefp_outgoing out = {};
	int err;

	if (octets->len < IKEFP_HEADER_LEN) {
		NL_SET_ERR_MSG(extack, "a raw message begins with an IKE header");
		return -EINVAL;
	}
	ikefp_wire_get_header(octets->octets, &header);
	if (ikefp_wire_check_header(&header, octets->len) ||
	    header.exchange_type != IKEFP_IKE_SA_INIT ||
	    !ikefp_wire_check_payloads(octets->octets + IKEFP_HEADER_LEN,
				       octets->len - IKEFP_HEADER_LEN, header.first_payload)) {
		NL_SET_ERR_MSG(extack, "a raw message must be a well-formed IKE_SA_INIT message");
		return -EINVAL;
	}

	spin_lock_bh(&sa->lock);
	if (is_gone(sa))
		err = not_there(extack);
	else if (ikefp_header_is_response(&header))
		err = send_raw_response(sa, &header, octets, &out, extack);
	else
		err = send_raw_request(sa, &header, octets, &out, extack);
	spin_unlock_bh(&sa->lock);
	ikefp_outgoing_send(sa->ctx, &out);
	return err;
}

static void wait_for_turn(struct ikefp_sa *sa, struct ikefp_datagram *octets,
			  u8 exchange_type, u32 message_id)
{
	sa->next_request.octets = ikefp_datagram_hold(octets);
	sa->next_request.exchange_type = exchange_type;
	sa->next_request.message_id = message_id;
	sa->next_request.fragment_size = sa->fragment_size;
}

/**
 * ikefp_message_send_request() - send a sealed request
 * @sa: the SA, held
 * @inner: its payloads
 * @room: a datagram as long as ikefp_seal_room() says
 * @message_id: where the ID that it got goes
 * @out: what the caller is to send then, zeroed
 * @extack: what to tell the caller
 *
 * While the peer is being asked for a sign of life it waits for the end of that.
 *
 * Context: process.
 * Return: 0; -ENOKEY without keys,
 * -EBUSY while another request is outstanding, -EOVERFLOW when the SA has no message
 * IDs left, -EMSGSIZE, -ENOENT when it was deleted, or the crypto API's error.
 */
int ikefp_message_send_request(struct ikefp_sa *sa, const struct ikefp_inner *inner,
			       struct ikefp_datagram *room, u32 *message_id,
			       struct ikefp_outgoing *out, struct netlink_ext_ack *extack)
{
	int err;

	spin_lock_bh(&sa->lock);
	if (is_gone(sa)) {
		err = not_there(extack);
	} else if (!sa->crypto) {
		NL_SET_ERR_MSG(extack, "the SA has no keys yet");
		err = -ENOKEY;
	} else if (sa->next_request.octets || (sa->exchange.octets && !sa->exchange.liveness)) {
		NL_SET_ERR_MSG(extack, "another request is outstanding");
		err = -EBUSY;
	} else if (sa->next_out == U32_MAX) {
		NL_SET_ERR_MSG(extack, "the SA has no message IDs left");
		err = -EOVERFLOW;
	} else {
		err = ikefp_seal(sa, inner, false, sa->next_out, &sa->path, room);
		if (err)
			NL_SET_ERR_MSG(extack, "the message cannot be sealed");
	}
	if (!err) {
		*message_id = sa->next_out++;
		if (sa->exchange.octets) {
			wait_for_turn(sa, room, inner->exchange_type, *message_id);
		} else {
			start_exchange(sa, room, false, inner->exchange_type, *message_id);
			outgoing_set(out, room, &sa->path);
		}
	}
	spin_unlock_bh(&sa->lock);
	return err;
}

/**
 * ikefp_message_send_response() - answer a sealed request
 * @sa: the SA, held
 * @inner: the answer's payloads
 * @message_id: the request's
 * @room: a datagram as long as ikefp_seal_room() says
 * @extack: what to tell the caller
 *
 * It goes where the request came from, and is kept for the request's duplicates.
 *
 * Context: process.
 * Return: 0, even where the network did not take this copy; -EINVAL where no such
 * request waits, -EMSGSIZE, -ENOENT when the SA was deleted, or the crypto API's error.
 */
int ikefp_message_send_response(struct ikefp_sa *sa, const struct ikefp_inner *inner,
				u32 message_id, struct ikefp_datagram *room,
				struct netlink_ext_ack *extack)
{
	struct ikefp_answer *answer = &sa->answer;
	struct ikefp_outgoing out = {};
	int err;

	spin_lock_bh(&sa->lock);
	if (is_gone(sa)) {
		err = not_there(extack);
	} else if (!answer->known || answer->octets || message_id != sa->next_in - 1 ||
		   inner->exchange_type != answer->exchange_type) {
		NL_SET_ERR_MSG(extack, "no such request waits for a response");
		err = -EINVAL;
	} else {
		err = ikefp_seal(sa, inner, true, message_id, &answer->path, room);
		if (err)
			NL_SET_ERR_MSG(extack, "the message cannot be sealed");
		else
			answered(sa, ikefp_datagram_hold(room), &out);
	}
	spin_unlock_bh(&sa->lock);
	ikefp_outgoing_send(sa->ctx, &out);
	return err;
}
