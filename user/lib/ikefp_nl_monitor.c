// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <errno.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>

int ikefp_monitor_subscribe(struct ikefp_nl *nl)
{
	int group;
	int err;

	if (nl->monitor)
		return 0;
	group = genl_ctrl_resolve_grp(nl->command, IKEFP_FAMILY_NAME, IKEFP_MCGRP_MONITOR);
	if (group < 0)
		return ikefp_nl_fail(nl, -ENOENT, "the family has no group \"%s\"",
				     IKEFP_MCGRP_MONITOR);
	err = ikefp_nl_need_buffer(nl);
	if (err)
		return err;
	nl->monitor = ikefp_nl_socket(nl, &err);
	if (!nl->monitor)
		return err;
	err = nl_socket_add_membership(nl->monitor, group);
	if (err)
		err = ikefp_nl_fail(nl, err == -NLE_PERM ? -EPERM : -EIO, "cannot watch events: %s",
				    nl_geterror(err));
	else
		err = ikefp_nl_set_nonblocking(nl, nl->monitor);
	if (err) {
		nl_socket_free(nl->monitor);
		nl->monitor = NULL;
	}
	return err;
}

int ikefp_monitor_fd(const struct ikefp_nl *nl)
{
	return nl->monitor ? nl_socket_get_fd(nl->monitor) : -1;
}

static void on_event(struct ikefp_nl *nl, struct nlmsghdr *header)
{
	struct nlattr *attrs[IKEFP_A_EVENT_MAX + 1];
	struct ikefp_event event;

	if (header->nlmsg_type != nl->family ||
	    genlmsg_parse(header, 0, attrs, IKEFP_A_EVENT_MAX, NULL) ||
	    !attrs[IKEFP_A_EVENT_EVENT])
		return;
	event = (struct ikefp_event){
		.event = nla_get_u8(attrs[IKEFP_A_EVENT_EVENT]),
		.spi = get_spi(attrs[IKEFP_A_EVENT_SPI]),
		.peer_spi = get_spi(attrs[IKEFP_A_EVENT_PEER_SPI]),
		.role = get_u8(attrs[IKEFP_A_EVENT_ROLE]),
		.state = get_u8(attrs[IKEFP_A_EVENT_STATE]),
		.listener_kind = get_u8(attrs[IKEFP_A_EVENT_LISTENER_KIND]),
		.worker = get_u32(attrs[IKEFP_A_EVENT_WORKER]),
		.exchange_type = get_u8(attrs[IKEFP_A_EVENT_EXCHANGE_TYPE]),
		.message_id = get_u32(attrs[IKEFP_A_EVENT_MESSAGE_ID]),
		.tries = get_u32(attrs[IKEFP_A_EVENT_TRIES]),
		.waited_ms = get_u32(attrs[IKEFP_A_EVENT_WAITED_MS]),
	};
	ikefp_nl_get_endpoint(attrs, IKEFP_A_EVENT_LOCAL_IPV4, &event.endpoint);
	nl->event(&event, nl->event_arg);
}

int ikefp_monitor_read(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_event *, void *), void *arg)
{
	if (!nl->monitor)
		return ikefp_nl_fail(nl, -EINVAL, "this handle does not watch events");
	nl->event = each;
	nl->event_arg = arg;
	return ikefp_nl_drain(nl, nl->monitor, on_event);
}
