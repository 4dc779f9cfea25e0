/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of an IKE SA is left with the kernel, so that the next daemon can carry it on:
 * its names, identities, algorithms, SK_d, Child SAs and what it is about to do (for its own
 * rekeying with the private value of the key exchange, since the answer comes once); not
 * its IKE and ESP keys, which the kernel has. Octets with a version, and a digest, by
 * which those that were damaged are known.
 */
#ifndef IKEFPD_STASH_H
#define IKEFPD_STASH_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct conn;
struct ike_sa;

/* To be raised with every change of what is written after the names. */
#define STASH_VERSION	14

/*
 * Writes an IKE SA that has its keys. Where its handshake is not over it says so.
 * Whether there was memory, out->failed says.
 */
void stash_write(struct buf *out, const struct ike_sa *sa);

/*
 * Reads it into an IKE SA that is new, has no SPIs yet, and gets a connection of its own
 * that has names and little more (conn->bygone). *complete: the handshake was over.
 * Returns 0; -EPROTONOSUPPORT with *version set: it is of a version not known here;
 * -EBADMSG: damaged; -ENOMEM. Then the IKE SA may have Child SAs that are in nobody's
 * hands: stash_forget_children().
 */
int stash_read(struct ike_sa *sa, const uint8_t *data, size_t len, uint16_t *version,
	       bool *complete);

/*
 * What a stash of any version tells: a connection that has the names of the IKE SA's and
 * its Child SAs', and nothing more. The caller's reference; NULL: damaged, or no memory.
 */
struct conn *stash_read_names(const uint8_t *data, size_t len);

/* Frees Child SAs without touching the kernel's. */
void stash_forget_children(struct ike_sa *sa);

#endif
