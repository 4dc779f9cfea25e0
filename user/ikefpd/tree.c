// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tree.h"

struct tree *tree_new(void)
{
	return calloc(1, sizeof(struct tree));
}

static void clear_data(struct tree *node)
{
	if (node->data)
		OPENSSL_cleanse(node->data, node->len);
	free(node->data);
	node->data = NULL;
	node->len = 0;
}

void tree_free(struct tree *node)
{
	struct tree *child, *next;
	struct tree_ref *ref;

	if (!node)
		return;
	for (child = node->first; child; child = next) {
		next = child->next;
		tree_free(child);
	}
	while ((ref = node->refs)) {
		node->refs = ref->next;
		free(ref);
	}
	table_clear(&node->names);
	clear_data(node);
	free(node->name);
	free(node);
}

struct tree *tree_add(struct tree *parent, enum tree_kind kind, const char *name,
		      size_t name_len)
{
	struct tree *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	if (name) {
		node->name = strndup(name, name_len);
		if (!node->name) {
			free(node);
			return NULL;
		}
	}
	node->kind = kind;
	node->parent = parent;
	if (name)
		table_add(&parent->names, &node->by_name,
			  table_hash(TABLE_HASH, node->name, strlen(node->name)));
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	return node;
}

int tree_set(struct tree *node, const void *data, size_t len)
{
	char *copy = NULL;

	if (data) {
		copy = malloc(len + 1);
		if (!copy)
			return -ENOMEM;
		if (len)
			memcpy(copy, data, len);
		copy[len] = '\0';
	}
	clear_data(node);
	node->data = copy;
	node->len = copy ? len : 0;
	return 0;
}

void tree_remove(struct tree *node)
{
	struct tree *parent = node->parent;
	struct tree *prev = NULL;

	for (struct tree *n = parent->first; n != node; n = n->next)
		prev = n;
	if (prev)
		prev->next = node->next;
	else
		parent->first = node->next;
	if (parent->last == node)
		parent->last = prev;
	table_remove(&parent->names, &node->by_name);
	tree_free(node);
}

struct tree *tree_find(const struct tree *section, const char *name)
{
	uint64_t hash = table_hash(TABLE_HASH, name, strlen(name));
	struct tree *found = NULL;

	/* The last one comes first. */
	for (struct table_node *node = table_find(&section->names, hash); node;
	     node = table_next(node)) {
		struct tree *n = container_of(node, struct tree, by_name);

		if (!strcmp(n->name, name))
			found = n;
	}
	return found;
}

const char *tree_text(const struct tree *node)
{
	if (node->kind != TREE_VALUE || !node->data || strlen(node->data) != node->len)
		return NULL;
	return node->data;
}

const char *tree_str(const struct tree *section, const char *name)
{
	const struct tree *node = tree_find(section, name);

	return node ? tree_text(node) : NULL;
}

unsigned int tree_depth(const struct tree *node)
{
	unsigned int depth = 1;

	while ((node = node->parent))
		depth++;
	return depth;
}

const char *tree_path(const struct tree *node, char *buf, size_t size)
{
	const struct tree *up[TREE_DEPTH_MAX + 2];
	size_t n = 0, len = 0;

	buf[0] = '\0';
	for (; node && n < sizeof(up) / sizeof(*up); node = node->parent)
		if (node->name)
			up[n++] = node;
	while (n-- && len < size) {
		int put = snprintf(buf + len, size - len, "%s%s", len ? "." : "",
				   up[n]->name);

		if (put < 0)
			break;
		len += (size_t)put;
	}
	return buf;
}

int tree_refuse(const struct tree *node, struct errmsg *err, const char *fmt, ...)
{
	char reason[640], where[128] = "", path[224];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (node->file)
		snprintf(where, sizeof(where), "%.100s:%u: ", node->file, node->line);
	tree_path(node, path, sizeof(path));
	return errmsg_set(err, "%s%s%s%s", where, path, *path ? ": " : "", reason);
}

/* Levenshtein distance without regard to case; names this long are cut. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[64];
	size_t la = strnlen(a, 63), lb = strnlen(b, 63);

	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned int above = row[j];
			bool same = tolower((unsigned char)a[i - 1]) ==
				    tolower((unsigned char)b[j - 1]);
			unsigned int best = diagonal + !same;

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[lb];
}

const char *tree_nearest(const char *name, const char *const *candidates,
			 size_t count)
{
	unsigned int best = (unsigned int)strnlen(name, 63) / 3 + 1;
	const char *nearest = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned int d = distance(name, candidates[i]);

		if (d < best || (d == best && !nearest)) {
			best = d;
			nearest = candidates[i];
		}
	}
	return nearest;
}
