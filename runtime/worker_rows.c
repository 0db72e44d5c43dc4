/* SPDX-License-Identifier: BSD-2-Clause */
#include "worker_rows.h"

#include <string.h>

#include "abi/worker.h"

__u32 worker_rows_count(const struct program_values *v)
{
	__u32 n = 0;

	for (__u32 g = 0; v->adoption && g < v->adoption->n; g++)
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
	return err;
}
