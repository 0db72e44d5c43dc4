/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the classes' conditions to a decision diagram.
 *
 * Each comparison is made at most once on any way, and what it told is used by
 * all classes: a node is a comparison together with what is known where it is
 * made; its three outcomes lead to the nodes that are left to ask, or to a
 * class. Nodes that have the same questions left, with the same fields read,
 * are one (as in reduced ordered decision diagrams: Bryant, "Graph-based
 * algorithms for Boolean function manipulation", 1986; with a third outcome for
 * a missing field). Diagrams can grow; beyond MAX_NODES the rest of the classes
 * is asked one by one.
 */
#include "emit/emitter.h"

#define MAX_NODES 1024
#define MAX_ATOMS 256

enum outcome { OPEN, IS, IS_NOT, UNKNOWN };
enum answer { NO, YES, PENDING };

/* What is known on the way to a place. */
struct facts {
	uint8_t outcome[MAX_ATOMS]; /* enum outcome, by atom */
	uint8_t *known;             /* enum known, by field of the header */
	uint8_t *missing;           /* by field of the header */
};

struct node {
	const char *questions; /* what is left to ask */
	const uint8_t *known;  /* by field: what its code takes as read */
	LLVMBasicBlockRef block;
	struct node *older;
};

struct deciding {
	struct emitter *e;
	const struct workload *w;
	uint32_t n_fields;
	const struct cond *atoms[MAX_ATOMS];
	uint32_t n_atoms;
	/* Which atom a condition is: asked for again and again. */
	struct {
		const struct cond *cond;
		uint32_t atom;
	} *found;
	uint32_t n_found; /* places; a power of two */
	struct node *nodes;
	uint32_t n_nodes;
	struct decision *out;
	uint8_t *rules_need; /* by field: some rule reads it */
	/* signature under construction, and the fields that its questions and the rules need */
	char *sig;
	size_t sig_len, sig_cap;
	uint8_t *needed;
};

/* --- atoms --- */

static bool same_field(const struct field_ref *a, const struct field_ref *b)
{
	return a->hfield == b->hfield && (a->hfield || a->field == b->field);
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	switch (a->kind) {
	case VALUE_CONST:
		return a->number == b->number;
	case VALUE_PARAM:
		return a->param == b->param;
	case VALUE_FIELD:
		return same_field(&a->field, &b->field);
	default:
		return same_value(a->a, b->a) && same_value(a->b, b->b);
	}
}

static bool same_strings(const struct bytes *a, const struct bytes *b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (a[i].len != b[i].len || memcmp(a[i].data, b[i].data, a[i].len) != 0)
			return false;
	return true;
}

bool emit_same_atom(const struct cond *a, const struct cond *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || a->set != b->set || a->n != b->n || a->within != b->within ||
	    !same_value(a->lhs, b->lhs) || !same_value(a->rhs, b->rhs))
		return false;
	if (a->kind == COND_RANGES)
		return a->set || memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0;
	if (a->kind < COND_PREFIXES)
		return true;
	if (!same_field(&a->field, &b->field))
		return false;
	if (a->kind == COND_PREFIXES)
		return a->set || memcmp(a->prefixes, b->prefixes, a->n * sizeof(*a->prefixes)) == 0;
	return same_strings(a->strings, b->strings, a->n);
}

static bool is_atom(const struct cond *c)
{
	return c->kind > COND_NOT;
}

static uint32_t count_atoms(const struct cond *c)
{
	if (!c || is_atom(c))
		return c != NULL;
	return count_atoms(c->a) + (c->kind == COND_NOT ? 0 : count_atoms(c->b));
}

static uint32_t place_of(const struct deciding *d, const struct cond *c)
{
	uint32_t i = (uint32_t)(((uintptr_t)c >> 4) * 0x9e3779b1u) & (d->n_found - 1);

	while (d->found[i].cond && d->found[i].cond != c)
		i = (i + 1) & (d->n_found - 1);
	return i;
}

/* Numbers the comparisons; false if there are too many. */
static bool collect(struct deciding *d, const struct cond *c)
{
	uint32_t place, atom = 0;

	if (!is_atom(c))
		return collect(d, c->a) && (c->kind == COND_NOT || collect(d, c->b));
	while (atom < d->n_atoms && !emit_same_atom(d->atoms[atom], c))
		atom++;
	if (atom == MAX_ATOMS)
		return false;
	if (atom == d->n_atoms)
		d->atoms[d->n_atoms++] = c;
	place = place_of(d, c);
	d->found[place].cond = c;
	d->found[place].atom = atom;
	return true;
}

static uint32_t atom_of(const struct deciding *d, const struct cond *c)
{
	return d->found[place_of(d, c)].atom;
}

/* --- what the facts say --- */

static bool value_missing(const struct deciding *d, const struct facts *f, const struct value *v)
{
	if (!v)
		return false;
	if (v->kind == VALUE_FIELD)
		return v->field.hfield && f->missing[v->field.hfield->index];
	return value_missing(d, f, v->a) || value_missing(d, f, v->b);
}

static enum outcome outcome_of(const struct deciding *d, const struct facts *f,
			       const struct cond *c)
{
	enum outcome o = f->outcome[atom_of(d, c)];

	if (o != OPEN)
		return o;
	if (d->e->hook == IOP_HOOK_TX && !cond_of_addresses(c))
		return UNKNOWN; /* so these questions are never asked there */
	if (value_missing(d, f, c->lhs) || value_missing(d, f, c->rhs) ||
	    (c->kind >= COND_PREFIXES && c->field.hfield && f->missing[c->field.hfield->index]))
		return UNKNOWN;
	return OPEN;
}

/* Is the condition true (`want`), or false (!`want`)? Unknown is neither. */
static enum answer ask(const struct deciding *d, const struct facts *f, const struct cond *c,
		       bool want)
{
	enum answer a, b;

	if (is_atom(c)) {
		enum outcome o = outcome_of(d, f, c);

		return o == OPEN ? PENDING : o == (want ? IS : IS_NOT) ? YES : NO;
	}
	if (c->kind == COND_NOT)
		return ask(d, f, c->a, !want);
	a = ask(d, f, c->a, want);
	b = ask(d, f, c->b, want);
	if ((c->kind == COND_AND) == want) /* both are needed */
		return a == NO || b == NO ? NO : a == YES && b == YES ? YES : PENDING;
	return a == YES || b == YES ? YES : a == NO && b == NO ? NO : PENDING;
}

/* The first comparison whose outcome matters. */
static const struct cond *next_atom(const struct deciding *d, const struct facts *f,
				    const struct cond *c, bool want)
{
	if (is_atom(c))
		return c;
	if (c->kind == COND_NOT)
		return next_atom(d, f, c->a, !want);
	return ask(d, f, c->a, want) == PENDING ? next_atom(d, f, c->a, want)
						: next_atom(d, f, c->b, want);
}

static void need_field(const struct hfield *h, uint8_t *needed);

/* Fields that actions read once the class is known. */
static void need_action(const struct action *a, uint8_t *needed)
{
	for (; a; a = a->otherwise) {
		if (a->per)
			need_field(a->per->hfield, needed);
		for (uint32_t i = 0; i < a->selector.n_keys; i++)
			need_field(a->selector.keys[i].hfield, needed);
	}
}

static void need_rules(struct deciding *d)
{
	const struct stage *st = d->w->stages[plan_stage(d->e->hook)];

	for (uint32_t i = 0; i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			need_action(st->rules[i].actions[k], d->rules_need);
}

/* --- signatures: equal ones, equal questions --- */

static void sig_put(struct deciding *d, char c)
{
	if (d->sig_len + 2 > d->sig_cap) {
		size_t cap = d->sig_cap ? 2 * d->sig_cap : 256;
		char *grown = arena_alloc(d->e->arena, cap);

		if (d->sig_len)
			memcpy(grown, d->sig, d->sig_len);
		d->sig = grown;
		d->sig_cap = cap;
	}
	d->sig[d->sig_len++] = c;
	d->sig[d->sig_len] = '\0';
}

static void sig_number(struct deciding *d, uint32_t n)
{
	do
		sig_put(d, (char)('a' + n % 16));
	while (n /= 16);
	sig_put(d, '.');
}

static void need_cond(const struct cond *c, uint8_t *needed);

/* Fields that a question reads, and those that they are placed or sized by. */
static void need_field(const struct hfield *h, uint8_t *needed)
{
	for (; h && !needed[h->index]; h = h->anchor) {
		needed[h->index] = 1;
		need_field(h->size_from, needed);
		need_field(h->begin, needed);
		need_cond(h->when, needed);
	}
}

static void need_value(const struct value *v, uint8_t *needed)
{
	if (!v)
		return;
	if (v->kind == VALUE_FIELD)
		need_field(v->field.hfield, needed);
	need_value(v->a, needed);
	need_value(v->b, needed);
}

static void need_cond(const struct cond *c, uint8_t *needed)
{
	if (!c)
		return;
	need_cond(c->a, needed);
	need_cond(c->b, needed);
	need_value(c->lhs, needed);
	need_value(c->rhs, needed);
	if (c->kind >= COND_PREFIXES)
		need_field(c->field.hfield, needed);
}

static void sig_cond(struct deciding *d, const struct facts *f, const struct cond *c, bool want,
		     uint8_t *needed)
{
	enum answer a = ask(d, f, c, want);

	if (a != PENDING) {
		sig_put(d, a == YES ? 'Y' : 'N');
	} else if (is_atom(c)) {
		sig_put(d, want ? '+' : '-');
		sig_number(d, atom_of(d, c));
		need_cond(c, needed);
	} else if (c->kind == COND_NOT) {
		sig_cond(d, f, c->a, !want, needed);
	} else {
		sig_put(d, (c->kind == COND_AND) == want ? '&' : '|');
		sig_cond(d, f, c->a, want, needed);
		sig_cond(d, f, c->b, want, needed);
	}
}

static const char *signature(struct deciding *d, const struct facts *f, uint32_t class)
{
	uint8_t *needed = arena_alloc(d->e->arena, d->n_fields + 1);

	memcpy(needed, d->rules_need, d->n_fields);
	d->needed = needed;
	d->sig = NULL;
	d->sig_len = d->sig_cap = 0;
	sig_number(d, class);
	for (uint32_t i = class; i < d->w->n_classes; i++) {
		if (!d->w->classes[i].when)
			break;
		sig_cond(d, f, d->w->classes[i].when, true, needed);
		sig_put(d, ';');
	}
	return d->sig;
}

/* --- the diagram --- */

static struct facts *copy(struct deciding *d, const struct facts *f)
{
	struct facts *c = arena_new_of(d->e->arena, struct facts);

	memcpy(c->outcome, f->outcome, sizeof(c->outcome));
	c->known = arena_alloc(d->e->arena, d->n_fields + 1);
	c->missing = arena_alloc(d->e->arena, d->n_fields + 1);
	memcpy(c->known, f->known, d->n_fields);
	memcpy(c->missing, f->missing, d->n_fields);
	return c;
}

static uint32_t room(const struct hfield *h)
{
	return h->kind <= HTYPE_BITS ? h->width : h->fixed_size;
}

/*
 * A field that is missing takes with it what is placed by its end, and of those that are placed
 * as it is, what ends behind it. Where fields behind a condition end can be told without them.
 */
static void note_missing(struct deciding *d, struct facts *f, const struct hfield *h)
{
	f->missing[h->index] = 1;
	for (uint32_t i = h->index + 1; i < d->n_fields; i++) {
		const struct hfield *o = d->w->payload->fields[i];

		if (o->kind == HTYPE_GIVEN || (o->kind == HTYPE_WHEN && o->begin))
			continue;
		if (o->anchor != h->anchor)
			f->missing[i] |= o->anchor && f->missing[o->anchor->index];
		else if (hfield_fixed(h) && o->kind != HTYPE_WHEN && o->kind != HTYPE_PEEK)
			f->missing[i] |= !hfield_fixed(o) ? o->offset >= h->offset + room(h)
							  : o->offset + room(o) >= h->offset + room(h);
	}
}

/* The one header field that an atom reads, if it is just one: then unknown means missing. */
static const struct hfield *sole_field(const struct cond *c)
{
	if (c->kind >= COND_PREFIXES)
		return c->field.hfield;
	if (c->lhs->kind == VALUE_FIELD && (!c->rhs || c->rhs->kind < VALUE_FIELD))
		return c->lhs->field.hfield;
	return NULL;
}

static void reach(struct deciding *d, const struct class *class, const uint8_t *known)
{
	struct decision *o = d->out;
	uint8_t *copy_of = arena_alloc(d->e->arena, d->n_fields + 1);

	memcpy(copy_of, known, d->n_fields);
	o->edges = arena_grow(d->e->arena, o->edges, o->n, &o->cap, sizeof(*o->edges));
	o->edges[o->n++] =
		(struct decision_edge){ LLVMGetInsertBlock(d->e->b), class, copy_of };
}

static void decide(struct deciding *d, uint32_t class, const struct facts *f);

/* Over the limit: this class alone, without what is known, then the next. */
static void one_by_one(struct deciding *d, uint32_t class, const struct facts *f)
{
	struct emitter *e = d->e;
	LLVMBasicBlockRef yes = emit_block(e, "yes"), no = emit_block(e, "no");
	struct facts *nothing = copy(d, f);

	memset(nothing->outcome, OPEN, sizeof(nothing->outcome));
	memset(nothing->known, 0, d->n_fields);
	memset(nothing->missing, 0, d->n_fields);
	memset(e->frame.known, 0, d->n_fields);
	emit_cond(e, d->w->classes[class].when, true, yes, no);
	emit_at(e, yes);
	reach(d, &d->w->classes[class], nothing->known);
	emit_at(e, no);
	decide(d, class + 1, nothing);
}

/* One comparison, and where its outcomes lead. */
static void question(struct deciding *d, uint32_t class, const struct facts *f)
{
	struct emitter *e = d->e;
	const struct cond *c = next_atom(d, f, d->w->classes[class].when, true);
	uint32_t atom = atom_of(d, c);
	LLVMBasicBlockRef to[] = { NULL, emit_block(e, "is"), emit_block(e, "is_not"),
				   emit_block(e, "unknown") };
	struct facts *after = copy(d, f);

	e->frame.known = after->known;
	emit_comparison(e, c, to[IS], to[IS_NOT], to[UNKNOWN]);
	for (int o = IS; o <= UNKNOWN; o++) {
		struct facts *next = copy(d, o == UNKNOWN ? f : after);
		const struct hfield *sole = sole_field(c);

		next->outcome[atom] = (uint8_t)o;
		if (o == UNKNOWN && sole)
			note_missing(d, next, sole);
		emit_at(e, to[o]);
		decide(d, class, next);
	}
}

/* Does this way know all that the node's code takes as read? */
static bool knows(const struct deciding *d, const struct facts *f, const struct node *n)
{
	for (uint32_t i = 0; i < d->n_fields; i++)
		if (n->known[i] & ~f->known[i])
			return false;
	return true;
}

/* Is a walk needed to get there, or to its end? */
static bool walked(const struct hfield *h)
{
	for (; h; h = h->anchor)
		if (h->kind == HTYPE_TEXT || h->kind == HTYPE_DECIMAL || h->n_fields)
			return true;
	return false;
}

/*
 * What a node's code takes as read: what its questions and the rules need, but
 * only what lies behind a walk. The others are read again for less than it costs to
 * carry them, and where one reading dominates another, LLVM sees it.
 */
static void forget(const struct deciding *d, uint8_t *known)
{
	for (uint32_t i = 0; i < d->n_fields; i++) {
		const struct hfield *h = d->w->payload->fields[i];

		if (!d->needed[i] || !walked(h))
			known[i] = 0;
	}
}

/* Goes on at the current block with what is known there. */
static void decide(struct deciding *d, uint32_t class, const struct facts *f)
{
	struct emitter *e = d->e;
	enum answer a = NO;

	for (; class < d->w->n_classes; class++) {
		const struct cond *when = d->w->classes[class].when;

		a = when ? ask(d, f, when, true) : YES;
		if (a != NO)
			break;
	}
	if (a != PENDING) {
		reach(d, a == YES ? &d->w->classes[class] : NULL, f->known);
		return;
	}
	const char *sig = signature(d, f, class);

	for (struct node *n = d->nodes; n; n = n->older)
		if (strcmp(n->questions, sig) == 0 && knows(d, f, n)) {
			emit_br(e, n->block);
			return;
		}
	struct node *n = arena_new_of(e->arena, struct node);
	struct facts *here = copy(d, f);

	forget(d, here->known);
	*n = (struct node){ .questions = sig, .known = here->known, .block = emit_block(e, "ask"),
			    .older = d->nodes };
	d->nodes = n;
	d->n_nodes++;
	emit_br(e, n->block);
	emit_at(e, n->block);
	if (d->n_nodes > MAX_NODES)
		one_by_one(d, class, here);
	else
		question(d, class, here);
}

void emit_decision(struct emitter *e, const struct workload *w, struct decision *out)
{
	struct deciding *d = arena_new_of(e->arena, struct deciding);
	struct facts *start = arena_new_of(e->arena, struct facts);
	uint32_t conds = 0;
	bool few = true;

	d->e = e;
	d->w = w;
	d->out = out;
	d->n_fields = w->payload ? w->payload->n_fields : 0;
	frame_begin(e, &e->frame, w->payload ? w->payload->fields : NULL, d->n_fields);
	start->known = e->frame.known;
	start->missing = arena_alloc(e->arena, d->n_fields + 1);
	d->rules_need = arena_alloc(e->arena, d->n_fields + 1);
	need_rules(d);
	for (uint32_t i = 0; i < w->n_classes; i++)
		conds += count_atoms(w->classes[i].when);
	for (d->n_found = 16; d->n_found < 2 * conds;)
		d->n_found *= 2;
	d->found = arena_alloc(e->arena, d->n_found * sizeof(*d->found));
	for (uint32_t i = 0; i < w->n_classes && few; i++)
		if (w->classes[i].when)
			few = collect(d, w->classes[i].when);
	if (!few) {
		/* More comparisons than the facts have room for. */
		d->n_atoms = 0;
		d->n_nodes = MAX_NODES;
	}
	decide(d, 0, start);
}
