/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions: types agree, constants fit their field, and each kind of
 * comparison becomes the one form that the later rooms know: ranges, prefixes,
 * strings, or a comparison of two numbers.
 */
#include "sema/sema.h"

static struct cond *new_cond(struct sema *s, enum cond_kind kind, struct span at)
{
	struct cond *c = arena_new_of(s->arena, struct cond);

	c->kind = kind;
	c->at = at;
	return c;
}

static const struct cond *negate(struct sema *s, const struct cond *c)
{
	struct cond *n = new_cond(s, COND_NOT, c->at);

	n->a = c;
	return n;
}

static uint64_t width_max(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (1ULL << bits) - 1;
}

uint64_t sema_value_max(const struct value *v)
{
	uint64_t a, b;

	switch (v->kind) {
	case VALUE_CONST: return v->number;
	case VALUE_PARAM: return v->param->max;
	case VALUE_FIELD: return width_max(field_ref_bits(&v->field));
	case VALUE_AND:
		a = sema_value_max(v->a);
		b = sema_value_max(v->b);
		return a < b ? a : b;
	case VALUE_OR:
		a = sema_value_max(v->a) | sema_value_max(v->b);
		while (a & (a + 1))
			a |= a >> 1;
		return a;
	case VALUE_SHL:
		a = sema_value_max(v->a);
		return v->b->number && a >> (64 - v->b->number) ? UINT64_MAX : a << v->b->number;
	case VALUE_SHR: return sema_value_max(v->a) >> v->b->number;
	}
	return UINT64_MAX;
}

static const struct hfield *enums_of(const struct operand *o)
{
	if (o->kind == OPERAND_VALUE && o->value->kind == VALUE_FIELD && o->value->field.hfield &&
	    o->value->field.hfield->n_enums)
		return o->value->field.hfield;
	return NULL;
}

/* A constant against the values that the other side can have. */
static bool fits(struct sema *s, const struct value *side, uint64_t number, struct span at)
{
	uint64_t max = sema_value_max(side);

	/* What a param can be is known when all that reads it has been seen. */
	if (number <= max || side->kind == VALUE_PARAM)
		return true;
	if (side->kind == VALUE_FIELD)
		diag_error(s->diags, at, "%llu does not fit `%s`, which has %u bit%s",
			   (unsigned long long)number, field_ref_name(s->arena, &side->field),
			   field_ref_bits(&side->field),
			   field_ref_bits(&side->field) == 1 ? "" : "s");
	else
		diag_error(s->diags, at, "%llu is out of reach: the other side is at most %llu",
			   (unsigned long long)number, (unsigned long long)max);
	return false;
}

static enum cond_kind comparison(enum expr_kind kind)
{
	return COND_EQ + (enum cond_kind)(kind - EXPR_EQ);
}

/* A param that is compared with something of n bits must fit it at load, too. */
static void bound_param(struct sema *s, const struct value *a, const struct value *b)
{
	if (a->kind != VALUE_PARAM || a->type != TYPE_NUMBER || b->kind == VALUE_PARAM ||
	    b->kind == VALUE_CONST)
		return;
	struct param *p = (struct param *)a->param; /* still under construction */
	uint64_t max = sema_value_max(b);

	if (max < p->max)
		p->max = max;
	if (p->value <= max)
		return;
	struct diag *d = diag_error(s->diags, a->at, "`%s` is %llu, but %s is at most %llu",
				    p->name, (unsigned long long)p->value,
				    b->kind == VALUE_FIELD ? field_ref_name(s->arena, &b->field)
							   : "the other side",
				    (unsigned long long)max);

	diag_note(d, p->at, "declared here");
}

static const struct cond *compare_numbers(struct sema *s, const struct expr *e,
					  const struct operand *l, const struct operand *r)
{
	const struct value *a = l->value, *b = r->value;

	if (a->type != b->type) {
		diag_error(s->diags, e->at, "%s cannot be compared with %s",
			   lang_type_name(a->type), lang_type_name(b->type));
		return NULL;
	}
	if (a->type == TYPE_MAC && e->kind != EXPR_EQ && e->kind != EXPR_NE) {
		diag_error(s->diags, e->op_at, "MAC addresses have no order");
		return NULL;
	}
	if (a->kind == VALUE_CONST && b->kind == VALUE_CONST) {
		diag_error(s->diags, e->at, "this compares two constants");
		return NULL;
	}
	if ((a->kind == VALUE_CONST && !fits(s, b, a->number, l->at)) ||
	    (b->kind == VALUE_CONST && !fits(s, a, b->number, r->at)))
		return NULL;
	bound_param(s, a, b);
	bound_param(s, b, a);
	struct cond *c = new_cond(s, comparison(e->kind), e->at);

	c->lhs = a;
	c->rhs = b;
	/* The constant to the right. */
	if (a->kind == VALUE_CONST) {
		static const enum cond_kind swapped[] = {
			[COND_EQ] = COND_EQ, [COND_NE] = COND_NE, [COND_LT] = COND_GT,
			[COND_LE] = COND_GE, [COND_GT] = COND_LT, [COND_GE] = COND_LE,
		};
		c->lhs = b;
		c->rhs = a;
		c->kind = swapped[c->kind];
	}
	uint64_t max = c->lhs->kind == VALUE_PARAM ? UINT64_MAX : sema_value_max(c->lhs);

	if (c->rhs->kind == VALUE_CONST && ((c->kind == COND_LT && c->rhs->number == 0) ||
					    (c->kind == COND_GT && c->rhs->number == max))) {
		diag_error(s->diags, e->at, "this is never true");
		return NULL;
	}
	if (c->rhs->kind == VALUE_CONST && ((c->kind == COND_GE && c->rhs->number == 0) ||
					    (c->kind == COND_LE && c->rhs->number == max)))
		diag_warning(s->diags, e->at, "this is true of every packet that has the field");
	return c;
}

/* `ip.src == 10.0.0.1`, `in 10.0.0.0/8`, `in { … }` */
static const struct cond *compare_address(struct sema *s, const struct field_ref *f,
					  const struct item *i, struct span at)
{
	struct cond *c = new_cond(s, COND_PREFIXES, at);
	struct capture cap = { .first = i, .n = 1 };
	struct prefix *p;

	c->field = *f;
	if (!sema_prefixes(s, &cap, &p, &c->n, &c->set))
		return NULL;
	c->prefixes = p;
	for (uint32_t k = 0; k < c->n && !c->set; k++) {
		unsigned family = f->hfield                                                ? 0
				  : f->field == FIELD_IP4_SRC || f->field == FIELD_IP4_DST ? 4
				  : f->field == FIELD_IP6_SRC || f->field == FIELD_IP6_DST ? 6
											   : 0;

		if (family && p[k].family != family) {
			diag_error(s->diags, i->at, "`%s` has no addresses of IPv%u",
				   field_ref_name(s->arena, f), p[k].family);
			return NULL;
		}
	}
	return c;
}

static const struct cond *compare_bytes(struct sema *s, const struct field_ref *f,
					enum cond_kind kind, const struct item *i, struct span at)
{
	struct cond *c = new_cond(s, kind, at);
	vec(struct bytes) v = { 0 };
	bool ok = true;

	c->field = *f;
	for (const struct item *k = i->kind == ITEM_SET ? i->args : i; k; k = k->next) {
		struct bytes b;

		if (!sema_room(s, v.n, POLICY_MAX_LIST, k->at, "of these in a list"))
			return NULL;
		if (k->kind != ITEM_LITERAL) {
			diag_error(s->diags, k->at, "expected a string");
			ok = false;
		} else if (sema_field_bytes(s, f, k->lo, k->at, kind == COND_BYTES, &b)) {
			*vec_push(s->arena, &v) = b;
		} else {
			ok = false;
		}
		if (i->kind != ITEM_SET)
			break;
	}
	if (ok && v.n == 0) {
		diag_error(s->diags, i->at, "this set is empty");
		ok = false;
	}
	c->strings = v.v;
	c->n = (uint32_t)v.n;
	return ok ? c : NULL;
}

static const struct cond *equality(struct sema *s, const struct scope *scope, const struct expr *e)
{
	/* A literal on the left is turned round; so is a word that may name a value. */
	const struct expr *a = e->lhs, *b = e->rhs;
	struct operand l, r;

	if (a->kind == EXPR_LEAF && b->kind == EXPR_LEAF &&
	    (a->item->kind == ITEM_LITERAL ||
	     (a->item->kind == ITEM_WORD && b->item->kind == ITEM_PATH))) {
		const struct expr *t = a;

		a = b;
		b = t;
	}
	bool turned = a != e->lhs;

	l = sema_operand(s, scope, a, NULL);
	if (l.kind == OPERAND_BAD)
		return NULL;
	if (l.kind != OPERAND_VALUE) {
		const struct cond *c;

		if (e->kind != EXPR_EQ && e->kind != EXPR_NE) {
			diag_error(s->diags, e->op_at, "`%s` has no order",
				   field_ref_name(s->arena, &l.field));
			return NULL;
		}
		if (b->kind != EXPR_LEAF || b->item->kind != ITEM_LITERAL) {
			diag_error(s->diags, b->at, "`%s` can be compared with %s only",
				   field_ref_name(s->arena, &l.field),
				   l.kind == OPERAND_ADDR ? "an address" : "a string");
			return NULL;
		}
		c = l.kind == OPERAND_ADDR ? compare_address(s, &l.field, b->item, e->at)
					   : compare_bytes(s, &l.field, COND_BYTES, b->item, e->at);
		return c && e->kind == EXPR_NE ? negate(s, c) : c;
	}
	if (b->kind == EXPR_LEAF && b->item->kind == ITEM_LITERAL &&
	    (b->item->lo->kind == LIT_ADDR || b->item->lo->kind == LIT_STRING)) {
		diag_error(s->diags, b->at, "%s cannot be compared with %s",
			   lang_type_name(l.value->type),
			   b->item->lo->kind == LIT_ADDR ? "an address" : "a string");
		return NULL;
	}
	r = sema_operand(s, scope, b, enums_of(&l));
	if (r.kind == OPERAND_BAD)
		return NULL;
	if (r.kind != OPERAND_VALUE) {
		diag_error(s->diags, r.at, "%s cannot be compared with %s",
			   lang_type_name(l.value->type),
			   r.kind == OPERAND_ADDR ? "an address" : "bytes");
		return NULL;
	}
	return turned ? compare_numbers(s, e, &r, &l) : compare_numbers(s, e, &l, &r);
}

/* One element of `x in { … }` where x is a number. */
static bool number_range(struct sema *s, const struct operand *l, const struct item *i,
			 struct range *r)
{
	if (i->kind == ITEM_WORD) {
		const struct hfield *f = enums_of(l);
		struct expr leaf = { .kind = EXPR_LEAF, .at = i->at, .item = (struct item *)i };
		struct scope none = { 0 };

		if (!hfield_enum(f, i->path[0].text) && sema_param_named(s, i->path[0].text)) {
			diag_error(s->diags, i->at, "a set holds constants only");
			return false;
		}
		if (!f) {
			diag_error(s->diags, i->at, "expected %s, not a word",
				   lang_type_name(l->value->type));
			return false;
		}
		struct operand o = sema_operand(s, &none, &leaf, f);

		if (o.kind == OPERAND_BAD)
			return false;
		r->lo = r->hi = o.value->number;
		return true;
	}
	if (i->kind != ITEM_LITERAL && i->kind != ITEM_RANGE) {
		diag_error(s->diags, i->at, "expected a number or a range");
		return false;
	}
	const struct literal *lo = i->lo, *hi = i->kind == ITEM_RANGE ? i->hi : i->lo;
	enum lit_kind want = l->value->type == TYPE_MAC        ? LIT_MAC
			     : l->value->type == TYPE_DURATION ? LIT_DURATION
			     : l->value->type == TYPE_RATE     ? LIT_RATE
			     : l->value->type == TYPE_BITRATE  ? LIT_BITRATE
							       : LIT_NUMBER;

	if (lo->kind != want || hi->kind != want) {
		diag_error(s->diags, i->at, "expected %s", lang_type_name(l->value->type));
		return false;
	}
	*r = (struct range){ lo->value, hi->value };
	if (r->lo > r->hi) {
		diag_error(s->diags, i->at, "this range is empty");
		return false;
	}
	return fits(s, l->value, r->hi, i->at);
}

/* `x in NAME` where x is a number. */
static const struct cond *in_set(struct sema *s, const struct operand *l, const struct expr *e)
{
	const struct set *set = sema_find_set(s, e->item, TYPE_NUMBER);
	struct cond *c;

	if (!set)
		return NULL;
	if (l->value->type != TYPE_NUMBER) {
		diag_error(s->diags, e->at, "%s cannot be compared with a set of numbers",
			   lang_type_name(l->value->type));
		return NULL;
	}
	if (!fits(s, l->value, set->ranges[set->n - 1].hi, e->item->at))
		return NULL;
	c = new_cond(s, COND_RANGES, e->at);
	c->lhs = l->value;
	c->ranges = set->ranges;
	c->n = set->n;
	c->set = set;
	return c;
}

static const struct cond *membership(struct sema *s, const struct scope *scope,
				     const struct expr *e)
{
	struct operand l = sema_operand(s, scope, e->lhs, NULL);
	vec(struct range) v = { 0 };
	bool ok = true;

	if (l.kind == OPERAND_BAD)
		return NULL;
	if (l.kind == OPERAND_ADDR)
		return compare_address(s, &l.field, e->item, e->at);
	if (l.kind == OPERAND_BYTES)
		return compare_bytes(s, &l.field, COND_BYTES, e->item, e->at);
	if (l.value->kind == VALUE_CONST) {
		diag_error(s->diags, e->at, "this compares constants");
		return NULL;
	}
	if (e->item->kind == ITEM_WORD)
		return in_set(s, &l, e);
	for (const struct item *i = e->item->kind == ITEM_SET ? e->item->args : e->item; i;
	     i = i->next) {
		struct range r;

		if (!sema_room(s, v.n, POLICY_MAX_LIST, i->at, "of these in a list"))
			return NULL;
		if (number_range(s, &l, i, &r))
			*vec_push(s->arena, &v) = r;
		else
			ok = false;
		if (e->item->kind != ITEM_SET)
			break;
	}
	if (ok && v.n == 0) {
		diag_error(s->diags, e->item->at, "this set is empty");
		ok = false;
	}
	if (!ok)
		return NULL;
	struct cond *c = new_cond(s, COND_RANGES, e->at);

	c->lhs = l.value;
	c->n = ranges_normalise(v.v, (uint32_t)v.n);
	c->ranges = v.v;
	return c;
}

static const struct cond *part(struct sema *s, const struct scope *scope, const struct expr *e)
{
	struct operand l = sema_operand(s, scope, e->lhs, NULL);
	const char *word = e->kind == EXPR_STARTS ? "starts" : "contains";
	struct cond *c;

	if (l.kind == OPERAND_BAD)
		return NULL;
	if (l.kind != OPERAND_BYTES) {
		diag_error(s->diags, l.at, "`%s` goes with bytes, not %s", word,
			   l.kind == OPERAND_ADDR ? "an address" : lang_type_name(l.value->type));
		return NULL;
	}
	c = (struct cond *)compare_bytes(
		s, &l.field, e->kind == EXPR_STARTS ? COND_STARTS : COND_CONTAINS, e->item, e->at);
	if (!c || e->kind == EXPR_STARTS)
		return c;
	if (!e->within) {
		struct diag *d = diag_error(s->diags, e->at, "`contains` needs a bound");

		diag_help(d, "add `within 64`: how many bytes are looked through");
		return NULL;
	}
	if (e->within->kind != LIT_NUMBER || e->within->value < 1 ||
	    e->within->value > POLICY_MAX_CONTAINS) {
		diag_error(s->diags, e->at, "`within` takes a number from 1 to %u",
			   POLICY_MAX_CONTAINS);
		return NULL;
	}
	c->within = (uint32_t)e->within->value;
	for (uint32_t i = 0; i < c->n; i++)
		if (c->strings[i].len > c->within) {
			diag_error(s->diags, e->at, "a string of %u bytes is never within %u",
				   c->strings[i].len, c->within);
			return NULL;
		}
	return c;
}

const struct cond *sema_cond(struct sema *s, const struct scope *scope, const struct expr *e)
{
	struct cond *c;

	switch (e->kind) {
	case EXPR_OR:
	case EXPR_AND:
		c = new_cond(s, e->kind == EXPR_OR ? COND_OR : COND_AND, e->at);
		c->a = sema_cond(s, scope, e->lhs);
		c->b = sema_cond(s, scope, e->rhs);
		return c->a && c->b ? c : NULL;
	case EXPR_NOT:
		c = new_cond(s, COND_NOT, e->at);
		c->a = sema_cond(s, scope, e->lhs);
		return c->a ? c : NULL;
	case EXPR_EQ:
	case EXPR_NE:
	case EXPR_LT:
	case EXPR_LE:
	case EXPR_GT:
	case EXPR_GE: return equality(s, scope, e);
	case EXPR_IN: return membership(s, scope, e);
	case EXPR_STARTS:
	case EXPR_CONTAINS: return part(s, scope, e);
	default:
		diag_help(diag_error(s->diags, e->at, "this is a value, not a condition"),
			  "compare it: `… != 0`");
		return NULL;
	}
}

uint64_t cond_comparisons(const struct cond *c)
{
	uint64_t n = 0;

	if (c->kind <= COND_OR)
		return cond_comparisons(c->a) + cond_comparisons(c->b);
	if (c->kind == COND_NOT)
		return cond_comparisons(c->a);
	if (c->kind == COND_RANGES || c->kind == COND_PREFIXES)
		return c->set ? 1 : c->n;
	if (c->kind < COND_BYTES)
		return 1;
	for (uint32_t i = 0; i < c->n; i++)
		n += 1 + c->strings[i].len / 8;
	return n;
}

static void value_fields(const struct value *v, void (*fn)(void *ctx, const struct field_ref *f),
			 void *ctx)
{
	if (!v)
		return;
	if (v->kind == VALUE_FIELD)
		fn(ctx, &v->field);
	value_fields(v->a, fn, ctx);
	value_fields(v->b, fn, ctx);
}

void cond_fields(const struct cond *c, void (*fn)(void *ctx, const struct field_ref *f), void *ctx)
{
	if (!c)
		return;
	cond_fields(c->a, fn, ctx);
	cond_fields(c->b, fn, ctx);
	value_fields(c->lhs, fn, ctx);
	value_fields(c->rhs, fn, ctx);
	if (c->kind >= COND_PREFIXES)
		fn(ctx, &c->field);
}
