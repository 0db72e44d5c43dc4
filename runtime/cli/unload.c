/* SPDX-License-Identifier: BSD-2-Clause */
/* iopctl unload: takes a policy away, whole or half loaded. */
#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)

static const struct cli_option options[] = {
	{ "verbose", NULL, "say each step", false },
	{ 0 },
};

static void tell_step(void *context, const struct iop_step_event *event)
{
	struct cli *c = context;
	const char *state = event->state == IOP_STEP_DONE ? "done" : "failed";

	if (event->state == IOP_STEP_BEGUN)
		return;
	if (cli_has(c, "verbose"))
		out_say(c->out, "%2zu  %s: %s", event->number, event->text, state);
	out_for(c->out, OUT_PROGRAMS);
	out_object(c->out, NULL);
	out_number(c->out, "step", event->number);
	out_string(c->out, "text", event->text);
	out_string(c->out, "state", state);
	out_close(c->out);
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	int err, code;

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	out_for(c->out, OUT_PROGRAMS);
	out_array(c->out, "steps");
	err = iop_unload(c->arguments[0], tell_step, c, report);
	out_close(c->out);
	code = cli_report(c, report);
	if (err)
		return code ? code : cli_fail(c, CLI_BUG, "unloading failed without a reason");
	out_say(c->out, "policy %s is unloaded", c->arguments[0]);
	out_for(c->out, OUT_PROGRAMS);
	out_string(c->out, "policy", c->arguments[0]);
	return CLI_FINE;
}

const struct cli_verb verb_unload = {
	.name = "unload",
	.arguments = "POLICY",
	.doc = "take a policy away and put back what it changed",
	.more = "Also cleans up after a load or an unload that was killed. What cannot be put back is\n"
		"said, with the command that does it.",
	.options = options,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
