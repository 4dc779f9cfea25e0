/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONFIG_LOAD_H
#define IKEFPD_CONFIG_LOAD_H

#include "config.h"
#include "errmsg.h"
#include "secret.h"
#include "tree.h"

/*
 * From a swanctl.conf-like file or from VICI to a checked configuration. What
 * is refused says file and line (or VICI's path), what is wrong, what to do.
 */

/*
 * Read @path into @config and *@secrets, both empty before. Returns 0, or -1 with
 * @err set; free both in any case.
 */
int config_read_file(struct config *config, struct secret **secrets, const char *path,
		     struct errmsg *err);

/*
 * Put all of @fresh, as read from a file, in the place of what earlier came from
 * one; @fresh is left empty. Nothing fails.
 */
void config_replace_file(struct config *config, struct config *fresh);

/* A connection from its section. NULL with @err set. */
struct conn *config_read_conn(const struct tree *section, enum conf_source source,
			      struct errmsg *err);

/*
 * Puts a CA in the place of one of its name, its certificate among the credentials. Takes it
 * over, whatever comes of it. 0, or -1 with @err set.
 */
int config_put_authority(struct config *config, struct authority *a, struct errmsg *err);

/*
 * The certificate of one that names a token's has been read, in the place of what was read before.
 * 0, or -1 with @err set: then there is none.
 */
int config_set_ca(struct config *config, struct authority *a, X509 *ca, struct errmsg *err);

/* By name, whoever loaded it; its CA is trusted no more for its sake. Returns 0 or -ENOENT. */
int config_remove_authority(struct config *config, const char *name);

/* Its "local { }" or "remote { }". 0, or -1 with @err set. */
int config_read_auth(const struct tree *section, struct auth_conf *auth,
		     struct errmsg *err);

/* "secrets.ike<suffix> { }" of a file, or ppk<suffix>. NULL with @err set. */
struct secret *config_read_secret(const struct tree *section, enum secret_kind kind,
				  struct errmsg *err);

/*
 * "secrets.token<suffix> { }" of a file, or VICI's load-token, whose @section has no name. NULL
 * with @err set.
 */
struct secret *config_read_token(const struct tree *section, enum conf_source source,
				 struct errmsg *err);

/*
 * "cert<suffix> { }" of a connection's "local { }": "PROVIDER URI", to be freed. NULL with @err
 * set. @among: those keys are among others, which have been read.
 */
char *config_read_token_cert(const struct tree *section, bool among, struct errmsg *err);

/* Add an owner to a secret. Returns 0 or -1 with @err set. */
int config_add_owner(struct secret *secret, const struct tree *node,
		     const char *owner, struct errmsg *err);

#endif /* IKEFPD_CONFIG_LOAD_H */
