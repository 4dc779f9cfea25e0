/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What IKE SAs that we initiate go by: UDP, or TCP (stream.h), or, with transport = auto, UDP
 * where it passes.
 *
 * Then IKE_SA_INIT goes by UDP first. When that was sent tcp_after times and not answered, a TCP
 * connection is opened beside it; once there is one, all begins anew by that. That it came to
 * an IKE SA is remembered of our address and the peer's, so that the next one goes by TCP at
 * once, until UDP is known to pass. To know, it is tried again after half a minute, and then less
 * and less often: an IKE SA is set up anew by UDP beside the one by TCP, as in a
 * reauthentication, so that nothing is lost where nothing comes of it. When this host's addresses
 * or routes change nothing that was remembered counts any more, and UDP is tried at once.
 */
#ifndef IKEFPD_TRANSPORT_H
#define IKEFPD_TRANSPORT_H

#include <stdbool.h>

struct ike_manager;
struct ike_sa;

/* Is an IKE SA that we are about to initiate to begin by TCP? */
bool transport_is_tcp(const struct ike_sa *sa);
/* Its IKE_SA_INIT request has gone out by UDP. */
void transport_wait(struct ike_sa *sa);
/* There is no TCP connection for it, whose transport is auto: by UDP then. May end it. */
void transport_no_tcp(struct ike_sa *sa);
/* It is established, or was when the daemon before died. */
void transport_works(struct ike_sa *sa);

/* This host's addresses or routes are others. */
void transport_network_changed(struct ike_manager *m);
/* Of a manager whose IKE SAs are gone. */
void transport_clear(struct ike_manager *m);

#endif
