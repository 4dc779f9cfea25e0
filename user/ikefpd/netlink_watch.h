/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel multicasts on a netlink socket. */
#ifndef IKEFPD_NETLINK_WATCH_H
#define IKEFPD_NETLINK_WATCH_H

struct loop;
struct netlink_watch;
struct nl_sock;
struct nlmsghdr;

/*
 * @sock, connected and a member of its groups, becomes the watch's, whatever comes of it.
 * Messages that it has no room for are lost: @lost is told, if it is not NULL. NULL after an
 * error, with errno set.
 */
struct netlink_watch *netlink_watch_open(struct loop *loop, struct nl_sock *sock,
					 void (*take)(void *arg, struct nlmsghdr *h),
					 void (*lost)(void *arg), void *arg);
void netlink_watch_close(struct netlink_watch *w);

#endif
