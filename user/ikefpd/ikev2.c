// SPDX-License-Identifier: GPL-2.0
/* Names of IKEv2's numbers, for the log. */
#include <stddef.h>

#include "ikev2.h"

struct name {
	unsigned int number;
	const char *name;
};

#define N(x) { x, #x }

static const struct name exchanges[] = {
	N(IKE_SA_INIT), N(IKE_AUTH), N(CREATE_CHILD_SA), N(INFORMATIONAL),
	N(IKE_INTERMEDIATE), N(IKE_FOLLOWUP_KE),
	{ 0, NULL }
};

static const struct name payloads[] = {
	{ PAYLOAD_SA, "SA" }, { PAYLOAD_KE, "KE" }, { PAYLOAD_IDI, "IDi" },
	{ PAYLOAD_IDR, "IDr" }, { PAYLOAD_CERT, "CERT" },
	{ PAYLOAD_CERTREQ, "CERTREQ" }, { PAYLOAD_AUTH, "AUTH" },
	{ PAYLOAD_NONCE, "No" }, { PAYLOAD_NOTIFY, "N" },
	{ PAYLOAD_DELETE, "D" }, { PAYLOAD_VENDOR_ID, "V" },
	{ PAYLOAD_TSI, "TSi" }, { PAYLOAD_TSR, "TSr" }, { PAYLOAD_SK, "SK" },
	{ PAYLOAD_CP, "CP" }, { PAYLOAD_EAP, "EAP" }, { PAYLOAD_SKF, "SKF" },
	{ 0, NULL }
};

static const struct name notifies[] = {
	N(UNSUPPORTED_CRITICAL_PAYLOAD), N(INVALID_IKE_SPI),
	N(INVALID_MAJOR_VERSION), N(INVALID_SYNTAX), N(INVALID_MESSAGE_ID),
	N(INVALID_SPI), N(NO_PROPOSAL_CHOSEN), N(INVALID_KE_PAYLOAD),
	N(AUTHENTICATION_FAILED), N(SINGLE_PAIR_REQUIRED), N(NO_ADDITIONAL_SAS),
	N(INTERNAL_ADDRESS_FAILURE), N(FAILED_CP_REQUIRED), N(TS_UNACCEPTABLE),
	N(INVALID_SELECTORS), N(TEMPORARY_FAILURE), N(CHILD_SA_NOT_FOUND),
	N(STATE_NOT_FOUND),
	N(INITIAL_CONTACT), N(SET_WINDOW_SIZE), N(ADDITIONAL_TS_POSSIBLE),
	N(IPCOMP_SUPPORTED), N(NAT_DETECTION_SOURCE_IP),
	N(NAT_DETECTION_DESTINATION_IP), N(COOKIE), N(USE_TRANSPORT_MODE),
	N(HTTP_CERT_LOOKUP_SUPPORTED), N(REKEY_SA),
	N(ESP_TFC_PADDING_NOT_SUPPORTED), N(NON_FIRST_FRAGMENTS_ALSO),
	N(MOBIKE_SUPPORTED), N(CHILDLESS_IKEV2_SUPPORTED), N(IKEV2_FRAGMENTATION_SUPPORTED),
	N(SIGNATURE_HASH_ALGORITHMS), N(USE_PPK), N(PPK_IDENTITY), N(NO_PPK_AUTH),
	N(INTERMEDIATE_EXCHANGE_SUPPORTED), N(ADDITIONAL_KEY_EXCHANGE),
	{ 0, NULL }
};

static const char *find(const struct name *n, unsigned int number)
{
	for (; n->name; n++)
		if (n->number == number)
			return n->name;
	return "?";
}

const char *ike_exchange_name(unsigned int exchange)
{
	return find(exchanges, exchange);
}

const char *ike_payload_name(unsigned int type)
{
	return find(payloads, type);
}

const char *ike_notify_name(unsigned int type)
{
	return find(notifies, type);
}
