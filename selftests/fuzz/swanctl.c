// SPDX-License-Identifier: GPL-2.0
/*
 * swanctl.conf. An input is which allocation fails (0: none), then the file.
 *
 * What was read can be written down and reads the same. A file is taken whole or not
 * at all; one that is refused gets a reason with its place; taken a second time it
 * changes nothing; an empty one takes away all that it brought; and a connection of
 * it, sent over VICI, is the same connection.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

#include "config_load.h"
#include "fuzz.h"
#include "settings.h"
#include "vici_message.h"

static char file[64], part[64];
/* Of the file that was read last. */
static struct secret *secrets;
static int file_fd;

/* Included are the file itself, a part, a directory, or nothing. */
static const char *include(const char *pattern, int *err)
{
	if (strstr(pattern, "self"))
		return file;
	if (strstr(pattern, "part"))
		return part;
	if (strstr(pattern, "dir"))
		return "/";
	if (strstr(pattern, "null"))
		return "/dev/null";
	if (strstr(pattern, "gone"))
		return "/nonexistent";
	*err = strstr(pattern, "denied") ? GLOB_ABORTED :
	       strstr(pattern, "memory") ? GLOB_NOSPACE : GLOB_NOMATCH;
	return NULL;
}

static int memory_file(const char *name, char path[64])
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	CHECK(fd >= 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void write_file(int fd, const void *text, size_t len)
{
	CHECK(!ftruncate(fd, 0) && pwrite(fd, text, len, 0) == (ssize_t)len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "part-key = x\nsecrets { ike-p { secret = y\n } }\n";

	(void)argc;
	(void)argv;
	fuzz_watch_log(NULL);
	fuzz_include = include;
	file_fd = memory_file("swanctl.conf", file);
	write_file(memory_file("part.conf", part), text, strlen(text));
	return 0;
}

/* The tree as a file. Values are quoted: that is the form that can say anything. */
static void print(struct buf *out, const struct tree *section)
{
	for (const struct tree *n = section->first; n; n = n->next) {
		buf_put(out, n->name, strlen(n->name));
		if (n->kind == TREE_SECTION) {
			buf_put(out, " {\n", 3);
			print(out, n);
			buf_put(out, "}\n", 2);
			continue;
		}
		CHECK(n->kind == TREE_VALUE && n->data);
		buf_put(out, " = \"", 4);
		for (size_t i = 0; i < n->len; i++) {
			if (n->data[i] == '\r')
				buf_put(out, "\\r", 2);
			else if (n->data[i] == '"' || n->data[i] == '\\')
				buf_put(out, (char[]){ '\\', n->data[i] }, 2);
			else
				buf_put8(out, (uint8_t)n->data[i]);
		}
		buf_put(out, "\"\n", 2);
	}
}

static void check_equal(const struct tree *a, const struct tree *b)
{
	const struct tree *x = a->first, *y = b->first;

	CHECK(a->kind == b->kind && a->len == b->len && !a->data == !b->data);
	CHECK(!a->name == !b->name && (!a->name || !strcmp(a->name, b->name)));
	CHECK(!a->data || !memcmp(a->data, b->data, a->len));
	for (; x && y; x = x->next, y = y->next) {
		CHECK(x->parent == a && y->parent == b);
		check_equal(x, y);
	}
	CHECK(!x && !y);
}

static void check_settings(const char *text, size_t len)
{
	struct settings first, again;
	struct buf out = BUF_INIT;
	struct errmsg err;

	if (settings_parse(&first, "fuzz.conf", text, len, &err)) {
		CHECK(!first.root && *err.text && strlen(err.text) < sizeof(err.text));
		return;
	}
	buf_put8(&out, '\n');
	print(&out, first.root);
	CHECK(!settings_parse(&again, "again.conf", (const char *)out.data, out.len, &err));
	check_equal(first.root, again.root);
	settings_clear(&first);
	settings_clear(&again);
	buf_clear(&out);
}

/* Parsed from what a client would send. */
static struct tree *sent(const struct conn *conn)
{
	struct errmsg err;
	struct tree *root = vici_message_parse(conn->section.data, conn->section.len, &err);

	CHECK(root && (root->name = strdup(conn->name)));
	return root;
}

/* The same as swanctl sends some values: what stands between commas, as a list. */
static void make_list(struct tree *root, const char *name)
{
	struct tree *value = tree_find(root, name), *list, *item;
	char *text, *at, *token;

	if (!value || value->kind != TREE_VALUE)
		return;
	text = at = strdup(value->data ? value->data : "");
	CHECK(text);
	tree_remove(value);
	list = tree_add(root, TREE_LIST, name, strlen(name));
	CHECK(list);
	while ((token = strsep(&at, ","))) {
		item = tree_add(list, TREE_VALUE, NULL, 0);
		CHECK(item && !tree_set(item, token, strlen(token)));
	}
	free(text);
}

/* None of a connection's values may hold a NUL octet. */
static void check_nul(const struct conn *conn)
{
	struct errmsg err;
	bool end = false;

	for (unsigned int i = 0; !end; i++) {
		struct tree *root = sent(conn), *node = root->first;

		for (unsigned int j = 0; node && j < i; j++)
			node = node->next;
		if (node && node->kind == TREE_VALUE) {
			CHECK(!tree_set(node, "0\0", 2));
			CHECK(!config_read_conn(root, CONF_VICI, &err) && *err.text);
		}
		end = !node;
		tree_free(root);
	}
}

static void check_conn(const struct conn *conn)
{
	static const char *const lists[] = { "local_addrs", "remote_addrs", "proposals" };
	struct errmsg err;
	struct tree *root = sent(conn);
	struct conn *again;

	check_nul(conn);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
		make_list(root, lists[i]);
	again = config_read_conn(root, CONF_VICI, &err);
	CHECK(again);
	CHECK(again->local_addr_count == conn->local_addr_count &&
	      again->remote_addr_count == conn->remote_addr_count &&
	      again->proposals.n == conn->proposals.n && again->encap == conn->encap &&
	      ike_id_equal(&again->local.id, &conn->local.id) &&
	      ike_id_equal(&again->remote.id, &conn->remote.id));
	CHECK(!again->children == !conn->children);
	conn_put(again);
	tree_free(root);
}

/* What the daemon does with a configuration, for connections of every kind. */
static void use(const struct config *config)
{
	struct endpoint local, remote;
	struct errmsg err;

	for (struct conn *c = config->conns; c; c = c->next) {
		struct ike_id id;

		check_conn(c);
		if (conn_initiator_addrs(c, &local, &remote, &err))
			continue;
		CHECK(conn_match_addrs(c, &local, &remote) || endpoint_is_any(&local));
		CHECK(!conn_local_id(c, &local, &id));
		CHECK(config_find_conn(config, c->name) == c);
		config_find_by_addrs(config, &local, &remote);
		config_find_by_ids(config, &local, &remote, &id, &c->remote.id);
		secret_list_find(secrets, &id, &c->remote.id);
		ike_id_clear(&id);
	}
}

static unsigned int count_secrets(void)
{
	unsigned int n = 0;

	for (const struct secret *s = secrets; s; s = s->next, n++)
		CHECK(s->data);
	return n;
}

/* As the daemon's reader reads it, and the daemon takes it. */
static int load(struct config *config, struct errmsg *err)
{
	struct config *fresh = config_new();
	int ret;

	secret_list_free(&secrets);
	if (!fresh)
		return errmsg_set(err, "out of memory");
	ret = config_read_file(fresh, &secrets, file, err);
	if (ret)
		secret_list_free(&secrets);
	else
		config_replace_file(config, fresh);
	config_free(fresh);
	return ret;
}

static void check_load(const char *text, size_t len, uint8_t fail)
{
	struct config *config = config_new();
	struct conn *before = conn_new("loaded-before"), *first;
	unsigned int n;
	struct errmsg err;
	int ret;

	CHECK(config && before);
	before->source = CONF_VICI;
	config_put_conn(config, before);
	write_file(file_fd, text, len);
	fuzz_fail_allocation(fail);
	ret = load(config, &err);
	fuzz_fail_allocation(0);
	if (ret) {
		CHECK(*err.text && strlen(err.text) < sizeof(err.text));
		CHECK(config->conns == before && !before->next && !secrets);
	} else {
		first = config->conns;
		n = count_secrets();
		CHECK(!load(config, &err));
		CHECK(config->conns == first && count_secrets() == n);
		if (config->conns == before)
			CHECK(!config_remove_conn(config, "loaded-before"));
		use(config);
		write_file(file_fd, "", 0);
		CHECK(!load(config, &err) && !secrets);
		CHECK(!config->conns || (config->conns == before && !before->next));
	}
	config_free(config);
	secret_list_free(&secrets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	uint8_t fail = input_u8(&in);

	const char *text = in.left ? (const char *)in.at : "";

	check_settings(text, in.left);
	check_load(text, in.left, fail);
	return 0;
}
