/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * iopctl load: puts a policy in force, or says what doing so would do. A signal does not
 * end it in the middle: it is seen between two steps, and all that was done is taken back.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "cli/cli.h"

DEFINE_CLEANUP(cleanup_report, struct iop_report *, iop_report_free)

static const struct cli_option options[] = {
	{ "dev", "DEVICE[,DEVICE…]", "a device for the rx and tx stages", true },
	{ "set", "PARAM=VALUE", "give a param another value: --set junk_rate=5k/s", true },
	{ "dry-run", NULL, "check everything, say the steps, do nothing", false },
	{ "verbose", NULL, "say each step; of errors the end of the kernel's log, too", false },
	{ 0 },
};

/* --- signals --- */

/* Those that are not ignored are kept waiting, so that no handler and no global is needed. */
static void hold_signals(sigset_t *held, sigset_t *before)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };

	(void)sigemptyset(held);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		struct sigaction action;

		if (!sigaction(numbers[i], NULL, &action) && action.sa_handler != SIG_IGN)
			(void)sigaddset(held, numbers[i]);
	}
	(void)sigprocmask(SIG_BLOCK, held, before);
}

/* What has come in the meantime has been answered: by the exit code. */
static void release_signals(const sigset_t *held, const sigset_t *before)
{
	static const struct timespec now = { 0 };

	while (sigtimedwait(held, NULL, &now) > 0)
		;
	(void)sigprocmask(SIG_SETMASK, before, NULL);
}

/* --- what iop_load() tells and asks --- */

struct telling {
	struct cli *c;
	sigset_t held;
	bool verbose;
};

static bool interrupted(void *context)
{
	const struct telling *t = context;
	sigset_t pending;
	bool any = false;

	if (sigpending(&pending))
		return false;
	for (int i = 1; !any && i < NSIG; i++)
		any = sigismember(&t->held, i) == 1 && sigismember(&pending, i) == 1;
	return any;
}

static void tell_step(void *context, const struct iop_step_event *event)
{
	static const char *const words[] = {
		[IOP_STEP_PLANNED] = "planned",   [IOP_STEP_BEGUN] = "begun",
		[IOP_STEP_DONE] = "done",         [IOP_STEP_FAILED] = "failed",
		[IOP_STEP_REVERTED] = "reverted",
	};
	const struct telling *t = context;
	struct output *out = t->c->out;

	if (event->state == IOP_STEP_BEGUN)
		return;
	if (event->state == IOP_STEP_PLANNED)
		out_say(out, "%2zu  %s", event->number, event->text);
	else if (t->verbose)
		out_say(out, "%2zu  %s: %s", event->number, event->text, words[event->state]);
	out_for(out, OUT_PROGRAMS);
	out_object(out, NULL);
	out_number(out, "step", event->number);
	out_string(out, "text", event->text);
	out_string(out, "state", words[event->state]);
	out_close(out);
}

/* --- the command line --- */

struct words {
	const char **words;
	size_t n;
	char *text; /* that they point into, or NULL */
};

static void words_free(struct words *w)
{
	free(w->words);
	free(w->text);
}
#define _cleanup_words_ _cleanup_(words_free)

static bool read_settings(const struct cli *c, struct words *w)
{
	const char *setting;
	unsigned cursor = 0;

	w->words = calloc((size_t)c->n_given + 1, sizeof(*w->words));
	while (w->words && (setting = cli_next(c, "set", &cursor)))
		w->words[w->n++] = setting;
	return w->words;
}

/* All values of --dev, joined with commas and cut at them. */
static bool read_devices(const struct cli *c, struct words *w)
{
	const char *value;
	unsigned cursor = 0;
	size_t size = 0;
	FILE *f = open_memstream(&w->text, &size);
	char *rest, *name;

	while (f && (value = cli_next(c, "dev", &cursor)))
		(void)fprintf(f, "%s,", value);
	if (!f || (ferror(f) | fclose(f)))
		return false;
	w->words = calloc(size + 1, sizeof(*w->words)); /* more than there are */
	for (rest = w->text; w->words && (name = strsep(&rest, ","));)
		if (*name)
			w->words[w->n++] = name;
	return w->words;
}

static int load(struct cli *c, const struct iop_load_options *o)
{
	_cleanup_(cleanup_report) struct iop_report *report = iop_report_new();
	char policy[IOP_NAME_MAX + 1];
	int err, code;

	if (!report)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (cli_has(c, "verbose"))
		iop_report_keep_detail(report);
	out_for(c->out, OUT_PROGRAMS);
	out_array(c->out, "steps");
	err = iop_load(o, policy, report);
	out_close(c->out);
	code = cli_report(c, report);
	if (err)
		return code ? code : cli_fail(c, CLI_BUG, "loading failed without a reason");
	if (!o->dry_run)
		out_say(c->out, "policy %s is loaded", policy);
	out_for(c->out, OUT_PROGRAMS);
	out_string(c->out, "policy", policy);
	out_for(c->out, OUT_PROGRAMS);
	out_bool(c->out, "loaded", !o->dry_run);
	return CLI_FINE;
}

static int run(struct cli *c)
{
	_cleanup_words_ struct words devices = { 0 }, settings = { 0 };
	struct telling t = { .c = c, .verbose = cli_has(c, "verbose") };
	struct iop_load_options o = {
		.size = sizeof(o),
		.path = c->arguments[0],
		.dry_run = cli_has(c, "dry-run"),
		.interrupted = interrupted,
		.on_step = tell_step,
		.context = &t,
	};
	sigset_t before;
	int code;

	if (!read_devices(c, &devices) || !read_settings(c, &settings))
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	o.devices = devices.words;
	o.n_devices = devices.n;
	o.settings = settings.words;
	o.n_settings = settings.n;
	hold_signals(&t.held, &before);
	code = load(c, &o);
	release_signals(&t.held, &before);
	return code;
}

const struct cli_verb verb_load = {
	.name = "load",
	.arguments = "FILE",
	.doc = "put a compiled policy in force",
	.more = "Checks the machine first and says all that is missing at once; loads; pins under\n"
		"/sys/fs/bpf/iop/POLICY; attaches from the application to the wire. If a step fails,\n"
		"or a signal comes, all before it is taken back. When it returns, the policy is in\n"
		"force without any process, until `iopctl unload POLICY`. A policy with an rx or tx stage\n"
		"needs --dev. Values of --set have the language's units: 5k/s, 10mbit, 100us, 64Ki.",
	.options = options,
	.min_arguments = 1,
	.max_arguments = 1,
	.run = run,
};
