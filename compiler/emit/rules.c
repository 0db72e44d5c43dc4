/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a packet of a workload to a decision: its class, its counters, and the
 * actions that its class meets. Where the actions of two classes end alike, they
 * share the code of that end.
 */
#include <linux/bpf.h>

#include "abi/stack.h"
#include "emit/emitter.h"

#define FEW_CLASSES 32
#define FEW_WAYS 2

/*
 * An action and what comes behind it; the same for all classes that get there.
 * Where it, or what comes behind it, reads fields of a header, the classes are
 * those of one workload, whose frame it reads them from.
 */
struct node {
	const struct action *action;
	const struct node *next; /* NULL: the stage ends, and the packet passes */
	uint32_t id;
	uint32_t band; /* ORDER: classes that share the action may have different ones */
	LLVMBasicBlockRef block;
	const struct workload *reads; /* NULL: no field of a header */
	struct frame frame;
	struct node *older;
};

/* Where the key of limits that have the same is made. */
struct keyed {
	enum plan_key kind;
	const struct field_ref *per;
	LLVMBasicBlockRef block;
	LLVMValueRef which, to, key, now; /* which: a phi; to: the switch back to the limit */
	uint32_t n;
	struct keyed *older;
};

/* The end of limits that have the same ways out. */
struct tail {
	const struct node *next;
	const struct action *otherwise;
	LLVMValueRef id;
	LLVMBasicBlockRef over;
	struct tail *older;
};

/* Where packets are given away. */
struct gift {
	uint32_t first, n; /* counters of the targets; n 0: each target has one */
	LLVMBasicBlockRef block;
	LLVMValueRef to, target; /* phis */
	struct gift *older;
};

/* Where packets go to cores of stack stages. */
struct stacked {
	LLVMBasicBlockRef block;
	LLVMValueRef what, stack, cores, first, n; /* phis; what: the hash, or the slot */
};

/* Where the worker with the least is looked for. */
struct seek {
	const struct action *like; /* the first of those that it is for */
	LLVMBasicBlockRef block;
	LLVMValueRef turn, n, first; /* phis */
	struct seek *older;
};

struct ruling {
	struct emitter *e;
	struct seek *seeks;
	struct stacked *stacked[2]; /* 1: by flow */
	struct gift *gifts;
	/* The class tells which limit a packet meets: none meets two, and classes are few. */
	bool class_tells;
	/* limits: the algorithm's block, made when it is needed, and what it is asked with */
	LLVMBasicBlockRef limit;
	struct limit_state state;
	LLVMValueRef which, to_next, to_over;
	struct keyed *keys;
	struct tail *tails;
	uint32_t n_tails;
	struct node *nodes;
	uint32_t n_nodes;
	/* Where all classes arrive: their number, and the node that they begin with. */
	LLVMBasicBlockRef classed, unclassed, some;
	LLVMValueRef class, first, counts;
	LLVMValueRef told; /* the class, as one number that LLVM does not take apart */
	LLVMBasicBlockRef pass; /* made when it is needed */
	unsigned pass_code, drop_code;
	/* the workload that is being added */
	const struct workload *workload;
	uint8_t **known; /* by class */
	const struct node **begins; /* by number of the class in the policy */
};

static void count(struct ruling *r, enum iop_counter i)
{
	CALL(r->e, "iop_count", r->counts, emit_i32(r->e, i));
}

/* What is known on both ways: *known, and one more. */
static void meet(struct ruling *r, uint8_t **known, const uint8_t *more, uint32_t n)
{
	if (!*known) {
		*known = arena_alloc(r->e->arena, n + 1);
		memcpy(*known, more, n);
	}
	for (uint32_t i = 0; i < n; i++)
		(*known)[i] &= more[i];
}

/* --- which actions are the same --- */

static bool same_selector(const struct selector *a, const struct selector *b)
{
	if (a->kind != b->kind || a->flow != b->flow || a->n_keys != b->n_keys ||
	    (a->kind != SELECTOR_HASH && a->kind != SELECTOR_RANDOM))
		return false; /* turns and tables belong to one action */
	for (uint32_t i = 0; i < a->n_keys; i++)
		if (a->keys[i].hfield != b->keys[i].hfield || a->keys[i].field != b->keys[i].field)
			return false;
	return true;
}

static bool same_workers(const struct worker_set *a, const struct worker_set *b)
{
	return a->kind == b->kind && a->n == b->n && a->n_ranges == b->n_ranges &&
	       (!a->n_ranges || !memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges)));
}

static bool same_action(struct emitter *e, const struct action *a, const struct action *b)
{
	const struct plan_action *x = &e->plan->actions[a->id], *y = &e->plan->actions[b->id];

	if (a == b)
		return true;
	if (a->kind != b->kind || x->first_target != y->first_target || x->n_targets != y->n_targets)
		return false;
	switch (a->kind) {
	case ACTION_PASS:
	case ACTION_DROP:
	case ACTION_COUNT:
	case ACTION_ORDER:
		return true;
	case ACTION_MARK:
		return a->mark == b->mark;
	case ACTION_STEER:
		return a->pool == b->pool && a->stack == b->stack &&
		       same_selector(&a->selector, &b->selector);
	case ACTION_WORKER:
		return same_workers(&a->workers, &b->workers);
	case ACTION_WORKERS:
		return same_workers(&a->workers, &b->workers) && same_selector(&a->selector, &b->selector);
	default:
		return false; /* a limit has a state of its own */
	}
}

static bool reads_header(const struct action *a)
{
	for (; a; a = a->otherwise) {
		if (a->per && a->per->hfield)
			return true;
		for (uint32_t i = 0; i < a->selector.n_keys; i++)
			if (a->selector.keys[i].hfield)
				return true;
	}
	return false;
}

static struct node *node_of(struct ruling *r, const struct action *a, const struct node *next,
			    uint32_t band)
{
	bool orders = a->kind == ACTION_ORDER;
	const struct workload *reads = reads_header(a) || (next && next->reads) ? r->workload : NULL;

	for (struct node *n = r->nodes; n; n = n->older)
		if (n->next == next && n->reads == reads && (!orders || n->band == band) &&
		    same_action(r->e, n->action, a))
			return n;
	struct node *n = arena_new_of(r->e->arena, struct node);

	*n = (struct node){ .action = a, .next = next, .reads = reads, .older = r->nodes,
			    .band = band, .id = ++r->n_nodes, .block = emit_block(r->e, "action") };
	if (reads) {
		n->frame = r->e->frame;
		n->frame.known = NULL;
	}
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
		count(r, IOP_COUNT_STEERED);
		if (e->hook == IOP_HOOK_SOCKET && e->plan->rows)
			CALL(e, "iop_worker_take", e->pkt, g->to, r->class);
		CALL(e, "iop_count_target", r->counts, emit_i64(e, g->first), emit_i64(e, g->n),
		     LLVMBuildZExt(e->b, g->target, e->i64, ""));
		emit_return(e, e->hook == IOP_HOOK_RX ? XDP_REDIRECT : SK_PASS);
		emit_at(e, no);
		if (e->hook == IOP_HOOK_SOCKET && e->plan->rows)
			CALL(e, "iop_worker_lost", g->to);
		count(r, IOP_COUNT_FALLBACK);
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
	count(r, IOP_COUNT_STEERED);
	CALL(e, "iop_count_target", r->counts, s->first, s->n, LLVMBuildZExt(e->b, slot, e->i64, ""));
	emit_return(e, XDP_REDIRECT);
	emit_at(e, no);
	count(r, IOP_COUNT_FALLBACK);
	emit_return(e, r->pass_code);
	emit_at(e, here);
	return s;
}

/* To a core of those that the stack stage has in use. Counters are those of the stage's cores, in
 * its order. */
static void steer_to_stack(struct ruling *r, const struct action *a)
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

static void steer(struct ruling *r, const struct action *a)
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

static void worker(struct ruling *r, const struct action *a)
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
		count(r, IOP_COUNT_FALLBACK);
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

/* --- limits --- */

/* Does a class that begins with `from` meet the limit of node `n`? */
static bool meets(const struct node *from, const struct node *n)
{
	for (; from; from = from->next) {
		if (from == n)
			return true;
		for (const struct action *a = from->action->otherwise; a; a = a->otherwise)
			if (a == n->action && !n->next)
				return true;
	}
	return false;
}

/* How many limits a packet of the class can meet. */
static unsigned limits_of(const struct plan_chain *c)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < c->n; i++)
		for (const struct action *a = c->actions[i]; a; a = a->otherwise)
			n += a->kind == ACTION_LIMIT || a->kind == ACTION_PACE;
	return n;
}

static bool class_tells(const struct emitter *e)
{
	const struct plan_chain *chains = e->plan->hooks[e->hook].chains;
	bool yes = e->policy->n_classes <= FEW_CLASSES && !e->shapes;

	for (uint32_t i = 0; i < e->policy->n_classes && yes; i++)
		yes = limits_of(&chains[i]) <= 1;
	return yes;
}

/* Ways back to a limit, from where several were one: by its number, or by the classes that meet it. */
static void way_back(struct ruling *r, LLVMValueRef sw, const struct node *limit, LLVMValueRef id,
		     LLVMBasicBlockRef to)
{
	struct emitter *e = r->e;

	if (!r->class_tells) {
		LLVMAddCase(sw, id, to);
		return;
	}
	for (uint32_t c = 0; c < e->policy->n_classes; c++)
		if (meets(r->begins[c], limit))
			LLVMAddCase(sw, emit_i32(e, c), to);
}

static bool has_live_limit(const struct emitter *e)
{
	for (uint32_t i = 0; i < e->policy->n_actions; i++) {
		const struct plan_action *pa = &e->plan->actions[i];

		if (pa->action && pa->hook == e->hook && pa->action->kind == ACTION_LIMIT &&
		    pa->action->param && pa->action->param->live)
			return true;
	}
	return false;
}

/* The algorithm stands in a program once; behind it, a number leads back to the limit's ends. */
static void algorithm(struct ruling *r)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef conforms = emit_block(e, "conforms"), over = emit_block(e, "over");
	LLVMBasicBlockRef never = emit_block(e, "never");

	r->limit = emit_block(e, "limit");
	emit_at(e, r->limit);
	r->state.tat = LLVMBuildPhi(e->b, e->ptr, "tat");
	r->state.now = LLVMBuildPhi(e->b, e->i64, "now");
	r->state.cost = LLVMBuildPhi(e->b, e->i64, "cost");
	r->state.tolerance = LLVMBuildPhi(e->b, e->i64, "tolerance");
	r->which = r->class_tells ? r->told : LLVMBuildPhi(e->b, e->i32, "which");
	if (has_live_limit(e))
		CALL(e, "iop_limit_ease", r->state.tat, r->state.now, r->state.tolerance);
	emit_cond_br(e, CALL(e, "iop_gcra", r->state.tat, r->state.now, r->state.cost, r->state.tolerance),
		     conforms, over);
	emit_at(e, conforms);
	r->to_next = LLVMBuildSwitch(e->b, r->which, never, 4);
	emit_at(e, over);
	r->to_over = LLVMBuildSwitch(e->b, r->which, never, 4);
	emit_at(e, never);
	LLVMBuildUnreachable(e->b);
}

/* Limits that lead to the same ends have one number. */
static struct tail *tail_of(struct ruling *r, const struct node *limit)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
	const struct action *otherwise = limit->action->otherwise;
	const struct node *next = limit->next;
	struct tail *t = r->tails;

	while (t && (t->next != next || t->otherwise || otherwise))
		t = t->older;
	if (t && !r->class_tells)
		return t;
	if (!r->limit)
		algorithm(r);
	if (!t) {
		t = arena_new_of(e->arena, struct tail);
		*t = (struct tail){ .next = next, .otherwise = otherwise, .older = r->tails,
				    .id = emit_i32(e, r->n_tails), .over = emit_block(e, "over") };
		r->tails = t;
		r->n_tails++;
		emit_at(e, t->over);
		if (otherwise) {
			count(r, IOP_COUNT_OVER);
			emit_br(e, node_of(r, otherwise, NULL, 0)->block);
		} else {
			count(r, IOP_COUNT_LIMITED);
			emit_return(e, r->drop_code);
		}
	}
	way_back(r, r->to_next, limit, t->id, block_of(r, next));
	way_back(r, r->to_over, limit, t->id, t->over);
	emit_at(e, here);
	return t;
}

/*
 * The key of a limit and the time, in a block that all limits with that key share:
 * each comes with a number that leads back to it. A key of header fields is made from
 * what was read on the way, so such a limit makes its own.
 */
static void key_of(struct ruling *r, const struct node *n, struct limit_state *s)
{
	struct emitter *e = r->e;
	const struct action *a = n->action;
	enum plan_key kind = e->plan->actions[a->id].map->key;
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b), back, never;
	struct keyed *k = r->keys;
	LLVMValueRef id;

	if (a->per && a->per->hfield) {
		s->key = emit_limit_key(e, a);
		s->now = CALL(e, "iop_now");
		return;
	}
	back = emit_block(e, "keyed");
	while (k && (k->kind != kind || (a->per && a->per->field != k->per->field)))
		k = k->older;
	if (!k) {
		k = arena_new_of(e->arena, struct keyed);
		*k = (struct keyed){ .kind = kind, .per = a->per, .older = r->keys,
				     .block = emit_block(e, "key") };
		r->keys = k;
		emit_at(e, k->block);
		k->which = r->class_tells ? r->told : LLVMBuildPhi(e->b, e->i32, "limit");
		k->key = emit_limit_key(e, a);
		k->now = CALL(e, "iop_now");
		never = emit_block(e, "never");
		k->to = LLVMBuildSwitch(e->b, k->which, never, 4);
		emit_at(e, never);
		LLVMBuildUnreachable(e->b);
		emit_at(e, here);
	}
	id = emit_i32(e, k->n++);
	way_back(r, k->to, n, id, back);
	if (!r->class_tells)
		LLVMAddIncoming(k->which, &id, &here, 1);
	emit_br(e, k->block);
	emit_at(e, back);
	s->key = k->key;
	s->now = k->now;
}

static void limit(struct ruling *r, const struct node *n)
{
	struct emitter *e = r->e;
	const struct action *a = n->action;
	struct tail *t;
	struct limit_state s = { 0 };
	LLVMBasicBlockRef from;

	r->workload = n->reads; /* what is behind `else` reads as this does */
	t = tail_of(r, n);
	if (e->plan->actions[a->id].map)
		key_of(r, n, &s);
	emit_limit(e, a, r->counts, block_of(r, n->next), t->over, &s);
	from = LLVMGetInsertBlock(e->b);
	if (a->otherwise && n->frame.known)
		meet(r, &node_of(r, a->otherwise, NULL, 0)->frame.known, n->frame.known, n->frame.n);
	LLVMAddIncoming(r->state.tat, &s.tat, &from, 1);
	LLVMAddIncoming(r->state.now, &s.now, &from, 1);
	LLVMAddIncoming(r->state.cost, &s.cost, &from, 1);
	LLVMAddIncoming(r->state.tolerance, &s.tolerance, &from, 1);
	if (!r->class_tells)
		LLVMAddIncoming(r->which, &t->id, &from, 1);
	emit_br(e, r->limit);
}

static void pace(struct ruling *r, const struct node *n)
{
	struct limit_state s = { 0 };

	if (r->e->plan->actions[n->action->id].map)
		key_of(r, n, &s);
	emit_pace(r->e, n->action, r->counts, block_of(r, n->next), &s);
}

/* --- actions --- */

static void action(struct ruling *r, const struct node *n)
{
	struct emitter *e = r->e;

	/* What this action reads need not have been read when another one is reached. */
	e->frame = n->frame;
	e->frame.known = arena_alloc(e->arena, n->frame.n + 1);
	if (n->frame.known)
		memcpy(e->frame.known, n->frame.known, n->frame.n);
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
	case ACTION_ORDER:
		CALL(e, "iop_order", e->pkt, emit_i32(e, n->band));
		emit_br(e, block_of(r, n->next));
		break;
	case ACTION_MARK:
		CALL(e, "iop_mark", e->pkt, emit_i32(e, n->action->mark));
		emit_br(e, block_of(r, n->next));
		break;
	case ACTION_PACE:
		pace(r, n);
		break;
	case ACTION_STEER:
		n->action->stack ? steer_to_stack(r, n->action) : steer(r, n->action);
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

/* Nodes of a class's chain, from its end; NULL: it passes. */
static const struct node *chain(struct ruling *r, const struct class *class)
{
	const struct plan_chain *c = &r->e->plan->hooks[r->e->hook].chains[class->gid];
	struct node *next = NULL;

	for (uint32_t i = c->n; i-- > 0;) {
		next = node_of(r, c->actions[i], next, class->band);
		if (next->reads && r->known[class->id])
			meet(r, &next->frame.known, r->known[class->id], next->frame.n);
	}
	return next;
}

/* --- a program's workloads --- */

static const struct {
	unsigned pass, drop;
} codes[IOP_HOOKS] = {
	[IOP_HOOK_SOCKET] = { SK_PASS, SK_DROP },
	/* To the next program, whoever has attached it. */
	[IOP_HOOK_TX] = { (unsigned)TCX_NEXT, TCX_DROP },
	[IOP_HOOK_RX] = { XDP_PASS, XDP_DROP },
};

struct ruling *rules_begin(struct emitter *e)
{
	struct ruling *r = arena_new_of(e->arena, struct ruling);
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);

	r->e = e;
	r->pass_code = codes[e->hook].pass;
	r->drop_code = codes[e->hook].drop;
	r->class_tells = class_tells(e);
	r->begins = arena_alloc(e->arena, (e->policy->n_classes + 1) * sizeof(*r->begins));
	r->classed = emit_block(e, "classed");
	r->some = emit_block(e, "rules");
	emit_at(e, r->classed);
	r->class = LLVMBuildPhi(e->b, e->i32, "class");
	r->first = LLVMBuildPhi(e->b, e->i32, "first");
	r->counts = CALL(e, "iop_counts",
			 LLVMGetNamedGlobal(e->mod, e->plan->hooks[e->hook].counts->name), r->class);
	emit_at(e, here);
	return r;
}

/* Where the classes of one workload arrive: phis of what they bring. */
struct arrivals {
	LLVMBasicBlockRef block;
	LLVMValueRef class, first;
};

static void arrivals_begin(struct ruling *r, struct arrivals *a)
{
	LLVMBasicBlockRef here = LLVMGetInsertBlock(r->e->b);

	if (a->block)
		return;
	a->block = emit_block(r->e, "arrivals");
	emit_at(r->e, a->block);
	a->class = LLVMBuildPhi(r->e->b, r->e->i32, "class");
	a->first = LLVMBuildPhi(r->e->b, r->e->i32, "first");
	emit_at(r->e, here);
}

static void arrive(struct ruling *r, struct arrivals *a, const struct class *class,
		   const struct node *first, LLVMBasicBlockRef from)
{
	struct emitter *e = r->e;
	LLVMValueRef gid = emit_i32(e, class->gid), id = emit_i32(e, first ? first->id : 0);

	arrivals_begin(r, a);
	emit_at(e, from);
	debug_at(e, class->at);
	emit_br(e, a->block);
	LLVMAddIncoming(a->class, &gid, &from, 1);
	LLVMAddIncoming(a->first, &id, &from, 1);
}

/* All ways to a class. Of many, each would bring its number, also from within a loop: these meet
 * first. */
static void arrivals_of(struct ruling *r, struct arrivals *a, const struct class *class,
			const struct node *first, const struct decision *d)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef meeting = NULL;
	unsigned n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->edges[i].class == class;
	if (n > FEW_WAYS) {
		meeting = emit_block(e, "meeting");
		emit_at(e, meeting);
		debug_at(e, class->at);
		emit_stay(e);
	}
	for (size_t i = 0; i < d->n; i++) {
		if (d->edges[i].class != class)
			continue;
		if (!meeting) {
			arrive(r, a, class, first, d->edges[i].block);
			continue;
		}
		emit_at(e, d->edges[i].block);
		emit_br(e, meeting);
	}
	if (meeting)
		arrive(r, a, class, first, meeting);
}

/*
 * A reply of a worker is of the class that the worker was given last; goes on where that is
 * not known. What no worker sends is nobody's reply.
 */
static void class_of_worker(struct ruling *r, const struct workload *w, struct arrivals *a)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef udp = emit_block(e, "udp"), ours = emit_block(e, "ours"),
			  foreign = emit_block(e, "foreign"), known = emit_block(e, "known"),
			  unknown = emit_block(e, "unknown");
	LLVMValueRef slot = emit_alloca(e, e->i32), class, of, none = LLVMGetUndef(e->i32);

	emit_cond_br(e, CALL(e, "iop_tx_tcp", e->pkt), unknown, udp);
	emit_at(e, udp);
	emit_cond_br(e, CALL(e, "iop_tx_worker", e->pkt, slot), ours, foreign);
	emit_at(e, foreign);
	emit_return(e, r->pass_code);
	emit_at(e, ours);
	class = LLVMBuildLoad2(e->b, e->i32, slot, "");
	/* Its socket may serve another workload, too. */
	of = LLVMBuildSub(e->b, class, emit_i32(e, w->classes[0].gid), "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, of, emit_i32(e, w->n_classes), ""), known,
		     unknown);
	emit_at(e, known);
	arrivals_begin(r, a);
	emit_br(e, a->block);
	LLVMAddIncoming(a->class, &class, &known, 1);
	LLVMAddIncoming(a->first, &none, &known, 1);
	emit_at(e, unknown);
}

/* Decides the class. Where no class takes the packet, no rule concerns it. */
void rules_workload(struct ruling *r, const struct workload *w)
{
	struct emitter *e = r->e;
	bool by_worker = e->hook == IOP_HOOK_TX && plan_told_by_worker(w);
	struct decision d = { 0 };
	struct arrivals a = { 0 };
	const struct node **first = arena_alloc(e->arena, w->n_classes * sizeof(*first));

	debug_at(e, w->at);
	if (by_worker)
		class_of_worker(r, w, &a);
	emit_decision(e, w, &d);
	r->workload = w;
	r->known = arena_alloc(e->arena, w->n_classes * sizeof(*r->known));
	for (size_t i = 0; i < d.n; i++)
		if (d.edges[i].class)
			meet(r, &r->known[d.edges[i].class->id], d.edges[i].known, e->frame.n);
	for (uint32_t i = 0; i < w->n_classes; i++)
		if (r->known[i] || by_worker)
			r->begins[w->classes[i].gid] = first[i] = chain(r, &w->classes[i]);
	for (uint32_t i = 0; i < w->n_classes; i++)
		arrivals_of(r, &a, &w->classes[i], first[i], &d);
	for (size_t i = 0; i < d.n; i++) {
		if (d.edges[i].class)
			continue;
		if (!r->unclassed)
			r->unclassed = emit_block(e, "unclassed");
		emit_at(e, d.edges[i].block);
		debug_at(e, w->at);
		emit_br(e, r->unclassed);
	}
	if (!a.block)
		return;
	emit_at(e, a.block);
	debug_at(e, w->at);
	a.class = shape_class(e, a.class);
	emit_stay(e);
	emit_br(e, r->classed);
	LLVMAddIncoming(r->class, &a.class, &a.block, 1);
	LLVMAddIncoming(r->first, &a.first, &a.block, 1);
}

/* To the first action of each class. */
static void dispatch(struct ruling *r)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef none = emit_block(e, "none"), never;
	LLVMValueRef sw;

	emit_at(e, r->classed);
	emit_cond_br(e, LLVMBuildIsNotNull(e->b, r->counts, ""), r->some, none);
	emit_at(e, none);
	emit_return(e, r->pass_code);
	emit_at(e, r->some);
	count(r, IOP_COUNT_SEEN);
	r->told = CALL(e, "iop_told", r->class);
	if ((e->policy->n_classes > FEW_CLASSES && !(e->hook == IOP_HOOK_TX && e->plan->rows)) ||
	    e->shapes) {
		sw = LLVMBuildSwitch(e->b, r->first, pass_block(r), r->n_nodes);
		for (struct node *n = r->nodes; n; n = n->older)
			LLVMAddCase(sw, emit_i32(e, n->id), n->block);
		return;
	}
	/* The class tells the node: one number less to carry. */
	LLVMReplaceAllUsesWith(r->first, LLVMGetUndef(e->i32));
	LLVMInstructionEraseFromParent(r->first);
	never = emit_block(e, "never");
	sw = LLVMBuildSwitch(e->b, r->told, never, e->policy->n_classes);
	for (uint32_t i = 0; i < e->policy->n_workloads; i++) {
		const struct workload *w = e->policy->workloads[i];

		for (uint32_t c = 0; w->stages[plan_stage(e->hook)] && c < w->n_classes; c++)
			LLVMAddCase(sw, emit_i32(e, w->classes[c].gid),
				    block_of(r, r->begins[w->classes[c].gid]));
	}
	emit_at(e, never);
	LLVMBuildUnreachable(e->b);
}

/* The counters of the class, then its actions. */
void rules_end(struct ruling *r)
{
	struct emitter *e = r->e;
	struct node *emitted = NULL;

	debug_at(e, e->plan->hooks[e->hook].at);
	dispatch(r);
	/* Emitting a node may make more of them: what is behind an `else`. */
	while (r->nodes != emitted) {
		struct node *newest = r->nodes;

		for (struct node *n = newest; n != emitted; n = n->older)
			action(r, n);
		emitted = newest;
	}
	debug_at(e, e->plan->hooks[e->hook].at);
	emit_at(e, pass_block(r));
	count(r, IOP_COUNT_PASSED);
	emit_return(e, r->pass_code);
	if (r->unclassed) {
		emit_at(e, r->unclassed);
		CALL(e, "iop_unclassed", emit_i32(e, e->hook));
		emit_return(e, r->pass_code);
	}
	if (LLVMCountIncoming(r->class) == 0) /* conditions that contradict themselves */
		emit_bug(e, "no packet has a class");
}
