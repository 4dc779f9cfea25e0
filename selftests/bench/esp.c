// SPDX-License-Identifier: GPL-2.0
/*
 * usage: esp packet|stream DEVICE MAC OUTER-FROM OUTER-TO INNER-FROM INNER-TO [NETNS]
 *
 * ESP in UDP, sealed beforehand (esp.sh has the SA), into a device: UDP packets one at a
 * time, or a TCP stream of 8 MB in bursts, as an interface gathers them. The receiver, in
 * the namespace, is this program, too: its inner socket, for the stream a connection made
 * without a handshake (TCP_REPAIR). Every octet must arrive. Without a namespace nobody
 * receives anything. Prints the instructions for one packet, or one MB, sending included.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <netinet/tcp.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "busy.h"
#include "fail.h"

#define SPI 0xc0ffee01u
#define ESP_PORT 4500
#define INNER_PORT 7777
#define BURST 64
#define MB 1000000
#define STREAM_LEN (8 * MB)
#define PACKETS 4096
#define PACKET_LEN 1000 /* what a UDP packet carries */
#define MSS 1360
#define FRAME_SIZE 1514
#define ICV_LEN 16

/* As "ip xfrm state add ... aead 'rfc4106(gcm(aes))'" has it: the key, then the salt. */
static const uint8_t key[20] = "an AES key, not real";

struct frame {
	size_t len;
	uint8_t octets[FRAME_SIZE];
};

struct way {
	int family;
	uint8_t mac[ETH_ALEN];
	uint8_t outer_from[16], outer_to[16];
	struct in_addr inner_from, inner_to;
};

static int packet_sock;
static struct sockaddr_ll packet_to;

static uint32_t sum(const void *data, size_t len, uint32_t total)
{
	const uint8_t *octets = data;

	for (; len > 1; octets += 2, len -= 2)
		total += octets[0] << 8 | octets[1];
	return len ? total + (octets[0] << 8) : total;
}

static uint16_t folded(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return htons(~total);
}

static uint8_t octet_at(size_t offset)
{
	return offset * 251 >> 3;
}

static void put_ipv4(uint8_t *to, const void *src, const void *dst, uint8_t protocol, size_t len)
{
	struct iphdr ip = {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = protocol,
		.tot_len = htons(sizeof(ip) + len), .frag_off = htons(0x4000),
	};

	memcpy(&ip.saddr, src, 4);
	memcpy(&ip.daddr, dst, 4);
	ip.check = folded(sum(&ip, sizeof(ip), 0));
	memcpy(to, &ip, sizeof(ip));
}

/* The inner packet with the octets from @offset on of all that is sent. */
static size_t put_inner(uint8_t *to, const struct way *way, bool stream, size_t offset, size_t len)
{
	uint8_t *transport = to + sizeof(struct iphdr), *payload;
	size_t header_len = stream ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	uint8_t protocol = stream ? IPPROTO_TCP : IPPROTO_UDP;
	uint32_t pseudo = sum(&way->inner_from, 4, sum(&way->inner_to, 4, protocol));
	uint16_t check;
	size_t i;

	put_ipv4(to, &way->inner_from, &way->inner_to, protocol, header_len + len);
	memset(transport, 0, header_len);
	payload = transport + header_len;
	for (i = 0; i < len; i++)
		payload[i] = octet_at(offset + i);
	if (stream) {
		struct tcphdr tcp = {
			.source = htons(INNER_PORT), .dest = htons(INNER_PORT),
			.seq = htonl(1 + offset), .ack_seq = htonl(1), .doff = 5,
			.ack = 1, .window = htons(0xffff),
		};

		memcpy(transport, &tcp, sizeof(tcp));
	} else {
		struct udphdr udp = {
			.source = htons(INNER_PORT), .dest = htons(INNER_PORT),
			.len = htons(header_len + len),
		};

		memcpy(transport, &udp, sizeof(udp));
	}
	check = folded(sum(transport, header_len + len, pseudo + header_len + len));
	memcpy(transport + (stream ? 16 : 6), &check, 2);
	return sizeof(struct iphdr) + header_len + len;
}

/* RFC 4106, in place: the inner packet is where the ciphertext will be. */
static size_t seal(EVP_CIPHER_CTX *gcm, uint8_t *esp, uint32_t sequence, size_t len)
{
	uint8_t *iv = esp + 8, *text = esp + 16, nonce[12];
	uint32_t spi = htonl(SPI), seq = htonl(sequence);
	size_t pad = -(len + 2) & 3, i;
	int out;

	memcpy(esp, &spi, 4);
	memcpy(esp + 4, &seq, 4);
	memset(iv, 0, 8);
	memcpy(iv + 4, &seq, 4);
	memcpy(nonce, key + 16, 4);
	memcpy(nonce + 4, iv, 8);
	for (i = 1; i <= pad; i++)
		text[len++] = i;
	text[len++] = pad;
	text[len++] = IPPROTO_IPIP;
	if (!EVP_EncryptInit_ex(gcm, NULL, NULL, key, nonce) ||
	    !EVP_EncryptUpdate(gcm, NULL, &out, esp, 8) ||
	    !EVP_EncryptUpdate(gcm, text, &out, text, len) ||
	    !EVP_EncryptFinal_ex(gcm, text + len, &out) ||
	    !EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_GCM_GET_TAG, ICV_LEN, text + len))
		fail("cannot seal");
	return 16 + len + ICV_LEN;
}

static void make(struct frame *frame, EVP_CIPHER_CTX *gcm, const struct way *way, bool stream,
		 uint32_t sequence, size_t offset, size_t len)
{
	size_t ip_len = way->family == AF_INET ? sizeof(struct iphdr) : sizeof(struct ip6_hdr);
	struct ether_header ether = {
		.ether_type = htons(way->family == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6),
	};
	uint8_t *ip = frame->octets + sizeof(ether), *udp = ip + ip_len;
	struct udphdr header = { .source = htons(ESP_PORT), .dest = htons(ESP_PORT) };
	uint8_t *esp = udp + sizeof(header);
	size_t esp_len = put_inner(esp + 16, way, stream, offset, len);

	esp_len = sizeof(header) + seal(gcm, esp, sequence, esp_len);
	memcpy(ether.ether_dhost, way->mac, ETH_ALEN);
	memcpy(ether.ether_shost, "\x02\0\0\0\0\x99", ETH_ALEN);
	memcpy(frame->octets, &ether, sizeof(ether));
	header.len = htons(esp_len);
	memcpy(udp, &header, sizeof(header));
	if (way->family == AF_INET) {
		put_ipv4(ip, way->outer_from, way->outer_to, IPPROTO_UDP, esp_len);
	} else {
		struct ip6_hdr ip6 = {
			.ip6_flow = htonl(6 << 28), .ip6_plen = htons(esp_len),
			.ip6_nxt = IPPROTO_UDP, .ip6_hlim = 64,
		};

		memcpy(&ip6.ip6_src, way->outer_from, 16);
		memcpy(&ip6.ip6_dst, way->outer_to, 16);
		memcpy(ip, &ip6, sizeof(ip6));
		header.check = folded(sum(udp, esp_len,
				      sum(&ip6.ip6_src, 32, IPPROTO_UDP + esp_len)));
		memcpy(udp, &header, sizeof(header));
	}
	frame->len = udp + esp_len - frame->octets;
	if (frame->len > FRAME_SIZE)
		fail("a frame of %zu octets", frame->len);
}

static void send_frame(const struct frame *frame)
{
	while (sendto(packet_sock, frame->octets, frame->len, 0, (struct sockaddr *)&packet_to,
		      sizeof(packet_to)) != (ssize_t)frame->len) {
		if (errno != ENOBUFS)
			fail("cannot send: %s", strerror(errno));
	}
}

static void set(int sock, int level, int name, const void *value, size_t len)
{
	if (setsockopt(sock, level, name, value, len))
		fail("option %d of level %d: %s", name, level, strerror(errno));
}

#define SET_INT(sock, level, name, value) \
	set(sock, level, name, &(int){ value }, sizeof(int))

/* As if there had been a handshake, with sequence numbers from 1 both ways. */
static void connected(int sock, const struct sockaddr_in *to)
{
	struct tcp_repair_opt options[] = {
		{ TCPOPT_MAXSEG, MSS },
		{ TCPOPT_WINDOW, 7 | 7 << 16 },
	};
	struct tcp_repair_window window = {
		.snd_wl1 = 1, .snd_wnd = 0xffff, .max_window = 0xffff, .rcv_wnd = 4 * 0xffff,
		.rcv_wup = 1,
	};

	SET_INT(sock, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	SET_INT(sock, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE);
	SET_INT(sock, IPPROTO_TCP, TCP_QUEUE_SEQ, 1);
	SET_INT(sock, IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_RECV_QUEUE);
	SET_INT(sock, IPPROTO_TCP, TCP_QUEUE_SEQ, 1);
	if (connect(sock, (struct sockaddr *)to, sizeof(*to)))
		fail("cannot connect: %s", strerror(errno));
	set(sock, IPPROTO_TCP, TCP_REPAIR_OPTIONS, options, sizeof(options));
	set(sock, IPPROTO_TCP, TCP_REPAIR_WINDOW, &window, sizeof(window));
	SET_INT(sock, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF_NO_WP);
}

static int inner_socket(const char *netns, const struct way *way, bool stream)
{
	struct sockaddr_in local = {
		.sin_family = AF_INET, .sin_port = htons(INNER_PORT), .sin_addr = way->inner_to,
	}, remote = {
		.sin_family = AF_INET, .sin_port = htons(INNER_PORT), .sin_addr = way->inner_from,
	};
	int before = open("/proc/self/ns/net", O_RDONLY), there = open(netns, O_RDONLY), sock;

	if (before < 0 || there < 0 || setns(there, CLONE_NEWNET))
		fail("cannot enter %s: %s", netns, strerror(errno));
	sock = socket(AF_INET, stream ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (sock < 0)
		fail("no socket: %s", strerror(errno));
	SET_INT(sock, SOL_SOCKET, SO_RCVBUFFORCE, 4 * MB);
	if (stream)
		SET_INT(sock, IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON);
	if (bind(sock, (struct sockaddr *)&local, sizeof(local)))
		fail("cannot bind: %s", strerror(errno));
	if (stream)
		connected(sock, &remote);
	setns(before, CLONE_NEWNET);
	return sock;
}

/* The next octets of all that is sent. */
static size_t take(int sock, uint8_t *octets, size_t size)
{
	struct pollfd poller = { .fd = sock, .events = POLLIN };
	ssize_t len;

	if (poll(&poller, 1, 5000) != 1)
		fail("something was lost");
	len = recv(sock, octets, size, 0);
	if (len <= 0)
		fail("recv: %s", strerror(errno));
	return len;
}

static void check(const uint8_t *octets, size_t offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (octets[i] != octet_at(offset + i))
			fail("octet %zu is wrong", offset + i);
	}
}

/* Instructions for sending them all, and whatever that brings about at once. */
static uint64_t packets(const struct frame *frames, int sock)
{
	static uint8_t octets[PACKET_LEN + 1];
	uint64_t instructions = 0, before;
	size_t i, j;

	for (i = 0; i < PACKETS; i += BURST) {
		before = busy_ns();
		for (j = 0; j < BURST; j++)
			send_frame(&frames[i + j]);
		instructions += busy_ns() - before;
		for (j = 0; sock >= 0 && j < BURST; j++) {
			if (take(sock, octets, sizeof(octets)) != PACKET_LEN)
				fail("a packet of another length");
			check(octets, (i + j) * PACKET_LEN, PACKET_LEN);
		}
	}
	return instructions / PACKETS;
}

/* Instructions for a million octets, from the first sent to the last taken by the receiver. */
static uint64_t stream(const struct frame *frames, size_t number, int sock)
{
	static uint8_t octets[BURST * MSS];
	uint64_t instructions = 0, before;
	size_t i, sent = 0, end, taken;

	while (sent < number) {
		before = busy_ns();
		end = sent + BURST < number ? sent + BURST : number;
		for (i = sent; i < end; i++)
			send_frame(&frames[i]);
		/* Until the queue before the device has let them go (esp.sh). */
		if (sock < 0)
			poll(NULL, 0, 5);
		for (taken = 0; sock >= 0 && taken < (end - sent) * MSS; )
			taken += take(sock, octets + taken, sizeof(octets) - taken);
		instructions += busy_ns() - before;
		check(octets, sent * MSS, taken);
		sent = end;
	}
	return instructions / (number * MSS * 1.0 / MB);
}

int main(int argc, char **argv)
{
	bool is_stream = argc > 1 && !strcmp(argv[1], "stream");
	size_t number = is_stream ? STREAM_LEN / MSS : PACKETS, i;
	size_t len = is_stream ? MSS : PACKET_LEN;
	struct frame *frames = calloc(number, sizeof(*frames));
	EVP_CIPHER_CTX *gcm = EVP_CIPHER_CTX_new();
	struct way way = { .family = AF_INET };
	unsigned int mac[ETH_ALEN];
	int sock = -1;

	if (argc < 8 || argc > 9)
		fail("usage: esp packet|stream DEVICE MAC OUTER-FROM OUTER-TO "
		     "INNER-FROM INNER-TO [NETNS]");
	if (sscanf(argv[3], "%x:%x:%x:%x:%x:%x", mac, mac + 1, mac + 2, mac + 3, mac + 4,
		   mac + 5) != ETH_ALEN)
		fail("'%s' is no MAC address", argv[3]);
	for (i = 0; i < ETH_ALEN; i++)
		way.mac[i] = mac[i];
	if (strchr(argv[4], ':'))
		way.family = AF_INET6;
	if (inet_pton(way.family, argv[4], way.outer_from) != 1 ||
	    inet_pton(way.family, argv[5], way.outer_to) != 1 ||
	    inet_pton(AF_INET, argv[6], &way.inner_from) != 1 ||
	    inet_pton(AF_INET, argv[7], &way.inner_to) != 1)
		fail("an address is wrong");
	if (!frames || !gcm || !EVP_EncryptInit_ex(gcm, EVP_aes_128_gcm(), NULL, NULL, NULL))
		fail("no memory");
	for (i = 0; i < number; i++)
		make(&frames[i], gcm, &way, is_stream, 1 + i, i * len, len);
	packet_to = (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[2]),
	};
	packet_sock = socket(AF_PACKET, SOCK_RAW, 0);
	if (packet_sock < 0 || !packet_to.sll_ifindex)
		fail("cannot send by %s", argv[2]);
	SET_INT(packet_sock, SOL_SOCKET, SO_SNDBUFFORCE, 4 * MB);
	if (argc == 9)
		sock = inner_socket(argv[8], &way, is_stream);
	printf("%" PRIu64 "\n", is_stream ? stream(frames, number, sock) : packets(frames, sock));
	return 0;
}
