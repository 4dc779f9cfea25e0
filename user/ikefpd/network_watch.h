/* SPDX-License-Identifier: GPL-2.0 */
/* rtnetlink's word of addresses that come and go, and of routes that come. */
#ifndef IKEFPD_NETWORK_WATCH_H
#define IKEFPD_NETWORK_WATCH_H

struct loop;
struct network_watch;

/*
 * Some moments after the first of several changes, so that they are one, and once a second at
 * most; not of the routes that ikefpd installs itself. NULL, logged, if the kernel refuses it.
 */
struct network_watch *network_watch_open(struct loop *loop, void (*changed)(void *arg),
					 void *arg);
void network_watch_close(struct network_watch *w);

#endif
