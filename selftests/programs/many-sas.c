// SPDX-License-Identifier: GPL-2.0
/*
 * usage: many-sas NUMBER
 *
 * Makes so many IKE SAs in this network namespace, to 10.0.0.0 and the addresses after
 * it, says "ready", and is their worker until it is ended.
 */

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "die.h"
#include "ikefp_nl.h"

static struct sockaddr_storage address(uint32_t host)
{
	struct sockaddr_storage ss = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&ss;

	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(host);
	in->sin_port = htons(500);
	return ss;
}

int main(int argc, char **argv)
{
	struct sockaddr_storage any = address(INADDR_ANY);
	unsigned int number = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	struct ikefp_nl *nl;
	unsigned int i;

	if (!number)
		die("usage: many-sas NUMBER");
	if (ikefp_nl_open(&nl) || ikefp_worker_attach(nl, false) ||
	    ikefp_listener_add(nl, IKEFP_LISTENER_KIND_IKE, &any))
		die("%s", nl ? ikefp_nl_error(nl) : "out of memory");
	for (i = 0; i < number; i++) {
		struct ikefp_endpoint endpoint = {
			.local = address(INADDR_LOOPBACK),
			.remote = address(0x0a000000 + i),
		};

		if (ikefp_sa_new(nl, i + 1, &endpoint))
			die("SA %u: %s", i, ikefp_nl_error(nl));
	}
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
