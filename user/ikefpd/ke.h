/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every exchange has that makes keys: a Nonce and a Key Exchange payload, RFC 7296
 * sections 3.4 and 3.9.
 */
#ifndef IKEFPD_KE_H
#define IKEFPD_KE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "dh.h"
#include "payload.h"

#define NONCE_LEN	32	/* half the key of the longest PRF, RFC 7296 section 2.10 */
#define NONCE_MAX	64	/* of ours */

/* A fresh nonce of at most NONCE_MAX octets. 0 or a negative error. */
int nonce_new(struct buf *nonce, size_t len);

/*
 * The lower one, octet by octet; where one is the other's beginning, the shorter (RFC 7296
 * section 2.8.1). a of equal ones.
 */
const struct buf *nonce_lower(const struct buf *a, const struct buf *b);

/* Appends the payload with our public value. 0 or -EIO. */
int ke_put(struct payload_writer *w, const struct dh *dh);
/* Appends as many octets, of a value that is not there yet. */
void ke_put_room(struct payload_writer *w, const struct dh *dh);
/* The payload's data if it is of the group; NULL otherwise. */
const uint8_t *ke_data(const struct payload *ke, uint16_t group, size_t *len);

#endif
