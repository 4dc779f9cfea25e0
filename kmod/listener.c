// SPDX-License-Identifier: GPL-2.0

#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/udp_tunnel.h>

#include "bypass.h"
#include "compat.h"
#include "listener.h"

/* More than anybody has ports for IKE. */
#define MAX_LISTENERS 64

static int open_socket(struct ikefp_listener *listener, ikefp_receive_fn receive,
		       ikefp_gro_receive_fn gro_receive, struct netlink_ext_ack *extack)
{
	struct udp_port_cfg port = {
		.family = listener->family,
		.local_udp_port = listener->port,
		.use_udp_checksums = 1,
		.use_udp6_tx_checksums = 1,
		.use_udp6_rx_checksums = 1,
	};
	struct udp_tunnel_sock_cfg tunnel = {
		.sk_user_data = listener,
		.encap_type = UDP_ENCAP_ESPINUDP,
		.encap_rcv = receive,
		.gro_receive = IKEFP_XFRM_HAS_UDP_GRO ? gro_receive : NULL,
	};
	int err;

	if (listener->family == AF_INET) {
		port.local_ip.s_addr = listener->addr.v4;
	} else {
		port.local_ip6 = listener->addr.v6;
		port.ipv6_v6only = 1;
	}

	err = udp_sock_create(listener->ctx->net, &port, &listener->sock);
	if (err == -EADDRINUSE) {
		NL_SET_ERR_MSG(extack, "another socket has this address and port");
		return err;
	}
	if (err) {
		NL_SET_ERR_MSG(extack, "cannot bind to this address and port");
		return err;
	}

	err = ikefp_bypass_xfrm(listener->sock->sk, extack);
	if (err) {
		udp_tunnel_sock_release(listener->sock);
		return err;
	}
	/* Before a datagram comes in that is answered at once. */
	rcu_assign_pointer(listener->sk, listener->sock->sk);
	setup_udp_tunnel_sock(listener->ctx->net, listener->sock, &tunnel);
	return 0;
}

/* Nobody holds it any more. Any context. */
static void released(struct percpu_ref *refs)
{
	struct ikefp_listener *listener = container_of(refs, struct ikefp_listener, refs);

	percpu_ref_exit(refs);
	kfree_rcu(listener, rcu);
}

static unsigned int count(const struct ikefp_context *ctx)
{
	const struct ikefp_listener *listener;
	unsigned int number = 0;

	list_for_each_entry(listener, &ctx->listeners, node)
		number++;
	return number;
}

/**
 * ikefp_listener_open() - open a listener
 * @ctx: the namespace
 * @kind: what its datagrams look like
 * @key: address and port to bind to
 * @receive: called for each datagram as a UDP socket's encap_rcv, the listener being
 *           the socket's user data
 * @gro_receive: called before, as a UDP socket's gro_receive, for what a device gathers; no
 *               user data means that the listener is closed. NULL: none
 * @extack: what to tell the caller
 *
 * Context: process, under config_lock.
 * Return: 0, -EEXIST where there is such a listener, -ENOSPC, -ENOMEM, or what the socket
 * says.
 */
int ikefp_listener_open(struct ikefp_context *ctx, enum ikefp_listener_kind kind,
			const struct ikefp_listener_key *key, ikefp_receive_fn receive,
			ikefp_gro_receive_fn gro_receive, struct netlink_ext_ack *extack)
{
	struct ikefp_listener *listener;
	int err;

	if (count(ctx) >= MAX_LISTENERS) {
		NL_SET_ERR_MSG(extack, "there are 64 listeners already");
		return -ENOSPC;
	}
	if (ikefp_listener_find(ctx, key)) {
		NL_SET_ERR_MSG(extack, "there is a listener on this address and port");
		return -EEXIST;
	}
	listener = kzalloc(sizeof(*listener), GFP_KERNEL_ACCOUNT);
	if (!listener) {
		NL_SET_ERR_MSG(extack, "out of memory");
		return -ENOMEM;
	}
	err = percpu_ref_init(&listener->refs, released, 0, GFP_KERNEL_ACCOUNT);
	if (err) {
		NL_SET_ERR_MSG(extack, "out of memory");
		kfree(listener);
		return err;
	}
	listener->ctx = ctx;
	listener->kind = kind;
	listener->family = key->family;
	listener->port = key->port;
	listener->addr = key->addr;

	err = open_socket(listener, receive, gro_receive, extack);
	if (err) {
		percpu_ref_exit(&listener->refs);
		kfree(listener);
		return err;
	}
	list_add_tail_rcu(&listener->node, &ctx->listeners);
	ctx->listener_generation++;
	return 0;
}

/**
 * ikefp_listener_find() - the listener bound to just this
 * @ctx: the namespace
 * @key: the address and port it is bound to
 *
 * Context: under config_lock or RCU.
 * Return: the listener, not held, or NULL.
 */
struct ikefp_listener *ikefp_listener_find(struct ikefp_context *ctx,
					   const struct ikefp_listener_key *key)
{
	struct ikefp_listener *listener;

	list_for_each_entry_rcu(listener, &ctx->listeners, node,
				lockdep_is_held(&ctx->config_lock)) {
		if (listener->family == key->family && listener->port == key->port &&
		    !memcmp(&listener->addr, &key->addr, sizeof(key->addr)))
			return listener;
	}
	return NULL;
}

/**
 * ikefp_listener_for_local() - the listener that serves a local address
 * @ctx: the namespace
 * @local: the local address and port of a path
 *
 * Context: under RCU.
 * Return: the listener bound to the address, else the one bound to every address;
 * not held; or NULL.
 */
struct ikefp_listener *ikefp_listener_for_local(struct ikefp_context *ctx,
						const struct ikefp_listener_key *local)
{
	struct ikefp_listener_key any = { .family = local->family, .port = local->port };
	struct ikefp_listener *listener = ikefp_listener_find(ctx, local);

	return listener ?: ikefp_listener_find(ctx, &any);
}

/**
 * ikefp_listener_shut() - a listener lets no datagram in any more
 * @listener: a listener in its namespace's list
 *
 * A grace period later its receive function runs no more, and its gro_receive function does
 * nothing more; that one must not be taken away, since UDP reads it twice. SAs may still
 * hold the listener, and cannot send through it.
 *
 * Context: process, under config_lock or with the namespace on its way out.
 */
void ikefp_listener_shut(struct ikefp_listener *listener)
{
	struct sock *sk = listener->sock->sk;

	RCU_INIT_POINTER(listener->sk, NULL);
	/* Whatever may find the socket later, finds no way into this module. */
	WRITE_ONCE(udp_sk(sk)->encap_rcv, NULL);
	rcu_assign_sk_user_data(sk, NULL);
}

/**
 * ikefp_listener_free() - a listener is no more
 * @listener: in its namespace's list, shut a grace period ago; the list's hold is given up
 *
 * Context: process, under config_lock or with the namespace on its way out. Sleeps.
 */
void ikefp_listener_free(struct ikefp_listener *listener)
{
	list_del_rcu(&listener->node);
	listener->ctx->listener_generation++;
	/* As udp_tunnel_sock_release() does, after a grace period of its own. */
	kernel_sock_shutdown(listener->sock, SHUT_RDWR);
	sock_release(listener->sock);
	percpu_ref_kill(&listener->refs);
}

/**
 * ikefp_listener_close() - close a listener, one alone
 * @listener: a listener in its namespace's list; the list's hold is given up
 *
 * On return its receive function runs no more.
 *
 * Context: process, under config_lock. Sleeps for a grace period.
 */
void ikefp_listener_close(struct ikefp_listener *listener)
{
	ikefp_listener_shut(listener);
	synchronize_rcu();
	ikefp_listener_free(listener);
}

/**
 * ikefp_listener_put() - give up a hold
 * @listener: may be NULL
 *
 * Any context.
 */
void ikefp_listener_put(struct ikefp_listener *listener)
{
	if (listener)
		percpu_ref_put(&listener->refs);
}
