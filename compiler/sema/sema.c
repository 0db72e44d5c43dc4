/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree becomes the checked policy: declarations in an order in which each
 * finds what it refers to (pools, params and headers, then workloads, then
 * what orders and tests them), whatever their order in the source.
 */
#include "sema/sema.h"

#include "base/digest.h"

static void policy_name(struct sema *s, const struct decl *d)
{
	struct policy *p = s->policy;

	if (p->name) {
		struct diag *g = diag_error(s->diags, d->at, "there is a policy name already");

		diag_note(g, p->at, "given first here");
		return;
	}
	sema_name(s, &d->name);
	p->name = d->name.text;
	p->at = d->name.at;
}

static void require(struct sema *s, const struct decl *d)
{
	const struct item *i = d->body && d->body->phrases ? d->body->phrases->items : NULL;

	if (i && item_is(i, "native") && item_is(i->next, "xdp") && !i->next->next) {
		s->policy->require_native_xdp = true;
		s->policy->require_native_xdp_at = d->at;
		return;
	}
	struct diag *g = diag_error(s->diags, d->at, "this cannot be required");

	diag_help(g, "`require native xdp;` is what there is");
}

/* Declarations that others refer to. */
static void first_round(struct sema *s)
{
	for (const struct decl *d = s->decls; d; d = d->next) {
		switch (d->kind) {
		case DECL_POLICY: policy_name(s, d); break;
		case DECL_POOL: sema_pool(s, d); break;
		case DECL_PARAM: sema_param(s, d); break;
		case DECL_SET: sema_set(s, d); break;
		case DECL_HEADER: sema_header(s, d, false); break;
		case DECL_REQUIRE: require(s, d); break;
		case DECL_SIGNAL: sema_signal(s, d); break;
		case DECL_CACHE: sema_later(s, d->at, "`cache`"); break;
		default: break;
		}
	}
}

static void second_round(struct sema *s)
{
	for (const struct decl *d = s->decls; d; d = d->next)
		if (d->kind == DECL_WORKLOAD) {
			if (!sema_room(s, s->workloads.n, POLICY_MAX_WORKLOADS, d->name.at,
				       "workloads in a policy"))
				return;
			sema_workload(s, d);
		}
}

static void third_round(struct sema *s)
{
	const struct decl *priority = NULL;
	uint32_t gid = 0, order = 0;

	for (size_t i = 0; i < s->workloads.n; i++) {
		struct workload *w = s->workloads.v[i];

		w->rank = (uint32_t)s->workloads.n;
		order += sema_orders(w) != 0;
		for (uint32_t k = 0; k < w->n_classes; k++)
			w->classes[k].gid = gid++;
	}
	s->policy->n_classes = gid;
	for (const struct decl *d = s->decls; d; d = d->next) {
		if (d->kind == DECL_TEST) {
			sema_test(s, d);
		} else if (d->kind == DECL_PRIORITY && priority) {
			struct diag *g = diag_error(s->diags, d->at, "a policy has one priority");

			diag_note(g, priority->at, "given first here");
		} else if (d->kind == DECL_PRIORITY) {
			priority = d;
			sema_priority(s, d->names, NULL);
			if (order < 2)
				sema_unfollowed(s, d->at,
						"the tx stages of several workloads that "
						"`order by priority` would");
		}
	}
	sema_bands(s);
}

/* What is declared and used by nobody is worth a word. */
static void unused(struct sema *s)
{
	for (size_t i = 0; i < s->sets.n; i++)
		if (!s->sets.v[i]->used)
			diag_warning(s->diags, s->sets.v[i]->at, "nothing uses set `%s`",
				     s->sets.v[i]->name);
	for (size_t i = 0; i < s->signals.n; i++)
		if (!s->signals.v[i]->used)
			diag_warning(s->diags, s->signals.v[i]->at, "no rule reads signal `%s`",
				     s->signals.v[i]->name);
	for (size_t i = 0; i < s->headers.n; i++)
		if (!s->headers.v[i]->used && !s->headers.v[i]->builtin)
			diag_warning(s->diags, s->headers.v[i]->at,
				     "no workload has header `%s` as its payload",
				     s->headers.v[i]->name);
}

/* Ids of the headers that are left. */
static void used_headers(struct sema *s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s->headers.n; i++)
		if (s->headers.v[i]->used) {
			s->headers.v[n] = s->headers.v[i];
			s->headers.v[n]->id = n;
			n++;
		}
	s->headers.n = n;
}

const struct policy *sema_check(struct arena *a, const struct ast *ast, struct source_set *sources,
				struct diags *diags)
{
	struct policy *p = arena_new_of(a, struct policy);
	struct sema *s = arena_new_of(a, struct sema);

	*s = (struct sema){
		.arena = a, .diags = diags, .sources = sources, .decls = ast->decls, .policy = p
	};
	first_round(s);
	second_round(s);
	third_round(s);
	if (!p->name) {
		struct diag *d = diag_error(diags, SPAN_NONE, "this policy has no name");

		diag_help(d, "begin with `policy NAME;`");
	}
	if (diags_errors(diags))
		return NULL;
	sema_overlap(s);
	sema_stacks(s);
	unused(s);
	used_headers(s);
	p->sources = sources;
	source_digest(sources, p->digest);
	p->pools = s->pools.v;
	p->n_pools = (uint32_t)s->pools.n;
	p->params = s->params.v;
	p->n_params = (uint32_t)s->params.n;
	p->sets = s->sets.v;
	p->n_sets = (uint32_t)s->sets.n;
	p->signals = s->signals.v;
	p->n_signals = (uint32_t)s->signals.n;
	p->headers = s->headers.v;
	p->n_headers = (uint32_t)s->headers.n;
	p->workloads = s->workloads.v;
	p->n_workloads = (uint32_t)s->workloads.n;
	p->n_actions = s->n_actions;
	p->n_stacks = s->n_stacks;
	p->tests = s->tests.v;
	p->n_tests = (uint32_t)s->tests.n;
	return diags_errors(diags) ? NULL : p;
}
