/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONFIG_H
#define IKEFPD_CONFIG_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authority.h"
#include "buf.h"
#include "conf_source.h"
#include "config_retransmit.h"
#include "credentials.h"
#include "endpoint.h"
#include "errmsg.h"
#include "id.h"
#include "lifetime.h"
#include "proposal.h"
#include "table.h"
#include "ts.h"
#include "xfrm.h"

/*
 * The loaded configuration as the protocol code reads it: connections and the
 * daemon's own settings. It is filled from swanctl.conf or over VICI
 * (config_load.h); every value here has been checked. Secrets are not in it
 * (secrets.h).
 *
 * A connection never changes once loaded: a reload replaces it, and whoever
 * holds a reference goes on with what it has. But certificates that are on tokens come to it
 * when those are read (token_certs.h).
 */

#define CONF_UNSET	(-1)	/* of what has no default but what somebody else does then */

/* An address, a subnet or a range (local_addrs, remote_addrs). */
struct addr_range {
	sa_family_t family;	/* AF_INET, AF_INET6; AF_UNSPEC is %any */
	uint8_t first[16];	/* network order; 4 or 16 octets are used */
	uint8_t last[16];
	char *host;		/* a name (host_names.h); until it is known it fits nothing */
};

enum auth_class {
	AUTH_PUBKEY,		/* the default */
	AUTH_PSK
};

/* What is asked for of a peer's certificates where nothing says if they are revoked. */
enum revocation {
	REVOCATION_RELAXED,	/* nothing; the default */
	REVOCATION_IFURI,	/* none may say where that could be learnt */
	REVOCATION_STRICT	/* it has to be known */
};

/* Its identifier is found out when it is asked for: that takes a while, and is ours alone. */
struct conf_pubkey {
	EVP_PKEY *key;
	bool has_id;
	uint8_t id[KEY_ID_LEN];	/* key_id(); the loop's */
};

/* One authentication round. */
struct token_cert_ref;

struct auth_conf {
	/* ID_ANY: local: the certificate's subject, or the address; remote: whatever */
	struct ike_id id;
	enum auth_class class;
	enum revocation revocation;
	uint32_t signatures;	/* bits 1 << enum signature_id; 0: all */
	uint32_t chain_signatures;	/* remote: of certificates, likewise */
	unsigned int rsa_bits;	/* remote: at least; 0: as many as it takes */
	unsigned int ecdsa_bits;
	STACK_OF(X509) *certs;	/* ours to choose from; the peer's has to be one of them */
	STACK_OF(X509) *cacerts;	/* one of them has to be in the peer's chain */
	struct ike_id ca_id;	/* and a CA that is called so, be it not known here; ID_ANY: whoever */
	STACK_OF(ASN1_OBJECT) *cert_policies;	/* the chain has to be good for each; NULL: none */
	/* Of certs and cacerts, which are there then, be they empty: what is on tokens. */
	struct token_cert_ref *token_certs;
	struct conf_pubkey *pubkeys;	/* likewise, without certificates */
	size_t pubkey_count;
};

/* When to send our certificate. */
enum send_cert {
	SEND_CERT_IF_ASKED,
	SEND_CERT_ALWAYS,
	SEND_CERT_NEVER
};

/* When the connection is loaded: both, one or none of these. */
enum start_action {
	START_NONE = 0,
	START_START = 1,	/* initiate */
	START_TRAP = 2		/* install a trap (trap.h) */
};

/* What becomes of a Child SA that the peer has closed, or whose peer gives no sign of life. */
enum child_action {
	ACTION_CLEAR,
	ACTION_TRAP,		/* its traffic is held back, and sets it up anew */
	ACTION_START		/* it is set up anew */
};

/* What becomes of the traffic between local_ts and remote_ts. */
enum child_mode {
	MODE_TUNNEL,
	MODE_TRANSPORT,		/* between the two hosts; tunnel where the peer does not want it */
	MODE_PASS,		/* in the clear */
	MODE_DROP
};

/* A mark, or an if_id, which has no mask. */
struct mark_conf {
	enum mark_kind {
		MARK_GIVEN,	/* none if the mask, or the if_id, is 0 */
		MARK_UNIQUE,	/* one of its own for each Child SA */
		MARK_UNIQUE_DIR,	/* and for each direction */
		MARK_SAME	/* set_mark_*: as mark_* */
	} kind;
	uint32_t value, mask;
};

struct child_conf {
	struct child_conf *next;
	struct conn *conn;	/* that it is of; no reference */
	struct buf section;	/* as its is */
	char *name;
	enum child_mode mode;
	struct ts_list local_ts;	/* at least one */
	struct ts_list remote_ts;
	struct proposal_list proposals;	/* ESP */
	unsigned int start_action;	/* START_* */
	enum child_action dpd_action, close_action;
	uint32_t replay_window;	/* packets; 0 off; default 32 */
	uint32_t reqid;		/* 0: choose one */
	struct mark_conf if_id_in, if_id_out;
	struct mark_conf mark_in, mark_out;
	bool mark_in_sa;	/* the inbound ESP SA is found by mark_in, too */
	struct mark_conf set_mark_in, set_mark_out;
	unsigned int flags;	/* XFRM_FLAG_*: copy_df, copy_ecn, copy_dscp, icmp */
	uint32_t tfc_padding;	/* octets; TFC_MTU: as much as a packet holds */
	bool no_policies;	/* the ESP SAs alone */
	bool policies_fwd_out;	/* traffic that is forwarded is looked at going out, too */
	uint32_t priority;	/* of its policies; 0: the more specific, the smaller */
	struct lifetime time_s;	/* in seconds */
	struct lifetime bytes, packets;	/* of each of its ESP SAs */
	uint64_t inactivity_s;	/* without traffic, then it is deleted; 0: never */
	enum offload hw_offload;	/* of its ESP SAs (child_offload.h) */
	char interface[IFNAMSIZ];	/* outbound policies are for it alone; empty: for any */
	char *updown;		/* a command for the shell (updown.h); NULL: none */
	bool hostaccess;	/* which it is told: the gateway itself is to be reached, too */
};

#define TFC_MTU	UINT32_MAX

/* How many IKE SAs with a peer (ike_unique.h). */
enum unique_policy {
	UNIQUE_NO,		/* INITIAL_CONTACT is sent, and as responder heeded; the default */
	UNIQUE_NEVER,		/* neither */
	UNIQUE_REPLACE,		/* the same, and a new one takes the place of those before */
	UNIQUE_KEEP		/* the same, and a new one is refused; but one from the same host */
};

/* IKE SAs that are set up without a Child SA, RFC 6023. */
enum childless {
	CHILDLESS_ALLOW,	/* of the peer's; the default */
	CHILDLESS_NEVER,
	CHILDLESS_PREFER,	/* ours are, too, where the peer allows it */
	CHILDLESS_FORCE		/* nothing else, in both roles */
};

/* RFC 7383. */
enum fragmentation {
	FRAGMENTATION_YES,	/* announced, taken and sent; the default */
	FRAGMENTATION_ACCEPT,	/* announced and taken, not sent */
	FRAGMENTATION_NO
};

/* How IKE SAs of ours go; a peer's come as it likes. */
enum transport {
	TRANSPORT_UDP,		/* the default */
	TRANSPORT_TCP,		/* by streams (stream.h), ESP, too */
	TRANSPORT_AUTO		/* UDP, but TCP where that does not pass (transport.h) */
};

struct conn {
	struct conn *next, **link;	/* in the configuration, if it is in one: */
	struct table_node by_name;
	unsigned int refs;
	enum conf_source source;
	char *name;
	struct addr_range *local_addrs;
	size_t local_addr_count;	/* at least one; %any stands for itself */
	struct addr_range *remote_addrs;
	size_t remote_addr_count;
	uint16_t local_port;	/* host order; default 500 */
	uint16_t remote_port;
	enum transport transport;
	uint16_t tcp_remote_port;	/* default 4500 */
	uint32_t tcp_after;	/* auto: so often is IKE_SA_INIT sent by UDP first; default 3 */
	enum unique_policy unique;
	enum childless childless;
	struct ike_id ppk_id;	/* RFC 8784; ID_ANY: as initiator none, as responder any */
	bool ppk_required;
	bool no_certreq;	/* send_certreq = no */
	enum send_cert send_cert;
	uint8_t dscp;		/* RFC 2474, of IKE's packets, by TCP of all; 6 bits, default 0 */
	bool encap;		/* pretend NAT: UDP encapsulation always */
	enum fragmentation fragmentation;
	struct lifetime time_s;	/* in seconds; its life begins when it is to be replaced */
	uint64_t reauth_s;	/* until reauthentication, less a part of time_s.rand; 0: never */
	int32_t keyingtries;	/* attempts, each with its retransmissions; 0: no end; or CONF_UNSET */
	uint32_t dpd_delay_ms;	/* without a sign of life, then ask for one; 0: never */
	uint64_t dpd_timeout_s;	/* IKEv1's: listed, and nothing else */
	uint32_t if_id_in, if_id_out;	/* of children that have none of their own; 0: none */
	struct retransmit_conf retransmit;	/* its own; the rest is the configuration's */
	struct proposal_list proposals;	/* IKE */
	struct auth_conf local;
	struct auth_conf remote;
	struct child_conf *children;
	struct buf section;	/* what it was loaded from, encoded, to compare; of that, */
	size_t children_at, children_len;	/* in octets, what its children are in */
	bool start_pending;	/* its start_actions are still to be run */
	bool traps_wait;	/* one could not be installed: perhaps later */
	bool bygone;		/* not configured: made up from a stash (stash.h) */
};

/* All CAs there are as CERTREQ names them, until others come or go (ike_cert.c). */
struct config_authorities {
	struct buf ids;		/* certificate_authority_id(), each */
	bool known;
	uint64_t loaded, conn_changes;	/* as those of the credentials and connections were */
};

#define TCP_AFTER_DEFAULT	3

#define TCP_PORTS_MAX	8

struct config {
	struct conn *conns;	/* in the order they were loaded */
	struct conn **conns_end;	/* the last one's next */
	struct table by_name;
	uint64_t conn_changes;	/* so often have others come or gone */
	struct credentials *credentials;
	struct authority *authorities;
	struct config_authorities *all_authorities;
	struct retransmit_conf retransmit;	/* charon.retransmit_* */
	/* charon.fragment_size, octets of an IP datagram; 0: what its family is sure of */
	uint32_t fragment_size;
	bool no_routes;		/* charon.install_routes = no */
	int32_t keep_alive_ms;	/* charon.keep_alive; CONF_UNSET where not set */
	uint16_t tcp_ports[TCP_PORTS_MAX];	/* charon.tcp_ports; 0: no more */
};

struct config *config_new(void);
void config_free(struct config *config);
/* A connection with one reference and every default set. NULL without memory. */
struct conn *conn_new(const char *name);

/*
 * Put @conn in, in the place of one of the same name, if any; takes over the
 * caller's reference. One that is equal to what is loaded changes nothing. Returns the one
 * that is configured now: @conn, or, where that is equal, what is loaded.
 */
struct conn *config_put_conn(struct config *config, struct conn *conn);
/* Take out one that is in; the reference is the caller's. */
void config_take_conn(struct config *config, struct conn *conn);
/* Remove it, whoever loaded it. Returns 0 or -ENOENT. */
int config_remove_conn(struct config *config, const char *name);

struct conn *conn_get(struct conn *conn);	/* take a reference; returns @conn */
void conn_put(struct conn *conn);		/* NULL is fine */

/* The same for a child: it lives as long as its connection. NULL is fine; get returns @child. */
const struct child_conf *child_conf_get(const struct child_conf *child);
void child_conf_put(const struct child_conf *child);

/* Were they loaded from the same, but for the connection's children? */
bool conn_same_settings(const struct conn *a, const struct conn *b);
bool child_conf_same(const struct child_conf *a, const struct child_conf *b);

/* By name; no reference is taken. NULL if there is none. */
struct conn *config_find_conn(const struct config *config, const char *name);
struct child_conf *conn_find_child(const struct conn *conn, const char *name);

/*
 * Does any connection fit these endpoints (the responder's first question)?
 * Ports are ignored. Returns the best one, without a reference, or NULL.
 */
struct conn *config_find_by_addrs(const struct config *config,
				  const struct endpoint *local,
				  const struct endpoint *remote);

/*
 * The responder's choice in IKE_AUTH, as charon makes it: of the connections
 * that fit the endpoints and both identities, one than which no other fits
 * identities and addresses better; the first loaded if several do. @remote_id is
 * IDi; @local_id is IDr, NULL if the initiator sent none. Returns it without a
 * reference, or NULL.
 */
struct conn *config_find_by_ids(const struct config *config,
				const struct endpoint *local,
				const struct endpoint *remote,
				const struct ike_id *local_id,
				const struct ike_id *remote_id);

/* Does @conn fit these endpoints? 0 no, greater is a closer match. */
int conn_match_addrs(const struct conn *conn, const struct endpoint *local,
		     const struct endpoint *remote);

/* Is its peer called by a name? */
bool conn_has_host(const struct conn *conn);

/*
 * The endpoints an initiator starts with: the first remote that is one single
 * address, and the first local one of its family (the unspecified address if
 * %any), both with their ports. Returns 0, or -1 with @err set if the
 * connection names no single remote address.
 */
int conn_initiator_addrs(const struct conn *conn, struct endpoint *local,
			 struct endpoint *remote, struct errmsg *err);

/*
 * Are the peers any of its remote addresses, none of which is one single host or a name? Then it
 * is not known whom to initiate to, unless traffic says so (trap.h).
 */
bool conn_is_for_many(const struct conn *conn);
/* All of its remote addresses, with any protocol and port; those beyond TS_MAX are left out. */
void conn_remote_ts(const struct conn *conn, struct ts_list *list);

/*
 * The identity to send: @conn's own, or, where that is %any, the address.
 * Returns 0 or -ENOMEM; free with ike_id_clear().
 */
int conn_local_id(const struct conn *conn, const struct endpoint *local,
		  struct ike_id *id);
/* Is @id acceptable as the peer's identity? An unset remote id accepts any. */
bool conn_accepts_remote_id(const struct conn *conn, const struct ike_id *id);

#endif /* IKEFPD_CONFIG_H */
