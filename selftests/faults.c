// SPDX-License-Identifier: GPL-2.0
/*
 * Every allocation of every command fails in turn, and then those that messages make:
 * the error is clean, the next try works, nothing is lost. Needs a kernel that can be
 * told to fail allocations (CONFIG_FAILSLAB); the debug kernel is one.
 */

#include "kselftest_harness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"
#include "tcp.h"

#define SPI 0x0102030405060708ull
#define MAX_ALLOCATIONS 500
#define DAY_MS 86400000

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAIL_NTH "/proc/thread-self/fail-nth"

static void set_failslab(const char *name, const char *value)
{
	char file[128];
	FILE *out;

	snprintf(file, sizeof(file), FAILSLAB "%s", name);
	out = fopen(file, "w");
	if (!out || fputs(value, out) < 0 || fclose(out))
		die("cannot write %s to %s: %s", value, file, strerror(errno));
}

static void set_failslab_number(const char *name, unsigned long number)
{
	char value[24];

	snprintf(value, sizeof(value), "%lu", number);
	set_failslab(name, value);
}

/*
 * fail_nth(n): the nth allocation of this thread from here on fails; 0 ends that. It
 * returns whether one has failed since the last call. A number that is not yet counted
 * down to 0 was not reached.
 */
static bool fail_nth(unsigned int n)
{
	static unsigned int armed;
	static int fd = -1;
	char text[16] = {};
	bool failed;

	/* Opening it may fail, too. */
	if (fd < 0)
		fd = open(FAIL_NTH, O_RDWR);
	if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) <= 0)
		die("cannot read %s: %s", FAIL_NTH, strerror(errno));
	failed = armed && !atoi(text);
	snprintf(text, sizeof(text), "%u", n);
	if (pwrite(fd, text, strlen(text), 0) < 0)
		die("cannot write to %s: %s", FAIL_NTH, strerror(errno));
	armed = n;
	return failed;
}

static bool can_fail(void)
{
	return !access(FAILSLAB "verbose", W_OK) && !access(FAIL_NTH, W_OK);
}

/* Whatever became of the tests. */
static void __attribute__((destructor)) fail_no_more(void)
{
	if (can_fail())
		set_failslab("probability", "0");
}

FIXTURE(faults)
{
	struct client *client;
	struct peer *peer;
	struct ikefp_endpoint endpoint;
	struct sockaddr_storage addr;
	uint64_t spi;
	int far, near, copy;	/* a TCP connection's ends; of the near one */
	uint32_t stream;
};

FIXTURE_SETUP(faults)
{
	if (!can_fail())
		SKIP(return, "the kernel cannot be told to fail allocations");
	set_failslab("probability", "0");
	/* Failures that are asked for are nothing to tell of. */
	set_failslab("verbose", "0");
	set_failslab("ignore-gfp-wait", "N");
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	client_set(self->client, IKEFP_A_POLICY_RTO_INITIAL_MS, 100);
	client_set(self->client, IKEFP_A_POLICY_RTO_MIN_MS, 100);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
	self->endpoint = peer_endpoint_of_kernel(self->peer);
	self->addr = address("127.0.0.1", 4500);
	self->spi = SPI;
	self->far = self->near = self->copy = -1;
}

FIXTURE_TEARDOWN(faults)
{
	peer_close(self->peer);
	client_close(self->client);
}

typedef FIXTURE_DATA(faults) faults;

/* A command, and what makes the next try the same as the first. */
struct step {
	const char *name;
	int (*run)(faults *self);
	void (*before)(faults *self);	/* what it needs */
	int done;	/* what the next try says if the command was done but not answered */
};

static void sweep(struct __test_metadata *_metadata, faults *self, const struct step *step)
{
	unsigned int n, tolerated = 0, refused = 0;
	bool failed;
	int err;

	for (n = 1; n < MAX_ALLOCATIONS; n++) {
		self->spi++;
		if (step->before)
			step->before(self);
		fail_nth(n);
		err = step->run(self);
		failed = fail_nth(0);
		if (!failed)
			break;
		if (!err) {
			tolerated++;
			continue;
		}
		refused++;
		/*
		 * -ENFILE is what the kernel calls it when there is no memory for a
		 * socket, -EIO what the library makes of an error of the netlink socket's.
		 */
		EXPECT_TRUE(err == -ENOMEM || err == -ENOBUFS || err == -ENFILE ||
			    (err == -EIO && strstr(ikefp_nl_error(self->client->nl), "memory"))) {
			TH_LOG("%s, allocation %u: %d (%s)", step->name, n, err,
			       ikefp_nl_error(self->client->nl));
		}
		err = step->run(self);
		EXPECT_TRUE(!err || (step->done && err == step->done)) {
			TH_LOG("%s, after allocation %u failed: %d (%s)", step->name, n, err,
			       ikefp_nl_error(self->client->nl));
		}
	}
	EXPECT_EQ(0, err) {
		TH_LOG("%s, nothing failed: %s", step->name, ikefp_nl_error(self->client->nl));
	}
	EXPECT_GT(MAX_ALLOCATIONS, n);
	/* A sweep in which nothing was refused has not reached the command. */
	EXPECT_LT(0, refused);
	TH_LOG("%s: %u allocations, %u failures refused it, %u did not matter", step->name,
	       n - 1, refused, tolerated);
}

static int listener_add(faults *self)
{
	return ikefp_listener_add(self->client->nl, IKEFP_LISTENER_KIND_NATT, &self->addr);
}

static int listener_del(faults *self)
{
	return ikefp_listener_del(self->client->nl, &self->addr);
}

static void no_listener(faults *self)
{
	listener_del(self);
}

static void one_listener(faults *self)
{
	listener_add(self);
}

static int sa_new(faults *self)
{
	return ikefp_sa_new(self->client->nl, self->spi, &self->endpoint);
}

static void must_sa_new(faults *self)
{
	if (sa_new(self))
		die("sa-new: %s", ikefp_nl_error(self->client->nl));
}

static int sa_set_keys(faults *self)
{
	static const struct sk_algorithm *algorithm;
	struct ikefp_sa_change change = { .spi = self->spi, .peer_spi = 1 };
	struct sk_keys keys;
	struct ikefp_keys module_keys;

	algorithm = &sk_algorithms[self->spi % SK_ALGORITHMS];
	sk_keys_make(&keys, algorithm);
	module_keys = sk_keys_for_module(&keys);
	change.keys = &module_keys;
	return ikefp_sa_set(self->client->nl, &change);
}

static int sa_del(faults *self)
{
	return ikefp_sa_del(self->client->nl, self->spi);
}

static int sa_get(faults *self)
{
	struct ikefp_sa_info info;

	return ikefp_sa_get(self->client->nl, self->spi, &info);
}

static void see_sa(const struct ikefp_sa_info *info, void *arg)
{
	(void)info;
	(void)arg;
}

static int sa_list(faults *self)
{
	return ikefp_sa_list(self->client->nl, see_sa, NULL);
}

static void see_listener(const struct ikefp_listener_info *info, void *arg)
{
	(void)info;
	(void)arg;
}

static int listener_list(faults *self)
{
	return ikefp_listener_list(self->client->nl, see_listener, NULL);
}

static int policy_set(faults *self)
{
	struct ikefp_policy policy = {};

	policy.value[IKEFP_A_POLICY_RTO_MIN_MS] = 100;
	policy.set[IKEFP_A_POLICY_RTO_MIN_MS] = true;
	return ikefp_policy_set(self->client->nl, &policy);
}

static int policy_get(faults *self)
{
	struct ikefp_policy policy;

	return ikefp_policy_get(self->client->nl, &policy);
}

static int stats_get(faults *self)
{
	struct ikefp_stats stats;

	return ikefp_stats_get(self->client->nl, &stats);
}

static int send_raw(faults *self)
{
	uint8_t message[64];
	const struct ikefp_message_out request = {
		.spi = self->spi, .raw = true,
		.payload = { message, ike_put_init(message, self->spi, 0, 1, sizeof(message)) },
	};

	return ikefp_message_send(self->client->nl, &request, NULL);
}

/* An SA with keys, whose requests the peer never answers. */
static void sealed_sa(faults *self)
{
	must_sa_new(self);
	if (sa_set_keys(self))
		die("sa-set: %s", ikefp_nl_error(self->client->nl));
}

static int send_sealed(faults *self)
{
	const struct ikefp_message_out request = {
		.spi = self->spi,
		.exchange_type = IKE_AUTH,
		.first_payload = PAYLOAD_IDI,
		.payload = { "hello", 5 },
	};

	return ikefp_message_send(self->client->nl, &request, NULL);
}

static int sa_set_stash(faults *self)
{
	static const uint8_t octets[2000];
	const struct ikefp_octets stash = { octets, sizeof(octets) };
	const struct ikefp_sa_change change = { .spi = self->spi, .stash = &stash };

	return ikefp_sa_set(self->client->nl, &change);
}

/* All at once that an SA may be given when it is established. */
static int sa_set_established(faults *self)
{
	static const uint8_t pairs[64 * 8] = { 1 };
	const struct ikefp_octets esp_spis = { pairs, sizeof(pairs) };
	const struct ikefp_sa_settings settings = { .follow = true, .liveness_ms = DAY_MS };
	const struct ikefp_policy retransmit = {
		.set[IKEFP_A_POLICY_TRIES] = true, .value[IKEFP_A_POLICY_TRIES] = 7,
	};
	const uint32_t fragment_size = 1280;
	const struct ikefp_sa_change change = {
		.spi = self->spi,
		.established = true,
		.retransmit = &retransmit,
		.fragment_size = &fragment_size,
		.settings = &settings,
		.esp_spis = &esp_spis,
		.window_in = 4,
		.window_out = 4,
	};

	return ikefp_sa_set(self->client->nl, &change);
}

static void connected(faults *self)
{
	struct sockaddr_storage from = address("127.0.0.1", 0), to = address("127.0.0.2", 4500);
	int listening = tcp_listen(&to);

	close(self->far);
	close(self->near);
	close(self->copy);
	self->near = tcp_connect(&from, &to);
	self->far = tcp_accept(listening);
	self->copy = dup(self->near);
	close(listening);
}

static int stream_add(faults *self)
{
	int fd = self->copy < 0 ? dup(self->near) : self->copy;

	self->copy = -1;
	return ikefp_stream_add(self->client->nl, fd, true, 0, &self->stream);
}

static void streamed(faults *self)
{
	connected(self);
	if (stream_add(self))
		die("stream-add: %s", ikefp_nl_error(self->client->nl));
}

static int stream_del(faults *self)
{
	return ikefp_stream_del(self->client->nl, self->stream);
}

static int stream_get(faults *self)
{
	struct ikefp_stream_info info;

	return ikefp_stream_get(self->client->nl, self->stream, &info);
}

static void see_stream(const struct ikefp_stream_info *info, void *arg)
{
	(void)info;
	(void)arg;
}

static int stream_list(faults *self)
{
	return ikefp_stream_list(self->client->nl, see_stream, NULL);
}

/* An SA with ESP, which is to go by a stream. */
static void to_be_streamed(faults *self)
{
	static const uint8_t pairs[64 * 8] = { 1 };
	const struct ikefp_octets esp_spis = { pairs, sizeof(pairs) };
	const struct ikefp_sa_change change = { .spi = self->spi, .esp_spis = &esp_spis };

	must_sa_new(self);
	if (ikefp_sa_set(self->client->nl, &change))
		die("sa-set esp-spis: %s", ikefp_nl_error(self->client->nl));
	/* One for all, so that there is something to grow. */
	if (!self->stream || stream_get(self))
		streamed(self);
}

static int sa_set_stream(faults *self)
{
	const struct ikefp_endpoint endpoint = { .stream = self->stream };
	const struct ikefp_sa_change change = { .spi = self->spi, .endpoint = &endpoint };

	return ikefp_sa_set(self->client->nl, &change);
}

static void see_worker(const struct ikefp_worker_info *info, void *arg)
{
	(void)info;
	(void)arg;
}

static int worker_list(faults *self)
{
	return ikefp_worker_list(self->client->nl, see_worker, NULL);
}

/* The SA of a worker that is dead, with a stash. */
static void orphan(faults *self)
{
	struct client *other = client_open(CLIENT_WORKER);

	if (ikefp_sa_new_for(self->client->nl, self->spi, ikefp_worker_portid(other->nl), 0,
			     &self->endpoint) || sa_set_stash(self))
		die("an orphan to be: %s", ikefp_nl_error(self->client->nl));
	client_close(other);
}

static int sa_adopt(faults *self)
{
	int err = ikefp_worker_adopt(self->client->nl, &self->spi, 1);
	struct upcall *upcall;

	if (err)
		return err;
	/* Without an answer there was no room for it. */
	upcall = client_wait(self->client, 0);
	if (!upcall)
		return -ENOBUFS;
	return upcall->kind == UPCALL_NOT_ADOPTED ? upcall->err : 0;
}

/*
 * A handle of its own, whose sentence goes with it. Whatever keeps libnl from asking for
 * the family, it says that there is none.
 */
static int open_another(faults *self)
{
	struct ikefp_nl *nl;
	int err = ikefp_nl_open(&nl);

	(void)self;
	if (!err)
		err = ikefp_monitor_subscribe(nl);
	if (err == -ENOENT || (err == -EIO && strstr(ikefp_nl_error(nl), "memory")))
		err = -ENOMEM;
	ikefp_nl_close(nl);
	return err;
}

TEST_F_TIMEOUT(faults, commands, 240)
{
	static const struct step steps[] = {
		{ "listener-add", listener_add, no_listener, -EEXIST },
		{ "listener-get", listener_list, one_listener },
		{ "listener-del", listener_del, one_listener, -ENOENT },
		{ "policy-set", policy_set },
		{ "policy-get", policy_get },
		{ "stats-get", stats_get },
		{ "sa-new", sa_new, NULL, -EEXIST },
		{ "sa-get", sa_get, must_sa_new },
		{ "sa-get, all", sa_list },
		{ "sa-set keys", sa_set_keys, must_sa_new, -EEXIST },
		{ "sa-set stash", sa_set_stash, must_sa_new },
		{ "sa-set established", sa_set_established, sealed_sa },
		{ "sa-adopt", sa_adopt, orphan, -EALREADY },
		{ "worker-get, all", worker_list },
		{ "sa-del", sa_del, must_sa_new, -ENOENT },
		{ "message-send, raw", send_raw, must_sa_new, -EBUSY },
		{ "message-send, sealed", send_sealed, sealed_sa, -EBUSY },
		{ "stream-add", stream_add, connected, -EBUSY },
		{ "stream-get", stream_get, streamed },
		{ "stream-get, all", stream_list, streamed },
		{ "stream-del", stream_del, streamed, -ENOENT },
		{ "sa-set stream", sa_set_stream, to_be_streamed },
		{ "opening and subscribing", open_another },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		sweep(_metadata, self, &steps[i]);
}

/*
 * Of what the module allocates, wherever it does, @percent fail; 0 ends that. What
 * softirqs allocate cannot be counted down by a thread.
 */
static void fail_percent(unsigned int percent)
{
	unsigned long begin = 0, size = 0;
	char line[512];
	FILE *modules;

	set_failslab_number("probability", 0);
	if (!percent)
		return;
	modules = fopen("/proc/modules", "r");
	if (!modules)
		die("cannot read /proc/modules");
	while (fgets(line, sizeof(line), modules)) {
		if (sscanf(line, "ikefp %lu %*s %*s %*s 0x%lx", &size, &begin) == 2)
			break;
	}
	fclose(modules);
	if (!begin)
		die("no address of ikefp in /proc/modules");
	set_failslab_number("require-start", begin);
	set_failslab_number("require-end", begin + size);
	set_failslab_number("interval", 1);
	set_failslab_number("space", 0);
	set_failslab("times", "-1");
	set_failslab_number("probability", percent);
}

#define MAX_TRIES 2000

/* What is refused for want of memory is tried again; nothing else may be refused. */
#define INSIST(expression) \
	do { \
		int tries_ = 0, err_; \
		while ((err_ = (expression)) == -ENOMEM && tries_++ < MAX_TRIES) \
			refusals++; \
		if (err_) \
			die("%s: %d (%s)", #expression, err_, ikefp_nl_error(self->client->nl)); \
	} while (0)

static unsigned int refusals, losses;

/* The upcall of what the peer has sent, and sends again until it comes. */
static struct upcall *upcall_of_sent(faults *self)
{
	struct upcall *upcall;
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		upcall = client_wait(self->client, 20);
		if (upcall)
			return upcall;
		losses++;
		peer_send_again(self->peer);
	}
	die("no upcall for a message that was sent %d times", MAX_TRIES);
}

/* The kernel's answer to what the peer has sent, and sends again until it comes. */
static void answer_to_sent(faults *self)
{
	int tries;

	for (tries = 0; tries < MAX_TRIES; tries++) {
		if (peer_receive(self->peer, 20))
			return;
		losses++;
		peer_send_again(self->peer);
	}
	die("no answer to a message that was sent %d times", MAX_TRIES);
}

/* Answers to copies of what was answered already. */
static void drain(faults *self)
{
	while (peer_receive(self->peer, 10))
		;
	while (client_wait(self->client, 0))
		;
}

/* A peer's whole life: IKE_SA_INIT, keys, IKE_AUTH, a request of each side, its end. */
static void life(struct __test_metadata *_metadata, faults *self, uint64_t spi,
		 const struct sk_algorithm *algorithm)
{
	struct peer *peer = self->peer;
	struct ikefp_message_out out = { .raw = true };
	struct ikefp_sa_change change = {};
	struct ikefp_keys keys;
	uint8_t message[64];
	struct upcall *upcall;
	uint32_t id;

	peer->initiator = true;
	peer->own_spi = spi;
	peer->next_out = 1;
	peer_send(peer, message, ike_put_init(message, spi, 0, 0x33, sizeof(message)));
	upcall = upcall_of_sent(self);
	ASSERT_TRUE(upcall->message.raw);
	ASSERT_EQ(spi, upcall->message.spi_i);
	peer->kernel_spi = upcall->message.spi;

	out.spi = peer->kernel_spi;
	out.payload = (struct ikefp_octets){ message, sizeof(message) };
	ike_put_init(message, spi, peer->kernel_spi, 0x44, sizeof(message));
	INSIST(ikefp_message_send(self->client->nl, &out, NULL));
	answer_to_sent(self);
	ASSERT_EQ(sizeof(message), peer->got_len);
	ASSERT_EQ(0, memcmp(message, peer->got, sizeof(message)));

	sk_keys_make(&peer->keys, algorithm);
	keys = sk_keys_for_module(&peer->keys);
	change = (struct ikefp_sa_change){ .spi = peer->kernel_spi, .keys = &keys };
	INSIST(ikefp_sa_set(self->client->nl, &change));

	peer_send_request(peer, IKE_AUTH, PAYLOAD_IDI, "who?", 4);
	upcall = upcall_of_sent(self);
	ASSERT_EQ(1, upcall->message_id);
	ASSERT_EQ(4, upcall->message.payload.len);
	out = (struct ikefp_message_out){
		.spi = peer->kernel_spi, .response = true, .message_id = 1,
		.exchange_type = IKE_AUTH, .first_payload = PAYLOAD_IDI,
		.payload = { "me", 2 },
	};
	drain(self);
	INSIST(ikefp_message_send(self->client->nl, &out, NULL));
	answer_to_sent(self);
	ASSERT_STREQ("", peer_open_message(peer));
	ASSERT_EQ(2, peer->inner_len);
	change = (struct ikefp_sa_change){ .spi = peer->kernel_spi, .established = true };
	INSIST(ikefp_sa_set(self->client->nl, &change));

	/* A sign of life, answered by the kernel alone. */
	drain(self);
	peer_send_request(peer, INFORMATIONAL, 0, NULL, 0);
	answer_to_sent(self);
	ASSERT_STREQ("", peer_open_message(peer));
	ASSERT_EQ(0, peer->inner_len);
	drain(self);

	out = (struct ikefp_message_out){
		.spi = peer->kernel_spi, .exchange_type = INFORMATIONAL,
		.first_payload = PAYLOAD_NOTIFY, .payload = { "?", 1 },
	};
	INSIST(ikefp_message_send(self->client->nl, &out, &id));
	/* The kernel's own timer sends it again until it is answered. */
	peer_expect(peer);
	peer_send_response(peer, INFORMATIONAL, id, PAYLOAD_NOTIFY, "!", 1);
	upcall = upcall_of_sent(self);
	ASSERT_EQ(id, upcall->message_id);
	ASSERT_TRUE(upcall->message.response);

	INSIST(ikefp_sa_del(self->client->nl, peer->kernel_spi));
	drain(self);
}

TEST_F_TIMEOUT(faults, messages, 240)
{
	static const unsigned int percents[] = { 0, 5, 20, 0 };
	size_t p;
	int i;

	client_set(self->client, IKEFP_A_POLICY_LINGER_MS, 10);
	for (p = 0; p < ARRAY_SIZE(percents); p++) {
		refusals = 0;
		losses = 0;
		fail_percent(percents[p]);
		for (i = 0; i < SK_ALGORITHMS; i++)
			life(_metadata, self, self->spi++, &sk_algorithms[i]);
		fail_percent(0);
		if (percents[p] >= 20) {
			EXPECT_LT(0, refusals);
			EXPECT_LT(0, losses);
		}
		TH_LOG("%u %%: %d lives, %u commands refused, %u messages lost", percents[p],
		       SK_ALGORITHMS, refusals, losses);
	}
}

MODULE_TEST_MAIN
