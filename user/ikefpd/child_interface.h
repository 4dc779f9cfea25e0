/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface that a Child SA's, a trap's or a shunt's outbound policies are for (interface):
 * what leaves by another one is not theirs. XFRM knows it by its index, which is another one
 * when an interface comes back.
 */
#ifndef IKEFPD_CHILD_INTERFACE_H
#define IKEFPD_CHILD_INTERFACE_H

struct child_sa;
struct ike_manager;

/* Its policies are about to be installed. Returns 0, or -ENODEV: there is no such interface. */
int child_interface_find(const struct ike_manager *m, struct child_sa *child);

/* Interfaces may have come: policies of those that have another index by now get that. */
void child_interface_network_changed(struct ike_manager *m);

#endif
