/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stack stage: its settings, and what it means for the rules of stage `rx`, which
 * are what sends packets to its cores.
 */
#include "sema/sema.h"

#define DEFAULT_TARGET 100000ULL /* ns */
#define MIN_TARGET 10000ULL      /* a core that sleeps takes as long to wake up */
#define MAX_TARGET 1000000000ULL
#define DEFAULT_QUEUE 2048

static bool once(struct sema *s, struct span *before, struct span at, const char *word)
{
	if (before->end) {
		struct diag *d = diag_error(s->diags, at, "`%s` is given twice", word);

		diag_note(d, *before, "given first here");
		return false;
	}
	*before = at;
	return true;
}

static void cores(struct sema *s, struct workload *w, const struct form *f, struct span at)
{
	struct stack *st = w->stack;
	const struct capture *budget = form_get(f, "BUDGET");
	struct pool *p = sema_find_pool(s, form_get(f, "POOL")->first);
	uint64_t lo, hi, before;

	if (!once(s, &st->cores_at, at, "cores") || !p)
		return;
	before = p->guaranteed;
	if (!sema_budget(s, budget, p, w, &lo, &hi))
		return;
	p->used = true;
	st->pool = p;
	if (lo == 0 || hi > POLICY_MAX_STACK_CORES) {
		diag_error(s->diags, budget->first->at,
			   lo ? "a stack stage has at most %d cores"
			      : "a stack stage has one core at least, so that packets have where to go",
			   POLICY_MAX_STACK_CORES);
		return;
	}
	st->least = (uint32_t)lo;
	st->most = (uint32_t)hi;
	st->before = (uint32_t)before;
	st->order = p->n_stacks++;
}

static void queue(struct sema *s, struct workload *w, const struct form *f, struct span at)
{
	const struct item *i = form_get(f, "NUMBER")->first;
	uint64_t n;

	if (!once(s, &w->stack->queue_at, at, "queue") ||
	    !sema_number(s, i, "a queue", POLICY_MAX_QUEUE, &n))
		return;
	if (n < POLICY_MIN_QUEUE)
		diag_help(diag_error(s->diags, i->at, "a queue has room for %d packets at least",
				     POLICY_MIN_QUEUE),
			  "a device brings as many at once");
	w->stack->queue = (uint32_t)n;
}

static void target(struct sema *s, struct workload *w, const struct form *f, struct span at)
{
	const struct item *i = form_get(f, "DURATION")->first;

	if (!once(s, &w->stack->target_at, at, "target"))
		return;
	if (i->kind != ITEM_LITERAL || i->lo->kind != LIT_DURATION)
		diag_help(diag_error(s->diags, i->at, "expected a duration"), "`target 100us`");
	else if (i->lo->value < MIN_TARGET || i->lo->value > MAX_TARGET)
		diag_error(s->diags, i->at, "a target is from 10us to 1s");
	else
		w->stack->target = i->lo->value;
}

void sema_stack_begin(struct sema *s, struct workload *w, struct span at)
{
	struct stack *st = arena_new_of(s->arena, struct stack);

	*st = (struct stack){
		.at = at, .workload = w->id, .queue = DEFAULT_QUEUE, .target = DEFAULT_TARGET
	};
	w->stack = st;
}

void sema_stack_setting(struct sema *s, struct workload *w, const char *word, const struct form *f,
			struct span at)
{
	static const struct {
		const char *word;
		void (*take)(struct sema *s, struct workload *w, const struct form *f,
			     struct span at);
	} settings[] = { { "cores", cores }, { "queue", queue }, { "target", target } };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i].word, word) == 0)
			settings[i].take(s, w, f, at);
}

/* --- what it means for rx --- */

/* A rule that steers to the stage's pool steers to the cores that the stage has in use. */
static bool join(struct sema *s, struct stack *st, const struct action *a)
{
	bool joined = false;

	for (; a; a = a->otherwise) {
		if (a->kind != ACTION_STEER || a->pool != st->pool)
			continue;
		joined = true;
		((struct action *)a)->stack = st;
		if (a->selector.kind != SELECTOR_LOCAL)
			continue;
		struct diag *d = diag_error(s->diags, a->selector.at,
					    "`local` cannot choose among cores that come and go");

		diag_note(d, st->cores_at, "the cores of this pool follow the backlog");
		diag_help(d, "`by hash(flow)` keeps the flows in order");
	}
	return joined;
}

static uint64_t all_classes(const struct workload *w)
{
	return w->n_classes == 64 ? UINT64_MAX : (1ULL << w->n_classes) - 1;
}

/* Behind all rules stands `all -> steer to POOL by hash(flow);` */
static struct rule last_rule(struct sema *s, const struct workload *w, struct stack *st)
{
	struct action *a = arena_new_of(s->arena, struct action);
	const struct action **list = arena_new_of(s->arena, const struct action *);

	*a = (struct action){ .kind = ACTION_STEER,
			      .at = st->at,
			      .pool = st->pool,
			      .stack = st,
			      .selector = { .kind = SELECTOR_HASH, .at = st->at, .flow = true },
			      .id = s->n_actions++ };
	*list = a;
	return (struct rule){
		.at = st->at, .classes = all_classes(w), .actions = list, .n_actions = 1
	};
}

static bool ends(const struct rule *r)
{
	return r->n_actions && lang_actions.rows[r->actions[r->n_actions - 1]->kind].ends;
}

void sema_stack_end(struct sema *s, struct workload *w)
{
	const struct stage *rx = w->stages[STAGE_RX];
	struct stack *st = w->stack;
	uint64_t ended = 0;
	bool reached = false;
	uint32_t n = rx ? rx->n_rules : 0;
	struct stage *stage;

	if (!st)
		return;
	if (!st->cores_at.end) {
		struct diag *d = diag_error(s->diags, st->at, "which cores shall run the stack?");

		diag_help(d, "`cores 1..3 of POOL;`: one from the start, up to three when packets wait");
	}
	if (!st->most)
		return;
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t k = 0; k < rx->rules[i].n_actions; k++)
			reached |= join(s, st, rx->rules[i].actions[k]);
		if (ends(&rx->rules[i]))
			ended |= rx->rules[i].classes;
	}
	if (rx && ended == all_classes(w) && !reached) {
		struct diag *d = diag_error(s->diags, st->at,
					    "no packet of workload `%s` gets to this stage", w->name);

		diag_note(d, rx->at, "here each class passes, is dropped or goes elsewhere");
	}
	if (!sema_room(s, s->n_stacks, POLICY_MAX_STACKS, st->at, "stack stages in a policy"))
		return;
	st->id = s->n_stacks++;
	if (ended == all_classes(w) ||
	    !sema_room(s, s->n_actions, POLICY_MAX_ACTIONS, st->at, "actions in a policy"))
		return;
	stage = arena_new_of(s->arena, struct stage);
	*stage = (struct stage){ .kind = STAGE_RX, .at = rx ? rx->at : st->at, .n_rules = n + 1 };
	stage->rules = arena_alloc(s->arena, (n + 1) * sizeof(*stage->rules));
	if (n)
		memcpy(stage->rules, rx->rules, n * sizeof(*stage->rules));
	stage->rules[n] = last_rule(s, w, st);
	w->stages[STAGE_RX] = stage;
}

/* --- who else uses the pool --- */

static void steers_past(struct sema *s, const struct workload *w, const struct action *a)
{
	for (; a; a = a->otherwise) {
		if (a->kind != ACTION_STEER || a->stack)
			continue;
		((struct pool *)a->pool)->steered = true;
		if (!a->pool->n_stacks)
			continue;
		struct diag *d = diag_warning(
			s->diags, a->at,
			"packets of workload `%s` go to all cores of pool `%s`, also to those that "
			"are guaranteed to others",
			w->name, a->pool->name);

		for (size_t i = 0; i < s->workloads.n; i++)
			if (s->workloads.v[i]->stack && s->workloads.v[i]->stack->pool == a->pool) {
				diag_note(d, s->workloads.v[i]->stack->cores_at, "guaranteed here");
				break;
			}
	}
}

void sema_stacks(struct sema *s)
{
	for (size_t i = 0; i < s->workloads.n; i++) {
		const struct workload *w = s->workloads.v[i];
		const struct stage *rx = w->stages[STAGE_RX];
		const struct stack *st = w->stack;

		for (uint32_t k = 0; rx && k < rx->n_rules; k++)
			for (uint32_t n = 0; n < rx->rules[k].n_actions; n++)
				steers_past(s, w, rx->rules[k].actions[n]);
		if (!st || !st->pool || !st->pool->fixed || st->most > st->pool->n_cores ||
		    st->pool->guaranteed > st->pool->n_cores ||
		    st->most - st->least <= st->pool->n_cores - st->pool->guaranteed)
			continue;
		diag_warning(s->diags, st->cores_at,
			     "workload `%s` gets %u cores at most: the others of pool `%s` are "
			     "guaranteed to other workloads",
			     w->name,
			     (unsigned)(st->least + st->pool->n_cores - st->pool->guaranteed),
			     st->pool->name);
	}
}
