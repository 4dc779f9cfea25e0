/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_SETTINGS_H
#define IKEFPD_SETTINGS_H

#include <stddef.h>

#include "errmsg.h"
#include "tree.h"

/*
 * Files in the syntax of strongswan.conf(5) and swanctl.conf(5): nested
 * sections, "key = value", quoted strings, comments, "include" with wildcards,
 * sections that inherit ("name : other.section { }"), sections that extend
 * earlier ones, and "key =" which clears a key, an inherited one too.
 */

struct settings {
	struct tree *root;
	char **files;		/* names that the tree's nodes point to */
	size_t file_count;
};

/*
 * Read @path and what it includes; everything inherited is in place and cleared
 * keys are gone. Returns 0, or -1 with @err saying file, line and reason; then
 * @settings is empty. Free with settings_clear().
 */
int settings_load(struct settings *settings, const char *path, struct errmsg *err);

/* The same from memory; @name stands for the file in messages. */
int settings_parse(struct settings *settings, const char *name, const char *text,
		   size_t len, struct errmsg *err);

void settings_clear(struct settings *settings);

#endif /* IKEFPD_SETTINGS_H */
