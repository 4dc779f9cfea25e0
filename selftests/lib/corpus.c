// SPDX-License-Identifier: GPL-2.0

#include "corpus.h"

#include <stdlib.h>
#include <string.h>

#include "die.h"

#define NATT_PORT 4500

void corpus_add(struct corpus *corpus, uint16_t port, const void *octets, size_t len)
{
	struct recorded *item;

	corpus->items = realloc(corpus->items, (corpus->number + 1) * sizeof(*corpus->items));
	if (!corpus->items)
		die("out of memory");
	item = &corpus->items[corpus->number++];
	*item = (struct recorded){ .port = port, .len = len, .octets = malloc(len + 1) };
	if (!item->octets)
		die("out of memory");
	memcpy(item->octets, octets, len);
}

void corpus_free(struct corpus *corpus)
{
	size_t i;

	for (i = 0; i < corpus->number; i++)
		free(corpus->items[i].octets);
	free(corpus->items);
}

static const struct recorded *choose(const struct corpus *corpus, struct fuzz *fuzz)
{
	if (!corpus->number)
		die("nothing was recorded");
	return &corpus->items[fuzz_below(fuzz, corpus->number)];
}

/* The message of a recorded datagram: behind the marker, if there is one. */
static size_t copy_message(const struct recorded *item, uint8_t *message)
{
	size_t skip = item->port == NATT_PORT ? MARKER_LEN : 0;
	size_t len = item->len > skip ? item->len - skip : 0;

	if (len > CORPUS_MAX_LEN - MARKER_LEN)
		len = CORPUS_MAX_LEN - MARKER_LEN;
	memcpy(message, item->octets + skip, len);
	return len;
}

/* Changes of an IKE header, of which there are @len octets at least HEADER_LEN. */
static void change_header(const struct corpus *corpus, struct fuzz *fuzz, uint8_t *message)
{
	static const uint8_t exchange_types[] = {
		IKE_SA_INIT, IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL, IKE_INTERMEDIATE,
		IKE_FOLLOWUP_KE,
	};
	static const uint8_t payloads[] = { PAYLOAD_NONE, PAYLOAD_SK, PAYLOAD_SKF, PAYLOAD_NONCE };
	uint8_t other[CORPUS_MAX_LEN] = {};
	uint8_t swapped[8];

	switch (fuzz_below(fuzz, 9)) {
	case 0:
		/* The SPIs of another SA. */
		copy_message(choose(corpus, fuzz), other);
		memcpy(message, other, 16);
		break;
	case 1:
		copy_message(choose(corpus, fuzz), other);
		memcpy(message + fuzz_below(fuzz, 2) * 8, other + fuzz_below(fuzz, 2) * 8, 8);
		break;
	case 2:
		put64(message + fuzz_below(fuzz, 2) * 8, fuzz_number(fuzz));
		break;
	case 3:
		memcpy(swapped, message, 8);
		memcpy(message, message + 8, 8);
		memcpy(message + 8, swapped, 8);
		break;
	case 4:
		message[16] = fuzz_percent(fuzz, 70) ? payloads[fuzz_below(fuzz, 4)] :
						       fuzz_next(fuzz);
		break;
	case 5:
		/* A higher major version is the one that is answered. */
		message[17] = fuzz_percent(fuzz, 50) ? 0x30 : fuzz_next(fuzz);
		break;
	case 6:
		message[18] = fuzz_percent(fuzz, 80) ? exchange_types[fuzz_below(fuzz, 6)] :
						       fuzz_next(fuzz);
		break;
	case 7:
		message[19] ^= fuzz_percent(fuzz, 70) ? FLAG_RESPONSE | FLAG_INITIATOR :
							1u << fuzz_below(fuzz, 8);
		break;
	case 8:
		put32(message + 20, fuzz_percent(fuzz, 70) ?
			      get32(message + 20) + fuzz_below(fuzz, 5) - 2 : fuzz_number(fuzz));
		break;
	}
}

/* Changes that make it another length, too. Returns that. */
static size_t change_octets(const struct corpus *corpus, struct fuzz *fuzz, uint8_t *message,
			    size_t len)
{
	uint8_t other[CORPUS_MAX_LEN];
	size_t at, more;

	switch (fuzz_below(fuzz, 6)) {
	case 0:
		for (more = 1 + fuzz_below(fuzz, 8); len && more; more--)
			message[fuzz_below(fuzz, len)] ^= 1u << fuzz_below(fuzz, 8);
		break;
	case 1:
		if (len)
			message[fuzz_below(fuzz, len)] = fuzz_number(fuzz);
		break;
	case 2:
		/* Hardly more than a header is where answers are not much longer. */
		more = fuzz_percent(fuzz, 50) ? len : HEADER_LEN + 8;
		len = fuzz_below(fuzz, (more < len ? more : len) + 1);
		break;
	case 3:
		more = fuzz_below(fuzz, fuzz_percent(fuzz, 90) ? 100 : 4000);
		if (more > CORPUS_MAX_LEN - MARKER_LEN - len)
			more = 0;
		memset(message + len, more, more);
		len += more;
		break;
	case 4:
		/* The end of another behind the beginning of this one. */
		more = copy_message(choose(corpus, fuzz), other);
		at = fuzz_below(fuzz, (len < more ? len : more) + 1);
		memcpy(message + at, other + at, more - at);
		len = more;
		break;
	case 5:
		/* What a payload or a fragment says of itself. */
		if (len >= HEADER_LEN + 8)
			put16(message + HEADER_LEN + 2 + 2 * fuzz_below(fuzz, 3),
			      fuzz_percent(fuzz, 50) ? len - HEADER_LEN : fuzz_number(fuzz));
		break;
	}
	return len;
}

/* What is no message at all. */
static size_t make_noise(struct fuzz *fuzz, uint8_t *octets)
{
	size_t len = fuzz_below(fuzz, 40);

	if (fuzz_percent(fuzz, 30)) {
		octets[0] = 0xff;
		return 1;
	}
	fuzz_octets(fuzz, octets, len);
	if (fuzz_percent(fuzz, 30))
		memset(octets, 0, len < MARKER_LEN ? len : MARKER_LEN);
	return len;
}

size_t corpus_change(const struct corpus *corpus, struct fuzz *fuzz, uint16_t port,
		     uint8_t *octets, size_t len)
{
	size_t marker = port == NATT_PORT ? MARKER_LEN : 0;
	uint8_t message[CORPUS_MAX_LEN] = {};
	int changes = 1 + fuzz_below(fuzz, 3);

	len = len > marker ? len - marker : 0;
	memcpy(message, octets + marker, len);
	for (; changes; changes--) {
		if (len >= HEADER_LEN && fuzz_percent(fuzz, 50))
			change_header(corpus, fuzz, message);
		else
			len = change_octets(corpus, fuzz, message, len);
		if (len > CORPUS_MAX_LEN - MARKER_LEN)
			len = CORPUS_MAX_LEN - MARKER_LEN;
	}
	if (len >= HEADER_LEN && fuzz_percent(fuzz, 90))
		put32(message + 24, len);
	else if (len >= HEADER_LEN && fuzz_percent(fuzz, 50))
		put32(message + 24, fuzz_number(fuzz));

	if (fuzz_percent(fuzz, 4))
		marker = MARKER_LEN - marker;
	memset(octets, 0, marker);
	if (marker && fuzz_percent(fuzz, 4))
		octets[fuzz_below(fuzz, MARKER_LEN)] = fuzz_next(fuzz);
	memcpy(octets + marker, message, len);
	return marker + len;
}

size_t corpus_make_up(const struct corpus *corpus, struct fuzz *fuzz, uint16_t port,
		      uint8_t *octets)
{
	size_t marker = port == NATT_PORT ? MARKER_LEN : 0, len;

	if (fuzz_percent(fuzz, 4))
		return make_noise(fuzz, octets);
	memset(octets, 0, marker);
	len = marker + copy_message(choose(corpus, fuzz), octets + marker);
	return fuzz_percent(fuzz, 15) ? len : corpus_change(corpus, fuzz, port, octets, len);
}

bool asked_of(struct asked *asked, uint16_t port, const uint8_t *octets, size_t len)
{
	size_t marker = port == NATT_PORT ? MARKER_LEN : 0;
	struct ike_header header;

	*asked = (struct asked){};
	if (len < marker + HEADER_LEN || (marker && get32(octets)))
		return false;
	header = ike_get_header(octets + marker);
	*asked = (struct asked){
		.spi_i = header.spi_i,
		.message_id = header.message_id,
		.exchange_type = header.exchange_type,
		.len = len,
	};
	return true;
}

const char *asked_answer(struct asked *asked, size_t number, uint16_t port,
			 const uint8_t *octets, size_t len)
{
	struct asked answer, *found = NULL;
	bool any = false;
	size_t i;

	if (!asked_of(&answer, port, octets, len))
		return "it is no IKE message";
	/* Of several that it may answer, the shortest that is long enough. */
	for (i = 0; i < number; i++) {
		if (!asked[i].len || asked[i].spi_i != answer.spi_i ||
		    asked[i].message_id != answer.message_id ||
		    asked[i].exchange_type != answer.exchange_type)
			continue;
		any = true;
		if (asked[i].len >= len && (!found || asked[i].len < found->len))
			found = &asked[i];
	}
	if (!found)
		return any ? "it is longer than what it answers" : "nobody asked for it";
	found->len = 0;
	return "";
}
