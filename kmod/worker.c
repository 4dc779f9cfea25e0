// SPDX-License-Identifier: GPL-2.0

#include "worker.h"

/**
 * ikefp_worker_attach() - make a socket the worker
 * @ctx: the namespace
 * @portid: the socket's port ID, not 0
 *
 * Any context.
 * Return: 0, also where it is the worker already; -EBUSY where another is.
 */
int ikefp_worker_attach(struct ikefp_context *ctx, u32 portid)
{
	u32 before = cmpxchg(&ctx->worker_portid, 0, portid);

	return !before || before == portid ? 0 : -EBUSY;
}

/**
 * ikefp_worker_detach() - a socket is closed
 * @ctx: the namespace
 * @portid: the port ID that it had
 *
 * Any context.
 * Return: whether it was the worker.
 */
bool ikefp_worker_detach(struct ikefp_context *ctx, u32 portid)
{
	return cmpxchg(&ctx->worker_portid, portid, 0) == portid;
}
