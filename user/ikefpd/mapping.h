/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ESP in UDP that comes from another address or port than its ESP SA has: a NAT has
 * given the peer another mapping, and XFRM says so of each such packet, which is
 * authentic.
 */
#ifndef IKEFPD_MAPPING_H
#define IKEFPD_MAPPING_H

#include <stdint.h>

#include "endpoint.h"

struct loop;
struct mapping;

/* The inbound ESP SA is named by its address, of no port, and SPI in host order. */
typedef void (*mapping_fn)(void *arg, const struct endpoint *local, uint32_t spi_in,
			   const struct endpoint *remote);

/* NULL after an error, which is logged. */
struct mapping *mapping_open(struct loop *loop, mapping_fn changed, void *arg);
void mapping_close(struct mapping *m);

#endif
