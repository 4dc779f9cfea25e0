/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that are wrong on purpose, and all that the kernel says to them. */
#ifndef IKEFP_TEST_RAWNL_H
#define IKEFP_TEST_RAWNL_H

#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rawnl {
	int sock;
	int family;
	uint32_t seq;
};

struct verdict {
	int err;		/* 0 or a negative errno; 1: no answer */
	char message[128];	/* the extack's, or "" */
	int attribute;		/* the type of the attribute that it points to, or 0 */
	int missing;		/* the type of the attribute that it misses, or 0 */
	size_t replies;		/* messages before the verdict */
	uint8_t *octets;	/* all that was received */
	size_t len;
};

struct rawnl rawnl_open(void);
void rawnl_close(struct rawnl *rawnl);

/* A request of a command, to which attributes are added with libnl. */
struct nl_msg *rawnl_request(struct rawnl *rawnl, int command, int flags);

/* Sends it, frees it, and reads to the end of the answer. */
struct verdict rawnl_do(struct rawnl *rawnl, struct nl_msg *request);
void verdict_free(struct verdict *verdict);

/* Whether @needle is among the octets received. */
bool verdict_has(const struct verdict *verdict, const void *needle, size_t len);

#endif
