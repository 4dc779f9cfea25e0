// SPDX-License-Identifier: GPL-2.0
/* What the kernel says of netlink families that come and go. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/ikefp.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "log.h"
#include "module_watch.h"
#include "netlink_watch.h"

struct module_watch {
	struct netlink_watch *watch;
	void (*unloaded)(void *arg);
	void *arg;
};

/*
 * Families are few, and the socket has room for some hundred messages: one that comes or
 * goes is not missed.
 */
static void take(void *arg, struct nlmsghdr *h)
{
	struct nlattr *attrs[CTRL_ATTR_MAX + 1];
	struct module_watch *w = arg;

	if (h->nlmsg_type == GENL_ID_CTRL && genlmsg_valid_hdr(h, 0) &&
	    genlmsg_hdr(h)->cmd == CTRL_CMD_DELFAMILY &&
	    !genlmsg_parse(h, 0, attrs, CTRL_ATTR_MAX, NULL) && attrs[CTRL_ATTR_FAMILY_NAME] &&
	    !nla_strcmp(attrs[CTRL_ATTR_FAMILY_NAME], IKEFP_FAMILY_NAME))
		w->unloaded(w->arg);
}

static int join(struct nl_sock *sock)
{
	int err = genl_connect(sock);
	int group;

	if (err)
		return err;
	group = genl_ctrl_resolve_grp(sock, "nlctrl", "notify");
	return group < 0 ? group : nl_socket_add_membership(sock, group);
}

struct module_watch *module_watch_open(struct loop *loop, void (*unloaded)(void *arg), void *arg)
{
	struct module_watch *w = calloc(1, sizeof(*w));
	struct nl_sock *sock = nl_socket_alloc();
	int err = w && sock ? join(sock) : -NLE_NOMEM;

	if (err) {
		log_msg(LOG_KNL, LVL_AUDIT, "cannot watch the kernel module: %s", nl_geterror(err));
		nl_socket_free(sock);
		free(w);
		return NULL;
	}
	w->unloaded = unloaded;
	w->arg = arg;
	w->watch = netlink_watch_open(loop, sock, take, NULL, w);
	if (w->watch)
		return w;
	log_msg(LOG_KNL, LVL_AUDIT, "cannot watch the kernel module: %s", strerror(errno));
	free(w);
	return NULL;
}

void module_watch_close(struct module_watch *w)
{
	if (!w)
		return;
	netlink_watch_close(w->watch);
	free(w);
}
