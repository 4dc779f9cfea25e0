/* SPDX-License-Identifier: GPL-2.0 */
/* What keeps those out who only want to keep us busy (RFC 8019). */
#ifndef IKEFP_FLOOD_H
#define IKEFP_FLOOD_H

#include <linux/types.h>

struct ikefp_context;
struct ikefp_header;
struct ikefp_init_payloads;
struct ikefp_init_source;
struct ikefp_path;
struct sk_buff;

int ikefp_flood_begin(struct ikefp_context *ctx);
void ikefp_flood_end(struct ikefp_context *ctx);
int ikefp_flood_admit(struct ikefp_context *ctx, const struct ikefp_header *header,
		      const struct ikefp_init_payloads *init, const struct ikefp_path *path,
		      struct ikefp_init_source *source, struct sk_buff **spare);
bool ikefp_flood_is_on(struct ikefp_context *ctx);
bool ikefp_flood_suspects(struct ikefp_context *ctx, const struct ikefp_init_source *source);
bool ikefp_flood_may_answer(struct ikefp_context *ctx, const struct ikefp_path *path,
			    bool proved);
bool ikefp_flood_may_answer_version(struct ikefp_context *ctx);

#endif
