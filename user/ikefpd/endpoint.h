/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IP address and a port of UDP, or of the TCP connection that an IKE SA goes by: one end of
 * it.
 */
#ifndef IKEFPD_ENDPOINT_H
#define IKEFPD_ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct endpoint {
	sa_family_t family;	/* AF_INET, AF_INET6; AF_UNSPEC: any (%any) */
	uint16_t port;		/* host order; 0: not set */
	uint8_t addr[16];	/* network order; IPv4 in the first four octets */
	/* Of our own end: the TCP connection, as the kernel names it (stream.h); 0: UDP. */
	uint32_t stream;
};

#define ENDPOINT_STRLEN	(INET6_ADDRSTRLEN + 10)

/* Octets of an address of this endpoint's family: 4, 16 or 0. */
size_t endpoint_addr_len(const struct endpoint *e);

/*
 * Reads a numeric address ("192.0.2.1", "2001:db8::1", "%any", "%any4",
 * "%any6") and sets the port. Returns 0, or -EINVAL for anything else
 * (a host name, say).
 */
int endpoint_parse(struct endpoint *e, const char *text, uint16_t port);

bool endpoint_same_addr(const struct endpoint *a, const struct endpoint *b);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
/* No address yet: AF_UNSPEC, or all zeros. */
bool endpoint_is_any(const struct endpoint *e);

/* "192.0.2.1" into buf; returns buf. */
const char *endpoint_addr_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN]);
/* "192.0.2.1[500]", as strongSwan writes it, into buf; returns buf. */
const char *endpoint_str(const struct endpoint *e, char buf[ENDPOINT_STRLEN]);

/* Conversions for socket calls. Returns the length used, 0 for AF_UNSPEC. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ss);
/* Returns 0, or -EAFNOSUPPORT. */
int endpoint_from_sockaddr(struct endpoint *e, const struct sockaddr *sa);

#endif
