// SPDX-License-Identifier: GPL-2.0

#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ipv6_route.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "die.h"
#include "udp.h"

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

static bool is_local(const char *hex)
{
	FILE *routes = fopen("/proc/thread-self/net/ipv6_route", "r");
	char line[256], destination[33];
	unsigned int len, flags;
	bool found = false;

	if (!routes)
		die("cannot read the IPv6 routes: %s", strerror(errno));
	while (!found && fgets(line, sizeof(line), routes)) {
		if (sscanf(line, "%32s %x %*s %*s %*s %*s %*s %*s %x", destination, &len,
			   &flags) == 3)
			found = len == 128 && flags & RTF_LOCAL && !strcmp(destination, hex);
	}
	fclose(routes);
	return found;
}

void netns_await_local(const char *address)
{
	int64_t until = clock_us() + PATIENCE_MS * 1000;
	struct in6_addr addr;
	char hex[33];
	int i;

	if (inet_pton(AF_INET6, address, &addr) != 1)
		die("'%s' is no IPv6 address", address);
	for (i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", addr.s6_addr[i]);
	while (!is_local(hex)) {
		if (clock_us() > until)
			die("%s does not become local", address);
		clock_sleep_until(clock_us() + 1000);
	}
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
	/* Not before both are up. */
	netns_enter(second);
	netns_await_local("fd00::2");
	netns_enter(first);
	netns_await_local("fd00::1");
}
