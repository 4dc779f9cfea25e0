/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_TREE_H
#define IKEFPD_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "errmsg.h"
#include "table.h"

/*
 * Sections, values and lists: what a configuration file and a VICI message both
 * hold. The tree is filled by settings.c or vici_message.c.
 */

enum tree_kind {
	TREE_SECTION,
	TREE_VALUE,
	TREE_LIST	/* its children are unnamed values */
};

/* How deep sections may nest, the root included. */
#define TREE_DEPTH_MAX		32
/* Names of sections, keys and lists, in octets: what VICI can carry. */
#define TREE_NAME_MAX		255
/* Values, in octets: what VICI can carry. */
#define TREE_VALUE_MAX		65535

/* "name : this.that { }": a section that another inherits from. */
struct tree_ref {
	struct tree_ref *next;
	unsigned int line;
	const char *file;
	char path[];
};

struct tree {
	enum tree_kind kind;
	char *name;		/* NULL for the root and for list items */
	struct tree *parent;
	struct tree *next;	/* sibling */
	struct tree *first;	/* children, in order */
	struct tree *last;
	struct table names;	/* the children's that have one */
	struct table_node by_name;	/* in the parent's */
	char *data;		/* a value's octets and a NUL; NULL: cleared */
	size_t len;
	const char *file;	/* where it was set; NULL if not from a file */
	unsigned int line;
	struct tree_ref *refs;
	bool referenced;	/* some section inherits from this one */
	bool resolving;		/* kept by settings.c */
};

/* The root, an unnamed section. NULL without memory. */
struct tree *tree_new(void);
/* Frees a node with all below it; values are wiped. Unlinks nothing. */
void tree_free(struct tree *node);

/* Append a child (a list item: @name NULL). NULL without memory. */
struct tree *tree_add(struct tree *parent, enum tree_kind kind, const char *name,
		      size_t name_len);
/* Set a value's octets, copied. @data NULL clears. Returns 0 or -ENOMEM. */
int tree_set(struct tree *node, const void *data, size_t len);
void tree_remove(struct tree *node);

/* The first child of that name, NULL if there is none. */
struct tree *tree_find(const struct tree *section, const char *name);
/* A child value as text; NULL if missing, no value, or if it holds a NUL. */
const char *tree_str(const struct tree *section, const char *name);
/* As text, the same way. */
const char *tree_text(const struct tree *node);

/* Number of sections from the root to @node, the root counted. */
unsigned int tree_depth(const struct tree *node);
/* "connections.net.children.lan", cut to @size. Returns @buf. */
const char *tree_path(const struct tree *node, char *buf, size_t size);

/*
 * Refuse @node: "file:line: path: reason" (without the first part for VICI).
 * Returns -1.
 */
int tree_refuse(const struct tree *node, struct errmsg *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The candidate nearest to @name in spelling, NULL if none is near. */
const char *tree_nearest(const char *name, const char *const *candidates,
			 size_t count);

#endif /* IKEFPD_TREE_H */
