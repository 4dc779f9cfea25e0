/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The process of the tokens, "ikefpd: tokens": it keeps what private keys on tokens are found by,
 * and their PINs, and has each served by a process of its own, "ikefpd: token", which it forks
 * when the token is configured. That one loads the provider, and whatever that loads; it has a
 * filter of its own (SANDBOX_TOKEN), nothing of the other tokens, and ends when its token fails
 * it: the next one begins anew, without what may have become of libraries whose device has gone.
 * So a token that is slow, hangs or takes its process down holds up nobody else.
 *
 * That of a certificate ends once it has been read. Where a PIN is asked for it has that of the
 * private key with the same URI, and only after that was found right: nothing is tried twice.
 *
 * A token that is away is looked for again, after 1 s, then twice as long, up to 10 s. One that
 * may have refused its PIN is not: after some wrong ones tokens lock themselves.
 */
#ifndef IKEFPD_TOKEN_SERVER_H
#define IKEFPD_TOKEN_SERVER_H

#include "errmsg.h"

#define TOKENS_MAX		64
#define TOKEN_OPEN_MS		30000	/* to be found and tried; longer, and it hangs */
#define TOKEN_AGAIN_MS		1000
#define TOKEN_AGAIN_MAX_MS	10000

/*
 * Serves the daemon and the reader until the daemon closes its end. @confine is what a token's
 * process gives up before it loads anything; it returns 0, or -1 with @err set. NULL: nothing.
 */
void token_server_serve(int daemon_fd, int reader_fd, int (*confine)(struct errmsg *err));

#endif /* IKEFPD_TOKEN_SERVER_H */
