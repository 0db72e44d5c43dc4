/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rows of workers (abi/worker.h): one for each socket that was taken in, found by the
 * socket's cookie, where a policy has the maps for it.
 */
#ifndef IOP_RUNTIME_WORKER_ROWS_H
#define IOP_RUNTIME_WORKER_ROWS_H

#include "program.h"

/* Entries of the maps: workers of all groups, at least one. */
__u32 worker_rows_count(const struct program_values *v);

/* Writes the row of each worker, and the way from its cookie to it. */
int worker_rows_fill(const struct program_values *v, const struct bpf_object *obj,
		     struct iop_report *report);

#endif
