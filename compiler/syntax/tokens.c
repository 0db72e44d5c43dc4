/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tokens on their way from the scanner to the parser. Here braces are
 * counted, because only with that count can the rest of a statement be skipped
 * that has braces in it: bison alone would take the first `;` or `}` for the
 * statement's end, and report the remainder as a dozen further mistakes.
 *
 * Two more things help it to one message per mistake. A brace that closes a set
 * is a token of its own. And where report.c sees that a `;` or a `}` is missing,
 * or where a declaration's keyword at the very beginning of a line says so, the
 * missing tokens are put in and reading resumes at the place.
 */
#include "syntax/tokens.h"

#include <string.h>

static bool begins_line(const struct parse *p, struct span at)
{
	size_t i = at.begin - p->source->base;

	return i == 0 || p->source->text[i - 1] == '\n';
}

bool is_declaration(int kind)
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
	case TOK_SET:
	case TOK_REQUIRE: return true;
	default: return false;
	}
}

bool is_keyword(int kind)
{
	return kind >= TOK_POLICY && kind <= TOK_PACKET;
}

bool breaks_between(const struct parse *p, struct span a, struct span b)
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
	bool begins = p->kind == TOK_SEMICOLON || p->kind == TOK_CLOSE ||
		      (p->kind == TOK_OPEN && !in_set);
	int kind = syntax_scan(value, at, p->scanner);

	if (kind == TOK_END)
		at->begin = at->end = p->offset;
	p->before = p->last;
	p->last = *at;
	p->kind_before = p->kind;
	p->kind = count_brackets(p, kind, *at);
	if (begins) {
		p->line = p->keyword_line = (struct line){ 0 };
		p->statement = p->kind;
		p->statement_at = *at;
	} else if (!in_set && breaks_between(p, p->before, p->last)) {
		p->line = (struct line){ p->before, *at, p->kind };
		if (is_keyword(p->kind))
			p->keyword_line = p->line;
	}
	return p->kind;
}

/* Places are resumed at in their order only, so that this comes to an end. */
bool tokens_resume(struct parse *p, struct span at, unsigned blocks)
{
	if (at.begin <= p->resumed || !scanner_seek(p, at.begin))
		return false;
	p->resumed = at.begin;
	p->resume_blocks = blocks < p->blocks ? blocks : p->blocks;
	p->resuming = true;
	p->last = (struct span){ at.begin, at.begin };
	p->braces = p->blocks;
	p->parens = 0;
	p->junk_end = p->cut_string = 0;
	return true;
}

/* What is missing before the place: a brace for each block, or a semicolon. */
static int missing_token(struct span *at, struct parse *p)
{
	*at = p->last;
	p->resuming = p->blocks > p->resume_blocks + 1;
	p->kind = p->blocks > p->resume_blocks ? TOK_CLOSE : TOK_SEMICOLON;
	p->braces -= p->kind == TOK_CLOSE;
	return p->kind;
}

/* Does the line go on with what cannot begin a statement? */
static bool goes_on(const struct parse *p)
{
	const char *next = p->source->text + (p->offset - p->source->base);

	next += strspn(next, " \t");
	return *next != '\0' && strchr(";,)-=<>&|.:", *next) != NULL;
}

/* The end of a statement that has a mistake in it. */
static int skip_statement(IOP_YYSTYPE *value, struct span *at, struct parse *p)
{
	for (;;) {
		unsigned before = p->braces;
		int kind = read_token(value, at, p);

		if (kind == TOK_END)
			return kind;
		if (is_declaration(kind) && begins_line(p, *at) && tokens_resume(p, *at, 0))
			return missing_token(at, p);
		if (p->braces > p->blocks)
			continue;
		/* a brace that belongs to the mistake has been closed: so is the statement */
		if (before > p->blocks && !goes_on(p)) {
			p->kind = TOK_CLOSE;
			return TOK_SEMICOLON;
		}
		if (kind == TOK_SEMICOLON || kind == TOK_CLOSE)
			return kind;
	}
}

void tokens_recover(struct parse *p)
{
	if (p->resuming)
		return;
	if (is_declaration(p->kind) && begins_line(p, p->last) && tokens_resume(p, p->last, 0))
		return;
	/* no set goes on behind a semicolon: its brace was forgotten */
	if (p->kind == TOK_SEMICOLON)
		p->braces = p->blocks;
	p->recovering = p->kind != TOK_SEMICOLON && p->kind != TOK_CLOSE;
}

int iop_yylex(IOP_YYSTYPE *value, struct span *at, struct parse *p)
{
	if (p->resuming)
		return missing_token(at, p);
	if (p->recovering) {
		int kind = skip_statement(value, at, p);

		p->recovering = false;
		return kind;
	}
	return read_token(value, at, p);
}

void block_opened(struct parse *p)
{
	p->blocks++;
}

bool block_closed(struct parse *p, bool clean)
{
	p->blocks -= p->blocks > 0;
	return clean;
}
