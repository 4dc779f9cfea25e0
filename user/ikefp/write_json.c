// SPDX-License-Identifier: GPL-2.0
#include "ikefp.h"

int write_json(json_t *json)
{
	int err;

	if (!json) {
		fprintf(stderr, "ikefp: out of memory\n");
		return 1;
	}
	err = json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	return err ? 1 : 0;
}
