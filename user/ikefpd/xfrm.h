/* SPDX-License-Identifier: GPL-2.0 */
/*
 * XFRM over netlink: ESP SAs ("states") and policies, in the words of
 * linux/xfrm.h. The unit tests bring their own.
 *
 * SPIs are in host order. Every function waits for the kernel's answer, which
 * comes at once, and returns 0 or a negative error; errors are logged here with
 * the kernel's own message. But what is added and deleted between xfrm_collect() and
 * xfrm_commit() goes to the kernel together.
 */
#ifndef IKEFPD_XFRM_H
#define IKEFPD_XFRM_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/xfrm.h>

#include "endpoint.h"
#include "proposal.h"
#include "ts.h"

struct xfrm;

/*
 * The reqids that the daemon gives out itself: by them its ESP SAs and policies are
 * told from everybody else's. XFRM_REQID_FIRST is that of SPIs held for an ESP SA to
 * come; those in use follow it, up to XFRM_REQID_TRAP; after that come those of traps,
 * and of the Child SAs of traps.
 */
#define XFRM_REQID_FIRST	0x69000000
#define XFRM_REQID_TRAP		0x69800000
#define XFRM_REQID_LAST		0x69ffffff

/* NULL, with errno set, if the kernel refuses the socket. */
struct xfrm *xfrm_open(void);
void xfrm_close(struct xfrm *x);

/*
 * From here on what is to be added and deleted is collected: 0, or -ENOMEM if it cannot be.
 * Nothing else is to be asked until xfrm_commit(), by when the kernel has carried it out, in
 * this order and each whether or not one before has failed. Returns 0 or the first error.
 */
void xfrm_collect(struct xfrm *x);
int xfrm_commit(struct xfrm *x);

/* What the kernel tells policies apart by. */
struct xfrm_policy_key {
	uint32_t dir;
	struct xfrm_selector sel;
	struct xfrm_mark mark;
	uint32_t if_id;
};

/* What is not to be removed: SPIs of ESP SAs, and reqids of policies. */
struct xfrm_own {
	uint32_t *spis, *reqids;
	size_t n;		/* of each */
	/*
	 * Those of traps, and those that drop: without them there is traffic in the clear. Where
	 * there is a trap of a device, those that let IKE pass it, too (offload_bypass.h).
	 */
	bool keep_traps;
	/* Is there to be this policy that needs no ESP SA? */
	bool (*has)(void *data, const struct xfrm_policy_key *key);
	void *data;
};

/*
 * Removes all other ESP SAs and policies that have a reqid, or an index, of the daemon's:
 * what one left that was killed. Sorts the arrays. Returns 0 or a negative error.
 */
int xfrm_remove_leftovers(struct xfrm *x, struct xfrm_own *own);

/* Marks are struct xfrm_mark: value and mask, none if the mask is 0. */
static inline bool xfrm_mark_equal(struct xfrm_mark a, struct xfrm_mark b)
{
	return a.v == b.v && a.m == b.m;
}

/* swanctl.conf's copy_* and icmp, in the kernel's words. */
enum {
	XFRM_FLAG_NO_PMTU_DISC = 1,	/* DF is not copied */
	XFRM_FLAG_NO_ECN = 2,
	XFRM_FLAG_DECAP_DSCP = 4,	/* from the outer header into the inner one */
	XFRM_FLAG_NO_ENCAP_DSCP = 8,	/* not from the inner one into the outer one */
	XFRM_FLAG_ICMP = 16
};

/*
 * What an ESP SA carries until it is to be replaced (soft), and until it goes (hard): the
 * kernel says so (expire.h). 0: however much.
 */
struct xfrm_limits {
	uint64_t soft_bytes, hard_bytes, soft_packets, hard_packets;
};

/* What of ESP a network device does for the kernel. */
enum offload {
	OFFLOAD_NO,
	OFFLOAD_CRYPTO,		/* encryption and integrity */
	OFFLOAD_PACKET,		/* all of it, and it looks at policies, too */
	OFFLOAD_AUTO		/* in configurations: as much as there is one that does it */
};

/* One direction of a Child SA: an ESP SA. */
struct xfrm_state {
	struct endpoint src, dst;	/* ports: of UDP encapsulation */
	bool transport;			/* mode; its traffic is between these two alone */
	uint32_t spi;
	uint32_t reqid;
	uint32_t if_id;			/* 0: none */
	struct xfrm_mark mark;		/* it is found by */
	struct xfrm_mark set_mark;	/* that its packets get */
	unsigned int flags;		/* XFRM_FLAG_* */
	uint32_t tfc_padding;		/* octets, 0: none */
	bool inbound;
	bool reserved;			/* it takes the place of xfrm_alloc_spi() */
	bool encap;
	bool esn;
	uint32_t replay_window;		/* packets; 0: no replay protection */
	uint64_t added_s;		/* when it is said to be added, Unix time; 0: now */
	struct xfrm_limits limits;
	enum offload offload;
	uint32_t device;		/* index of the interface whose device does it */
	bool attempt;			/* if it is refused another one will do: that is not logged */
	const struct transform *encr;
	uint16_t integ;			/* AUTH_NONE for an AEAD */
	const uint8_t *encr_key;	/* with the salt of an AEAD */
	size_t encr_len;
	const uint8_t *integ_key;
	size_t integ_len;
};

/* A fresh inbound SPI, held for about 30 s until xfrm_state_add(). */
int xfrm_alloc_spi(struct xfrm *x, const struct endpoint *src,
		   const struct endpoint *dst, uint32_t reqid, uint32_t *spi);
/*
 * *@result is 0 or the error, once the kernel has been asked: -ESRCH, which is not returned,
 * if it is reserved no more. @result may be NULL.
 */
int xfrm_state_add(struct xfrm *x, const struct xfrm_state *s, int *result);
/* 0 also if there is none. */
int xfrm_state_del(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		   struct xfrm_mark mark);

/*
 * Of several outbound ESP SAs for the same traffic this one is not taken any more, while
 * there is another, nor by a socket that has taken it before: but a packet that has is sent,
 * as it would not be by one that is deleted. It is to have been added with added_s. 0 also
 * if there is none.
 */
int xfrm_state_retire(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		      struct xfrm_mark mark);

/*
 * An outbound one that has reached its soft limits is passed over, too: it is to have none
 * any more. 0 also if there is none.
 */
int xfrm_state_lift(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark);

struct xfrm_move {
	uint32_t device;	/* index of the interface whose device is to do it; 0: none */
	bool fall_back;		/* where that refuses, or there is none, the kernel may do it */
	bool fell_back;		/* set if so */
};

/*
 * Gives an ESP SA other endpoints; keys, counters and sequence numbers stay. Where only
 * ports change it is changed as it is. Another dst makes a second one beside it, until
 * xfrm_state_del() of the first; an outbound one's sequence numbers then leave out some,
 * for what the first one sends meanwhile. What a device does for it the one of move is to
 * do from then on.
 */
int xfrm_state_move(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		    struct xfrm_mark mark, const struct endpoint *new_src, const struct endpoint *new_dst,
		    bool inbound, struct xfrm_move *move);

/*
 * Does a device do it? The kernel does it itself where it has been asked for OFFLOAD_CRYPTO
 * of one that cannot. -EOPNOTSUPP: none does; -ESRCH: there is no such ESP SA.
 */
int xfrm_state_offloaded(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
			 struct xfrm_mark mark);

struct xfrm_usage {
	uint64_t bytes, packets;
	int64_t use_s;		/* seconds since the last packet, -1: never, or not known (< 6.2) */
	bool soft;		/* it has reached a soft limit */
};

/* -ESRCH: there is none. */
int xfrm_state_usage(struct xfrm *x, const struct endpoint *dst, uint32_t spi,
		     struct xfrm_mark mark, struct xfrm_usage *usage);

/* A policy that asks for one ESP SA, or for none. */
struct xfrm_policy {
	uint8_t dir;			/* XFRM_POLICY_IN, _OUT, _FWD */
	enum { XFRM_PROTECT, XFRM_PASS, XFRM_DROP } action;
	struct ts src_ts, dst_ts;	/* of one family */
	struct xfrm_mark mark;
	uint32_t if_id;
	bool transport;
	bool optional;			/* what is not protected passes, too */
	struct endpoint src, dst;	/* a tunnel's ends */
	uint32_t reqid;
	uint32_t priority;
	uint32_t interface;		/* index; of what comes or goes by it alone; 0: by any */
	uint32_t device;		/* as OFFLOAD_PACKET has it; index of the interface; 0: none */
	bool attempt;			/* as of an ESP SA */
};

/* Installs it, in the place of one with the same selector, dir, mark and if_id. */
int xfrm_policy_add(struct xfrm *x, const struct xfrm_policy *p);
int xfrm_policy_del(struct xfrm *x, const struct xfrm_policy_key *key);

/*
 * Has a device got it? Kernels before 6.2 install one that is for a device as any other.
 * -EOPNOTSUPP: none has; -ENOENT: there is no such policy.
 */
int xfrm_policy_offloaded(struct xfrm *x, const struct xfrm_policy_key *key);

#endif
