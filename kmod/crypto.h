/* SPDX-License-Identifier: GPL-2.0 */
/* The SK and SKF payloads: sealing and opening it with the keys of one IKE SA. */
#ifndef IKEFP_CRYPTO_H
#define IKEFP_CRYPTO_H

#include <linux/types.h>

#include "wire.h"

struct ikefp_crypto;
struct netlink_ext_ack;
struct nlattr;

struct ikefp_crypto *ikefp_crypto_new(struct nlattr *const *keys, enum ikefp_role role,
				      struct netlink_ext_ack *extack);
void ikefp_crypto_free(struct ikefp_crypto *crypto);
u32 ikefp_crypto_sealed_len(const struct ikefp_crypto *crypto, u32 headers_len, u32 inner_len);
u32 ikefp_crypto_inner_len(const struct ikefp_crypto *crypto, u32 headers_len, u32 sealed_len);
int ikefp_crypto_seal(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
		      const u8 *inner, u32 inner_len);
int ikefp_crypto_open(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
		      u8 **inner, u32 *inner_len);
int ikefp_crypto_reopen(struct ikefp_crypto *crypto, u8 *message, u32 headers_len, u32 len,
			u8 **inner, u32 *inner_len);

#endif
