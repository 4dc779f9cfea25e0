/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The IKE_INTERMEDIATE exchange, of both roles: RFC 9242, for the additional key exchanges of
 * RFC 9370, each of which has an exchange of its own between IKE_SA_INIT and IKE_AUTH.
 */
#ifndef IKEFPD_IKE_INTERMEDIATE_H
#define IKEFPD_IKE_INTERMEDIATE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "prf.h"

struct ike_sa;
struct kernel_message;
struct payload_chain;
struct payload_writer;
struct proposal;

/* Of a handshake. */
struct ike_intermediate {
	bool supported;		/* both ends have said so in IKE_SA_INIT */
	unsigned int exchanges;	/* that are over */
	unsigned int agreed;	/* additional key exchanges that are over */
	uint8_t auth_i[PRF_MAX], auth_r[PRF_MAX];	/* IntAuth of the last of them */
	struct buf request;	/* payloads of the initiator's that is outstanding */
	uint8_t request_first;
};

void ike_intermediate_clear(struct ike_intermediate *x);

/* Says in IKE_SA_INIT that it is supported; and whether the peer does. */
void ike_intermediate_put(struct payload_writer *w);
bool ike_intermediate_is_supported(const struct payload_chain *chain);

/* Initiator: the exchanges that the chosen proposal asks for, and then IKE_AUTH. May end the SA. */
void ike_intermediate_start(struct ike_sa *sa);

/* May end the SA. */
void ike_intermediate_response(struct ike_sa *sa, const struct kernel_message *msg,
			       const struct payload_chain *chain);
void ike_intermediate_request(struct ike_sa *sa, const struct kernel_message *msg,
			      const struct payload_chain *chain);

/* Are all key exchanges done that the chosen proposal asks for? */
bool ike_intermediate_is_over(const struct ike_sa *sa);

/* Appends what AUTH is over besides, RFC 9242 section 3.3.2. 0 or -ENOMEM. */
int ike_intermediate_octets(const struct ike_sa *sa, struct buf *octets);

#endif
