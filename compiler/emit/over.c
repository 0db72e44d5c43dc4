/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits and paces: the cell rate algorithm stands in a program once, keys of the same
 * kind once; who comes there is led back by a number, or by the packet's class.
 */
#include "emit/ruling.h"

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

bool rule_class_tells(const struct emitter *e)
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
			rule_count(r, IOP_COUNT_OVER);
			emit_br(e, rule_node(r, otherwise, NULL, 0)->block);
		} else {
			rule_count(r, IOP_COUNT_LIMITED);
			emit_return(e, r->drop_code);
		}
	}
	way_back(r, r->to_next, limit, t->id, rule_block(r, next));
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

void rule_limit(struct ruling *r, const struct node *n)
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
	emit_limit(e, a, r->counts, rule_block(r, n->next), t->over, &s);
	from = LLVMGetInsertBlock(e->b);
	if (a->otherwise && n->frame.known)
		rule_meet(r, &rule_node(r, a->otherwise, NULL, 0)->frame.known, n->frame.known, n->frame.n);
	LLVMAddIncoming(r->state.tat, &s.tat, &from, 1);
	LLVMAddIncoming(r->state.now, &s.now, &from, 1);
	LLVMAddIncoming(r->state.cost, &s.cost, &from, 1);
	LLVMAddIncoming(r->state.tolerance, &s.tolerance, &from, 1);
	if (!r->class_tells)
		LLVMAddIncoming(r->which, &t->id, &from, 1);
	emit_br(e, r->limit);
}

void rule_pace(struct ruling *r, const struct node *n)
{
	struct limit_state s = { 0 };

	if (r->e->plan->actions[n->action->id].map)
		key_of(r, n, &s);
	emit_pace(r->e, n->action, r->counts, rule_block(r, n->next), &s);
}
