// SPDX-License-Identifier: GPL-2.0
/* Messages that are held. */
#include <errno.h>

#include "container_of.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_manager.h"
#include "ike_verify.h"

/* The initiator's response: a responder is sent nothing before it has answered. */
static bool is_holding(const struct ike_sa *sa)
{
	return sa->initiator && sa->active.type == TASK_IKE_AUTH && sa->handshake &&
	       sa->handshake->held.data;
}

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

static void look_at(struct ike_sa *sa)
{
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

void ike_hold_look_again(struct ike_sa *sa)
{
	struct ike_handshake *h = sa->handshake;
	struct ike_manager *m = sa->manager;
	const uint64_t spi = ike_sa_spi_local(sa);
	const struct kernel_message next = h->next;
	const bool has_next = h->has_next;
	struct buf octets = h->next_octets;

	h->has_next = false;
	h->next_octets = (struct buf)BUF_INIT;
	look_at(sa);
	sa = has_next ? ike_manager_by_spi(m, spi) : NULL;
	if (sa && is_holding(sa)) {
		sa->handshake->next = next;
		sa->handshake->next_octets = octets;
		sa->handshake->has_next = true;
		return;
	}
	if (sa)
		ike_sa_message(sa, &next);
	buf_clear(&octets);
}

static void learnt(struct revocation_waiter *w)
{
	ike_hold_look_again(container_of(w, struct ike_handshake, waiter)->sa);
}

int ike_hold(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_handshake *h = sa->handshake;

	if (ike_hold_keep(sa, msg)) {
		ike_verify_end(h);
		revocation_cancel(&h->waiter);
		return -ENOMEM;
	}
	h->sa = sa;
	h->waiter.ready = learnt;
	if (h->waiter.link)
		ike_log(sa, LOG_CFG, LVL_CTRL,
			"waiting to learn if the peer's certificate is revoked");
	return 0;
}

/* The peer has one request on its way. */
bool ike_hold_next(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct ike_handshake *h = sa->handshake;

	if (!is_holding(sa) || msg->flags & IKE_FLAG_RESPONSE || h->has_next ||
	    buf_set(&h->next_octets, msg->data, msg->len))
		return false;
	h->next = *msg;
	h->next.data = h->next_octets.data;
	h->has_next = true;
	return true;
}
