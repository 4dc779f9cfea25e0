/* SPDX-License-Identifier: GPL-2.0 */
/* Messages of ours, sealed: whole, or in fragments (RFC 7383). */
#ifndef IKEFP_SEAL_H
#define IKEFP_SEAL_H

#include <linux/types.h>

struct ikefp_datagram;
struct ikefp_path;
struct ikefp_sa;

/* A sealed message to be. */
struct ikefp_inner {
	u8 exchange_type;
	u8 first_payload;
	const u8 *octets;
	u32 len;
};

/* What an SA's fragment size may be, other than 0. */
#define IKEFP_MIN_FRAGMENT_SIZE 256
#define IKEFP_MAX_FRAGMENT_SIZE 65535

u32 ikefp_seal_room(const struct ikefp_sa *sa, u32 inner_len);
int ikefp_seal(struct ikefp_sa *sa, const struct ikefp_inner *inner, bool response,
	       u32 message_id, const struct ikefp_path *path, struct ikefp_datagram *room);
void ikefp_seal_next_copy(struct ikefp_sa *sa, const struct ikefp_path *path,
			  struct ikefp_datagram **message, u32 *size, u32 *copies);
void ikefp_seal_size_served(struct ikefp_sa *sa, u32 size);

#endif
