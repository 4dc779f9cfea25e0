/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Our own requests of an SA that have no answer: as many are under way as the peer's
 * window is wide (RFC 7296 section 2.3), and that many the helper may have given us. All
 * under the SA's lock.
 */
#ifndef IKEFP_EXCHANGE_H
#define IKEFP_EXCHANGE_H

#include <linux/types.h>

struct ikefp_context;
struct ikefp_exchange;
struct ikefp_sa;

struct ikefp_exchange *ikefp_exchange_find(struct ikefp_sa *sa, u32 message_id);
struct ikefp_exchange *ikefp_exchange_vacant(struct ikefp_sa *sa);
struct ikefp_exchange *ikefp_exchange_first(const struct ikefp_sa *sa);
bool ikefp_exchange_may_start(const struct ikefp_sa *sa, u32 message_id);
struct ikefp_exchange *ikefp_exchange_next_to_start(struct ikefp_sa *sa);
void ikefp_exchange_take_next(struct ikefp_sa *sa);
u32 ikefp_exchange_outstanding(const struct ikefp_sa *sa);
u32 ikefp_exchange_of_helper(const struct ikefp_sa *sa);
void ikefp_exchange_forget(struct ikefp_exchange *exchange);
void ikefp_exchange_forget_all(struct ikefp_sa *sa);

struct ikefp_exchange *ikefp_exchange_new(struct ikefp_context *ctx, u32 window, u32 limit);
struct ikefp_exchange *ikefp_exchange_widen(struct ikefp_sa *sa,
					    struct ikefp_exchange *exchanges, u32 window);
void ikefp_exchange_free(struct ikefp_context *ctx, struct ikefp_exchange *exchanges, u32 window);

#endif
