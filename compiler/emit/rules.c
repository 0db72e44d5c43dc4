/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a packet of a workload to a decision: its class, its counters, and the
 * actions that its class meets. Where the actions of two classes end alike, they
 * share the code of that end.
 */
#include <linux/bpf.h>

#include "emit/emitter.h"

/* An action and what comes behind it; the same for all classes that get there. */
struct node {
	const struct action *action;
	const struct node *next; /* NULL: the stage ends, and the packet passes */
	LLVMBasicBlockRef block;
	uint8_t *known; /* of the header's fields, whatever the class */
	struct node *older;
};

/* The end of limits that have the same ways out. */
struct tail {
	const struct node *next;
	const struct action *otherwise;
	LLVMBasicBlockRef block, over;
	struct limit_state state; /* phis */
	struct tail *older;
};

struct ruling {
	struct emitter *e;
	struct tail *tails;
	struct node *nodes;
	LLVMValueRef counts;
	uint8_t **known; /* by class */
	LLVMBasicBlockRef pass; /* made when it is needed */
	unsigned pass_code, drop_code;
};

static void count(struct ruling *r, enum iop_counter i)
{
	CALL(r->e, "iop_count", r->counts, emit_i32(r->e, i));
}

/* What is known on both ways: *known, and one more. */
static void meet(struct ruling *r, uint8_t **known, const uint8_t *more)
{
	uint32_t n = r->e->frame.n;

	if (!*known) {
		*known = arena_alloc(r->e->arena, n + 1);
		memcpy(*known, more, n);
	}
	for (uint32_t i = 0; i < n; i++)
		(*known)[i] &= more[i];
}

static struct node *node_of(struct ruling *r, const struct action *a, const struct node *next)
{
	for (struct node *n = r->nodes; n; n = n->older)
		if (n->action == a && n->next == next)
			return n;
	struct node *n = arena_new_of(r->e->arena, struct node);

	*n = (struct node){ .action = a, .next = next, .older = r->nodes,
			    .block = emit_block(r->e, "action") };
	r->nodes = n;
	return n;
}

static LLVMBasicBlockRef pass_block(struct ruling *r)
{
	if (!r->pass)
		r->pass = emit_block(r->e, "pass");
	return r->pass;
}

static LLVMBasicBlockRef block_of(struct ruling *r, const struct node *n)
{
	return n ? n->block : pass_block(r);
}

/* --- choosing --- */

/* An index below n; `n` is an i32, `fixed` its value if it is known (else 0). */
static LLVMValueRef pick(struct ruling *r, const struct action *a, LLVMValueRef n, uint32_t fixed)
{
	struct emitter *e = r->e;
	LLVMValueRef turn[2];

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
		turn[0] = emit_i32(e, 0);
		turn[1] = emit_i32(e, e->plan->actions[a->id].turn);
		return CALL(e, "iop_pick_turn",
			    LLVMBuildGEP2(e->b, LLVMGlobalGetValueType(e->turns), e->turns, turn, 2, ""), n);
	default:
		emit_bug(e, "no code for selector %d", (int)a->selector.kind);
		return emit_i32(e, 0);
	}
}

/* Number i of a list of ranges. */
static LLVMValueRef nth(struct emitter *e, const struct range *ranges, uint32_t n, LLVMValueRef i)
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

static void count_target(struct ruling *r, const struct action *a, LLVMValueRef i)
{
	const struct plan_action *pa = &r->e->plan->actions[a->id];

	CALL(r->e, "iop_count_target", r->counts, emit_i32(r->e, pa->first_target),
	     emit_i32(r->e, pa->n_targets), i);
}

static void given(struct ruling *r, const struct action *a, LLVMValueRef ok, LLVMValueRef target,
		  unsigned code)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef yes = emit_block(e, "given"), no = emit_block(e, "fallback");

	emit_cond_br(e, ok, yes, no);
	emit_at(e, yes);
	count(r, IOP_COUNT_STEERED);
	count_target(r, a, target);
	emit_return(e, code);
	emit_at(e, no);
	count(r, IOP_COUNT_FALLBACK);
	emit_return(e, r->pass_code);
}

static void steer(struct ruling *r, const struct action *a)
{
	struct emitter *e = r->e;
	const struct pool *p = a->pool;
	LLVMValueRef i, core;

	if (p->fixed) {
		uint32_t n;
		struct range *ranges = core_ranges(e, p, &n);

		i = pick(r, a, emit_i32(e, p->n_cores), p->n_cores);
		core = nth(e, ranges, n, i);
	} else {
		i = pick(r, a, CALL(e, "iop_pool_n", e->pool_vars[p->id]), 0);
		core = CALL(e, "iop_pool_core", e->pool_vars[p->id], i);
	}
	debug_at(e, a->at);
	given(r, a, CALL(e, "iop_steer", core), i, XDP_REDIRECT);
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

static void worker(struct ruling *r, const struct action *a)
{
	struct emitter *e = r->e;
	const struct worker_set *set = &a->workers;
	LLVMValueRef i, number;

	if (set->kind == WORKERS_LIST) {
		i = a->kind == ACTION_WORKER ? emit_i32(e, 0) : pick(r, a, emit_i32(e, set->n), set->n);
		number = nth(e, set->ranges, set->n_ranges, i);
	} else {
		LLVMValueRef first, n, there = CALL(e, "iop_workers_n");
		LLVMBasicBlockRef some = emit_block(e, ""), none = emit_block(e, "");

		emit_cond_br(e, LLVMBuildIsNotNull(e->b, there, ""), some, none);
		emit_at(e, none);
		count(r, IOP_COUNT_FALLBACK);
		emit_return(e, r->pass_code);
		emit_at(e, some);
		n = some_workers(e, set, there, &first);
		number = LLVMBuildAdd(e->b, first, pick(r, a, n, 0), "");
	}
	debug_at(e, a->at);
	given(r, a, CALL(e, "iop_socket_pick", e->pkt, number), number, SK_PASS);
}

/* --- actions --- */

/* Limits that lead to the same ends share the algorithm: a block with the state as phis. */
static struct tail *tail_of(struct ruling *r, const struct node *next, const struct action *otherwise)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);

	for (struct tail *t = r->tails; t; t = t->older)
		if (t->next == next && !t->otherwise && !otherwise)
			return t;
	struct tail *t = arena_new_of(e->arena, struct tail);

	*t = (struct tail){ .next = next, .otherwise = otherwise, .older = r->tails,
			    .block = emit_block(e, "limit"), .over = emit_block(e, "over") };
	r->tails = t;
	emit_at(e, t->block);
	t->state.tat = LLVMBuildPhi(e->b, e->ptr, "tat");
	t->state.now = LLVMBuildPhi(e->b, e->i64, "now");
	t->state.cost = LLVMBuildPhi(e->b, e->i64, "cost");
	t->state.tolerance = LLVMBuildPhi(e->b, e->i64, "tolerance");
	emit_cond_br(e, CALL(e, "iop_gcra", t->state.tat, t->state.now, t->state.cost, t->state.tolerance),
		     block_of(r, next), t->over);
	emit_at(e, t->over);
	if (otherwise) {
		count(r, IOP_COUNT_OVER);
		emit_br(e, node_of(r, otherwise, NULL)->block);
	} else {
		count(r, IOP_COUNT_LIMITED);
		emit_return(e, r->drop_code);
	}
	emit_at(e, here);
	return t;
}

static void limit(struct ruling *r, const struct node *n)
{
	struct emitter *e = r->e;
	const struct action *a = n->action;
	struct tail *t = tail_of(r, n->next, a->otherwise);
	struct limit_state s = emit_limit(e, a, r->counts, block_of(r, n->next), t->over);
	LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b);

	if (a->otherwise && n->known)
		meet(r, &node_of(r, a->otherwise, NULL)->known, n->known);
	LLVMAddIncoming(t->state.tat, &s.tat, &from, 1);
	LLVMAddIncoming(t->state.now, &s.now, &from, 1);
	LLVMAddIncoming(t->state.cost, &s.cost, &from, 1);
	LLVMAddIncoming(t->state.tolerance, &s.tolerance, &from, 1);
	emit_br(e, t->block);
}

static void action(struct ruling *r, const struct node *n)
{
	struct emitter *e = r->e;

	/* What this action reads need not have been read when another one is reached. */
	e->frame.known = arena_alloc(e->arena, e->frame.n + 1);
	if (n->known) /* else no packet gets here */
		memcpy(e->frame.known, n->known, e->frame.n);
	emit_at(e, n->block);
	debug_at(e, n->action->at);
	switch (n->action->kind) {
	case ACTION_PASS:
		emit_br(e, pass_block(r));
		break;
	case ACTION_DROP:
		count(r, IOP_COUNT_DROPPED);
		emit_return(e, r->drop_code);
		break;
	case ACTION_COUNT:
		count(r, IOP_COUNT_COUNTED);
		emit_br(e, block_of(r, n->next));
		break;
	case ACTION_LIMIT:
		limit(r, n);
		break;
	case ACTION_STEER:
		steer(r, n->action);
		break;
	case ACTION_WORKER:
	case ACTION_WORKERS:
		worker(r, n->action);
		break;
	default:
		emit_bug(e, "no code for action %d", (int)n->action->kind);
		emit_return(e, r->pass_code);
	}
}

/* Nodes of a class's chain, from its end. */
static const struct node *chain(struct ruling *r, const struct class *class)
{
	const struct plan_chain *c = &r->e->plan->hooks[r->e->hook].chains[class->gid];
	struct node *next = NULL;

	for (uint32_t i = c->n; i-- > 0;) {
		next = node_of(r, c->actions[i], next);
		if (r->known[class->id])
			meet(r, &next->known, r->known[class->id]);
	}
	return next;
}

/* Decides the class; goes on in a block that has its number. Where no class takes the packet, no
 * rule concerns it. */
static LLVMValueRef classify(struct ruling *r, const struct workload *w)
{
	struct emitter *e = r->e;
	struct decision d = { 0 };
	LLVMBasicBlockRef classed, none = NULL;
	LLVMValueRef class;

	emit_decision(e, w, &d);
	classed = emit_block(e, "classed");
	emit_at(e, classed);
	debug_at(e, w->at);
	class = LLVMBuildPhi(e->b, e->i32, "class");
	r->known = arena_alloc(e->arena, w->n_classes * sizeof(*r->known));
	for (size_t i = 0; i < d.n; i++) {
		const struct decision_edge *edge = &d.edges[i];

		emit_at(e, edge->block);
		if (edge->class) {
			LLVMValueRef gid = emit_i32(e, edge->class->gid);

			debug_at(e, edge->class->at);
			LLVMAddIncoming(class, &gid, (LLVMBasicBlockRef *)&edge->block, 1);
			emit_br(e, classed);
			meet(r, &r->known[edge->class->id], edge->known);
			continue;
		}
		if (!none)
			none = emit_block(e, "unclassed");
		emit_br(e, none);
	}
	if (none) {
		emit_at(e, none);
		debug_at(e, w->at);
		CALL(e, "iop_unclassed", emit_i32(e, e->hook));
		emit_return(e, r->pass_code);
	}
	emit_at(e, classed);
	debug_at(e, w->at);
	if (LLVMCountIncoming(class) == 0) { /* conditions that contradict themselves */
		LLVMReplaceAllUsesWith(class, LLVMGetUndef(e->i32));
		LLVMInstructionEraseFromParent(class);
		return emit_i32(e, w->classes[0].gid);
	}
	return class;
}

/* To the first action of each class. */
static void dispatch(struct ruling *r, const struct workload *w, LLVMValueRef class)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef last = block_of(r, chain(r, &w->classes[w->n_classes - 1]));
	LLVMValueRef sw = LLVMBuildSwitch(e->b, class, last, w->n_classes);

	for (uint32_t i = 0; i + 1 < w->n_classes; i++) {
		LLVMBasicBlockRef b = block_of(r, chain(r, &w->classes[i]));

		if (b != last)
			LLVMAddCase(sw, emit_i32(e, w->classes[i].gid), b);
	}
}

void emit_workload(struct emitter *e, const struct workload *w)
{
	struct ruling r = { .e = e,
			    .pass_code = e->hook == IOP_HOOK_RX ? XDP_PASS : SK_PASS,
			    .drop_code = e->hook == IOP_HOOK_RX ? XDP_DROP : SK_DROP };
	LLVMValueRef class, map = LLVMGetNamedGlobal(e->mod, e->plan->hooks[e->hook].counts->name);
	LLVMBasicBlockRef none = emit_block(e, "none"), some = emit_block(e, "rules");
	struct node *emitted = NULL;

	debug_at(e, w->at);
	class = classify(&r, w);
	r.counts = CALL(e, "iop_counts", map, class);
	emit_cond_br(e, LLVMBuildIsNotNull(e->b, r.counts, ""), some, none);
	emit_at(e, none);
	emit_return(e, r.pass_code);
	emit_at(e, some);
	count(&r, IOP_COUNT_SEEN);
	dispatch(&r, w, class);
	/* Emitting a node may make more of them: what is behind an `else`. */
	while (r.nodes != emitted) {
		struct node *newest = r.nodes;

		for (struct node *n = newest; n != emitted; n = n->older)
			action(&r, n);
		emitted = newest;
	}
	if (r.pass) {
		emit_at(e, r.pass);
		debug_at(e, w->at);
		count(&r, IOP_COUNT_PASSED);
		emit_return(e, r.pass_code);
	}
}
