/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ESP that a network device does for the kernel: that of the interface that has the Child
 * SA's local address, as hw_offload asks for it. With auto it is as much as the device does,
 * of packets first; else a Child SA that it does not do is none.
 */
#ifndef IKEFPD_CHILD_OFFLOAD_H
#define IKEFPD_CHILD_OFFLOAD_H

#include <stdbool.h>

struct child_sa;
struct ike_manager;

/*
 * Its ESP SAs and policies are about to be installed: finds the device and what to ask of it
 * first. Returns 0, also if it is to do nothing, or -ENODEV, logged.
 */
int child_offload_begin(struct ike_manager *m, struct child_sa *child);

/* Does the device do what it has been asked for? Returns 0 or a negative error. */
int child_offload_check(const struct child_sa *child);

/* It does not. False, logged: nothing less will do. */
bool child_offload_less(struct child_sa *child, int err);

/* It is installed. */
void child_offload_done(struct child_sa *child);

/*
 * The kernel takes from a device that is set down what it has been left: what is not there
 * any more is set up anew, and policies are installed again.
 */
void child_offload_network_changed(struct ike_manager *m);

/* Its local address has become another one, which may be another interface's. */
void child_offload_moved(struct child_sa *child);

#endif
