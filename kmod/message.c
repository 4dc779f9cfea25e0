// SPDX-License-Identifier: GPL-2.0
/*
 * An IKE message from the wire goes through these steps; each drops what fails it,
 * with a counter of its own:
 *
 * 1. the header (wire.c); another major version is answered, within a rate limit;
 * 2. the SA: an IKE_SA_INIT request makes one, if there is no flood of them (flood.c),
 *    all else must name one by its SPIs;
 * 3. a duplicate of one of the latest requests is answered from the cache, if its octets
 *    are the request's and it comes from the host that the request came from;
 * 4. a request must be the next, a response that of the outstanding request;
 * 5. it is opened with the SA's keys, a fragment (RFC 7383) too, which is kept until
 *    the last of its message has come, and then
 * 6. an empty INFORMATIONAL request is answered here, and everything else goes to the
 *    SA's worker; only when it is in the worker's socket, or waits for the orphan's
 *    adoption, has it been received: the window moves, the timer stops. Otherwise it is
 *    as if lost on the way.
 * 7. What has been received is a sign of life; and where it came from, the SA goes from
 *    then on, if it may follow its peer (RFC 7296 section 2.23), or if that is another
 *    stream that the peer has opened (RFC 9329 section 6.1).
 *
 * Until step 5 nothing of the SA changes. Responses to a raw request are never
 * authentic: they go up, each different one once, and change nothing.
 */

#include <linux/netlink.h>
#include <linux/siphash.h>
#include <linux/skbuff.h>

#include "answer.h"
#include "crypto.h"
#include "datagram.h"
#include "exchange.h"
#include "flood.h"
#include "message.h"
#include "monitor.h"
#include "orphan.h"
#include "outgoing.h"
#include "reassembly.h"
#include "sa.h"
#include "seal.h"
#include "send.h"
#include "timers.h"
#include "trace.h"
#include "transmit.h"
#include "upcall.h"
#include "window.h"
#include "worker.h"

static void drop(struct ikefp_context *ctx, int reason, const struct ikefp_header *header)
{
	ikefp_count(ctx, reason);
	trace_ikefp_drop(ctx->net, reason, header->spi_i, header->spi_r, header->exchange_type,
			 header->message_id);
}

/*
 * To tell copies of a message from others with the same SPIs, Message ID and host. Nobody can
 * aim at one without its key; by chance, once in 2^32, somebody gets an answer that its
 * addressee has had already, or an answer to IKE_SA_INIT is taken for one seen before.
 */
static u32 digest(const struct ikefp_context *ctx, const struct sk_buff *skb)
{
	return hsiphash(skb->data, skb->len, &ctx->digest_key);
}

/* Sealed messages */

/*
 * Whether an SA goes where its peer's latest message came from. It keeps its family and the
 * kind of its port, which say how ESP goes; and goes by streams, or not. Who has opened the
 * stream that it goes by, moves it (RFC 9329 section 6.1), also before it is established: that
 * stream may be cut any time.
 */
static bool follows(const struct ikefp_sa *sa, const struct ikefp_path *path)
{
	if (sa->state == IKEFP_SA_STATE_LINGERING || ikefp_path_same_remote(&sa->path, path) ||
	    ikefp_path_family(&sa->path) != ikefp_path_family(path))
		return false;
	if (path->stream || sa->path.stream)
		return path->stream && sa->path.stream && !sa->path.stream->originator &&
		       !path->stream->originator;
	return sa->state == IKEFP_SA_STATE_ESTABLISHED && sa->follow &&
	       sa->path.listener->kind == path->listener->kind;
}

/* A new message was received: the peer lives, and is where that came from. */
static void heard(struct ikefp_sa *sa, const struct ikefp_path *path, struct ikefp_outgoing *out)
{
	ikefp_timers_heard(sa);
	if (!follows(sa, path))
		return;
	ikefp_sa_set_path(sa, path);
	if (path->stream)
		ikefp_timers_other_stream(sa, out);
	/* Before that the worker is told with each message what it came by. */
	if (sa->state != IKEFP_SA_STATE_ESTABLISHED)
		return;
	ikefp_count(sa->ctx, IKEFP_A_STATS_SAS_MOVED);
	ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_MOVED);
	trace_ikefp_sa_moved(sa->ctx->net, sa->spi, sa->peer_spi);
	ikefp_timers_moved(sa);
}

/* A sealed message, opened. */
struct opened {
	u32 digest; /* of its octets, or of those of its fragment 1 */
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
 * A request was received: from here on the one a window before it is forgotten. That the
 * peer sends this one shows that it has the answer to that. Returns its place.
 */
static struct ikefp_answer *accepted_request(struct ikefp_sa *sa, const struct ikefp_header *header,
					     const struct opened *opened,
					     const struct ikefp_path *path,
					     struct ikefp_outgoing *out)
{
	struct ikefp_answer *answer = ikefp_answer_place(sa, header->message_id);

	ikefp_reassembly_forget(&answer->next_fragments);
	ikefp_datagram_put(answer->octets);
	answer->octets = NULL;
	answer->known = true;
	answer->waits = !sa->worker;
	answer->exchange_type = header->exchange_type;
	answer->message_id = header->message_id;
	answer->digest = opened->digest;
	answer->request_total = opened->total;
	ikefp_path_set(&answer->path, path);
	ikefp_window_take(&sa->window_in, header->message_id);
	count_opened(sa, opened);
	/*
	 * What a worker had in its hands when it died is taken again; it is not new, and
	 * anybody may have recorded it. What comes out of turn was sent before what came
	 * already: it tells nothing new of the peer.
	 */
	if (header->message_id >= sa->newest_in) {
		sa->newest_in = header->message_id + 1;
		heard(sa, path, out);
	}
	return answer;
}

/*
 * Whether these are the octets of a request that was received. Of a fragmented one, the
 * first fragment stands for all (RFC 7383 section 2.6.1). The peer may have cut it anew
 * into more and smaller fragments; then the octets differ, but they are authentic, and it
 * is by them that the request is known from then on.
 */
static int check_duplicate(struct ikefp_sa *sa, struct ikefp_answer *answer, struct sk_buff *skb,
			   u8 exchange_type)
{
	struct ikefp_crypto *crypto = answer->message_id < sa->keys_from ? sa->crypto_before :
									   sa->crypto;
	struct ikefp_fragment fragment = { .total = 1 };
	u32 skb_digest;
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
	if (answer->digest == skb_digest)
		return 0;
	if (fragment.total <= answer->request_total || !crypto ||
	    exchange_type != answer->exchange_type)
		return IKEFP_A_STATS_DROP_DIGEST;
	if (skb_ensure_writable(skb, skb->len))
		return IKEFP_A_STATS_DROP_MEMORY;
	reason = ikefp_crypto_open(crypto, skb->data, IKEFP_SKF_HEADERS_LEN, skb->len, &inner,
				   &inner_len);
	if (reason)
		return reason;
	answer->digest = skb_digest;
	answer->request_total = fragment.total;
	return 0;
}

/*
 * Whether to take what may have us send more than it is to who may not have sent it: the
 * peer is not known before the SA is established. Its keys show that it receives where our
 * IKE_SA_INIT response went.
 */
static bool may_amplify(const struct ikefp_sa *sa, const struct ikefp_path *path)
{
	return sa->state == IKEFP_SA_STATE_ESTABLISHED ||
	       ikefp_flood_may_answer(sa->ctx, path,
				      path->stream || ikefp_path_same_host(&sa->path, path));
}

static int receive_duplicate(struct ikefp_sa *sa, struct sk_buff *skb,
			     const struct ikefp_received *received, struct ikefp_outgoing *out)
{
	struct ikefp_answer *answer = ikefp_answer_find(sa, received->header->message_id);
	const struct ikefp_path *path = received->path;
	int reason;

	if (!answer)
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	/*
	 * A NAT may have given the peer another port since; an answer to another host
	 * would be one that this host did not ask for. Where the request came from need not
	 * be where the peer is: whoever saw it may have sent it first. Who sends it by a stream
	 * has asked for it there.
	 */
	if (!path->stream && !ikefp_path_same_host(&answer->path, path) &&
	    !ikefp_path_same_host(&sa->path, path))
		return IKEFP_A_STATS_DROP_SOURCE;
	reason = check_duplicate(sa, answer, skb, received->header->exchange_type);
	if (reason)
		return reason;
	sa->duplicates++;
	/*
	 * By a stream the peer will not ask once more. That it asks by another one shows that the
	 * one before is lost to it, which we may not know yet. What came in a datagram comes again
	 * in one: who has seen that must not get the answer in the peer's place.
	 */
	if (!answer->octets && path->stream && answer->path.stream)
		ikefp_path_set(&answer->path, path);
	if (!answer->octets)
		return IKEFP_A_STATS_DROP_IN_PROGRESS;
	if (answer->octets->len > skb->len && !may_amplify(sa, path))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	ikefp_count(sa->ctx, IKEFP_A_STATS_DUPLICATES_ANSWERED);
	ikefp_send_answer_again(sa, answer, path, out);
	return 0;
}

/*
 * A stranger is whoever began an SA that is not established. All together get half, of
 * which three quarters are as many shares as there may be half-open SAs; the rest is for
 * those who come first.
 */
static struct ikefp_reassembly_limit fragment_limit(const struct ikefp_sa *sa, u32 others)
{
	const struct ikefp_policy *policy = &sa->ctx->policy;
	u32 max = ikefp_policy_get(policy, MAX_REASSEMBLY_OCTETS);
	bool stranger = sa->role == IKEFP_ROLE_RESPONDER &&
			sa->state != IKEFP_SA_STATE_ESTABLISHED;

	return (struct ikefp_reassembly_limit){
		.used = &sa->ctx->reassembly_octets,
		.max = max,
		.share = stranger ? max / 8 * 3 / (ikefp_policy_get(policy, MAX_HALF_OPEN) ?: 1) :
				    U32_MAX,
		.pooled = &sa->ctx->reassembly_pooled,
		.max_pooled = max / 8,
		.others = others,
	};
}

static int open_fragment(struct ikefp_sa *sa, struct sk_buff *skb, u32 others,
			 struct ikefp_reassembly **fragments, struct ikefp_received *received,
			 struct opened *opened)
{
	const struct ikefp_reassembly_limit limit = fragment_limit(sa, others);
	const struct ikefp_header *header = received->header;
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
 * message are missing. @others is the octets that are not left of the room for them.
 */
static int open_sealed(struct ikefp_sa *sa, struct sk_buff *skb, u32 others,
		       struct ikefp_reassembly **fragments, struct ikefp_received *received,
		       struct opened *opened)
{
	int reason;

	if (skb_ensure_writable(skb, skb->len))
		return IKEFP_A_STATS_DROP_MEMORY;
	opened->digest = digest(sa->ctx, skb);
	opened->total = 1;
	if (received->header->first_payload == IKEFP_PAYLOAD_SKF)
		reason = open_fragment(sa, skb, others, fragments, received, opened);
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
	struct ikefp_answer *answer;

	octets = ikefp_datagram_new(sa->ctx, ikefp_seal_room(sa, 0), ikefp_sa_cache_limit(sa),
				    GFP_ATOMIC);
	if (IS_ERR(octets))
		return PTR_ERR(octets) == -ENOSPC ? IKEFP_A_STATS_DROP_CACHE_LIMIT :
						    IKEFP_A_STATS_DROP_MEMORY;
	if (ikefp_seal(sa, &empty, true, received->header->message_id, received->path, octets)) {
		ikefp_datagram_put(octets);
		return IKEFP_A_STATS_DROP_MEMORY;
	}
	answer = accepted_request(sa, received->header, opened, received->path, out);
	ikefp_send_answer(sa, answer, octets, out);
	ikefp_count(sa->ctx, IKEFP_A_STATS_LIVENESS_ANSWERED);
	return 0;
}

static int receive_request(struct ikefp_sa *sa, struct sk_buff *skb,
			   struct ikefp_received *received, struct opened *opened,
			   struct ikefp_outgoing *out)
{
	const struct ikefp_header *header = received->header;
	struct ikefp_answer *place;
	int reason;

	switch (ikefp_window_check(&sa->window_in, header->message_id)) {
	case IKEFP_WINDOW_DUPLICATE:
		return receive_duplicate(sa, skb, received, out);
	case IKEFP_WINDOW_OUTSIDE:
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	case IKEFP_WINDOW_NEW:
		break;
	}
	if (sa->state == IKEFP_SA_STATE_LINGERING)
		return IKEFP_A_STATS_DROP_UNKNOWN_SPI;
	if (!sa->crypto)
		return IKEFP_A_STATS_DROP_NO_KEYS;
	if (!ikefp_answer_in_turn(sa, header->message_id))
		return IKEFP_A_STATS_DROP_MESSAGE_ID;
	place = ikefp_answer_place(sa, header->message_id);
	reason = open_sealed(sa, skb, ikefp_answer_later_fragments(sa, place),
			     &place->next_fragments, received, opened);
	if (reason == -EINPROGRESS) {
		place->next_id = header->message_id;
		ikefp_timers_fragment_kept(sa, place);
	}
	if (reason)
		return reason;

	if (!received->path->stream && !ikefp_path_same_host(&sa->path, received->path) &&
	    !may_amplify(sa, received->path))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	if (header->exchange_type == IKEFP_INFORMATIONAL && !received->payload_len &&
	    sa->state == IKEFP_SA_STATE_ESTABLISHED)
		return answer_liveness(sa, received, opened, out);

	reason = ikefp_upcall_message(sa, received);
	if (reason)
		return reason;
	accepted_request(sa, header, opened, received->path, out);
	return 0;
}

static int receive_response(struct ikefp_sa *sa, struct sk_buff *skb,
			    struct ikefp_received *received, struct opened *opened,
			    struct ikefp_outgoing *out)
{
	const struct ikefp_header *header = received->header;
	struct ikefp_exchange *exchange = ikefp_exchange_find(sa, header->message_id);
	ktime_t first_sent;
	bool once;
	int reason;

	if (!exchange || exchange->exchange_type != header->exchange_type)
		return IKEFP_A_STATS_DROP_STALE_RESPONSE;
	once = exchange->tries == 1;
	first_sent = exchange->first_sent;
	reason = open_sealed(sa, skb, 0, &exchange->fragments, received, opened);
	if (reason)
		return reason;
	/* What was asked for no reason but a sign of life is nobody's but ours. */
	reason = exchange->liveness ? 0 : ikefp_upcall_message(sa, received);
	if (reason)
		return reason;

	ikefp_seal_size_served(sa, exchange->fragment_size);
	count_opened(sa, opened);
	/* Before the SA may move: what has its answer is not sent once more. */
	ikefp_exchange_forget(exchange);
	heard(sa, received->path, out);
	if (once)
		ikefp_sa_measured(sa, ktime_us_delta(ktime_get(), first_sent));
	ikefp_timers_window_opened(sa, out);
	return 0;
}

/* Raw messages */

/* Answers that go up, to each copy of a raw request. */
#define MAX_RAW_RESPONSES 32

static bool seen_before(struct ikefp_sa *sa, u32 response_digest)
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
	u32 response_digest;
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
	/* Whoever saw the request can make as many as he likes, all different. */
	if (exchange->raw_responses >= MAX_RAW_RESPONSES)
		return IKEFP_A_STATS_DROP_RATE_LIMIT;

	received->raw = true;
	received->first_payload = header->first_payload;
	received->payload = skb->data;
	received->payload_len = skb->len;
	reason = ikefp_upcall_message(sa, received);
	if (reason)
		return reason;
	exchange->raw_responses++;
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
	/* By a stream from the same port as one that has ended: the answer goes there. */
	if (!sa->dead && sa->state == IKEFP_SA_STATE_HALF_OPEN && !sa->init.response &&
	    path->stream && sa->path.stream && !ikefp_stream_is_open(sa->path.stream))
		ikefp_sa_set_path(sa, path);
	if (!sa->init.response) {
		reason = IKEFP_A_STATS_DROP_IN_PROGRESS;
	} else if (!ikefp_flood_may_answer(sa->ctx, path,
					   path->stream || sa->init.source.proved)) {
		reason = IKEFP_A_STATS_DROP_SOURCE_RATE;
	} else {
		ikefp_count(sa->ctx, IKEFP_A_STATS_DUPLICATES_ANSWERED);
		ikefp_outgoing_add(out, sa, sa->init.response, path);
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
		.spi_i = header->spi_i,
		.remote = path->remote,
		.ifindex = path->ifindex,
		.remote_port = path->remote_port,
		.family = ikefp_path_family(path),
	};
	struct ikefp_init_payloads init;
	struct ikefp_init_source source;
	struct ikefp_worker *worker;
	struct ikefp_sa *sa;
	int reason;
	int err;

	if (skb_linearize(skb))
		return IKEFP_A_STATS_DROP_MEMORY;
	key.digest = digest(ctx, skb);
	sa = ikefp_sa_find_init(ctx, &key);
	if (sa)
		return receive_init_duplicate(sa, path, out);
	if (!ikefp_wire_get_init(skb->data + IKEFP_HEADER_LEN, skb->len - IKEFP_HEADER_LEN,
				 header->first_payload, &init))
		return IKEFP_A_STATS_DROP_MALFORMED;

	/* Before memory is spent on it. */
	if (!READ_ONCE(ctx->worker_count))
		return IKEFP_A_STATS_DROP_NO_WORKER;
	reason = ikefp_flood_admit(ctx, header, &init, path, &source, &out->spare);
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
	err = ikefp_sa_enter(sa);
	if (err) {
		reason = err == -EEXIST ? IKEFP_A_STATS_DROP_IN_PROGRESS :
					  IKEFP_A_STATS_DROP_MEMORY;
		goto unlock;
	}
	reason = ikefp_upcall_message(sa, &received);
	if (reason) {
		ikefp_sa_bury(sa);
	} else {
		sa->messages_in++;
		ikefp_monitor_sa(sa, IKEFP_EVENT_KIND_SA_CREATED);
		ikefp_timers_update(sa);
	}
unlock:
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
			  u32 len, const struct ikefp_path *path, struct sk_buff **spare)
{
	u8 answer[IKEFP_INVALID_MAJOR_VERSION_LEN];

	if (header->version < IKEFP_VERSION_2_0 || ikefp_header_is_response(header) ||
	    len < sizeof(answer))
		return IKEFP_A_STATS_DROP_VERSION;
	if (!ikefp_flood_may_answer(ctx, path, path->stream))
		return IKEFP_A_STATS_DROP_SOURCE_RATE;
	if (!ikefp_flood_may_answer_version(ctx))
		return IKEFP_A_STATS_DROP_RATE_LIMIT;
	ikefp_wire_put_invalid_major_version(answer, header);
	ikefp_transmit(ctx, path, NULL, answer, sizeof(answer), spare);
	ikefp_count(ctx, IKEFP_A_STATS_INVALID_MAJOR_VERSION_SENT);
	return IKEFP_A_STATS_DROP_VERSION;
}

/**
 * ikefp_message_receive() - take an IKE message from the wire
 * @ctx: the namespace
 * @skb: the datagram, its data beginning with the IKE header; is consumed, and may be what
 *       the answer goes out in
 * @path: where it came to and from
 *
 * Context: softirq, under RCU; process, BH disabled, under RCU.
 * Return: 0 when it was taken, or else the counter of the reason why it was dropped
 * (IKEFP_A_STATS_DROP_*).
 */
int ikefp_message_receive(struct ikefp_context *ctx, struct sk_buff *skb,
			  const struct ikefp_path *path)
{
	struct ikefp_outgoing out;
	struct ikefp_header header;
	int reason;

	/* Not all of it: most of that is never used. */
	out.count = 0;
	out.spare = skb;
	ikefp_count(ctx, IKEFP_A_STATS_RX_MESSAGES);
	if (!pskb_may_pull(skb, IKEFP_HEADER_LEN)) {
		header = (struct ikefp_header){};
		drop(ctx, IKEFP_A_STATS_DROP_SHORT, &header);
		kfree_skb(skb);
		return IKEFP_A_STATS_DROP_SHORT;
	}
	ikefp_wire_get_header(skb->data, &header);
	reason = ikefp_wire_check_header(&header, skb->len);
	if (reason == IKEFP_A_STATS_DROP_VERSION)
		reason = answer_version(ctx, &header, skb->len, path, &out.spare);
	else if (!reason && header.exchange_type == IKEFP_IKE_SA_INIT &&
		 !ikefp_header_is_response(&header))
		reason = receive_init(ctx, skb, &header, path, &out);
	else if (!reason)
		reason = receive_for_sa(ctx, skb, &header, path, &out);
	if (reason)
		drop(ctx, reason, &header);
	ikefp_outgoing_send(ctx, &out);
	if (reason)
		kfree_skb(out.spare);
	else
		consume_skb(out.spare);
	return reason;
}
