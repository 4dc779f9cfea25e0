// SPDX-License-Identifier: GPL-2.0
/* Messages that are held. */
#include <errno.h>

#include "container_of.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_manager.h"

int ike_hold_keep(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_handshake *h = sa->handshake;

	if (buf_set(&h->held_octets, msg->data, msg->len))
		return -ENOMEM;
	h->held = *msg;
	h->held.data = h->held_octets.data;
	return 0;
}

int ike_hold_take(struct ike_sa *sa, struct kernel_message *msg, struct buf *octets,
		  struct payload_chain *chain)
{
	struct ike_handshake *h = sa->handshake;
	int err;

	*msg = h->held;
	*octets = h->held_octets;
	h->held.data = NULL;
	h->held_octets = (struct buf)BUF_INIT;
	/* As at its first time, of a response an unknown critical payload is passed over. */
	err = payload_parse(chain, msg->first_payload, msg->data, msg->len);
	return err && !(sa->initiator && err == -EOPNOTSUPP) ? err : 0;
}

static void look_again(struct revocation_waiter *w)
{
	struct ike_sa *sa = container_of(w, struct ike_handshake, waiter)->sa;
	struct payload_chain chain;
	struct kernel_message msg;
	struct buf octets;

	if (ike_hold_take(sa, &msg, &octets, &chain))
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
	if (ike_hold_keep(sa, msg)) {
		revocation_cancel(&h->waiter);
		return -ENOMEM;
	}
	h->sa = sa;
	h->waiter.ready = look_again;
	ike_log(sa, LOG_CFG, LVL_CTRL, "waiting to learn if the peer's certificate is revoked");
	return 0;
}
