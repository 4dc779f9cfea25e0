// SPDX-License-Identifier: GPL-2.0

#include <linux/kmod.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

#include "bypass.h"

/* A policy of the socket's own lets its packets past all others, both ways. */
static int allow(struct sock *sk)
{
	const int option = sk->sk_family == AF_INET ? IP_XFRM_POLICY : IPV6_XFRM_POLICY;
	struct xfrm_userpolicy_info policy = {
		.sel.family = sk->sk_family,
		.lft = {
			.soft_byte_limit = XFRM_INF,
			.hard_byte_limit = XFRM_INF,
			.soft_packet_limit = XFRM_INF,
			.hard_packet_limit = XFRM_INF,
		},
		.action = XFRM_POLICY_ALLOW,
	};
	int err = 0;

	lock_sock(sk);
	for (policy.dir = XFRM_POLICY_IN; !err && policy.dir <= XFRM_POLICY_OUT; policy.dir++)
		err = xfrm_user_policy(sk, option, KERNEL_SOCKPTR(&policy), sizeof(policy));
	release_sock(sk);
	return err;
}

/**
 * ikefp_bypass_xfrm() - no policy but one of its own is for a socket's packets
 * @sk: the socket
 * @extack: what to tell the caller
 *
 * Context: process. Sleeps.
 * Return: 0 or a negative errno.
 */
int ikefp_bypass_xfrm(struct sock *sk, struct netlink_ext_ack *extack)
{
	int err = allow(sk);

	if (err) {
		request_module("net-pf-%d-proto-%d", PF_NETLINK, NETLINK_XFRM);
		err = allow(sk);
	}
	if (err)
		NL_SET_ERR_MSG(extack, "no XFRM policy for the socket; is xfrm_user loaded?");
	return err;
}
