/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the grammar calls: one constructor a production. Private to this room
 * and to grammar/; the rest of the compiler sees only ast.h.
 *
 * A constructor never returns NULL. What it finds wrong it reports, and
 * returns something of the right shape, so that parsing goes on.
 */
#ifndef IOP_SYNTAX_AST_MAKE_H
#define IOP_SYNTAX_AST_MAKE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "syntax/ast.h"

/* Brackets of all kinds inside each other, and operators above a leaf. Beyond
 * them no person reads along, and recursive walks stay far from the stack's end. */
#define MAX_NESTING 64
#define MAX_EXPR_DEPTH 500

/* A line that continues a statement: the token before it, and its first. */
struct line {
	struct span before, first;
	int kind; /* of the first */
};

/* One file while it is being parsed. */
struct parse {
	struct arena *arena;
	struct diags *diags;
	const struct source *source;
	bool failed;        /* an error was reported */
	bool stopped;       /* nested too deeply: what follows is not looked at */
	struct decl *decls; /* the result */

	/* scanner (grammar/iop.l) */
	void *scanner;
	char *scanned; /* the scanner's own copy of the text */
	uint32_t offset;   /* of the next character */
	uint32_t junk_end;   /* where the last unknown character ended */
	uint32_t cut_string; /* where the last string ended that was not closed */

	/* tokens.c: between scanner and parser */
	struct span last, before; /* the last two tokens */
	struct line line;         /* the last one that the statement went on in, and the last */
	struct line keyword_line; /* that begins with a keyword; none: all zero */
	int kind, kind_before;    /* of the last two */
	int statement;            /* of the first one of the statement */
	struct span statement_at;
	unsigned parens;          /* open since the last `;` or brace */
	unsigned braces;          /* open in the text; their places are in `opened` */
	struct span opened[MAX_NESTING];
	unsigned blocks; /* those of the braces that the parser knows as a block's beginning */
	bool recovering; /* behind a mistake: the rest of the statement is skipped */
	bool resuming;   /* behind a mistake: what is missing is put in */
	unsigned resume_blocks; /* how many stay open then */
	uint32_t resumed;       /* the place where reading went on last */
};

/* Lists as they grow; what is kept of them is `first`. */
#define LIST_OF(list, type)                                                     \
	struct list {                                                           \
		struct type *first, *last;                                      \
	};                                                                      \
	static inline struct list list##_one(struct type *node)                 \
	{                                                                       \
		return (struct list){ node, node };                             \
	}                                                                       \
	static inline struct list list##_add(struct list to, struct type *node) \
	{                                                                       \
		if (!to.first)                                                  \
			return list##_one(node);                                \
		to.last->next = node;                                           \
		return (struct list){ to.first, node };                         \
	}

LIST_OF(items, item)
LIST_OF(enums, enumerator)
LIST_OF(fields, field_decl)
LIST_OF(stmts, stmt)
LIST_OF(decls, decl)

/* Phrases, and the last item of the last of them. */
struct phrases {
	struct phrase *first, *last;
	struct item *tail;
};

/* The text of a span in the file being parsed, in the arena. */
const char *text_at(struct parse *p, struct span at);

/* The same for a message: in backquotes, cut when it is long, or "the end of the file". */
const char *shown_at(struct parse *p, struct span at);

struct name name_at(struct parse *p, struct span at);

/* Reports an error; the parse has failed. */
struct diag *parse_error(struct parse *p, struct span at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* literal.c: `at` is the whole token in the file being parsed */
struct literal *literal_number(struct parse *p, struct span at);
struct literal *literal_address(struct parse *p, struct span at);
struct literal *literal_string(struct parse *p, struct span at, bool terminated);
struct item *literal_endpoint(struct parse *p, struct span at);

/* items */
struct item *item_path(struct parse *p, struct name first);
struct item *path_add(struct parse *p, struct item *path, struct name next);
struct item *item_literal(struct parse *p, struct span at, struct literal *value);
struct item *item_pair(struct parse *p, enum item_kind kind, struct span at, struct literal *lo,
		       struct literal *hi);
struct item *item_call(struct item *path, struct span at, struct items args);
struct item *item_set(struct parse *p, struct span at, struct items members);

/* phrases */
struct phrases phrases_one(struct parse *p, struct item *first);
struct phrases phrases_add(struct phrases list, struct item *item);
struct phrases phrases_comma(struct parse *p, struct phrases list, struct item *item);

/* expressions */
struct expr *expr_binary(struct parse *p, enum expr_kind kind, struct span at, struct expr *lhs,
			 struct span op_at, struct expr *rhs);
struct expr *expr_not(struct parse *p, struct span at, struct span op_at, struct expr *operand);
struct expr *expr_match(struct parse *p, enum expr_kind kind, struct span at, struct expr *lhs,
			struct span op_at, struct item *item);
struct expr *expr_within(struct parse *p, struct expr *contains, struct span bytes_at,
			 struct literal *bytes);
struct expr *expr_leaf(struct parse *p, struct item *item);

/* header fields */
struct enumerator *enumerator_make(struct parse *p, struct name name, struct span value_at,
				   struct literal *value);
struct field_decl *field_make(struct parse *p, struct span at, struct phrases shape,
			      struct expr *until, struct expr *when);
/* Fields that stand behind one condition. */
struct field_decl *field_group(struct parse *p, struct span at, struct expr *when,
			       struct fields fields);
struct field_decl *field_with_enums(struct field_decl *field, struct span at, struct enums enums);
struct field_decl *field_with_fields(struct field_decl *field, struct span at,
				     struct fields fields);

/* No fields at all, which is an error where the braces are `clean`. */
struct fields no_fields(struct parse *p, struct span at, bool clean);

/* statements */
struct stmt *stmt_phrase(struct parse *p, struct span at, struct phrases phrase);
struct stmt *stmt_class(struct parse *p, struct span at, struct name name, struct expr *when,
			struct phrases attributes);
struct stmt *stmt_priority(struct parse *p, struct span at, struct items ranks);
struct stmt *stmt_stage(struct parse *p, struct span at, struct name name, struct stmts body);
struct stmt *stmt_rule(struct parse *p, struct span at, struct phrases classes,
		       struct phrases actions);
struct stmt *stmt_packet(struct parse *p, struct span at, struct phrases from, struct phrases to,
			 struct phrases sets);

/* a packet's assignments: one phrase each */
struct phrases sets_add(struct parse *p, struct phrases sets, struct phrases set);

/* declarations */
struct decl *decl_named(struct parse *p, enum decl_kind kind, struct span at, struct name name,
			struct stmts body);
struct decl *decl_phrase(struct parse *p, enum decl_kind kind, struct span at, struct name name,
			 struct span phrase_at, struct phrases phrase);
struct decl *decl_text(struct parse *p, enum decl_kind kind, struct span at, struct span text_span,
		       struct literal *text, struct stmts body);
struct decl *decl_param(struct parse *p, struct span at, struct name name, struct item *value,
			struct span live_at);
struct decl *decl_header(struct parse *p, struct span at, struct name name, struct fields fields);
struct decl *decl_priority(struct parse *p, struct span at, struct items ranks);

/* report.c: the parser cannot go on with the last token; these would have fitted */
void report_syntax_error(struct parse *p, const char *const *expected, size_t n);
void report_too_deep(struct parse *p, struct span at);

/* report.c: a `;` alone, which is fine behind a closing brace only */
void empty_statement(struct parse *p, struct span at);

/* tokens.c: called by the grammar where a block begins and ends (returns whether there
 * was no mistake before the end), and by report.c when the parser is about to throw away
 * what it has of a statement */
void block_opened(struct parse *p);
bool block_closed(struct parse *p, bool clean);
void tokens_recover(struct parse *p);

#endif
