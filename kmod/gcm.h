/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _IKEFP_GCM_H
#define _IKEFP_GCM_H

#include <linux/types.h>

#define IKEFP_GCM_MAX_KEY 32
#define IKEFP_GCM_NONCE_LEN 12
#define IKEFP_GCM_ICV_LEN 16

struct ikefp_gcm_key {
	u8 octets[IKEFP_GCM_MAX_KEY];
	u8 len; /* octets: 16, 24 or 32 */
};

int ikefp_gcm_seal(const struct ikefp_gcm_key *key, const u8 *nonce, const u8 *ad, u32 ad_len,
		   u8 *text, u32 text_len);
int ikefp_gcm_open(const struct ikefp_gcm_key *key, const u8 *nonce, const u8 *ad, u32 ad_len,
		   u8 *text, u32 text_len);

#endif
