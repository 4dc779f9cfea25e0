/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_VICI_H
#define IKEFPD_VICI_H

#include "config.h"
#include "errmsg.h"
#include "loop.h"

/* Where swanctl looks for the daemon by itself. */
#define VICI_SOCKET_DEFAULT	"/var/run/charon.vici"

struct vici;

struct revocation_info;
struct secrets;
struct token_certs;

/*
 * Serve VICI on the unix socket @path (mode 0660; a stale one is replaced). Commands
 * change @config and @secrets, which must outlive the server, and call control.h.
 * Returns NULL with @err set.
 */
struct vici *vici_new(struct loop *loop, struct config *config,
		      struct secrets *secrets, const char *path, struct errmsg *err);

/*
 * Let this group use the socket @path, too, as its mode says: before privileges are given up.
 * Returns 0, or -1 with @err set.
 */
int vici_give(const char *path, const char *group, struct errmsg *err);

/*
 * Have reload-settings call @reload, which returns 0, or -1 with @err set and nothing
 * changed. Without it there is nothing to reload, which succeeds.
 */
void vici_set_reload(struct vici *vici,
		     int (*reload)(void *data, struct errmsg *err), void *data);

/* What flush-certs flushes. */
void vici_set_revocation(struct vici *vici, struct revocation_info *revocation);

/* By whom connections have their certificates read. */
void vici_set_token_certs(struct vici *vici, struct token_certs *certs);

/*
 * Drops all clients (their commands go on unwatched). The socket's name stays: by
 * now the daemon may not be allowed to remove it.
 */
void vici_free(struct vici *vici);

#endif /* IKEFPD_VICI_H */
