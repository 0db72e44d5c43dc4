/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes on the way out. A class is of requests; a reply has the addresses and
 * ports of its request, the other way round, and nothing else of it.
 */
#include "sema/sema.h"

#include <stdlib.h>

static bool of_reply(const struct field_ref *f)
{
	return field_ref_stages(f) & SEEN_TX;
}

static bool value_of_reply(const struct value *v)
{
	return !v || ((v->kind != VALUE_FIELD || of_reply(&v->field)) && value_of_reply(v->a) &&
		      value_of_reply(v->b));
}

bool cond_of_addresses(const struct cond *c)
{
	return c->kind >= COND_PREFIXES ? of_reply(&c->field)
					: value_of_reply(c->lhs) && value_of_reply(c->rhs);
}

uint64_t sema_orders(const struct workload *w)
{
	const struct stage *st = w->stages[STAGE_TX];
	uint64_t classes = 0;

	for (uint32_t i = 0; st && i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			if (st->rules[i].actions[k]->kind == ACTION_ORDER)
				classes |= st->rules[i].classes;
	return classes;
}

/* --- bands --- */

/* A class that some rule orders, and where it stands: by workload, then within it. */
struct ordered {
	struct class *class;
	uint64_t urgency;
};

static int by_urgency(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;

	return (x->urgency > y->urgency) - (x->urgency < y->urgency);
}

/* Bands of all classes that are ordered, the most urgent first. Those that `priority` leaves
 * out are equal; where there are too many, the least urgent share the last. */
void sema_bands(struct sema *s)
{
	vec(struct ordered) v = { 0 };
	uint32_t band = 0;

	for (size_t i = 0; i < s->workloads.n; i++) {
		struct workload *w = s->workloads.v[i];

		for (uint32_t c = 0; c < w->n_classes; c++)
			if (sema_orders(w) >> c & 1)
				*vec_push(s->arena, &v) = (struct ordered){
					&w->classes[c],
					(uint64_t)w->rank << 32 | w->classes[c].rank
				};
	}
	if (!v.n)
		return;
	qsort(v.v, v.n, sizeof(*v.v), by_urgency);
	for (size_t i = 0; i < v.n; i++) {
		band += i && v.v[i].urgency != v.v[i - 1].urgency;
		v.v[i].class->band = band < POLICY_MAX_BANDS ? band : POLICY_MAX_BANDS - 1;
		if (band != POLICY_MAX_BANDS || v.v[i].urgency == v.v[i - 1].urgency)
			continue;
		struct diag *d = diag_warning(s->diags, v.v[i].class->at,
					      "`order by priority` tells %d classes apart: this one "
					      "and the less urgent share the last place",
					      POLICY_MAX_BANDS);

		diag_help(d, "classes that `priority` leaves out are equal");
	}
	s->policy->n_bands = band < POLICY_MAX_BANDS ? band + 1 : POLICY_MAX_BANDS;
}

/* May addresses and ports alone make it true (`want`), or false (!`want`)? */
static bool can_be(const struct cond *c, bool want)
{
	if (c->kind > COND_NOT)
		return cond_of_addresses(c);
	if (c->kind == COND_NOT)
		return can_be(c->a, !want);
	if ((c->kind == COND_AND) == want)
		return can_be(c->a, want) && can_be(c->b, want);
	return can_be(c->a, want) || can_be(c->b, want);
}

void sema_replies(struct sema *s, const struct workload *w)
{
	const struct stage *st = w->stages[STAGE_TX];
	uint64_t told = 0;

	/* The worker that sends a reply tells what it was given. */
	if (w->stages[STAGE_SOCKET] && sema_protos(w->matches, w->n_matches) & 1)
		return;
	for (uint32_t i = 0; st && i < w->n_classes; i++)
		if (!w->classes[i].when || can_be(w->classes[i].when, true))
			told |= 1ULL << i;
	if (st && !told) {
		struct diag *d = diag_error(s->diags, st->at,
					    "no reply of workload `%s` can be told to be of a class",
					    w->name);

		diag_help(d, "a reply tells its addresses and ports; `class rest;`, without a "
			     "condition, would take it");
	}
	for (uint32_t i = 0; told && i < st->n_rules; i++) {
		const struct rule *r = &st->rules[i];

		if (!r->classes || r->classes & told)
			continue;
		const struct class *c = &w->classes[__builtin_ctzll(r->classes)];
		struct diag *d = diag_warning(s->diags, r->at,
					      "no reply can be told to be of class `%s`", c->name);

		diag_note(d, c->when->at, "a reply has nothing of this but addresses and ports");
	}
}
