/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way out to the helper: what an SA's worker is told. What an orphan has to tell
 * waits for its adoption: that counts as told.
 */
#ifndef IKEFP_UPCALL_H
#define IKEFP_UPCALL_H

#include <linux/jiffies.h>
#include <linux/types.h>

/* When what a worker's socket had no room for is tried again, in jiffies. */
#define IKEFP_UPCALL_RETRY HZ

struct genl_family;
struct ikefp_exchange;
struct ikefp_header;
struct ikefp_path;
struct ikefp_sa;
struct ikefp_stream;

/* What was received; payloads in the clear, or the whole of a raw message. */
struct ikefp_received {
	const struct ikefp_header *header;
	const struct ikefp_path *path;
	bool raw;
	u8 first_payload;
	const u8 *payload;
	u32 payload_len;
};

void ikefp_upcall_init(const struct genl_family *family);
int ikefp_upcall_message(struct ikefp_sa *sa, const struct ikefp_received *received);
int ikefp_upcall_exchange_timeout(struct ikefp_sa *sa, const struct ikefp_exchange *exchange);
int ikefp_upcall_sa_expired(struct ikefp_sa *sa);
int ikefp_upcall_sa_moved(struct ikefp_sa *sa);
int ikefp_upcall_sa_dead(struct ikefp_sa *sa);
bool ikefp_upcall_stream_closed(struct ikefp_stream *stream);
bool ikefp_upcall_flush(struct ikefp_sa *sa);

#endif
