// SPDX-License-Identifier: GPL-2.0
/*
 * Commands by chance. The commands, their attributes and what those may be come from
 * uapi/ikefp.yaml (lib/spec.py), so that what is added there is fuzzed too. What makes
 * deep code reachable stands here: values that go together, known by the attributes'
 * names, SAs that several threads make and take down at once, and a peer with their
 * keys that asks and answers meanwhile. Then requests are spoiled in all ways. Each gets
 * just one verdict, a refusal says why, and afterwards all works as before and nothing
 * is left.
 *
 * FUZZ_SEED repeats what each thread sends, but for what it learns from the others and
 * from upcalls, which depends on time.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "die.h"
#include "fuzz.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "rawnl.h"
#include "sk.h"
#include "requests.h"

#include <linux/ikefp.h>

#define THREADS 4
#define MAX_OPERATIONS 64
#define MAX_ATTRIBUTES 64
#define BATCH 24
#define BATCH_SIZE (160 * 1024)
#define BUFFER_SIZE (8 * 1024 * 1024)
/* Batches that a socket lives, and messages that a namespace does. */
#define SOCKET_BATCHES 20
#define NAMESPACE_MESSAGES 500

/* A network namespace: its SAs, and the peer's sockets, one a family. */
struct place {
	struct fuzz_sa sas[FUZZ_SAS];
	int socks[2];
};

struct tally {
	unsigned long accepted[MAX_OPERATIONS];
	unsigned long refused[MAX_OPERATIONS];
	unsigned long attributes[MAX_OPERATIONS][MAX_ATTRIBUTES]; /* accepted with each */
	unsigned long upcalls;
	unsigned long datagrams;
	unsigned long namespaces;
};

struct thread {
	pthread_t id;
	struct requests requests;
	struct place *place;
	bool doomed; /* its namespaces are deleted, one after the other */
	unsigned long messages;
	unsigned long all; /* that it began with; 0: it does not say how far it is */
	int sock;
	int watcher;
	uint32_t seq;
	struct tally tally;

	uint8_t *octets; /* of the batch */
	size_t len;
	unsigned int number;
	uint32_t first_seq;
	struct asked asked[BATCH];
	unsigned int verdicts[BATCH];
	bool torn; /* the last one's length is wrong: it gets none */
	uint8_t *answer;
};

static int family;
static unsigned int monitor_group;
static int home;

static bool chance(struct thread *t, unsigned int percent)
{
	return fuzz_percent(&t->requests.fuzz, percent);
}

static uint64_t below(struct thread *t, uint64_t limit)
{
	return fuzz_below(&t->requests.fuzz, limit);
}

/* Appends a request to the batch. */
static void put_request(struct thread *t)
{
	size_t len = requests_put(&t->requests, t->seq++, t->octets + t->len, BATCH_SIZE - t->len,
				  &t->asked[t->number]);

	t->verdicts[t->number++] = 0;
	t->len += NLMSG_ALIGN(len);
}

/* Verdicts */

/* What there is to refuse with. Not among them: -ENOMEM, since memory there is. */
static bool is_refusal(int err)
{
	switch (-err) {
	case EINVAL:
	case ENOENT:
	case EEXIST:
	case EBUSY:
	case ERANGE:
	case EOPNOTSUPP:
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EAFNOSUPPORT:
	case ENOSPC:
	case EMSGSIZE:
	case ENOKEY:
	case ENOTCONN:
	case EALREADY:
	case EPERM:
	case EOVERFLOW:
	/* What is no socket of TCP, or not of this namespace. */
	case EBADF:
	case ENOTSOCK:
	case EPROTONOSUPPORT:
	case EXDEV:
		return true;
	default:
		return false;
	}
}

/* The family's own refusals say why. The kernel's, before it asks the family, may not. */
static bool says_why(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = nlmsg_data((struct nlmsghdr *)header);

	return header->nlmsg_flags & NLM_F_ACK_TLVS || error->error == -EOPNOTSUPP ||
	       error->error == -EBUSY || error->msg.nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN;
}

static void take_verdict(struct thread *t, const struct nlmsghdr *header, int err)
{
	uint32_t place = header->nlmsg_seq - t->first_seq;
	const struct asked *asked;
	const char *name;
	size_t i;

	if (place >= t->number)
		die("a verdict on what was not asked");
	asked = &t->asked[place];
	name = requests_name(asked->operation);
	t->verdicts[place]++;
	if (!err) {
		t->tally.accepted[asked->operation]++;
		for (i = 0; i < MAX_ATTRIBUTES; i++)
			t->tally.attributes[asked->operation][i] += asked->attributes >> i & 1;
		return;
	}
	t->tally.refused[asked->operation]++;
	if (!is_refusal(err))
		die("%s: refused with %d (%s)", name, err, strerror(-err));
	if (header->nlmsg_type == NLMSG_ERROR && !says_why(header))
		die("%s: refused with %d (%s), without a reason", name, err, strerror(-err));
}

static void take_upcall(struct thread *t, struct nlmsghdr *header)
{
	struct nlattr *attrs[IKEFP_A_MESSAGE_MAX + 1];
	struct hint hint;
	uint64_t peer_spi;
	size_t i;

	t->tally.upcalls++;
	if (genlmsg_parse(header, 0, attrs, IKEFP_A_MESSAGE_MAX, NULL) < 0)
		die("an upcall that cannot be read");
	if (!attrs[IKEFP_A_MESSAGE_PAYLOAD] || attrs[IKEFP_A_MESSAGE_RESPONSE])
		return;
	hint = (struct hint){
		.raw = attrs[IKEFP_A_MESSAGE_RAW],
		.spi = get64(nla_data(attrs[IKEFP_A_MESSAGE_SPI])),
		.exchange_type = nla_get_u8(attrs[IKEFP_A_MESSAGE_EXCHANGE_TYPE]),
		.message_id = nla_get_u32(attrs[IKEFP_A_MESSAGE_MESSAGE_ID]),
	};
	/* A sealed request is rarer than a cleartext one. */
	if (!hint.raw || t->requests.hint.raw || !t->requests.hint.spi)
		t->requests.hint = hint;
	peer_spi = get64(nla_data(attrs[IKEFP_A_MESSAGE_SPI_I]));
	for (i = 0; hint.raw && i < FUZZ_SAS; i++) {
		if (!t->place->sas[i].initiator && t->place->sas[i].peer_spi == peer_spi)
			t->place->sas[i].spi = hint.spi;
	}
}

/* Of those that come and go the latest is there most likely. */
static void take_stream(struct thread *t, struct nlmsghdr *header)
{
	struct nlattr *attrs[IKEFP_A_STREAM_MAX + 1];

	if (genlmsg_parse(header, 0, attrs, IKEFP_A_STREAM_MAX, NULL) < 0 ||
	    !attrs[IKEFP_A_STREAM_STREAM])
		die("a reply to stream-add that cannot be read");
	t->requests.stream = nla_get_u32(attrs[IKEFP_A_STREAM_STREAM]);
}

/* All that waits: verdicts, listings to their ends, upcalls. */
static void read_answers(struct thread *t)
{
	ssize_t len;

	while ((len = recv(t->sock, t->answer, BUFFER_SIZE, MSG_DONTWAIT)) > 0) {
		struct nlmsghdr *header = (struct nlmsghdr *)t->answer;
		int left = len;

		for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
			struct genlmsghdr *genl = nlmsg_data(header);

			if (header->nlmsg_type == NLMSG_ERROR)
				take_verdict(t, header,
					     ((struct nlmsgerr *)nlmsg_data(header))->error);
			else if (header->nlmsg_type == NLMSG_DONE)
				take_verdict(t, header, *(int *)nlmsg_data(header));
			else if (header->nlmsg_type == family && !header->nlmsg_seq &&
				 (genl->cmd == IKEFP_CMD_MESSAGE_RECV ||
				  genl->cmd == IKEFP_CMD_EXCHANGE_TIMEOUT ||
				  genl->cmd == IKEFP_CMD_SA_EXPIRED))
				take_upcall(t, header);
			else if (header->nlmsg_type == family &&
				 genl->cmd == IKEFP_CMD_STREAM_ADD)
				take_stream(t, header);
		}
	}
	if (len < 0 && errno != EAGAIN)
		die("cannot receive on netlink: %s", strerror(errno));
}

static void do_batch(struct thread *t)
{
	unsigned int number = 1 + below(t, BATCH), i;
	struct nlmsghdr *last = NULL;

	t->len = 0;
	t->number = 0;
	t->first_seq = t->seq;
	while (t->number < number && t->number < t->messages && t->len < BATCH_SIZE / 2) {
		last = (struct nlmsghdr *)(t->octets + t->len);
		put_request(t);
	}
	t->torn = chance(t, 3);
	if (t->torn) {
		uint32_t len = last->nlmsg_len;

		do
			last->nlmsg_len = fuzz_number(&t->requests.fuzz);
		while (last->nlmsg_len >= NLMSG_HDRLEN && last->nlmsg_len <= NLMSG_ALIGN(len));
	}
	t->messages -= t->number;
	if (send(t->sock, t->octets, t->len, 0) != (ssize_t)t->len)
		die("cannot send %zu octets on netlink: %s", t->len, strerror(errno));
	read_answers(t);
	for (i = 0; i < t->number; i++) {
		unsigned int due = t->torn && i == t->number - 1 ? 0 : 1;

		if (t->verdicts[i] != due)
			die("%s: %u verdicts where %u was due",
			    requests_name(t->asked[i].operation), t->verdicts[i], due);
	}
}

/* The peer */

static void wire_send(struct thread *t, bool v6, uint16_t port, const uint8_t *message, size_t len)
{
	struct sockaddr_storage to = address(v6 ? "::1" : "127.0.0.1", port);
	uint8_t datagram[MARKER_LEN + 1024] = {};
	size_t marker = port == 4500 ? MARKER_LEN : 0;

	memcpy(datagram + marker, message, len);
	/* There may be no listener just now. */
	if (sendto(t->place->socks[v6], datagram, marker + len, MSG_DONTWAIT,
		   (struct sockaddr *)&to, address_len(&to)) > 0)
		t->tally.datagrams++;
}

static size_t wire_seal(struct thread *t, const struct fuzz_sa *sa, uint8_t exchange_type,
			uint32_t message_id, bool response, uint8_t *message)
{
	const struct ike_header header = {
		.spi_i = sa->initiator ? sa->spi : sa->peer_spi,
		.spi_r = sa->initiator ? sa->peer_spi : sa->spi,
		.version = 0x20,
		.exchange_type = exchange_type,
		.flags = (sa->initiator ? 0 : FLAG_INITIATOR) | (response ? FLAG_RESPONSE : 0),
		.message_id = message_id,
	};
	size_t len = chance(t, 50) ? 0 : 20;

	return sk_seal(&sa->keys, &header, NULL, len ? PAYLOAD_NOTIFY : PAYLOAD_NONE,
		       "something to be told", len, message);
}

static void wire_ask(struct thread *t)
{
	static const uint8_t exchange_types[] = { IKE_AUTH, INFORMATIONAL, CREATE_CHILD_SA };
	struct fuzz_sa *sa = &t->place->sas[below(t, FUZZ_SAS)];
	uint16_t port = chance(t, 50) ? 500 : 4500;
	bool v6 = chance(t, 30);
	uint8_t type = exchange_types[below(t, ARRAY_SIZE(exchange_types))];
	uint32_t id = chance(t, 60) ? sa->next :
		      chance(t, 50) ? below(t, 3) : sa->next + below(t, IKEFP_MAX_WINDOW + 2);
	uint8_t message[1024];

	if (!sa->initiator && chance(t, 40)) {
		sa->next = 1;
		wire_send(t, v6, port, message,
			  ike_put_init(message, sa->peer_spi, 0, below(t, 8), FUZZ_INIT_LEN));
		return;
	}
	wire_send(t, v6, port, message, wire_seal(t, sa, type, id, false, message));
}

static void wire_answer(struct thread *t, bool v6, uint16_t port, const uint8_t *octets, size_t len)
{
	struct ike_header header;
	uint8_t message[1024];
	size_t i;

	if (len >= MARKER_LEN && !get32(octets)) {
		octets += MARKER_LEN;
		len -= MARKER_LEN;
	}
	if (len < HEADER_LEN)
		return;
	header = ike_get_header(octets);
	for (i = 0; i < FUZZ_SAS; i++) {
		struct fuzz_sa *sa = &t->place->sas[i];

		if (sa->spi != (sa->initiator ? header.spi_i : header.spi_r))
			continue;
		if (header.flags & FLAG_RESPONSE) {
			sa->next = header.message_id + 1;
		} else if (header.exchange_type == IKE_SA_INIT) {
			sa->next = 0;
			wire_send(t, v6, port, message,
				  ike_put_init(message, header.spi_i, sa->peer_spi, 0x22,
					       FUZZ_INIT_LEN));
		} else {
			wire_send(t, v6, port, message,
				  wire_seal(t, sa, header.exchange_type, header.message_id, true,
					    message));
		}
		return;
	}
}

/* Some of what the SAs' peer does. */
static void wire(struct thread *t)
{
	struct sockaddr_storage from;
	socklen_t from_len;
	uint8_t octets[4096];
	int i, v6;

	for (i = 0; i < 3; i++)
		wire_ask(t);
	for (i = 0; i < 8; i++) {
		ssize_t len;

		v6 = i % 2;
		from_len = sizeof(from);
		len = recvfrom(t->place->socks[v6], octets, sizeof(octets), MSG_DONTWAIT,
			       (struct sockaddr *)&from, &from_len);
		/* Some requests stay without an answer. */
		if (len > 0 && chance(t, 80))
			wire_answer(t, v6, address_port(&from), octets, len);
	}
}

/* Places, sockets, threads */

static struct place *place_make(struct fuzz *fuzz)
{
	const struct sockaddr_storage locals[] = {
		address("127.0.0.2", FUZZ_PEER_PORT),
		address("::1", FUZZ_PEER_PORT),
	};
	struct place *place = calloc(1, sizeof(*place));
	struct client *client;
	size_t i;

	if (!place)
		die("out of memory");
	for (i = 0; i < FUZZ_SAS; i++) {
		struct fuzz_sa *sa = &place->sas[i];

		sa->initiator = i % 2;
		sa->spi = sa->initiator ? i : 0;
		sa->peer_spi = 0x1000 + i;
		sa->keys.algorithm = &sk_algorithms[i % SK_ALGORITHMS];
		fuzz_octets(fuzz, sa->keys.ei, sizeof(sa->keys.ei));
		fuzz_octets(fuzz, sa->keys.er, sizeof(sa->keys.er));
		fuzz_octets(fuzz, sa->keys.ai, sizeof(sa->keys.ai));
		fuzz_octets(fuzz, sa->keys.ar, sizeof(sa->keys.ar));
	}
	place->socks[0] = udp_open(&locals[0]);
	place->socks[1] = udp_open(&locals[1]);
	/* To begin with. */
	client = client_open(0);
	client_listen(client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_listen(client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	client_listen(client, IKEFP_LISTENER_KIND_IKE, "::", 500);
	client_listen(client, IKEFP_LISTENER_KIND_NATT, "::", 4500);
	client_close(client);
	return place;
}

static void place_leave(struct place *place)
{
	close(place->socks[0]);
	close(place->socks[1]);
	free(place);
}

static void set(int sock, int level, int option, int value)
{
	if (setsockopt(sock, level, option, &value, sizeof(value)))
		die("setsockopt %d %d: %s", level, option, strerror(errno));
}

static int open_netlink(struct thread *t)
{
	int sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);

	if (sock < 0)
		die("cannot open a netlink socket: %s", strerror(errno));
	set(sock, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_SIZE);
	set(sock, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_SIZE);
	set(sock, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set(sock, SOL_NETLINK, NETLINK_CAP_ACK, 1);
	set(sock, SOL_NETLINK, NETLINK_GET_STRICT_CHK, chance(t, 50));
	return sock;
}

/* Now and then one of events, too, which nobody reads. */
static void sockets_open(struct thread *t)
{
	struct sockaddr_nl own = {};
	socklen_t len = sizeof(own);

	t->sock = open_netlink(t);
	/* A port ID, though nothing is sent yet. */
	if (bind(t->sock, (struct sockaddr *)&(struct sockaddr_nl){ .nl_family = AF_NETLINK },
		 sizeof(own)) || getsockname(t->sock, (struct sockaddr *)&own, &len))
		die("cannot bind a netlink socket: %s", strerror(errno));
	t->requests.worker = own.nl_pid;
	t->watcher = -1;
	if (chance(t, 30)) {
		t->watcher = open_netlink(t);
		set(t->watcher, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, monitor_group);
	}
	t->requests.hint = (struct hint){};
}

static void sockets_close(struct thread *t)
{
	close(t->sock);
	if (t->watcher >= 0)
		close(t->watcher);
}

static void fuzz_here(struct thread *t, unsigned long messages)
{
	unsigned long end = messages < t->messages ? t->messages - messages : 0;

	while (t->messages > end) {
		int batches = 1 + below(t, SOCKET_BATCHES);

		sockets_open(t);
		while (batches-- && t->messages > end) {
			do_batch(t);
			wire(t);
			/* The others are about as far. */
			if (t->all)
				fuzz_progress(THREADS * (t->all - t->messages), THREADS * t->all);
		}
		sockets_close(t);
	}
}

static void *run_thread(void *arg)
{
	struct thread *t = arg;

	while (t->messages && !t->doomed)
		fuzz_here(t, t->messages);
	while (t->messages) {
		close(netns_new());
		t->place = place_make(&t->requests.fuzz);
		t->requests.sas = t->place->sas;
		t->requests.sa = NULL;
		fuzz_here(t, NAMESPACE_MESSAGES);
		place_leave(t->place);
		netns_enter(home);
		t->tally.namespaces++;
	}
	return NULL;
}

/* The family's number and its group's. */
static void find_family(void)
{
	struct nl_sock *sock = nl_socket_alloc();
	int group;

	if (!sock || genl_connect(sock))
		die("cannot open a netlink socket");
	family = genl_ctrl_resolve(sock, IKEFP_FAMILY_NAME);
	group = genl_ctrl_resolve_grp(sock, IKEFP_FAMILY_NAME, IKEFP_MCGRP_MONITOR);
	if (family < 0 || group < 0)
		die("the kernel has no family %s", IKEFP_FAMILY_NAME);
	monitor_group = group;
	nl_socket_free(sock);
}

static void start(struct thread *threads, struct place *place, uint64_t seed)
{
	unsigned long messages = fuzz_messages();
	int i;

	for (i = 0; i < THREADS; i++) {
		struct thread *t = &threads[i];

		t->requests.fuzz = fuzz_begin(seed, i);
		t->place = place;
		t->requests.family = family;
		t->requests.sas = place->sas;
		t->doomed = i == THREADS - 1;
		t->messages = messages / THREADS + (i < (int)(messages % THREADS));
		t->all = i ? 0 : t->messages;
		t->seq = 1;
		/* Room for one message beyond half of it, the largest with copies of its own. */
		t->octets = malloc(BATCH_SIZE + 512 * 1024);
		t->answer = malloc(BUFFER_SIZE);
		if (!t->octets || !t->answer || pthread_create(&t->id, NULL, run_thread, t))
			die("cannot make a thread");
	}
}

static void sum(const struct thread *threads, struct tally *tally)
{
	size_t i, j, k;

	for (i = 0; i < THREADS; i++) {
		const struct tally *one = &threads[i].tally;

		for (j = 0; j < requests_operations(); j++) {
			tally->accepted[j] += one->accepted[j];
			tally->refused[j] += one->refused[j];
			for (k = 0; k < MAX_ATTRIBUTES; k++)
				tally->attributes[j][k] += one->attributes[j][k];
		}
		tally->upcalls += one->upcalls;
		tally->datagrams += one->datagrams;
		tally->namespaces += one->namespaces;
	}
}

struct found {
	uint64_t spi; /* of one that can be deleted */
	uint64_t lingering;
};

static void see_sa(const struct ikefp_sa_info *info, void *arg)
{
	struct found *found = arg;

	if (info->state == IKEFP_SA_STATE_LINGERING)
		found->lingering++;
	else
		found->spi = info->spi;
}

static void see_listener(const struct ikefp_listener_info *info, void *arg)
{
	*(struct ikefp_listener_info *)arg = *info;
}

/* Takes down by commands what there is, and waits until it is gone. */
static void clean_up(struct client *client)
{
	struct ikefp_listener_info listener = {};
	int64_t until = clock_us() + 4 * PATIENCE_MS * 1000;
	struct found found;

	for (;;) {
		found = (struct found){};
		if (ikefp_sa_list(client->nl, see_sa, &found))
			die("sa-get: %s", ikefp_nl_error(client->nl));
		if (!found.spi)
			break;
		ikefp_sa_del(client->nl, found.spi);
	}
	for (;;) {
		listener.addr.ss_family = AF_UNSPEC;
		if (ikefp_listener_list(client->nl, see_listener, &listener))
			die("listener-get: %s", ikefp_nl_error(client->nl));
		if (listener.addr.ss_family == AF_UNSPEC)
			break;
		ikefp_listener_del(client->nl, &listener.addr);
	}
	/* What lingers is listed; any other that is counted is held by somebody. */
	while (client_counter(client, IKEFP_A_STATS_SAS) != found.lingering) {
		if (clock_us() > until)
			die("%llu SAs are counted, %llu are there",
			    (unsigned long long)client_counter(client, IKEFP_A_STATS_SAS),
			    (unsigned long long)found.lingering);
		poll(NULL, 0, 10);
		found = (struct found){};
		if (ikefp_sa_list(client->nl, see_sa, &found))
			die("sa-get: %s", ikefp_nl_error(client->nl));
	}
}

/* A peer's handshake and sign of life. */
static void handshake(struct __test_metadata *_metadata, struct client *client)
{
	struct peer *peer;

	client_listen(client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	peer = peer_open("127.0.0.2", "127.0.0.1", 4500, IKEFP_LISTENER_KIND_NATT);
	peer_init_kernel_responds(peer, client, 0x0102030405060708ull, &sk_algorithms[0]);
	peer_establish(peer, client);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	peer_expect(peer);
	EXPECT_STREQ("", peer_open_message(peer));
	peer_close(peer);
}

/* How often the attribute was accepted that was so the least. */
static unsigned long rarest(struct __test_metadata *_metadata, const struct tally *tally)
{
	const char *name, *attribute = "", *operation = "";
	unsigned long least = ULONG_MAX;
	size_t i, j;

	for (i = 0; i < requests_operations(); i++) {
		for (j = 0; (name = requests_attribute(i, j)); j++) {
			if (!*name || tally->attributes[i][j] >= least)
				continue;
			least = tally->attributes[i][j];
			operation = requests_name(i);
			attribute = name;
		}
	}
	TH_LOG("%s with %s: %lu accepted, the fewest", operation, attribute, least);
	return least;
}

FIXTURE(netlink)
{
};

FIXTURE_SETUP(netlink)
{
	find_family();
	home = netns_new();
}

FIXTURE_TEARDOWN(netlink)
{
}

/* As long as it takes: whoever asks for more messages gives the whole program more time. */
TEST_F_TIMEOUT(netlink, fuzz, 3600)
{
	static struct thread threads[THREADS];
	uint64_t seed = fuzz_seed();
	struct fuzz fuzz = fuzz_begin(seed, THREADS);
	struct place *place = place_make(&fuzz);
	unsigned long accepted = 0, refused = 0, least;
	struct tally tally = {};
	struct client *client;
	size_t i;

	TH_LOG("%lu messages; FUZZ_SEED=%llu repeats them", fuzz_messages(),
	       (unsigned long long)seed);
	start(threads, place, seed);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i].id, NULL);
	sum(threads, &tally);
	for (i = 0; i < requests_operations(); i++) {
		TH_LOG("%-14s %7lu accepted %7lu refused", requests_name(i),
		       tally.accepted[i], tally.refused[i]);
		/* What is always refused is not reached. */
		if (fuzz_enough())
			EXPECT_LT(0, tally.accepted[i]);
		accepted += tally.accepted[i];
		refused += tally.refused[i];
	}
	TH_LOG("in all         %7lu accepted %7lu refused", accepted, refused);
	least = rarest(_metadata, &tally);
	if (fuzz_enough_for_rare())
		EXPECT_LT(0, least);
	TH_LOG("%lu upcalls, %lu datagrams, %lu namespaces", tally.upcalls, tally.datagrams,
	       tally.namespaces);
	EXPECT_LT(0, tally.upcalls);
	EXPECT_LT(0, tally.namespaces);

	/* In the namespace of all that, and in a new one. */
	place_leave(place);
	client = client_open(0);
	clean_up(client);
	EXPECT_EQ(0, client_counter(client, IKEFP_A_STATS_HALF_OPEN));
	client_close(client);
	client = client_open(CLIENT_WORKER);
	client_set(client, IKEFP_A_POLICY_MAX_SAS, 200000);
	client_set(client, IKEFP_A_POLICY_MAX_HALF_OPEN, 1000);
	client_set(client, IKEFP_A_POLICY_HALF_OPEN_MS, 30000);
	client_set(client, IKEFP_A_POLICY_MAX_CACHE_OCTETS, 1 << 20);
	client_let_all_in(client);
	/* Once there were more of them than cookie-rate, cookies are asked for for a second. */
	clock_sleep_until(clock_us() + 1100000);
	handshake(_metadata, client);
	client_close(client);
	netns_new();
	client = client_open(CLIENT_WORKER);
	handshake(_metadata, client);
	client_close(client);
}

MODULE_TEST_MAIN
