// SPDX-License-Identifier: GPL-2.0
/* VICI's server: packets, whole and broken, and its clients, slow, many and gone. */
#include <errno.h>
#include <sys/stat.h>

#include "libvici.h"

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

static const struct ktap_test tests[] = {
	{ "protocol", test_protocol },
	{ "malformed", test_malformed },
	{ "pending", test_pending },
	{ "waiting", test_waiting },
	{ "slow_client", test_slow_client },
	{ "many_clients", test_many_clients },
	{ "mutations", test_mutations },
};

VICI_MAIN(tests)
