/* SPDX-License-Identifier: GPL-2.0 */
/* IKE must not be caught by the tunnels that it sets up. */
#ifndef IKEFP_BYPASS_H
#define IKEFP_BYPASS_H

struct netlink_ext_ack;
struct sock;

int ikefp_bypass_xfrm(struct sock *sk, struct netlink_ext_ack *extack);

#endif
