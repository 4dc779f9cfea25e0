// SPDX-License-Identifier: GPL-2.0
/* The process that reads the configuration file, and how it is asked. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config_load.h"
#include "file_reader.h"
#include "ipc.h"
#include "loop.h"
#include "secrets.h"
#include "token_server.h"
#include "tokens.h"
#include "vici_message.h"

#define HEADER		5	/* of each packet: an octet and a u32 */
#define PART		65536	/* octets of an answer in one packet */
#define ANSWER_MAX	(256u << 20)

/* What an answer begins with: the settings that are no connection's, each in 4 octets. */
#define SETTINGS	(8 + TCP_PORTS_MAX)

static void get_settings(const struct config *config, uint32_t settings[SETTINGS])
{
	const struct retransmit_conf *r = &config->retransmit;

	settings[0] = (uint32_t)r->timeout_ms;
	settings[1] = (uint32_t)r->base_milli;
	settings[2] = (uint32_t)r->tries;
	settings[3] = (uint32_t)r->jitter_percent;
	settings[4] = (uint32_t)r->limit_ms;
	settings[5] = (uint32_t)config->keep_alive_ms;
	settings[6] = config->fragment_size;
	settings[7] = config->no_routes;
	for (unsigned int i = 0; i < TCP_PORTS_MAX; i++)
		settings[8 + i] = config->tcp_ports[i];
}

static void set_settings(struct config *config, const uint32_t settings[SETTINGS])
{
	struct retransmit_conf *r = &config->retransmit;

	r->timeout_ms = (int32_t)settings[0];
	r->base_milli = (int32_t)settings[1];
	r->tries = (int32_t)settings[2];
	r->jitter_percent = (int32_t)settings[3];
	r->limit_ms = (int32_t)settings[4];
	config->keep_alive_ms = (int32_t)settings[5];
	config->fragment_size = settings[6];
	config->no_routes = settings[7];
	for (unsigned int i = 0; i < TCP_PORTS_MAX; i++)
		config->tcp_ports[i] = (uint16_t)settings[8 + i];
}

/* The reader's side */

static void put_section(struct buf *out, const char *name, const struct buf *section)
{
	size_t start = out->len;

	buf_put32(out, 0);
	vici_put_section(out, name);
	buf_put(out, section->data, section->len);
	vici_put_section_end(out);
	buf_set32(out, start, (uint32_t)(out->len - start - 4));
}

static void put_config(struct buf *out, const struct config *config)
{
	uint32_t settings[SETTINGS];
	uint32_t count = 0, authorities = 0;
	size_t at;

	get_settings(config, settings);
	for (size_t i = 0; i < SETTINGS; i++)
		buf_put32(out, settings[i]);
	for (const struct conn *c = config->conns; c; c = c->next)
		count++;
	for (const struct authority *a = config->authorities; a; a = a->next)
		authorities++;
	buf_put32(out, authorities);
	buf_put32(out, count);
	at = out->len;
	buf_put32(out, 0);
	credentials_write(out, config->credentials);
	buf_set32(out, at, (uint32_t)(out->len - at - 4));
	for (const struct authority *a = config->authorities; a; a = a->next)
		put_section(out, a->name, &a->section);
	for (const struct conn *c = config->conns; c; c = c->next)
		put_section(out, c->name, &c->section);
}

static int send_part(int fd, enum file_answer type, uint32_t number, const void *data,
		     size_t len)
{
	struct buf packet = BUF_INIT;
	int err;

	buf_put8(&packet, (uint8_t)type);
	buf_put32(&packet, number);
	buf_put(&packet, data, len);
	err = packet.failed ? -ENOMEM : ipc_send(fd, packet.data, packet.len);
	buf_clear(&packet);
	return err;
}

static int refuse(int fd, uint32_t number, const char *why)
{
	return send_part(fd, FILE_REFUSED, number, why, strlen(why));
}

/* Where secrets are kept. */
struct stages {
	int secrets_fd, tokens_fd;
};

static int read_and_stage(struct config *config, const struct stages *to, const char *path,
			  struct errmsg *err)
{
	const struct secret *refused;
	struct secret *secrets = NULL;
	int ret, staged;

	ret = config_read_file(config, &secrets, path, err);
	if (!ret) {
		staged = secrets_stage(to->secrets_fd, secrets, &refused);
		if (staged && refused && refused->kind == SECRET_PRIVATE_KEY)
			ret = errmsg_set(err, "%s: private key %s: %s", path, refused->name,
					 secrets_key_error(staged));
		else if (staged)
			ret = errmsg_set(err, "%s: its secrets cannot be handed over: %s",
					 path, strerror(-staged));
		staged = ret ? 0 : tokens_stage(to->tokens_fd, secrets);
		if (staged == -ENOSPC)
			ret = errmsg_set(err, "%s: it has more than %d tokens", path, TOKENS_MAX);
		else if (staged)
			ret = errmsg_set(err, "%s: its tokens cannot be handed over: %s",
					 path, strerror(-staged));
	}
	secret_list_free(&secrets);
	return ret;
}

static int answer_read(int fd, uint32_t number, const struct stages *to, const char *path)
{
	struct config *config = config_new();
	struct buf out = BUF_INIT;
	struct errmsg err;
	size_t at = 0;
	int ret;

	if (!config)
		return refuse(fd, number, "out of memory");
	if (!path || read_and_stage(config, to, path, &err)) {
		config_free(config);
		return refuse(fd, number, path ? err.text : "there is no file");
	}
	put_config(&out, config);
	config_free(config);
	if (out.failed || out.len > ANSWER_MAX) {
		buf_clear(&out);
		return refuse(fd, number, "the configuration is too large");
	}
	do {
		size_t len = out.len - at < PART ? out.len - at : PART;

		ret = send_part(fd, at + len < out.len ? FILE_MORE : FILE_LAST, number,
				out.data + at, len);
		at += len;
	} while (!ret && at < out.len);
	buf_clear(&out);
	return ret;
}

void file_reader_serve(int daemon_fd, int secrets_fd, int tokens_fd, const char *path,
		       const char *socket_path)
{
	const struct stages to = { secrets_fd, tokens_fd };
	uint8_t request[HEADER + 1];
	int err = 0;

	while (!err && ipc_recv(daemon_fd, request, sizeof(request), -1) == HEADER) {
		uint32_t number = get32(request + 1);

		switch (request[0]) {
		case FILE_READ:
			err = answer_read(daemon_fd, number, &to, path);
			break;
		case FILE_REMOVE_SOCKET:
			unlink(socket_path);
			err = send_part(daemon_fd, FILE_LAST, number, NULL, 0);
			break;
		default:
			err = -EINVAL;
		}
	}
}

/* The daemon's side */

static int get_conn(struct config *fresh, const uint8_t *data, size_t len,
		    struct errmsg *err)
{
	struct tree *tree = vici_message_parse(data, len, err);
	struct conn *conn;

	if (!tree)
		return -1;
	conn = tree->first && tree->first->kind == TREE_SECTION ?
	       config_read_conn(tree->first, CONF_FILE, err) : NULL;
	if (conn)
		config_put_conn(fresh, conn);
	else if (!tree->first)
		errmsg_set(err, "a connection without a section");
	tree_free(tree);
	return conn ? 0 : -1;
}

static int get_authority(struct config *fresh, const uint8_t *data, size_t len,
			 struct errmsg *err)
{
	struct tree *tree = vici_message_parse(data, len, err);
	struct authority *a;
	int ret = -1;

	if (!tree)
		return -1;
	a = tree->first && tree->first->kind == TREE_SECTION ?
	    authority_read(tree->first, CONF_FILE, err) : NULL;
	if (a)
		ret = config_put_authority(fresh, a, err);
	else if (!tree->first)
		errmsg_set(err, "an authority without a section");
	tree_free(tree);
	return ret;
}

static int get_config(struct config *fresh, const struct buf *in, struct errmsg *err)
{
	uint32_t settings[SETTINGS];
	const uint8_t *at = in->data;
	size_t left = in->len;
	uint32_t authorities, conns, credentials;

	if (left < 4 * (SETTINGS + 3))
		return errmsg_set(err, "the reader's answer is cut short");
	for (size_t i = 0; i < SETTINGS; i++)
		settings[i] = get32(at + 4 * i);
	set_settings(fresh, settings);
	authorities = get32(at + 4 * SETTINGS);
	conns = get32(at + 4 * (SETTINGS + 1));
	credentials = get32(at + 4 * (SETTINGS + 2));
	at += 4 * (SETTINGS + 3);
	left -= 4 * (SETTINGS + 3);
	if (credentials > left)
		return errmsg_set(err, "the reader's answer is cut short");
	if (credentials_read(fresh->credentials, at, credentials, err))
		return -1;
	at += credentials;
	left -= credentials;
	for (uint64_t n = (uint64_t)authorities + conns; n; n--) {
		uint32_t len = left < 4 ? UINT32_MAX : get32(at);

		if (left < 4 || len > left - 4)
			return errmsg_set(err, "the reader's answer is cut short");
		if (n > conns ? get_authority(fresh, at + 4, len, err) :
				get_conn(fresh, at + 4, len, err))
			return -1;
		at += 4 + len;
		left -= 4 + len;
	}
	return 0;
}

/* One packet of the answer to the last request; those to former ones are dropped. */
static ssize_t receive(const struct file_reader *r, uint8_t *packet, size_t size,
		       uint64_t end_ms)
{
	ssize_t n;

	do {
		uint64_t now = loop_now_ms();

		n = ipc_recv(r->fd, packet, size, now < end_ms ? (int)(end_ms - now) : 0);
	} while (n >= HEADER && get32(packet + 1) != r->last);
	return n;
}

static int send_request(struct file_reader *r, enum file_request request)
{
	uint8_t packet[HEADER] = { request };

	r->last++;
	packet[1] = r->last >> 24;
	packet[2] = r->last >> 16;
	packet[3] = r->last >> 8;
	packet[4] = r->last;
	return ipc_send(r->fd, packet, sizeof(packet));
}

int file_reader_read(struct file_reader *r, struct config *fresh, struct errmsg *err)
{
	uint64_t end_ms = loop_now_ms() + FILE_READ_MS;
	uint8_t packet[HEADER + PART + 1];
	struct buf in = BUF_INIT;
	ssize_t n;
	int ret;

	ret = send_request(r, FILE_READ);
	if (ret)
		return errmsg_set(err, "the reader of the file: %s", strerror(-ret));
	do {
		n = receive(r, packet, sizeof(packet), end_ms);
		if (n < HEADER || in.len > ANSWER_MAX) {
			buf_clear(&in);
			return errmsg_set(err, "the file was not read: %s", n == -ETIMEDOUT ?
					  "it takes too long" : "its reader is gone");
		}
		buf_put(&in, packet + HEADER, (size_t)n - HEADER);
	} while (packet[0] == FILE_MORE);
	if (in.failed)
		ret = errmsg_set(err, "out of memory");
	else if (packet[0] == FILE_LAST)
		ret = get_config(fresh, &in, err);
	else
		ret = errmsg_set(err, "%.*s", (int)in.len, (const char *)in.data);
	buf_clear(&in);
	return ret;
}

void file_reader_remove_socket(struct file_reader *r)
{
	uint8_t packet[HEADER + 1];

	if (!send_request(r, FILE_REMOVE_SOCKET))
		receive(r, packet, sizeof(packet), loop_now_ms() + 1000);
}
