/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All IKE SAs of this daemon: the tables that they are found in, what starts and ends
 * them, and who waits for what becomes of them.
 */
#ifndef IKEFPD_IKE_MANAGER_H
#define IKEFPD_IKE_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "child_route.h"
#include "control.h"
#include "ike_sa.h"
#include "loop.h"
#include "news.h"
#include "offload_bypass.h"
#include "policy.h"
#include "trap.h"
#include "xfrm.h"

struct host_wait;
struct lookup;
struct revocation_info;
struct secrets;
struct stream;
struct tcp_path;
struct updown;
struct waiter;

struct ike_manager {
	struct loop *loop;
	struct kernel *kernel;
	struct xfrm *xfrm;
	const struct config *config;
	struct secrets *secrets;
	struct revocation_info *revocation;	/* NULL: nobody is asked */
	struct lookup *lookup;		/* NULL: no host name has an address */
	struct host_wait *host_waits;	/* host_names.h */
	struct updown *updown;		/* NULL: no scripts are run */
	struct ike_sa *sas;		/* oldest first */
	struct ike_sa **sas_end;	/* the last one's next */
	struct table by_spi;		/* our own */
	struct table by_id;		/* the unique id */
	struct table by_conn;		/* the connection's name, if it has one */
	struct table by_peers;		/* both identities, once it is established */
	struct table child_by_id;	/* Child SAs: the unique id */
	struct table child_by_spi_in, child_by_spi_out;
	struct policy_table policies;	/* installed, each with its Child SAs */
	struct offload_bypasses bypasses;
	struct child_routes routes;
	struct trap *traps;
	struct table traps_by_name;
	struct news news;
	struct stream *streams;		/* stream.h */
	struct tcp_path *tcp_paths;	/* transport.h */
	bool all_adopted;		/* what else has reqids of ours is left over */
	struct waiter *waiters;
	/* NULL: nobody wants to know; else control.h's. */
	void (*event)(enum control_event event, const struct ike_sa *sa,
		      const struct child_sa *child, const struct child_sa *old);
	/* Likewise, before it is elsewhere. */
	void (*moves)(const struct ike_sa *sa, const struct endpoint *local,
		      const struct endpoint *remote);
	void (*alert)(enum control_alert alert, const struct ike_sa *sa);
	struct loop_work wake_work;
	uint32_t last_ike_id, last_child_id, last_reqid, last_trap_reqid, last_mark;
	bool stopping;
	struct loop_timer stop_timer;
	void (*stopped)(struct ike_manager *m);
};

/* The pointers stay the caller's. */
void ike_manager_init(struct ike_manager *m, struct loop *loop, struct kernel *kernel,
		      struct xfrm *xfrm, const struct config *config,
		      struct secrets *secrets);
/* Ends what is left, at once and without a word to the peers. */
void ike_manager_clear(struct ike_manager *m);

/* A new IKE SA comes into the list, an old one goes out of list and tables. */
void ike_manager_add(struct ike_manager *m, struct ike_sa *sa);
void ike_manager_remove(struct ike_manager *m, struct ike_sa *sa);
/*
 * What it is found by has become known, or is another now: its own SPI, its unique id, its
 * connection, or, of one that is established, its identities.
 */
void ike_manager_index(struct ike_manager *m, struct ike_sa *sa);

/* A Child SA that has its unique id and SPI, and one that goes. */
void ike_manager_add_child(struct ike_manager *m, struct child_sa *child);
/* It has its outbound SPI, too. */
void ike_manager_index_child(struct ike_manager *m, struct child_sa *child);
void ike_manager_remove_child(struct ike_manager *m, struct child_sa *child);

/* By our own SPI; NULL if there is none. */
struct ike_sa *ike_manager_by_spi(struct ike_manager *m, uint64_t spi_local);
struct ike_sa *ike_manager_by_id(struct ike_manager *m, uint32_t unique_id);
/* Those of connections of a name, in no order: the first, and the next one after one. */
struct ike_sa *ike_manager_of_conn(const struct ike_manager *m, const char *name,
				   const struct ike_sa *after);
/* Likewise those that were established between two identities; some may be about to go. */
struct ike_sa *ike_manager_of_peers(const struct ike_manager *m, const struct ike_id *local,
				    const struct ike_id *remote, const struct ike_sa *after);
struct child_sa *ike_manager_child(struct ike_manager *m, uint32_t unique_id);

/*
 * The connection's oldest IKE SA, however far it is, but rather one that does not wait to be
 * tried again; NULL if there is none to use. With remote one with this peer, whatever port.
 */
struct ike_sa *ike_manager_to_use(const struct ike_manager *m, const struct conn *conn,
				  const struct endpoint *remote);

/* What came up from the kernel. */
void ike_manager_message(struct ike_manager *m, const struct kernel_message *msg);
void ike_manager_event(struct ike_manager *m, const struct kernel_event *event);

/* ESP comes from another endpoint than its inbound ESP SA has: see mapping.h. */
void ike_manager_mapping(struct ike_manager *m, const struct endpoint *local,
			 uint32_t spi_in, const struct endpoint *remote);

/* The ESP SA to dst has reached a limit; or some may have, it is not known which. */
void ike_manager_limit(struct ike_manager *m, const struct endpoint *dst, uint32_t spi);
void ike_manager_look_at_limits(struct ike_manager *m);

/* Something has become of an IKE SA, or of this Child SA of its: to be told (control.h). */
void ike_manager_tell(enum control_event event, const struct ike_sa *sa,
		      const struct child_sa *child, const struct child_sa *old);
/* It is about to be between these endpoints. */
void ike_manager_tell_move(const struct ike_sa *sa, const struct endpoint *local,
			   const struct endpoint *remote);

/* Something has gone wrong, with an IKE SA or with none (NULL): to be told, too. */
void ike_manager_alert(const struct ike_manager *m, enum control_alert alert,
		       const struct ike_sa *sa);

/* control.h's functions, for a manager of one's own; child NULL: the IKE SA alone. */
void ike_manager_initiate(struct ike_manager *m, struct conn *conn,
			  const struct child_conf *child, struct control_job *job);
/* What was up is to be up again: tried until it is, unless keyingtries is set (ike_retry.h). */
void ike_manager_restart(struct ike_manager *m, struct conn *conn,
			 const struct child_conf *child);
/* Either with the addresses that its host names have by now; lasting: the latter; */
void ike_manager_initiate_now(struct ike_manager *m, struct conn *conn,
			      const struct child_conf *child, struct control_job *job,
			      bool lasting);
/* or of a connection for many (conn_is_for_many()) with the peer between these endpoints, */
void ike_manager_initiate_to(struct ike_manager *m, struct conn *conn,
			     const struct child_conf *child, const struct endpoint *local,
			     const struct endpoint *remote);
/* or not at all; @job may be NULL. */
void ike_manager_not_initiated(struct control_job *job, const char *reason);
/*
 * In place of an IKE SA whose handshake has failed another one is initiated, and who waits
 * for the one waits for the other. Ends it, for this reason if nothing comes of that.
 */
void ike_manager_try_again(struct ike_sa *sa, const char *reason);
void ike_manager_terminate_ike(struct ike_manager *m, uint32_t id, bool force,
			       struct control_job *job);
void ike_manager_terminate_child(struct ike_manager *m, uint32_t id,
				 struct control_job *job);
void ike_manager_rekey_child(struct ike_manager *m, uint32_t id);
void ike_manager_rekey_ike(struct ike_manager *m, uint32_t id);
void ike_manager_reauth_ike(struct ike_manager *m, uint32_t id);
void ike_manager_forget(struct ike_manager *m, struct control_job *job);

/*
 * Sends a DELETE for every IKE SA, takes no new ones, and calls stopped once all
 * are gone, or after wait_ms at the latest, from the loop.
 */
void ike_manager_stop(struct ike_manager *m, uint64_t wait_ms,
		      void (*stopped)(struct ike_manager *m));

/* Makes m the one that control.h's functions mean. */
void control_attach(struct ike_manager *m);

/* What an IKE SA or a Child SA tells those who wait for it. */
void ike_manager_child_up(struct ike_manager *m, const struct child_sa *child);
/* The Child SA of this name did not come to be. */
void ike_manager_child_failed(struct ike_manager *m, uint32_t ike_id, const char *name,
			      const char *reason);
/* It is established. Or it is not, or will be none any more: none of its Child SAs came to be. */
void ike_manager_ike_up(struct ike_manager *m, uint32_t ike_id);
void ike_manager_ike_failed(struct ike_manager *m, uint32_t ike_id, const char *reason);
void ike_manager_child_gone(struct ike_manager *m, uint32_t child_id);
void ike_manager_ike_gone(struct ike_manager *m, uint32_t ike_id, const char *reason);

/* Another IKE SA has the place of one: who waits for it, or its Child SAs, waits for that one. */
void ike_manager_waits_for(struct ike_manager *m, uint32_t ike_id, uint32_t new_ike_id);

#endif
