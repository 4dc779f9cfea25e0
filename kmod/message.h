/* SPDX-License-Identifier: GPL-2.0 */
/* The IKE message layer: what a message does to an SA, from the wire and to it. */
#ifndef IKEFP_MESSAGE_H
#define IKEFP_MESSAGE_H

#include <linux/types.h>

#include "path.h"
#include "wire.h"

struct ikefp_context;
struct ikefp_datagram;
struct ikefp_inner;
struct ikefp_sa;
struct netlink_ext_ack;
struct sk_buff;

/* What is to be transmitted when an SA's lock is no longer held. */
struct ikefp_outgoing {
	struct ikefp_datagram *octets; /* NULL: nothing */
	struct ikefp_path path;
};

void ikefp_outgoing_send(struct ikefp_context *ctx, struct ikefp_outgoing *out);
bool ikefp_message_receive(struct ikefp_context *ctx, struct sk_buff *skb,
			   const struct ikefp_path *path);
int ikefp_message_ask_liveness(struct ikefp_sa *sa);
int ikefp_message_send_raw(struct ikefp_sa *sa, struct ikefp_datagram *octets,
			   struct netlink_ext_ack *extack);
int ikefp_message_send_request(struct ikefp_sa *sa, const struct ikefp_inner *inner,
			       struct ikefp_datagram *room, u32 *message_id,
			       struct ikefp_outgoing *out, struct netlink_ext_ack *extack);
int ikefp_message_send_response(struct ikefp_sa *sa, const struct ikefp_inner *inner,
				u32 message_id, struct ikefp_datagram *room,
				struct netlink_ext_ack *extack);

#endif
