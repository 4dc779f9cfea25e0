/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon and the process of the tokens (token_server.h) say to each other: packets
 * (ipc.h), written as in secrets_proto.h. A "token" is an octet of source (enum conf_source) and
 * bytes with its name; a "secret" is one of the kind SECRET_TOKEN. A certificate is a token of the
 * source CONF_FETCHED, whose name is its "PROVIDER URI".
 *
 * The reader of the file stages tokens, past the daemon, and has each request answered by a u16:
 * 0 or an error number. What the daemon asks for is not answered as such: the process says of a
 * token what has become of it, as often as that changes, and of a signature that it is made.
 */
#ifndef IKEFPD_TOKEN_PROTO_H
#define IKEFPD_TOKEN_PROTO_H

#include "secrets_proto.h"

/* An octet, then: */
enum token_op {
	/* Of the reader. */
	TOKENS_STAGE_BEGIN = 1,	/* forget what is staged */
	TOKENS_STAGE,		/* secret */
	/* Of the daemon. */
	TOKENS_COMMIT,		/* what is staged replaces what is of the file: TOKENS_COMMITTED */
	TOKENS_LOAD,		/* secret */
	TOKENS_UNLOAD,		/* token */
	TOKENS_CLEAR,		/* u8 source */
	TOKENS_TRY,		/* token, u32 number: look whether it is there again, now */
	TOKENS_RESTART,		/* token: it does not answer */
	TOKENS_SIGN,		/* token, u32 number, u8 scheme, u8 classic, bytes */
	TOKENS_READ,		/* token: a certificate; anew if it has been read */
};

/* What it says: an octet, then: */
enum token_word {
	TOKENS_NEWS = 1,	/* token, u32 number of the last TOKENS_TRY, u8 state, bytes URI, */
				/* key, bytes why not, bytes certificate */
	TOKENS_GONE,		/* token: it has been unloaded */
	TOKENS_COMMITTED,	/* after the news of all */
	TOKENS_SIGNED,		/* token, u32 number, u16 error, bytes: the signature, or why not */
};

#endif /* IKEFPD_TOKEN_PROTO_H */
