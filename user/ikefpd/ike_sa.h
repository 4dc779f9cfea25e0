/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE SA: its state, its requests, and what a message or an event does to it.
 * The exchanges themselves are in ike_init, ike_intermediate, ike_auth, informational,
 * create_child and ike_rekey; ike_reauth has them begin anew.
 *
 * A function that may end the IKE SA says so; its caller must not look at the SA
 * afterwards.
 */
#ifndef IKEFPD_IKE_SA_H
#define IKEFPD_IKE_SA_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "child_sa.h"
#include "config.h"
#include "counters.h"
#include "dh.h"
#include "endpoint.h"
#include "id.h"
#include "ike_cert.h"
#include "ike_intermediate.h"
#include "kdf.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "payload.h"
#include "proposal.h"
#include "revocation.h"
#include "table.h"

struct conn;
struct ike_manager;

enum ike_sa_state {
	IKE_CREATED,
	IKE_CONNECTING,		/* up to the end of IKE_AUTH */
	IKE_ESTABLISHED,
	IKE_REKEYED,		/* another one has its place and Child SAs: it waits for its DELETE */
	IKE_DELETING,		/* our DELETE is queued or outstanding */
};

/* What a request of ours is about. */
enum ike_task_type {
	TASK_NONE,
	TASK_IKE_INIT,
	TASK_IKE_AUTH,
	TASK_CREATE_CHILD,
	TASK_REKEY_CHILD,
	TASK_REKEY_IKE,
	TASK_DELETE_CHILD,
	TASK_DELETE_LOST,	/* of a Child SA that a daemon died of making: the peer may have it */
	TASK_DELETE_IKE,
	TASK_ASK,		/* for a sign of life; up to here their numbers are those in stashes */
	TASK_IKE_INTERMEDIATE,
};

/* A request that waits for its turn: the window is one. */
struct ike_task {
	struct ike_task *next;
	enum ike_task_type type;
	uint32_t spi;		/* of the Child SA, our inbound one, host order */
	const struct child_conf *conf;	/* CREATE_CHILD: a reference */
};

/* A response of IKE_SA_INIT that may be the good one, if the one before is not. */
struct held_response {
	struct kernel_message msg;
	struct buf octets;	/* of msg */
};

#define OTHERS_MAX	4	/* as many as the kernel tells apart */

/* The handshake's own state: wiped and freed once the IKE SA is established. */
struct ike_handshake {
	struct dh *dh;
	struct dh_job *dh_job;	/* the shared secret is being made, of what is held */
	struct conn *answered_as;	/* by whose settings the responder answers IKE_SA_INIT */
	bool nat_detection;	/* the peer has it */
	struct held_response others[OTHERS_MAX];	/* that came while it is being made */
	unsigned int n_others;
	bool given_up;		/* the request was, meanwhile */
	bool requested;		/* the initiator's IKE_AUTH is on its way */
	bool probe;		/* whether UDP passes: without an answer it is over */
	struct loop_timer udp_timer;	/* transport.h */
	uint16_t group;		/* of the KE payload */
	unsigned int restarts;	/* COOKIE and INVALID_KE_PAYLOAD so far */
	struct buf cookie;
	struct buf nonce_i, nonce_r;
	struct buf request, response;	/* octets of IKE_SA_INIT, for AUTH */
	struct ike_keys keys;
	struct ike_intermediate intermediate;
	bool peer_ppk;		/* the peer has announced USE_PPK, in answer to ours or before */
	bool use_ppk;		/* the AUTH payloads are over what has one in it: */
	struct ike_ppk_keys ppk_keys;
	struct ike_certs certs;
	struct ike_signature *signatures;	/* ike_sign.h */
	char failure[128];	/* the last reason heard, for who waits */
	bool mismatch;		/* NO_PROPOSAL_CHOSEN was among them */
	const struct child_conf *child_conf;	/* what the initiator asks for; NULL: nothing */
	struct child_sa *child;
	struct ike_verification *verification;	/* ike_verify.h */
	/*
	 * The peer's message, while its shared secret is being made; and IKE_AUTH's, while it
	 * is verified, and not known yet if its certificate is revoked. It is looked at once
	 * more then; and after it the next one (ike_hold.h).
	 */
	struct ike_sa *sa;
	struct revocation_waiter waiter;
	struct kernel_message held, next;	/* held.data NULL: none */
	struct buf held_octets, next_octets;
	bool has_next;
};

struct create_child;
struct ike_rekey;
struct stream;

struct ike_sa {
	struct ike_sa *next, **link;	/* in the manager's list */
	struct table_node by_spi, by_id, by_conn, by_peers;	/* in its tables */
	struct ike_manager *manager;
	struct conn *conn;		/* a reference; NULL: responder before IKE_AUTH */
	uint32_t unique_id;
	struct log_sa log;
	enum ike_sa_state state;
	bool initiator;			/* original initiator of this IKE SA */
	uint64_t spi_i, spi_r;		/* host order; spi_r 0 until known */
	struct endpoint local, remote;
	/* The TCP connection of ours that it goes by, and the next one that does; NULL: none. */
	struct stream *stream;
	struct ike_sa *stream_next, **stream_link;
	bool opens_stream;		/* the daemon before had one for it */
	struct ike_id local_id, remote_id;	/* ID_ANY until known */
	const struct proposal *proposal;	/* chosen; of no transforms until then */
	bool nat_local, nat_remote;	/* a NAT in front of us, of the peer */
	bool nat_fake;			/* encap = yes: we fake the NAT-D hash */
	bool resumed;			/* of a daemon that is dead */
	bool stranded;			/* its local address is gone, and there is no other (path.h) */
	bool second_try;		/* see ike_manager_try_again() */
	bool lasting;			/* it is to be up: tried again without an end (ike_retry.h) */
	bool waits;			/* to be tried again; its timer is for that */
	bool unreachable;		/* and cannot be, for now */
	unsigned int tries;		/* that have come to nothing */
	bool ppk;			/* SK_d has one in it, RFC 8784 */
	bool childless;			/* IKE_AUTH is, or was, without a Child SA */
	bool peer_is_false;		/* it is not who it should be, and is told with the DELETE */
	uint8_t sk_d[PRF_MAX];		/* once it is established */
	enum fragmentation fragmentation;	/* of the connection of IKE_SA_INIT */
	bool peer_fragmentation;	/* the peer has announced it */
	uint64_t created_ms;		/* loop_now_ms() */
	uint64_t established_ms;
	/* loop_now_ms() when it is rekeyed, reauthenticated, over; 0: never */
	uint64_t rekey_ms, reauth_ms, life_ms;
	uint64_t duplicate_ms;		/* and when it goes in favour of another one (ike_unique.h) */
	uint64_t yield_ms;		/* until when the peer is let rekey it (ike_life.h); 0: no more */
	struct loop_timer timer;	/* ike_life.h */
	/* Our SPIs of what has taken its place, and of that whose place it has taken; 0: none. */
	uint64_t successor, predecessor;
	/* Our SPIs of the one that is to replace it (ike_reauth.h), and of that which it is to. */
	uint64_t reauth_by, reauth_of;
	bool rekeyed_by_peer;		/* by its request of this message ID: */
	uint32_t rekeyed_by;
	struct ike_handshake *handshake;
	struct child_sa *children;	/* in order of creation */
	bool ending;			/* its Child SAs are being destroyed with it */

	struct ike_task active;		/* type TASK_NONE: nothing outstanding */
	struct ike_task *queue;
	struct create_child *create;	/* of a CREATE_CHILD_SA that is outstanding */
	struct ike_rekey *rekey;	/* likewise, for the IKE SA itself */
	struct followup *followups;	/* of the peer's (followup.h) */
	struct ke_hold *ke_hold;	/* a message whose key exchange is under way, or NULL */
};

#define ike_log(sa, group, level, ...) log_sa(group, level, &(sa)->log, __VA_ARGS__)

/* strongSwan's name of the state, as --list-sas prints it ("ESTABLISHED"). */
const char *ike_sa_state_name(const struct ike_sa *sa);
/* What a task does, as --list-sas names it ("IKE_AUTH"); NULL for TASK_NONE. */
const char *ike_task_name(enum ike_task_type type);

static inline uint64_t ike_sa_spi_local(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_i : sa->spi_r;
}

static inline uint64_t ike_sa_spi_remote(const struct ike_sa *sa)
{
	return sa->initiator ? sa->spi_r : sa->spi_i;
}

/* A new one in the manager's list, with a handshake. conn may be NULL. */
struct ike_sa *ike_sa_new(struct ike_manager *m, struct conn *conn, bool initiator);

/*
 * Takes its Child SAs out of the kernel, then the kernel's SA, and frees it. Who
 * waits for it learns reason; NULL: it went as asked.
 */
void ike_sa_destroy(struct ike_sa *sa, const char *reason);

/* Puts it under the names of this connection, for the log too. 0 or -ENOMEM. */
void ike_sa_set_conn(struct ike_sa *sa, struct conn *conn);

/* What a message of this SA does. May end it. */
void ike_sa_message(struct ike_sa *sa, const struct kernel_message *msg);
/* The kernel has followed the peer to other endpoints, or is to: ESP goes there, too. */
void ike_sa_moved(struct ike_sa *sa, const struct endpoint *local,
		  const struct endpoint *remote);
/*
 * There is another TCP connection in the place of that which it went by: what is outstanding goes
 * out by it, or the peer is asked for a sign of life, by which it goes there, too. May end it.
 */
void ike_sa_next_stream(struct ike_sa *sa, const struct endpoint *local,
			const struct endpoint *remote);
/* The peer gives no sign of life. Ends it, and does what dpd_action says. */
void ike_sa_dead(struct ike_sa *sa);
/* Tells the kernel which ESP SAs it has: their traffic is a sign of life. */
void ike_sa_tell_esp(struct ike_sa *sa);
/* Our request of this exchange was given up. Ends it, if it is the active one. */
void ike_sa_timeout(struct ike_sa *sa, uint8_t exchange);

/*
 * Sends a sealed request and makes it the active task. Takes w over. Returns 0 or
 * a negative error.
 */
int ike_sa_request(struct ike_sa *sa, enum ike_task_type type, uint8_t exchange,
		   struct payload_writer *w);
/* Sends the sealed response to msg. Takes w over. */
void ike_sa_respond(struct ike_sa *sa, const struct kernel_message *msg,
		    struct payload_writer *w);
/* The same with a single Notify. */
void ike_sa_respond_notify(struct ike_sa *sa, const struct kernel_message *msg,
			   uint16_t type, const void *data, size_t len);

/*
 * Counts a message (counters.h) and logs which payloads it has: "sending request IKE_AUTH
 * [ IDi AUTH ... ]".
 */
void ike_sa_note_message(const struct ike_sa *sa, enum message_kind kind, uint8_t exchange,
			 uint8_t first, const uint8_t *data, size_t len);

/* It takes a reference. NULL: it has none any more. */
void ike_task_set_conf(struct ike_task *task, const struct child_conf *conf);
/* Queues a request; it is sent when its turn comes. 0 or -ENOMEM. May end it. */
int ike_sa_queue(struct ike_sa *sa, enum ike_task_type type, uint32_t spi,
		 const struct child_conf *conf);
/* Is it queued or outstanding? */
bool ike_sa_has_task(const struct ike_sa *sa, enum ike_task_type type, uint32_t spi,
		     const struct child_conf *conf);
/* The active task is done: the next one's turn. May end the SA. */
void ike_sa_next(struct ike_sa *sa);
/* What is queued may be begun now, unless there is an active task. May end the SA. */
void ike_sa_go_on(struct ike_sa *sa);

/* Both ends are authentic: from now on it counts as established. */
void ike_sa_established(struct ike_sa *sa);
/* Wipes and frees the handshake. */
void ike_sa_end_handshake(struct ike_sa *sa);

#endif
