// SPDX-License-Identifier: GPL-2.0
/* NAT detection. */
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "nat.h"

int nat_hash(uint64_t spi_i, uint64_t spi_r, const struct endpoint *e,
	     uint8_t hash[NAT_HASH_LEN])
{
	uint8_t data[2 * IKE_SPI_LEN + 16 + 2];
	struct buf b = { .data = data, .size = sizeof(data) };
	unsigned int len = NAT_HASH_LEN;

	buf_put64(&b, spi_i);
	buf_put64(&b, spi_r);
	buf_put(&b, e->addr, endpoint_addr_len(e));
	buf_put16(&b, e->port);
	return EVP_Digest(data, b.len, hash, &len, EVP_sha1(), NULL) ? 0 : -EIO;
}

int nat_add_notifies(struct payload_writer *w, uint64_t spi_i, uint64_t spi_r,
		     const struct endpoint *local, const struct endpoint *remote,
		     bool fake)
{
	uint8_t source[NAT_HASH_LEN], destination[NAT_HASH_LEN];

	if (nat_hash(spi_i, spi_r, local, source) ||
	    nat_hash(spi_i, spi_r, remote, destination))
		return -EIO;
	if (fake && RAND_bytes(source, sizeof(source)) != 1)
		return -EIO;
	payload_add_notify(w, PROTO_NONE, NULL, 0, NAT_DETECTION_SOURCE_IP, source,
			   sizeof(source));
	payload_add_notify(w, PROTO_NONE, NULL, 0, NAT_DETECTION_DESTINATION_IP,
			   destination, sizeof(destination));
	return 0;
}

int nat_detect(struct nat_result *r, const struct payload_chain *chain,
	       uint64_t spi_i, uint64_t spi_r,
	       const struct endpoint *local, const struct endpoint *remote)
{
	uint8_t here[NAT_HASH_LEN], there[NAT_HASH_LEN];
	bool source = false, destination = false;
	struct notify n;
	unsigned int i;

	memset(r, 0, sizeof(*r));
	if (nat_hash(spi_i, spi_r, local, here) ||
	    nat_hash(spi_i, spi_r, remote, there))
		return -EIO;
	r->nat_local = true;
	r->nat_remote = true;
	/* A peer with several addresses may send several sources. */
	for (i = 0; i < chain->n; i++) {
		if (chain->v[i].type != PAYLOAD_NOTIFY || notify_read(&n, &chain->v[i]))
			continue;
		if (n.type == NAT_DETECTION_SOURCE_IP) {
			source = true;
			if (n.len == NAT_HASH_LEN && !memcmp(n.data, there, n.len))
				r->nat_remote = false;
		} else if (n.type == NAT_DETECTION_DESTINATION_IP) {
			destination = true;
			if (n.len == NAT_HASH_LEN && !memcmp(n.data, here, n.len))
				r->nat_local = false;
		}
	}
	r->supported = source && destination;
	if (!r->supported) {
		r->nat_local = false;
		r->nat_remote = false;
	}
	return 0;
}
