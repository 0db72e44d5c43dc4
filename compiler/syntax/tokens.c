/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tokens on their way from the scanner to the parser. Here braces are
 * counted, because only with that count can the rest of a statement be skipped
 * that has braces in it: bison alone would take the first `;` or `}` for the
 * statement's end, and report the remainder as a dozen further mistakes.
 *
 * Two more things help it to one message per mistake. A brace that closes a set
 * is a token of its own. And a declaration's keyword at the very beginning of a
 * line, met where no declaration can stand, closes all blocks: somebody forgot
 * a brace above.
 */
#include "syntax/tokens.h"

static bool begins_line(const struct parse *p, struct span at)
{
	size_t i = at.begin - p->source->base;

	return i == 0 || p->source->text[i - 1] == '\n';
}

/* Those that begin nothing but a declaration. */
static bool is_declaration(int kind)
{
	switch (kind) {
	case TOK_POLICY:
	case TOK_INCLUDE:
	case TOK_POOL:
	case TOK_PARAM:
	case TOK_HEADER:
	case TOK_SIGNAL:
	case TOK_CACHE:
	case TOK_WORKLOAD:
	case TOK_TEST:
	case TOK_REQUIRE: return true;
	default: return false;
	}
}

/* Is there a line break between the two? */
static bool breaks_between(const struct parse *p, struct span a, struct span b)
{
	for (uint32_t i = a.end; i < b.begin; i++)
		if (p->source->text[i - p->source->base] == '\n')
			return true;
	return false;
}

static int count_brackets(struct parse *p, int kind, struct span at)
{
	switch (kind) {
	case TOK_OPEN:
		if (p->braces < MAX_NESTING)
			p->opened[p->braces] = at;
		p->braces++;
		break;
	case TOK_LPAREN: p->parens++; break;
	case TOK_RPAREN: p->parens -= p->parens > 0; break;
	case TOK_SEMICOLON: p->parens = 0; break;
	case TOK_CLOSE:
		p->parens = 0;
		if (p->braces > p->blocks)
			kind = TOK_SET_CLOSE;
		p->braces -= p->braces > 0;
		break;
	default: break;
	}
	if (p->braces + p->parens <= MAX_NESTING)
		return kind;
	report_too_deep(p, at);
	return TOK_END;
}

static int read_token(IOP_YYSTYPE *value, struct span *at, struct parse *p)
{
	bool in_set = p->braces > p->blocks;
	bool ends = p->kind == TOK_SEMICOLON || p->kind == TOK_CLOSE ||
		    (p->kind == TOK_OPEN && !in_set);
	int kind;

	kind = syntax_scan(value, at, p->scanner);
	if (kind == TOK_END)
		at->begin = at->end = p->offset;
	p->before = p->last;
	p->last = *at;
	p->kind_before = p->kind;
	p->kind = count_brackets(p, kind, *at);
	if (ends) {
		p->line_end = SPAN_NONE;
		p->statement = p->kind;
		p->statement_at = *at;
	} else if (breaks_between(p, p->before, p->last)) {
		p->line_end = p->before;
		p->line_kind = p->kind;
	}
	return p->kind;
}

/* Closes one block after the other, or the statement outside of all blocks, for the
 * declaration that is held back. */
static int end_for_held(struct span *at, struct parse *p)
{
	*at = (struct span){ p->held_at.begin, p->held_at.begin };
	p->recovering = false;
	if (p->blocks == 0)
		return TOK_SEMICOLON;
	p->braces = p->blocks - 1;
	return TOK_CLOSE;
}

static void hold(struct parse *p, int kind, struct span at)
{
	p->held = kind;
	p->held_at = at;
	p->braces = p->blocks;
	p->parens = 0;
}

/* The end of a statement that has a mistake in it. */
static int skip_statement(IOP_YYSTYPE *value, struct span *at, struct parse *p)
{
	for (;;) {
		unsigned before = p->braces;
		int kind = read_token(value, at, p);

		if (kind == TOK_END)
			return kind;
		if (is_declaration(kind) && begins_line(p, *at)) {
			hold(p, kind, *at);
			return end_for_held(at, p);
		}
		if (p->braces > p->blocks)
			continue;
		/* a brace that belongs to the mistake has been closed: so is the statement */
		if (before > p->blocks)
			kind = TOK_SEMICOLON;
		if (kind != TOK_SEMICOLON && kind != TOK_CLOSE)
			continue;
		p->recovering = false;
		return kind;
	}
}

void tokens_recover(struct parse *p)
{
	if (is_declaration(p->kind) && begins_line(p, p->last)) {
		hold(p, p->kind, p->last);
		p->recovering = true;
		return;
	}
	/* no set goes on behind a semicolon: its brace was forgotten */
	if (p->kind == TOK_SEMICOLON)
		p->braces = p->blocks;
	p->recovering = p->kind != TOK_SEMICOLON && p->kind != TOK_CLOSE;
}

int iop_yylex(IOP_YYSTYPE *value, struct span *at, struct parse *p)
{
	int kind = p->held;

	if (kind && (p->recovering || p->blocks > 0))
		return end_for_held(at, p);
	if (kind) {
		*at = p->held_at;
		p->held = 0;
		return kind;
	}
	return p->recovering ? skip_statement(value, at, p) : read_token(value, at, p);
}

void block_opened(struct parse *p)
{
	p->blocks++;
}

void block_closed(struct parse *p)
{
	p->blocks -= p->blocks > 0;
}
