// SPDX-License-Identifier: GPL-2.0
/*
 * IKE SAs by TCP connections: who opens them, when, and what becomes of IKE SAs when they end;
 * and what auto makes of UDP that does not pass. Connections are made up here.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "ike_reauth.h"
#include "ktap.h"
#include "libnet.h"
#include "stream.h"
#include "tcp_connect.h"
#include "transport.h"

#define LEFT "192.0.2.1"
#define RIGHT "192.0.2.2"
#define WAIT_MS 20000

static struct net net;
static struct host *left, *right;

/* The one that is being opened. */
struct tcp_connect {
	struct endpoint local, remote;
	uint8_t dscp;
	tcp_connect_fn done;
	void *arg;
};

static struct tcp_connect *under_way;
static unsigned int begun;

int tcp_connect_begin(struct tcp_connect **c, struct loop *loop, const struct endpoint *local,
		      const struct endpoint *remote, uint8_t dscp, uint64_t limit_ms,
		      tcp_connect_fn done, void *arg)
{
	(void)loop;
	(void)limit_ms;
	assert(!under_way);
	under_way = malloc(sizeof(*under_way));
	assert(under_way);
	*under_way = (struct tcp_connect){ *local, *remote, dscp, done, arg };
	*c = under_way;
	begun++;
	return 0;
}

void tcp_connect_cancel(struct tcp_connect *c)
{
	if (!c)
		return;
	assert(c == under_way);
	free(under_way);
	under_way = NULL;
}

/* A socket that has that address and a port, which is all that is asked of it. */
static int bound(const struct endpoint *local)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = endpoint_to_sockaddr(local, &ss);
	const int on = 1;

	assert(fd >= 0 && !setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)));
	assert(!bind(fd, (struct sockaddr *)&ss, len));
	return fd;
}

static void connected(int err)
{
	struct tcp_connect c;

	REQUIRE(under_way);
	c = *under_way;
	free(under_way);
	under_way = NULL;
	c.done(c.arg, err ? -1 : bound(&c.local), err);
	net_run(&net);
}

/* Until the next one is being opened, which takes a moment. */
static void wait_begun(void)
{
	const uint64_t end = loop_now_ms() + WAIT_MS;

	while (!under_way && loop_now_ms() < end)
		loop_turn(left->loop, 50);
	REQUIRE(under_way);
}

/* What they do not have in common. */
static const char *first_settings = "";

static const char *conf(bool of_left, const char *settings)
{
	static char text[4096];
	const char *me = of_left ? "left" : "right", *peer = of_left ? "right" : "left";
	int a = of_left ? 1 : 2, b = of_left ? 2 : 1;
	size_t len = 0;

	len += snprintf(text, sizeof(text), "connections {\n");
	for (int i = 0; i < 2; i++)
		len += snprintf(text + len, sizeof(text) - len,
				"  gw%d {\n    local_addrs = %s\n    remote_addrs = %s\n"
				"    proposals = aes128gcm16-prfsha256-x25519\n%s\n%s\n"
				"    local {\n      auth = psk\n      id = %s%d.example\n    }\n"
				"    remote {\n      auth = psk\n      id = %s%d.example\n    }\n"
				"    children {\n      net {\n local_ts = 10.%d.%d.0/24\n"
				" remote_ts = 10.%d.%d.0/24\n esp_proposals = aes128gcm16\n }\n"
				"    }\n  }\n",
				i, of_left ? LEFT : RIGHT, of_left ? RIGHT : LEFT, settings,
				i ? "" : first_settings, me, i,
				peer, i, a, i, b, i);
	snprintf(text + len, sizeof(text) - len,
		 "}\nsecrets {\n  ike {\n secret = \"the shared secret\"\n }\n}\n");
	return text;
}

static void initiate(const char *name)
{
	struct conn *conn = config_find_conn(left->config, name);

	ike_manager_initiate(&left->manager, conn, conn_find_child(conn, "net"), NULL);
	net_run(&net);
}

static void begin(const char *settings)
{
	begun = 0;
	left = net_host(&net, LEFT, NULL, conf(true, settings));
	right = net_host(&net, RIGHT, NULL, conf(false, settings));
	initiate("gw0");
}

static void end(void)
{
	net_clear(&net);
	REQUIRE(!under_way);
}

static void bring_up(const char *settings)
{
	begin(settings);
	wait_begun();
	connected(0);
	REQUIRE(host_established(left) && host_established(right));
}

/* By which TCP connection; 0: UDP. */
static uint32_t left_stream(void)
{
	return host_established(left)->local.stream;
}

static uint32_t right_stream(void)
{
	return host_established(right)->local.stream;
}

static const char tcp[] = "transport = tcp\n tcp_remote_port = 443";
static const char udp_first[] = "transport = auto";

/* From our address to the peer's, at the port that is configured; what comes later shares it. */
static void opened(void)
{
	begin(tcp);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_STR(ike_sa_state_name(left->manager.sas), "CREATED");
	EXPECT_EQ(net.sent, 0);
	wait_begun();
	EXPECT_EQ(under_way->remote.port, 443);
	EXPECT(endpoint_same_addr(&under_way->remote, &right->addr));
	EXPECT(endpoint_same_addr(&under_way->local, &left->addr));
	connected(0);
	REQUIRE(host_established(left) && host_established(right));
	EXPECT_EQ(left_stream(), 2);
	EXPECT_EQ(right_stream(), 3);
	EXPECT(host_established(left)->stream && !host_established(right)->stream);
	EXPECT_EQ(host_established(right)->local.port, 443);
	/* XFRM makes ESP in UDP, without a NAT, too, and nothing of IKE leaves in fragments. */
	EXPECT(host_established(left)->children->encap);
	EXPECT(left->fragments && !left->fragment_size);
	initiate("gw1");
	EXPECT_EQ(host_ike_sas(left), 2);
	EXPECT_EQ(begun, 1);
	end();
}

/* Only of connections whose packets are marked alike, and marked as those before. */
static void marked(void)
{
	first_settings = "dscp = 101110";
	begin(tcp);
	wait_begun();
	EXPECT_EQ(under_way->dscp, 46);
	connected(0);
	EXPECT_EQ(left_stream(), 2);
	initiate("gw1");
	wait_begun();
	EXPECT_EQ(begun, 2);
	EXPECT_EQ(under_way->dscp, 0);
	connected(0);
	EXPECT_EQ(host_ike_sas(left), 2);
	EXPECT_EQ(left->manager.sas->local.stream + left->manager.sas->next->local.stream, 2 + 4);
	net_cut(left, 2);
	wait_begun();
	EXPECT_EQ(under_way->dscp, 46);
	connected(0);

	/* So does the next daemon, whatever is configured then. */
	host_die(left);
	first_settings = "";
	EXPECT_EQ(host_start(left, conf(true, tcp)).resumed, 2);
	net_cut(left, 6);
	wait_begun();
	EXPECT_EQ(under_way->dscp, 46);
	connected(0);
	net_cut(left, 4);
	wait_begun();
	EXPECT_EQ(under_way->dscp, 0);
	connected(0);
	end();
}

/* A peer's: as the connection has it that fits its addresses best. */
static void accepted(const char *settings, int want)
{
	const struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listening = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char text[512];
	int octet = -1;

	snprintf(text, sizeof(text), "connections {\n any {\n dscp = 001010\n local {\n auth = psk\n }\n"
		 " remote {\n auth = psk\n }\n }\n here {\n %s\n remote_addrs = 127.0.0.1\n"
		 " local {\n auth = psk\n }\n remote {\n auth = psk\n }\n }\n}\n", settings);
	right = net_host(&net, RIGHT, NULL, text);
	REQUIRE(!bind(listening, (const struct sockaddr *)&any, sizeof(any)) &&
		!listen(listening, 1) && !getsockname(listening, (struct sockaddr *)&ss, &len) &&
		!connect(fd, (struct sockaddr *)&ss, len));
	stream_accepted(&right->manager, accept(listening, NULL, NULL));
	len = sizeof(octet);
	REQUIRE(!getsockopt(right->accepted, IPPROTO_IP, IP_TOS, &octet, &len));
	EXPECT_EQ(octet, want << 2);
	close(right->accepted);
	close(listening);
	close(fd);
	end();
}

static void marked_by_addresses(void)
{
	accepted("dscp = 101110", 46);
	accepted("", 0);
	accepted("local_addrs = 192.0.2.99", 10);
}

/* Whoever has rekeyed it, and however often. */
static void reopened(void)
{
	uint64_t spi;

	bring_up(tcp);
	ike_manager_rekey_ike(&right->manager, host_established(right)->unique_id);
	net_run(&net);
	host_end_lingering(left);
	EXPECT(!host_established(left)->initiator);
	EXPECT(host_established(left)->stream);
	EXPECT_EQ(left_stream(), 2);
	spi = host_established(left)->spi_i;
	for (uint32_t id = 4; id <= 8; id += 2) {
		net_cut(left, id - 2);
		EXPECT_EQ(host_ike_sas(left), 1);
		wait_begun();
		connected(0);
		/* The responder has been asked, and follows. */
		EXPECT_EQ(left_stream(), id);
		EXPECT_EQ(right_stream(), id + 1);
		EXPECT_EQ(host_established(left)->active.type, TASK_NONE);
		EXPECT_EQ(host_established(left)->children->local.port,
			  host_established(left)->local.port);
	}
	EXPECT_EQ(host_established(left)->spi_i, spi);
	EXPECT_EQ(host_states(left), 2);
	end();
}

/* What was asked before it ended is asked by the next one. */
static void outstanding(void)
{
	struct ike_sa *sa;

	bring_up(tcp);
	net.open[0] = false;
	sa = host_established(left);
	ike_manager_rekey_ike(&left->manager, sa->unique_id);
	net_run(&net);
	EXPECT_EQ(host_established(left)->active.type, TASK_REKEY_IKE);
	stream_closed(&left->manager, 2);
	wait_begun();
	connected(0);
	host_end_lingering(left);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(left_stream(), 4);
	EXPECT_EQ(right_stream(), 5);
	end();
}

/* While the shared secret is being made of the answer that came by it. */
static void cut_in_handshake(void)
{
	begin(tcp);
	wait_begun();
	net_keep_busy(&net);
	connected(0);
	net_cut(left, 2);
	net_let_go(&net);
	EXPECT(!host_established(left));
	wait_begun();
	connected(0);
	EXPECT(host_established(left));
	end();
}

/* Before anything has gone by it, and before that was said. */
static void ended_already(void)
{
	begin(tcp);
	wait_begun();
	net.stillborn = true;
	connected(0);
	net.stillborn = false;
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(begun, 1);
	stream_closed(&left->manager, 2);
	wait_begun();
	connected(0);
	REQUIRE(host_established(left));
	EXPECT_EQ(left_stream(), 4);
	/* Another one's. */
	net.open[1] = false;
	initiate("gw1");
	EXPECT_EQ(host_ike_sas(left), 2);
	stream_closed(&left->manager, 4);
	wait_begun();
	connected(0);
	EXPECT_EQ(host_ike_sas(left), 2);
	for (const struct ike_sa *sa = left->manager.sas; sa; sa = sa->next)
		EXPECT(sa->state == IKE_ESTABLISHED && sa->local.stream == 6);
	end();
}

/* Nor does what is to go by the peer's, which opens the next one for the old IKE SA alone. */
static void peers_has_ended(void)
{
	struct ike_sa *old;
	uint32_t id;

	bring_up(tcp);
	old = host_established(right);
	id = old->unique_id;
	net.open[0] = false;
	ike_reauth_start(old);
	EXPECT_EQ(host_ike_sas(right), 1);
	EXPECT(!ike_reauth_is_under_way(old));
	stream_closed(&left->manager, 2);
	wait_begun();
	connected(0);
	EXPECT_EQ(right_stream(), 5);
	ike_reauth_start(old);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_ike_sas(right), 1);
	REQUIRE(host_established(right));
	EXPECT(host_established(right)->unique_id > id);
	end();
}

/* Again and again, for a minute. */
static void refused(void)
{
	begin(tcp);
	wait_begun();
	connected(-ECONNREFUSED);
	EXPECT_EQ(host_ike_sas(left), 1);
	wait_begun();
	EXPECT_EQ(begun, 2);
	left->manager.sas->created_ms -= 60000;
	connected(-ETIMEDOUT);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT(!left->manager.streams);

	/* One that is established stays, however long that takes. */
	initiate("gw0");
	wait_begun();
	connected(0);
	net_cut(left, 2);
	host_established(left)->created_ms -= 60000;
	wait_begun();
	connected(-ECONNREFUSED);
	EXPECT(host_established(left));
	wait_begun();
	connected(0);
	EXPECT_EQ(left_stream(), 4);
	end();
}

/* As often as keyingtries says, a minute each time. */
static void tried_again(void)
{
	begin("transport = tcp\nkeyingtries = 2\n");
	wait_begun();
	left->manager.sas->created_ms -= 60000;
	connected(-ECONNREFUSED);
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT(!left->manager.streams);
	wait_begun();
	connected(-ECONNREFUSED);
	EXPECT_EQ(host_ike_sas(left), 1);
	wait_begun();
	left->manager.sas->created_ms -= 60000;
	connected(-ECONNREFUSED);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT(!left->manager.streams);
	end();
}

/* Nothing goes on for who is gone. */
static void given_up(void)
{
	begin(tcp);
	wait_begun();
	ike_manager_terminate_ike(&left->manager, left->manager.sas->unique_id, false, NULL);
	EXPECT(!under_way);
	EXPECT(!left->manager.streams);
	end();

	bring_up(tcp);
	net_cut(left, 2);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, true, NULL);
	EXPECT(!left->manager.streams);
	/* Nor is one that was open there for ever. */
	initiate("gw0");
	wait_begun();
	connected(0);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	EXPECT_EQ(host_ike_sas(left), 0);
	EXPECT(left->manager.streams);
	net_cut(left, 4);
	EXPECT(!left->manager.streams);
	end();
}

/* The next daemon knows whose it is to open it, and whether it is open. */
static void resumed(void)
{
	bring_up(tcp);
	host_die(left);
	EXPECT_EQ(host_start(left, conf(true, tcp)).resumed, 1);
	EXPECT_EQ(begun, 1);
	REQUIRE(host_established(left)->stream);
	EXPECT_EQ(left_stream(), 2);
	net_cut(left, 2);
	wait_begun();
	connected(0);
	EXPECT_EQ(left_stream(), 4);
	EXPECT_EQ(right_stream(), 5);
	/* Meanwhile it has ended. */
	host_die(left);
	net_cut(left, 4);
	EXPECT_EQ(host_start(left, conf(true, tcp)).resumed, 1);
	wait_begun();
	connected(0);
	EXPECT_EQ(left_stream(), 6);
	EXPECT_EQ(right_stream(), 7);
	/* The one who has accepted it opens none. */
	host_die(right);
	net_cut(left, 6);
	EXPECT_EQ(host_start(right, conf(false, tcp)).resumed, 1);
	EXPECT(!host_established(right)->stream);
	wait_begun();
	connected(0);
	EXPECT_EQ(right_stream(), 9);
	end();
}

static enum fate no_udp(struct net *n, unsigned int index, bool raw)
{
	(void)n;
	(void)index;
	(void)raw;
	return LOSE;
}

static void not_answered(void)
{
	for (int i = 0; i < 3; i++)
		net_retransmit(&net);
}

/* By UDP first; then all anew, and what was learnt holds. */
static void fall_back(void)
{
	uint64_t spi;

	net.fate = no_udp;
	begin(udp_first);
	spi = left->manager.sas->spi_i;
	EXPECT_EQ(net.sent, 1);
	net_retransmit(&net);
	net_retransmit(&net);
	loop_turn(left->loop, 200);
	loop_turn(left->loop, 200);
	EXPECT_EQ(begun, 0);
	net_retransmit(&net);
	wait_begun();
	connected(0);
	REQUIRE(host_established(left));
	EXPECT_EQ(left_stream(), 2);
	EXPECT(host_established(left)->spi_i != spi);
	EXPECT_EQ(host_kernel_sas(left), 1);
	EXPECT_EQ(host_kernel_sas(right), 1);
	net.sent = 0;
	initiate("gw1");
	EXPECT_EQ(host_ike_sas(left), 2);
	/* By the same connection, without a word by UDP. */
	EXPECT_EQ(net.sent, 4);
	EXPECT_EQ(begun, 1);
	end();
}

/* UDP was slow, and passes; and where TCP is refused. */
static void late_answer(void)
{
	net.fate = no_udp;
	begin(udp_first);
	not_answered();
	wait_begun();
	connected(-ECONNREFUSED);
	EXPECT_EQ(host_ike_sas(left), 1);
	net.fate = NULL;
	net_retransmit(&net);
	REQUIRE(host_established(left));
	EXPECT_EQ(left_stream(), 0);
	EXPECT(!left->manager.streams);
	end();
}

/* What was remembered is no more so when TCP is refused. */
static void no_tcp_any_more(void)
{
	net.fate = no_udp;
	begin(udp_first);
	not_answered();
	wait_begun();
	connected(0);
	ike_manager_terminate_ike(&left->manager, host_established(left)->unique_id, false, NULL);
	net_run(&net);
	net_cut(left, 2);
	net.fate = NULL;
	net.sent = 0;
	initiate("gw0");
	EXPECT_EQ(net.sent, 0);
	wait_begun();
	connected(-ECONNREFUSED);
	REQUIRE(host_established(left));
	EXPECT_EQ(left_stream(), 0);
	end();
}

/* The one by TCP stays until the other one is there, and for good where nothing comes of that. */
static void probed(void)
{
	uint64_t spi;

	net.fate = no_udp;
	begin(udp_first);
	not_answered();
	wait_begun();
	connected(0);
	spi = host_established(left)->spi_i;
	initiate("gw1");
	transport_network_changed(&left->manager);
	loop_turn(left->loop, 1000);
	EXPECT_EQ(host_ike_sas(left), 3);
	not_answered();
	for (int i = 0; i < 20 && host_ike_sas(left) > 2; i++)
		loop_turn(left->loop, 50);
	EXPECT_EQ(host_ike_sas(left), 2);
	EXPECT_EQ(host_established(left)->spi_i, spi);
	EXPECT_EQ(left_stream(), 2);

	net.fate = NULL;
	transport_network_changed(&left->manager);
	/* Not at once again. */
	EXPECT_EQ(loop_turn(left->loop, 0), 0);
	EXPECT_EQ(host_ike_sas(left), 2);
	for (int i = 0; i < 200 && host_ike_sas(left) == 2; i++)
		loop_turn(left->loop, 50);
	net_run(&net);
	host_end_lingering(left);
	/* Both have come back. */
	EXPECT_EQ(host_ike_sas(left), 2);
	for (const struct ike_sa *sa = left->manager.sas; sa; sa = sa->next)
		EXPECT(sa->state == IKE_ESTABLISHED && !sa->local.stream && !sa->stream);
	EXPECT(!left->manager.tcp_paths);
	end();
}

/* TCP's first one ends before anything has gone by it, and the next one is refused. */
static void ended_already_by_auto(void)
{
	net.fate = no_udp;
	begin(udp_first);
	not_answered();
	wait_begun();
	net.stillborn = true;
	connected(0);
	net.stillborn = false;
	EXPECT_EQ(host_ike_sas(left), 1);
	EXPECT_EQ(host_kernel_sas(left), 0);
	stream_closed(&left->manager, 2);
	wait_begun();
	net.fate = NULL;
	connected(-ECONNREFUSED);
	REQUIRE(host_established(left));
	EXPECT_EQ(left_stream(), 0);
	EXPECT(!left->manager.streams);
	end();
}

static const struct ktap_test tests[] = {
	{ "opened, and shared", opened },
	{ "dscp", marked },
	{ "dscp of a peer's connection", marked_by_addresses },
	{ "opened again", reopened },
	{ "what is outstanding", outstanding },
	{ "cut in the handshake", cut_in_handshake },
	{ "ended already", ended_already },
	{ "ended already, the peer's", peers_has_ended },
	{ "refused", refused },
	{ "tried again", tried_again },
	{ "given up", given_up },
	{ "by the next daemon", resumed },
	{ "auto falls back", fall_back },
	{ "auto has a late answer", late_answer },
	{ "auto, and TCP ends already", ended_already_by_auto },
	{ "auto, and TCP is refused later", no_tcp_any_more },
	{ "auto comes back", probed },
};

KTAP_MAIN(tests)
