// SPDX-License-Identifier: GPL-2.0
/* What the ikefp command prints, as text and as JSON. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "ikefp.h"
#include "ktap.h"

static struct sockaddr_storage addr(const char *text, uint16_t port, uint32_t scope)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		ss.ss_family = AF_INET;
		in->sin_port = htons(port);
	} else if (EXPECT(inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)) {
		ss.ss_family = AF_INET6;
		in6->sin6_port = htons(port);
		in6->sin6_scope_id = scope;
	}
	return ss;
}

static void expect_address(struct sockaddr_storage ss, const char *want)
{
	char buf[ADDRESS_TEXT];

	EXPECT_STR(address_text(&ss, buf), want);
}

static void test_addresses(void)
{
	struct sockaddr_storage none = { 0 };
	json_t *json;

	expect_address(addr("192.0.2.1", 500, 0), "192.0.2.1:500");
	expect_address(addr("2001:db8::1", 4500, 0), "[2001:db8::1]:4500");
	expect_address(addr("fe80::1", 500, 3), "[fe80::1%3]:500");
	expect_address(addr("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65535,
			    4294967295u),
		       "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
	expect_address(none, "-");
	json = address_json(&none);
	EXPECT(json_is_null(json));
	json_decref(json);
}

static void test_durations(void)
{
	char buf[DURATION_TEXT];

	EXPECT_STR(us_text(0, buf), "0.000 ms");
	EXPECT_STR(us_text(41203, buf), "41.203 ms");
	EXPECT_STR(us_text(1500000, buf), "1.500 s");
	EXPECT_STR(ms_text(999, buf), "999 ms");
	EXPECT_STR(ms_text(1000, buf), "1 s");
	EXPECT_STR(ms_text(59999, buf), "59 s");
	EXPECT_STR(ms_text(200000, buf), "3 min 20 s");
	EXPECT_STR(ms_text(7500000, buf), "2 h 5 min");
	EXPECT_STR(ms_text(273600000, buf), "3 d 4 h");
	EXPECT(strlen(ms_text(UINT64_MAX, buf)) < sizeof(buf));
}

static void test_names(void)
{
	EXPECT_STR(kind_name(IKEFP_LISTENER_KIND_NATT), "natt");
	EXPECT_STR(role_name(IKEFP_ROLE_RESPONDER), "responder");
	EXPECT_STR(state_name(IKEFP_SA_STATE_LINGERING), "lingering");
	EXPECT_STR(state_name(99), "unknown");
	EXPECT_STR(exchange_name(35), "IKE_AUTH");
	EXPECT_STR(exchange_name(0), "unknown");
	EXPECT_STR(exchange_name(255), "unknown");
	/* Each kind of event has a name. */
	for (int i = 0; i <= IKEFP_EVENT_KIND_SA_DEAD; i++)
		EXPECT(strcmp(event_name(i), "unknown"));
}

static struct snapshot example(void)
{
	static struct ikefp_listener_info listeners[2];
	static struct ikefp_stream_info streams[1];
	static struct ikefp_sa_info sa;
	static struct ikefp_worker_info worker = { .worker = 4711, .sas = 1 };
	struct snapshot s = {
		.listeners = listeners, .listener_count = 2,
		.streams = streams, .stream_count = 1,
		.workers = &worker, .worker_count = 1, .sas = &sa, .sa_count = 1,
	};

	listeners[0] = (struct ikefp_listener_info){ IKEFP_LISTENER_KIND_IKE,
						     addr("0.0.0.0", 500, 0) };
	listeners[1] = (struct ikefp_listener_info){ IKEFP_LISTENER_KIND_NATT,
						     addr("::", 4500, 0) };
	streams[0] = (struct ikefp_stream_info){
		.stream = 7, .originator = true, .worker = 4711, .sas = 1,
		.endpoint = { addr("192.0.2.1", 40000, 0), addr("192.0.2.2", 443, 0), 7 },
	};
	sa = (struct ikefp_sa_info){
		.spi = 0x0123456789abcdef, .peer_spi = UINT64_MAX,
		.role = IKEFP_ROLE_INITIATOR, .state = IKEFP_SA_STATE_ESTABLISHED,
		.endpoint = { addr("192.0.2.1", 4500, 0), addr("192.0.2.2", 4500, 0), 7 },
		.srtt_us = 41203, .rttvar_us = 2000, .rto_ms = 200, .outstanding = 1,
		.tries = 2, .message_id_out = 3, .message_id_in = 0, .age_ms = 61000,
		.messages_in = 4, .messages_out = 5, .retransmits = 1, .duplicates = 1,
		.worker = 4711, .stash_len = 300,
		.behind_nat = true, .follow = true, .liveness_ms = 30000, .dscp = 46,
		.heard_ms = 2000,
		.esp_pairs = 1, .window_in = 4, .window_out = 16,
		.unanswered = { 1, 2, UINT32_MAX }, .unanswered_count = 3,
	};
	s.stats.value[IKEFP_A_STATS_SAS] = 1;
	s.stats.value[IKEFP_A_STATS_RX_MESSAGES] = 12;
	s.stats.value[IKEFP_A_STATS_TX_MESSAGES] = 11;
	s.stats.value[IKEFP_A_STATS_RETRANSMITS] = 1;
	s.stats.value[IKEFP_A_STATS_DROP_INTEGRITY] = 7;
	s.stats.value[IKEFP_A_STATS_DROP_WAITING_LIMIT] = 3;
	s.policy.set[IKEFP_A_POLICY_RTO_MIN_MS] = true;
	s.policy.value[IKEFP_A_POLICY_RTO_MIN_MS] = 200;
	return s;
}

static void test_show_text(void)
{
	struct snapshot s = example();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	REQUIRE(out);
	show_text(out, &s);
	fclose(out);
	EXPECT_STR(text,
		   "summary:   1 SA: 0 half-open, 1 established, 0 lingering; 0 orphans; 1 worker\n"
		   "           messages: 12 in, 11 out, 1 retransmitted, 10 dropped\n"
		   "listeners: 0.0.0.0:500                  ike\n"
		   "           [::]:4500                    natt\n"
		   "streams:   7: 192.0.2.1:40000 - 192.0.2.2:443, opened, 1 SA\n"
		   "workers:   4711                         1 SA\n"
		   "\n"
		   "sa: 0123456789abcdef\n"
		   "  state:       established, initiator, for 1 min 1 s\n"
		   "  peer spi:    ffffffffffffffff\n"
		   "  endpoints:   192.0.2.1:4500 - 192.0.2.2:4500\n"
		   "  stream:      7\n"
		   "  dscp:        46\n"
		   "  round trip:  41.203 ms, variation 2.000 ms\n"
		   "  timeout:     200 ms\n"
		   "  worker:      4711\n"
		   "  outstanding: 1 request, sent 2 times\n"
		   "  message ids: next out 3, next in 0\n"
		   "  windows:     16 out, 4 in\n"
		   "  unanswered:  1, 2, 4294967295\n"
		   "  messages:    4 in, 5 out, 1 retransmitted, 1 duplicate\n"
		   "  peer:        heard 2 s ago, asked after 30 s, followed where it moves; keepalives to the NAT\n"
		   "  esp:         1 pair of SAs\n"
		   "\n"
		   "counters:  sas                          1\n"
		   "           rx-messages                  12\n"
		   "           tx-messages                  11\n"
		   "           retransmits                  1\n"
		   "           drop-integrity               7\n"
		   "           drop-waiting-limit           3\n");
	free(text);
}

/* The daemon is dead. */
static void test_show_orphans(void)
{
	struct snapshot s = example();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	REQUIRE(out);
	s.worker_count = 0;
	s.sas[0].worker = 0;
	s.sas[0].waiting = 2;
	s.stats.value[IKEFP_A_STATS_ORPHANS] = 1;
	show_text(out, &s);
	fclose(out);
	EXPECT(strstr(text, "; 1 orphan; 0 workers\n"));
	EXPECT(strstr(text, "\nno workers: is ikefpd running?\n"));
	EXPECT(strstr(text, "\n  worker:      none (orphan), 2 upcalls waiting\n"));
	free(text);
}

/* A request has its outcome: there is nothing to list. */
static void test_show_none_unanswered(void)
{
	struct snapshot s = example();
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	json_t *json, *list;

	REQUIRE(out);
	s.sas[0].unanswered_count = 0;
	show_text(out, &s);
	fclose(out);
	EXPECT(!strstr(text, "unanswered"));
	free(text);
	json = show_json(&s);
	REQUIRE(json);
	list = json_object_get(json_array_get(json_object_get(json, "sas"), 0), "unanswered");
	EXPECT(json_is_array(list));
	EXPECT_EQ(json_array_size(list), 0);
	json_decref(json);
}

static void test_policy(void)
{
	static const char *const refused[] = {
		"orphan-ms", "orphan-ms=", "orphan-ms=-1", "orphan-ms=+1", "orphan-ms= 1",
		"orphan-ms=1s", "orphan-ms=0x10", "orphan-ms=4294967296",
		"orphan-ms=99999999999999999999999", "orphan-m=1", "=1", "", "pad=1",
		"tries=3",
	};
	struct ikefp_policy policy = { 0 };
	FILE *to, *said = stderr;
	char *text = NULL;
	size_t len;

	EXPECT_EQ(policy_parse("orphan-ms=4294967295", &policy), 0);
	EXPECT_EQ(policy_parse("tries=0", &policy), 0);
	EXPECT(policy.set[IKEFP_A_POLICY_ORPHAN_MS] && policy.set[IKEFP_A_POLICY_TRIES]);
	EXPECT_EQ(policy.value[IKEFP_A_POLICY_ORPHAN_MS], 4294967295);
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		char *why = NULL;

		stderr = open_memstream(&why, &len);
		EXPECT_EQ(policy_parse(refused[i], &policy), -1);
		fclose(stderr);
		stderr = said;
		EXPECT(strstr(why, "ikefp policy: "));
		free(why);
	}
	to = open_memstream(&text, &len);
	REQUIRE(to);
	policy_text(to, &policy);
	fclose(to);
	EXPECT_STR(text, "tries=0\norphan-ms=4294967295\n");
	free(text);
}

/* Each setting and counter of the family has its name here. */
static void test_family_names(void)
{
	for (int i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++)
		EXPECT(ikefp_policy_name(i));
	for (int i = IKEFP_A_STATS_PAD + 1; i <= IKEFP_A_STATS_MAX; i++)
		EXPECT(ikefp_stats_name(i));
}

static void test_show_json(void)
{
	struct snapshot s = example();
	json_t *json = show_json(&s), *sa, *unanswered;

	REQUIRE(json);
	EXPECT_EQ(json_array_size(json_object_get(json, "listeners")), 2);
	EXPECT_EQ(json_array_size(json_object_get(json, "streams")), 1);
	sa = json_array_get(json_object_get(json, "sas"), 0);
	EXPECT_STR(json_string_value(json_object_get(sa, "spi")), "0123456789abcdef");
	EXPECT_EQ(json_integer_value(json_object_get(sa, "srtt-us")), 41203);
	EXPECT_EQ(json_integer_value(json_object_get(sa, "worker")), 4711);
	EXPECT_EQ(json_integer_value(json_object_get(sa, "dscp")), 46);
	EXPECT_EQ(json_integer_value(json_object_get(sa, "window-in")), 4);
	EXPECT_EQ(json_integer_value(json_object_get(sa, "window-out")), 16);
	unanswered = json_object_get(sa, "unanswered");
	EXPECT_EQ(json_array_size(unanswered), 3);
	EXPECT_EQ(json_integer_value(json_array_get(unanswered, 0)), 1);
	EXPECT_EQ(json_integer_value(json_array_get(unanswered, 2)), UINT32_MAX);
	EXPECT_EQ(json_array_size(json_object_get(json, "workers")), 1);
	EXPECT_EQ(json_integer_value(json_object_get(json_object_get(sa, "remote"),
						     "port")), 4500);
	EXPECT_EQ(json_object_size(json_object_get(json, "counters")), IKEFP_A_STATS_MAX - 1);
	EXPECT_EQ(json_integer_value(json_object_get(json_object_get(json, "policy"),
						     "rto-min-ms")), 200);
	json_decref(json);
}

static void expect_event(const struct ikefp_event *event, const char *text,
			 const char *json)
{
	char *line = NULL, *dump;
	size_t len;
	FILE *out = open_memstream(&line, &len);
	json_t *object = event_json(event);

	REQUIRE(out && object);
	event_text(out, event);
	fclose(out);
	EXPECT_STR(line, text);
	free(line);
	dump = json_dumps(object, JSON_COMPACT);
	EXPECT_STR(dump, json);
	free(dump);
	json_decref(object);
}

static void test_events(void)
{
	struct ikefp_event event = {
		.event = IKEFP_EVENT_KIND_LISTENER_ADDED,
		.listener_kind = IKEFP_LISTENER_KIND_IKE,
	};

	event.endpoint.local = addr("192.0.2.1", 500, 0);
	expect_event(&event, "listener-added   192.0.2.1:500 ike\n",
		     "{\"event\":\"listener-added\",\"local\":{\"address\":\"192.0.2.1\",\"port\":500},\"kind\":\"ike\"}");
	event = (struct ikefp_event){ .event = IKEFP_EVENT_KIND_WORKER_ATTACHED, .worker = 7 };
	expect_event(&event, "worker-attached  7\n",
		     "{\"event\":\"worker-attached\",\"worker\":7}");
	event = (struct ikefp_event){
		.event = IKEFP_EVENT_KIND_SA_CREATED, .spi = 1,
		.role = IKEFP_ROLE_RESPONDER,
	};
	expect_event(&event, "sa-created       0000000000000001 responder half-open\n",
		     "{\"event\":\"sa-created\",\"spi\":\"0000000000000001\",\"peer-spi\":null,\"role\":\"responder\",\"state\":\"half-open\"}");
	event = (struct ikefp_event){
		.event = IKEFP_EVENT_KIND_SA_ADOPTED, .spi = 1, .worker = 7,
		.role = IKEFP_ROLE_RESPONDER, .state = IKEFP_SA_STATE_ESTABLISHED,
	};
	expect_event(&event, "sa-adopted       0000000000000001 responder established by 7\n",
		     "{\"event\":\"sa-adopted\",\"worker\":7,\"spi\":\"0000000000000001\",\"peer-spi\":null,\"role\":\"responder\",\"state\":\"established\"}");
	event = (struct ikefp_event){
		.event = IKEFP_EVENT_KIND_RETRANSMIT, .spi = 1, .peer_spi = 2,
		.exchange_type = 35, .message_id = 1, .tries = 3, .waited_ms = 1400,
	};
	expect_event(&event,
		     "retransmit       0000000000000001 peer 0000000000000002 IKE_AUTH request 1, sent 3 times, waited 1 s\n",
		     "{\"event\":\"retransmit\",\"exchange\":\"IKE_AUTH\",\"message-id\":1,\"tries\":3,\"waited-ms\":1400,\"spi\":\"0000000000000001\",\"peer-spi\":\"0000000000000002\"}");
}

static const struct ktap_test tests[] = {
	{ "addresses", test_addresses },
	{ "durations", test_durations },
	{ "names", test_names },
	{ "show_text", test_show_text },
	{ "show_text, orphans", test_show_orphans },
	{ "show, nothing unanswered", test_show_none_unanswered },
	{ "show_json", test_show_json },
	{ "policy", test_policy },
	{ "names of settings and counters", test_family_names },
	{ "events", test_events },
};

KTAP_MAIN(tests)
