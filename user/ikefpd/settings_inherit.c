// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>

#include "settings_inherit.h"

/* Inheritance multiplies: a small file must not fill the memory, nor take for ever. */
#define NODES_MAX	200000
#define STEPS_MAX	1000000

struct inherit {
	struct tree *root;
	struct errmsg *err;
	unsigned int nodes;	/* copied so far */
	unsigned int steps;	/* nodes looked at, references copied */
};

static int fail_ref(const struct inherit *in, const struct tree_ref *ref,
		    const char *reason)
{
	return errmsg_set(in->err, "%s:%u: inherited section '%s' %s", ref->file,
			  ref->line, ref->path, reason);
}

static int no_memory(const struct inherit *in)
{
	return errmsg_set(in->err, "out of memory");
}

static int step(struct inherit *in, const struct tree_ref *ref)
{
	if (++in->steps > STEPS_MAX)
		return fail_ref(in, ref, "makes the configuration too large");
	return 0;
}

/* Those that it has already would be taken twice, to no effect. */
static int copy_refs(struct inherit *in, struct tree *to, const struct tree *from)
{
	for (const struct tree_ref *ref = from->refs; ref; ref = ref->next) {
		size_t size = sizeof(*ref) + strlen(ref->path) + 1;
		struct tree_ref **at = &to->refs, *copy;

		while (*at && strcmp((*at)->path, ref->path))
			at = &(*at)->next;
		if (*at)
			continue;
		if (step(in, ref))
			return -1;
		copy = malloc(size);
		if (!copy)
			return no_memory(in);
		memcpy(copy, ref, size);
		copy->next = NULL;
		*at = copy;
	}
	return 0;
}

/* Adds to @to all that @from has and @to lacks. */
static int merge(struct inherit *in, struct tree *to, const struct tree *from,
		 const struct tree_ref *ref)
{
	if (tree_depth(to) > TREE_DEPTH_MAX)
		return fail_ref(in, ref, "nests without end");
	for (const struct tree *child = from->first; child; child = child->next) {
		struct tree *own = tree_find(to, child->name);

		if (step(in, ref))
			return -1;
		if (own && own->kind != child->kind)
			return tree_refuse(own, in->err,
					   "is a section in one place, a key in the other: %s:%u",
					   child->file, child->line);
		if (own && own->kind == TREE_VALUE)
			continue;
		if (!own) {
			if (++in->nodes > NODES_MAX)
				return fail_ref(in, ref, "makes the configuration too large");
			own = tree_add(to, child->kind, child->name, strlen(child->name));
			if (!own)
				return no_memory(in);
			own->file = child->file;
			own->line = child->line;
			if (child->kind == TREE_VALUE &&
			    tree_set(own, child->data, child->len))
				return no_memory(in);
		}
		if (child->kind == TREE_SECTION &&
		    (copy_refs(in, own, child) || merge(in, own, child, ref)))
			return -1;
	}
	return 0;
}

static int resolve(struct inherit *in, struct tree *section);

static int find_target(struct inherit *in, const struct tree_ref *ref,
		       struct tree **target)
{
	struct tree *at = in->root;
	const char *path = ref->path;

	while (*path) {
		size_t len = strcspn(path, ".");
		struct tree *child;

		if (!at->resolving && resolve(in, at))
			return -1;
		for (child = at->first; child; child = child->next)
			if (child->kind == TREE_SECTION &&
			    strlen(child->name) == len &&
			    !strncmp(child->name, path, len))
				break;
		if (!child)
			return fail_ref(in, ref, "does not exist");
		at = child;
		path += len;
		path += *path == '.';
	}
	*target = at;
	return 0;
}

/* Takes the references of one section, not of those below it. */
static int resolve(struct inherit *in, struct tree *section)
{
	struct tree_ref *ref;

	section->resolving = true;
	while ((ref = section->refs)) {
		struct tree *target = NULL;
		int ret;

		if (find_target(in, ref, &target))
			return -1;
		for (const struct tree *up = section; up; up = up->parent)
			if (up == target)
				return fail_ref(in, ref,
						"contains the section that inherits from it");
		if (target->resolving)
			return fail_ref(in, ref, "inherits from itself");
		target->referenced = true;
		ret = resolve(in, target);
		if (!ret)
			ret = merge(in, section, target, ref);
		if (ret)
			return ret;
		section->refs = ref->next;
		free(ref);
	}
	section->resolving = false;
	return 0;
}

static int resolve_below(struct inherit *in, struct tree *section)
{
	if (resolve(in, section))
		return -1;
	for (struct tree *child = section->first; child; child = child->next)
		if (child->kind == TREE_SECTION && resolve_below(in, child))
			return -1;
	return 0;
}

static void drop_cleared(struct tree *section)
{
	struct tree *next;

	for (struct tree *child = section->first; child; child = next) {
		next = child->next;
		if (child->kind == TREE_SECTION)
			drop_cleared(child);
		else if (!child->data)
			tree_remove(child);
	}
}

int settings_inherit(struct tree *root, struct errmsg *err)
{
	struct inherit in = { .root = root, .err = err };

	if (resolve_below(&in, root))
		return -1;
	drop_cleared(root);
	return 0;
}
