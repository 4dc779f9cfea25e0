// SPDX-License-Identifier: GPL-2.0
/* Nonce and Key Exchange payloads. */
#include <errno.h>
#include <string.h>

#include <openssl/rand.h>

#include "ke.h"

int nonce_new(struct buf *nonce, size_t len)
{
	uint8_t octets[NONCE_MAX];

	if (RAND_bytes(octets, (int)len) != 1)
		return -EIO;
	return buf_set(nonce, octets, len);
}

const struct buf *nonce_lower(const struct buf *a, const struct buf *b)
{
	int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

	if (!order)
		return a->len <= b->len ? a : b;
	return order < 0 ? a : b;
}

int ke_put(struct payload_writer *w, const struct dh *dh)
{
	uint8_t public[DH_PUBLIC_MAX];

	if (dh_public(dh, public))
		return -EIO;
	payload_open(w, PAYLOAD_KE);
	buf_put16(&w->buf, dh_group(dh));
	buf_put16(&w->buf, 0);
	buf_put(&w->buf, public, dh_value_len(dh));
	payload_close(w);
	return 0;
}

void ke_put_room(struct payload_writer *w, const struct dh *dh)
{
	payload_open(w, PAYLOAD_KE);
	buf_zero(&w->buf, 4 + dh_value_len(dh));
	payload_close(w);
}

const uint8_t *ke_data(const struct payload *ke, uint16_t group, size_t *len)
{
	if (ke->len < 4 || get16(ke->body) != group)
		return NULL;
	*len = ke->len - 4;
	return ke->body + 4;
}
