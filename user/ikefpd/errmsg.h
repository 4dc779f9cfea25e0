/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_ERRMSG_H
#define IKEFPD_ERRMSG_H

/* A refusal in words: what, where, and what to do about it. */
struct errmsg {
	char text[1024];
};

/* Sets the text (cut at its size) and returns -1, so that callers can return it. */
int errmsg_set(struct errmsg *err, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* IKEFPD_ERRMSG_H */
