/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of IKE SAs whose connection was unloaded, or has made place for another one of
 * its name: what start_action = start has set up is closed, as strongSwan has it, but a child
 * that is configured as before, in a connection that is, goes on, as one of the new connection.
 * So does, of the old one, what was not to be started.
 */
#ifndef IKEFPD_IKE_UNLOAD_H
#define IKEFPD_IKE_UNLOAD_H

struct ike_manager;

/* All that was to be loaded, and removed, has been. Any IKE SA may end by it. */
void ike_unload(struct ike_manager *m);

#endif
