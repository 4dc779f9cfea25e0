// SPDX-License-Identifier: GPL-2.0
#include <errno.h>

#include <openssl/rand.h>

#include "config.h"
#include "ike_begin.h"
#include "ike_init.h"
#include "ike_manager.h"
#include "ike_reauth.h"
#include "ike_retry.h"
#include "ke.h"
#include "stream.h"
#include "transport.h"

#define NONCE_I_LEN	NONCE_MAX	/* as many octets more may the response have */

static int new_spi(struct ike_sa *sa)
{
	uint64_t spi;

	do {
		if (RAND_bytes((uint8_t *)&spi, sizeof(spi)) != 1)
			return -EIO;
	} while (!spi || ike_manager_by_spi(sa->manager, spi));
	sa->spi_i = spi;
	ike_manager_index(sa->manager, sa);
	return 0;
}

/*
 * There is a way for it. A TCP connection of ours may have ended before the kernel's word of that
 * is here: it waits for the next one then. The peer's next one would be nothing to it.
 */
static int send_first(struct ike_sa *sa)
{
	char local[ENDPOINT_STRLEN], remote[ENDPOINT_STRLEN];
	int err = kernel_sa_new(sa->manager->kernel, sa->spi_i, &sa->local, &sa->remote,
				sa->conn->dscp, &sa->conn->retransmit);

	if (err == -ENOENT && sa->stream) {
		sa->state = IKE_CREATED;
		return 0;
	}
	if (err == -ENOENT && sa->local.stream)
		ike_log(sa, LOG_IKE, LVL_CTRL, "the peer's TCP connection to %s has ended",
			endpoint_str(&sa->local, local));
	if (err) {
		/* Another one's, perhaps. */
		sa->spi_i = 0;
		ike_manager_index(sa->manager, sa);
		return err;
	}
	sa->state = IKE_CONNECTING;
	ike_log(sa, LOG_IKE, LVL_AUDIT, "initiating IKE_SA %s[%u] to %s%s",
		sa->log.name, sa->unique_id, endpoint_str(&sa->remote, remote),
		sa->local.stream ? " by TCP" : "");
	err = ike_init_send(sa);
	if (!err && !sa->local.stream)
		transport_wait(sa);
	return err;
}

int ike_begin(struct ike_sa *sa)
{
	int err;

	sa->nat_fake = sa->conn->encap;
	sa->fragmentation = sa->conn->fragmentation;
	err = ike_init_new_key(sa->handshake,
			       proposal_id(&sa->conn->proposals.v[0], TRANSFORM_DH));
	if (!err)
		err = nonce_new(&sa->handshake->nonce_i, NONCE_I_LEN);
	if (!err)
		err = new_spi(sa);
	if (err)
		return err;
	sa->active.type = TASK_IKE_INIT;
	if (!sa->local.stream && transport_is_tcp(sa)) {
		err = stream_join(sa);
		if (err || !sa->local.stream)
			return err;
	}
	return send_first(sa);
}

/* RFC 9329 section 5.1: what was sent by UDP has nothing to do with what goes by TCP. */
static int anew(struct ike_sa *sa)
{
	struct ike_handshake *h = sa->handshake;
	int err;

	kernel_sa_delete(sa->manager->kernel, sa->spi_i);
	buf_clear(&h->cookie);
	h->restarts = 0;
	h->failure[0] = '\0';
	h->mismatch = false;
	err = new_spi(sa);
	if (!err)
		err = nonce_new(&h->nonce_i, NONCE_I_LEN);
	if (!err)
		err = ike_init_new_key(h, h->group);
	if (err)
		return err;
	ike_reauth_renamed(sa);
	return 0;
}

static void not_sent(struct ike_sa *sa)
{
	static const char why[] = "the IKE_SA_INIT request could not be sent";

	if (!ike_retry(sa, why))
		ike_sa_destroy(sa, why);
}

void ike_begin_by_stream(struct ike_sa *sa, const struct endpoint *local,
			const struct endpoint *remote)
{
	bool by_udp = sa->state != IKE_CREATED;

	/* UDP passes after all. */
	if (by_udp && (sa->active.type != TASK_IKE_INIT || sa->handshake->dh_job)) {
		stream_leave(sa);
		return;
	}
	sa->local = *local;
	sa->remote = *remote;
	if ((by_udp && anew(sa)) || send_first(sa))
		not_sent(sa);
}

void ike_begin_by_udp(struct ike_sa *sa)
{
	sa->local.stream = 0;
	sa->local.port = sa->conn->local_port;
	sa->remote.port = sa->conn->remote_port;
	if (send_first(sa))
		not_sent(sa);
}
