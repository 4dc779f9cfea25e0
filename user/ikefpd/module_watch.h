/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel module is unloaded while the daemon runs: its netlink family goes, and with
 * it every IKE SA, of which no worker's socket hears a word.
 */
#ifndef IKEFPD_MODULE_WATCH_H
#define IKEFPD_MODULE_WATCH_H

struct loop;
struct module_watch;

/* NULL after an error, which is logged. @unloaded may come more than once. */
struct module_watch *module_watch_open(struct loop *loop, void (*unloaded)(void *arg), void *arg);
void module_watch_close(struct module_watch *w);

#endif
