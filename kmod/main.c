// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>
#include <net/genetlink.h>

#include "demux.h"
#include "netlink.h"
#include "netns.h"
#include "sa.h"
#include "streams.h"
#include "upcall.h"

static int __init ikefp_init(void)
{
	int err;

	err = ikefp_sa_module_init();
	if (err)
		return err;
	ikefp_streams_module_init(ikefp_demux_receive_framed, ikefp_upcall_stream_closed);
	err = ikefp_netns_register();
	if (err)
		goto exit_sa;
	err = ikefp_netlink_register(ikefp_netns_context);
	if (err)
		goto unregister_netns;
	return 0;

unregister_netns:
	ikefp_netns_unregister();
exit_sa:
	ikefp_sa_module_exit();
	return err;
}

static void __exit ikefp_exit(void)
{
	ikefp_netlink_unregister();
	ikefp_netns_unregister();
	/* What listeners have left for after a grace period, in which GRO may still call them. */
	rcu_barrier();
	ikefp_sa_module_exit();
}

module_init(ikefp_init);
module_exit(ikefp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IKEv2 message layer (RFC 7296)");
MODULE_ALIAS_GENL_FAMILY("ikefp");
/*
 * Its sockets' policies are made by xfrm_user, ESP is taken from GRO by esp4_offload and
 * esp6_offload, SK payloads are made by the others.
 */
MODULE_SOFTDEP("pre: xfrm_user esp4_offload esp6_offload aesni-intel gcm ghash-generic ctr chacha20poly1305 authenc cbc sha256 sha512");
