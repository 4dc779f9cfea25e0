// SPDX-License-Identifier: GPL-2.0
/*
 * usage: serves LOCAL REMOTE
 *
 * Waits until the gateway REMOTE answers an IKE_SA_INIT request with one of its own: a new
 * request each 10 ms, for at most a minute. (LOCAL has a daemon of its own: the requests
 * come from another port.)
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "fail.h"
#include "initiator.h"

#define LOCAL_PORT	5000
#define EACH_MS		10
#define TRIES		6000
#define ANSWER_SIZE	4096

static bool is_answer(const uint8_t *answer, ssize_t len)
{
	struct payload_chain chain;
	struct ike_header header;

	return len > 0 && !ike_header_read(&header, answer, len) &&
	       header.flags == IKE_FLAG_RESPONSE &&
	       !payload_parse(&chain, header.next_payload, answer + IKE_HEADER_LEN,
			      len - IKE_HEADER_LEN) &&
	       payload_only(&chain, PAYLOAD_KE);
}

int main(int argc, char **argv)
{
	struct endpoint local, gateway;
	uint8_t answer[ANSWER_SIZE];
	struct initiator initiator;
	struct pollfd fd;
	unsigned int i;

	if (argc != 3)
		fail("usage: serves LOCAL REMOTE");
	local = initiator_address(argv[1], LOCAL_PORT);
	gateway = initiator_address(argv[2], IKE_PORT);
	initiator_open(&initiator, &local, &gateway);
	fd = (struct pollfd){ .fd = initiator.sock, .events = POLLIN };
	for (i = 0; i < TRIES; i++) {
		initiator_make_init(&initiator);
		initiator_send(&initiator, initiator.init.data, initiator.init.len);
		while (poll(&fd, 1, EACH_MS) > 0) {
			/* An error is the host's, which has nobody at this port yet. */
			ssize_t len = recv(initiator.sock, answer, sizeof(answer), MSG_DONTWAIT);

			if (is_answer(answer, len)) {
				initiator_close(&initiator);
				return 0;
			}
		}
	}
	fail("no answer in a minute");
}
