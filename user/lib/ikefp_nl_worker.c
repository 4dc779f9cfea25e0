// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <errno.h>
#include <string.h>

/* A worker's receive buffer: thousands of messages before one is dropped. */
#define WORKER_BUFFER (4 * 1024 * 1024)

int ikefp_worker_attach(struct ikefp_nl *nl, bool only)
{
	struct nl_msg *msg;
	int size = WORKER_BUFFER;
	int err;

	if (nl->worker)
		return ikefp_nl_fail(nl, -EALREADY, "this handle is a worker already");
	err = ikefp_nl_need_buffer(nl);
	if (err)
		return err;
	nl->worker = ikefp_nl_socket(nl, &err);
	if (!nl->worker)
		return err;
	/* Past the system's limit where we may, as far as it goes otherwise. */
	if (setsockopt(nl_socket_get_fd(nl->worker), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)))
		setsockopt(nl_socket_get_fd(nl->worker), SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof(size));
	msg = ikefp_nl_request(nl, IKEFP_CMD_WORKER_ATTACH, 0);
	err = ikefp_nl_transact_first(nl, nl->worker, msg,
				      msg && (!only || !nla_put_flag(msg, IKEFP_A_WORKER_ONLY)));
	if (!err)
		err = ikefp_nl_set_nonblocking(nl, nl->worker);
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

static void get_endpoint(struct nlattr **attrs, struct ikefp_endpoint *endpoint)
{
	ikefp_nl_get_endpoint(attrs, IKEFP_A_MESSAGE_LOCAL_IPV4, endpoint);
	endpoint->stream = get_u32(attrs[IKEFP_A_MESSAGE_STREAM]);
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

	get_endpoint(attrs, &message.endpoint);
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
		ikefp_nl_get_sa_info(attrs, &info);
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

/* Its attributes are another set's. */
static void take_stream_closed(struct nlmsghdr *header, const struct ikefp_upcalls *upcalls)
{
	struct nlattr *attrs[IKEFP_A_STREAM_MAX + 1];

	if (!genlmsg_parse(header, 0, attrs, IKEFP_A_STREAM_MAX, NULL) && upcalls->stream_closed)
		upcalls->stream_closed(get_u32(attrs[IKEFP_A_STREAM_STREAM]), upcalls->arg);
}

/* A request for adoption that was refused; others were granted, and answered so. */
static void on_refusal(struct ikefp_nl *nl, struct nlmsghdr *header)
{
	struct nlmsgerr *error = nlmsg_data(header);
	const struct ikefp_upcalls *upcalls = nl->upcalls;

	if (!error->error || !error->msg.nlmsg_seq || error->msg.nlmsg_seq > IKEFP_ADOPT_MAX)
		return;
	ikefp_nl_take_error(nl, error);
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
	if (genlmsg_hdr(header)->cmd == IKEFP_CMD_STREAM_CLOSED) {
		take_stream_closed(header, upcalls);
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
		get_endpoint(attrs, &endpoint);
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

int ikefp_worker_read(struct ikefp_nl *nl, const struct ikefp_upcalls *upcalls)
{
	if (!nl->worker)
		return ikefp_nl_fail(nl, -EINVAL, "this handle is not a worker");
	nl->upcalls = upcalls;
	return ikefp_nl_drain(nl, nl->worker, on_upcall);
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
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_WORKER_GET, NLM_F_DUMP);

	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_WORKER_MAX, list_worker,
				 &listing);
}

/* One datagram of requests; the kernel answers each before it takes the next. */
int ikefp_worker_adopt(struct ikefp_nl *nl, const uint64_t *spis, size_t number)
{
	uint8_t octets[IKEFP_ADOPT_MAX][NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN +
					sizeof(uint64_t)] = {};
	size_t i;

	if (!nl->worker)
		return ikefp_nl_fail(nl, -EINVAL, "this handle is not a worker");
	if (number > IKEFP_ADOPT_MAX)
		return ikefp_nl_fail(nl, -EINVAL, "more than %d SAs at a time", IKEFP_ADOPT_MAX);
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
		return ikefp_nl_fail(nl, -errno, "cannot ask for adoption: %s", strerror(errno));
	return 0;
}
