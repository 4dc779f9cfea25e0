/* SPDX-License-Identifier: GPL-2.0 */
/* CREATE_CHILD_SA requests, which are all refused: RFC 7296 section 4. */
#ifndef IKEFPD_CREATE_CHILD_H
#define IKEFPD_CREATE_CHILD_H

#include "ike_sa.h"

void create_child_request(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain);

#endif
