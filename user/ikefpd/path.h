/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a change of this host's addresses and routes does. An IKE SA whose local address is
 * gone is set up anew from another one that its connection allows; where there is none it
 * waits, for that address or for another one. Without MOBIKE the peer cannot be told more.
 * What could not be initiated for want of a route, or not be installed, has its turn.
 */
#ifndef IKEFPD_PATH_H
#define IKEFPD_PATH_H

struct ike_manager;

/* May end IKE SAs. */
void path_network_changed(struct ike_manager *m);

#endif
