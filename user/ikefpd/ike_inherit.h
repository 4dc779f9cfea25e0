/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE SA in place of another one, and what goes from the one to the other: RFC 7296
 * section 2.8, "inherits all of the original IKE SA's Child SAs".
 *
 * A Child SA is in the stash of both while it goes over (resume.h): the one that it came to
 * last has it (child_sa's moves).
 */
#ifndef IKEFPD_IKE_INHERIT_H
#define IKEFPD_IKE_INHERIT_H

#include <stdbool.h>
#include <stdint.h>

#include "ike_sa.h"

/* What has been agreed on. */
struct ike_rekeyed {
	bool initiator;			/* we have begun the rekeying */
	uint64_t spi_i, spi_r;
	const struct proposal *proposal;
	const struct ike_keys *keys;
};

/*
 * An IKE SA between the same peers, established, without Child SAs, which the kernel has,
 * too. NULL if that failed.
 */
struct ike_sa *ike_inherit_new(struct ike_sa *old, const struct ike_rekeyed *rekeyed);

/*
 * to takes the place of from: it gets the Child SAs, what is queued, and who waits for them.
 * from stays, for its DELETE.
 */
void ike_inherit(struct ike_sa *from, struct ike_sa *to);
/* The other way round: to, whose place from had taken, has it again. */
void ike_inherit_back(struct ike_sa *from, struct ike_sa *to);

#endif
