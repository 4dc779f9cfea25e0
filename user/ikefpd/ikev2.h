/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers of IKEv2: RFC 7296 and the IANA registry "Internet Key Exchange
 * Version 2 (IKEv2) Parameters". Only what this daemon speaks, or must
 * recognise in order to refuse it.
 */
#ifndef IKEFPD_IKEV2_H
#define IKEFPD_IKEV2_H

#define IKE_PORT		500
#define IKE_NATT_PORT		4500
#define IKE_HEADER_LEN		28
#define IKE_SPI_LEN		8
#define ESP_SPI_LEN		4
#define IKE_VERSION		0x20
#define IKE_NONCE_MIN		16	/* RFC 7296 section 3.9 */
#define IKE_NONCE_MAX		256

/* RFC 7296 section 3.1: flags of the header. */
#define IKE_FLAG_INITIATOR	0x08
#define IKE_FLAG_VERSION	0x10
#define IKE_FLAG_RESPONSE	0x20

enum ike_exchange {
	IKE_SA_INIT = 34,
	IKE_AUTH = 35,
	CREATE_CHILD_SA = 36,
	INFORMATIONAL = 37,
	IKE_INTERMEDIATE = 43,		/* RFC 9242 */
	IKE_FOLLOWUP_KE = 44,		/* RFC 9370 */
};

/* RFC 7296 section 3.2. */
enum ike_payload_type {
	PAYLOAD_NONE = 0,
	PAYLOAD_SA = 33,
	PAYLOAD_KE = 34,
	PAYLOAD_IDI = 35,
	PAYLOAD_IDR = 36,
	PAYLOAD_CERT = 37,
	PAYLOAD_CERTREQ = 38,
	PAYLOAD_AUTH = 39,
	PAYLOAD_NONCE = 40,
	PAYLOAD_NOTIFY = 41,
	PAYLOAD_DELETE = 42,
	PAYLOAD_VENDOR_ID = 43,
	PAYLOAD_TSI = 44,
	PAYLOAD_TSR = 45,
	PAYLOAD_SK = 46,
	PAYLOAD_CP = 47,
	PAYLOAD_EAP = 48,
	PAYLOAD_SKF = 53,
};

enum ike_protocol {
	PROTO_NONE = 0,
	PROTO_IKE = 1,
	PROTO_AH = 2,
	PROTO_ESP = 3,
};

/* RFC 7296 section 3.3.2. */
enum ike_transform_type {
	TRANSFORM_ENCR = 1,
	TRANSFORM_PRF = 2,
	TRANSFORM_INTEG = 3,
	TRANSFORM_DH = 4,
	TRANSFORM_ESN = 5,
	/* RFC 9370 section 2.2.1: additional key exchanges, with the IDs of TRANSFORM_DH. */
	TRANSFORM_ADDKE1 = 6,
	TRANSFORM_ADDKE7 = 12,
};

#define TRANSFORM_MAX	TRANSFORM_ADDKE7
#define ADDKE_MAX	(TRANSFORM_ADDKE7 - TRANSFORM_ADDKE1 + 1)

#define TRANSFORM_ATTR_KEY_LENGTH	14

enum ike_encr {
	ENCR_AES_CBC = 12,
	ENCR_AES_GCM_16 = 20,
	ENCR_CHACHA20_POLY1305 = 28,
};

enum ike_prf {
	PRF_HMAC_SHA2_256 = 5,
	PRF_HMAC_SHA2_384 = 6,
	PRF_HMAC_SHA2_512 = 7,
};

enum ike_integ {
	AUTH_NONE = 0,
	AUTH_HMAC_SHA1_96 = 2,		/* of ESP alone */
	AUTH_HMAC_SHA2_256_128 = 12,
	AUTH_HMAC_SHA2_384_192 = 13,
	AUTH_HMAC_SHA2_512_256 = 14,
};

enum ike_dh_group {
	DH_NONE = 0,
	DH_MODP_2048 = 14,
	DH_MODP_3072 = 15,
	DH_MODP_4096 = 16,
	DH_ECP_256 = 19,
	DH_ECP_384 = 20,
	DH_ECP_521 = 21,
	DH_CURVE25519 = 31,
	DH_ML_KEM_512 = 35,
	DH_ML_KEM_768 = 36,
	DH_ML_KEM_1024 = 37,
};

enum ike_esn {
	ESN_NO = 0,
	ESN_YES = 1,
};

/* RFC 7296 section 3.5. */
enum ike_id_type {
	ID_ANY = 0,		/* ours, never on the wire: matches every identity */
	ID_IPV4_ADDR = 1,
	ID_FQDN = 2,
	ID_RFC822_ADDR = 3,
	ID_IPV6_ADDR = 5,
	/* Ours, never on the wire (IKEv1 had them): first and last address of those that match. */
	ID_IPV4_ADDR_RANGE = 7,
	ID_IPV6_ADDR_RANGE = 8,
	ID_DER_ASN1_DN = 9,
	ID_DER_ASN1_GN = 10,
	ID_KEY_ID = 11,
};

enum ike_auth_method {
	AUTH_METHOD_RSA = 1,
	AUTH_METHOD_PSK = 2,
	AUTH_METHOD_ECDSA_256 = 9,
	AUTH_METHOD_ECDSA_384 = 10,
	AUTH_METHOD_ECDSA_521 = 11,
	AUTH_METHOD_DIGITAL_SIGNATURE = 14,
};

/* RFC 7296 section 3.6. */
enum ike_cert_encoding {
	CERT_X509_SIGNATURE = 4,
};

/* RFC 7296 section 3.13.1. */
enum ike_ts_type {
	TS_IPV4_ADDR_RANGE = 7,
	TS_IPV6_ADDR_RANGE = 8,
};

/* RFC 7296 section 3.10.1; up to NOTIFY_ERROR_MAX these are errors. */
enum ike_notify {
	UNSUPPORTED_CRITICAL_PAYLOAD = 1,
	INVALID_IKE_SPI = 4,
	INVALID_MAJOR_VERSION = 5,
	INVALID_SYNTAX = 7,
	INVALID_MESSAGE_ID = 9,
	INVALID_SPI = 11,
	NO_PROPOSAL_CHOSEN = 14,
	INVALID_KE_PAYLOAD = 17,
	AUTHENTICATION_FAILED = 24,
	SINGLE_PAIR_REQUIRED = 34,
	NO_ADDITIONAL_SAS = 35,
	INTERNAL_ADDRESS_FAILURE = 36,
	FAILED_CP_REQUIRED = 37,
	TS_UNACCEPTABLE = 38,
	INVALID_SELECTORS = 39,
	TEMPORARY_FAILURE = 43,
	CHILD_SA_NOT_FOUND = 44,
	STATE_NOT_FOUND = 47,
	NOTIFY_ERROR_MAX = 16383,
	INITIAL_CONTACT = 16384,
	SET_WINDOW_SIZE = 16385,
	ADDITIONAL_TS_POSSIBLE = 16386,
	IPCOMP_SUPPORTED = 16387,
	NAT_DETECTION_SOURCE_IP = 16388,
	NAT_DETECTION_DESTINATION_IP = 16389,
	COOKIE = 16390,
	USE_TRANSPORT_MODE = 16391,
	HTTP_CERT_LOOKUP_SUPPORTED = 16392,
	REKEY_SA = 16393,
	ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
	NON_FIRST_FRAGMENTS_ALSO = 16395,
	MOBIKE_SUPPORTED = 16396,
	CHILDLESS_IKEV2_SUPPORTED = 16418,
	IKEV2_FRAGMENTATION_SUPPORTED = 16430,
	SIGNATURE_HASH_ALGORITHMS = 16431,
	USE_PPK = 16435,
	PPK_IDENTITY = 16436,
	NO_PPK_AUTH = 16437,
	INTERMEDIATE_EXCHANGE_SUPPORTED = 16438,
	ADDITIONAL_KEY_EXCHANGE = 16441,
};

/* The RFC's name of a number, or "?" where this table has none. */
const char *ike_exchange_name(unsigned int exchange);
const char *ike_payload_name(unsigned int type);
const char *ike_notify_name(unsigned int type);

#endif
