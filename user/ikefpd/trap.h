/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Policies without ESP SAs. A trap holds the traffic of a child back and has its Child SA
 * set up when there is some (start_action = trap); a shunt lets traffic pass in the clear,
 * or drops it (mode = pass, drop).
 *
 * In transport mode the peer may be any host of remote_addrs: the trap is for all of them, and each
 * that there is traffic to gets an IKE SA of its own.
 *
 * Under a Child SA the trap stays: when that goes, for whatever reason, nothing leaves in
 * the clear. So it does when the daemon is killed: policies of traps stay in XFRM, and the
 * next daemon's traps take their place.
 */
#ifndef IKEFPD_TRAP_H
#define IKEFPD_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "child_sa.h"
#include "errmsg.h"

struct conn;
struct ike_manager;

struct trap {
	struct trap *next;
	struct table_node by_name;
	struct conn *conn;		/* a reference */
	struct child_sa child;		/* of no IKE SA, in state CHILD_ROUTED */
	bool manual;			/* not for its configuration alone */
};

/*
 * Installs the policies of @conf, a child of @conn; what is there already stays. A manual
 * one stays when its child asks for none any more. Returns 0, or -1 with @err set.
 */
int trap_install(struct ike_manager *m, struct conn *conn, const struct child_conf *conf,
		 bool manual, struct errmsg *err);
/*
 * By name. If @conn is NULL and several connections have one, it is a shunt's, else a trap's,
 * that was installed first, as strongSwan has it. False: there is none.
 */
bool trap_uninstall(struct ike_manager *m, const char *conn, const char *child);
/* Installs those that a connection asks for, which is loaded. */
void trap_configure(struct ike_manager *m, struct conn *conn);
/*
 * Everything is loaded: those whose child is not configured any more go, and those that it
 * does not ask for any more and are not manual.
 */
void trap_configured(struct ike_manager *m);

/*
 * XFRM has traffic for one with this reqid: its Child SA is set up. Of one that is for many, between
 * these two.
 */
void trap_acquired(struct ike_manager *m, uint32_t reqid, const struct endpoint *local,
		   const struct endpoint *remote);

/* What it has of policies, NULL: none of this name is installed. */
const struct child_sa *trap_of(const struct ike_manager *m, const char *conn, const char *child);
/* Of a manager whose IKE SAs are gone. */
void trap_clear(struct ike_manager *m);

#endif
