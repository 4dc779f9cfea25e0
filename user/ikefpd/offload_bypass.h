/* SPDX-License-Identifier: GPL-2.0 */
/*
 * IKE past a device that looks at policies itself (hw_offload = packet): it knows nothing of
 * the sockets that are exempt from policies, and what policies hold between the gateways it
 * would encrypt or drop. It gets policies that let IKE pass, as strongSwan has them, but of the
 * device's own addresses alone: what is forwarded from port 500 or 4500 does not go in the clear,
 * unless it is masqueraded. The kernel, which has these policies as the device has, then looks for
 * one again, and the source is the gateway's own address by then: where policies hold that, too,
 * this goes in the clear all the same if its port is one of those two.
 */
#ifndef IKEFPD_OFFLOAD_BYPASS_H
#define IKEFPD_OFFLOAD_BYPASS_H

#include <stdbool.h>
#include <stdint.h>

struct bypassed_device;
struct child_sa;
struct ike_manager;
struct xfrm_policy_key;

/* Zeroed at first. */
struct offload_bypasses {
	struct bypassed_device *devices;
	bool ignored;		/* the kernel gives policies to no device, and does not say so */
};

/*
 * The Child SA, or trap, is about to have policies of child->device, or of none: where it is
 * the device's first they are installed, and where it was another one's last they go.
 */
void offload_bypass_hold(struct ike_manager *m, struct child_sa *child);
void offload_bypass_put(struct ike_manager *m, struct child_sa *child);

/*
 * After offload_bypass_hold(): are the policies that it is to have of the device the kernel's
 * own, whatever it is asked (Linux before 6.2)?
 */
bool offload_bypass_ignored(const struct ike_manager *m, const struct child_sa *child);

/* It has the device's help. Without policies that let IKE pass it goes on: said once. */
void offload_bypass_check(struct ike_manager *m, const struct child_sa *child);

/*
 * Addresses have come or gone, or a device was set down and has nothing any more: that has
 * these again, and its Child SAs' policies are lost until the caller has restored them all.
 */
void offload_bypass_network_changed(struct ike_manager *m);
bool offload_bypass_lost(const struct ike_manager *m, const struct child_sa *child);
void offload_bypass_restored(struct ike_manager *m);

/* All that were to be adopted hold theirs: the others go. */
void offload_bypass_adopted(struct ike_manager *m);
/* Is it one of these? */
bool offload_bypass_wanted(const struct ike_manager *m, const struct xfrm_policy_key *key);

#endif
