/* SPDX-License-Identifier: GPL-2.0 */
/* The INFORMATIONAL exchange and deletion: RFC 7296 sections 1.4 and 1.4.1. */
#ifndef IKEFPD_INFORMATIONAL_H
#define IKEFPD_INFORMATIONAL_H

#include "ike_sa.h"

/* Sends a DELETE; 0 or a negative error. An SPI that is gone: 0, nothing sent. */
int informational_delete_ike(struct ike_sa *sa);
int informational_delete_child(struct ike_sa *sa, enum ike_task_type type, uint32_t spi_in);

/* An empty request, to which the answer is a sign of life. 0 or a negative error. */
int informational_ask(struct ike_sa *sa);

/* Both may end the SA. */
void informational_request(struct ike_sa *sa, const struct kernel_message *msg,
			   const struct payload_chain *chain);
void informational_response(struct ike_sa *sa, const struct payload_chain *chain);

#endif
