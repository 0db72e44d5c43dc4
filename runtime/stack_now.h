/* SPDX-License-Identifier: BSD-2-Clause */
/* How the stack stages of a policy that is loaded stand. Memory is the pile's. */
#ifndef IOP_RUNTIME_STACK_NOW_H
#define IOP_RUNTIME_STACK_NOW_H

#include "abi/stack.h"
#include "installed.h"
#include "iop.h"
#include "pile.h"

/* A stage's element of iop_stacks. */
int stack_now(const struct installed *is, __u32 stack, struct iop_stack *now);

/* Fills in stats->stacks; those of the stages are there already. */
int stats_add_stacks(struct pile *pile, const struct installed *is, struct iop_stats *stats);

/* "cpumap: web on 1 of 1..3 cores of net (0)" */
const char *status_of_stacks(struct pile *pile, const struct installed *is);

#endif
