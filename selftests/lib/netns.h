/* SPDX-License-Identifier: GPL-2.0 */
/* Network namespaces, which end with the last process and descriptor in them. */
#ifndef IKEFP_TEST_NETNS_H
#define IKEFP_TEST_NETNS_H

/* A new namespace with its loopback up, and the thread in it. Returns its descriptor. */
int netns_new(void);

/* Moves the thread to a namespace. */
void netns_enter(int netns);

/*
 * Lays a wire between two namespaces, called "wire" at both ends: 10.0.0.1/24 and
 * fd00::1/64 at the first, .2 and ::2 at the second. The process is in the first
 * afterwards.
 */
void netns_wire(int first, int second);

/*
 * The namespace has been given an IPv6 address: waits until what is sent there arrives. The
 * kernel adds its route by itself, later, and until then drops what it takes.
 */
void netns_await_local(const char *address);

/* Runs a shell command, which must succeed. */
void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
