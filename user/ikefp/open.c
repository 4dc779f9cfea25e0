// SPDX-License-Identifier: GPL-2.0
#include "ikefp.h"

struct ikefp_nl *open_family(void)
{
	struct ikefp_nl *nl;

	if (!ikefp_nl_open(&nl))
		return nl;
	fprintf(stderr, "ikefp: %s\n", nl ? ikefp_nl_error(nl) : "out of memory");
	ikefp_nl_close(nl);
	return NULL;
}
