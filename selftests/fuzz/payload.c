// SPDX-License-Identifier: GPL-2.0
/*
 * The helper's reading of payloads: chains, and of their bodies SA, TS, Notify, ID, CERT,
 * CERTREQ and AUTH, in the clear or decrypted. An input is the type of the first payload
 * and the chain.
 *
 * The module and the helper agree on which octets are a chain; what was read lies in
 * the message; what is written of it reads the same; what is chosen was offered by
 * both sides, of the group that the peer prefers if it can be; and selectors become
 * those of a host with nothing else about them changed.
 */
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include "certificate.h"
#include "endpoint.h"
#include "fuzz.h"
#include "id.h"
#include "ike_cert.h"
#include "payload.h"
#include "proposal.h"
#include "signature.h"
#include "ts.h"
#include "wire.h"

static struct proposal_list ike, esp;
static struct ts_list selectors;
static struct endpoint hosts[2];	/* of each family */

static void add(struct proposal_list *list, enum ike_protocol protocol, const char *text)
{
	char err[128];

	CHECK(!proposal_list_add(list, protocol, text, err, sizeof(err)));
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char *const ts[] = { "10.0.0.0/8", "192.0.2.1[tcp/80]", "2001:db8::/32",
					  "0.0.0.0/0[17/opaque]", "10.1.0.0-10.2.0.9[/53]" };
	const char *why;

	(void)argc;
	(void)argv;
	add(&ike, PROTO_IKE, "aes128gcm16-prfsha256-x25519-ecp256");
	add(&ike, PROTO_IKE, "aes256-sha384-sha256-modp2048");
	add(&ike, PROTO_IKE, "aes128gcm16-prfsha256-x25519-ecp256-ke1_ecp384-ke1_none-ke3_modp3072");
	add(&ike, PROTO_IKE, "default");
	add(&esp, PROTO_ESP, "aes128gcm16-esn-noesn");
	add(&esp, PROTO_ESP, "aes256-sha256-x25519");
	add(&esp, PROTO_ESP, "default");
	add(&esp, PROTO_ESP, "aes128-sha256-modp2048-modpnone");
	for (size_t i = 0; i < sizeof(ts) / sizeof(*ts); i++)
		CHECK(!ts_parse(&selectors.v[selectors.n++], ts[i], &why));
	CHECK(!endpoint_parse(&hosts[0], "192.0.2.1", 500));
	CHECK(!endpoint_parse(&hosts[1], "2001:db8::1", 500));
	return 0;
}

static void check_proposal(const struct proposal *p, enum ike_protocol protocol)
{
	unsigned int of_type[TRANSFORM_MAX + 1] = { 0 };
	char text[256];

	CHECK(p->protocol == protocol);
	CHECK(p->spi_len <= sizeof(p->spi) && p->n <= PROPOSAL_TRANSFORMS_MAX);
	for (unsigned int i = 0; i < p->n; i++) {
		CHECK(p->transforms[i].type && p->transforms[i].type <= TRANSFORM_MAX);
		CHECK(!of_type[p->transforms[i].type]++);
	}
	CHECK(strlen(proposal_str(p, text, sizeof(text))) < sizeof(text));
}

/* What is kept is the same; and what is without additional key exchanges, or any, has none. */
static void check_additional(const struct proposal *p, const struct proposal_list *ours)
{
	const struct proposal *kept = &proposal_none;
	struct proposal copy;
	struct proposal_list without;
	uint16_t groups[ADDKE_MAX];
	unsigned int n = 0, i;

	for (i = 0; i < p->n; i++)
		n += transform_is_addke(p->transforms[i].type) && p->transforms[i].id;
	CHECK(proposal_addke(p, groups) == n);
	if (!proposal_keep(&kept, p)) {
		proposal_copy(&copy, kept);
		CHECK(copy.n == p->n && copy.number == p->number);
		proposal_strip_ke(&copy);
		CHECK(!proposal_addke(&copy, groups) && !proposal_get(&copy, TRANSFORM_DH));
	}
	proposal_drop(&kept);
	CHECK(kept == &proposal_none);
	if (!proposal_list_without_addke(&without, ours)) {
		CHECK(without.n <= ours->n && !proposal_list_has_addke(&without));
		CHECK(proposal_list_has_addke(ours) || without.n == ours->n);
		proposal_list_clear(&without);
	}
}

/* Where several groups would do for one proposal, it is that of the peer's KE payload. */
static void check_group(const struct payload *sa, const struct proposal_list *ours,
			enum ike_protocol protocol, uint16_t group)
{
	struct proposal chosen, wanted;
	unsigned int i, j;
	int err;

	err = proposal_select(ours, protocol, sa->body, sa->len, false, &wanted);
	CHECK(proposal_select_group(ours, protocol, sa->body, sa->len, group, &chosen) == err);
	if (err)
		return;
	/* The same as without a KE payload, the group perhaps excepted. */
	check_proposal(&chosen, protocol);
	check_additional(&chosen, ours);
	CHECK(chosen.n == wanted.n && chosen.number == wanted.number);
	for (i = 0; i < chosen.n; i++)
		CHECK(chosen.transforms[i].type == TRANSFORM_DH ||
		      proposal_has(&wanted, chosen.transforms[i].type, chosen.transforms[i].id));
	if (proposal_check(sa->body, sa->len) != 1)
		return;
	for (i = 0; i < ours->n; i++) {
		struct proposal only = ours->v[i], all = only;
		struct proposal_list one = { &only, 1 };

		for (only.n = 0, j = 0; j < all.n; j++)
			if (all.transforms[j].type != TRANSFORM_DH ||
			    all.transforms[j].id == group)
				only.transforms[only.n++] = all.transforms[j];
		if (!proposal_has(&only, TRANSFORM_DH, group) ||
		    proposal_select(&one, protocol, sa->body, sa->len, false, &wanted) ||
		    !proposal_get(&wanted, TRANSFORM_DH))
			continue;
		one.v = &all;
		CHECK(!proposal_select_group(&one, protocol, sa->body, sa->len, group, &chosen));
		CHECK(proposal_id(&chosen, TRANSFORM_DH) == group);
	}
}

/* Without a type, nothing else is gone. */
static void check_strip(const struct proposal *p, uint8_t type)
{
	struct proposal rest = *p;

	proposal_strip(&rest, type);
	CHECK(!proposal_get(&rest, type) && !proposal_id(&rest, type));
	CHECK(rest.n == p->n - !!proposal_get(p, type));
	for (unsigned int i = 0; i < rest.n; i++)
		CHECK(proposal_has(p, rest.transforms[i].type, rest.transforms[i].id));
}

/* What is cut short is none; and nothing is chosen of nothing. */
static void check_refused(const struct payload *sa, const struct proposal_list *ours,
			  enum ike_protocol protocol, bool skip_dh)
{
	const struct proposal_list none = { 0 };
	struct proposal chosen;

	CHECK(proposal_check(sa->body, sa->len - 1) == -EBADMSG);
	CHECK(proposal_select(ours, protocol, sa->body, sa->len - 1, skip_dh, &chosen) ==
	      -EBADMSG);
	CHECK(proposal_verify(ours, protocol, sa->body, sa->len - 1, skip_dh, &chosen) ==
	      -EBADMSG);
	CHECK(proposal_select(&none, protocol, sa->body, sa->len, skip_dh, &chosen) == -ENOENT);
	CHECK(proposal_select_group(&none, protocol, sa->body, sa->len, 31, &chosen) == -ENOENT);
}

static void check_sa(const struct payload *sa, const struct proposal_list *ours,
		     enum ike_protocol protocol, bool skip_dh)
{
	static const uint16_t groups[] = { 31, 19, 14, 2 };
	struct proposal chosen, again;
	struct proposal_list one = { &chosen, 1 };
	struct buf body = BUF_INIT;
	int n = proposal_check(sa->body, sa->len);

	CHECK(n >= 0);
	check_refused(sa, ours, protocol, skip_dh);
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups) && !skip_dh; i++)
		check_group(sa, ours, protocol, groups[i]);
	if (!proposal_verify(ours, protocol, sa->body, sa->len, skip_dh, &chosen)) {
		CHECK(n == 1);
		check_proposal(&chosen, protocol);
	}
	if (proposal_select(ours, protocol, sa->body, sa->len, skip_dh, &chosen))
		return;
	CHECK(n > 0);
	check_proposal(&chosen, protocol);
	for (uint8_t type = TRANSFORM_ENCR; type <= TRANSFORM_ESN; type++)
		check_strip(&chosen, type);
	/* Our answer, written and read: the same choice comes of it. */
	proposal_write(&body, &chosen, 1, chosen.spi, chosen.spi_len);
	CHECK(!body.failed && proposal_check(body.data, body.len) == 1);
	CHECK(!proposal_select(&one, protocol, body.data, body.len, skip_dh, &again));
	/* Of the peer's number, if it keeps to section 3.3.1: they begin with 1. */
	CHECK(again.n == chosen.n && (again.number == chosen.number || !chosen.number));
	for (unsigned int i = 0; i < chosen.n; i++)
		CHECK(proposal_has(&again, chosen.transforms[i].type, chosen.transforms[i].id));
	buf_clear(&body);
}

static bool same_ports(const struct ts *a, const struct ts *b)
{
	return a->protocol == b->protocol && a->start_port == b->start_port &&
	       a->end_port == b->end_port;
}

/* As if every other one, from this one on, had been configured as "dynamic". */
static void check_dynamic(const struct ts_list *list, unsigned int first,
			  const struct endpoint *host)
{
	struct ts_list mixed = *list, resolved, any;
	unsigned int i, n = list->n;

	for (i = first; i < list->n; i += 2, n++)
		mixed.v[i].dynamic = true;
	ts_resolve(&resolved, &mixed, host);
	CHECK(resolved.n == list->n);
	for (i = 0; i < list->n; i++) {
		const struct ts_list one = { 1, { resolved.v[i] } };

		CHECK(!resolved.v[i].dynamic && same_ports(&resolved.v[i], &list->v[i]));
		CHECK(mixed.v[i].dynamic ? ts_of_host(&one, host) :
					   ts_equal(&resolved.v[i], &list->v[i]));
	}
	CHECK(n == list->n || !ts_of_one_host(&mixed));
	/* Of all addresses: this one is among them, if there was room for all. */
	ts_resolve_any(&any, &mixed);
	CHECK(any.n == (n < TS_MAX ? n : TS_MAX));
	for (i = 0; i < any.n; i++)
		CHECK(!any.v[i].dynamic);
	CHECK(!list->n || n > TS_MAX || ts_within(&resolved, &any));
}

static void check_host(const struct ts_list *list)
{
	uint8_t first[16], prefix[16];
	struct endpoint host = { 0 };
	struct ts_list moved[2];
	bool one = list->n, exact;

	for (unsigned int i = 0; i < list->n; i++) {
		const struct ts *ts = &list->v[i];

		one &= ts_to_prefix(ts, i ? prefix : first, &exact) ==
		       (ts->family == AF_INET ? 32 : 128);
		one &= !i || (ts->family == list->v[0].family && !memcmp(first, prefix, 16));
	}
	CHECK(ts_of_one_host(list) == one);
	if (one) {
		host.family = list->v[0].family;
		memcpy(host.addr, first, sizeof(first));
		CHECK(ts_of_host(list, &host));
	}
	for (unsigned int i = 0; i < 2; i++) {
		CHECK(!ts_of_host(list, &hosts[i]) ||
		      (one && endpoint_same_addr(&host, &hosts[i])));
		moved[i] = *list;
		ts_replace_host(&moved[i], &hosts[i]);
		CHECK(moved[i].n == list->n);
		CHECK(ts_of_host(&moved[i], &hosts[i]) == !!list->n);
		CHECK(!ts_of_host(&moved[i], &hosts[!i]));
		for (unsigned int j = 0; j < list->n; j++)
			CHECK(same_ports(&moved[i].v[j], &list->v[j]));
	}
	CHECK(!ts_within(&moved[0], &moved[1]) && !ts_within(&moved[1], &moved[0]));
}

static void check_ts(const struct payload *p)
{
	struct ts_list list, again, narrowed;
	struct buf body = BUF_INIT;
	uint8_t prefix[16];
	bool exact;

	CHECK(!ts_read(&list, p->body, p->len));
	CHECK(list.n <= TS_MAX);
	for (unsigned int i = 0; i < list.n; i++) {
		char text[TS_STRLEN];
		unsigned int bits = list.v[i].family == AF_INET ? 32 : 128;

		CHECK(strlen(ts_str(&list.v[i], text)) < sizeof(text));
		CHECK(ts_to_prefix(&list.v[i], prefix, &exact) <= bits);
	}
	if (list.n) {
		ts_write(&body, &list);
		CHECK(!body.failed && !ts_read(&again, body.data, body.len));
		CHECK(again.n == list.n);
		for (unsigned int i = 0; i < list.n; i++)
			CHECK(ts_equal(&again.v[i], &list.v[i]));
		CHECK(ts_within(&list, &list));
	}
	for (unsigned int i = 0; i < 4; i++)
		check_dynamic(&list, i % 2, &hosts[i / 2]);
	check_host(&list);
	if (ts_narrow(&narrowed, &list, &selectors)) {
		CHECK(ts_within(&narrowed, &list) && ts_within(&narrowed, &selectors));
		/* Nothing more to take away. */
		CHECK(ts_narrow(&again, &narrowed, &selectors) == narrowed.n);
		CHECK(ts_within(&again, &narrowed) && ts_within(&narrowed, &again));
	}
	buf_clear(&body);
}

static void check_id(const struct payload *p)
{
	struct ike_id id, copy;
	char text[ID_STRLEN];

	if (ike_id_set(&id, p->body[0], p->body + 4, p->len - 4))
		return;
	CHECK(strlen(ike_id_str(&id, text)) < sizeof(text));
	CHECK(!ike_id_copy(&copy, &id));
	CHECK(ike_id_equal(&copy, &id) && ike_id_match(&copy, &id) == 3);
	ike_id_clear(&copy);
	ike_id_clear(&id);
}

static void check_notify(const struct payload_chain *chain, const struct payload *p)
{
	struct notify n, found;

	CHECK(!notify_read(&n, p));
	CHECK(n.spi_len + n.len + 4 == p->len && n.spi == p->body + 4);
	CHECK(n.data + n.len == p->body + p->len);
	CHECK(!notify_find(&found, chain, n.type) && found.type == n.type);
	CHECK(n.type > NOTIFY_ERROR_MAX || (notify_error(&found, chain) || !found.type));
	CHECK(ike_notify_name(n.type));
}

/* RFC 7427's: an octet of length, the algorithm, the signature. */
static void check_auth(const struct payload *p)
{
	struct signature_scheme scheme;
	struct buf again = BUF_INIT;
	size_t used;

	if (signature_read_algorithm(&scheme, p->body + 4, p->len - 4, &used))
		return;
	CHECK(scheme.id > SIGNATURE_RSA_SHA1 && scheme.id < SIGNATURES);
	CHECK(used <= p->len - 4 && signature_name(scheme.id));
	signature_put_algorithm(&again, scheme.id);
	CHECK(!again.failed);
	CHECK(!signature_read_algorithm(&scheme, again.data, again.len, &used) ||
	      used == again.len);
	buf_clear(&again);
}

static void check_cert(const struct payload *p)
{
	X509 *cert = certificate_read(p->body + 1, p->len - 1);
	struct ike_id subject, other;
	uint8_t hash[KEY_ID_LEN];
	char text[ID_STRLEN];
	struct errmsg why;
	const char *bad;

	if (!cert)
		return;
	CHECK(strlen(certificate_str(cert, text)) < sizeof(text));
	if (!certificate_subject(cert, &subject))
		certificate_has_id(cert, &subject);
	ike_id_clear(&subject);
	CHECK(!ike_id_parse(&other, "a.example", &bad));
	certificate_has_id(cert, &other);
	ike_id_clear(&other);
	certificate_authority_id(cert, hash);
	certificate_check_usage(cert, &why);
	certificate_is_ca(cert);
	X509_free(cert);
}

static void check_asked(const struct payload_chain *chain)
{
	struct ike_certs certs = { 0 };

	CHECK(!ike_certs_take(&certs, chain));
	CHECK(certs.authorities.len % KEY_ID_LEN == 0 && !(certs.hashes & ~HASHES_ALL));
	CHECK(certs.certreq || !certs.authorities.len);
	ike_certs_clear(&certs);
}

static void check_body(const struct payload_chain *chain, const struct payload *p)
{
	switch (p->type) {
	case PAYLOAD_SA:
		check_sa(p, &ike, PROTO_IKE, false);
		check_sa(p, &esp, PROTO_ESP, true);
		check_sa(p, &esp, PROTO_ESP, false);
		break;
	case PAYLOAD_TSI:
	case PAYLOAD_TSR:
		check_ts(p);
		break;
	case PAYLOAD_IDI:
	case PAYLOAD_IDR:
		check_id(p);
		break;
	case PAYLOAD_NOTIFY:
		check_notify(chain, p);
		break;
	case PAYLOAD_AUTH:
		check_auth(p);
		break;
	case PAYLOAD_CERT:
		check_cert(p);
		break;
	}
	CHECK(ike_payload_name(p->type));
}

static void check_chain(const struct payload_chain *chain, const uint8_t *data, size_t len)
{
	const uint8_t *at = data;

	for (unsigned int i = 0; i < chain->n; i++) {
		const struct payload *p = &chain->v[i], *only;

		at += 4;
		CHECK(p->body == at && p->len <= (size_t)(data + len - at));
		at += p->len;
		CHECK(payload_find(chain, p->type));
		only = payload_only(chain, p->type);
		CHECK(!only || only == p);
		check_body(chain, p);
	}
	CHECK(at == data + len);
	check_asked(chain);
}

/* The same payloads, written: a chain again, in a whole message. */
static void check_writer(const struct payload_chain *chain)
{
	struct ike_header h = { .spi_i = 1, .version = IKE_VERSION, .exchange = IKE_SA_INIT,
				.flags = IKE_FLAG_INITIATOR }, again;
	struct payload_chain read;
	struct payload_writer w;
	struct notify n;

	payload_begin(&w, IKE_HEADER_LEN);
	for (unsigned int i = 0; i < chain->n; i++) {
		const struct payload *p = &chain->v[i];

		if (p->type == PAYLOAD_NOTIFY && !notify_read(&n, p))
			payload_add_notify(&w, n.protocol, n.spi, n.spi_len, n.type, n.data,
					   n.len);
		else
			payload_add(&w, p->type, p->body, p->len);
	}
	CHECK(!w.buf.failed);
	h.next_payload = w.first;
	h.length = (uint32_t)w.buf.len;
	ike_header_write(w.buf.data, &h);
	CHECK(!ike_header_read(&again, w.buf.data, w.buf.len));
	CHECK(again.spi_i == 1 && again.next_payload == w.first && again.length == w.buf.len);
	CHECK(ike_header_read(&again, w.buf.data, w.buf.len - 1));
	CHECK(!payload_parse(&read, w.first, w.buf.data + IKE_HEADER_LEN,
			     w.buf.len - IKE_HEADER_LEN));
	CHECK(read.n == chain->n);
	for (unsigned int i = 0; i < read.n; i++) {
		CHECK(read.v[i].type == chain->v[i].type && read.v[i].len == chain->v[i].len);
		CHECK(!memcmp(read.v[i].body, chain->v[i].body, read.v[i].len));
	}
	buf_clear(&w.buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct payload_chain chain;
	struct ike_header header;
	bool framed, sealed = false;
	int err;

	if (!ike_header_read(&header, data, size))
		CHECK(size >= IKE_HEADER_LEN && header.length == size);
	if (!size)
		return 0;
	err = payload_parse(&chain, data[0], data + 1, size - 1);
	framed = ikefp_wire_check_payloads(data + 1, size - 1, data[0]);
	if (err == -EBADMSG)
		return 0;
	for (unsigned int i = 0; i < chain.n; i++)
		sealed |= chain.v[i].type == PAYLOAD_SK || chain.v[i].type == PAYLOAD_SKF;
	/* An empty INFORMATIONAL has no payload, an IKE_SA_INIT message always. */
	CHECK(framed == (chain.n && !sealed));
	CHECK(!err == !chain.unsupported);
	check_chain(&chain, data + 1, size - 1);
	if (!err && chain.n)
		check_writer(&chain);
	return 0;
}
