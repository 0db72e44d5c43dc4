/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker of a set with the least to do, or with the least signal: each of them is looked at
 * once, from another one on each time.
 */
#include "emit/emitter.h"

static void look(struct emitter *e, const struct action *a, LLVMValueRef search, LLVMValueRef place,
		 LLVMValueRef worker)
{
	const struct plan_action *pa = &e->plan->actions[a->id];

	if (a->selector.kind == SELECTOR_LEAST_LOADED)
		CALL(e, "iop_search_least", search, place, worker, emit_i32(e, pa->weighed));
	else
		CALL(e, "iop_search_min", search, place, worker,
		     e->signal_maps[a->selector.signal->id], emit_i32(e, a->selector.signal->width));
}

/* The state of a search: struct iop_search, which the library's functions write. */
static LLVMValueRef search_state(struct emitter *e)
{
	LLVMTypeRef words[] = { e->i64, e->i64, e->i64, e->i64, e->i64, e->i64, e->i64 };

	return emit_alloca(e, LLVMStructTypeInContext(e->ctx, words, 7, false));
}

/* The worker (i64) of the list of the action's, or of the `n` from `first` on, both i32. */
static LLVMValueRef search(struct emitter *e, const struct action *a, LLVMValueRef turn, LLVMValueRef n,
			   LLVMValueRef first)
{
	const struct plan_action *pa = &e->plan->actions[a->id];
	const struct worker_set *set = &a->workers;
	LLVMBasicBlockRef loop = emit_block(e, "search"), done = emit_block(e, "found"), before, behind;
	LLVMValueRef state = search_state(e), from, place, next, worker;

	CALL(e, "iop_search_begin", state, emit_i64(e, pa->stuck), turn, n);
	from = CALL(e, "iop_search_first", state);
	n = CALL(e, "iop_search_n", state);
	before = LLVMGetInsertBlock(e->b);
	emit_br(e, loop);
	emit_at(e, loop);
	place = LLVMBuildPhi(e->b, e->i64, "place");
	worker = LLVMBuildAdd(e->b, from, LLVMBuildTrunc(e->b, place, e->i32, ""), "");
	worker = first ? LLVMBuildAdd(e->b, first, worker, "")
		       : emit_nth(e, set->ranges, set->n_ranges, worker);
	look(e, a, state, place, worker);
	next = LLVMBuildAdd(e->b, place, emit_i64(e, 1), "");
	behind = LLVMGetInsertBlock(e->b);
	LLVMAddIncoming(place, (LLVMValueRef[]){ emit_i64(e, 0), next },
			(LLVMBasicBlockRef[]){ before, behind }, 2);
	/* The second bound is for the verifier. */
	emit_no_unroll(e, LLVMBuildCondBr(e->b,
					  LLVMBuildAnd(e->b, LLVMBuildICmp(e->b, LLVMIntULT, next, n, ""),
						       LLVMBuildICmp(e->b, LLVMIntULT, next,
								     emit_i64(e, 64), ""),
						       ""),
					  loop, done));
	emit_at(e, done);
	return CALL(e, "iop_search_end", state);
}

/* --- in line, or as functions --- */

/* The verifier follows some 40,000 instructions for one of them, and a million in all. */
#define MAX_INLINE 4

struct search {
	enum iop_hook hook;
	const struct action *like; /* all that it does not get as an argument */
	LLVMValueRef fn;
	struct search *older;
};

static bool is_search(const struct action *a)
{
	return a && a->kind == ACTION_WORKERS &&
	       (a->selector.kind == SELECTOR_LEAST_LOADED || a->selector.kind == SELECTOR_MIN);
}

bool emit_searches_shared(const struct emitter *e)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < e->policy->n_actions; i++)
		n += is_search(e->plan->actions[i].action);
	return n > MAX_INLINE;
}

static struct search *function_like(struct emitter *e, const struct action *a)
{
	const struct plan_action *x = &e->plan->actions[a->id];
	struct search *s;

	for (s = e->searches; s; s = s->older) {
		const struct plan_action *y = &e->plan->actions[s->like->id];

		if (s->hook == e->hook && s->like->selector.kind == a->selector.kind &&
		    s->like->selector.signal == a->selector.signal && x->stuck == y->stuck &&
		    x->weighed == y->weighed)
			return s;
	}
	s = arena_new_of(e->arena, struct search);
	*s = (struct search){ .hook = e->hook, .like = a, .older = e->searches };
	e->searches = s;
	return s;
}

static void body(struct emitter *e, struct walk *w, const void *what)
{
	const struct action *a = what;
	LLVMValueRef turn = CALL(e, "iop_search_turns", e->turns, w->hash, emit_i64(e, e->plan->n_turns));

	walk_found(e, w, search(e, a, turn, LLVMBuildTrunc(e->b, w->at, e->i32, ""),
				LLVMBuildTrunc(e->b, w->size, e->i32, "")));
}

LLVMValueRef emit_search(struct emitter *e, const struct action *a, LLVMValueRef counts,
			 LLVMValueRef turns, LLVMValueRef n, LLVMValueRef first)
{
	const struct worker_set *set = &a->workers;
	uint32_t turn = e->plan->actions[a->id].turn;
	LLVMValueRef found;

	debug_at(e, a->selector.at);
	if (!first && set->n_ranges == 1)
		first = emit_i32(e, set->ranges[0].lo);
	if (first && emit_searches_shared(e))
		found = emit_shared(e, &function_like(e, a)->fn, body, a,
				    LLVMBuildZExt(e->b, n, e->i64, ""),
				    LLVMBuildZExt(e->b, first, e->i64, ""), emit_i64(e, turn));
	else
		found = search(e, a, turns ? turns : emit_element(e, e->turns, turn), n, first);
	return CALL(e, "iop_search_chosen", found, counts);
}
