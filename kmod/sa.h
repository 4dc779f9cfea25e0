/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An IKE SA: its state, its tables, its life.
 *
 * An SA is found under RCU by its own SPI, or by the IKE_SA_INIT request that made
 * it. The tables hold it once, its pending timer holds it once, and whoever keeps it
 * longer than an RCU read side holds it. It is freed, in process context and a grace
 * period later, when nobody does.
 *
 * Its lock orders everything that happens to it. Under the lock messages are opened
 * and sealed and upcalls made, but nothing is transmitted: that is done with a copy
 * of the path and a hold on the octets, after the lock.
 */
#ifndef IKEFP_SA_H
#define IKEFP_SA_H

#include <linux/ktime.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

#include "context.h"
#include "path.h"
#include "route.h"
#include "rto.h"
#include "window.h"

struct ikefp_crypto;
struct ikefp_datagram;
struct ikefp_esp;
struct ikefp_stash;
struct ikefp_stream_esp;
struct ikefp_worker;
struct ikefp_reassembly;
struct ikefp_retransmit;

/* Digests of unauthenticated responses that were handed up already. */
#define IKEFP_RESPONSES_SEEN 4

/* What makes an IKE_SA_INIT request the same as another (RFC 7296 section 2.1). */
struct ikefp_init_key {
	u64 spi_i;
	struct ikefp_address remote;
	u32 digest; /* of its octets */
	int ifindex;
	__be16 remote_port;
	u16 family; /* the last one: no padding is compared */
};

/* A request of ours that has no answer. octets is NULL: there is none. */
struct ikefp_exchange {
	struct ikefp_datagram *octets;
	bool waits; /* it was not sent: the window is closed for it */
	bool raw;
	bool liveness; /* the kernel's own, which nobody waits for but it */
	bool last_wait; /* the wait in force is the last */
	bool over; /* given up; the worker has yet to be told */
	u32 fragment_size; /* it is cut by, 0: never */
	u32 copies; /* sent, since it was cut so */
	u8 exchange_type;
	u32 message_id;
	u32 tries; /* copies sent, of any size */
	u32 waits_over; /* without an answer; by a stream no copy goes out then */
	u32 raw_responses; /* handed up since the last of them */
	u32 rto_ms; /* the wait in force, without jitter */
	ktime_t first_sent;
	ktime_t last_sent;
	unsigned long deadline; /* jiffies */
	struct ikefp_rto_params params;
	struct ikefp_reassembly *fragments; /* of its response */
};

/*
 * A sealed request that has no place among the exchanges, since the kernel's own has one.
 * octets is NULL: there is none.
 */
struct ikefp_next_request {
	struct ikefp_datagram *octets;
	u8 exchange_type;
	u32 message_id;
	u32 fragment_size; /* that it was cut by */
};

/*
 * A sealed request of the peer's, and our answer to it; and the fragments of the request
 * that will take its place.
 */
struct ikefp_answer {
	bool known; /* there was a request */
	bool waits; /* its upcall does, for a worker */
	u8 exchange_type;
	u32 message_id;
	u32 digest; /* of the request's octets, or those of its fragment 1 */
	u16 request_total; /* datagrams that the request came in */
	u32 fragment_size; /* of the answer, as of an exchange */
	struct ikefp_path path; /* where the request came from */
	struct ikefp_datagram *octets; /* NULL: the helper has not answered yet */
	u32 copies; /* that the peer can have asked for, of this size */
	ktime_t last_copy; /* when the last of them was sent */
	u32 next_id; /* of next_fragments */
	struct ikefp_reassembly *next_fragments;
	unsigned long next_deadline; /* jiffies; of next_fragments */
};

/* Where it came from: a prefix of an address, with others perhaps. */
struct ikefp_init_source {
	atomic_t *half_open; /* responders' SAs of this source */
	bool proved; /* by a cookie */
	u32 request_len; /* octets of what came */
};

/* The IKE_SA_INIT request that made a responder's SA. */
struct ikefp_init {
	struct ikefp_init_key key;
	struct ikefp_init_source source;
	struct rhash_head node;
	bool hashed;
	unsigned long deadline; /* jiffies; when its duplicates are forgotten */
	struct ikefp_datagram *response; /* NULL: the helper has not answered yet */
};

struct ikefp_sa {
	u64 spi; /* own, host order, as all SPIs here */
	struct rhash_head spi_node;
	struct ikefp_context *ctx;
	u32 id; /* in ctx->sa_ids */
	enum ikefp_role role;
	refcount_t refs;
	spinlock_t lock; /* all below */

	bool dead; /* out of the tables, or about to be */
	bool joined; /* its path's stream counts it, */
	bool trusts; /* as established */
	bool counted_half_open;
	enum ikefp_sa_state state;
	u64 peer_spi;
	struct ikefp_path path; /* of our own requests; see ikefp_sa_set_path() */
	struct ikefp_route route; /* of the path */
	struct ikefp_crypto *crypto;
	struct ikefp_crypto *crypto_before; /* of requests before keys_from; NULL: none */
	u32 keys_from; /* the first request of the peer's that the keys are for */
	bool fragments; /* both ends know RFC 7383 */
	u8 window_out; /* the peer's: requests of ours that it takes at a time */
	u32 fragment_size; /* octets of an IP datagram; 0: ours are never cut */
	u32 next_out;
	u32 newest_in; /* after the newest request that was ever taken */
	struct ikefp_window window_in;
	struct ikefp_exchange *exchanges; /* window_out of them; one: exchange */
	struct ikefp_answer *answers; /* window_in.size of them, by ID; one: answer */
	struct ikefp_exchange exchange;
	struct ikefp_next_request next_request;
	struct ikefp_answer answer;
	struct ikefp_init init;
	u32 responses_seen[IKEFP_RESPONSES_SEEN];
	u8 responses_seen_next;
	u32 init_rtt_us; /* a sample that counts once the answer was good */
	struct ikefp_rtt rtt;
	bool rtt_recalled; /* of another SA with the host: this one has no sample yet */
	bool rtt_elsewhere; /* part of it was measured with another host: the peer has moved */
	bool deadline_exact; /* an answer is waited for */
	struct timer_list timer;
	unsigned long deadline; /* jiffies; the nearest of those below, while it is pending */
	unsigned long half_open_deadline; /* jiffies */
	unsigned long half_open_look; /* jiffies; when it ends before that, if in a flood */
	unsigned long linger_deadline; /* jiffies */

	struct ikefp_worker *worker; /* held; NULL: an orphan, or deleted */
	bool orphan;
	struct sk_buff_head waiting; /* upcalls; its own lock is not used */
	unsigned long waiting_deadline; /* jiffies; when they are tried again */
	unsigned long orphan_deadline; /* jiffies */
	struct ikefp_stash *stash; /* NULL: none */
	bool behind_nat; /* keepalives are sent */
	bool follow; /* the peer may move */
	bool liveness_given; /* liveness_ms is of its own, not the namespace's */
	bool dead_told; /* the worker knows that the peer does not answer */
	bool move_untold; /* the worker has yet to be told where the peer is */
	bool answers_age; /* there are some, and those too old are forgotten */
	u32 liveness_ms; /* 0: the peer is not asked for a sign of life */
	struct ikefp_esp *esp; /* NULL: none */
	struct ikefp_stream_esp *stream_esp; /* where it goes by a stream; NULL: none */
	unsigned long last_in; /* jiffies; the latest sign of life */
	unsigned long last_out; /* jiffies; what went out on the path */
	unsigned long liveness_wait; /* jiffies from last_in on */
	unsigned long keepalive_wait; /* jiffies from last_out on */
	unsigned long liveness_deadline; /* jiffies */
	unsigned long keepalive_deadline; /* jiffies */
	unsigned long move_deadline; /* jiffies */
	unsigned long answers_deadline; /* jiffies; when they are looked at */

	struct ikefp_retransmit *retransmit; /* its own settings; NULL: none */

	ktime_t created;
	u64 messages_in;
	u64 messages_out;
	u64 retransmits;
	u64 duplicates;

	struct rcu_work free_work;
};

int ikefp_sa_tables_init(struct ikefp_context *ctx, void (*expired)(struct timer_list *timer));
void ikefp_sa_tables_exit(struct ikefp_context *ctx);
int ikefp_sa_module_init(void);
void ikefp_sa_module_exit(void);

struct ikefp_sa *ikefp_sa_new_initiator(struct ikefp_context *ctx, u64 spi,
					struct ikefp_worker *worker,
					const struct ikefp_path *path, int *reason);
struct ikefp_sa *ikefp_sa_new_responder(struct ikefp_context *ctx, u64 peer_spi,
					struct ikefp_worker *worker,
					const struct ikefp_init_key *key,
					const struct ikefp_init_source *source,
					const struct ikefp_path *path, int *reason);
struct ikefp_sa *ikefp_sa_new_rekeyed(struct ikefp_sa *old, u64 spi, u64 peer_spi,
				      enum ikefp_role role, int *reason);
int ikefp_sa_enter(struct ikefp_sa *sa);
struct ikefp_sa *ikefp_sa_find(struct ikefp_context *ctx, u64 spi);
struct ikefp_sa *ikefp_sa_find_init(struct ikefp_context *ctx,
				    const struct ikefp_init_key *key);
struct ikefp_sa *ikefp_sa_get(struct ikefp_context *ctx, u64 spi);
struct ikefp_sa *ikefp_sa_get_next(struct ikefp_context *ctx, unsigned long *id);
void ikefp_sa_set_path(struct ikefp_sa *sa, const struct ikefp_path *path);
void ikefp_sa_set_dscp(struct ikefp_sa *sa, u8 dscp);
void ikefp_sa_set_state(struct ikefp_sa *sa, enum ikefp_sa_state state);
void ikefp_sa_recall_rtt(struct ikefp_sa *sa);
void ikefp_sa_measured(struct ikefp_sa *sa, u64 sample_us);
void ikefp_sa_set_worker(struct ikefp_sa *sa, struct ikefp_worker *worker);
void ikefp_sa_forget_worker(struct ikefp_sa *sa);
void ikefp_sa_forget_init(struct ikefp_sa *sa);
void ikefp_sa_bury(struct ikefp_sa *sa);
void ikefp_sa_put(struct ikefp_sa *sa);

/*
 * Octets that the namespace's datagrams may use, one more of this SA included. What is
 * not established gets no more than half, so that who is not authentic leaves the rest.
 */
static inline u32 ikefp_sa_cache_limit(const struct ikefp_sa *sa)
{
	u32 limit = ikefp_policy_get(&sa->ctx->policy, MAX_CACHE_OCTETS);

	return READ_ONCE(sa->state) == IKEFP_SA_STATE_ESTABLISHED ? limit : limit / 2;
}

/* Needs RCU and a lock that shows it not dead, or another hold. */
static inline void ikefp_sa_hold(struct ikefp_sa *sa)
{
	refcount_inc(&sa->refs);
}

#endif
