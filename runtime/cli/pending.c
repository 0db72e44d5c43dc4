/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for the verbs that are not written yet; each goes when its file comes. */
#include "cli/cli.h"

static int run(struct cli *c)
{
	return cli_fail(c, CLI_BUG, "%s is not written yet", c->verb->name);
}

#define PENDING(verb)                                                                              \
	const struct cli_verb verb_##verb __attribute__((weak)) = {                                \
		.name = #verb, .arguments = "", .doc = "not written yet", .max_arguments = 9,      \
		.run = run,                                                                        \
	}

PENDING(load);
PENDING(unload);
PENDING(list);
PENDING(status);
PENDING(stats);
