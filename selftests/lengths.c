// SPDX-License-Identifier: GPL-2.0
/*
 * Payloads that say they are longer than what there is: each is a counted drop. Where
 * the kernel watches its memory, this is also where a look past the end is seen, since
 * lengths of all sizes lead to all kinds of places.
 */

#include "kselftest_harness.h"

#include "client.h"
#include "die.h"
#include "module.h"
#include "netns.h"
#include "peer.h"
#include "sk.h"

#define SPI 0x0102030405060708ull
#define MESSAGE_LEN 64
#define STEP 97
/* Fewer than a socket of the kernel's holds. */
#define BURST 50

FIXTURE(lengths)
{
	struct client *client;
	struct peer *peer;
};

FIXTURE_SETUP(lengths)
{
	netns_new();
	self->client = client_open(CLIENT_WORKER);
	client_listen(self->client, IKEFP_LISTENER_KIND_IKE, "0.0.0.0", 500);
	self->peer = peer_open("127.0.0.2", "127.0.0.1", 500, IKEFP_LISTENER_KIND_IKE);
}

FIXTURE_TEARDOWN(lengths)
{
	peer_close(self->peer);
	client_close(self->client);
}

/* Sends @message with each length that is too long in its first payload's header. */
static void send_lengths(struct __test_metadata *_metadata, struct client *client,
			 struct peer *peer, uint8_t *message, size_t len)
{
	uint8_t *payload = message + HEADER_LEN;
	char wanted[80];
	int sent = 0;
	unsigned int says;

	client_count_anew(client);
	for (says = len - HEADER_LEN + 1; says <= UINT16_MAX; says += STEP) {
		payload[2] = says >> 8;
		payload[3] = says;
		peer_send(peer, message, len);
		if (++sent == BURST || says + STEP > UINT16_MAX) {
			snprintf(wanted, sizeof(wanted), "rx-messages+%d drop-malformed+%d", sent,
				 sent);
			ASSERT_STREQ(wanted, client_counted(client, wanted));
			sent = 0;
		}
	}
}

/* In the clear: the walk to the next payload. */
TEST_F_TIMEOUT(lengths, init, 60)
{
	uint8_t message[MESSAGE_LEN];

	ike_put_init(message, SPI, 0, 1, sizeof(message));
	message[HEADER_LEN] = PAYLOAD_NOTIFY;
	send_lengths(_metadata, self->client, self->peer, message, sizeof(message));
}

/* Sealed: all that is seen without keys is the length of SK. */
TEST_F_TIMEOUT(lengths, sealed, 60)
{
	struct ike_header header;
	uint8_t message[MESSAGE_SIZE];
	size_t len;

	peer_init_kernel_responds(self->peer, self->client, SPI, &sk_algorithms[0]);
	header = peer_header(self->peer, IKE_AUTH, 1, false);
	len = sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_IDI, "hello", 5, message);
	send_lengths(_metadata, self->client, self->peer, message, len);
	/* None of them did anything. */
	sk_seal(&self->peer->keys, &header, NULL, PAYLOAD_IDI, "hello", 5, message);
	peer_send(self->peer, message, len);
	EXPECT_COUNTED(self->client, "rx-messages+1 upcalls+1");
}

MODULE_TEST_MAIN
