// SPDX-License-Identifier: GPL-2.0
/* An IKE SA: its state, its requests, and what comes in for it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "config.h"
#include "counters.h"
#include "create_child.h"
#include "dh_job.h"
#include "followup.h"
#include "ike_auth.h"
#include "ike_hold.h"
#include "ike_init.h"
#include "ike_life.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_rekey.h"
#include "ike_retry.h"
#include "ike_sign.h"
#include "ike_sa.h"
#include "ike_verify.h"
#include "informational.h"
#include "ke_hold.h"
#include "reaction.h"
#include "resume.h"
#include "stream.h"
#include "transport.h"

const char *ike_sa_state_name(const struct ike_sa *sa)
{
	static const char *const names[] = {
		[IKE_CREATED] = "CREATED",
		[IKE_CONNECTING] = "CONNECTING",
		[IKE_ESTABLISHED] = "ESTABLISHED",
		[IKE_REKEYED] = "REKEYED",
		[IKE_DELETING] = "DELETING",
	};

	return sa->state == IKE_ESTABLISHED && sa->rekey ? "REKEYING" : names[sa->state];
}

const char *ike_task_name(enum ike_task_type type)
{
	static const char *const names[] = {
		[TASK_IKE_INIT] = "IKE_INIT",
		[TASK_IKE_INTERMEDIATE] = "IKE_INTERMEDIATE",
		[TASK_IKE_AUTH] = "IKE_AUTH",
		[TASK_CREATE_CHILD] = "CHILD_CREATE",
		[TASK_REKEY_CHILD] = "CHILD_REKEY",
		[TASK_REKEY_IKE] = "IKE_REKEY",
		[TASK_DELETE_CHILD] = "CHILD_DELETE",
		[TASK_DELETE_LOST] = "CHILD_DELETE",
		[TASK_DELETE_IKE] = "IKE_DELETE",
		[TASK_ASK] = "IKE_DPD",
	};

	return names[type];
}

void ike_sa_set_conn(struct ike_sa *sa, struct conn *conn)
{
	if (conn)
		conn_get(conn);
	conn_put(sa->conn);
	sa->conn = conn;
	sa->log.name = conn ? conn->name : "(unnamed)";
	/* Not one that is not in the list yet, or that is refused. */
	if (sa->link)
		ike_manager_index(sa->manager, sa);
}

void ike_task_set_conf(struct ike_task *task, const struct child_conf *conf)
{
	child_conf_get(conf);
	child_conf_put(task->conf);
	task->conf = conf;
}

static void task_free(struct ike_task *task)
{
	ike_task_set_conf(task, NULL);
	free(task);
}

struct ike_sa *ike_sa_new(struct ike_manager *m, struct conn *conn, bool initiator)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	if (!sa)
		return NULL;
	sa->handshake = calloc(1, sizeof(*sa->handshake));
	if (!sa->handshake) {
		free(sa);
		return NULL;
	}
	sa->handshake->sa = sa;
	sa->manager = m;
	sa->proposal = &proposal_none;
	sa->initiator = initiator;
	sa->unique_id = ++m->last_ike_id;
	sa->log.unique_id = sa->unique_id;
	sa->created_ms = loop_now_ms();
	ike_life_init(sa);
	ike_sa_set_conn(sa, conn);
	ike_manager_add(m, sa);
	return sa;
}

void ike_sa_end_handshake(struct ike_sa *sa)
{
	struct ike_handshake *h = sa->handshake;

	if (!h)
		return;
	loop_timer_cancel(sa->manager->loop, &h->udp_timer);
	dh_job_cancel(&h->dh_job);
	dh_free(h->dh);
	conn_put(h->answered_as);
	buf_clear(&h->cookie);
	buf_clear(&h->nonce_i);
	buf_clear(&h->nonce_r);
	buf_clear(&h->request);
	buf_clear(&h->response);
	ike_intermediate_clear(&h->intermediate);
	ike_sign_end(h);
	ike_certs_clear(&h->certs);
	ike_verify_end(h);
	revocation_cancel(&h->waiter);
	buf_clear(&h->held_octets);
	buf_clear(&h->next_octets);
	while (h->n_others)
		buf_clear(&h->others[--h->n_others].octets);
	OPENSSL_cleanse(h, sizeof(*h));
	free(h);
	sa->handshake = NULL;
}

void ike_sa_destroy(struct ike_sa *sa, const char *reason)
{
	struct ike_manager *m = sa->manager;
	struct ike_task *task;

	sa->ending = true;
	ike_manager_remove(m, sa);
	stream_leave(sa);
	ike_life_end(sa);
	/* Of one that was rekeyed the other one is told. */
	if (sa->established_ms && !sa->successor)
		ike_manager_tell(CONTROL_IKE_DOWN, sa, NULL, NULL);
	followup_end(sa);
	ke_hold_end(sa);
	while (sa->children)
		child_sa_destroy(sa->children);
	create_child_end(sa);
	ike_rekey_pass_on(sa);
	ike_rekey_end(sa);
	if (ike_sa_spi_local(sa))
		kernel_sa_delete(m->kernel, ike_sa_spi_local(sa));
	while ((task = sa->queue)) {
		sa->queue = task->next;
		task_free(task);
	}
	ike_log(sa, LOG_IKE, LVL_DIAG, "IKE_SA %s[%u] is gone%s%s", sa->log.name,
		sa->unique_id, reason ? ": " : "", reason ? reason : "");
	ike_manager_ike_gone(m, sa->unique_id, reason);
	ike_sa_end_handshake(sa);
	ike_task_set_conf(&sa->active, NULL);
	ike_id_clear(&sa->local_id);
	ike_id_clear(&sa->remote_id);
	conn_put(sa->conn);
	proposal_drop(&sa->proposal);
	OPENSSL_cleanse(sa->sk_d, sizeof(sa->sk_d));
	free(sa);
}

void ike_sa_note_message(const struct ike_sa *sa, enum message_kind kind, uint8_t exchange,
			 uint8_t first, const uint8_t *data, size_t len)
{
	static const char *const what[] = {
		[REQUEST_IN] = "received request",
		[RESPONSE_IN] = "received response",
		[REQUEST_OUT] = "sending request",
		[RESPONSE_OUT] = "sending response",
	};
	struct payload_chain chain;
	char list[256] = "";
	struct notify n;
	size_t used = 0;
	unsigned int i;

	counters_count_message(sa->conn ? sa->conn->name : NULL, exchange, kind);
	if (!log_enabled(LOG_ENC, LVL_CTRL))
		return;
	payload_parse(&chain, first, data, len);
	for (i = 0; i < chain.n && used < sizeof(list); i++) {
		if (chain.v[i].type == PAYLOAD_NOTIFY && !notify_read(&n, &chain.v[i]))
			used += snprintf(list + used, sizeof(list) - used, " N(%s)",
					 ike_notify_name(n.type));
		else
			used += snprintf(list + used, sizeof(list) - used, " %s",
					 ike_payload_name(chain.v[i].type));
	}
	ike_log(sa, LOG_ENC, LVL_CTRL, "%s %s [%s ]", what[kind], ike_exchange_name(exchange),
		list);
}

int ike_sa_request(struct ike_sa *sa, enum ike_task_type type, uint8_t exchange,
		   struct payload_writer *w)
{
	int err = -ENOMEM;

	if (!w->buf.failed) {
		ike_sa_note_message(sa, REQUEST_OUT, exchange, w->first, w->buf.data,
				   w->buf.len);
		/* A daemon that comes after this one knows what was asked. */
		sa->active.type = type;
		if (!sa->handshake)
			resume_save(sa);
		err = kernel_sa_request(sa->manager->kernel, ike_sa_spi_local(sa),
					exchange, w->first, w->buf.data, w->buf.len);
	}
	buf_clear(&w->buf);
	if (err)
		sa->active.type = TASK_NONE;
	return err;
}

void ike_sa_respond(struct ike_sa *sa, const struct kernel_message *msg,
		    struct payload_writer *w)
{
	if (w->buf.failed) {
		ike_log(sa, LOG_IKE, LVL_CTRL, "no memory for a response");
	} else {
		ike_sa_note_message(sa, RESPONSE_OUT, msg->exchange, w->first,
				   w->buf.data, w->buf.len);
		kernel_sa_respond(sa->manager->kernel, ike_sa_spi_local(sa),
				  msg->exchange, msg->message_id, w->first,
				  w->buf.data, w->buf.len);
	}
	buf_clear(&w->buf);
}

void ike_sa_respond_notify(struct ike_sa *sa, const struct kernel_message *msg,
			   uint16_t type, const void *data, size_t len)
{
	struct payload_writer w;

	payload_begin(&w, 0);
	payload_add_notify(&w, PROTO_NONE, NULL, 0, type, data, len);
	ike_sa_respond(sa, msg, &w);
}

static int send_task(struct ike_sa *sa, const struct ike_task *task)
{
	sa->active.spi = task->spi;
	ike_task_set_conf(&sa->active, task->conf);
	switch (task->type) {
	case TASK_CREATE_CHILD:
		return create_child_start(sa, task->conf);
	case TASK_REKEY_CHILD:
		return create_child_rekey(sa, task->spi);
	case TASK_REKEY_IKE:
		return ike_rekey_start(sa);
	case TASK_DELETE_CHILD:
	case TASK_DELETE_LOST:
		return informational_delete_child(sa, task->type, task->spi);
	case TASK_DELETE_IKE:
		return informational_delete_ike(sa);
	case TASK_ASK:
		return informational_ask(sa);
	default:
		return -EINVAL;
	}
}

static bool may_begin(const struct ike_sa *sa, const struct ike_task *task)
{
	if (task->type == TASK_DELETE_IKE || task->type == TASK_ASK)
		return true;
	/* What the peer has asked for comes first: what is asked for now may not go with it. */
	return !ke_hold_is_of_request(sa) && !ike_rekey_undecided(sa) &&
	       !followup_forbids(sa, task) &&
	       (task->type != TASK_REKEY_CHILD || !sa->yield_ms) &&
	       /* Of what is not configured yet nothing is known that could be asked for. */
	       (task->type != TASK_CREATE_CHILD || !sa->conn->bygone);
}

/* The next that can be begun, off the queue; or NULL. */
static struct ike_task *next_task(struct ike_sa *sa)
{
	struct ike_task **link = &sa->queue, *task;

	while (*link && !may_begin(sa, *link))
		link = &(*link)->next;
	task = *link;
	if (task)
		*link = task->next;
	return task;
}

void ike_sa_next(struct ike_sa *sa)
{
	struct ike_task *task;
	int err;

	sa->active.type = TASK_NONE;
	while (sa->active.type == TASK_NONE && (task = next_task(sa))) {
		err = send_task(sa, task);
		task_free(task);
		if (err) {
			ike_sa_destroy(sa, "a request could not be sent");
			return;
		}
	}
	if (sa->active.type != TASK_NONE || sa->handshake)
		return;
	resume_save(sa);
	if (sa->reauth_of)
		ike_reauth_settle(sa);
}

void ike_sa_go_on(struct ike_sa *sa)
{
	if ((sa->queue || sa->reauth_of) && sa->active.type == TASK_NONE)
		ike_sa_next(sa);
}

static bool is_task(const struct ike_task *task, enum ike_task_type type, uint32_t spi,
		    const struct child_conf *conf)
{
	return task->type == type && task->spi == spi && task->conf == conf;
}

bool ike_sa_has_task(const struct ike_sa *sa, enum ike_task_type type, uint32_t spi,
		     const struct child_conf *conf)
{
	const struct ike_task *task;

	for (task = sa->queue; task; task = task->next)
		if (is_task(task, type, spi, conf))
			return true;
	return is_task(&sa->active, type, spi, conf);
}

int ike_sa_queue(struct ike_sa *sa, enum ike_task_type type, uint32_t spi,
		 const struct child_conf *conf)
{
	struct ike_task *task = calloc(1, sizeof(*task)), **end;

	if (!task)
		return -ENOMEM;
	task->type = type;
	task->spi = spi;
	ike_task_set_conf(task, conf);
	for (end = &sa->queue; *end;)
		end = &(*end)->next;
	*end = task;
	/* The peer does not know of it, but who has asked for it does not ask again. */
	if (type == TASK_CREATE_CHILD && !sa->handshake)
		resume_save(sa);
	/* Before the end of IKE_AUTH there is nothing to ask but to be left alone. */
	if (sa->active.type == TASK_NONE && (!sa->handshake || type == TASK_DELETE_IKE))
		ike_sa_next(sa);
	return 0;
}

void ike_sa_established(struct ike_sa *sa)
{
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	char local_id[ID_STRLEN], remote_id[ID_STRLEN];
	const struct kernel_life life = {
		/* By TCP neither means anything: RFC 9329 sections 7.5 and 6.1. */
		.behind_nat = sa->nat_local && !sa->local.stream,
		/* RFC 7296 section 2.23: not a host that is behind a NAT itself. */
		.follow = !sa->nat_local,
		.liveness_ms = sa->conn ? sa->conn->dpd_delay_ms : 0,
		.dscp = sa->conn ? sa->conn->dscp : 0,
		.retransmit = sa->conn ? sa->conn->retransmit : retransmit_unset,
	};

	sa->state = IKE_ESTABLISHED;
	memcpy(sa->sk_d, sa->handshake->keys.d, sa->handshake->keys.prf_len);
	sa->established_ms = loop_now_ms();
	ike_life_begin(sa);
	ike_manager_index(sa->manager, sa);
	kernel_sa_established(sa->manager->kernel, ike_sa_spi_local(sa), &sa->local,
			      &sa->remote, &life);
	ike_log(sa, LOG_IKE, LVL_AUDIT,
		"IKE_SA %s[%u] established between %s[%s]...%s[%s]%s", sa->log.name,
		sa->unique_id, endpoint_addr_str(&sa->local, local),
		ike_id_str(&sa->local_id, local_id),
		endpoint_addr_str(&sa->remote, remote),
		ike_id_str(&sa->remote_id, remote_id), sa->local.stream ? " by TCP" : "");
	ike_manager_tell(CONTROL_IKE_UP, sa, NULL, NULL);
	ike_manager_ike_up(sa->manager, sa->unique_id);
	transport_works(sa);
}

/* RFC 7296 section 2.21.3: errors in a request inside an IKE SA. */
static void refuse(struct ike_sa *sa, const struct kernel_message *msg,
		   const struct payload_chain *chain, int err)
{
	counters_count(sa->conn ? sa->conn->name : NULL, COUNTER_INVALID);
	if (err == -EOPNOTSUPP) {
		ike_log(sa, LOG_ENC, LVL_CTRL,
			"payload type %u is critical and not known", chain->unsupported);
		ike_sa_respond_notify(sa, msg, UNSUPPORTED_CRITICAL_PAYLOAD,
				      &chain->unsupported, 1);
		if (sa->state == IKE_CONNECTING)
			ike_sa_destroy(sa, "the peer's request has a critical payload that is not known");
		return;
	}
	ike_manager_alert(sa->manager, ALERT_PARSE_ERROR_BODY, sa);
	ike_log(sa, LOG_ENC, LVL_CTRL, "malformed %s request",
		ike_exchange_name(msg->exchange));
	ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
	/* Fatal to the IKE SA, whoever sent it knows our keys. */
	ike_sa_destroy(sa, "the peer sent a malformed request");
}

/* Is it one of the exchanges that come before the IKE SA is established? */
static bool begins(const struct ike_sa *sa, uint8_t exchange)
{
	return exchange == IKE_AUTH ||
	       (exchange == IKE_INTERMEDIATE && sa->handshake &&
		sa->handshake->intermediate.supported);
}

static void request(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct payload_chain chain;
	struct child_sa *child;
	int err;

	/* Its window is of one request: it has our answers to all before. */
	for (child = sa->children; child; child = child->next) {
		child->unproven = false;
		if (child->made_by != msg->message_id + 1)
			child->made_by = 0;
	}
	err = payload_parse(&chain, msg->first_payload, msg->data, msg->len);
	ike_sa_note_message(sa, REQUEST_IN, msg->exchange, msg->first_payload,
			   msg->data, msg->len);
	if (err) {
		refuse(sa, msg, &chain, err);
		return;
	}
	if (sa->state == IKE_CONNECTING && !sa->initiator && !begins(sa, msg->exchange)) {
		/* Nobody has proved anything yet. */
		ike_log(sa, LOG_IKE, LVL_CTRL, "refusing %s before IKE_AUTH",
			ike_exchange_name(msg->exchange));
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		ike_sa_destroy(sa, "the peer does not go on with IKE_AUTH");
		return;
	}
	switch (msg->exchange) {
	case IKE_INTERMEDIATE:
		ike_intermediate_request(sa, msg, &chain);
		break;
	case IKE_AUTH:
		ike_auth_request(sa, msg, &chain);
		break;
	case CREATE_CHILD_SA:
		create_child_request(sa, msg, &chain);
		break;
	case IKE_FOLLOWUP_KE:
		followup_request(sa, msg, &chain);
		break;
	case INFORMATIONAL:
		informational_request(sa, msg, &chain);
		break;
	default:
		ike_sa_respond_notify(sa, msg, INVALID_SYNTAX, NULL, 0);
		break;
	}
}

static void response(struct ike_sa *sa, const struct kernel_message *msg)
{
	struct payload_chain chain;
	int err;

	err = payload_parse(&chain, msg->first_payload, msg->data, msg->len);
	ike_sa_note_message(sa, RESPONSE_IN, msg->exchange, msg->first_payload,
			   msg->data, msg->len);
	if (err == -EBADMSG) {
		counters_count(sa->conn ? sa->conn->name : NULL, COUNTER_INVALID);
		ike_manager_alert(sa->manager, ALERT_PARSE_ERROR_BODY, sa);
		ike_log(sa, LOG_ENC, LVL_CTRL, "malformed %s response",
			ike_exchange_name(msg->exchange));
		ike_sa_destroy(sa, "the peer sent a malformed response");
		return;
	}
	/* A critical payload in a response: RFC 7296 section 2.5 has it ignored. */
	switch (sa->active.type) {
	case TASK_IKE_INTERMEDIATE:
		ike_intermediate_response(sa, msg, &chain);
		break;
	case TASK_IKE_AUTH:
		ike_auth_response(sa, msg, &chain);
		break;
	case TASK_CREATE_CHILD:
	case TASK_REKEY_CHILD:
		create_child_response(sa, msg, &chain);
		break;
	case TASK_REKEY_IKE:
		ike_rekey_response(sa, msg, &chain);
		break;
	case TASK_DELETE_CHILD:
	case TASK_DELETE_LOST:
	case TASK_DELETE_IKE:
	case TASK_ASK:
		informational_response(sa, &chain);
		break;
	default:
		ike_log(sa, LOG_IKE, LVL_CTRL, "response to no request of ours");
		break;
	}
}

void ike_sa_message(struct ike_sa *sa, const struct kernel_message *msg)
{
	if (msg->raw) {
		if (sa->initiator && (msg->flags & IKE_FLAG_RESPONSE))
			ike_init_response(sa, msg);
		else
			ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA_INIT request of an IKE SA that has one");
	} else if (ke_hold_keep(sa, msg)) {
		if (msg->flags & IKE_FLAG_RESPONSE)
			ike_rekey_note_response(sa, msg);
	} else if (msg->flags & IKE_FLAG_RESPONSE) {
		response(sa, msg);
	} else if (!ike_hold_next(sa, msg)) {
		request(sa, msg);
	}
}

static uint8_t active_exchange(const struct ike_sa *sa)
{
	switch (sa->active.type) {
	case TASK_IKE_INIT:
		return IKE_SA_INIT;
	case TASK_IKE_INTERMEDIATE:
		return IKE_INTERMEDIATE;
	case TASK_IKE_AUTH:
		return IKE_AUTH;
	case TASK_CREATE_CHILD:
	case TASK_REKEY_CHILD:
	case TASK_REKEY_IKE:
		return CREATE_CHILD_SA;
	case TASK_DELETE_CHILD:
	case TASK_DELETE_LOST:
	case TASK_DELETE_IKE:
	case TASK_ASK:
		return INFORMATIONAL;
	case TASK_NONE:
		break;
	}
	return 0;
}

/* Who has refused IKE_SA_INIT is there, and has said why; that it is the peer nobody has shown. */
static void alert_timeout(const struct ike_sa *sa)
{
	const struct ike_handshake *h = sa->handshake;

	if (h && h->mismatch) {
		ike_manager_alert(sa->manager, ALERT_PROPOSAL_MISMATCH_IKE, sa);
		return;
	}
	ike_manager_alert(sa->manager, ALERT_RETRANSMIT_SEND_TIMEOUT, sa);
	if (sa->state == IKE_CONNECTING && !(h && h->failure[0]))
		ike_manager_alert(sa->manager, ALERT_PEER_INIT_UNREACHABLE, sa);
}

void ike_sa_timeout(struct ike_sa *sa, uint8_t exchange)
{
	const char *reason = sa->handshake && sa->handshake->failure[0] ?
			     sa->handshake->failure : "the peer does not answer";
	bool wanted = sa->active.type == TASK_DELETE_IKE;

	/* What follows belongs to what it follows. */
	if (exchange == IKE_FOLLOWUP_KE)
		exchange = CREATE_CHILD_SA;
	/* The answer may have been on its way up already. */
	if (active_exchange(sa) != exchange)
		return;
	if (sa->active.type == TASK_IKE_INIT && sa->handshake->dh_job) {
		sa->handshake->given_up = true;
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "giving up %s of IKE_SA %s[%u]: %s",
		ike_task_name(sa->active.type), sa->log.name, sa->unique_id, reason);
	alert_timeout(sa);
	if (sa->state == IKE_ESTABLISHED)
		ike_sa_dead(sa);
	else if (!ike_retry(sa, reason))
		ike_sa_destroy(sa, wanted ? NULL : reason);
}

/* By TCP also what goes out yet through one that another one has replaced is to go that way. */
static bool has_esp(const struct child_sa *child)
{
	if (child->state == CHILD_DELETED)
		return child->state_out && child->ike_sa->local.stream;
	return child->state != CHILD_CREATED || child->coming;
}

void ike_sa_tell_esp(struct ike_sa *sa)
{
	struct kernel_esp pairs[KERNEL_ESP_PAIRS_MAX];
	const struct child_sa *child;
	size_t n = 0;

	if (sa->ending)
		return;
	for (child = sa->children; child && n < KERNEL_ESP_PAIRS_MAX; child = child->next) {
		if (!has_esp(child))
			continue;
		pairs[n++] = (struct kernel_esp){
			.spi_in = child->spi_in,
			.spi_out = child->spi_out,
			.mark_in = child_sa_mark(child, true).v,
			.mark_out = child_sa_mark(child, false).v,
		};
	}
	kernel_sa_esp(sa->manager->kernel, ike_sa_spi_local(sa), pairs, n);
}

/* Whatever is installed of it leads to other endpoints. */
static void move(struct ike_sa *sa, const struct endpoint *local, const struct endpoint *remote)
{
	struct child_sa *child;

	ike_manager_tell_move(sa, local, remote);
	sa->local = *local;
	sa->remote = *remote;
	/* What goes by a stream is told by where it leads, too, and has led until it has moved. */
	if (local->stream)
		ike_sa_tell_esp(sa);
	for (child = sa->children; child; child = child->next)
		if (child_sa_move(child))
			ike_log(sa, LOG_KNL, LVL_AUDIT,
				"CHILD_SA %s{%u} has not moved with its peer",
				child->conf->name, child->unique_id);
	resume_save(sa);
}

void ike_sa_moved(struct ike_sa *sa, const struct endpoint *local,
		  const struct endpoint *remote)
{
	char from[ENDPOINT_STRLEN], to[ENDPOINT_STRLEN];

	if (endpoint_equal(&sa->local, local) && endpoint_equal(&sa->remote, remote))
		return;
	ike_log(sa, LOG_IKE, LVL_CTRL, "IKE_SA %s[%u]: the peer has moved from %s to %s",
		sa->log.name, sa->unique_id, endpoint_str(&sa->remote, from),
		endpoint_str(remote, to));
	move(sa, local, remote);
}

void ike_sa_next_stream(struct ike_sa *sa, const struct endpoint *local,
			const struct endpoint *remote)
{
	/* If that has ended, too, there will be one more. */
	kernel_sa_move(sa->manager->kernel, ike_sa_spi_local(sa), local, remote);
	if (sa->handshake) {
		sa->local = *local;
		sa->remote = *remote;
		return;
	}
	move(sa, local, remote);
	if (sa->active.type == TASK_NONE && ike_sa_queue(sa, TASK_ASK, 0, NULL))
		ike_log(sa, LOG_IKE, LVL_CTRL, "no memory to ask the peer for a sign of life");
}

/* It was not the peer that went away, if our own address did. */
static enum child_action dead_action(const struct child_sa *child)
{
	const struct child_conf *conf = child->conf;

	if (child->ike_sa->stranded && conf->dpd_action == ACTION_CLEAR &&
	    conf->start_action & START_START)
		return ACTION_START;
	return conf->dpd_action;
}

void ike_sa_dead(struct ike_sa *sa)
{
	struct ike_manager *m = sa->manager;
	struct reaction reaction = { 0 };
	const struct child_sa *child;

	ike_log(sa, LOG_IKE, LVL_AUDIT, "IKE_SA %s[%u]: the peer does not answer",
		sa->log.name, sa->unique_id);
	for (child = sa->children; child; child = child->next)
		reaction_note(&reaction, child, dead_action(child));
	ike_sa_destroy(sa, "the peer does not answer");
	reaction_run(&reaction, m);
}
