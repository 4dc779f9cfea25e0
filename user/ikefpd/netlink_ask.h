/* SPDX-License-Identifier: GPL-2.0 */
/* A netlink socket that the kernel is asked on, and that its answers are waited for. */
#ifndef IKEFPD_NETLINK_ASK_H
#define IKEFPD_NETLINK_ASK_H

#include <stddef.h>
#include <stdint.h>

#include <linux/netlink.h>

struct nl_msg;
struct nl_sock;

/* NULL, logged, if the kernel refuses the socket. */
struct nl_sock *netlink_ask_open(int protocol, const char *what);

struct netlink_answer {
	uint8_t data[8192] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *reply;	/* the message before the acknowledgement, or NULL */
};

/* No error is logged. */
#define NETLINK_ASK_ANY	1

/* A request with this body. NULL without memory. */
struct nl_msg *netlink_ask_new(int type, int flags, const void *body, size_t len);

/*
 * Sends @msg and waits for the answer, which comes at once; @msg, which may be NULL without
 * memory, is wiped and freed. Returns 0 or the kernel's error, which is logged with its own
 * sentence as why @what, unless it is @quiet, which the caller expects. @a may be NULL.
 */
int netlink_ask(struct nl_sock *sock, struct nl_msg *msg, const char *what, int quiet,
		struct netlink_answer *a);

/*
 * Requests that go to the kernel together, on a socket of netlink_ask_open(): it carries them
 * out in their order, each whether or not one before has failed, and is waited for once; or
 * more often, where there are more than a message takes.
 */
struct netlink_batch;

/* NULL without memory. @sock stays the caller's. */
struct netlink_batch *netlink_batch_new(struct nl_sock *sock);
void netlink_batch_free(struct netlink_batch *batch);

/*
 * One more, as netlink_ask() has it. *@result, unless that is NULL, is 0 or its error after
 * netlink_batch_send(), and until then -EINPROGRESS. Returns 0 or -ENOMEM.
 */
int netlink_batch_add(struct netlink_batch *batch, struct nl_msg *msg, const char *what,
		      int quiet, int *result);

/* Sends those that are left. Returns 0, or the first error of all that is not quiet. */
int netlink_batch_send(struct netlink_batch *batch);

/*
 * Sends @msg, which asks for a dump, and has each message of the answer noted; both are
 * wiped. Returns 0, a negative error, or what @note returns that is not 0; then the answer
 * is read to its end all the same.
 */
int netlink_ask_dump(struct nl_sock *sock, struct nl_msg *msg,
		     int (*note)(void *data, struct nlmsghdr *h), void *data);

#endif
