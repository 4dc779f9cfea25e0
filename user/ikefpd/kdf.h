/* SPDX-License-Identifier: GPL-2.0 */
/* Key material of IKE and Child SAs: RFC 7296 sections 2.13, 2.14 and 2.17. */
#ifndef IKEFPD_KDF_H
#define IKEFPD_KDF_H

#include <stddef.h>
#include <stdint.h>

#include "prf.h"
#include "proposal.h"

#define KEY_MAX		64	/* octets of any one key, salt included */

/*
 * SK_e* hold the salt after the key (4 octets) for AEAD ciphers: RFC 5282
 * section 7.1, RFC 7634 section 2.
 */
struct ike_keys {
	uint16_t prf;
	size_t encr_len;	/* salt included */
	size_t integ_len;	/* 0 for AEAD ciphers */
	size_t prf_len;
	uint8_t d[PRF_MAX];
	uint8_t ai[KEY_MAX], ar[KEY_MAX];
	uint8_t ei[KEY_MAX], er[KEY_MAX];
	uint8_t pi[PRF_MAX], pr[PRF_MAX];
};

/* Of one Child SA: i protects what the exchange's initiator sends. */
struct child_keys {
	size_t encr_len;
	size_t integ_len;
	uint8_t ei[KEY_MAX], ai[KEY_MAX];
	uint8_t er[KEY_MAX], ar[KEY_MAX];
};

/* SKEYSEED = prf(Ni | Nr, g^ir), out of prf_len(prf) octets. 0 or -EINVAL/-EIO. */
int kdf_skeyseed(uint16_t prf, const uint8_t *ni, size_t ni_len,
		 const uint8_t *nr, size_t nr_len,
		 const uint8_t *shared, size_t shared_len,
		 uint8_t skeyseed[PRF_MAX]);

/*
 * {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} by prf+ for the chosen
 * proposal. SPIs in host order. 0, or -EINVAL for algorithms that are not known.
 */
int kdf_ike_keys(struct ike_keys *keys, const struct proposal *chosen,
		 const uint8_t *ni, size_t ni_len, const uint8_t *nr, size_t nr_len,
		 const uint8_t *shared, size_t shared_len,
		 uint64_t spi_i, uint64_t spi_r);

/* The IKE SA that is rekeyed. */
struct kdf_rekeyed {
	uint16_t prf;
	const uint8_t *sk_d;
};

/*
 * The shared secrets of an exchange's key exchanges: of the first one, g^ir, and, one after the
 * other, of the additional ones (RFC 9370). Either may be of no octets.
 */
struct kdf_secrets {
	const uint8_t *first, *more;
	size_t first_len, more_len;
};

/*
 * The same of a rekeying, RFC 7296 section 2.18 and RFC 9370 section 2.2.4: SKEYSEED =
 * prf(SK_d, g^ir | Ni | Nr | more) of the IKE SA before, and its PRF.
 */
int kdf_rekeyed_keys(struct ike_keys *keys, const struct kdf_rekeyed *old,
		     const struct proposal *chosen,
		     const uint8_t *ni, size_t ni_len, const uint8_t *nr, size_t nr_len,
		     const struct kdf_secrets *secrets, uint64_t spi_i, uint64_t spi_r);

/* KEYMAT = prf+(SK_d, [g^ir] | Ni | Nr | [more]), SK_d and the PRF being the IKE SA's. */
int kdf_child_keys(struct child_keys *keys, uint16_t prf_id, const uint8_t *sk_d,
		   const struct proposal *chosen, const struct kdf_secrets *secrets,
		   const uint8_t *ni, size_t ni_len,
		   const uint8_t *nr, size_t nr_len);

/* SK_d, SK_pi and SK_pr that a PPK has been mixed into, each as long as the PRF's output. */
struct ike_ppk_keys {
	uint8_t d[PRF_MAX];
	uint8_t pi[PRF_MAX], pr[PRF_MAX];
};

/* prf+(PPK, SK'), RFC 8784 section 3, of prf_len(prf) octets: one of them. 0, -EINVAL or -EIO. */
int kdf_ppk(uint16_t prf, const uint8_t *ppk, size_t ppk_len, const uint8_t *key,
	    uint8_t out[PRF_MAX]);

/* Octets of a cipher's key with its salt; 0 if the cipher is not known. */
size_t kdf_encr_key_len(const struct transform *encr);
/* Octets of an integrity key; 0 if not known or AUTH_NONE. */
size_t kdf_integ_key_len(uint16_t integ);

void kdf_wipe_ike(struct ike_keys *keys);
void kdf_wipe_child(struct child_keys *keys);

#endif
