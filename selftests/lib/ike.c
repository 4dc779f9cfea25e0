// SPDX-License-Identifier: GPL-2.0

#include "ike.h"

#include <string.h>

#include "die.h"

void put16(uint8_t *p, uint16_t value)
{
	p[0] = value >> 8;
	p[1] = value;
}

void put32(uint8_t *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p + 2, value);
}

void put64(uint8_t *p, uint64_t value)
{
	put32(p, value >> 32);
	put32(p + 4, value);
}

uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

uint64_t get64(const uint8_t *p)
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

void ike_put_header(uint8_t *octets, const struct ike_header *header)
{
	put64(octets, header->spi_i);
	put64(octets + 8, header->spi_r);
	octets[16] = header->first_payload;
	octets[17] = header->version;
	octets[18] = header->exchange_type;
	octets[19] = header->flags;
	put32(octets + 20, header->message_id);
	put32(octets + 24, header->length);
}

struct ike_header ike_get_header(const uint8_t *octets)
{
	return (struct ike_header){
		.spi_i = get64(octets),
		.spi_r = get64(octets + 8),
		.first_payload = octets[16],
		.version = octets[17],
		.exchange_type = octets[18],
		.flags = octets[19],
		.message_id = get32(octets + 20),
		.length = get32(octets + 24),
	};
}

size_t ike_put_init(uint8_t *octets, uint64_t spi_i, uint64_t spi_r, uint8_t fill, size_t len)
{
	const struct ike_header header = {
		.spi_i = spi_i,
		.spi_r = spi_r,
		.first_payload = PAYLOAD_NONCE,
		.version = 0x20,
		.exchange_type = IKE_SA_INIT,
		.flags = spi_r ? FLAG_RESPONSE : FLAG_INITIATOR,
		.length = len,
	};

	if (len < HEADER_LEN + 4)
		die("no room for a payload in %zu octets", len);
	ike_put_header(octets, &header);
	memset(octets + HEADER_LEN, fill, len - HEADER_LEN);
	octets[HEADER_LEN] = PAYLOAD_NONE;
	octets[HEADER_LEN + 1] = 0;
	put16(octets + HEADER_LEN + 2, len - HEADER_LEN);
	return len;
}
