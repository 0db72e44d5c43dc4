/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_rows.h"

#include <string.h>

#include "abi/worker.h"

/* Of the sockets that policytest makes, none of which is outlived by a row. */
#define MAX_TEST_ROWS 1024

__u32 worker_rows_count(const struct program_values *v)
{
	__u32 n = 0;

	if (!v->adoption)
		return MAX_TEST_ROWS;
	for (__u32 g = 0; g < v->adoption->n; g++)
		n += v->adoption->groups[g].is.n_workers;
	return n ? n : 1;
}

static int fill_worker(const struct program_values *v, const struct bpf_map *rows,
		       const struct bpf_map *of, __u32 at, __u64 cookie, struct iop_report *report)
{
	struct iop_worker_row row;

	iop_worker_row_begin(&row, cookie);
	if (bpf_map__update_elem(rows, &at, sizeof(at), &row, sizeof(row), BPF_ANY) ||
	    bpf_map__update_elem(of, &cookie, sizeof(cookie), &at, sizeof(at), BPF_ANY))
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "the workers of policy %s cannot be written down: %s",
				    object_string(v->object, v->object->desc->policy),
				    strerror(errno));
	return 0;
}

/* The application has said nothing yet. */
static int fill_signals(const struct program_values *v, const struct bpf_object *obj,
			struct iop_report *report)
{
	__u8 nothing[IOP_SIGNAL_STRIDE];

	memset(nothing, 0xff, sizeof(nothing));
	for (__u32 i = 0; i < object_count(v->object, IOP_TABLE_MAPS); i++) {
		const struct iop_desc_map *d = object_map(v->object, i);
		const struct bpf_map *map = d->role == IOP_MAP_SIGNAL
						    ? bpf_object__find_map_by_name(
							      obj, object_string(v->object, d->name))
						    : NULL;

		for (__u32 at = 0; map && at < bpf_map__max_entries(map); at++)
			if (bpf_map__update_elem(map, &at, sizeof(at), nothing, sizeof(nothing),
						 BPF_ANY))
				return report_error(report, -errno, IOP_CAUSE_KERNEL,
						    "signal map %s cannot be filled: %s",
						    bpf_map__name(map), strerror(errno));
	}
	return 0;
}

int worker_rows_fill(const struct program_values *v, const struct bpf_object *obj,
		     struct iop_report *report)
{
	const struct bpf_map *rows = program_map(obj, v->object, IOP_MAP_WORKER_ROWS);
	const struct bpf_map *of = program_map(obj, v->object, IOP_MAP_WORKER_OF);
	int err = 0;

	for (__u32 g = 0; rows && of && v->adoption && g < v->adoption->n; g++) {
		const struct adopt_group *group = &v->adoption->groups[g];

		for (__u32 w = 0; !err && w < group->is.n_workers; w++)
			err = fill_worker(v, rows, of, group->is.base + w,
					  group->workers[w].is.cookie, report);
	}
	return err ? err : fill_signals(v, obj, report);
}
