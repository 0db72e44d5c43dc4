/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The compiler as a list of passes. Each takes what the one before has made and
 * returns a new value, NULL exactly when it has reported an error; none prints,
 * exits or changes its input. What a pass makes can be shown, and the list ends
 * where nobody asks for more.
 */
#include "driver/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/source.h"
#include "driver/output.h"
#include "emit/emit.h"
#include "interp/interp.h"
#include "plan/plan.h"
#include "sema/policy.h"
#include "syntax/ast.h"

#define COMPILER "iopc " IOP_VERSION

struct compilation {
	const struct options *options;
	const char *path;
	struct arena *arena;
	struct source_set *sources;
	struct diags *diags;
	enum exit_code failure; /* what an error means that is not the policy's */
};

/* A plan with the description that its object carries. */
struct described {
	const struct plan *plan;
	const void *description;
	uint32_t size;
};

/* --- the passes --- */

static const void *read_source(struct compilation *c, const void *nothing)
{
	const struct source *source = source_read(c->sources, c->path, NULL);

	(void)nothing;
	if (!source) {
		diag_error(c->diags, SPAN_NONE, "cannot read `%s`: %s", c->path, strerror(errno));
		c->failure = EXIT_ENVIRONMENT;
	}
	return source;
}

static const void *parse(struct compilation *c, const void *source)
{
	return syntax_parse_source(c->arena, c->sources, source, c->diags);
}

static const void *check(struct compilation *c, const void *ast)
{
	return sema_check(c->arena, ast, c->sources, c->diags);
}

static const void *plan(struct compilation *c, const void *policy)
{
	return plan_make(c->arena, policy, c->options->target, c->diags);
}

static const void *test(struct compilation *c, const void *value)
{
	const struct plan *p = value;
	unsigned failed;

	if (!c->options->test)
		return p;
	failed = interp_tests(p->policy, stdout);
	if (failed == 0)
		return p;
	diag_error(c->diags, SPAN_NONE, "%u of the policy's tests failed", failed);
	return NULL;
}

static const void *describe(struct compilation *c, const void *value)
{
	struct described *d = arena_new_of(c->arena, struct described);

	d->plan = value;
	d->description = plan_describe(c->arena, d->plan, COMPILER, &d->size);
	if (d->description)
		return d;
	diag_error(c->diags, SPAN_NONE,
		   "an object has at most %u MiB of description, this has more",
		   IOP_DESC_MAX_SIZE >> 20);
	return NULL;
}

static const void *generate(struct compilation *c, const void *value)
{
	const struct described *d = value;
	enum emit_kind kind = c->options->emit == EMIT_AS_IR    ? EMIT_IR
			      : c->options->emit == EMIT_AS_ASM ? EMIT_ASM
								: EMIT_OBJECT;

	/* The plan was good: what goes wrong from here on is not the policy's fault. */
	c->failure = EXIT_BUG;
	return emit_plan(c->arena, d->plan, d->description, d->size, kind, c->diags);
}

static void show_emitted(const void *value, FILE *out)
{
	const struct emitted *e = value;

	fwrite(e->data, 1, e->size, out);
}

static void show_ast(const void *value, FILE *out)
{
	ast_print(value, out);
}

static void show_policy(const void *value, FILE *out)
{
	policy_print(value, out);
}

static void show_plan(const void *value, FILE *out)
{
	plan_print(value, out);
}

static void show_header(const void *value, FILE *out)
{
	plan_print_header(value, out);
}

static const struct pass {
	const void *(*run)(struct compilation *c, const void *value);
	/* Writes down what the pass has made. */
	void (*show[EMIT_AS_COUNT])(const void *value, FILE *out);
} passes[] = {
	{ read_source, { 0 } },
	{ parse, { [EMIT_AS_AST] = show_ast } },
	{ check, { [EMIT_AS_POLICY] = show_policy } },
	{ plan, { [EMIT_AS_PLAN] = show_plan, [EMIT_AS_HEADER] = show_header } },
	{ test, { 0 } },
	{ describe, { 0 } },
	{ generate,
	  { [EMIT_AS_IR] = show_emitted,
	    [EMIT_AS_ASM] = show_emitted,
	    [EMIT_AS_OBJ] = show_emitted } },
};

#define N_PASSES (sizeof(passes) / sizeof(passes[0]))

/* --- walking the list --- */

static bool writes(const struct options *o)
{
	return !o->check && (!o->test || o->out || o->emit_given);
}

/* How many passes the options ask for. */
static size_t passes_needed(const struct options *o)
{
	size_t n = 0;

	for (size_t i = 0; i < N_PASSES; i++)
		if ((writes(o) && passes[i].show[o->emit]) || (o->test && passes[i].run == test) ||
		    (o->check && passes[i].run == plan))
			n = i + 1;
	return n;
}

struct product {
	char *data;
	size_t size;
};

/* Memory that ran out, as in arena.c. */
static void show(const struct pass *p, enum emit as, const void *value, struct product *product)
{
	FILE *out = open_memstream(&product->data, &product->size);

	if (out)
		p->show[as](value, out);
	if (!out || fclose(out) != 0) {
		fputs("iopc: out of memory\n", stderr);
		exit(EXIT_BUG);
	}
}

static bool run_passes(struct compilation *c, struct product *product)
{
	const void *value = NULL;
	size_t n = passes_needed(c->options);

	for (size_t i = 0; i < n; i++) {
		value = passes[i].run(c, value);
		if (!value)
			return false;
		if (writes(c->options) && passes[i].show[c->options->emit])
			show(&passes[i], c->options->emit, value, product);
	}
	return true;
}

/* `iopc x.iop -o x.iop` is a slip that would cost the source. */
static bool is_source(const struct compilation *c, const char *out)
{
	struct stat to, from;

	if (stat(out, &to) != 0 || !S_ISREG(to.st_mode))
		return false;
	for (size_t i = 0; i < source_count(c->sources); i++) {
		const struct source *s = source_at(c->sources, i);

		if (!s->builtin && stat(s->path, &from) == 0 && to.st_dev == from.st_dev &&
		    to.st_ino == from.st_ino)
			return true;
	}
	return false;
}

static bool write_product(struct compilation *c, const struct product *product)
{
	const struct options *o = c->options;
	const char *out = o->out;
	int error;

	if (!out && emit_is_text(o->emit)) {
		error = output_print(product->data, product->size);
		out = "the standard output";
	} else {
		if (!out)
			out = output_name(c->arena, c->path);
		if (is_source(c, out)) {
			diag_error(c->diags, SPAN_NONE,
				   "`%s` is a source: it will not be written over", out);
			c->failure = EXIT_USAGE;
			return false;
		}
		error = output_write(c->arena, out, product->data, product->size);
	}
	if (error) {
		diag_error(c->diags, SPAN_NONE, "cannot write `%s`: %s", out, strerror(error));
		c->failure = EXIT_ENVIRONMENT;
	}
	return !error;
}

static enum diag_format diag_format(const struct options *o)
{
	const char *no_color = getenv("NO_COLOR");

	if (o->json)
		return DIAG_JSON;
	return isatty(STDERR_FILENO) && !(no_color && *no_color) ? DIAG_TEXT_COLOUR : DIAG_TEXT;
}

enum exit_code compile(const struct options *o, const char *path)
{
	struct compilation c = {
		.options = o,
		.path = path,
		.arena = arena_new(),
		.failure = EXIT_REJECTED,
	};
	struct product product = { 0 };
	bool fine;

	c.sources = source_set_new(c.arena);
	c.diags = diags_new(c.arena, c.sources);
	fine = run_passes(&c, &product) && (!writes(o) || write_product(&c, &product));
	diags_render(c.diags, diag_format(o), stderr);
	free(product.data);
	arena_free(c.arena);
	return fine ? EXIT_FINE : c.failure;
}
