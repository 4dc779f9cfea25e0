// SPDX-License-Identifier: GPL-2.0
/*
 * usage: sink PORT...
 *
 * UDP sockets where all is thrown away before it is queued, until the process is ended.
 */
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fail.h"

int main(int argc, char **argv)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { 1, &nothing };
	int i;

	for (i = 1; i < argc; i++) {
		struct sockaddr_in6 addr = {
			.sin6_family = AF_INET6,
			.sin6_port = htons(atoi(argv[i])),
		};
		int sock = socket(AF_INET6, SOCK_DGRAM, 0);

		if (sock < 0 ||
		    setsockopt(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
		    bind(sock, (struct sockaddr *)&addr, sizeof(addr)))
			fail("port %s: %s", argv[i], strerror(errno));
	}
	puts("ready");
	fflush(stdout);
	pause();
	return 0;
}
