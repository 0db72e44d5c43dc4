/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A compiled policy in the kernel: loaded as the runtime would, with params and
 * pools set, and run over packets by BPF_PROG_TEST_RUN.
 */
#ifndef IOP_TESTS_KERNEL_H
#define IOP_TESTS_KERNEL_H

#include "abi/object.h"
#include "compile.h"
#include "interp/interp.h"
#include "rng.h"

/* Counters of all classes at one hook, summed over the cores. */
struct counters {
	int map;
	uint32_t n_classes, per_class; /* elements of `value` */
	uint64_t *value;               /* as last read */
	uint64_t *scratch;             /* one element of the map, with all cores */
	uint32_t n_cpus;
};

struct kernel {
	struct bpf_object *object;
	int program;
	int error; /* errno of loading, if it failed */
	struct counters counts;
	struct counters path; /* its "class" is the hook */
	/* What the machine gives the policy; the interpreter is told the same. */
	struct interp_env env;
	struct interp_pool *pools;
	uint64_t *params;
	uint32_t *near; /* by action id: the index that `local` picks */
	struct targets cores;
};

/* Of the machine, once a run: a cpumap with few of the cores that a policy can name. */
struct machine {
	int cpus;           /* map */
	struct targets there; /* cores in it */
	int n_cpus;           /* possible ones */
};

bool machine_open(struct machine *m);
void machine_close(struct machine *m);

/* Loads the program of `hook` alone. False: the kernel refused; why is in `log`, which the
 * caller frees. */
bool kernel_load(struct kernel *k, const struct compiled *c, const struct machine *m,
		 enum iop_hook hook, struct rng *r, char **log);
void kernel_unload(struct kernel *k);

/* Runs the driver stage over a frame of at least 14 bytes; XDP_*, or -1. */
int kernel_run(struct kernel *k, const uint8_t *frame, size_t len);

/* Reads one class's counters; by how much each rose goes to `rise`. */
bool counters_read(struct counters *c, uint32_t class, uint64_t *rise);

#endif
