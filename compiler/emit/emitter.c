/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building blocks over LLVM's C API.
 */
#include "emit/emitter.h"

#include <stdarg.h>

void emit_bug(struct emitter *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag_help(diag_error(e->diags, SPAN_NONE, "this is a bug of iopc: %s",
			     arena_vprintf(e->arena, fmt, ap)),
		  "please report it with the policy");
	va_end(ap);
	e->failed = true;
}

LLVMValueRef emit_call(struct emitter *e, const char *name, LLVMValueRef *args, unsigned n)
{
	LLVMValueRef fn = LLVMGetNamedFunction(e->mod, name);

	if (!fn || LLVMCountParams(fn) != n) {
		emit_bug(e, "the stage library has no function %s of %u arguments", name, n);
		return LLVMGetUndef(e->i32);
	}
	LLVMTypeRef type = LLVMGlobalGetValueType(fn);

	return LLVMBuildCall2(e->b, type, fn, args, n, "");
}

LLVMBasicBlockRef emit_block(struct emitter *e, const char *name)
{
	return LLVMAppendBasicBlockInContext(e->ctx, e->fn, name);
}

void emit_at(struct emitter *e, LLVMBasicBlockRef block)
{
	LLVMPositionBuilderAtEnd(e->b, block);
}

void emit_br(struct emitter *e, LLVMBasicBlockRef to)
{
	LLVMBuildBr(e->b, to);
}

void emit_cond_br(struct emitter *e, LLVMValueRef c, LLVMBasicBlockRef yes, LLVMBasicBlockRef no)
{
	LLVMBuildCondBr(e->b, c, yes, no);
}

void emit_return(struct emitter *e, unsigned code)
{
	LLVMBuildRet(e->b, emit_i32(e, code));
}

LLVMValueRef emit_alloca(struct emitter *e, LLVMTypeRef type)
{
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
	/* Positioning before an instruction takes over its place in the source. */
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
	LLVMValueRef first = LLVMGetFirstInstruction(e->entry), slot;

	if (first)
		LLVMPositionBuilderBefore(e->b, first);
	else
		LLVMPositionBuilderAtEnd(e->b, e->entry);
	slot = LLVMBuildAlloca(e->b, type, "");
	LLVMPositionBuilderAtEnd(e->b, here);
	LLVMSetCurrentDebugLocation2(e->b, where);
	return slot;
}

LLVMValueRef emit_element(struct emitter *e, LLVMValueRef array, uint32_t i)
{
	LLVMValueRef at[] = { emit_i32(e, 0), emit_i32(e, i) };

	return LLVMBuildGEP2(e->b, LLVMGlobalGetValueType(array), array, at, 2, "");
}

LLVMValueRef emit_i32(struct emitter *e, uint64_t v)
{
	return LLVMConstInt(e->i32, v, false);
}

LLVMValueRef emit_i64(struct emitter *e, uint64_t v)
{
	return LLVMConstInt(e->i64, v, false);
}

LLVMValueRef emit_true(struct emitter *e)
{
	return LLVMConstInt(e->i1, 1, false);
}

LLVMValueRef emit_phi2(struct emitter *e, LLVMTypeRef t, LLVMValueRef a, LLVMBasicBlockRef from_a,
		       LLVMValueRef b, LLVMBasicBlockRef from_b)
{
	LLVMValueRef phi = LLVMBuildPhi(e->b, t, "");

	LLVMAddIncoming(phi, (LLVMValueRef[]){ a, b }, (LLVMBasicBlockRef[]){ from_a, from_b }, 2);
	return phi;
}

void emit_no_unroll(struct emitter *e, LLVMValueRef branch)
{
	LLVMMetadataRef name = LLVMMDStringInContext2(e->ctx, "llvm.loop.unroll.disable", 24);
	LLVMMetadataRef off = LLVMMDNodeInContext2(e->ctx, &name, 1);
	/* A loop's metadata is a node of its own, whose first operand is itself. */
	LLVMMetadataRef self = LLVMTemporaryMDNode(e->ctx, NULL, 0);
	LLVMMetadataRef node = LLVMMDNodeInContext2(e->ctx, (LLVMMetadataRef[]){ self, off }, 2);

	LLVMMetadataReplaceAllUsesWith(self, node);
	LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(e->ctx, "llvm.loop", 9),
			LLVMMetadataAsValue(e->ctx, node));
}

LLVMValueRef emit_load(struct emitter *e, LLVMValueRef p, unsigned width)
{
	LLVMTypeRef type = LLVMIntTypeInContext(e->ctx, 8 * width);
	LLVMValueRef v = LLVMBuildLoad2(e->b, type, p, "");

	LLVMSetAlignment(v, width);
	return v;
}

/* LLVM folds an empty block into the phis behind it, one by one, at a cost that grows with the
 * square of their number; so where many meet, they stay. */
void emit_stay(struct emitter *e)
{
	if (e->policy->n_workloads > 16)
		emit_call(e, "iop_stay", NULL, 0);
}
