/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the programs know of a worker, in a policy whose rules ask for it: `iop_worker_rows` is
 * an array with a row for each worker of each group, row iop_group.base + the worker's number.
 * `iop_worker_of`, a hash from a socket's cookie to its row, leads there from a reply. Where a
 * row's socket changes, the loader writes all of it anew (iop_worker_row_begin()).
 *
 * Rows are shared by all cores without a lock: requests are counted by atomic operations, the
 * rest may lose a race and be wrong for a moment.
 */
#ifndef IOP_ABI_WORKER_H
#define IOP_ABI_WORKER_H

#include "abi/object.h"

/* Of the requests that wait, the classes of so many are remembered; of others behind them a
 * class of those is taken for theirs. */
#define IOP_WORKER_RING 64

struct iop_worker_row {
	__u64 cookie; /* of its socket; 0: there is none */
	__u32 head;   /* requests taken, ever */
	__u32 tail;   /* of these, answered or given up; head - tail are outstanding */
	__u64 moved;  /* ns of CLOCK_MONOTONIC: its last reply, or its first request since it had none */
	__u64 probe;  /* stuck: when the next request is tried, in ns */
	__u64 work;   /* ns of service of what is outstanding; only if classes have `service` */
	__u32 depth;  /* requests that it has shown to serve at once, beyond one */
	__u32 eased;  /* when depth was made less, in 2^30 ns */
	__u32 class;  /* of the last request given to it; IOP_NONE: none */
	__u32 gone;   /* 1: the kernel had no socket for it */
	__u32 ring[IOP_WORKER_RING]; /* classes: request i at i % IOP_WORKER_RING */
};

/* A worker that has been given nothing yet. */
static inline __attribute__((always_inline)) void iop_worker_row_begin(struct iop_worker_row *row,
								       __u64 cookie)
{
	*row = (struct iop_worker_row){ .cookie = cookie, .class = IOP_NONE };
}

#endif
