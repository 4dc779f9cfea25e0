/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Upcalls of an SA that wait for a worker to take them, in their order, within bounds:
 * of each SA in number, of the namespace in memory.
 */
#ifndef IKEFP_WAITING_H
#define IKEFP_WAITING_H

#include <linux/types.h>

struct ikefp_sa;
struct sk_buff;

int ikefp_waiting_check(const struct ikefp_sa *sa);
int ikefp_waiting_add(struct ikefp_sa *sa, struct sk_buff *skb, const u32 *request_id);
struct sk_buff *ikefp_waiting_first(const struct ikefp_sa *sa);
void ikefp_waiting_drop_first(struct ikefp_sa *sa);

#endif
