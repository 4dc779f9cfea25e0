/* SPDX-License-Identifier: GPL-2.0 */
/* IKE messages in the clear, as a peer writes and reads them (RFC 7296 section 3). */
#ifndef IKEFP_TEST_IKE_H
#define IKEFP_TEST_IKE_H

#include <stddef.h>
#include <stdint.h>

#define HEADER_LEN 28
#define MARKER_LEN 4
#define MESSAGE_SIZE 65536

#define FLAG_INITIATOR 0x08
#define FLAG_RESPONSE 0x20

enum {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	CREATE_CHILD_SA = 36,
	INFORMATIONAL = 37,
	IKE_INTERMEDIATE = 43,
	IKE_FOLLOWUP_KE = 44,
};

enum {
	PAYLOAD_NONE = 0,
	PAYLOAD_IDI = 35,
	PAYLOAD_NONCE = 40,
	PAYLOAD_NOTIFY = 41,
	PAYLOAD_DELETE = 42,
	PAYLOAD_SK = 46,
	PAYLOAD_SKF = 53,
};

/* A Notify payload of an SPI of no octets, without its data; the module's cookie. */
#define NOTIFY_LEN 8
#define COOKIE_LEN 9

struct ike_header {
	uint64_t spi_i;
	uint64_t spi_r;
	uint8_t first_payload;
	uint8_t version;
	uint8_t exchange_type;
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

void put16(uint8_t *p, uint16_t value);
void put32(uint8_t *p, uint32_t value);
void put64(uint8_t *p, uint64_t value);
uint16_t get16(const uint8_t *p);
uint32_t get32(const uint8_t *p);
uint64_t get64(const uint8_t *p);

void ike_put_header(uint8_t *octets, const struct ike_header *header);
struct ike_header ike_get_header(const uint8_t *octets);

/*
 * An IKE_SA_INIT message of a nonce payload alone, filled with @fill, @len octets in
 * all (at least HEADER_LEN + 4): a request of the initiator, or the response where
 * @spi_r is not 0. Returns @len.
 */
size_t ike_put_init(uint8_t *octets, uint64_t spi_i, uint64_t spi_r, uint8_t fill, size_t len);

#endif
