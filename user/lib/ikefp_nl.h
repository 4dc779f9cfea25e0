/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The generic netlink family "ikefp" for C programs: one function a command, typed
 * values instead of attributes. uapi/ikefp.yaml says what each command and value
 * means.
 *
 * SPIs are numbers here: the 8 octets of the wire read as a big-endian integer, in
 * host order. Every function that can fail returns 0 or a negative errno and leaves
 * a sentence, the kernel's own where it gave one, for ikefp_nl_error(). A handle
 * belongs to one thread. Commands block until the kernel has answered, which it does
 * at once.
 */
#ifndef IKEFP_NL_H
#define IKEFP_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/ikefp.h>

struct ikefp_nl;

/*
 * Both ends of a message's way. sin6_scope_id is the interface of a link-local. Where it is
 * by a stream, that says where it leads: what is given of addresses then is not looked at.
 */
struct ikefp_endpoint {
	struct sockaddr_storage local;
	struct sockaddr_storage remote;
	uint32_t stream; /* 0: through a listener */
};

struct ikefp_listener_info {
	enum ikefp_listener_kind kind;
	struct sockaddr_storage addr;
};

struct ikefp_sa_info {
	uint64_t spi;
	uint64_t peer_spi;
	enum ikefp_role role;
	enum ikefp_sa_state state;
	struct ikefp_endpoint endpoint;
	bool stream_ended;	/* the endpoint's: nothing goes by it */
	uint32_t srtt_us;
	uint32_t rttvar_us;
	uint32_t rto_ms;
	uint32_t outstanding;
	uint32_t tries;
	uint32_t message_id_out;
	uint32_t message_id_in;
	uint64_t age_ms;
	uint64_t messages_in;
	uint64_t messages_out;
	uint64_t retransmits;
	uint64_t duplicates;
	uint32_t worker;	/* port ID; 0: an orphan, or deleted */
	uint32_t waiting;	/* upcalls that wait for its adoption */
	uint32_t stash_len;
	bool fragments;		/* both ends know RFC 7383 */
	uint32_t fragment_size;	/* octets of an IP datagram; 0: ours are never cut */
	bool behind_nat;
	bool follow;
	uint32_t liveness_ms;	/* 0: the peer is never asked */
	uint8_t dscp;		/* of its datagrams */
	uint64_t heard_ms;	/* since the latest sign of life, where established */
	unsigned int esp_pairs;	/* ESP SAs that it has, in pairs */
	uint32_t window_in;	/* requests that the peer may have under way at a time */
	uint32_t window_out;	/* that we may */
	uint32_t unanswered[IKEFP_MAX_WINDOW]; /* message IDs of the helper's: no outcome yet */
	unsigned int unanswered_count;
};

/* Octets that somebody else owns. */
struct ikefp_octets {
	const void *data;
	size_t len;
};

/* The SK keys; transform IDs are IANA's. An AEAD's keys end with the 4-octet salt. */
struct ikefp_keys {
	uint16_t encr;
	uint16_t integ; /* 0 for an AEAD */
	struct ikefp_octets sk_ei, sk_er;
	struct ikefp_octets sk_ai, sk_ar;
};

/* Of an established SA: what the kernel does by itself. All hold once they are given. */
struct ikefp_sa_settings {
	bool behind_nat;	/* we are: NAT keepalives are sent */
	bool follow;		/* an authentic new message of the peer's moves the SA */
	uint32_t liveness_ms;	/* without a sign of life, then ask for one; 0: never */
};

/* What sa-set changes: all that is not zero or NULL. */
struct ikefp_sa_change {
	uint64_t spi;
	uint64_t peer_spi;
	bool established;
	const struct ikefp_endpoint *endpoint;
	const struct ikefp_keys *keys;
	const struct ikefp_octets *stash; /* of no octets: removes it */
	const uint32_t *fragment_size;	/* both ends know RFC 7383; 0: ours are never cut */
	const struct ikefp_sa_settings *settings;
	const struct ikefp_octets *esp_spis;	/* as the attribute; those before go */
	const struct ikefp_policy *retransmit;	/* likewise; of a policy's, what is set of it */
	const struct ikefp_octets *esp_marks;	/* likewise, of these */
	const uint8_t *dscp;	/* of its datagrams, below 64 */
	uint32_t window_in;	/* 1 to IKEFP_MAX_WINDOW; can only grow */
	uint32_t window_out;
};

/* The SA in place of another one, which sa-rekey makes. */
struct ikefp_sa_rekeyed {
	uint64_t spi;		/* of that one */
	uint64_t new_spi;	/* and of the new one: our own, the peer's */
	uint64_t peer_spi;
	enum ikefp_role role;
	const struct ikefp_keys *keys;
};

struct ikefp_message_out {
	uint64_t spi;
	bool raw;
	bool response;		/* sealed only; a raw message's header says it */
	uint32_t message_id;	/* of the request that a sealed response answers */
	uint8_t exchange_type;	/* sealed only */
	uint8_t first_payload;	/* sealed only */
	struct ikefp_octets payload;
};

struct ikefp_message_in {
	uint64_t spi;		/* our own */
	uint64_t spi_i;
	uint64_t spi_r;
	bool raw;
	bool response;
	uint8_t exchange_type;
	uint8_t flags;
	uint8_t first_payload;
	uint32_t message_id;
	struct ikefp_endpoint endpoint;	/* where this very message came to and from */
	struct ikefp_octets payload;	/* until the callback returns */
};

/* What the kernel tells a worker. A callback may call any command. */
struct ikefp_upcalls {
	void (*message)(const struct ikefp_message_in *message, void *arg);
	void (*exchange_timeout)(uint64_t spi, uint8_t exchange_type,
				 uint32_t message_id, void *arg);
	void (*sa_expired)(uint64_t spi, void *arg);
	/* The answers to ikefp_worker_adopt(). The stash is there until it returns. */
	void (*adopted)(const struct ikefp_sa_info *info, const struct ikefp_octets *stash,
			void *arg);
	void (*not_adopted)(uint64_t spi, int err, const char *why, void *arg);
	void (*sa_moved)(uint64_t spi, const struct ikefp_endpoint *endpoint, void *arg);
	void (*sa_dead)(uint64_t spi, void *arg);
	void (*stream_closed)(uint32_t stream, void *arg);
	void *arg;
};

/* The settings by their attribute number, IKEFP_A_POLICY_*. */
struct ikefp_policy {
	uint32_t value[IKEFP_A_POLICY_MAX + 1];
	bool set[IKEFP_A_POLICY_MAX + 1];
};

/* The counters by their attribute number, IKEFP_A_STATS_*. */
struct ikefp_stats {
	uint64_t value[IKEFP_A_STATS_MAX + 1];
};

/* A monitor event; what an event does not have is zero (ss_family too). */
struct ikefp_event {
	enum ikefp_event_kind event;
	uint64_t spi;
	uint64_t peer_spi;
	enum ikefp_role role;
	enum ikefp_sa_state state;
	enum ikefp_listener_kind listener_kind;
	struct ikefp_endpoint endpoint;
	uint32_t worker;
	uint8_t exchange_type;
	uint32_t message_id;
	uint32_t tries;
	uint32_t waited_ms;
};

/*
 * Opens the family in the caller's network namespace. -ENOENT: the module is not
 * loaded. The handle is there in every case but -ENOMEM, to be asked for the error.
 */
int ikefp_nl_open(struct ikefp_nl **nl);
void ikefp_nl_close(struct ikefp_nl *nl);
const char *ikefp_nl_error(const struct ikefp_nl *nl);

int ikefp_listener_add(struct ikefp_nl *nl, enum ikefp_listener_kind kind,
		       const struct sockaddr_storage *addr);
int ikefp_listener_del(struct ikefp_nl *nl, const struct sockaddr_storage *addr);
int ikefp_listener_list(struct ikefp_nl *nl,
			void (*each)(const struct ikefp_listener_info *, void *),
			void *arg);

struct ikefp_worker_info {
	uint32_t worker; /* port ID */
	uint32_t sas;
};

/*
 * Makes this handle a worker, until it is closed; the only one, if it wants to be. Then,
 * or where one is that does, -EBUSY: there is another.
 * The file descriptor is readable when upcalls wait; ikefp_worker_read() takes some
 * of them and never blocks: 0, there were no more; 1, there may be, while the caller's
 * other work has its turn; or a negative errno. An upcall that finds the socket full comes
 * again, from the module or with the peer's next copy of the message.
 */
int ikefp_worker_attach(struct ikefp_nl *nl, bool only);
int ikefp_worker_fd(const struct ikefp_nl *nl);
uint32_t ikefp_worker_portid(const struct ikefp_nl *nl);
int ikefp_worker_read(struct ikefp_nl *nl, const struct ikefp_upcalls *upcalls);
int ikefp_worker_list(struct ikefp_nl *nl,
		      void (*each)(const struct ikefp_worker_info *, void *), void *arg);

struct ikefp_stream_info {
	uint32_t stream;
	bool originator;
	struct ikefp_endpoint endpoint;
	uint32_t worker; /* port ID; 0: nobody is told of its end */
	uint32_t sas;
};

/*
 * Hands a connected TCP socket down, which is closed here afterwards, also on failure.
 * @worker: its port ID, who is told when the stream ends; 0: nobody.
 */
int ikefp_stream_add(struct ikefp_nl *nl, int fd, bool originator, uint32_t worker,
		     uint32_t *stream);
int ikefp_stream_del(struct ikefp_nl *nl, uint32_t stream);
int ikefp_stream_get(struct ikefp_nl *nl, uint32_t stream, struct ikefp_stream_info *info);
int ikefp_stream_list(struct ikefp_nl *nl,
		      void (*each)(const struct ikefp_stream_info *, void *), void *arg);

/*
 * Asks for up to IKEFP_ADOPT_MAX orphans. The answers are there to be read when this
 * returns; for an SA that has none, the socket had no room: ask again.
 */
#define IKEFP_ADOPT_MAX 64
int ikefp_worker_adopt(struct ikefp_nl *nl, const uint64_t *spis, size_t number);

/* It belongs to the worker given, or, without, to one that the kernel chooses. @dscp: below 64. */
int ikefp_sa_new(struct ikefp_nl *nl, uint64_t spi,
		 const struct ikefp_endpoint *endpoint);
int ikefp_sa_new_for(struct ikefp_nl *nl, uint64_t spi, uint32_t worker, uint8_t dscp,
		     const struct ikefp_endpoint *endpoint);
int ikefp_sa_set(struct ikefp_nl *nl, const struct ikefp_sa_change *change);
int ikefp_sa_rekey(struct ikefp_nl *nl, const struct ikefp_sa_rekeyed *rekeyed);
int ikefp_sa_del(struct ikefp_nl *nl, uint64_t spi);
int ikefp_sa_get(struct ikefp_nl *nl, uint64_t spi, struct ikefp_sa_info *info);

/* An SA that is there all the time is listed just once; others may come and go. */
int ikefp_sa_list(struct ikefp_nl *nl,
		  void (*each)(const struct ikefp_sa_info *, void *), void *arg);

/*
 * The same in parts, for who has other things to do meanwhile: after a begin, next reads
 * some hundred SAs at most and returns 1 as long as there are more. In between, the
 * handle is good for nothing else.
 */
int ikefp_sa_list_begin(struct ikefp_nl *nl);
int ikefp_sa_list_next(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_sa_info *, void *), void *arg);

/* @message_id: where the ID of a request goes, may be NULL. */
int ikefp_message_send(struct ikefp_nl *nl, const struct ikefp_message_out *message,
		       uint32_t *message_id);

int ikefp_policy_set(struct ikefp_nl *nl, const struct ikefp_policy *policy);
int ikefp_policy_get(struct ikefp_nl *nl, struct ikefp_policy *policy);

/* The setting's name as in uapi/ikefp.yaml, NULL for a number that is none. */
const char *ikefp_policy_name(int attribute);

int ikefp_stats_get(struct ikefp_nl *nl, struct ikefp_stats *stats);

/* The counter's name as in uapi/ikefp.yaml, NULL for a number that is none. */
const char *ikefp_stats_name(int attribute);

/* Events, from the moment of the subscription on. Read as ikefp_worker_read(). */
int ikefp_monitor_subscribe(struct ikefp_nl *nl);
int ikefp_monitor_fd(const struct ikefp_nl *nl);
int ikefp_monitor_read(struct ikefp_nl *nl,
		       void (*each)(const struct ikefp_event *, void *), void *arg);

#endif
