/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ESP on its way out, to the stream that its IKE SA goes by.
 *
 * XFRM knows nothing of streams: its states are of ESP in UDP, and so are the packets that it
 * makes. They are taken from it by a netfilter hook where they would leave (LOCAL_OUT), before
 * every other hook, since none of these packets ever leaves like that; it is the only place
 * that XFRM's packets pass in both families and on all kernels, whoever sent what is in them
 * and whatever they leave through. (A socket of our own as XFRM's UDP socket sees inbound
 * packets only; an encapsulation of its own, espintcp, XFRM has on kernels that were built
 * with it.) That a packet is XFRM's, its control block says, and that it is ESP in UDP then,
 * its protocol: nobody can have others' packets taken by sending such UDP himself. The hook is
 * there from the first stream on until there is none, nor an IKE SA whose ESP goes by one: all
 * other packets that leave the namespace pass it.
 *
 * Which stream it goes by is told by its SPI, where it goes to, and its mark, as XFRM tells its
 * states apart (its if_ids it does not): a UDP flow can have the same addresses and ports as a
 * stream. What ESP SAs an IKE SA has, and their marks, the helper has told (esp-spis, esp-marks).
 * A peer chooses the SPI: without marks XFRM has no second state of that and the same address,
 * which may be a NAT's. A packet shows the mark of its state only as far as that sets it
 * (XFRMA_SET_MARK), or as far as it has it from the policy; so the ports that the state writes
 * into it must be there, too. What ports those are makes no difference, so that a stream that
 * takes the place of another one needs no change of states; nor does an address, as long as the
 * states have the one that they had when they were told of.
 */
#ifndef IKEFP_STREAM_ESP_H
#define IKEFP_STREAM_ESP_H

#include <linux/types.h>

struct ikefp_context;
struct ikefp_esp;
struct ikefp_path;
struct ikefp_stream;
struct ikefp_stream_esp;

int ikefp_stream_esp_begin(struct ikefp_context *ctx);
int ikefp_stream_esp_divert(struct ikefp_context *ctx);
bool ikefp_stream_esp_rest(struct ikefp_context *ctx);
void ikefp_stream_esp_begin_end(struct ikefp_context *ctx);
void ikefp_stream_esp_end(struct ikefp_context *ctx);

struct ikefp_stream_esp *ikefp_stream_esp_new(struct ikefp_context *ctx,
					      const struct ikefp_esp *esp,
					      const struct ikefp_path *path,
					      const struct ikefp_stream_esp *before);
void ikefp_stream_esp_move(struct ikefp_stream_esp *of_sa, struct ikefp_stream *stream);
void ikefp_stream_esp_forget(struct ikefp_context *ctx, struct ikefp_stream_esp **of_sa);

#endif
