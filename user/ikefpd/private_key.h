/* SPDX-License-Identifier: GPL-2.0 */
/* Private keys, from what a file of one holds. Only the process of the secrets does this. */
#ifndef IKEFPD_PRIVATE_KEY_H
#define IKEFPD_PRIVATE_KEY_H

#include <stddef.h>

#include <openssl/evp.h>

/*
 * PKCS#8, PKCS#1 or SEC1, in PEM or DER, encrypted or not; @passphrase may be NULL.
 * NULL with *err: -EINVAL: it is no private key, or of no kind that is served; -ENOKEY: it
 * is encrypted, and there is no passphrase; -EKEYREJECTED: the passphrase is wrong.
 */
EVP_PKEY *private_key_read(const void *data, size_t len, const void *passphrase,
			   size_t passphrase_len, int *err);

#endif /* IKEFPD_PRIVATE_KEY_H */
