/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text that is written to hurt: deep, long, broken, random. It ends in messages,
 * in time that grows with the text, and every span lies within the text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "syntax/ast.h"

/* What comes of a text: the rendered diagnostics; NULL if it was accepted. The caller
 * frees it. */
static char *errors_of(const char *text, size_t n)
{
	struct arena *a = arena_new();
	struct source_set *set = source_set_new(a);
	struct diags *diags = diags_new(a, set);
	const struct source *f = source_add_builtin(set, "text.iop", text, n);
	struct ast *ast = syntax_parse_source(a, set, f, diags);
	char *shown = NULL;
	size_t size;
	FILE *out = open_memstream(&shown, &size);

	assert_non_null(out);
	assert_int_equal(ast == NULL, diags_errors(diags) > 0);
	if (ast)
		ast_print(ast, out);
	else
		diags_render(diags, DIAG_TEXT, out);
	fclose(out);
	arena_free(a);
	if (!ast)
		return shown;
	free(shown);
	return NULL;
}

static void assert_error(const char *text, size_t n, const char *expected)
{
	char *errors = errors_of(text, n);

	assert_non_null(errors);
	assert_non_null(strstr(errors, expected));
	free(errors);
}

/* `before`, `middle` that many times, `after` */
static char *repeated(const char *before, const char *middle, size_t times, const char *after,
		      size_t *n)
{
	size_t length = strlen(middle);
	char *text = malloc(strlen(before) + times * length + strlen(after) + 1), *p = text;

	assert_non_null(text);
	p = stpcpy(p, before);
	for (size_t i = 0; i < times; i++)
		p = stpcpy(p, middle);
	p = stpcpy(p, after);
	*n = (size_t)(p - text);
	return text;
}

static void deep_nesting_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "workload w { class a when ", "(" },
		{ "workload w { class a when ", "(a or (" },
		{ "workload w { class a when not ", "(not " },
		{ "header h { f u8 ", "{ g u8 " },
		{ "header h ", "{" },
		{ "workload w { match ", "{" },
		{ "", "{" },
		{ "", "(" },
		{ "workload w { match x", "(" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n;
		char *text = repeated(rows[i][0], rows[i][1], 20000, "", &n);

		assert_error(text, n, "nested too deeply");
		free(text);
	}
}

static void nesting_within_reason_is_accepted(void **state)
{
	size_t n, more;
	char *open = repeated("workload w { class a when ", "(", 60, "a", &n);
	char *text = repeated(open, ")", 60, "; }", &more);

	(void)state;
	assert_null(errors_of(text, more));
	free(text);
	free(open);
}

/* Brackets that were forgotten in one statement do not count in the next. */
static void forgotten_brackets_do_not_add_up(void **state)
{
	size_t n;
	char *text = repeated("workload w {\n", "class a when (a == 1;\n", 100, "}\n", &n);
	char *errors = errors_of(text, n);

	(void)state;
	assert_non_null(errors);
	assert_null(strstr(errors, "nested"));
	assert_non_null(strstr(errors, "80 more errors not shown"));
	free(errors);
	free(text);
}

static void long_conditions_are_refused(void **state)
{
	size_t n;
	char *text = repeated("workload w { class a when x == 1", " or x == 1", 20000, "; }", &n);

	(void)state;
	assert_error(text, n, "more than 500 operators");
	free(text);
	text = repeated("workload w { class a when x == 1", " or x == 1", 490, "; }", &n);
	assert_null(errors_of(text, n));
	free(text);
}

static void long_lists_are_accepted(void **state)
{
	static const char *const rows[][3] = {
		{ "", "pool a { cores 1; }\n", "" },
		{ "pool a { cores 0", ",1", "; }" },
		{ "workload w { match { 1", ", 2", "}; }" },
		{ "workload w { stage rx { a", ", b", " -> drop; } }" },
		{ "workload w { stage rx { a -> drop", ", drop", "; } }" },
		{ "workload w { stage rx { ", "a -> drop;", "} }" },
		{ "workload w { match a", ".b", "; }" },
		{ "priority a", " > b", ";" },
		{ "header h { ", "f u8;", "}" },
		{ "header h { f u8 { A = 1", ", B = 2", "}; }" },
		{ "param p = \"", "x", "\";" },
		{ "policy ", "x", ";" },
		{ "# ", "x", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n;
		char *text = repeated(rows[i][0], rows[i][1], 20000, rows[i][2], &n);

		assert_null(errors_of(text, n));
		free(text);
	}
}

static void long_nonsense_is_refused(void **state)
{
	static const char *const middles[] = { "\xff",         "\"",      "9",     "[",
					       "a:",           "1.",      "}",     ";",
					       "\\",           "test \"", "stage", "\n",
					       "workload w {", "1/" };

	(void)state;
	for (size_t i = 0; i < sizeof(middles) / sizeof(middles[0]); i++) {
		size_t n;
		char *text = repeated("policy x; !", middles[i], 20000, "", &n), *errors;

		errors = errors_of(text, n);
		assert_non_null(errors);
		assert_true(strlen(errors) < 20000);
		free(errors);
		free(text);
	}
}

static const char *const pieces[] = {
	"policy ",
	"include ",
	"pool ",
	"param ",
	"live ",
	"header ",
	"signal ",
	"cache ",
	"workload ",
	"class ",
	"priority ",
	"stage ",
	"test ",
	"require ",
	"packet ",
	"when ",
	"until ",
	"and ",
	"or ",
	"not ",
	"in ",
	"starts ",
	"contains ",
	"within ",
	"a ",
	"b.c ",
	"{ ",
	"} ",
	"} ",
	"( ",
	") ",
	"; ",
	"; ",
	"; ",
	";\n",
	", ",
	": ",
	".",
	".. ",
	"-> ",
	"- ",
	"= ",
	"== ",
	"< ",
	">",
	"& ",
	"<< ",
	"1 ",
	"1k/s ",
	"0x1F ",
	"1.5ms ",
	"12abc ",
	"99.5% ",
	"10.0.0.1 ",
	"10.0.0.1/8 ",
	"10.0.0.1:53 ",
	"[::1]:53 ",
	"fd00::/8 ",
	"00:11:22:33:44:55 ",
	"\"x\\n\" ",
	"\"x",
	"\\",
	"\n",
	"\r\n",
	"# x\n",
	"\n}\n",
	"\xff",
	"!",
	"&&",
	"\xe2\x82\xac",
	"\n",
	"\nworkload w {\n",
	"\ntest \"t\" {\n",
};

#define N_PIECES (sizeof(pieces) / sizeof(pieces[0]))

/* Nothing is asserted but what errors_of() asserts; the sanitizers watch. */
static void random_tokens_end_well(void **state)
{
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char text[1024] = "";
		size_t n = 0;
		int k;

		seed = seed * 1103515245 + 12345;
		k = 1 + (int)(seed >> 16) % 60;
		while (k-- > 0) {
			const char *piece;

			seed = seed * 1103515245 + 12345;
			piece = pieces[(seed >> 16) % N_PIECES];
			memcpy(text + n, piece, strlen(piece));
			n += strlen(piece);
		}
		free(errors_of(text, n));
	}
}

static const char whole[] =
	"policy p;\n"
	"pool net { cores 0-3,8; except 2; }\n"
	"param r = 1k/s live;\n"
	"header kv { op u8 { GET = 1, SCAN = 2 }; key bytes op max 64 when op == 1;\n"
	"  q repeat max 4 until len == 0 { len u8; } skip 4; }\n"
	"signal d : u32 per worker;\n"
	"workload w { match udp port { 53, 5353 } from 10.0.0.0/8;\n"
	"  class a when kv.op & 0x8 == 0 and not (kv.key starts \"x\") share 5%;\n"
	"  class b when kv.key contains \"x\" within 64;\n"
	"  priority a > b; stage rx { a, b -> limit r per ip.src, steer to net by hash(flow); }\n"
	"  stage run { cores 1..3 of net; } }\n"
	"test \"t\" { packet udp 10.0.0.2:4000 -> [fd00::1]:53 kv { op GET; }; expect drop; }\n"
	"priority w > v;\n";

static void cut_anywhere_ends_well(void **state)
{
	(void)state;
	assert_null(errors_of(whole, sizeof(whole) - 1));
	for (size_t n = 0; n < sizeof(whole) - 1; n++)
		free(errors_of(whole, n));
}

/* Each byte becomes a NUL, and some of the others in turn. */
static void one_byte_changed_ends_well(void **state)
{
	static const char bytes[] = "\n;{}()\"\\#,.-> a1:/\xff";
	enum { N = sizeof(bytes) - 1, EACH = 4 };

	(void)state;
	for (size_t i = 0; i < sizeof(whole) - 1; i++) {
		for (size_t k = 0; k <= EACH; k++) {
			char text[sizeof(whole)];

			memcpy(text, whole, sizeof(whole));
			text[i] = k < EACH ? bytes[(i * EACH + k) % N] : '\0';
			free(errors_of(text, sizeof(whole) - 1));
		}
	}
}

/* Spans: within the file, and those of children within their parent's. */

static void assert_within(struct span inner, struct span outer)
{
	assert_true(inner.begin <= inner.end);
	assert_true(inner.begin >= outer.begin);
	assert_true(inner.end <= outer.end);
	assert_true(inner.begin > 0);
}

static void check_items(const struct item *i, struct span outer)
{
	for (; i; i = i->next) {
		assert_within(i->at, outer);
		for (uint32_t k = 0; k < i->n_path; k++)
			assert_within(i->path[k].at, i->at);
		check_items(i->args, i->at);
	}
}

static void check_phrases(const struct phrase *f, struct span outer)
{
	for (; f; f = f->next) {
		assert_within(f->at, outer);
		assert_non_null(f->items);
		assert_int_equal(f->at.begin, f->items->at.begin);
		check_items(f->items, f->at);
	}
}

static void check_expr(const struct expr *e, struct span outer)
{
	if (!e)
		return;
	assert_within(e->at, outer);
	if (e->kind != EXPR_LEAF)
		assert_within(e->op_at, e->at);
	check_items(e->item, e->at);
	assert_true(!e->within || e->at.end > e->item->at.end);
	check_expr(e->lhs, e->at);
	check_expr(e->rhs, e->at);
}

static void check_fields(const struct field_decl *f, struct span outer)
{
	for (; f; f = f->next) {
		assert_within(f->at, outer);
		check_phrases(f->type, f->at);
		check_expr(f->until, f->at);
		check_expr(f->when, f->at);
		for (const struct enumerator *e = f->enums; e; e = e->next)
			assert_within(e->name.at, f->at);
		check_fields(f->fields, f->at);
	}
}

static void check_stmts(const struct stmt *s, struct span outer)
{
	for (; s; s = s->next) {
		assert_within(s->at, outer);
		check_phrases(s->phrases, s->at);
		check_phrases(s->to, s->at);
		check_phrases(s->sets, s->at);
		check_items(s->names, s->at);
		check_expr(s->when, s->at);
		check_stmts(s->body, s->at);
	}
}

static void spans_are_nested(void **state)
{
	struct arena *a = arena_new();
	struct source_set *set = source_set_new(a);
	struct diags *diags = diags_new(a, set);
	const struct source *f;
	struct ast *ast;

	(void)state;
	source_add(set, "before.iop", NULL, "xyz", 3);
	f = source_add(set, "whole.iop", NULL, whole, sizeof(whole) - 1);
	ast = syntax_parse_source(a, set, f, diags);
	assert_non_null(ast);
	for (const struct decl *d = ast->decls; d; d = d->next) {
		assert_within(d->at, (struct span){ f->base, f->base + (uint32_t)f->size });
		if (d->name.text)
			assert_within(d->name.at, d->at);
		check_items(d->value, d->at);
		if (d->live)
			assert_within(d->live_at, d->at);
		check_fields(d->fields, d->at);
		check_stmts(d->body, d->at);
		check_items(d->names, d->at);
	}
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(nesting_within_reason_is_accepted),
		cmocka_unit_test(forgotten_brackets_do_not_add_up),
		cmocka_unit_test(long_conditions_are_refused),
		cmocka_unit_test(long_lists_are_accepted),
		cmocka_unit_test(long_nonsense_is_refused),
		cmocka_unit_test(random_tokens_end_well),
		cmocka_unit_test(cut_anywhere_ends_well),
		cmocka_unit_test(one_byte_changed_ends_well),
		cmocka_unit_test(spans_are_nested),
	};

	return cmocka_run_group_tests_name("syntax, hostile", tests, NULL, NULL);
}
