/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONFIG_KEYS_H
#define IKEFPD_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "errmsg.h"
#include "tree.h"

/*
 * A section of the configuration described by a table: what each key may hold.
 * Keys that strongSwan knows and ikefpd does not serve yet stand in the tables
 * too, with those of their values that ask for nothing else than what ikefpd
 * does; everything else is refused by name.
 */
typedef int (*config_read_fn)(const struct tree *node, void *object,
			      struct errmsg *err);

struct config_key {
	const char *name;
	config_read_fn read;	/* NULL: only the values in @served are accepted */
	const char *served;	/* words with a space between, NULL none */
};

/* A subsection; with @suffix also "name<anything>". @read NULL: not served yet. */
struct config_section {
	const char *name;
	bool suffix;
	config_read_fn read;
};

struct config_schema {
	const struct config_key *keys;
	size_t key_count;
	const struct config_section *sections;
	size_t section_count;
};

#define SERVED_NO	"no false disabled 0"
#define SERVED_YES	"yes true enabled 1"
#define SERVED_BOOL	SERVED_YES " " SERVED_NO
#define SERVED_ZERO	"0 0s 0m 0h 0d"

/* Read each entry of @section into @object by @schema. 0, or -1 with @err set. */
int config_read_section(const struct tree *section,
			const struct config_schema *schema, void *object,
			struct errmsg *err);

/* A value as text; NULL with @err set if it is a list or holds a NUL. */
const char *config_text(const struct tree *node, struct errmsg *err);
/* Values; each returns 0, or -1 with @err set. */
int config_bool(const struct tree *node, bool *value, struct errmsg *err);
int config_uint(const struct tree *node, uint32_t min, uint32_t max,
		uint32_t *value, struct errmsg *err);
/* A decimal number, "1.8", in thousandths. */
int config_milli(const struct tree *node, int32_t max, int32_t *value,
		 struct errmsg *err);
/* A time, in ms: seconds, or a number with s, m, h or d; a day at most. */
int config_time(const struct tree *node, uint32_t *ms, struct errmsg *err);
/* The same in seconds, as long as one likes. */
int config_seconds(const struct tree *node, uint64_t *seconds, struct errmsg *err);

/* Call @fn for each item of a list, which a file writes "a, b, c". */
typedef int (*config_item_fn)(const struct tree *node, const char *item,
			      void *object, struct errmsg *err);
int config_each_item(const struct tree *node, config_item_fn fn, void *object,
		     struct errmsg *err);

#endif /* IKEFPD_CONFIG_KEYS_H */
