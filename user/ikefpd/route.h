/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses and routes, by rtnetlink. The unit tests bring their own. */
#ifndef IKEFPD_ROUTE_H
#define IKEFPD_ROUTE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "ts.h"

struct route;

/* strongSwan's, and a rule of this priority leads to it. */
#define ROUTE_TABLE	220
#define ROUTE_PRIORITY	220
/* By it the daemon's own are told from everybody else's ("proto 105"). */
#define ROUTE_PROTOCOL	105

/* NULL, logged, if the kernel refuses a socket. */
struct route *route_open(void);
/* Takes the rule away, too; routes stay. */
void route_close(struct route *r);

struct next_hop {
	struct endpoint gateway;	/* AF_UNSPEC: none, the interface is enough */
	uint32_t index;			/* the interface's */
	char interface[IFNAMSIZ];
};

/*
 * The way from @local, or, if there is none from there, from anywhere here to @remote.
 * Returns 0 or a negative error, which is not logged.
 */
int route_to(struct route *r, const struct endpoint *remote, const struct endpoint *local,
	     struct next_hop *hop);

/* Is there a way? Of IPv6 it need not be known by this that @local is an address of ours. */
bool route_leads(struct route *r, const struct endpoint *local, const struct endpoint *remote);

/* The index of the interface that has the address, the first if several have it. 0: none. */
uint32_t route_interface_of(struct route *r, const struct endpoint *own);
/* Its addresses, until @fn does not return 0. Returns that, or a negative error. */
int route_addresses_of(struct route *r, uint32_t index,
		       int (*fn)(void *data, const struct endpoint *own), void *data);
/* The interface's index, by its name; and the other way round. 0 or a negative error. */
int route_interface_index(struct route *r, const char *name, uint32_t *index);
int route_interface_name(struct route *r, uint32_t index, char name[IFNAMSIZ]);

/* One of our addresses that a selector allows. -ENOENT if there is none. */
int route_own_address(struct route *r, const struct ts *ts, struct endpoint *own);

/* A route of the table. Compared octet for octet: zeroed at first. */
struct route_entry {
	struct endpoint dst;		/* its network; no port, nor has any other */
	uint32_t prefix_len;
	uint32_t index;			/* the interface's; 0: go on behind the table */
	struct endpoint gateway;	/* AF_UNSPEC: none */
	struct endpoint src;		/* that is preferred; AF_UNSPEC: none */
};

/* Adds it, in the place of one to the same network. Returns 0 or an error, which is logged. */
int route_add(struct route *r, const struct route_entry *e);
/* 0 also if there is none. */
int route_del(struct route *r, const struct route_entry *e);
/* Removes those of a daemon before that are not wanted, by destination. */
int route_remove_leftovers(struct route *r,
			   bool (*wanted)(void *data, const struct route_entry *e), void *data);

#endif
