/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Requests of the family, by chance. The commands, their attributes and what those may be
 * are the specification's (spec.py), so that what is added there is asked for, too. What
 * makes requests be granted is known here by the attributes' names: values that go
 * together. Some requests are spoiled then.
 */
#ifndef IKEFP_TEST_REQUESTS_H
#define IKEFP_TEST_REQUESTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fuzz.h"
#include "sk.h"

#define FUZZ_SAS 24
#define FUZZ_PEER_PORT 4711
#define FUZZ_INIT_LEN 64

/* What all threads in a network namespace know of an SA. */
struct fuzz_sa {
	_Atomic uint64_t spi; /* the module's; of a responder's learned from an upcall */
	uint64_t peer_spi;
	bool initiator; /* the module is */
	struct sk_keys keys;
	_Atomic uint32_t next; /* ID of the peer's next request */
};

/* An upcall that has not been answered. */
struct hint {
	bool raw;
	uint64_t spi;
	uint8_t exchange_type;
	uint32_t message_id;
};

struct requests {
	struct fuzz fuzz;
	uint16_t family;
	struct fuzz_sa *sas; /* FUZZ_SAS of them, at 127.0.0.1 and ::1 */
	struct hint hint;
	struct fuzz_sa *sa; /* whose turn it is */
	uint32_t worker; /* port ID of one that may be a worker */
	uint32_t stream; /* one that there may be; 0: none was ever */
	int near, far; /* a TCP connection's ends; 0: none */
};

/* What a request is. */
struct asked {
	size_t operation; /* its place */
	uint64_t attributes; /* places among the operation's, a bit each; none if spoiled */
};

/*
 * Makes a request, which asks for a verdict. @size, the octets of room, are at least 100
 * KiB. Returns its length.
 */
size_t requests_put(struct requests *requests, uint32_t seq, uint8_t *octets, size_t size,
		    struct asked *asked);

/* How many operations there are, and what they are called. */
size_t requests_operations(void);
const char *requests_name(size_t operation);

/* What an attribute of an operation is called: "" for padding, NULL after the last. */
const char *requests_attribute(size_t operation, size_t place);

#endif
