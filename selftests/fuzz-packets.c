// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams by chance: handshakes with a peer that has the keys are recorded at both
 * ends, changed in all ways, and sent to both ports of both families, by the peers that
 * they came from and by others, in any order, while SAs are there in all their states.
 *
 * Of each batch every datagram must be accounted for by a counter, every answer must go
 * to who asked and be no longer than what asked for it, and nothing else is sent. In the
 * end every SA is what it was, and works.
 *
 * FUZZ_SEED repeats what is changed in what; keys and IVs differ all the same.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "corpus.h"
#include "die.h"
#include "fragment.h"
#include "fuzz.h"
#include "ikefp_nl.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define DAY_MS 86400000
#define BATCH 32
/* SAs of strangers that are kept. */
#define STRANGERS 64
#define FRAGMENTS 3 /* of a message */

/* How far an SA has come when the fuzzing begins. */
enum stage {
	ASKING,		/* the kernel's IKE_SA_INIT request has no answer */
	HALF_OPEN,	/* the kernel's IKE_SA_INIT response is sent */
	KEYED,		/* IKE_AUTH is answered, not authentic yet */
	ESTABLISHED,	/* a sign of life is answered */
	WAITING,	/* established, a request of the kernel's is outstanding */
	LINGERING,
	STAGES,
};

#define PEERS (4 * STAGES)
#define SOCKS (PEERS + 2)

struct session {
	struct peer *peer;
	enum stage stage;
	uint16_t port;
};

FIXTURE(packets)
{
	struct client *client;
	struct corpus corpus;
	struct fuzz fuzz;
	struct session sessions[PEERS];
	int socks[SOCKS];	/* the peers', and a stranger's for each family */
	struct ikefp_stats base;
	uint64_t sent;
	uint64_t upcalls;	/* read */
	uint64_t received;
	uint64_t strangers[STRANGERS];
	unsigned int next_stranger;
	int requests;		/* that the kernel was told to send, and that were not seen */
	uint64_t answers;
};

typedef FIXTURE_DATA(packets) packets;

/* Handshakes, recorded */

static void record(packets *self, const struct session *session, const uint8_t *message, size_t len)
{
	uint8_t datagram[CORPUS_MAX_LEN] = {};
	size_t marker = session->port == 4500 ? MARKER_LEN : 0;

	memcpy(datagram + marker, message, len);
	corpus_add(&self->corpus, session->port, datagram, marker + len);
}

/* The last message of each end. */
static void record_both(packets *self, const struct session *session)
{
	record(self, session, session->peer->sent, session->peer->sent_len);
	record(self, session, session->peer->got, session->peer->got_len);
}

static void ask_and_answer(packets *self, struct session *session, uint8_t exchange_type,
			   const void *inner, size_t len)
{
	struct peer *peer = session->peer;
	uint32_t id = peer->next_out;

	peer_send_request(peer, exchange_type, len ? PAYLOAD_NOTIFY : PAYLOAD_NONE, inner, len);
	if (len) {
		client_wait_message(self->client);
		peer_kernel_responds(peer, self->client, exchange_type, id, PAYLOAD_NOTIFY,
				     "ok", 2);
	}
	peer_expect(peer);
	record_both(self, session);
}

static void kernel_asks(packets *self, struct session *session)
{
	peer_kernel_requests(session->peer, self->client, INFORMATIONAL, PAYLOAD_NOTIFY,
			     "anybody?", 8);
	self->requests++;
}

/* One after the other what leads to its stage. */
static void begin_session(packets *self, struct session *session, uint64_t spi,
			  const struct sk_algorithm *algorithm)
{
	struct peer *peer = session->peer;
	struct ikefp_endpoint endpoint = peer_endpoint_of_kernel(peer);
	uint8_t message[64];
	const struct ikefp_message_out request = {
		.spi = spi,
		.raw = true,
		.payload = { message, ike_put_init(message, spi, 0, 0x11, sizeof(message)) },
	};

	if (session->stage == ASKING) {
		peer->kernel_spi = spi;
		if (ikefp_sa_new(self->client->nl, spi, &endpoint) ||
		    ikefp_message_send(self->client->nl, &request, NULL))
			die("an SA: %s", ikefp_nl_error(self->client->nl));
		peer_expect(peer);
		record(self, session, peer->got, peer->got_len);
		record(self, session, message, ike_put_init(message, spi, ~spi, 0x22, 48));
		return;
	}
	if (session->stage == WAITING)
		peer_init_kernel_initiates(peer, self->client, spi, algorithm);
	else
		peer_init_kernel_responds(peer, self->client, spi, algorithm);
	record_both(self, session);
	if (session->stage == HALF_OPEN)
		return;
	if (fragment_set_size(self->client, peer, 1280))
		die("sa-set fragment-size: %s", ikefp_nl_error(self->client->nl));
	ask_and_answer(self, session, IKE_AUTH, "this is who I am", 16);
	if (session->stage == KEYED)
		return;
	peer_establish(peer, self->client);
	ask_and_answer(self, session, INFORMATIONAL, NULL, 0);
	ask_and_answer(self, session, CREATE_CHILD_SA, "and another one", 15);
	if (session->stage == WAITING) {
		kernel_asks(self, session);
		peer_expect(peer);
		self->requests--;
		record(self, session, peer->got, peer->got_len);
		peer_send_response(peer, INFORMATIONAL, peer->got_header.message_id, 0, NULL, 0);
		client_wait_message(self->client);
		record(self, session, peer->sent, peer->sent_len);
		kernel_asks(self, session);
		peer_expect(peer);
		self->requests--;
	}
	if (session->stage == LINGERING && ikefp_sa_del(self->client->nl, peer->kernel_spi))
		die("sa-del: %s", ikefp_nl_error(self->client->nl));
}

FIXTURE_SETUP(packets)
{
	struct sockaddr_storage strangers[] = { address("127.0.0.3", 0), address("fd00::3", 0) };
	size_t i;

	netns_new();
	/* Longer ones come in fragments of IP. */
	run("ip address add fd00::3/128 dev lo nodad && ip link set lo mtu 1500");
	netns_await_local("fd00::3");
	self->client = client_open(CLIENT_WORKER);
	client_set(self->client, IKEFP_A_POLICY_RTO_MAX_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_GIVE_UP_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS, DAY_MS);
	client_set(self->client, IKEFP_A_POLICY_LINGER_MS, DAY_MS);
	client_let_all_in(self->client);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "0.0.0.0", 4500);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "::", 500);
	client_listen(self->client, IKEFP_LISTENER_KIND_NATT, "::", 4500);
	for (i = 0; i < PEERS; i++) {
		struct session *session = &self->sessions[i];
		bool v6 = i % 2;

		session->port = i / 2 % 2 ? 4500 : 500;
		session->stage = i / 4;
		session->peer = peer_open(v6 ? "::1" : "127.0.0.2", v6 ? "::1" : "127.0.0.1",
					  session->port, session->port == 4500 ?
					  IKEFP_LISTENER_KIND_NATT : IKEFP_LISTENER_KIND_IKE);
		begin_session(self, session, SPI + i, &sk_algorithms[i % SK_ALGORITHMS]);
		self->socks[i] = session->peer->sock;
	}
	self->socks[PEERS] = udp_open(&strangers[0]);
	self->socks[PEERS + 1] = udp_open(&strangers[1]);
}

FIXTURE_TEARDOWN(packets)
{
	size_t i;

	for (i = 0; i < PEERS; i++)
		peer_close(self->sessions[i].peer);
	client_close(self->client);
	corpus_free(&self->corpus);
}

/* Datagrams */

static struct session *session_of(packets *self, uint64_t spi)
{
	size_t i;

	for (i = 0; i < PEERS; i++) {
		if (self->sessions[i].peer->kernel_spi == spi)
			return &self->sessions[i];
	}
	return NULL;
}

static void get_info(packets *self, const struct session *session, struct ikefp_sa_info *info)
{
	if (ikefp_sa_get(self->client->nl, session->peer->kernel_spi, info))
		die("the SA of stage %d is gone: %s", session->stage,
		    ikefp_nl_error(self->client->nl));
}

/* A fragment of the peer's next request; with the marker, where there is one. */
static size_t make_fragment(packets *self, const struct session *session, unsigned int number,
			    uint8_t *octets)
{
	struct sk_options options = { .fragment = { .number = number, .total = FRAGMENTS } };
	size_t marker = session->port == 4500 ? MARKER_LEN : 0;
	struct ike_header header;
	struct ikefp_sa_info info;
	uint8_t inner[64];

	get_info(self, session, &info);
	header = peer_header(session->peer, CREATE_CHILD_SA, info.message_id_in, false);
	memset(octets, 0, marker);
	memset(inner, number, sizeof(inner));
	return marker + sk_seal(&session->peer->keys, &header, &options,
				number == 1 ? PAYLOAD_NOTIFY : PAYLOAD_NONE,
				inner, sizeof(inner), octets + marker);
}

/* What the SA's peer can send and nobody else: authentic, whatever is in it. */
static size_t make_authentic(packets *self, const struct session *session, uint8_t *octets)
{
	static const uint8_t exchange_types[] = { IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL };
	struct fuzz *fuzz = &self->fuzz;
	bool response = session->stage == WAITING && fuzz_percent(fuzz, 30);
	uint8_t inner[64], type = exchange_types[fuzz_below(fuzz, 3)];
	size_t marker = session->port == 4500 ? MARKER_LEN : 0;
	size_t inner_len = fuzz_percent(fuzz, 50) ? 0 : 1 + fuzz_below(fuzz, sizeof(inner));
	bool sign_of_life = fuzz_percent(fuzz, 30);
	struct sk_options options = {};
	struct ike_header header;
	struct ikefp_sa_info info;
	uint32_t id;

	if (sign_of_life) {
		type = INFORMATIONAL;
		inner_len = 0;
	}
	get_info(self, session, &info);
	id = response ? info.message_id_out - 1 : info.message_id_in;
	memset(octets, 0, marker);
	if (!response && !sign_of_life && fuzz_percent(fuzz, 40))
		return make_fragment(self, session, 1 + fuzz_below(fuzz, FRAGMENTS), octets);
	header = peer_header(session->peer, response ? INFORMATIONAL : type, id, response);
	fuzz_octets(fuzz, inner, inner_len);
	/* Now and then padding that cannot be. */
	if (!sign_of_life && fuzz_percent(fuzz, 10))
		options.pad_length = 1 + fuzz_below(fuzz, 255);
	return marker + sk_seal(&session->peer->keys, &header, &options,
				inner_len && fuzz_percent(fuzz, 90) ? PAYLOAD_NOTIFY : PAYLOAD_NONE,
				inner, inner_len, octets + marker);
}

static uint64_t change_of(const packets *self, const struct ikefp_stats *now, int stat)
{
	return now->value[stat] - self->base.value[stat];
}

/* What became of how many datagrams. Each is dropped, or taken in one of these ways. */
static uint64_t accounted_for(const packets *self, const struct ikefp_stats *now)
{
	uint64_t sum = change_of(self, now, IKEFP_A_STATS_UPCALLS) +
		       change_of(self, now, IKEFP_A_STATS_DUPLICATES_ANSWERED) +
		       change_of(self, now, IKEFP_A_STATS_LIVENESS_ANSWERED) +
		       change_of(self, now, IKEFP_A_STATS_RX_FRAGMENTS) -
		       change_of(self, now, IKEFP_A_STATS_REASSEMBLED) +
		       change_of(self, now, IKEFP_A_STATS_RX_ESP) +
		       change_of(self, now, IKEFP_A_STATS_RX_KEEPALIVE);
	int i;

	for (i = 0; i <= IKEFP_A_STATS_MAX; i++) {
		const char *name = ikefp_stats_name(i);

		if (name && !strncmp(name, "drop-", 5))
			sum += change_of(self, now, i);
	}
	return sum;
}

static void get_stats(packets *self, struct ikefp_stats *stats)
{
	if (ikefp_stats_get(self->client->nl, stats))
		die("stats-get: %s", ikefp_nl_error(self->client->nl));
}

static void show_counters(const packets *self, const struct ikefp_stats *now)
{
	int i;

	for (i = 0; i <= IKEFP_A_STATS_MAX; i++) {
		if (ikefp_stats_name(i) && change_of(self, now, i))
			printf("# %-28s %llu\n", ikefp_stats_name(i),
			       (unsigned long long)change_of(self, now, i));
	}
}

static void wait_accounted(packets *self, struct ikefp_stats *now)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;

	for (;;) {
		get_stats(self, now);
		if (accounted_for(self, now) == self->sent)
			return;
		if (clock_us() > until || accounted_for(self, now) > self->sent) {
			show_counters(self, now);
			die("%llu datagrams sent, %llu accounted for",
			    (unsigned long long)self->sent,
			    (unsigned long long)accounted_for(self, now));
		}
		poll(NULL, 0, 1);
	}
}

/* A stranger's IKE_SA_INIT request has made an SA. It may be answered, and lives a while. */
static void take_stranger(packets *self, const struct ikefp_message_in *message)
{
	uint64_t *place = &self->strangers[self->next_stranger++ % STRANGERS];
	uint8_t answer[CORPUS_MAX_LEN];
	size_t len = message->payload.len;
	struct ikefp_message_out out = { .spi = message->spi, .raw = true };

	if (*place && ikefp_sa_del(self->client->nl, *place))
		die("sa-del: %s", ikefp_nl_error(self->client->nl));
	*place = message->spi;
	if (fuzz_percent(&self->fuzz, 50))
		return;
	out.payload = (struct ikefp_octets){
		answer, ike_put_init(answer, message->spi_i, message->spi, 0x44, len),
	};
	if (ikefp_message_send(self->client->nl, &out, NULL))
		die("raw response: %s", ikefp_nl_error(self->client->nl));
}

/*
 * What the worker has to do: every authentic request is answered, by as much as it was, or
 * as one of its fragments.
 */
static void take_upcall(packets *self, const struct upcall *upcall)
{
	struct session *session = session_of(self, upcall->spi);

	if (upcall->kind != UPCALL_MESSAGE)
		die("an upcall of kind %d", upcall->kind);
	if (upcall->message.raw && !upcall->message.response) {
		take_stranger(self, &upcall->message);
	} else if (!session) {
		die("an authentic message for an SA that has no peer");
	} else if (upcall->message.raw) {
		/* A forged answer, for all that is known. */
	} else if (upcall->message.response) {
		kernel_asks(self, session);
	} else {
		const struct ikefp_octets *payload = &upcall->message.payload;

		peer_kernel_responds(session->peer, self->client, upcall->exchange_type,
				     upcall->message_id, upcall->message.first_payload,
				     payload->data, payload->len < 64 ? payload->len : 64);
	}
}

static void take_upcalls(packets *self, const struct ikefp_stats *now)
{
	uint64_t due = change_of(self, now, IKEFP_A_STATS_UPCALLS);
	struct upcall *upcall;

	for (; self->upcalls < due; self->upcalls++) {
		upcall = client_wait(self->client, PATIENCE_MS);
		if (!upcall)
			die("%llu upcalls counted, %llu come", (unsigned long long)due,
			    (unsigned long long)self->upcalls);
		take_upcall(self, upcall);
	}
}

/* A datagram from the kernel to the socket of this place. */
static void take_answer(packets *self, size_t place, size_t asker, struct asked *asked,
			size_t number, const uint8_t *octets, size_t len, uint16_t port)
{
	size_t marker = port == 4500 ? MARKER_LEN : 0;
	const char *wrong;

	if (len < marker + HEADER_LEN || (marker && get32(octets)))
		die("the kernel sent what is no message");
	if (!(octets[marker + 19] & FLAG_RESPONSE)) {
		if (!self->requests--)
			die("the kernel sent a request that nobody told it to");
		return;
	}
	wrong = place == asker ? asked_answer(asked, number, port, octets, len) :
				 "it went elsewhere";
	if (*wrong)
		die("an answer of %zu octets to exchange %u, ID %u: %s", len,
		    octets[marker + 18], get32(octets + marker + 20), wrong);
	self->answers++;
}

/* All that the kernel sent meanwhile is here, and is what it should be. */
static void take_answers(packets *self, size_t asker, struct asked *asked, size_t number)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;
	struct pollfd pollers[SOCKS];
	uint8_t octets[MESSAGE_SIZE];
	struct ikefp_stats now;
	size_t i;

	get_stats(self, &now);
	while (self->received < change_of(self, &now, IKEFP_A_STATS_TX_MESSAGES)) {
		if (clock_us() > until)
			die("%llu datagrams sent by the kernel, %llu come",
			    (unsigned long long)change_of(self, &now, IKEFP_A_STATS_TX_MESSAGES),
			    (unsigned long long)self->received);
		for (i = 0; i < SOCKS; i++)
			pollers[i] = (struct pollfd){ .fd = self->socks[i], .events = POLLIN };
		poll(pollers, SOCKS, 10);
		for (i = 0; i < SOCKS; i++) {
			struct sockaddr_storage from;
			ssize_t len;

			if (!(pollers[i].revents & POLLIN))
				continue;
			len = udp_receive(self->socks[i], octets, sizeof(octets), 0, &from, NULL);
			if (len < 0)
				continue;
			self->received++;
			take_answer(self, i, asker, asked, number, octets, len,
				    address_port(&from));
		}
	}
}

static void do_batch(packets *self, unsigned int number)
{
	static uint8_t octets[BATCH][CORPUS_MAX_LEN];
	struct fuzz *fuzz = &self->fuzz;
	size_t asker = fuzz_below(fuzz, SOCKS), i;
	const struct session *session = asker < PEERS ? &self->sessions[asker] : NULL;
	uint16_t port = session && fuzz_percent(fuzz, 80) ? session->port :
			fuzz_percent(fuzz, 50) ? 500 : 4500;
	struct sockaddr_storage to = address(asker % 2 ? "::1" : "127.0.0.1", port);
	struct asked asked[BATCH];
	struct mmsghdr messages[BATCH] = {};
	struct iovec iovs[BATCH];
	struct ikefp_stats now;
	/* Fragments yet to come of a message that is to be put together. */
	unsigned int whole = 0;

	/* Now and then strangers are asked for a cookie. */
	if (fuzz_percent(fuzz, 5))
		client_set(self->client, IKEFP_A_POLICY_COOKIE_HALF_OPEN,
			   fuzz_percent(fuzz, 30) ? 0 : UINT32_MAX);
	for (i = 0; i < number; i++) {
		size_t len;

		if (whole) {
			len = make_fragment(self, session, FRAGMENTS + 1 - whole--, octets[i]);
		} else if (session && session->stage >= KEYED && session->stage < LINGERING &&
			   session->port == port && fuzz_percent(fuzz, 25)) {
			whole = fuzz_percent(fuzz, 5) ? FRAGMENTS : 0;
			len = make_authentic(self, session, octets[i]);
			if (fuzz_percent(fuzz, 60))
				len = corpus_change(&self->corpus, fuzz, port, octets[i], len);
		} else {
			len = corpus_make_up(&self->corpus, fuzz, port, octets[i]);
		}
		asked_of(&asked[i], port, octets[i], len);
		iovs[i] = (struct iovec){ octets[i], len };
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &to,
			.msg_namelen = address_len(&to),
			.msg_iov = &iovs[i],
			.msg_iovlen = 1,
		};
	}
	if (sendmmsg(self->socks[asker], messages, number, 0) != (int)number)
		die("cannot send %u datagrams: %s", number, strerror(errno));
	self->sent += number;
	wait_accounted(self, &now);
	take_upcalls(self, &now);
	take_answers(self, asker, asked, number);
}

/* After all that: what was there is there, and who has the keys is answered. */
static void check_session(struct __test_metadata *_metadata, packets *self,
			  const struct session *session)
{
	struct peer *peer = session->peer;
	struct ikefp_sa_info info;

	get_info(self, session, &info);
	switch (session->stage) {
	case ASKING:
		EXPECT_EQ(IKEFP_SA_STATE_HALF_OPEN, info.state);
		EXPECT_EQ(1, info.outstanding);
		EXPECT_EQ(0, info.peer_spi);
		return;
	case HALF_OPEN:
		EXPECT_EQ(IKEFP_SA_STATE_HALF_OPEN, info.state);
		EXPECT_EQ(1, info.message_id_in);
		return;
	case KEYED:
		EXPECT_EQ(IKEFP_SA_STATE_HALF_OPEN, info.state);
		peer_establish(peer, self->client);
		break;
	case LINGERING:
		EXPECT_EQ(IKEFP_SA_STATE_LINGERING, info.state);
		return;
	default:
		EXPECT_EQ(IKEFP_SA_STATE_ESTABLISHED, info.state);
		break;
	}
	EXPECT_EQ(session->stage == WAITING, info.outstanding);
	EXPECT_TRUE(address_same(&peer->local, &info.endpoint.remote));
	peer->next_out = info.message_id_in;
	peer_send_request(peer, INFORMATIONAL, PAYLOAD_NONE, NULL, 0);
	peer_expect(peer);
	EXPECT_STREQ("", peer_open_message(peer));
	EXPECT_EQ(0, peer->inner_len);
	if (session->stage == WAITING) {
		const struct ikefp_message_in *message;

		peer_send_response(peer, INFORMATIONAL, info.message_id_out - 1, PAYLOAD_NOTIFY,
				   "yes", 3);
		message = client_wait_message(self->client);
		EXPECT_TRUE(message->response);
		EXPECT_EQ(peer->kernel_spi, message->spi);
	}
}

/* As long as it takes: whoever asks for more messages gives the whole program more time. */
TEST_F_TIMEOUT(packets, fuzz, 3600)
{
	unsigned long all = fuzz_messages(), left = all;
	uint64_t seed = fuzz_seed();
	struct ikefp_stats now;
	size_t i;

	TH_LOG("%lu datagrams from %zu recorded ones; FUZZ_SEED=%llu repeats them", left,
	       self->corpus.number, (unsigned long long)seed);
	self->fuzz = fuzz_begin(seed, 0);
	get_stats(self, &self->base);
	while (left) {
		unsigned int number = left < BATCH ? left : BATCH;

		do_batch(self, number);
		left -= number;
		fuzz_progress(all - left, all);
	}
	get_stats(self, &now);
	show_counters(self, &now);
	TH_LOG("%llu answers", (unsigned long long)self->answers);
	EXPECT_LT(0, self->answers);
	if (fuzz_enough()) {
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_LIVENESS_ANSWERED));
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_DUPLICATES_ANSWERED));
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_DROP_INTEGRITY));
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_RX_ESP));
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_REASSEMBLED));
		EXPECT_LT(0, change_of(self, &now, IKEFP_A_STATS_DROP_FRAGMENT_DUPLICATE));
	}
	for (i = 0; i < PEERS; i++)
		check_session(_metadata, self, &self->sessions[i]);
}

MODULE_TEST_MAIN
