// SPDX-License-Identifier: GPL-2.0
/* Reading from a netlink socket into which more comes while it is read. */
#include <stdlib.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "ikefp_nl_private.h"
#include "ktap.h"

#define MANY 1000

static int sender = -1;
static uint32_t receiver;
static unsigned int sent, taken;

static void send_one(void)
{
	struct nlmsghdr message = { .nlmsg_len = sizeof(message), .nlmsg_type = NLMSG_MIN_TYPE };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = receiver };

	sent++;
	EXPECT_EQ(sendto(sender, &message, sizeof(message), 0, (struct sockaddr *)&to,
			 sizeof(to)), sizeof(message));
}

/* Each that is taken brings another. */
static void take(struct ikefp_nl *nl, struct nlmsghdr *header)
{
	(void)nl;
	(void)header;
	taken++;
	if (sent < MANY)
		send_one();
}

static struct nl_sock *receiving(void)
{
	struct nl_sock *sock = nl_socket_alloc();

	EXPECT(!nl_connect(sock, NETLINK_USERSOCK));
	receiver = nl_socket_get_local_port(sock);
	sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_USERSOCK);
	sent = 0;
	taken = 0;
	return sock;
}

static void test_drain(void)
{
	struct nl_sock *sock = receiving();
	struct ikefp_nl *nl = calloc(1, sizeof(*nl));

	REQUIRE(nl && !ikefp_nl_need_buffer(nl));
	EXPECT_EQ(ikefp_nl_drain(nl, sock, take), 0);
	EXPECT_EQ(taken, 0);
	send_one();
	EXPECT_EQ(ikefp_nl_drain(nl, sock, take), 1);
	EXPECT_EQ(taken, IKEFP_NL_READ_MAX);
	while (ikefp_nl_drain(nl, sock, take) == 1)
		;
	EXPECT_EQ(taken, MANY);
	free(nl->buffer);
	free(nl);
	nl_socket_free(sock);
	close(sender);
}

static void put_message(int fd, uint16_t type)
{
	struct nlmsghdr message = { .nlmsg_len = sizeof(message), .nlmsg_type = type };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = receiver };

	EXPECT_EQ(sendto(fd, &message, sizeof(message), 0, (struct sockaddr *)&to, sizeof(to)),
		  sizeof(message));
}

/* An upcall comes right after the answer that makes a socket a worker. */
static void test_first(void)
{
	struct nl_sock *sock = receiving();
	struct sockaddr_nl own = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(own);
	struct ikefp_nl nl = { 0 };
	struct nlmsghdr rest;
	struct nl_msg *nlmsg;

	EXPECT(!bind(sender, (struct sockaddr *)&own, sizeof(own)));
	EXPECT(!getsockname(sender, (struct sockaddr *)&own, &len));
	nl_socket_disable_seq_check(sock);
	nl_socket_disable_auto_ack(sock);
	nl_socket_set_peer_port(sock, own.nl_pid);
	nlmsg = nlmsg_alloc_simple(NLMSG_MIN_TYPE, 0);
	put_message(sender, NLMSG_MIN_TYPE);
	put_message(sender, NLMSG_MIN_TYPE + 1);
	EXPECT_EQ(ikefp_nl_transact_first(&nl, sock, nlmsg, true), 0);
	EXPECT_STR(nl.error, "");
	EXPECT_EQ(recv(nl_socket_get_fd(sock), &rest, sizeof(rest), MSG_DONTWAIT), sizeof(rest));
	EXPECT_EQ(rest.nlmsg_type, NLMSG_MIN_TYPE + 1);
	nl_socket_free(sock);
	close(sender);
}

static const struct ktap_test tests[] = {
	{ "the first message ends it", test_first },
	{ "some at a time", test_drain },
};

KTAP_MAIN(tests)
