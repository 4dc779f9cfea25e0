// SPDX-License-Identifier: GPL-2.0

#include "requests.h"

#include <linux/genetlink.h>
#include <netinet/in.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <unistd.h>

#include "ike.h"
#include "ikefp_nl.h"
#include "spec.h"
#include "tcp.h"

#include <linux/ikefp.h>

#include "spec-table.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Octets of an inbound and an outbound SPI, and how many of them an SA has at most. */
#define ESP_PAIR_LEN 8
#define ESP_PAIRS_MAX 64

/* Of a hundred requests, how many are made worse than they are; many of them twice. */
#define SPOILED_PERCENT 30

/* What a request is to say, so that its attributes go together. */
struct intent {
	const struct spec_operation *operation;
	struct fuzz_sa *sa;
	uint64_t spi;
	bool v6;
	bool raw;
	bool response;
	bool completes; /* an SA, which is established then */
	bool path;
	bool stream; /* in its place */
	bool link_local; /* of IPv6 */
	unsigned int optional; /* of a hundred attributes that need not be there, how many are */
	size_t payload_len;
};

static bool chance(struct requests *requests, unsigned int percent)
{
	return fuzz_percent(&requests->fuzz, percent);
}

static uint64_t below(struct requests *requests, uint64_t limit)
{
	return fuzz_below(&requests->fuzz, limit);
}

static bool is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

/* Values */

static uint64_t any_spi(struct requests *requests)
{
	return chance(requests, 50) ? fuzz_number(&requests->fuzz) :
				      1 + below(requests, 50);
}

static uint64_t setting(struct requests *requests, const char *name, bool *known)
{
	*known = true;
	if (is(name, "give-up-ms") || is(name, "half-open-ms"))
		return 10 + below(requests, 3000);
	if (strstr(name, "-ms"))
		return 10 + below(requests, 300);
	if (is(name, "max-sas"))
		return 3000;
	if (is(name, "max-half-open"))
		return 64;
	/* Mostly so that new peers get in. */
	if (is(name, "source-rate") || is(name, "init-rate") || is(name, "cookie-rate") ||
	    is(name, "cookie-half-open") || is(name, "cookie-half-open-source") ||
	    is(name, "max-half-open-source"))
		return chance(requests, 80) ? 100000 : 1 + below(requests, 10);
	if (is(name, "max-cache-octets"))
		return 1 << 22;
	if (is(name, "max-waiting-octets") || is(name, "max-stash-octets") ||
	    is(name, "max-reassembly-octets"))
		return 1 << 20;
	*known = false;
	return 0;
}

/* One end of a new connection, in the thread's namespace; of the one before nothing is left here. */
static uint64_t connection(struct requests *requests, bool v6)
{
	struct sockaddr_storage near = address(v6 ? "::1" : "127.0.0.1", 0);
	struct sockaddr_storage far = address(v6 ? "::1" : "127.0.0.2", 0);
	int listening = tcp_listen(&far);

	if (requests->near) {
		close(requests->near);
		close(requests->far);
	}
	far = udp_local(listening);
	requests->near = tcp_connect(&near, &far);
	requests->far = tcp_accept(listening);
	close(listening);
	return requests->near;
}

/* The namespace's first interface. */
#define LOOPBACK 1

/* A number that makes sense, for what makes sense. */
static uint64_t sensible(struct requests *requests, const struct intent *intent, const char *name,
			 bool *known)
{
	static const uint8_t exchange_types[] = {
		IKE_AUTH, CREATE_CHILD_SA, INFORMATIONAL, IKE_INTERMEDIATE, IKE_FOLLOWUP_KE,
	};

	*known = true;
	if (is(name, "spi"))
		return intent->spi;
	if (is(name, "peer-spi"))
		return intent->sa->peer_spi;
	/* Of the few that sa-new gives, too, so that they end again. */
	if (is(name, "new-spi"))
		return chance(requests, 5) ? fuzz_number(&requests->fuzz) : 1 + below(requests, 50);
	if (is(name, "role"))
		return intent->sa->initiator ? IKEFP_ROLE_INITIATOR : IKEFP_ROLE_RESPONDER;
	if (is(name, "family"))
		return intent->v6 ? AF_INET6 : AF_INET;
	if (is(name, "local-ipv4"))
		return 0x7f000001;
	if (is(name, "ipv4"))
		return chance(requests, 50) ? 0 : 0x7f000001 + below(requests, 4);
	if (is(name, "remote-ipv4"))
		return 0x7f000002;
	if (is(name, "local-port") || is(name, "port"))
		return chance(requests, 50) ? 500 : 4500;
	if (is(name, "remote-port"))
		return FUZZ_PEER_PORT;
	if (is(name, "state"))
		return IKEFP_SA_STATE_ESTABLISHED;
	if (is(name, "encr"))
		return intent->sa->keys.algorithm->encr;
	if (is(name, "integ"))
		return intent->sa->keys.algorithm->integ;
	if (is(name, "exchange-type"))
		return intent->response ? requests->hint.exchange_type :
		       exchange_types[below(requests, ARRAY_SIZE(exchange_types))];
	if (is(name, "message-id"))
		return requests->hint.message_id;
	if (is(name, "first-payload"))
		return intent->payload_len ? PAYLOAD_NOTIFY : PAYLOAD_NONE;
	if (is(name, "worker"))
		return requests->worker;
	if (is(name, "fd"))
		return connection(requests, intent->v6);
	if (is(name, "stream"))
		return requests->stream;
	if (is(name, "ifindex"))
		return LOOPBACK;
	if (is(name, "fragment-size"))
		return chance(requests, 20) ? 0 : 256 + below(requests, 2000);
	if (is(name, "window-in") || is(name, "window-out"))
		return 1 + below(requests, IKEFP_MAX_WINDOW);
	return setting(requests, name, known);
}

static uint64_t number_of(struct requests *requests, const struct intent *intent,
			  const struct spec_attribute *attribute)
{
	bool known = false;
	uint64_t value = 0;

	if (chance(requests, 97))
		value = sensible(requests, intent, attribute->name, &known);
	if (known)
		return value;
	/* Within what the specification has, or not. */
	value = fuzz_number(&requests->fuzz);
	if (chance(requests, 80) && (value < attribute->min || value > attribute->max))
		value = chance(requests, 50) ? attribute->max :
			attribute->min + value % 4;
	return value;
}

static size_t put_number(uint8_t *out, uint64_t value, size_t len, bool big_endian)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[big_endian ? len - 1 - i : i] = value >> 8 * i;
	return len;
}

static size_t put_raw(struct requests *requests, const struct intent *intent, uint8_t *out)
{
	struct fuzz_sa *sa = intent->sa;

	if (sa->initiator)
		return ike_put_init(out, sa->spi, 0, below(requests, 4), FUZZ_INIT_LEN);
	return ike_put_init(out, sa->peer_spi, sa->spi, 0x44, FUZZ_INIT_LEN);
}

static size_t put_octets(struct requests *requests, const struct intent *intent,
			 const struct spec_attribute *attribute, uint8_t *out)
{
	static const struct in6_addr link_local = { .s6_addr = { 0xfe, 0x80, [15] = 2 } };
	struct ikefp_keys keys = sk_keys_for_module(&intent->sa->keys);
	const struct in6_addr *remote = intent->link_local ? &link_local : &in6addr_loopback;
	const struct {
		const char *name;
		struct ikefp_octets octets;
	} known[] = {
		{ "sk-ei", keys.sk_ei },
		{ "sk-er", keys.sk_er },
		{ "sk-ai", keys.sk_ai },
		{ "sk-ar", keys.sk_ar },
		{ "ipv6", { &in6addr_loopback, sizeof(in6addr_loopback) } },
		{ "local-ipv6", { &in6addr_loopback, sizeof(in6addr_loopback) } },
		{ "remote-ipv6", { remote, sizeof(*remote) } },
	};
	size_t len = attribute->len ?: below(requests, 100);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		if (is(attribute->name, known[i].name) && chance(requests, 97)) {
			memcpy(out, known[i].octets.data, known[i].octets.len);
			return known[i].octets.len;
		}
	}
	if (is(attribute->name, "payload")) {
		if (intent->raw)
			return put_raw(requests, intent, out);
		len = intent->payload_len;
	}
	if (is(attribute->name, "esp-spis") && chance(requests, 97))
		len = ESP_PAIR_LEN * (chance(requests, 50) ? 1 : below(requests, ESP_PAIRS_MAX + 1));
	if (is(attribute->name, "esp-marks") && chance(requests, 97))
		len = ESP_PAIR_LEN;
	/* Long ones are worth their length, not their octets. */
	memset(out, len, len);
	fuzz_octets(&requests->fuzz, out, len < 64 ? len : 64);
	return len;
}

static size_t put_set(struct requests *requests, const struct intent *intent,
		      const struct spec_set *set, const uint16_t *places, size_t number,
		      uint64_t *put, uint8_t *out);

static size_t put_value(struct requests *requests, const struct intent *intent,
			const struct spec_attribute *attribute, uint8_t *out)
{
	switch (attribute->kind) {
	case SPEC_U8:
	case SPEC_U16:
	case SPEC_U32:
	case SPEC_U64:
		return put_number(out, number_of(requests, intent, attribute), attribute->len,
				  attribute->big_endian);
	case SPEC_NEST:
		return put_set(requests, intent, attribute->nested, NULL,
			       attribute->nested->number, NULL, out);
	case SPEC_FLAG:
	case SPEC_PAD:
		return 0;
	case SPEC_BINARY:
		break;
	}
	return put_octets(requests, intent, attribute, out);
}

static size_t put_attribute(uint8_t *out, uint16_t type, size_t len)
{
	struct nlattr header = { .nla_type = type, .nla_len = NLA_HDRLEN + len };

	memcpy(out, &header, sizeof(header));
	memset(out + NLA_HDRLEN + len, 0, NLA_ALIGN(len) - len);
	return NLA_HDRLEN + NLA_ALIGN(len);
}

/* Whether a request with this intent has that attribute. */
static bool wanted(struct requests *requests, const struct intent *intent,
		   const struct spec_attribute *attribute)
{
	const char *operation = intent->operation->name;
	const char *name = attribute->name;
	bool listener = strstr(operation, "listener");

	if (chance(requests, 2))
		return chance(requests, 50);
	if (is(name, "ipv4") || is(name, "ipv6"))
		return intent->path && intent->v6 == is(name, "ipv6");
	if (listener)
		return true;
	if (is(name, "fd") || is(name, "originator"))
		return true;
	if (is(name, "stream"))
		return intent->stream;
	if (is(name, "raw"))
		return intent->raw;
	if (is(name, "response"))
		return !intent->raw && intent->response;
	if (is(name, "message-id"))
		return !intent->raw && intent->response;
	if (is(name, "exchange-type") || is(name, "first-payload"))
		return !intent->raw;
	if (is(name, "payload"))
		return intent->raw || intent->payload_len;
	if (is(name, "ifindex"))
		return intent->link_local;
	if (attribute->kind == SPEC_PAD)
		return false;
	if (strstr(name, "ipv4") || strstr(name, "ipv6"))
		return intent->path && intent->v6 == !!strstr(name, "ipv6");
	if (is(name, "local-port") || is(name, "remote-port"))
		return intent->path;
	if (is(name, "integ") || is(name, "sk-ai") || is(name, "sk-ar"))
		return intent->sa->keys.algorithm->integ;
	if (is(name, "spi") || strstr(name, "sk-") || is(name, "encr"))
		return true;
	if (is(name, "keys") || is(name, "peer-spi") || is(name, "state") ||
	    is(name, "new-spi") || is(name, "role"))
		return intent->completes || chance(requests, 5);
	return chance(requests, intent->optional);
}

/*
 * Attributes of a set, in an order of their own. @places NULL: all. Which of @places those
 * are goes to @put, if it is not NULL.
 */
static size_t put_set(struct requests *requests, const struct intent *intent,
		      const struct spec_set *set, const uint16_t *places, size_t number,
		      uint64_t *put, uint8_t *out)
{
	size_t start = below(requests, number), len = 0, i;

	for (i = 0; i < number; i++) {
		size_t at = (start + i) % number;
		const struct spec_attribute *attribute =
			&set->attributes[places ? places[at] : at];
		uint16_t type = attribute->type;
		size_t value_len;

		if (!wanted(requests, intent, attribute))
			continue;
		if (attribute->kind == SPEC_NEST)
			type |= NLA_F_NESTED;
		value_len = put_value(requests, intent, attribute, out + len + NLA_HDRLEN);
		len += put_attribute(out + len, type, value_len);
		if (put)
			*put |= 1ull << at;
	}
	return len;
}

/* Requests */

static unsigned int weight(const char *name)
{
	/* Closing one waits for the whole machine. */
	if (is(name, "listener-del"))
		return 1;
	if (is(name, "listener-add"))
		return 2;
	if (is(name, "sa-new"))
		return 15;
	if (is(name, "sa-set"))
		return 25;
	if (is(name, "message-send"))
		return 40;
	return 5;
}

static size_t choose_operation(struct requests *requests)
{
	unsigned int sum = 0, choice;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(spec_operations); i++)
		sum += weight(spec_operations[i].name);
	choice = below(requests, sum);
	for (i = 0; choice >= weight(spec_operations[i].name); i++)
		choice -= weight(spec_operations[i].name);
	return i;
}

/* The same SA several times in a row, so that it gets somewhere. */
static struct fuzz_sa *choose_sa(struct requests *requests, bool initiator)
{
	if (!requests->sa || chance(requests, 15) ||
	    (initiator && !requests->sa->initiator)) {
		do
			requests->sa = &requests->sas[below(requests, FUZZ_SAS)];
		while (initiator && !requests->sa->initiator);
	}
	return requests->sa;
}

static struct intent choose_intent(struct requests *requests,
				   const struct spec_operation *operation)
{
	bool listener = strstr(operation->name, "listener");
	bool creates = is(operation->name, "sa-new");
	struct intent intent = {
		.operation = operation,
		.v6 = chance(requests, 30),
		.path = creates || chance(requests, listener ? 60 : 30),
		.raw = chance(requests, 35),
		/* Few at a time are granted more often. */
		.optional = 5 + below(requests, 50),
	};
	size_t i;

	intent.completes = is(operation->name, "sa-rekey") ? chance(requests, 90) :
			   is(operation->name, "sa-set") && chance(requests, 30);
	intent.stream = strstr(operation->name, "stream") || (requests->stream && chance(requests, 10));
	intent.path &= !intent.stream;
	intent.link_local = intent.v6 && intent.path && chance(requests, 20);

	intent.sa = choose_sa(requests, creates || intent.raw);
	if (is(operation->name, "message-send") && requests->hint.spi &&
	    chance(requests, 50)) {
		intent.raw = requests->hint.raw;
		intent.response = !intent.raw;
		intent.spi = requests->hint.spi;
		for (i = 0; i < FUZZ_SAS; i++) {
			if (requests->sas[i].spi == requests->hint.spi)
				intent.sa = &requests->sas[i];
		}
		if (chance(requests, 70))
			requests->hint.spi = 0;
	}
	/* What lingers has its SPI for long. */
	if (is(operation->name, "sa-new") && intent.sa->initiator && chance(requests, 5))
		intent.sa->spi = any_spi(requests) ?: 1;
	intent.spi = intent.spi ?: intent.sa->spi;
	if (chance(requests, 70))
		intent.payload_len = 1 + below(requests, chance(requests, 90) ? 200 : 3000);
	if (chance(requests, 1))
		intent.payload_len = IKEFP_MAX_MESSAGE - below(requests, 100);
	return intent;
}

/* A nest in a nest in a nest, each of the same type. */
static size_t put_tower(struct requests *requests, uint8_t *out)
{
	size_t depth = 1 + below(requests, 40), i;
	uint16_t type = below(requests, 24) | NLA_F_NESTED;

	for (i = 0; i < depth; i++)
		put_attribute(out + i * NLA_HDRLEN, type, (depth - 1 - i) * NLA_HDRLEN);
	return depth * NLA_HDRLEN;
}

/* The place of one of the attributes in a request, or 0. */
static size_t choose_attribute(struct requests *requests, const uint8_t *octets, size_t len)
{
	size_t at = NLMSG_HDRLEN + GENL_HDRLEN, found = 0, number = 0;

	while (at + NLA_HDRLEN <= len) {
		const struct nlattr *attribute = (const struct nlattr *)(octets + at);

		if (attribute->nla_len < NLA_HDRLEN || at + attribute->nla_len > len)
			break;
		if (!below(requests, ++number))
			found = at;
		/* Into nests, now and then. */
		at += attribute->nla_type & NLA_F_NESTED && chance(requests, 50) ?
			      NLA_HDRLEN : NLA_ALIGN(attribute->nla_len);
	}
	return found;
}

/* Makes a request worse. Returns its length, which may have changed. */
static size_t spoil(struct requests *requests, uint8_t *octets, size_t len, size_t room)
{
	struct genlmsghdr *genl = (struct genlmsghdr *)(octets + NLMSG_HDRLEN);
	struct nlmsghdr *header = (struct nlmsghdr *)octets;
	size_t at = choose_attribute(requests, octets, len);
	struct nlattr *attribute = (struct nlattr *)(octets + at);
	size_t size;

	switch (below(requests, at ? 12 : 6)) {
	case 0:
		genl->cmd = fuzz_next(&requests->fuzz);
		break;
	case 1:
		genl->version = fuzz_next(&requests->fuzz);
		genl->reserved = chance(requests, 50) ? fuzz_next(&requests->fuzz) : 0;
		break;
	case 2:
		/* A verdict is always asked for. */
		header->nlmsg_flags = fuzz_next(&requests->fuzz) | NLM_F_ACK;
		if (chance(requests, 80))
			header->nlmsg_flags |= NLM_F_REQUEST;
		break;
	case 3:
		size = below(requests, len - NLMSG_HDRLEN + 1);
		len = NLMSG_HDRLEN + size;
		break;
	case 4:
		if (room > 200)
			len += put_tower(requests, octets + len);
		break;
	case 5:
		size = NLA_ALIGN(below(requests, 64));
		if (room > size) {
			fuzz_octets(&requests->fuzz, octets + len, size);
			len += size;
		}
		break;
	case 6:
		attribute->nla_type = below(requests, 48);
		break;
	case 7:
		attribute->nla_type ^= 1u << below(requests, 16);
		break;
	case 8:
		attribute->nla_len = fuzz_number(&requests->fuzz);
		break;
	case 9:
		attribute->nla_len += below(requests, 9) - 4;
		break;
	case 10:
		size = NLA_ALIGN(attribute->nla_len);
		if (room > size && at + size <= len) {
			memcpy(octets + len, octets + at, size);
			len += size;
		}
		break;
	case 11:
		if (attribute->nla_len > NLA_HDRLEN && at + attribute->nla_len <= len)
			octets[at + NLA_HDRLEN +
			       below(requests, attribute->nla_len - NLA_HDRLEN)] =
				fuzz_next(&requests->fuzz);
		break;
	}
	return len;
}

size_t requests_put(struct requests *requests, uint32_t seq, uint8_t *octets, size_t size,
		    struct asked *asked)
{
	struct genlmsghdr genl = { .version = IKEFP_FAMILY_VERSION };
	struct nlmsghdr *header = (struct nlmsghdr *)octets;
	size_t len = NLMSG_HDRLEN + GENL_HDRLEN;
	const struct spec_operation *spec;
	struct intent intent;

	*asked = (struct asked){ .operation = choose_operation(requests) };
	spec = &spec_operations[asked->operation];
	intent = choose_intent(requests, spec);
	*header = (struct nlmsghdr){
		.nlmsg_type = requests->family,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		.nlmsg_seq = seq,
	};
	genl.cmd = spec->command;
	memcpy(octets + NLMSG_HDRLEN, &genl, sizeof(genl));
	if (spec->dump && chance(requests, 30))
		header->nlmsg_flags |= NLM_F_DUMP;
	else
		len += put_set(requests, &intent, spec->set, spec->request, spec->number,
			       &asked->attributes, octets + len);
	if (chance(requests, SPOILED_PERCENT)) {
		asked->attributes = 0;
		do
			len = spoil(requests, octets, len, size - len);
		while (chance(requests, 30));
	}
	header->nlmsg_len = len;
	return len;
}

size_t requests_operations(void)
{
	return ARRAY_SIZE(spec_operations);
}

const char *requests_name(size_t operation)
{
	return spec_operations[operation].name;
}

const char *requests_attribute(size_t operation, size_t place)
{
	const struct spec_operation *spec = &spec_operations[operation];
	const struct spec_attribute *attribute;

	if (place >= spec->number)
		return NULL;
	attribute = &spec->set->attributes[spec->request[place]];
	return attribute->kind == SPEC_PAD ? "" : attribute->name;
}
