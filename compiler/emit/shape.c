/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many workloads of a program, told by tables instead of branches.
 *
 * A policy of many tenants says the same of most of them. Workloads whose classes and
 * rules differ in numbers only have one shape, and one piece of code: the numbers stand
 * in a row of constants each. So the code, the time that it takes to make and to verify
 * and the time that a packet takes grow with the shapes, not with the workloads.
 *
 * Few workloads keep branches: PLAN_FEW_WORKLOADS.
 */
#include "emit/emitter.h"

/* Numbers of a row before those of the actions. */
enum { ROW_SHAPE, ROW_CLASS, ROW_ACTIONS };

struct slot {
	uint32_t action; /* of the first workload: its id */
	enum datum what;
	uint32_t at;     /* in the row */
};

struct shape {
	uint64_t hash;
	const struct workload *first;
	vec(const struct workload *) members;
	vec(struct slot) slots;
};

struct shapes {
	vec(struct shape *) v;
	uint32_t *of;    /* by workload id; UINT32_MAX: no stage here */
	uint32_t stride; /* numbers in a row */
	const struct shape *now;
	LLVMValueRef table, row;
};

/* --- which are the same --- */

static bool same_cond(const struct cond *a, const struct cond *b)
{
	if (!a || !b || a->kind != b->kind)
		return a == b;
	if (a->kind > COND_NOT)
		return emit_same_atom(a, b);
	return same_cond(a->a, b->a) && (a->kind == COND_NOT || same_cond(a->b, b->b));
}

static bool same_choice(const struct selector *a, const struct selector *b)
{
	if (a->kind != b->kind || a->flow != b->flow || a->n_keys != b->n_keys ||
	    (a->kind != SELECTOR_HASH && a->kind != SELECTOR_RANDOM &&
	     a->kind != SELECTOR_ROUND_ROBIN))
		return false; /* what has a map belongs to one workload */
	for (uint32_t i = 0; i < a->n_keys; i++)
		if (a->keys[i].hfield != b->keys[i].hfield || a->keys[i].field != b->keys[i].field)
			return false;
	return true;
}

static bool same_set(const struct worker_set *a, const struct worker_set *b)
{
	return a->kind == b->kind && a->n == b->n && a->n_ranges == b->n_ranges &&
	       (!a->n_ranges || !memcmp(a->ranges, b->ranges, a->n_ranges * sizeof(*a->ranges)));
}

/* But for numbers that a row can hold. */
static bool same_action(const struct emitter *e, const struct action *a, const struct action *b)
{
	const struct plan_action *x, *y;

	if (!a || !b || a->kind != b->kind)
		return a == b;
	x = &e->plan->actions[a->id];
	y = &e->plan->actions[b->id];
	if (!x->action || !y->action || x->map || y->map || x->n_targets != y->n_targets ||
	    x->first_target != y->first_target)
		return false;
	switch (a->kind) {
	case ACTION_PASS:
	case ACTION_DROP:
	case ACTION_COUNT:
		return true;
	case ACTION_STEER:
		return a->pool == b->pool && a->stack == b->stack &&
		       same_choice(&a->selector, &b->selector);
	case ACTION_WORKER:
		return same_set(&a->workers, &b->workers);
	case ACTION_WORKERS:
		return same_set(&a->workers, &b->workers) && same_choice(&a->selector, &b->selector);
	case ACTION_MARK:
		return a->mark == b->mark;
	case ACTION_ORDER: /* same_shape() compares the bands */
		return true;
	case ACTION_LIMIT:
	case ACTION_PACE:
		return a->rate_type == b->rate_type && a->param == b->param && !a->per && !b->per &&
		       a->per_flow == b->per_flow && same_action(e, a->otherwise, b->otherwise);
	default:
		return false;
	}
}

/* Is the match looked at behind the dispatch, too? Then it is a part of the shape. */
static bool match_is_asked(const struct emitter *e, const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (e->hook == IOP_HOOK_SOCKET && (w->matches[i].n_to || w->matches[i].n_from))
			return true;
	return false;
}

static unsigned protos(const struct workload *w)
{
	unsigned set = 0;

	for (uint32_t i = 0; i < w->n_matches; i++)
		set |= w->matches[i].proto == PROTO_TCP ? PLAN_TCP : PLAN_UDP;
	return set;
}

static bool same_shape(const struct emitter *e, const struct workload *a, const struct workload *b)
{
	const struct stage *x = a->stages[plan_stage(e->hook)], *y = b->stages[plan_stage(e->hook)];

	if (protos(a) != protos(b) || a->payload != b->payload || a->n_classes != b->n_classes || x->n_rules != y->n_rules ||
	    match_is_asked(e, a) || match_is_asked(e, b))
		return false;
	for (uint32_t i = 0; i < a->n_classes; i++)
		if (!same_cond(a->classes[i].when, b->classes[i].when) ||
		    (e->hook == IOP_HOOK_TX && a->classes[i].band != b->classes[i].band))
			return false;
	for (uint32_t i = 0; i < x->n_rules; i++) {
		const struct rule *r = &x->rules[i], *q = &y->rules[i];

		if (r->classes != q->classes || r->n_actions != q->n_actions)
			return false;
		for (uint32_t k = 0; k < r->n_actions; k++)
			if (!same_action(e, r->actions[k], q->actions[k]))
				return false;
	}
	return true;
}

/* Equal for equal shapes, so that a thousand different ones are not compared pair by pair. */
static uint64_t hash_cond(uint64_t h, const struct cond *c)
{
	if (!c)
		return h * 31 + 1;
	h = (h * 31 + c->kind) * 31 + c->n;
	if (c->rhs && c->rhs->kind == VALUE_CONST)
		h = (h ^ c->rhs->number) * 0x9e3779b97f4a7c15ULL;
	for (uint32_t i = 0; c->kind == COND_RANGES && i < c->n && i < 4; i++)
		h = (h ^ c->ranges[i].lo) * 0x9e3779b97f4a7c15ULL;
	if (c->kind > COND_NOT)
		return h;
	h = hash_cond(h, c->a);
	return c->kind == COND_NOT ? h : hash_cond(h, c->b);
}

static uint64_t hash_shape(const struct emitter *e, const struct workload *w)
{
	const struct stage *st = w->stages[plan_stage(e->hook)];
	uint64_t h = w->n_classes * 31 + st->n_rules;

	for (uint32_t i = 0; i < w->n_classes; i++)
		h = hash_cond(h, w->classes[i].when);
	for (uint32_t i = 0; i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			h = h * 31 + st->rules[i].actions[k]->kind;
	return h;
}

/* --- what differs --- */

static uint64_t datum(const struct emitter *e, const struct action *a, enum datum what)
{
	switch (what) {
	case DATUM_COST:
		return a->rate_type == TYPE_RATE ? iop_rate_cost(a->rate) : iop_bitrate_cost(a->rate);
	case DATUM_BURST:
		return a->burst;
	case DATUM_BUCKET:
		return e->plan->actions[a->id].bucket;
	case DATUM_TURN:
		return e->plan->actions[a->id].turn;
	case DATUM_COUNT:
		break;
	}
	return 0;
}

static bool has_datum(const struct action *a, enum datum what)
{
	if (what == DATUM_TURN)
		return (a->kind == ACTION_STEER || a->kind == ACTION_WORKERS) &&
		       a->selector.kind == SELECTOR_ROUND_ROBIN;
	return (a->kind == ACTION_LIMIT || a->kind == ACTION_PACE) && (what != DATUM_COST || !a->param);
}

/* Action i of a stage, counting those behind an `else` as well; NULL behind the last. */
static const struct action *nth_action(const struct stage *st, uint32_t i)
{
	for (uint32_t k = 0; k < st->n_rules; k++)
		for (uint32_t n = 0; n < st->rules[k].n_actions; n++)
			for (const struct action *a = st->rules[k].actions[n]; a; a = a->otherwise)
				if (i-- == 0)
					return a;
	return NULL;
}

static bool differs(const struct emitter *e, const struct shape *s, uint32_t i, enum datum what)
{
	const struct stage *st = s->first->stages[plan_stage(e->hook)];
	uint64_t first = datum(e, nth_action(st, i), what);

	for (size_t k = 1; k < s->members.n; k++)
		if (datum(e, nth_action(s->members.v[k]->stages[plan_stage(e->hook)], i), what) != first)
			return true;
	return false;
}

static void find_slots(struct emitter *e, struct shape *s)
{
	const struct stage *st = s->first->stages[plan_stage(e->hook)];
	uint32_t at = ROW_ACTIONS;
	const struct action *a;

	for (uint32_t i = 0; (a = nth_action(st, i)); i++)
		for (enum datum what = 0; what < DATUM_COUNT; what++)
			if (has_datum(a, what) && differs(e, s, i, what))
				*vec_push(e->arena, &s->slots) = (struct slot){ a->id, what, at++ };
	if (at > e->shapes->stride)
		e->shapes->stride = at;
}

static struct shape *shape_of(struct emitter *e, const struct workload *w)
{
	struct shapes *all = e->shapes;
	uint64_t hash = hash_shape(e, w);
	struct shape *s;

	for (size_t i = 0; i < all->v.n; i++) {
		s = all->v.v[i];
		if (s->hash == hash && same_shape(e, s->first, w)) {
			all->of[w->id] = (uint32_t)i;
			return s;
		}
	}
	s = arena_new_of(e->arena, struct shape);
	s->hash = hash;
	s->first = w;
	all->of[w->id] = (uint32_t)all->v.n;
	*vec_push(e->arena, &all->v) = s;
	return s;
}

/* --- the rows --- */

static void fill_row(const struct emitter *e, const struct shape *s, const struct workload *w,
		     uint64_t *row)
{
	const struct stage *st = w->stages[plan_stage(e->hook)];
	const struct stage *first = s->first->stages[plan_stage(e->hook)];
	const struct action *a;
	size_t n = 0;

	row[ROW_SHAPE] = e->shapes->of[w->id];
	row[ROW_CLASS] = w->classes[0].gid;
	for (uint32_t i = 0; n < s->slots.n && (a = nth_action(first, i)); i++)
		for (; n < s->slots.n && s->slots.v[n].action == a->id; n++)
			row[s->slots.v[n].at] = datum(e, nth_action(st, i), s->slots.v[n].what);
}

static void make_table(struct emitter *e)
{
	struct shapes *all = e->shapes;
	size_t size = (size_t)e->policy->n_workloads * all->stride * sizeof(uint64_t);
	uint64_t *rows = arena_alloc(e->arena, size);

	memset(rows, 0xff, size);
	for (uint32_t i = 0; i < e->policy->n_workloads; i++)
		if (all->of[i] != UINT32_MAX)
			fill_row(e, all->v.v[all->of[i]], e->policy->workloads[i],
				 rows + (size_t)i * all->stride);
	all->table = emit_constants(e, arena_printf(e->arena, "%s_rows", e->plan->hooks[e->hook].program),
				    rows, (uint32_t)size);
}

void shapes_begin(struct emitter *e)
{
	struct shape *s;

	e->shapes = NULL;
	/* A class that a worker tells is known when the packet comes, and so are its rules. */
	if (!e->plan->hooks[e->hook].tables || (e->hook == IOP_HOOK_TX && e->plan->rows))
		return;
	e->shapes = arena_new_of(e->arena, struct shapes);
	e->shapes->stride = ROW_ACTIONS;
	e->shapes->of = arena_alloc(e->arena, (e->policy->n_workloads + 1) * sizeof(*e->shapes->of));
	for (uint32_t i = 0; i < e->policy->n_workloads; i++) {
		const struct workload *w = e->policy->workloads[i];

		e->shapes->of[i] = UINT32_MAX;
		if (!w->stages[plan_stage(e->hook)])
			continue;
		s = shape_of(e, w);
		*vec_push(e->arena, &s->members) = w;
	}
	for (size_t i = 0; i < e->shapes->v.n; i++)
		find_slots(e, e->shapes->v.v[i]);
	make_table(e);
}

/* --- code --- */

static LLVMValueRef of_row(struct emitter *e, uint32_t at)
{
	LLVMValueRef i = emit_i64(e, 8ull * at);

	return emit_load(e, LLVMBuildGEP2(e->b, e->i8, e->shapes->row, &i, 1, ""), 8);
}

/* Goes to the code of workload number `which` (i32), to `none` if there is no such; `add` writes it
 * for a workload that stands for all of its shape. */
void shapes_dispatch(struct emitter *e, LLVMValueRef which, LLVMBasicBlockRef none,
		     void (*add)(struct ruling *r, const struct workload *w, struct emitter *e,
				 LLVMBasicBlockRef none),
		     struct ruling *r)
{
	struct shapes *all = e->shapes;
	LLVMBasicBlockRef known = emit_block(e, "known");
	LLVMValueRef at, sw, n = emit_i32(e, e->policy->n_workloads);

	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, which, n, ""), known, none);
	emit_at(e, known);
	at = LLVMBuildMul(e->b, LLVMBuildZExt(e->b, which, e->i64, ""), emit_i64(e, 8ull * all->stride), "");
	all->row = LLVMBuildGEP2(e->b, e->i8, all->table, &at, 1, "row");
	sw = LLVMBuildSwitch(e->b, of_row(e, ROW_SHAPE), none, (unsigned)all->v.n);
	for (uint32_t i = 0; i < all->v.n; i++) {
		LLVMBasicBlockRef b = emit_block(e, all->v.v[i]->first->name);

		LLVMAddCase(sw, emit_i64(e, i), b);
		emit_at(e, b);
		all->now = all->v.v[i];
		add(r, all->v.v[i]->first, e, none);
	}
	all->now = NULL;
}

LLVMValueRef shape_class(struct emitter *e, LLVMValueRef class)
{
	const struct shape *s = e->shapes ? e->shapes->now : NULL;

	if (!s || s->members.n == 1)
		return class;
	class = LLVMBuildSub(e->b, class, emit_i32(e, s->first->classes[0].gid), "");
	return LLVMBuildAdd(e->b, class, LLVMBuildTrunc(e->b, of_row(e, ROW_CLASS), e->i32, ""), "");
}

LLVMValueRef shape_datum(struct emitter *e, const struct action *a, enum datum what)
{
	for (size_t i = 0; e->shapes && i < e->shapes->v.n; i++) {
		const struct shape *s = e->shapes->v.v[i];

		for (size_t k = 0; k < s->slots.n; k++)
			if (s->slots.v[k].action == a->id && s->slots.v[k].what == what)
				return of_row(e, s->slots.v[k].at);
	}
	return emit_i64(e, datum(e, a, what));
}

LLVMValueRef shape_element(struct emitter *e, LLVMValueRef array, const struct action *a, enum datum what)
{
	LLVMValueRef i = shape_datum(e, a, what), at[2] = { emit_i64(e, 0), i };
	LLVMTypeRef type = LLVMGlobalGetValueType(array);

	if (LLVMIsConstant(i))
		return emit_element(e, array, (uint32_t)LLVMConstIntGetZExtValue(i));
	at[1] = CALL(e, "iop_below", i, emit_i64(e, LLVMGetArrayLength2(type)));
	return LLVMBuildGEP2(e->b, type, array, at, 2, "");
}

/* --- ports --- */

struct ports {
	uint16_t *of; /* by place: number of the workload, or one that none has */
	uint16_t number;
	uint64_t lo, hi; /* places in use */
};

/* Ports of one protocol have a place each; of both, they stand side by side. */
static void note_ports(const struct emitter *e, struct ports *p, const struct workload *w)
{
	bool both = e->plan->protos[e->hook] == (PLAN_UDP | PLAN_TCP);

	for (uint32_t i = 0; i < w->n_matches; i++)
		for (uint32_t k = 0; k < w->matches[i].n_ports; k++)
			for (uint64_t n = w->matches[i].ports[k].lo; n <= w->matches[i].ports[k].hi; n++) {
				uint64_t place = both ? 2 * n + (w->matches[i].proto == PROTO_TCP) : n;

				p->of[place] = p->number;
				p->lo = place < p->lo ? place : p->lo;
				p->hi = place > p->hi ? place : p->hi;
			}
}

/* Where the port stands in the table; as emit_port() numbers them, TCP's are from 65,536 on. */
static LLVMValueRef port_place(struct emitter *e, LLVMValueRef port)
{
	LLVMValueRef low, tcp;

	if (e->plan->protos[e->hook] != (PLAN_UDP | PLAN_TCP))
		return port;
	low = LLVMBuildShl(e->b, LLVMBuildAnd(e->b, port, emit_i64(e, 0xffff), ""), emit_i64(e, 1), "");
	tcp = LLVMBuildLShr(e->b, port, emit_i64(e, 16), "");
	return LLVMBuildOr(e->b, low, tcp, "");
}

LLVMValueRef shapes_port(struct emitter *e, LLVMValueRef port, bool (*is_plain)(const struct workload *w),
			 LLVMBasicBlockRef none)
{
	struct ports p = { .of = arena_alloc(e->arena, 2 * 65536 * sizeof(*p.of)), .lo = UINT64_MAX };
	LLVMBasicBlockRef within, some;
	LLVMValueRef table, i, v;

	memset(p.of, 0xff, 2 * 65536 * sizeof(*p.of));
	for (uint32_t k = 0; k < e->policy->n_workloads; k++) {
		p.number = (uint16_t)k;
		if (e->shapes->of[k] != UINT32_MAX && is_plain(e->policy->workloads[k]))
			note_ports(e, &p, e->policy->workloads[k]);
	}
	if (p.lo > p.hi) { /* all are told by addresses */
		emit_br(e, none);
		return NULL;
	}
	table = emit_constants(e, arena_printf(e->arena, "%s_ports", e->plan->hooks[e->hook].program),
			       p.of + p.lo, (uint32_t)(p.hi - p.lo + 1) * sizeof(*p.of));
	within = emit_block(e, "");
	some = emit_block(e, "");
	i = LLVMBuildSub(e->b, port_place(e, port), emit_i64(e, p.lo), "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, i, emit_i64(e, p.hi - p.lo), ""), within, none);
	emit_at(e, within);
	i = LLVMBuildMul(e->b, i, emit_i64(e, sizeof(*p.of)), "");
	v = LLVMBuildZExt(e->b, emit_load(e, LLVMBuildGEP2(e->b, e->i8, table, &i, 1, ""), 2), e->i32, "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, v, emit_i32(e, e->policy->n_workloads), ""), some,
		     none);
	emit_at(e, some);
	return v;
}
