// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* A worker's receive buffer: thousands of messages before one is dropped. */
#define WORKER_BUFFER (4 * 1024 * 1024)

/* More than a message's headers and all its attributes but the payload take. */
#define FIXED_MAX 1024
#define MESSAGE_MAX (IKEFP_MAX_MESSAGE + FIXED_MAX)

struct ikefp_nl {
	struct nl_sock *command;
	struct nl_sock *worker;
	struct nl_sock *monitor;
	int family;
	char error[256];
	void *buffer;		/* of MESSAGE_MAX, where there is a worker or a monitor */
	uint64_t adopting[IKEFP_ADOPT_MAX];

	/* While upcalls or events are read. */
	const struct ikefp_upcalls *upcalls;
	void (*event)(const struct ikefp_event *event, void *arg);
	void *event_arg;
};

static int fail(struct ikefp_nl *nl, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct ikefp_nl *nl, int err, const char *format, ...)
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

static struct nl_sock *open_socket(struct ikefp_nl *nl, int *err)
{
	struct nl_sock *sock = nl_socket_alloc();
	int on = 1;

	if (!sock) {
		*err = fail(nl, -ENOMEM, "out of memory");
		return NULL;
	}
	nl_socket_disable_auto_ack(sock);
	nl_socket_disable_seq_check(sock);
	*err = genl_connect(sock);
	if (*err) {
		*err = fail(nl, -errno, "cannot open a netlink socket: %s", nl_geterror(*err));
		nl_socket_free(sock);
		return NULL;
	}
	/* Refusals with a sentence; the request's octets not sent back with them. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	nl_socket_set_msg_buf_size(sock, MESSAGE_MAX);
	/* libnl's own buffers are too small to send the largest message. */
	nl_socket_set_buffer_size(sock, 0, MESSAGE_MAX);
	return sock;
}

int ikefp_nl_open(struct ikefp_nl **out)
{
	struct ikefp_nl *nl = calloc(1, sizeof(*nl));
	int err;

	*out = nl;
	if (!nl)
		return -ENOMEM;
	nl->command = open_socket(nl, &err);
	if (!nl->command)
		return err;
	nl->family = genl_ctrl_resolve(nl->command, IKEFP_FAMILY_NAME);
	if (nl->family < 0)
		return fail(nl, -ENOENT,
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

/* Commands */

typedef void (*reply_fn)(struct nlattr **attrs, void *arg);

/* What the answer to one command is read into. */
struct answer {
	struct ikefp_nl *nl;
	int max_attr;
	reply_fn reply;
	void *arg;
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
	return NL_OK;
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
	fail(nl, 0, "%.*s", nla_len(attrs[NLMSGERR_ATTR_MSG]),
	     (const char *)nla_data(attrs[NLMSGERR_ATTR_MSG]));
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
	struct answer *answer = arg;

	(void)from;
	answer->done = true;
	answer->err = error->error;
	fail(answer->nl, 0, "%s", strerror(-error->error));
	if (error->error == -EPERM)
		fail(answer->nl, 0, "not permitted: CAP_NET_ADMIN is needed");
	take_ext_ack(answer->nl, error);
	return NL_STOP;
}

/* @payload_len: octets of the one attribute that may be large. */
static struct nl_msg *request_for(struct ikefp_nl *nl, int command, int flags,
				  size_t payload_len)
{
	struct nl_msg *msg = NULL;

	if (payload_len <= IKEFP_MAX_MESSAGE)
		msg = nlmsg_alloc_size(payload_len + FIXED_MAX);
	if (msg)
		genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, command,
			    IKEFP_FAMILY_VERSION);
	return msg;
}

static struct nl_msg *request(struct ikefp_nl *nl, int command, int flags)
{
	return request_for(nl, command, flags, 0);
}

/*
 * Sends a request and reads its answer to the end. Takes the message, which may be
 * NULL or incomplete (@whole) for want of memory.
 */
static int transact(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg, bool whole,
		    int max_attr, reply_fn reply, void *arg)
{
	struct answer answer = { .nl = nl, .max_attr = max_attr, .reply = reply, .arg = arg };
	struct nl_cb *cb;
	int err;

	nl->error[0] = '\0';
	if (!msg || !whole) {
		nlmsg_free(msg);
		return fail(nl, -EMSGSIZE, "the message is too long");
	}
	if (!(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP))
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	cb = nl_cb_alloc(NL_CB_CUSTOM);
	if (!cb) {
		nlmsg_free(msg);
		return fail(nl, -ENOMEM, "out of memory");
	}
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &answer);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_end, &answer);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &answer);

	err = nl_send_auto(sock, msg);
	/* Keys may have been in it. */
	explicit_bzero(nlmsg_data(nlmsg_hdr(msg)), nlmsg_datalen(nlmsg_hdr(msg)));
	nlmsg_free(msg);
	while (err >= 0 && !answer.done)
		err = nl_recvmsgs(sock, cb);
	nl_cb_put(cb);
	if (answer.done && !answer.err)
		return 0;
	if (answer.err == -EINTR)
		return fail(nl, -EINTR, "the listing changed while it was read; ask again");
	if (answer.err)
		return answer.err;
	return fail(nl, -EIO, "netlink: %s", nl_geterror(err));
}

/* SPIs are big-endian on netlink as on the wire. */
static bool put_spi(struct nl_msg *msg, int attribute, uint64_t spi)
{
	return !nla_put_u64(msg, attribute, htobe64(spi));
}

static uint64_t get_spi(struct nlattr *attr)
{
	return attr ? be64toh(nla_get_u64(attr)) : 0;
}

static uint32_t get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint64_t get_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static uint8_t get_u8(struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

/* Endpoints: seven attributes, in the same order in every set that has them. */

enum { LOCAL_IPV4, LOCAL_IPV6, LOCAL_PORT, REMOTE_IPV4, REMOTE_IPV6, REMOTE_PORT, IFINDEX };

static bool put_address(struct nl_msg *msg, int ipv4, const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (addr->ss_family == AF_INET)
		return !nla_put(msg, ipv4, sizeof(in->sin_addr), &in->sin_addr) &&
		       !nla_put_u16(msg, ipv4 + 2, in->sin_port);
	if (addr->ss_family == AF_INET6)
		return !nla_put(msg, ipv4 + 1, sizeof(in6->sin6_addr), &in6->sin6_addr) &&
		       !nla_put_u16(msg, ipv4 + 2, in6->sin6_port);
	return false;
}

static bool put_endpoint(struct nl_msg *msg, int first, const struct ikefp_endpoint *endpoint)
{
	const struct sockaddr_in6 *remote = (const struct sockaddr_in6 *)&endpoint->remote;

	if (!put_address(msg, first + LOCAL_IPV4, &endpoint->local) ||
	    !put_address(msg, first + REMOTE_IPV4, &endpoint->remote))
		return false;
	if (remote->sin6_family == AF_INET6 && remote->sin6_scope_id &&
	    nla_put_u32(msg, first + IFINDEX, remote->sin6_scope_id))
		return false;
	return true;
}

static void get_address(struct nlattr **attrs, int ipv4, uint32_t ifindex,
			struct sockaddr_storage *addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	uint16_t port = attrs[ipv4 + 2] ? nla_get_u16(attrs[ipv4 + 2]) : 0;

	memset(addr, 0, sizeof(*addr));
	if (attrs[ipv4] && nla_len(attrs[ipv4]) == sizeof(in->sin_addr)) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		memcpy(&in->sin_addr, nla_data(attrs[ipv4]), sizeof(in->sin_addr));
	} else if (attrs[ipv4 + 1] && nla_len(attrs[ipv4 + 1]) == sizeof(in6->sin6_addr)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = port;
		memcpy(&in6->sin6_addr, nla_data(attrs[ipv4 + 1]), sizeof(in6->sin6_addr));
		if (IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
			in6->sin6_scope_id = ifindex;
	}
}

static void get_endpoint(struct nlattr **attrs, int first, struct ikefp_endpoint *endpoint)
{
	uint32_t ifindex = get_u32(attrs[first + IFINDEX]);

	get_address(attrs, first + LOCAL_IPV4, ifindex, &endpoint->local);
	get_address(attrs, first + REMOTE_IPV4, ifindex, &endpoint->remote);
}

/* Listeners */

static bool put_listener(struct nl_msg *msg, const struct sockaddr_storage *addr)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)addr;

	if (nla_put_u16(msg, IKEFP_A_LISTENER_FAMILY, addr->ss_family))
		return false;
	if (addr->ss_family == AF_INET6) {
		if (!IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr) &&
		    nla_put(msg, IKEFP_A_LISTENER_IPV6, sizeof(in6->sin6_addr), &in6->sin6_addr))
			return false;
		return !nla_put_u16(msg, IKEFP_A_LISTENER_PORT, in6->sin6_port);
	}
	if (in->sin_addr.s_addr != htonl(INADDR_ANY) &&
	    nla_put(msg, IKEFP_A_LISTENER_IPV4, sizeof(in->sin_addr), &in->sin_addr))
		return false;
	return !nla_put_u16(msg, IKEFP_A_LISTENER_PORT, in->sin_port);
}

int ikefp_listener_add(struct ikefp_nl *nl, enum ikefp_listener_kind kind,
		       const struct sockaddr_storage *addr)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_LISTENER_ADD, 0);

	return transact(nl, nl->command, msg,
			msg && !nla_put_u8(msg, IKEFP_A_LISTENER_KIND, kind) &&
				put_listener(msg, addr),
			IKEFP_A_LISTENER_MAX, NULL, NULL);
}

int ikefp_listener_del(struct ikefp_nl *nl, const struct sockaddr_storage *addr)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_LISTENER_DEL, 0);

	return transact(nl, nl->command, msg, msg && put_listener(msg, addr),
			IKEFP_A_LISTENER_MAX, NULL, NULL);
}

struct listener_listing {
	void (*each)(const struct ikefp_listener_info *info, void *arg);
	void *arg;
};

static void list_listener(struct nlattr **attrs, void *arg)
{
	struct listener_listing *listing = arg;
	struct ikefp_listener_info info = {
		.kind = get_u8(attrs[IKEFP_A_LISTENER_KIND]),
	};
	struct sockaddr_in *in = (struct sockaddr_in *)&info.addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&info.addr;

	if (!attrs[IKEFP_A_LISTENER_FAMILY] || !attrs[IKEFP_A_LISTENER_PORT])
		return;
	info.addr.ss_family = nla_get_u16(attrs[IKEFP_A_LISTENER_FAMILY]);
	/* The port stands at the same place in both. */
	in->sin_port = nla_get_u16(attrs[IKEFP_A_LISTENER_PORT]);
	if (attrs[IKEFP_A_LISTENER_IPV4])
		nla_memcpy(&in->sin_addr, attrs[IKEFP_A_LISTENER_IPV4], sizeof(in->sin_addr));
	if (attrs[IKEFP_A_LISTENER_IPV6])
		nla_memcpy(&in6->sin6_addr, attrs[IKEFP_A_LISTENER_IPV6],
			   sizeof(in6->sin6_addr));
	listing->each(&info, listing->arg);
}

int ikefp_listener_list(struct ikefp_nl *nl,
			void (*each)(const struct ikefp_listener_info *, void *), void *arg)
{
	struct listener_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = request(nl, IKEFP_CMD_LISTENER_GET, NLM_F_DUMP);

	return transact(nl, nl->command, msg, msg, IKEFP_A_LISTENER_MAX, list_listener,
			&listing);
}

/* Two SPIs. */
#define ESP_PAIR_LEN 8

static void get_unanswered(struct nlattr *attr, struct ikefp_sa_info *info)
{
	size_t len = attr ? nla_len(attr) : 0;

	if (len > sizeof(info->unanswered))
		len = sizeof(info->unanswered);
	if (len)
		memcpy(info->unanswered, nla_data(attr), len);
	info->unanswered_count = len / sizeof(info->unanswered[0]);
}

static void get_sa_info(struct nlattr **attrs, struct ikefp_sa_info *info)
{
	*info = (struct ikefp_sa_info){
		.spi = get_spi(attrs[IKEFP_A_SA_SPI]),
		.peer_spi = get_spi(attrs[IKEFP_A_SA_PEER_SPI]),
		.role = get_u8(attrs[IKEFP_A_SA_ROLE]),
		.state = get_u8(attrs[IKEFP_A_SA_STATE]),
		.srtt_us = get_u32(attrs[IKEFP_A_SA_SRTT_US]),
		.rttvar_us = get_u32(attrs[IKEFP_A_SA_RTTVAR_US]),
		.rto_ms = get_u32(attrs[IKEFP_A_SA_RTO_MS]),
		.outstanding = get_u32(attrs[IKEFP_A_SA_OUTSTANDING]),
		.tries = get_u32(attrs[IKEFP_A_SA_TRIES]),
		.message_id_out = get_u32(attrs[IKEFP_A_SA_MESSAGE_ID_OUT]),
		.message_id_in = get_u32(attrs[IKEFP_A_SA_MESSAGE_ID_IN]),
		.age_ms = get_u64(attrs[IKEFP_A_SA_AGE_MS]),
		.messages_in = get_u64(attrs[IKEFP_A_SA_MESSAGES_IN]),
		.messages_out = get_u64(attrs[IKEFP_A_SA_MESSAGES_OUT]),
		.retransmits = get_u64(attrs[IKEFP_A_SA_RETRANSMITS]),
		.duplicates = get_u64(attrs[IKEFP_A_SA_DUPLICATES]),
		.fragments = attrs[IKEFP_A_SA_FRAGMENT_SIZE],
		.fragment_size = get_u32(attrs[IKEFP_A_SA_FRAGMENT_SIZE]),
		.worker = get_u32(attrs[IKEFP_A_SA_WORKER]),
		.waiting = get_u32(attrs[IKEFP_A_SA_WAITING]),
		.stash_len = get_u32(attrs[IKEFP_A_SA_STASH_LEN]),
		.behind_nat = get_u8(attrs[IKEFP_A_SA_BEHIND_NAT]),
		.follow = get_u8(attrs[IKEFP_A_SA_FOLLOW]),
		.liveness_ms = get_u32(attrs[IKEFP_A_SA_LIVENESS_MS]),
		.heard_ms = get_u64(attrs[IKEFP_A_SA_HEARD_MS]),
	};
	info->window_in = get_u32(attrs[IKEFP_A_SA_WINDOW_IN]);
	info->window_out = get_u32(attrs[IKEFP_A_SA_WINDOW_OUT]);
	get_unanswered(attrs[IKEFP_A_SA_UNANSWERED], info);
	if (attrs[IKEFP_A_SA_ESP_SPIS])
		info->esp_pairs = nla_len(attrs[IKEFP_A_SA_ESP_SPIS]) / ESP_PAIR_LEN;
	get_endpoint(attrs, IKEFP_A_SA_LOCAL_IPV4, &info->endpoint);
}

/* Worker */

static int set_nonblocking(struct ikefp_nl *nl, struct nl_sock *sock)
{
	int on = 1;

	/* A full buffer costs the messages that find it so, and no more. */
	setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	if (nl_socket_set_nonblocking(sock))
		return fail(nl, -errno, "cannot make a netlink socket non-blocking");
	return 0;
}

static int need_buffer(struct ikefp_nl *nl)
{
	if (!nl->buffer)
		nl->buffer = malloc(MESSAGE_MAX);
	return nl->buffer ? 0 : fail(nl, -ENOMEM, "out of memory");
}

int ikefp_worker_attach(struct ikefp_nl *nl, bool only)
{
	struct nl_msg *msg;
	int size = WORKER_BUFFER;
	int err;

	if (nl->worker)
		return fail(nl, -EALREADY, "this handle is a worker already");
	err = need_buffer(nl);
	if (err)
		return err;
	nl->worker = open_socket(nl, &err);
	if (!nl->worker)
		return err;
	/* Past the system's limit where we may, as far as it goes otherwise. */
	if (setsockopt(nl_socket_get_fd(nl->worker), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)))
		setsockopt(nl_socket_get_fd(nl->worker), SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof(size));
	msg = request(nl, IKEFP_CMD_WORKER_ATTACH, 0);
	err = transact(nl, nl->worker, msg,
		       msg && (!only || !nla_put_flag(msg, IKEFP_A_WORKER_ONLY)),
		       IKEFP_A_WORKER_MAX, NULL, NULL);
	if (!err)
		err = set_nonblocking(nl, nl->worker);
	if (err) {
		nl_socket_free(nl->worker);
		nl->worker = NULL;
	}
	return err;
}

int ikefp_worker_fd(const struct ikefp_nl *nl)
{
	return nl->worker ? nl_socket_get_fd(nl->worker) : -1;
}

uint32_t ikefp_worker_portid(const struct ikefp_nl *nl)
{
	return nl->worker ? nl_socket_get_local_port(nl->worker) : 0;
}

static void take_message(struct nlattr **attrs, const struct ikefp_upcalls *upcalls)
{
	struct nlattr *payload = attrs[IKEFP_A_MESSAGE_PAYLOAD];
	struct ikefp_message_in message = {
		.spi = get_spi(attrs[IKEFP_A_MESSAGE_SPI]),
		.spi_i = get_spi(attrs[IKEFP_A_MESSAGE_SPI_I]),
		.spi_r = get_spi(attrs[IKEFP_A_MESSAGE_SPI_R]),
		.raw = attrs[IKEFP_A_MESSAGE_RAW],
		.response = attrs[IKEFP_A_MESSAGE_RESPONSE],
		.exchange_type = get_u8(attrs[IKEFP_A_MESSAGE_EXCHANGE_TYPE]),
		.flags = get_u8(attrs[IKEFP_A_MESSAGE_FLAGS]),
		.first_payload = get_u8(attrs[IKEFP_A_MESSAGE_FIRST_PAYLOAD]),
		.message_id = get_u32(attrs[IKEFP_A_MESSAGE_MESSAGE_ID]),
		.payload = {
			.data = payload ? nla_data(payload) : NULL,
			.len = payload ? nla_len(payload) : 0,
		},
	};

	get_endpoint(attrs, IKEFP_A_MESSAGE_LOCAL_IPV4, &message.endpoint);
	if (upcalls->message)
		upcalls->message(&message, upcalls->arg);
}

/* Its stash is wiped, wherever it goes from here. */
static void take_adopted(struct nlmsghdr *header, const struct ikefp_upcalls *upcalls)
{
	struct nlattr *attrs[IKEFP_A_SA_MAX + 1];
	struct ikefp_octets stash = { 0 };
	struct ikefp_sa_info info;

	if (!genlmsg_parse(header, 0, attrs, IKEFP_A_SA_MAX, NULL)) {
		get_sa_info(attrs, &info);
		if (attrs[IKEFP_A_SA_STASH])
			stash = (struct ikefp_octets){
				nla_data(attrs[IKEFP_A_SA_STASH]),
				nla_len(attrs[IKEFP_A_SA_STASH]),
			};
		if (upcalls->adopted)
			upcalls->adopted(&info, &stash, upcalls->arg);
	}
	explicit_bzero(nlmsg_data(header), nlmsg_datalen(header));
}

/* A request for adoption that was refused; others were granted, and answered so. */
static void on_refusal(struct ikefp_nl *nl, struct nlmsghdr *header)
{
	struct nlmsgerr *error = nlmsg_data(header);
	const struct ikefp_upcalls *upcalls = nl->upcalls;

	if (!error->error || !error->msg.nlmsg_seq || error->msg.nlmsg_seq > IKEFP_ADOPT_MAX)
		return;
	fail(nl, 0, "%s", strerror(-error->error));
	take_ext_ack(nl, error);
	if (upcalls->not_adopted)
		upcalls->not_adopted(nl->adopting[error->msg.nlmsg_seq - 1], error->error,
				     nl->error, upcalls->arg);
}

static void on_upcall(struct ikefp_nl *nl, struct nlmsghdr *header)
{
	const struct ikefp_upcalls *upcalls = nl->upcalls;
	struct nlattr *attrs[IKEFP_A_MESSAGE_MAX + 1];
	struct ikefp_endpoint endpoint;

	if (header->nlmsg_type == NLMSG_ERROR) {
		on_refusal(nl, header);
		return;
	}
	if (header->nlmsg_type != nl->family)
		return;
	if (genlmsg_hdr(header)->cmd == IKEFP_CMD_SA_ADOPT) {
		take_adopted(header, upcalls);
		return;
	}
	if (genlmsg_parse(header, 0, attrs, IKEFP_A_MESSAGE_MAX, NULL))
		return;
	switch (genlmsg_hdr(header)->cmd) {
	case IKEFP_CMD_MESSAGE_RECV:
		take_message(attrs, upcalls);
		break;
	case IKEFP_CMD_EXCHANGE_TIMEOUT:
		if (upcalls->exchange_timeout)
			upcalls->exchange_timeout(get_spi(attrs[IKEFP_A_MESSAGE_SPI]),
						  get_u8(attrs[IKEFP_A_MESSAGE_EXCHANGE_TYPE]),
						  get_u32(attrs[IKEFP_A_MESSAGE_MESSAGE_ID]),
						  upcalls->arg);
		break;
	case IKEFP_CMD_SA_EXPIRED:
		if (upcalls->sa_expired)
			upcalls->sa_expired(get_spi(attrs[IKEFP_A_MESSAGE_SPI]), upcalls->arg);
		break;
	case IKEFP_CMD_SA_MOVED:
		get_endpoint(attrs, IKEFP_A_MESSAGE_LOCAL_IPV4, &endpoint);
		if (upcalls->sa_moved)
			upcalls->sa_moved(get_spi(attrs[IKEFP_A_MESSAGE_SPI]), &endpoint,
					  upcalls->arg);
		break;
	case IKEFP_CMD_SA_DEAD:
		if (upcalls->sa_dead)
			upcalls->sa_dead(get_spi(attrs[IKEFP_A_MESSAGE_SPI]), upcalls->arg);
		break;
	}
}

/*
 * All that waits on a non-blocking socket goes to a callback. libnl would leave copies
 * of keys behind.
 */
static int drain(struct ikefp_nl *nl, struct nl_sock *sock,
		 void (*each)(struct ikefp_nl *nl, struct nlmsghdr *header))
{
	struct nlmsghdr *header;
	ssize_t len;
	int left;

	for (;;) {
		len = recv(nl_socket_get_fd(sock), nl->buffer, MESSAGE_MAX, MSG_DONTWAIT);
		if (len < 0 && errno == EINTR)
			continue;
		if (len <= 0)
			break;
		left = len;
		for (header = nl->buffer; nlmsg_ok(header, left);
		     header = nlmsg_next(header, &left))
			each(nl, header);
	}
	if (len < 0 && errno == EAGAIN)
		return 0;
	if (len < 0 && errno == ENOBUFS)
		return fail(nl, -ENOBUFS, "the netlink socket was full");
	return fail(nl, -EIO, "netlink: %s", len ? strerror(errno) : "closed");
}

int ikefp_worker_read(struct ikefp_nl *nl, const struct ikefp_upcalls *upcalls)
{
	if (!nl->worker)
		return fail(nl, -EINVAL, "this handle is not a worker");
	nl->upcalls = upcalls;
	return drain(nl, nl->worker, on_upcall);
}

struct worker_listing {
	void (*each)(const struct ikefp_worker_info *info, void *arg);
	void *arg;
};

static void list_worker(struct nlattr **attrs, void *arg)
{
	struct worker_listing *listing = arg;
	const struct ikefp_worker_info info = {
		.worker = get_u32(attrs[IKEFP_A_WORKER_WORKER]),
		.sas = get_u32(attrs[IKEFP_A_WORKER_SAS]),
	};

	listing->each(&info, listing->arg);
}

int ikefp_worker_list(struct ikefp_nl *nl,
		      void (*each)(const struct ikefp_worker_info *, void *), void *arg)
{
	struct worker_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = request(nl, IKEFP_CMD_WORKER_GET, NLM_F_DUMP);

	return transact(nl, nl->command, msg, msg, IKEFP_A_WORKER_MAX, list_worker, &listing);
}

/* One datagram of requests; the kernel answers each before it takes the next. */
int ikefp_worker_adopt(struct ikefp_nl *nl, const uint64_t *spis, size_t number)
{
	uint8_t octets[IKEFP_ADOPT_MAX][NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN +
					sizeof(uint64_t)] = {};
	size_t i;

	if (!nl->worker)
		return fail(nl, -EINVAL, "this handle is not a worker");
	if (number > IKEFP_ADOPT_MAX)
		return fail(nl, -EINVAL, "more than %d SAs at a time", IKEFP_ADOPT_MAX);
	for (i = 0; i < number; i++) {
		struct nlmsghdr *header = (struct nlmsghdr *)octets[i];
		struct genlmsghdr *command = nlmsg_data(header);
		struct nlattr *spi = (struct nlattr *)(command + 1);
		uint64_t value = htobe64(spis[i]);

		header->nlmsg_len = sizeof(octets[i]);
		header->nlmsg_type = nl->family;
		header->nlmsg_flags = NLM_F_REQUEST;
		header->nlmsg_seq = i + 1;
		command->cmd = IKEFP_CMD_SA_ADOPT;
		command->version = IKEFP_FAMILY_VERSION;
		spi->nla_len = NLA_HDRLEN + sizeof(value);
		spi->nla_type = IKEFP_A_SA_SPI;
		memcpy(nla_data(spi), &value, sizeof(value));
		nl->adopting[i] = spis[i];
	}
	if (number && send(nl_socket_get_fd(nl->worker), octets, number * sizeof(octets[0]), 0) < 0)
		return fail(nl, -errno, "cannot ask for adoption: %s", strerror(errno));
	return 0;
}

/* SAs */

int ikefp_sa_new_for(struct ikefp_nl *nl, uint64_t spi, uint32_t worker,
		     const struct ikefp_endpoint *endpoint)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_SA_NEW, 0);

	return transact(nl, nl->command, msg,
			msg && put_spi(msg, IKEFP_A_SA_SPI, spi) &&
				put_endpoint(msg, IKEFP_A_SA_LOCAL_IPV4, endpoint) &&
				(!worker || !nla_put_u32(msg, IKEFP_A_SA_WORKER, worker)),
			IKEFP_A_SA_MAX, NULL, NULL);
}

int ikefp_sa_new(struct ikefp_nl *nl, uint64_t spi, const struct ikefp_endpoint *endpoint)
{
	return ikefp_sa_new_for(nl, spi, 0, endpoint);
}

static bool put_octets(struct nl_msg *msg, int attribute, const struct ikefp_octets *octets)
{
	return !octets->len || !nla_put(msg, attribute, octets->len, octets->data);
}

static bool put_keys(struct nl_msg *msg, const struct ikefp_keys *keys)
{
	struct nlattr *nest = nla_nest_start(msg, IKEFP_A_SA_KEYS | NLA_F_NESTED);

	if (!nest || nla_put_u16(msg, IKEFP_A_KEYS_ENCR, keys->encr) ||
	    (keys->integ && nla_put_u16(msg, IKEFP_A_KEYS_INTEG, keys->integ)) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_EI, &keys->sk_ei) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_ER, &keys->sk_er) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_AI, &keys->sk_ai) ||
	    !put_octets(msg, IKEFP_A_KEYS_SK_AR, &keys->sk_ar))
		return false;
	nla_nest_end(msg, nest);
	return true;
}

static bool put_settings(struct nl_msg *msg, const struct ikefp_sa_settings *settings)
{
	return !nla_put_u8(msg, IKEFP_A_SA_BEHIND_NAT, settings->behind_nat) &&
	       !nla_put_u8(msg, IKEFP_A_SA_FOLLOW, settings->follow) &&
	       !nla_put_u32(msg, IKEFP_A_SA_LIVENESS_MS, settings->liveness_ms);
}

static bool put_change(struct nl_msg *msg, const struct ikefp_sa_change *change)
{
	if (!put_spi(msg, IKEFP_A_SA_SPI, change->spi))
		return false;
	if (change->peer_spi && !put_spi(msg, IKEFP_A_SA_PEER_SPI, change->peer_spi))
		return false;
	if (change->established &&
	    nla_put_u8(msg, IKEFP_A_SA_STATE, IKEFP_SA_STATE_ESTABLISHED))
		return false;
	if (change->endpoint && !put_endpoint(msg, IKEFP_A_SA_LOCAL_IPV4, change->endpoint))
		return false;
	if (change->settings && !put_settings(msg, change->settings))
		return false;
	/* Of no octets it is one, too: none. */
	if (change->esp_spis && nla_put(msg, IKEFP_A_SA_ESP_SPIS, change->esp_spis->len,
					change->esp_spis->data))
		return false;
	if (change->stash &&
	    nla_put(msg, IKEFP_A_SA_STASH, change->stash->len, change->stash->data))
		return false;
	if (change->fragment_size &&
	    nla_put_u32(msg, IKEFP_A_SA_FRAGMENT_SIZE, *change->fragment_size))
		return false;
	if (change->window_in && nla_put_u32(msg, IKEFP_A_SA_WINDOW_IN, change->window_in))
		return false;
	if (change->window_out && nla_put_u32(msg, IKEFP_A_SA_WINDOW_OUT, change->window_out))
		return false;
	return !change->keys || put_keys(msg, change->keys);
}

int ikefp_sa_set(struct ikefp_nl *nl, const struct ikefp_sa_change *change)
{
	struct nl_msg *msg = request_for(nl, IKEFP_CMD_SA_SET, 0,
					 change->stash ? change->stash->len : 0);

	return transact(nl, nl->command, msg, msg && put_change(msg, change), IKEFP_A_SA_MAX,
			NULL, NULL);
}

int ikefp_sa_del(struct ikefp_nl *nl, uint64_t spi)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_SA_DEL, 0);

	return transact(nl, nl->command, msg, msg && put_spi(msg, IKEFP_A_SA_SPI, spi),
			IKEFP_A_SA_MAX, NULL, NULL);
}

struct sa_listing {
	void (*each)(const struct ikefp_sa_info *info, void *arg);
	void *arg;
};

static void list_sa(struct nlattr **attrs, void *arg)
{
	struct sa_listing *listing = arg;
	struct ikefp_sa_info info;

	get_sa_info(attrs, &info);
	listing->each(&info, listing->arg);
}

static void copy_sa(const struct ikefp_sa_info *info, void *arg)
{
	*(struct ikefp_sa_info *)arg = *info;
}

int ikefp_sa_get(struct ikefp_nl *nl, uint64_t spi, struct ikefp_sa_info *info)
{
	struct sa_listing listing = { .each = copy_sa, .arg = info };
	struct nl_msg *msg = request(nl, IKEFP_CMD_SA_GET, 0);

	return transact(nl, nl->command, msg, msg && put_spi(msg, IKEFP_A_SA_SPI, spi),
			IKEFP_A_SA_MAX, list_sa, &listing);
}

int ikefp_sa_list(struct ikefp_nl *nl, void (*each)(const struct ikefp_sa_info *, void *),
		  void *arg)
{
	struct sa_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = request(nl, IKEFP_CMD_SA_GET, NLM_F_DUMP);

	return transact(nl, nl->command, msg, msg, IKEFP_A_SA_MAX, list_sa, &listing);
}

int ikefp_sa_list_begin(struct ikefp_nl *nl)
{
	struct nl_msg *msg;
	int err = need_buffer(nl);

	if (err)
		return err;
	msg = request(nl, IKEFP_CMD_SA_GET, NLM_F_DUMP);
	if (!msg)
		return fail(nl, -ENOMEM, "out of memory");
	err = nl_send_auto(nl->command, msg);
	nlmsg_free(msg);
	return err < 0 ? fail(nl, -EIO, "netlink: %s", nl_geterror(err)) : 0;
}

/* One datagram: libnl would not return before the last. */
int ikefp_sa_list_next(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_sa_info *, void *), void *arg)
{
	struct answer answer = { .nl = nl };
	struct sa_listing listing = { .each = each, .arg = arg };
	struct nlattr *attrs[IKEFP_A_SA_MAX + 1];
	struct nlmsghdr *header;
	ssize_t len;
	int left;

	do {
		len = recv(nl_socket_get_fd(nl->command), nl->buffer, MESSAGE_MAX, 0);
	} while (len < 0 && errno == EINTR);
	if (len <= 0)
		return fail(nl, -EIO, "netlink: %s", len ? strerror(errno) : "closed");
	left = len;
	for (header = nl->buffer; nlmsg_ok(header, left); header = nlmsg_next(header, &left)) {
		if (header->nlmsg_type == NLMSG_ERROR)
			on_error(NULL, nlmsg_data(header), &answer);
		else if (header->nlmsg_type == NLMSG_DONE)
			answer.done = true;
		else if (header->nlmsg_type == nl->family &&
			 !genlmsg_parse(header, 0, attrs, IKEFP_A_SA_MAX, NULL))
			list_sa(attrs, &listing);
	}
	return answer.err ? answer.err : !answer.done;
}

/* Messages */

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
		request_for(nl, IKEFP_CMD_MESSAGE_SEND, 0, message->payload.len);

	return transact(nl, nl->command, msg, msg && put_message(msg, message),
			IKEFP_A_MESSAGE_MAX, take_message_id, message_id);
}

/* Settings and counters */

int ikefp_policy_set(struct ikefp_nl *nl, const struct ikefp_policy *policy)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_POLICY_SET, 0);
	bool whole = msg;
	int i;

	for (i = IKEFP_A_POLICY_PAD + 1; whole && i <= IKEFP_A_POLICY_MAX; i++) {
		if (policy->set[i])
			whole = !nla_put_u32(msg, i, policy->value[i]);
	}
	return transact(nl, nl->command, msg, whole, IKEFP_A_POLICY_MAX, NULL, NULL);
}

static void take_policy(struct nlattr **attrs, void *arg)
{
	struct ikefp_policy *policy = arg;
	int i;

	for (i = IKEFP_A_POLICY_PAD + 1; i <= IKEFP_A_POLICY_MAX; i++) {
		policy->set[i] = attrs[i];
		policy->value[i] = get_u32(attrs[i]);
	}
}

int ikefp_policy_get(struct ikefp_nl *nl, struct ikefp_policy *policy)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_POLICY_GET, 0);

	memset(policy, 0, sizeof(*policy));
	return transact(nl, nl->command, msg, msg, IKEFP_A_POLICY_MAX, take_policy, policy);
}

static void take_stats(struct nlattr **attrs, void *arg)
{
	struct ikefp_stats *stats = arg;
	int i;

	for (i = IKEFP_A_STATS_PAD + 1; i <= IKEFP_A_STATS_MAX; i++)
		stats->value[i] = get_u64(attrs[i]);
}

int ikefp_stats_get(struct ikefp_nl *nl, struct ikefp_stats *stats)
{
	struct nl_msg *msg = request(nl, IKEFP_CMD_STATS_GET, 0);

	memset(stats, 0, sizeof(*stats));
	return transact(nl, nl->command, msg, msg, IKEFP_A_STATS_MAX, take_stats, stats);
}

/* Events */

int ikefp_monitor_subscribe(struct ikefp_nl *nl)
{
	int group;
	int err;

	if (nl->monitor)
		return 0;
	group = genl_ctrl_resolve_grp(nl->command, IKEFP_FAMILY_NAME, IKEFP_MCGRP_MONITOR);
	if (group < 0)
		return fail(nl, -ENOENT, "the family has no group \"%s\"", IKEFP_MCGRP_MONITOR);
	err = need_buffer(nl);
	if (err)
		return err;
	nl->monitor = open_socket(nl, &err);
	if (!nl->monitor)
		return err;
	err = nl_socket_add_membership(nl->monitor, group);
	if (err)
		err = fail(nl, err == -NLE_PERM ? -EPERM : -EIO, "cannot watch events: %s",
			   nl_geterror(err));
	else
		err = set_nonblocking(nl, nl->monitor);
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
	get_endpoint(attrs, IKEFP_A_EVENT_LOCAL_IPV4, &event.endpoint);
	nl->event(&event, nl->event_arg);
}

int ikefp_monitor_read(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_event *, void *), void *arg)
{
	if (!nl->monitor)
		return fail(nl, -EINVAL, "this handle does not watch events");
	nl->event = each;
	nl->event_arg = arg;
	return drain(nl, nl->monitor, on_event);
}
