/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stack stages on this machine: which cores they have, how their maps are sized and filled, and
 * what they do at the moment (abi/stack.h).
 */
#ifndef IOP_RUNTIME_STACK_H
#define IOP_RUNTIME_STACK_H

#include <bpf/libbpf.h>

#include "abi/stack.h"
#include "device.h"
#include "installed.h"
#include "machine.h"
#include "object.h"
#include "report.h"

struct program_values;

/* The cores of stage `stack` in its order, from those of its pool; free() list->cores. -ENOMEM is
 * the only error. */
int stack_cores(const struct iop_object *o, __u32 stack, const struct core_list *pool,
		struct core_list *list);

/* The same of a policy that is loaded. */
int stack_cores_loaded(const struct installed *is, __u32 stack, struct core_list *list);

/*
 * The cores that shall receive, that is, serve the devices' interrupts: those of the stages' pools
 * that no stage may take; if there are none, all of them, for one alone may be too few for a device
 * with many queues. free() list->cores. -ENOMEM is the only error.
 */
int stack_receivers(const struct iop_object *o, const struct core_list *pools,
		    struct core_list *list);

/* Can each pool honour its guarantees? -ENOTSUP with the lines of those that it cannot; a note where
 * a stage has fewer cores than it asks for at most. */
int stack_check(const struct iop_object *o, const struct core_list *pools,
		struct iop_report *report);

/*
 * How packets of these devices find their rows: each receive queue has one for itself.
 * False: there are too many of them to give each its own.
 */
#define STACK_MAX_ROWS 4096
bool stack_find_rows(const struct device *devices, size_t n, struct iop_stack_setup *setup);

/* Where the kernel counts how often a task has slept; 0: it does not say. */
__u32 stack_slept_offset(void);

/* Elements of a map of stack stages; 0: it is none. */
__u32 stack_map_entries(const struct program_values *v, enum iop_map_role role);

/* Fills the maps that tell the stages' programs what to do. */
int stack_fill(const struct program_values *v, const struct bpf_object *obj,
	       struct iop_report *report);

/*
 * Packets that may wait for the core; 0: nobody sends any. `program` tells whether its thread
 * runs the stage's program. A core that several use has the longest of their queues.
 */
__u32 stack_queue_of(const struct program_values *v, __u32 core, bool *program);

/* XDP is generic on some device: called before it is attached there. */
int stack_note_generic(const struct iop_object *o, const struct bpf_object *obj,
		       struct iop_report *report);

#endif
