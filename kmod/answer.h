/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The peer's latest sealed requests of an SA and our answers to them, as many as the
 * window is wide that we grant it (RFC 7296 section 2.3). The place of a request is that
 * of the one a window before it, whose answer the peer has by then. All under the SA's
 * lock.
 */
#ifndef IKEFP_ANSWER_H
#define IKEFP_ANSWER_H

#include <linux/types.h>

/* RFC 7296 section 2.1: "after a timeout of several minutes". */
#define IKEFP_ANSWER_KEPT_MS 300000

struct ikefp_answer;
struct ikefp_context;
struct ikefp_sa;

struct ikefp_answer *ikefp_answer_place(struct ikefp_sa *sa, u32 message_id);
struct ikefp_answer *ikefp_answer_find(struct ikefp_sa *sa, u32 message_id);
bool ikefp_answer_in_turn(const struct ikefp_sa *sa, u32 message_id);
bool ikefp_answer_any(const struct ikefp_sa *sa);
u32 ikefp_answer_later_fragments(const struct ikefp_sa *sa, const struct ikefp_answer *place);
void ikefp_answer_request_delivered(struct ikefp_sa *sa, u32 message_id);
void ikefp_answer_give_back(struct ikefp_sa *sa);
void ikefp_answer_forget_fragments(struct ikefp_sa *sa);
u32 ikefp_answer_forget_old(struct ikefp_sa *sa);
void ikefp_answer_forget_all(struct ikefp_sa *sa);

struct ikefp_answer *ikefp_answer_new(struct ikefp_context *ctx, u32 window, u32 limit);
struct ikefp_answer *ikefp_answer_widen(struct ikefp_sa *sa, struct ikefp_answer *answers,
					u32 window);
void ikefp_answer_free(struct ikefp_context *ctx, struct ikefp_answer *answers, u32 window);

#endif
