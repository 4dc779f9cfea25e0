// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>

int ikefp_nl_fail(struct ikefp_nl *nl, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(nl->error, sizeof(nl->error), format, args);
	va_end(args);
	return err;
}

const char *ikefp_nl_error(const struct ikefp_nl *nl)
{
	return nl->error;
}

/* Opening */

struct nl_sock *ikefp_nl_socket(struct ikefp_nl *nl, int *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1;

	if (!sock) {
		*err = ikefp_nl_fail(nl, -ENOMEM, "out of memory");
		return NULL;
	}
	nl_socket_disable_auto_ack(sock);
	nl_socket_disable_seq_check(sock);
	*err = genl_connect(sock);
	if (*err) {
		*err = ikefp_nl_fail(nl, -errno, "cannot open a netlink socket: %s",
				     nl_geterror(*err));
		nl_socket_free(sock);
		return NULL;
	}
	/* Refusals with a sentence; the request's octets not sent back with them. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nl_socket_set_msg_buf_size(sock, IKEFP_NL_MESSAGE_MAX);
	/* libnl's own buffers are too small to send the largest message. */
	nl_socket_set_buffer_size(sock, 0, IKEFP_NL_MESSAGE_MAX);
	return sock;
}

int ikefp_nl_open(struct ikefp_nl **out)
{
	struct ikefp_nl *nl = calloc(1, sizeof(*nl));
	int err;

	*out = nl;
	if (!nl)
		return -ENOMEM;
	nl->command = ikefp_nl_socket(nl, &err);
	if (!nl->command)
		return err;
	nl->family = genl_ctrl_resolve(nl->command, IKEFP_FAMILY_NAME);
	if (nl->family < 0)
		return ikefp_nl_fail(nl, -ENOENT,
				     "the kernel has no family \"%s\": load the module (modprobe ikefp)",
				     IKEFP_FAMILY_NAME);
	return 0;
}

void ikefp_nl_close(struct ikefp_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->command);
	nl_socket_free(nl->worker);
	nl_socket_free(nl->monitor);
	free(nl->buffer);
	free(nl);
}

int ikefp_nl_set_nonblocking(struct ikefp_nl *nl, struct nl_sock *sock)
{
	int on = 1;

	/* A full buffer costs the messages that find it so, and no more. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	if (nl_socket_set_nonblocking(sock))
		return ikefp_nl_fail(nl, -errno, "cannot make a netlink socket non-blocking");
	return 0;
}

int ikefp_nl_need_buffer(struct ikefp_nl *nl)
{
	if (!nl->buffer)
		nl->buffer = malloc((size_t)IKEFP_NL_AT_ONCE * IKEFP_NL_MESSAGE_MAX);
	return nl->buffer ? 0 : ikefp_nl_fail(nl, -ENOMEM, "out of memory");
}

static int take(struct ikefp_nl *nl, const struct nl_sock *sock, struct mmsghdr *messages,
		struct iovec *places)
{
	unsigned int i;

	memset(messages, 0, IKEFP_NL_AT_ONCE * sizeof(*messages));
	for (i = 0; i < IKEFP_NL_AT_ONCE; i++) {
		places[i].iov_base = nl->buffer + (size_t)i * IKEFP_NL_MESSAGE_MAX;
		places[i].iov_len = IKEFP_NL_MESSAGE_MAX;
		messages[i].msg_hdr.msg_iov = &places[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	return recvmmsg(nl_socket_get_fd(sock), messages, IKEFP_NL_AT_ONCE, MSG_DONTWAIT, NULL);
}

int ikefp_nl_drain(struct ikefp_nl *nl, struct nl_sock *sock,
		   void (*each)(struct ikefp_nl *nl, struct nlmsghdr *header))
{
	struct mmsghdr messages[IKEFP_NL_AT_ONCE];
	struct iovec places[IKEFP_NL_AT_ONCE];
	unsigned int read;
	int n, i;

	for (read = 0; read < IKEFP_NL_READ_MAX; read += n) {
		n = take(nl, sock, messages, places);
		if (n < 0 && errno == EINTR) {
			n = 0;
			continue;
		}
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == ENOBUFS)
			return ikefp_nl_fail(nl, -ENOBUFS, "the netlink socket was full");
		if (n < 0)
			return ikefp_nl_fail(nl, -EIO, "netlink: %s", strerror(errno));
		for (i = 0; i < n; i++) {
			struct nlmsghdr *header = places[i].iov_base;
			int left = messages[i].msg_len;

			for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left))
				each(nl, header);
		}
	}
	return 1;
}

/* Commands */

/* What the answer to one command is read into. */
struct answer {
	struct ikefp_nl *nl;
	int max_attr;
	ikefp_nl_reply_fn reply;
	void *arg;
	bool first_ends;	/* what comes after the first message is not the answer's */
	int err;
	bool done;
};

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct answer *answer = arg;
	struct nlattr *attrs[answer->max_attr + 1];

	if (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->err = -EINTR;
	if (answer->reply &&
	    !genlmsg_parse(nlmsg_hdr(msg), 0, attrs, answer->max_attr, NULL))
		answer->reply(attrs, answer->arg);
	if (!answer->first_ends)
		return NL_OK;
	answer->done = true;
	return NL_STOP;
}

static int on_end(struct nl_msg *msg, void *arg)
{
	struct answer *answer = arg;

	(void)msg;
	answer->done = true;
	return NL_STOP;
}

/* The kernel's sentence follows the header, in an attribute (NETLINK_EXT_ACK). */
static void take_ext_ack(struct ikefp_nl *nl, struct nlmsgerr *error)
{
	struct nlmsghdr *header = (struct nlmsghdr *)((char *)error - NLMSG_HDRLEN);
	size_t offset = NLMSG_HDRLEN + sizeof(*error);
	struct nlattr *attrs[NLMSGERR_ATTR_MAX + 1];

	if (!(header->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(header->nlmsg_flags & NLM_F_CAPPED))
		offset += error->msg.nlmsg_len - NLMSG_HDRLEN;
	if (offset > header->nlmsg_len)
		return;
	if (nla_parse(attrs, NLMSGERR_ATTR_MAX, (struct nlattr *)((char *)header + offset),
		      header->nlmsg_len - offset, NULL) ||
	    !attrs[NLMSGERR_ATTR_MSG])
		return;
	ikefp_nl_fail(nl, 0, "%.*s", nla_len(attrs[NLMSGERR_ATTR_MSG]),
		      (const char *)nla_data(attrs[NLMSGERR_ATTR_MSG]));
}

int ikefp_nl_take_error(struct ikefp_nl *nl, struct nlmsgerr *error)
{
	ikefp_nl_fail(nl, 0, "%s", strerror(-error->error));
	if (error->error == -EPERM)
		ikefp_nl_fail(nl, 0, "not permitted: CAP_NET_ADMIN is needed");
	take_ext_ack(nl, error);
	return error->error;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct answer *answer = arg;

	(void)from;
	answer->done = true;
	answer->err = ikefp_nl_take_error(answer->nl, error);
	return NL_STOP;
}

struct nl_msg *ikefp_nl_request_for(struct ikefp_nl *nl, int command, int flags,
				    size_t payload_len)
{
	struct nl_msg *msg = NULL;

	if (payload_len <= IKEFP_MAX_MESSAGE)
		msg = nlmsg_alloc_size(payload_len + IKEFP_NL_FIXED_MAX);
	if (msg)
		genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, command,
			    IKEFP_FAMILY_VERSION);
	return msg;
}

struct nl_msg *ikefp_nl_request(struct ikefp_nl *nl, int command, int flags)
{
	return ikefp_nl_request_for(nl, command, flags, 0);
}

static int transact(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg, bool whole,
		    struct answer *answer)
{
	struct nl_cb *cb;
	int err;

	nl->error[0] = '\0';
	if (!msg || !whole) {
		nlmsg_free(msg);
		return ikefp_nl_fail(nl, -EMSGSIZE, "the message is too long");
	}
	if (!(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP) && !answer->first_ends)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	cb = nl_cb_alloc(NL_CB_CUSTOM);
	if (!cb) {
		nlmsg_free(msg);
		return ikefp_nl_fail(nl, -ENOMEM, "out of memory");
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, answer);

	err = nl_send_auto(sock, msg);
	/* Keys may have been in it. */
	explicit_bzero(nlmsg_data(nlmsg_hdr(msg)), nlmsg_datalen(nlmsg_hdr(msg)));
	nlmsg_free(msg);
	while (err >= 0 && !answer->done)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	if (answer->done && !answer->err)
		return 0;
	if (answer->err == -EINTR)
		return ikefp_nl_fail(nl, -EINTR,
				     "the listing changed while it was read; ask again");
	if (answer->err)
		return answer->err;
	return ikefp_nl_fail(nl, -EIO, "netlink: %s", nl_geterror(err));
}

int ikefp_nl_transact(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg, bool whole,
		      int max_attr, ikefp_nl_reply_fn reply, void *arg)
{
	struct answer answer = { .nl = nl, .max_attr = max_attr, .reply = reply, .arg = arg };

	return transact(nl, sock, msg, whole, &answer);
}

int ikefp_nl_transact_first(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg,
			    bool whole)
{
	struct answer answer = { .nl = nl, .first_ends = true };

	return transact(nl, sock, msg, whole, &answer);
}
