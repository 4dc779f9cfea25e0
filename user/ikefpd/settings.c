// SPDX-License-Identifier: GPL-2.0
/*
 * The reader of strongswan.conf's syntax. One pass builds the tree as written;
 * settings_inherit.c then copies in what sections inherit.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "settings.h"
#include "settings_inherit.h"

#define INCLUDE_DEPTH_MAX	10
#define FILE_SIZE_MAX		(16u << 20)

struct reader {
	struct settings *settings;
	struct errmsg *err;
	const char *file;
	unsigned int line;
	unsigned int include_depth;
	const char *at;
	const char *end;
	struct buf word;	/* the token or value being read */
};

static int fail(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct reader *r, const char *fmt, ...)
{
	char reason[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	return errmsg_set(r->err, "%s:%u: %s", r->file, r->line, reason);
}

static int no_memory(struct reader *r)
{
	return fail(r, "out of memory");
}

/* The octet at hand, -1 at the end of the file. */
static int peek(const struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static void advance(struct reader *r)
{
	if (*r->at++ == '\n')
		r->line++;
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool is_name(int c)
{
	return c >= 0 && !strchr("#{}:.,=\"\r\n\t ", c);
}

static void skip_comment(struct reader *r)
{
	while (peek(r) >= 0 && peek(r) != '\n')
		advance(r);
}

/* Blanks, comments and newlines. */
static void skip_space(struct reader *r)
{
	for (;;) {
		int c = peek(r);

		if (c == '#')
			skip_comment(r);
		else if (is_blank(c) || c == '\n')
			advance(r);
		else
			return;
	}
}

static void word_start(struct reader *r)
{
	r->word.len = 0;
}

static void word_add(struct reader *r, int c)
{
	buf_put8(&r->word, (uint8_t)c);
}

/* Ends the word with a NUL that is not counted. */
static int word_end(struct reader *r)
{
	buf_put8(&r->word, 0);
	if (r->word.failed)
		return no_memory(r);
	r->word.len--;
	return 0;
}

static const char *word(const struct reader *r)
{
	return (const char *)r->word.data;
}

static int unexpected(struct reader *r, const char *wanted)
{
	int c = peek(r);

	if (c < 0)
		return fail(r, "unexpected end of file: expected %s", wanted);
	if (c < ' ' || c >= 0x7f)
		return fail(r, "unexpected octet 0x%02x: expected %s", (unsigned int)c,
			    wanted);
	return fail(r, "unexpected '%c': expected %s", c, wanted);
}

/* A section's or key's name, or (with dots) the path of a reference. */
static int read_name(struct reader *r, bool path, const char *wanted)
{
	word_start(r);
	while (is_name(peek(r)) || (path && r->word.len && peek(r) == '.')) {
		word_add(r, peek(r));
		advance(r);
	}
	if (!r->word.len)
		return unexpected(r, wanted);
	if (!path && r->word.len > TREE_NAME_MAX)
		return fail(r, "name is longer than %u characters", TREE_NAME_MAX);
	return word_end(r);
}

/* The rest of a quoted string, after its first quote. */
static int read_quoted(struct reader *r)
{
	unsigned int start = r->line;
	int c;

	advance(r);
	while ((c = peek(r)) != '"') {
		if (c == '\\') {
			advance(r);
			c = peek(r);
			if (c == '\r' && r->end - r->at > 1 && r->at[1] == '\n') {
				advance(r);
				c = '\n';
			}
			if (c == '\n') {	/* lines are joined */
				advance(r);
				continue;
			}
			if (c == 'n')
				c = '\n';
			else if (c == 'r')
				c = '\r';
			else if (c == 't')
				c = '\t';
			if (c >= 0) {
				word_add(r, c);
				advance(r);
				continue;
			}
		}
		if (c < 0) {
			r->line = start;
			return fail(r, "string is not closed: add the final '\"'");
		}
		if (c != '\r')
			word_add(r, c);
		advance(r);
	}
	advance(r);
	return 0;
}

/*
 * A value: words and strings up to the end of the line, a comment or '}', with
 * one space between them. *@empty tells "key =" from 'key = ""'.
 */
static int read_value(struct reader *r, bool *empty)
{
	bool first = true;

	word_start(r);
	for (;;) {
		int c = peek(r);

		if (is_blank(c)) {
			advance(r);
			continue;
		}
		if (c < 0 || c == '\n' || c == '#' || c == '}')
			break;
		if (!first)
			word_add(r, ' ');
		first = false;
		if (c == '"') {
			if (read_quoted(r))
				return -1;
			continue;
		}
		while (c > 0 && !strchr("#}\"\r\n\t ", c)) {
			word_add(r, c);
			advance(r);
			c = peek(r);
		}
		if (!c)
			return unexpected(r, "text");
	}
	if (r->word.len > TREE_VALUE_MAX)
		return fail(r, "value is longer than %u octets", TREE_VALUE_MAX);
	*empty = first;
	return word_end(r);
}

static const char *intern_file(struct reader *r, const char *path)
{
	struct settings *s = r->settings;
	char **files, *copy;

	for (size_t i = 0; i < s->file_count; i++)
		if (!strcmp(s->files[i], path))
			return s->files[i];
	files = reallocarray(s->files, s->file_count + 1, sizeof(*files));
	if (!files)
		return NULL;
	s->files = files;
	copy = strdup(path);
	if (copy)
		s->files[s->file_count++] = copy;
	return copy;
}

static struct tree *put_node(struct reader *r, struct tree *section,
			     enum tree_kind kind, const char *name, unsigned int line)
{
	struct tree *node = tree_find(section, name);

	if (node && node->kind != kind) {
		fail(r, "'%s' is a %s in %s:%u: a name can be one or the other",
		     name, node->kind == TREE_SECTION ? "section" : "key",
		     node->file, node->line);
		return NULL;
	}
	if (!node)
		node = tree_add(section, kind, name, strlen(name));
	if (!node) {
		no_memory(r);
		return NULL;
	}
	node->file = r->file;
	node->line = line;
	return node;
}

static int read_refs(struct reader *r, struct tree *section)
{
	struct tree_ref **at = &section->refs;

	while (*at)
		at = &(*at)->next;
	do {
		struct tree_ref *ref;

		advance(r);	/* ':' or ',' */
		skip_space(r);
		if (read_name(r, true, "the name of a section to inherit from"))
			return -1;
		ref = malloc(sizeof(*ref) + r->word.len + 1);
		if (!ref)
			return no_memory(r);
		ref->next = NULL;
		ref->file = r->file;
		ref->line = r->line;
		memcpy(ref->path, word(r), r->word.len + 1);
		*at = ref;
		at = &ref->next;
		skip_space(r);
	} while (peek(r) == ',');
	return 0;
}

static int read_statements(struct reader *r, struct tree *section, bool nested);
static int read_file(struct reader *outer, struct tree *section, const char *path);

static bool is_include(const struct reader *r)
{
	const char *at = r->at;

	if (r->end - at < 9 || strncmp(at, "include", 7) || !is_blank(at[7]))
		return false;
	for (at += 7; at < r->end && is_blank(*at); at++)
		;
	return at < r->end && *at != '=' && *at != '\n' && *at != '{' && *at != ':';
}

/* Wildcards that match nothing are fine; a plain name must exist. */
static int include_pattern(struct reader *r, struct tree *section, const char *pattern)
{
	glob_t found;
	int ret = 0;

	switch (glob(pattern, 0, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		if (strpbrk(pattern, "*?["))
			return 0;
		return fail(r, "included file %s does not exist", pattern);
	case GLOB_NOSPACE:
		return no_memory(r);
	default:
		return fail(r, "include %s: cannot read the directory", pattern);
	}
	for (size_t i = 0; i < found.gl_pathc && !ret; i++)
		ret = read_file(r, section, found.gl_pathv[i]);
	globfree(&found);
	return ret;
}

static int read_include(struct reader *r, struct tree *section)
{
	const char *slash;
	char *pattern;
	int c, ret;

	r->at += strlen("include");
	while (is_blank(peek(r)))
		advance(r);
	word_start(r);
	if (peek(r) == '"') {
		if (read_quoted(r))
			return -1;
	} else {
		while ((c = peek(r)) > 0 && !strchr("\"#}\r\n\t ", c)) {
			advance(r);
			if (c == '\\' && peek(r) > 0 && strchr("\"#} ", peek(r))) {
				c = peek(r);
				advance(r);
			}
			word_add(r, c);
		}
	}
	if (word_end(r))
		return -1;
	if (!r->word.len)
		return fail(r, "include needs the name of a file");

	slash = strrchr(r->file, '/');
	if (*word(r) == '/' || !slash)
		pattern = strdup(word(r));
	else if (asprintf(&pattern, "%.*s/%s", (int)(slash - r->file), r->file,
			  word(r)) < 0)
		pattern = NULL;
	if (!pattern)
		return no_memory(r);
	ret = include_pattern(r, section, pattern);
	free(pattern);
	return ret;
}

static int read_section(struct reader *r, struct tree *parent, const char *name,
			unsigned int line)
{
	struct tree *section = put_node(r, parent, TREE_SECTION, name, line);

	if (!section)
		return -1;
	if (tree_depth(section) > TREE_DEPTH_MAX)
		return fail(r, "sections nest deeper than %u", TREE_DEPTH_MAX);
	if (peek(r) == ':' && read_refs(r, section))
		return -1;
	if (peek(r) != '{')
		return unexpected(r, section->refs ? "',' or '{'" : "'{'");
	advance(r);
	return read_statements(r, section, true);
}

static int read_setting(struct reader *r, struct tree *section, const char *name,
			unsigned int line)
{
	struct tree *node;
	bool empty = false;

	advance(r);	/* '=' */
	if (read_value(r, &empty))
		return -1;
	node = put_node(r, section, TREE_VALUE, name, line);
	if (!node)
		return -1;
	if (tree_set(node, empty ? NULL : word(r), r->word.len))
		return no_memory(r);
	return 0;
}

static int read_statement(struct reader *r, struct tree *section)
{
	unsigned int line = r->line;
	char *name;
	int ret;

	if (is_include(r))
		return read_include(r, section);
	if (read_name(r, false, "a key, a section or '}'"))
		return -1;
	name = strdup(word(r));
	if (!name)
		return no_memory(r);
	skip_space(r);
	switch (peek(r)) {
	case '=':
		ret = read_setting(r, section, name, line);
		break;
	case '{':
	case ':':
		ret = read_section(r, section, name, line);
		break;
	case '.':
		ret = fail(r, "names cannot contain '.': '%s.'", name);
		break;
	default:
		r->line = line;
		ret = fail(r, "expected '=' or '{' after '%s'", name);
	}
	free(name);
	return ret;
}

static int read_statements(struct reader *r, struct tree *section, bool nested)
{
	unsigned int start = r->line;

	for (;;) {
		skip_space(r);
		switch (peek(r)) {
		case -1:
			if (!nested)
				return 0;
			return fail(r, "section '%s' opened in line %u is not closed: add '}'",
				    section->name, start);
		case '}':
			if (!nested)
				return fail(r, "'}' without a section to close");
			advance(r);
			return 0;
		}
		if (read_statement(r, section))
			return -1;
	}
}

static int read_text(struct reader *r, struct tree *section, const char *text,
		     size_t len)
{
	int ret;

	r->line = 1;
	r->at = text;
	r->end = text + len;
	ret = read_statements(r, section, false);
	buf_clear(&r->word);
	return ret;
}

/* Reads the whole file into @text, which the caller wipes. */
static int slurp(const char *path, struct buf *text)
{
	uint8_t chunk[4096];
	struct stat st;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 && text->len < FILE_SIZE_MAX)
		buf_put(text, chunk, (size_t)n);
	n = n < 0 ? -errno : n > 0 ? -EFBIG : text->failed ? -ENOMEM : 0;
	OPENSSL_cleanse(chunk, sizeof(chunk));
	close(fd);
	return (int)n;
}

static int read_file(struct reader *outer, struct tree *section, const char *path)
{
	struct reader r = {
		.settings = outer->settings,
		.err = outer->err,
		.include_depth = outer->include_depth + 1,
	};
	struct buf text = BUF_INIT;
	int ret;

	if (r.include_depth > INCLUDE_DEPTH_MAX)
		return fail(outer, "includes nest deeper than %u: does %s include itself?",
			    INCLUDE_DEPTH_MAX, path);
	r.file = intern_file(outer, path);
	if (!r.file)
		return no_memory(outer);
	ret = slurp(path, &text);
	if (ret == -EINVAL)
		ret = outer->file ?
			fail(outer, "include %s: not a regular file", path) :
			errmsg_set(r.err, "%s: not a regular file", path);
	else if (ret)
		ret = outer->file ?
			fail(outer, "include %s: %s", path, strerror(-ret)) :
			errmsg_set(r.err, "%s: %s", path, strerror(-ret));
	else
		ret = read_text(&r, section, text.len ? (const char *)text.data : "",
				text.len);
	buf_clear(&text);
	return ret;
}

static int finish(struct settings *settings, struct errmsg *err, int ret)
{
	if (!ret)
		ret = settings_inherit(settings->root, err);
	if (ret)
		settings_clear(settings);
	return ret;
}

static int start(struct settings *settings, struct errmsg *err)
{
	*settings = (struct settings){ .root = tree_new() };
	return settings->root ? 0 : errmsg_set(err, "out of memory");
}

int settings_load(struct settings *settings, const char *path, struct errmsg *err)
{
	struct reader r = { .settings = settings, .err = err };

	if (start(settings, err))
		return -1;
	return finish(settings, err, read_file(&r, settings->root, path));
}

int settings_parse(struct settings *settings, const char *name, const char *text,
		   size_t len, struct errmsg *err)
{
	struct reader r = { .settings = settings, .err = err };

	if (start(settings, err))
		return -1;
	r.file = intern_file(&r, name);
	if (!r.file)
		return finish(settings, err, errmsg_set(err, "out of memory"));
	return finish(settings, err, read_text(&r, settings->root, text, len));
}

void settings_clear(struct settings *settings)
{
	tree_free(settings->root);
	for (size_t i = 0; i < settings->file_count; i++)
		free(settings->files[i]);
	free(settings->files);
	*settings = (struct settings){ 0 };
}
