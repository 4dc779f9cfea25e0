// SPDX-License-Identifier: GPL-2.0
/* The events of VICI: those that swanctl --monitor-sa shows, and alerts. */
#include "libvici.h"

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
	stub_watcher.event(CONTROL_IKE_UP, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "ike-updown");
	EXPECT_STR(tree_str(event, "up"), "yes");
	EXPECT_STR(tree_str(tree_find(event, "net"), "uniqueid"), "3");
	ike.successor = &successor;
	stub_watcher.event(CONTROL_IKE_REKEY, &ike, stub_watcher.data);
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
	stub_watcher.event(CONTROL_IKE_UPDATE, &ike, stub_watcher.data);
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
	stub_watcher.event(CONTROL_CHILD_DOWN, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "child-updown");
	EXPECT(!tree_find(event, "up"));
	of = tree_find(tree_find(tree_find(event, "net"), "child-sas"), "lan-7");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "name"), "lan");
	ike.children = rekeyed;
	ike.child_count = 2;
	stub_watcher.event(CONTROL_CHILD_REKEY, &ike, stub_watcher.data);
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
	EXPECT(!stub_watcher.event);
}

/* Of an IKE SA, or of none; each has a name of its own. */
static void test_alerts(void)
{
	struct control_ike ike = { .name = "net", .unique_id = 3, .state = "CONNECTING" };
	const struct tree *event, *of;
	struct client c;

	start();
	c = client();
	endpoint_parse(&ike.local, "192.0.2.1", 500);
	endpoint_parse(&ike.remote, "192.0.2.2", 500);
	stub_watcher.alert(ALERT_PEER_AUTH_FAILED, &ike, stub_watcher.data);
	EXPECT(!last_event(&c));
	listen_to(&c, "alert");
	stub_watcher.alert(ALERT_PEER_AUTH_FAILED, &ike, stub_watcher.data);
	event = last_event(&c);
	REQUIRE(event);
	EXPECT_STR(event->name, "alert");
	EXPECT_STR(tree_str(event, "type"), "peer-auth-failed");
	of = tree_find(tree_find(event, "ike-sa"), "net");
	REQUIRE(of);
	EXPECT_STR(tree_str(of, "uniqueid"), "3");
	EXPECT_STR(tree_str(of, "state"), "CONNECTING");
	EXPECT_STR(tree_str(of, "remote-host"), "192.0.2.2");
	EXPECT(!tree_find(of, "child-sas"));
	for (enum control_alert a = 0; a <= ALERT_CERT_POLICY_VIOLATION; a++) {
		stub_watcher.alert(a, NULL, stub_watcher.data);
		event = last_event(&c);
		REQUIRE(event);
		EXPECT(!tree_find(event, "ike-sa"));
		EXPECT(tree_str(event, "type"));
		for (const struct tree *e = event->next; e && e->next; e = e->next)
			EXPECT(strcmp(tree_str(e, "type"), tree_str(event, "type")));
	}
	EXPECT_EQ(c.event_count, ALERT_CERT_POLICY_VIOLATION + 2);
	client_end(&c);
	stop();
}

/* Whoever sends us messages has them made: they do not end a client that is slow. */
static void test_many_alerts(void)
{
	struct control_ike ike = { .name = "net", .state = "CONNECTING" };
	struct client c;

	start();
	c = client();
	endpoint_parse(&ike.local, "192.0.2.1", 500);
	endpoint_parse(&ike.remote, "192.0.2.2", 500);
	listen_to(&c, "alert");
	for (int i = 0; i < 40000; i++)
		stub_watcher.alert(ALERT_HALF_OPEN_TIMEOUT, &ike, stub_watcher.data);
	tree_free(call(&c, "version", NULL));
	EXPECT(c.event_count > 1000 && c.event_count < 40000);
	client_end(&c);
	stop();
}

static const struct ktap_test tests[] = {
	{ "events", test_events },
	{ "alerts", test_alerts },
	{ "many_alerts", test_many_alerts },
};

VICI_MAIN(tests)
