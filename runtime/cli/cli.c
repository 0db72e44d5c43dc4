/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line of iopctl: finds the verb, reads its options as its rows say,
 * runs it, prints what it has to say. Words that nobody knows get the nearest one
 * that somebody does.
 */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))
#define EXIT_CODES                                                                             \
	"Exit codes: 0 fine, 1 the policy or an expectation is rejected, 2 usage, 3 file or\n" \
	"environment, 4 the kernel refused, 70 a bug of iopctl.\n"

/* In the order of help: what a user does first comes first. */
static const struct cli_verb *const verbs[] = {
	&verb_load,  &verb_set,     &verb_unload, &verb_list, &verb_status,
	&verb_stats, &verb_inspect, &verb_test,
};

static const struct cli_option common_options[] = {
	{ .name = "json", .doc = "answer with one JSON object, errors included" },
	{ .name = "help", .doc = "say what the verb does and takes" },
	{ 0 },
};

/* --- what verbs ask --- */

const char *cli_next(const struct cli *c, const char *option, unsigned *cursor)
{
	while (*cursor < c->n_given) {
		const struct cli_given *g = &c->given[(*cursor)++];

		if (strcmp(g->option->name, option) == 0)
			return g->value;
	}
	return NULL;
}

const char *cli_value(const struct cli *c, const char *option)
{
	const char *last = NULL;

	for (unsigned i = 0; i < c->n_given; i++)
		if (strcmp(c->given[i].option->name, option) == 0)
			last = c->given[i].value;
	return last;
}

bool cli_has(const struct cli *c, const char *option)
{
	for (unsigned i = 0; i < c->n_given; i++)
		if (strcmp(c->given[i].option->name, option) == 0)
			return true;
	return false;
}

static const char *kind_of(enum cli_exit code)
{
	switch (code) {
	case CLI_FINE: return NULL;
	case CLI_REJECTED: return "policy";
	case CLI_USAGE: return "usage";
	case CLI_ENVIRONMENT: return "environment";
	case CLI_KERNEL: return "kernel";
	case CLI_BUG: return "bug";
	}
	return NULL;
}

int cli_fail(struct cli *c, enum cli_exit code, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	out_error(c->out, kind_of(code), "%s", text ? text : "out of memory");
	return code;
}

static enum cli_exit exit_of(enum iop_cause cause)
{
	switch (cause) {
	case IOP_CAUSE_NONE: return CLI_FINE;
	case IOP_CAUSE_POLICY: return CLI_REJECTED;
	case IOP_CAUSE_USAGE: return CLI_USAGE;
	case IOP_CAUSE_ENVIRONMENT: return CLI_ENVIRONMENT;
	case IOP_CAUSE_KERNEL: return CLI_KERNEL;
	case IOP_CAUSE_BUG: return CLI_BUG;
	}
	return CLI_BUG;
}

int cli_report(struct cli *c, const struct iop_report *report)
{
	static const char *const levels[] = {
		[IOP_LEVEL_ERROR] = "error",
		[IOP_LEVEL_WARNING] = "warning",
		[IOP_LEVEL_NOTE] = "note",
	};

	for (size_t i = 0; i < iop_report_count(report); i++) {
		const struct iop_message *m = iop_report_message(report, i);

		out_message(c->out, &(struct out_message){
					    .level = levels[m->level],
					    .kind = kind_of(exit_of(m->cause)),
					    .file = m->file,
					    .line = m->line,
					    .column = m->column,
					    .text = m->text,
					    .source = m->source,
					    .help = m->help,
					    .detail = m->detail,
				    });
	}
	return exit_of(iop_report_cause(report));
}

enum cli_exit cli_object_exit(void)
{
	return errno == EBADMSG || errno == ENOTSUP ? CLI_REJECTED : CLI_ENVIRONMENT;
}

/* --- words that nobody knows --- */

/* Insertions, deletions, replacements and swaps of neighbours; both of at most MAX_WORD. */
#define MAX_WORD 24

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
	unsigned d[MAX_WORD + 1][MAX_WORD + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > MAX_WORD || m > MAX_WORD)
		return MAX_WORD;
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			if (!i || !j) {
				d[i][j] = (unsigned)(i + j);
				continue;
			}
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1,
					d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

const char *cli_suggest(const char *written, const char *(*word)(const void *words, unsigned i),
			const void *words)
{
	/* A third of it may be wrong: `lode` is load, but `x` is nothing. */
	unsigned best = (unsigned)(strlen(written) + 2) / 3 + 1;
	const char *nearest = NULL, *w;

	for (unsigned i = 0; (w = word(words, i)); i++) {
		unsigned d = distance(written, w);

		/* What was not written to its end. */
		if (strlen(written) > 1 && strncmp(w, written, strlen(written)) == 0)
			return w;

		if (d < best && d < strlen(w)) {
			best = d;
			nearest = w;
		}
	}
	return nearest;
}

static const char *verb_word(const void *words, unsigned i)
{
	(void)words;
	return i < COUNT_OF(verbs) ? verbs[i]->name : NULL;
}

static const struct cli_option *option_at(const struct cli_verb *v, unsigned i)
{
	for (const struct cli_option *o = v->options; o && o->name; o++)
		if (!i--)
			return o;
	return i < COUNT_OF(common_options) - 1 ? &common_options[i] : NULL;
}

static const char *option_word(const void *words, unsigned i)
{
	const struct cli_option *o = option_at(words, i);

	return o ? o->name : NULL;
}

/* --- help --- */

static void help(FILE *f)
{
	(void)fputs("usage: iopctl VERB [OPTION …] [ARGUMENT …]\n\n"
		    "Loads policies that iopc has compiled, and tells what they do.\n\n",
		    f);
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		(void)fprintf(f, "  %-9s %s\n", verbs[i]->name, verbs[i]->doc);
	(void)fputs("\n`iopctl VERB --help` says more. --json answers with JSON, errors included.\n"
		    "`iopctl --version` tells the version.\n\n" EXIT_CODES,
		    f);
}

static void help_verb(FILE *f, const struct cli_verb *v)
{
	const struct cli_option *o;

	(void)fprintf(f, "usage: iopctl %s [OPTION …]%s%s\n\n%s\n\n", v->name,
		      *v->arguments ? " " : "", v->arguments, v->doc);
	for (unsigned i = 0; (o = option_at(v, i)); i++) {
		int room = 20 - (int)strlen(o->name) -
			   (o->argument ? (int)strlen(o->argument) + 1 : 0);

		(void)fprintf(f, "  --%s%s%s%*s %s%s\n", o->name, o->argument ? "=" : "",
			      o->argument ? o->argument : "", room > 0 ? room : 0, "", o->doc,
			      o->many ? " (may be repeated)" : "");
	}
	(void)fprintf(f, "\n%s%s" EXIT_CODES, v->more ? v->more : "", v->more ? "\n\n" : "");
}

/* Help goes out at once; a program gets it as a string. */
static int say_help(struct cli *c, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *f = output_is_json(c->out) ? open_memstream(&text, &size) : out;

	if (!f)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (c->verb)
		help_verb(f, c->verb);
	else
		help(f);
	if (f != out && (ferror(f) | fclose(f)))
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	if (f != out)
		out_string(c->out, "help", text);
	return CLI_FINE;
}

static int say_version(struct cli *c, FILE *out)
{
	if (output_is_json(c->out))
		out_string(c->out, "version", IOP_VERSION);
	else
		(void)fprintf(out, "iopctl %s\n", IOP_VERSION);
	return CLI_FINE;
}

/* --- the command line --- */

/* What has been read of it; arrays have room for all words. */
struct line {
	struct cli_given *given;
	const char **arguments;
};

static void line_free(struct line *l)
{
	free(l->given);
	free((void *)l->arguments);
}

static int unknown_option(struct cli *c, const char *name)
{
	const char *near = cli_suggest(name, option_word, c->verb);

	return cli_fail(c, CLI_USAGE, "%s has no option --%s%s%s%s", c->verb->name, name,
			near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

/* Reads the option argv[*i] and what belongs to it. */
static int read_option(struct cli *c, struct line *l, char **argv, int *i)
{
	_cleanup_free_ char *name = strdup(argv[*i] + 2);
	const struct cli_option *o = NULL;
	char *value;

	if (!name)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	value = strchr(name, '=');
	if (value)
		*value = '\0';
	for (unsigned k = 0; (o = option_at(c->verb, k)); k++)
		if (strcmp(o->name, name) == 0)
			break;
	if (!o)
		return unknown_option(c, name);
	if (!o->argument && value)
		return cli_fail(c, CLI_USAGE, "--%s takes no value", name);
	if (!o->many && cli_has(c, name))
		return cli_fail(c, CLI_USAGE, "--%s is given twice", name);

	l->given[c->n_given] = (struct cli_given){ .option = o };
	if (o->argument) {
		if (!value && !argv[*i + 1])
			return cli_fail(c, CLI_USAGE, "--%s needs a value: --%s=%s", name, name,
					o->argument);
		l->given[c->n_given].value = value ? strchr(argv[*i], '=') + 1 : argv[++*i];
	}
	c->n_given++;
	return CLI_FINE;
}

static int read_words(struct cli *c, struct line *l, char **argv)
{
	bool options = true;

	for (int i = 0; argv[i]; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && strncmp(argv[i], "--", 2) == 0) {
			int rc = read_option(c, l, argv, &i);

			if (rc)
				return rc;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			return cli_fail(c, CLI_USAGE, "unknown option %s; options have two dashes",
					argv[i]);
		} else {
			l->arguments[c->n_arguments++] = argv[i];
		}
	}
	return CLI_FINE;
}

static int check_arguments(struct cli *c)
{
	const struct cli_verb *v = c->verb;

	if (c->n_arguments < v->min_arguments)
		return cli_fail(c, CLI_USAGE, "%s needs %s (iopctl %s --help)", v->name,
				v->arguments, v->name);
	if (c->n_arguments > v->max_arguments)
		return cli_fail(c, CLI_USAGE, "%s takes no argument `%s` (iopctl %s --help)",
				v->name, c->arguments[v->max_arguments], v->name);
	return CLI_FINE;
}

static int run_verb(struct cli *c, char **argv, int n_words, FILE *out)
{
	_cleanup_(line_free) struct line l = {
		.given = calloc((size_t)n_words + 1, sizeof(*l.given)),
		.arguments = calloc((size_t)n_words + 1, sizeof(*l.arguments)),
	};
	int rc;

	if (!l.given || !l.arguments)
		return cli_fail(c, CLI_ENVIRONMENT, "out of memory");
	c->given = l.given;
	c->arguments = l.arguments;
	rc = read_words(c, &l, argv);
	if (rc)
		return rc;
	if (cli_has(c, "help"))
		return say_help(c, out);
	rc = check_arguments(c);
	return rc ? rc : c->verb->run(c);
}

static const struct cli_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(verbs); i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

static int unknown_verb(struct cli *c, const char *name)
{
	const char *near = cli_suggest(name, verb_word, NULL);

	if (near)
		return cli_fail(c, CLI_USAGE, "unknown verb `%s`; did you mean `%s`?", name, near);
	return cli_fail(c, CLI_USAGE, "unknown verb `%s`; iopctl --help lists them", name);
}

static bool wants_json(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (strcmp(*argv, "--json") == 0)
			return true;
	return false;
}

static int dispatch(struct cli *c, int argc, char **argv, FILE *out)
{
	/* Options before the verb: --json may stand anywhere. */
	int at = 1;

	while (at < argc && strcmp(argv[at], "--json") == 0)
		at++;
	if (at >= argc)
		return cli_fail(c, CLI_USAGE, "what to do? iopctl --help lists the verbs");
	if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0 ||
	    strcmp(argv[at], "help") == 0)
		return say_help(c, out);
	if (strcmp(argv[at], "--version") == 0)
		return say_version(c, out);
	if (argv[at][0] == '-')
		return cli_fail(c, CLI_USAGE,
				"unknown option %s before the verb; see iopctl --help", argv[at]);
	c->verb = find_verb(argv[at]);
	if (!c->verb)
		return unknown_verb(c, argv[at]);
	return run_verb(c, argv + at + 1, argc - at - 1, out);
}

int cli_main(int argc, char **argv, FILE *out, FILE *err)
{
	struct cli c = { .out = output_new(out, err, argc > 0 && wants_json(argv)) };
	int rc;

	if (!c.out) {
		(void)fputs("iopctl: error: out of memory\n", err);
		return CLI_ENVIRONMENT;
	}
	rc = dispatch(&c, argc, argv, out);
	errno = 0;
	if (output_finish(c.out)) {
		(void)fprintf(err, "iopctl: error: cannot write the answer: %s\n", strerror(errno));
		rc = rc ? rc : CLI_ENVIRONMENT;
	}
	output_free(c.out);
	return rc;
}
