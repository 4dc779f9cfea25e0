/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFP_TIMERS_H
#define IKEFP_TIMERS_H

#include <linux/timer.h>

struct ikefp_answer;
struct ikefp_esp;
struct ikefp_exchange;
struct ikefp_outgoing;
struct ikefp_sa;

/*
 * Starts the exchange of an empty INFORMATIONAL request, under the SA's lock; returns 0,
 * and its caller transmits it, or a negative errno.
 */
typedef int (*ikefp_ask_fn)(struct ikefp_sa *sa, struct ikefp_outgoing *out);

void ikefp_timers_init(ikefp_ask_fn ask);
void ikefp_timers_expired(struct timer_list *timer);
void ikefp_timers_request_starts(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
				 struct ikefp_outgoing *out);
void ikefp_timers_request_over(struct ikefp_sa *sa, struct ikefp_exchange *exchange,
			       struct ikefp_outgoing *out);
void ikefp_timers_other_stream(struct ikefp_sa *sa, struct ikefp_outgoing *out);
void ikefp_timers_window_opened(struct ikefp_sa *sa, struct ikefp_outgoing *out);
void ikefp_timers_fragment_kept(struct ikefp_sa *sa, struct ikefp_answer *place);
void ikefp_timers_answered(struct ikefp_sa *sa);
void ikefp_timers_established(struct ikefp_sa *sa);
void ikefp_timers_heard(struct ikefp_sa *sa);
struct ikefp_esp *ikefp_timers_set_esp(struct ikefp_sa *sa, struct ikefp_esp *esp);
void ikefp_timers_moved(struct ikefp_sa *sa);
void ikefp_timers_linger(struct ikefp_sa *sa);
void ikefp_timers_update(struct ikefp_sa *sa);

#endif
