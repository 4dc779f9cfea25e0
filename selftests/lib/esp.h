/* SPDX-License-Identifier: GPL-2.0 */
/* A peer in a namespace of its own, and ESP between it and the module's. */
#ifndef IKEFP_TEST_ESP_H
#define IKEFP_TEST_ESP_H

#include "client.h"
#include "peer.h"

#define ESP_SPI_IN 0xc0000001u
#define ESP_SPI_OUT 0xc0000002u

struct esp {
	int family;
	int here, there;	/* the module's namespace, and the peer's */
	const char *kernel;	/* addresses */
	const char *peer;
	int sock_out, sock_in;	/* UDP, which goes by ESP */
};

/* A client in a new namespace that a wire leads from to another one. */
struct client *client_open_wired(int wants, struct esp *esp, int family);

/* A peer in the other namespace. */
struct peer *esp_peer(struct esp *esp, int port, enum ikefp_listener_kind kind);

/* States for both ways, at both ends, and policies for UDP to port 9. */
void esp_states(struct esp *esp);

/* One packet from the module's namespace, or to it, which has passed XFRM then. */
void esp_send(struct esp *esp);
void esp_receive(struct esp *esp);

#endif
