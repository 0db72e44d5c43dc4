/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables are found by the name that BTF gives them in the section. */
#include "rodata.h"

#include "live.h"

#include <bpf/btf.h>
#include <stdlib.h>
#include <string.h>

#include "socket_queue.h"

#include "stack.h"

static int write_variable(struct bpf_object *obj, const struct program_values *v,
			  const char *section, const char *name, const void *value, size_t size,
			  struct iop_report *report)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, section);
	const struct btf *btf = bpf_object__btf(obj);
	int id = btf ? btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC) : -ENOENT;
	struct variables in = { .btf = btf };
	unsigned char *at = NULL;

	in.bytes = map && id >= 0 ? bpf_map__initial_value(map, &in.size) : NULL;
	if (in.bytes) {
		in.section = btf__type_by_id(btf, (__u32)id);
		at = variables_find(&in, name, size);
	}
	if (!at)
		return report_error(report, -EBADMSG, IOP_CAUSE_POLICY,
				    "%s: no variable %s of %zu bytes in its %s", v->object->path,
				    name, size, section);
	memcpy(at, value, size);
	return 0;
}

static int write_stack(struct bpf_object *obj, const struct program_values *v, __u32 i,
		       struct iop_report *report)
{
	const struct iop_desc_stack *s = object_stack(v->object, i);
	struct iop_pool_cores cores = { 0 };
	struct core_list list;

	if (stack_cores(v->object, i, &v->pools[s->pool], &list))
		return report_no_memory(report);
	cores.n = list.n;
	memcpy(cores.core, list.cores, list.n * sizeof(cores.core[0]));
	free(list.cores);
	return write_variable(obj, v, ".rodata", object_string(v->object, s->variable), &cores,
			      sizeof(cores), report);
}

/* Who looks into the queues of sockets is told where they are. */
static int write_queues(struct bpf_object *obj, const struct program_values *v,
			struct iop_report *report)
{
	struct iop_queue_at at = { 0 };
	bool needed = false;
	int err;

	for (__u32 i = 0; i < object_count(v->object, IOP_TABLE_FEATURES); i++)
		needed |= object_feature(v->object, i)->feature == IOP_FEATURE_SOCKET_QUEUE;
	if (!needed)
		return 0;
	err = socket_queue_find(&at);
	if (err)
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "this kernel does not say where a socket's queue is");
	return write_variable(obj, v, ".rodata", "iop_queue_at", &at, sizeof(at), report);
}

int rodata_write(struct bpf_object *obj, const struct program_values *v, struct iop_report *report)
{
	const struct record_row *row;
	const char *name;
	int err = 0;

	for (__u32 at = 0; !err && (row = record_next(v->record, RECORD_PARAM, &at));) {
		const struct iop_desc_param *p = object_param(v->object, row->param.param);
		__u64 value = iop_param_worth(p->type, row->param.value);

		name = object_string(v->object, p->variable);
		if (name[0])
			err = write_variable(obj, v, p->live ? LIVE_SECTION : ".rodata", name,
					     &value, sizeof(value), report);
	}
	for (__u32 i = 0; !err && i < object_count(v->object, IOP_TABLE_POOLS); i++) {
		struct iop_pool_cores cores = { .n = v->pools[i].n };

		name = object_string(v->object, object_pool(v->object, i)->variable);
		if (!name[0])
			continue;
		memcpy(cores.core, v->pools[i].cores, cores.n * sizeof(cores.core[0]));
		err = write_variable(obj, v, ".rodata", name, &cores, sizeof(cores), report);
	}
	for (__u32 i = 0; !err && i < object_count(v->object, IOP_TABLE_STACKS); i++)
		err = write_stack(obj, v, i, report);
	if (!err && object_count(v->object, IOP_TABLE_STACKS))
		err = write_variable(obj, v, ".rodata", "iop_stack_setup", &v->stack,
				     sizeof(v->stack), report);
	return err ? err : write_queues(obj, v, report);
}
