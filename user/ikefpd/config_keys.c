// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config_keys.h"

#define NAMES_MAX	128	/* entries of one schema */

const char *config_text(const struct tree *node, struct errmsg *err)
{
	const char *text = tree_text(node);

	if (node->kind == TREE_LIST)
		tree_refuse(node, err, "expected one value, not a list");
	else if (!text)
		tree_refuse(node, err, "value contains a NUL octet");
	return text;
}

static bool is_word(const char *text, const char *words)
{
	size_t len = strlen(text);

	while (*words) {
		size_t n = strcspn(words, " ");

		if (n == len && !strncasecmp(words, text, n))
			return true;
		words += n;
		words += *words == ' ';
	}
	return false;
}

int config_bool(const struct tree *node, bool *value, struct errmsg *err)
{
	const char *text;

	text = config_text(node, err);
	if (!text)
		return -1;
	if (is_word(text, SERVED_YES))
		*value = true;
	else if (is_word(text, SERVED_NO))
		*value = false;
	else
		return tree_refuse(node, err, "'%s' is neither yes nor no", text);
	return 0;
}

int config_uint(const struct tree *node, uint32_t min, uint32_t max,
		uint32_t *value, struct errmsg *err)
{
	const char *text;
	unsigned long long v;
	char *end;

	text = config_text(node, err);
	if (!text)
		return -1;
	errno = 0;
	v = strtoull(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
	if (end == text || *end || *text == '-' || *text == '+' || errno ||
	    v < min || v > max)
		return tree_refuse(node, err, "'%s' is not a number from %u to %u",
				   text, min, max);
	*value = (uint32_t)v;
	return 0;
}

int config_milli(const struct tree *node, int32_t max, int32_t *value,
		 struct errmsg *err)
{
	const char *text, *c;
	int64_t v = 0;
	int digits = 0, places = -1;

	text = config_text(node, err);
	if (!text)
		return -1;
	for (c = text; *c; c++) {
		if (*c == '.' && places < 0) {
			places = 0;
			continue;
		}
		if (*c < '0' || *c > '9')
			break;
		digits++;
		if (places >= 3)
			continue;	/* beyond thousandths */
		v = v * 10 + (*c - '0');
		if (places >= 0)
			places++;
		if (v > INT32_MAX)
			break;
	}
	if (*c || !digits)
		return tree_refuse(node, err, "'%s' is not a number from 0 to %d.%03d",
				   text, max / 1000, max % 1000);
	for (int i = places < 0 ? 0 : places; i < 3; i++)
		v *= 10;
	if (v > max)
		return tree_refuse(node, err, "'%s' is not a number from 0 to %d.%03d",
				   text, max / 1000, max % 1000);
	*value = (int32_t)v;
	return 0;
}

static int check_time(const struct tree *node, struct errmsg *err)
{
	const char *text;
	size_t digits;

	text = config_text(node, err);
	if (!text)
		return -1;
	digits = strspn(text, "0123456789");
	if (!digits || digits > 10 || strlen(text + digits) > 1 ||
	    (text[digits] && !strchr("smhd", text[digits])))
		return tree_refuse(node, err,
				   "'%s' is not a time: give a number of seconds or one with s, m, h or d",
				   text);
	return 0;
}

#define DAY_S	86400

int config_seconds(const struct tree *node, uint64_t *seconds, struct errmsg *err)
{
	const char *text;
	char *unit;

	if (check_time(node, err))
		return -1;
	text = config_text(node, err);
	*seconds = strtoull(text, &unit, 10);
	*seconds *= *unit == 'd' ? DAY_S : *unit == 'h' ? 3600 : *unit == 'm' ? 60 : 1;
	return 0;
}

int config_time(const struct tree *node, uint32_t *ms, struct errmsg *err)
{
	uint64_t s;

	if (config_seconds(node, &s, err))
		return -1;
	if (s > DAY_S)
		return tree_refuse(node, err, "'%s' is longer than a day",
				   config_text(node, err));
	*ms = (uint32_t)s * 1000;
	return 0;
}

static int next_item(const struct tree *node, const char *from, size_t len,
		     config_item_fn fn, void *object, struct errmsg *err)
{
	char *item;
	int ret;

	while (len && strchr(" \t\n", *from)) {
		from++;
		len--;
	}
	while (len && strchr(" \t\n", from[len - 1]))
		len--;
	if (!len)
		return 0;
	item = strndup(from, len);
	if (!item)
		return tree_refuse(node, err, "out of memory");
	ret = fn(node, item, object, err);
	free(item);
	return ret;
}

int config_each_item(const struct tree *node, config_item_fn fn, void *object,
		     struct errmsg *err)
{
	const char *text;

	if (node->kind == TREE_LIST) {
		for (const struct tree *i = node->first; i; i = i->next) {
			text = config_text(i, err);
			if (!text ||
			    next_item(node, text, strlen(text), fn, object, err))
				return -1;
		}
		return 0;
	}
	text = config_text(node, err);
	if (!text)
		return -1;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (next_item(node, text, len, fn, object, err))
			return -1;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

static int read_served(const struct tree *node, const struct config_key *key,
		       struct errmsg *err)
{
	const char *text;

	if (!key->served)
		return tree_refuse(node, err, "not supported yet: remove it");
	text = config_text(node, err);
	if (!text)
		return -1;
	if (is_word(text, key->served))
		return 0;
	return tree_refuse(node, err,
			   "'%s' is not supported yet: set it to %.*s, or remove it",
			   text, (int)strcspn(key->served, " "), key->served);
}

static int read_key(const struct tree *node, const struct config_schema *schema,
		    void *object, struct errmsg *err)
{
	const char *names[NAMES_MAX];
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < schema->key_count; i++) {
		const struct config_key *key = &schema->keys[i];

		if (n < NAMES_MAX)
			names[n++] = key->name;
		if (strcmp(node->name, key->name))
			continue;
		return key->read ? key->read(node, object, err) :
				   read_served(node, key, err);
	}
	for (size_t i = 0; i < schema->section_count; i++)
		if (!strcmp(node->name, schema->sections[i].name))
			return tree_refuse(node, err, "is a section: write '%s { }'",
					   node->name);
	nearest = tree_nearest(node->name, names, n);
	if (nearest)
		return tree_refuse(node, err, "unknown key: did you mean '%s'?", nearest);
	return tree_refuse(node, err, "unknown key: see swanctl.conf(5)");
}

static int read_subsection(const struct tree *node,
			   const struct config_schema *schema, void *object,
			   struct errmsg *err)
{
	const char *names[NAMES_MAX];
	const char *nearest;
	size_t n = 0;

	for (size_t i = 0; i < schema->section_count; i++) {
		const struct config_section *s = &schema->sections[i];
		size_t len = strlen(s->name);

		if (n < NAMES_MAX)
			names[n++] = s->name;
		if (s->suffix ? strncmp(node->name, s->name, len) :
				strcmp(node->name, s->name))
			continue;
		if (!s->read)
			return tree_refuse(node, err, "not supported yet: remove this section");
		return s->read(node, object, err);
	}
	for (size_t i = 0; i < schema->key_count; i++)
		if (!strcmp(node->name, schema->keys[i].name))
			return tree_refuse(node, err, "is a key, not a section: write '%s = ...'",
					   node->name);
	nearest = tree_nearest(node->name, names, n);
	if (nearest)
		return tree_refuse(node, err, "unknown section: did you mean '%s'?", nearest);
	return tree_refuse(node, err, "unknown section: see swanctl.conf(5)");
}

int config_read_section(const struct tree *section,
			const struct config_schema *schema, void *object,
			struct errmsg *err)
{
	for (const struct tree *node = section->first; node; node = node->next) {
		int ret = node->kind == TREE_SECTION ?
			read_subsection(node, schema, object, err) :
			read_key(node, schema, object, err);

		if (ret)
			return -1;
	}
	return 0;
}
