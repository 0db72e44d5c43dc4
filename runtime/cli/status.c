/* SPDX-License-Identifier: BSD-2-Clause */
/* iopctl status: what is loaded, how each stage is enforced, and whether it is well. */
#include <time.h>

#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)
DEFINE_CLEANUP(cleanup_list, struct iop_list *, iop_list_free)
DEFINE_CLEANUP(cleanup_status, struct iop_status *, iop_status_free)

static void say_time(struct output *out, const char *key, uint64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;
	char text[64];

	if (!seconds || !localtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		return;
	out_quantity(out, key, seconds, "%s", text);
}

static void say_params(struct output *out, const struct iop_status *s)
{
	if (!s->n_params)
		return;
	out_array(out, "params");
	for (size_t i = 0; i < s->n_params; i++) {
		out_object(out, NULL);
		out_string(out, "name", s->params[i].name);
		out_quantity(out, "value", s->params[i].value, "%s", s->params[i].text);
		out_string(out, "from",
			   s->params[i].changed ? "set"
			   : s->params[i].set   ? "--set"
						: "policy");
		out_bool(out, "live", s->params[i].live);
		out_close(out);
	}
	out_close(out);
}

static void say_stages(struct output *out, const struct iop_status *s)
{
	static const char *const modes[] = {
		[IOP_XDP_NONE] = "none",
		[IOP_XDP_NATIVE] = "native",
		[IOP_XDP_GENERIC] = "generic",
	};

	out_array(out, "stages");
	for (size_t i = 0; i < s->n_stages; i++) {
		out_object(out, NULL);
		out_string(out, "stage", s->stages[i].name);
		out_string(out, "enforced_by", s->stages[i].mechanism);
		out_close(out);
	}
	out_close(out);
	if (!s->n_devices)
		return;
	out_array(out, "devices");
	for (size_t i = 0; i < s->n_devices; i++) {
		out_object(out, NULL);
		out_string(out, "device", s->devices[i].name);
		out_number(out, "index", s->devices[i].index);
		out_string(out, "xdp", modes[s->devices[i].mode]);
		out_bool(out, "attached", s->devices[i].attached);
		out_close(out);
	}
	out_close(out);
}

static void say_workers(struct output *out, const struct iop_status *s)
{
	if (!s->n_groups)
		return;
	out_array(out, "workers");
	for (size_t g = 0; g < s->n_groups; g++) {
		for (size_t i = 0; i < s->groups[g].n_workers; i++) {
			const struct iop_status_worker *w = &s->groups[g].workers[i];

			out_object(out, NULL);
			out_string(out, "workload", s->groups[g].workload);
			out_string(out, "address", s->groups[g].address);
			out_number(out, "worker", w->number);
			out_string(out, "socket", w->alive ? "alive" : "gone");
			out_signed(out, "process", w->pid);
			out_string(out, "command", w->comm);
			out_number(out, "cookie", w->cookie);
			out_close(out);
		}
	}
	out_close(out);
}

static void say_settings(struct output *out, const struct iop_status *s)
{
	if (!s->n_settings)
		return;
	out_array(out, "changed");
	for (size_t i = 0; i < s->n_settings; i++) {
		out_object(out, NULL);
		out_string(out, "device", s->settings[i].device);
		out_string(out, "setting", s->settings[i].what);
		out_string(out, "is", s->settings[i].value);
		out_string(out, "was", s->settings[i].before);
		out_close(out);
	}
	out_close(out);
}

static void say_features(struct output *out, const struct iop_status *s)
{
	if (!s->n_features)
		return;
	out_array(out, "kernel_features");
	for (size_t i = 0; i < s->n_features; i++) {
		const struct iop_status_feature *f = &s->features[i];

		out_object(out, NULL);
		out_string(out, "feature", f->what);
		out_format(out, "linux", "%u.%u", f->since_major, f->since_minor);
		out_string(out, "for", f->why);
		out_format(out, "at", "%s:%u", f->file, f->line);
		out_close(out);
	}
	out_close(out);
}

/* Strings for programs; a line each for people. */
static void say_problems(struct output *out, const struct iop_status *s)
{
	if (!s->n_problems)
		return;
	out_for(out, OUT_PROGRAMS);
	out_array(out, "problems");
	for (size_t i = 0; i < s->n_problems; i++)
		out_string(out, NULL, s->problems[i]);
	out_close(out);
	out_for(out, OUT_PEOPLE);
	out_array(out, "problems");
	for (size_t i = 0; i < s->n_problems; i++) {
		out_object(out, NULL);
		out_string(out, "problem", s->problems[i]);
		out_close(out);
	}
	out_close(out);
}

static void say_status(struct output *out, const struct iop_status *s)
{
	out_string(out, "policy", s->policy);
	out_string(out, "state", s->state == IOP_POLICY_LOADED ? "loaded" : "incomplete");
	out_string(out, "health", s->n_problems ? "not well" : "well");
	say_problems(out, s);
	say_time(out, "loaded_at", s->loaded_at);
	out_string(out, "object", s->object);
	out_string(out, "digest", s->digest);
	out_string(out, "compiler", s->compiler);
	say_params(out, s);
	say_stages(out, s);
	say_workers(out, s);
	say_settings(out, s);
	say_features(out, s);
}

static int say_one(struct cli *c, const char *name, struct iop_report *report)
{
	_cleanup_(cleanup_status) struct iop_status *s = NULL;
	int code;

	if (!iop_status_read(name, &s, report)) {
		say_status(c->out, s);
		return CLI_FINE;
	}
	code = cli_report(c, report);
	return code ? code : cli_fail(c, CLI_BUG, "no status, and no reason");
}

static int say_all(struct cli *c, struct iop_report *report)
{
	_cleanup_(cleanup_list) struct iop_list *list = NULL;
	int code = CLI_FINE;

	if (iop_list_read(&list, report)) {
		code = cli_report(c, report);
		return code ? code : cli_fail(c, CLI_BUG, "listing failed without a reason");
	}
	if (!list->n) {
		out_say(c->out, "no policy is loaded");
		out_for(c->out, OUT_PROGRAMS);
	}
	out_array(c->out, "policies");
	for (size_t i = 0; !code && i < list->n; i++) {
		out_object(c->out, NULL);
		code = say_one(c, list->names[i], report);
		out_close(c->out);
	}
	out_close(c->out);
	return code;
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	return c->n_arguments ? say_one(c, c->arguments[0], report) : say_all(c, report);
}

const struct cli_verb verb_status = {
	.name = "status",
	.arguments = "[POLICY]",
	.doc = "how a policy is enforced, and whether it is well",
	.more = "Without a name, of all that are loaded. A worker is a socket of the server; process is\n"
		"the one that serves it, as well as that can be told from outside.",
	.max_arguments = 1,
	.run = run,
};
