// SPDX-License-Identifier: GPL-2.0

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "die.h"
#include "trial.h"

static void put_attributes(struct nl_msg *msg, const struct attribute *attribute)
{
	static const uint8_t octets[70000];

	for (; attribute->type; attribute++) {
		if (attribute->nested) {
			struct nlattr *nest = nla_nest_start(msg, attribute->type);

			put_attributes(msg, attribute->nested);
			nla_nest_end_keep_empty(msg, nest);
		} else if (nla_put(msg, attribute->type, attribute->len,
				   attribute->len > 8 ? octets :
							(const void *)&attribute->value)) {
			die("no room for attribute %d", attribute->type);
		}
	}
}

struct verdict trial_run(struct rawnl *rawnl, const struct trial *trial)
{
	struct nl_msg *msg = rawnl_request(rawnl, trial->command, 0);

	put_attributes(msg, trial->attributes);
	return rawnl_do(rawnl, msg);
}

bool trial_matches(const struct trial *trial, const struct verdict *verdict)
{
	return verdict->err == trial->err && !strcmp(verdict->message, trial->message ?: "") &&
	       verdict->attribute == trial->attribute && verdict->missing == trial->missing;
}
