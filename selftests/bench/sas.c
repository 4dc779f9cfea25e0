// SPDX-License-Identifier: GPL-2.0
/*
 * usage: sas LOCAL REMOTE NAT FIFO
 *
 * Established IKE SAs without a daemon, behind a NAT if NAT is 1: a worker. FIFO is read for
 * commands, a line each, and each is answered with the same line:
 *
 *	make COUNT CHILDREN SECONDS	COUNT more within so long, each at a time of its own, and
 *					with CHILDREN (0 or 1) pairs of ESP SAs
 *	ask LIVENESS-MS SECONDS		their peers are asked for signs of life from now on;
 *					likewise
 *
 * Their SPIs are 1, 2, 3 ..., all have the peer and the keys of static_keys.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "endpoint.h"
#include "fail.h"
#include "ikefp_nl.h"
#include "ikev2.h"
#include "proposal.h"
#include "static_keys.h"
#include "xfrm.h"

/* The first SPIs of ESP SAs, less one. */
#define IN_SPIS		0x40000000
#define OUT_SPIS	0x80000000

static bool nat;
static uint64_t made;

/*
 * Tunnel mode, in UDP; their SPIs tell them apart. The kernel goes through all between the same
 * addresses that have the same reqid when there is one more of these: each pair has its own.
 */
static void add_esp(struct xfrm *xfrm, const struct endpoint *from, const struct endpoint *to,
		    bool inbound, uint32_t spi)
{
	const struct transform encr = {
		.type = TRANSFORM_ENCR, .id = ENCR_AES_GCM_16, .key_bits = 128,
	};
	const struct xfrm_state state = {
		.src = *from,
		.dst = *to,
		.spi = spi,
		.reqid = spi & ~(IN_SPIS | OUT_SPIS),
		.inbound = inbound,
		.encap = true,
		.replay_window = 32,
		.encr = &encr,
		.integ = AUTH_NONE,
		.encr_key = static_ei,
		.encr_len = sizeof(static_ei),
	};

	if (xfrm_state_add(xfrm, &state, NULL))
		fail("ESP SA %08x", spi);
}

/* Waits until the time of number @i of @count that are to be spread over so long. */
static void pace(const struct timespec *begin, unsigned int seconds, uint64_t i, uint64_t count)
{
	uint64_t ns = begin->tv_nsec + seconds * 1000000000ull * i / count;
	struct timespec when = { begin->tv_sec + ns / 1000000000, ns % 1000000000 };

	if (seconds)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static void make(struct ikefp_nl *nl, struct xfrm *xfrm, const struct endpoint *local,
		 const struct endpoint *remote, unsigned int count, bool child,
		 unsigned int seconds)
{
	const struct ikefp_sa_settings settings = { .behind_nat = nat };
	const struct ikefp_keys keys = static_keys_for_module();
	const uint64_t before = made;
	uint32_t spis[2];
	const struct ikefp_octets esp_spis = { spis, sizeof(spis) };
	struct ikefp_sa_change change = {
		.peer_spi = STATIC_PEER_SPI,
		.established = true,
		.keys = &keys,
		.settings = &settings,
		.esp_spis = child ? &esp_spis : NULL,
	};
	struct ikefp_endpoint way = {};
	struct timespec begin;

	endpoint_to_sockaddr(local, &way.local);
	endpoint_to_sockaddr(remote, &way.remote);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (made < before + count) {
		pace(&begin, seconds, made - before, count);
		change.spi = ++made;
		spis[0] = htonl(IN_SPIS + made);
		spis[1] = htonl(OUT_SPIS + made);
		if (child) {
			add_esp(xfrm, remote, local, true, ntohl(spis[0]));
			add_esp(xfrm, local, remote, false, ntohl(spis[1]));
		}
		if (ikefp_sa_new(nl, made, &way) || ikefp_sa_set(nl, &change))
			fail("SA %" PRIu64 ": %s", made, ikefp_nl_error(nl));
	}
}

static void ask(struct ikefp_nl *nl, unsigned int liveness_ms, unsigned int seconds)
{
	const struct ikefp_sa_settings settings = {
		.behind_nat = nat, .liveness_ms = liveness_ms,
	};
	struct ikefp_sa_change change = { .settings = &settings };
	struct timespec begin;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (change.spi = 1; change.spi <= made; change.spi++) {
		pace(&begin, seconds, change.spi, made);
		if (ikefp_sa_set(nl, &change))
			fail("SA %" PRIu64 ": %s", change.spi, ikefp_nl_error(nl));
	}
}

int main(int argc, char **argv)
{
	unsigned int number, child, seconds;
	struct endpoint local, remote;
	struct sockaddr_storage addr;
	struct ikefp_nl *nl;
	struct xfrm *xfrm;
	FILE *commands;
	char line[64];

	if (argc != 5)
		fail("usage: sas LOCAL REMOTE NAT FIFO");
	if (endpoint_parse(&local, argv[1], IKE_NATT_PORT) ||
	    endpoint_parse(&remote, argv[2], IKE_NATT_PORT))
		fail("%s or %s is no address", argv[1], argv[2]);
	endpoint_to_sockaddr(&local, &addr);
	nat = !strcmp(argv[3], "1");
	if (ikefp_nl_open(&nl) || ikefp_worker_attach(nl, true) ||
	    ikefp_listener_add(nl, IKEFP_LISTENER_KIND_NATT, &addr))
		fail("%s", nl ? ikefp_nl_error(nl) : "no memory");
	xfrm = xfrm_open();
	if (!xfrm)
		fail("XFRM: %s", strerror(errno));
	/* For writing, too: so it has no end. */
	commands = fopen(argv[4], "r+");
	if (!commands)
		fail("%s: %s", argv[4], strerror(errno));
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), commands)) {
		if (sscanf(line, "make %u %u %u", &number, &child, &seconds) == 3)
			make(nl, xfrm, &local, &remote, number, child, seconds);
		else if (sscanf(line, "ask %u %u", &number, &seconds) == 2)
			ask(nl, number, seconds);
		else
			fail("'%s' is no command", line);
		fputs(line, stdout);
		fflush(stdout);
	}
	return 0;
}
