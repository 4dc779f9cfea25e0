// SPDX-License-Identifier: GPL-2.0

#include <linux/netlink.h>

#include "answer.h"
#include "datagram.h"
#include "exchange.h"
#include "outgoing.h"
#include "sa.h"
#include "seal.h"
#include "send.h"
#include "timers.h"

/**
 * ikefp_send_noted() - a message goes out
 * @sa: the SA, locked
 * @path: which way: to the peer, it keeps a NAT's mapping alive
 */
void ikefp_send_noted(struct ikefp_sa *sa, const struct ikefp_path *path)
{
	if (ikefp_path_same_remote(&sa->path, path))
		sa->last_out = jiffies;
}

/**
 * ikefp_send_answer() - answer a request, for which the answer is kept
 * @sa: the SA, locked
 * @answer: the request
 * @octets: the answer; its hold is taken
 * @out: what the caller is to send then
 */
void ikefp_send_answer(struct ikefp_sa *sa, struct ikefp_answer *answer,
		       struct ikefp_datagram *octets, struct ikefp_outgoing *out)
{
	answer->octets = octets;
	answer->fragment_size = sa->fragment_size;
	answer->copies = 1;
	answer->last_copy = ktime_get();
	sa->messages_out++;
	ikefp_send_noted(sa, &answer->path);
	ikefp_outgoing_add(out, sa, octets, &answer->path);
	ikefp_timers_answered(sa);
}

/**
 * ikefp_send_answer_again() - answer a duplicate of a request
 * @sa: the SA, locked
 * @answer: the request, answered
 * @path: which way
 * @out: what the caller is to send then
 *
 * Anybody can have recorded the request and send it as often as he likes. So only what
 * comes rto-min-ms and more after the last that counted can be the peer's own, and tells
 * that it has not got the answer (see seal.c); those between do not put that off.
 *
 * Any context.
 */
void ikefp_send_answer_again(struct ikefp_sa *sa, struct ikefp_answer *answer,
			     const struct ikefp_path *path, struct ikefp_outgoing *out)
{
	u32 rto_min_ms = ikefp_policy_get(&sa->ctx->policy, RTO_MIN_MS);
	ktime_t now = ktime_get();

	if (ktime_ms_delta(now, answer->last_copy) >= rto_min_ms) {
		answer->last_copy = now;
		ikefp_seal_next_copy(sa, path, &answer->octets, &answer->fragment_size,
				     &answer->copies);
	}
	ikefp_send_noted(sa, path);
	ikefp_outgoing_add(out, sa, answer->octets, path);
}

static void start_exchange(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
			   struct ikefp_datagram *octets, struct ikefp_outgoing *out)
{
	exchange->octets = ikefp_datagram_hold(octets);
	exchange->fragment_size = exchange->raw ? 0 : sa->fragment_size;
	exchange->copies = 1;
	ikefp_timers_request_starts(sa, exchange, out);
}

/**
 * ikefp_send_liveness() - ask the peer for a sign of life
 * @sa: the SA, locked, established, with no request of ours
 * @out: what the caller is to send then
 *
 * RFC 7296 section 2.4.
 *
 * Context: any.
 * Return: 0; -EOVERFLOW when the SA has no message IDs left, -ENOMEM, or the crypto
 * API's error.
 */
int ikefp_send_liveness(struct ikefp_sa *sa, struct ikefp_outgoing *out)
{
	const struct ikefp_inner empty = { .exchange_type = IKEFP_INFORMATIONAL };
	struct ikefp_exchange *exchange = ikefp_exchange_vacant(sa);
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
		exchange->liveness = true;
		exchange->exchange_type = IKEFP_INFORMATIONAL;
		exchange->message_id = sa->next_out++;
		start_exchange(sa, exchange, octets, out);
	}
	ikefp_datagram_put(octets);
	return err;
}

/* For the helper */

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
	struct ikefp_exchange *exchange;

	if (sa->role != IKEFP_ROLE_INITIATOR || header->spi_i != sa->spi) {
		NL_SET_ERR_MSG(extack, "a raw request goes from an initiator's SA, with its SPI");
		return -EINVAL;
	}
	if (sa->crypto) {
		NL_SET_ERR_MSG(extack, "the SA has keys: IKE_SA_INIT is over");
		return -EINVAL;
	}
	exchange = &sa->exchanges[0];
	ikefp_exchange_forget(exchange);
	sa->init_rtt_us = 0;
	exchange->raw = true;
	exchange->exchange_type = header->exchange_type;
	start_exchange(sa, exchange, octets, out);
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
	/* Its source may be forged: who is there must not get more than was sent. */
	if (!sa->init.source.proved && octets->len > sa->init.source.request_len) {
		NL_SET_ERR_MSG(extack,
			       "the response is longer than the request, which had no cookie");
		return -EMSGSIZE;
	}
	sa->init.response = ikefp_datagram_hold(octets);
	sa->messages_out++;
	ikefp_outgoing_add(out, sa, octets, &sa->path);
	return 0;
}

/**
 * ikefp_send_raw() - send an IKE_SA_INIT message
 * @sa: the SA, held
 * @octets: the message from its IKE header on; another hold is taken as needed
 * @extack: what to tell the caller
 *
 * A request is retransmitted until keys are set, another request takes its place, or
 * it is given up. A response is sent again for each duplicate of the request. It may be
 * longer than the request only if that came with a good cookie.
 *
 * Context: process.
 * Return: 0, even where the network did not take this copy; -EINVAL for octets that
 * do not fit the SA, -EMSGSIZE for a response that is too long, -ENOENT when the SA was
 * deleted.
 */
int ikefp_send_raw(struct ikefp_sa *sa, struct ikefp_datagram *octets,
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

/* Which there is room for; it is the helper's. */
static void take_request(struct ikefp_sa *sa, struct ikefp_datagram *octets, u8 exchange_type,
			 struct ikefp_outgoing *out)
{
	struct ikefp_exchange *exchange = ikefp_exchange_vacant(sa);
	bool start = ikefp_exchange_may_start(sa, sa->next_out);

	if (exchange && start) {
		exchange->exchange_type = exchange_type;
		exchange->message_id = sa->next_out++;
		start_exchange(sa, exchange, octets, out);
		return;
	}
	sa->next_request.octets = ikefp_datagram_hold(octets);
	sa->next_request.exchange_type = exchange_type;
	sa->next_request.message_id = sa->next_out++;
	sa->next_request.fragment_size = sa->fragment_size;
	ikefp_exchange_take_next(sa);
}

static int check_request(const struct ikefp_sa *sa, struct netlink_ext_ack *extack)
{
	if (is_gone(sa))
		return not_there(extack);
	if (!sa->crypto) {
		NL_SET_ERR_MSG(extack, "the SA has no keys yet");
		return -ENOKEY;
	}
	if (ikefp_exchange_of_helper(sa) >= sa->window_out) {
		if (sa->window_out == 1)
			NL_SET_ERR_MSG(extack, "another request is outstanding");
		else
			NL_SET_ERR_MSG(extack, "window-out requests are without an outcome");
		return -EBUSY;
	}
	if (sa->next_out == U32_MAX) {
		NL_SET_ERR_MSG(extack, "the SA has no message IDs left");
		return -EOVERFLOW;
	}
	return 0;
}

/**
 * ikefp_send_request() - send a sealed request
 * @sa: the SA, held
 * @inner: its payloads
 * @room: a datagram as long as ikefp_seal_room() says
 * @message_id: where the ID that it got goes
 * @out: what the caller is to send then, zeroed
 * @extack: what to tell the caller
 *
 * It waits until the peer can take it: as long as one that lies a window before it has no
 * answer (RFC 7296 section 2.3), which may be the kernel's own.
 *
 * Context: process.
 * Return: 0; -ENOKEY without keys, -EBUSY while as many of the helper's as the window is
 * wide have no outcome, -EOVERFLOW when the SA has no message IDs left, -EMSGSIZE, -ENOENT
 * when it was deleted, or the crypto API's error.
 */
int ikefp_send_request(struct ikefp_sa *sa, const struct ikefp_inner *inner,
		       struct ikefp_datagram *room, u32 *message_id, struct ikefp_outgoing *out,
		       struct netlink_ext_ack *extack)
{
	int err;

	spin_lock_bh(&sa->lock);
	err = check_request(sa, extack);
	if (err)
		goto unlock;
	err = ikefp_seal(sa, inner, false, sa->next_out, &sa->path, room);
	if (err) {
		NL_SET_ERR_MSG(extack, "the message cannot be sealed");
		goto unlock;
	}
	*message_id = sa->next_out;
	take_request(sa, room, inner->exchange_type, out);
unlock:
	spin_unlock_bh(&sa->lock);
	return err;
}

/*
 * Whoever asked once more by another stream is answered there. It need not be the peer, if
 * somebody could see what it sent; the peer's own stream gets the answer, too.
 */
static void send_by_own_stream(struct ikefp_sa *sa, const struct ikefp_answer *answer,
			       struct ikefp_outgoing *out)
{
	struct ikefp_stream *own = sa->path.stream;

	if (own && answer->path.stream && own != answer->path.stream && ikefp_stream_is_open(own))
		ikefp_outgoing_add(out, sa, answer->octets, &sa->path);
}

/**
 * ikefp_send_response() - answer a sealed request
 * @sa: the SA, held
 * @inner: the answer's payloads
 * @message_id: the request's
 * @room: a datagram as long as ikefp_seal_room() says
 * @extack: what to tell the caller
 *
 * It goes where the request came from, its latest copy if that was by a stream, and is kept for
 * the request's duplicates.
 *
 * Context: process.
 * Return: 0, even where the network did not take this copy; -EINVAL where no such
 * request waits, -EMSGSIZE, -ENOENT when the SA was deleted, or the crypto API's error.
 */
int ikefp_send_response(struct ikefp_sa *sa, const struct ikefp_inner *inner, u32 message_id,
			struct ikefp_datagram *room, struct netlink_ext_ack *extack)
{
	struct ikefp_outgoing by_own_stream = {};
	struct ikefp_outgoing out = {};
	struct ikefp_answer *answer;
	int err;

	spin_lock_bh(&sa->lock);
	answer = ikefp_answer_find(sa, message_id);
	if (is_gone(sa)) {
		err = not_there(extack);
	} else if (!answer || answer->octets || inner->exchange_type != answer->exchange_type) {
		NL_SET_ERR_MSG(extack, "no such request waits for a response");
		err = -EINVAL;
	} else {
		err = ikefp_seal(sa, inner, true, message_id, &answer->path, room);
		if (err) {
			NL_SET_ERR_MSG(extack, "the message cannot be sealed");
			goto unlock;
		}
		ikefp_send_answer(sa, answer, ikefp_datagram_hold(room), &out);
		send_by_own_stream(sa, answer, &by_own_stream);
	}
unlock:
	spin_unlock_bh(&sa->lock);
	ikefp_outgoing_send(sa->ctx, &out);
	ikefp_outgoing_send(sa->ctx, &by_own_stream);
	return err;
}
