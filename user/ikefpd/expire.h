/* SPDX-License-Identifier: GPL-2.0 */
/* XFRM's word of ESP SAs that have reached their limits. */
#ifndef IKEFPD_EXPIRE_H
#define IKEFPD_EXPIRE_H

#include <stdint.h>

struct endpoint;
struct expire;
struct loop;

/*
 * @expired: the one to @dst with this SPI, in host order, has or is gone. @lost: some were not
 * told. NULL after an error, which is logged.
 */
struct expire *expire_open(struct loop *loop,
			   void (*expired)(void *arg, const struct endpoint *dst, uint32_t spi),
			   void (*lost)(void *arg), void *arg);
void expire_close(struct expire *e);

#endif
