/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The files that a swanctl.conf goes with: those that it names, and those in the
 * folders beside it (x509, x509ca, x509crl, pubkey, private, rsa, ecdsa, pkcs8, pkcs12). Only
 * the reader of the file opens any.
 */
#ifndef IKEFPD_CONFIG_FILES_H
#define IKEFPD_CONFIG_FILES_H

#include "credentials.h"
#include "errmsg.h"
#include "secret.h"
#include "tree.h"

/*
 * Puts what the files hold in the place of their names: certs, cacerts, pubkeys, and the file of
 * cert<suffix> and cacert<suffix>, of all connections in @root, cacert of all authorities. @path
 * is swanctl.conf's. 0, or -1 with @err set.
 */
int config_files_inline(struct tree *root, const char *path, struct errmsg *err);

/*
 * Reads the folders beside @path: certificates to @credentials, private keys to
 * *@secrets, each with the passphrase of the one in @passphrases that has its name.
 * 0, or -1 with @err set.
 */
int config_files_read(struct credentials *credentials, struct secret **secrets,
		      const struct secret *passphrases, const char *path,
		      struct errmsg *err);

#endif /* IKEFPD_CONFIG_FILES_H */
