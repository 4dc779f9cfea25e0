/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between the protocol and the ikefp module. kernel.c speaks to the
 * module by way of user/lib; the unit tests bring a network of their own.
 *
 * SPIs are in host order. Every function returns 0 or a negative error.
 */
#ifndef IKEFPD_KERNEL_H
#define IKEFPD_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config_retransmit.h"
#include "endpoint.h"
#include "kdf.h"
#include "proposal.h"

struct kernel;
struct ike_manager;
struct loop;

/* A message that came up. The pointers are valid during the call alone. */
struct kernel_message {
	struct endpoint local, remote;
	uint64_t spi_i, spi_r;
	uint64_t spi_local;	/* our SPI of the kernel's SA; names the SA */
	uint8_t exchange;
	uint8_t flags;		/* of the header */
	uint32_t message_id;
	bool raw;		/* IKE_SA_INIT: data is the whole message */
	uint8_t first_payload;	/* sealed: of the inner chain in data */
	const uint8_t *data;
	size_t len;
};

enum kernel_event_type {
	KERNEL_EVENT_TIMEOUT,	/* the outstanding request was given up */
	KERNEL_EVENT_EXPIRED,	/* a half-open SA expired; it is gone */
	KERNEL_EVENT_MOVED,	/* the SA has followed its peer to other endpoints */
	KERNEL_EVENT_DEAD,	/* the peer does not answer when asked for a sign of life */
};

struct kernel_event {
	enum kernel_event_type type;
	uint64_t spi_local;
	uint8_t exchange;	/* TIMEOUT: of the request */
	struct endpoint local, remote;	/* MOVED */
};

/* What the kernel does by itself for an established SA. */
struct kernel_life {
	bool behind_nat;	/* we are: NAT keepalives */
	bool follow;		/* the peer may move */
	uint32_t liveness_ms;	/* without a sign of life, then ask; 0: never */
	uint8_t dscp;		/* as of kernel_sa_dscp() */
	struct retransmit_conf retransmit;	/* what it has of its own */
};

/*
 * Opens the module's family, refuses to be a second helper, adds the listeners, and from
 * then on hands what comes up to m. NULL after an error; it is logged with what to do
 * about it.
 */
struct kernel *kernel_open(struct loop *loop, struct ike_manager *m);
/*
 * Adopts the IKE SAs of a helper that is dead: m carries them on (resume.h). What has
 * come up for them since follows.
 */
void kernel_adopt(struct kernel *k);
/* Deletes what is left of our SAs, takes the listeners away, and closes. */
void kernel_close(struct kernel *k);
/* Sets the module's retransmission policy as far as it is configured. */
int kernel_set_retransmit(struct kernel *k, const struct retransmit_conf *conf);
/* Sets how often NAT keepalives go, 0 for never; CONF_UNSET leaves it to the module. */
int kernel_set_keepalive(struct kernel *k, int32_t interval_ms);

/*
 * An initiator's SA, before anything is sent, the codepoint of its datagrams, and what it has of
 * retransmission of its own. -ENOENT: the TCP connection that @local names has ended.
 */
int kernel_sa_new(struct kernel *k, uint64_t spi_i, const struct endpoint *local,
		  const struct endpoint *remote, uint8_t dscp,
		  const struct retransmit_conf *retransmit);

/* Of whatever leaves for it in datagrams from here on; 0 unless it was told. */
int kernel_sa_dscp(struct kernel *k, uint64_t spi_local, uint8_t dscp);

/*
 * The SA with these SPIs, one of which is ours, takes the place of that with the old SPI of
 * ours, which is established. It is, too, between the same endpoints, and initiator says
 * which of the two in it we are.
 */
int kernel_sa_rekey(struct kernel *k, uint64_t old_spi_local, bool initiator, uint64_t spi_i,
		    uint64_t spi_r, const struct proposal *chosen, const struct ike_keys *keys);

/*
 * IKE_SA_INIT, whole message, no non-ESP marker. A request replaces one that is
 * outstanding and is retransmitted until kernel_sa_keys() or kernel_sa_delete().
 */
int kernel_sa_send_raw(struct kernel *k, uint64_t spi_local,
		       const uint8_t *data, size_t len);

/*
 * Pushes the keys down, the first. The handshake moves to these endpoints. fragment_size is
 * NULL unless both ends know RFC 7383; then what is longer than an IP datagram of so
 * many octets leaves in fragments, or never where it is 0.
 */
int kernel_sa_keys(struct kernel *k, uint64_t spi_local, uint64_t spi_remote,
		   const struct endpoint *local, const struct endpoint *remote,
		   const struct proposal *chosen, const struct ike_keys *keys,
		   const uint32_t *fragment_size);
/* Those that take their place, before it is established: RFC 9370 section 2.2.2. */
int kernel_sa_new_keys(struct kernel *k, uint64_t spi_local, const struct proposal *chosen,
		       const struct ike_keys *keys);

/* A sealed request; the kernel gives it the next message ID. */
int kernel_sa_request(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint8_t first_payload, const uint8_t *data, size_t len);

/* A sealed response to the request of that message ID. */
int kernel_sa_respond(struct kernel *k, uint64_t spi_local, uint8_t exchange,
		      uint32_t message_id, uint8_t first_payload,
		      const uint8_t *data, size_t len);

/*
 * The IKE SA is authenticated: it no longer counts as half-open and has no
 * deadline to meet. The endpoints are where its messages go from now on.
 */
int kernel_sa_established(struct kernel *k, uint64_t spi_local,
			  const struct endpoint *local, const struct endpoint *remote,
			  const struct kernel_life *life);

/*
 * The peer takes so many requests of ours at a time, as its SET_WINDOW_SIZE says. More than
 * the kernel will have outstanding is as good as that.
 */
int kernel_sa_window(struct kernel *k, uint64_t spi_local, uint32_t window);

/*
 * Hands a TCP connection down, which is closed here afterwards: a stream (stream.h). Of ours
 * stream_closed() is told the end; of those that peers have opened there may be too many, which
 * is not logged. @id may be NULL.
 */
int kernel_stream_add(struct kernel *k, int fd, bool originator, uint32_t *id);
bool kernel_stream_is_open(struct kernel *k, uint32_t id);

/* How often its oldest request that is not answered was sent; 0: there is none. */
int kernel_sa_tries(struct kernel *k, uint64_t spi_local, uint32_t *tries);

/* Messages that no IKE SA was found for by their SPIs, since the module was loaded. */
int kernel_unknown_spis(struct kernel *k, uint64_t *n);

/* Where its messages go from now on. */
int kernel_sa_move(struct kernel *k, uint64_t spi_local, const struct endpoint *local,
		   const struct endpoint *remote);

/* Its ESP SAs, in pairs of an inbound and an outbound one; those before are replaced. */
#define KERNEL_ESP_PAIRS_MAX	64
struct kernel_esp {
	uint32_t spi_in, spi_out;
	uint32_t mark_in, mark_out;	/* that XFRM finds them by; 0: they have none */
};
int kernel_sa_esp(struct kernel *k, uint64_t spi_local, const struct kernel_esp *pairs,
		  size_t n);

/* Leaves octets for the daemon that may have to carry the IKE SA on (stash.h). */
int kernel_sa_stash(struct kernel *k, uint64_t spi_local, const uint8_t *data, size_t len);

/*
 * What kernel_sa_established(), _window(), _esp() and _stash() say of this IKE SA from here
 * on is told the kernel at once and in one command: by kernel_sa_apply(), or before its
 * next message leaves. It is logged what could not be told.
 */
void kernel_sa_gather(struct kernel *k, uint64_t spi_local);
void kernel_sa_apply(struct kernel *k);

/* Responses sent linger in the kernel for duplicates. */
int kernel_sa_delete(struct kernel *k, uint64_t spi_local);

#endif
