/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between the kernels that are served. */
#ifndef IKEFP_COMPAT_H
#define IKEFP_COMPAT_H

#include <linux/version.h>

/* Whether XFRM notes the time when an ESP SA was last used. */
#define IKEFP_XFRM_NOTES_USE (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0))

/* Whether XFRM takes ESP in UDP from a device's GRO. */
#define IKEFP_XFRM_HAS_UDP_GRO (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0))

#endif
