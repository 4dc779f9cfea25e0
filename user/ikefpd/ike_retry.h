/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE SA whose peer has not answered before it was established (IKE_SA_INIT,
 * IKE_INTERMEDIATE, IKE_AUTH) is begun anew, as often as keyingtries says. What the peer has
 * refused for good is not. In between it waits, longer each time, and by chance, so that
 * thousands whose peers are dead do not all begin at once; as long it is an IKE SA with the
 * id that it had, and no SPI.
 */
#ifndef IKEFPD_IKE_RETRY_H
#define IKEFPD_IKE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

struct ike_manager;
struct ike_sa;

#define RETRY_FIRST_MS	5000
#define RETRY_MOST_MS	60000

/* How long to wait after so many attempts, 1 or more: at least half of what is the most then. */
uint64_t ike_retry_pause_ms(unsigned int tries);

/* An attempt has come to nothing. Ends the IKE SA, and true: one waits in its place. */
bool ike_retry(struct ike_sa *sa, const char *reason);
/* One that waits cannot be begun yet, for want of a route, say: it waits on. May end it. */
void ike_retry_wait(struct ike_sa *sa);
/* It has waited. May end it. */
void ike_retry_expired(struct ike_sa *sa);
/* Those that could not be begun are begun, from the loop, if they can be now. */
void ike_retry_network_changed(struct ike_manager *m);

#endif
