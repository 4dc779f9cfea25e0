/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the family's library share, and nobody else. */
#ifndef IKEFP_NL_PRIVATE_H
#define IKEFP_NL_PRIVATE_H

#include <endian.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "ikefp_nl.h"

/* More than a message's headers and all its attributes but the payload take. */
#define IKEFP_NL_FIXED_MAX 1024
#define IKEFP_NL_MESSAGE_MAX NLMSG_ALIGN(IKEFP_MAX_MESSAGE + IKEFP_NL_FIXED_MAX)

struct ikefp_nl {
	struct nl_sock *command;
	struct nl_sock *worker;
	struct nl_sock *monitor;
	int family;
	char error[256];
	uint8_t *buffer;	/* IKEFP_NL_AT_ONCE of IKEFP_NL_MESSAGE_MAX, see ikefp_nl_need_buffer() */
	uint64_t adopting[IKEFP_ADOPT_MAX];

	/* While upcalls or events are read. */
	const struct ikefp_upcalls *upcalls;
	void (*event)(const struct ikefp_event *event, void *arg);
	void *event_arg;
};

/* Leaves a sentence for ikefp_nl_error(). Returns @err. */
int ikefp_nl_fail(struct ikefp_nl *nl, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Leaves the kernel's sentence of a refusal, or what its number means. Returns the number. */
int ikefp_nl_take_error(struct ikefp_nl *nl, struct nlmsgerr *error);

/* A connected socket; NULL, and the negative errno in @err. */
struct nl_sock *ikefp_nl_socket(struct ikefp_nl *nl, int *err);

/* The next two return 0 or a negative errno, the reason left. */
int ikefp_nl_set_nonblocking(struct ikefp_nl *nl, struct nl_sock *sock);

/* Has memory ready for what is received without libnl. */
int ikefp_nl_need_buffer(struct ikefp_nl *nl);

/* Datagrams that one call takes from the kernel, and that are read before others have a turn. */
#define IKEFP_NL_AT_ONCE 8
#define IKEFP_NL_READ_MAX 64

/*
 * What waits on a non-blocking socket goes to a callback. libnl would leave copies
 * of keys behind. Returns as ikefp_worker_read().
 */
int ikefp_nl_drain(struct ikefp_nl *nl, struct nl_sock *sock,
		   void (*each)(struct ikefp_nl *nl, struct nlmsghdr *header));

/*
 * A request of a command, to add attributes to; NULL without memory. @payload_len: octets
 * of the one attribute that may be large.
 */
struct nl_msg *ikefp_nl_request(struct ikefp_nl *nl, int command, int flags);
struct nl_msg *ikefp_nl_request_for(struct ikefp_nl *nl, int command, int flags,
				    size_t payload_len);

/* What is done with each message of an answer: its attributes, by their number. */
typedef void (*ikefp_nl_reply_fn)(struct nlattr **attrs, void *arg);

/*
 * Sends a request and reads its answer to the end. Takes the message, which may be
 * NULL or incomplete (@whole) for want of memory. Returns 0 or a negative errno, the
 * reason left.
 */
int ikefp_nl_transact(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg, bool whole,
		      int max_attr, ikefp_nl_reply_fn reply, void *arg);

/*
 * The same for a command that is answered by one message, after which others come to this
 * socket: they are left there.
 */
int ikefp_nl_transact_first(struct ikefp_nl *nl, struct nl_sock *sock, struct nl_msg *msg,
			    bool whole);

/*
 * Endpoints: seven attributes, in the same order in every set that has them; @first is
 * local-ipv4. Putting fails for want of room, or where there is no address.
 */
bool ikefp_nl_put_endpoint(struct nl_msg *msg, int first, const struct ikefp_endpoint *endpoint);
void ikefp_nl_get_endpoint(struct nlattr **attrs, int first, struct ikefp_endpoint *endpoint);

/* The attributes of the set sa. */
void ikefp_nl_get_sa_info(struct nlattr **attrs, struct ikefp_sa_info *info);

/* Values: 0 where there is no attribute. SPIs are big-endian on netlink as on the wire. */

static inline bool put_spi(struct nl_msg *msg, int attribute, uint64_t spi)
{
	return !nla_put_u64(msg, attribute, htobe64(spi));
}

static inline uint64_t get_spi(struct nlattr *attr)
{
	return attr ? be64toh(nla_get_u64(attr)) : 0;
}

static inline uint32_t get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static inline uint64_t get_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static inline uint8_t get_u8(struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

#endif
