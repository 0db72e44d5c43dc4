/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which params the programs read. The loader writes to the variables of those and
 * of no others, so emission and the description must agree about it.
 */
#include "base/arena.h"
#include "plan/plan.h"

static void value_params(const struct value *v, bool *reads)
{
	if (!v)
		return;
	if (v->kind == VALUE_PARAM)
		reads[v->param->id] = true;
	value_params(v->a, reads);
	value_params(v->b, reads);
}

static void cond_params(const struct cond *c, bool *reads)
{
	if (!c)
		return;
	cond_params(c->a, reads);
	cond_params(c->b, reads);
	value_params(c->lhs, reads);
	value_params(c->rhs, reads);
}

/* An element's end may depend on a param. */
static void hfield_params(struct hfield *const *fields, uint32_t n, bool *reads)
{
	for (uint32_t i = 0; i < n; i++) {
		cond_params(fields[i]->until, reads);
		cond_params(fields[i]->when, reads);
		hfield_params(fields[i]->fields, fields[i]->n_fields, reads);
	}
}

enum iop_param_type plan_param_type(const struct param *p)
{
	static const enum iop_param_type types[] = {
		[TYPE_NUMBER] = IOP_PARAM_NUMBER,
		[TYPE_RATE] = IOP_PARAM_RATE,
		[TYPE_BITRATE] = IOP_PARAM_BITRATE,
		[TYPE_DURATION] = IOP_PARAM_DURATION,
	};

	return types[p->type];
}

void plan_reads(struct arena *arena, struct plan *plan)
{
	const struct policy *p = plan->policy;
	bool *reads = arena_alloc(arena, p->n_params + 1);

	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct workload *w = p->workloads[i];
		bool any = false;

		/* Without a stage there is no program that tells its classes apart. */
		for (int h = 0; h < IOP_HOOKS; h++)
			any |= w->stages[plan_stage(h)] != NULL;
		if (any && w->payload)
			hfield_params(w->payload->fields, w->payload->n_fields, reads);
		for (uint32_t k = 0; any && k < w->n_classes; k++)
			cond_params(w->classes[k].when, reads);
	}
	for (uint32_t i = 0; i < p->n_actions; i++)
		if (plan->actions[i].action && plan->actions[i].action->param)
			reads[plan->actions[i].action->param->id] = true;
	plan->reads_param = reads;
}
