/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a packet goes: the cores and workers that rules name, the one that the
 * selector picks, and giving it away, in one place for all that count alike.
 */
#include <linux/bpf.h>

#include "abi/stack.h"
#include "emit/ruling.h"

/* An index below n; `n` is an i32, `fixed` its value if it is known (else 0). */
static LLVMValueRef pick(struct ruling *r, const struct action *a, LLVMValueRef n, uint32_t fixed)
{
	struct emitter *e = r->e;

	if (fixed == 1)
		return emit_i32(e, 0);
	debug_at(e, a->selector.at);
	switch (a->selector.kind) {
	case SELECTOR_HASH:
		return CALL(e, "iop_pick_hash", emit_hash_keys(e, &a->selector), n);
	case SELECTOR_RANDOM:
		return CALL(e, "iop_pick_random", n);
	case SELECTOR_LOCAL:
		return CALL(e, "iop_pick_local", e->action_maps[a->id], n);
	case SELECTOR_ROUND_ROBIN:
		return CALL(e, "iop_pick_turn",
			    shape_element(e, e->turns, a, DATUM_TURN), n);
	default:
		emit_bug(e, "no code for selector %d", (int)a->selector.kind);
		return emit_i32(e, 0);
	}
}

LLVMValueRef emit_nth(struct emitter *e, const struct range *ranges, uint32_t n, LLVMValueRef i)
{
	LLVMValueRef v = NULL;
	uint32_t before = 0;

	/* i + (first - before) for the last range that begins at or below i */
	for (uint32_t k = 0; k < n; k++) {
		LLVMValueRef x = LLVMBuildAdd(e->b, i, emit_i32(e, ranges[k].lo - before), "");

		v = v ? LLVMBuildSelect(e->b, LLVMBuildICmp(e->b, LLVMIntUGE, i, emit_i32(e, before), ""), x,
					v, "")
		      : x;
		before += (uint32_t)(ranges[k].hi - ranges[k].lo) + 1;
	}
	return v;
}

/* Cores of a fixed pool as ranges. */
static struct range *core_ranges(struct emitter *e, const struct pool *p, uint32_t *n)
{
	struct range *r = arena_alloc(e->arena, p->n_cores * sizeof(*r));

	*n = 0;
	for (uint32_t i = 0; i < p->n_cores; i++)
		if (*n && r[*n - 1].hi + 1 == p->cores[i])
			r[*n - 1].hi++;
		else
			r[(*n)++] = (struct range){ p->cores[i], p->cores[i] };
	return r;
}

/*
 * The packet goes to a core or a worker, whichever action chose it: counted and
 * returned in one place for all actions whose targets have the same counters. A
 * choice of `many`, known when the policy is loaded, may lie beyond the counters.
 */
static void give(struct ruling *r, const struct action *a, LLVMValueRef to, LLVMValueRef target,
		 bool many)
{
	struct emitter *e = r->e;
	const struct plan_action *pa = &e->plan->actions[a->id];
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), yes, no;
	uint32_t n = many ? pa->n_targets : 0;
	struct gift *g;

	for (g = r->gifts; g; g = g->older)
		if (g->first == pa->first_target && g->n == n)
			break;
	if (!g) {
		g = arena_new_of(e->arena, struct gift);
		*g = (struct gift){ .first = pa->first_target, .n = n, .older = r->gifts,
				    .block = emit_block(e, "give") };
		r->gifts = g;
		yes = emit_block(e, "given");
		no = emit_block(e, "fallback");
		emit_at(e, g->block);
		g->to = LLVMBuildPhi(e->b, e->i32, "to");
		g->target = LLVMBuildPhi(e->b, e->i32, "target");
		if (e->hook == IOP_HOOK_RX)
			emit_cond_br(e, CALL(e, "iop_steer", g->to), yes, no);
		else
			emit_cond_br(e, CALL(e, "iop_socket_pick", e->pkt, g->to), yes, no);
		emit_at(e, yes);
		rule_count(r, IOP_COUNT_STEERED);
		if (e->hook == IOP_HOOK_SOCKET && e->plan->rows)
			CALL(e, "iop_worker_take", e->pkt, g->to, r->class);
		CALL(e, "iop_count_target", r->counts, emit_i64(e, g->first), emit_i64(e, g->n),
		     LLVMBuildZExt(e->b, g->target, e->i64, ""));
		emit_return(e, e->hook == IOP_HOOK_RX ? XDP_REDIRECT : SK_PASS);
		emit_at(e, no);
		if (e->hook == IOP_HOOK_SOCKET && e->plan->rows)
			CALL(e, "iop_worker_lost", g->to);
		rule_count(r, IOP_COUNT_FALLBACK);
		emit_return(e, r->pass_code);
		emit_at(e, here);
	}
	emit_br(e, g->block);
	LLVMAddIncoming(g->to, &to, &here, 1);
	LLVMAddIncoming(g->target, &target, &here, 1);
}

/* The end of all that goes to cores of stack stages, by what chooses: the library's work
 * (stage/stack.h) is long, so it stands in a program once for each. */
static struct stacked *stacked_of(struct ruling *r, bool flow)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), yes = emit_block(e, "given");
	LLVMBasicBlockRef no = emit_block(e, "fallback");
	struct stacked *s = arena_new_of(e->arena, struct stacked);
	LLVMValueRef slot;

	s->block = emit_block(e, "stack");
	emit_at(e, s->block);
	s->what = LLVMBuildPhi(e->b, e->i32, "what");
	s->stack = LLVMBuildPhi(e->b, e->i32, "stack");
	s->cores = LLVMBuildPhi(e->b, e->ptr, "cores");
	s->first = LLVMBuildPhi(e->b, e->i64, "first");
	s->n = LLVMBuildPhi(e->b, e->i64, "n");
	slot = CALL(e, flow ? "iop_stack_flow" : "iop_stack_spread", e->pkt, s->stack, s->cores, s->what);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, slot, emit_i32(e, IOP_STACK_CORES), ""), yes, no);
	emit_at(e, yes);
	rule_count(r, IOP_COUNT_STEERED);
	CALL(e, "iop_count_target", r->counts, s->first, s->n, LLVMBuildZExt(e->b, slot, e->i64, ""));
	emit_return(e, XDP_REDIRECT);
	emit_at(e, no);
	rule_count(r, IOP_COUNT_FALLBACK);
	emit_return(e, r->pass_code);
	emit_at(e, here);
	return s;
}

/* To a core of those that the stack stage has in use. Counters are those of the stage's cores, in
 * its order. */
void rule_steer_to_stack(struct ruling *r, const struct action *a)
{
	struct emitter *e = r->e;
	const struct plan_action *pa = &e->plan->actions[a->id];
	bool flow = a->selector.kind == SELECTOR_HASH;
	LLVMValueRef stack = emit_i32(e, a->stack->id), cores = e->stack_vars[a->stack->workload];
	LLVMValueRef first = emit_i64(e, pa->first_target), n = emit_i64(e, pa->n_targets), what;
	struct stacked *s = r->stacked[flow];
	LLVMBasicBlockRef from;

	debug_at(e, a->selector.at);
	if (!s)
		s = r->stacked[flow] = stacked_of(r, flow);
	/* There is one core at least: the loader sees to that. */
	what = flow ? CALL(e, "iop_stack_hash", emit_hash_keys(e, &a->selector))
		    : pick(r, a, CALL(e, "iop_stack_n", stack), 0);
	debug_at(e, a->at);
	from = LLVMGetInsertBlock(e->b);
	emit_br(e, s->block);
	LLVMAddIncoming(s->what, &what, &from, 1);
	LLVMAddIncoming(s->stack, &stack, &from, 1);
	LLVMAddIncoming(s->cores, &cores, &from, 1);
	LLVMAddIncoming(s->first, &first, &from, 1);
	LLVMAddIncoming(s->n, &n, &from, 1);
}

void rule_steer(struct ruling *r, const struct action *a)
{
	struct emitter *e = r->e;
	const struct pool *p = a->pool;
	LLVMValueRef i, core;

	if (p->fixed) {
		uint32_t n;
		struct range *ranges = core_ranges(e, p, &n);

		i = pick(r, a, emit_i32(e, p->n_cores), p->n_cores);
		core = emit_nth(e, ranges, n, i);
	} else {
		i = pick(r, a, CALL(e, "iop_pool_n", e->pool_vars[p->id]), 0);
		core = CALL(e, "iop_pool_core", e->pool_vars[p->id], i);
	}
	debug_at(e, a->at);
	give(r, a, core, i, !p->fixed);
}

/* The last n of the workers that there are, or all but these: first and how many. If that
 * leaves none, all. */
static LLVMValueRef some_workers(struct emitter *e, const struct worker_set *set, LLVMValueRef there,
				 LLVMValueRef *first)
{
	LLVMValueRef n = emit_i32(e, set->n), zero = emit_i32(e, 0);
	LLVMValueRef more = LLVMBuildICmp(e->b, LLVMIntUGT, there, n, "");
	LLVMValueRef rest = LLVMBuildSub(e->b, there, n, "");

	*first = zero;
	if (set->kind == WORKERS_ALL)
		return there;
	if (set->kind == WORKERS_ALL_BUT_LAST)
		return LLVMBuildSelect(e->b, more, rest, there, "");
	*first = LLVMBuildSelect(e->b, more, rest, zero, "");
	return LLVMBuildSelect(e->b, more, n, there, "");
}

/* Is there a choice that must look at each of them? */
static bool searches(const struct action *a)
{
	return a->kind == ACTION_WORKERS &&
	       (a->selector.kind == SELECTOR_LEAST_LOADED || a->selector.kind == SELECTOR_MIN) &&
	       (a->workers.kind != WORKERS_LIST || a->workers.n > 1);
}

/* Do both look for the same in a run of workers, and count and give alike? */
static bool seeks_alike(const struct emitter *e, const struct action *a, const struct action *b)
{
	const struct plan_action *x = &e->plan->actions[a->id], *y = &e->plan->actions[b->id];

	return a->selector.kind == b->selector.kind && a->selector.signal == b->selector.signal &&
	       x->stuck == y->stuck && x->weighed == y->weighed &&
	       x->first_target == y->first_target && x->n_targets == y->n_targets;
}

/* The search stands in a program once for all actions that look for the same: each comes with its
 * turn, and the workers among which to look. */
static void seek(struct ruling *r, const struct action *a, LLVMValueRef n, LLVMValueRef first)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
	LLVMValueRef turn = emit_element(e, e->turns, e->plan->actions[a->id].turn), number;
	struct seek *s = r->seeks;

	while (s && !seeks_alike(e, s->like, a))
		s = s->older;
	if (!s) {
		s = arena_new_of(e->arena, struct seek);
		*s = (struct seek){ .like = a, .block = emit_block(e, "seek"), .older = r->seeks };
		r->seeks = s;
		emit_at(e, s->block);
		s->turn = LLVMBuildPhi(e->b, e->ptr, "turn");
		s->n = LLVMBuildPhi(e->b, e->i32, "n");
		s->first = LLVMBuildPhi(e->b, e->i32, "first");
		number = emit_search(e, a, r->counts, s->turn, s->n, s->first);
		debug_at(e, a->at);
		give(r, a, number, number, true);
		emit_at(e, here);
	}
	emit_br(e, s->block);
	LLVMAddIncoming(s->turn, &turn, &here, 1);
	LLVMAddIncoming(s->n, &n, &here, 1);
	LLVMAddIncoming(s->first, &first, &here, 1);
}

void rule_worker(struct ruling *r, const struct action *a)
{
	struct emitter *e = r->e;
	const struct worker_set *set = &a->workers;
	LLVMValueRef i, number, target = NULL;

	if (set->kind == WORKERS_LIST && searches(a)) {
		number = emit_search(e, a, r->counts, NULL, emit_i32(e, set->n), NULL);
	} else if (set->kind == WORKERS_LIST) {
		i = a->kind == ACTION_WORKER ? emit_i32(e, 0) : pick(r, a, emit_i32(e, set->n), set->n);
		number = emit_nth(e, set->ranges, set->n_ranges, i);
	} else {
		LLVMValueRef first, n, there = CALL(e, "iop_workers_n");
		LLVMBasicBlockRef some = emit_block(e, ""), none = emit_block(e, "");

		emit_cond_br(e, LLVMBuildIsNotNull(e->b, there, ""), some, none);
		emit_at(e, none);
		rule_count(r, IOP_COUNT_FALLBACK);
		emit_return(e, r->pass_code);
		emit_at(e, some);
		n = some_workers(e, set, there, &first);
		if (searches(a) && !emit_searches_shared(e)) {
			seek(r, a, n, first);
			return;
		}
		number = searches(a) ? emit_search(e, a, r->counts, NULL, n, first)
				     : LLVMBuildAdd(e->b, first, pick(r, a, n, 0), "");
	}
	debug_at(e, a->at);
	/* LLVM knows what a list of several ranges can hold, and reckons the worker of a turn, or the one
	 * that is near, before it looks whether that is in the list: the verifier knows no bound, and
	 * LLVM would leave it out. */
	if (set->n_ranges > 1 || (set->n_ranges && set->ranges[0].lo && set->n > 1 &&
				  (a->selector.kind == SELECTOR_ROUND_ROBIN ||
				   a->selector.kind == SELECTOR_LOCAL))) {
		target = CALL(e, "iop_whole", LLVMBuildZExt(e->b, number, e->i64, ""));
		target = LLVMBuildTrunc(e->b, target, e->i32, "");
	}
	give(r, a, number, target ? target : number,
	     set->kind != WORKERS_LIST || target || searches(a));
}
