/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Who serves: the rows of workers (abi/worker.h), for policies that choose by what workers have
 * to do, or that must know at the reply what was asked.
 */
#ifndef IOP_STAGE_WORKER_H
#define IOP_STAGE_WORKER_H

#include "stage/maps.h"
#include "stage/stage.h"

/* Row of a worker of this group, or NULL. */
static __always_inline struct iop_worker_row *iop_worker_row(__u32 worker)
{
	__u32 at = iop_group.base + worker;

	return bpf_map_lookup_elem(&iop_worker_rows, &at);
}

/* Row of the worker whose socket that is, or NULL: not one of ours. */
static __always_inline struct iop_worker_row *iop_worker_of_cookie(__u64 cookie)
{
	__u32 *at = bpf_map_lookup_elem(&iop_worker_of, &cookie);

	return at ? bpf_map_lookup_elem(&iop_worker_rows, at) : NULL;
}

/* The worker was given a request of the class. */
STAGE_FN static void iop_worker_take(__u32 worker, __u32 class)
{
	struct iop_worker_row *row = iop_worker_row(worker);
	__u32 at;

	if (!row)
		return;
	at = __sync_fetch_and_add(&row->head, 1);
	if (at == row->tail)
		row->moved = bpf_ktime_get_ns();
	at %= IOP_WORKER_RING;
	iop_opaque(at);
	if (at < IOP_WORKER_RING)
		row->ring[at] = class;
	row->class = class;
}

#endif
