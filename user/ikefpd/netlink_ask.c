// SPDX-License-Identifier: GPL-2.0
/* A netlink socket that the kernel is asked on. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <openssl/crypto.h>

#include "buf.h"
#include "log.h"
#include "netlink_ask.h"

#define ANSWER_S	2	/* the kernel answers at once; this is for a broken one */

struct nl_sock *netlink_ask_open(int protocol, const char *what)
{
	const struct timeval timeout = { .tv_sec = ANSWER_S };
	struct nl_sock *sock = nl_socket_alloc();
	const int one = 1;
	int err, fd;

	err = sock ? nl_connect(sock, protocol) : -NLE_NOMEM;
	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot open %s's netlink socket: %s", what,
			nl_geterror(err));
		nl_socket_free(sock);
		return NULL;
	}
	fd = nl_socket_get_fd(sock);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return sock;
}

/* The kernel's own sentence about an error, or NULL. */
static const char *ext_ack(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	struct nlattr *attr;
	size_t at = sizeof(*e);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || h->nlmsg_len < NLMSG_HDRLEN + at)
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += e->msg.nlmsg_len - NLMSG_HDRLEN;
	if (h->nlmsg_len < NLMSG_HDRLEN + at)
		return NULL;
	attr = nla_find((struct nlattr *)((char *)e + at),
			h->nlmsg_len - NLMSG_HDRLEN - at, NLMSGERR_ATTR_MSG);
	return attr ? nla_get_string(attr) : NULL;
}

/* What the kernel says of it, for people. */
static int read_error(const struct nlmsghdr *h, char *why, size_t len)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const char *text = e->error ? ext_ack(h) : NULL;

	snprintf(why, len, "%s%s%s", strerror(-e->error), text ? ": " : "", text ? text : "");
	return e->error;
}

/* Reads until the acknowledgement of this request. */
static int receive(struct nl_sock *sock, uint32_t seq, struct netlink_answer *a, char *why,
		   size_t len)
{
	int fd = nl_socket_get_fd(sock);
	size_t used = 0;

	a->reply = NULL;
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)(a->data + used);
		ssize_t n = recv(fd, h, sizeof(a->data) - used, 0);
		int left = n, size;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type != NLMSG_ERROR) {
				a->reply = h;
				size = NLMSG_ALIGN(h->nlmsg_len);
				used = (uint8_t *)h - a->data + size;
				continue;
			}
			return read_error(h, why, len);
		}
	}
}

static void log_error(const char *what, int quiet, int err, const char *why)
{
	if (err && err != quiet && quiet != NETLINK_ASK_ANY)
		log_msg(LOG_KNL, LVL_CTRL, "%s: %s", what, why[0] ? why : strerror(-err));
}

int netlink_ask(struct nl_sock *sock, struct nl_msg *msg, const char *what, int quiet,
		struct netlink_answer *a)
{
	char why[256] = "";
	struct netlink_answer local;
	struct nlmsghdr *h;
	int err;

	if (!msg)
		return -ENOMEM;
	h = nlmsg_hdr(msg);
	h->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nl_complete_msg(sock, msg);
	err = nl_send(sock, msg);
	if (err >= 0) {
		err = receive(sock, h->nlmsg_seq, a ? a : &local, why, sizeof(why));
	} else {
		snprintf(why, sizeof(why), "%s", nl_geterror(err));
		err = -EIO;
	}
	OPENSSL_cleanse(h, h->nlmsg_len);
	nlmsg_free(msg);
	log_error(what, quiet, err, why);
	return err;
}

struct netlink_request {
	const char *what;
	int quiet;
	int *result;
	uint32_t seq;
	size_t at;		/* in the octets */
};

/* Of so many an answer each fits into the socket's buffer, should all fail; and they, too. */
#define BATCH_MAX	32

struct netlink_batch {
	struct nl_sock *sock;
	struct netlink_request requests[BATCH_MAX];
	size_t n;
	struct buf octets;
	int err;		/* of those that have been sent */
};

struct netlink_batch *netlink_batch_new(struct nl_sock *sock)
{
	struct netlink_batch *batch = calloc(1, sizeof(*batch));

	if (batch)
		batch->sock = sock;
	return batch;
}

static void empty(struct netlink_batch *batch)
{
	buf_clear(&batch->octets);
	batch->n = 0;
}

void netlink_batch_free(struct netlink_batch *batch)
{
	if (!batch)
		return;
	empty(batch);
	free(batch);
}

static void set_result(struct netlink_request *request, int err, const char *why)
{
	if (request->result)
		*request->result = err;
	log_error(request->what, request->quiet, err, why);
}

/* The last one alone is acknowledged if it is well: those before it are carried out by then. */
static int receive_batch(struct netlink_batch *batch)
{
	struct netlink_answer answer;
	uint32_t first = batch->requests[0].seq;
	size_t done = 0;
	int err = 0;

	while (done < batch->n) {
		struct nlmsghdr *h = (struct nlmsghdr *)answer.data;
		ssize_t n = recv(nl_socket_get_fd(batch->sock), h, sizeof(answer.data), 0);
		int left = n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			const size_t i = h->nlmsg_seq - first;
			struct netlink_request *request;
			char why[256];
			int failed;

			if (h->nlmsg_type != NLMSG_ERROR || i >= batch->n || i < done)
				continue;
			while (done < i)
				set_result(&batch->requests[done++], 0, "");
			failed = read_error(h, why, sizeof(why));
			request = &batch->requests[i];
			set_result(request, failed, why);
			done++;
			if (!err && failed != request->quiet)
				err = failed;
		}
	}
	return err;
}

static void send_batch(struct netlink_batch *batch)
{
	int err = 0;

	for (size_t i = 0; i < batch->n; i++) {
		struct nlmsghdr *h = (struct nlmsghdr *)(batch->octets.data + batch->requests[i].at);

		h->nlmsg_flags |= NLM_F_REQUEST | (i + 1 == batch->n ? NLM_F_ACK : 0);
		h->nlmsg_seq = nl_socket_use_seq(batch->sock);
		h->nlmsg_pid = nl_socket_get_local_port(batch->sock);
		batch->requests[i].seq = h->nlmsg_seq;
	}
	if (batch->n)
		err = nl_sendto(batch->sock, batch->octets.data, batch->octets.len) < 0 ? -EIO :
		      receive_batch(batch);
	for (size_t i = 0; i < batch->n; i++)
		if (batch->requests[i].result && *batch->requests[i].result == -EINPROGRESS)
			set_result(&batch->requests[i], err ? err : -EIO, "");
	if (!batch->err)
		batch->err = err;
	empty(batch);
}

int netlink_batch_send(struct netlink_batch *batch)
{
	int err;

	send_batch(batch);
	err = batch->err;
	batch->err = 0;
	return err;
}

int netlink_batch_add(struct netlink_batch *batch, struct nl_msg *msg, const char *what,
		      int quiet, int *result)
{
	struct nlmsghdr *h;

	if (result)
		*result = -EINPROGRESS;
	if (!msg)
		return -ENOMEM;
	if (batch->n == BATCH_MAX)
		send_batch(batch);
	batch->requests[batch->n] = (struct netlink_request){
		.what = what, .quiet = quiet, .result = result, .at = batch->octets.len,
	};
	h = nlmsg_hdr(msg);
	buf_put(&batch->octets, h, h->nlmsg_len);
	buf_zero(&batch->octets, NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
	OPENSSL_cleanse(h, h->nlmsg_len);
	nlmsg_free(msg);
	if (batch->octets.failed)
		return -ENOMEM;
	batch->n++;
	return 0;
}

struct nl_msg *netlink_ask_new(int type, int flags, const void *body, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg && len && nlmsg_append(msg, (void *)body, len, NLMSG_ALIGNTO)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

#define DUMP_PART	32768	/* the kernel fills no more at once */

int netlink_ask_dump(struct nl_sock *sock, struct nl_msg *msg,
		     int (*note)(void *data, struct nlmsghdr *h), void *data)
{
	uint8_t *part = malloc(DUMP_PART);
	int err = -ENOMEM, noted = 0;
	bool done = false;
	uint32_t seq = 0;

	if (msg && part) {
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
		nl_complete_msg(sock, msg);
		seq = nlmsg_hdr(msg)->nlmsg_seq;
		err = nl_send(sock, msg) < 0 ? -EIO : 0;
	}
	while (!err && !done) {
		struct nlmsghdr *h = (struct nlmsghdr *)part;
		ssize_t n = recv(nl_socket_get_fd(sock), part, DUMP_PART, 0);
		int left = n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			err = n < 0 ? -errno : -EIO;
		for (; !err && !done && nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			done = h->nlmsg_type == NLMSG_DONE;
			if (h->nlmsg_type == NLMSG_ERROR)
				err = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
			else if (!done && !noted)
				noted = note(data, h);
		}
	}
	nlmsg_free(msg);
	/* There may be keys among it. */
	if (part)
		OPENSSL_cleanse(part, DUMP_PART);
	free(part);
	return err ? err : noted;
}
