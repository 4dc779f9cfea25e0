/* SPDX-License-Identifier: GPL-2.0 */
#ifndef IKEFPD_CONTAINER_OF_H
#define IKEFPD_CONTAINER_OF_H

#include <stddef.h>

/* The struct that has *ptr as this member. */
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif
