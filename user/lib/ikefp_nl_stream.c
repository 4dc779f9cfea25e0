// SPDX-License-Identifier: GPL-2.0

#include "ikefp_nl_private.h"

#include <unistd.h>

static void copy_id(struct nlattr **attrs, void *arg)
{
	*(uint32_t *)arg = get_u32(attrs[IKEFP_A_STREAM_STREAM]);
}

int ikefp_stream_add(struct ikefp_nl *nl, int fd, bool originator, uint32_t worker,
		     uint32_t *stream)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_STREAM_ADD, 0);
	bool whole = msg && !nla_put_u32(msg, IKEFP_A_STREAM_FD, fd) &&
		     !nla_put_u8(msg, IKEFP_A_STREAM_ORIGINATOR, originator) &&
		     (!worker || !nla_put_u32(msg, IKEFP_A_STREAM_WORKER, worker));
	int err = ikefp_nl_transact(nl, nl->command, msg, whole, IKEFP_A_STREAM_MAX, copy_id,
				    stream);

	close(fd);
	return err;
}

int ikefp_stream_del(struct ikefp_nl *nl, uint32_t stream)
{
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_STREAM_DEL, 0);

	return ikefp_nl_transact(nl, nl->command, msg,
				 msg && !nla_put_u32(msg, IKEFP_A_STREAM_STREAM, stream),
				 IKEFP_A_STREAM_MAX, NULL, NULL);
}

struct stream_listing {
	void (*each)(const struct ikefp_stream_info *info, void *arg);
	void *arg;
};

static void list_stream(struct nlattr **attrs, void *arg)
{
	struct stream_listing *listing = arg;
	struct ikefp_stream_info info = {
		.stream = get_u32(attrs[IKEFP_A_STREAM_STREAM]),
		.originator = get_u8(attrs[IKEFP_A_STREAM_ORIGINATOR]),
		.worker = get_u32(attrs[IKEFP_A_STREAM_WORKER]),
		.sas = get_u32(attrs[IKEFP_A_STREAM_SAS]),
	};

	ikefp_nl_get_endpoint(attrs, IKEFP_A_STREAM_LOCAL_IPV4, &info.endpoint);
	info.endpoint.stream = info.stream;
	listing->each(&info, listing->arg);
}

static void copy_stream(const struct ikefp_stream_info *info, void *arg)
{
	*(struct ikefp_stream_info *)arg = *info;
}

int ikefp_stream_get(struct ikefp_nl *nl, uint32_t stream, struct ikefp_stream_info *info)
{
	struct stream_listing listing = { .each = copy_stream, .arg = info };
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_STREAM_GET, 0);

	return ikefp_nl_transact(nl, nl->command, msg,
				 msg && !nla_put_u32(msg, IKEFP_A_STREAM_STREAM, stream),
				 IKEFP_A_STREAM_MAX, list_stream, &listing);
}

int ikefp_stream_list(struct ikefp_nl *nl,
		      void (*each)(const struct ikefp_stream_info *, void *), void *arg)
{
	struct stream_listing listing = { .each = each, .arg = arg };
	struct nl_msg *msg = ikefp_nl_request(nl, IKEFP_CMD_STREAM_GET, NLM_F_DUMP);

	return ikefp_nl_transact(nl, nl->command, msg, msg, IKEFP_A_STREAM_MAX, list_stream,
				 &listing);
}
