/* SPDX-License-Identifier: BSD-2-Clause */
/* iopctl set: other values for the live params of a policy that runs. */
#include <limits.h>

#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)

static void tell(void *context, const struct iop_set_event *event)
{
	struct cli *c = context;

	out_object(c->out, NULL);
	out_string(c->out, "name", event->name);
	out_quantity(c->out, "value", event->value, "%s", event->text);
	out_quantity(c->out, "was", event->value_before, "%s", event->before);
	out_close(c->out);
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	int err, code;

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	out_for(c->out, OUT_PROGRAMS);
	out_string(c->out, "policy", c->arguments[0]);
	out_array(c->out, "params");
	err = iop_set(c->arguments[0], c->arguments + 1, c->n_arguments - 1, tell, c, report);
	out_close(c->out);
	code = cli_report(c, report);
	if (err)
		return code ? code : cli_fail(c, CLI_BUG, "setting failed without a reason");
	return CLI_FINE;
}

const struct cli_verb verb_set = {
	.name = "set",
	.arguments = "POLICY PARAM=VALUE …",
	.doc = "change live params of a policy while it runs",
	.more = "Values have the units of the language: 5k/s, 10mbit, 100us, 64Ki. If one of them cannot\n"
		"be taken, none is changed. What is not declared `live` is a constant of the loaded\n"
		"programs: load the policy anew with --set.",
	.min_arguments = 2,
	.max_arguments = UINT_MAX,
	.run = run,
};
