/* SPDX-License-Identifier: GPL-2.0 */
/* The keys of IKE SAs that nobody has negotiated: the gateway is their initiator. */
#ifndef IKEFP_BENCH_STATIC_KEYS_H
#define IKEFP_BENCH_STATIC_KEYS_H

#include "ikefp_nl.h"

#define STATIC_PEER_SPI	0x1111111111111111ull
#define STATIC_KEY_LEN	20	/* AES-GCM, 128 bits and the salt */

static const uint8_t static_ei[STATIC_KEY_LEN] = "an initiator's key 1";
static const uint8_t static_er[STATIC_KEY_LEN] = "a responder's key 2.";

static inline struct ikefp_keys static_keys_for_module(void)
{
	return (struct ikefp_keys){
		.encr = 20,
		.sk_ei = { static_ei, sizeof(static_ei) },
		.sk_er = { static_er, sizeof(static_er) },
	};
}

#endif
