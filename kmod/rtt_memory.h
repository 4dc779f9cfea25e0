/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Round trip times of hosts, for the next IKE SA with one of them (RFC 9040 section 6): its
 * first request need not wait as long as for a host that nothing is known of.
 */
#ifndef IKEFP_RTT_MEMORY_H
#define IKEFP_RTT_MEMORY_H

#include <linux/types.h>

struct ikefp_context;
struct ikefp_path;
struct ikefp_rtt;

int ikefp_rtt_memory_begin(struct ikefp_context *ctx);
void ikefp_rtt_memory_end(struct ikefp_context *ctx);
bool ikefp_rtt_recall(struct ikefp_context *ctx, const struct ikefp_path *path,
		      struct ikefp_rtt *rtt);
void ikefp_rtt_remember(struct ikefp_context *ctx, const struct ikefp_path *path,
			const struct ikefp_rtt *rtt);
void ikefp_rtt_forget(struct ikefp_context *ctx, const struct ikefp_path *path);

#endif
