// SPDX-License-Identifier: GPL-2.0
/*
 * ESP from a device that gathers packets (GRO), as interfaces do: XFRM gets it before
 * routing, where the kernel can do that, and all else fares as without.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/utsname.h>

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"

#define SPI 0x0102030405060708ull
#define KEY "0x000102030405060708090a0b0c0d0e0f10111213"
#define PORT 7777		/* and the next one: of an ESP SA each */
#define FRAME_SIZE 2048

struct frame {
	size_t len;
	uint8_t octets[FRAME_SIZE];
};

FIXTURE(gro)
{
	struct client *client;
	int inside, outside;	/* namespaces: the module's, the peer's */
	int sock;		/* outside, on port 4500 */
	int wire;		/* outside: what goes out there, and a way to send more */
	int sender;		/* outside: what it sends goes by ESP */
	int receiver[2];	/* inside: there it comes out */
	struct sockaddr_storage natt, to[2];
	bool early;		/* the kernel takes ESP from GRO */
	long usual;		/* see usual_way() */
};

FIXTURE_VARIANT(gro)
{
	const char *inside, *outside, *any;	/* of the wire */
	const char *inner_inside, *inner_outside;
	int bits;				/* of an address */
};

FIXTURE_VARIANT_ADD(gro, v4) {
	.inside = "10.0.0.1", .outside = "10.0.0.2", .any = "0.0.0.0",
	.inner_inside = "10.1.0.1", .inner_outside = "10.2.0.1", .bits = 32,
};

FIXTURE_VARIANT_ADD(gro, v6) {
	.inside = "fd00::1", .outside = "fd00::2", .any = "::",
	.inner_inside = "fd01::1", .inner_outside = "fd02::1", .bits = 128,
};

static void add_esp(const FIXTURE_VARIANT(gro) *variant, const char *way, int i)
{
	/* The first has no replay window, so that a frame of it can be sent once more. */
	run("ip xfrm state add src %s dst %s proto esp spi 0x%x mode tunnel replay-window %d "
	    "aead 'rfc4106(gcm(aes))' " KEY " 128 encap espinudp 4500 4500 %s",
	    variant->outside, variant->inside, i + 1000, i * 32, variant->any);
	run("ip xfrm policy add src %s dst %s proto udp dport %d dir %s "
	    "tmpl src %s dst %s proto esp spi 0x%x mode tunnel",
	    variant->inner_outside, variant->inner_inside, PORT + i, way, variant->outside,
	    variant->inside, i + 1000);
}

/* Whether the kernel has what compat.h speaks of, and esp4_offload. */
static bool kernel_can(void)
{
	int major = 0, minor = 0;
	struct utsname name;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		die("what kernel is this?");
	return (major > 6 || (major == 6 && minor >= 7)) &&
	       !system("grep -q ' esp4_gro_receive' /proc/kallsyms");
}

static void add_inner(const char *address, int bits)
{
	run("ip address add %s/%d dev lo", address, bits);
	if (strchr(address, ':'))
		netns_await_local(address);
}

FIXTURE_SETUP(gro)
{
	struct sockaddr_ll any = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct sockaddr_storage addr = address(variant->outside, 4500);
	int i;

	self->early = kernel_can();
	self->outside = netns_new();
	self->inside = netns_new();
	netns_wire(self->inside, self->outside);
	run("ethtool -K wire gro on");
	add_inner(variant->inner_inside, variant->bits);
	run("ip route add %s/%d via %s", variant->inner_outside, variant->bits, variant->outside);
	run("nft 'table inet usual { counter passed { }; chain prerouting { "
	    "type filter hook prerouting priority raw; "
	    "udp dport 4500 @th,64,32 != 0 counter name passed; }; }'");
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->any, 4500);
	client_let_all_in(self->client);
	self->natt = address(variant->inside, 4500);
	for (i = 0; i < 2; i++) {
		add_esp(variant, "in", i);
		self->to[i] = address(variant->inner_inside, PORT + i);
		self->receiver[i] = udp_open(&self->to[i]);
	}

	netns_enter(self->outside);
	/* Else veth takes what it gets for gathered already. */
	run("ethtool -K wire tso off");
	add_inner(variant->inner_outside, variant->bits);
	run("ip route add %s/%d via %s src %s", variant->inner_inside, variant->bits,
	    variant->inside, variant->inner_outside);
	for (i = 0; i < 2; i++)
		add_esp(variant, "out", i);
	self->sock = udp_open(&addr);
	addr = address(variant->inner_outside, 0);
	self->sender = udp_open(&addr);
	any.sll_ifindex = if_nametoindex("wire");
	self->wire = socket(AF_PACKET, SOCK_RAW, 0);
	ASSERT_EQ(0, bind(self->wire, (struct sockaddr *)&any, sizeof(any)));
	netns_enter(self->inside);
	client_count_anew(self->client);
}

FIXTURE_TEARDOWN(gro)
{
	client_close(self->client);
	close(self->sock);
	close(self->wire);
	close(self->sender);
	close(self->receiver[0]);
	close(self->receiver[1]);
}

/* ESP packets that came by routing since the last call. */
static long usual_way(FIXTURE_DATA(gro) *self)
{
	FILE *file = popen("nft -j list counter inet usual passed | jq '.nftables[] | "
			   ".counter? // empty | .packets'", "r");
	long before = self->usual;

	if (!file || fscanf(file, "%ld", &self->usual) != 1 || pclose(file))
		die("nft does not count");
	return self->usual - before;
}

/* One packet of ESP SA @i, filled with @fill, comes out within @wait_ms. */
static bool comes_out(FIXTURE_DATA(gro) *self, int i, uint8_t fill, size_t len, int wait_ms)
{
	static uint8_t want[8192], seen[8192];

	memset(want, fill, len);
	return udp_receive(self->receiver[i], seen, sizeof(seen), wait_ms, NULL, NULL) ==
	       (ssize_t)len && !memcmp(want, seen, len);
}

static void send_by(FIXTURE_DATA(gro) *self, int i, uint8_t fill, size_t len)
{
	static uint8_t octets[8192];

	memset(octets, fill, len);
	udp_send(self->sender, &self->to[i], octets, len);
}

/* Two SAs' ESP, messages and keepalives in turn, in one burst. */
TEST_F(gro, burst)
{
	static uint8_t message[MESSAGE_SIZE];
	const struct ikefp_message_in *request;
	size_t len;
	int i;

	send_by(self, 0, 1, 1);
	ASSERT_TRUE(comes_out(self, 0, 1, 1, PATIENCE_MS));
	EXPECT_COUNTED(self->client, "rx-esp+1");
	usual_way(self);

	netns_enter(self->outside);
	run("tc qdisc add dev wire root netem slot 100ms 100ms");
	netns_enter(self->inside);
	for (i = 0; i < 30; i++) {
		send_by(self, i % 2, i, 600 + i);
		if (i % 5 == 0) {
			len = ike_put_init(message + MARKER_LEN, SPI + i, 0, i, 40 + 40 * i);
			udp_send(self->sock, &self->natt, message, MARKER_LEN + len);
		}
		if (i % 10 == 0)
			udp_send(self->sock, &self->natt, "\xff", 1);
	}
	for (i = 0; i < 30; i++) {
		EXPECT_TRUE(comes_out(self, i % 2, i, 600 + i, PATIENCE_MS)) {
			TH_LOG("packet %d", i);
		}
	}
	for (i = 0; i < 30; i += 5) {
		len = ike_put_init(message, SPI + i, 0, i, 40 + 40 * i);
		request = client_wait_message(self->client);
		ASSERT_EQ(len, request->payload.len);
		EXPECT_EQ(0, memcmp(message, request->payload.data, len));
	}
	EXPECT_COUNTED(self->client,
		       "sas+6 half-open+6 rx-messages+6 rx-esp+30 rx-keepalive+3 upcalls+6");
	EXPECT_EQ(self->early ? 0 : 30, usual_way(self));
}

/*
 * What came in IP fragments is ESP only when it is whole. (A tunnel of IPv6 cuts up before
 * it seals: those are several packets of ESP.)
 */
TEST_F(gro, fragments)
{
	static const uint8_t false_esp[9000] = { 1 };
	size_t len;

	for (len = 1400; len < 8000; len += 2200) {
		send_by(self, 1, len, len);
		EXPECT_TRUE(comes_out(self, 1, len, len, PATIENCE_MS)) {
			TH_LOG("%zu octets", len);
		}
		if (self->natt.ss_family == AF_INET)
			EXPECT_COUNTED(self->client, "rx-esp+1");
	}
	client_count_anew(self->client);
	udp_send(self->sock, &self->natt, false_esp, sizeof(false_esp));
	EXPECT_COUNTED(self->client, "rx-esp+1");
}

static size_t ip_len(const struct frame *frame)
{
	return get16(frame->octets + 12) == ETHERTYPE_IP ? sizeof(struct iphdr) :
							   sizeof(struct ip6_hdr);
}

static uint8_t *udp_of(struct frame *frame)
{
	return frame->octets + ETH_HLEN + ip_len(frame);
}

/* An ESP packet of SA @i on the wire, which comes out. */
static void record(FIXTURE_DATA(gro) *self, int i, struct frame *frame)
{
	struct pollfd poller = { .fd = self->wire, .events = POLLIN };
	struct sockaddr_ll from;
	socklen_t from_len;
	ssize_t len;

	send_by(self, i, 'x', 100);
	if (!comes_out(self, i, 'x', 100, PATIENCE_MS))
		die("ESP does not arrive");
	do {
		from_len = sizeof(from);
		if (poll(&poller, 1, PATIENCE_MS) != 1)
			die("nothing is seen on the wire");
		len = recvfrom(self->wire, frame->octets, FRAME_SIZE, 0,
			       (struct sockaddr *)&from, &from_len);
		frame->len = len;
	} while (len < 150 || from.sll_pkttype != PACKET_OUTGOING ||
		 get16(udp_of(frame) + 2) != 4500 ||
		 get32(udp_of(frame) + sizeof(struct udphdr)) != 1000 + (uint32_t)i);
	usual_way(self);
	client_count_anew(self->client);
}

static void send_frame(FIXTURE_DATA(gro) *self, const struct frame *frame)
{
	if (send(self->wire, frame->octets, frame->len, 0) != (ssize_t)frame->len)
		die("cannot send a frame: %s", strerror(errno));
}

/* Octets put in, or behind. */
static void insert(struct frame *frame, size_t at, const void *octets, size_t len)
{
	memmove(frame->octets + at + len, frame->octets + at, frame->len - at);
	memcpy(frame->octets + at, octets, len);
	frame->len += len;
}

/* The IP header again as it must be, with so many octets more in its packet. */
static void longer(struct frame *frame, size_t more)
{
	uint8_t *ip = frame->octets + ETH_HLEN;
	uint32_t sum = 0;
	int i;

	if (ip_len(frame) == sizeof(struct ip6_hdr)) {
		put16(ip + 4, get16(ip + 4) + more);
		return;
	}
	put16(ip + 2, get16(ip + 2) + more);
	put16(ip + 10, 0);
	for (i = 0; i < (ip[0] & 15) * 4; i += 2)
		sum += get16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	put16(ip + 10, ~(sum + (sum >> 16)));
}

static void padded(struct frame *frame)
{
	insert(frame, frame->len, "padding", 7);
}

static void behind_udp(struct frame *frame)
{
	insert(frame, frame->len, "behind", 6);
	longer(frame, 6);
}

/* Something that does not matter between IP and UDP. */
static void between(struct frame *frame)
{
	static const uint8_t no_operations[4] = { 1, 1, 1, 1 };
	static const uint8_t options[8] = { IPPROTO_UDP, 0, 1, 4 };
	uint8_t *ip = frame->octets + ETH_HLEN;

	if (ip_len(frame) == sizeof(struct iphdr)) {
		insert(frame, ETH_HLEN + sizeof(struct iphdr), no_operations, 4);
		ip[0]++;
		longer(frame, 4);
	} else {
		insert(frame, ETH_HLEN + sizeof(struct ip6_hdr), options, 8);
		ip[6] = IPPROTO_DSTOPTS;
		longer(frame, 8);
	}
}

/* What is not just a datagram in its packet arrives all the same, the usual way. */
TEST_F(gro, not_plain)
{
	static const struct {
		const char *what;
		void (*change)(struct frame *frame);
	} changes[] = {
		{ "padded", padded },
		{ "something behind the datagram", behind_udp },
		{ "something between", between },
	};
	struct frame frame, changed;
	size_t i;

	record(self, 0, &frame);
	send_frame(self, &frame);
	EXPECT_TRUE(comes_out(self, 0, 'x', 100, PATIENCE_MS));
	EXPECT_COUNTED(self->client, "rx-esp+1");
	EXPECT_EQ(self->early ? 0 : 1, usual_way(self));
	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		changed = frame;
		changes[i].change(&changed);
		send_frame(self, &changed);
		EXPECT_TRUE(comes_out(self, 0, 'x', 100, PATIENCE_MS)) {
			TH_LOG("%s", changes[i].what);
		}
		EXPECT_COUNTED(self->client, "rx-esp+1");
		EXPECT_EQ(1, usual_way(self)) {
			TH_LOG("%s", changes[i].what);
		}
	}
	EXPECT_FALSE(comes_out(self, 0, 'x', 100, 0));
}

static long xfrm_stat(const char *name)
{
	FILE *file = fopen("/proc/thread-self/net/xfrm_stat", "r");
	char line[40];
	long value;

	while (file && fscanf(file, "%39s %ld", line, &value) == 2) {
		if (!strcmp(line, name)) {
			fclose(file);
			return value;
		}
	}
	die("no xfrm_stat has %s", name);
}

static void wait_for_stat(const char *name, long value)
{
	int64_t until = clock_us() + 1000ll * PATIENCE_MS;

	while (xfrm_stat(name) != value) {
		if (clock_us() > until)
			die("%s is %ld, not %ld", name, xfrm_stat(name), value);
		poll(NULL, 0, 5);
	}
}

/* The replay window holds, and what is false or unknown stays so. */
TEST_F(gro, refused)
{
	struct frame frame, changed;

	record(self, 1, &frame);
	send_frame(self, &frame);
	wait_for_stat("XfrmInStateSeqError", 1);
	changed = frame;
	between(&changed);
	send_frame(self, &changed);
	wait_for_stat("XfrmInStateSeqError", 2);
	changed = frame;
	behind_udp(&changed);
	send_frame(self, &changed);
	wait_for_stat("XfrmInStateSeqError", 3);

	/* With a checksum that is not there, in the one family. */
	if (self->natt.ss_family == AF_INET) {
		changed = frame;
		put32(udp_of(&changed) + 12, 77);
		send_frame(self, &changed);
		wait_for_stat("XfrmInStateProtoError", 1);
		put32(udp_of(&changed) + 8, 77);
		send_frame(self, &changed);
		wait_for_stat("XfrmInNoStates", 1);
		EXPECT_COUNTED(self->client, "rx-esp+5");
	} else {
		changed = frame;
		udp_of(&changed)[12]++;
		send_frame(self, &changed);
		EXPECT_COUNTED(self->client, "rx-esp+3");
	}
	/* To another host's link layer. */
	record(self, 0, &frame);
	frame.octets[5]++;
	send_frame(self, &frame);
	EXPECT_FALSE(comes_out(self, 0, 'x', 100, 50));
	EXPECT_FALSE(comes_out(self, 1, 'x', 100, 0));
	EXPECT_COUNTED(self->client, "");
}

/* XFRM says when the peer's port is another one (RFC 7296 section 2.23). */
TEST_F(gro, mapping)
{
	struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK, .nl_groups = 1 << (XFRMNLGRP_MAPPING - 1),
	};
	const struct xfrm_user_mapping *mapping;
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_XFRM);
	struct pollfd poller = { .fd = sock, .events = POLLIN };
	uint8_t message[512], *udp;
	struct frame frame;
	uint32_t sum;

	ASSERT_EQ(0, bind(sock, (struct sockaddr *)&groups, sizeof(groups)));
	record(self, 0, &frame);
	udp = udp_of(&frame);
	put16(udp, 4501);
	if (get16(udp + 6)) {
		sum = (uint16_t)~get16(udp + 6) + (uint16_t)~4500 + 4501;
		sum = (sum & 0xffff) + (sum >> 16);
		put16(udp + 6, ~(sum + (sum >> 16)));
	}
	send_frame(self, &frame);
	EXPECT_TRUE(comes_out(self, 0, 'x', 100, PATIENCE_MS));
	EXPECT_EQ(self->early ? 0 : 1, usual_way(self));
	ASSERT_EQ(1, poll(&poller, 1, PATIENCE_MS));
	ASSERT_LE(NLMSG_LENGTH(sizeof(*mapping)), recv(sock, message, sizeof(message), 0));
	EXPECT_EQ(XFRM_MSG_MAPPING, ((struct nlmsghdr *)message)->nlmsg_type);
	mapping = NLMSG_DATA((struct nlmsghdr *)message);
	EXPECT_EQ(1000, ntohl(mapping->id.spi));
	EXPECT_EQ(4501, ntohs(mapping->new_sport));
	close(sock);
}

struct load {
	FIXTURE_DATA(gro) *self;
	struct frame frame;
	atomic_bool over;
};

static void *send_frames(void *arg)
{
	struct load *load = arg;

	while (!load->over)
		send(load->self->wire, load->frame.octets, load->frame.len, 0);
	return NULL;
}

/* The listener, and the module, go while ESP comes in, and come back. */
TEST_F_TIMEOUT(gro, closing, 120)
{
	struct sockaddr_storage any = address(variant->any, 4500);
	struct load load = { .self = self };
	pthread_t thread;
	int i;

	record(self, 0, &load.frame);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_frames, &load));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(0, ikefp_listener_del(self->client->nl, &any));
		client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->any, 4500);
	}
	client_close(self->client);
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(module_take_out_soon());
		ASSERT_EQ(0, module_put_back());
		self->client = client_open(CLIENT_WORKER);
		client_listen(self->client, IKEFP_LISTENER_KIND_NATT, variant->any, 4500);
		EXPECT_TRUE(comes_out(self, 0, 'x', 100, PATIENCE_MS));
		if (i < 2)
			client_close(self->client);
	}
	load.over = true;
	pthread_join(thread, NULL);
}

MODULE_TEST_MAIN
