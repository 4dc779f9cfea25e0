/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Certificates in the handshake: CERT and CERTREQ payloads (RFC 7296 sections 3.6 and
 * 3.7), SIGNATURE_HASH_ALGORITHMS (RFC 7427 section 4), and which key we sign with.
 */
#ifndef IKEFPD_IKE_CERT_H
#define IKEFPD_IKE_CERT_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/x509.h>

#include "buf.h"
#include "certificate.h"
#include "config.h"
#include "payload.h"
#include "signature.h"

struct ike_sa;
struct secrets;

/* Bits 1 << enum ike_hash, of those that we know. */
#define HASHES_ALL	((uint8_t)(1u << HASH_SHA2_256 | 1u << HASH_SHA2_384 | \
				   1u << HASH_SHA2_512 | 1u << HASH_IDENTITY))

/* What the handshake knows of it. */
struct ike_certs {
	uint8_t hashes;		/* those of HASHES_ALL that the peer takes; 0: no RFC 7427 */
	bool certreq;		/* the peer has asked for certificates, */
	struct buf authorities;	/* of these CAs: certificate_authority_id(), each */
	EVP_PKEY *key;		/* the public one of what we sign with; NULL: not chosen yet */
	uint8_t key_id[KEY_ID_LEN];
	X509 *cert;		/* its certificate; NULL: it has none */
};

void ike_certs_clear(struct ike_certs *certs);

/* Takes CERTREQs and SIGNATURE_HASH_ALGORITHMS from a message of the peer. 0 or -ENOMEM. */
int ike_certs_take(struct ike_certs *certs, const struct payload_chain *chain);

/* SIGNATURE_HASH_ALGORITHMS with those of @of. */
void ike_put_hashes(struct payload_writer *w, uint8_t of);
/*
 * A CERTREQ with the CAs that the connection names, or those that were loaded if it names
 * none; with all there are if @conn is NULL; none if there is none. @brief: without naming
 * any, which asks for any.
 */
void ike_put_certreq(struct payload_writer *w, const struct config *config,
		     const struct conn *conn, bool brief);

/*
 * Chooses what to sign with for @conn: of the connection's certificates and keys, or
 * those of its identity, one that has a private key, if possible of a CA that the peer
 * asked for. -ENOKEY if there is none.
 */
int ike_certs_choose(struct ike_certs *certs, const struct config *config,
		     const struct conn *conn, const struct ike_id *id,
		     struct secrets *secrets);

/* CERT payloads with our certificate and those between it and its trust anchor. */
void ike_put_certs(struct payload_writer *w, const struct ike_sa *sa);

/* The peer's CERT payloads that are X.509 certificates, each after its length (u32), in @out. */
void ike_certs_collect(struct buf *out, const struct ike_sa *sa, const struct payload_chain *chain);
/*
 * What was collected, in any thread, the end entity's first; NULL if there is none. *@unread is how
 * many could not be read.
 */
STACK_OF(X509) *ike_certs_read(const struct buf *collected, unsigned int *unread);
/* Says what was read. */
void ike_certs_log(const struct ike_sa *sa, STACK_OF(X509) *certs, unsigned int unread);

#endif /* IKEFPD_IKE_CERT_H */
