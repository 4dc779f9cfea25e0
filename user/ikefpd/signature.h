/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Signatures in AUTH payloads: the AlgorithmIdentifiers of RFC 7427 (RFC 8420 for
 * Ed25519), the methods before it (RFC 7296 section 3.8, RFC 4754), and what libcrypto
 * has to do for each.
 */
#ifndef IKEFPD_SIGNATURE_H
#define IKEFPD_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "buf.h"
#include "errmsg.h"

enum key_type {
	KEY_UNKNOWN,
	KEY_RSA,
	KEY_ECDSA,
	KEY_ED25519
};

/* IANA's "IKEv2 Hash Algorithms". */
enum ike_hash {
	HASH_SHA1 = 1,
	HASH_SHA2_256 = 2,
	HASH_SHA2_384 = 3,
	HASH_SHA2_512 = 4,
	HASH_IDENTITY = 5,
};

/* Of no meaning outside of the daemon's processes. */
enum signature_id {
	SIGNATURE_NONE,
	SIGNATURE_RSA_SHA1,	/* of the methods before RFC 7427 alone */
	SIGNATURE_RSA_SHA2_256,
	SIGNATURE_RSA_SHA2_384,
	SIGNATURE_RSA_SHA2_512,
	SIGNATURE_PSS_SHA2_256,
	SIGNATURE_PSS_SHA2_384,
	SIGNATURE_PSS_SHA2_512,
	SIGNATURE_ECDSA_SHA2_256,
	SIGNATURE_ECDSA_SHA2_384,
	SIGNATURE_ECDSA_SHA2_512,
	SIGNATURE_ED25519,
	SIGNATURES
};

/* What to sign or verify with. */
struct signature_scheme {
	enum signature_id id;
	int salt_len;		/* of PSS, in octets */
};

#define SIGNATURE_KEY_BITS_MIN	2048	/* of RSA */
#define SIGNATURE_KEY_BITS_MAX	8192

enum key_type key_type(const EVP_PKEY *key);
/* Bits of an RSA modulus or of a curve. */
unsigned int key_bits(const EVP_PKEY *key);
/* Does it verify in a fraction of a millisecond? Who made it chose that, too. */
bool key_is_quick(const EVP_PKEY *key);
/* May such a key authenticate anybody? If not, @err says why. */
int key_check(const EVP_PKEY *key, struct errmsg *err);
/* SHA-1 of the subjectPublicKey's bits, by which VICI names keys. 0 or -EIO. */
int key_id(EVP_PKEY *key, uint8_t id[20]);

/* "RSA_EMSA_PKCS1_SHA2_256", as charon says it. */
const char *signature_name(enum signature_id id);
enum key_type signature_key_type(enum signature_id id);
enum ike_hash signature_hash(enum signature_id id);

/*
 * Those that a key of this type and size may be asked for, the best one first, in
 * @ids; returns how many. The hash is as strong as the key, then stronger, then weaker.
 */
size_t signature_of_key(enum key_type type, unsigned int bits, bool pss,
			enum signature_id ids[SIGNATURES]);
/* That of the AUTH method that a key has without RFC 7427: SIGNATURE_NONE if none. */
enum signature_id signature_classic(enum key_type type, unsigned int bits,
				    uint8_t *method);
/* That of an AUTH method that says it all; SIGNATURE_NONE of one that does not. */
enum signature_id signature_of_method(uint8_t method);

/* Appends the octet of length and the AlgorithmIdentifier. */
void signature_put_algorithm(struct buf *out, enum signature_id id);
/*
 * Reads them from the head of AUTH data; *used is how long they are. Returns 0,
 * -EBADMSG, or -EOPNOTSUPP for an algorithm not known.
 */
int signature_read_algorithm(struct signature_scheme *scheme, const uint8_t *data,
			     size_t len, size_t *used);

/*
 * Signs, verifies. ECDSA is in DER for RFC 7427, else (@classic) r and s. Returns 0;
 * -EINVAL if the key is not of the scheme; -EKEYREJECTED if the signature is wrong;
 * -EIO if libcrypto failed: to sign, for reasons that are in its queue then.
 */
int signature_sign(EVP_PKEY *key, enum signature_id id, bool classic,
		   const void *octets, size_t len, struct buf *out);
int signature_verify(EVP_PKEY *key, const struct signature_scheme *scheme, bool classic,
		     const void *octets, size_t len, const void *sig, size_t sig_len);

#endif /* IKEFPD_SIGNATURE_H */
