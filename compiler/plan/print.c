/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan as tables for people: what runs at which hook, what each class meets
 * there, the maps, the counters, and what all of it needs of the kernel.
 */
#include <inttypes.h>
#include <linux/bpf.h>

#include "plan/plan.h"

static const char *const hook_names[IOP_HOOKS] = {
	[IOP_HOOK_SOCKET] = "socket",
	[IOP_HOOK_CONNECTIONS] = "connections",
	[IOP_HOOK_LOOKUP] = "lookup",
	[IOP_HOOK_TX] = "tx",
	[IOP_HOOK_STACK] = "stack",
	[IOP_HOOK_RX] = "rx",
};

/* The order of the path. */
static const enum iop_hook path[] = { IOP_HOOK_RX, IOP_HOOK_STACK, IOP_HOOK_LOOKUP,
				     IOP_HOOK_SOCKET, IOP_HOOK_CONNECTIONS,
				     IOP_HOOK_TX };

#define N_PATH (sizeof(path) / sizeof(path[0]))

static void print_place(const struct plan *plan, struct span at, FILE *out)
{
	struct position p = source_position(plan->policy->sources, at.begin);

	if (p.source)
		fprintf(out, "%s:%" PRIu32, p.source->name, p.line);
}

static void print_hooks(const struct plan *plan, FILE *out)
{
	fprintf(out, "  %-8s %-12s %-14s %s\n", "stage", "program", "kernel hook", "from");
	for (size_t i = 0; i < N_PATH; i++) {
		const struct plan_hook *h = &plan->hooks[path[i]];

		if (!h->used)
			continue;
		fprintf(out, "  %-8s %-12s %-14s ", hook_names[path[i]], h->program,
			path[i] == IOP_HOOK_LOOKUP        ? "sk_lookup"
			: path[i] == IOP_HOOK_CONNECTIONS ? "tracepoint"
							  : lang_stages.rows[plan_stage(path[i])].form);
		print_place(plan, h->at, out);
		fputc('\n', out);
	}
}

/* --- classes --- */

static void print_chain(const struct plan *plan, enum iop_hook hook, uint32_t class, FILE *out)
{
	const struct plan_chain *c = &plan->hooks[hook].chains[class];
	const char *name = hook_names[hook];
	bool ended = false;

	for (uint32_t i = 0; i < c->n; i++, name = "") {
		const struct action *a = c->actions[i];

		fprintf(out, "    %-8s ", name);
		action_print(a, out);
		if (a->kind == ACTION_LIMIT && !a->otherwise)
			fputs(" else drop", out);
		ended = lang_actions.rows[a->kind].ends;
		fputs(ended ? "\n" : ", then\n", out);
	}
	if (!ended)
		fprintf(out, "    %-8s %s\n", name, c->n ? "pass" : "pass (no rule)");
}

static void print_workload(const struct plan *plan, const struct workload *w, FILE *out)
{
	bool rest = false;

	fprintf(out, "\nworkload %s, ", w->name);
	for (uint32_t i = 0; i < w->n_matches; i++) {
		fputs(i ? "; " : "", out);
		match_print(&w->matches[i], out);
	}
	fputc('\n', out);
	if (w->stack) {
		fprintf(out, "  stack    cores %" PRIu32 "..%" PRIu32 " of %s, queue %" PRIu32 ", target %" PRIu64
			"us\n", w->stack->least, w->stack->most, w->stack->pool->name, w->stack->queue,
			w->stack->target / 1000);
	}
	for (uint32_t i = 0; i < w->n_classes; i++) {
		const struct class *c = &w->classes[i];

		fprintf(out, "  class %s, number %" PRIu32 ", ", c->name, c->gid);
		print_place(plan, c->at, out);
		fputc('\n', out);
		rest |= !c->when;
		for (size_t k = 0; k < N_PATH; k++)
			if (plan_at_hook(w, path[k]) && path[k] != IOP_HOOK_STACK &&
			    path[k] != IOP_HOOK_LOOKUP && path[k] != IOP_HOOK_CONNECTIONS)
				print_chain(plan, path[k], c->gid, out);
	}
	if (!rest)
		fputs("  of no class\n    pass\n", out);
}

/* --- maps --- */

static const char *map_type(uint32_t type)
{
	switch (type) {
	case BPF_MAP_TYPE_ARRAY: return "array";
	case BPF_MAP_TYPE_PERCPU_ARRAY: return "percpu_array";
	case BPF_MAP_TYPE_LRU_HASH: return "lru_hash";
	case BPF_MAP_TYPE_CPUMAP: return "cpumap";
	case BPF_MAP_TYPE_HASH: return "hash";
	case BPF_MAP_TYPE_LPM_TRIE: return "lpm_trie";
	case BPF_MAP_TYPE_SOCKMAP: return "sockmap";
	case BPF_MAP_TYPE_SK_STORAGE: return "sk_storage";
	case BPF_MAP_TYPE_REUSEPORT_SOCKARRAY: return "reuseport_sockarray";
	default: return "?";
	}
}

static const char *key_of(const struct plan_map *m)
{
	static const char *const limits[] = {
		[PLAN_KEY_NONE] = "-",    [PLAN_KEY_NUMBER] = "number", [PLAN_KEY_ADDR] = "address",
		[PLAN_KEY_FLOW] = "flow", [PLAN_KEY_BYTES] = "bytes",
	};

	switch (m->role) {
	case IOP_MAP_COUNT_TX:
	case IOP_MAP_COUNT_RX:
	case IOP_MAP_COUNT_SOCKET: return "class";
	case IOP_MAP_PATH: return "stage";
	case IOP_MAP_CPUS:
	case IOP_MAP_STACK_CORES: return "core";
	case IOP_MAP_STACKS:
	case IOP_MAP_COUNT_STACK: return "stack stage";
	case IOP_MAP_STACK_HOMES: return "cores in use";
	case IOP_MAP_STACK_ROWS: return "stage, queue";
	case IOP_MAP_WORKERS:
	case IOP_MAP_SIGNAL:
	case IOP_MAP_WORKER_ROWS: return "worker";
	case IOP_MAP_WORKER_OF: return "cookie";
	case IOP_MAP_LOOKUP_BOUND: return "address, port";
	case IOP_MAP_LOOKUP_GROUPS: return "workload";
	case IOP_MAP_LOOKUP_SOCKETS: return "slot";
	case IOP_MAP_CONNECTION_OF: return "socket";
	case IOP_MAP_NEAR_CORE:
	case IOP_MAP_NEAR_WORKER: return "this core";
	case IOP_MAP_SET: return "entry";
	case IOP_MAP_LIMIT: return limits[m->key];
	default: return "-";
	}
}

static const char *value_of(const struct plan_map *m)
{
	static const char *const values[IOP_MAP_ROLES] = {
		[IOP_MAP_COUNT_TX] = "counters",
		[IOP_MAP_COUNT_RX] = "counters",  [IOP_MAP_COUNT_SOCKET] = "counters",
		[IOP_MAP_PATH] = "counters",      [IOP_MAP_CPUS] = "queue",
		[IOP_MAP_WORKERS] = "socket",     [IOP_MAP_GROUP] = "iop_group",
		[IOP_MAP_NEAR_CORE] = "core",     [IOP_MAP_NEAR_WORKER] = "worker",
		[IOP_MAP_LIMIT] = "next free at", [IOP_MAP_WORKER_ROWS] = "iop_worker_row",
		[IOP_MAP_WORKER_OF] = "worker",   [IOP_MAP_SIGNAL] = "signal",
		[IOP_MAP_STACKS] = "iop_stack",
		[IOP_MAP_STACK_HOMES] = "homes of flows",
		[IOP_MAP_STACK_ROWS] = "iop_stack_row", [IOP_MAP_STACK_CORES] = "iop_stack_core",
		[IOP_MAP_COUNT_STACK] = "counters",
		[IOP_MAP_LOOKUP_GROUPS] = "iop_lookup_group",
		[IOP_MAP_LOOKUP_SOCKETS] = "socket",
		[IOP_MAP_CONNECTION_OF] = "iop_connection",
	};

	return values[m->role] ? values[m->role] : "-";
}

/* Whose map it is, or how many entries the loader gives it. */
static void print_map_note(const struct plan *plan, const struct plan_map *m, FILE *out)
{
	if (m->action || m->signal) {
		fputs("  ", out);
		print_place(plan, m->action ? m->action->at : m->signal->at, out);
	}
	if (m->role == IOP_MAP_CPUS || m->role == IOP_MAP_STACK_CORES ||
	    m->role == IOP_MAP_NEAR_CORE ||
	    m->role == IOP_MAP_NEAR_WORKER)
		fputs("  an entry a core of the machine, made at load", out);
	if (m->role == IOP_MAP_STACKS || m->role == IOP_MAP_COUNT_STACK)
		fputs("  an entry a stack stage, made at load", out);
	if (m->role == IOP_MAP_STACK_HOMES)
		fputs("  an entry a number of cores, made at load", out);
	if (m->role == IOP_MAP_STACK_ROWS)
		fputs("  an entry a stack stage and receive queue, made at load", out);
	if (m->role == IOP_MAP_WORKER_ROWS || m->role == IOP_MAP_WORKER_OF || m->role == IOP_MAP_SIGNAL)
		fputs("  an entry a worker of any group, made at load", out);
}

static void print_maps(const struct plan *plan, FILE *out)
{
	fprintf(out, "\nmaps\n  %-18s %-20s %-18s %-20s %-8s %s\n", "name", "type", "key", "value",
		"entries", "one per");
	for (uint32_t i = 0; i < plan->n_maps; i++) {
		const struct plan_map *m = plan->maps[i];
		char key[32], value[32];

		snprintf(key, sizeof(key), "%s (%" PRIu32 ")", key_of(m), m->key_size);
		snprintf(value, sizeof(value), "%s (%" PRIu32 ")", value_of(m), m->value_size);
		fprintf(out, "  %-18s %-20s %-18s %-20s %-8" PRIu32 " %s", m->name,
			map_type(m->type), key, value, m->max_entries,
			m->scope == IOP_SCOPE_POLICY ? "policy" : "socket group");
		print_map_note(plan, m, out);
		fputc('\n', out);
	}
	if (plan->n_turns)
		fprintf(out, "  variable iop_turns, of %" PRIu32 " round_robin\n", plan->n_turns);
	if (plan->n_buckets)
		fprintf(out, "  variable iop_buckets, of %" PRIu32 " limit without a key\n",
			plan->n_buckets);
	for (uint32_t i = 0; i < plan->policy->n_pools; i++)
		if (plan->policy->pools[i]->steered && !plan->policy->pools[i]->fixed)
			fprintf(out, "  variable iop_pool_%s, set at load\n",
				plan->policy->pools[i]->name);
	for (uint32_t i = 0; i < plan->policy->n_workloads; i++)
		if (plan->policy->workloads[i]->stack)
			fprintf(out, "  variable iop_stack_%s, set at load\n",
				plan->policy->workloads[i]->name);
	for (uint32_t i = 0; i < plan->policy->n_params; i++)
		if (plan->reads_param[i])
			fprintf(out, "  variable iop_param_%s, set at load%s\n",
				plan->policy->params[i]->name,
				plan->policy->params[i]->live ? " and while it runs" : "");
}

/* --- counters --- */

static void print_targets(const struct plan *plan, const struct action *a, FILE *out)
{
	for (; a; a = a->otherwise) {
		const struct plan_action *pa = &plan->actions[a->id];

		if (pa->n_targets == 0)
			continue;
		fprintf(out, "  %" PRIu32, pa->first_target);
		if (pa->n_targets > 1)
			fprintf(out, "-%" PRIu32, pa->first_target + pa->n_targets - 1);
		if (a->stack)
			fprintf(out, " cores of the stack stage, of %s", a->pool->name);
		else if (a->pool)
			fprintf(out, " cores of %s", a->pool->name);
		else
			fputs(" workers by number", out);
	}
}

static void print_counters(const struct plan *plan, FILE *out)
{
	static const char *const names[] = {
#define NAME(id, name, doc) name,
		IOP_COUNTERS(NAME)
#undef NAME
	};

	fputs("\ncounters of a class:", out);
	for (unsigned i = 0; i < IOP_COUNT_TARGETS; i++)
		fprintf(out, " %u %s", i, names[i]);
	fputc('\n', out);
	for (size_t i = 0; i < N_PATH; i++) {
		const struct plan_hook *h = &plan->hooks[path[i]];

		for (uint32_t w = 0; h->used && h->counts && w < plan->policy->n_workloads; w++) {
			const struct workload *wl = plan->policy->workloads[w];

			for (uint32_t c = 0; wl->stages[plan_stage(path[i])] && c < wl->n_classes;
			     c++) {
				const struct plan_chain *chain = &h->chains[wl->classes[c].gid];

				fprintf(out, "  %s %s.%s:", hook_names[path[i]], wl->name,
					wl->classes[c].name);
				for (uint32_t k = 0; k < chain->n; k++)
					print_targets(plan, chain->actions[k], out);
				fputs("\n", out);
			}
		}
	}
}

static void print_features(const struct plan *plan, FILE *out)
{
	fputs("\nneeds of the kernel\n", out);
	for (uint32_t i = 0; i < plan->n_features; i++) {
		const struct plan_feature *f = &plan->features[i];
		const struct lang_row *row = &lang_features.rows[f->feature];
		char since[16];

		snprintf(since, sizeof(since), "%u.%u", row->number >> 16, row->number & 0xffff);
		fprintf(out, "  Linux %-5s %s, ", since, row->word);
		print_place(plan, f->at, out);
		fprintf(out, ": %s\n", f->why);
	}
}

void plan_print(const struct plan *plan, FILE *out)
{
	fprintf(out, "policy %s\n", plan->policy->name);
	print_hooks(plan, out);
	for (uint32_t i = 0; i < plan->policy->n_workloads; i++)
		print_workload(plan, plan->policy->workloads[i], out);
	print_maps(plan, out);
	print_counters(plan, out);
	print_features(plan, out);
}
