/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How an SA's requests are retransmitted: by the namespace's settings, but those that it has
 * been given of its own.
 */
#ifndef IKEFP_RETRANSMIT_H
#define IKEFP_RETRANSMIT_H

#include "wire.h"

struct ikefp_policy;
struct ikefp_rto_params;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

/* Those that are given, by their attribute number in a policy. Never changed. */
struct ikefp_retransmit {
	u32 given; /* a bit each */
	u32 value[IKEFP_A_POLICY_GIVE_UP_MS + 1];
};

struct ikefp_retransmit *ikefp_retransmit_new(struct nlattr *const *settings,
					      struct netlink_ext_ack *extack);
struct ikefp_rto_params ikefp_retransmit_params(const struct ikefp_retransmit *own,
						const struct ikefp_policy *policy);
int ikefp_retransmit_put(struct sk_buff *skb, const struct ikefp_retransmit *own);

#endif
