// SPDX-License-Identifier: GPL-2.0
/* What is loaded over VICI: connections, secrets, and the file once more. */
#include "libvici.h"

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

static const struct ktap_test tests[] = {
	{ "load", test_load },
	{ "shared", test_shared },
	{ "reload", test_reload },
	{ "start_action", test_start_action },
};

VICI_MAIN(tests)
