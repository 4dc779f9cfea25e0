// SPDX-License-Identifier: GPL-2.0
/* Payload chains: written and read again, cut short, and with octets changed. */
#include <errno.h>
#include <stdlib.h>

#include "ktap.h"
#include "payload.h"
#include "proposal.h"
#include "ts.h"

/* A chain with one of each payload that has a form of its own. */
static void write_all(struct payload_writer *w)
{
	struct proposal_list list = { 0 };
	struct ts_list ts = { 0 };
	char err[128];
	const char *why;

	proposal_list_add(&list, PROTO_IKE, "default", err, sizeof(err));
	payload_begin(w, 0);
	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, list.v, list.n, (const uint8_t *)"SPI.SPI.", 8);
	payload_close(w);
	payload_add(w, PAYLOAD_KE, "\0\037\0\0public value", 16);
	payload_add(w, PAYLOAD_NONCE, "0123456789abcdef", 16);
	payload_add(w, PAYLOAD_IDI, "\2\0\0\0name", 8);
	payload_add(w, PAYLOAD_AUTH, "\2\0\0\0auth", 8);
	payload_add_notify(w, PROTO_ESP, "spi.", 4, REKEY_SA, "data", 4);
	payload_add(w, PAYLOAD_DELETE, "\3\4\0\2spi1spi2", 12);
	ts.n = 2;
	ts_parse(&ts.v[0], "10.0.0.0/8[tcp/80]", &why);
	ts_parse(&ts.v[1], "2001:db8::/32", &why);
	payload_open(w, PAYLOAD_TSI);
	ts_write(&w->buf, &ts);
	payload_close(w);
	payload_add(w, PAYLOAD_CP, "\1\0\0\0", 4);
	payload_add(w, PAYLOAD_VENDOR_ID, NULL, 0);
	proposal_list_clear(&list);
}

static void written_and_read(void)
{
	static const uint8_t types[] = {
		PAYLOAD_SA, PAYLOAD_KE, PAYLOAD_NONCE, PAYLOAD_IDI, PAYLOAD_AUTH,
		PAYLOAD_NOTIFY, PAYLOAD_DELETE, PAYLOAD_TSI, PAYLOAD_CP, PAYLOAD_VENDOR_ID,
	};
	struct payload_chain chain;
	struct payload_writer w;
	struct notify n;
	size_t i;

	write_all(&w);
	EXPECT_EQ(w.first, PAYLOAD_SA);
	EXPECT_EQ(payload_parse(&chain, w.first, w.buf.data, w.buf.len), 0);
	REQUIRE(chain.n == sizeof(types));
	for (i = 0; i < sizeof(types); i++)
		EXPECT_EQ(chain.v[i].type, types[i]);
	EXPECT_EQ(notify_find(&n, &chain, REKEY_SA), 0);
	EXPECT_EQ(n.protocol, PROTO_ESP);
	EXPECT(n.spi_len == 4 && !memcmp(n.spi, "spi.", 4));
	EXPECT(n.len == 4 && !memcmp(n.data, "data", 4));
	EXPECT_EQ(notify_find(&n, &chain, COOKIE), -ENOENT);
	EXPECT_EQ(notify_error(&n, &chain), 0);
	EXPECT(payload_only(&chain, PAYLOAD_KE));
	buf_clear(&w.buf);
}

static void only_means_one(void)
{
	struct payload_chain chain;
	struct payload_writer w;

	payload_begin(&w, 0);
	payload_add(&w, PAYLOAD_NONCE, "0123456789abcdef", 16);
	payload_add(&w, PAYLOAD_NONCE, "0123456789abcdef", 16);
	EXPECT_EQ(payload_parse(&chain, w.first, w.buf.data, w.buf.len), 0);
	EXPECT(payload_find(&chain, PAYLOAD_NONCE));
	EXPECT(!payload_only(&chain, PAYLOAD_NONCE));
	EXPECT(!payload_find(&chain, PAYLOAD_SA));
	buf_clear(&w.buf);
}

/* A copy of its own size, so that ASan sees a read beyond it. */
static int parse_copy(uint8_t first, const uint8_t *data, size_t len)
{
	struct payload_chain chain;
	uint8_t *copy = malloc(len ? len : 1);
	struct notify n;
	unsigned int i;
	int err;

	if (len)
		memcpy(copy, data, len);
	err = payload_parse(&chain, first, copy, len);
	for (i = 0; i < chain.n && !err; i++)
		if (chain.v[i].type == PAYLOAD_NOTIFY)
			notify_read(&n, &chain.v[i]);
	free(copy);
	return err;
}

static void every_truncation(void)
{
	struct payload_writer w;
	size_t len;

	write_all(&w);
	for (len = 0; len < w.buf.len; len++)
		EXPECT_EQ(parse_copy(w.first, w.buf.data, len), -EBADMSG);
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), 0);
	/* Left over at the end. */
	buf_put8(&w.buf, 0);
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), -EBADMSG);
	buf_clear(&w.buf);
}

static void every_octet_changed(void)
{
	static const uint8_t masks[] = { 0x01, 0x80, 0xff };
	struct payload_writer w;
	size_t at, i;

	write_all(&w);
	for (at = 0; at < w.buf.len; at++) {
		for (i = 0; i < sizeof(masks); i++) {
			w.buf.data[at] ^= masks[i];
			parse_copy(w.first, w.buf.data, w.buf.len);
			w.buf.data[at] ^= masks[i];
		}
	}
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), 0);
	buf_clear(&w.buf);
}

/* Selection and narrowing must survive what the parser lets pass. */
static void use(uint8_t first, const uint8_t *data, size_t len)
{
	static struct proposal_list ike, esp;
	struct ts_list all = { .n = 1 }, peer, narrow;
	struct payload_chain chain;
	struct proposal chosen;
	uint8_t *copy;
	const char *why;
	char err[128];
	unsigned int i;

	if (!ike.n) {
		proposal_list_add(&ike, PROTO_IKE, "default", err, sizeof(err));
		proposal_list_add(&esp, PROTO_ESP, "default", err, sizeof(err));
	}
	ts_parse(&all.v[0], "0.0.0.0/0", &why);
	copy = malloc(len);
	memcpy(copy, data, len);
	if (!payload_parse(&chain, first, copy, len)) {
		for (i = 0; i < chain.n; i++) {
			const struct payload *p = &chain.v[i];

			if (p->type == PAYLOAD_SA) {
				proposal_select(&ike, PROTO_IKE, p->body, p->len, false,
						&chosen);
				proposal_verify(&ike, PROTO_IKE, p->body, p->len, false,
						&chosen);
				proposal_select(&esp, PROTO_ESP, p->body, p->len, true,
						&chosen);
			} else if (p->type == PAYLOAD_TSI &&
				   !ts_read(&peer, p->body, p->len)) {
				ts_narrow(&narrow, &peer, &all);
			}
		}
	}
	free(copy);
	if (first == 0) {
		proposal_list_clear(&ike);
		proposal_list_clear(&esp);
	}
}

static void random_changes(void)
{
	struct payload_writer w;
	unsigned int seed = 20, i, n;
	uint8_t *copy;

	write_all(&w);
	copy = malloc(w.buf.len);
	for (i = 0; i < 100000; i++) {
		size_t len = w.buf.len;

		memcpy(copy, w.buf.data, len);
		for (n = rand_r(&seed) % 6; n; n--)
			copy[rand_r(&seed) % len] = rand_r(&seed);
		if (rand_r(&seed) % 4 == 0)
			len = rand_r(&seed) % len + 1;
		use(w.first, copy, len);
	}
	use(0, copy, 1);
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), 0);
	free(copy);
	buf_clear(&w.buf);
}

static int one(uint8_t type, const void *body, size_t len)
{
	struct payload_writer w;
	int err;

	payload_begin(&w, 0);
	payload_add(&w, type, body, len);
	err = parse_copy(w.first, w.buf.data, w.buf.len);
	buf_clear(&w.buf);
	return err;
}

static void forms(void)
{
	static const uint8_t nonce[257];

	EXPECT_EQ(one(PAYLOAD_NONCE, nonce, 15), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_NONCE, nonce, 16), 0);
	EXPECT_EQ(one(PAYLOAD_NONCE, nonce, 256), 0);
	EXPECT_EQ(one(PAYLOAD_NONCE, nonce, 257), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_KE, "\0\037\0\0", 4), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_NOTIFY, "\0\0\0", 3), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_NOTIFY, "\0\4\0\1spi", 7), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_DELETE, "\1\0\0\0", 4), 0);
	EXPECT_EQ(one(PAYLOAD_DELETE, "\3\4\0\2spi.", 8), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_TSI, "\0\0\0\0", 4), -EBADMSG);
	EXPECT_EQ(one(PAYLOAD_SA, "", 0), 0 - EBADMSG);
}

static void critical(void)
{
	static const uint8_t bits[] = { 0, 0x80, 0, 4 };
	static const uint8_t nonce[] = { 0, 0x80, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
					 12, 13, 14, 15, 16 };
	struct payload_chain chain;

	EXPECT_EQ(payload_parse(&chain, 200, bits, 4), -EOPNOTSUPP);
	EXPECT_EQ(chain.unsupported, 200);
	EXPECT_EQ(payload_parse(&chain, 32, bits, 4), -EOPNOTSUPP);
	/* Of one that is known the bit is ignored. */
	EXPECT_EQ(payload_parse(&chain, PAYLOAD_NONCE, nonce, sizeof(nonce)), 0);
}

static void too_many(void)
{
	struct payload_writer w;
	unsigned int i;

	payload_begin(&w, 0);
	for (i = 0; i < PAYLOADS_MAX; i++)
		payload_add(&w, PAYLOAD_VENDOR_ID, "v", 1);
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), 0);
	payload_add(&w, PAYLOAD_VENDOR_ID, "v", 1);
	EXPECT_EQ(parse_copy(w.first, w.buf.data, w.buf.len), -EBADMSG);
	buf_clear(&w.buf);
}

static void header(void)
{
	const struct ike_header h = {
		.spi_i = 0x0102030405060708, .spi_r = 0x1112131415161718,
		.next_payload = 33, .version = 0x20, .exchange = 34, .flags = 8,
		.message_id = 0x21222324, .length = 28,
	};
	static const uint8_t want[28] = {
		1, 2, 3, 4, 5, 6, 7, 8, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
		33, 0x20, 34, 8, 0x21, 0x22, 0x23, 0x24, 0, 0, 0, 28,
	};
	uint8_t out[28];
	struct ike_header back;

	ike_header_write(out, &h);
	EXPECT_HEX(out, want, 28);
	EXPECT_EQ(ike_header_read(&back, out, 28), 0);
	EXPECT(back.spi_i == h.spi_i && back.spi_r == h.spi_r &&
	       back.message_id == h.message_id);
	EXPECT_EQ(ike_header_read(&back, out, 27), -EBADMSG);
	out[27] = 29;
	EXPECT_EQ(ike_header_read(&back, out, 28), -EBADMSG);
}

static const struct ktap_test tests[] = {
	{ "written and read again", written_and_read },
	{ "payload_only", only_means_one },
	{ "cut short anywhere", every_truncation },
	{ "every octet changed", every_octet_changed },
	{ "random changes", random_changes },
	{ "forms of payloads", forms },
	{ "critical bit", critical },
	{ "too many payloads", too_many },
	{ "header", header },
};

KTAP_MAIN(tests)
