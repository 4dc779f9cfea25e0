/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon and the process of the secrets say to each other: packets (ipc.h),
 * of a request
 *
 *	octet op, then what stands behind it below
 *
 * and its answer
 *
 *	u16 0, or an error number; after 0, what stands behind "->"
 *
 * Numbers are in network order. "bytes" are a u32 and as many octets. An "id" is an
 * octet of type (RFC 7296 section 3.5) and bytes; a "secret" is an octet of kind (enum
 * secret_kind), one of source (enum conf_source), a name (u8 0, or u8 1 and bytes), u16
 * owners and as many ids, bytes, and a passphrase (as a name). A "key" is the 20 octets
 * of key_id(). Errors are EBADMSG for what is malformed, EPERM for what this end may
 * not ask, and those that the functions of secrets.h return.
 *
 * There are two that ask: the daemon, and the reader of the file, whose secrets do
 * not pass through the daemon. What it sends is staged; the daemon commits it. Threads of
 * the daemon ask for signatures, each in its own way.
 */
#ifndef IKEFPD_SECRETS_PROTO_H
#define IKEFPD_SECRETS_PROTO_H

#include <stdbool.h>

#include "buf.h"
#include "id.h"
#include "secret.h"

enum secrets_op {
	/* Of the daemon. */
	SECRETS_LOAD = 1,	/* secret -> u8: 1 if it is new; of a private key: key */
	SECRETS_UNLOAD,		/* u8 kind, u8 source, bytes name */
	SECRETS_CLEAR,		/* u8 source */
	SECRETS_LIST,		/* u8 kind, u8 source, u32 skip -> bytes name, each */
	SECRETS_COMMIT,		/* what is staged replaces what is of the file */
	SECRETS_SIGN,		/* u16 PRF, id local, id remote, bytes -> MAC */
	SECRETS_VERIFY,		/* the same, bytes MAC */
	SECRETS_KEY_SIGN,	/* key, u8 scheme, u8 classic, bytes -> signature; signers', too */
	SECRETS_HAS_PPK,
	/* u16 PRF, bytes PPK_ID, SK_d, SK_pi, SK_pr -> those three with the PPK in them */
	SECRETS_MIX_PPK,
	/* Of the reader. */
	SECRETS_STAGE_BEGIN,	/* forget what is staged */
	SECRETS_STAGE,		/* secret */
};

/* A request or an answer, as it is read. Reading past the end sets failed. */
struct secrets_cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

uint8_t secrets_get8(struct secrets_cursor *c);
uint16_t secrets_get16(struct secrets_cursor *c);
uint32_t secrets_get32(struct secrets_cursor *c);
/* So many octets; NULL after a failure. */
const uint8_t *secrets_get_octets(struct secrets_cursor *c, size_t len);
/* Points into the packet; NULL and *len 0 after a failure. */
const uint8_t *secrets_get_bytes(struct secrets_cursor *c, size_t *len);
/* Returns 0, -EBADMSG or -ENOMEM; clear it with ike_id_clear() in any case. */
int secrets_get_id(struct secrets_cursor *c, struct ike_id *id);
/* A secret; NULL with *err -EBADMSG or -ENOMEM. */
struct secret *secrets_get_secret(struct secrets_cursor *c, int *err);

void secrets_put_bytes(struct buf *out, const void *data, size_t len);
void secrets_put_id(struct buf *out, const struct ike_id *id);
void secrets_put_secret(struct buf *out, const struct secret *secret);

#endif /* IKEFPD_SECRETS_PROTO_H */
