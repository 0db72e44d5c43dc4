/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Classes on the way out. A class is of requests; a reply has the addresses and
 * ports of its request, the other way round, and nothing else of it.
 */
#include "sema/sema.h"

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
