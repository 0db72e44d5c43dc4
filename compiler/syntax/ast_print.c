/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree as text, for people and for tests: a node a line, what it holds two
 * blanks further in. Literals are written in their smallest unit, so that it
 * can be seen what was understood.
 */
#include <arpa/inet.h>
#include <inttypes.h>

#include "syntax/ast.h"

static void indent(FILE *out, int level)
{
	fprintf(out, "%*s", level * 2, "");
}

static void print_bytes(FILE *out, const char *s, size_t n)
{
	fputc('"', out);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void print_string(FILE *out, const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	print_bytes(out, s, n);
}

static void print_address(FILE *out, const struct literal *l)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(l->family == 6 ? AF_INET6 : AF_INET, l->addr, text, sizeof(text));
	fputs(text, out);
	if (l->has_prefix)
		fprintf(out, "/%d", l->prefix_len);
}

static void print_literal(FILE *out, const struct literal *l)
{
	switch (l->kind) {
	case LIT_NUMBER: fprintf(out, "%" PRIu64, l->value); break;
	case LIT_DURATION: fprintf(out, "%" PRIu64 "ns", l->value); break;
	case LIT_RATE: fprintf(out, "%" PRIu64 "/s", l->value); break;
	case LIT_BITRATE: fprintf(out, "%" PRIu64 "bit/s", l->value); break;
	case LIT_PERCENT:
		fprintf(out, "%" PRIu64 ".%03u%%", l->value / 1000, (unsigned)(l->value % 1000));
		break;
	case LIT_ADDR: print_address(out, l); break;
	case LIT_MAC:
		for (int shift = 40; shift >= 0; shift -= 8)
			fprintf(out, "%02x%s", (unsigned)(l->value >> shift & 0xff),
				shift ? ":" : "");
		break;
	case LIT_STRING: print_bytes(out, l->text, l->len); break;
	}
}

static void print_item(FILE *out, const struct item *i);

/* The comma is part of the list here, and of the item in a phrase. */
static void print_list(FILE *out, const struct item *i)
{
	for (; i; i = i->next) {
		print_item(out, i);
		if (i->next)
			fputs(", ", out);
	}
}

static void print_pair(FILE *out, const struct item *i, const char *between)
{
	print_literal(out, i->lo);
	fputs(between, out);
	print_literal(out, i->hi);
}

static void print_path(FILE *out, const struct item *i)
{
	for (uint32_t k = 0; k < i->n_path; k++)
		fprintf(out, "%s%s", k ? "." : "", i->path[k].text);
}

static void print_item(FILE *out, const struct item *i)
{
	switch (i->kind) {
	case ITEM_WORD:
	case ITEM_PATH: print_path(out, i); break;
	case ITEM_LITERAL: print_literal(out, i->lo); break;
	case ITEM_RANGE: print_pair(out, i, "-"); break;
	case ITEM_BUDGET: print_pair(out, i, ".."); break;
	case ITEM_CALL:
		print_path(out, i);
		fputc('(', out);
		print_list(out, i->args);
		fputc(')', out);
		break;
	case ITEM_SET:
		fputs("{ ", out);
		print_list(out, i->args);
		fputs(" }", out);
		break;
	case ITEM_ENDPOINT:
		fputs(i->lo->family == 6 ? "[" : "", out);
		print_pair(out, i, i->lo->family == 6 ? "]:" : ":");
		break;
	}
}

static void print_items(FILE *out, const struct item *i)
{
	for (const struct item *first = i; i; i = i->next) {
		if (i != first)
			fputs(i->comma ? ", " : " ", out);
		print_item(out, i);
	}
}

static void print_phrases(FILE *out, int level, const char *what, const struct phrase *f)
{
	for (; f; f = f->next) {
		indent(out, level);
		fprintf(out, "%s ", what);
		print_items(out, f->items);
		fputc('\n', out);
	}
}

static const char *const expr_names[] = {
	[EXPR_OR] = "or",     [EXPR_AND] = "and",       [EXPR_NOT] = "not",
	[EXPR_EQ] = "==",     [EXPR_NE] = "!=",         [EXPR_LT] = "<",
	[EXPR_LE] = "<=",     [EXPR_GT] = ">",          [EXPR_GE] = ">=",
	[EXPR_IN] = "in",     [EXPR_STARTS] = "starts", [EXPR_CONTAINS] = "contains",
	[EXPR_BIT_AND] = "&", [EXPR_BIT_OR] = "|",      [EXPR_SHL] = "<<",
	[EXPR_SHR] = ">>",    [EXPR_LEAF] = "leaf",
};

static void print_expr(FILE *out, int level, const struct expr *e)
{
	indent(out, level);
	if (e->kind != EXPR_LEAF)
		fputs(expr_names[e->kind], out);
	if (e->item) {
		fputs(e->kind == EXPR_LEAF ? "" : " ", out);
		print_item(out, e->item);
	}
	if (e->within) {
		fputs(" within ", out);
		print_literal(out, e->within);
	}
	fputc('\n', out);
	if (e->lhs)
		print_expr(out, level + 1, e->lhs);
	if (e->rhs)
		print_expr(out, level + 1, e->rhs);
}

static void print_condition(FILE *out, int level, const char *word, const struct expr *e)
{
	if (!e)
		return;
	indent(out, level);
	fprintf(out, "%s\n", word);
	print_expr(out, level + 1, e);
}

static void print_fields(FILE *out, int level, const struct field_decl *f)
{
	for (; f; f = f->next) {
		indent(out, level);
		if (f->type) {
			fprintf(out, "field %s: ", f->name.text ? f->name.text : "(no name)");
			print_items(out, f->type->items);
			fputc('\n', out);
		} else {
			fputs("fields\n", out);
		}
		print_condition(out, level + 1, "until", f->until);
		print_condition(out, level + 1, "when", f->when);
		for (const struct enumerator *e = f->enums; e; e = e->next) {
			indent(out, level + 1);
			fprintf(out, "%s = ", e->name.text);
			print_literal(out, e->value);
			fputc('\n', out);
		}
		print_fields(out, level + 1, f->fields);
	}
}

static void print_priority(FILE *out, const struct item *names)
{
	fputs("priority ", out);
	for (; names; names = names->next)
		fprintf(out, "%s%s", names->path[0].text, names->next ? " > " : "\n");
}

static void print_stmts(FILE *out, int level, const struct stmt *s)
{
	for (; s; s = s->next) {
		if (s->kind == STMT_PHRASE) {
			print_phrases(out, level, "phrase", s->phrases);
			continue;
		}
		indent(out, level);
		switch (s->kind) {
		case STMT_PHRASE: break;
		case STMT_CLASS:
			fprintf(out, "class %s\n", s->name.text);
			print_condition(out, level + 1, "when", s->when);
			print_phrases(out, level + 1, "attributes", s->phrases);
			break;
		case STMT_PRIORITY: print_priority(out, s->names); break;
		case STMT_STAGE:
			fprintf(out, "stage %s\n", s->name.text);
			print_stmts(out, level + 1, s->body);
			break;
		case STMT_RULE:
			fputs("rule ", out);
			print_list(out, s->names);
			fputc('\n', out);
			print_phrases(out, level + 1, "action", s->phrases);
			break;
		case STMT_PACKET:
			fputs("packet\n", out);
			print_phrases(out, level + 1, "from", s->phrases);
			print_phrases(out, level + 1, "to", s->to);
			print_phrases(out, level + 1, "set", s->sets);
			break;
		}
	}
}

static const char *const decl_names[] = {
	[DECL_POLICY] = "policy", [DECL_INCLUDE] = "include",   [DECL_POOL] = "pool",
	[DECL_PARAM] = "param",   [DECL_HEADER] = "header",     [DECL_SIGNAL] = "signal",
	[DECL_CACHE] = "cache",   [DECL_WORKLOAD] = "workload", [DECL_PRIORITY] = "priority",
	[DECL_TEST] = "test",     [DECL_REQUIRE] = "require",   [DECL_SET] = "set",
};

static void print_decl(FILE *out, const struct decl *d)
{
	if (d->kind == DECL_PRIORITY) {
		print_priority(out, d->names);
		return;
	}
	fputs(decl_names[d->kind], out);
	if (d->name.text) {
		fputc(' ', out);
		if (d->kind == DECL_INCLUDE || d->kind == DECL_TEST)
			print_string(out, d->name.text);
		else
			fputs(d->name.text, out);
	}
	if (d->value) {
		fputs(" = ", out);
		print_item(out, d->value);
	}
	fputs(d->live ? " live\n" : "\n", out);
	print_fields(out, 1, d->fields);
	print_stmts(out, 1, d->body);
}

void ast_print(const struct ast *ast, FILE *out)
{
	for (const struct decl *d = ast->decls; d; d = d->next)
		print_decl(out, d);
}
