/* SPDX-License-Identifier: GPL-2.0 */
/* What is decided under an SA's lock to be transmitted, and is when that is no longer held. */
#ifndef IKEFP_OUTGOING_H
#define IKEFP_OUTGOING_H

#include <linux/types.h>

#include "path.h"
#include "window.h"

struct dst_entry;
struct ikefp_context;
struct ikefp_datagram;
struct ikefp_sa;
struct sk_buff;

/* As many messages as an SA has requests under way, and an answer, all of them the same way. */
struct ikefp_outgoing {
	u32 count; /* 0: all but spare means nothing yet */
	struct sk_buff *spare; /* a packet that they may go out in, or NULL */
	struct ikefp_path path;
	struct dst_entry *route; /* of the path, held; NULL: it is looked up for each */
	struct ikefp_datagram *octets[IKEFP_MAX_WINDOW + 1];
};

void ikefp_outgoing_add(struct ikefp_outgoing *out, struct ikefp_sa *sa,
			struct ikefp_datagram *octets, const struct ikefp_path *path);
void ikefp_outgoing_send(struct ikefp_context *ctx, struct ikefp_outgoing *out);

#endif
