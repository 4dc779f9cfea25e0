/* SPDX-License-Identifier: GPL-2.0 */
/* The IKE message layer to the wire: an SA's requests and answers. */
#ifndef IKEFP_SEND_H
#define IKEFP_SEND_H

#include <linux/types.h>

struct ikefp_answer;
struct ikefp_datagram;
struct ikefp_inner;
struct ikefp_outgoing;
struct ikefp_path;
struct ikefp_sa;
struct netlink_ext_ack;

void ikefp_send_noted(struct ikefp_sa *sa, const struct ikefp_path *path);
void ikefp_send_answer(struct ikefp_sa *sa, struct ikefp_answer *answer,
		       struct ikefp_datagram *octets, struct ikefp_outgoing *out);
void ikefp_send_answer_again(struct ikefp_sa *sa, struct ikefp_answer *answer,
			     const struct ikefp_path *path, struct ikefp_outgoing *out);
int ikefp_send_liveness(struct ikefp_sa *sa, struct ikefp_outgoing *out);
int ikefp_send_raw(struct ikefp_sa *sa, struct ikefp_datagram *octets,
		   struct netlink_ext_ack *extack);
int ikefp_send_request(struct ikefp_sa *sa, const struct ikefp_inner *inner,
		       struct ikefp_datagram *room, u32 *message_id,
		       struct ikefp_outgoing *out, struct netlink_ext_ack *extack);
int ikefp_send_response(struct ikefp_sa *sa, const struct ikefp_inner *inner, u32 message_id,
			struct ikefp_datagram *room, struct netlink_ext_ack *extack);

#endif
