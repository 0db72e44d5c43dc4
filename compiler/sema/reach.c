/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes that no packet can reach. A condition becomes a union of boxes: per
 * quantity that it looks at, the values for which it is true (and whether it
 * may be missing). The earlier classes' boxes are cut out of the later one's;
 * if nothing is left, no packet is of that class. It never calls a reachable
 * class unreachable: what grows too large is taken as reachable.
 */
#include <stdlib.h>

#include "sema/sema.h"

typedef unsigned __int128 wide;

#define WIDE_MAX ((wide) - 1)
#define MAX_DIMS 48
#define MAX_BOXES 256
/* Sets made and intervals copied, for one workload and for all: tens of milliseconds, and
 * not much more than a quarter of a second. */
#define MAX_WORK 1000000u
#define MAX_WORK_IN_ALL 4000000u

struct interval {
	wide lo, hi; /* inclusive */
};

/* The values of one quantity. */
struct values {
	struct interval *v;
	size_t n, cap;
	bool missing; /* may the packet lack it? */
};

/* What a comparison looks at: a number, an address field, or the outcome of one
 * comparison of bytes. */
struct dim {
	const struct value *value;
	const struct cond *bytes;
	struct field_ref field; /* an address field: one quantity a family */
	unsigned family;
	wide max;
};

/* Dimensions without a set are not constrained. */
struct box {
	struct values *dim[MAX_DIMS];
};

struct reach {
	struct arena *arena;
	struct dim dims[MAX_DIMS];
	uint32_t n_dims;
	uint32_t work;
	bool too_large;
};

typedef vec(struct box) boxes;

/* --- sets --- */

static void worked(struct reach *r)
{
	if (++r->work > MAX_WORK)
		r->too_large = true;
}

static struct values *set_new(struct reach *r)
{
	worked(r);
	return arena_new_of(r->arena, struct values);
}

static void set_add(struct reach *r, struct values *s, wide lo, wide hi)
{
	worked(r);
	*vec_push(r->arena, s) = (struct interval){ lo, hi };
}

/* Sorted and disjoint, as all sets here are. */
static struct values *set_not(struct reach *r, const struct values *s, wide max)
{
	struct values *out = set_new(r);
	wide next = 0;
	bool open = true;

	for (size_t i = 0; i < s->n && !r->too_large; i++) {
		if (s->v[i].lo > next)
			set_add(r, out, next, s->v[i].lo - 1);
		if (s->v[i].hi >= max) {
			open = false;
			break;
		}
		next = s->v[i].hi + 1;
	}
	if (open)
		set_add(r, out, next, max);
	return out;
}

static struct values *set_and(struct reach *r, const struct values *a, const struct values *b)
{
	struct values *out = set_new(r);

	out->missing = a->missing && b->missing;
	for (size_t i = 0, k = 0; i < a->n && k < b->n && !r->too_large;) {
		wide lo = a->v[i].lo > b->v[k].lo ? a->v[i].lo : b->v[k].lo;
		wide hi = a->v[i].hi < b->v[k].hi ? a->v[i].hi : b->v[k].hi;

		if (lo <= hi)
			set_add(r, out, lo, hi);
		if (a->v[i].hi < b->v[k].hi)
			i++;
		else
			k++;
	}
	return out;
}

static bool set_empty(const struct values *s)
{
	return s->n == 0 && !s->missing;
}

/* --- dimensions --- */

static bool same_field(const struct field_ref *a, const struct field_ref *b)
{
	return a->hfield == b->hfield && (a->hfield || a->field == b->field);
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind)
		return false;
	if (a->kind == VALUE_CONST)
		return a->number == b->number;
	if (a->kind == VALUE_PARAM)
		return a->param == b->param;
	if (a->kind == VALUE_FIELD)
		return same_field(&a->field, &b->field);
	return same_value(a->a, b->a) && same_value(a->b, b->b);
}

static bool same_bytes(const struct cond *a, const struct cond *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || !same_field(&a->field, &b->field) || a->n != b->n ||
	    a->within != b->within)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (a->strings[i].len != b->strings[i].len ||
		    memcmp(a->strings[i].data, b->strings[i].data, a->strings[i].len) != 0)
			return false;
	return true;
}

/* Two params: their difference is one outcome, like that of bytes. */
static bool opaque(const struct cond *c)
{
	return c->kind >= COND_BYTES ||
	       (c->kind >= COND_EQ && c->kind <= COND_GE && c->rhs->kind != VALUE_CONST);
}

static bool same_opaque(const struct cond *a, const struct cond *b)
{
	if (!a || !b || a->kind != b->kind)
		return false;
	return a->kind >= COND_BYTES ? same_bytes(a, b)
				     : same_value(a->lhs, b->lhs) && same_value(a->rhs, b->rhs);
}

static uint32_t dimension(struct reach *r, const struct cond *c, unsigned family)
{
	struct dim d = { .max = 0 };

	if (opaque(c)) {
		d.bytes = c;
		d.max = 1;
	} else if (c->kind == COND_PREFIXES) {
		d.field = c->field;
		d.family = family;
		d.max = family == 4 ? UINT32_MAX : WIDE_MAX;
	} else {
		d.value = c->lhs;
		d.max = sema_value_max(c->lhs);
	}
	for (uint32_t i = 0; i < r->n_dims; i++) {
		const struct dim *o = &r->dims[i];

		if (d.bytes   ? same_opaque(o->bytes, d.bytes)
		    : d.value ? o->value && same_value(o->value, d.value)
			      : !o->bytes && !o->value && o->family == family &&
					same_field(&o->field, &d.field))
			return i;
	}
	if (r->n_dims == MAX_DIMS) {
		r->too_large = true;
		return 0;
	}
	r->dims[r->n_dims] = d;
	return r->n_dims++;
}

/* --- a comparison as a set --- */

static int wide_order(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

static struct interval prefix_interval(const struct prefix *p)
{
	unsigned width = p->family == 4 ? 32 : 128;
	wide a = 0, host;

	for (unsigned i = 0; i < width / 8; i++)
		a = a << 8 | p->addr[i];
	host = p->len == 0 ? WIDE_MAX >> (128 - width) : ((wide)1 << (width - p->len)) - 1;
	return (struct interval){ a & ~host, a | host };
}

static struct values *prefix_set(struct reach *r, const struct cond *c, unsigned family)
{
	struct values *s = set_new(r);
	struct interval *v = arena_alloc(r->arena, c->n * sizeof(*v));
	uint32_t n = 0, all = 0;

	r->work += c->n;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->prefixes[i].family == family)
			v[all++] = prefix_interval(&c->prefixes[i]);
	if (all)
		qsort(v, all, sizeof(*v), wide_order);
	for (uint32_t i = 0; i < all; i++) {
		if (n && (v[n - 1].hi == WIDE_MAX || v[i].lo <= v[n - 1].hi + 1)) {
			if (v[i].hi > v[n - 1].hi)
				v[n - 1].hi = v[i].hi;
		} else {
			v[n++] = v[i];
		}
	}
	s->v = v;
	s->n = n;
	return s;
}

static struct values *comparison_set(struct reach *r, const struct cond *c, wide max)
{
	struct values *s = set_new(r);
	uint64_t x = c->rhs ? c->rhs->number : 0;

	if (opaque(c)) {
		set_add(r, s, 1, 1);
		return s;
	}
	switch (c->kind) {
	case COND_EQ: set_add(r, s, x, x); break;
	case COND_NE: set_add(r, s, x, x); return set_not(r, s, max);
	case COND_LT: set_add(r, s, 0, x - 1); break;
	case COND_LE: set_add(r, s, 0, x); break;
	case COND_GT: set_add(r, s, (wide)x + 1, max); break;
	case COND_GE: set_add(r, s, x, max); break;
	case COND_RANGES:
		for (uint32_t i = 0; i < c->n; i++)
			set_add(r, s, c->ranges[i].lo, c->ranges[i].hi);
		break;
	default: break;
	}
	return s;
}

/* --- boxes --- */

static bool present(const struct values *s)
{
	return s && !s->missing;
}

/* A packet has one address of each kind, of IPv4 or of IPv6. */
static bool of_two_families(const struct reach *r, const struct box *b, uint32_t d)
{
	if (!r->dims[d].family || !present(b->dim[d]))
		return false;
	for (uint32_t o = 0; o < d; o++)
		if (r->dims[o].family && same_field(&r->dims[o].field, &r->dims[d].field) &&
		    present(b->dim[o]))
			return true;
	return false;
}

static void push(struct reach *r, boxes *out, const struct box *b)
{
	for (uint32_t d = 0; d < r->n_dims; d++)
		if (b->dim[d] && (set_empty(b->dim[d]) || of_two_families(r, b, d)))
			return;
	if (out->n == MAX_BOXES) {
		r->too_large = true;
		return;
	}
	*vec_push(r->arena, out) = *b;
}

static boxes intersect(struct reach *r, const boxes *a, const boxes *b)
{
	boxes out = { 0 };

	for (size_t i = 0; i < a->n && !r->too_large; i++)
		for (size_t k = 0; k < b->n && !r->too_large; k++) {
			struct box x = a->v[i];

			for (uint32_t d = 0; d < r->n_dims; d++)
				if (b->v[k].dim[d])
					x.dim[d] = x.dim[d] ? set_and(r, x.dim[d], b->v[k].dim[d])
							    : b->v[k].dim[d];
			push(r, &out, &x);
		}
	return out;
}

/* The packets for which the condition is true, or (negated) false; not: unknown. */
static boxes cond_boxes(struct reach *r, const struct cond *c, bool negated)
{
	boxes out = { 0 };

	if (r->too_large)
		return out;
	if (c->kind == COND_NOT)
		return cond_boxes(r, c->a, !negated);
	if (c->kind == COND_AND || c->kind == COND_OR) {
		boxes a = cond_boxes(r, c->a, negated), b = cond_boxes(r, c->b, negated);

		if ((c->kind == COND_AND) != negated)
			return intersect(r, &a, &b);
		for (size_t i = 0; i < a.n; i++)
			push(r, &out, &a.v[i]);
		for (size_t i = 0; i < b.n; i++)
			push(r, &out, &b.v[i]);
		return out;
	}
	/* A packet has one address, of one family: a box for each. */
	for (unsigned family = 4; family <= 6; family += 2) {
		uint32_t d = dimension(r, c, c->kind == COND_PREFIXES ? family : 0);
		struct box b = { 0 };

		if (r->too_large)
			break;
		b.dim[d] = c->kind == COND_PREFIXES ? prefix_set(r, c, family)
						    : comparison_set(r, c, r->dims[d].max);
		if (negated)
			b.dim[d] = set_not(r, b.dim[d], r->dims[d].max);
		push(r, &out, &b);
		if (c->kind != COND_PREFIXES)
			break;
	}
	return out;
}

/* a without b, piece by piece: what differs in the first quantity, then in the second… */
static void subtract(struct reach *r, const struct box *a, const struct box *b, boxes *out)
{
	struct box rest = *a;

	for (uint32_t d = 0; d < r->n_dims; d++) {
		if (!b->dim[d])
			continue;
		struct values *outside = set_not(r, b->dim[d], r->dims[d].max);

		outside->missing = !b->dim[d]->missing;
		struct box piece = rest;

		piece.dim[d] = rest.dim[d] ? set_and(r, rest.dim[d], outside) : outside;
		push(r, out, &piece);
		rest.dim[d] = rest.dim[d] ? set_and(r, rest.dim[d], b->dim[d]) : b->dim[d];
	}
}

static boxes minus(struct reach *r, boxes left, const boxes *taken)
{
	for (size_t i = 0; i < taken->n && !r->too_large; i++) {
		boxes next = { 0 };

		for (size_t k = 0; k < left.n && !r->too_large; k++)
			subtract(r, &left.v[k], &taken->v[i], &next);
		left = next;
	}
	return left;
}

static void unreachable(struct sema *s, const struct workload *w, const struct class *c,
			const struct class *by)
{
	struct diag *d = diag_error(s->diags, c->at, "no packet can be of class `%s`", c->name);

	if (by)
		diag_note(d, by->at,
			  by->when ? "class `%s` takes all of them first"
				   : "class `%s` has no condition: it takes all that are left",
			  by->name);
	else
		diag_note(d, w->at, "the classes before it take all of them");
}

/* The single earlier class that takes all of a later one, for the message. */
static const struct class *taker(struct reach *r, const struct workload *w, const boxes *own,
				 const boxes *of, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (minus(r, *own, &of[i]).n == 0 && !r->too_large)
			return &w->classes[i];
	return NULL;
}

void sema_reach(struct sema *s, const struct workload *w)
{
	struct arena *scratch = arena_new();
	struct reach *r = arena_new_of(scratch, struct reach);
	boxes *of = arena_alloc(scratch, w->n_classes * sizeof(*of));

	r->arena = scratch;
	r->too_large = s->reach_work > MAX_WORK_IN_ALL;
	for (uint32_t i = 0; i < w->n_classes && !r->too_large; i++) {
		const struct class *c = &w->classes[i];
		struct box everything = { 0 };

		if (c->when)
			of[i] = cond_boxes(r, c->when, false);
		else
			push(r, &of[i], &everything);
		if (r->too_large)
			break;
		if (c->when && of[i].n == 0) {
			diag_error(s->diags, c->when->at, "no packet can meet this condition");
			continue;
		}
		boxes left = of[i];

		for (uint32_t k = 0; k < i; k++)
			left = minus(r, left, &of[k]);
		if (left.n == 0 && !r->too_large)
			unreachable(s, w, c, taker(r, w, &of[i], of, i));
	}
	s->reach_work += r->work;
	arena_free(scratch);
}
