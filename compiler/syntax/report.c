/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mistakes of syntax in the user's words. Bison says which tokens could have
 * followed; mostly they are too many to be named, so they are put into groups,
 * and the common slips have sentences of their own.
 */
#include <stdarg.h>
#include <string.h>

#include "syntax/tokens.h"

#define MAX_SHOWN 48 /* bytes of a token in a message */
#define MAX_NAMED 5  /* things that could have followed */
#define MAX_LINE 400 /* bytes from a line's beginning in which indentation is a hint */

struct diag *parse_error(struct parse *p, struct span at, const char *fmt, ...)
{
	struct diag *g;
	va_list ap;

	p->failed = true;
	va_start(ap, fmt);
	g = diag_error(p->diags, at, "%s", arena_vprintf(p->arena, fmt, ap));
	va_end(ap);
	return g;
}

const char *text_at(struct parse *p, struct span at)
{
	return arena_strndup(p->arena, p->source->text + (at.begin - p->source->base),
			     at.end - at.begin);
}

const char *shown_at(struct parse *p, struct span at)
{
	const char *text = p->source->text + (at.begin - p->source->base);
	size_t n = at.end - at.begin;

	if (n == 0)
		return "the end of the file";
	if (n <= MAX_SHOWN)
		return arena_printf(p->arena, "`%s`", text_at(p, at));
	/* cut before a character, not within it */
	for (n = MAX_SHOWN; n > MAX_SHOWN - 3 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
		;
	at.end = at.begin + (uint32_t)n;
	return arena_printf(p->arena, "`%s...`", text_at(p, at));
}

/* What could have followed, as a set of groups in the order in which they are named. */
enum group {
	G_SEMICOLON,
	G_CLOSE,
	G_OPEN,
	G_RPAREN,
	G_DECLARATION,
	G_STATEMENT,
	G_WORD,
	G_NUMBER,
	G_STRING,
	G_VALUE,
	G_CONDITION,
	G_COMPARISON,
	G_AND,
	G_OR,
	G_ASSIGN,
	G_COLON,
	G_COMMA,
	G_ARROW,
	G_GREATER,
	G_END,
	G_OTHER, /* could be named, but helps nobody: a dot, a bit operator */
	N_GROUPS,
};

static const char *const group_names[N_GROUPS] = {
	[G_SEMICOLON] = "`;`",
	[G_CLOSE] = "`}`",
	[G_OPEN] = "`{`",
	[G_RPAREN] = "`)`",
	[G_DECLARATION] = "a declaration",
	[G_STATEMENT] = "a statement",
	[G_WORD] = "a word",
	[G_NUMBER] = "a number",
	[G_STRING] = "a string",
	[G_VALUE] = "a value",
	[G_CONDITION] = "a condition",
	[G_COMPARISON] = "a comparison",
	[G_AND] = "`and`",
	[G_OR] = "`or`",
	[G_ASSIGN] = "`=`",
	[G_COLON] = "`:`",
	[G_COMMA] = "`,`",
	[G_ARROW] = "`->`",
	[G_GREATER] = "`>`",
};

static const struct {
	const char *token;
	enum group group;
} rows[] = {
	{ ";", G_SEMICOLON },
	{ "}", G_CLOSE },
	{ "} of a set", G_CLOSE },
	{ "{", G_OPEN },
	{ ")", G_RPAREN },
	{ "workload", G_DECLARATION },
	{ "class", G_STATEMENT },
	{ "packet", G_STATEMENT },
	{ "a word", G_WORD },
	{ "a number", G_NUMBER },
	{ "a string", G_STRING },
	{ "an address", G_VALUE },
	{ "not", G_CONDITION },
	{ "==", G_COMPARISON },
	{ "in", G_COMPARISON },
	{ "and", G_AND },
	{ "or", G_OR },
	{ "=", G_ASSIGN },
	{ ":", G_COLON },
	{ ",", G_COMMA },
	{ "->", G_ARROW },
	{ ">", G_GREATER },
	{ "the end of the file", G_END },
};

static enum group group_of(const char *token)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].token, token) == 0)
			return rows[i].group;
	return G_OTHER;
}

/* The keywords are words, too, where any word can stand. So one of them means its
 * declaration or statement only if not even `live` is a word there. */
static unsigned groups_of(const char *const *expected, size_t n)
{
	unsigned groups = 0;
	bool any_word = false;

	for (size_t i = 0; i < n; i++) {
		groups |= 1U << group_of(expected[i]);
		any_word |= strcmp(expected[i], "live") == 0;
	}
	if (any_word)
		groups &= ~(1U << G_DECLARATION | 1U << G_STATEMENT);
	if (groups & 1U << G_CONDITION)
		groups = 1U << G_CONDITION;
	if (groups & 1U << G_COMPARISON)
		groups &= ~(1U << G_GREATER);
	if (groups & 1U << G_STATEMENT)
		groups &= ~(1U << G_WORD);
	if (groups & 1U << G_VALUE)
		groups &= ~(1U << G_NUMBER | 1U << G_STRING);
	/* a phrase can go on in many ways; two of them give the idea */
	if (groups & 1U << G_SEMICOLON && groups & 1U << G_VALUE)
		groups &= ~(1U << G_OPEN | 1U << G_COMMA);
	return groups & ~(1U << G_OTHER | 1U << G_END);
}

static const char *list_groups(struct parse *p, unsigned groups)
{
	unsigned left = 0, named = 0;
	const char *text = "";

	for (unsigned g = 0; g < N_GROUPS; g++)
		left += groups >> g & 1;
	for (unsigned g = 0; g < N_GROUPS && named < MAX_NAMED; g++) {
		if (!(groups >> g & 1))
			continue;
		left--;
		named++;
		text = arena_printf(p->arena, "%s%s%s", text,
				    named == 1                        ? ""
				    : left == 0 || named == MAX_NAMED ? " or "
								      : ", ",
				    groups == 1U << G_WORD ? "a name" : group_names[g]);
	}
	return text;
}

/* Directly behind a token: where the missing one belongs. */
static struct span behind(struct span at)
{
	return (struct span){ at.end, at.end };
}

static bool is_comparison(int kind)
{
	return (kind >= TOK_EQ && kind <= TOK_GE) || kind == TOK_IN || kind == TOK_STARTS ||
	       kind == TOK_CONTAINS;
}

static bool is_reserved(int kind)
{
	return kind >= TOK_WHEN && kind <= TOK_WITHIN;
}

/* How far the line is indented that `at` stands in, and whether `at` begins it. Not
 * known of a place far into a line: nobody indents like that, and to look for its
 * beginning again and again would take long. */
static bool indent_of(const struct parse *p, struct span at, size_t *indent, bool *first)
{
	const char *here = p->source->text + (at.begin - p->source->base), *begin = here;

	while (begin > p->source->text && begin[-1] != '\n')
		if (here - --begin > MAX_LINE)
			return false;
	*indent = strspn(begin, " \t");
	*first = begin + *indent == here;
	return true;
}

/* A keyword that stands no deeper than the line that opened the innermost block: the
 * block should have been closed before it. */
static bool is_outside(const struct parse *p, int kind, struct span at)
{
	size_t indent, of_block;
	bool first, ignored;

	if (!is_declaration(kind) && (p->blocks < 2 || (kind != TOK_CLASS && kind != TOK_STAGE)))
		return false;
	return indent_of(p, at, &indent, &first) && first &&
	       indent_of(p, p->opened[p->blocks - 1], &of_block, &ignored) && indent <= of_block;
}

/* The block's brace is missing: it and what is around it is closed before the keyword. */
static bool report_unclosed(struct parse *p, unsigned groups)
{
	struct span at = p->last;
	int kind = p->kind;
	struct diag *g;

	if (p->blocks == 0 || p->blocks > MAX_NESTING)
		return false;
	if (is_outside(p, p->statement, p->statement_at)) {
		kind = p->statement;
		at = p->statement_at;
	} else if (!(groups & 1U << G_CLOSE) || (kind != TOK_END && !is_outside(p, kind, at))) {
		return false;
	}
	g = parse_error(p, at, "expected `}` before %s", shown_at(p, at));
	diag_note(g, p->opened[p->blocks - 1], "this block is still open");
	if (kind != TOK_END)
		tokens_resume(p, at, is_declaration(kind) ? 0 : 1);
	return true;
}

/* At a line's end, or before a brace. What follows on the next line is read. */
static bool report_missing_semicolon(struct parse *p, unsigned groups)
{
	struct span after = p->before, next = p->last;

	if (p->keyword_line.kind) {
		after = p->keyword_line.before;
		next = p->keyword_line.first;
	} else if (p->kind == TOK_ARROW && p->line.kind) {
		after = p->line.before;
		next = p->line.first;
	} else if (!(groups & 1U << G_SEMICOLON)) {
		return false;
	} else if (!breaks_between(p, after, next)) {
		if (p->kind != TOK_CLOSE && p->kind != TOK_END)
			return false;
		next = SPAN_NONE;
	}
	parse_error(p, behind(after), "expected `;` behind %s", shown_at(p, after));
	if (next.end && p->kind != TOK_CLOSE && p->kind != TOK_END)
		tokens_resume(p, next, p->blocks);
	return true;
}

/* A keyword in a wrong place: says the right one. */
static bool help_place(struct parse *p, struct diag *g)
{
	const char *word = text_at(p, p->last);

	if (p->kind == TOK_CLASS || p->kind == TOK_STAGE)
		diag_help(g, "a %s stands inside a workload", word);
	else if (p->kind == TOK_PACKET)
		diag_help(g, "a packet stands inside a test");
	else if (is_declaration(p->kind) && p->blocks > 0)
		diag_help(g, "`%s` begins a declaration, which stands outside of all blocks", word);
	else
		return false;
	return true;
}

static bool report_unknown_declaration(struct parse *p, unsigned groups)
{
	static const char *const known[] = { "policy",   "include", "pool",   "param",
					     "header",   "signal",  "cache",  "workload",
					     "priority", "test",    "require", "set" };
	const char *word = text_at(p, p->last), *meant;
	struct diag *g;

	if (!(groups & 1U << G_DECLARATION) || p->kind == TOK_END)
		return false;
	if (p->kind == TOK_CLOSE) {
		parse_error(p, p->last, "this `}` closes nothing");
		return true;
	}
	g = parse_error(p, p->last, "expected a declaration, not %s", shown_at(p, p->last));
	meant = p->kind == TOK_WORD ? diag_closest(word, known, sizeof(known) / sizeof(known[0]))
				    : NULL;
	if (meant)
		diag_help(g, "did you mean `%s`?", meant);
	else if (!help_place(p, g))
		diag_help(g, "one of policy, include, pool, param, header, signal, cache, "
			     "workload, priority, test, require, set");
	return true;
}

/* The keyword that was meant where a statement begins with another word. */
static const char *meant_statement(struct parse *p)
{
	static const char *const known[] = { "class", "priority", "stage", "packet" };

	if (p->statement != TOK_WORD || p->statement_at.begin == p->last.begin)
		return NULL;
	return diag_closest(text_at(p, p->statement_at), known, sizeof(known) / sizeof(known[0]));
}

static void report_unexpected(struct parse *p, unsigned groups)
{
	const char *meant = meant_statement(p);
	struct diag *g;

	if (is_comparison(p->kind) && groups & 1U << G_AND) {
		g = parse_error(p, p->last, "comparisons do not chain");
		diag_help(g, "join two comparisons with `and`");
		return;
	}
	if (groups)
		g = parse_error(p, p->last, "expected %s, not %s", list_groups(p, groups),
				shown_at(p, p->last));
	else
		g = parse_error(p, p->last, "%s cannot stand here", shown_at(p, p->last));

	if (meant)
		diag_help(g, "did you mean `%s` instead of `%s`?", meant,
			  text_at(p, p->statement_at));
	else if (p->kind == TOK_ASSIGN && groups & 1U << G_COMPARISON)
		diag_help(g, "a comparison is written `==`");
	else if (is_reserved(p->kind) && (groups & ~(1U << G_CLOSE)) == 1U << G_WORD)
		diag_help(g, "`%s` has a meaning of its own and cannot be a name",
			  text_at(p, p->last));
	else if (p->kind == TOK_DASH && p->kind_before == TOK_WORD)
		diag_help(g, "a name is made of letters, digits and `_`; "
			     "a dash joins two numbers");
	else if (p->kind == TOK_ARROW && p->blocks == 1 && p->braces == 1 &&
		 p->statement != TOK_PACKET)
		diag_help(g, "a rule stands inside a stage");
	else if (!help_place(p, g) && p->line.kind == TOK_WORD && p->parens == 0 &&
		 p->kind != TOK_SEMICOLON)
		diag_help(g, "perhaps a `;` is missing behind %s", shown_at(p, p->line.before));
}

void report_syntax_error(struct parse *p, const char *const *expected, size_t n)
{
	unsigned groups = groups_of(expected, n), semicolon = 1U << G_SEMICOLON;

	/* an empty statement could stand here, but is not what is missing */
	if (p->statement_at.begin == p->last.begin && groups != semicolon)
		groups &= ~semicolon;
	/* A consequence of what the scanner has reported: a string that took the rest of the
	 * line with it, a character that was left out. */
	if ((p->cut_string && p->before.end == p->cut_string) || p->junk_end > p->before.end)
		p->failed = true;
	else if (!p->stopped && !report_unclosed(p, groups) &&
		 !report_missing_semicolon(p, groups) && !report_unknown_declaration(p, groups))
		report_unexpected(p, groups);
	tokens_recover(p);
}

void empty_statement(struct parse *p, struct span at)
{
	if (p->kind_before != TOK_CLOSE && p->kind_before != TOK_SET_CLOSE)
		parse_error(p, at, "there is no statement before this `;`");
}

void report_too_deep(struct parse *p, struct span at)
{
	if (!p->stopped)
		parse_error(p, at, "nested too deeply; %d levels are the most", MAX_NESTING);
	p->stopped = true;
}

void report_unknown(struct parse *p, struct span at)
{
	unsigned char first = (unsigned char)p->source->text[at.begin - p->source->base];
	bool goes_on = p->junk_end == at.begin;
	bool alone = at.end - at.begin == 1;

	/* A byte order mark at the very beginning is what some editors write. */
	if (at.begin == p->source->base && strcmp(text_at(p, at), "\xef\xbb\xbf") == 0)
		return;
	p->junk_end = at.end;
	if (goes_on || p->recovering)
		p->failed = true; /* was reported with the first of them, or with the statement */
	else if (alone && (first < 0x20 || first >= 0x7f))
		parse_error(p, at, "unknown byte 0x%02x", first);
	else
		parse_error(p, at, "unknown character %s", shown_at(p, at));
}

void report_foreign(struct parse *p, struct span at, const char *ours)
{
	struct diag *g = parse_error(p, at, "%s is not of this language", shown_at(p, at));

	diag_help(g, "%s", ours);
}
