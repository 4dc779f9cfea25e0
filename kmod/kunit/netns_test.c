// SPDX-License-Identifier: GPL-2.0
/*
 * Namespace exit against all that may be under way on another processor: an upcall of a
 * timer, a retransmission, a datagram, a listing, the search for orphans. A namespace must
 * end only after them, since it takes away what they use: here its memory is freed at once,
 * and KASAN sees whoever comes later.
 */

#include <linux/netfilter_ipv4.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/sock.h>

#include "../demux.h"
#include "../message.h"
#include "../netlink.h"
#include "../netns.h"
#include "../sa.h"
#include "../timers.h"
#include "fixture.h"
#include "stage.h"

#define SPI 0x0102030405060708
#define PEER_SPI 0x2122232425262728

struct exit {
	struct ikefp_context *ctx;
	struct ikefp_path path;
	struct socket *worker;
	struct ikefp_sa *sa;
	struct stage_thread *thread;
	bool in; /* it has come to where it is held */
	bool out; /* and may go on */
	bool shut; /* nothing can arrive any more */
	bool ended; /* the namespace has, and nothing of it is left */
	bool early; /* it had, when it should not */
	bool late; /* what it waits for did not come */
	long octets; /* of messages, left at the end */
};

/* What a socket's or the network's callbacks find it by: one test runs at a time. */
static struct exit *current_exit;

static struct exit *begin(struct kunit *test, ikefp_receive_fn receive)
{
	struct exit *exit = kunit_kzalloc(test, sizeof(*exit), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, exit);
	stage_set(test);
	exit->ctx = fixture_context(test);
	exit->path = fixture_path(fixture_listener(test, exit->ctx, IKEFP_LISTENER_KIND_IKE,
						   receive));
	exit->worker = fixture_worker(test, exit->ctx);
	current_exit = exit;
	return exit;
}

/* Nothing arrives after this. It waits for all softirqs. */
static void shut(struct exit *exit)
{
	ikefp_netns_begin_end(exit->ctx);
	synchronize_rcu();
	exit->shut = true;
}

static void end_namespace(void *arg)
{
	struct exit *exit = arg;

	if (!exit->shut)
		shut(exit);
	ikefp_netns_end(exit->ctx);
	exit->octets = atomic_long_read(&exit->ctx->cache_octets);
	kfree(exit->ctx);
	stage_cue(&exit->ended);
}

/* Ends the namespace here. */
static void end_now(struct kunit *test, struct exit *exit)
{
	fixture_context_keep(test, exit->ctx);
	end_namespace(exit);
}

/* Held until what was to come has come; by then nothing may have ended. */
static void hold(struct exit *exit, bool came)
{
	exit->late |= !came;
	exit->early |= !stage_spin_never(stage_cued(&exit->ended));
}

static bool closing(const struct exit *exit)
{
	return !rcu_access_pointer(exit->path.listener->sk);
}

static void expect_waited(struct kunit *test, const struct exit *exit)
{
	KUNIT_EXPECT_TRUE(test, exit->ended);
	KUNIT_EXPECT_EQ(test, exit->octets, 0);
	KUNIT_EXPECT_FALSE_MSG(test, exit->early, "the end did not wait");
	KUNIT_EXPECT_FALSE_MSG(test, exit->late, "the end did not come that far");
}

/* Lets the SA's timer expire on this processor, and is busy until all is over. */
static void expire(void *arg)
{
	struct exit *exit = arg;
	struct ikefp_sa *sa = exit->sa;

	spin_lock_bh(&sa->lock);
	sa->half_open_deadline = jiffies;
	sa->exchange.deadline = jiffies;
	ikefp_timers_update(sa);
	/* From here on the timer alone holds it, besides the tables. */
	ikefp_sa_put(sa);
	spin_unlock_bh(&sa->lock);
	stage_spin_until(stage_cued(&exit->out));
}

/* Where an upcall has just got into the worker's socket: under the SA's lock. */
static void hold_upcall(struct sock *sk)
{
	struct exit *exit = current_exit;
	struct ikefp_sa *sa = exit->sa;

	stage_cue(&exit->in);
	/* The end has the SA: with the tables' hold and the timer's that makes three. */
	hold(exit, stage_spin_until(refcount_read(&sa->refs) == 3));
}

/* A half-open SA's time is up, which the worker hears while the namespace ends. */
static void against_upcall(struct kunit *test)
{
	struct exit *exit = begin(test, ikefp_demux_receive);

	exit->worker->sk->sk_data_ready = hold_upcall;
	exit->sa = fixture_responder(test, exit->ctx, &exit->path, PEER_SPI);
	/* Before, or it would wait for the upcall. */
	shut(exit);
	exit->thread = stage_enter(test, expire, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	end_now(test, exit);
	stage_cue(&exit->out);
	stage_exit(test, exit->thread);
	expect_waited(test, exit);
	KUNIT_EXPECT_EQ(test, fixture_upcall(exit->worker), IKEFP_CMD_SA_EXPIRED);
	KUNIT_EXPECT_EQ(test, fixture_upcall(exit->worker), 0);
}

/* Where a copy of a request is about to leave: the SA's lock is given up by then. */
static unsigned int hold_packet(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct exit *exit = priv;

	if (exit->sa && !exit->in && in_serving_softirq()) {
		stage_cue(&exit->in);
		hold(exit, stage_spin_until(closing(exit)));
	}
	return NF_ACCEPT;
}

static void unhook(void *ops)
{
	nf_unregister_net_hook(&init_net, ops);
}

static void against_retransmission(struct kunit *test)
{
	struct exit *exit = begin(test, ikefp_demux_receive);
	struct nf_hook_ops *ops = kunit_kzalloc(test, sizeof(*ops), GFP_KERNEL);
	struct ikefp_sa *sa;

	KUNIT_ASSERT_NOT_NULL(test, ops);
	ops->hook = hold_packet;
	ops->priv = exit;
	ops->pf = NFPROTO_IPV4;
	ops->hooknum = NF_INET_LOCAL_OUT;
	KUNIT_ASSERT_EQ(test, nf_register_net_hook(&init_net, ops), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unhook, ops), 0);

	sa = fixture_initiator(test, exit->ctx, &exit->path, SPI);
	fixture_request(test, sa);
	exit->sa = sa;
	exit->thread = stage_enter(test, expire, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	end_now(test, exit);
	stage_cue(&exit->out);
	stage_exit(test, exit->thread);
	expect_waited(test, exit);
}

/* Where a datagram has found its listener: it makes an SA while the listener closes. */
static int hold_datagram(struct sock *sk, struct sk_buff *skb)
{
	struct exit *exit = current_exit;

	stage_cue(&exit->in);
	hold(exit, stage_spin_until(closing(exit)));
	__skb_pull(skb, sizeof(struct udphdr));
	ikefp_message_receive(exit->ctx, skb, &exit->path);
	hold(exit, true);
	return 0;
}

static void send_init(void *arg)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(500),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct msghdr message = { .msg_name = &to, .msg_namelen = sizeof(to) };
	u8 request[FIXTURE_INIT_LEN];
	struct kvec vec = { .iov_base = request, .iov_len = sizeof(request) };
	struct socket *sock;

	if (sock_create_kern(&init_net, PF_INET, SOCK_DGRAM, IPPROTO_UDP, &sock))
		return;
	fixture_init_message(request, PEER_SPI, 0, IKEFP_FLAG_INITIATOR);
	kernel_sendmsg(sock, &message, &vec, 1, sizeof(request));
	sock_release(sock);
}

static void against_datagram(struct kunit *test)
{
	struct exit *exit = begin(test, hold_datagram);

	exit->thread = stage_enter(test, send_init, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	end_now(test, exit);
	stage_exit(test, exit->thread);
	expect_waited(test, exit);
	/* Late as it was, it was received. */
	KUNIT_EXPECT_EQ(test, fixture_upcall(exit->worker), IKEFP_CMD_MESSAGE_RECV);
	KUNIT_EXPECT_EQ(test, fixture_upcall(exit->worker), 0);
}

/* One listener is closed, and the namespace goes on. */
static void listener_against_datagram(struct kunit *test)
{
	struct exit *exit = begin(test, hold_datagram);

	exit->thread = stage_enter(test, send_init, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	mutex_lock(&exit->ctx->config_lock);
	ikefp_listener_close(exit->path.listener);
	mutex_unlock(&exit->ctx->config_lock);
	stage_cue(&exit->ended);
	stage_exit(test, exit->thread);
	expect_waited(test, exit);
	KUNIT_EXPECT_EQ(test, fixture_upcall(exit->worker), IKEFP_CMD_MESSAGE_RECV);
}

/* What the end has waited for does not begin anew while the rest goes. */
static void against_late_datagram(struct kunit *test)
{
	struct exit *exit = begin(test, ikefp_demux_receive);

	send_init(exit);
	KUNIT_EXPECT_TRUE(test, stage_until(fixture_count(exit->ctx,
							  IKEFP_A_STATS_RX_MESSAGES) == 1));
	shut(exit);
	send_init(exit);
	KUNIT_EXPECT_TRUE(test, stage_never(fixture_count(exit->ctx,
							  IKEFP_A_STATS_RX_MESSAGES) != 1));
	end_now(test, exit);
	expect_waited(test, exit);
}

/* Has an SA, as a listing does, whose tables are taken away. */
static void hold_sa(void *arg)
{
	struct exit *exit = arg;
	struct ikefp_sa *sa = ikefp_sa_get(exit->ctx, SPI);

	stage_cue(&exit->in);
	if (!sa)
		return;
	hold(exit, stage_spin_until(READ_ONCE(sa->dead)));
	ikefp_sa_put(sa);
}

static void against_listing(struct kunit *test)
{
	struct exit *exit = begin(test, ikefp_demux_receive);

	ikefp_sa_put(fixture_initiator(test, exit->ctx, &exit->path, SPI));
	exit->thread = stage_enter(test, hold_sa, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	end_now(test, exit);
	stage_exit(test, exit->thread);
	expect_waited(test, exit);
}

/* Where it is looked for orphans: in a process, which may sleep. */
static void hold_search(struct work_struct *work)
{
	struct exit *exit = current_exit;

	stage_cue(&exit->in);
	/* The listeners are gone; what comes next is to wait for this. */
	exit->late |= !stage_until(list_empty(&exit->ctx->listeners));
	exit->early |= !stage_never(stage_cued(&exit->ended));
	ikefp_netlink_find_orphans(work);
	stage_cue(&exit->out);
}

/* A worker's socket is closed, as all are before their namespace ends. */
static void against_search_for_orphans(struct kunit *test)
{
	struct exit *exit = begin(test, ikefp_demux_receive);

	shut(exit);
	INIT_WORK(&exit->ctx->orphan_work, hold_search);
	queue_work(system_unbound_wq, &exit->ctx->orphan_work);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->in)));
	end_now(test, exit);
	KUNIT_EXPECT_TRUE(test, stage_until(stage_cued(&exit->out)));
	expect_waited(test, exit);
}

#define ROUNDS 20
#define SAS 50

/* Timers on both processors, each of which may be about to run, running, or done. */
static void half_open_sas(void *arg)
{
	struct exit *exit = arg;
	const struct ikefp_init_source source = fixture_source();
	const struct ikefp_path *path = &exit->path;
	int i;

	for (i = 0; i < SAS; i++) {
		const struct ikefp_init_key key = { .spi_i = i, .remote = path->remote };
		int reason;
		struct ikefp_sa *sa =
			ikefp_sa_new_responder(exit->ctx, i, NULL, &key, &source, path, &reason);

		if (!sa)
			continue;
		spin_lock_bh(&sa->lock);
		if (!ikefp_sa_enter(sa)) {
			sa->half_open_deadline = jiffies + i % 8;
			ikefp_timers_update(sa);
		}
		spin_unlock_bh(&sa->lock);
		ikefp_sa_put(sa);
	}
	stage_cue(&exit->in);
	stage_spin_until(stage_cued(&exit->out));
}

static void against_timers(struct kunit *test)
{
	int round;

	for (round = 0; round < ROUNDS; round++) {
		struct exit *exit = begin(test, ikefp_demux_receive);

		exit->thread = stage_enter(test, half_open_sas, exit);
		KUNIT_ASSERT_TRUE(test, stage_until(stage_cued(&exit->in)));
		end_now(test, exit);
		stage_cue(&exit->out);
		stage_exit(test, exit->thread);
	}
}

static struct kunit_case cases[] = {
	KUNIT_CASE(against_upcall),
	KUNIT_CASE(against_retransmission),
	KUNIT_CASE(against_datagram),
	KUNIT_CASE(listener_against_datagram),
	KUNIT_CASE(against_late_datagram),
	KUNIT_CASE(against_listing),
	KUNIT_CASE(against_search_for_orphans),
	KUNIT_CASE(against_timers),
	{}
};

static struct kunit_suite suite = { .name = "netns", .test_cases = cases };

kunit_test_suite(suite);
