/* SPDX-License-Identifier: GPL-2.0 */
/* A peer of the module's in the test itself: a UDP socket or a stream, SPIs, keys, message IDs. */
#ifndef IKEFP_TEST_PEER_H
#define IKEFP_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"
#include "ike.h"
#include "sk.h"
#include "udp.h"

struct peer {
	int sock;
	struct sockaddr_storage local;
	struct sockaddr_storage kernel;
	bool marker;			/* the kernel's listener is of the kind natt */
	uint32_t stream;		/* the kernel's name of it; 0: there is none */
	bool initiator;			/* the peer is */
	uint64_t own_spi;
	uint64_t kernel_spi;
	struct sk_keys keys;
	uint32_t next_out;		/* ID of its next request */

	uint8_t sent[MESSAGE_SIZE];	/* the latest message, without marker */
	size_t sent_len;
	uint8_t got[MESSAGE_SIZE];	/* likewise */
	size_t got_len;
	struct ike_header got_header;
	int64_t got_us;			/* see udp_receive_tos() */
	uint8_t got_tos;		/* likewise; not by a stream */
	uint8_t inner[MESSAGE_SIZE];	/* of peer_open_message() */
	ssize_t inner_len;
	uint8_t first_payload;
};

/* Addresses of the peer and of the kernel's listener, and the listener's port. */
struct peer *peer_open(const char *local, const char *kernel, int port,
		       enum ikefp_listener_kind kind);

/*
 * A TCP connection between the two, of which the kernel's end is handed down as one that it
 * has opened, or accepted; on the port @port of who has accepted it. It has begun, with the
 * prefix. The client's worker is told of its end.
 */
struct peer *peer_open_stream(struct client *client, const char *local, const char *kernel,
			      int port, bool kernel_originates);

/* One more, on which the peer sends and receives from now on. Returns the socket before. */
int peer_take_stream(struct peer *peer, struct client *client, const char *local,
		     const char *kernel, int port, bool kernel_originates);
void peer_close(struct peer *peer);
struct ikefp_endpoint peer_endpoint_of_kernel(const struct peer *peer);

void peer_send(struct peer *peer, const void *message, size_t len);
void peer_send_again(struct peer *peer);
/* The latest message so many times, in one packet that the kernel takes apart. */
void peer_send_copies(struct peer *peer, unsigned int count);
/* The latest message, a request of ike_put_init(), with the COOKIE that is got for it. */
void peer_send_with_cookie(struct peer *peer);

/* The next message; false when none came. One without its marker ends the test. */
bool peer_receive(struct peer *peer, int wait_ms);
/* The next message, which must come. */
void peer_expect(struct peer *peer);

/* Sealed: a header of the peer's own SPIs and role, length not set. */
struct ike_header peer_header(const struct peer *peer, uint8_t exchange_type,
			      uint32_t message_id, bool response);
void peer_send_request(struct peer *peer, uint8_t exchange_type, uint8_t first_payload,
		       const void *inner, size_t len);
void peer_send_response(struct peer *peer, uint8_t exchange_type, uint32_t message_id,
			uint8_t first_payload, const void *inner, size_t len);

/* Opens what was received last. Returns "" or what is wrong with it. */
const char *peer_open_message(struct peer *peer);

/*
 * IKE_SA_INIT with the kernel as initiator, or as responder; @keys come from
 * @algorithm and both sides have them afterwards. The client is the worker.
 */
void peer_init_kernel_initiates(struct peer *peer, struct client *client, uint64_t spi,
				const struct sk_algorithm *algorithm);
void peer_init_kernel_responds(struct peer *peer, struct client *client, uint64_t spi,
			       const struct sk_algorithm *algorithm);

/* The kernel's side of the two, from keys on. */
void peer_give_keys(struct peer *peer, struct client *client,
		    const struct sk_algorithm *algorithm);
void peer_establish(struct peer *peer, struct client *client);

/* What the kernel does by itself for the SA, and the ESP SAs that it has: a pair, or none. */
void peer_settings(struct peer *peer, struct client *client,
		   struct ikefp_sa_settings settings);
void peer_esp(struct peer *peer, struct client *client, uint32_t spi_in, uint32_t spi_out);

/*
 * The peer is at another address, or port, from now on: its socket is another one, and
 * the one before is returned, open. What was sent there is not received.
 */
int peer_move(struct peer *peer, const char *local);

/* The worker sends a sealed request or response; must succeed. Returns the ID. */
uint32_t peer_kernel_requests(struct peer *peer, struct client *client, uint8_t exchange_type,
			      uint8_t first_payload, const void *inner, size_t len);
void peer_kernel_responds(struct peer *peer, struct client *client, uint8_t exchange_type,
			  uint32_t message_id, uint8_t first_payload, const void *inner,
			  size_t len);

#endif
