/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The plan: what runs where. For each hook the actions that a class meets, in
 * one list; for each action its counters and the map that holds its state; the
 * maps and the kernel features that all of it needs. Emission only writes down
 * what stands here, and so does the object's description.
 */
#ifndef IOP_PLAN_PLAN_H
#define IOP_PLAN_PLAN_H

#include <stdio.h>

#include "abi/count.h"
#include "abi/object.h"
#include "sema/policy.h"

struct arena;
struct diags;

/* What a class meets at a hook: non-ending actions, then at most one that ends. */
struct plan_chain {
	const struct action *const *actions;
	uint32_t n;
};

struct plan_action {
	const struct action *action; /* NULL: no class meets it */
	enum iop_hook hook;
	uint32_t first_target, n_targets; /* in the element of the hook's counter map */
	const struct plan_map *map;       /* LIMIT per key: state; selector `local`: table */
	uint32_t bucket;                  /* LIMIT without a key: index into iop_buckets */
	uint32_t turn;                    /* round robin, least_loaded, min: index into iop_turns */
	uint64_t stuck;                   /* least_loaded, min: ns */
	bool weighed;                     /* least_loaded: by `service` */
};

/* Keys of limits (bpf/stage/actions.h). */
enum plan_key {
	PLAN_KEY_NONE,
	PLAN_KEY_NUMBER, /* value, present: 16 bytes */
	PLAN_KEY_ADDR,   /* hi, lo, family: 24 bytes */
	PLAN_KEY_FLOW,   /* source, destination, ports: 56 bytes */
	PLAN_KEY_BYTES,  /* 64 bytes, length: 72 bytes */
	PLAN_KEY_SET,    /* struct iop_set_key */
};

struct plan_map {
	const char *name;
	enum iop_map_role role;
	enum iop_map_scope scope;
	uint32_t type;       /* BPF_MAP_TYPE_* */
	uint32_t key_size, value_size, max_entries;
	uint32_t flags;      /* BPF_F_* */
	enum plan_key key;
	const struct signal *signal; /* whose values they are, or NULL */
	const struct action *action; /* whose it is, or NULL */
	const struct set *set;       /* whose entries it holds, or NULL */
	bool generated;      /* made by emission; else the stage library has it */
};

enum plan_set_form {
	PLAN_SET_CODE, /* comparisons */
	PLAN_SET_BITS, /* a bit for each number from the least to the greatest, in .rodata */
	PLAN_SET_MAP,
};

struct plan_set {
	enum plan_set_form form;
	/* MAP: its entries; numbers are the first 64 bits of addresses of family 6 */
	const struct prefix *prefixes;
	uint32_t n;
	const struct plan_map *map;
};

struct plan_feature {
	enum lang_feature feature;
	const char *why;
	struct span at; /* first line that needs it */
};

/* Up to as many workloads at a hook are told by branches; of more, tables in .rodata tell
 * which a packet is of (emit/shape.c). */
#define PLAN_FEW_WORKLOADS 8

struct plan_hook {
	bool used;
	bool tables; /* there are more than PLAN_FEW_WORKLOADS */
	struct span at; /* first stage at this hook */
	const char *program;
	uint32_t n_targets; /* most of any class: size of the counter map's element */
	const struct plan_map *counts;
	/* chain of class gid; of classes whose workload has no stage here: n == 0 */
	struct plan_chain *chains;
};

/* As the stage library has them. */
#define PLAN_UDP 1u
#define PLAN_TCP 2u

struct plan {
	const struct policy *policy;
	struct plan_hook hooks[IOP_HOOKS];
	struct plan_action *actions; /* by action id; policy->n_actions */
	struct plan_set *sets;       /* by set id; policy->n_sets */
	bool set_bits;               /* one of them is bits */
	const struct plan_map *const *maps;
	uint32_t n_maps;
	uint32_t n_turns;
	uint32_t n_buckets;
	bool rows;                /* the programs know who serves what: abi/worker.h */
	bool counting;            /* requests are counted until they are answered */
	bool connections;         /* connections are, until they end */
	const uint64_t *services; /* by class gid: ns, what it weighs; NULL: nothing is weighed */
	struct plan_feature *features;
	uint32_t n_features;
	const bool *reads_param;  /* by param id: a condition or limit that runs reads it; read by
				     the description and by bounds.c */
	unsigned families;        /* that some match can hold for: 1 IPv4, 2 IPv6 */
	unsigned protos[IOP_HOOKS]; /* that workloads with a stage there match: PLAN_UDP, PLAN_TCP */
};

/* Where the variables of live params are. */
#define PLAN_LIVE_SECTION ".data.live"

enum iop_param_type plan_param_type(const struct param *p);

/* Do the workload's workers tell the class of its replies over UDP? */
bool plan_told_by_worker(const struct workload *w);

/* Has the workload something to do at the hook? */
bool plan_at_hook(const struct workload *w, enum iop_hook hook);

/* The stage of the language at a hook. */
enum lang_stage plan_stage(enum iop_hook hook);

/* `kernel` is the release of --target as KERNEL(major, minor), 0: none given. NULL exactly
 * when there was an error. */
const struct plan *plan_make(struct arena *a, const struct policy *p, unsigned kernel,
			     struct diags *diags);

/* The features that the plan needs, each with its first line (features.c). */
void plan_features(struct arena *a, struct plan *plan, unsigned kernel, struct diags *diags);

/* How each set is looked up (sets.c). */
void plan_sets(struct arena *a, struct plan *plan, struct diags *diags);

/* Fills in reads_param (reads.c). */
void plan_reads(struct arena *a, struct plan *plan);

/* What the kernel would refuse to load is an error; what is written and does nothing is a
 * warning (bounds.c). */
void plan_bounds(const struct plan *plan, struct diags *diags);
void plan_unused(const struct plan *plan, struct diags *diags);

/* The `.iop` section's bytes (abi/object.h). */
const void *plan_describe(struct arena *a, const struct plan *plan, const char *compiler,
			  uint32_t *size);

/* --emit=plan: a table; --emit=header: a C header with the map layouts. */
void plan_print(const struct plan *plan, FILE *out);
void plan_print_header(const struct plan *plan, FILE *out);

#endif
