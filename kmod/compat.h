/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the supported kernels, 6.1 to 6.12. */
#ifndef IKEFP_COMPAT_H
#define IKEFP_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
#include <linux/timer.h>

/* Renamed in 6.2, along with its kin. */
#define timer_delete(timer) del_timer(timer)
#define timer_delete_sync(timer) del_timer_sync(timer)
#endif

#endif
