// SPDX-License-Identifier: GPL-2.0
/* The VICI codec: the README's example, round trips, every truncation, noise. */
#include <stdlib.h>

#include "ktap.h"
#include "vici_message.h"

/* The example of strongSwan's vici/README.md, "Encoding example". */
static const uint8_t example[] = {
	3, 4, 'k', 'e', 'y', '1', 0, 6, 'v', 'a', 'l', 'u', 'e', '1',
	1, 8, 's', 'e', 'c', 't', 'i', 'o', 'n', '1',
	1, 11, 's', 'u', 'b', '-', 's', 'e', 'c', 't', 'i', 'o', 'n',
	3, 4, 'k', 'e', 'y', '2', 0, 6, 'v', 'a', 'l', 'u', 'e', '2',
	2,
	4, 5, 'l', 'i', 's', 't', '1',
	5, 0, 5, 'i', 't', 'e', 'm', '1',
	5, 0, 5, 'i', 't', 'e', 'm', '2',
	6,
	2,
};

static void test_decode(void)
{
	struct tree *root, *section;
	struct errmsg err;

	root = vici_message_parse(example, sizeof(example), &err);
	if (!root)
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
	REQUIRE(root);
	EXPECT_STR(tree_str(root, "key1"), "value1");
	section = tree_find(root, "section1");
	REQUIRE(section && section->kind == TREE_SECTION);
	EXPECT_STR(tree_str(tree_find(section, "sub-section"), "key2"), "value2");
	REQUIRE(tree_find(section, "list1"));
	EXPECT_STR(tree_text(tree_find(section, "list1")->first), "item1");
	EXPECT_STR(tree_text(tree_find(section, "list1")->last), "item2");
	tree_free(root);
}

static void test_encode(void)
{
	struct buf out = BUF_INIT;
	struct errmsg err;
	struct tree *root;

	vici_put(&out, "key1", "value%d", 1);
	vici_put_section(&out, "section1");
	vici_put_section(&out, "sub-section");
	vici_put_value(&out, "key2", "value2", 6);
	vici_put_section_end(&out);
	vici_put_list(&out, "list1");
	vici_put_item(&out, "item1");
	vici_put_item(&out, "item2");
	vici_put_list_end(&out);
	vici_put_section_end(&out);
	EXPECT(!out.failed);
	EXPECT_EQ(out.len, sizeof(example));
	EXPECT_HEX(out.data, example, sizeof(example));

	root = vici_message_parse(out.data, out.len, &err);
	REQUIRE(root);
	buf_clear(&out);
	vici_message_write(&out, root);
	EXPECT_EQ(out.len, sizeof(example));
	EXPECT_HEX(out.data, example, sizeof(example));
	tree_free(root);
	buf_clear(&out);
}

/* Complete elements of the root make a shorter valid message; nothing else does. */
static void test_truncation(void)
{
	for (size_t len = 0; len < sizeof(example); len++) {
		uint8_t *cut = malloc(len ? len : 1);
		struct errmsg err;
		struct tree *root;

		REQUIRE(cut);
		memcpy(cut, example, len);
		root = vici_message_parse(cut, len, &err);
		if (!!root != (len == 0 || len == 14))
			ktap_fail(__FILE__, __LINE__, "%zu octets: %s", len,
				  root ? "accepted" : err.text);
		tree_free(root);
		free(cut);
	}
}

static void expect_invalid(const void *data, size_t len, const char *want)
{
	struct errmsg err;
	struct tree *root = vici_message_parse(data, len, &err);

	if (EXPECT(!root))
		EXPECT_STR(err.text, want);
	tree_free(root);
}

static void test_invalid(void)
{
	uint8_t deep[32 * 3];
	uint8_t *many;

	expect_invalid("\x02", 1, "invalid message at octet 1: section end without a start");
	expect_invalid("\x06", 1, "invalid message at octet 1: list end without a start");
	expect_invalid("\x05\0\1x", 4, "invalid message at octet 4: list item outside a list");
	expect_invalid("\x07", 1, "invalid message at octet 1: unknown element type");
	expect_invalid("\0", 1, "invalid message at octet 1: unknown element type");
	expect_invalid("\1\0", 2, "invalid message at octet 2: empty name or NUL in a name");
	expect_invalid("\1\1\0", 3, "invalid message at octet 3: empty name or NUL in a name");
	expect_invalid("\4\1l\1\1s", 6, "invalid message at octet 6: only items may stand in a list");
	expect_invalid("\4\1l\2", 4, "invalid message at octet 4: only items may stand in a list");
	expect_invalid("\4\1l", 3, "invalid message at octet 3: section or list not closed");
	expect_invalid("\1\1s\6", 4, "invalid message at octet 4: list end without a start");
	expect_invalid("\3\1k\377\377x", 6, "invalid message at octet 5: cut short");

	for (size_t i = 0; i < sizeof(deep); i += 3)
		memcpy(deep + i, "\1\1s", 3);
	expect_invalid(deep, sizeof(deep), "invalid message at octet 96: sections nest too deep");

	many = calloc(1, 3 * 70000 + 4);
	REQUIRE(many);
	memcpy(many, "\4\1l", 3);
	for (size_t i = 0; i < 70000; i++)
		many[3 + 3 * i] = VICI_LIST_ITEM;
	many[3 + 3 * 70000] = VICI_LIST_END;
	expect_invalid(many, 3 * 70000 + 4, "invalid message at octet 196611: too many elements");
	free(many);
}

static void test_binary(void)
{
	struct buf out = BUF_INIT;
	struct errmsg err;
	struct tree *root;

	vici_put_value(&out, "k", "a\0b", 3);
	root = vici_message_parse(out.data, out.len, &err);
	REQUIRE(root);
	EXPECT_EQ(root->first->len, 3);
	EXPECT_HEX(root->first->data, "a\0b", 3);
	EXPECT(!tree_str(root, "k"));	/* no text */
	tree_free(root);
	buf_clear(&out);
}

static void test_packets(void)
{
	struct vici_packet packet;
	struct buf out = BUF_INIT;
	struct errmsg err;
	size_t start;

	start = vici_packet_start(&out, VICI_CMD_REQUEST, "list-sas");
	vici_put(&out, "ike", "net");
	vici_packet_end(&out, start);
	EXPECT_EQ(get32(out.data), out.len - 4);
	EXPECT(!vici_packet_parse(&packet, out.data + 4, out.len - 4, &err));
	EXPECT_EQ(packet.type, VICI_CMD_REQUEST);
	EXPECT_STR(packet.name, "list-sas");
	EXPECT_EQ(packet.message_len, 3 + 3 + 2 + 3 - 1);
	for (size_t len = 0; len < 10; len++)
		EXPECT(vici_packet_parse(&packet, out.data + 4, len, &err));
	buf_clear(&out);

	EXPECT(vici_packet_parse(&packet, (const uint8_t *)"", 0, &err));
	EXPECT_STR(err.text, "empty packet");
	EXPECT(vici_packet_parse(&packet, (const uint8_t *)"\x08", 1, &err));
	EXPECT_STR(err.text, "unknown packet type 8");
	EXPECT(vici_packet_parse(&packet, (const uint8_t *)"\0\0", 2, &err));
	EXPECT(vici_packet_parse(&packet, (const uint8_t *)"\0\1\0", 3, &err));
	EXPECT(!vici_packet_parse(&packet, (const uint8_t *)"\5", 1, &err));
	EXPECT_EQ(packet.type, VICI_EVENT_CONFIRM);
}

/* Whatever is accepted encodes to the same octets again. */
static void test_mutations(void)
{
	unsigned int random = 3, accepted = 0;
	uint8_t data[sizeof(example)];

	for (int round = 0; round < 50000; round++) {
		struct errmsg err;
		struct tree *root;

		memcpy(data, example, sizeof(example));
		for (int i = 0; i <= round % 4; i++) {
			random = random * 1103515245 + 12345;
			data[(random >> 16) % sizeof(data)] = (uint8_t)(random >> 8);
		}
		root = vici_message_parse(data, sizeof(data), &err);
		if (root) {
			struct buf out = BUF_INIT;

			vici_message_write(&out, root);
			EXPECT_EQ(out.len, sizeof(data));
			EXPECT_HEX(out.data, data, sizeof(data));
			buf_clear(&out);
			accepted++;
		}
		tree_free(root);
	}
	EXPECT(accepted > 1000);	/* values changed, structure kept */
}

static const struct ktap_test tests[] = {
	{ "decode", test_decode },
	{ "encode", test_encode },
	{ "truncation", test_truncation },
	{ "invalid", test_invalid },
	{ "binary", test_binary },
	{ "packets", test_packets },
	{ "mutations", test_mutations },
};

KTAP_MAIN(tests)
