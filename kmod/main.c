// SPDX-License-Identifier: GPL-2.0

#include <linux/module.h>
#include <net/genetlink.h>

#include "netlink.h"
#include "netns.h"
#include "sa.h"

static int __init ikefp_init(void)
{
	int err;

	err = ikefp_sa_module_init();
	if (err)
		return err;
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
	rcu_barrier();
	ikefp_sa_module_exit();
}

module_init(ikefp_init);
module_exit(ikefp_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IKEv2 message layer (RFC 7296)");
MODULE_ALIAS_GENL_FAMILY("ikefp");
/* Its sockets' policies are made by xfrm_user, its SK payloads by these. */
MODULE_SOFTDEP("pre: xfrm_user gcm ghash-generic ctr chacha20poly1305 authenc cbc sha256 sha512");
