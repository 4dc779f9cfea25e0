/* SPDX-License-Identifier: GPL-2.0 */
/* XFRM's word of traffic that a policy holds back for want of an ESP SA. */
#ifndef IKEFPD_ACQUIRE_H
#define IKEFPD_ACQUIRE_H

#include <stdint.h>

#include "endpoint.h"

struct loop;

/*
 * The policy's reqid, and between whom the ESP SA is to be; without ports. The kernel says it once
 * for each of a policy's traffic, and again when half a minute later (net.core.xfrm_acq_expires)
 * there is no ESP SA.
 */
typedef void (*acquire_fn)(void *arg, uint32_t reqid, const struct endpoint *local,
			   const struct endpoint *remote);

struct acquire;

/* NULL, logged, if the kernel refuses it. */
struct acquire *acquire_open(struct loop *loop, acquire_fn acquired, void *arg);
void acquire_close(struct acquire *a);

#endif
