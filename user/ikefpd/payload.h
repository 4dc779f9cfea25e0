/* SPDX-License-Identifier: GPL-2.0 */
/* Payload chains: the generic payload header of RFC 7296 section 3.2. */
#ifndef IKEFPD_PAYLOAD_H
#define IKEFPD_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "ikev2.h"

/* One payload of a chain; body points into the message. */
struct payload {
	uint8_t type;
	bool critical;
	const uint8_t *body;	/* after the generic header */
	size_t len;
};

#define PAYLOADS_MAX	64

struct payload_chain {
	unsigned int n;
	struct payload v[PAYLOADS_MAX];
	uint8_t unsupported;	/* type of an unknown critical payload, else 0 */
};

/*
 * Splits a chain into its payloads and checks the bodies whose form is fixed.
 * Returns 0; -EBADMSG if a length is wrong, octets are left over, or there are
 * more than PAYLOADS_MAX (INVALID_SYNTAX); -EOPNOTSUPP with chain->unsupported
 * set for an unknown payload with the critical bit.
 */
int payload_parse(struct payload_chain *chain, uint8_t first,
		  const uint8_t *data, size_t len);

/* The first payload of the type, or NULL. */
const struct payload *payload_find(const struct payload_chain *chain, uint8_t type);
/* The only one: NULL if there is none or more than one. */
const struct payload *payload_only(const struct payload_chain *chain, uint8_t type);

/* A Notify payload: RFC 7296 section 3.10. */
struct notify {
	uint8_t protocol;
	uint16_t type;
	const uint8_t *spi;
	size_t spi_len;
	const uint8_t *data;
	size_t len;
};

/* Returns 0 or -EBADMSG. */
int notify_read(struct notify *n, const struct payload *p);
/* The first Notify of the type. Returns 0 or -ENOENT. */
int notify_find(struct notify *n, const struct payload_chain *chain, uint16_t type);
/* The first error Notify; its type, or 0 if there is none. */
uint16_t notify_error(struct notify *n, const struct payload_chain *chain);

/* A chain being written: each payload's "next" is filled in by its successor. */
struct payload_writer {
	struct buf buf;
	uint8_t first;
	size_t last_next;	/* where the last payload's Next Payload octet is */
	size_t start;		/* of the payload that is open */
	size_t base;		/* octets before the chain (a header) */
};

/* base octets are left free before the first payload, for a header. */
void payload_begin(struct payload_writer *w, size_t base);
/* Opens a payload; its body goes into w->buf. */
void payload_open(struct payload_writer *w, uint8_t type);
/* Closes it: the length is filled in. */
void payload_close(struct payload_writer *w);
/* Both at once. */
void payload_add(struct payload_writer *w, uint8_t type, const void *body, size_t len);
void payload_add_notify(struct payload_writer *w, uint8_t protocol,
			const void *spi, size_t spi_len, uint16_t type,
			const void *data, size_t len);

/* The cleartext header of RFC 7296 section 3.1; SPIs in host order. */
struct ike_header {
	uint64_t spi_i, spi_r;
	uint8_t next_payload;
	uint8_t version;
	uint8_t exchange;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

void ike_header_write(uint8_t out[IKE_HEADER_LEN], const struct ike_header *h);
/* Returns 0, or -EBADMSG if it is short or its length is not len. */
int ike_header_read(struct ike_header *h, const uint8_t *data, size_t len);

#endif
