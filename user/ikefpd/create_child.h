/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The CREATE_CHILD_SA exchange for Child SAs, new ones and such as take the place of
 * another one, of both roles: RFC 7296 sections 1.3, 2.8 and 2.25.
 */
#ifndef IKEFPD_CREATE_CHILD_H
#define IKEFPD_CREATE_CHILD_H

#include "ike_sa.h"

struct followup;

void create_child_request(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain);
/* May end the SA. */
void create_child_response(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain);

/*
 * Tasks of ike_sa.c: a new Child SA, and one in place of that with this inbound SPI.
 * Return 0, also where there is nothing to be asked for, or a negative error.
 */
int create_child_start(struct ike_sa *sa, const struct child_conf *conf);
int create_child_rekey(struct ike_sa *sa, uint32_t spi_in);
/* Whether the peer has yet to answer the request for this Child SA. */
bool create_child_asks_for(const struct child_sa *child);
/* Wipes and frees what there is of an exchange of ours. */
void create_child_end(struct ike_sa *sa);

/*
 * The peer's additional key exchanges are over: what it has asked for is installed. Returns 0
 * and *made, or the Notify to refuse with.
 */
uint16_t create_child_followed(struct ike_sa *sa, struct followup *f,
			       const struct kernel_message *msg, struct child_sa **made);
/*
 * Responder: a new one is refused with this Notify. Who watches is told, unless the peer is to
 * ask once more.
 */
void create_child_alert_kept(const struct ike_sa *sa, uint16_t refusal);
/*
 * The IKE_FOLLOWUP_KE request that the daemon before was about to answer when it died comes once
 * more. Of what it had made of it the peer knows nothing. Of any other request: does nothing.
 */
void create_child_undo(struct ike_sa *sa, const struct kernel_message *msg);

#endif
