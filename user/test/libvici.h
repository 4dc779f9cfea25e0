/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VICI's server in front of the stand-in of stub_core.h, and clients of it over its socket.
 * Included by one test program, as that is.
 */
#ifndef IKEFP_TEST_LIBVICI_H
#define IKEFP_TEST_LIBVICI_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ktap.h"
#include "libsecrets.h"
#include "start.h"
#include "stub_core.h"
#include "vici.h"
#include "vici_client.h"
#include "vici_message.h"

#define WAIT_MS	5000

static char dir[] = "/tmp/ikefp-test-XXXXXX";
static char path[64];
static struct config *config;
static struct test_secrets secrets;
static struct vici *vici;

struct client {
	int fd;
	struct buf in;
	struct tree *events;	/* messages of events: sections by event name */
	unsigned int event_count;
};

static inline void start(void)
{
	struct errmsg err;

	stub_loop = loop_new();
	stub_outcome = 0;
	stub_last_id = 0;
	config = config_new();
	start_open(stub_loop, config);
	test_secrets_start(&secrets);
	snprintf(path, sizeof(path), "%s/vici", dir);
	vici = vici_new(stub_loop, config, secrets.secrets, path, &err);
	if (!vici)
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
}

static inline void stop(void)
{
	start_close();
	vici_free(vici);
	unlink(path);
	test_secrets_stop(&secrets);
	stub_clear();
	config_free(config);
	loop_free(stub_loop);
}

static inline struct client client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct client c = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) };

	strcpy(addr.sun_path, path);
	EXPECT(!connect(c.fd, (struct sockaddr *)&addr, sizeof(addr)));
	return c;
}

static inline void client_end(struct client *c)
{
	close(c->fd);
	buf_clear(&c->in);
	tree_free(c->events);
	c->events = NULL;
}

static inline void send_all(struct client *c, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t end = loop_now_ms() + WAIT_MS;

	while (len && loop_now_ms() < end) {
		ssize_t n = send(c->fd, at, len, MSG_NOSIGNAL);

		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (errno != EAGAIN) {
			return;
		}
		loop_turn(stub_loop, 0);
	}
}

static inline void send_packet(struct client *c, enum vici_packet_type type, const char *name,
			       const struct buf *message)
{
	struct buf out = BUF_INIT;
	size_t at = vici_packet_start(&out, type, name);

	if (message)
		buf_put(&out, message->data, message->len);
	vici_packet_end(&out, at);
	send_all(c, out.data, out.len);
	buf_clear(&out);
}

/* 1 a whole packet is there, 0 not yet, -1 the server closed. */
static inline int receive(struct client *c)
{
	uint8_t data[4096];
	ssize_t n;

	if (c->in.len >= 4 && c->in.len - 4 >= get32(c->in.data))
		return 1;
	n = recv(c->fd, data, sizeof(data), 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		return -1;
	if (n > 0)
		buf_put(&c->in, data, (size_t)n);
	return c->in.len >= 4 && c->in.len - 4 >= get32(c->in.data);
}

static inline void keep_event(struct client *c, const struct vici_packet *packet)
{
	struct errmsg err;
	struct tree *message;

	message = vici_message_parse(packet->message, packet->message_len, &err);
	if (!message) {
		ktap_fail(__FILE__, __LINE__, "%s", err.text);
		return;
	}
	message->name = strdup(packet->name);
	if (!c->events)
		c->events = tree_new();
	message->parent = c->events;
	message->next = c->events->first;
	c->events->first = message;
	c->event_count++;
}

/* The next packet that is no event: its type (-1 closed, -2 none came). */
static inline int await(struct client *c, struct tree **message)
{
	uint64_t end = loop_now_ms() + WAIT_MS;
	struct vici_packet packet;
	struct errmsg err;
	int got;

	if (message)
		*message = NULL;
	for (;;) {
		struct buf rest = BUF_INIT;
		size_t len;

		while (!(got = receive(c)) && loop_now_ms() < end)
			loop_turn(stub_loop, 5);
		if (got <= 0)
			return got ? -1 : -2;
		len = get32(c->in.data);
		if (vici_packet_parse(&packet, c->in.data + 4, len, &err)) {
			ktap_fail(__FILE__, __LINE__, "%s", err.text);
			return -2;
		}
		if (packet.type == VICI_EVENT)
			keep_event(c, &packet);
		else if (message)
			*message = vici_message_parse(packet.message,
						      packet.message_len, &err);
		buf_put(&rest, c->in.data + 4 + len, c->in.len - 4 - len);
		buf_clear(&c->in);
		c->in = rest;
		if (packet.type != VICI_EVENT)
			return (int)packet.type;
	}
}

static inline struct tree *call(struct client *c, const char *name, struct buf *request)
{
	struct tree *reply;

	send_packet(c, VICI_CMD_REQUEST, name, request);
	if (request)
		buf_clear(request);
	EXPECT_EQ(await(c, &reply), VICI_CMD_RESPONSE);
	return reply ? reply : tree_new();
}

static inline void listen_to(struct client *c, const char *event)
{
	send_packet(c, VICI_EVENT_REGISTER, event, NULL);
	EXPECT_EQ(await(c, NULL), VICI_EVENT_CONFIRM);
}

static inline void expect_reply(struct tree *reply, const char *success, const char *errmsg)
{
	EXPECT_STR(tree_str(reply, "success"), success);
	if (errmsg)
		EXPECT_STR(tree_str(reply, "errmsg"), errmsg);
	else
		EXPECT(!tree_find(reply, "errmsg"));
	tree_free(reply);
}

static inline struct buf conn_message(const char *name, const char *child, const char *key,
				      const char *value)
{
	struct buf m = BUF_INIT;

	vici_put_section(&m, name);
	vici_put_list(&m, "remote_addrs");
	vici_put_item(&m, "192.0.2.2");
	vici_put_list_end(&m);
	vici_put_section(&m, "local-1");
	vici_put(&m, "auth", "psk");
	vici_put_section_end(&m);
	vici_put_section(&m, "remote-1");
	vici_put(&m, "auth", "psk");
	vici_put(&m, "id", "right.example");
	vici_put_section_end(&m);
	vici_put_section(&m, "children");
	vici_put_section(&m, child);
	if (key)
		vici_put(&m, key, "%s", value);
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	return m;
}

static inline void load_net(struct client *c)
{
	struct buf m = conn_message("net", "lan", NULL, NULL);

	stub_loaded = NULL;
	expect_reply(call(c, "load-conn", &m), "yes", NULL);
	EXPECT(stub_loaded == config_find_conn(config, "net"));
}

static inline struct buf initiate_message(const char *child, const char *timeout)
{
	struct buf m = BUF_INIT;

	if (child)
		vici_put(&m, "child", "%s", child);
	if (timeout)
		vici_put(&m, "timeout", "%s", timeout);
	vici_put(&m, "loglevel", "1");
	return m;
}

static inline bool saw(const struct client *c, const char *event, const char *text)
{
	if (!c->events)
		return false;
	for (const struct tree *e = c->events->first; e; e = e->next) {
		const char *msg = tree_str(e, "msg");

		if (!strcmp(e->name, event) && msg && !strcmp(msg, text))
			return true;
	}
	return false;
}

static inline struct buf named(const char *key, const char *value)
{
	struct buf m = BUF_INIT;

	vici_put(&m, key, "%s", value);
	return m;
}

/* The last one, once all that were raised have come. */
static inline const struct tree *last_event(struct client *c)
{
	tree_free(call(c, "version", NULL));
	return c->events ? c->events->first : NULL;
}

/* The exit code of these tests. */
static inline int vici_main(int argc, char **argv, const struct ktap_test *tests, size_t count)
{
	int ret;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	ret = ktap_main(argc, argv, tests, count);
	rmdir(dir);
	return ret;
}

#define VICI_MAIN(tests) \
	int main(int argc, char **argv) \
	{ \
		return vici_main(argc, argv, tests, sizeof(tests) / sizeof(*(tests))); \
	}

#endif
