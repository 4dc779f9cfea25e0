/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE SA: its state, and what a message, an event or a command does to it.
 * The exchanges themselves are in ike_init, ike_auth, informational and
 * create_child.
 */
#ifndef IKEFPD_IKE_SA_H
#define IKEFPD_IKE_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "child_sa.h"
#include "dh.h"
#include "endpoint.h"
#include "id.h"
#include "kdf.h"
#include "kernel.h"
#include "payload.h"
#include "proposal.h"

struct conn;
struct ike_manager;
struct ike_task;

enum ike_sa_state {
	IKE_CREATED,
	IKE_CONNECTING,		/* up to the end of IKE_AUTH */
	IKE_ESTABLISHED,
	IKE_DELETING,		/* our DELETE is outstanding */
};

struct ike_sa {
	struct ike_sa *next;		/* in the manager's list */
	struct ike_manager *manager;
	struct conn *conn;		/* a reference; NULL: responder before IKE_AUTH */
	uint32_t unique_id;
	enum ike_sa_state state;
	bool initiator;			/* original initiator of this IKE SA */
	uint64_t spi_i, spi_r;		/* host order; spi_r 0 until known */
	struct endpoint local, remote;
	struct ike_id local_id, remote_id;
	struct proposal proposal;	/* chosen; proposal.n == 0 until then */
	bool nat_local, nat_remote;	/* a NAT in front of us, of the peer */
	bool nat_fake;			/* encap = yes: NAT-D hash faked by us */
	int64_t created_ms;		/* loop_now_ms() */
	int64_t established_ms;
	struct child_sa *children;

	/* The handshake: gone (wiped) once the IKE SA is established. */
	struct dh *dh;
	uint16_t dh_group;		/* of our KE payload */
	unsigned int init_restarts;	/* COOKIE and INVALID_KE_PAYLOAD so far */
	struct buf cookie;
	struct buf nonce_i, nonce_r;
	struct buf init_request;	/* octets of IKE_SA_INIT, for AUTH */
	struct buf init_response;
	struct ike_keys keys;

	struct child_sa *auth_child;	/* of our IKE_AUTH request */

	/* Window of one: what we asked, and what waits for its turn. */
	struct ike_task *task;
	struct ike_task *queue;
	int64_t delete_deadline_ms;
	bool kernel_sa;			/* there is a kernel SA to delete */
};

/* strongSwan's name of the state, as --list-sas prints it ("ESTABLISHED"). */
const char *ike_sa_state_name(enum ike_sa_state state);

static inline uint64_t ike_sa_spi_local(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

static inline uint64_t ike_sa_spi_remote(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_r : sa->spi_i;
}

#endif
