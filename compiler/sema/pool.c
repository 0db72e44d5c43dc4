/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pools of cores, parameters, and budgets of cores against their pool.
 */
#include "sema/sema.h"

#define MAX_TERMS 64 /* statements of one pool */

static const struct lang_row *term_row(struct sema *s, const struct item *word)
{
	int id = word->kind == ITEM_WORD ? lang_find(&lang_pool_terms, word->path[0].text, 0) : -1;

	if (id < 0) {
		sema_unknown(s, &lang_pool_terms, word);
		return NULL;
	}
	return &lang_pool_terms.rows[id];
}

static void fix_cores(struct sema *s, struct pool *p)
{
	static const size_t max = POLICY_MAX_CORES;
	bool in[POLICY_MAX_CORES] = { false };

	for (uint32_t i = 0; i < p->n_terms; i++)
		for (uint32_t c = p->terms[i].lo; c <= p->terms[i].hi; c++)
			if (p->terms[i].kind == POOL_TERM_CORES)
				in[c] = true;
	for (uint32_t i = 0; i < p->n_terms; i++)
		for (uint32_t c = p->terms[i].lo; c <= p->terms[i].hi; c++)
			if (p->terms[i].kind == POOL_TERM_EXCEPT)
				in[c] = false;
	p->cores = arena_alloc(s->arena, max * sizeof(*p->cores));
	for (uint32_t c = 0; c < max; c++)
		if (in[c])
			p->cores[p->n_cores++] = (uint16_t)c;
	if (p->n_cores == 0)
		diag_error(s->diags, p->at, "pool `%s` has no cores", p->name);
}

void sema_pool(struct sema *s, const struct decl *d)
{
	if (!sema_room(s, s->pools.n, POLICY_MAX_POOLS, d->name.at, "pools in a policy"))
		return;
	sema_name(s, &d->name);
	for (size_t i = 0; i < s->pools.n; i++)
		if (strcmp(s->pools.v[i]->name, d->name.text) == 0) {
			sema_duplicate(s, "pool", d->name.text, d->name.at, s->pools.v[i]->at);
			return;
		}
	struct pool *p = arena_new_of(s->arena, struct pool);
	vec(struct pool_term) terms = { 0 };
	bool named = false, ok = true;
	size_t n_stmts = 0;

	p->id = (uint32_t)s->pools.n;
	p->name = d->name.text;
	p->at = d->name.at;
	p->fixed = true;
	for (const struct stmt *st = d->body; st; st = st->next) {
		const struct item *word;
		const struct lang_row *row;
		struct form f;

		if (!sema_room(s, n_stmts++, MAX_TERMS, st->at, "terms in a pool"))
			return;
		if (st->kind != STMT_PHRASE) {
			diag_error(s->diags, st->at, "a pool holds cores only");
			ok = false;
			continue;
		}
		word = st->phrases->items;
		if (!(row = term_row(s, word)) || !form_match(s, row, word, word->next, &f)) {
			ok = false;
			continue;
		}
		enum lang_pool_term kind = (enum lang_pool_term)(row - lang_pool_terms.rows);
		struct range *r = NULL;
		uint32_t n = 0;

		if (kind == POOL_TERM_SMT) {
			p->fixed = false;
			*vec_push(s->arena, &terms) =
				(struct pool_term){ .kind = kind, .at = st->at };
			continue;
		}
		if (!sema_ranges(s, form_get(&f, "NUMBERS"), "the number of a core, node or cache",
				 POLICY_MAX_CORES - 1, false, &r, &n)) {
			ok = false;
			continue;
		}
		for (uint32_t i = 0; i < n; i++)
			*vec_push(s->arena, &terms) = (struct pool_term){ .kind = kind,
									  .lo = (uint32_t)r[i].lo,
									  .hi = (uint32_t)r[i].hi,
									  .at = st->at };
		named |= kind != POOL_TERM_EXCEPT;
		p->fixed &= kind == POOL_TERM_CORES || kind == POOL_TERM_EXCEPT;
	}
	p->terms = terms.v;
	p->n_terms = (uint32_t)terms.n;
	if (ok && !named) {
		struct diag *g = diag_error(s->diags, p->at, "pool `%s` names no cores", p->name);

		diag_help(g, "begin with `cores 0-3;`, `numa 0;` or `llc 0;`");
	} else if (ok && p->fixed) {
		fix_cores(s, p);
	}
	*vec_push(s->arena, &s->pools) = p;
}

struct pool *sema_find_pool(struct sema *s, const struct item *word)
{
	const char *names[64];
	size_t n = 0;

	if (word->kind != ITEM_WORD) {
		diag_error(s->diags, word->at, "expected the name of a pool");
		return NULL;
	}
	for (size_t i = 0; i < s->pools.n; i++) {
		if (strcmp(s->pools.v[i]->name, word->path[0].text) == 0)
			return s->pools.v[i];
		if (n < 64)
			names[n++] = s->pools.v[i]->name;
	}
	struct diag *d =
		diag_error(s->diags, word->at, "there is no pool `%s`", word->path[0].text);
	const char *near = diag_closest(word->path[0].text, names, n);

	if (near)
		diag_help(d, "did you mean `%s`?", near);
	else
		diag_help(d, "declare it: `pool %s { cores 0-3; }`", word->path[0].text);
	return NULL;
}

struct param *sema_param_named(const struct sema *s, const char *name)
{
	for (size_t i = 0; i < s->params.n; i++)
		if (strcmp(s->params.v[i]->name, name) == 0)
			return s->params.v[i];
	return NULL;
}

bool sema_rate_fits(struct sema *s, enum lang_type type, uint64_t rate, struct span at)
{
	bool requests = type == TYPE_RATE;

	if (rate >= (requests ? 1 : POLICY_MIN_BITRATE) &&
	    rate <= (requests ? POLICY_MAX_RATE : POLICY_MAX_BITRATE))
		return true;
	diag_error(s->diags, at,
		   requests ? "a rate is at least 1/s and at most 1G/s"
			    : "a bit rate is at least 1kbit and at most 1000gbit");
	return false;
}

void sema_param(struct sema *s, const struct decl *d)
{
	static const enum lang_type types[] = {
		[LIT_NUMBER] = TYPE_NUMBER,
		[LIT_DURATION] = TYPE_DURATION,
		[LIT_RATE] = TYPE_RATE,
		[LIT_BITRATE] = TYPE_BITRATE,
	};
	const struct param *before;

	if (!sema_room(s, s->params.n, POLICY_MAX_PARAMS, d->name.at, "params in a policy"))
		return;
	sema_name(s, &d->name);
	before = sema_param_named(s, d->name.text);
	if (before) {
		sema_duplicate(s, "param", d->name.text, d->name.at, before->at);
		return;
	}
	if (d->value->kind != ITEM_LITERAL || d->value->lo->kind > LIT_BITRATE) {
		diag_error(s->diags, d->value->at, "a param is a number, a rate or a duration");
		return;
	}
	struct param *p = arena_new_of(s->arena, struct param);

	p->id = (uint32_t)s->params.n;
	p->name = d->name.text;
	p->at = d->name.at;
	p->type = types[d->value->lo->kind];
	p->value = d->value->lo->value;
	p->live = d->live;
	p->max = UINT64_MAX;
	if (p->type == TYPE_RATE || p->type == TYPE_BITRATE) {
		p->min = p->type == TYPE_RATE ? 1 : POLICY_MIN_BITRATE;
		p->max = p->type == TYPE_RATE ? POLICY_MAX_RATE : POLICY_MAX_BITRATE;
		sema_rate_fits(s, p->type, p->value, d->value->at);
	}
	*vec_push(s->arena, &s->params) = p;
}

/* `cores 2..5 of app`: stage `run` is refused for now, but what is wrong with its budget is said
 * already. */
bool sema_budget(struct sema *s, const struct capture *budget, struct pool *pool,
		 const struct workload *w, uint64_t *least, uint64_t *most)
{
	const struct item *i = budget->first;
	uint64_t lo, hi;

	if (i->kind == ITEM_BUDGET && i->lo->kind == LIT_NUMBER && i->hi->kind == LIT_NUMBER) {
		lo = i->lo->value;
		hi = i->hi->value;
	} else if (i->kind == ITEM_LITERAL && i->lo->kind == LIT_NUMBER) {
		lo = hi = i->lo->value;
	} else {
		struct diag *d = diag_error(s->diags, i->at, "expected a budget of cores");

		diag_help(d, "`cores 1..3 of %s`: one is guaranteed, three are the most",
			  pool->name);
		return false;
	}
	*least = lo;
	*most = hi;
	if (lo > hi)
		diag_error(s->diags, i->at,
			   "the guarantee of %llu cores is more than the most, %llu",
			   (unsigned long long)lo, (unsigned long long)hi);
	pool->guaranteed += lo;
	if (!pool->fixed)
		return lo <= hi;
	if (lo <= pool->n_cores && pool->guaranteed > pool->n_cores) {
		struct diag *d = diag_error(
			s->diags, i->at,
			"the guarantees of pool `%s` add up to %llu cores, %llu more than it has",
			pool->name, (unsigned long long)pool->guaranteed,
			(unsigned long long)(pool->guaranteed - pool->n_cores));

		diag_note(d, pool->at, "this pool has %u", pool->n_cores);
	}
	if (lo > pool->n_cores) {
		struct diag *d = diag_error(
			s->diags, i->at,
			"workload `%s` is guaranteed %llu cores, %llu more than pool `%s` has",
			w->name, (unsigned long long)lo, (unsigned long long)(lo - pool->n_cores),
			pool->name);

		diag_note(d, pool->at, "this pool has %u", pool->n_cores);
	} else if (hi > pool->n_cores) {
		struct diag *d = diag_warning(
			s->diags, i->at, "workload `%s` may have %llu cores, but pool `%s` has %u",
			w->name, (unsigned long long)hi, pool->name, pool->n_cores);
		diag_note(d, pool->at, "declared here");
	}
	return lo <= hi && pool->guaranteed <= pool->n_cores;
}
