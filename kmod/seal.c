// SPDX-License-Identifier: GPL-2.0
/*
 * A message longer than the SA's fragment size allows leaves in fragments, each sealed
 * for itself (RFC 7383 section 2.5), and all of the same length but the last.
 *
 * Every copy of a message is the same, octet for octet, as RFC 7296 section 2.1 wants
 * it, with the one exception that RFC 7383 section 2.5.2 makes: datagrams that were too
 * long for the path are lost however often they are sent. After three copies without
 * an answer, whatever is longer than 1280 octets (and then, in IPv4, 576) is opened
 * again and cut anew, and all further copies are the same among themselves. The
 * message, its ID and its payloads stay what they were; there are more fragments than
 * before, by which the peer knows to forget those it has. A size by which a request of
 * ours got its answer when the one before it had not, is the SA's from then on. That of
 * an answer is not: how often a request came tells nothing, since anybody can have
 * recorded it.
 */

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/slab.h>
#include <linux/udp.h>

#include "crypto.h"
#include "datagram.h"
#include "sa.h"
#include "seal.h"
#include "trace.h"

/* More than any algorithm and the headers add to the inner payloads of a datagram. */
#define OVERHEAD 128

/* Copies of one size that go out unanswered before there is a smaller one. */
#define COPIES_OF_A_SIZE 3

/* What every path can be expected to carry (RFC 7383 section 2.5.1). */
#define SAFE_SIZE_V4 576
#define SAFE_SIZE_V6 1280

/* Octets of an IP datagram that are not the IKE message's. */
static u32 around(const struct ikefp_path *path)
{
	return (ikefp_path_family(path) == AF_INET ? sizeof(struct iphdr) :
						     sizeof(struct ipv6hdr)) +
	       sizeof(struct udphdr) + (ikefp_path_has_marker(path) ? IKEFP_MARKER_LEN : 0);
}

static u32 safe_size(const struct ikefp_path *path)
{
	return ikefp_path_family(path) == AF_INET ? SAFE_SIZE_V4 : SAFE_SIZE_V6;
}

/* Octets of inner payloads in each fragment but the last. */
static u32 fragment_inner_len(const struct ikefp_sa *sa, const struct ikefp_path *path, u32 size)
{
	return ikefp_crypto_inner_len(sa->crypto, IKEFP_SKF_HEADERS_LEN, size - around(path));
}

/*
 * Room for any way to cut a message into datagrams of this size or, since that may
 * change in the meantime, of one that it may change to.
 */
static u32 room_for(u32 inner_len, u32 size)
{
	const u32 most_around = sizeof(struct ipv6hdr) + sizeof(struct udphdr) + IKEFP_MARKER_LEN;
	u32 least;

	if (!size)
		return inner_len + OVERHEAD;
	least = min_t(u32, size, SAFE_SIZE_V4) - most_around - OVERHEAD;
	return inner_len + OVERHEAD * (DIV_ROUND_UP(inner_len, least) ?: 1);
}

/**
 * ikefp_seal_room() - how long the room for a sealed message must be
 * @sa: the SA, held
 * @inner_len: octets of its payloads, at most IKEFP_MAX_MESSAGE
 *
 * Any context, with the SA's lock or without.
 */
u32 ikefp_seal_room(const struct ikefp_sa *sa, u32 inner_len)
{
	return room_for(inner_len, READ_ONCE(sa->fragment_size));
}

/* One datagram: all of the message, where @fragment is NULL, or a part. */
static int seal_datagram(struct ikefp_sa *sa, struct ikefp_header *header,
			 const struct ikefp_fragment *fragment, u8 first_payload,
			 const u8 *inner, u32 inner_len, u8 *octets)
{
	u32 headers_len = fragment ? IKEFP_SKF_HEADERS_LEN : IKEFP_SK_HEADERS_LEN;

	header->first_payload = fragment ? IKEFP_PAYLOAD_SKF : IKEFP_PAYLOAD_SK;
	header->length = ikefp_crypto_sealed_len(sa->crypto, headers_len, inner_len);
	ikefp_wire_put_header(octets, header);
	if (fragment)
		ikefp_wire_put_skf(octets + IKEFP_HEADER_LEN, fragment,
				   header->length - IKEFP_HEADER_LEN);
	else
		ikefp_wire_put_sk(octets + IKEFP_HEADER_LEN, first_payload,
				  header->length - IKEFP_HEADER_LEN);
	return ikefp_crypto_seal(sa->crypto, octets, headers_len, header->length, inner,
				 inner_len);
}

static int seal_whole(struct ikefp_sa *sa, const struct ikefp_inner *inner,
		      struct ikefp_header *header, struct ikefp_datagram *room)
{
	u32 len = ikefp_crypto_sealed_len(sa->crypto, IKEFP_SK_HEADERS_LEN, inner->len);

	if (len > room->len || len > IKEFP_MAX_MESSAGE - IKEFP_MARKER_LEN)
		return -EMSGSIZE;
	room->len = len;
	room->fragment_len = len;
	return seal_datagram(sa, header, NULL, inner->first_payload, inner->octets, inner->len,
			     room->octets);
}

static int seal_fragments(struct ikefp_sa *sa, const struct ikefp_inner *inner,
			  struct ikefp_header *header, u32 inner_each,
			  struct ikefp_datagram *room)
{
	u32 total = DIV_ROUND_UP(inner->len, inner_each);
	u32 each = ikefp_crypto_sealed_len(sa->crypto, IKEFP_SKF_HEADERS_LEN, inner_each);
	u32 last = inner->len - (total - 1) * inner_each;
	u32 len = (total - 1) * each +
		  ikefp_crypto_sealed_len(sa->crypto, IKEFP_SKF_HEADERS_LEN, last);
	struct ikefp_fragment fragment = {
		.inner_first_payload = inner->first_payload,
		.total = total,
	};
	u32 i;

	if (total > IKEFP_MAX_FRAGMENTS || len > room->len)
		return -EMSGSIZE;
	room->len = len;
	room->fragment_len = each;
	for (i = 0; i < total; i++) {
		int err;

		fragment.number = i + 1;
		err = seal_datagram(sa, header, &fragment, IKEFP_PAYLOAD_NONE,
				    inner->octets + i * inner_each,
				    i + 1 < total ? inner_each : last, room->octets + i * each);
		if (err)
			return err;
		fragment.inner_first_payload = IKEFP_PAYLOAD_NONE;
	}
	return 0;
}

/* @least: fragments that there must be; 0: none, if it can be. */
static int seal(struct ikefp_sa *sa, const struct ikefp_inner *inner, bool response,
		u32 message_id, const struct ikefp_path *path, u32 size, u32 least,
		struct ikefp_datagram *room)
{
	bool initiator = sa->role == IKEFP_ROLE_INITIATOR;
	struct ikefp_header header = {
		.spi_i = initiator ? sa->spi : sa->peer_spi,
		.spi_r = initiator ? sa->peer_spi : sa->spi,
		.version = IKEFP_VERSION_2_0,
		.exchange_type = inner->exchange_type,
		.flags = (initiator ? IKEFP_FLAG_INITIATOR : 0) |
			 (response ? IKEFP_FLAG_RESPONSE : 0),
		.message_id = message_id,
	};

	u32 inner_each;

	if (!least &&
	    (!size || ikefp_crypto_sealed_len(sa->crypto, IKEFP_SK_HEADERS_LEN, inner->len) +
		      around(path) <= size))
		return seal_whole(sa, inner, &header, room);
	inner_each = fragment_inner_len(sa, path, size);
	if (DIV_ROUND_UP(inner->len, inner_each) < least)
		inner_each = DIV_ROUND_UP(inner->len, least);
	return seal_fragments(sa, inner, &header, inner_each, room);
}

/**
 * ikefp_seal() - seal a message
 * @sa: the SA, locked, with keys
 * @inner: its payloads
 * @response: whether it is one
 * @message_id: its ID
 * @path: which way it will go
 * @room: as long as ikefp_seal_room() says; becomes the message
 *
 * Return: 0; -EMSGSIZE for a message too long to be sent, or the crypto API's error:
 * then the octets must not be sent.
 */
int ikefp_seal(struct ikefp_sa *sa, const struct ikefp_inner *inner, bool response,
	       u32 message_id, const struct ikefp_path *path, struct ikefp_datagram *room)
{
	/* A stream carries messages of any length (RFC 9329 section 7.5). */
	u32 size = path->stream ? 0 : sa->fragment_size;
	int err = seal(sa, inner, response, message_id, path, size, 0, room);

	if (!err && room->fragment_len < room->len)
		ikefp_count(sa->ctx, IKEFP_A_STATS_TX_FRAGMENTED);
	return err;
}

/* The payloads of a message of our own, at the beginning of a copy of its datagrams. */
static int reopen(struct ikefp_sa *sa, const struct ikefp_datagram *message, u8 *copy, u32 *len)
{
	u32 headers_len = message->octets[16] == IKEFP_PAYLOAD_SKF ? IKEFP_SKF_HEADERS_LEN :
								     IKEFP_SK_HEADERS_LEN;
	u32 at, datagram_len;

	*len = 0;
	for (at = 0; at < message->len; at += datagram_len) {
		u32 inner_len;
		u8 *inner;
		int err;

		datagram_len = min(message->fragment_len, message->len - at);
		err = ikefp_crypto_reopen(sa->crypto, copy + at, headers_len, datagram_len, &inner,
					  &inner_len);
		if (err)
			return err;
		memmove(copy + *len, inner, inner_len);
		*len += inner_len;
	}
	return 0;
}

/*
 * The next size that is smaller than the message's datagrams; 0: there is none. More
 * fragments than before are made of it, whether they are needed or not: by that the peer
 * knows them from those.
 */
static u32 smaller_size(const struct ikefp_sa *sa, const struct ikefp_path *path,
			const struct ikefp_datagram *message, u32 inner_len, u32 size,
			u32 *total)
{
	while (size > safe_size(path)) {
		u32 needed;

		size = size > SAFE_SIZE_V6 ? SAFE_SIZE_V6 : SAFE_SIZE_V4;
		if (message->fragment_len + around(path) <= size)
			continue;
		needed = DIV_ROUND_UP(inner_len, fragment_inner_len(sa, path, size));
		*total = max(needed, ikefp_datagram_count(message) + 1);
		if (*total > IKEFP_MAX_FRAGMENTS)
			continue;
		/* Equal parts may be fewer where there are many and they are short. */
		if (*total == needed || *total * *total <= inner_len)
			return size;
	}
	return 0;
}

/* NULL where the message is to stay as it is. */
static struct ikefp_datagram *cut_smaller(struct ikefp_sa *sa, const struct ikefp_path *path,
					  const struct ikefp_datagram *message, u32 *size)
{
	struct ikefp_inner inner = { .first_payload = message->octets[IKEFP_HEADER_LEN] };
	struct ikefp_datagram *room = NULL;
	struct ikefp_header header;
	u32 smaller, total;
	u8 *copy;

	copy = kmemdup(message->octets, message->len, GFP_ATOMIC | __GFP_NOWARN);
	if (!copy)
		return NULL;
	if (reopen(sa, message, copy, &inner.len))
		goto free;
	smaller = smaller_size(sa, path, message, inner.len, *size, &total);
	if (!smaller)
		goto free;
	room = ikefp_datagram_new(sa->ctx, room_for(inner.len, smaller) + OVERHEAD,
				  ikefp_sa_cache_limit(sa), GFP_ATOMIC);
	if (IS_ERR(room)) {
		room = NULL;
		goto free;
	}
	ikefp_wire_get_header(message->octets, &header);
	inner.exchange_type = header.exchange_type;
	inner.octets = copy;
	if (seal(sa, &inner, ikefp_header_is_response(&header), header.message_id, path, smaller,
		 total, room)) {
		ikefp_datagram_put(room);
		room = NULL;
		goto free;
	}
	*size = smaller;
	ikefp_count(sa->ctx, IKEFP_A_STATS_FRAGMENT_FALLBACKS);
	trace_ikefp_fragment_fallback(sa->ctx->net, sa->spi, header.exchange_type,
				      header.message_id, ikefp_header_is_response(&header),
				      smaller, ikefp_datagram_count(room));
free:
	kfree_sensitive(copy);
	return room;
}

/**
 * ikefp_seal_next_copy() - a message is about to be sent once more
 * @sa: the SA, locked
 * @path: which way
 * @message: the message, held; replaced where it was cut into smaller fragments
 * @size: the fragment size that it was cut by, 0 for one that never is; likewise
 * @copies: sent of this size; this one is counted
 *
 * Any context.
 */
void ikefp_seal_next_copy(struct ikefp_sa *sa, const struct ikefp_path *path,
			  struct ikefp_datagram **message, u32 *size, u32 *copies)
{
	struct ikefp_datagram *smaller;

	if (path->stream || ++*copies <= COPIES_OF_A_SIZE || !sa->crypto || !*size ||
	    (*message)->fragment_len + around(path) <= safe_size(path))
		return;
	smaller = cut_smaller(sa, path, *message, size);
	if (!smaller)
		return;
	ikefp_datagram_put(*message);
	*message = smaller;
	*copies = 1;
}

/**
 * ikefp_seal_size_served() - a request cut by this size has got its answer
 * @sa: the SA, locked
 * @size: the size, in octets of an IP datagram; 0 for a request that is never cut
 */
void ikefp_seal_size_served(struct ikefp_sa *sa, u32 size)
{
	if (size && size < sa->fragment_size)
		WRITE_ONCE(sa->fragment_size, size);
}
