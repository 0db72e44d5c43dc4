/* SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include <bpf/bpf.h>
#include <string.h>

#include "cleanup.h"

struct record_row *record_add(struct record *r, enum record_kind kind)
{
	struct record_row *grown = realloc(r->rows, (r->n + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	r->rows = grown;
	memset(&grown[r->n], 0, sizeof(*grown));
	grown[r->n].kind = kind;
	return &grown[r->n++];
}

struct record_row *record_next(const struct record *r, enum record_kind kind, __u32 *at)
{
	while (*at < r->n) {
		struct record_row *row = &r->rows[(*at)++];

		if (row->kind == kind)
			return row;
	}
	return NULL;
}

int record_write(const struct record *r, const struct record_row *row, struct iop_report *report)
{
	__u32 key = (__u32)(row - r->rows);

	if (r->map < 0)
		return 0; /* created later, with this row in it */
	if (bpf_map_update_elem(r->map, &key, row, BPF_ANY))
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "the policy's record cannot be written: %s", strerror(errno));
	return 0;
}

int record_create(struct record *r, struct iop_report *report)
{
	r->map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "iop_record", sizeof(__u32),
				sizeof(struct record_row), r->n, NULL);
	if (r->map < 0)
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "the policy's record cannot be made: %s", strerror(errno));
	for (__u32 i = 0; i < r->n; i++) {
		int err = record_write(r, &r->rows[i], report);

		if (err)
			return err;
	}
	return 0;
}

/* Strings end, whatever was pinned. */
static void end_strings(struct record_row *row)
{
	switch ((enum record_kind)row->kind) {
	case RECORD_POLICY: row->policy.object[sizeof(row->policy.object) - 1] = '\0'; break;
	case RECORD_DEVICE: row->device.name[sizeof(row->device.name) - 1] = '\0'; break;
	case RECORD_OFFLOAD:
		row->offload.name[sizeof(row->offload.name) - 1] = '\0';
		row->offload.device[sizeof(row->offload.device) - 1] = '\0';
		break;
	case RECORD_QDISC:
		row->qdisc.name[sizeof(row->qdisc.name) - 1] = '\0';
		row->qdisc.before[sizeof(row->qdisc.before) - 1] = '\0';
		break;
	case RECORD_EGRESS: row->egress.name[sizeof(row->egress.name) - 1] = '\0'; break;
	case RECORD_IRQ:
		row->irq.device[sizeof(row->irq.device) - 1] = '\0';
		row->irq.before[sizeof(row->irq.before) - 1] = '\0';
		row->irq.after[sizeof(row->irq.after) - 1] = '\0';
		break;
	case RECORD_WORKER: row->worker.comm[sizeof(row->worker.comm) - 1] = '\0'; break;
	default: break;
	}
}

int record_open(struct record *r, const char *path, struct iop_report *report)
{
	_cleanup_fd_ int map = bpf_obj_get(path);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	*r = RECORD_EMPTY;
	if (map < 0)
		return errno == ENOENT
			       ? -ENOENT
			       : report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
					      "%s cannot be opened: %s", path, strerror(errno));
	if (bpf_map_get_info_by_fd(map, &info, &size))
		return report_error(report, -errno, IOP_CAUSE_KERNEL, "%s cannot be read: %s", path,
				    strerror(errno));
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(struct record_row))
		return report_error(report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
				    "%s was written by another release of iopctl", path);
	r->rows = calloc(info.max_entries, sizeof(*r->rows));
	if (!r->rows)
		return report_no_memory(report);
	for (; r->n < info.max_entries; r->n++) {
		if (bpf_map_lookup_elem(map, &r->n, &r->rows[r->n])) {
			int err = -errno;

			record_close(r);
			return report_error(report, err, IOP_CAUSE_KERNEL, "%s cannot be read: %s",
					    path, strerror(-err));
		}
		end_strings(&r->rows[r->n]);
	}
	r->map = TAKE_FD(map);
	return 0;
}

void record_close(struct record *r)
{
	free(r->rows);
	cleanup_fd(&r->map);
	*r = RECORD_EMPTY;
}
