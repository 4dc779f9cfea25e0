// SPDX-License-Identifier: GPL-2.0
/* The INFORMATIONAL exchange and deletion. */
#include "followup.h"
#include "ike_manager.h"
#include "ike_rekey.h"
#include "informational.h"
#include "reaction.h"
#include "resume.h"

static void put_delete(struct payload_writer *w, uint8_t protocol,
		       const uint32_t *spis, uint16_t n)
{
	uint16_t i;

	payload_open(w, PAYLOAD_DELETE);
	buf_put8(&w->buf, protocol);
	buf_put8(&w->buf, protocol == PROTO_ESP ? ESP_SPI_LEN : 0);
	buf_put16(&w->buf, n);
	for (i = 0; i < n; i++)
		buf_put32(&w->buf, spis[i]);
	payload_close(w);
}

int informational_delete_ike(struct ike_sa *sa)
{
	struct payload_writer w;

	sa->state = IKE_DELETING;
	ike_log(sa, LOG_IKE, LVL_CTRL, "deleting IKE_SA %s[%u]", sa->log.name,
		sa->unique_id);
	payload_begin(&w, 0);
	if (sa->peer_is_false)
		payload_add_notify(&w, PROTO_NONE, NULL, 0, AUTHENTICATION_FAILED, NULL, 0);
	put_delete(&w, PROTO_IKE, NULL, 0);
	return ike_sa_request(sa, TASK_DELETE_IKE, INFORMATIONAL, &w);
}

int informational_ask(struct ike_sa *sa)
{
	struct payload_writer w;

	payload_begin(&w, 0);
	return ike_sa_request(sa, TASK_ASK, INFORMATIONAL, &w);
}

/* With their IKE SA, at both ends. */
static void pass_on_children(struct ike_sa *sa)
{
	struct child_sa *child, *next;

	for (child = sa->children; child; child = next) {
		next = child->next;
		child_sa_pass_on(child);
	}
}

/* At both ends: what is still on its way is let in, if another one has taken its place. */
static void deleted(struct child_sa *child)
{
	if (child->replaced && child->state_in)
		child_sa_replaced(child);
	else
		child_sa_destroy(child);
}

int informational_delete_child(struct ike_sa *sa, enum ike_task_type type, uint32_t spi_in)
{
	struct child_sa *child = child_sa_by_spi_in(sa, spi_in);
	struct payload_writer w;

	/* Of one that is lost the peer alone knows. */
	if (!child && type != TASK_DELETE_LOST)
		return 0;
	if (child)
		child->state = CHILD_DELETING;
	ike_log(sa, LOG_IKE, LVL_CTRL, "sending DELETE for ESP CHILD_SA with SPI %.8x",
		spi_in);
	payload_begin(&w, 0);
	put_delete(&w, PROTO_ESP, &spi_in, 1);
	return ike_sa_request(sa, type, INFORMATIONAL, &w);
}

/* Of a child that both ends have rekeyed there are two: nothing is lost with one of them. */
static bool has_another(const struct ike_sa *sa, const struct child_sa *child)
{
	const struct child_sa *c;

	for (c = sa->children; c; c = c->next)
		if (c != child && c->conf == child->conf &&
		    (c->state == CHILD_CREATED || c->state == CHILD_INSTALLED))
			return true;
	return false;
}

/*
 * RFC 7296 section 1.4.1: the answer names our half of each pair, but not of one
 * whose DELETE we have sent ourselves: that request is answered by the peer.
 */
static void delete_children(struct ike_sa *sa, const struct payload *p,
			    struct reaction *reaction, struct payload_writer *w)
{
	uint32_t answer[PAYLOADS_MAX];
	unsigned int count = get16(p->body + 2), unknown = 0, i;
	uint16_t n = 0;

	for (i = 0; i < count; i++) {
		uint32_t spi = get32(p->body + 4 + i * ESP_SPI_LEN);
		struct child_sa *child = child_sa_by_spi_out(sa, spi);

		if (!child) {
			followup_unwanted(sa, spi);
			unknown++;
			continue;
		}
		ike_log(sa, LOG_IKE, LVL_CTRL, "received DELETE for ESP CHILD_SA with SPI %.8x",
			spi);
		if (child->state != CHILD_DELETING && n < PAYLOADS_MAX)
			answer[n++] = child->spi_in;
		/* What was to take its place is none. */
		followup_child_gone(sa, child->spi_in);
		if (!has_another(sa, child))
			reaction_note(reaction, child, child->conf->close_action);
		deleted(child);
	}
	/* A message has room for thousands: one line. */
	if (unknown)
		ike_log(sa, LOG_IKE, LVL_CTRL,
			"received DELETE for %u ESP CHILD_SAs that there are none of", unknown);
	if (n)
		put_delete(w, PROTO_ESP, answer, n);
}

static bool is_delete(const struct payload *p, uint8_t protocol)
{
	return p->type == PAYLOAD_DELETE && p->body[0] == protocol &&
	       p->body[1] == (protocol == PROTO_ESP ? ESP_SPI_LEN : 0);
}

void informational_request(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain)
{
	bool delete_ike = false, rejected = false, wanted;
	struct ike_sa *rival;
	struct ike_manager *m = sa->manager;
	struct reaction reaction = { 0 };
	const struct child_sa *child;
	struct payload_writer w;
	struct notify n;
	unsigned int i;

	payload_begin(&w, 0);
	for (i = 0; i < chain->n; i++) {
		const struct payload *p = &chain->v[i];

		if (is_delete(p, PROTO_IKE)) {
			delete_ike = true;
		} else if (is_delete(p, PROTO_ESP)) {
			delete_children(sa, p, &reaction, &w);
		} else if (p->type == PAYLOAD_NOTIFY && !notify_read(&n, p) &&
			   n.type <= NOTIFY_ERROR_MAX) {
			ike_log(sa, LOG_IKE, LVL_CTRL, "received %s (%u) notify error",
				ike_notify_name(n.type), n.type);
			/* RFC 7296 section 2.21.2: the peer rejected our AUTH. */
			if (n.type == AUTHENTICATION_FAILED)
				rejected = true;
		}
	}
	if (rejected)
		ike_manager_alert(m, ALERT_LOCAL_AUTH_FAILED, sa);
	if (delete_ike)
		ike_rekey_deleted(sa);
	/* One that was rekeyed has nothing any more. */
	wanted = sa->state == IKE_DELETING || sa->successor;
	for (child = delete_ike ? sa->children : NULL; child; child = child->next)
		reaction_note(&reaction, child, child->conf->close_action);
	if (delete_ike) {
		pass_on_children(sa);
		sa->state = IKE_DELETING;
	}
	if (!sa->handshake)
		resume_save(sa);
	ike_sa_respond(sa, msg, &w);
	if (delete_ike) {
		ike_log(sa, LOG_IKE, LVL_AUDIT, "IKE_SA %s[%u] deleted by the peer",
			sa->log.name, sa->unique_id);
		rival = ike_rekey_rival(sa);
		ike_sa_destroy(sa, wanted ? NULL : "the peer deleted the IKE SA");
		/* Without an answer to our rekeying, the peer's is the one that stays. */
		if (rival)
			ike_sa_go_on(rival);
	} else if (rejected) {
		ike_sa_destroy(sa, "the peer did not accept our authentication");
	}
	reaction_run(&reaction, m);
}

/* The peer's half of the pair, if it names it, goes with ours. */
void informational_response(struct ike_sa *sa, const struct payload_chain *chain)
{
	struct child_sa *child;
	struct notify n;

	if (notify_error(&n, chain))
		ike_log(sa, LOG_IKE, LVL_CTRL, "received %s (%u) notify error",
			ike_notify_name(n.type), n.type);
	if (sa->active.type == TASK_DELETE_IKE) {
		ike_log(sa, LOG_IKE, LVL_AUDIT, "IKE_SA %s[%u] deleted",
			sa->log.name, sa->unique_id);
		pass_on_children(sa);
		ike_sa_destroy(sa, NULL);
		return;
	}
	child = sa->active.type == TASK_ASK ? NULL : child_sa_by_spi_in(sa, sa->active.spi);
	if (child)
		deleted(child);
	ike_sa_next(sa);
}
