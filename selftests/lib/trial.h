/* SPDX-License-Identifier: GPL-2.0 */
/* Requests, each with what the kernel must say to it. After kselftest_harness.h. */
#ifndef IKEFP_TEST_TRIAL_H
#define IKEFP_TEST_TRIAL_H

#include <arpa/inet.h>
#include <endian.h>
#include <netlink/attr.h>

#include "ikefp_nl.h"
#include "rawnl.h"

/* An attribute: its type (with flags), and its octets as a number in host order. */
struct attribute {
	int type;
	int len;
	uint64_t value;
	const struct attribute *nested;
};

#define U8(type, value) { type, 1, value }
#define U16(type, value) { type, 2, value }
#define U32(type, value) { type, 4, value }
#define U64(type, value) { type, 8, value }
#define BE16(type, value) { type, 2, htons(value) }
#define BE64(type, value) { type, 8, htobe64(value) }
#define FLAG(type) { type, 0, 0 }
#define OCTETS(type, len) { type, len, 0 }
#define NEST(type, attributes) { (type) | NLA_F_NESTED, 0, 0, attributes }

#define LISTENER(name) IKEFP_A_LISTENER_##name
#define SA(name) IKEFP_A_SA_##name
#define KEYS(name) IKEFP_A_KEYS_##name
#define MESSAGE(name) IKEFP_A_MESSAGE_##name
#define POLICY(name) IKEFP_A_POLICY_##name
#define STREAM(name) IKEFP_A_STREAM_##name

#define MAX_ATTRIBUTES 12

/* A request, and what the kernel must say to it. */
struct trial {
	int command;
	struct attribute attributes[MAX_ATTRIBUTES];
	int err;
	const char *message;
	int attribute;	/* at fault */
	int missing;
};

#define LOOPBACK htonl(INADDR_LOOPBACK)
#define PEER_ADDR htonl(INADDR_LOOPBACK + 1)

/* What the kernel's own validation says. */
#define FLAG_LENGTH "Attribute failed policy validation"
#define NOT_EXACT "binary attribute size out of range"
#define WRONG_LENGTH "invalid attribute length"
#define OUT_OF_RANGE "integer out of range"
#define UNKNOWN "Unknown attribute type"
#define UNSUPPORTED "Unsupported attribute"

/* What the kernel says to a trial. */
struct verdict trial_run(struct rawnl *rawnl, const struct trial *trial);

/* Whether that is what it must say. */
bool trial_matches(const struct trial *trial, const struct verdict *verdict);

#ifdef __KSELFTEST_HARNESS_H
#define EXPECT_TRIALS(trials) expect_trials(_metadata, &self->rawnl, trials, ARRAY_SIZE(trials))

static inline void expect_trials(struct __test_metadata *_metadata, struct rawnl *rawnl,
				 const struct trial *trials, size_t number)
{
	size_t i;

	for (i = 0; i < number; i++) {
		const struct trial *trial = &trials[i];
		struct verdict verdict = trial_run(rawnl, trial);

		if (!trial_matches(trial, &verdict)) {
			TH_LOG("trial %zu, command %d: want %d \"%s\" attribute %d missing %d", i,
			       trial->command, trial->err, trial->message ?: "",
			       trial->attribute, trial->missing);
			TH_LOG("                 got  %d \"%s\" attribute %d missing %d",
			       verdict.err, verdict.message, verdict.attribute, verdict.missing);
			_metadata->exit_code = KSFT_FAIL;
		}
		verdict_free(&verdict);
	}
}
#endif

#endif
