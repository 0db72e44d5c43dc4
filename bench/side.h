/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One of the two that are compared: an object, loaded by libbpf as it is, with the
 * same numbers and the same cores as the other one. What iopc calls its maps and
 * variables and what the twins call theirs is known here and nowhere else.
 */
#ifndef IOP_BENCH_SIDE_H
#define IOP_BENCH_SIDE_H

#include <bpf/libbpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies.h"

enum hook { HOOK_RX, HOOK_SOCKET, HOOKS };

/* Keeps the process on one CPU: the last, because the first has most of the interrupts. */
void side_stay_here(void);

struct side {
	struct bpf_object *object;
	const char *path;
	struct bpf_program *programs[HOOKS]; /* NULL: it has none there */
};

/*
 * Loads the object. `rates` says what the limits of the policy's params are; the other
 * params keep what stands in the object. `senders`: how many of them a limit remembers, 0: as
 * many as the object says. False, with a message on standard error, if anything fails;
 * side_close() afterwards in any case.
 */
bool side_open(struct side *s, const char *path, const struct policy *p, enum rates rates,
	       uint32_t senders);
void side_close(struct side *s);

/* Instructions of the program as the kernel runs it, before the JIT; 0: error. */
uint32_t side_instructions(const struct side *s, enum hook h);

/* Runs the driver program `times` times over a frame; the last verdict, or -1. `ns`, unless
 * NULL: about how long a run took. */
int side_run(const struct side *s, const void *frame, size_t len, uint32_t times, uint32_t *ns);

/* The same, in ns of CPU time per run, exactly; negative: error. */
double side_time(const struct side *s, const void *frame, size_t len, uint32_t times);

/* Counters of all classes at the hook, one behind the other, summed over the CPUs. */
#define SIDE_COUNTERS_MAX 512
struct counters {
	uint64_t n[SIDE_COUNTERS_MAX];
	unsigned used;
	unsigned n_classes;
	uint64_t unseen; /* HOOK_SOCKET: payloads that could not be read */
};
bool side_counters(const struct side *s, enum hook h, struct counters *out);

/* What limits remember: nothing at all, and where round robin stands. */
bool side_forget(const struct side *s, uint32_t turn);
/* Whatever is remembered: that it is full, for good. */
bool side_fill(const struct side *s);

/* No worker has anything to do, where the policy counts that. */
bool side_rest(const struct side *s);

#define SIDE_WORKERS 4
/* The map in which workers stand, or NULL. */
struct bpf_map *side_workers(const struct side *s);

#endif
