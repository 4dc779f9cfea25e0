/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONFIG_LOAD_H
#define IKEFPD_CONFIG_LOAD_H

#include "config.h"
#include "errmsg.h"
#include "tree.h"

/*
 * From a swanctl.conf-like file or from VICI to a checked configuration. What
 * is refused says file and line (or VICI's path), what is wrong, what to do.
 */

/*
 * Read @path and put it in the place of all that earlier came from a file.
 * Returns 0, or -1 with @err set and @config as it was.
 */
int config_load_file(struct config *config, const char *path, struct errmsg *err);

/* A connection from its section. NULL with @err set. */
struct conn *config_read_conn(const struct tree *section, enum conf_source source,
			      struct errmsg *err);

/* "secrets.ike<suffix> { }" of a file. NULL with @err set. */
struct secret *config_read_secret(const struct tree *section, struct errmsg *err);

/* Add an owner to a secret. Returns 0 or -1 with @err set. */
int config_add_owner(struct secret *secret, const struct tree *node,
		     const char *owner, struct errmsg *err);

#endif /* IKEFPD_CONFIG_LOAD_H */
