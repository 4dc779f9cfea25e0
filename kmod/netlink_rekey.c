// SPDX-License-Identifier: GPL-2.0
/* The command that makes an SA in place of another one. */

#include <net/genetlink.h>

#include "context.h"
#include "crypto.h"
#include "genl.h"
#include "netlink.h"
#include "sa.h"

/* What sa-rekey says, parsed. */
struct rekeyed {
	u64 spi;
	u64 peer_spi;
	enum ikefp_role role;
	struct ikefp_crypto *crypto;
};

static int get_rekeyed(struct genl_info *info, struct rekeyed *rekeyed)
{
	struct ikefp_crypto *crypto;

	rekeyed->spi = ikefp_netlink_get_spi(info, IKEFP_A_SA_NEW_SPI);
	if (!rekeyed->spi)
		return -EINVAL;
	rekeyed->peer_spi = ikefp_netlink_get_spi(info, IKEFP_A_SA_PEER_SPI);
	if (!rekeyed->peer_spi)
		return -EINVAL;
	if (!ikefp_netlink_has(info, IKEFP_A_SA_ROLE, "role is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_SA_KEYS, "keys are missing"))
		return -EINVAL;
	rekeyed->role = nla_get_u8(info->attrs[IKEFP_A_SA_ROLE]);
	crypto = ikefp_netlink_get_keys(info, rekeyed->role);
	if (IS_ERR(crypto))
		return PTR_ERR(crypto);
	rekeyed->crypto = crypto;
	return 0;
}

/* The new SA, held, in no table yet; or an ERR_PTR, the caller told why. */
static struct ikefp_sa *make(struct genl_info *info, struct ikefp_sa *old,
			     struct rekeyed *rekeyed)
{
	struct ikefp_sa *sa;
	int reason;

	spin_lock_bh(&old->lock);
	if (old->dead || old->state != IKEFP_SA_STATE_ESTABLISHED) {
		spin_unlock_bh(&old->lock);
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_SA_SPI],
				    "only an established SA can be rekeyed");
		return ERR_PTR(-EINVAL);
	}
	sa = ikefp_sa_new_rekeyed(old, rekeyed->spi, rekeyed->peer_spi, rekeyed->role, &reason);
	spin_unlock_bh(&old->lock);
	if (!sa)
		return ERR_PTR(ikefp_netlink_creation_failed(info, IKEFP_A_SA_NEW_SPI,
				reason == IKEFP_A_STATS_DROP_SA_LIMIT ? -ENOSPC : -ENOMEM));
	sa->crypto = rekeyed->crypto;
	rekeyed->crypto = NULL;
	return sa;
}

int ikefp_nl_sa_rekey_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *keys = info->attrs[IKEFP_A_SA_KEYS];
	struct rekeyed rekeyed = {};
	struct ikefp_sa *old, *sa;
	int err;

	old = ikefp_netlink_get_sa(info, IKEFP_A_SA_SPI);
	if (IS_ERR(old)) {
		err = PTR_ERR(old);
		goto wipe;
	}
	err = get_rekeyed(info, &rekeyed);
	if (err)
		goto put;
	sa = make(info, old, &rekeyed);
	err = PTR_ERR_OR_ZERO(sa);
	if (err)
		goto put;
	err = ikefp_netlink_enter_sa(sa);
	if (err)
		err = ikefp_netlink_creation_failed(info, IKEFP_A_SA_NEW_SPI, err);
put:
	ikefp_crypto_free(rekeyed.crypto);
	ikefp_sa_put(old);
wipe:
	/* The message's memory is about to be anybody's. */
	if (keys)
		memzero_explicit(nla_data(keys), nla_len(keys));
	return err;
}
