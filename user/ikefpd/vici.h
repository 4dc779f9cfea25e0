/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_VICI_H
#define IKEFPD_VICI_H

#include "config.h"
#include "errmsg.h"
#include "loop.h"

/* Where swanctl looks for the daemon by itself. */
#define VICI_SOCKET_DEFAULT	"/var/run/charon.vici"

struct vici;

/*
 * Serve VICI on the unix socket @path (mode 0660; a stale one is replaced).
 * Commands change @config, call control.h, and reload @config_file (NULL: there
 * is none) on reload-settings. @config must outlive the server. Returns NULL
 * with @err set.
 */
struct vici *vici_new(struct loop *loop, struct config *config, const char *path,
		      const char *config_file, struct errmsg *err);

/*
 * Have reload-settings call @reload instead of reading the file itself, for what
 * else a reload does. It returns 0, or -1 with @err set and nothing changed.
 */
void vici_set_reload(struct vici *vici,
		     int (*reload)(void *data, struct errmsg *err), void *data);

/* Drops all clients (their commands go on unwatched) and unlinks the socket. */
void vici_free(struct vici *vici);

#endif /* IKEFPD_VICI_H */
