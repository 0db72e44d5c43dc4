/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions, in three-valued logic. A comparison with what the packet does not
 * have is UNKNOWN, and only YES matches, so no `not` makes a match of a short
 * packet.
 */
#include "interp/model.h"

#include <string.h>

uint64_t param_value(const struct param *p, const struct interp_env *env)
{
	return env->params ? env->params[p->id] : p->value;
}

/* False: the packet has no such value. */
static bool value_eval(const struct value *v, const struct facts *facts, uint64_t *out)
{
	uint64_t a, b;
	struct datum d;

	switch (v->kind) {
	case VALUE_CONST: *out = v->number; return true;
	case VALUE_PARAM: *out = param_value(v->param, facts->env); return true;
	case VALUE_FIELD:
		d = field_read(&v->field, facts);
		*out = d.number;
		return d.kind == DATUM_NUMBER;
	default: break;
	}

	if (!value_eval(v->a, facts, &a) || !value_eval(v->b, facts, &b))
		return false;
	switch (v->kind) {
	case VALUE_AND: *out = a & b; return true;
	case VALUE_OR: *out = a | b; return true;
	case VALUE_SHL: *out = b < 64 ? a << b : 0; return true;
	case VALUE_SHR: *out = b < 64 ? a >> b : 0; return true;
	default: return false;
	}
}

static enum truth truth(bool b)
{
	return b ? YES : NO;
}

static enum truth compare(const struct cond *c, const struct facts *facts)
{
	uint64_t l, r;

	if (!value_eval(c->lhs, facts, &l) || !value_eval(c->rhs, facts, &r))
		return UNKNOWN;
	switch (c->kind) {
	case COND_EQ: return truth(l == r);
	case COND_NE: return truth(l != r);
	case COND_LT: return truth(l < r);
	case COND_LE: return truth(l <= r);
	case COND_GT: return truth(l > r);
	default: return truth(l >= r);
	}
}

/* Entries of a set are sorted and disjoint: the last one that does not begin behind it. */
static bool set_has_number(const struct set *s, uint64_t v)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->ranges[mid].lo <= v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && v <= s->ranges[lo - 1].hi;
}

bool set_has_address(const struct set *s, const struct datum *addr)
{
	uint32_t lo = 0, hi = s->n, bytes = addr->family == 4 ? 4 : 16;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct prefix *p = &s->prefixes[mid];

		if (p->family < addr->family ||
		    (p->family == addr->family && memcmp(p->addr, addr->data, bytes) <= 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && prefix_holds(&s->prefixes[lo - 1], addr);
}

static enum truth in_ranges(const struct cond *c, const struct facts *facts)
{
	uint64_t v;

	if (!value_eval(c->lhs, facts, &v))
		return UNKNOWN;
	if (c->set)
		return truth(set_has_number(c->set, v));
	for (uint32_t i = 0; i < c->n; i++) {
		if (c->ranges[i].lo <= v && v <= c->ranges[i].hi)
			return YES;
	}
	return NO;
}

bool prefix_holds(const struct prefix *p, const struct datum *addr)
{
	if (p->family != addr->family)
		return false;
	for (unsigned bit = 0; bit < p->len; bit++) {
		if ((p->addr[bit / 8] ^ addr->data[bit / 8]) >> (7 - bit % 8) & 1)
			return false;
	}
	return true;
}

static enum truth in_prefixes(const struct cond *c, const struct facts *facts)
{
	struct datum d = field_read(&c->field, facts);

	if (d.kind != DATUM_ADDR)
		return UNKNOWN;
	if (c->set)
		return truth(set_has_address(c->set, &d));
	for (uint32_t i = 0; i < c->n; i++) {
		if (prefix_holds(&c->prefixes[i], &d))
			return YES;
	}
	return NO;
}

static bool same(const struct datum *d, uint32_t at, const struct bytes *s)
{
	for (uint32_t i = 0; i < s->len; i++) {
		uint8_t c = d->data[at + i];

		if ((d->nocase ? lower(c) : c) != s->data[i])
			return false;
	}
	return true;
}

static bool equals(const struct datum *d, const struct bytes *s)
{
	return d->len == s->len && same(d, 0, s);
}

static bool starts(const struct datum *d, const struct bytes *s)
{
	return d->len >= s->len && same(d, 0, s);
}

/* Does `s` lie whole within the first `within` bytes? */
static bool contains(const struct datum *d, const struct bytes *s, uint32_t within)
{
	uint32_t n = d->len < within ? d->len : within;

	for (uint32_t at = 0; (uint64_t)at + s->len <= n; at++) {
		if (same(d, at, s))
			return true;
	}
	return false;
}

static enum truth with_strings(const struct cond *c, const struct facts *facts)
{
	struct datum d = field_read(&c->field, facts);

	if (d.kind != DATUM_BYTES)
		return UNKNOWN;
	for (uint32_t i = 0; i < c->n; i++) {
		const struct bytes *s = &c->strings[i];
		bool yes;

		if (c->kind == COND_BYTES)
			yes = equals(&d, s);
		else if (c->kind == COND_STARTS)
			yes = starts(&d, s);
		else
			yes = contains(&d, s, c->within);
		if (yes)
			return YES;
	}
	return NO;
}

static enum truth both(enum truth a, enum truth b)
{
	if (a == NO || b == NO)
		return NO;
	return a == YES && b == YES ? YES : UNKNOWN;
}

static enum truth either(enum truth a, enum truth b)
{
	if (a == YES || b == YES)
		return YES;
	return a == NO && b == NO ? NO : UNKNOWN;
}

static enum truth negation(enum truth a)
{
	return a == UNKNOWN ? UNKNOWN : truth(a == NO);
}

enum truth cond_eval(const struct cond *c, const struct facts *facts)
{
	switch (c->kind) {
	case COND_AND: return both(cond_eval(c->a, facts), cond_eval(c->b, facts));
	case COND_OR: return either(cond_eval(c->a, facts), cond_eval(c->b, facts));
	case COND_NOT: return negation(cond_eval(c->a, facts));
	case COND_RANGES: return in_ranges(c, facts);
	case COND_PREFIXES: return in_prefixes(c, facts);
	case COND_BYTES:
	case COND_STARTS:
	case COND_CONTAINS: return with_strings(c, facts);
	default: return compare(c, facts);
	}
}
