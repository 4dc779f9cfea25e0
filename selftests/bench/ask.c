// SPDX-License-Identifier: GPL-2.0
/*
 * usage: ask WHAT LOCAL REMOTE SINK-PORT NETNS NOBODY COUNT PAUSE
 *
 * What a message costs the gateway REMOTE that it answers at once. WHAT is
 *
 *	dup-request	an empty INFORMATIONAL request that was answered before
 *	dup-init	an IKE_SA_INIT request that was answered before
 *	liveness	an empty INFORMATIONAL request, a new one each
 *	cookie		an IKE_SA_INIT request from a new source each, of 10.64.0.0/16,
 *			while the gateway asks for cookies; LOCAL is 0.0.0.0
 *
 * COUNT of them are sent, each PAUSE ms after the answer to the one before has come, since
 * some gateways are not done yet when they have answered. Every answer must be right. What
 * that costs is the gateway's share and this program's own, which is measured and taken off:
 *
 *	sends		the same octets to a port of the gateway's host where all is thrown
 *			away (SINK-PORT), with the same waits
 *	receptions	the answers once more, from a socket of this program in the gateway's
 *			network namespace (NETNS), less the same to NOBODY, a host that is not
 *			there: what is sent to it comes as far as to this host's device
 *
 * Printed are, in instructions for one, the round trip less both, and less the sends alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/rand.h>

#include "elsewhere.h"
#include "fail.h"
#include "initiator.h"
#include "roundtrip.h"

#define HALF_OPEN_MAX	1000
#define STRANGERS	0x0a400001	/* the first one's address */

static struct initiator initiator;
static struct roundtrip trip;
static struct question *questions;
static struct answer *answers;
static unsigned int count;		/* those of the warm-up included */

static void open_initiator(void)
{
	struct endpoint own, other;

	endpoint_from_sockaddr(&own, (const struct sockaddr *)&trip.here);
	endpoint_from_sockaddr(&other, (const struct sockaddr *)&trip.gateway);
	initiator_open(&initiator, &own, &other);
}

static void repeat(const struct buf *octets)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		questions[i] = (struct question){ .octets = octets->data, .len = octets->len };
}

static void check_repeated(void)
{
	unsigned int i;

	for (i = 1; i < count; i++) {
		if (answers[i].len != answers[0].len ||
		    memcmp(answers[i].octets, answers[0].octets, answers[0].len))
			fail("answer %u is another than the first", i + 1);
	}
}

static void check_liveness(unsigned int i, uint32_t message_id)
{
	struct buf inner = BUF_INIT;
	uint8_t first;

	if (initiator_open_response(&initiator, INFORMATIONAL, message_id, answers[i].octets,
				    answers[i].len, &inner, &first))
		fail("answer %u is no empty INFORMATIONAL response to request %u", i + 1,
		     message_id);
	buf_clear(&inner);
}

static void dup_request(void)
{
	struct buf request = BUF_INIT;

	initiator_establish(&initiator);
	initiator_seal(&initiator, &request, INFORMATIONAL, 0, NULL, 0);
	repeat(&request);
}

static void liveness(void)
{
	struct buf request;
	unsigned int i;

	initiator_establish(&initiator);
	for (i = 0; i < count; i++) {
		request = (struct buf)BUF_INIT;
		initiator_seal(&initiator, &request, INFORMATIONAL, 0, NULL, 0);
		questions[i] = (struct question){ .octets = request.data, .len = request.len };
	}
}

static void dup_init(void)
{
	initiator_make_init(&initiator);
	repeat(&initiator.init);
}

/* The same request with another SPI, from another host. */
static struct question stranger(uint32_t source)
{
	struct buf request = BUF_INIT;

	if (buf_set(&request, initiator.init.data, initiator.init.len) ||
	    RAND_bytes(request.data, IKE_SPI_LEN) != 1)
		fail("no request");
	return (struct question){ request.data, request.len, { htonl(source) } };
}

static bool is_cookie(const struct question *question, const struct answer *answer)
{
	struct payload_chain chain;
	struct ike_header header;
	struct notify n;

	return answer->len > 0 && !ike_header_read(&header, answer->octets, answer->len) &&
	       !memcmp(answer->octets, question->octets, IKE_SPI_LEN) &&
	       header.flags == IKE_FLAG_RESPONSE &&
	       !payload_parse(&chain, header.next_payload, answer->octets + IKE_HEADER_LEN,
			      answer->len - IKE_HEADER_LEN) &&
	       chain.n == 1 && !notify_find(&n, &chain, COOKIE);
}

/* Half-open SAs until the gateway asks for a cookie. */
static void cookie(void)
{
	struct question question;
	struct answer answer;
	unsigned int i;

	initiator_make_init(&initiator);
	for (i = 0; i < count; i++)
		questions[i] = stranger(STRANGERS + HALF_OPEN_MAX + i);
	for (i = 0; i < HALF_OPEN_MAX; i++) {
		question = stranger(STRANGERS + i);
		roundtrip_ask(&trip, &question, &answer);
		if (is_cookie(&question, &answer))
			break;
	}
	if (i == HALF_OPEN_MAX)
		fail("no cookie was asked for with %u half-open SAs", i);
	fprintf(stderr, "a cookie was asked for after %u half-open SAs\n", i);
}

int main(int argc, char **argv)
{
	uint64_t net, with_receptions;
	unsigned int i;

	if (argc != 9)
		fail("usage: ask WHAT LOCAL REMOTE SINK-PORT NETNS NOBODY COUNT PAUSE");
	trip.here = roundtrip_address(argv[2], IKE_PORT);
	trip.gateway = roundtrip_address(argv[3], IKE_PORT);
	trip.sink = roundtrip_address(argv[3], atoi(argv[4]));
	trip.mirror = open_elsewhere(argv[5], SOCK_DGRAM);
	trip.nobody = roundtrip_address(argv[6], 0);
	count = ROUNDTRIP_WARM_UP + strtoul(argv[7], NULL, 10);
	i = strtoul(argv[8], NULL, 10);
	trip.pause = (struct timespec){ i / 1000, i % 1000 * 1000000 };
	roundtrip_allocate(&questions, &answers, count);

	open_initiator();
	trip.sock = initiator.sock;
	if (!strcmp(argv[1], "dup-request"))
		dup_request();
	else if (!strcmp(argv[1], "dup-init"))
		dup_init();
	else if (!strcmp(argv[1], "liveness"))
		liveness();
	else if (!strcmp(argv[1], "cookie"))
		cookie();
	else
		fail("'%s' is nothing that can be asked", argv[1]);

	net = roundtrip_measure(&trip, questions, answers, count, &with_receptions);

	if (!strcmp(argv[1], "cookie")) {
		for (i = 0; i < count; i++) {
			if (!is_cookie(&questions[i], &answers[i]))
				fail("answer %u is no COOKIE", i + 1);
		}
	} else if (!strcmp(argv[1], "liveness")) {
		for (i = 0; i < count; i++)
			check_liveness(i, 2 + i);
	} else {
		check_repeated();
		if (!strcmp(argv[1], "dup-request"))
			check_liveness(0, 2);
		else
			initiator_take_init(&initiator, answers[0].octets, answers[0].len);
	}
	printf("%" PRIu64 " %" PRIu64 "\n", net, with_receptions);
	return 0;
}
