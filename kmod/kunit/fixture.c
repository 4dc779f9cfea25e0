// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "../datagram.h"
#include "../flood.h"
#include "../rtt_memory.h"
#include "../message.h"
#include "../netlink.h"
#include "../netns.h"
#include "../sa.h"
#include "../send.h"
#include "../timers.h"
#include "../worker.h"
#include "fixture.h"
#include "stage.h"

#define LONG_MS 600000

/* Of the one source that there is, in the one test that runs. */
static atomic_t source_half_open;

static bool all_buried(struct ikefp_context *ctx)
{
	struct ikefp_sa *sa;
	unsigned long id;

	for (id = 0; (sa = ikefp_sa_get_next(ctx, &id)); id++) {
		fixture_delete(sa);
		ikefp_sa_put(sa);
	}
	return !atomic_read(&ctx->sa_count);
}

/**
 * fixture_context_end() - end a context, as namespaces do
 * @ctx: the context, which is freed
 */
void fixture_context_end(struct ikefp_context *ctx)
{
	ikefp_netns_begin_end(ctx);
	synchronize_rcu();
	ikefp_netns_end(ctx);
	kfree(ctx);
}

/* A context with an SA that somebody holds for ever would never end: it stays. */
static void end_context(void *data)
{
	struct ikefp_context *ctx = data;

	if (!stage_until(all_buried(ctx))) {
		pr_err("an SA is held by nobody\n");
		__module_get(THIS_MODULE);
		return;
	}
	fixture_context_end(ctx);
}

/**
 * fixture_context() - a context of the test's own, in the first namespace
 * @test: the test, with which it ends
 *
 * Its settings are such that no deadline comes by itself while a test lasts.
 *
 * Return: the context, without listeners, worker and SAs.
 */
struct ikefp_context *fixture_context(struct kunit *test)
{
	struct ikefp_context *ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	atomic_set(&source_half_open, 0);
	if (ikefp_netns_begin(ctx, &init_net)) {
		kfree(ctx);
		KUNIT_FAIL_AND_ABORT(test, "no context");
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_context, ctx), 0);
	ctx->policy.value[IKEFP_A_POLICY_RTO_INITIAL_MS] = LONG_MS;
	ctx->policy.value[IKEFP_A_POLICY_RTO_MAX_MS] = LONG_MS;
	ctx->policy.value[IKEFP_A_POLICY_GIVE_UP_MS] = 10 * LONG_MS;
	ctx->policy.value[IKEFP_A_POLICY_HALF_OPEN_MS] = LONG_MS;
	ctx->policy.value[IKEFP_A_POLICY_HALF_OPEN_FLOOD_MS] = LONG_MS;
	return ctx;
}

/**
 * fixture_context_keep() - a context that the test will end and free by itself
 * @test: the test
 * @ctx: its context
 */
void fixture_context_keep(struct kunit *test, struct ikefp_context *ctx)
{
	kunit_remove_action(test, end_context, ctx);
}

/**
 * fixture_listener() - a listener on 127.0.0.1
 * @test: the test
 * @ctx: its context
 * @kind: of the listener, which makes the port
 * @receive: what is called for a datagram
 *
 * Return: the listener, which is the context's.
 */
struct ikefp_listener *fixture_listener(struct kunit *test, struct ikefp_context *ctx,
					enum ikefp_listener_kind kind, ikefp_receive_fn receive)
{
	const struct ikefp_listener_key key = {
		.family = AF_INET,
		.port = htons(kind == IKEFP_LISTENER_KIND_NATT ? 4500 : 500),
		.addr.v4 = htonl(INADDR_LOOPBACK),
	};
	struct ikefp_listener *listener;
	int err;

	mutex_lock(&ctx->config_lock);
	err = ikefp_flood_begin(ctx) ?: ikefp_rtt_memory_begin(ctx) ?:
	      ikefp_listener_open(ctx, kind, &key, receive, NULL, NULL);
	listener = ikefp_listener_find(ctx, &key);
	mutex_unlock(&ctx->config_lock);
	KUNIT_ASSERT_EQ(test, err, 0);
	return listener;
}

static void release_socket(void *data)
{
	sock_release(data);
}

/**
 * fixture_socket() - a socket such as the helper has
 * @test: the test, with which it is closed
 * @portid: its port ID; 0: another than all others
 *
 * Return: the socket.
 */
struct socket *fixture_socket(struct kunit *test, u32 portid)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_pid = portid };
	struct socket *sock;

	KUNIT_ASSERT_EQ(test, sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW, NETLINK_GENERIC,
					       &sock), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, release_socket, sock), 0);
	KUNIT_ASSERT_EQ(test, kernel_bind(sock, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return sock;
}

/**
 * fixture_close() - close a socket before the test ends
 * @test: the test
 * @sock: the socket; a context of a test's own is not told
 */
void fixture_close(struct kunit *test, struct socket *sock)
{
	kunit_release_action(test, release_socket, sock);
}

/**
 * fixture_portid() - a socket's port ID
 * @test: the test
 * @sock: the socket
 */
u32 fixture_portid(struct kunit *test, struct socket *sock)
{
	struct sockaddr_nl addr;

	KUNIT_ASSERT_GT(test, kernel_getsockname(sock, (struct sockaddr *)&addr), 0);
	return addr.nl_pid;
}

/**
 * fixture_attach() - make a socket a worker
 * @test: the test
 * @ctx: its context
 * @sock: the socket
 * @only: whether there is to be no other
 *
 * Return: what ikefp_worker_attach() returns.
 */
int fixture_attach(struct kunit *test, struct ikefp_context *ctx, struct socket *sock, bool only)
{
	u32 portid = fixture_portid(test, sock);
	struct sk_buff *reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *message;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, reply);
	message = genlmsg_put(reply, portid, 0, &ikefp_netlink_family, 0,
			      IKEFP_CMD_WORKER_ATTACH);
	KUNIT_ASSERT_NOT_NULL(test, message);
	genlmsg_end(reply, message);
	err = ikefp_worker_attach(ctx, sock->sk, portid, only, reply, NULL);
	KUNIT_ASSERT_EQ(test, fixture_upcall(sock), err ? 0 : IKEFP_CMD_WORKER_ATTACH);
	return err;
}

/**
 * fixture_worker() - a socket that upcalls go to
 * @test: the test, with which it is closed
 * @ctx: its context
 *
 * Return: the socket.
 */
struct socket *fixture_worker(struct kunit *test, struct ikefp_context *ctx)
{
	struct socket *worker = fixture_socket(test, 0);

	KUNIT_ASSERT_EQ(test, fixture_attach(test, ctx, worker, false), 0);
	return worker;
}

/**
 * fixture_upcall() - take the next upcall out of the worker's socket
 * @worker: the socket
 *
 * Return: the upcall's command (IKEFP_CMD_*), 0 where there is none.
 */
int fixture_upcall(struct socket *worker)
{
	struct {
		struct nlmsghdr netlink;
		struct genlmsghdr generic;
		u8 rest[512];
	} upcall;
	struct kvec vec = { .iov_base = &upcall, .iov_len = sizeof(upcall) };
	struct msghdr message = {};
	int len;

	len = kernel_recvmsg(worker, &message, &vec, 1, sizeof(upcall), MSG_DONTWAIT);
	return len < (int)offsetof(typeof(upcall), rest) ? 0 : upcall.generic.cmd;
}

/**
 * fixture_count() - read a counter
 * @ctx: the context
 * @stat: IKEFP_A_STATS_*
 *
 * Return: its sum over the processors.
 */
u64 fixture_count(const struct ikefp_context *ctx, int stat)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(ctx->counters, cpu)->value[stat]);
	return sum;
}

/**
 * fixture_path() - a way from a listener to a host where nobody listens
 * @listener: the listener
 *
 * Return: the path, which does not hold the listener.
 */
struct ikefp_path fixture_path(struct ikefp_listener *listener)
{
	return (struct ikefp_path){
		.listener = listener,
		.local.v4 = htonl(INADDR_LOOPBACK),
		.remote.v4 = htonl(INADDR_LOOPBACK + 1),
		.remote_port = htons(500),
	};
}

/**
 * fixture_init_message() - write an IKE_SA_INIT message
 * @octets: room for FIXTURE_INIT_LEN octets
 * @spi_i: the initiator's SPI
 * @spi_r: the responder's, 0 in a request
 * @flags: IKEFP_FLAG_*
 */
void fixture_init_message(u8 *octets, u64 spi_i, u64 spi_r, u8 flags)
{
	const struct ikefp_header header = {
		.spi_i = spi_i,
		.spi_r = spi_r,
		.first_payload = 40, /* Nonce */
		.version = IKEFP_VERSION_2_0,
		.exchange_type = IKEFP_IKE_SA_INIT,
		.flags = flags,
		.length = FIXTURE_INIT_LEN,
	};

	memset(octets, 0, FIXTURE_INIT_LEN);
	ikefp_wire_put_header(octets, &header);
	ikefp_wire_put_sk(octets + IKEFP_HEADER_LEN, IKEFP_PAYLOAD_NONE,
			  FIXTURE_INIT_LEN - IKEFP_HEADER_LEN);
}

/**
 * fixture_receive() - have a message arrive, as from the wire, on this processor
 * @ctx: the context
 * @octets: the message from its IKE header on
 * @len: octets of it
 * @path: where it came to and from
 *
 * Return: whether it was taken.
 */
bool fixture_receive(struct ikefp_context *ctx, const u8 *octets, u32 len,
		     const struct ikefp_path *path)
{
	struct sk_buff *skb = alloc_skb(len, GFP_ATOMIC);
	bool taken;

	if (!skb)
		return false;
	skb_put_data(skb, octets, len);
	local_bh_disable();
	rcu_read_lock();
	taken = !ikefp_message_receive(ctx, skb, path);
	rcu_read_unlock();
	local_bh_enable();
	return taken;
}

/**
 * fixture_source() - where all responders' SAs of a test come from
 */
struct ikefp_init_source fixture_source(void)
{
	return (struct ikefp_init_source){
		.half_open = &source_half_open,
		.request_len = IKEFP_MAX_MESSAGE,
	};
}

/**
 * fixture_enter() - a new SA gets into the tables
 * @sa: the SA, held
 *
 * Return: what ikefp_sa_enter() returns.
 */
int fixture_enter(struct ikefp_sa *sa)
{
	int err;

	spin_lock_bh(&sa->lock);
	err = ikefp_sa_enter(sa);
	spin_unlock_bh(&sa->lock);
	return err;
}

/**
 * fixture_initiator() - an SA of ours
 * @test: the test
 * @ctx: its context
 * @path: the way of its requests
 * @spi: its SPI
 *
 * Return: the SA, held.
 */
struct ikefp_sa *fixture_initiator(struct kunit *test, struct ikefp_context *ctx,
				   const struct ikefp_path *path, u64 spi)
{
	struct ikefp_sa *sa;
	int reason;

	rcu_read_lock();
	sa = ikefp_sa_new_initiator(ctx, spi, ikefp_worker_least_loaded(ctx), path, &reason);
	rcu_read_unlock();

	KUNIT_ASSERT_NOT_NULL(test, sa);
	KUNIT_ASSERT_EQ(test, fixture_enter(sa), 0);
	return sa;
}

/**
 * fixture_responder() - an SA of a peer's
 * @test: the test
 * @ctx: its context
 * @path: the way of the answer
 * @peer_spi: the peer's SPI, another for each
 *
 * Return: the SA, held, half-open, its timer not yet set.
 */
struct ikefp_sa *fixture_responder(struct kunit *test, struct ikefp_context *ctx,
				   const struct ikefp_path *path, u64 peer_spi)
{
	const struct ikefp_init_key key = {
		.spi_i = peer_spi,
		.remote = path->remote,
		.remote_port = path->remote_port,
		.family = AF_INET,
	};
	const struct ikefp_init_source source = fixture_source();
	struct ikefp_sa *sa;
	int reason;

	rcu_read_lock();
	sa = ikefp_sa_new_responder(ctx, peer_spi, ikefp_worker_least_loaded(ctx), &key, &source,
				    path, &reason);
	rcu_read_unlock();

	KUNIT_ASSERT_NOT_NULL(test, sa);
	KUNIT_ASSERT_EQ(test, fixture_enter(sa), 0);
	return sa;
}

/**
 * fixture_request() - an initiator's first request goes out
 * @test: the test
 * @sa: the SA, held
 */
void fixture_request(struct kunit *test, struct ikefp_sa *sa)
{
	struct ikefp_datagram *octets =
		ikefp_datagram_new(sa->ctx, FIXTURE_INIT_LEN, U32_MAX, GFP_KERNEL);
	int err;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, octets);
	fixture_init_message(octets->octets, sa->spi, 0, IKEFP_FLAG_INITIATOR);
	err = ikefp_send_raw(sa, octets, NULL);
	ikefp_datagram_put(octets);
	KUNIT_ASSERT_EQ(test, err, 0);
}

/**
 * fixture_delete() - take an SA out of the world
 * @sa: the SA, held
 */
void fixture_delete(struct ikefp_sa *sa)
{
	spin_lock_bh(&sa->lock);
	ikefp_sa_bury(sa);
	spin_unlock_bh(&sa->lock);
}

/**
 * fixture_sas() - so many SAs are left, and no hold too few or too many made it so
 * @test: the test, which fails otherwise
 * @ctx: its context
 * @count: how many; with the last goes everything that is counted of them
 */
void fixture_sas(struct kunit *test, struct ikefp_context *ctx, int count)
{
	KUNIT_EXPECT_TRUE_MSG(test, stage_until(atomic_read(&ctx->sa_count) == count),
			      "there are %d SAs, there should be %d",
			      atomic_read(&ctx->sa_count), count);
	if (count)
		return;
	KUNIT_EXPECT_EQ(test, atomic_read(&ctx->half_open_count), 0);
	KUNIT_EXPECT_EQ(test, atomic_read(&source_half_open), 0);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&ctx->cache_octets), 0);
}
