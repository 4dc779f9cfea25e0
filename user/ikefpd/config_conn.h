/* SPDX-License-Identifier: GPL-2.0 */
/* What config_conn.c and config_child.c share: the parts of a connection. */
#ifndef IKEFPD_CONFIG_CONN_H
#define IKEFPD_CONFIG_CONN_H

#include "config.h"
#include "errmsg.h"
#include "ikev2.h"
#include "tree.h"

/* Adds a proposal, as swanctl.conf writes it. Returns 0, or -1 with @err set. */
int config_proposal(const struct tree *node, const char *item, struct proposal_list *list,
		    enum ike_protocol protocol, struct errmsg *err);

/* Adds to @conn the child of this section. Returns 0, or -1 with @err set. */
int config_read_child(const struct tree *node, struct conn *conn, struct errmsg *err);

#endif /* IKEFPD_CONFIG_CONN_H */
