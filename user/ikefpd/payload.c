// SPDX-License-Identifier: GPL-2.0
/* Payload chains. */
#include <errno.h>
#include <string.h>

#include "payload.h"
#include "proposal.h"
#include "ts.h"

#define GENERIC_LEN	4
#define CRITICAL	0x80

/* RFC 7296 sections 3.3-3.13: the least a body must hold, and fixed forms. */
static int check_body(const struct payload *p)
{
	struct ts_list ts;
	struct notify n;
	size_t spi_len, count;

	switch (p->type) {
	case PAYLOAD_SA:
		return proposal_check(p->body, p->len) < 0 ? -EBADMSG : 0;
	case PAYLOAD_KE:
		return p->len > 4 ? 0 : -EBADMSG;
	case PAYLOAD_IDI:
	case PAYLOAD_IDR:
	case PAYLOAD_AUTH:
		return p->len > 4 ? 0 : -EBADMSG;
	case PAYLOAD_NONCE:
		return p->len >= IKE_NONCE_MIN && p->len <= IKE_NONCE_MAX ?
			0 : -EBADMSG;
	case PAYLOAD_NOTIFY:
		return notify_read(&n, p);
	case PAYLOAD_DELETE:
		if (p->len < 4)
			return -EBADMSG;
		spi_len = p->body[1];
		count = get16(p->body + 2);
		return p->len == 4 + spi_len * count ? 0 : -EBADMSG;
	case PAYLOAD_TSI:
	case PAYLOAD_TSR:
		return ts_read(&ts, p->body, p->len);
	case PAYLOAD_CERT:
	case PAYLOAD_CERTREQ:
		return p->len >= 1 ? 0 : -EBADMSG;
	case PAYLOAD_CP:
	case PAYLOAD_EAP:
		return p->len >= 4 ? 0 : -EBADMSG;
	default:
		return 0;
	}
}

static bool known(uint8_t type)
{
	return type >= PAYLOAD_SA && type <= PAYLOAD_EAP;
}

int payload_parse(struct payload_chain *chain, uint8_t first,
		  const uint8_t *data, size_t len)
{
	uint8_t type = first;

	chain->n = 0;
	chain->unsupported = 0;
	while (type != PAYLOAD_NONE) {
		struct payload *p = &chain->v[chain->n];
		size_t total;

		if (chain->n == PAYLOADS_MAX || len < GENERIC_LEN)
			return -EBADMSG;
		total = get16(data + 2);
		if (total < GENERIC_LEN || total > len)
			return -EBADMSG;
		p->type = type;
		p->critical = data[1] & CRITICAL;
		p->body = data + GENERIC_LEN;
		p->len = total - GENERIC_LEN;
		/* The critical bit of payloads of the RFC itself is ignored. */
		if (!known(type)) {
			if (p->critical && !chain->unsupported)
				chain->unsupported = type;
		} else if (check_body(p)) {
			return -EBADMSG;
		}
		chain->n++;
		type = data[0];
		data += total;
		len -= total;
	}
	if (len)
		return -EBADMSG;
	return chain->unsupported ? -EOPNOTSUPP : 0;
}

const struct payload *payload_find(const struct payload_chain *chain, uint8_t type)
{
	unsigned int i;

	for (i = 0; i < chain->n; i++)
		if (chain->v[i].type == type)
			return &chain->v[i];
	return NULL;
}

const struct payload *payload_only(const struct payload_chain *chain, uint8_t type)
{
	const struct payload *found = payload_find(chain, type);
	const struct payload *p;

	for (p = found; p && ++p < chain->v + chain->n;)
		if (p->type == type)
			return NULL;
	return found;
}

int notify_read(struct notify *n, const struct payload *p)
{
	if (p->len < 4 || p->len < 4u + p->body[1])
		return -EBADMSG;
	n->protocol = p->body[0];
	n->spi_len = p->body[1];
	n->type = get16(p->body + 2);
	n->spi = p->body + 4;
	n->data = n->spi + n->spi_len;
	n->len = p->len - 4 - n->spi_len;
	return 0;
}

int notify_find(struct notify *n, const struct payload_chain *chain, uint16_t type)
{
	unsigned int i;

	for (i = 0; i < chain->n; i++)
		if (chain->v[i].type == PAYLOAD_NOTIFY &&
		    !notify_read(n, &chain->v[i]) && n->type == type)
			return 0;
	return -ENOENT;
}

uint16_t notify_error(struct notify *n, const struct payload_chain *chain)
{
	unsigned int i;

	for (i = 0; i < chain->n; i++)
		if (chain->v[i].type == PAYLOAD_NOTIFY &&
		    !notify_read(n, &chain->v[i]) && n->type <= NOTIFY_ERROR_MAX)
			return n->type;
	return 0;
}

void payload_begin(struct payload_writer *w, size_t base)
{
	memset(w, 0, sizeof(*w));
	w->base = base;
	buf_zero(&w->buf, base);
}

void payload_open(struct payload_writer *w, uint8_t type)
{
	if (w->first == PAYLOAD_NONE)
		w->first = type;
	else if (!w->buf.failed)
		w->buf.data[w->last_next] = type;
	w->start = w->buf.len;
	w->last_next = w->start;
	buf_zero(&w->buf, GENERIC_LEN);
}

void payload_close(struct payload_writer *w)
{
	size_t len = w->buf.len - w->start;

	if (len > UINT16_MAX)
		w->buf.failed = true;
	buf_set16(&w->buf, w->start + 2, len);
}

void payload_add(struct payload_writer *w, uint8_t type, const void *body, size_t len)
{
	payload_open(w, type);
	buf_put(&w->buf, body, len);
	payload_close(w);
}

void payload_add_notify(struct payload_writer *w, uint8_t protocol,
			const void *spi, size_t spi_len, uint16_t type,
			const void *data, size_t len)
{
	payload_open(w, PAYLOAD_NOTIFY);
	buf_put8(&w->buf, protocol);
	buf_put8(&w->buf, spi_len);
	buf_put16(&w->buf, type);
	buf_put(&w->buf, spi, spi_len);
	buf_put(&w->buf, data, len);
	payload_close(w);
}

void ike_header_write(uint8_t out[IKE_HEADER_LEN], const struct ike_header *h)
{
	struct buf b = { .data = out, .size = IKE_HEADER_LEN };

	buf_put64(&b, h->spi_i);
	buf_put64(&b, h->spi_r);
	buf_put8(&b, h->next_payload);
	buf_put8(&b, h->version);
	buf_put8(&b, h->exchange);
	buf_put8(&b, h->flags);
	buf_put32(&b, h->message_id);
	buf_put32(&b, h->length);
}

int ike_header_read(struct ike_header *h, const uint8_t *data, size_t len)
{
	if (len < IKE_HEADER_LEN)
		return -EBADMSG;
	h->spi_i = get64(data);
	h->spi_r = get64(data + 8);
	h->next_payload = data[16];
	h->version = data[17];
	h->exchange = data[18];
	h->flags = data[19];
	h->message_id = get32(data + 20);
	h->length = get32(data + 24);
	return h->length == len ? 0 : -EBADMSG;
}
