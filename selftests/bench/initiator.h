/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The gateway's peer: an IKEv2 initiator with a pre-shared key that does no more than a
 * case asks of it, so that what it costs can be told from what the gateway costs. Octets
 * and keys are ikefpd's own parts' (user/ikefpd), sealing is the unit tests'. What must
 * work and does not ends the program.
 */
#ifndef IKEFP_BENCH_INITIATOR_H
#define IKEFP_BENCH_INITIATOR_H

#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "endpoint.h"
#include "ikev2.h"
#include "kdf.h"
#include "payload.h"

struct initiator {
	int sock;			/* bound to local */
	struct endpoint local, remote;
	const char *id_local, *id_remote;	/* gw1.example and gw2.example */
	const char *ts_local, *ts_remote;	/* $TS_LOCAL and $TS_REMOTE */
	uint64_t spi_i, spi_r;
	struct dh *dh;
	struct buf nonce_i, nonce_r;
	struct buf init, init_response;	/* IKE_SA_INIT, whole */
	struct buf auth;		/* the IKE_AUTH request, whole */
	struct ike_keys keys;
	uint32_t next_id;		/* of the next request */
};

struct endpoint initiator_address(const char *text, uint16_t port);

/* From @local to @remote, both with their ports. */
void initiator_open(struct initiator *initiator, const struct endpoint *local,
		    const struct endpoint *remote);
void initiator_close(struct initiator *initiator);

/* Makes the IKE_SA_INIT request, with an SPI, a nonce and a key of its own. */
void initiator_make_init(struct initiator *initiator);
/* Takes the response to it: all keys are there afterwards. */
void initiator_take_init(struct initiator *initiator, const uint8_t *message, size_t len);
/* Makes the IKE_AUTH request, with one Child SA in it. */
void initiator_make_auth(struct initiator *initiator);
/* Takes the response to it, which must be that of an IKE SA and a Child SA. */
void initiator_take_auth(struct initiator *initiator, const uint8_t *message, size_t len);

/* All four. */
void initiator_establish(struct initiator *initiator);

/* The next request, sealed, appended to @out; @inner is a chain that begins with @first. */
void initiator_seal(struct initiator *initiator, struct buf *out, uint8_t exchange,
		    uint8_t first, const uint8_t *inner, size_t len);
/*
 * Opens the gateway's response to the request @message_id. Returns the octets of its
 * payloads, in @inner, or -1 where it is no authentic response to that.
 */
ssize_t initiator_open_response(const struct initiator *initiator, uint8_t exchange,
				uint32_t message_id, const uint8_t *message, size_t len,
				struct buf *inner, uint8_t *first);

/* Sends octets, and takes what comes within ten seconds. Returns its length, or -1. */
void initiator_send(const struct initiator *initiator, const uint8_t *octets, size_t len);
ssize_t initiator_receive(const struct initiator *initiator, uint8_t *octets, size_t size);

#endif
