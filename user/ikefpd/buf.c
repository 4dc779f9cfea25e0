// SPDX-License-Identifier: GPL-2.0
/* A growing run of octets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "buf.h"

static bool grow(struct buf *b, size_t len)
{
	size_t size = b->size ? b->size : 256;
	uint8_t *data;

	if (b->failed)
		return false;
	if (len <= b->size - b->len)
		return true;
	if (len > SIZE_MAX / 4 - b->len) {
		b->failed = true;
		return false;
	}
	while (size < b->len + len)
		size *= 2;
	data = malloc(size);
	if (!data) {
		b->failed = true;
		return false;
	}
	if (b->len)
		memcpy(data, b->data, b->len);
	OPENSSL_cleanse(b->data, b->len);
	free(b->data);
	b->data = data;
	b->size = size;
	return true;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
	if (!len || !grow(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void buf_put8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put16(struct buf *b, uint16_t v)
{
	const uint8_t o[2] = { v >> 8, v };

	buf_put(b, o, sizeof(o));
}

void buf_put32(struct buf *b, uint32_t v)
{
	buf_put16(b, v >> 16);
	buf_put16(b, v);
}

void buf_put64(struct buf *b, uint64_t v)
{
	buf_put32(b, v >> 32);
	buf_put32(b, v);
}

void buf_zero(struct buf *b, size_t len)
{
	if (!len || !grow(b, len))
		return;
	memset(b->data + b->len, 0, len);
	b->len += len;
}

void buf_set16(struct buf *b, size_t at, uint16_t v)
{
	if (b->failed || at + 2 > b->len)
		return;
	b->data[at] = v >> 8;
	b->data[at + 1] = v;
}

void buf_set32(struct buf *b, size_t at, uint32_t v)
{
	buf_set16(b, at, v >> 16);
	buf_set16(b, at + 2, v);
}

int buf_set(struct buf *b, const void *data, size_t len)
{
	buf_clear(b);
	buf_put(b, data, len);
	if (b->failed) {
		buf_clear(b);
		return -ENOMEM;
	}
	return 0;
}

void buf_clear(struct buf *b)
{
	if (b->data)
		OPENSSL_cleanse(b->data, b->size);
	free(b->data);
	memset(b, 0, sizeof(*b));
}
