/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the checked policy to the plan.
 */
#include "plan/plan.h"

#include <linux/bpf.h>
#include <string.h>

#include "abi/connection.h"
#include "abi/lookup.h"
#include "abi/stack.h"
#include "abi/worker.h"
#include "base/arena.h"
#include "base/diag.h"

#define MAX_COUNTED_WORKERS 64
#define LIMIT_KEYS 65536
#define NEAR_CPUS 1 /* the loader makes it as long as the machine has CPUs */

struct planning {
	struct arena *arena;
	const struct policy *policy;
	struct plan *plan;
	vec(const struct plan_map *) maps;
};

enum lang_stage plan_stage(enum iop_hook hook)
{
	static const enum lang_stage stages[IOP_HOOKS] = {
		[IOP_HOOK_SOCKET] = STAGE_SOCKET,
		[IOP_HOOK_CONNECTIONS] = STAGE_SOCKET,
		[IOP_HOOK_LOOKUP] = STAGE_SOCKET,
		[IOP_HOOK_TX] = STAGE_TX,
		[IOP_HOOK_STACK] = STAGE_STACK,
		[IOP_HOOK_RX] = STAGE_RX,
	};
	return stages[hook];
}

bool plan_told_by_worker(const struct workload *w)
{
	bool udp = false;

	for (uint32_t i = 0; i < w->n_matches; i++)
		udp |= w->matches[i].proto == PROTO_UDP;
	return udp && w->stages[STAGE_TX] && w->stages[STAGE_SOCKET];
}

static bool matches_proto(const struct workload *w, enum lang_proto proto)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (w->matches[i].proto == proto)
			return true;
	return false;
}

static bool chooses_least(const struct stage *st)
{
	for (uint32_t i = 0; i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			if (st->rules[i].actions[k]->kind == ACTION_WORKERS &&
			    st->rules[i].actions[k]->selector.kind == SELECTOR_LEAST_LOADED)
				return true;
	return false;
}

bool plan_at_hook(const struct workload *w, enum iop_hook hook)
{
	const struct stage *st = w->stages[plan_stage(hook)];

	if (st && hook == IOP_HOOK_CONNECTIONS)
		return matches_proto(w, PROTO_TCP) && chooses_least(st);
	return st && (hook != IOP_HOOK_LOOKUP || st->anywhere);
}

static struct plan_map *add_map(struct planning *p, const char *name, enum iop_map_role role,
				uint32_t type, uint32_t key, uint32_t value, uint32_t entries)
{
	struct plan_map *m = arena_new_of(p->arena, struct plan_map);

	*m = (struct plan_map){ .name = name, .role = role, .type = type, .key_size = key,
				.value_size = value, .max_entries = entries, .generated = true };
	*vec_push(p->arena, &p->maps) = m;
	return m;
}

/* --- chains --- */

static struct plan_chain chain_of(struct planning *p, const struct stage *st, uint32_t class)
{
	vec(const struct action *) v = { 0 };

	for (uint32_t i = 0; i < st->n_rules; i++) {
		const struct rule *r = &st->rules[i];

		if (!(r->classes >> class & 1))
			continue;
		for (uint32_t k = 0; k < r->n_actions; k++) {
			*vec_push(p->arena, &v) = r->actions[k];
			if (lang_actions.rows[r->actions[k]->kind].ends)
				goto done;
		}
	}
done:
	return (struct plan_chain){ .actions = v.v, .n = (uint32_t)v.n };
}

static uint32_t target_count(const struct action *a)
{
	uint32_t n = 0;

	switch (a->kind) {
	case ACTION_STEER:
		if (a->stack)
			return a->stack->most;
		return a->pool->fixed ? a->pool->n_cores : IOP_POOL_CORES;
	case ACTION_WORKER:
	case ACTION_WORKERS:
		if (a->workers.kind != WORKERS_LIST)
			return MAX_COUNTED_WORKERS;
		for (uint32_t i = 0; i < a->workers.n_ranges; i++)
			if (a->workers.ranges[i].hi + 1 > n)
				n = (uint32_t)a->workers.ranges[i].hi + 1;
		return n < MAX_COUNTED_WORKERS ? n : MAX_COUNTED_WORKERS;
	default:
		return 0;
	}
}

/* Counters of an action, and then of what stands behind its `else`, from `end` on. */
static uint32_t place_targets(struct planning *p, enum iop_hook hook, const struct action *a,
			      uint32_t end)
{
	for (; a; a = a->otherwise) {
		struct plan_action *pa = &p->plan->actions[a->id];

		pa->action = a;
		pa->hook = hook;
		pa->n_targets = target_count(a);
		pa->first_target = end;
		end += pa->n_targets;
	}
	return end;
}

/* An action that several classes meet has one place for all of them: behind what any of
 * them has met before. */
static void place_rule(struct planning *p, enum iop_hook hook, const struct rule *r, uint64_t meet,
		       uint32_t *end)
{
	struct plan_hook *h = &p->plan->hooks[hook];
	uint32_t most = IOP_COUNT_TARGETS;

	for (uint64_t c = meet; c; c &= c - 1)
		if (end[__builtin_ctzll(c)] > most)
			most = end[__builtin_ctzll(c)];
	for (uint32_t i = 0; i < r->n_actions; i++)
		most = place_targets(p, hook, r->actions[i], most);
	for (uint64_t c = meet; c; c &= c - 1)
		end[__builtin_ctzll(c)] = most;
	if (most > h->n_targets)
		h->n_targets = most;
}

static void place_stage(struct planning *p, enum iop_hook hook, const struct stage *st)
{
	uint32_t end[POLICY_MAX_CLASSES_PER_WORKLOAD] = { 0 };
	uint64_t ended = 0;

	for (uint32_t i = 0; i < st->n_rules; i++) {
		const struct rule *r = &st->rules[i];
		uint64_t meet = r->classes & ~ended;

		if (!meet || !r->n_actions)
			continue;
		place_rule(p, hook, r, meet, end);
		if (lang_actions.rows[r->actions[r->n_actions - 1]->kind].ends)
			ended |= meet;
	}
}

static void plan_chains(struct planning *p, enum iop_hook hook)
{
	const struct policy *policy = p->policy;
	struct plan_hook *h = &p->plan->hooks[hook];

	uint32_t n = 0;

	h->chains = arena_alloc(p->arena, (policy->n_classes + 1) * sizeof(*h->chains));
	for (uint32_t w = 0; w < policy->n_workloads; w++) {
		const struct stage *st = policy->workloads[w]->stages[plan_stage(hook)];

		if (!plan_at_hook(policy->workloads[w], hook))
			continue;
		if (hook == IOP_HOOK_LOOKUP || hook == IOP_HOOK_CONNECTIONS) { /* which have no rules */
			if (!h->used)
				h->at = hook == IOP_HOOK_LOOKUP ? st->anywhere_at : st->at;
			h->used = true;
			continue;
		}
		if (!h->used) {
			h->at = st->at;
			h->n_targets = IOP_COUNT_TARGETS;
		}
		h->used = true;
		h->tables = ++n > PLAN_FEW_WORKLOADS;
		for (uint32_t c = 0; c < policy->workloads[w]->n_classes; c++) {
			const struct class *class = &policy->workloads[w]->classes[c];

			h->chains[class->gid] = chain_of(p, st, c);
		}
		place_stage(p, hook, st);
	}
}

/* --- state of actions --- */

static enum plan_key limit_key(const struct action *a, uint32_t *size)
{
	static const uint32_t sizes[] = { [PLAN_KEY_NONE] = 4, [PLAN_KEY_NUMBER] = 16,
					  [PLAN_KEY_ADDR] = 24, [PLAN_KEY_FLOW] = 56,
					  [PLAN_KEY_BYTES] = 72 };
	enum plan_key key = PLAN_KEY_NONE;

	if (a->per_flow)
		key = PLAN_KEY_FLOW;
	else if (a->per && a->per->hfield)
		key = hfield_number(a->per->hfield) ? PLAN_KEY_NUMBER : PLAN_KEY_BYTES;
	else if (a->per)
		key = lang_fields[a->per->field].type == TYPE_ADDR    ? PLAN_KEY_ADDR
		      : lang_fields[a->per->field].type == TYPE_BYTES ? PLAN_KEY_BYTES
								      : PLAN_KEY_NUMBER;
	*size = sizes[key];
	return key;
}

static void plan_signal(struct planning *p, const struct signal *signal)
{
	for (size_t i = 0; i < p->maps.n; i++)
		if (p->maps.v[i]->signal == signal)
			return;
	struct plan_map *m = add_map(p, arena_printf(p->arena, "iop_signal_%s", signal->name),
				     IOP_MAP_SIGNAL, BPF_MAP_TYPE_ARRAY, 4, IOP_SIGNAL_STRIDE, 1);

	m->flags = BPF_F_MMAPABLE;
	m->signal = signal;
}

static bool has_rate(const struct action *a)
{
	return a->kind == ACTION_LIMIT || a->kind == ACTION_PACE;
}

static void plan_state(struct planning *p, struct plan_action *pa)
{
	const struct action *a = pa->action;
	uint32_t key_size;

	if (has_rate(a) && limit_key(a, &key_size) == PLAN_KEY_NONE) {
		pa->bucket = p->plan->n_buckets++;
	} else if (has_rate(a)) {
		enum plan_key key = limit_key(a, &key_size);
		struct plan_map *m = add_map(p, arena_printf(p->arena, "iop_limit_%u", a->id),
					     IOP_MAP_LIMIT, BPF_MAP_TYPE_LRU_HASH, key_size, 8,
					     LIMIT_KEYS);

		m->key = key;
		m->action = a;
		pa->map = m;
	}
	if (a->kind != ACTION_STEER && a->kind != ACTION_WORKERS)
		return;
	if (a->selector.kind == SELECTOR_LOCAL) {
		bool core = a->kind == ACTION_STEER;
		struct plan_map *m = add_map(p, arena_printf(p->arena, "iop_near_%u", a->id),
					     core ? IOP_MAP_NEAR_CORE : IOP_MAP_NEAR_WORKER,
					     BPF_MAP_TYPE_ARRAY, 4, 4, NEAR_CPUS);

		m->scope = core ? IOP_SCOPE_POLICY : IOP_SCOPE_GROUP;
		m->action = a;
		pa->map = m;
	}
	if (a->selector.kind == SELECTOR_MIN)
		plan_signal(p, a->selector.signal);
	if (a->selector.kind == SELECTOR_ROUND_ROBIN || a->selector.kind == SELECTOR_LEAST_LOADED ||
	    a->selector.kind == SELECTOR_MIN)
		pa->turn = p->plan->n_turns++;
}

/* --- what workers are weighed by --- */

/* What a class without `service` weighs: as much as the lightest of its workload. 0: none has it. */
static uint64_t lightest(const struct workload *w)
{
	uint64_t least = 0;

	for (uint32_t c = 0; c < w->n_classes; c++)
		if (w->classes[c].service && (!least || w->classes[c].service < least))
			least = w->classes[c].service;
	return least;
}

/* All that can be chosen by the rules of a socket stage gets what the stage says of it. */
static bool weigh_stage(struct planning *p, const struct workload *w, const struct stage *st,
			bool weighed)
{
	bool any = false;

	for (uint32_t i = 0; i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++) {
			const struct action *a = st->rules[i].actions[k];
			struct plan_action *pa = &p->plan->actions[a->id];

			/* A connection may be silent for as long as it likes. */
			pa->stuck = matches_proto(w, PROTO_TCP) ? INT64_MAX : st->stuck;
			pa->weighed = weighed && a->selector.kind == SELECTOR_LEAST_LOADED;
			any |= pa->action && pa->weighed && a->kind == ACTION_WORKERS;
		}
	return any;
}

static void plan_weights(struct planning *p)
{
	uint64_t *services = arena_alloc(p->arena, (p->policy->n_classes + 1) * sizeof(*services));

	for (uint32_t i = 0; i < p->policy->n_workloads; i++) {
		const struct workload *w = p->policy->workloads[i];
		const struct stage *st = w->stages[STAGE_SOCKET];
		uint64_t least = lightest(w);

		if (!st || !weigh_stage(p, w, st, least != 0))
			continue;
		p->plan->services = services;
		for (uint32_t c = 0; c < w->n_classes; c++)
			services[w->classes[c].gid] =
				w->classes[c].service ? w->classes[c].service : least;
	}
}

/* --- what is looked at --- */

static unsigned families_of(const struct prefix *p, uint32_t n)
{
	unsigned f = n ? 0 : 3;

	for (uint32_t i = 0; i < n; i++)
		f |= p[i].family == 4 ? 1 : 2;
	return f;
}

/* Is there something at the hook that concerns its packets? */
static bool has_part(const struct plan *plan, const struct workload *w, enum iop_hook hook)
{
	return plan_at_hook(w, hook) ||
	       (hook == IOP_HOOK_TX && plan->counting && w->stages[STAGE_SOCKET]);
}

static void plan_families(struct planning *p)
{
	for (uint32_t w = 0; w < p->policy->n_workloads; w++) {
		const struct workload *wl = p->policy->workloads[w];

		for (uint32_t i = 0; i < wl->n_matches; i++)
			p->plan->families |= families_of(wl->matches[i].to, wl->matches[i].n_to) &
					     families_of(wl->matches[i].from, wl->matches[i].n_from);
		for (int h = 0; h < IOP_HOOKS; h++)
			for (uint32_t i = 0; has_part(p->plan, wl, h) && i < wl->n_matches; i++)
				p->plan->protos[h] |=
					wl->matches[i].proto == PROTO_TCP ? PLAN_TCP : PLAN_UDP;
	}
}

/* --- maps of the stage library that this policy uses --- */

static void library_maps(struct planning *p)
{
	struct plan *plan = p->plan;
	bool steers = false, picks = false;

	for (uint32_t i = 0; i < p->policy->n_actions; i++) {
		const struct action *a = plan->actions[i].action;

		steers |= a && a->kind == ACTION_STEER;
		picks |= a && (a->kind == ACTION_WORKER || a->kind == ACTION_WORKERS);
	}
	add_map(p, "iop_path", IOP_MAP_PATH, BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8 * IOP_PATH_COUNT,
		IOP_HOOKS)->generated = false;
	if (steers)
		add_map(p, "iop_cpus", IOP_MAP_CPUS, BPF_MAP_TYPE_CPUMAP, 4, 8, 1)->generated = false;
	if (picks) {
		struct plan_map *m = add_map(p, "iop_workers", IOP_MAP_WORKERS,
					     BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 1024);

		m->generated = false;
		m->scope = IOP_SCOPE_GROUP;
	}
	if (plan->hooks[IOP_HOOK_STACK].used) {
		static const struct {
			const char *name;
			enum iop_map_role role;
			uint32_t type, value;
		} maps[] = {
			{ "iop_stacks", IOP_MAP_STACKS, BPF_MAP_TYPE_ARRAY, sizeof(struct iop_stack) },
			{ "iop_stack_rows", IOP_MAP_STACK_ROWS, BPF_MAP_TYPE_ARRAY,
			  sizeof(struct iop_stack_row) },
			{ "iop_stack_homes", IOP_MAP_STACK_HOMES, BPF_MAP_TYPE_ARRAY,
			  sizeof(struct iop_stack_homes) },
			{ "iop_stack_cores", IOP_MAP_STACK_CORES, BPF_MAP_TYPE_ARRAY,
			  sizeof(struct iop_stack_core) },
			{ "iop_stack_counts", IOP_MAP_COUNT_STACK, BPF_MAP_TYPE_PERCPU_ARRAY,
			  sizeof(struct iop_stack_counts) },
		};

		for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
			add_map(p, maps[i].name, maps[i].role, maps[i].type, 4, maps[i].value,
				1)->generated = false;
	}
	if (plan->connections)
		add_map(p, "iop_connection_of", IOP_MAP_CONNECTION_OF, BPF_MAP_TYPE_SK_STORAGE, 4,
			sizeof(struct iop_connection), 0)->generated = false;
	if (plan->hooks[IOP_HOOK_LOOKUP].used) {
		add_map(p, "iop_lookup_bound", IOP_MAP_LOOKUP_BOUND, BPF_MAP_TYPE_HASH,
			sizeof(struct iop_lookup_key), 4, IOP_LOOKUP_BOUND)->generated = false;
		add_map(p, "iop_lookup_groups", IOP_MAP_LOOKUP_GROUPS, BPF_MAP_TYPE_ARRAY, 4,
			sizeof(struct iop_lookup_group), 4096)->generated = false;
		add_map(p, "iop_lookup_sockets", IOP_MAP_LOOKUP_SOCKETS, BPF_MAP_TYPE_SOCKMAP, 4, 8,
			IOP_LOOKUP_SOCKETS)->generated = false;
	}
	if (plan->rows) {
		add_map(p, "iop_worker_rows", IOP_MAP_WORKER_ROWS, BPF_MAP_TYPE_ARRAY, 4,
			sizeof(struct iop_worker_row), 1)->generated = false;
		add_map(p, "iop_worker_of", IOP_MAP_WORKER_OF, BPF_MAP_TYPE_HASH, 8, 4,
			1)->generated = false;
	}
	if (plan->hooks[IOP_HOOK_SOCKET].used) {
		struct plan_map *m = add_map(p, ".data.group", IOP_MAP_GROUP, BPF_MAP_TYPE_ARRAY, 4,
					     sizeof(struct iop_group), 1);

		m->generated = false;
		m->scope = IOP_SCOPE_GROUP;
	}
}

static bool looks_at_workers(const struct action *a)
{
	return a && a->kind == ACTION_WORKERS &&
	       (a->selector.kind == SELECTOR_LEAST_LOADED || a->selector.kind == SELECTOR_MIN);
}

/* Is it an action of a workload that matches UDP? */
static bool of_datagrams(const struct policy *p, const struct action *a)
{
	for (uint32_t w = 0; w < p->n_workloads; w++) {
		const struct stage *st = p->workloads[w]->stages[STAGE_SOCKET];

		for (uint32_t i = 0; st && i < st->n_rules; i++)
			for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
				if (st->rules[i].actions[k] == a)
					return matches_proto(p->workloads[w], PROTO_UDP);
	}
	return true;
}

/* What was given to a worker is outstanding until our own program sees the reply, whether there
 * is a tx stage or not. */
static void plan_counting(struct planning *p)
{
	struct plan_hook *h = &p->plan->hooks[IOP_HOOK_TX];

	p->plan->connections = p->plan->hooks[IOP_HOOK_CONNECTIONS].used;
	for (uint32_t i = 0; i < p->policy->n_actions; i++) {
		const struct action *a = p->plan->actions[i].action;

		if (!looks_at_workers(a) || p->plan->actions[i].hook != IOP_HOOK_SOCKET)
			continue;
		p->plan->rows = true;
		if (!of_datagrams(p->policy, a)) /* connections are counted another way */
			continue;
		p->plan->counting = true;
		if (h->used)
			continue;
		h->used = true;
		h->at = a->selector.at;
		h->n_targets = IOP_COUNT_TARGETS;
	}
}

static bool uses_hooks(const struct plan *plan)
{
	bool any = false;

	for (int h = 0; h < IOP_HOOKS; h++)
		any |= plan->hooks[h].used;
	return any;
}

const struct plan *plan_make(struct arena *a, const struct policy *policy, unsigned kernel,
			     struct diags *diags)
{
	static const struct {
		const char *program, *counts;
		enum iop_map_role role;
	} hooks[IOP_HOOKS] = {
		[IOP_HOOK_SOCKET] = { "iop_socket", "iop_count_socket", IOP_MAP_COUNT_SOCKET },
		[IOP_HOOK_CONNECTIONS] = { .program = "iop_connections" },
		[IOP_HOOK_LOOKUP] = { .program = "iop_lookup" },
		[IOP_HOOK_TX] = { "iop_tx", "iop_count_tx", IOP_MAP_COUNT_TX },
		[IOP_HOOK_STACK] = { .program = "iop_stack" },
		[IOP_HOOK_RX] = { "iop_rx", "iop_count_rx", IOP_MAP_COUNT_RX },
	};
	struct plan *plan = arena_new_of(a, struct plan);
	struct planning p = { .arena = a, .policy = policy, .plan = plan };

	plan->policy = policy;
	plan->actions = arena_alloc(a, (policy->n_actions + 1) * sizeof(*plan->actions));
	for (int h = 0; h < IOP_HOOKS; h++) {
		plan_chains(&p, h);
		if (h == IOP_HOOK_TX)
			plan_counting(&p);
		plan->hooks[h].program = hooks[h].program;
		if (plan->hooks[h].used && hooks[h].counts)
			plan->hooks[h].counts =
				add_map(&p, hooks[h].counts, hooks[h].role, BPF_MAP_TYPE_PERCPU_ARRAY, 4,
					8 * plan->hooks[h].n_targets, policy->n_classes);
	}
	for (uint32_t i = 0; i < policy->n_workloads; i++)
		plan->rows |= plan_told_by_worker(policy->workloads[i]);
	for (uint32_t i = 0; i < policy->n_actions; i++)
		if (plan->actions[i].action)
			plan_state(&p, &plan->actions[i]);
	plan_sets(a, plan, diags);
	for (uint32_t i = 0; i < policy->n_sets; i++)
		if (plan->sets[i].map)
			*vec_push(a, &p.maps) = plan->sets[i].map;
	plan_weights(&p);
	plan_families(&p);
	plan_reads(a, plan);
	library_maps(&p);
	plan->maps = p.maps.v;
	plan->n_maps = (uint32_t)p.maps.n;
	if (!uses_hooks(plan)) {
		struct diag *d = diag_error(diags, policy->at, "this policy does nothing");

		diag_help(d, "give a workload a `stage rx { … }` or a `stage socket { … }`");
	}
	plan_bounds(plan, diags);
	plan_unused(plan, diags);
	plan_features(a, plan, kernel, diags);
	return diags_errors(diags) ? NULL : plan;
}
