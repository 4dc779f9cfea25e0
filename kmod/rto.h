/* SPDX-License-Identifier: GPL-2.0 */
/* Round trip times, and how long to wait for an answer (RFC 6298). Pure. */
#ifndef IKEFP_RTO_H
#define IKEFP_RTO_H

#include "wire.h"

/* Microseconds; zero before the first sample. */
struct ikefp_rtt {
	u32 srtt_us;
	u32 rttvar_us;
};

/* The settings as one request sees them from its first copy to its last. */
struct ikefp_rto_params {
	u32 initial_ms;
	u32 min_ms;
	u32 max_ms;
	u32 backoff_percent;
	u32 jitter_percent;
	u32 tries; /* retransmissions; 0: as many as fit give_up_ms */
	u32 give_up_ms;
};

void ikefp_rtt_sample(struct ikefp_rtt *rtt, u64 sample_us);
u32 ikefp_rto_first_ms(const struct ikefp_rtt *rtt, const struct ikefp_rto_params *params);
u32 ikefp_rto_next_ms(u32 rto_ms, const struct ikefp_rto_params *params);
u32 ikefp_rto_shorten_ms(u32 ms, u32 jitter_percent, u32 random);
u32 ikefp_rto_wait_ms(u32 rto_ms, u32 elapsed_ms, u32 random,
		      const struct ikefp_rto_params *params);

#endif
