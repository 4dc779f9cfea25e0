/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two helpers in memory (user/test/libnet.h) and what they say to each other, which
 * the fuzz target changes and the seeds are made of.
 */
#ifndef IKEFP_FUZZ_EXCHANGE_H
#define IKEFP_FUZZ_EXCHANGE_H

#include "kernel.h"

#define SECRET "the shared secret"

/* The first two octets of an input: how the two are set up. */
#define SETUP_GROUPS	0x01	/* the responder wants another group: INVALID_KE_PAYLOAD */
#define SETUP_NAT	0x02
#define SETUP_ENCAP	0x04
#define SETUP_ADDRESS	0x08	/* the initiator's identity is its address */
#define SETUP_NO_XFRM	0x10	/* the initiator's kernel refuses ESP SAs */
#define SETUP_TS	0x20	/* the responder narrows */
/* IKE proposals that have nothing in common; with GROUPS additional key exchanges instead. */
#define SETUP_OTHER_IKE	0x40
#define SETUP_OTHER_ESP	0x80	/* the same of ESP; with TS the responder wants no Child SA at first */
#define SETUP_NO_SECRET	0x100	/* the initiator has none for this peer */
#define SETUP_NO_SECRET_R	0x200	/* the responder */
#define SETUP_ANY	0x400	/* the initiator takes any identity */
#define SETUP_TWO	0x800	/* the responder has another connection, which comes first */
/* Child SAs have a key exchange of their own when rekeyed, and the additional ones, too. */
#define SETUP_PFS	0x1000
#define SETUP_TRANSPORT	0x2000	/* transport mode */
#define SETUP_TRANSPORT_ONE	0x4000	/* of the initiator alone */
/* Both sign, and with NO_SECRET the initiator has no key; with TWO they but want a signature. */
#define SETUP_PUBKEY	0x8000
#define SETUP_BITS	16

/* The next two: what they do once they are up, or were to be. */
#define THEN_DELETE_CHILD	0x01	/* the initiator */
#define THEN_DELETE_CHILD_R	0x02	/* the responder */
#define THEN_DELETE_IKE		0x04
#define THEN_DELETE_IKE_R	0x08
#define THEN_INITIATE		0x10	/* again */
#define THEN_FORGET		0x20	/* the initiator has lost its memory */
#define THEN_RETRANSMIT		0x40	/* and IKE_SA_INIT's messages come twice */
#define THEN_STOP		0x80	/* the responder's daemon ends in good order */
#define THEN_REKEY		0x100	/* the initiator rekeys its Child SA, before the others */
#define THEN_REKEY_R		0x200	/* the responder; both: at once */
#define THEN_ANOTHER		0x400	/* and sets up another one, once that is done */
#define THEN_TERMINATE		0x800	/* the initiator's is terminated while it is rekeyed */
#define THEN_REKEY_IKE		0x1000	/* the initiator rekeys the IKE SA, with all that */
#define THEN_REKEY_IKE_R	0x2000	/* the responder; both: at once */
#define THEN_CHILDLESS		0x4000	/* from the beginning: the IKE SA comes first */
#define THEN_PPK		0x8000	/* from the beginning: both have one */
#define THEN_BITS		16

/* The fifth: which allocation fails, from the first IKE message on; 0: none. */

/*
 * Then records: a number, an octet, the type of the first payload, two octets of
 * length, the chain. The number says which message that comes up from the kernel, of
 * all that come up at either end, has these payloads instead of its own; with
 * RECORD_EXCHANGE a request is of another exchange, too. With RECORD_REQUEST it is a
 * request more, once the two are up: from the responder if it is odd, of the exchange
 * that the next two bits say.
 */
#define RECORD_EXCHANGE	0x40
#define RECORD_REQUEST	0x80
#define RECORD_HEADER	4

struct exchange_setup {
	uint16_t setup, then;
	uint8_t fail;
};

/*
 * Runs it all; message(), unless NULL, may change each message that comes up; more()
 * is for requests more.
 */
void exchange_run(const struct exchange_setup *s,
		  void (*message)(struct kernel_message *msg, unsigned int number),
		  void (*more)(void));
/* A sealed request that no task of the helper sends, and what comes of it. */
void exchange_request(bool from_responder, uint8_t exchange, uint8_t first,
		      const uint8_t *chain, size_t len);

#endif
