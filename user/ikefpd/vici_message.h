/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_VICI_MESSAGE_H
#define IKEFPD_VICI_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "errmsg.h"
#include "tree.h"

/*
 * VICI's packets and messages, as strongSwan's vici/README.md defines them:
 * octets to trees and back, no sockets. Safe on any octets.
 */

/* Longest packet, without its 4-octet length. */
#define VICI_PACKET_MAX		(512u * 1024)

enum vici_packet_type {
	VICI_CMD_REQUEST = 0,
	VICI_CMD_RESPONSE = 1,
	VICI_CMD_UNKNOWN = 2,
	VICI_EVENT_REGISTER = 3,
	VICI_EVENT_UNREGISTER = 4,
	VICI_EVENT_CONFIRM = 5,
	VICI_EVENT_UNKNOWN = 6,
	VICI_EVENT = 7
};

enum vici_element {
	VICI_SECTION_START = 1,
	VICI_SECTION_END = 2,
	VICI_KEY_VALUE = 3,
	VICI_LIST_START = 4,
	VICI_LIST_ITEM = 5,
	VICI_LIST_END = 6
};

struct vici_packet {
	enum vici_packet_type type;
	char name[256];		/* of the request or event; "" where it has none */
	const uint8_t *message;
	size_t message_len;
};

/* Take a packet apart (after its length). Returns 0 or -1 with @err set. */
int vici_packet_parse(struct vici_packet *packet, const uint8_t *data, size_t len,
		      struct errmsg *err);

/* A message into a new tree. Returns NULL with @err set. */
struct tree *vici_message_parse(const uint8_t *data, size_t len, struct errmsg *err);

/* What is inside @section, encoded. Memory failing shows in @out->failed. */
void vici_message_write(struct buf *out, const struct tree *section);
/* One of these: a section with its name and all that is inside, a value, a list. */
void vici_message_write_node(struct buf *out, const struct tree *node);

/*
 * Start a packet of @type, with @name where the type has one (else NULL), at the
 * end of @out. Returns where it starts, for vici_packet_end().
 */
size_t vici_packet_start(struct buf *out, enum vici_packet_type type,
			 const char *name);
/* Fill in the length, once the message is written. */
void vici_packet_end(struct buf *out, size_t start);

/* Elements. Text is cut at what its length field can say. */
void vici_put_section(struct buf *out, const char *name);
void vici_put_section_end(struct buf *out);
void vici_put_value(struct buf *out, const char *name, const void *data, size_t len);
void vici_put(struct buf *out, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void vici_put_list(struct buf *out, const char *name);
void vici_put_item(struct buf *out, const char *text);
void vici_put_list_end(struct buf *out);

#endif /* IKEFPD_VICI_MESSAGE_H */
