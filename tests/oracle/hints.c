/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Collects what conditions compare with; see hints.h.
 */
#include "hints.h"

#include <string.h>

struct collecting {
	struct arena *arena;
	struct hints *out;
	const struct class *class;
};

static struct hint *add(struct collecting *c, const struct field_ref *f, enum hint_kind kind)
{
	struct hint *h = vec_push(c->arena, c->out);

	h->field = *f;
	h->class = c->class;
	h->kind = kind;
	return h;
}

/* What must the fields of `v` be, so that it is `n`? */
static void from_value(struct collecting *c, const struct value *v, uint64_t n)
{
	uint64_t k;

	switch (v->kind) {
	case VALUE_FIELD: add(c, &v->field, HINT_NUMBER)->number = n; break;
	case VALUE_AND:
		if (v->b->kind == VALUE_CONST)
			from_value(c, v->a, n | ~v->b->number);
		from_value(c, v->a, n);
		from_value(c, v->b, n);
		break;
	case VALUE_OR:
		from_value(c, v->a, n);
		from_value(c, v->b, n);
		break;
	case VALUE_SHL:
	case VALUE_SHR:
		k = v->b->number & 63;
		from_value(c, v->a, v->kind == VALUE_SHL ? n >> k : n << k);
		if (v->kind == VALUE_SHR)
			from_value(c, v->a, n << k | (((uint64_t)1 << k) - 1));
		break;
	default: break;
	}
}

static void from_comparison(struct collecting *c, const struct cond *cond)
{
	const struct value *l = cond->lhs, *r = cond->rhs;

	if (r->kind == VALUE_CONST || r->kind == VALUE_PARAM)
		from_value(c, l, r->kind == VALUE_CONST ? r->number : r->param->value);
	if (l->kind == VALUE_PARAM)
		from_value(c, r, l->param->value);
}

static void from_cond(struct collecting *c, const struct cond *cond)
{
	switch (cond->kind) {
	case COND_AND:
	case COND_OR:
		from_cond(c, cond->b);
		/* fall through */
	case COND_NOT: from_cond(c, cond->a); break;
	case COND_RANGES:
		for (uint32_t i = 0; i < cond->n; i++) {
			from_value(c, cond->lhs, cond->ranges[i].lo);
			from_value(c, cond->lhs, cond->ranges[i].hi);
		}
		break;
	case COND_PREFIXES:
		for (uint32_t i = 0; i < cond->n; i++)
			add(c, &cond->field, HINT_PREFIX)->prefix = cond->prefixes[i];
		break;
	case COND_CONTAINS:
		add(c, &cond->field, HINT_PLACE)->number = cond->within;
		/* fall through */
	case COND_BYTES:
	case COND_STARTS:
		for (uint32_t i = 0; i < cond->n; i++) {
			struct hint *h = add(c, &cond->field, HINT_STRING);

			h->string = cond->strings[i];
			h->anywhere = cond->kind == COND_CONTAINS;
		}
		break;
	default: from_comparison(c, cond); break;
	}
}

static void from_header(struct collecting *c, struct hfield *const *fields, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct hfield *f = fields[i];
		struct field_ref size = { .hfield = f->size_from };

		if (f->size_from)
			add(c, &size, HINT_NUMBER)->number = f->max;
		if (f->when)
			from_cond(c, f->when);
		if (!f->n_fields)
			continue;
		from_cond(c, f->until);
		from_header(c, f->fields, f->n_fields);
	}
}

void hints_of(struct arena *a, const struct workload *w, struct hints *out)
{
	struct collecting c = { .arena = a, .out = out };

	*out = (struct hints){ NULL, 0, 0 };
	if (w->payload)
		from_header(&c, w->payload->fields, w->payload->n_fields);
	for (uint32_t i = 0; i < w->n_classes; i++) {
		c.class = &w->classes[i];
		if (c.class->when)
			from_cond(&c, c.class->when);
	}
}

static bool concerns(const struct hint *h, const struct field_ref *f, enum hint_kind kind)
{
	return h->kind == kind && h->field.hfield == f->hfield &&
	       (f->hfield || h->field.field == f->field);
}

const struct hint *hint_pick(const struct hints *h, struct rng *r, const struct field_ref *f,
			     enum hint_kind kind, const struct class *class)
{
	const struct hint *found = NULL;
	uint32_t weight = 0;

	for (size_t i = 0; i < h->n; i++) {
		uint32_t w = class && h->v[i].class == class ? 8 : 1;

		if (!concerns(&h->v[i], f, kind))
			continue;
		weight += w;
		if (rng_below(r, weight) < w)
			found = &h->v[i];
	}
	return found;
}

uint64_t hint_number(const struct hints *h, struct rng *r, const struct field_ref *f, unsigned bits,
		     const struct class *class)
{
	uint64_t max = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1, n;
	const struct hint *hint = hint_pick(h, r, f, HINT_NUMBER, class);
	uint32_t which = rng_below(r, 100);

	if (hint && which < 75)
		n = hint->number + (which < 50 ? 0 : which < 63 ? 1 : (uint64_t)-1);
	else if (which < 85)
		n = rng_below(r, 8);
	else if (which < 90)
		n = max - rng_below(r, 3);
	else
		n = rng_next(r);
	return n & max;
}
