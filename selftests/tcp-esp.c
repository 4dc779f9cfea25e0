// SPDX-License-Identifier: GPL-2.0
/*
 * ESP by TCP streams (RFC 9329): XFRM's states are of ESP in UDP, and their packets go and come
 * by the stream of their IKE SA. The module is in two namespaces with a wire between them that
 * no UDP passes, and each has an end of the connection; or the test has the other end, reads
 * what the stream carries, or reads nothing.
 */

#include "kselftest_harness.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"
#include "tcp.h"

#define SPI 0x0102030405060708ull
#define PORT 4500
#define TO_OUTSIDE 0xc0000001u
#define TO_INSIDE 0xc0000002u
#define KEY "0x000102030405060708090a0b0c0d0e0f10111213"
#define INIT_LEN 64

/* One end: a namespace, and the module in it. */
struct end {
	struct client *client;
	int netns;
	const char *addr;
	uint32_t stream;
	uint64_t spi;
};

FIXTURE(tcp_esp)
{
	struct end inside, outside;
	uint8_t octets[2000];
};

FIXTURE_VARIANT(tcp_esp)
{
	const char *inside, *outside, *elsewhere, *any;
	const char *inner_inside, *inner_outside; /* of the tunnel */
	int prefix;
};

FIXTURE_VARIANT_ADD(tcp_esp, v4) {
	.inside = "10.0.0.1", .outside = "10.0.0.2", .elsewhere = "10.0.0.3", .any = "0.0.0.0",
	.inner_inside = "10.1.0.1", .inner_outside = "10.2.0.1", .prefix = 32,
};

FIXTURE_VARIANT_ADD(tcp_esp, v6) {
	.inside = "fd00::1", .outside = "fd00::2", .elsewhere = "fd00::3", .any = "::",
	.inner_inside = "fd01::1", .inner_outside = "fd02::1", .prefix = 128,
};

static void end_open(struct end *end, const char *addr)
{
	netns_enter(end->netns);
	end->addr = addr;
	end->client = client_open(CLIENT_WORKER);
	client_let_all_in(end->client);
	/* What a firewall does that lets nothing but TCP pass. */
	run("nft 'table inet firewall { chain in { type filter hook prerouting priority raw; "
	    "udp dport %d drop; }; }'", PORT);
}

FIXTURE_SETUP(tcp_esp)
{
	size_t i;

	self->outside.netns = netns_new();
	self->inside.netns = netns_new();
	netns_wire(self->inside.netns, self->outside.netns);
	end_open(&self->outside, variant->outside);
	end_open(&self->inside, variant->inside);
	for (i = 0; i < sizeof(self->octets); i++)
		self->octets[i] = i * 7 + (i >> 8);
}

FIXTURE_TEARDOWN(tcp_esp)
{
	client_close(self->inside.client);
	client_close(self->outside.client);
}

static void must(struct end *end, int err, const char *what)
{
	if (err)
		die("%s: %s", what, ikefp_nl_error(end->client->nl));
}

/* A connection from the inside; its ends. */
static void connection(FIXTURE_DATA(tcp_esp) *self, int *opened, int *accepted)
{
	struct sockaddr_storage accepts = address(self->outside.addr, PORT);
	struct sockaddr_storage opens = address(self->inside.addr, 0);
	int listening;

	netns_enter(self->outside.netns);
	listening = tcp_listen(&accepts);
	netns_enter(self->inside.netns);
	*opened = tcp_connect(&opens, &accepts);
	*accepted = tcp_accept(listening);
	close(listening);
}

static void hand_down(struct end *end, int fd, bool originator)
{
	netns_enter(end->netns);
	must(end, ikefp_stream_add(end->client->nl, fd, originator,
				   ikefp_worker_portid(end->client->nl), &end->stream),
	     "stream-add");
}

static void connect_ends(FIXTURE_DATA(tcp_esp) *self)
{
	int opened, accepted;

	connection(self, &opened, &accepted);
	hand_down(&self->inside, opened, true);
	hand_down(&self->outside, accepted, false);
	netns_enter(self->inside.netns);
}

static void establish(struct end *end, uint64_t peer_spi, const struct sk_keys *keys)
{
	const struct ikefp_keys for_module = sk_keys_for_module(keys);
	const struct ikefp_sa_change change = {
		.spi = end->spi, .peer_spi = peer_spi, .keys = &for_module, .established = true,
	};

	must(end, ikefp_sa_set(end->client->nl, &change), "sa-set");
}

static void set_esp(struct end *end, uint64_t spi, uint32_t in, uint32_t out)
{
	uint8_t spis[8];
	const struct ikefp_octets octets = { spis, in ? sizeof(spis) : 0 };
	const struct ikefp_sa_change change = { .spi = spi, .esp_spis = &octets };

	put32(spis, in);
	put32(spis + 4, out);
	must(end, ikefp_sa_set(end->client->nl, &change), "sa-set esp-spis");
}

static void move_sa(struct end *end)
{
	const struct ikefp_endpoint endpoint = { .stream = end->stream };
	const struct ikefp_sa_change change = { .spi = end->spi, .endpoint = &endpoint };

	must(end, ikefp_sa_set(end->client->nl, &change), "sa-set stream");
}

/* An IKE SA by the stream, which the inside begins, and its pair of ESP SAs. */
static void set_up(FIXTURE_DATA(tcp_esp) *self)
{
	struct end *inside = &self->inside, *outside = &self->outside;
	struct ikefp_endpoint endpoint = {};
	uint8_t octets[INIT_LEN];
	struct ikefp_message_out message = { .raw = true, .payload = { octets, INIT_LEN } };
	struct sk_keys keys;

	connect_ends(self);
	inside->spi = SPI;
	endpoint.stream = inside->stream;
	must(inside, ikefp_sa_new(inside->client->nl, SPI, &endpoint), "sa-new");
	ike_put_init(octets, SPI, 0, 1, INIT_LEN);
	message.spi = SPI;
	must(inside, ikefp_message_send(inside->client->nl, &message, NULL), "raw request");
	outside->spi = client_wait_message(outside->client)->spi;
	ike_put_init(octets, SPI, outside->spi, 2, INIT_LEN);
	message.spi = outside->spi;
	must(outside, ikefp_message_send(outside->client->nl, &message, NULL), "raw response");
	if (!client_wait_message(inside->client)->response)
		die("no answer to IKE_SA_INIT");
	sk_keys_make(&keys, &sk_algorithms[0]);
	establish(outside, 0, &keys);
	establish(inside, outside->spi, &keys);
	set_esp(inside, inside->spi, TO_INSIDE, TO_OUTSIDE);
	set_esp(outside, outside->spi, TO_OUTSIDE, TO_INSIDE);
}

static void add_state(const struct end *from, const struct end *to, uint32_t spi,
		      const char *mode, const char *any)
{
	run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode %s replay-window 32 "
	    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp %d %d %s",
	    from->addr, to->addr, spi, mode, PORT, PORT, any);
}

/* All UDP to port 7777 between the two is to come, and go, as ESP. */
static void transport_mode(FIXTURE_DATA(tcp_esp) *self, const FIXTURE_VARIANT(tcp_esp) *variant)
{
	struct end *inside = &self->inside, *outside = &self->outside, *end;
	int i;

	for (i = 0; i < 2; i++) {
		end = i ? inside : outside;
		netns_enter(end->netns);
		add_state(inside, outside, TO_OUTSIDE, "transport", variant->any);
		add_state(outside, inside, TO_INSIDE, "transport", variant->any);
		run("for way in 'src %s dst %s' 'src %s dst %s'; do for dir in in out; do "
		    "ip xfrm policy add $way proto udp dport 7777 dir $dir tmpl proto esp "
		    "mode transport; done; done",
		    inside->addr, outside->addr, outside->addr, inside->addr);
	}
	netns_enter(inside->netns);
}

static int udp_at(const struct end *end, int port)
{
	struct sockaddr_storage addr = address(end->addr, port);

	netns_enter(end->netns);
	return udp_open(&addr);
}

static void expect_passes(struct __test_metadata *_metadata, int from, int to,
			  const struct end *end, const uint8_t *octets, size_t len)
{
	struct sockaddr_storage addr = address(end->addr, 7777);
	uint8_t got[2048];

	udp_send(from, &addr, octets, len);
	ASSERT_EQ((ssize_t)len, udp_receive(to, got, sizeof(got), PATIENCE_MS, NULL, NULL));
	EXPECT_EQ(0, memcmp(octets, got, len));
}

TEST_F(tcp_esp, transport)
{
	int in, out;
	size_t i;

	set_up(self);
	transport_mode(self, variant);
	out = udp_at(&self->outside, 7777);
	in = udp_at(&self->inside, 7777);
	client_count_anew(self->inside.client);
	client_count_anew(self->outside.client);
	for (i = 0; i < 10; i++) {
		expect_passes(_metadata, in, out, &self->outside, self->octets, 1 + i * 130);
		expect_passes(_metadata, out, in, &self->inside, self->octets, 1 + i * 130);
	}
	EXPECT_COUNTED(self->inside.client, "rx-esp+10 tx-esp+10");
	EXPECT_COUNTED(self->outside.client, "rx-esp+10 tx-esp+10");
	close(in);
	close(out);
}

/* Of ESP that no IKE SA by a stream has, nothing is taken: it goes as XFRM has made it. */
TEST_F(tcp_esp, others_esp)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	int in, raw;

	set_up(self);
	transport_mode(self, variant);
	run("ip xfrm state flush");
	add_state(&self->inside, &self->outside, TO_OUTSIDE + 100, "transport", variant->any);
	netns_enter(self->outside.netns);
	run("nft flush ruleset");
	raw = udp_at(&self->outside, PORT);
	in = udp_at(&self->inside, 7777);
	client_count_anew(self->inside.client);
	udp_send(in, &to, self->octets, 100);
	EXPECT_LT(100, udp_receive(raw, self->octets, sizeof(self->octets), PATIENCE_MS, NULL,
				   NULL));
	EXPECT_EQ(TO_OUTSIDE + 100, get32(self->octets));
	/* Nor is what somebody sends who is not XFRM, whatever it looks like. */
	to = address(variant->outside, PORT);
	put32(self->octets, TO_OUTSIDE);
	udp_send(in, &to, self->octets, 100);
	EXPECT_EQ(100, udp_receive(raw, self->octets, sizeof(self->octets), PATIENCE_MS, NULL,
				   NULL));
	EXPECT_COUNTED(self->inside.client, "");
	close(in);
	close(raw);
}

/* No ESP leaves as UDP while there is no stream; by the next it goes, the states as they are. */
TEST_F(tcp_esp, other_stream)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	uint32_t first_in, first_out;
	struct upcall *upcall;
	uint8_t octet;
	int in, out;

	set_up(self);
	transport_mode(self, variant);
	out = udp_at(&self->outside, 7777);
	in = udp_at(&self->inside, 7777);
	expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	first_in = self->inside.stream;
	first_out = self->outside.stream;
	ASSERT_EQ(0, ikefp_stream_del(self->inside.client->nl, first_in));
	upcall = client_wait(self->outside.client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_STREAM_CLOSED, upcall->kind);
	EXPECT_EQ(first_out, upcall->stream);
	client_count_anew(self->inside.client);
	client_count_anew(self->outside.client);
	udp_send(in, &to, self->octets, 100);
	EXPECT_COUNTED(self->inside.client, "drop-stream-closed+1");
	EXPECT_EQ(-1, udp_receive(out, &octet, 1, 20, NULL, NULL));

	connect_ends(self);
	move_sa(&self->inside);
	expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	/* Whoever accepted follows an authentic IKE message. */
	must(&self->inside, ikefp_message_send(self->inside.client->nl,
					       &(struct ikefp_message_out){
						       .spi = self->inside.spi,
						       .exchange_type = INFORMATIONAL }, NULL),
	     "INFORMATIONAL");
	upcall = client_wait(self->outside.client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_MOVED, upcall->kind);
	EXPECT_EQ(self->outside.stream, upcall->endpoint.stream);
	expect_passes(_metadata, out, in, &self->inside, self->octets, 100);
	close(in);
	close(out);
}

/* What is inside has another address, and the other end a route to it. */
static void be_elsewhere(FIXTURE_DATA(tcp_esp) *self, const FIXTURE_VARIANT(tcp_esp) *variant)
{
	netns_enter(self->inside.netns);
	run("ip address add %s/%d dev wire %s", variant->elsewhere, variant->prefix,
	    variant->prefix == 128 ? "nodad" : "");
	if (variant->prefix == 128)
		netns_await_local(variant->elsewhere);
	netns_enter(self->outside.netns);
	run("ip route add %s dev wire", variant->elsewhere);
	self->inside.addr = variant->elsewhere;
}

/* The next stream is from another address, and the SA goes by it; the helper is told. */
static void come_from_elsewhere(struct __test_metadata *_metadata, FIXTURE_DATA(tcp_esp) *self,
				const FIXTURE_VARIANT(tcp_esp) *variant)
{
	struct upcall *upcall;

	be_elsewhere(self, variant);
	connect_ends(self);
	move_sa(&self->inside);
	must(&self->inside, ikefp_message_send(self->inside.client->nl,
					       &(struct ikefp_message_out){
						       .spi = self->inside.spi,
						       .exchange_type = INFORMATIONAL }, NULL),
	     "INFORMATIONAL");
	upcall = client_wait(self->outside.client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	ASSERT_EQ(UPCALL_MOVED, upcall->kind);
}

/*
 * The helper says that states are to lead elsewhere before it moves them: until it has, they lead
 * where they did, and are the SA's there, too. When it says so again they do no more.
 */
TEST_F(tcp_esp, about_to_move)
{
	struct sockaddr_storage to = address(variant->inside, 7777);
	int out, raw;

	set_up(self);
	transport_mode(self, variant);
	raw = udp_at(&self->inside, PORT);
	out = udp_at(&self->outside, 7777);
	come_from_elsewhere(_metadata, self, variant);
	set_esp(&self->outside, self->outside.spi, TO_OUTSIDE, TO_INSIDE);
	client_count_anew(self->outside.client);
	udp_send(out, &to, self->octets, 100);
	EXPECT_COUNTED(self->outside.client, "tx-esp+1");
	set_esp(&self->outside, self->outside.spi, TO_OUTSIDE, TO_INSIDE);
	netns_enter(self->inside.netns);
	run("nft flush ruleset");
	client_count_anew(self->outside.client);
	udp_send(out, &to, self->octets, 100);
	ASSERT_LT(100, udp_receive(raw, self->octets, sizeof(self->octets), PATIENCE_MS, NULL,
				   NULL));
	EXPECT_COUNTED(self->outside.client, "");
	close(out);
	close(raw);
}

/*
 * A peer comes by a stream from elsewhere: what states send there is its own only when the helper
 * says so. It may be another peer's, behind the same NAT, with the same SPI.
 */
TEST_F(tcp_esp, from_elsewhere)
{
	struct sockaddr_storage to = address(variant->elsewhere, 7777);
	int in, out, raw;

	set_up(self);
	netns_enter(self->inside.netns);
	run("nft flush ruleset");
	come_from_elsewhere(_metadata, self, variant);
	transport_mode(self, variant);
	raw = udp_at(&self->inside, PORT);
	in = udp_at(&self->inside, 7777);
	out = udp_at(&self->outside, 7777);
	client_count_anew(self->outside.client);
	udp_send(out, &to, self->octets, 100);
	ASSERT_LT(100, udp_receive(raw, self->octets, sizeof(self->octets), PATIENCE_MS, NULL,
				   NULL));
	EXPECT_EQ(TO_INSIDE, get32(self->octets));
	EXPECT_COUNTED(self->outside.client, "");
	set_esp(&self->outside, self->outside.spi, TO_OUTSIDE, TO_INSIDE);
	expect_passes(_metadata, out, in, &self->inside, self->octets, 100);
	EXPECT_COUNTED(self->outside.client, "tx-esp+1");
	close(in);
	close(out);
	close(raw);
}

/* What XFRM tells of mappings that NATs have changed, in the thread's namespace. */
static int mapping_monitor(void)
{
	const struct sockaddr_nl all = {
		.nl_family = AF_NETLINK, .nl_groups = 1 << (XFRMNLGRP_MAPPING - 1),
	};
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);

	if (sock < 0 || bind(sock, (const struct sockaddr *)&all, sizeof(all)))
		die("no XFRM socket");
	return sock;
}

static bool mapping_told(int monitor)
{
	char octets[1024];

	return recv(monitor, octets, sizeof(octets), MSG_DONTWAIT) >= 0;
}

/*
 * Whatever port its stream comes from, and whatever address: to XFRM the peer is where its states
 * have it, and no packet has it tell of a mapping that has changed.
 */
TEST_F(tcp_esp, no_mapping)
{
	int in, out, monitor, i;

	set_up(self);
	transport_mode(self, variant);
	out = udp_at(&self->outside, 7777);
	monitor = mapping_monitor();
	in = udp_at(&self->inside, 7777);
	for (i = 0; i < 3; i++)
		expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	EXPECT_FALSE(mapping_told(monitor));

	be_elsewhere(self, variant);
	connect_ends(self);
	move_sa(&self->inside);
	self->inside.addr = variant->inside;
	for (i = 0; i < 3; i++)
		expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	EXPECT_FALSE(mapping_told(monitor));
	close(monitor);
	close(in);
	close(out);
}

/* An IKE SA and the one in its place have the same ESP SAs for a time. */
TEST_F(tcp_esp, rekeyed)
{
	struct sk_keys keys;
	struct ikefp_keys for_module;
	const struct ikefp_sa_rekeyed rekeyed = {
		.spi = SPI, .new_spi = SPI + 1, .peer_spi = SPI + 2,
		.role = IKEFP_ROLE_INITIATOR, .keys = &for_module,
	};
	struct sockaddr_storage to = address(variant->outside, 7777);
	int in, out;

	set_up(self);
	transport_mode(self, variant);
	out = udp_at(&self->outside, 7777);
	in = udp_at(&self->inside, 7777);
	sk_keys_make(&keys, &sk_algorithms[0]);
	for_module = sk_keys_for_module(&keys);
	ASSERT_EQ(0, ikefp_sa_rekey(self->inside.client->nl, &rekeyed));
	set_esp(&self->inside, SPI + 1, TO_INSIDE, TO_OUTSIDE);
	expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	client_count_anew(self->inside.client);
	ASSERT_EQ(0, ikefp_sa_del(self->inside.client->nl, SPI));
	expect_passes(_metadata, in, out, &self->outside, self->octets, 100);
	EXPECT_COUNTED(self->inside.client, "sas-1 tx-esp+1");
	/* It has none any more: it goes as UDP, which does not pass. */
	set_esp(&self->inside, SPI + 1, 0, 0);
	udp_send(in, &to, self->octets, 100);
	EXPECT_EQ(-1, udp_receive(out, self->octets, 100, 20, NULL, NULL));
	EXPECT_COUNTED(self->inside.client, "");
	close(in);
	close(out);
}

struct sender {
	int sock;
	size_t len;
};

static void *send_all(void *arg)
{
	struct sender *sender = arg;
	uint8_t octets[8192];
	size_t at, i;

	for (at = 0; at < sender->len; at += sizeof(octets)) {
		for (i = 0; i < sizeof(octets); i++)
			octets[i] = (at + i) * 31 >> 3;
		tcp_send(sender->sock, octets, sizeof(octets));
	}
	return NULL;
}

/* Much by a tunnel, a TCP connection in it, whose sender slows down where the stream is full. */
TEST_F_TIMEOUT(tcp_esp, tunnel, 120)
{
	struct sender sender = { .len = 4 << 20 };
	struct end *inside = &self->inside, *outside = &self->outside;
	struct sockaddr_storage in_addr = address(variant->inner_inside, 0);
	struct sockaddr_storage out_addr = address(variant->inner_outside, 80);
	uint8_t got[8192];
	pthread_t thread;
	int listening, receiver, i;
	bool same = true;
	size_t at, j;

	set_up(self);
	for (i = 0; i < 2; i++) {
		struct end *end = i ? inside : outside;
		const char *here = i ? variant->inner_inside : variant->inner_outside;
		const char *there = i ? variant->inner_outside : variant->inner_inside;

		netns_enter(end->netns);
		add_state(inside, outside, TO_OUTSIDE, "tunnel", variant->any);
		add_state(outside, inside, TO_INSIDE, "tunnel", variant->any);
		run("ip address add %s/%d dev lo %s", here, variant->prefix,
		    variant->prefix == 128 ? "nodad" : "");
		run("ip route add %s/%d via %s dev wire src %s", there, variant->prefix,
		    i ? outside->addr : inside->addr, here);
		run("ip xfrm policy add src %s dst %s dir out tmpl src %s dst %s proto esp "
		    "mode tunnel", here, there, end->addr, i ? outside->addr : inside->addr);
		run("ip xfrm policy add src %s dst %s dir in tmpl src %s dst %s proto esp "
		    "mode tunnel", there, here, i ? outside->addr : inside->addr, end->addr);
		if (variant->prefix == 128)
			netns_await_local(here);
	}
	netns_enter(outside->netns);
	listening = tcp_listen(&out_addr);
	netns_enter(inside->netns);
	sender.sock = tcp_connect(&in_addr, &out_addr);
	receiver = tcp_accept(listening);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_all, &sender));
	for (at = 0; at < sender.len; at += sizeof(got)) {
		ASSERT_TRUE(tcp_receive(receiver, got, sizeof(got), PATIENCE_MS));
		for (j = 0; j < sizeof(got); j++)
			same &= got[j] == (uint8_t)((at + j) * 31 >> 3);
	}
	EXPECT_TRUE(same);
	pthread_join(thread, NULL);
	EXPECT_LT(2000, client_counter(inside->client, IKEFP_A_STATS_TX_ESP));
	EXPECT_EQ(1, client_counter(inside->client, IKEFP_A_STATS_STREAMS));
	close(sender.sock);
	close(receiver);
	close(listening);
}

/* The test has the other end of the stream, and the module's SA, of that SPI, goes by it. */
static struct peer *peer_outside_spi(FIXTURE_DATA(tcp_esp) *self, uint64_t spi)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	uint8_t prefix[STREAM_PREFIX_LEN];
	int opened;

	if (!peer)
		die("out of memory");
	connection(self, &opened, &peer->sock);
	peer->local = udp_local(peer->sock);
	peer->kernel = tcp_remote(peer->sock);
	peer->marker = true;
	hand_down(&self->inside, opened, true);
	peer->stream = self->inside.stream;
	if (!tcp_receive(peer->sock, prefix, sizeof(prefix), PATIENCE_MS))
		die("no prefix");
	peer_init_kernel_initiates(peer, self->inside.client, spi, &sk_algorithms[0]);
	peer_establish(peer, self->inside.client);
	return peer;
}

static struct peer *peer_outside(FIXTURE_DATA(tcp_esp) *self)
{
	struct peer *peer = peer_outside_spi(self, SPI);

	peer_esp(peer, self->inside.client, TO_INSIDE, TO_OUTSIDE);
	return peer;
}

static void set_marked_esp(struct end *end, uint64_t spi, uint32_t in, uint32_t out,
			   uint32_t mark_out)
{
	const uint32_t marks[2] = { 0, mark_out };
	const struct ikefp_octets of_marks = { marks, sizeof(marks) };
	uint8_t spis[8];
	const struct ikefp_octets octets = { spis, sizeof(spis) };
	const struct ikefp_sa_change change = {
		.spi = spi, .esp_spis = &octets, .esp_marks = &of_marks,
	};

	put32(spis, in);
	put32(spis + 4, out);
	must(end, ikefp_sa_set(end->client->nl, &change), "sa-set esp-spis");
}

/*
 * Two peers at one address, behind a NAT, have chosen one SPI, which marks tell apart; and a third
 * one, which goes by UDP. What is one's does not go to another.
 */
TEST_F(tcp_esp, marks)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	struct client *client = self->inside.client;
	uint8_t frame[STREAM_SIZE];
	struct peer *peers[2];
	int in, raw, mark, i;

	for (i = 0; i < 2; i++)
		peers[i] = peer_outside_spi(self, SPI + 1 + i);
	netns_enter(self->outside.netns);
	run("nft flush ruleset");
	raw = udp_at(&self->outside, PORT);
	in = udp_at(&self->inside, 7777);
	for (mark = 1; mark <= 3; mark++) {
		/* That of the second is another one behind the mark. */
		run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode transport "
		    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp %d %d %s "
		    "mark %d mask 0xff %s",
		    self->inside.addr, self->outside.addr, TO_OUTSIDE, PORT, PORT, variant->any,
		    mark, mark == 2 ? "output-mark 0x502" : "");
		run("ip xfrm policy add src %s dst %s proto udp dport 7777 dir out mark %d mask "
		    "0xff tmpl proto esp mode transport",
		    self->inside.addr, self->outside.addr, mark);
	}
	for (i = 0; i < 2; i++)
		set_marked_esp(&self->inside, SPI + 1 + i, TO_INSIDE + i, TO_OUTSIDE, 1 + i);
	client_count_anew(client);
	for (mark = 3; mark; mark--) {
		setsockopt(in, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
		udp_send(in, &to, self->octets, 100);
		if (mark == 3) {
			EXPECT_LT(100, udp_receive(raw, frame, sizeof(frame), PATIENCE_MS, NULL,
						   NULL));
			EXPECT_COUNTED(client, "");
			continue;
		}
		EXPECT_LT(100, tcp_receive_framed(peers[mark - 1]->sock, frame, sizeof(frame),
						  PATIENCE_MS));
		EXPECT_EQ(TO_OUTSIDE, get32(frame));
		EXPECT_EQ(-1, tcp_receive_framed(peers[2 - mark]->sock, frame, sizeof(frame), 20));
		EXPECT_COUNTED(client, "tx-esp+1");
	}
	/* The same mark, and another port than the state has: it is not its. */
	run("ip xfrm state flush");
	run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode transport "
	    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp %d %d %s mark 1 mask 0xff",
	    self->inside.addr, self->outside.addr, TO_OUTSIDE, PORT, PORT + 1, variant->any);
	set_marked_esp(&self->inside, SPI + 1, 0xc0000011, 0xc0000012, 1);
	mark = 1;
	setsockopt(in, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	udp_send(in, &to, self->octets, 100);
	EXPECT_COUNTED(client, "");
	EXPECT_EQ(-1, tcp_receive_framed(peers[1]->sock, frame, sizeof(frame), 20));
	close(in);
	close(raw);
	peer_close(peers[0]);
	peer_close(peers[1]);
}

/* The number of our netfilter hooks. */
static int hooks(void)
{
	FILE *list = popen("nft list hooks | grep -c ikefp", "r");
	int number = -1;

	if (!list || fscanf(list, "%d", &number) != 1)
		die("nft does not list hooks");
	pclose(list);
	return number;
}

/* Whether the kernel lists them; a module that does is there once it has been asked to. */
static bool lists_hooks(void)
{
	return !system("nft list hooks >/dev/null 2>&1; grep -q nfnl_hook /proc/kallsyms");
}

/* No packet is looked at that leaves, but as long as one may be a stream's. */
TEST_F(tcp_esp, hooks)
{
	struct client *client = self->inside.client;
	struct upcall *upcall;
	struct peer *peer;
	int i;

	if (!lists_hooks())
		SKIP(return, "this kernel lists no hooks (CONFIG_NETFILTER_NETLINK_HOOK)");
	netns_enter(self->inside.netns);
	EXPECT_EQ(0, hooks());
	peer = peer_outside(self);
	EXPECT_EQ(2, hooks());
	tcp_reset(peer->sock);
	upcall = client_wait(client, PATIENCE_MS);
	ASSERT_NE(NULL, upcall);
	EXPECT_EQ(UPCALL_STREAM_CLOSED, upcall->kind);
	/* It is looked every second whether there is need of them. */
	poll(NULL, 0, 2500);
	EXPECT_EQ(2, hooks());
	ASSERT_EQ(0, ikefp_sa_del(client->nl, SPI));
	for (i = 0; i < 100 && hooks(); i++)
		poll(NULL, 0, PATIENCE_MS / 100 + 1);
	EXPECT_LT(i, 100);
	/* And again. */
	peer = peer_outside_spi(self, SPI + 1);
	EXPECT_EQ(2, hooks());
	peer_close(peer);
}

/*
 * The peer does not read: ESP is dropped and its sender goes on; what IKE has to say is not
 * behind all that waits.
 */
TEST_F_TIMEOUT(tcp_esp, stalled, 120)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	struct client *client = self->inside.client;
	uint64_t sent, full, taken, behind = 0;
	uint8_t frame[STREAM_SIZE];
	struct peer *peer;
	ssize_t len;
	int in, i;

	peer = peer_outside(self);
	transport_mode(self, variant);
	in = udp_at(&self->inside, 7777);
	for (i = 0; i < 100000 &&
		    client_counter(client, IKEFP_A_STATS_DROP_STREAM_FULL) < 100; i++)
		udp_send(in, &to, self->octets, 1000);
	full = client_counter(client, IKEFP_A_STATS_DROP_STREAM_FULL);
	taken = client_counter(client, IKEFP_A_STATS_TX_ESP);
	sent = i;
	EXPECT_LE(100, full);
	EXPECT_EQ(sent, full + taken);
	peer_kernel_requests(peer, client, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	for (i = 0; i < (int)taken + 1; i++) {
		len = tcp_receive_framed(peer->sock, frame, sizeof(frame), PATIENCE_MS);
		ASSERT_LT(HEADER_LEN, len);
		if (get32(frame))
			behind++;
		else
			behind = 0;
		if (get32(frame))
			EXPECT_EQ(TO_OUTSIDE, get32(frame));
	}
	/* The queue is 128 KiB: of a thousand octets each, most of them. */
	EXPECT_LE(80, behind);
	TH_LOG("%llu taken, %llu dropped, %llu behind IKE", (unsigned long long)taken,
	       (unsigned long long)full, (unsigned long long)behind);
	close(in);
	peer_close(peer);
}

/* From the stream to UDP, as the helper wants it, and back. */
TEST_F(tcp_esp, to_udp)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	struct client *client = self->inside.client;
	struct ikefp_endpoint endpoint = {
		.local = address(variant->inside, PORT), .remote = address(variant->outside, PORT),
	};
	const struct ikefp_sa_change change = { .spi = SPI, .endpoint = &endpoint };
	uint8_t frame[STREAM_SIZE];
	struct peer *peer;
	int in, raw;

	peer = peer_outside(self);
	transport_mode(self, variant);
	netns_enter(self->outside.netns);
	run("nft flush ruleset");
	raw = udp_at(&self->outside, PORT);
	in = udp_at(&self->inside, 7777);
	client_listen(client, IKEFP_LISTENER_KIND_NATT, variant->any, PORT);
	udp_send(in, &to, self->octets, 100);
	EXPECT_LT(100, tcp_receive_framed(peer->sock, frame, sizeof(frame), PATIENCE_MS));
	ASSERT_EQ(0, ikefp_sa_set(client->nl, &change));
	udp_send(in, &to, self->octets, 100);
	EXPECT_LT(100, udp_receive(raw, frame, sizeof(frame), PATIENCE_MS, NULL, NULL));
	EXPECT_EQ(TO_OUTSIDE, get32(frame));
	self->inside.spi = SPI;
	move_sa(&self->inside);
	udp_send(in, &to, self->octets, 100);
	EXPECT_LT(100, tcp_receive_framed(peer->sock, frame, sizeof(frame), PATIENCE_MS));
	EXPECT_EQ(-1, udp_receive(raw, frame, sizeof(frame), 20, NULL, NULL));
	close(in);
	close(raw);
	peer_close(peer);
}

static bool flooding;

static void *flood(void *arg)
{
	struct sender *sender = arg;
	uint8_t octets[1000] = {};

	while (__atomic_load_n(&flooding, __ATOMIC_RELAXED))
		send(sender->sock, octets, sizeof(octets), MSG_DONTWAIT);
	return NULL;
}

/* In full traffic, with the stream at any state, the module goes. */
TEST_F_TIMEOUT(tcp_esp, unload, 120)
{
	struct sockaddr_storage to = address(variant->outside, 7777);
	struct sender sender;
	pthread_t thread;
	int i;

	set_up(self);
	transport_mode(self, variant);
	sender.sock = udp_at(&self->inside, 7777);
	ASSERT_EQ(0, connect(sender.sock, (struct sockaddr *)&to, address_len(&to)));
	flooding = true;
	ASSERT_EQ(0, pthread_create(&thread, NULL, flood, &sender));
	for (i = 0; i < 2000 && client_counter(self->outside.client, IKEFP_A_STATS_RX_ESP) < 1000;
	     i++)
		poll(NULL, 0, 5);
	EXPECT_LT(i, 2000) {
		TH_LOG("inside: %s", client_counted(self->inside.client, ""));
		TH_LOG("outside: %s", client_counted(self->outside.client, ""));
	}
	EXPECT_TRUE(module_take_out_soon());
	flooding = false;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, module_put_back());
	close(sender.sock);
	client_close(self->inside.client);
	self->inside.client = client_open(0);
	client_close(self->outside.client);
	netns_enter(self->outside.netns);
	self->outside.client = client_open(0);
}

MODULE_TEST_MAIN
