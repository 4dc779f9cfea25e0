// SPDX-License-Identifier: GPL-2.0
/* The command for messages. */

#include <net/genetlink.h>

#include "context.h"
#include "datagram.h"
#include "genl.h"
#include "netlink.h"
#include "outgoing.h"
#include "sa.h"
#include "seal.h"
#include "send.h"

/* A raw message is kept as it is; a sealed one is made into what is kept. */
static struct ikefp_datagram *get_datagram(const struct ikefp_sa *sa,
					   const struct genl_info *info, bool raw)
{
	const struct nlattr *payload = info->attrs[IKEFP_A_MESSAGE_PAYLOAD];
	u32 len = payload ? nla_len(payload) : 0;
	struct ikefp_datagram *datagram;

	if (len > IKEFP_MAX_MESSAGE - IKEFP_MARKER_LEN) {
		NL_SET_ERR_MSG_ATTR(info->extack, payload, "payload does not fit a UDP datagram");
		return ERR_PTR(-EMSGSIZE);
	}
	datagram = ikefp_datagram_new(sa->ctx, raw ? len : ikefp_seal_room(sa, len),
				      ikefp_sa_cache_limit(sa), GFP_KERNEL_ACCOUNT);
	if (PTR_ERR(datagram) == -ENOSPC) {
		ikefp_count(sa->ctx, IKEFP_A_STATS_DROP_CACHE_LIMIT);
		NL_SET_ERR_MSG(info->extack,
			       "max-cache-octets of messages are kept already (half, where the SA is not established)");
		return datagram;
	}
	if (IS_ERR(datagram)) {
		NL_SET_ERR_MSG(info->extack, "out of memory");
		return datagram;
	}
	if (raw)
		memcpy(datagram->octets, nla_data(payload), len);
	return datagram;
}

static int get_inner(const struct genl_info *info, struct ikefp_inner *inner)
{
	const struct nlattr *payload = info->attrs[IKEFP_A_MESSAGE_PAYLOAD];
	const struct nlattr *first = info->attrs[IKEFP_A_MESSAGE_FIRST_PAYLOAD];

	if (!ikefp_netlink_has(info, IKEFP_A_MESSAGE_EXCHANGE_TYPE, "exchange-type is missing"))
		return -EINVAL;
	inner->exchange_type = nla_get_u8(info->attrs[IKEFP_A_MESSAGE_EXCHANGE_TYPE]);
	inner->first_payload = first ? nla_get_u8(first) : IKEFP_PAYLOAD_NONE;
	inner->octets = payload ? nla_data(payload) : NULL;
	inner->len = payload ? nla_len(payload) : 0;

	switch (inner->exchange_type) {
	case IKEFP_IKE_AUTH:
	case IKEFP_CREATE_CHILD_SA:
	case IKEFP_INFORMATIONAL:
	case IKEFP_IKE_INTERMEDIATE:
	case IKEFP_IKE_FOLLOWUP_KE:
		break;
	default:
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_MESSAGE_EXCHANGE_TYPE],
				    "not an exchange type of sealed messages");
		return -EINVAL;
	}
	if (!inner->len != !inner->first_payload) {
		NL_SET_ERR_MSG(info->extack, "first-payload is 0 just where there is no payload");
		return -EINVAL;
	}
	return 0;
}

static void reply_message_id(struct genl_info *info, struct sk_buff *reply, u32 message_id)
{
	void *message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0,
					  IKEFP_CMD_MESSAGE_SEND);

	if (!message || nla_put_u32(reply, IKEFP_A_MESSAGE_MESSAGE_ID, message_id)) {
		nlmsg_free(reply);
		return;
	}
	genlmsg_end(reply, message);
	genlmsg_reply(reply, info);
}

static int send_raw(struct ikefp_sa *sa, const struct genl_info *info)
{
	static const int in_header[] = {
		IKEFP_A_MESSAGE_EXCHANGE_TYPE,
		IKEFP_A_MESSAGE_MESSAGE_ID,
		IKEFP_A_MESSAGE_RESPONSE,
		IKEFP_A_MESSAGE_FIRST_PAYLOAD,
	};
	struct ikefp_datagram *octets;
	int err;
	int i;

	if (!ikefp_netlink_has(info, IKEFP_A_MESSAGE_PAYLOAD, "payload is missing"))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(in_header); i++) {
		if (info->attrs[in_header[i]]) {
			NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[in_header[i]],
					    "a raw message has this in its header");
			return -EINVAL;
		}
	}
	octets = get_datagram(sa, info, true);
	if (IS_ERR(octets))
		return PTR_ERR(octets);
	err = ikefp_send_raw(sa, octets, info->extack);
	ikefp_datagram_put(octets);
	return err;
}

static int send_response(struct ikefp_sa *sa, const struct genl_info *info)
{
	struct ikefp_datagram *room;
	struct ikefp_inner inner;
	int err;

	if (!ikefp_netlink_has(info, IKEFP_A_MESSAGE_MESSAGE_ID,
			       "message-id of the request is missing"))
		return -EINVAL;
	err = get_inner(info, &inner);
	if (err)
		return err;
	room = get_datagram(sa, info, false);
	if (IS_ERR(room))
		return PTR_ERR(room);
	err = ikefp_send_response(sa, &inner,
				  nla_get_u32(info->attrs[IKEFP_A_MESSAGE_MESSAGE_ID]), room,
				  info->extack);
	ikefp_datagram_put(room);
	return err;
}

static int send_request(struct ikefp_sa *sa, struct genl_info *info)
{
	struct ikefp_outgoing out = {};
	struct ikefp_datagram *room;
	struct ikefp_inner inner;
	struct sk_buff *reply;
	u32 message_id;
	int err;

	if (info->attrs[IKEFP_A_MESSAGE_MESSAGE_ID]) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[IKEFP_A_MESSAGE_MESSAGE_ID],
				    "the kernel gives a request its message ID");
		return -EINVAL;
	}
	err = get_inner(info, &inner);
	if (err)
		return err;
	room = get_datagram(sa, info, false);
	if (IS_ERR(room))
		return PTR_ERR(room);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply) {
		err = -ENOMEM;
		goto put;
	}
	err = ikefp_send_request(sa, &inner, room, &message_id, &out, info->extack);
	if (err) {
		nlmsg_free(reply);
		goto put;
	}
	/*
	 * The ID before the request, so that its answer cannot overtake it. A caller
	 * whose socket has no room for the ID has sent a request all the same.
	 */
	reply_message_id(info, reply, message_id);
	ikefp_outgoing_send(sa->ctx, &out);
put:
	ikefp_datagram_put(room);
	return err;
}

int ikefp_nl_message_send_doit(struct sk_buff *skb, struct genl_info *info)
{
	bool response = nla_get_flag(info->attrs[IKEFP_A_MESSAGE_RESPONSE]);
	bool raw = nla_get_flag(info->attrs[IKEFP_A_MESSAGE_RAW]);
	struct ikefp_sa *sa;
	int err;

	sa = ikefp_netlink_get_sa(info, IKEFP_A_MESSAGE_SPI);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	if (raw)
		err = send_raw(sa, info);
	else if (response)
		err = send_response(sa, info);
	else
		err = send_request(sa, info);
	ikefp_sa_put(sa);
	return err;
}
