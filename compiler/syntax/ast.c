/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The constructors that the grammar calls. They give nodes their shape and
 * check what is a question of shape alone: one phrase where one can stand, a
 * plain word where a name is wanted.
 */
#include <string.h>

#include "syntax/ast_make.h"

#include <string.h>

/* Nodes with what only this file needs of them. */
struct measured_expr {
	struct expr expr;
	unsigned depth; /* of the tree below */
};

static struct span join(struct span a, struct span b)
{
	return (struct span){ a.begin, b.end };
}

struct name name_at(struct parse *p, struct span at)
{
	return (struct name){ text_at(p, at), at };
}

/* Items */

static struct item *item_new(struct parse *p, enum item_kind kind, struct span at)
{
	struct item *i = arena_new_of(p->arena, struct item);

	i->kind = kind;
	i->at = at;
	return i;
}

struct item *item_path(struct parse *p, struct name first)
{
	struct item *i = item_new(p, ITEM_WORD, first.at);

	i->path = arena_new_of(p->arena, struct name);
	i->path[0] = first;
	i->n_path = 1;
	return i;
}

struct item *path_add(struct parse *p, struct item *path, struct name next)
{
	size_t cap = path->n_path;

	/* Room is doubled when the number of names reaches a power of two. */
	if ((cap & (cap - 1)) == 0) {
		struct name *grown = arena_alloc(p->arena, 2 * cap * sizeof(*grown));

		for (size_t i = 0; i < cap; i++)
			grown[i] = path->path[i];
		path->path = grown;
	}
	path->path[path->n_path++] = next;
	path->kind = ITEM_PATH;
	path->at = join(path->at, next.at);
	return path;
}

struct item *item_literal(struct parse *p, struct span at, struct literal *value)
{
	struct item *i = item_new(p, ITEM_LITERAL, at);

	i->lo = value;
	return i;
}

struct item *item_pair(struct parse *p, enum item_kind kind, struct span at, struct literal *lo,
		       struct literal *hi)
{
	struct item *i = item_new(p, kind, at);

	i->lo = lo;
	i->hi = hi;
	return i;
}

struct item *item_call(struct item *path, struct span at, struct items args)
{
	path->kind = ITEM_CALL;
	path->at = at;
	path->args = args.first;
	return path;
}

struct item *item_set(struct parse *p, struct span at, struct items members)
{
	struct item *i = item_new(p, ITEM_SET, at);

	i->args = members.first;
	if (!members.first)
		parse_error(p, at, "a set has at least one member");
	return i;
}

/* Phrases */

static struct phrases phrases_begin(struct parse *p, struct phrases list, struct item *first)
{
	struct phrase *f = arena_new_of(p->arena, struct phrase);

	f->at = first->at;
	f->items = first;
	if (list.last)
		list.last->next = f;
	return (struct phrases){ list.first ? list.first : f, f, first };
}

struct phrases phrases_one(struct parse *p, struct item *first)
{
	return phrases_begin(p, (struct phrases){ NULL, NULL, NULL }, first);
}

struct phrases phrases_add(struct phrases list, struct item *item)
{
	list.tail->next = item;
	list.tail = item;
	list.last->at = join(list.last->at, item->at);
	return list;
}

static bool is_number(const struct item *i)
{
	switch (i->kind) {
	case ITEM_RANGE:
	case ITEM_BUDGET: return true;
	case ITEM_LITERAL: return i->lo->kind <= LIT_PERCENT;
	default: return false;
	}
}

struct phrases phrases_comma(struct parse *p, struct phrases list, struct item *item)
{
	if (!is_number(item))
		return phrases_begin(p, list, item);
	item->comma = true;
	return phrases_add(list, item);
}

/* The phrase where there can be but one. */
static struct phrase *only_phrase(struct parse *p, struct phrases list)
{
	struct diag *g;

	if (!list.first || !list.first->next)
		return list.first;
	g = parse_error(p, list.first->next->at, "a comma cannot begin another phrase here");
	diag_help(g, "several values stand in braces: `{ a, b }`");
	list.first->next = NULL;
	return list.first;
}

/* Expressions */

static unsigned depth_of(const struct expr *e)
{
	return e ? ((const struct measured_expr *)e)->depth : 0;
}

static struct expr *expr_new(struct parse *p, enum expr_kind kind, struct span at, struct expr *lhs,
			     struct expr *rhs)
{
	struct measured_expr *m = arena_new_of(p->arena, struct measured_expr);
	unsigned left = depth_of(lhs), right = depth_of(rhs);

	m->expr.kind = kind;
	m->expr.at = at;
	m->expr.lhs = lhs;
	m->expr.rhs = rhs;
	m->depth = 1 + (left > right ? left : right);
	if (m->depth <= MAX_EXPR_DEPTH)
		return &m->expr;
	/* said once; what is above goes on from a leaf */
	parse_error(p, at, "a condition of more than %d operators in a row", MAX_EXPR_DEPTH);
	m->expr.lhs = m->expr.rhs = NULL;
	m->expr.kind = EXPR_LEAF;
	m->expr.item = item_literal(p, at, arena_new_of(p->arena, struct literal));
	m->depth = 1;
	return &m->expr;
}

struct expr *expr_binary(struct parse *p, enum expr_kind kind, struct span at, struct expr *lhs,
			 struct span op_at, struct expr *rhs)
{
	struct expr *e = expr_new(p, kind, at, lhs, rhs);

	e->op_at = op_at;
	return e;
}

struct expr *expr_not(struct parse *p, struct span at, struct span op_at, struct expr *operand)
{
	return expr_binary(p, EXPR_NOT, at, operand, op_at, NULL);
}

struct expr *expr_match(struct parse *p, enum expr_kind kind, struct span at, struct expr *lhs,
			struct span op_at, struct item *item)
{
	struct expr *e = expr_binary(p, kind, at, lhs, op_at, NULL);

	e->item = item;
	return e;
}

/* Where a number is counted in something that has no unit. */
static void want_plain(struct parse *p, struct span at, const struct literal *value)
{
	if (value->kind != LIT_NUMBER)
		parse_error(p, at, "expected a number without a unit of time or rate");
}

struct expr *expr_within(struct parse *p, struct expr *contains, struct span bytes_at,
			 struct literal *bytes)
{
	want_plain(p, bytes_at, bytes);
	contains->at.end = bytes_at.end;
	contains->within = bytes;
	return contains;
}

struct expr *expr_leaf(struct parse *p, struct item *item)
{
	struct expr *e = expr_new(p, EXPR_LEAF, item->at, NULL, NULL);

	e->item = item;
	return e;
}

/* Header fields */

struct enumerator *enumerator_make(struct parse *p, struct name name, struct span value_at,
				   struct literal *value)
{
	struct enumerator *e = arena_new_of(p->arena, struct enumerator);

	want_plain(p, value_at, value);
	e->name = name;
	e->value = value;
	return e;
}

/* The first word is the name, if another word follows: `id u16`, but `skip 4`. What is skipped
 * has no name: `skip klen max 8`. */
struct field_decl *field_make(struct parse *p, struct span at, struct phrases shape,
			      struct expr *until, struct expr *when)
{
	struct field_decl *f = arena_new_of(p->arena, struct field_decl);
	struct item *first = shape.first->items;

	f->at = at;
	f->type = shape.first;
	f->until = until;
	f->when = when;
	if (first->next && first->next->kind == ITEM_WORD &&
	    strcmp(first->path[0].text, "skip") != 0 &&
	    !(strcmp(first->path[0].text, "seek") == 0 && strcmp(first->next->path[0].text, "max") == 0)) {
		f->name = first->path[0];
		f->type->items = first->next;
		f->type->at.begin = first->next->at.begin;
	}
	return f;
}

struct field_decl *field_group(struct parse *p, struct span at, struct expr *when,
			       struct fields fields)
{
	struct field_decl *f = arena_new_of(p->arena, struct field_decl);

	f->at = at;
	f->when = when;
	f->fields = fields.first;
	return f;
}

struct field_decl *field_with_enums(struct field_decl *field, struct span at, struct enums enums)
{
	field->at = at;
	field->enums = enums.first;
	return field;
}

struct field_decl *field_with_fields(struct field_decl *field, struct span at, struct fields fields)
{
	field->at = at;
	field->fields = fields.first;
	return field;
}

struct fields no_fields(struct parse *p, struct span at, bool clean)
{
	if (clean)
		parse_error(p, at, "expected at least one field between the braces");
	return (struct fields){ NULL, NULL };
}

/* Statements */

static struct stmt *stmt_new(struct parse *p, enum stmt_kind kind, struct span at)
{
	struct stmt *s = arena_new_of(p->arena, struct stmt);

	s->kind = kind;
	s->at = at;
	return s;
}

struct stmt *stmt_phrase(struct parse *p, struct span at, struct phrases phrase)
{
	struct stmt *s = stmt_new(p, STMT_PHRASE, at);

	s->phrases = only_phrase(p, phrase);
	return s;
}

struct stmt *stmt_class(struct parse *p, struct span at, struct name name, struct expr *when,
			struct phrases attributes)
{
	struct stmt *s = stmt_new(p, STMT_CLASS, at);

	s->name = name;
	s->when = when;
	s->phrases = only_phrase(p, attributes);
	return s;
}

struct stmt *stmt_priority(struct parse *p, struct span at, struct items ranks)
{
	struct stmt *s = stmt_new(p, STMT_PRIORITY, at);

	s->names = ranks.first;
	return s;
}

struct stmt *stmt_stage(struct parse *p, struct span at, struct name name, struct stmts body)
{
	struct stmt *s = stmt_new(p, STMT_STAGE, at);

	s->name = name;
	s->body = body.first;
	return s;
}

struct stmt *stmt_rule(struct parse *p, struct span at, struct phrases classes,
		       struct phrases actions)
{
	struct stmt *s = stmt_new(p, STMT_RULE, at);
	struct items names = { NULL, NULL };

	for (struct phrase *f = classes.first; f; f = f->next) {
		struct item *more = f->items->next;

		if (more)
			parse_error(p, more->at, "expected `,` or `->` behind a class");
		else if (f->items->kind != ITEM_WORD)
			parse_error(p, f->at, "expected the name of a class before `->`");
		f->items->next = NULL;
		names = items_add(names, f->items);
	}
	s->names = names.first;
	s->phrases = actions.first;
	return s;
}

struct stmt *stmt_packet(struct parse *p, struct span at, struct phrases from, struct phrases to,
			 struct phrases sets)
{
	struct stmt *s = stmt_new(p, STMT_PACKET, at);

	s->phrases = from.first;
	s->to = to.first;
	s->sets = sets.first;
	return s;
}

struct phrases sets_add(struct parse *p, struct phrases sets, struct phrases set)
{
	struct item *name = set.first->items;

	if (!name->next)
		parse_error(p, name->at, "expected a value behind the name of a field");
	else if (name->next->next)
		parse_error(p, name->next->next->at, "a field has one value");
	if (!sets.first)
		return set;
	sets.last->next = set.first;
	return (struct phrases){ sets.first, set.last, set.tail };
}

/* Declarations */

static struct decl *decl_new(struct parse *p, enum decl_kind kind, struct span at, struct name name)
{
	struct decl *d = arena_new_of(p->arena, struct decl);

	d->kind = kind;
	d->at = at;
	d->name = name;
	return d;
}

struct decl *decl_named(struct parse *p, enum decl_kind kind, struct span at, struct name name,
			struct stmts body)
{
	struct decl *d = decl_new(p, kind, at, name);

	d->body = body.first;
	return d;
}

struct decl *decl_phrase(struct parse *p, enum decl_kind kind, struct span at, struct name name,
			 struct span phrase_at, struct phrases phrase)
{
	struct decl *d = decl_new(p, kind, at, name);

	d->body = stmt_phrase(p, phrase_at, phrase);
	return d;
}

struct decl *decl_text(struct parse *p, enum decl_kind kind, struct span at, struct span text_span,
		       struct literal *text, struct stmts body)
{
	struct decl *d = decl_new(p, kind, at, (struct name){ text->text, text_span });

	for (uint32_t i = 0; i < text->len; i++) {
		if (text->text[i] == '\0') {
			parse_error(p, text_span, "a NUL cannot stand in this string");
			d->name.text = NULL; /* so that half a name is not looked for */
			break;
		}
	}
	d->body = body.first;
	return d;
}

struct decl *decl_param(struct parse *p, struct span at, struct name name, struct item *value,
			struct span live_at)
{
	struct decl *d = decl_new(p, DECL_PARAM, at, name);

	d->value = value;
	d->live = live_at.end != 0;
	d->live_at = live_at;
	return d;
}

struct decl *decl_header(struct parse *p, struct span at, struct name name, struct fields fields)
{
	struct decl *d = decl_new(p, DECL_HEADER, at, name);

	d->fields = fields.first;
	return d;
}

struct decl *decl_priority(struct parse *p, struct span at, struct items ranks)
{
	struct decl *d = decl_new(p, DECL_PRIORITY, at, (struct name){ NULL, SPAN_NONE });

	d->names = ranks.first;
	return d;
}
