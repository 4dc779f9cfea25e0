// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "table.h"

#define FEW	8

uint64_t table_hash(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		hash = (hash ^ *p++) * 1099511628211u;
	return hash;
}

static struct table_node **bucket(const struct table *t, uint64_t hash)
{
	if (!t->buckets)
		return (struct table_node **)&t->few;
	return &t->buckets[(hash ^ hash >> 32) & (t->size - 1)];
}

static void link_in(struct table *t, struct table_node *node)
{
	struct table_node **head = bucket(t, node->hash);

	node->next = *head;
	if (node->next)
		node->next->link = &node->next;
	node->link = head;
	*head = node;
}

/* A chain, the first one last: so those with the same hash keep their order. */
static void move(struct table *t, struct table_node *chain)
{
	struct table_node *reversed = NULL, *next;

	for (; chain; chain = next) {
		next = chain->next;
		chain->next = reversed;
		reversed = chain;
	}
	for (; reversed; reversed = next) {
		next = reversed->next;
		link_in(t, reversed);
	}
}

static void grow(struct table *t)
{
	struct table old = *t;
	size_t i;

	t->size = old.buckets ? 2 * old.size : 2 * FEW;
	t->buckets = calloc(t->size, sizeof(*t->buckets));
	if (!t->buckets) {
		*t = old;
		return;
	}
	t->few = NULL;
	move(t, old.few);
	for (i = 0; i < old.size; i++)
		move(t, old.buckets[i]);
	free(old.buckets);
}

void table_add(struct table *t, struct table_node *node, uint64_t hash)
{
	if (t->count >= (t->buckets ? t->size : FEW))
		grow(t);
	node->hash = hash;
	link_in(t, node);
	t->count++;
}

void table_remove(struct table *t, struct table_node *node)
{
	if (!node->link)
		return;
	*node->link = node->next;
	if (node->next)
		node->next->link = node->link;
	node->next = NULL;
	node->link = NULL;
	t->count--;
}

static struct table_node *with_hash(struct table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct table_node *table_find(const struct table *t, uint64_t hash)
{
	return with_hash(*bucket(t, hash), hash);
}

struct table_node *table_next(const struct table_node *node)
{
	return with_hash(node->next, node->hash);
}

void table_clear(struct table *t)
{
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}
