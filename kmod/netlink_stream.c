// SPDX-License-Identifier: GPL-2.0
/* The commands for streams. */

#include <linux/net.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include "attrs.h"
#include "context.h"
#include "flood.h"
#include "genl.h"
#include "netlink.h"
#include "path.h"
#include "rtt_memory.h"
#include "streams.h"
#include "worker.h"

static struct ikefp_context *context_of(struct genl_info *info)
{
	return ikefp_netlink_context(genl_info_net(info));
}

/* What messages need, whichever way they come; and streams. */
static int begin(struct ikefp_context *ctx, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&ctx->config_lock);
	err = ikefp_flood_begin(ctx) ?: ikefp_rtt_memory_begin(ctx) ?: ikefp_streams_first(ctx);
	mutex_unlock(&ctx->config_lock);
	if (err == -ENOMEM)
		NL_SET_ERR_MSG(extack, "out of memory");
	else if (err)
		NL_SET_ERR_MSG(extack, "netfilter takes no hook for ESP that leaves");
	return err;
}

static int get_worker(struct genl_info *info, u32 *portid)
{
	const struct nlattr *worker = info->attrs[IKEFP_A_STREAM_WORKER];
	bool there;

	*portid = worker ? nla_get_u32(worker) : 0;
	if (!*portid)
		return 0;
	rcu_read_lock();
	there = ikefp_worker_find(context_of(info), *portid);
	rcu_read_unlock();
	if (there)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, worker, "no worker has this port ID");
	return -ENOENT;
}

/* The stream, held; or an ERR_PTR, the caller told why. */
static struct ikefp_stream *add(struct genl_info *info)
{
	const struct nlattr *fd = info->attrs[IKEFP_A_STREAM_FD];
	struct ikefp_stream *stream;
	struct socket *sock;
	u32 worker;
	int err;

	if (!ikefp_netlink_has(info, IKEFP_A_STREAM_FD, "fd is missing") ||
	    !ikefp_netlink_has(info, IKEFP_A_STREAM_ORIGINATOR, "originator is missing"))
		return ERR_PTR(-EINVAL);
	err = get_worker(info, &worker) ?: begin(context_of(info), info->extack);
	if (err)
		return ERR_PTR(err);
	sock = sockfd_lookup(nla_get_u32(fd), &err);
	if (!sock) {
		NL_SET_ERR_MSG_ATTR(info->extack, fd, "fd is no socket of the caller's");
		stream = ERR_PTR(err);
		goto came;
	}
	stream = ikefp_streams_add(context_of(info), sock,
				   nla_get_u8(info->attrs[IKEFP_A_STREAM_ORIGINATOR]), worker,
				   info->extack);
	if (IS_ERR(stream))
		sockfd_put(sock);
came:
	ikefp_streams_came(context_of(info));
	return stream;
}

int ikefp_nl_stream_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_stream *stream;
	struct sk_buff *reply;
	void *message;

	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	if (!reply)
		return -ENOMEM;
	stream = add(info);
	if (IS_ERR(stream)) {
		nlmsg_free(reply);
		return PTR_ERR(stream);
	}
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_STREAM_ADD);
	if (!message || nla_put_u32(reply, IKEFP_A_STREAM_STREAM, stream->id)) {
		nlmsg_free(reply);
		ikefp_stream_close(stream, IKEFP_STREAM_CLOSED);
		ikefp_stream_put(stream);
		return -EMSGSIZE;
	}
	ikefp_stream_put(stream);
	genlmsg_end(reply, message);
	return genlmsg_reply(reply, info);
}

/* The stream that a command names, held; or an ERR_PTR, the caller told why. */
static struct ikefp_stream *get_stream(struct genl_info *info)
{
	struct nlattr *id = info->attrs[IKEFP_A_STREAM_STREAM];
	struct ikefp_stream *stream;

	if (!ikefp_netlink_has(info, IKEFP_A_STREAM_STREAM, "stream is missing"))
		return ERR_PTR(-EINVAL);
	stream = ikefp_streams_get(context_of(info), nla_get_u32(id));
	if (stream && ikefp_stream_is_open(stream))
		return stream;
	ikefp_stream_put(stream);
	NL_SET_ERR_MSG_ATTR(info->extack, id, "no stream has this ID, or it has ended");
	return ERR_PTR(-ENOENT);
}

int ikefp_nl_stream_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_stream *stream = get_stream(info);

	if (IS_ERR(stream))
		return PTR_ERR(stream);
	ikefp_stream_close_now(stream, IKEFP_STREAM_CLOSED);
	ikefp_stream_put(stream);
	return 0;
}

static int put_stream(struct sk_buff *skb, struct ikefp_stream *stream)
{
	const struct ikefp_path path = ikefp_path_of_stream(stream);
	u32 worker = READ_ONCE(stream->worker);

	return nla_put_u32(skb, IKEFP_A_STREAM_STREAM, stream->id) ||
	       nla_put_u8(skb, IKEFP_A_STREAM_ORIGINATOR, stream->originator) ||
	       ikefp_put_path(skb, IKEFP_A_STREAM_LOCAL_IPV4, &path) ||
	       (worker && nla_put_u32(skb, IKEFP_A_STREAM_WORKER, worker)) ||
	       nla_put_u32(skb, IKEFP_A_STREAM_SAS, atomic_read(&stream->sas)) ? -EMSGSIZE : 0;
}

int ikefp_nl_stream_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ikefp_stream *stream;
	struct sk_buff *reply;
	void *message;
	int err;

	stream = get_stream(info);
	if (IS_ERR(stream))
		return PTR_ERR(stream);
	reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	err = -ENOMEM;
	if (!reply)
		goto put;
	message = genlmsg_put_reply(reply, info, &ikefp_netlink_family, 0, IKEFP_CMD_STREAM_GET);
	err = message ? put_stream(reply, stream) : -EMSGSIZE;
	if (err) {
		nlmsg_free(reply);
		goto put;
	}
	genlmsg_end(reply, message);
	err = genlmsg_reply(reply, info);
put:
	ikefp_stream_put(stream);
	return err;
}

/* As of SAs, those that are there all the time are listed, and just once. */
int ikefp_nl_stream_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ikefp_context *ctx = ikefp_netlink_context(sock_net(skb->sk));
	unsigned long id = cb->args[0];
	struct ikefp_stream *stream;

	for (; (stream = ikefp_streams_get_next(ctx, &id)); id++) {
		bool open = ikefp_stream_is_open(stream);
		void *message = NULL;
		int err = 0;

		if (open) {
			message = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
					      &ikefp_netlink_family, NLM_F_MULTI,
					      IKEFP_CMD_STREAM_GET);
			err = message ? put_stream(skb, stream) : -EMSGSIZE;
		}
		ikefp_stream_put(stream);
		if (err) {
			if (message)
				genlmsg_cancel(skb, message);
			break;
		}
		if (open)
			genlmsg_end(skb, message);
	}
	cb->args[0] = id;
	return skb->len;
}
