/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a policy decides about a packet, found by walking the checked policy:
 * slow, obvious and written without a look at the code generator, so that each
 * can be held against the other. `iopc --test` runs a policy's tests with it,
 * without any privilege; tests/oracle compares it with the BPF programs.
 *
 * Nothing here reads a clock, a machine or a global: what a decision depends on
 * beside policy and packet is in struct interp_env.
 */
#ifndef IOP_INTERP_INTERP_H
#define IOP_INTERP_INTERP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/count.h"
#include "sema/policy.h"

struct arena;

/* --- what a decision depends on --- */

/* The cores of a pool that a machine gave it. */
struct interp_pool {
	const uint16_t *cores; /* NULL: not known here; then any core is possible */
	uint32_t n;
};

/* Numbers of cores or workers. */
#define TARGETS_MAX 1024
struct targets {
	bool any; /* all numbers */
	uint64_t bits[TARGETS_MAX / 64];
};

struct interp_limits;

/* What a worker has to do when the packet is met. */
struct interp_worker {
	uint32_t requests; /* outstanding */
	uint64_t work;     /* ns of service of these */
	uint64_t silent;   /* ns since it has replied, or since it has anything to reply to */
	bool due;          /* if it is stuck: it is to be tried */
	bool gone;         /* known to be */
	uint64_t signals[POLICY_MAX_SIGNALS]; /* by signal id; UINT64_MAX: it has said nothing */
};

struct interp_env {
	const struct interp_pool
		*pools; /* by pool id, for pools that are not fixed; NULL: unknown */
	const struct targets *cores;     /* cores that exist; NULL: all do */
	const uint32_t *workers;         /* by workload id: how many there are; NULL: none */
	/* By workload id, then by number: what workers do; NULL: not known, so that `least_loaded`
	 * and `min` may choose any. */
	const struct interp_worker *const *states;
	const uint64_t *params;          /* by param id; NULL: what the policy says */

	/* When the packet is met, in ns: at some moment from `earliest` to `latest`. Where it
	 * depends on the moment whether a limit is passed, the decision is unsure: bit k of
	 * `guess` tells whether the k-th such limit was (1: it was over). */
	uint64_t earliest, latest;
	unsigned guess;
	struct interp_limits *limits; /* NULL: each limit is met for the first time */

	/* The packet is seen as a socket sees it: fragments were put together. */
	bool reassembled;
};

/* What limits remember from packet to packet; lives in the arena. */
struct interp_limits *interp_limits_new(struct arena *a);
/* Takes back what the last packet changed. */
void interp_limits_undo(struct interp_limits *l);
/* Begins a packet: what it changes can be taken back. interp_decide() does it itself. */
void interp_limits_begin(struct interp_limits *l);

/* --- decisions --- */

enum verdict {
	VERDICT_PASS,   /* as if there were no policy */
	VERDICT_DROP,
	VERDICT_STEER,  /* rx: to one of the cores in `targets` */
	VERDICT_WORKER, /* socket: to one of the workers in `targets` */
};

/* What one stage does with the packet. */
struct outcome {
	enum verdict verdict;
	const struct action *by; /* the action that decided; NULL: none did */
	/* STEER, WORKER: every number that may come out; exactly one for `worker N` and hash.
	 * Only numbers that are there. If the choice may fall on one that is not, the stage
	 * may also pass. */
	struct targets targets;
	bool may_pass;
	/* By how much each counter of the class rises; targets not among them. For choices that
	 * are not certain STEERED is counted; it would be FALLBACK where the stage passes. */
	uint32_t counts[IOP_COUNT_TARGETS];
	/* tx: what the packet leaves with. */
	bool marked, ordered;
	uint32_t mark, band;
	/* When it leaves, in ns: at some moment between; 0: at once. */
	uint64_t leaves_least, leaves_most;
};

#define INTERP_NONE UINT32_MAX

struct decision {
	uint32_t workload; /* id or INTERP_NONE */
	uint32_t class;    /* gid or INTERP_NONE */
	struct outcome rx;
	struct outcome socket; /* if rx does not drop it; else all zero */
	/* Of the reply to it, if neither drops it; its size is taken to be that of the packet. */
	struct outcome tx;
	bool reply_unknown;    /* it is not known which worker sends it */
	bool reply_unclassed;  /* of the workload, but no class takes it */
	uint32_t reply_class;  /* gid or INTERP_NONE */
	unsigned unsure;       /* how many limits depended on the moment */
};

/*
 * Decides about a frame of `len` bytes from the Ethernet header on: first as
 * the driver sees it, then, if it goes on, as the socket does. The frame may be
 * anything. Changes env->limits only.
 */
void interp_decide(const struct policy *p, const uint8_t *frame, size_t len,
		   const struct interp_env *env, struct decision *d);

/*
 * The same about a frame that leaves, whatever it answers: fills tx and what is of the reply in
 * *d. `worker_class` is the class that the worker which sends it was given last, INTERP_NONE if it
 * was given nothing yet, INTERP_NO_WORKER if it is none.
 */
#define INTERP_NO_WORKER (UINT32_MAX - 1)
void interp_reply(const struct policy *p, const uint8_t *frame, size_t len,
		  const struct interp_env *env, uint32_t worker_class, struct decision *d);

/* Turns a frame into one that could answer it: swaps addresses and ports. False: it has none. */
bool interp_turn(uint8_t *frame, size_t len);

void targets_add(struct targets *t, uint32_t number);
bool targets_has(const struct targets *t, uint32_t number);
uint32_t targets_count(const struct targets *t); /* UINT32_MAX: any */

/* --- the policy's own tests --- */

/*
 * How many workers a workload is taken to have where no machine is asked:
 * enough for each number that its rules and the policy's tests name, and for
 * each `last N` and `all but last N` to differ from `all`. `workers` has an
 * element per workload. Whoever runs the tests elsewhere takes the same.
 */
void interp_test_workers(const struct policy *p, uint32_t *workers);

/*
 * Runs the policy's tests, a line each: `ok NAME`, or `FAIL NAME` and the
 * expectation's file and line, what was expected and what came out; a last line
 * counts them. Each test begins with unused limits, and its packets arrive at
 * one moment. Returns how many failed.
 */
unsigned interp_tests(const struct policy *p, FILE *out);

#endif
