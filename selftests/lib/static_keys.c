// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel patches its own code when the first UDP socket asks for encapsulation or
 * for time stamps, and when the last one is closed. With several processors QEMU's
 * emulation may run into a breakpoint of such a patch that is there no more, and the
 * kernel panics ("int3: 0000"). Sockets that last as long as the program keep that to
 * its beginning and its end, when no packets flow.
 */

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "die.h"

#ifndef UDP_ENCAP_ESPINUDP
#define UDP_ENCAP_ESPINUDP 2
#endif

static void __attribute__((constructor)) hold(void)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int encap = UDP_ENCAP_ESPINUDP, on = 1;
	int i;

	for (i = 0; i < 2; i++) {
		int sock = socket(families[i], SOCK_DGRAM, 0);

		if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
		    setsockopt(sock, IPPROTO_UDP, UDP_ENCAP, &encap, sizeof(encap)))
			die("cannot open a UDP socket for encapsulation");
	}
}
