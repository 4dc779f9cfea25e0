/* SPDX-License-Identifier: GPL-2.0 */
/* The netlink socket that a namespace's upcalls go to. */
#ifndef IKEFP_WORKER_H
#define IKEFP_WORKER_H

#include "context.h"

int ikefp_worker_attach(struct ikefp_context *ctx, u32 portid);
bool ikefp_worker_detach(struct ikefp_context *ctx, u32 portid);

/* Any context. 0: there is none. */
static inline u32 ikefp_worker_portid(const struct ikefp_context *ctx)
{
	return READ_ONCE(ctx->worker_portid);
}

#endif
