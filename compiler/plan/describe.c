/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan as the description that the object carries (abi/object.h): all that
 * the runtime must know beside programs and maps. Rows stand in the order of the
 * policy, so that the same source gives the same bytes.
 */
#include <string.h>

#include "base/arena.h"
#include "plan/plan.h"
#include "plan/section.h"

struct description {
	struct arena *arena;
	const struct plan *plan;
	struct section *section;
	/* By action id: the ranges of its workers, which several rows name. */
	uint32_t *first_range;
	bool *has_ranges;
	bool variables; /* of .rodata: something is left for the loader to write */
	bool live;      /* there are variables of live params */
};

static struct iop_desc_place place_of(struct description *d, struct span at)
{
	struct position p = source_position(d->plan->policy->sources, at.begin);

	if (!p.source)
		return (struct iop_desc_place){ 0 };
	return (struct iop_desc_place){ .file = section_string(d->section, p.source->name),
					.line = p.line,
					.column = p.column };
}

/* --- pools and params --- */

static void pools(struct description *d)
{
	static const enum iop_pool_term_kind kinds[POOL_TERM_COUNT] = {
		[POOL_TERM_CORES] = IOP_TERM_CORES,   [POOL_TERM_NUMA] = IOP_TERM_NUMA,
		[POOL_TERM_LLC] = IOP_TERM_LLC,       [POOL_TERM_SMT] = IOP_TERM_SMT_OFF,
		[POOL_TERM_EXCEPT] = IOP_TERM_EXCEPT,
	};
	const struct policy *policy = d->plan->policy;

	for (uint32_t i = 0; i < policy->n_pools; i++) {
		const struct pool *p = policy->pools[i];
		struct iop_desc_pool row = {
			.name = section_string(d->section, p->name),
			.place = place_of(d, p->at),
			.first_term = section_count(d->section, IOP_TABLE_TERMS),
			.n_terms = p->n_terms,
			.steered = p->steered,
		};

		for (uint32_t k = 0; k < p->n_terms; k++) {
			struct iop_desc_term term = { .kind = kinds[p->terms[k].kind],
						      .lo = p->terms[k].lo,
						      .hi = p->terms[k].hi,
						      .place = place_of(d, p->terms[k].at) };

			section_add(d->section, IOP_TABLE_TERMS, &term, 1);
		}
		if (p->steered && !p->fixed) {
			row.variable = section_string(
				d->section, arena_printf(d->arena, "iop_pool_%s", p->name));
			d->variables = true;
		}
		section_add(d->section, IOP_TABLE_POOLS, &row, 1);
	}
}

static void params(struct description *d)
{
	const struct policy *policy = d->plan->policy;

	for (uint32_t i = 0; i < policy->n_params; i++) {
		const struct param *p = policy->params[i];
		struct iop_desc_param row = {
			.name = section_string(d->section, p->name),
			.place = place_of(d, p->at),
			.type = plan_param_type(p),
			.value = p->value,
			.min = p->min,
			.max = p->max,
			.live = p->live,
		};

		if (d->plan->reads_param[i]) {
			row.variable = section_string(
				d->section, arena_printf(d->arena, "iop_param_%s", p->name));
			*(p->live ? &d->live : &d->variables) = true;
		}
		section_add(d->section, IOP_TABLE_PARAMS, &row, 1);
	}
}

/* --- workloads --- */

static uint32_t ranges(struct description *d, const struct range *r, uint32_t n)
{
	uint32_t first = section_count(d->section, IOP_TABLE_RANGES);

	for (uint32_t i = 0; i < n; i++) {
		struct iop_desc_range row = { (uint32_t)r[i].lo, (uint32_t)r[i].hi };

		section_add(d->section, IOP_TABLE_RANGES, &row, 1);
	}
	return first;
}

static uint32_t prefixes(struct description *d, const struct prefix *p, uint32_t n)
{
	uint32_t first = section_count(d->section, IOP_TABLE_PREFIXES);

	for (uint32_t i = 0; i < n; i++) {
		struct iop_desc_prefix row = { .family = p[i].family, .length = p[i].len };

		memcpy(row.address, p[i].addr, p[i].family == 4 ? 4 : 16);
		section_add(d->section, IOP_TABLE_PREFIXES, &row, 1);
	}
	return first;
}

static void match(struct description *d, const struct match *m)
{
	struct iop_desc_match row = {
		.place = place_of(d, m->at),
		.protocol = m->proto,
		.first_port = ranges(d, m->ports, m->n_ports),
		.n_ports = m->n_ports,
		.first_to = prefixes(d, m->to, m->n_to),
		.n_to = m->n_to,
		.first_from = prefixes(d, m->from, m->n_from),
		.n_from = m->n_from,
	};

	section_add(d->section, IOP_TABLE_MATCHES, &row, 1);
}

static uint32_t hooks_of(const struct workload *w)
{
	uint32_t set = 0;

	for (int h = 0; h < IOP_HOOKS; h++)
		set |= (uint32_t)plan_at_hook(w, h) << h;
	return set;
}

static void workloads(struct description *d)
{
	static const enum iop_owner_kind kinds[OWNER_COUNT] = {
		[OWNER_CGROUP] = IOP_OWNER_CGROUP,
		[OWNER_COMM] = IOP_OWNER_COMM,
		[OWNER_EXE] = IOP_OWNER_EXE,
	};
	const struct policy *policy = d->plan->policy;

	for (uint32_t i = 0; i < policy->n_workloads; i++) {
		const struct workload *w = policy->workloads[i];
		struct iop_desc_workload row = {
			.name = section_string(d->section, w->name),
			.place = place_of(d, w->at),
			.first_class = section_count(d->section, IOP_TABLE_CLASSES),
			.n_classes = w->n_classes,
			.first_match = section_count(d->section, IOP_TABLE_MATCHES),
			.n_matches = w->n_matches,
			.first_owner = section_count(d->section, IOP_TABLE_OWNERS),
			.n_owners = w->n_owners,
			.rank = w->rank,
			.hooks = hooks_of(w),
		};

		for (uint32_t k = 0; k < w->n_classes; k++) {
			const struct class *c = &w->classes[k];
			struct iop_desc_class class = { .name = section_string(d->section, c->name),
							.place = place_of(d, c->at),
							.workload = i,
							.rank = c->rank };

			section_add(d->section, IOP_TABLE_CLASSES, &class, 1);
		}
		for (uint32_t k = 0; k < w->n_matches; k++)
			match(d, &w->matches[k]);
		for (uint32_t k = 0; k < w->n_owners; k++) {
			const struct owner *o = &w->owners[k];
			struct iop_desc_owner owner = { .kind = kinds[o->kind],
							.text = section_string(d->section, o->text),
							.place = place_of(d, o->at) };

			section_add(d->section, IOP_TABLE_OWNERS, &owner, 1);
		}
		section_add(d->section, IOP_TABLE_WORKLOADS, &row, 1);
	}
}

/* --- stages, maps, targets --- */

static const enum iop_workers_kind worker_kinds[] = {
	[WORKERS_LIST] = IOP_WORKERS_LIST,
	[WORKERS_ALL] = IOP_WORKERS_ALL,
	[WORKERS_LAST] = IOP_WORKERS_LAST,
	[WORKERS_ALL_BUT_LAST] = IOP_WORKERS_ALL_BUT_LAST,
};

/* The rows of the ranges of an action's workers; added once. */
static uint32_t worker_ranges(struct description *d, const struct action *a)
{
	if (!d->has_ranges[a->id]) {
		d->has_ranges[a->id] = true;
		d->first_range[a->id] = ranges(d, a->workers.ranges, a->workers.n_ranges);
	}
	return d->first_range[a->id];
}

static bool picks_worker(const struct action *a)
{
	return a->kind == ACTION_WORKER || a->kind == ACTION_WORKERS;
}

static void stacks(struct description *d)
{
	const struct policy *policy = d->plan->policy;

	for (uint32_t i = 0; i < policy->n_workloads; i++) {
		const struct workload *w = policy->workloads[i];
		const struct stack *st = w->stack;
		struct iop_desc_stack row = { .workload = i };

		if (!st)
			continue;
		row.place = place_of(d, st->at);
		row.pool = st->pool->id;
		row.least = st->least;
		row.most = st->most;
		row.queue = st->queue;
		row.before = st->before;
		row.guaranteed = (uint32_t)st->pool->guaranteed;
		row.order = st->order;
		row.target = st->target;
		row.variable =
			section_string(d->section, arena_printf(d->arena, "iop_stack_%s", w->name));
		d->variables = true;
		section_add(d->section, IOP_TABLE_STACKS, &row, 1);
	}
}

static bool paces(const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->policy->n_actions; i++)
		if (plan->actions[i].action && plan->actions[i].action->kind == ACTION_PACE)
			return true;
	return false;
}

_Static_assert(POLICY_MAX_BANDS == IOP_BANDS, "as many bands as the language tells apart");

static void stages(struct description *d)
{
	/* From the application to the wire: the order of attachment. */
	static const enum iop_hook order[] = { IOP_HOOK_SOCKET, IOP_HOOK_CONNECTIONS, IOP_HOOK_LOOKUP, IOP_HOOK_TX, IOP_HOOK_STACK,
					       IOP_HOOK_RX };

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		const struct plan_hook *h = &d->plan->hooks[order[i]];
		struct iop_desc_stage row = { .hook = order[i] };

		if (!h->used)
			continue;
		row.program = section_string(d->section, h->program);
		row.place = place_of(d, h->at);
		if (order[i] == IOP_HOOK_TX) {
			row.bands = d->plan->policy->n_bands;
			row.paces = paces(d->plan);
		}
		section_add(d->section, IOP_TABLE_STAGES, &row, 1);
	}
}

static void map(struct description *d, const struct plan_map *m)
{
	const struct action *a = m->action;
	struct iop_desc_map row = {
		.name = section_string(d->section, m->name),
		.role = m->role,
		.scope = m->scope,
		.pool = IOP_NONE,
	};

	if (m->set) {
		const struct plan_set *s = &d->plan->sets[m->set->id];

		row.first_prefix = prefixes(d, s->prefixes, s->n);
		row.n_prefixes = s->n;
		row.place = place_of(d, m->set->at);
	}
	if (a && m->role == IOP_MAP_NEAR_CORE)
		row.pool = a->pool->id;
	if (a && m->role == IOP_MAP_NEAR_WORKER) {
		row.workers_kind = worker_kinds[a->workers.kind];
		row.workers_n = a->workers.n;
		row.first_range = worker_ranges(d, a);
		row.n_ranges = a->workers.n_ranges;
	}
	if (a)
		row.place = place_of(d, a->at);
	if (m->signal) {
		row.place = place_of(d, m->signal->at);
		row.workers_n = m->signal->width;
	}
	section_add(d->section, IOP_TABLE_MAPS, &row, 1);
}

static void maps(struct description *d)
{
	for (uint32_t i = 0; i < d->plan->n_maps; i++)
		map(d, d->plan->maps[i]);
	if (d->plan->n_turns)
		map(d, &(struct plan_map){
			       .name = ".bss", .role = IOP_MAP_TURNS, .scope = IOP_SCOPE_POLICY });
	if (d->variables)
		map(d, &(struct plan_map){ .name = ".rodata",
					   .role = IOP_MAP_RODATA,
					   .scope = IOP_SCOPE_POLICY });
	if (d->live)
		map(d, &(struct plan_map){ .name = PLAN_LIVE_SECTION,
					   .role = IOP_MAP_LIVE,
					   .scope = IOP_SCOPE_POLICY });
}

static void target(struct description *d, uint32_t class, enum iop_hook hook,
		   const struct action *a)
{
	for (; a; a = a->otherwise) {
		const struct plan_action *pa = &d->plan->actions[a->id];
		struct iop_desc_target row = { .class = class,
					       .hook = hook,
					       .first = pa->first_target,
					       .n = pa->n_targets,
					       .pool = a->pool ? a->pool->id : IOP_NONE,
					       .stack = a->stack ? a->stack->id : IOP_NONE,
					       .place = place_of(d, a->at) };

		if (pa->n_targets == 0)
			continue;
		if (picks_worker(a)) {
			row.workers_kind = worker_kinds[a->workers.kind];
			row.workers_n = a->workers.n;
			row.first_range = worker_ranges(d, a);
			row.n_ranges = a->workers.n_ranges;
		}
		section_add(d->section, IOP_TABLE_TARGETS, &row, 1);
	}
}

static void targets(struct description *d)
{
	for (int h = 0; h < IOP_HOOKS; h++)
		for (uint32_t c = 0; d->plan->hooks[h].used && c < d->plan->policy->n_classes;
		     c++) {
			const struct plan_chain *chain = &d->plan->hooks[h].chains[c];

			for (uint32_t i = 0; i < chain->n; i++)
				target(d, c, h, chain->actions[i]);
		}
}

static void features(struct description *d)
{
	static const enum iop_feature ids[FEATURE_COUNT] = {
		[FEATURE_XDP_LINK] = IOP_FEATURE_XDP_LINK,
		[FEATURE_REUSEPORT] = IOP_FEATURE_REUSEPORT,
		[FEATURE_SOCKARRAY] = IOP_FEATURE_SOCKARRAY,
		[FEATURE_PIDFD_GETFD] = IOP_FEATURE_PIDFD_GETFD,
		[FEATURE_CPUMAP] = IOP_FEATURE_CPUMAP,
		[FEATURE_ATOMICS] = IOP_FEATURE_ATOMICS,
		[FEATURE_LOOPS] = IOP_FEATURE_LOOPS,
		[FEATURE_LRU] = IOP_FEATURE_LRU,
		[FEATURE_TRIE] = IOP_FEATURE_TRIE,
		[FEATURE_EGRESS] = IOP_FEATURE_EGRESS,
		[FEATURE_CPUMAP_PROG] = IOP_FEATURE_CPUMAP_PROG,
		[FEATURE_BANDS] = IOP_FEATURE_BANDS,
		[FEATURE_EDT] = IOP_FEATURE_EDT,
		[FEATURE_SOCKET_QUEUE] = IOP_FEATURE_SOCKET_QUEUE,
		[FEATURE_LOOKUP] = IOP_FEATURE_LOOKUP,
		[FEATURE_CONNECTIONS] = IOP_FEATURE_CONNECTIONS,
	};

	_Static_assert(FEATURE_COUNT + 0 == IOP_FEATURES + 0, "each feature has a number");
	for (uint32_t i = 0; i < d->plan->n_features; i++) {
		const struct plan_feature *f = &d->plan->features[i];
		const struct lang_row *words = &lang_features.rows[f->feature];
		struct iop_desc_feature row = { .feature = ids[f->feature],
						.since = words->number,
						.what = section_string(d->section, words->word),
						.why = section_string(d->section, f->why),
						.place = place_of(d, f->at) };

		section_add(d->section, IOP_TABLE_FEATURES, &row, 1);
	}
}

/* --- tests --- */

static struct iop_desc_step expectation(struct description *d, const struct test_expect *e)
{
	static const enum iop_step_kind kinds[EXPECT_COUNT] = {
		[EXPECT_WORKLOAD] = IOP_EXPECT_WORKLOAD,
		[EXPECT_CLASS] = IOP_EXPECT_CLASS,
		[EXPECT_RX_PASS] = IOP_EXPECT_RX_PASS,
		[EXPECT_RX_DROP] = IOP_EXPECT_RX_DROP,
		[EXPECT_RX_CORE] = IOP_EXPECT_RX_CORE,
		[EXPECT_RX_STEER] = IOP_EXPECT_RX_STEER,
		[EXPECT_SOCKET_PASS] = IOP_EXPECT_SOCKET_PASS,
		[EXPECT_SOCKET_DROP] = IOP_EXPECT_SOCKET_DROP,
		[EXPECT_WORKER] = IOP_EXPECT_SOCKET_WORKERS,
		[EXPECT_WORKERS] = IOP_EXPECT_SOCKET_WORKERS,
		[EXPECT_TX_PASS] = IOP_EXPECT_TX_PASS,
		[EXPECT_TX_DROP] = IOP_EXPECT_TX_DROP,
		[EXPECT_TX_MARK] = IOP_EXPECT_TX_MARK,
		[EXPECT_TX_BAND] = IOP_EXPECT_TX_BAND,
	};
	struct iop_desc_step row = { .kind = kinds[e->kind] };

	switch (e->kind) {
	case EXPECT_WORKLOAD: row.a = e->workload; break;
	case EXPECT_CLASS: row.a = e->class; break;
	case EXPECT_TX_MARK:
	case EXPECT_TX_BAND:
	case EXPECT_RX_CORE: row.a = (uint32_t)e->numbers[0].lo; break;
	case EXPECT_RX_STEER: row.a = e->pool->id; break;
	case EXPECT_WORKER:
	case EXPECT_WORKERS:
		row.first_range = ranges(d, e->numbers, e->n_numbers);
		row.n_ranges = e->n_numbers;
		break;
	default: break;
	}
	return row;
}

static void tests(struct description *d)
{
	const struct policy *policy = d->plan->policy;

	for (uint32_t i = 0; i < policy->n_tests; i++) {
		const struct test *t = &policy->tests[i];
		struct iop_desc_test row = {
			.name = section_string(d->section, t->name),
			.place = place_of(d, t->at),
			.first_step = section_count(d->section, IOP_TABLE_STEPS),
			.n_steps = t->n_steps,
		};

		for (uint32_t k = 0; k < t->n_steps; k++) {
			const struct test_step *s = &t->steps[k];
			struct iop_desc_step step = { .kind = IOP_STEP_PACKET };

			if (!s->is_packet) {
				step = expectation(d, &s->expect);
			} else {
				step.blob =
					section_add(d->section, IOP_TABLE_BLOBS, s->packet, s->len);
				step.n_blob = s->len;
			}
			step.place = place_of(d, s->at);
			section_add(d->section, IOP_TABLE_STEPS, &step, 1);
		}
		section_add(d->section, IOP_TABLE_TESTS, &row, 1);
	}
}

const void *plan_describe(struct arena *a, const struct plan *plan, const char *compiler,
			  uint32_t *size)
{
	const struct policy *policy = plan->policy;
	struct description d = {
		.arena = a,
		.plan = plan,
		.section = section_new(a),
		.first_range = arena_alloc(a, (policy->n_actions + 1) * sizeof(*d.first_range)),
		.has_ranges = arena_alloc(a, policy->n_actions + 1),
	};
	struct iop_desc_header header = {
		.policy = section_string(d.section, policy->name),
		.compiler = section_string(d.section, compiler),
		.flags = policy->require_native_xdp ? IOP_DESC_REQUIRE_NATIVE_XDP : 0,
	};

	memcpy(header.digest, policy->digest, sizeof(header.digest));
	d.variables = plan->counting; /* iop_queue_at */
	pools(&d);
	params(&d);
	workloads(&d);
	stacks(&d);
	stages(&d);
	maps(&d);
	targets(&d);
	features(&d);
	tests(&d);
	return section_finish(d.section, header, size);
}
