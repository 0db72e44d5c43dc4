/* SPDX-License-Identifier: BSD-2-Clause */
/* iopctl list: which policies are loaded, a line each. */
#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)
DEFINE_CLEANUP(cleanup_list, struct iop_list *, iop_list_free)
DEFINE_CLEANUP(cleanup_status, struct iop_status *, iop_status_free)

/* One that is unloaded while we look is left out. */
static void say_policy(struct cli *c, const char *name)
{
	_cleanup_(cleanup_status) struct iop_status *s = NULL;

	if (iop_status_read(name, &s, NULL))
		return;
	out_object(c->out, NULL);
	out_string(c->out, "policy", s->policy);
	out_string(c->out, "state", s->state == IOP_POLICY_LOADED ? "loaded" : "incomplete");
	out_array(c->out, "devices");
	for (size_t i = 0; i < s->n_devices; i++)
		out_string(c->out, NULL, s->devices[i].name);
	out_close(c->out);
	out_number(c->out, "problems", s->n_problems);
	out_string(c->out, "object", s->object);
	out_close(c->out);
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	_cleanup_(cleanup_list) struct iop_list *list = NULL;
	int code;

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (iop_list_read(&list, report)) {
		code = cli_report(c, report);
		return code ? code : cli_fail(c, CLI_BUG, "listing failed without a reason");
	}
	if (!list->n) {
		out_say(c->out, "no policy is loaded");
		out_for(c->out, OUT_PROGRAMS);
	}
	out_array(c->out, "policies");
	for (size_t i = 0; i < list->n; i++)
		say_policy(c, list->names[i]);
	out_close(c->out);
	return CLI_FINE;
}

const struct cli_verb verb_list = {
	.name = "list",
	.arguments = "",
	.doc = "which policies are loaded",
	.run = run,
};
