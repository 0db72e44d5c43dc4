/* SPDX-License-Identifier: BSD-2-Clause */
/* iopctl test: the tests that an object carries, run by this machine's kernel. */
#include <stdlib.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "cli/cli.h"
#include "object.h"
#include "policytest.h"

static const struct cli_option options[] = {
	{ "set", "PARAM=VALUE", "give a param another value, as for load", true },
	{ "verbose", NULL, "of errors the end of the kernel's log, too", false },
	{ 0 },
};

DEFINE_CLEANUP(cleanup_object, struct iop_object *, object_close)
DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)
DEFINE_CLEANUP(cleanup_results, struct policytest_results *, policytest_free)

static const char *const words[] = {
	[POLICYTEST_OK] = "ok",
	[POLICYTEST_FAILED] = "failed",
	[POLICYTEST_SKIPPED] = "skipped",
};

static void say_place(struct output *out, const struct report_place *p)
{
	out_string(out, "file", p->file ? p->file : "");
	out_number(out, "line", p->line);
}

static void say_failures(struct output *out, const struct policytest_result *r)
{
	out_array(out, "failures");
	for (size_t i = 0; i < r->n_failures; i++) {
		const struct policytest_failure *f = &r->failures[i];

		out_object(out, NULL);
		say_place(out, &f->place);
		out_string(out, "expected", f->expected);
		out_string(out, "got", f->got);
		out_close(out);
	}
	out_close(out);
}

/* The lines that `iopc --test` writes, too. */
static void say_people(struct output *out, const struct policytest_result *r)
{
	if (r->outcome == POLICYTEST_OK)
		out_say(out, "ok %s", r->name);
	if (r->outcome == POLICYTEST_SKIPPED)
		out_say(out, "skipped %s: %s", r->name, r->reason);
	for (size_t i = 0; i < r->n_failures; i++) {
		const struct policytest_failure *f = &r->failures[i];

		out_say(out, "%s%s%s%s:%u: expected %s, got %s", i ? "     " : "FAIL ",
			i ? "" : r->name, i ? "" : ": ", f->place.file, f->place.line, f->expected,
			f->got);
	}
}

static int say(struct cli *c, const struct policytest_results *r)
{
	size_t n[3] = { 0 };

	out_for(c->out, OUT_PROGRAMS);
	out_array(c->out, "tests");
	for (size_t i = 0; i < r->n; i++) {
		const struct policytest_result *t = &r->results[i];

		n[t->outcome]++;
		say_people(c->out, t);
		out_object(c->out, NULL);
		out_string(c->out, "name", t->name);
		say_place(c->out, &t->place);
		out_string(c->out, "result", words[t->outcome]);
		if (t->reason && t->outcome == POLICYTEST_SKIPPED)
			out_string(c->out, "reason", t->reason);
		say_failures(c->out, t);
		out_close(c->out);
	}
	out_close(c->out);
	for (size_t i = 0; i < 3; i++) {
		out_for(c->out, OUT_PROGRAMS);
		out_number(c->out, words[i], n[i]);
	}
	if (n[POLICYTEST_SKIPPED])
		out_say(c->out, "%zu passed, %zu failed, %zu skipped", n[POLICYTEST_OK],
			n[POLICYTEST_FAILED], n[POLICYTEST_SKIPPED]);
	else
		out_say(c->out, "%zu passed, %zu failed", n[POLICYTEST_OK], n[POLICYTEST_FAILED]);
	return n[POLICYTEST_FAILED]    ? CLI_REJECTED
	       : n[POLICYTEST_SKIPPED] ? CLI_ENVIRONMENT
				       : CLI_FINE;
}

/* A policy may name a thousand workers, each of which is a socket. Where that is not
 * granted, the tests that need it say so. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run_tests(struct cli *c, const struct iop_object *o)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	_cleanup_(cleanup_results) struct policytest_results *results = NULL;
	_cleanup_free_ const char **settings = calloc(c->n_given + 1ul, sizeof(*settings));
	unsigned n = 0, cursor = 0;
	const char *setting;
	int err;

	if (!report || !settings)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (cli_has(c, "verbose"))
		iop_report_keep_detail(report);
	allow_descriptors();
	while ((setting = cli_next(c, "set", &cursor)))
		settings[n++] = setting;
	err = policytest_run(o, settings, n, &results, report);
	if (err) {
		int code = cli_report(c, report);

		return code ? code : cli_fail(c, CLI_BUG, "the tests failed without a reason");
	}
	(void)cli_report(c, report); /* warnings */
	return say(c, results);
}

static int run(struct cli *c)
{
	_cleanup_(cleanup_object) struct iop_object *o = NULL;
	char error[1024];

	o = object_open(c->arguments[0], error, sizeof(error));
	if (!o)
		return cli_fail(c, cli_object_exit(), "%s", error);
	return run_tests(c, o);
}

const struct cli_verb verb_test = {
	.name = "test",
	.arguments = "FILE",
	.doc = "run the policy's own tests in this machine's kernel",
	.more = "Nothing is attached and nothing stays: the driver stage is run by the kernel's\n"
		"test run, the socket stage with sockets in a network namespace of its own. A\n"
		"test that cannot be run here is skipped, with its reason, and the exit code is 3\n"
		"then. `iopc --test` runs the same tests without privilege.",
	.options = options,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
