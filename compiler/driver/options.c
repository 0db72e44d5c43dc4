/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command line: each option is a row, from which the help and the
 * suggestions for misspelt ones come as well.
 */
#include "driver/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "base/diag_text.h"
#include "driver/output.h"
#include "lang/lang.h"

static const char *const emits[EMIT_AS_COUNT] = {
	[EMIT_AS_AST] = "ast",       [EMIT_AS_POLICY] = "policy", [EMIT_AS_PLAN] = "plan",
	[EMIT_AS_HEADER] = "header", [EMIT_AS_IR] = "ir",         [EMIT_AS_ASM] = "asm",
	[EMIT_AS_OBJ] = "obj",
};

bool emit_is_text(enum emit e)
{
	return e != EMIT_AS_OBJ;
}

static bool complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool complain(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("iopc: ", stderr);
	print_shown(stderr, text);
	fputc('\n', stderr);
	return false;
}

static void did_you_mean(const char *prefix, const char *word, const char *const *among, size_t n)
{
	const char *near = diag_closest(word, among, n);

	if (near)
		fprintf(stderr, "help: did you mean `%s%s`?\n", prefix, near);
}

/* --- one function an option; `value` is NULL for those that take none --- */

static bool take_out(struct options *o, const char *value)
{
	if (o->out)
		return complain("-o is given twice");
	if (!*value)
		return complain("-o needs the name of a file");
	o->out = value;
	return true;
}

static bool take_emit(struct options *o, const char *value)
{
	for (int i = 0; i < EMIT_AS_COUNT; i++)
		if (strcmp(emits[i], value) == 0) {
			if (o->emit_given && o->emit != (enum emit)i)
				return complain("--emit is given twice");
			o->emit = (enum emit)i;
			o->emit_given = true;
			return true;
		}
	complain("--emit takes ast, policy, plan, header, ir, asm or obj, not `%s`", value);
	did_you_mean("--emit=", value, emits, EMIT_AS_COUNT);
	return false;
}

/* At most five digits. */
static const char *read_number(const char *s, unsigned *n)
{
	const char *begin = s;

	for (*n = 0; isdigit((unsigned char)*s) && s - begin < 5; s++)
		*n = *n * 10 + (unsigned)(*s - '0');
	return s == begin || isdigit((unsigned char)*s) ? NULL : s;
}

/* `6.1`, and what `uname -r` says: `6.1.0-13-amd64`. */
static bool take_target(struct options *o, const char *value)
{
	unsigned major, minor, patch;
	const char *s = read_number(value, &major);

	s = s && *s == '.' ? read_number(s + 1, &minor) : NULL;
	if (s && *s == '.')
		s = read_number(s + 1, &patch);
	if (!s || (*s && *s != '-' && *s != '+') || major < 1 || major > 255 || minor > 65535)
		return complain("--target takes a release of Linux such as 6.1, not `%s`", value);
	o->target = KERNEL(major, minor);
	return true;
}

static bool take_diag(struct options *o, const char *value)
{
	if (strcmp(value, "json") != 0 && strcmp(value, "text") != 0)
		return complain("--diag takes text or json, not `%s`", value);
	o->json = strcmp(value, "json") == 0;
	return true;
}

static bool take_check(struct options *o, const char *value)
{
	(void)value;
	return o->check = true;
}

static bool take_test(struct options *o, const char *value)
{
	(void)value;
	return o->test = true;
}

static bool take_help(struct options *o, const char *value)
{
	(void)value;
	return o->help = true;
}

static bool take_version(struct options *o, const char *value)
{
	(void)value;
	return o->version = true;
}

static const struct row {
	const char *name;
	const char *value; /* what it takes; NULL: nothing */
	bool (*take)(struct options *o, const char *value);
	const char *doc;
} rows[] = {
	{ "-o", "OUT", take_out, "write there; of one FILE only" },
	{ "--emit", "WHAT", take_emit,
	  "ast, policy, plan, header, ir or asm: as text to the standard output;\n"
	  "obj: an object, FILE with .bpf.o for .iop, in this folder (the default)" },
	{ "--check", NULL, take_check, "say what is wrong, and write nothing" },
	{ "--test", NULL, take_test,
	  "run the policy's tests; writes only what -o or --emit asks for, if they pass" },
	{ "--target", "KERNEL", take_target,
	  "refuse what this release of Linux (6.1) does not have" },
	{ "--diag", "FORMAT", take_diag, "text or json: how errors and warnings are written" },
	{ "--version", NULL, take_version, "" },
	{ "--help", NULL, take_help, "" },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

void options_help(void)
{
	fputs("usage: iopc FILE… [options]\n"
	      "Compiles I/O policies to BPF objects, which `iopctl load` puts to work.\n\n",
	      stdout);
	for (size_t i = 0; i < N_ROWS; i++) {
		const char *doc = rows[i].doc, *end;
		char head[32];

		snprintf(head, sizeof(head), "%s%s%s", rows[i].name,
			 !rows[i].value           ? ""
			 : rows[i].name[1] == '-' ? "="
						  : " ",
			 rows[i].value ? rows[i].value : "");
		if (!*doc)
			printf("  %s\n", head);
		for (; *doc; doc = *end ? end + 1 : end, head[0] = '\0') {
			end = strchrnul(doc, '\n');
			printf("  %-16s %.*s\n", head, (int)(end - doc), doc);
		}
	}
	fputs("\nExit codes: 0 fine, 1 the policy is rejected or a test failed, 2 usage,\n"
	      "3 a file or the environment, 70 a bug of iopc.\n",
	      stdout);
}

static bool unknown(const char *arg, size_t len)
{
	const char *names[N_ROWS];
	char word[80];

	complain("there is no option `%.*s`", (int)len, arg);
	if (len >= sizeof(word))
		return false;
	memcpy(word, arg, len);
	word[len] = '\0';
	for (size_t i = 0; i < N_ROWS; i++)
		names[i] = rows[i].name;
	did_you_mean("", word, names, N_ROWS);
	return false;
}

/* `--emit=plan`, `--emit plan`, `-o OUT`, `-oOUT`. `next` is the argument behind it. */
static bool take_option(struct options *o, const char *arg, const char *next, bool *took_next)
{
	size_t len = arg[1] == '-' ? strcspn(arg, "=") : 2;
	const char *value = NULL;

	if (arg[len])
		value = arg + len + (arg[len] == '=');
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *r = &rows[i];

		if (strlen(r->name) != len || memcmp(r->name, arg, len) != 0)
			continue;
		if (!r->value && value)
			return complain("%s takes no value", r->name);
		if (r->value && !value) {
			if (!next)
				return complain("%s needs a value: %s%s%s", r->name, r->name,
						r->name[1] == '-' ? "=" : " ", r->value);
			value = next;
			*took_next = true;
		}
		return r->take(o, value);
	}
	return unknown(arg, arg[1] == '-' ? len : strlen(arg));
}

/* Objects without -o go into one folder: `a/x.iop b/x.iop` are one object. */
static bool outputs_differ(const struct options *o)
{
	if (o->check || (o->test && !o->emit_given) || emit_is_text(o->emit))
		return true;
	for (size_t i = 0; i < o->n_files; i++)
		for (size_t k = 0; k < i; k++) {
			size_t n, m;
			const char *a = output_stem(o->files[i], &n),
				   *b = output_stem(o->files[k], &m);

			if (n == m && memcmp(a, b, n) == 0)
				return complain(
					"%s and %s would both become %.*s.bpf.o: compile them one by one",
					o->files[k], o->files[i], (int)n, a);
		}
	return true;
}

static bool agree(const struct options *o)
{
	if (o->n_files == 0) {
		complain("there is no FILE to compile");
		fputs("usage: iopc FILE… [options]; see iopc --help\n", stderr);
		return false;
	}
	if (o->out && o->n_files > 1)
		return complain("-o names one file, but there are %zu to compile", o->n_files);
	if (o->check && (o->out || o->emit_given))
		return complain("--check writes nothing, so %s makes no sense with it",
				o->out ? "-o" : "--emit");
	if (o->test && o->emit_given && emit_is_text(o->emit) && !o->out)
		return complain(
			"--test and --emit=%s both write to the standard output: add -o OUT",
			emits[o->emit]);
	for (size_t i = 0; i < o->n_files; i++) {
		if (strcmp(o->files[i], "-") != 0)
			continue;
		if (!o->out && !o->check && !o->test && !emit_is_text(o->emit))
			return complain("a policy from the standard input needs -o OUT");
		for (size_t k = 0; k < i; k++)
			if (strcmp(o->files[k], "-") == 0)
				return complain("the standard input can be read once only");
	}
	return outputs_differ(o);
}

bool options_read(struct options *o, int argc, char **argv)
{
	bool options = true;
	size_t n = 0;

	*o = (struct options){ .emit = EMIT_AS_OBJ };
	for (int i = 1; i < argc; i++) {
		bool took_next = false;

		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && argv[i][0] == '-' && argv[i][1]) {
			if (!take_option(o, strcmp(argv[i], "-h") == 0 ? "--help" : argv[i],
					 argv[i + 1], &took_next))
				return false;
			i += took_next;
		} else {
			argv[n++] = argv[i];
		}
	}
	o->files = (const char *const *)argv;
	o->n_files = n;
	return o->help || o->version || agree(o);
}
