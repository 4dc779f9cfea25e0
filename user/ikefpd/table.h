/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hash tables of what its owner embeds a node in. A table of zeroes is an empty one. It
 * grows with what it holds; without memory for that it gets slower, and nothing else.
 * Which of those with the same hash is meant, the caller sees.
 */
#ifndef IKEFPD_TABLE_H
#define IKEFPD_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "container_of.h"

/* Zeroed: in no table. */
struct table_node {
	struct table_node *next, **link;
	uint64_t hash;
};

struct table {
	struct table_node **buckets;	/* NULL: few, all in this: */
	struct table_node *few;
	size_t size;			/* of buckets, a power of two */
	size_t count;
};

/* FNV-1a, begun with TABLE_HASH and gone on with what is returned. */
#define TABLE_HASH	14695981039346656037u
uint64_t table_hash(uint64_t hash, const void *data, size_t len);

/* Puts a node in, one that is in no table. */
void table_add(struct table *t, struct table_node *node, uint64_t hash);
/* Takes it out; nothing happens if it is in none. */
void table_remove(struct table *t, struct table_node *node);
/* One with this hash, and a further one, or NULL; the last one added comes first. */
struct table_node *table_find(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node);
/* Frees what the table itself has: all nodes are gone, or are never looked at again. */
void table_clear(struct table *t);

#endif
