/* SPDX-License-Identifier: GPL-2.0 */
/* The UDP sockets of a namespace. */
#ifndef IKEFP_LISTENER_H
#define IKEFP_LISTENER_H

#include <linux/percpu-refcount.h>
#include <linux/types.h>

#include "address.h"
#include "context.h"

struct netlink_ext_ack;
struct sk_buff;
struct sock;
struct socket;

/* What a listener is asked for by, and shows of itself. */
struct ikefp_listener_key {
	u16 family; /* AF_INET or AF_INET6 */
	__be16 port;
	struct ikefp_address addr; /* zeroes: every address */
};

struct ikefp_listener {
	struct percpu_ref refs; /* taken and given up with every message */
	struct rcu_head rcu;
	struct list_head node; /* RCU; changed under config_lock */
	struct ikefp_context *ctx;
	enum ikefp_listener_kind kind;
	u16 family;
	__be16 port;
	struct ikefp_address addr;
	struct sock __rcu *sk; /* NULL once the listener is closed */
	struct socket *sock;
};

typedef int (*ikefp_receive_fn)(struct sock *sk, struct sk_buff *skb);
typedef struct sk_buff *(*ikefp_gro_receive_fn)(struct sock *sk, struct list_head *held,
						struct sk_buff *skb);

int ikefp_listener_open(struct ikefp_context *ctx, enum ikefp_listener_kind kind,
			const struct ikefp_listener_key *key, ikefp_receive_fn receive,
			ikefp_gro_receive_fn gro_receive, struct netlink_ext_ack *extack);
struct ikefp_listener *ikefp_listener_find(struct ikefp_context *ctx,
					   const struct ikefp_listener_key *key);
struct ikefp_listener *ikefp_listener_for_local(struct ikefp_context *ctx,
						const struct ikefp_listener_key *local);
void ikefp_listener_shut(struct ikefp_listener *listener);
void ikefp_listener_free(struct ikefp_listener *listener);
void ikefp_listener_close(struct ikefp_listener *listener);
void ikefp_listener_put(struct ikefp_listener *listener);

/* Needs RCU or another hold. */
static inline void ikefp_listener_hold(struct ikefp_listener *listener)
{
	percpu_ref_get(&listener->refs);
}

#endif
