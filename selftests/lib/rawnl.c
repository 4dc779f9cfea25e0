// SPDX-License-Identifier: GPL-2.0

#include "rawnl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"
#include "udp.h"

#include <linux/ikefp.h>

struct rawnl rawnl_open(void)
{
	struct rawnl rawnl = { .sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC) };
	struct sockaddr_nl any = { .nl_family = AF_NETLINK };
	struct nl_sock *resolver = nl_socket_alloc();
	int on = 1;

	if (rawnl.sock < 0 || bind(rawnl.sock, (struct sockaddr *)&any, sizeof(any)) ||
	    setsockopt(rawnl.sock, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on)) ||
	    setsockopt(rawnl.sock, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)))
		die("cannot open a netlink socket: %s", strerror(errno));
	if (!resolver || genl_connect(resolver))
		die("cannot open a netlink socket");
	rawnl.family = genl_ctrl_resolve(resolver, IKEFP_FAMILY_NAME);
	if (rawnl.family < 0)
		die("the kernel has no family %s", IKEFP_FAMILY_NAME);
	nl_socket_free(resolver);
	return rawnl;
}

void rawnl_close(struct rawnl *rawnl)
{
	close(rawnl->sock);
}

struct nl_msg *rawnl_request(struct rawnl *rawnl, int command, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(128 * 1024);

	if (!msg || !genlmsg_put(msg, 0, ++rawnl->seq, rawnl->family, 0,
				 NLM_F_REQUEST | NLM_F_ACK | flags, command,
				 IKEFP_FAMILY_VERSION))
		die("out of memory");
	return msg;
}

/* The attribute of our request at an offset that the kernel names. */
static int attribute_at(struct nl_msg *request, uint32_t offset)
{
	struct nlmsghdr *header = nlmsg_hdr(request);

	if (offset < NLMSG_HDRLEN + GENL_HDRLEN || offset + NLA_HDRLEN > header->nlmsg_len)
		return -1;
	return nla_type((struct nlattr *)((char *)header + offset));
}

static void take_verdict(struct nl_msg *request, struct nlmsghdr *header,
			 struct verdict *verdict)
{
	struct nlmsgerr *error = nlmsg_data(header);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];
	size_t skip = sizeof(*error);

	verdict->err = error->error;
	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		skip += error->msg.nlmsg_len - NLMSG_HDRLEN;
	if (nlmsg_parse(header, skip, attrs, NLMSGERR_ATTR_MAX, NULL))
		die("an extack that cannot be read");
	if (attrs[NLMSGERR_ATTR_MSG])
		snprintf(verdict->message, sizeof(verdict->message), "%s",
			 nla_get_string(attrs[NLMSGERR_ATTR_MSG]));
	if (attrs[NLMSGERR_ATTR_OFFS])
		verdict->attribute =
			attribute_at(request, nla_get_u32(attrs[NLMSGERR_ATTR_OFFS]));
	if (attrs[NLMSGERR_ATTR_MISS_TYPE])
		verdict->missing = nla_get_u32(attrs[NLMSGERR_ATTR_MISS_TYPE]);
}

/* True when the answer is over. */
static bool take(struct nl_msg *request, uint8_t *octets, int len, struct verdict *verdict)
{
	struct nlmsghdr *header = (struct nlmsghdr *)octets;

	for (; nlmsg_ok(header, len); header = nlmsg_next(header, &len)) {
		if (header->nlmsg_seq != nlmsg_hdr(request)->nlmsg_seq)
			continue;
		if (header->nlmsg_type == NLMSG_ERROR) {
			take_verdict(request, header, verdict);
			return true;
		}
		if (header->nlmsg_type == NLMSG_DONE) {
			verdict->err = *(int *)nlmsg_data(header);
			return true;
		}
		verdict->replies++;
	}
	return false;
}

struct verdict rawnl_do(struct rawnl *rawnl, struct nl_msg *request)
{
	const struct nlmsghdr *header = nlmsg_hdr(request);
	struct pollfd poller = { .fd = rawnl->sock, .events = POLLIN };
	struct verdict verdict = { .err = 1 };
	bool over = false;

	if (send(rawnl->sock, header, header->nlmsg_len, 0) != header->nlmsg_len)
		die("cannot send on netlink: %s", strerror(errno));
	while (!over) {
		ssize_t len;

		if (poll(&poller, 1, PATIENCE_MS) <= 0)
			break;
		verdict.octets = realloc(verdict.octets, verdict.len + 256 * 1024);
		if (!verdict.octets)
			die("out of memory");
		len = recv(rawnl->sock, verdict.octets + verdict.len, 256 * 1024, 0);
		if (len < 0)
			die("cannot receive on netlink: %s", strerror(errno));
		over = take(request, verdict.octets + verdict.len, len, &verdict);
		verdict.len += len;
	}
	nlmsg_free(request);
	return verdict;
}

void verdict_free(struct verdict *verdict)
{
	free(verdict->octets);
}

bool verdict_has(const struct verdict *verdict, const void *needle, size_t len)
{
	return verdict->len && memmem(verdict->octets, verdict->len, needle, len);
}
