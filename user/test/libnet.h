/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A network of hosts in memory, each with a stand-in for the ikefp module
 * (kernel.h) and for XFRM (xfrm.h), so that two ike_managers can be set against
 * each other in one process. Messages are real octets, sealed ones included.
 */
#ifndef IKEFP_TEST_LIBNET_H
#define IKEFP_TEST_LIBNET_H

#include <stdbool.h>

#include "buf.h"
#include "credentials.h"
#include "ike_manager.h"
#include "libsecrets.h"
#include "resume.h"
#include "xfrm.h"

struct net;
struct host;

/* What becomes of a datagram on its way: asked once for each. */
enum fate { PASS, LOSE, DUPLICATE };

#define NET_STREAMS_MAX	16

struct net {
	struct host *hosts;
	struct datagram *queue;
	/* NULL: everything passes. index counts all datagrams from 0. */
	enum fate (*fate)(struct net *net, unsigned int index, bool raw);
	/* NULL, or may change a datagram's octets, of the same length. */
	void (*tamper)(struct net *net, uint8_t *octets, size_t len);
	unsigned int sent;
	unsigned int seed;
	unsigned int streams;	/* that there have been */
	bool open[NET_STREAMS_MAX];	/* are they yet? */
	bool stillborn;			/* those to come end at once, which is not said */
	bool no_threads;	/* else there are TEST_SIGNERS (jobs.h), */
	bool threads;		/* from the first net_run() on, */
	bool busy;		/* and they are waited for unless this is set: net_keep_busy() */
};

/* One ESP SA or policy that a host's XFRM holds. */
struct fake_state {
	struct fake_state *next;
	struct endpoint src, dst;
	uint32_t spi;
	bool larval, retired, lifted;
	struct xfrm_usage usage;	/* as it is to be told */
	struct xfrm_state s;	/* its pointers are not valid, but to these: */
	struct transform encr;
	uint8_t encr_key[64], integ_key[64];
};

struct fake_policy {
	struct fake_policy *next;
	struct xfrm_policy p;
};

struct xfrm {
	struct fake_state *states;
	struct fake_policy *policies;
	uint32_t next_spi;
	bool fail_states;	/* refuse to install any */
	bool fail_policies;
	enum offload does;	/* what of ESP devices do, */
	bool no_policies;	/* and no policies, */
	bool ignores_devices;	/* or the kernel has none for them, and does not say so */
	unsigned int installed;	/* policies, so often */
	bool collecting;
	int failed;		/* the first error of what is collected */
};

struct host {
	struct host *next;
	struct net *net;
	struct endpoint addr;		/* its own; the port is not looked at */
	/* A NAT in front of it: how others see it. AF_UNSPEC: none. */
	struct endpoint public;
	struct kernel *kernel;
	struct xfrm xfrm;
	bool fragments;			/* as the last SA that got keys was told */
	/* A notify that its IKE_AUTH messages begin with: its data; NULL: none. */
	const struct buf *window_notify;
	uint32_t window;		/* as its last SA was told, 0: of none */
	uint32_t fragment_size;
	int accepted;			/* the last stream that it took, which is who asks's */
	unsigned int marked[64];	/* datagrams that it has sent, by their codepoint */
	struct config *config;
	struct test_secrets secrets;
	struct loop *loop;
	struct ike_manager manager;
	unsigned int ops;		/* of the kernel, until the daemon dies; 0: it does not */
	bool full;			/* its kernel makes no other IKE SA of one */
	bool dead;			/* whatever it does, nothing comes of it */
	bool restarted;
};

/*
 * A host with this address and this swanctl.conf, which must be good. Its
 * public address is given for a NAT, else NULL.
 */
struct host *net_host(struct net *net, const char *addr, const char *public,
		      const char *conf);
/* Reads another swanctl.conf. */
void host_config(struct host *host, const char *conf);

/*
 * The host's daemon dies, and another one starts in its place with this configuration,
 * and adopts what it finds.
 */
void host_die(struct host *host);
struct resume_summary host_start(struct host *host, const char *conf);
/* The kernel has followed the peer of the host's one SA, and there is no daemon to tell. */
void host_peer_moves(struct host *host, const struct endpoint *remote);
/* What is stashed with the host's first SA that has a stash; may be changed. */
struct buf *host_stash(struct host *host);

/*
 * What source.h says, to whichever host asks: the address that it goes from (AF_UNSPEC:
 * there is no route), and the only one that it has (AF_UNSPEC: it has whatever is asked for).
 */
extern struct endpoint net_source, net_ours;

/* Ends all hosts. */
void net_clear(struct net *net);

/* For the stand-ins: does an operation of the kernel's happen? Its daemon may be dead. */
bool host_op(struct host *host);

/* A stream of the host's ends, at both ends, of which it is told unless it is dead. */
void net_cut(struct host *originator, uint32_t id);

/* Delivers until nothing is under way. */
void net_run(struct net *net);
/* What threads are to do (jobs.h) is not done until net_let_go(). */
void net_keep_busy(struct net *net);
void net_let_go(struct net *net);
/* So many are not done, besides what net_keep_busy() has them do. */
unsigned int net_jobs(const struct net *net);
/* Every host sends its outstanding requests once more, and net_run(). */
void net_retransmit(struct net *net);
/* All outstanding requests are given up. */
void net_give_up(struct net *net);
/* Half-open SAs expire. */
void net_expire(struct net *net);

/* A datagram from nobody in particular, to be delivered by net_run(). */
void net_inject(struct net *net, const struct endpoint *src, const struct endpoint *dst,
		const uint8_t *data, size_t len);

/* How many IKE SAs the host's stand-in for the module has, lingering ones not. */
unsigned int host_kernel_sas(const struct host *host);
/* The inner payloads of a request that a host is to send as if it were its own. */
int host_send_request(struct host *host, const struct ike_sa *sa, uint8_t exchange,
		      uint8_t first, const uint8_t *data, size_t len);
/* What it has asked is not outstanding any more, and nobody is told. */
void host_forget_request(struct host *host, const struct ike_sa *sa);
/* The last sealed response that the host received, in the clear. */
const struct buf *host_last_response(const struct host *host, uint8_t *first);

/* Loads them as VICI does. */
void host_load_cert(struct host *host, enum credential_kind kind, X509 *cert);
void host_load_key(struct host *host, EVP_PKEY *key);

/* ESP SAs (larval ones not) and policies that are installed. */
unsigned int host_states(const struct host *host);
unsigned int host_policies(const struct host *host);
unsigned int host_ike_sas(const struct host *host);
struct ike_sa *host_established(const struct host *host);
/* The time of what was replaced and deleted, and still lets in what is on its way, is over. */
unsigned int host_end_lingering(struct host *host);

#endif
