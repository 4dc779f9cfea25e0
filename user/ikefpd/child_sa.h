/* SPDX-License-Identifier: GPL-2.0 */
/* A Child SA: a pair of ESP SAs, their policies, and how they came to be. */
#ifndef IKEFPD_CHILD_SA_H
#define IKEFPD_CHILD_SA_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "kdf.h"
#include "loop.h"
#include "payload.h"
#include "proposal.h"
#include "table.h"
#include "ts.h"
#include "xfrm.h"

struct child_conf;
struct ike_manager;
struct ike_sa;

enum child_sa_state {
	CHILD_CREATED,		/* inbound SPI allocated */
	CHILD_INSTALLED,	/* both ESP SAs and the policies are in the kernel */
	CHILD_REKEYED,		/* the peer has replaced it, and is to delete it */
	CHILD_DELETING,		/* our DELETE is queued or outstanding */
	CHILD_DELETED,		/* replaced and deleted: for what is still on its way */
	CHILD_ROUTED,		/* no Child SA, but policies that wait for one (trap.h) */
};

struct child_sa {
	struct child_sa *next;		/* of the same IKE SA */
	struct table_node by_id, by_spi_in, by_spi_out;	/* in the manager's tables */
	struct ike_sa *ike_sa;		/* NULL: of a trap */
	const struct child_conf *conf;	/* a reference; of a trap: its conn's */
	enum child_sa_state state;
	uint32_t unique_id;
	uint32_t reqid;
	uint32_t spi_in;		/* host order; 0: none allocated */
	uint32_t spi_out;
	struct endpoint local, remote;	/* the tunnel's ends, as installed */
	const struct proposal *proposal;	/* chosen: one transform of each type */
	const struct ts_list *local_ts;	/* narrowed */
	const struct ts_list *remote_ts;
	bool encap;			/* ESP in UDP */
	bool transport;			/* mode; before it is agreed on: what is wanted */
	bool no_tfc;			/* the peer wants no padding */
	bool narrowed;			/* to less than one of the ends would have had */
	uint32_t if_id_in, if_id_out;
	struct xfrm_mark mark_in, mark_out;	/* of its policies */
	bool mark_in_sa;		/* and of its inbound ESP SA */
	bool unique_marks;		/* some of these are its own */
	bool no_policies;
	bool fwd_out;			/* policies: forwarded traffic is looked at going out, too */
	uint32_t priority;		/* policies: 0: policy_priority() */
	bool coming;			/* its ESP SAs are about to be in the kernel */
	bool state_in, state_out;	/* are in the kernel */
	bool has_policies;
	bool trapped;			/* a trap is under it: its policies are not to vanish */
	enum offload hw_offload;	/* what of ESP a device is to do, */
	enum offload offload_in, offload_out;	/* and does: never OFFLOAD_AUTO */
	uint32_t device;		/* its interface's index; 0: there is none (child_offload.h) */
	uint32_t bypassed;		/* that lets IKE pass for it; 0: none (offload_bypass.h) */
	bool attempt;			/* if what is installed is refused, another one will do */
	char bound_to[IFNAMSIZ];	/* outbound policies are for it alone; empty: for any */
	uint32_t bound_index;		/* its index, which they have (child_interface.h) */
	char interface[IFNAMSIZ];	/* that leads to the peer; empty: not known (updown.h) */
	uint64_t installed_ms;		/* loop_now_ms() at installation */
	/*
	 * Of several outbound ESP SAs for the same traffic XFRM takes the one that it
	 * believes was added last, in seconds: this is what it is told.
	 */
	uint64_t out_rank;
	uint64_t prefer_ms;		/* loop_now_ms() when it is used at the latest; 0: it is */
	uint32_t moves;			/* from one IKE SA to another (ike_inherit.h) */
	bool replaced;			/* another one has taken its place */
	bool spent;			/* an ESP SA of it has reached a hard limit (child_limit.h) */
	bool rekeying;			/* our rekeying is queued or outstanding */
	bool unproven;			/* the peer need not have our answer that made it yet */
	/*
	 * The IKE_FOLLOWUP_KE request that made it, its message ID and 1, until the peer is known to
	 * have our answer to that; 0: none. And the inbound SPI of whose place it took then.
	 */
	uint32_t made_by, made_for;
	uint64_t rekey_ms, life_ms;	/* loop_now_ms() at its lifetimes' ends; 0: never */
	uint64_t used_ms, idle_ms;	/* when it carried something, and is idle since too long */
	uint64_t idle_packets;		/* that it has carried, either way, when it was looked at */
	struct loop_timer timer;	/* child_life.h */
};

/* It carries traffic, and is to go on with that. */
static inline bool child_sa_is_up(const struct child_sa *child)
{
	return child->state == CHILD_INSTALLED && !child->replaced && !child->spent;
}

/* strongSwan's name of the state, as --list-sas prints it ("INSTALLED"). */
const char *child_sa_state_name(const struct child_sa *child);

/* What its configuration says of its policies and ESP SAs, and leaves open of their marks. */
void child_sa_configure(struct child_sa *child, struct ike_manager *m);

/* It is, from now on, one of this child's; it takes a reference. NULL: no more. */
void child_sa_set_conf(struct child_sa *child, const struct child_conf *conf);

/* Nothing is agreed on yet; and what was is freed. */
void child_sa_agreed_init(struct child_sa *child);
void child_sa_agreed_clear(struct child_sa *child);

/*
 * A new Child SA with an inbound SPI, in ike_sa's list; NULL if that failed. One that is to
 * take the place of old has what that one has: its mode, marks, interfaces and reqid.
 */
struct child_sa *child_sa_new(struct ike_sa *ike_sa, const struct child_conf *conf,
			      const struct child_sa *old);

/*
 * Installs both ESP SAs and the policies under the endpoints of the IKE SA.
 * keys.ei and keys.ai are of the exchange's initiator, RFC 7296 section 2.17;
 * initiator: that is us. old is the one that it takes the place of, or NULL: the
 * exchange's initiator sends through the new one at once, the responder goes on with the
 * old one until that is deleted, for only then it knows that the initiator has the new
 * one, too. The same where the peer sets up what there is already, to reauthenticate; but
 * since it may as well have forgotten what there was, for some seconds only. Returns 0 or a
 * negative error.
 */
int child_sa_install(struct child_sa *child, const struct child_keys *keys,
		     bool initiator, const struct child_sa *old);

/*
 * It is deleted at both ends, another one has taken its place: nothing new is sent through
 * it, but what is on its way already goes out and comes in, for some seconds.
 */
void child_sa_replaced(struct child_sa *child);

/* Through others for the same traffic nothing new is sent any more: through this one. */
void child_sa_prefer(struct child_sa *child);
/*
 * Its IKE SA is about to go, deleted at both ends. If another one with the same peer has a
 * Child SA for the same traffic, that one is used, and this one goes over to that IKE SA as
 * replaced.
 */
void child_sa_pass_on(struct child_sa *child);

/*
 * The IKE SA's endpoints have changed: ESP goes there, too. Returns 0 or a negative
 * error, after which it may not go at all.
 */
int child_sa_move(struct child_sa *child);

/* Takes everything out of the kernel, unlinks and frees it. NULL is fine. */
void child_sa_destroy(struct child_sa *child);

/* The mark of its inbound or its outbound ESP SA. */
struct xfrm_mark child_sa_mark(const struct child_sa *child, bool inbound);

/* By one of its SPIs, host order; NULL if there is none. */
struct child_sa *child_sa_by_spi_in(struct ike_sa *ike_sa, uint32_t spi);
struct child_sa *child_sa_by_spi_out(struct ike_sa *ike_sa, uint32_t spi);

/* Does a device do both its ESP SAs? Returns 0, or as xfrm_state_offloaded(). */
int child_sa_offloaded(const struct child_sa *child);

/* Its ESP SAs' traffic so far. Returns 0, or why it is not known of one: -ESRCH, it is gone. */
int child_sa_usage(const struct child_sa *child, struct xfrm_usage *in,
		   struct xfrm_usage *out);

#endif
