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
struct shapes;
struct ruling;

/* A field as read; what it is not made of is NULL. */
struct reading {
	LLVMValueRef value; /* numbers */
	/* BYTES, TEXT, REPEAT, SKIP; 64 bits wide, because a register of 32 is spilled to half a
	 * stack slot, and the verifier forgets its bounds when the other half is written. */
	LLVMValueRef at;   /* position in the payload */
	LLVMValueRef size; /* bytes */
	LLVMValueRef end;  /* where what follows begins */
};

/* What is known of a header's field where code is being emitted: its slots hold … */
enum known {
	KNOWN_END = 1,   /* … where it is and ends, though the packet may cut it */
	KNOWN_WHOLE = 2, /* … all of it */
};

/* The fields that reads are made from: a workload's header, or one element of a REPEAT. */
struct frame {
	struct hfield *const *fields;
	uint32_t n;
	struct reading *slots; /* by field index: memory, which LLVM turns into registers */
	uint8_t *known;        /* by field index: bits of enum known, on the way to here */
	LLVMValueRef base;     /* where the element begins; NULL: the payload does */
	bool strict;           /* a number of the element may end behind what is found */
	bool asked;            /* some of the fields stand behind conditions */
};

/* A walk that is a function. */
struct walk_function {
	enum iop_hook hook;
	const struct hfield *field;
	LLVMValueRef fn;
	struct walk_function *older;
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
	LLVMTypeRef i1, i8, i32, i64, ptr;
	LLVMTypeRef addr; /* struct iop_addr */

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
	LLVMValueRef key; /* memory for the key of a limit; NULL: none yet */
	LLVMValueRef walk_len; /* in a walk's function: the payload's length, if it needs it */

	struct shapes *shapes; /* of many workloads (shape.c); NULL: there are few */
	bool outline;     /* walks of this program are functions of their own */
	bool one_walk;    /* there is one, with few ways out */
	unsigned n_walks; /* that have been made */
	struct walk_function *walks; /* of fields */

	/* of other files, by action or pool or param id */
	LLVMValueRef *action_maps, *set_vars;
	LLVMValueRef *pool_vars, *param_vars;
	LLVMValueRef *stack_vars; /* by workload */
	LLVMValueRef *signal_maps; /* by signal */
	struct search *searches;   /* that are functions (search.c) */
	LLVMValueRef turns, buckets;
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
void emit_stay(struct emitter *e);
LLVMValueRef emit_alloca(struct emitter *e, LLVMTypeRef type);
/* Element i of an array that is a global. */
LLVMValueRef emit_element(struct emitter *e, LLVMValueRef array, uint32_t i);
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

/* A variable of .rodata with these bytes. */
LLVMValueRef emit_constants(struct emitter *e, const char *name, const void *bytes, uint32_t size);

/* --- debug.c --- */
void debug_begin(struct emitter *e);
/* What follows comes from this place of the source. */
void debug_at(struct emitter *e, struct span at);
LLVMMetadataRef debug_function(struct emitter *e, LLVMValueRef fn, const char *name,
			       struct span at);
void debug_walk(struct emitter *e, LLVMValueRef fn, const char *name, LLVMValueRef like);
void debug_again(struct emitter *e, LLVMMetadataRef where);
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
void frame_begin(struct emitter *e, struct frame *f, struct hfield *const *fields, uint32_t n);
/* What is known before ways part, and where they meet again. */
uint8_t *frame_save(struct emitter *e);
void frame_restore(struct emitter *e, const uint8_t *known);
/* A field; leaves for `missing` if the packet does not have it. What was read before on every
 * way to here is not read again (frame.known). */
struct reading emit_field(struct emitter *e, const struct field_ref *f,
			  LLVMBasicBlockRef missing);
/* An address: struct iop_addr in memory. */
LLVMValueRef emit_address(struct emitter *e, const struct field_ref *f,
			  LLVMBasicBlockRef missing);

/* Where a field may begin in the payload at most (POLICY_MAX_HEADER_BYTES and a repetition): with
 * the payload's own distance it is below the verifier's bound for packets, 65,535. */
#define MAX_AT 40000
/* How far a walk may get from there without another look at where it is. */
#define MAX_WALKED 8192

/* --- walk.c --- */
/* Decides whether the current program's walks are functions. */
void walk_plan(struct emitter *e);
/*
 * A walk: `body` emits it, with `at`, `size` and `hash` as the caller gives them, and calls
 * walk_found() where it ends well (any number of times); other ways out go to
 * the block `missing`. Returns what was found, in the caller's function. `field`: `what` is
 * a struct hfield, and all that the walk depends on.
 */
struct walk {
	LLVMBasicBlockRef missing, found;
	LLVMValueRef result; /* phi in `found` */
	LLVMValueRef at, size, hash;
};
typedef void walk_body(struct emitter *e, struct walk *w, const void *what);
LLVMValueRef emit_walk(struct emitter *e, LLVMValueRef at, LLVMValueRef size, LLVMValueRef hash,
		       walk_body *body, const void *what, bool field, LLVMBasicBlockRef missing);
void walk_found(struct emitter *e, struct walk *w, LLVMValueRef result);

/* --- cond.c --- */
/* i1: the bytes at a pointer are these. In a loop they are compared as a whole: with a way on for
 * each word that differs, the verifier would see words to the power of positions. */
LLVMValueRef emit_same(struct emitter *e, LLVMValueRef p, const struct bytes *s, bool nocase);
/* One comparison (no and, or, not), with a target for each outcome. */
void emit_comparison(struct emitter *e, const struct cond *c, LLVMBasicBlockRef is,
		     LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown);
/* Branches to `yes` if the condition is true (`want`) or false (!`want`), else, also if it is
 * unknown, to `no`. */
void emit_cond(struct emitter *e, const struct cond *c, bool want, LLVMBasicBlockRef yes,
	       LLVMBasicBlockRef no);
/* A destination port of the match, as iop_dport() tells it of a packet. */
uint64_t emit_port(const struct emitter *e, const struct match *m, uint64_t port);
/* Does the packet belong to the workload? */
void emit_match(struct emitter *e, const struct workload *w, bool ports, LLVMBasicBlockRef yes,
		LLVMBasicBlockRef no);

/* --- decide.c --- */
/* A packet's way to its class: `edge` is called for each branch that gets there, in the block
 * that it comes from; class NULL: no class takes the packet. */
struct decision_edge {
	LLVMBasicBlockRef block;
	const struct class *class;
	const uint8_t *known; /* frame.known on this way */
};
struct decision {
	struct decision_edge *edges;
	size_t n, cap;
};
void emit_decision(struct emitter *e, const struct workload *w, struct decision *out);
/* The same comparison with the same field? */
bool emit_same_atom(const struct cond *a, const struct cond *b);

/* --- shape.c: programs of many workloads --- */
/* Finds the shapes of the current hook's workloads, if they are many. */
void shapes_begin(struct emitter *e);
/* i32: the workload whose port it is; goes to `none` if it is the port of none, and is NULL if no
 * workload is told by ports alone. Goes on in the current block. */
LLVMValueRef shapes_port(struct emitter *e, LLVMValueRef port, bool (*is_plain)(const struct workload *w),
			 LLVMBasicBlockRef none);
/* i32: the workload whose port and address it is, of those that are told by these alone; goes to
 * `none` if it is of none of them, and is NULL if these are few. Goes on in the current block. */
bool is_placed(const struct workload *w);
LLVMValueRef places_find(struct emitter *e, LLVMValueRef port, LLVMBasicBlockRef none);
/* Goes to the code of workload number `which` (i32), to `none` if there is no such; `add` writes it
 * for a workload that stands for all of its shape. */
void shapes_dispatch(struct emitter *e, LLVMValueRef which, LLVMBasicBlockRef none,
		     void (*add)(struct ruling *r, const struct workload *w, struct emitter *e,
				 LLVMBasicBlockRef none),
		     struct ruling *r);
/* The number of a class (i32), given that of the same class of the workload that stands for it. */
LLVMValueRef shape_class(struct emitter *e, LLVMValueRef class);
/* i64: a number of an action that those that share its code may have others for. */
enum datum { DATUM_COST, DATUM_BURST, DATUM_BUCKET, DATUM_TURN, DATUM_COUNT };
LLVMValueRef shape_datum(struct emitter *e, const struct action *a, enum datum what);
/* The element of an array that is a global which the datum names. */
LLVMValueRef shape_element(struct emitter *e, LLVMValueRef array, const struct action *a,
			   enum datum what);

/* --- rules.c, limit.c --- */
/* The rules of all workloads of a program: workloads are added, then the code that they share is
 * finished. */
struct ruling *rules_begin(struct emitter *e);
void rules_workload(struct ruling *r, const struct workload *w);
/* Leaves the current block for where packets of no class are counted, for this reason, and pass. */
void rules_no_class(struct ruling *r, enum iop_path_counter why);
void rules_end(struct ruling *r);
/* What the cell rate algorithm is asked with, in the block that is current then. A limit with a
 * key comes with the key in memory and the time; the rest is filled in. */
struct limit_state {
	LLVMValueRef key, tat, now, cost, tolerance;
};
LLVMValueRef emit_limit_key(struct emitter *e, const struct action *a);
void emit_limit(struct emitter *e, const struct action *a, LLVMValueRef counts,
		LLVMBasicBlockRef conforms, LLVMBasicBlockRef over, struct limit_state *s);
/* Gives the packet the time at which it leaves, and goes on at `next`. */
void emit_pace(struct emitter *e, const struct action *a, LLVMValueRef counts,
	       LLVMBasicBlockRef next, struct limit_state *s);
/* Number i of a list of ranges. */
LLVMValueRef emit_nth(struct emitter *e, const struct range *ranges, uint32_t n, LLVMValueRef i);
LLVMValueRef emit_hash_keys(struct emitter *e, const struct selector *s);

/* A function of its own for what stands in a program many times: `body` emits it once, with `at`
 * (at most MAX_AT), `size` and `hash` for three numbers (i64) of the caller's; *fn remembers it. */
LLVMValueRef emit_shared(struct emitter *e, LLVMValueRef *fn, walk_body *body, const void *what,
			 LLVMValueRef a, LLVMValueRef b, LLVMValueRef c);

/* --- search.c --- */
struct search;
/* The number of the worker that `least_loaded` or `min` chooses of `n` (i32): of the list of the
 * action's, or of those from `first` on. */
LLVMValueRef emit_search(struct emitter *e, const struct action *a, LLVMValueRef counts,
			 LLVMValueRef turn, LLVMValueRef n, LLVMValueRef first);
/* Are there so many that each is a function? Then `turn` is NULL. */
bool emit_searches_shared(const struct emitter *e);

/* --- object.c --- */
bool emit_open_library(struct emitter *e);
const struct emitted *emit_write(struct emitter *e, int kind);

#endif
