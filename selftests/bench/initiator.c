// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "auth.h"
#include "dh.h"
#include "fail.h"
#include "initiator.h"
#include "libsk.h"
#include "nat.h"
#include "proposal.h"
#include "ts.h"

#define IKE_PROPOSAL	"aes128gcm16-prfsha256-x25519"
#define ESP_PROPOSAL	"aes128gcm16"
#define ID_LOCAL	"gw1.example"
#define ID_REMOTE	"gw2.example"
#define NONCE_LEN	32
#define MESSAGE_SIZE	4096

static void random_octets(void *out, size_t len)
{
	if (RAND_bytes(out, (int)len) != 1)
		fail("no random octets");
}

/* The peers have one address: no two of their ESP SAs may have one SPI. */
static void next_esp_spi(uint8_t spi[ESP_SPI_LEN])
{
	static uint32_t last;
	uint32_t next;

	if (!last)
		random_octets(&last, sizeof(last));
	next = htonl(++last | 0xc0000000);
	memcpy(spi, &next, sizeof(next));
}

struct endpoint initiator_address(const char *text, uint16_t port)
{
	struct endpoint endpoint;

	if (endpoint_parse(&endpoint, text, port) || endpoint_is_any(&endpoint))
		fail("'%s' is no address", text);
	return endpoint;
}

void initiator_open(struct initiator *initiator, const struct endpoint *local,
		    const struct endpoint *remote)
{
	const struct timeval patience = { .tv_sec = 10 };
	struct sockaddr_storage addr;
	socklen_t len;

	memset(initiator, 0, sizeof(*initiator));
	initiator->local = *local;
	initiator->remote = *remote;
	initiator->id_local = ID_LOCAL;
	initiator->id_remote = ID_REMOTE;
	initiator->ts_local = getenv("TS_LOCAL");
	initiator->ts_remote = getenv("TS_REMOTE");
	len = endpoint_to_sockaddr(local, &addr);
	initiator->sock = socket(addr.ss_family, SOCK_DGRAM, 0);
	if (initiator->sock < 0 || bind(initiator->sock, (struct sockaddr *)&addr, len) ||
	    setsockopt(initiator->sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		fail("the socket: %s", strerror(errno));
}

void initiator_close(struct initiator *initiator)
{
	close(initiator->sock);
	dh_free(initiator->dh);
	buf_clear(&initiator->nonce_i);
	buf_clear(&initiator->nonce_r);
	buf_clear(&initiator->init);
	buf_clear(&initiator->init_response);
	buf_clear(&initiator->auth);
	kdf_wipe_ike(&initiator->keys);
}

static struct proposal_list proposals(enum ike_protocol protocol, const char *text)
{
	struct proposal_list list = { 0 };
	char why[256];

	if (proposal_list_add(&list, protocol, text, why, sizeof(why)))
		fail("%s: %s", text, why);
	return list;
}

static void put_proposals(struct payload_writer *w, enum ike_protocol protocol, const char *text,
			  const void *spi, uint8_t spi_len)
{
	struct proposal_list list = proposals(protocol, text);

	payload_open(w, PAYLOAD_SA);
	proposal_write(&w->buf, list.v, list.n, spi, spi_len);
	payload_close(w);
	proposal_list_clear(&list);
}

void initiator_make_init(struct initiator *initiator)
{
	struct ike_header header = {
		.version = IKE_VERSION,
		.exchange = IKE_SA_INIT,
		.flags = IKE_FLAG_INITIATOR,
	};
	uint8_t nonce[NONCE_LEN], public[DH_PUBLIC_MAX];
	struct payload_writer w;

	random_octets(&initiator->spi_i, sizeof(initiator->spi_i));
	random_octets(nonce, sizeof(nonce));
	dh_free(initiator->dh);
	initiator->dh = dh_new(DH_CURVE25519);
	initiator->next_id = 1;
	if (!initiator->dh || dh_public(initiator->dh, public) ||
	    buf_set(&initiator->nonce_i, nonce, sizeof(nonce)))
		fail("no key");

	payload_begin(&w, IKE_HEADER_LEN);
	put_proposals(&w, PROTO_IKE, IKE_PROPOSAL, NULL, 0);
	payload_open(&w, PAYLOAD_KE);
	buf_put16(&w.buf, DH_CURVE25519);
	buf_put16(&w.buf, 0);
	buf_put(&w.buf, public, dh_public_len(DH_CURVE25519));
	payload_close(&w);
	payload_add(&w, PAYLOAD_NONCE, nonce, sizeof(nonce));
	if (nat_add_notifies(&w, initiator->spi_i, 0, &initiator->local, &initiator->remote,
			     false))
		fail("NAT detection");
	header.spi_i = initiator->spi_i;
	header.next_payload = w.first;
	header.length = w.buf.len;
	ike_header_write(w.buf.data, &header);
	if (buf_set(&initiator->init, w.buf.data, w.buf.len))
		fail("no memory");
	buf_clear(&w.buf);
}

void initiator_take_init(struct initiator *initiator, const uint8_t *message, size_t len)
{
	struct proposal_list ours = proposals(PROTO_IKE, IKE_PROPOSAL);
	const struct payload *sa, *ke, *nonce;
	uint8_t shared[DH_PUBLIC_MAX];
	struct payload_chain chain;
	struct proposal chosen;
	struct ike_header header;
	size_t shared_len;

	if (ike_header_read(&header, message, len) || header.spi_i != initiator->spi_i ||
	    !header.spi_r || header.exchange != IKE_SA_INIT ||
	    payload_parse(&chain, header.next_payload, message + IKE_HEADER_LEN,
			  len - IKE_HEADER_LEN))
		fail("this is no IKE_SA_INIT response");
	sa = payload_only(&chain, PAYLOAD_SA);
	ke = payload_only(&chain, PAYLOAD_KE);
	nonce = payload_only(&chain, PAYLOAD_NONCE);
	if (!sa || !ke || !nonce ||
	    proposal_verify(&ours, PROTO_IKE, sa->body, sa->len, false, &chosen))
		fail("IKE_SA_INIT was refused");
	initiator->spi_r = header.spi_r;
	if (buf_set(&initiator->nonce_r, nonce->body, nonce->len) ||
	    buf_set(&initiator->init_response, message, len) ||
	    dh_shared(initiator->dh, ke->body + 4, ke->len - 4, shared, &shared_len) ||
	    kdf_ike_keys(&initiator->keys, &chosen, initiator->nonce_i.data,
			 initiator->nonce_i.len, initiator->nonce_r.data,
			 initiator->nonce_r.len, shared, shared_len, initiator->spi_i,
			 initiator->spi_r))
		fail("no keys");
	proposal_list_clear(&ours);
}

static struct sk_key sk_key(const struct initiator *initiator, bool of_initiator)
{
	return (struct sk_key){
		.encr = ENCR_AES_GCM_16,
		.integ = AUTH_NONE,
		.e = of_initiator ? initiator->keys.ei : initiator->keys.er,
		.e_len = initiator->keys.encr_len,
	};
}

void initiator_seal(struct initiator *initiator, struct buf *out, uint8_t exchange,
		    uint8_t first, const uint8_t *inner, size_t len)
{
	const struct ike_header header = {
		.spi_i = initiator->spi_i,
		.spi_r = initiator->spi_r,
		.version = IKE_VERSION,
		.exchange = exchange,
		.flags = IKE_FLAG_INITIATOR,
		.message_id = initiator->next_id++,
	};
	const struct sk_key key = sk_key(initiator, true);

	if (sk_seal(out, &key, &header, NULL, first, inner, len))
		fail("sealing");
}

ssize_t initiator_open_response(const struct initiator *initiator, uint8_t exchange,
				uint32_t message_id, const uint8_t *message, size_t len,
				struct buf *inner, uint8_t *first)
{
	const struct sk_key key = sk_key(initiator, false);
	struct ike_header header;

	if (ike_header_read(&header, message, len) || header.exchange != exchange ||
	    header.message_id != message_id || header.flags != IKE_FLAG_RESPONSE ||
	    sk_open(inner, first, &key, message, len))
		return -1;
	return inner->len;
}

static void put_id(struct buf *body, const char *name)
{
	buf_put8(body, ID_FQDN);
	buf_zero(body, 3);
	buf_put(body, name, strlen(name));
}

static void put_ts(struct payload_writer *w, uint8_t type, const char *text)
{
	struct ts_list list = { .n = 1 };
	const char *why;

	if (!text)
		fail("neither $TS_LOCAL nor $TS_REMOTE may be missing");
	if (ts_parse(&list.v[0], text, &why))
		fail("%s: %s", text, why);
	payload_open(w, type);
	ts_write(&w->buf, &list);
	payload_close(w);
}

static const char *wanted(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		fail("$%s is not set", name);
	return value;
}

void initiator_make_auth(struct initiator *initiator)
{
	const char *secret = wanted("PSK");
	struct buf id = BUF_INIT, octets = BUF_INIT;
	uint8_t auth[PRF_MAX], spi[ESP_SPI_LEN];
	struct payload_writer w;

	put_id(&id, initiator->id_local);
	if (auth_octets(&octets, initiator->keys.prf, &initiator->init, &initiator->nonce_r,
			initiator->keys.pi, id.data, id.len) ||
	    auth_psk(initiator->keys.prf, (const uint8_t *)secret, strlen(secret), octets.data,
		     octets.len, auth))
		fail("AUTH");
	next_esp_spi(spi);
	payload_begin(&w, 0);
	payload_add(&w, PAYLOAD_IDI, id.data, id.len);
	buf_clear(&id);
	put_id(&id, initiator->id_remote);
	payload_add(&w, PAYLOAD_IDR, id.data, id.len);
	payload_open(&w, PAYLOAD_AUTH);
	buf_put8(&w.buf, AUTH_METHOD_PSK);
	buf_zero(&w.buf, 3);
	buf_put(&w.buf, auth, initiator->keys.prf_len);
	payload_close(&w);
	put_proposals(&w, PROTO_ESP, ESP_PROPOSAL, spi, sizeof(spi));
	put_ts(&w, PAYLOAD_TSI, initiator->ts_local);
	put_ts(&w, PAYLOAD_TSR, initiator->ts_remote);
	buf_clear(&initiator->auth);
	initiator_seal(initiator, &initiator->auth, IKE_AUTH, w.first, w.buf.data, w.buf.len);
	buf_clear(&w.buf);
	buf_clear(&id);
	buf_clear(&octets);
}

void initiator_take_auth(struct initiator *initiator, const uint8_t *message, size_t len)
{
	struct payload_chain chain;
	struct buf inner = BUF_INIT;
	uint8_t first;

	if (initiator_open_response(initiator, IKE_AUTH, 1, message, len, &inner, &first) < 0 ||
	    payload_parse(&chain, first, inner.data, inner.len) ||
	    !payload_only(&chain, PAYLOAD_AUTH) || !payload_only(&chain, PAYLOAD_SA))
		fail("IKE_AUTH was refused");
	buf_clear(&inner);
}

void initiator_send(const struct initiator *initiator, const uint8_t *octets, size_t len)
{
	struct sockaddr_storage addr;
	socklen_t addr_len = endpoint_to_sockaddr(&initiator->remote, &addr);

	if (sendto(initiator->sock, octets, len, 0, (struct sockaddr *)&addr, addr_len) !=
	    (ssize_t)len)
		fail("cannot send: %s", strerror(errno));
}

ssize_t initiator_receive(const struct initiator *initiator, uint8_t *octets, size_t size)
{
	return recv(initiator->sock, octets, size, 0);
}

void initiator_establish(struct initiator *initiator)
{
	uint8_t message[MESSAGE_SIZE];
	ssize_t len;

	initiator_make_init(initiator);
	initiator_send(initiator, initiator->init.data, initiator->init.len);
	len = initiator_receive(initiator, message, sizeof(message));
	if (len < 0)
		fail("no answer to IKE_SA_INIT");
	initiator_take_init(initiator, message, len);
	initiator_make_auth(initiator);
	initiator_send(initiator, initiator->auth.data, initiator->auth.len);
	len = initiator_receive(initiator, message, sizeof(message));
	if (len < 0)
		fail("no answer to IKE_AUTH");
	initiator_take_auth(initiator, message, len);
}
