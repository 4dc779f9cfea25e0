// SPDX-License-Identifier: GPL-2.0
/* Hash tables. */
#include <stdlib.h>

#include "ktap.h"
#include "table.h"

#define NUMBER	1000

struct item {
	uint64_t key;
	struct table_node node;
};

static struct item *find(const struct table *t, uint64_t hash, uint64_t key)
{
	struct table_node *node;

	for (node = table_find(t, hash); node; node = table_next(node)) {
		struct item *item = container_of(node, struct item, node);

		EXPECT_EQ(node->hash, hash);
		if (item->key == key)
			return item;
	}
	return NULL;
}

static void run(uint64_t (*hash)(uint64_t key))
{
	static struct item items[NUMBER];
	struct table t = { 0 };
	unsigned int i;

	memset(items, 0, sizeof(items));
	for (i = 0; i < NUMBER; i++) {
		items[i].key = i;
		EXPECT(!find(&t, hash(i), i));
		table_add(&t, &items[i].node, hash(i));
		EXPECT(find(&t, hash(i / 2), i / 2) == &items[i / 2]);
	}
	EXPECT_EQ(t.count, NUMBER);
	for (i = 0; i < NUMBER; i++)
		EXPECT(find(&t, hash(i), i) == &items[i]);
	for (i = 0; i < NUMBER; i += 2) {
		table_remove(&t, &items[i].node);
		table_remove(&t, &items[i].node);
	}
	EXPECT_EQ(t.count, NUMBER / 2);
	for (i = 0; i < NUMBER; i++)
		EXPECT(find(&t, hash(i), i) == (i % 2 ? &items[i] : NULL));
	for (i = 1; i < NUMBER; i += 2)
		table_remove(&t, &items[i].node);
	EXPECT_EQ(t.count, 0);
	table_clear(&t);
}

static uint64_t spread(uint64_t key)
{
	return table_hash(TABLE_HASH, &key, sizeof(key));
}

static uint64_t few(uint64_t key)
{
	return key % 3;
}

static uint64_t upper_half(uint64_t key)
{
	return key << 32;
}

static void finds(void)
{
	run(spread);
	run(few);
	run(upper_half);
}

/* Also after it has grown: what was added last is found first. */
static void order(void)
{
	struct item items[100] = { 0 };
	struct table t = { 0 };
	struct table_node *node;
	unsigned int i, next = 100;

	for (i = 0; i < 100; i++) {
		items[i].key = i;
		table_add(&t, &items[i].node, 7);
	}
	for (node = table_find(&t, 7); node; node = table_next(node))
		EXPECT_EQ(container_of(node, struct item, node)->key, --next);
	EXPECT_EQ(next, 0);
	table_clear(&t);
}

/* The vectors of its authors. */
static void fnv(void)
{
	EXPECT(table_hash(TABLE_HASH, "", 0) == 0xcbf29ce484222325);
	EXPECT(table_hash(TABLE_HASH, "a", 1) == 0xaf63dc4c8601ec8c);
	EXPECT(table_hash(TABLE_HASH, "foobar", 6) == 0x85944171f73967e8);
	EXPECT(table_hash(table_hash(TABLE_HASH, "foo", 3), "bar", 3) == 0x85944171f73967e8);
}

static const struct ktap_test tests[] = {
	{ "what is in is found, what is not is not", finds },
	{ "order", order },
	{ "FNV-1a", fnv },
};

KTAP_MAIN(tests)
