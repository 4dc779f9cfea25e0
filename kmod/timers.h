/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_TIMERS_H
#define IKEFP_TIMERS_H

#include <linux/timer.h>

struct ikefp_sa;

void ikefp_timers_expired(struct timer_list *timer);
void ikefp_timers_request_sent(struct ikefp_sa *sa);
void ikefp_timers_fragment_kept(struct ikefp_sa *sa);
void ikefp_timers_linger(struct ikefp_sa *sa);
void ikefp_timers_update(struct ikefp_sa *sa);

#endif
