/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel would refuse of a plan is refused here, where the line is known;
 * and what was written although nothing comes of it is said.
 */
#include "base/diag.h"
#include "plan/plan.h"

#define MAX_MAPS 64      /* that a program may use: MAX_USED_MAPS of the kernel */
#define MAX_ELEMENT 32768 /* bytes of a per-CPU map's element: PCPU_MIN_UNIT_SIZE */

/* Maps that belong to no action: those of the library, variables. */
static uint32_t common_maps(const struct plan *plan, enum iop_hook hook)
{
	static const unsigned owners[IOP_MAP_ROLES] = {
		[IOP_MAP_COUNT_RX] = 1u << IOP_HOOK_RX,
		[IOP_MAP_COUNT_SOCKET] = 1u << IOP_HOOK_SOCKET,
		[IOP_MAP_COUNT_TX] = 1u << IOP_HOOK_TX,
		[IOP_MAP_PATH] = ~0u,
		[IOP_MAP_CPUS] = 1u << IOP_HOOK_RX,
		[IOP_MAP_WORKERS] = 1u << IOP_HOOK_SOCKET,
		[IOP_MAP_GROUP] = 1u << IOP_HOOK_SOCKET,
		[IOP_MAP_WORKER_ROWS] = 1u << IOP_HOOK_SOCKET | 1u << IOP_HOOK_TX,
		[IOP_MAP_WORKER_OF] = 1u << IOP_HOOK_TX,
		[IOP_MAP_SIGNAL] = 1u << IOP_HOOK_SOCKET,
		[IOP_MAP_STACKS] = 1u << IOP_HOOK_RX,
		[IOP_MAP_STACK_ROWS] = 1u << IOP_HOOK_RX,
		[IOP_MAP_STACK_HOMES] = 1u << IOP_HOOK_RX,
		[IOP_MAP_STACK_CORES] = 1u << IOP_HOOK_RX,
		[IOP_MAP_COUNT_STACK] = 1u << IOP_HOOK_RX,
		[IOP_MAP_LOOKUP_BOUND] = 1u << IOP_HOOK_LOOKUP,
		[IOP_MAP_CONNECTION_OF] = 1u << IOP_HOOK_CONNECTIONS,
		[IOP_MAP_LOOKUP_GROUPS] = 1u << IOP_HOOK_LOOKUP,
		[IOP_MAP_LOOKUP_SOCKETS] = 1u << IOP_HOOK_LOOKUP,
	};
	const struct policy *p = plan->policy;
	bool variables = false, live = false;
	uint32_t n = 0;

	for (uint32_t i = 0; i < plan->n_maps; i++) {
		const struct plan_map *m = plan->maps[i];

		n += !m->action && owners[m->role] & 1u << hook;
	}
	for (uint32_t i = 0; i < p->n_pools; i++)
		variables |= p->pools[i]->steered && !p->pools[i]->fixed;
	for (uint32_t i = 0; i < p->n_params; i++)
		*(p->params[i]->live ? &live : &variables) |= plan->reads_param[i];
	variables |= plan->hooks[hook].tables || plan->set_bits;
	return n + variables + live + (plan->n_turns || plan->n_buckets);
}

static void bound_maps(const struct plan *plan, enum iop_hook hook, struct diags *diags)
{
	uint32_t n = common_maps(plan, hook);

	for (uint32_t i = 0; i < plan->n_maps; i++) {
		const struct action *a = plan->maps[i]->action;

		if (!a || plan->actions[a->id].hook != hook || ++n != MAX_MAPS + 1)
			continue;
		struct diag *d = diag_error(
			diags, a->at,
			"the kernel allows a program %d maps: with this one `%s` has more",
			MAX_MAPS, plan->hooks[hook].program);

		diag_help(d, "each `limit` and each `by local` has a map of its own");
	}
}

static void bound_counters(const struct plan *plan, enum iop_hook hook, struct diags *diags)
{
	for (uint32_t i = 0; i < plan->policy->n_actions; i++) {
		const struct plan_action *a = &plan->actions[i];

		if (!a->action || a->hook != hook ||
		    8ull * (a->first_target + a->n_targets) <= MAX_ELEMENT)
			continue;
		struct diag *d = diag_error(diags, a->action->at,
					    "a class has at most %d counters, and this needs more",
					    MAX_ELEMENT / 8);

		diag_help(d,
			  "each core or worker that a class can be given to is counted for itself");
		return;
	}
}

void plan_bounds(const struct plan *plan, struct diags *diags)
{
	for (int h = 0; h < IOP_HOOKS; h++) {
		/* Those without counters have few maps. */
		if (!plan->hooks[h].used || h == IOP_HOOK_STACK || h == IOP_HOOK_LOOKUP ||
		    h == IOP_HOOK_CONNECTIONS)
			continue;
		bound_maps(plan, h, diags);
		bound_counters(plan, h, diags);
	}
}

/* Does some rule of the stage choose by that? */
static bool chooses_by(const struct plan *plan, const struct stage *st, enum lang_selector kind)
{
	for (uint32_t i = 0; st && i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++) {
			const struct action *a = st->rules[i].actions[k];

			if (a->kind == ACTION_WORKERS && a->selector.kind == kind &&
			    plan->actions[a->id].action)
				return true;
		}
	return false;
}

static void unused_weights(const struct plan *plan, const struct workload *w, struct diags *diags)
{
	const struct stage *st = w->stages[STAGE_SOCKET];
	bool least = chooses_by(plan, st, SELECTOR_LEAST_LOADED);

	for (uint32_t i = 0; i < w->n_classes && !least; i++)
		if (w->classes[i].service)
			diag_warning(diags, w->classes[i].service_at,
				     "no rule of workload `%s` chooses by `least_loaded`, which reckons with it",
				     w->name);
	if (st && st->stuck_at.end && !least && !chooses_by(plan, st, SELECTOR_MIN))
		diag_warning(diags, st->stuck_at,
			     "no rule of this stage chooses by `least_loaded` or `min`, which look at it");
}

static void unused_workload(const struct workload *w, struct diags *diags)
{
	bool any = false;

	for (int i = 0; i < STAGE_COUNT; i++)
		any |= w->stages[i] != NULL;
	if (!any)
		diag_warning(diags, w->at,
			     "workload `%s` has no stage: nothing is done with its packets",
			     w->name);
	if (!w->stages[STAGE_SOCKET] || w->n_owners)
		return;
	struct diag *d =
		diag_warning(diags, w->stages[STAGE_SOCKET]->at,
			     "workload `%s` does not say whose sockets these are", w->name);

	diag_help(d, "its workers are the sockets of a server: `threads comm \"NAME\";`");
}

void plan_unused(const struct plan *plan, struct diags *diags)
{
	const struct policy *p = plan->policy;

	for (uint32_t i = 0; i < p->n_params; i++)
		if (!plan->reads_param[i])
			diag_warning(diags, p->params[i]->at, "nothing reads param `%s`",
				     p->params[i]->name);
	for (uint32_t i = 0; i < p->n_pools; i++)
		if (!p->pools[i]->used)
			diag_warning(diags, p->pools[i]->at, "nothing uses pool `%s`",
				     p->pools[i]->name);
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		unused_workload(p->workloads[i], diags);
		unused_weights(plan, p->workloads[i], diags);
	}
}
