/* SPDX-License-Identifier: GPL-2.0 */
/* NAT detection: RFC 7296 section 2.23. */
#ifndef IKEFPD_NAT_H
#define IKEFPD_NAT_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "payload.h"

#define NAT_HASH_LEN	20

/*
 * SHA-1(SPIi | SPIr | address | port) of one end as this host sees it; SPIs in
 * host order, SPIr 0 in the request. Returns 0 or -EIO.
 */
int nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
	     uint8_t hash[NAT_HASH_LEN]);

/*
 * Both NAT_DETECTION notifies of a message from local to remote. With fake the
 * source is a hash of nothing, which makes the peer believe in a NAT in front of
 * us (encap = yes). Returns 0 or -EIO.
 */
int nat_add_notifies(struct payload_writer *w, uint64_t spi_i, uint64_t spi_r,
		     const struct endpoint *local, const struct endpoint *remote,
		     bool fake);

/* What a peer's message says. Without both notifies there is no support. */
struct nat_result {
	bool supported;
	bool nat_local;		/* its NAT_DETECTION_DESTINATION_IP is not us */
	bool nat_remote;	/* no NAT_DETECTION_SOURCE_IP is what we see */
};

/* local and remote: where this message arrived and came from. 0 or -EIO. */
int nat_detect(struct nat_result *r, const struct payload_chain *chain,
	       uint64_t spi_i, uint64_t spi_r,
	       const struct endpoint *local, const struct endpoint *remote);

#endif
