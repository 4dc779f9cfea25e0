// SPDX-License-Identifier: GPL-2.0
/* CREATE_CHILD_SA requests: refused as a minimal implementation may. */
#include "create_child.h"

/*
 * RFC 7296 section 2.25: a rekeying of a Child SA that is not there is told so,
 * and a request while the IKE SA is being deleted is for later. To all others
 * NO_ADDITIONAL_SAS says that they need not try again (sections 1.3 and 4); a
 * peer that wants fresh keys sets up a new IKE SA then.
 */
void create_child_request(struct ike_sa *sa, const struct kernel_message *msg,
			  const struct payload_chain *chain)
{
	uint16_t answer = NO_ADDITIONAL_SAS;
	struct payload_writer w;
	struct notify rekey;

	payload_begin(&w, 0);
	if (sa->state == IKE_CONNECTING) {
		answer = INVALID_SYNTAX;
	} else if (sa->state == IKE_DELETING) {
		answer = TEMPORARY_FAILURE;
	} else if (!notify_find(&rekey, chain, REKEY_SA) &&
		   rekey.protocol == PROTO_ESP && rekey.spi_len == ESP_SPI_LEN &&
		   !child_sa_by_spi_out(sa, get32(rekey.spi))) {
		payload_add_notify(&w, PROTO_ESP, rekey.spi, rekey.spi_len,
				   CHILD_SA_NOT_FOUND, NULL, 0);
		ike_sa_respond(sa, msg, &w);
		return;
	}
	ike_log(sa, LOG_IKE, LVL_CTRL, "refusing CREATE_CHILD_SA with %s",
		ike_notify_name(answer));
	payload_add_notify(&w, PROTO_NONE, NULL, 0, answer, NULL, 0);
	ike_sa_respond(sa, msg, &w);
}
