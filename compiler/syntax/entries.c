/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file of entries, one a line: numbers, ranges, addresses, prefixes. Its tokens are
 * those of the language, and so are its comments and its mistakes.
 */
#include "syntax/entries.h"

#include <string.h>

#include "syntax/tokens.h"

struct reading {
	struct parse parse;
	int kind;
	IOP_YYSTYPE value;
	struct span at, before;
};

static void next(struct reading *r)
{
	r->before = r->at;
	r->kind = syntax_scan(&r->value, &r->at, r->parse.scanner);
}

/* What is left of a line with a mistake. */
static void skip_line(struct reading *r)
{
	do
		next(r);
	while (r->kind != TOK_END && !breaks_between(&r->parse, r->before, r->at));
}

static struct item *entry(struct reading *r)
{
	struct literal *first = r->value.TOK_NUMBER;
	struct span from = r->at;

	if (r->kind != TOK_NUMBER && r->kind != TOK_ADDRESS) {
		diag_help(parse_error(&r->parse, r->at, "expected an entry of a set"),
			  "a number, a range, an address or a prefix, one a line");
		skip_line(r);
		return NULL;
	}
	if (r->kind == TOK_ADDRESS)
		first = r->value.TOK_ADDRESS;
	bool number = r->kind == TOK_NUMBER;

	next(r);
	if (number && r->kind == TOK_DASH && !breaks_between(&r->parse, r->before, r->at)) {
		next(r);
		if (r->kind != TOK_NUMBER || breaks_between(&r->parse, r->before, r->at)) {
			parse_error(&r->parse, r->before, "expected a number behind the dash");
			return NULL;
		}
		struct literal *last = r->value.TOK_NUMBER;
		struct span at = { from.begin, r->at.end };

		next(r);
		return item_pair(&r->parse, ITEM_RANGE, at, first, last);
	}
	return item_literal(&r->parse, from, first);
}

bool syntax_entries(struct arena *a, const struct source *source, struct diags *diags,
		    struct item **first)
{
	struct reading r = { .parse = { .arena = a,
					.diags = diags,
					.source = source,
					.offset = source->base } };
	struct items all = { NULL, NULL };

	if (!scanner_open(&r.parse)) {
		scanner_close(&r.parse);
		return false;
	}
	next(&r);
	while (r.kind != TOK_END && diags_errors(diags) <= DIAG_MAX_ERRORS) {
		struct item *i = entry(&r);

		if (i)
			all = all.first ? items_add(all, i) : items_one(i);
		if (i && r.kind != TOK_END && !breaks_between(&r.parse, r.before, r.at)) {
			parse_error(&r.parse, r.at, "an entry ends with its line");
			skip_line(&r);
		}
	}
	scanner_close(&r.parse);
	*first = all.first;
	return !r.parse.failed;
}
