/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The functions that the stage library leaves to the policy, and the
 * constants by which it is specialised; the rest of the room writes their parts.
 */
#include "emit/emit.h"

#include <linux/bpf.h>

#include "emit/emitter.h"

static void constant(struct emitter *e, const char *name, uint64_t v)
{
	LLVMValueRef g = LLVMGetNamedGlobal(e->mod, name);

	if (!g) {
		emit_bug(e, "the stage library has no constant %s", name);
		return;
	}
	LLVMSetInitializer(g, LLVMConstInt(LLVMGlobalGetValueType(g), v, false));
	LLVMSetGlobalConstant(g, true);
	LLVMSetLinkage(g, LLVMInternalLinkage);
	LLVMGlobalClearMetadata(g);
}

static void begin_function(struct emitter *e, const char *name, enum iop_hook hook)
{
	LLVMValueRef program = LLVMGetNamedFunction(e->mod, e->plan->hooks[hook].program);
	LLVMAttributeRef cpu = LLVMGetStringAttributeAtIndex(program, LLVMAttributeFunctionIndex,
							     "target-cpu", 10);

	e->hook = hook;
	e->key = NULL;
	walk_plan(e);
	e->fn = LLVMGetNamedFunction(e->mod, name);
	e->pkt = LLVMGetParam(e->fn, 0);
	if (cpu)
		LLVMAddAttributeAtIndex(e->fn, LLVMAttributeFunctionIndex, cpu);
	debug_function(e, e->fn, name, e->plan->hooks[hook].at);
	/* Slots of local variables come first, in a block of their own. */
	e->entry = emit_block(e, "entry");
	emit_at(e, emit_block(e, "begin"));
	debug_at(e, e->plan->hooks[hook].at);
}

static void end_function(struct emitter *e)
{
	emit_at(e, e->entry);
	LLVMSetCurrentDebugLocation2(e->b, NULL);
	LLVMBuildBr(e->b, LLVMGetNextBasicBlock(e->entry));
}

/* Told by ports alone, whatever the addresses. */
static bool is_plain(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (w->matches[i].n_to || w->matches[i].n_from)
			return false;
	return true;
}

/* … and by few: each can be a case of a switch. */
static bool is_short(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		for (uint32_t k = 0; k < w->matches[i].n_ports; k++)
			if (w->matches[i].ports[k].hi - w->matches[i].ports[k].lo > 16)
				return false;
	return is_plain(w);
}

static void plain_ports(struct emitter *e, const struct workload *w, LLVMValueRef sw,
			LLVMBasicBlockRef to)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		for (uint32_t k = 0; k < w->matches[i].n_ports; k++)
			for (uint64_t p = w->matches[i].ports[k].lo; p <= w->matches[i].ports[k].hi; p++)
				LLVMAddCase(sw, emit_i64(e, emit_port(e, &w->matches[i], p)), to);
}

/*
 * Which workload's match holds? Ports first: one switch for all workloads that are
 * told by ports alone, which LLVM makes a search tree, or, if there are many, a table;
 * then the others, one by one (they do not overlap, so the order is free).
 */
static void frame_workload(struct emitter *e, enum iop_hook hook, const char *name)
{
	LLVMBasicBlockRef found, next, b;
	LLVMValueRef dport, which, sw = NULL, id;
	bool placed = false;

	begin_function(e, name, hook);
	shapes_begin(e);
	dport = CALL(e, "iop_dport", e->pkt);
	next = emit_block(e, "next");
	found = emit_block(e, "found");
	b = LLVMGetInsertBlock(e->b);
	emit_at(e, found);
	which = LLVMBuildPhi(e->b, e->i32, "workload");
	LLVMBuildRet(e->b, LLVMBuildZExt(e->b, which, e->i64, ""));
	emit_at(e, b);
	if (!e->shapes) {
		sw = LLVMBuildSwitch(e->b, dport, next, e->policy->n_workloads);
	} else if ((id = shapes_port(e, dport, is_plain, next))) {
		b = LLVMGetInsertBlock(e->b);
		emit_br(e, found);
		LLVMAddIncoming(which, &id, &b, 1);
	}
	if (e->shapes) {
		LLVMBasicBlockRef others = emit_block(e, "others");

		emit_at(e, next);
		id = places_find(e, dport, others);
		placed = id;
		b = LLVMGetInsertBlock(e->b);
		emit_br(e, placed ? found : others);
		if (placed)
			LLVMAddIncoming(which, &id, &b, 1);
		next = others;
	}
	for (uint32_t i = 0; i < e->policy->n_workloads; i++) {
		const struct workload *w = e->policy->workloads[i];

		if (!plan_at_hook(w, hook) || (e->shapes && is_plain(w)) || (placed && is_placed(w)))
			continue;
		b = emit_block(e, w->name);
		if (!e->shapes && is_short(w)) {
			plain_ports(e, w, sw, b);
		} else {
			emit_at(e, next);
			next = emit_block(e, "next");
			emit_match(e, w, true, b, next);
		}
		emit_at(e, b);
		debug_at(e, w->at);
		emit_stay(e);
		emit_br(e, found);
		id = emit_i32(e, w->id);
		LLVMAddIncoming(which, &id, &b, 1);
	}
	emit_at(e, next);
	LLVMBuildRet(e->b, emit_i64(e, IOP_NONE));
	end_function(e);
}

static void add_shape(struct ruling *r, const struct workload *w, struct emitter *e,
		      LLVMBasicBlockRef none)
{
	(void)e;
	(void)none;
	rules_workload(r, w);
}

/* The number that frame_workload() found leads to the workload's classes. */
static void frame_request(struct emitter *e, enum iop_hook hook, const char *name)
{
	const struct policy *p = e->policy;
	LLVMBasicBlockRef never, b;
	LLVMValueRef which, sw = NULL;
	struct ruling *r;

	begin_function(e, name, hook);
	never = emit_block(e, "never");
	which = LLVMBuildTrunc(e->b, LLVMGetParam(e->fn, 1), e->i32, "");
	r = rules_begin(e);
	if (e->shapes)
		shapes_dispatch(e, which, never, add_shape, r);
	else
		sw = LLVMBuildSwitch(e->b, which, never, p->n_workloads);
	for (uint32_t i = 0; i < p->n_workloads && sw; i++) {
		if (!p->workloads[i]->stages[plan_stage(hook)])
			continue;
		b = emit_block(e, p->workloads[i]->name);
		LLVMAddCase(sw, emit_i32(e, p->workloads[i]->id), b);
		emit_at(e, b);
		rules_workload(r, p->workloads[i]);
	}
	rules_end(r);
	emit_at(e, never);
	if (e->shapes)
		emit_return(e, hook == IOP_HOOK_RX ? XDP_PASS : (unsigned)TCX_NEXT);
	else
		LLVMBuildUnreachable(e->b);
	end_function(e);
}

/* The hook is there for the library's sake: no rule concerns what passes it. */
static void empty_function(struct emitter *e, const char *name, unsigned answer)
{
	begin_function(e, name, IOP_HOOK_TX);
	LLVMBuildRet(e->b, LLVMConstInt(LLVMGetReturnType(LLVMGlobalGetValueType(e->fn)), answer, false));
	end_function(e);
}

static bool has_stage(const struct policy *p, enum lang_stage stage)
{
	for (uint32_t i = 0; i < p->n_workloads; i++)
		if (p->workloads[i]->stages[stage])
			return true;
	return false;
}

/* The group's port is one of the workload's; its addresses may be more than that. */
static bool match_needs_check(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++)
		if (w->matches[i].n_to || w->matches[i].n_from)
			return true;
	return false;
}

/* What a group of sockets serves, once it is known which workload that is. */
static void socket_workload(struct ruling *r, const struct workload *w, struct emitter *e,
			    LLVMBasicBlockRef pass)
{
	if (match_needs_check(w)) {
		LLVMBasicBlockRef not_ours = emit_block(e, "not ours"), ours = emit_block(e, w->name);

		emit_match(e, w, w->n_matches > 1, ours, not_ours);
		emit_at(e, not_ours);
		emit_br(e, pass);
		emit_at(e, ours);
	}
	rules_workload(r, w);
}

static void socket_policy(struct emitter *e)
{
	struct workload *const *w = e->policy->workloads;
	LLVMValueRef sw = NULL;
	uint32_t n = 0;

	begin_function(e, "iop_socket_policy", IOP_HOOK_SOCKET);
	shapes_begin(e);
	LLVMBasicBlockRef pass = emit_block(e, "foreign");
	LLVMBasicBlockRef seen = emit_block(e, "seen"), unseen = emit_block(e, "unseen");
	struct ruling *r = rules_begin(e);

	emit_cond_br(e, CALL(e, "iop_socket_seen", e->pkt), seen, unseen);
	emit_at(e, unseen);
	rules_no_class(r, IOP_PATH_UNSEEN);
	emit_at(e, seen);
	for (uint32_t i = 0; i < e->policy->n_workloads; i++)
		n += w[i]->stages[STAGE_SOCKET] != NULL;
	if (e->shapes)
		shapes_dispatch(e, CALL(e, "iop_group_workload"), pass, socket_workload, r);
	else if (n > 1)
		sw = LLVMBuildSwitch(e->b, CALL(e, "iop_group_workload"), pass, n);
	for (uint32_t i = 0; i < e->policy->n_workloads && !e->shapes; i++) {
		if (!w[i]->stages[STAGE_SOCKET])
			continue;
		if (sw) {
			LLVMBasicBlockRef b = emit_block(e, w[i]->name);

			LLVMAddCase(sw, emit_i32(e, w[i]->id), b);
			emit_at(e, b);
		}
		socket_workload(r, w[i], e, pass);
	}
	rules_end(r);
	emit_at(e, pass);
	debug_at(e, e->plan->hooks[IOP_HOOK_SOCKET].at);
	emit_return(e, SK_PASS);
	end_function(e);
}

static void describe(struct emitter *e, const void *description, uint32_t size)
{
	LLVMValueRef bytes = LLVMConstStringInContext2(e->ctx, description, size, true);
	LLVMValueRef g = LLVMAddGlobal(e->mod, LLVMTypeOf(bytes), "iop_description");

	LLVMSetInitializer(g, bytes);
	LLVMSetGlobalConstant(g, true);
	LLVMSetSection(g, IOP_DESC_SECTION);
	LLVMSetAlignment(g, 8);
}

const struct emitted *emit_plan(struct arena *a, const struct plan *plan,
				const void *description, uint32_t description_size,
				enum emit_kind kind, struct diags *diags)
{
	struct emitter e = { .arena = a, .diags = diags, .plan = plan, .policy = plan->policy };
	const struct emitted *out = NULL;

	e.ctx = LLVMContextCreate();
	LLVMContextSetDiscardValueNames(e.ctx, kind != EMIT_IR); /* for people only */
	e.b = LLVMCreateBuilderInContext(e.ctx);
	e.i1 = LLVMInt1TypeInContext(e.ctx);
	e.i8 = LLVMInt8TypeInContext(e.ctx);
	e.i32 = LLVMInt32TypeInContext(e.ctx);
	e.i64 = LLVMInt64TypeInContext(e.ctx);
	e.ptr = LLVMPointerTypeInContext(e.ctx, 0);
	e.addr = LLVMStructTypeInContext(e.ctx, (LLVMTypeRef[]){ e.i64, e.i64, e.i32 }, 3, false);
	if (emit_open_library(&e)) {
		debug_begin(&e);
		emit_maps(&e);
		emit_variables(&e);
		constant(&e, "iop_families", plan->families);
		constant(&e, "iop_rx_protos", plan->protos[IOP_HOOK_RX]);
		constant(&e, "iop_socket_protos", plan->protos[IOP_HOOK_SOCKET]);
		constant(&e, "iop_tx_protos", plan->protos[IOP_HOOK_TX]);
		constant(&e, "iop_services_n", plan->services ? plan->policy->n_classes : 0);
		constant(&e, "iop_counting", plan->counting);
		constant(&e, "iop_lookup_protos", plan->protos[IOP_HOOK_LOOKUP]);
		if (plan->hooks[IOP_HOOK_RX].used) {
			frame_workload(&e, IOP_HOOK_RX, "iop_rx_workload");
			frame_request(&e, IOP_HOOK_RX, "iop_rx_request");
		}
		if (plan->hooks[IOP_HOOK_TX].used && !has_stage(plan->policy, STAGE_TX)) {
			empty_function(&e, "iop_tx_workload", IOP_NONE);
			empty_function(&e, "iop_tx_reply", (unsigned)TCX_NEXT);
		} else if (plan->hooks[IOP_HOOK_TX].used) {
			frame_workload(&e, IOP_HOOK_TX, "iop_tx_workload");
			frame_request(&e, IOP_HOOK_TX, "iop_tx_reply");
		}
		if (plan->hooks[IOP_HOOK_LOOKUP].used)
			frame_workload(&e, IOP_HOOK_LOOKUP, "iop_lookup_workload");
		if (plan->hooks[IOP_HOOK_SOCKET].used)
			socket_policy(&e);
		describe(&e, description, description_size);
		if (!e.failed)
			out = emit_write(&e, kind);
		LLVMDisposeDIBuilder(e.di);
		LLVMDisposeModule(e.mod);
	}
	LLVMDisposeBuilder(e.b);
	LLVMContextDispose(e.ctx);
	return out;
}
