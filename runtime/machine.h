/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine as a policy sees it: cores (hardware threads, by the kernel's
 * number), what they share, and what a pool's terms mean here.
 */
#ifndef IOP_RUNTIME_MACHINE_H
#define IOP_RUNTIME_MACHINE_H

#include <stdbool.h>

#include "cleanup.h"
#include "object.h"
#include "report.h"

struct machine;

/* Reads the topology (that of HWLOC_SYNTHETIC, if set). NULL with a message. */
struct machine *machine_open(struct iop_report *report);
void machine_close(struct machine *m);
DEFINE_CLEANUP(cleanup_machine, struct machine *, machine_close)
#define _cleanup_machine_ _cleanup_(cleanup_machine)

/* Numbers of cores are below this one: the entries of a map with a key per core. */
unsigned machine_possible(const struct machine *m);
bool machine_online(const struct machine *m, unsigned core);

/*
 * How far apart two cores are: 0 the same one, 1 hardware threads of one core, 2
 * up to MACHINE_FAR - 1 by the smallest cache or memory that both share,
 * MACHINE_FAR when one of them is offline or unknown.
 */
#define MACHINE_FAR 100
unsigned machine_distance(const struct machine *m, unsigned a, unsigned b);

struct core_list {
	__u32 n;
	__u32 *cores; /* owned; free() it */
};

/*
 * The cores of pool `index` on this machine, ascending, and each of them online. Adds
 * an error for every term that the machine cannot honour, with the pool, its line
 * and the core; -ENOTSUP then.
 */
int machine_pool(const struct machine *m, const struct iop_object *o, __u32 index,
		 struct core_list *list, struct iop_report *report);

/* Are the cores of the pool in the code already? Then they can be listed anywhere;
 * -ENOMEM is the only error. */
static inline bool machine_pool_is_fixed(const struct iop_object *o, __u32 index)
{
	return !object_string(o, object_pool(o, index)->variable)[0];
}
int machine_fixed_pool(const struct iop_object *o, __u32 index, struct core_list *list);

/*
 * For each core below machine_possible(), which of the `n` places is nearest: its
 * index goes to near[core]. Places are cores, or MACHINE_ANYWHERE; among those equally
 * near, cores are spread evenly.
 */
#define MACHINE_ANYWHERE 0xffffffffu
void machine_nearest(const struct machine *m, const __u32 *places, __u32 n, __u32 *near);

#endif
