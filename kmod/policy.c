// SPDX-License-Identifier: GPL-2.0

#include "policy.h"

/**
 * ikefp_policy_init() - the settings of a namespace that nobody has changed
 * @policy: the settings
 * @of_host: whether the namespace is of those who administer the host
 *
 * A lost packet on a fresh SA costs half a second and on a measured path of 20 ms
 * costs 200 ms. The backoff is gentle and its cap low, so that a request that keeps
 * being lost has about 17 tries in the minute before it is given up. The 20 s of the
 * keepalives are RFC 3948's (section 4).
 *
 * Cookies cost a new peer one round trip, so that they are asked for early: at a tenth
 * of the half-open SAs that there may be. What one source may do is meant for a NAT
 * with many peers behind it. In a flood a peer has 5 s to go on after IKE_SA_INIT: time
 * for a slow path and a slow machine, and for one lost request.
 *
 * The limits bound the memory of a namespace, whatever anybody sends, to
 *
 *	max-sas * 16 KiB + max-cache-octets + 256 KiB
 *
 * where an SA with its keys, its timers and its places in the tables takes less than
 * the first says, and the last is for flood.c's tables; the octets of upcalls are bounded
 * by the worker's socket. Those who have not proved who they are hold at most
 * max-half-open of the SAs, and half of the octets (selftests/flood.c measures it). Where
 * anybody may have made the namespace, there are few enough SAs for all their timers
 * to leave time for others, however short their waits.
 *
 * A stream has, besides, what TCP keeps of a connection (tcp_rmem, tcp_wmem, tcp_mem), of a
 * stranger no more than tcp_rmem's default of what is received; and 4 KiB of a message that is
 * not whole. Above that all together have max-reassembly-octets, and max-stream-octets of what
 * waits to be sent, with all that the kernel keeps around it: strangers no more than half of
 * each, and who comes from one source a quarter. Of what waits to be sent half is ESP's, and
 * half is IKE's.
 */
void ikefp_policy_init(struct ikefp_policy *policy, bool of_host)
{
	*policy = (struct ikefp_policy){ .value = {
		[IKEFP_A_POLICY_RTO_INITIAL_MS] = 500,
		[IKEFP_A_POLICY_RTO_MIN_MS] = 200,
		[IKEFP_A_POLICY_RTO_MAX_MS] = 5000,
		[IKEFP_A_POLICY_BACKOFF_PERCENT] = 150,
		[IKEFP_A_POLICY_JITTER_PERCENT] = 10,
		[IKEFP_A_POLICY_TRIES] = 0,
		[IKEFP_A_POLICY_GIVE_UP_MS] = 60000,
		[IKEFP_A_POLICY_HALF_OPEN_MS] = 30000,
		[IKEFP_A_POLICY_LINGER_MS] = 30000,
		[IKEFP_A_POLICY_MAX_SAS] = of_host ? 200000 : 10000,
		[IKEFP_A_POLICY_MAX_HALF_OPEN] = 1000,
		[IKEFP_A_POLICY_MAX_HALF_OPEN_SOURCE] = 100,
		[IKEFP_A_POLICY_COOKIE_HALF_OPEN] = 100,
		[IKEFP_A_POLICY_COOKIE_HALF_OPEN_SOURCE] = 10,
		[IKEFP_A_POLICY_COOKIE_RATE] = 100,
		[IKEFP_A_POLICY_COOKIE_SECRET_MS] = 60000,
		[IKEFP_A_POLICY_SOURCE_RATE] = 50,
		[IKEFP_A_POLICY_INIT_RATE] = 1000,
		[IKEFP_A_POLICY_SOURCE_PREFIX_IPV4] = 32,
		[IKEFP_A_POLICY_SOURCE_PREFIX_IPV6] = 64,
		[IKEFP_A_POLICY_MAX_CACHE_OCTETS] = 128 << 20,
		[IKEFP_A_POLICY_ORPHAN_MS] = 3600 * 1000,
		[IKEFP_A_POLICY_MAX_WAITING_OCTETS] = 16 << 20,
		[IKEFP_A_POLICY_MAX_STASH_OCTETS] = 256 << 20,
		[IKEFP_A_POLICY_REASSEMBLY_MS] = 30000,
		[IKEFP_A_POLICY_MAX_REASSEMBLY_OCTETS] = 16 << 20,
		[IKEFP_A_POLICY_KEEPALIVE_MS] = 20000,
		[IKEFP_A_POLICY_LIVENESS_MS] = 0,
		[IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS] = 5000,
		[IKEFP_A_POLICY_MAX_STREAMS] = of_host ? 50000 : 1000,
		[IKEFP_A_POLICY_MAX_STREAM_OCTETS] = of_host ? 64 << 20 : 16 << 20,
	} };
}
