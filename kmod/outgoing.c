// SPDX-License-Identifier: GPL-2.0

#include <linux/bug.h>
#include <net/dst.h>

#include "datagram.h"
#include "outgoing.h"
#include "route.h"
#include "sa.h"
#include "transmit.h"

/**
 * ikefp_outgoing_add() - decide that a message is to be transmitted
 * @out: an empty one, or what was decided before, which goes the same way
 * @sa: the SA, locked, whose it is
 * @octets: the message, held once more
 * @path: which way, held or under RCU; likewise
 */
void ikefp_outgoing_add(struct ikefp_outgoing *out, struct ikefp_sa *sa,
			struct ikefp_datagram *octets, const struct ikefp_path *path)
{
	if (WARN_ON_ONCE(out->count == ARRAY_SIZE(out->octets)))
		return;
	if (!out->count) {
		ikefp_path_copy(&out->path, path);
		out->path.dscp = sa->path.dscp;
		out->route = path->listener && ikefp_path_same(&sa->path, path) ?
			     ikefp_route_get(&sa->route, sa->ctx->net, &out->path) : NULL;
	}
	out->octets[out->count++] = ikefp_datagram_hold(octets);
}

/**
 * ikefp_outgoing_send() - transmit what was decided under an SA's lock
 * @ctx: the namespace, which counts it
 * @out: what, and which way; what it holds is put, its spare packet may have been taken
 *
 * What the network does not take now is lost like any datagram.
 *
 * Context: any, without the lock.
 */
void ikefp_outgoing_send(struct ikefp_context *ctx, struct ikefp_outgoing *out)
{
	u32 i;

	if (!out->count)
		return;
	for (i = 0; i < out->count; i++) {
		if (out->route && i + 1 < out->count)
			dst_hold(out->route);
		ikefp_transmit_message(ctx, &out->path, out->route, out->octets[i], &out->spare);
		ikefp_datagram_put(out->octets[i]);
	}
	ikefp_path_put(&out->path);
}
