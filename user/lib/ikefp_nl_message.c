// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

static bool put_message(struct nl_msg *msg, const struct ikefp_message_out *message)
{
	const struct ikefp_octets *payload = &message->payload;

	if (!put_spi(msg, IKEFP_A_MESSAGE_SPI, message->spi))
		return false;
	if (payload->len &&
	    nla_put(msg, IKEFP_A_MESSAGE_PAYLOAD, payload->len, payload->data))
		return false;
	if (message->raw)
		return !nla_put_flag(msg, IKEFP_A_MESSAGE_RAW);
	if (message->response &&
	    (nla_put_flag(msg, IKEFP_A_MESSAGE_RESPONSE) ||
	     nla_put_u32(msg, IKEFP_A_MESSAGE_MESSAGE_ID, message->message_id)))
		return false;
	return !nla_put_u8(msg, IKEFP_A_MESSAGE_EXCHANGE_TYPE, message->exchange_type) &&
	       !nla_put_u8(msg, IKEFP_A_MESSAGE_FIRST_PAYLOAD, message->first_payload);
}

static void take_message_id(struct nlattr **attrs, void *arg)
{
	if (arg && attrs[IKEFP_A_MESSAGE_MESSAGE_ID])
		*(uint32_t *)arg = nla_get_u32(attrs[IKEFP_A_MESSAGE_MESSAGE_ID]);
}

int ikefp_message_send(struct ikefp_nl *nl, const struct ikefp_message_out *message,
		       uint32_t *message_id)
{
	struct nl_msg *msg =
		ikefp_nl_request_for(nl, IKEFP_CMD_MESSAGE_SEND, 0, message->payload.len);

	return ikefp_nl_transact(nl, nl->command, msg, msg && put_message(msg, message),
				 IKEFP_A_MESSAGE_MAX, take_message_id, message_id);
}
