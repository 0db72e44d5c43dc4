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

LLVMValueRef emit_search(struct emitter *e, const struct action *a, LLVMValueRef counts, LLVMValueRef n,
			 LLVMValueRef first)
{
	const struct plan_action *pa = &e->plan->actions[a->id];
	const struct worker_set *set = &a->workers;
	LLVMBasicBlockRef loop = emit_block(e, "search"), done = emit_block(e, "found"), before, behind;
	LLVMValueRef search = search_state(e), from, place, next, worker;

	debug_at(e, a->selector.at);
	CALL(e, "iop_search_begin", search, emit_i64(e, pa->stuck),
	     emit_element(e, e->turns, pa->turn), n);
	from = CALL(e, "iop_search_first", search);
	n = CALL(e, "iop_search_n", search);
	before = LLVMGetInsertBlock(e->b);
	emit_br(e, loop);
	emit_at(e, loop);
	place = LLVMBuildPhi(e->b, e->i64, "place");
	worker = LLVMBuildAdd(e->b, from, LLVMBuildTrunc(e->b, place, e->i32, ""), "");
	worker = set->kind == WORKERS_LIST ? emit_nth(e, set->ranges, set->n_ranges, worker)
					   : LLVMBuildAdd(e->b, first, worker, "");
	look(e, a, search, place, worker);
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
	return CALL(e, "iop_search_end", search, counts);
}
