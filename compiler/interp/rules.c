/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stage's rules, action by action, and what selectors may choose.
 */
#include "interp/model.h"

#include "abi/hash.h"
#include "abi/stack.h"

void targets_add(struct targets *t, uint32_t number)
{
	if (number < TARGETS_MAX)
		t->bits[number / 64] |= (uint64_t)1 << (number % 64);
}

bool targets_has(const struct targets *t, uint32_t number)
{
	return t->any || (number < TARGETS_MAX && t->bits[number / 64] >> (number % 64) & 1);
}

uint32_t targets_count(const struct targets *t)
{
	uint32_t n = 0;

	if (t->any)
		return UINT32_MAX;
	for (uint32_t i = 0; i < TARGETS_MAX; i++)
		n += targets_has(t, i);
	return n;
}

/* --- what there is to choose from --- */

/* A list of cores, or of workers. */
struct choices {
	uint32_t n;
	const uint16_t *cores;         /* or */
	const struct worker_set *set;
	uint32_t n_workers;            /* there are */
	const struct targets *present; /* of cores; NULL: all are */
};

static uint32_t set_size(const struct worker_set *s, uint32_t n_workers)
{
	switch (s->kind) {
	case WORKERS_LIST: return s->n;
	case WORKERS_LAST: return s->n < n_workers ? s->n : n_workers;
	case WORKERS_ALL_BUT_LAST: return s->n < n_workers ? n_workers - s->n : n_workers;
	default: return n_workers;
	}
}

static uint32_t set_at(const struct worker_set *s, uint32_t n_workers, uint32_t i)
{
	if (s->kind == WORKERS_LAST)
		return n_workers - set_size(s, n_workers) + i;
	if (s->kind != WORKERS_LIST)
		return i;
	for (uint32_t k = 0; k < s->n_ranges; k++) {
		uint64_t in_range = s->ranges[k].hi - s->ranges[k].lo + 1;

		if (i < in_range)
			return (uint32_t)s->ranges[k].lo + i;
		i -= (uint32_t)in_range;
	}
	return UINT32_MAX;
}

/* Number `i` of the choices, and whether it is there. */
static bool choice(const struct choices *c, uint32_t i, uint32_t *number)
{
	if (c->cores) {
		*number = c->cores[i];
		return !c->present || targets_has(c->present, *number);
	}
	*number = set_at(c->set, c->n_workers, i);
	return *number < c->n_workers;
}

static void choose(const struct selector *s, const struct choices *c, const struct facts *facts,
		   enum verdict verdict, struct outcome *out)
{
	uint32_t from = 0, to = c->n, number;
	bool any_there = false;

	if (s->kind == SELECTOR_HASH && c->n) {
		struct key k = { .n = 0 };

		if (s->flow)
			key_add_flow(&k, facts->packet);
		for (uint32_t i = 0; i < s->n_keys; i++)
			key_add_field(&k, &s->keys[i], facts);
		from = iop_hash_scale(key_hash(&k), c->n);
		to = from + 1;
	}
	for (uint32_t i = from; i < to; i++) {
		if (choice(c, i, &number)) {
			targets_add(&out->targets, number);
			any_there = true;
		} else {
			out->may_pass = true;
		}
	}
	if (any_there) {
		out->verdict = verdict;
		out->counts[IOP_COUNT_STEERED]++;
	} else {
		out->verdict = VERDICT_PASS;
		out->may_pass = false;
		out->counts[IOP_COUNT_FALLBACK]++;
	}
}

/* Which of the stage's cores are in use depends on what they have met: any may come out. */
static void steer_to_stack(const struct action *a, const struct choices *pool,
			   const struct facts *facts, struct outcome *out)
{
	static const struct selector any = { .kind = SELECTOR_ROUND_ROBIN };
	uint16_t cores[IOP_STACK_CORES];
	struct choices c = { .cores = cores, .present = pool->present };

	for (uint32_t i = 0; i < a->stack->most; i++) {
		uint32_t at = iop_stack_place(pool->n, (uint32_t)a->pool->guaranteed,
					      a->stack->before, a->stack->least, a->stack->order, i);

		if (at < pool->n)
			cores[c.n++] = pool->cores[at];
	}
	choose(&any, &c, facts, VERDICT_STEER, out);
}

static void steer(const struct action *a, const struct facts *facts, struct outcome *out)
{
	struct choices c = { .cores = a->pool->cores,
			     .n = a->pool->n_cores,
			     .present = facts->env->cores };

	if (!a->pool->fixed) {
		const struct interp_pool *known = facts->env->pools;

		if (!known || !known[a->pool->id].cores) {
			out->verdict = VERDICT_STEER;
			out->targets.any = true;
			out->counts[IOP_COUNT_STEERED]++;
			return;
		}
		c.cores = known[a->pool->id].cores;
		c.n = known[a->pool->id].n;
	}
	if (a->stack)
		steer_to_stack(a, &c, facts, out);
	else
		choose(&a->selector, &c, facts, VERDICT_STEER, out);
}

/* Each worker of the set that there is. */
static void give_least(const struct workload *w, const struct action *a, const struct choices *c,
		       const struct facts *facts, struct outcome *out)
{
	uint32_t numbers[TARGETS_MAX], n = 0, number;
	enum least found;

	for (uint32_t i = 0; i < c->n && n < TARGETS_MAX; i++)
		if (choice(c, i, &number))
			numbers[n++] = number;
	found = least_choose(w, &a->selector, facts->env->states[w->id], numbers, n, &out->targets);
	out->verdict = found == LEAST_NONE ? VERDICT_PASS : VERDICT_WORKER;
	out->counts[found == LEAST_NONE ? IOP_COUNT_FALLBACK : IOP_COUNT_STEERED]++;
	out->counts[IOP_COUNT_STUCK] += found == LEAST_STUCK;
}

/* A choice that looks at each of them; there is none in a list of one. */
static bool looks(const struct action *a)
{
	return a->kind == ACTION_WORKERS &&
	       (a->selector.kind == SELECTOR_LEAST_LOADED || a->selector.kind == SELECTOR_MIN) &&
	       (a->workers.kind != WORKERS_LIST || a->workers.n > 1);
}

static void give(const struct workload *w, const struct action *a, const struct facts *facts,
		 struct outcome *out)
{
	static const struct selector in_turn = { .kind = SELECTOR_ROUND_ROBIN };
	struct choices c = { .set = &a->workers,
			     .n_workers = facts->env->workers ? facts->env->workers[w->id] : 0 };

	/* `worker N` names the only one of its list. */
	c.n = set_size(&a->workers, c.n_workers);
	if (looks(a) && facts->env->states && facts->env->states[w->id]) {
		give_least(w, a, &c, facts, out);
		return;
	}
	choose(a->kind == ACTION_WORKERS ? &a->selector : &in_turn, &c, facts, VERDICT_WORKER, out);
}

/* --- actions --- */

/* Does the stage end with it? */
static bool run_action(const struct workload *w, const struct class *c, const struct action *a,
		       const struct facts *facts, struct outcome *out, unsigned *unsure)
{
	out->by = a;
	switch (a->kind) {
	case ACTION_COUNT: out->counts[IOP_COUNT_COUNTED]++; return false;
	case ACTION_LIMIT:
		if (limit_conforms(a, facts, unsure))
			return false;
		if (a->otherwise) {
			out->counts[IOP_COUNT_OVER]++;
			return run_action(w, c, a->otherwise, facts, out, unsure);
		}
		out->counts[IOP_COUNT_LIMITED]++;
		out->verdict = VERDICT_DROP;
		return true;
	case ACTION_DROP:
		out->counts[IOP_COUNT_DROPPED]++;
		out->verdict = VERDICT_DROP;
		return true;
	case ACTION_MARK:
		out->marked = true;
		out->mark = a->mark;
		return false;
	case ACTION_ORDER:
		out->ordered = true;
		out->band = c->band;
		return false;
	case ACTION_PACE: pace(a, facts, out, unsure); return false;
	case ACTION_STEER: steer(a, facts, out); return true;
	case ACTION_WORKER:
	case ACTION_WORKERS: give(w, a, facts, out); return true;
	default:
		out->counts[IOP_COUNT_PASSED]++;
		out->verdict = VERDICT_PASS;
		return true;
	}
}

void rules_run(const struct workload *w, const struct class *c, enum lang_stage stage,
	       const struct facts *facts, struct outcome *out, unsigned *unsure)
{
	const struct stage *s = w->stages[stage];

	if (!s)
		return;
	out->counts[IOP_COUNT_SEEN]++;
	for (uint32_t i = 0; i < s->n_rules; i++) {
		const struct rule *r = &s->rules[i];

		if (!(r->classes >> c->id & 1))
			continue;
		for (uint32_t k = 0; k < r->n_actions; k++) {
			if (run_action(w, c, r->actions[k], facts, out, unsure))
				return;
		}
	}
	out->by = NULL;
	out->verdict = VERDICT_PASS;
	out->counts[IOP_COUNT_PASSED]++;
}
