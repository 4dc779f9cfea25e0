/* SPDX-License-Identifier: GPL-2.0 */
/*
 * AES-GCM with the vector unit, for any number of keys. An AEAD of the crypto API takes more
 * than a kilobyte for a key, most of it computed from the key in no time where the processor
 * has instructions for that: so there is one AEAD a processor, and it takes whichever key is
 * used.
 */
#ifndef IKEFP_SHARED_GCM_H
#define IKEFP_SHARED_GCM_H

#include <linux/types.h>

struct ikefp_gcm_key;
struct scatterlist;

int ikefp_shared_gcm_get(void);
void ikefp_shared_gcm_put(void);
int ikefp_shared_gcm_run(const struct ikefp_gcm_key *key, u8 *nonce, struct scatterlist *sg,
			 u32 ad_len, u32 crypt_len, bool seal);
void ikefp_shared_gcm_forget(const struct ikefp_gcm_key *key);

#endif
