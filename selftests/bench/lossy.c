// SPDX-License-Identifier: GPL-2.0
/*
 * usage: lossy DEV DELAY-MS LOSS-PERCENT SEED
 *
 * What leaves by DEV arrives so much later, or never. Which packets are lost depends on
 * the seed alone: the hundredth that leaves is, or is not, whoever sends it. It is what
 * "tc qdisc add root netem" sets up; that of Debian 12 takes no seed yet.
 */
#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "fail.h"

#define NETEM_PRNG_SEED	14	/* TCA_NETEM_PRNG_SEED, of 6.6 and later */
#define LIMIT		1000	/* packets on their way: netem's default */

static unsigned long take_number(const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || value > max)
		fail("'%s' is no number up to %lu", text, max);
	return value;
}

int main(int argc, char **argv)
{
	struct tc_netem_qopt options = { .limit = LIMIT };
	struct tcmsg tcm = { .tcm_parent = TC_H_ROOT };
	unsigned long delay_ms, percent, seed;
	struct nl_sock *sock;
	struct nl_msg *msg;
	struct nlattr *nest;
	int err;

	if (argc != 5)
		fail("usage: lossy DEV DELAY-MS LOSS-PERCENT SEED");
	tcm.tcm_ifindex = if_nametoindex(argv[1]);
	if (!tcm.tcm_ifindex)
		fail("there is no device '%s'", argv[1]);
	delay_ms = take_number(argv[2], 10000);
	percent = take_number(argv[3], 99);
	seed = take_number(argv[4], UINT32_MAX);
	options.loss = (uint32_t)((uint64_t)UINT32_MAX * percent / 100);

	sock = nl_socket_alloc();
	msg = nlmsg_alloc_simple(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE);
	if (!sock || !msg || nl_connect(sock, NETLINK_ROUTE) ||
	    nlmsg_append(msg, &tcm, sizeof(tcm), NLMSG_ALIGNTO) ||
	    nla_put_string(msg, TCA_KIND, "netem"))
		fail("no message to the kernel");
	/* The options are a nest that begins with a structure. */
	nest = nla_nest_start(msg, TCA_OPTIONS);
	if (!nest || nlmsg_append(msg, &options, sizeof(options), NLMSG_ALIGNTO) ||
	    nla_put_u64(msg, TCA_NETEM_LATENCY64, (uint64_t)delay_ms * 1000 * 1000) ||
	    nla_put_u64(msg, NETEM_PRNG_SEED, seed))
		fail("no room in the message");
	nla_nest_end(msg, nest);
	err = nl_send_sync(sock, msg);	/* which frees the message */
	if (err < 0)
		fail("%s: %s", argv[1], nl_geterror(err));
	nl_socket_free(sock);
	return 0;
}
