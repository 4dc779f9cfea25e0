// SPDX-License-Identifier: GPL-2.0

#include "peer.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "tcp.h"

#define INIT_LEN 64

struct peer *peer_open(const char *local, const char *kernel, int port,
		       enum ikefp_listener_kind kind)
{
	struct sockaddr_storage addr = address(local, 0);
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		die("out of memory");
	peer->sock = udp_open(&addr);
	peer->local = udp_local(peer->sock);
	peer->kernel = address(kernel, port);
	peer->marker = kind == IKEFP_LISTENER_KIND_NATT;
	return peer;
}

int peer_take_stream(struct peer *peer, struct client *client, const char *local,
		     const char *kernel, int port, bool kernel_originates)
{
	struct sockaddr_storage accepts = address(kernel_originates ? local : kernel, port);
	struct sockaddr_storage opens = address(kernel_originates ? kernel : local, 0);
	uint8_t prefix[STREAM_PREFIX_LEN];
	int before = peer->sock;
	int listening = tcp_listen(&accepts);
	int opened = tcp_connect(&opens, &accepts);
	int accepted = tcp_accept(listening);
	int handed = kernel_originates ? opened : accepted;

	close(listening);
	peer->sock = kernel_originates ? accepted : opened;
	peer->local = udp_local(peer->sock);
	peer->kernel = tcp_remote(peer->sock);
	peer->marker = true;
	if (ikefp_stream_add(client->nl, handed, kernel_originates,
			     ikefp_worker_portid(client->nl), &peer->stream))
		die("stream-add: %s", ikefp_nl_error(client->nl));
	if (!kernel_originates)
		tcp_send(peer->sock, STREAM_PREFIX, STREAM_PREFIX_LEN);
	else if (!tcp_receive(peer->sock, prefix, sizeof(prefix), PATIENCE_MS) ||
		 memcmp(prefix, STREAM_PREFIX, sizeof(prefix)))
		die("the kernel's stream does not begin with the prefix");
	return before;
}

struct peer *peer_open_stream(struct client *client, const char *local, const char *kernel,
			      int port, bool kernel_originates)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		die("out of memory");
	peer_take_stream(peer, client, local, kernel, port, kernel_originates);
	return peer;
}

void peer_close(struct peer *peer)
{
	close(peer->sock);
	free(peer);
}

struct ikefp_endpoint peer_endpoint_of_kernel(const struct peer *peer)
{
	return (struct ikefp_endpoint){
		.local = peer->kernel, .remote = peer->local, .stream = peer->stream,
	};
}

void peer_send(struct peer *peer, const void *message, size_t len)
{
	uint8_t datagram[MESSAGE_SIZE] = {};
	size_t marker = peer->marker ? MARKER_LEN : 0;

	if (marker + len > sizeof(datagram))
		die("%zu octets are no message", len);
	if (len)
		memmove(peer->sent, message, len);
	peer->sent_len = len;
	memcpy(datagram + marker, peer->sent, len);
	if (peer->stream)
		tcp_send_framed(peer->sock, datagram, marker + len);
	else
		udp_send(peer->sock, &peer->kernel, datagram, marker + len);
}

void peer_send_again(struct peer *peer)
{
	peer_send(peer, peer->sent, peer->sent_len);
}

void peer_send_copies(struct peer *peer, unsigned int count)
{
	size_t len = peer->sent_len + (peer->marker ? MARKER_LEN : 0);
	uint8_t datagrams[MESSAGE_SIZE] = {};
	int size = (int)len;
	unsigned int i;

	if (count * len > sizeof(datagrams))
		die("%u messages of %zu octets are too many", count, len);
	for (i = 1; i <= count; i++)
		memcpy(datagrams + i * len - peer->sent_len, peer->sent, peer->sent_len);
	if (setsockopt(peer->sock, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)))
		die("UDP_SEGMENT: %s", strerror(errno));
	udp_send(peer->sock, &peer->kernel, datagrams, count * len);
	size = 0;
	setsockopt(peer->sock, SOL_UDP, UDP_SEGMENT, &size, sizeof(size));
}

bool peer_receive(struct peer *peer, int wait_ms)
{
	uint8_t datagram[MESSAGE_SIZE];
	size_t marker = peer->marker ? MARKER_LEN : 0;
	struct sockaddr_storage from = peer->kernel;
	ssize_t len;

	if (peer->stream)
		len = tcp_receive_framed(peer->sock, datagram, sizeof(datagram), wait_ms);
	else
		len = udp_receive_tos(peer->sock, datagram, sizeof(datagram), wait_ms, &from,
				      &peer->got_us, &peer->got_tos);
	if (len < 0)
		return false;
	if (!address_same(&from, &peer->kernel))
		die("a datagram from elsewhere");
	if (len < (ssize_t)(marker + HEADER_LEN) || (marker && get32(datagram)))
		die("a datagram of %zd octets without marker or header", len);
	peer->got_len = len - marker;
	memcpy(peer->got, datagram + marker, peer->got_len);
	peer->got_header = ike_get_header(peer->got);
	return true;
}

void peer_expect(struct peer *peer)
{
	if (!peer_receive(peer, PATIENCE_MS))
		die("no message from the kernel");
}

void peer_send_with_cookie(struct peer *peer)
{
	const size_t notify_len = NOTIFY_LEN + COOKIE_LEN;
	uint8_t message[MESSAGE_SIZE];
	size_t len = peer->sent_len;

	peer_expect(peer);
	if (peer->got_len != HEADER_LEN + notify_len || peer->got[16] != PAYLOAD_NOTIFY)
		die("the kernel does not ask for a cookie");
	memcpy(message, peer->sent, HEADER_LEN);
	memcpy(message + HEADER_LEN, peer->got + HEADER_LEN, notify_len);
	memcpy(message + HEADER_LEN + notify_len, peer->sent + HEADER_LEN, len - HEADER_LEN);
	len += notify_len;
	message[HEADER_LEN] = PAYLOAD_NONCE;
	message[16] = PAYLOAD_NOTIFY;
	put32(message + 24, len);
	peer_send(peer, message, len);
}

struct ike_header peer_header(const struct peer *peer, uint8_t exchange_type,
			      uint32_t message_id, bool response)
{
	return (struct ike_header){
		.spi_i = peer->initiator ? peer->own_spi : peer->kernel_spi,
		.spi_r = peer->initiator ? peer->kernel_spi : peer->own_spi,
		.version = 0x20,
		.exchange_type = exchange_type,
		.flags = (peer->initiator ? FLAG_INITIATOR : 0) | (response ? FLAG_RESPONSE : 0),
		.message_id = message_id,
	};
}

static void send_sealed(struct peer *peer, const struct ike_header *header,
			uint8_t first_payload, const void *inner, size_t len)
{
	uint8_t message[MESSAGE_SIZE];

	peer_send(peer, message,
		  sk_seal(&peer->keys, header, NULL, first_payload, inner, len, message));
}

void peer_send_request(struct peer *peer, uint8_t exchange_type, uint8_t first_payload,
		       const void *inner, size_t len)
{
	struct ike_header header = peer_header(peer, exchange_type, peer->next_out++, false);

	send_sealed(peer, &header, first_payload, inner, len);
}

void peer_send_response(struct peer *peer, uint8_t exchange_type, uint32_t message_id,
			uint8_t first_payload, const void *inner, size_t len)
{
	struct ike_header header = peer_header(peer, exchange_type, message_id, true);

	send_sealed(peer, &header, first_payload, inner, len);
}

const char *peer_open_message(struct peer *peer)
{
	uint64_t spi_i = peer->initiator ? peer->own_spi : peer->kernel_spi;
	uint64_t spi_r = peer->initiator ? peer->kernel_spi : peer->own_spi;
	const char *why;

	if (peer->got_header.spi_i != spi_i || peer->got_header.spi_r != spi_r)
		return "wrong SPIs";
	if (!(peer->got_header.flags & FLAG_INITIATOR) != peer->initiator ||
	    peer->got_header.flags & ~(FLAG_INITIATOR | FLAG_RESPONSE))
		return "wrong flags";
	peer->inner_len = sk_open(&peer->keys, peer->got, peer->got_len, &peer->first_payload,
				  peer->inner, &why);
	return why;
}

static void must(struct client *client, int err, const char *what)
{
	if (err)
		die("%s: %s", what, ikefp_nl_error(client->nl));
}

void peer_give_keys(struct peer *peer, struct client *client,
		    const struct sk_algorithm *algorithm)
{
	struct ikefp_sa_change change = { .spi = peer->kernel_spi };
	struct ikefp_keys keys;

	sk_keys_make(&peer->keys, algorithm);
	keys = sk_keys_for_module(&peer->keys);
	change.keys = &keys;
	if (!peer->initiator)
		change.peer_spi = peer->own_spi;
	must(client, ikefp_sa_set(client->nl, &change), "sa-set keys");
}

void peer_establish(struct peer *peer, struct client *client)
{
	const struct ikefp_sa_change change = { .spi = peer->kernel_spi, .established = true };

	must(client, ikefp_sa_set(client->nl, &change), "sa-set established");
}

void peer_settings(struct peer *peer, struct client *client,
		   struct ikefp_sa_settings settings)
{
	const struct ikefp_sa_change change = {
		.spi = peer->kernel_spi, .settings = &settings,
	};

	must(client, ikefp_sa_set(client->nl, &change), "sa-set settings");
}

void peer_esp(struct peer *peer, struct client *client, uint32_t spi_in, uint32_t spi_out)
{
	uint8_t spis[8];
	const struct ikefp_octets octets = { spis, spi_in ? sizeof(spis) : 0 };
	const struct ikefp_sa_change change = {
		.spi = peer->kernel_spi, .esp_spis = &octets,
	};

	put32(spis, spi_in);
	put32(spis + 4, spi_out);
	must(client, ikefp_sa_set(client->nl, &change), "sa-set esp-spis");
}

int peer_move(struct peer *peer, const char *local)
{
	struct sockaddr_storage addr = address(local, 0);
	int before = peer->sock;

	peer->sock = udp_open(&addr);
	peer->local = udp_local(peer->sock);
	return before;
}

void peer_init_kernel_initiates(struct peer *peer, struct client *client, uint64_t spi,
				const struct sk_algorithm *algorithm)
{
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	uint8_t message[INIT_LEN];
	const struct ikefp_message_out request = {
		.spi = spi,
		.raw = true,
		.payload = { message, ike_put_init(message, spi, 0, 0x11, INIT_LEN) },
	};
	const struct ikefp_message_in *answer;

	peer->initiator = false;
	peer->kernel_spi = spi;
	peer->own_spi = ~spi;
	peer->next_out = 0;
	must(client, ikefp_sa_new(client->nl, spi, &endpoint), "sa-new");
	must(client, ikefp_message_send(client->nl, &request, NULL), "raw request");
	peer_expect(peer);
	if (peer->got_len != INIT_LEN || memcmp(peer->got, message, INIT_LEN))
		die("the request is not what was sent");
	peer_send(peer, message, ike_put_init(message, spi, peer->own_spi, 0x22, INIT_LEN));
	answer = client_wait_message(client);
	if (answer->spi != spi || !answer->raw || !answer->response)
		die("not the answer to IKE_SA_INIT");
	peer_give_keys(peer, client, algorithm);
}

void peer_init_kernel_responds(struct peer *peer, struct client *client, uint64_t spi,
			       const struct sk_algorithm *algorithm)
{
	uint8_t message[INIT_LEN];
	const struct ikefp_message_in *request;
	struct ikefp_message_out answer = {
		.raw = true,
		.payload = { message, INIT_LEN },
	};

	peer->initiator = true;
	peer->own_spi = spi;
	peer->next_out = 1;
	peer_send(peer, message, ike_put_init(message, spi, 0, 0x33, INIT_LEN));
	request = client_wait_message(client);
	if (!request->raw || request->response || request->spi_i != spi)
		die("not the IKE_SA_INIT request");
	peer->kernel_spi = request->spi;
	answer.spi = request->spi;
	ike_put_init(message, spi, peer->kernel_spi, 0x44, INIT_LEN);
	must(client, ikefp_message_send(client->nl, &answer, NULL), "raw response");
	peer_expect(peer);
	if (peer->got_len != INIT_LEN || memcmp(peer->got, message, INIT_LEN))
		die("the response is not what was sent");
	peer_give_keys(peer, client, algorithm);
}

uint32_t peer_kernel_requests(struct peer *peer, struct client *client, uint8_t exchange_type,
			      uint8_t first_payload, const void *inner, size_t len)
{
	const struct ikefp_message_out message = {
		.spi = peer->kernel_spi,
		.exchange_type = exchange_type,
		.first_payload = first_payload,
		.payload = { inner, len },
	};
	uint32_t message_id = ~0;

	must(client, ikefp_message_send(client->nl, &message, &message_id), "sealed request");
	return message_id;
}

void peer_kernel_responds(struct peer *peer, struct client *client, uint8_t exchange_type,
			  uint32_t message_id, uint8_t first_payload, const void *inner,
			  size_t len)
{
	const struct ikefp_message_out message = {
		.spi = peer->kernel_spi,
		.response = true,
		.message_id = message_id,
		.exchange_type = exchange_type,
		.first_payload = first_payload,
		.payload = { inner, len },
	};

	must(client, ikefp_message_send(client->nl, &message, NULL), "sealed response");
}
