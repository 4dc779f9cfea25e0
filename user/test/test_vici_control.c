// SPDX-License-Identifier: GPL-2.0
/* What is set up and taken down over VICI: IKE SAs, Child SAs, policies. */
#include "libvici.h"

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

static const struct ktap_test tests[] = {
	{ "initiate", test_initiate },
	{ "terminate", test_terminate },
	{ "policies", test_policies },
};

VICI_MAIN(tests)
