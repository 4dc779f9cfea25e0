// SPDX-License-Identifier: GPL-2.0
/* The tests' own SK sealer, by the RFCs' answers. */
#include "ikev2.h"
#include "ktap.h"
#include "libhex.h"
#include "libsk.h"

/* RFC 7634 appendix B: an INFORMATIONAL request with one Notify. */
static void rfc7634(void)
{
	struct octets key = hex("808182838485868788898a8b8c8d8e8f"
				"909192939495969798999a9b9c9d9e9f a0a1a2a3");
	struct octets iv = hex("1011121314151617");
	struct octets inner = hex("0000000c 00004001 0000000a");
	struct octets want = hex("c0c1c2c3c4c5c6c7 d0d1d2d3d4d5d6d7 2e202500 00000009"
				 "00000045 29000029 1011121314151617"
				 "6103 94701f8d 017f7c12 924889"
				 "6b71bfe25236efd7cdc67066906315b2");
	const struct sk_key sk = {
		.encr = ENCR_CHACHA20_POLY1305,
		.e = key.v,
		.e_len = key.len,
	};
	const struct ike_header h = {
		.spi_i = 0xc0c1c2c3c4c5c6c7,
		.spi_r = 0xd0d1d2d3d4d5d6d7,
		.version = IKE_VERSION,
		.exchange = INFORMATIONAL,
		.message_id = 9,
	};
	struct buf out = BUF_INIT, opened = BUF_INIT;
	uint8_t first;

	EXPECT_EQ(sk_seal(&out, &sk, &h, iv.v, PAYLOAD_NOTIFY, inner.v, inner.len), 0);
	REQUIRE(out.len == want.len);
	EXPECT_HEX(out.data, want.v, want.len);
	EXPECT_EQ(sk_open(&opened, &first, &sk, out.data, out.len), 0);
	EXPECT_EQ(first, PAYLOAD_NOTIFY);
	REQUIRE(opened.len == inner.len);
	EXPECT_HEX(opened.data, inner.v, inner.len);
	buf_clear(&out);
	buf_clear(&opened);
}

static const struct {
	uint16_t encr, integ;
	size_t e_len, a_len;
} suites[] = {
	{ ENCR_AES_GCM_16, AUTH_NONE, 20, 0 },
	{ ENCR_AES_GCM_16, AUTH_NONE, 36, 0 },
	{ ENCR_CHACHA20_POLY1305, AUTH_NONE, 36, 0 },
	{ ENCR_AES_CBC, AUTH_HMAC_SHA2_256_128, 16, 32 },
	{ ENCR_AES_CBC, AUTH_HMAC_SHA2_384_192, 32, 48 },
	{ ENCR_AES_CBC, AUTH_HMAC_SHA2_512_256, 32, 64 },
};

/* All lengths of inner payloads; every octet matters; no shorter one passes. */
static void round_trips(void)
{
	static const uint8_t key[64] = "0123456789abcdef0123456789abcdef0123456789abcdef";
	static const uint8_t inner[40] = { 1, 2, 3, 4 };
	const struct ike_header h = { .version = IKE_VERSION, .exchange = IKE_AUTH };
	size_t i, len, at;

	for (i = 0; i < sizeof(suites) / sizeof(*suites); i++) {
		const struct sk_key sk = {
			.encr = suites[i].encr, .integ = suites[i].integ,
			.e = key, .e_len = suites[i].e_len,
			.a = key, .a_len = suites[i].a_len,
		};

		for (len = 0; len < sizeof(inner); len++) {
			struct buf out = BUF_INIT, opened = BUF_INIT;
			uint8_t first;

			EXPECT_EQ(sk_seal(&out, &sk, &h, NULL, 35, inner, len), 0);
			EXPECT_EQ(sk_open(&opened, &first, &sk, out.data, out.len), 0);
			EXPECT_EQ(opened.len, len);
			if (len)
				EXPECT_HEX(opened.data, inner, len);
			EXPECT_EQ(sk_open(&opened, &first, &sk, out.data, out.len - 1),
				  -EBADMSG);
			for (at = 0; len == 7 && at < out.len; at++) {
				out.data[at] ^= 1;
				EXPECT(sk_open(&opened, &first, &sk, out.data, out.len));
				out.data[at] ^= 1;
			}
			buf_clear(&out);
			buf_clear(&opened);
		}
	}
}

static const struct ktap_test tests[] = {
	{ "ChaCha20-Poly1305: RFC 7634 appendix B", rfc7634 },
	{ "round trips", round_trips },
};

KTAP_MAIN(tests)
