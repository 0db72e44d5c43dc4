/* SPDX-License-Identifier: BSD-2-Clause */
/* Variables are found by the name that BTF gives them in the section. */
#include "rodata.h"

#include <bpf/btf.h>
#include <string.h>

struct rodata {
	const struct btf *btf;
	const struct btf_type *section;
	unsigned char *bytes;
	size_t size;
};

static int rodata_open(struct bpf_object *obj, struct rodata *r)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, ".rodata");
	int id;

	r->btf = bpf_object__btf(obj);
	id = r->btf ? btf__find_by_name_kind(r->btf, ".rodata", BTF_KIND_DATASEC) : -ENOENT;
	r->bytes = map ? bpf_map__initial_value(map, &r->size) : NULL;
	if (id < 0 || !r->bytes)
		return -ENOENT;
	r->section = btf__type_by_id(r->btf, (__u32)id);
	return 0;
}

/* Where a variable of exactly that size is, NULL if there is none. */
static unsigned char *find(const struct rodata *r, const char *name, size_t size)
{
	const struct btf_var_secinfo *at = btf_var_secinfos(r->section);

	for (__u32 i = 0; i < btf_vlen(r->section); i++) {
		const struct btf_type *var = btf__type_by_id(r->btf, at[i].type);

		if (!strcmp(btf__name_by_offset(r->btf, var->name_off), name))
			return at[i].size == size && at[i].offset <= r->size &&
					       size <= r->size - at[i].offset
				       ? r->bytes + at[i].offset
				       : NULL;
	}
	return NULL;
}

static int write_variable(struct bpf_object *obj, const struct program_values *v, const char *name,
			  const void *value, size_t size, struct iop_report *report)
{
	struct rodata r;
	unsigned char *at = rodata_open(obj, &r) ? NULL : find(&r, name, size);

	if (!at)
		return report_error(report, -EBADMSG, IOP_CAUSE_POLICY,
				    "%s: no variable %s of %zu bytes in its .rodata",
				    v->object->path, name, size);
	memcpy(at, value, size);
	return 0;
}

/* What the programs reckon with. */
static __u64 worth(enum iop_param_type type, __u64 value)
{
	switch (type) {
	case IOP_PARAM_RATE: return iop_rate_cost(value);
	case IOP_PARAM_BITRATE: return iop_bitrate_cost(value);
	default: return value;
	}
}

int rodata_write(struct bpf_object *obj, const struct program_values *v, struct iop_report *report)
{
	const struct record_row *row;
	const char *name;
	int err = 0;

	for (__u32 at = 0; !err && (row = record_next(v->record, RECORD_PARAM, &at));) {
		const struct iop_desc_param *p = object_param(v->object, row->param.param);
		__u64 value = worth((enum iop_param_type)p->type, row->param.value);

		name = object_string(v->object, p->variable);
		if (name[0])
			err = write_variable(obj, v, name, &value, sizeof(value), report);
	}
	for (__u32 i = 0; !err && i < object_count(v->object, IOP_TABLE_POOLS); i++) {
		struct iop_pool_cores cores = { .n = v->pools[i].n };

		name = object_string(v->object, object_pool(v->object, i)->variable);
		if (!name[0])
			continue;
		memcpy(cores.core, v->pools[i].cores, cores.n * sizeof(cores.core[0]));
		err = write_variable(obj, v, name, &cores, sizeof(cores), report);
	}
	return err;
}
