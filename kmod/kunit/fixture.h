/* SPDX-License-Identifier: GPL-2.0 */
/* What a test needs around it: a context of its own, sockets, messages, SAs. */
#ifndef IKEFP_KUNIT_FIXTURE_H
#define IKEFP_KUNIT_FIXTURE_H

#include <kunit/test.h>

#include "../context.h"
#include "../listener.h"
#include "../path.h"
#include "../wire.h"

struct ikefp_init_source;
struct ikefp_sa;
struct socket;

/* An IKE_SA_INIT message of one payload. */
#define FIXTURE_INIT_LEN (IKEFP_HEADER_LEN + IKEFP_PAYLOAD_HEADER_LEN + 16)

struct ikefp_context *fixture_context(struct kunit *test);
void fixture_context_end(struct ikefp_context *ctx);
void fixture_context_keep(struct kunit *test, struct ikefp_context *ctx);
struct ikefp_listener *fixture_listener(struct kunit *test, struct ikefp_context *ctx,
					enum ikefp_listener_kind kind, ikefp_receive_fn receive);
struct socket *fixture_socket(struct kunit *test, u32 portid);
void fixture_close(struct kunit *test, struct socket *sock);
u32 fixture_portid(struct kunit *test, struct socket *sock);
int fixture_attach(struct kunit *test, struct ikefp_context *ctx, struct socket *sock, bool only);
struct socket *fixture_worker(struct kunit *test, struct ikefp_context *ctx);
int fixture_upcall(struct socket *worker);
u64 fixture_count(const struct ikefp_context *ctx, int stat);
struct ikefp_path fixture_path(struct ikefp_listener *listener);
void fixture_init_message(u8 *octets, u64 spi_i, u64 spi_r, u8 flags);
bool fixture_receive(struct ikefp_context *ctx, const u8 *octets, u32 len,
		     const struct ikefp_path *path);
struct ikefp_init_source fixture_source(void);
int fixture_enter(struct ikefp_sa *sa);
struct ikefp_sa *fixture_initiator(struct kunit *test, struct ikefp_context *ctx,
				   const struct ikefp_path *path, u64 spi);
struct ikefp_sa *fixture_responder(struct kunit *test, struct ikefp_context *ctx,
				   const struct ikefp_path *path, u64 peer_spi);
void fixture_request(struct kunit *test, struct ikefp_sa *sa);
void fixture_delete(struct ikefp_sa *sa);
void fixture_sas(struct kunit *test, struct ikefp_context *ctx, int count);

#endif
