/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to emit: the state of one emission and the functions of its files.
 */
#ifndef IOP_EMIT_EMITTER_H
#define IOP_EMIT_EMITTER_H

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "plan/plan.h"

struct emitter;

/* A header field as read in the current function. Values are LLVM's; NULL: not read. */
struct reading {
	LLVMValueRef ok;    /* i1: present, and all before it could be walked */
	LLVMValueRef value; /* i64: numbers */
	LLVMValueRef at;    /* i32: position in the payload */
	LLVMValueRef size;  /* i32: bytes of BYTES, TEXT, REPEAT, SKIP */
	LLVMValueRef end;   /* i32: where what follows begins; with end_ok */
	LLVMValueRef end_ok; /* i1: could the end be told (the field itself may be cut) */
};

/* Fields relative to which the current reads are made: a workload's header, or one element
 * of a REPEAT. */
struct frame {
	const struct header *header;
	struct reading *kept; /* by field index: what is read once for the whole function */
	LLVMValueRef base;    /* i32; NULL: the start of the payload */
};

struct emitter {
	struct arena *arena;
	struct diags *diags;
	const struct plan *plan;
	const struct policy *policy;
	bool failed;

	LLVMContextRef ctx;
	LLVMModuleRef mod;
	LLVMBuilderRef b;
	LLVMTypeRef i1, i8, i32, i64, ptr, addr; /* addr: struct iop_addr */

	/* debug information */
	LLVMDIBuilderRef di;
	LLVMMetadataRef unit;
	LLVMMetadataRef *files;  /* by source */
	LLVMMetadataRef *scopes; /* by source, in the current function */

	/* the current function */
	enum iop_hook hook;
	LLVMValueRef fn, pkt;
	LLVMBasicBlockRef entry;
	LLVMMetadataRef subprogram;
	struct frame frame;

	/* of other files, by action or pool or param id */
	LLVMValueRef *action_maps;
	LLVMValueRef *pool_vars, *param_vars;
	LLVMValueRef turns;
};

/* --- emitter.c: building blocks --- */
void emit_bug(struct emitter *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A function of the stage library by name, called; NULL after a bug was reported. */
LLVMValueRef emit_call(struct emitter *e, const char *name, LLVMValueRef *args, unsigned n);
#define CALL(e, name, ...)                                                       \
	emit_call((e), (name), (LLVMValueRef[]){ __VA_ARGS__ },                   \
		  sizeof((LLVMValueRef[]){ __VA_ARGS__ }) / sizeof(LLVMValueRef))
LLVMBasicBlockRef emit_block(struct emitter *e, const char *name);
/* Goes on in a block. */
void emit_at(struct emitter *e, LLVMBasicBlockRef block);
void emit_br(struct emitter *e, LLVMBasicBlockRef to);
void emit_cond_br(struct emitter *e, LLVMValueRef c, LLVMBasicBlockRef yes, LLVMBasicBlockRef no);
void emit_return(struct emitter *e, unsigned code);
LLVMValueRef emit_alloca(struct emitter *e, LLVMTypeRef type);
LLVMValueRef emit_i32(struct emitter *e, uint64_t v);
LLVMValueRef emit_i64(struct emitter *e, uint64_t v);
LLVMValueRef emit_true(struct emitter *e);
/* phi of two values. */
LLVMValueRef emit_phi2(struct emitter *e, LLVMTypeRef t, LLVMValueRef a, LLVMBasicBlockRef from_a,
		       LLVMValueRef b, LLVMBasicBlockRef from_b);
/* Keeps LLVM from unrolling the loop whose back edge is this branch. */
void emit_no_unroll(struct emitter *e, LLVMValueRef branch);
/* A load of the width in bytes at a pointer, as the packet has it; BPF reads at any address. */
LLVMValueRef emit_load(struct emitter *e, LLVMValueRef p, unsigned width);

/* --- debug.c --- */
void debug_begin(struct emitter *e);
/* What follows comes from this place of the source. */
void debug_at(struct emitter *e, struct span at);
LLVMMetadataRef debug_function(struct emitter *e, LLVMValueRef fn, const char *name,
			       struct span at);
LLVMMetadataRef debug_u32(struct emitter *e);
LLVMMetadataRef debug_u64(struct emitter *e);
LLVMMetadataRef debug_bytes(struct emitter *e, uint32_t n);
LLVMMetadataRef debug_array(struct emitter *e, LLVMMetadataRef of, uint32_t n);
struct debug_member {
	const char *name;
	LLVMMetadataRef type;
	uint32_t bytes, offset;
};
LLVMMetadataRef debug_struct(struct emitter *e, const char *name, const struct debug_member *m,
			     uint32_t n, uint32_t bytes);
void debug_variable(struct emitter *e, LLVMValueRef global, const char *name,
		    LLVMMetadataRef type);
/* After optimisation: what was inlined from the stage library gets the place of the policy
 * that called for it. */
void debug_speak_policy(struct emitter *e);

/* --- maps.c --- */
void emit_maps(struct emitter *e);
void emit_variables(struct emitter *e);

/* --- read.c --- */
/* Counts who reads what; begin_reading() then reads what more than one place needs. */
void reading_plan(struct emitter *e, const struct workload *w, uint32_t *uses);
void reading_begin(struct emitter *e, const struct workload *w);
struct reading emit_read(struct emitter *e, const struct hfield *f);
/* Any field: ok and value (NUMBER, MAC), or at and size (BYTES). */
struct reading emit_field(struct emitter *e, const struct field_ref *f);
/* An address: ok, and struct iop_addr in memory. */
LLVMValueRef emit_address(struct emitter *e, const struct field_ref *f, LLVMValueRef *addr);

/* --- cond.c --- */
/* Branches to `yes` if the condition is true (`want`) or false (!`want`), else, also if it is
 * unknown, to `no`. */
void emit_cond(struct emitter *e, const struct cond *c, bool want, LLVMBasicBlockRef yes,
	       LLVMBasicBlockRef no);
/* Does the packet belong to the workload? */
void emit_match(struct emitter *e, const struct workload *w, bool ports, LLVMBasicBlockRef yes,
		LLVMBasicBlockRef no);

/* --- rules.c, limit.c --- */
/* Classes, counters and rules of a workload at the current hook. */
void emit_workload(struct emitter *e, const struct workload *w);
LLVMValueRef emit_limit(struct emitter *e, const struct action *a, LLVMValueRef counts);
LLVMValueRef emit_hash_keys(struct emitter *e, const struct selector *s);

/* --- object.c --- */
bool emit_open_library(struct emitter *e);
const struct emitted *emit_write(struct emitter *e, int kind);

#endif
