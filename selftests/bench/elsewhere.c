// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "elsewhere.h"
#include "fail.h"

int open_elsewhere(const char *netns, int type)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int away = open(netns, O_RDONLY | O_CLOEXEC);
	int sock;

	if (home < 0 || away < 0 || setns(away, CLONE_NEWNET))
		fail("%s: %s", netns, strerror(errno));
	sock = socket(AF_INET, type, 0);
	if (sock < 0 || setns(home, CLONE_NEWNET))
		fail("a socket in %s: %s", netns, strerror(errno));
	close(home);
	close(away);
	return sock;
}
