// SPDX-License-Identifier: GPL-2.0
/* Messages that are held. */
#include <errno.h>

#include "container_of.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_manager.h"

static void look_again(struct revocation_waiter *w)
{
	struct ike_handshake *h = container_of(w, struct ike_handshake, waiter);
	struct kernel_message msg = h->held;
	struct buf octets = h->held_octets;
	struct ike_sa *sa = h->sa;
	struct payload_chain chain;
	int err;

	h->held.data = NULL;
	h->held_octets = (struct buf)BUF_INIT;
	/* As at its first time, of a response an unknown critical payload is passed over. */
	err = payload_parse(&chain, msg.first_payload, msg.data, msg.len);
	if (err && !(sa->initiator && err == -EOPNOTSUPP))
		ike_sa_destroy(sa, "a message that was held cannot be parsed");
	else if (sa->initiator)
		ike_auth_response(sa, &msg, &chain);
	else
		ike_auth_request(sa, &msg, &chain);
	buf_clear(&octets);
}

int ike_hold(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_handshake *h = sa->handshake;

	if (!h->waiter.link)
		return -EINVAL;
	if (buf_set(&h->held_octets, msg->data, msg->len)) {
		revocation_cancel(&h->waiter);
		return -ENOMEM;
	}
	h->held = *msg;
	h->held.data = h->held_octets.data;
	h->sa = sa;
	h->waiter.ready = look_again;
	ike_log(sa, LOG_CFG, LVL_CTRL, "waiting to learn if the peer's certificate is revoked");
	return 0;
}
