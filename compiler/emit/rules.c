/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a packet of a workload to a decision: its class, its counters, and the
 * actions that its class meets. Where the actions of two classes end alike, they
 * share the code of that end.
 */
#include <linux/bpf.h>

#include "emit/ruling.h"

#define FEW_WAYS 2

void rule_count(struct ruling *r, enum iop_counter i)
{
	CALL(r->e, "iop_count", r->counts, emit_i32(r->e, i));
}

/* What is known on both ways: *known, and one more. */
void rule_meet(struct ruling *r, uint8_t **known, const uint8_t *more, uint32_t n)
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

struct node *rule_node(struct ruling *r, const struct action *a, const struct node *next,
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

LLVMBasicBlockRef rule_pass_block(struct ruling *r)
{
	if (!r->pass)
		r->pass = emit_block(r->e, "pass");
	return r->pass;
}

LLVMBasicBlockRef rule_block(struct ruling *r, const struct node *n)
{
	return n ? n->block : rule_pass_block(r);
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
		emit_br(e, rule_pass_block(r));
		break;
	case ACTION_DROP:
		rule_count(r, IOP_COUNT_DROPPED);
		emit_return(e, r->drop_code);
		break;
	case ACTION_COUNT:
		rule_count(r, IOP_COUNT_COUNTED);
		emit_br(e, rule_block(r, n->next));
		break;
	case ACTION_LIMIT:
		rule_limit(r, n);
		break;
	case ACTION_ORDER:
		CALL(e, "iop_order", e->pkt, emit_i32(e, n->band));
		emit_br(e, rule_block(r, n->next));
		break;
	case ACTION_MARK:
		CALL(e, "iop_mark", e->pkt, emit_i32(e, n->action->mark));
		emit_br(e, rule_block(r, n->next));
		break;
	case ACTION_PACE:
		rule_pace(r, n);
		break;
	case ACTION_STEER:
		n->action->stack ? rule_steer_to_stack(r, n->action) : rule_steer(r, n->action);
		break;
	case ACTION_WORKER:
	case ACTION_WORKERS:
		rule_worker(r, n->action);
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
		next = rule_node(r, c->actions[i], next, class->band);
		if (next->reads && r->known[class->id])
			rule_meet(r, &next->frame.known, r->known[class->id], next->frame.n);
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
	r->class_tells = rule_class_tells(e);
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

void rules_no_class(struct ruling *r, enum iop_path_counter why)
{
	struct emitter *e = r->e;
	LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b);
	LLVMValueRef reason = emit_i64(e, why);

	if (!r->unclassed) {
		r->unclassed = emit_block(e, "unclassed");
		emit_at(e, r->unclassed);
		r->why = LLVMBuildPhi(e->b, e->i64, "why");
		emit_at(e, from);
	}
	emit_br(e, r->unclassed);
	LLVMAddIncoming(r->why, &reason, &from, 1);
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
			rule_meet(r, &r->known[d.edges[i].class->id], d.edges[i].known, e->frame.n);
	for (uint32_t i = 0; i < w->n_classes; i++)
		if (r->known[i] || by_worker)
			r->begins[w->classes[i].gid] = first[i] = chain(r, &w->classes[i]);
	for (uint32_t i = 0; i < w->n_classes; i++)
		arrivals_of(r, &a, &w->classes[i], first[i], &d);
	for (size_t i = 0; i < d.n; i++) {
		if (d.edges[i].class)
			continue;
		emit_at(e, d.edges[i].block);
		debug_at(e, w->at);
		rules_no_class(r, IOP_PATH_UNCLASSED);
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
	rule_count(r, IOP_COUNT_SEEN);
	r->told = CALL(e, "iop_told", r->class);
	if ((e->policy->n_classes > FEW_CLASSES && !(e->hook == IOP_HOOK_TX && e->plan->rows)) ||
	    e->shapes) {
		sw = LLVMBuildSwitch(e->b, r->first, rule_pass_block(r), r->n_nodes);
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
				    rule_block(r, r->begins[w->classes[c].gid]));
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
	emit_at(e, rule_pass_block(r));
	rule_count(r, IOP_COUNT_PASSED);
	emit_return(e, r->pass_code);
	if (r->unclassed) {
		emit_at(e, r->unclassed);
		CALL(e, "iop_no_class", emit_i32(e, e->hook), r->why);
		emit_return(e, r->pass_code);
	}
	if (LLVMCountIncoming(r->class) == 0) /* conditions that contradict themselves */
		emit_bug(e, "no packet has a class");
}
