/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Private to rules.c, choose.c and over.c: a program's rules while their code is
 * being made, and what actions share of it.
 */
#ifndef IOP_EMIT_RULING_H
#define IOP_EMIT_RULING_H

#include "emit/emitter.h"

/* More classes than that are not asked for one by one. */
#define FEW_CLASSES 32

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
	LLVMBasicBlockRef classed, some;
	/* Where no class can be told, made when it is needed; why: a phi of enum iop_path_counter. */
	LLVMBasicBlockRef unclassed;
	LLVMValueRef why;
	LLVMValueRef class, first, counts;
	LLVMValueRef told; /* the class, as one number that LLVM does not take apart */
	LLVMBasicBlockRef pass; /* made when it is needed */
	unsigned pass_code, drop_code;
	/* the workload that is being added */
	const struct workload *workload;
	uint8_t **known; /* by class */
	const struct node **begins; /* by number of the class in the policy */
};

/* --- rules.c --- */
/* One more in a counter of the packet's class. */
void rule_count(struct ruling *r, enum iop_counter i);
/* What is known on both ways: *known, and one more of n fields. */
void rule_meet(struct ruling *r, uint8_t **known, const uint8_t *more, uint32_t n);
/* The node of an action and what comes behind it, made if there is none; band: of ORDER. */
struct node *rule_node(struct ruling *r, const struct action *a, const struct node *next,
		       uint32_t band);
/* Where the packet passes, and where a node begins: there if it is NULL. */
LLVMBasicBlockRef rule_pass_block(struct ruling *r);
LLVMBasicBlockRef rule_block(struct ruling *r, const struct node *n);

/* --- choose.c: to cores and workers; in the block that is current then --- */
void rule_steer(struct ruling *r, const struct action *a);
void rule_steer_to_stack(struct ruling *r, const struct action *a);
void rule_worker(struct ruling *r, const struct action *a);

/* --- over.c: rates; as above --- */
/* May the class stand for the limit that a packet meets? */
bool rule_class_tells(const struct emitter *e);
void rule_limit(struct ruling *r, const struct node *n);
void rule_pace(struct ruling *r, const struct node *n);

#endif
