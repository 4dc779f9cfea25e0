// SPDX-License-Identifier: GPL-2.0

#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "die.h"

int netns_new(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int netns, sock;

	if (unshare(CLONE_NEWNET))
		die("cannot make a network namespace: %s", strerror(errno));
	sock = socket(AF_INET, SOCK_DGRAM, 0);
	if (sock < 0 || ioctl(sock, SIOCSIFFLAGS, &request))
		die("cannot bring lo up: %s", strerror(errno));
	close(sock);
	netns = open("/proc/thread-self/ns/net", O_RDONLY);
	if (netns < 0)
		die("cannot open the network namespace: %s", strerror(errno));
	return netns;
}

void netns_enter(int netns)
{
	if (setns(netns, CLONE_NEWNET))
		die("cannot enter a network namespace: %s", strerror(errno));
}

void run(const char *format, ...)
{
	char command[512];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	if (status)
		die("'%s' failed with status %d", command, status);
}

static void configure(int netns, int host)
{
	netns_enter(netns);
	run("ip address add 10.0.0.%d/24 dev wire && "
	    "ip address add fd00::%d/64 dev wire nodad && ip link set wire up", host, host);
}

void netns_wire(int first, int second)
{
	netns_enter(first);
	run("ip link add wire type veth peer name wire netns /proc/%d/fd/%d", getpid(), second);
	configure(second, 2);
	configure(first, 1);
}
