/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONTROL_H
#define IKEFPD_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "xfrm.h"

struct child_sa;

/*
 * The seam between control (VICI, start_action, signals) and the protocol.
 * Control calls the functions below; the IKE SA manager implements them.
 * Nothing here blocks: an outcome comes through the job.
 */

/*
 * A request under way. The caller owns it and keeps it until @done was called
 * or control_forget() returned. @done is called exactly once, from the loop or
 * from within the call that started the job; @reason says why it failed, in
 * words, and is NULL on success.
 */
struct control_job {
	void (*done)(struct control_job *job, bool ok, const char *reason);
	bool lasting;		/* if the peer does not answer it is tried again, after it has failed */
	bool unreachable;	/* it failed, for there is no way to the peer for now */
	uint32_t ike_id;	/* the SA worked on, set as soon as it is known; 0 before */
	void *core;		/* for the implementation's own use */
};

/*
 * Bring up @child of @conn: on an IKE SA of @conn that is established, else on a
 * new one. Done when the Child SA is installed. Without @child (NULL) it is about the IKE SA
 * alone (RFC 6023). @job may be NULL.
 */
void control_initiate(struct conn *conn, const struct child_conf *child,
		      struct control_job *job);

/*
 * Delete an IKE SA, or one of its Child SAs, by unique id. Done when the peer
 * has answered the DELETE or the SA is gone. With @force an IKE SA goes at once:
 * the DELETE is sent, no answer awaited. An id that is gone succeeds. @job may
 * be NULL.
 */
void control_terminate_ike(uint32_t ike_id, bool force, struct control_job *job);
void control_terminate_child(uint32_t child_id, struct control_job *job);

/*
 * Rekey or reauthenticate an IKE SA, rekey a Child SA, by unique id: its turn comes; nobody
 * waits for it.
 */
void control_rekey_ike(uint32_t ike_id);
void control_reauth_ike(uint32_t ike_id);
void control_rekey_child(uint32_t child_id);

/*
 * A connection is loaded: IKE SAs that were carried on (resume.h) while none of its name
 * was, are its from now on; its traps are installed. And all that was to be loaded, and
 * removed, has been: the traps of what is gone go, and what was started of what is gone, or
 * is another one now, is closed (ike_unload.h).
 */
void control_loaded(struct conn *conn);
void control_configured(void);

/* trap.h, for the daemon's one manager. */
int control_install(struct conn *conn, const struct child_conf *child, struct errmsg *err);
bool control_uninstall(const char *conn, const char *child);
typedef void (*control_policy_fn)(const struct conn *conn, const struct child_sa *trap,
				  void *data);
void control_each_trap(control_policy_fn fn, void *data);

/* The caller no longer waits: @done is not called; the work goes on. */
void control_forget(struct control_job *job);

/* Algorithm names as IANA has them and swanctl prints them; NULL where none. */
struct control_suite {
	const char *encr_alg;	/* "AES_GCM_16" */
	const char *integ_alg;	/* "HMAC_SHA2_256_128"; NULL for AEAD */
	const char *prf_alg;	/* "PRF_HMAC_SHA2_256"; NULL for ESP */
	const char *dh_group;	/* "CURVE_25519" */
	const char *ake[ADDKE_MAX];	/* of additional key exchanges (RFC 9370): "ML_KEM_768" */
	uint16_t encr_keysize;	/* bits; 0 where the algorithm has one size */
	bool esn;
};

struct control_child {
	const char *name;
	uint32_t unique_id;
	uint32_t reqid;
	const char *state;	/* "INSTALLED", "CREATED", "DELETING" ... */
	bool encap;		/* ESP in UDP */
	bool transport;
	uint32_t if_id_in, if_id_out;
	struct xfrm_mark mark_in, mark_out;
	uint32_t spi_in;	/* host order */
	uint32_t spi_out;
	struct control_suite suite;
	uint64_t bytes_in;
	uint64_t packets_in;
	uint64_t bytes_out;
	uint64_t packets_out;
	int64_t use_in_s;	/* seconds since the last packet, -1 never */
	int64_t use_out_s;
	uint32_t installed_s;	/* seconds ago */
	int64_t rekey_s;	/* seconds from now, -1 never */
	int64_t life_s;
	const struct ts_list *local_ts;	/* as negotiated */
	const struct ts_list *remote_ts;
};

struct control_ike {
	const char *name;
	uint32_t unique_id;
	const char *state;	/* "CONNECTING", "ESTABLISHED", "DELETING" */
	bool half_open;		/* counted so in stats */
	struct endpoint local;
	struct endpoint remote;
	const struct ike_id *local_id;	/* NULL until known */
	const struct ike_id *remote_id;
	uint32_t if_id_in, if_id_out;	/* of Child SAs that have none of their own; 0: none */
	bool initiator;
	uint64_t spi_i;		/* host order */
	uint64_t spi_r;
	bool nat_local;		/* we are behind a NAT */
	bool nat_remote;
	bool nat_fake;		/* encap forced */
	bool established;
	uint32_t established_s;	/* seconds ago */
	int64_t rekey_s;	/* seconds from now, -1 never */
	int64_t reauth_s;
	struct control_suite suite;	/* encr_alg NULL until chosen */
	bool ppk;		/* SK_d has one in it (RFC 8784) */
	const char *task_queued;	/* what it does, e.g. "IKE_AUTH"; NULL none */
	const char *task_active;
	const char *task_passive;
	const struct control_child *children;
	size_t child_count;
	const struct control_ike *successor;	/* of CONTROL_IKE_REKEY: without children */
	const struct endpoint *new_local, *new_remote;	/* of CONTROL_IKE_UPDATE; else NULL */
};

/*
 * Call @fn for each IKE SA, oldest first, until it returns false. What @fn gets
 * is a snapshot, valid during the call; @fn must start or end no SA. Traffic
 * counters are read from XFRM only if @counters is set.
 */
typedef bool (*control_ike_fn)(const struct control_ike *ike, void *data);
void control_each_ike(bool counters, control_ike_fn fn, void *data);

/* What becomes of IKE SAs and Child SAs, told to one who watches (VICI). */
enum control_event {
	CONTROL_IKE_UP,
	CONTROL_IKE_DOWN,
	CONTROL_IKE_UPDATE,	/* its endpoints are about to be others */
	CONTROL_IKE_REKEY,	/* another one has taken its place */
	CONTROL_CHILD_UP,
	CONTROL_CHILD_REKEY,	/* another one has taken its place */
	CONTROL_CHILD_DOWN
};

/*
 * The snapshot has one child, that which it is about, or none; of CONTROL_CHILD_REKEY the
 * old one and the new one.
 */
typedef void (*control_event_fn)(enum control_event event, const struct control_ike *ike,
				 void *data);

/*
 * What has gone wrong, or not as it was configured, told likewise: those of strongSwan's alerts
 * that are known here. Messages that are dropped, repeated and come twice are the module's: they
 * are counted there.
 */
enum control_alert {
	ALERT_SHUTDOWN_SIGNAL,
	ALERT_LOCAL_AUTH_FAILED,	/* ours, said by us or by the peer */
	ALERT_PEER_AUTH_FAILED,
	ALERT_PEER_ADDR_FAILED,		/* of the peer's name no address is known */
	ALERT_PEER_INIT_UNREACHABLE,	/* no answer before the IKE SA was established */
	ALERT_PARSE_ERROR_BODY,
	ALERT_RETRANSMIT_SEND_TIMEOUT,
	ALERT_HALF_OPEN_TIMEOUT,
	ALERT_PROPOSAL_MISMATCH_IKE,
	ALERT_PROPOSAL_MISMATCH_CHILD,
	ALERT_TS_MISMATCH,
	ALERT_TS_NARROWED,		/* by us or by the peer */
	ALERT_INSTALL_CHILD_SA_FAILED,
	ALERT_INSTALL_CHILD_POLICY_FAILED,
	ALERT_UNIQUE_REPLACE,		/* this one goes for it, */
	ALERT_UNIQUE_KEEP,		/* or this one */
	ALERT_KEEP_ON_CHILD_SA_FAILURE,
	ALERT_IKE_SA_EXPIRED,
	/* What the peer's certificate was refused for: */
	ALERT_CERT_EXPIRED,
	ALERT_CERT_REVOKED,
	ALERT_CERT_VALIDATION_FAILED,	/* nobody has said if it is revoked */
	ALERT_CERT_NO_ISSUER,
	ALERT_CERT_UNTRUSTED_ROOT,
	ALERT_CERT_EXCEEDED_PATH_LEN,
	ALERT_CERT_POLICY_VIOLATION
};

/* @ike NULL: it is about none. */
typedef void (*control_alert_fn)(enum control_alert alert, const struct control_ike *ike,
				 void *data);

/* NULL: nobody watches any more. */
void control_watch(control_event_fn event, control_alert_fn alert, void *data);
/* The daemon has been told to end. */
void control_shutdown(void);

/* kernel_unknown_spis() */
int control_unknown_spis(uint64_t *n);

/* Has an IKE SA of a connection of this name a Child SA of that one, that is not about to go? */
bool control_has_child(const char *conn, const char *child);

#endif /* IKEFPD_CONTROL_H */
