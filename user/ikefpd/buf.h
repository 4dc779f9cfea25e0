/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A growing run of octets. An allocation that fails sets `failed` and every
 * further write does nothing, so that a builder checks once, at its end.
 * The memory is wiped when it is given back.
 */
#ifndef IKEFPD_BUF_H
#define IKEFPD_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len;
	size_t size;
	bool failed;
};

#define BUF_INIT	{ 0 }

void buf_put(struct buf *b, const void *data, size_t len);
void buf_put8(struct buf *b, uint8_t v);
void buf_put16(struct buf *b, uint16_t v);	/* network order */
void buf_put32(struct buf *b, uint32_t v);	/* network order */
void buf_put64(struct buf *b, uint64_t v);	/* network order */
void buf_zero(struct buf *b, size_t len);
/* Overwrites two octets at an offset already written, network order. */
void buf_set16(struct buf *b, size_t at, uint16_t v);
void buf_set32(struct buf *b, size_t at, uint32_t v);
/* Takes over a copy of data. Returns 0 or -ENOMEM. */
int buf_set(struct buf *b, const void *data, size_t len);
/* Wipes, frees, and leaves an empty buffer. */
void buf_clear(struct buf *b);

static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

#endif
