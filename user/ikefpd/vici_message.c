// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vici_message.h"

/* Nodes of one message: what 512 KB hold must not become gigabytes. */
#define NODES_MAX	65536

struct cursor {
	const uint8_t *at;
	size_t left;
};

static bool take(struct cursor *c, size_t len, const uint8_t **data)
{
	if (c->left < len)
		return false;
	*data = c->at;
	c->at += len;
	c->left -= len;
	return true;
}

static bool take_name(struct cursor *c, const char **name, size_t *len)
{
	const uint8_t *p;

	if (!take(c, 1, &p))
		return false;
	*len = *p;
	if (!take(c, *len, &p))
		return false;
	*name = (const char *)p;
	return true;
}

static bool take_value(struct cursor *c, const uint8_t **data, size_t *len)
{
	const uint8_t *p;

	if (!take(c, 2, &p))
		return false;
	*len = get16(p);
	return take(c, *len, data);
}

int vici_packet_parse(struct vici_packet *packet, const uint8_t *data, size_t len,
		      struct errmsg *err)
{
	struct cursor c = { data, len };
	const uint8_t *type;
	const char *name;
	size_t name_len;

	memset(packet, 0, sizeof(*packet));
	if (!take(&c, 1, &type))
		return errmsg_set(err, "empty packet");
	packet->type = *type;
	switch (*type) {
	case VICI_CMD_REQUEST:
	case VICI_EVENT_REGISTER:
	case VICI_EVENT_UNREGISTER:
	case VICI_EVENT:
		if (!take_name(&c, &name, &name_len) || !name_len ||
		    memchr(name, '\0', name_len))
			return errmsg_set(err, "packet of type %u without a valid name",
					  *type);
		memcpy(packet->name, name, name_len);
		break;
	case VICI_CMD_RESPONSE:
	case VICI_CMD_UNKNOWN:
	case VICI_EVENT_CONFIRM:
	case VICI_EVENT_UNKNOWN:
		break;
	default:
		return errmsg_set(err, "unknown packet type %u", *type);
	}
	packet->message = c.at;
	packet->message_len = c.left;
	return 0;
}

static const char *parse_element(struct tree **at, struct cursor *c)
{
	struct tree *node;
	const uint8_t *type, *data = NULL;
	const char *name = NULL;
	size_t name_len = 0, len = 0;

	take(c, 1, &type);
	switch (*type) {
	case VICI_SECTION_START:
	case VICI_KEY_VALUE:
	case VICI_LIST_START:
		if (!take_name(c, &name, &name_len))
			return "cut short";
		if (!name_len || memchr(name, '\0', name_len))
			return "empty name or NUL in a name";
		break;
	}
	if ((*type == VICI_KEY_VALUE || *type == VICI_LIST_ITEM) &&
	    !take_value(c, &data, &len))
		return "cut short";
	if ((*at)->kind == TREE_LIST && *type != VICI_LIST_ITEM && *type != VICI_LIST_END)
		return "only items may stand in a list";

	switch (*type) {
	case VICI_SECTION_START:
		if (tree_depth(*at) >= TREE_DEPTH_MAX)
			return "sections nest too deep";
		node = tree_add(*at, TREE_SECTION, name, name_len);
		break;
	case VICI_LIST_START:
		node = tree_add(*at, TREE_LIST, name, name_len);
		break;
	case VICI_KEY_VALUE:
	case VICI_LIST_ITEM:
		if (*type == VICI_LIST_ITEM && (*at)->kind != TREE_LIST)
			return "list item outside a list";
		node = tree_add(*at, TREE_VALUE, name, name_len);
		if (!node || tree_set(node, data, len))
			return "out of memory";
		return NULL;
	case VICI_SECTION_END:
		if (!(*at)->parent)
			return "section end without a start";
		*at = (*at)->parent;
		return NULL;
	case VICI_LIST_END:
		if ((*at)->kind != TREE_LIST)
			return "list end without a start";
		*at = (*at)->parent;
		return NULL;
	default:
		return "unknown element type";
	}
	if (!node)
		return "out of memory";
	*at = node;
	return NULL;
}

struct tree *vici_message_parse(const uint8_t *data, size_t len, struct errmsg *err)
{
	struct cursor c = { data, len };
	struct tree *root = tree_new();
	struct tree *at = root;
	const char *reason = root ? NULL : "out of memory";
	unsigned int nodes = 0;

	while (!reason && c.left) {
		reason = parse_element(&at, &c);
		if (++nodes > NODES_MAX)
			reason = "too many elements";
	}
	if (!reason && at != root)
		reason = "section or list not closed";
	if (!reason)
		return root;
	errmsg_set(err, "invalid message at octet %zu: %s", len - c.left, reason);
	tree_free(root);
	return NULL;
}

void vici_message_write_node(struct buf *out, const struct tree *n)
{
	switch (n->kind) {
	case TREE_SECTION:
		vici_put_section(out, n->name);
		vici_message_write(out, n);
		vici_put_section_end(out);
		break;
	case TREE_VALUE:
		vici_put_value(out, n->name, n->data, n->len);
		break;
	case TREE_LIST:
		vici_put_list(out, n->name);
		for (const struct tree *i = n->first; i; i = i->next) {
			buf_put8(out, VICI_LIST_ITEM);
			buf_put16(out, (uint16_t)i->len);
			buf_put(out, i->data, i->len);
		}
		vici_put_list_end(out);
		break;
	}
}

void vici_message_write(struct buf *out, const struct tree *section)
{
	for (const struct tree *n = section->first; n; n = n->next)
		vici_message_write_node(out, n);
}

static void put_name(struct buf *out, const char *name)
{
	size_t len = strnlen(name, TREE_NAME_MAX);

	buf_put8(out, (uint8_t)len);
	buf_put(out, name, len);
}

size_t vici_packet_start(struct buf *out, enum vici_packet_type type,
			 const char *name)
{
	size_t start = out->len;

	buf_put32(out, 0);
	buf_put8(out, (uint8_t)type);
	if (name)
		put_name(out, name);
	return start;
}

void vici_packet_end(struct buf *out, size_t start)
{
	if (!out->failed)
		buf_set32(out, start, (uint32_t)(out->len - start - 4));
}

void vici_put_section(struct buf *out, const char *name)
{
	buf_put8(out, VICI_SECTION_START);
	put_name(out, name);
}

void vici_put_section_end(struct buf *out)
{
	buf_put8(out, VICI_SECTION_END);
}

void vici_put_value(struct buf *out, const char *name, const void *data, size_t len)
{
	if (len > TREE_VALUE_MAX)
		len = TREE_VALUE_MAX;
	buf_put8(out, VICI_KEY_VALUE);
	put_name(out, name);
	buf_put16(out, (uint16_t)len);
	buf_put(out, data, len);
}

void vici_put(struct buf *out, const char *name, const char *fmt, ...)
{
	char text[4096];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (len >= 0)
		vici_put_value(out, name, text, strlen(text));
}

void vici_put_list(struct buf *out, const char *name)
{
	buf_put8(out, VICI_LIST_START);
	put_name(out, name);
}

void vici_put_item(struct buf *out, const char *text)
{
	size_t len = strnlen(text, TREE_VALUE_MAX);

	buf_put8(out, VICI_LIST_ITEM);
	buf_put16(out, (uint16_t)len);
	buf_put(out, text, len);
}

void vici_put_list_end(struct buf *out)
{
	buf_put8(out, VICI_LIST_END);
}
