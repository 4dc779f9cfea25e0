// SPDX-License-Identifier: GPL-2.0

#include "fragment.h"

#include <errno.h>
#include <string.h>

#include "die.h"
#include "netns.h"
#include "sk.h"

#define SPI 0x0102030405060708ull

uint8_t inner[FRAGMENT_INNER_SIZE];

const struct fragment_variant fragment_variants[FRAGMENT_VARIANTS] = {
	{
		.kernel = "127.0.0.1", .peer = "127.0.0.2", .stranger = "127.0.0.3",
		.algorithm = 1, .kernel_initiates = false, .kind = IKEFP_LISTENER_KIND_IKE,
		.size = 576,
	}, {
		.kernel = "127.0.0.1", .peer = "127.0.0.2", .stranger = "127.0.0.3",
		.algorithm = 4, .kernel_initiates = true, .kind = IKEFP_LISTENER_KIND_NATT,
		.size = 576,
	}, {
		.kernel = "fd00::1", .peer = "fd00::2", .stranger = "fd00::3",
		.algorithm = 2, .kernel_initiates = true, .kind = IKEFP_LISTENER_KIND_IKE,
		.size = 1280,
	}, {
		.kernel = "fd00::1", .peer = "fd00::2", .stranger = "fd00::3",
		.algorithm = 8, .kernel_initiates = false, .kind = IKEFP_LISTENER_KIND_NATT,
		.size = 1280,
	},
};

int fragment_set_size(struct client *client, const struct peer *peer, uint32_t size)
{
	const struct ikefp_sa_change change = {
		.spi = peer->kernel_spi, .fragment_size = &size,
	};

	return ikefp_sa_set(client->nl, &change);
}

void fragment_init(struct peer *peer, struct client *client, uint64_t spi,
		   const struct fragment_variant *variant)
{
	const struct sk_algorithm *algorithm = &sk_algorithms[variant->algorithm];

	if (variant->kernel_initiates)
		peer_init_kernel_initiates(peer, client, spi, algorithm);
	else
		peer_init_kernel_responds(peer, client, spi, algorithm);
}

struct fragment_ends fragment_begin(const struct fragment_variant *variant)
{
	bool v4 = !strchr(variant->kernel, ':');
	/* All the fragments of a large message at a time. */
	const int room = 4 << 20;
	struct fragment_ends ends;
	size_t i;

	for (i = 0; i < sizeof(inner); i++)
		inner[i] = i ^ i >> 8 ^ 0x5a;
	netns_new();
	if (!v4) {
		run("for i in 1 2 3; do ip address add fd00::$i/128 dev lo nodad; done");
		netns_await_local(variant->kernel);
		netns_await_local(variant->peer);
		netns_await_local(variant->stranger);
	}
	ends.client = client_open(CLIENT_WORKER);
	client_listen(ends.client, variant->kind, variant->kernel, 500);
	client_set(ends.client, IKEFP_A_POLICY_RTO_INITIAL_MS, 60000);
	client_set(ends.client, IKEFP_A_POLICY_RTO_MAX_MS, 60000);
	client_set(ends.client, IKEFP_A_POLICY_RTO_MIN_MS, 60000);
	client_set(ends.client, IKEFP_A_POLICY_JITTER_PERCENT, 0);
	client_set(ends.client, IKEFP_A_POLICY_HALF_OPEN_MS, 86400000);
	client_set(ends.client, IKEFP_A_POLICY_REASSEMBLY_MS, 86400000);
	ends.peer = peer_open(variant->peer, variant->kernel, 500, variant->kind);
	ends.stranger = peer_open(variant->stranger, variant->kernel, 500, variant->kind);
	if (setsockopt(ends.peer->sock, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		die("SO_RCVBUFFORCE: %s", strerror(errno));
	ends.around = (v4 ? 20 : 40) + 8 + (ends.peer->marker ? MARKER_LEN : 0);
	fragment_init(ends.peer, ends.client, SPI, variant);
	peer_establish(ends.peer, ends.client);
	if (fragment_set_size(ends.client, ends.peer, variant->size))
		die("sa-set fragment-size: %s", ikefp_nl_error(ends.client->nl));
	client_count_anew(ends.client);
	return ends;
}

struct cut cut_request(struct peer *peer, size_t len, uint16_t total)
{
	return (struct cut){
		.header = peer_header(peer, CREATE_CHILD_SA, peer->next_out, false),
		.len = len,
		.total = total,
	};
}

static void send_sealed_with(struct peer *from, const struct sk_keys *keys,
			     const struct cut *cut, uint16_t number)
{
	const struct sk_options options = { .fragment = { number, cut->total } };
	size_t begin = cut->len * (number - 1) / cut->total;
	size_t end = cut->len * number / cut->total;
	uint8_t message[MESSAGE_SIZE];

	peer_send(from, message,
		  sk_seal(keys, &cut->header, &options, number == 1 ? PAYLOAD_IDI : PAYLOAD_NONE,
			  inner + begin, end - begin, message));
}

void send_fragment(struct peer *peer, const struct cut *cut, uint16_t number)
{
	send_sealed_with(peer, &peer->keys, cut, number);
}

void send_forged(struct peer *from, const struct peer *as, const struct cut *cut,
		 uint16_t number)
{
	struct sk_keys keys;

	sk_keys_make(&keys, as->keys.algorithm);
	send_sealed_with(from, &keys, cut, number);
}

void fragment_answer(struct client *client, struct peer *peer, size_t len)
{
	peer_kernel_responds(peer, client, CREATE_CHILD_SA, peer->next_out++,
			     len ? PAYLOAD_IDI : PAYLOAD_NONE, inner, len);
}

/* Opens the datagram that was received last. */
static const char *open_datagram(struct peer *peer, size_t len, struct sk_fragment *fragment)
{
	const char *why;

	if (peer->got_header.first_payload == PAYLOAD_SKF) {
		peer->inner_len = sk_open_fragment(&peer->keys, peer->got, peer->got_len, fragment,
						   &peer->first_payload, peer->inner, &why);
	} else {
		*fragment = (struct sk_fragment){ 1, 0 };
		why = peer_open_message(peer);
	}
	if (*why)
		return why;
	if (peer->first_payload !=
	    (fragment->number == 1 && len ? PAYLOAD_IDI : PAYLOAD_NONE))
		return "another first payload";
	return "";
}

const char *fragment_take(struct peer *peer, size_t around, size_t size, size_t len,
			  struct got *got)
{
	size_t block = peer->keys.algorithm->block_len;
	struct sk_fragment fragment;
	uint16_t number = 1;
	size_t at = 0;

	memset(got, 0, offsetof(struct got, octets));
	do {
		size_t datagram;
		const char *why;

		peer_expect(peer);
		if (got->octets_len + peer->got_len > sizeof(got->octets))
			return "too many octets";
		memcpy(got->octets + got->octets_len, peer->got, peer->got_len);
		got->octets_len += peer->got_len;
		why = open_datagram(peer, len, &fragment);
		if (*why)
			return why;
		datagram = peer->got_len + around;
		if (number == 1) {
			got->total = fragment.total;
			got->each = datagram;
			got->header = peer->got_header;
		}
		if (fragment.number != number || fragment.total != got->total)
			return "not the next fragment";
		if (peer->got_header.message_id != got->header.message_id ||
		    peer->got_header.exchange_type != got->header.exchange_type ||
		    peer->got_header.flags != got->header.flags)
			return "not the same message";
		if (datagram > size)
			return "too large";
		if (number < got->total && (datagram != got->each || datagram <= size - block))
			return "smaller than it could be";
		if (at + peer->inner_len > len || memcmp(inner + at, peer->inner, peer->inner_len))
			return "other payloads";
		at += peer->inner_len;
	} while (number++ < got->total);
	return at == len ? "" : "not all payloads";
}

bool fragment_take_again(struct peer *peer, const struct got *first)
{
	size_t at;

	for (at = 0; at < first->octets_len; at += peer->got_len) {
		peer_expect(peer);
		if (at + peer->got_len > first->octets_len ||
		    memcmp(first->octets + at, peer->got, peer->got_len))
			return false;
	}
	return true;
}

size_t fragment_longest_whole(const struct peer *peer, size_t around, size_t size)
{
	const struct sk_algorithm *algorithm = peer->keys.algorithm;
	size_t text = size - around - HEADER_LEN - SK_HEADER_LEN - algorithm->iv_len -
		      algorithm->icv_len;

	return text / algorithm->block_len * algorithm->block_len - 1;
}
