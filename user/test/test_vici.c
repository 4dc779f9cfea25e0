// SPDX-License-Identifier: GPL-2.0
/* VICI's server over its socket, with a client of our own. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counters.h"
#include "dh.h"
#include "ikev2.h"
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

static void start(void)
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

static void stop(void)
{
	start_close();
	vici_free(vici);
	unlink(path);
	test_secrets_stop(&secrets);
	stub_clear();
	config_free(config);
	loop_free(stub_loop);
}

static struct client client(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct client c = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0) };

	strcpy(addr.sun_path, path);
	EXPECT(!connect(c.fd, (struct sockaddr *)&addr, sizeof(addr)));
	return c;
}

static void client_end(struct client *c)
{
	close(c->fd);
	buf_clear(&c->in);
	tree_free(c->events);
	c->events = NULL;
}

static void send_all(struct client *c, const void *data, size_t len)
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

static void send_packet(struct client *c, enum vici_packet_type type, const char *name,
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
static int receive(struct client *c)
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

static void keep_event(struct client *c, const struct vici_packet *packet)
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
static int await(struct client *c, struct tree **message)
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

static struct tree *call(struct client *c, const char *name, struct buf *request)
{
	struct tree *reply;

	send_packet(c, VICI_CMD_REQUEST, name, request);
	if (request)
		buf_clear(request);
	EXPECT_EQ(await(c, &reply), VICI_CMD_RESPONSE);
	return reply ? reply : tree_new();
}

static void listen_to(struct client *c, const char *event)
{
	send_packet(c, VICI_EVENT_REGISTER, event, NULL);
	EXPECT_EQ(await(c, NULL), VICI_EVENT_CONFIRM);
}

static void expect_reply(struct tree *reply, const char *success, const char *errmsg)
{
	EXPECT_STR(tree_str(reply, "success"), success);
	if (errmsg)
		EXPECT_STR(tree_str(reply, "errmsg"), errmsg);
	else
		EXPECT(!tree_find(reply, "errmsg"));
	tree_free(reply);
}

static struct buf conn_message(const char *name, const char *child, const char *key,
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

static void load_net(struct client *c)
{
	struct buf m = conn_message("net", "lan", NULL, NULL);

	stub_loaded = NULL;
	expect_reply(call(c, "load-conn", &m), "yes", NULL);
	EXPECT(stub_loaded == config_find_conn(config, "net"));
}

static void test_protocol(void)
{
	struct client c;
	struct stat st;

	start();
	EXPECT(!stat(path, &st));
	EXPECT_EQ(st.st_mode & 0777, 0660);
	c = client();
	send_packet(&c, VICI_CMD_REQUEST, "no-such-command", NULL);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_UNKNOWN);
	send_packet(&c, VICI_EVENT_REGISTER, "no-such-event", NULL);
	EXPECT_EQ(await(&c, NULL), VICI_EVENT_UNKNOWN);
	listen_to(&c, "list-sa");
	send_packet(&c, VICI_EVENT_UNREGISTER, "list-sa", NULL);
	EXPECT_EQ(await(&c, NULL), VICI_EVENT_CONFIRM);

	/* Several requests in one go are answered in order. */
	send_packet(&c, VICI_CMD_REQUEST, "version", NULL);
	send_packet(&c, VICI_CMD_REQUEST, "nonsense", NULL);
	send_packet(&c, VICI_CMD_REQUEST, "version", NULL);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_RESPONSE);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_UNKNOWN);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_RESPONSE);
	client_end(&c);
	stop();
	EXPECT(stat(path, &st) && errno == ENOENT);
}

static void test_malformed(void)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "\0\x08\0\1", 4 },		/* longer than 512 KB */
		{ "\0\0\0\0", 4 },		/* empty */
		{ "\0\0\0\1\x09", 5 },		/* unknown type */
		{ "\0\0\0\1\1", 5 },		/* a response from a client */
		{ "\0\0\0\2\0\0", 6 },		/* no name */
		{ "\0\0\0\3\0\5x", 7 },		/* name cut short */
	};
	struct buf junk = BUF_INIT;
	struct client c, watcher;
	struct tree *reply;

	start();
	watcher = client();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		c = client();
		send_all(&c, bad[i].data, bad[i].len);
		EXPECT_EQ(await(&c, NULL), -1);
		client_end(&c);
	}
	/* A message that is malformed is refused; the connection stays. */
	c = client();
	buf_put(&junk, "\1\1s", 3);
	send_packet(&c, VICI_CMD_REQUEST, "list-conns", &junk);
	buf_clear(&junk);
	EXPECT_EQ(await(&c, &reply), VICI_CMD_RESPONSE);
	expect_reply(reply, "no", "invalid message at octet 3: section or list not closed");
	/* Octet by octet is fine. */
	send_all(&c, "\0\0", 2);
	send_all(&c, "\0\x09\0\7v", 5);
	send_all(&c, "ersion", 6);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_RESPONSE);
	client_end(&c);
	/* Half a packet and gone. */
	c = client();
	send_all(&c, "\0\0\0\x09\0\7v", 7);
	client_end(&c);
	tree_free(call(&watcher, "version", NULL));
	client_end(&watcher);
	stop();
}

static void test_load(void)
{
	struct client c;
	struct buf m;
	struct tree *reply, *conns;

	start();
	c = client();
	load_net(&c);
	REQUIRE(config_find_conn(config, "net"));
	m = conn_message("net", "lan", "mode", "beet");
	expect_reply(call(&c, "load-conn", &m), "no",
		     "net.children.lan.mode: 'beet' is not supported: set it to tunnel or transport");
	EXPECT(conn_find_child(config_find_conn(config, "net"), "lan"));
	expect_reply(call(&c, "load-conn", NULL), "no",
		     "expected one section, named as the connection");

	reply = call(&c, "get-conns", NULL);
	conns = tree_find(reply, "conns");
	if (EXPECT(conns && conns->first && !conns->first->next))
		EXPECT_STR(tree_text(conns->first), "net");
	tree_free(reply);

	m = (struct buf)BUF_INIT;
	vici_put(&m, "name", "net");
	expect_reply(call(&c, "unload-conn", &m), "yes", NULL);
	vici_put(&m, "name", "net");
	expect_reply(call(&c, "unload-conn", &m), "no", "unload: connection 'net' not found");
	expect_reply(call(&c, "unload-conn", NULL), "no", "unload: missing connection name");
	expect_reply(call(&c, "redirect", NULL), "no",
		     "not supported yet: peers are not redirected to other gateways (RFC 5685): 'terminate' ends their IKE SAs");
	expect_reply(call(&c, "load-pool", NULL), "no",
		     "not supported yet: ikefpd serves connections, certificates and keys");
	vici_put(&m, "name", "road");
	expect_reply(call(&c, "unload-pool", &m), "no",
		     "pool 'road' not found: ikefpd assigns no virtual IP addresses, and has no pools");
	expect_reply(call(&c, "unload-pool", NULL), "no", "missing pool name");
	client_end(&c);
	stop();
}

static const char *algorithm(const struct tree *reply, const char *type, const char *name)
{
	const struct tree *section = tree_find(reply, type);

	if (!EXPECT(section))
		return NULL;
	return tree_str(section, name);
}

static void test_algorithms(void)
{
	static const char *const empty[] = { "xof", "drbg", "rng", "nonce-gen" };
	struct tree *reply;
	struct client c;

	start();
	c = client();
	reply = call(&c, "get-algorithms", NULL);
	EXPECT_STR(algorithm(reply, "encryption", "AES_CBC"), "kernel");
	EXPECT(!algorithm(reply, "encryption", "AES_GCM_16"));
	EXPECT_STR(algorithm(reply, "aead", "AES_GCM_16"), "kernel");
	EXPECT_STR(algorithm(reply, "aead", "CHACHA20_POLY1305"), "kernel");
	EXPECT(!algorithm(reply, "aead", "AES_CBC"));
	EXPECT_STR(algorithm(reply, "integrity", "HMAC_SHA1_96"), "kernel");
	EXPECT(!algorithm(reply, "integrity", "NONE"));
	EXPECT_STR(algorithm(reply, "hasher", "HASH_SHA2_384"), "openssl");
	EXPECT_STR(algorithm(reply, "prf", "PRF_HMAC_SHA2_512"), "openssl");
	EXPECT_STR(algorithm(reply, "kdf", "KDF_PRF_PLUS"), "openssl");
	EXPECT_STR(algorithm(reply, "ke", "CURVE_25519"), "openssl");
	EXPECT_STR(algorithm(reply, "ke", "MODP_4096"), "openssl");
	EXPECT(!algorithm(reply, "ke", "NONE"));
	/* That of OpenSSL at hand. */
	EXPECT_EQ(!!algorithm(reply, "ke", "ML_KEM_768"), !!dh_public_len(DH_ML_KEM_768));
	for (size_t i = 0; i < sizeof(empty) / sizeof(*empty); i++)
		EXPECT(tree_find(reply, empty[i]) && !tree_find(reply, empty[i])->first);
	tree_free(reply);
	client_end(&c);
	stop();
}

static void put_shared(struct buf *m, const char *id, const char *type,
		       const char *owner)
{
	if (id)
		vici_put(m, "id", "%s", id);
	vici_put(m, "type", "%s", type);
	vici_put_value(m, "data", "a\0b", 3);
	vici_put_list(m, "owners");
	vici_put_item(m, owner);
	vici_put_list_end(m);
}

static void test_shared(void)
{
	struct buf m = BUF_INIT;
	struct client c;
	struct tree *reply;

	start();
	c = client();
	put_shared(&m, "ike-1", "IKE", "a.example");
	expect_reply(call(&c, "load-shared", &m), "yes", NULL);
	put_shared(&m, "ike-1", "ike", "b.example");
	expect_reply(call(&c, "load-shared", &m), "yes", NULL);
	EXPECT(test_secrets_serves(secrets.secrets, "x", "b.example", "a\0b", 3));
	EXPECT(test_secrets_serves(secrets.secrets, "x", "a.example", NULL, 0));
	/* Without an id, the same thing twice is one. */
	put_shared(&m, NULL, "ike", "c.example");
	expect_reply(call(&c, "load-shared", &m), "yes", NULL);
	put_shared(&m, NULL, "ike", "c.example");
	expect_reply(call(&c, "load-shared", &m), "yes", NULL);
	EXPECT(test_secrets_serves(secrets.secrets, "x", "c.example", "a\0b", 3));

	put_shared(&m, "x", "EAP", "c.example");
	expect_reply(call(&c, "load-shared", &m), "no",
		     "shared keys of type 'EAP' are not supported yet");
	expect_reply(call(&c, "load-shared", NULL), "no", "shared key type missing");

	reply = call(&c, "get-shared", NULL);
	if (EXPECT(tree_find(reply, "keys") && tree_find(reply, "keys")->first))
		EXPECT_STR(tree_text(tree_find(reply, "keys")->first), "ike-1");
	tree_free(reply);
	vici_put(&m, "id", "ike-1");
	expect_reply(call(&c, "unload-shared", &m), "yes", NULL);
	vici_put(&m, "id", "ike-1");
	expect_reply(call(&c, "unload-shared", &m), "no", "shared key 'ike-1' not found");
	EXPECT(!secrets_has_ppk(secrets.secrets));
	put_shared(&m, "ppk-1", "PPK", "ppk@example");
	expect_reply(call(&c, "load-shared", &m), "yes", NULL);
	EXPECT(secrets_has_ppk(secrets.secrets));
	reply = call(&c, "get-shared", NULL);
	if (EXPECT(tree_find(reply, "keys") && tree_find(reply, "keys")->first))
		EXPECT_STR(tree_text(tree_find(reply, "keys")->first), "ppk-1");
	tree_free(reply);
	vici_put(&m, "id", "ppk-1");
	expect_reply(call(&c, "unload-shared", &m), "yes", NULL);
	EXPECT(!secrets_has_ppk(secrets.secrets));
	EXPECT(test_secrets_serves(secrets.secrets, "x", "b.example", NULL, 0));
	expect_reply(call(&c, "clear-creds", NULL), "yes", NULL);
	EXPECT(test_secrets_serves(secrets.secrets, "x", "c.example", NULL, 0));
	client_end(&c);
	stop();
}

static int reload(void *data, struct errmsg *err)
{
	return ++*(int *)data == 2 ? errmsg_set(err, "gw.conf:1: no") : 0;
}

static void test_reload(void)
{
	struct client c;
	int calls = 0;

	start();
	c = client();
	expect_reply(call(&c, "reload-settings", NULL), "yes", NULL);
	vici_set_reload(vici, reload, &calls);
	expect_reply(call(&c, "reload-settings", NULL), "yes", NULL);
	expect_reply(call(&c, "reload-settings", NULL), "no", "gw.conf:1: no");
	EXPECT_EQ(calls, 2);
	client_end(&c);
	stop();
}

static struct buf initiate_message(const char *child, const char *timeout)
{
	struct buf m = BUF_INIT;

	if (child)
		vici_put(&m, "child", "%s", child);
	if (timeout)
		vici_put(&m, "timeout", "%s", timeout);
	vici_put(&m, "loglevel", "1");
	return m;
}

static bool saw(const struct client *c, const char *event, const char *text)
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

static void test_initiate(void)
{
	struct client c, other;
	struct buf m;

	start();
	c = client();
	other = client();
	load_net(&c);
	listen_to(&c, "control-log");
	listen_to(&other, "control-log");
	listen_to(&other, "log");
	m = initiate_message("lan", NULL);
	expect_reply(call(&c, "initiate", &m), "yes", NULL);
	EXPECT(saw(&c, "control-log", "initiating IKE_SA"));
	EXPECT(saw(&c, "control-log", "established"));
	EXPECT(!saw(&c, "log", "established"));
	tree_free(call(&other, "version", NULL));
	EXPECT(saw(&other, "log", "established"));
	EXPECT(!saw(&other, "control-log", "established"));

	m = initiate_message("wan", NULL);
	expect_reply(call(&c, "initiate", &m), "no", "CHILD_SA config 'wan' not found");
	m = initiate_message(NULL, NULL);
	expect_reply(call(&c, "initiate", &m), "no", "missing configuration name");

	/* The IKE SA alone. */
	vici_put(&m, "ike", "net");
	expect_reply(call(&c, "initiate", &m), "yes", NULL);
	EXPECT(stub_sas->next && !stub_sas->next->child);
	vici_put(&m, "ike", "wan");
	expect_reply(call(&c, "initiate", &m), "no", "IKE_SA config 'wan' not found");

	stub_outcome = 1;
	vici_put(&m, "ike", "net");
	expect_reply(call(&c, "initiate", &m), "no",
		     "establishing IKE_SA 'net' failed: received NO_PROPOSAL_CHOSEN");
	m = initiate_message("lan", NULL);
	expect_reply(call(&c, "initiate", &m), "no",
		     "establishing CHILD_SA 'lan' failed: received NO_PROPOSAL_CHOSEN");
	stub_outcome = 2;
	m = initiate_message("lan", "30");
	expect_reply(call(&c, "initiate", &m), "no",
		     "CHILD_SA 'lan' not established after 30ms");
	m = initiate_message("lan", "-1");
	expect_reply(call(&c, "initiate", &m), "yes", NULL);
	client_end(&c);
	client_end(&other);
	stop();
}

static void test_pending(void)
{
	struct client c, other;
	struct buf m;

	start();
	c = client();
	other = client();
	load_net(&c);

	/* A second request waits for the first; other clients do not. */
	stub_outcome = 2;
	m = initiate_message("lan", NULL);
	send_packet(&c, VICI_CMD_REQUEST, "initiate", &m);
	send_packet(&c, VICI_CMD_REQUEST, "no-such-command", NULL);
	tree_free(call(&other, "version", NULL));
	loop_turn(stub_loop, 0);
	REQUIRE(stub_sas && stub_sas->job);
	EXPECT_EQ(receive(&c), 0);
	stub_step(&stub_sas->timer);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_RESPONSE);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_UNKNOWN);

	/* A client that goes away leaves its command alone. */
	send_packet(&c, VICI_CMD_REQUEST, "initiate", &m);
	tree_free(call(&other, "version", NULL));
	REQUIRE(stub_sas->next && stub_sas->next->job);
	client_end(&c);
	loop_turn(stub_loop, WAIT_MS);
	EXPECT(!stub_sas->next->job);
	stub_step(&stub_sas->next->timer);
	EXPECT(stub_sas->next->up);

	/* So does the server's end. */
	send_packet(&other, VICI_CMD_REQUEST, "initiate", &m);
	loop_turn(stub_loop, 0);
	REQUIRE(stub_sas->next->next);
	buf_clear(&m);
	stop();
	client_end(&other);
}

/* A command that waits for a token has the loop wait as well, whatever the client sends. */
static void test_waiting(void)
{
	struct buf reply = BUF_INIT;
	uint64_t began;
	struct client c;

	start();
	c = client();
	tree_free(call(&c, "version", NULL));
	vici->clients->token = (struct vici_token *)dir;	/* nobody looks into it */
	send_packet(&c, VICI_CMD_REQUEST, "no-such-command", NULL);
	EXPECT(!shutdown(c.fd, SHUT_WR));
	loop_turn(stub_loop, 0);
	began = loop_now_ms();
	loop_turn(stub_loop, 100);
	EXPECT(loop_now_ms() - began >= 100);
	EXPECT_EQ(receive(&c), 0);
	vici_put_result(&reply, NULL);
	vici_respond(vici->clients, &reply);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_RESPONSE);
	EXPECT_EQ(await(&c, NULL), VICI_CMD_UNKNOWN);
	EXPECT_EQ(await(&c, NULL), -1);
	client_end(&c);
	stop();
}

static void test_terminate(void)
{
	struct client c;
	struct buf m;
	struct tree *reply;

	start();
	c = client();
	load_net(&c);
	for (int i = 0; i < 4; i++) {
		m = initiate_message("lan", NULL);
		expect_reply(call(&c, "initiate", &m), "yes", NULL);
	}
	vici_put(&m, "ike-id", "2");
	reply = call(&c, "terminate", &m);
	EXPECT_STR(tree_str(reply, "matches"), "1");
	EXPECT_STR(tree_str(reply, "terminated"), "1");
	expect_reply(reply, "yes", NULL);
	EXPECT_EQ(stub_sas->next->unique_id, 3);

	vici_put(&m, "child-id", "103");
	vici_put(&m, "force", "yes");
	expect_reply(call(&c, "terminate", &m), "yes", NULL);
	EXPECT_EQ(stub_sas->next->unique_id, 4);

	vici_put(&m, "ike", "net");
	vici_put(&m, "force", "yes");
	reply = call(&c, "terminate", &m);
	EXPECT_STR(tree_str(reply, "matches"), "2");
	expect_reply(reply, "yes", NULL);
	EXPECT(!stub_sas);

	vici_put(&m, "child", "lan");
	reply = call(&c, "terminate", &m);
	EXPECT_STR(tree_str(reply, "matches"), "0");
	expect_reply(reply, "no", "no matching SAs to terminate found");
	expect_reply(call(&c, "terminate", NULL), "no", "missing terminate selector");
	client_end(&c);
	stop();
}

static void test_list_sas(void)
{
	struct client c;
	struct tree *ike, *child;
	struct buf m;

	start();
	c = client();
	load_net(&c);
	for (int i = 0; i < 2; i++) {
		m = initiate_message("lan", NULL);
		expect_reply(call(&c, "initiate", &m), "yes", NULL);
	}
	listen_to(&c, "list-sa");
	tree_free(call(&c, "list-sas", NULL));
	EXPECT_EQ(c.event_count, 2);
	REQUIRE(c.events && c.events->first);
	ike = tree_find(c.events->first, "net");	/* the last comes first */
	REQUIRE(ike);
	EXPECT_STR(tree_str(ike, "uniqueid"), "2");
	EXPECT_STR(tree_str(ike, "version"), "2");
	EXPECT_STR(tree_str(ike, "state"), "ESTABLISHED");
	EXPECT_STR(tree_str(ike, "local-host"), "192.0.2.1");
	EXPECT_STR(tree_str(ike, "remote-host"), "2001:db8::2");
	EXPECT_STR(tree_str(ike, "remote-port"), "4500");
	EXPECT_STR(tree_str(ike, "remote-id"), "right.example");
	EXPECT_STR(tree_str(ike, "initiator"), "yes");
	EXPECT_STR(tree_str(ike, "initiator-spi"), "1122334455667788");
	EXPECT_STR(tree_str(ike, "responder-spi"), "0000000000000099");
	EXPECT_STR(tree_str(ike, "nat-any"), "yes");
	EXPECT(!tree_find(ike, "nat-remote"));
	EXPECT_STR(tree_str(ike, "integ-alg"), "HMAC_SHA2_256_128");
	EXPECT_STR(tree_str(ike, "established"), "61");
	EXPECT_STR(tree_str(ike, "ake2"), "ML_KEM_768");
	EXPECT(!tree_find(ike, "ake1"));
	EXPECT_STR(tree_str(ike, "if-id-out"), "0000002a");
	EXPECT(!tree_find(ike, "if-id-in"));
	child = tree_find(tree_find(ike, "child-sas"), "lan-102");
	REQUIRE(child);
	EXPECT_STR(tree_str(child, "spi-in"), "c0ffee01");
	EXPECT_STR(tree_str(child, "bytes-in"), "8400");
	EXPECT_STR(tree_str(child, "use-in"), "3");
	EXPECT(!tree_find(child, "use-out"));
	EXPECT_STR(tree_str(child, "encr-keysize"), "128");

	c.event_count = 0;
	vici_put(&m, "ike-id", "1");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 1);
	vici_put(&m, "child", "wan");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 1);
	vici_put(&m, "child-id", "102");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 2);
	vici_put(&m, "ike", "wan");
	tree_free(call(&c, "list-sas", &m));
	EXPECT_EQ(c.event_count, 2);
	client_end(&c);
	stop();
}

static void test_list_conns(void)
{
	const struct tree *conn, *child;
	struct buf m = BUF_INIT;
	struct client c;

	start();
	c = client();
	load_net(&c);
	vici_put_section(&m, "far");
	vici_put(&m, "dpd_delay", "2m");
	vici_put(&m, "dpd_timeout", "150");
	vici_put_section(&m, "local");
	vici_put(&m, "auth", "psk");
	vici_put_section_end(&m);
	vici_put_section(&m, "remote");
	vici_put(&m, "auth", "psk");
	vici_put_section_end(&m);
	vici_put_section(&m, "children");
	vici_put_section(&m, "lan");
	vici_put(&m, "priority", "77");
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	vici_put_section_end(&m);
	expect_reply(call(&c, "load-conn", &m), "yes", NULL);
	listen_to(&c, "list-conn");
	tree_free(call(&c, "list-conns", NULL));
	EXPECT_EQ(c.event_count, 2);
	REQUIRE(c.events && c.events->first && c.events->first->next);
	conn = tree_find(c.events->first, "far");	/* the last comes first */
	REQUIRE(conn);
	EXPECT_STR(tree_str(conn, "dpd_delay"), "120");
	EXPECT_STR(tree_str(conn, "dpd_timeout"), "150");
	child = tree_find(tree_find(conn, "children"), "lan");
	REQUIRE(child);
	EXPECT_STR(tree_str(child, "priority"), "77");
	/* Not what is not set. */
	conn = tree_find(c.events->first->next, "net");
	REQUIRE(conn);
	EXPECT(!tree_find(conn, "dpd_delay") && !tree_find(conn, "dpd_timeout"));
	child = tree_find(tree_find(conn, "children"), "lan");
	REQUIRE(child);
	EXPECT(!tree_find(child, "priority"));
	client_end(&c);
	stop();
}

static void test_start_action(void)
{
	struct client c;
	struct buf m;

	start();
	c = client();
	m = conn_message("net", "lan", "start_action", "start");
	expect_reply(call(&c, "load-conn", &m), "yes", NULL);
	EXPECT(stub_sas && !stub_sas->next);
	for (uint64_t end = loop_now_ms() + WAIT_MS;
	     loop_now_ms() < end && stub_sas && !stub_sas->up;)
		loop_turn(stub_loop, 10);
	/* Loaded again, changed or not, what is up is not started again. */
	m = conn_message("net", "lan", "start_action", "start");
	expect_reply(call(&c, "load-conn", &m), "yes", NULL);
	EXPECT(!stub_sas->next);
	EXPECT(stub_loaded == config_find_conn(config, "net"));
	client_end(&c);
	stop();
}

/* A client that never reads: others are served, its log events are dropped. */
static void test_slow_client(void)
{
	static char text[3500];
	struct client slow, c;

	start();
	slow = client();
	c = client();
	listen_to(&slow, "log");
	log_set_stderr(false);
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 2000; i++) {
		log_msg(LOG_IKE, LVL_CTRL, "%s", text);
		loop_turn(stub_loop, 0);
	}
	tree_free(call(&c, "version", NULL));
	/* It did not get 7 MB, but is still a client. */
	tree_free(call(&slow, "version", NULL));
	EXPECT(slow.event_count > 100);
	EXPECT(slow.event_count < 1000);
	log_set_stderr(true);
	client_end(&slow);
	client_end(&c);
	stop();
}

static void test_many_clients(void)
{
	struct client c[70], last;

	start();
	log_set_stderr(false);
	for (int i = 0; i < 70; i++) {
		c[i] = client();
		loop_turn(stub_loop, 0);
	}
	for (int i = 0; i < 64; i++)
		tree_free(call(&c[i], "version", NULL));
	for (int i = 64; i < 70; i++)
		EXPECT_EQ(await(&c[i], NULL), -1);
	client_end(&c[0]);
	loop_turn(stub_loop, 10);
	last = client();
	tree_free(call(&last, "version", NULL));
	client_end(&last);
	for (int i = 1; i < 70; i++)
		client_end(&c[i]);
	log_set_stderr(true);
	stop();
}

static void test_socket(void)
{
	struct errmsg err;
	char want[256], longer[256];
	int fd;

	start();
	/* In use, stale, something else. */
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, path, &err));
	snprintf(want, sizeof(want), "VICI socket %s is in use: stop the other IKE daemon, or set another socket",
		 path);
	EXPECT_STR(err.text, want);
	stop();

	start();
	close(vici->listener.fd);	/* as after a crash: the name stays */
	vici->listener.fd = open("/dev/null", O_RDONLY);
	{
		struct vici *second = vici_new(stub_loop, config, secrets.secrets, path, &err);

		EXPECT(second);
		vici_free(second);
	}
	stop();

	start();
	stop();
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	stub_loop = loop_new();
	config = config_new();
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, path, &err));
	unlink(path);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	EXPECT(!vici_new(stub_loop, config, secrets.secrets, longer, &err));
	EXPECT(strstr(err.text, "longer than 107 characters"));
	EXPECT(!vici_new(stub_loop, config, secrets.secrets,
			 "/nonexistent/vici", &err));
	EXPECT_STR(err.text, "VICI socket /nonexistent/vici: No such file or directory");
	config_free(config);
	loop_free(stub_loop);
}

/* Does the socket let one in who has no rights but this group's? */
static bool lets_in(gid_t group)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct sockaddr_un addr = { .sun_family = AF_UNIX };
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		strcpy(addr.sun_path, path);
		if (setgroups(0, NULL) || setgid(group) || setuid(65534))
			_exit(2);
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			_exit(0);
		_exit(errno == EACCES ? 1 : 2);
	}
	if (!EXPECT(waitpid(pid, &status, 0) == pid && WIFEXITED(status)))
		return false;
	EXPECT(WEXITSTATUS(status) != 2);
	return !WEXITSTATUS(status);
}

/* -g */
static void test_group(void)
{
	const struct group *group;
	char want[256], name[32];
	struct errmsg err;
	struct stat st;
	gid_t gid;

	if (getuid()) {
		ktap_skip("not root");
		return;
	}
	group = getgrgid(1);
	if (!group) {
		ktap_skip("there is no group 1");
		return;
	}
	gid = group->gr_gid;
	snprintf(name, sizeof(name), "%s", group->gr_name);
	start();
	EXPECT(!chmod(dir, 0711));
	EXPECT(!lets_in(gid));
	EXPECT(vici_give(path, "no-such-group", &err));
	EXPECT_STR(err.text, "-g no-such-group: there is no such group");
	EXPECT(!lets_in(gid));
	EXPECT(!vici_give(path, name, &err));
	EXPECT(!stat(path, &st));
	EXPECT_EQ(st.st_uid, 0);
	EXPECT_EQ(st.st_gid, gid);
	EXPECT_EQ(st.st_mode & 0777, 0660);
	EXPECT(lets_in(gid));
	EXPECT(!lets_in(65534));
	EXPECT(!chmod(dir, 0700));
	stop();
	EXPECT(vici_give(path, name, &err));
	snprintf(want, sizeof(want),
		 "VICI socket %s cannot be given to the group %s: No such file or directory",
		 path, name);
	EXPECT_STR(err.text, want);
}

/* Valid packets with octets changed: answers or a closed connection, no crash. */
static void test_mutations(void)
{
	struct buf seed = BUF_INIT, m = conn_message("net", "lan", "mode", "tunnel");
	unsigned int random = 5;
	size_t at;

	start();
	log_set_stderr(false);
	at = vici_packet_start(&seed, VICI_CMD_REQUEST, "load-conn");
	buf_put(&seed, m.data, m.len);
	vici_packet_end(&seed, at);
	for (int round = 0; round < 3000; round++) {
		struct client c = client();
		uint8_t *data = malloc(seed.len);

		REQUIRE(data);
		memcpy(data, seed.data, seed.len);
		for (int i = 0; i <= round % 3; i++) {
			random = random * 1103515245 + 12345;
			data[(random >> 16) % seed.len] = (uint8_t)(random >> 8);
		}
		send_all(&c, data, seed.len);
		for (int i = 0; i < 3; i++)
			loop_turn(stub_loop, 0);
		client_end(&c);
		free(data);
	}
	loop_turn(stub_loop, 0);
	log_set_stderr(true);
	buf_clear(&seed);
	buf_clear(&m);
	stop();
}

static struct buf named(const char *key, const char *value)
{
	struct buf m = BUF_INIT;

	vici_put(&m, key, "%s", value);
	return m;
}

/* The last one, once all that were raised have come. */
static const struct tree *last_event(struct client *c)
{
	tree_free(call(c, "version", NULL));
	return c->events ? c->events->first : NULL;
}

static void test_policies(void)
{
	const struct tree *event;
	struct client c;
	struct buf m;

	start();
	stub_outcome = 0;
	stub_installed = NULL;
	c = client();
	load_net(&c);
	m = named("child", "lan");
	expect_reply(call(&c, "uninstall", &m), "no", "policy 'lan' not found");
	m = named("child", "wan");
	expect_reply(call(&c, "install", &m), "no", "configuration name not found");
	expect_reply(call(&c, "install", NULL), "no", "missing configuration name");
	stub_outcome = 1;
	m = named("child", "lan");
	expect_reply(call(&c, "install", &m), "no", "no route");
	stub_outcome = 0;
	m = named("child", "lan");
	expect_reply(call(&c, "install", &m), "yes", NULL);
	listen_to(&c, "list-policy");
	m = named("trap", "yes");
	tree_free(call(&c, "list-policies", &m));
	event = last_event(&c);
	REQUIRE(event && tree_find(event, "net/lan"));
	EXPECT_STR(tree_str(tree_find(event, "net/lan"), "mode"), "TUNNEL");
	EXPECT_STR(tree_str(tree_find(event, "net/lan"), "ike"), "net");
	EXPECT_EQ(c.event_count, 1);
	/* It is no shunt. */
	m = named("drop", "yes");
	tree_free(call(&c, "list-policies", &m));
	EXPECT_EQ(c.event_count, 1);
	m = named("child", "lan");
	expect_reply(call(&c, "uninstall", &m), "yes", NULL);
	client_end(&c);
	stop();
}

static void test_counters(void)
{
	const struct tree *of;
	struct tree *reply;
	struct client c;
	struct buf m;

	stub_unknown_spis = 70;		/* of the time before */
	start();
	c = client();
	counters_reset_all();
	counters_count_message("net", IKE_AUTH, REQUEST_OUT);
	counters_count_message(NULL, IKE_SA_INIT, REQUEST_IN);
	counters_count_message("net", 99, REQUEST_IN);
	EXPECT_EQ(counters_get(NULL)[COUNTER_IKE_AUTH + REQUEST_OUT], 1);
	EXPECT_EQ(counters_get(NULL)[COUNTER_IKE_INIT + REQUEST_IN], 1);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INFO + REQUEST_IN], 0);
	m = named("name", "other");
	expect_reply(call(&c, "get-counters", &m), "no", "no counters found for this connection");
	m = named("all", "yes");
	reply = call(&c, "get-counters", &m);
	of = tree_find(tree_find(reply, "counters"), "net");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "ike-auth-out-req"), "1");
	EXPECT_STR(tree_str(of, "ike-init-in-req"), "0");
	tree_free(reply);
	stub_unknown_spis = 73;
	tree_free(call(&c, "get-counters", NULL));
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 3);
	/* Those up to now are reset, too. */
	stub_unknown_spis = 75;
	expect_reply(call(&c, "reset-counters", NULL), "yes", NULL);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 0);
	stub_unknown_spis = 76;
	tree_free(call(&c, "get-counters", NULL));
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 1);
	m = named("name", "net");
	expect_reply(call(&c, "reset-counters", &m), "yes", NULL);
	EXPECT_EQ(counters_get("net")[COUNTER_IKE_AUTH + REQUEST_OUT], 0);
	EXPECT_EQ(counters_get(NULL)[COUNTER_INVALID_SPI], 1);
	m = named("all", "yes");
	expect_reply(call(&c, "reset-counters", &m), "yes", NULL);
	EXPECT(!counters_get("net"));
	client_end(&c);
	stop();
}

/* swanctl --monitor-sa */
static void test_events(void)
{
	static const struct ts_list none;
	const struct control_child child = { .name = "lan", .unique_id = 7, .state = "INSTALLED",
					     .local_ts = &none, .remote_ts = &none };
	const struct control_child rekeyed[] = {
		child,
		{ .name = "lan", .unique_id = 8, .state = "INSTALLED", .local_ts = &none,
		  .remote_ts = &none },
	};
	const struct control_ike successor = { .name = "net", .unique_id = 4,
					       .state = "ESTABLISHED" };
	struct control_ike ike = { .name = "net", .unique_id = 3, .state = "ESTABLISHED" };
	const struct tree *of, *event;
	struct endpoint elsewhere;
	struct client c;

	start();
	c = client();
	endpoint_parse(&ike.local, "192.0.2.1", 500);
	endpoint_parse(&ike.remote, "192.0.2.2", 500);
	listen_to(&c, "ike-updown");
	listen_to(&c, "ike-rekey");
	listen_to(&c, "ike-update");
	listen_to(&c, "child-updown");
	listen_to(&c, "child-rekey");
	stub_watcher.fn(CONTROL_IKE_UP, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "ike-updown");
	EXPECT_STR(tree_str(event, "up"), "yes");
	EXPECT_STR(tree_str(tree_find(event, "net"), "uniqueid"), "3");
	ike.successor = &successor;
	stub_watcher.fn(CONTROL_IKE_REKEY, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "ike-rekey");
	EXPECT(!tree_find(event, "up"));
	of = tree_find(event, "net");
	REQUIRE(of);
	EXPECT_STR(tree_str(tree_find(of, "old"), "uniqueid"), "3");
	EXPECT_STR(tree_str(tree_find(of, "new"), "uniqueid"), "4");
	ike.successor = NULL;
	endpoint_parse(&elsewhere, "203.0.113.9", 4567);
	ike.new_local = &ike.local;
	ike.new_remote = &elsewhere;
	stub_watcher.fn(CONTROL_IKE_UPDATE, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "ike-update");
	EXPECT_STR(tree_str(event, "local-host"), "192.0.2.1");
	EXPECT_STR(tree_str(event, "local-port"), "500");
	EXPECT_STR(tree_str(event, "remote-host"), "203.0.113.9");
	EXPECT_STR(tree_str(event, "remote-port"), "4567");
	of = tree_find(event, "net");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "uniqueid"), "3");
	EXPECT_STR(tree_str(of, "remote-host"), "192.0.2.2");
	EXPECT_STR(tree_str(of, "remote-port"), "500");
	EXPECT(!tree_find(of, "child-sas"));
	ike.new_local = ike.new_remote = NULL;
	ike.children = &child;
	ike.child_count = 1;
	stub_watcher.fn(CONTROL_CHILD_DOWN, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "child-updown");
	EXPECT(!tree_find(event, "up"));
	of = tree_find(tree_find(tree_find(event, "net"), "child-sas"), "lan-7");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "name"), "lan");
	ike.children = rekeyed;
	ike.child_count = 2;
	stub_watcher.fn(CONTROL_CHILD_REKEY, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "child-rekey");
	EXPECT(!tree_find(event, "up"));
	of = tree_find(tree_find(tree_find(event, "net"), "child-sas"), "lan");
	REQUIRE(of);
	EXPECT_STR(tree_str(tree_find(of, "old"), "uniqueid"), "7");
	EXPECT_STR(tree_str(tree_find(of, "new"), "uniqueid"), "8");
	client_end(&c);
	stop();
	EXPECT(!stub_watcher.fn);
}

static const struct ktap_test tests[] = {
	{ "protocol", test_protocol },
	{ "malformed", test_malformed },
	{ "load", test_load },
	{ "algorithms", test_algorithms },
	{ "shared", test_shared },
	{ "reload", test_reload },
	{ "initiate", test_initiate },
	{ "pending", test_pending },
	{ "waiting", test_waiting },
	{ "terminate", test_terminate },
	{ "list_sas", test_list_sas },
	{ "list_conns", test_list_conns },
	{ "start_action", test_start_action },
	{ "slow_client", test_slow_client },
	{ "many_clients", test_many_clients },
	{ "socket", test_socket },
	{ "group", test_group },
	{ "policies", test_policies },
	{ "counters", test_counters },
	{ "events", test_events },
	{ "mutations", test_mutations },
};

int main(int argc, char **argv)
{
	int ret;

	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	ret = ktap_main(argc, argv, tests, sizeof(tests) / sizeof(*tests));
	rmdir(dir);
	return ret;
}
