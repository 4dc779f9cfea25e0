// SPDX-License-Identifier: GPL-2.0
/*
 * Every exchange of the helper, from both ends: what it makes of messages that come
 * up, in the clear (IKE_SA_INIT) and decrypted. An input says how two helpers are set
 * up, what they do, and which payloads come in the place of theirs: exchange.h. All
 * that is random is the same each time, so that what a seed recorded, AUTH included,
 * is right again.
 *
 * Whoever waits is told once; no ESP SA or policy outlives its Child SA; nothing
 * leaks; no log line holds the secret. The stand-in for the kernel has more: no second
 * answer to a request, no second request while one is outstanding, no SA installed
 * twice.
 */
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "fuzz.h"
#include "payload.h"
#include "wire.h"

static struct input records;
static uint8_t *octets;

/* The first record of this number; the input is at its chain then. */
static bool find(struct input *in, unsigned int number, bool *other, uint8_t *first,
		 size_t *len)
{
	*in = records;
	while (in->left >= RECORD_HEADER) {
		uint8_t n = input_u8(in);

		*first = input_u8(in);
		*len = input_u16(in);
		if (!(n & RECORD_REQUEST) && (n & ~RECORD_EXCHANGE) == number) {
			*other = n & RECORD_EXCHANGE;
			if (*len > in->left)
				*len = in->left;
			return true;
		}
		input_octets(in, len);
	}
	return false;
}

/* As the module would deliver it; what it would not, is not put in its place. */
static void replace(struct kernel_message *msg, unsigned int number)
{
	struct ikefp_header h;
	const uint8_t *chain;
	struct input in;
	uint8_t first;
	size_t len;
	bool other;

	free(octets);
	octets = NULL;
	if (!find(&in, number, &other, &first, &len))
		return;
	chain = input_octets(&in, &len);
	if (!msg->raw) {
		if (!len != !first)
			return;
		octets = malloc(len + 1);
		CHECK(octets);
		memcpy(octets, chain, len);
		msg->first_payload = first;
		msg->data = octets;
		msg->len = len;
		if (other && !(msg->flags & IKE_FLAG_RESPONSE))
			msg->exchange = msg->exchange == INFORMATIONAL ? CREATE_CHILD_SA :
									 INFORMATIONAL;
		return;
	}
	if (!ikefp_wire_check_payloads(chain, len, first))
		return;
	octets = malloc(IKE_HEADER_LEN + len);
	CHECK(octets);
	ikefp_wire_get_header(msg->data, &h);
	h.first_payload = first;
	h.length = (uint32_t)(IKE_HEADER_LEN + len);
	ikefp_wire_put_header(octets, &h);
	memcpy(octets + IKE_HEADER_LEN, chain, len);
	msg->first_payload = first;
	msg->data = octets;
	msg->len = h.length;
	CHECK(!ikefp_wire_check_header(&h, msg->len));
}

static void requests(void)
{
	static const uint8_t exchanges[] = {
		INFORMATIONAL, CREATE_CHILD_SA, IKE_FOLLOWUP_KE, IKE_INTERMEDIATE,
	};
	struct input in = records;

	while (in.left >= RECORD_HEADER) {
		uint8_t number = input_u8(&in), first = input_u8(&in);
		size_t len = input_u16(&in);
		const uint8_t *chain = input_octets(&in, &len);

		if (number & RECORD_REQUEST && !len == !first)
			exchange_request(number & 1, exchanges[number >> 1 & 3], first, chain,
					 len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exchange_setup s;

	records = (struct input){ data, size };
	s.setup = input_u16(&records);
	s.then = input_u16(&records);
	s.fail = input_u8(&records);
	exchange_run(&s, replace, requests);
	free(octets);
	octets = NULL;
	return 0;
}
