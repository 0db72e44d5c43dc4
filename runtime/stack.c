/* SPDX-License-Identifier: BSD-2-Clause */
#include "stack.h"

#include <bpf/btf.h>
#include <string.h>

#include "program.h"

#define CPU_QUEUE 2048 /* of cores that a plain `steer` sends to */

/* --- cores --- */

int stack_cores(const struct iop_object *o, __u32 stack, const struct core_list *pool,
		struct core_list *list)
{
	const struct iop_desc_stack *s = object_stack(o, stack);

	*list = (struct core_list){ .cores = calloc(s->most + 1ul, sizeof(*list->cores)) };
	if (!list->cores)
		return -ENOMEM;
	for (__u32 i = 0; i < s->most; i++) {
		__u32 at = iop_stack_place(pool->n, s->guaranteed, s->before, s->least, s->order, i);

		if (at < pool->n)
			list->cores[list->n++] = pool->cores[at];
	}
	return 0;
}

int stack_cores_loaded(const struct installed *is, __u32 stack, struct core_list *list)
{
	struct core_list pool;
	int err = installed_pool(is, object_stack(is->description, stack)->pool, &pool);

	if (!err)
		err = stack_cores(is->description, stack, &pool, list);
	free(pool.cores);
	return err;
}

static bool has(const struct core_list *list, __u32 core)
{
	for (__u32 i = 0; i < list->n; i++)
		if (list->cores[i] == core)
			return true;
	return false;
}

/* Is a core of the pool one that some stage may take? */
static bool may_be_taken(const struct iop_object *o, __u32 pool, const struct core_list *cores,
			 __u32 core)
{
	bool taken = false;

	for (__u32 i = 0; !taken && i < object_count(o, IOP_TABLE_STACKS); i++) {
		struct core_list list;

		if (object_stack(o, i)->pool != pool || stack_cores(o, i, cores, &list))
			continue;
		taken = has(&list, core);
		free(list.cores);
	}
	return taken;
}

int stack_receivers(const struct iop_object *o, const struct core_list *pools,
		    struct core_list *list)
{
	__u32 n = object_count(o, IOP_TABLE_STACKS), room = 1;

	for (__u32 i = 0; i < n; i++)
		room += pools[object_stack(o, i)->pool].n;
	*list = (struct core_list){ .cores = calloc(room, sizeof(*list->cores)) };
	if (!list->cores)
		return -ENOMEM;
	for (__u32 i = 0; i < n; i++) {
		__u32 pool = object_stack(o, i)->pool;
		const struct core_list *cores = &pools[pool];

		for (__u32 c = 0; c < cores->n; c++)
			if (!may_be_taken(o, pool, cores, cores->cores[c]) &&
			    !has(list, cores->cores[c]))
				list->cores[list->n++] = cores->cores[c];
	}
	if (list->n)
		return 0;
	for (__u32 i = 0; i < n; i++) {
		const struct core_list *cores = &pools[object_stack(o, i)->pool];

		for (__u32 c = 0; c < cores->n; c++)
			if (!has(list, cores->cores[c]))
				list->cores[list->n++] = cores->cores[c];
	}
	return 0;
}

int stack_check(const struct iop_object *o, const struct core_list *pools,
		struct iop_report *report)
{
	int result = 0;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STACKS); i++) {
		const struct iop_desc_stack *s = object_stack(o, i);
		const char *pool = object_string(o, object_pool(o, s->pool)->name);
		const char *workload = object_string(o, object_workload(o, s->workload)->name);
		__u32 n = pools[s->pool].n, most = s->least + n - s->guaranteed;

		if (!pools[s->pool].cores)
			continue; /* that was an error of its own */
		if (s->guaranteed > n)
			result = report_error_at(
				report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT, report_place(o, &s->place),
				"the guarantees of pool %s add up to %u cores, %u more than it has here",
				pool, s->guaranteed, s->guaranteed - n);
		else if (s->most > most)
			report_note(report,
				    "workload %s gets %u cores at most, not %u: pool %s has %u here, of "
				    "which %u are guaranteed to others",
				    workload, most, s->most, pool, n, s->guaranteed - s->least);
	}
	return result;
}

/* --- rows of receive queues --- */

static bool rows_are_apart(const struct device *devices, size_t n, __u32 mult, __u32 mask)
{
	static const size_t words = STACK_MAX_ROWS / 64;
	__u64 taken[STACK_MAX_ROWS / 64] = { 0 };

	if (mask / 64 >= words)
		return false;
	for (size_t d = 0; d < n; d++)
		for (__u32 q = 0; q < devices[d].n_queues; q++) {
			__u32 row = (devices[d].index * mult + q) & mask;

			if (taken[row / 64] >> row % 64 & 1)
				return false;
			taken[row / 64] |= 1ull << row % 64;
		}
	return true;
}

bool stack_find_rows(const struct device *devices, size_t n, struct iop_stack_setup *setup)
{
	__u64 queues = 0;
	__u32 mask = 0;

	for (size_t d = 0; d < n; d++)
		queues += devices[d].n_queues;
	while (mask + 1ull < queues && mask < STACK_MAX_ROWS - 1)
		mask = mask << 1 | 1;
	for (; mask < STACK_MAX_ROWS; mask = mask << 1 | 1)
		for (__u32 mult = 0; mult <= mask; mult++)
			if (rows_are_apart(devices, n, mult, mask)) {
				setup->mult = mult;
				setup->mask = mask;
				return true;
			}
	setup->mult = 1;
	setup->mask = STACK_MAX_ROWS - 1;
	return false;
}

/* --- the kernel's tasks --- */

/* In bits; members of structs without a name belong to the one around. */
static bool find_member(const struct btf *btf, const struct btf_type *t, const char *name,
			__u32 *offset)
{
	for (__u16 i = 0; i < btf_vlen(t); i++) {
		const struct btf_member *m = &btf_members(t)[i];
		const struct btf_type *of = btf__type_by_id(btf, m->type);
		const char *its = btf__name_by_offset(btf, m->name_off);
		__u32 at = btf_member_bit_offset(t, i);

		if (its && !strcmp(its, name)) {
			*offset = at;
			return true;
		}
		if ((!its || !its[0]) && of && btf_is_composite(of) &&
		    find_member(btf, of, name, offset)) {
			*offset += at;
			return true;
		}
	}
	return false;
}

__u32 stack_slept_offset(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT) : -ENOENT;
	__u32 bits = 0;

	if (id < 0 || !find_member(btf, btf__type_by_id(btf, (__u32)id), "nvcsw", &bits))
		bits = 0;
	btf__free(btf);
	return bits / 8;
}

/* --- maps --- */

static __u32 most_cores(const struct iop_object *o)
{
	__u32 most = 0;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STACKS); i++)
		if (object_stack(o, i)->most > most)
			most = object_stack(o, i)->most;
	return most;
}

__u32 stack_map_entries(const struct program_values *v, enum iop_map_role role)
{
	__u32 stages = object_count(v->object, IOP_TABLE_STACKS);

	switch (role) {
	case IOP_MAP_STACKS:
	case IOP_MAP_COUNT_STACK: return stages;
	case IOP_MAP_STACK_ROWS: return stages * (v->stack.mask + 1);
	case IOP_MAP_STACK_HOMES: return most_cores(v->object) + 1;
	case IOP_MAP_STACK_CORES: return machine_possible(v->machine);
	default: return 0;
	}
}

static int put(const struct bpf_map *map, __u32 key, const void *value, size_t size,
	       struct iop_report *report)
{
	if (map && !bpf_map__update_elem(map, &key, sizeof(key), value, size, BPF_ANY))
		return 0;
	return report_error(report, map ? -errno : -EBADMSG, IOP_CAUSE_KERNEL,
			    "a map of the stack stage cannot be filled: %s",
			    map ? strerror(errno) : "it is not there");
}

static int fill_stage(const struct program_values *v, const struct bpf_map *map, __u32 i,
		      struct iop_report *report)
{
	const struct iop_desc_stack *s = object_stack(v->object, i);
	struct iop_stack value = { .least = s->least, .target = s->target, .n = s->least };
	struct core_list list;

	if (stack_cores(v->object, i, &v->pools[s->pool], &list))
		return report_no_memory(report);
	free(list.cores);
	value.most = list.n;
	if (value.n > list.n) /* a test on a machine that has fewer */
		value.n = value.least = list.n;
	return put(map, i, &value, sizeof(value), report);
}

int stack_fill(const struct program_values *v, const struct bpf_object *obj,
	       struct iop_report *report)
{
	const struct iop_object *o = v->object;
	const struct bpf_map *homes = program_map(obj, o, IOP_MAP_STACK_HOMES);
	const struct bpf_map *stages = program_map(obj, o, IOP_MAP_STACKS);
	__u32 n = object_count(o, IOP_TABLE_STACKS);
	int err = 0;

	for (__u32 i = 0; !err && i < n; i++)
		err = fill_stage(v, stages, i, report);
	for (__u32 i = 1; !err && n && i <= most_cores(o); i++) {
		struct iop_stack_homes value;

		for (__u32 b = 0; b < IOP_STACK_BUCKETS; b++)
			value.slot[b] = (__u8)iop_stack_home_of(b, i);
		err = put(homes, i, &value, sizeof(value), report);
	}
	return err;
}

__u32 stack_queue_of(const struct program_values *v, __u32 core, bool *program)
{
	const struct iop_object *o = v->object;
	__u32 queue = 0;

	*program = false;
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_POOLS); i++)
		if (object_pool(o, i)->steered && has(&v->pools[i], core))
			queue = CPU_QUEUE;
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STACKS); i++) {
		const struct iop_desc_stack *s = object_stack(o, i);
		struct core_list list;

		if (stack_cores(o, i, &v->pools[s->pool], &list))
			return 0;
		if (has(&list, core)) {
			*program = true;
			queue = s->queue > queue ? s->queue : queue;
		}
		free(list.cores);
	}
	return queue;
}

int stack_note_generic(const struct iop_object *o, const struct bpf_object *obj,
		       struct iop_report *report)
{
	const struct bpf_map *map = program_map(obj, o, IOP_MAP_STACK_CORES);
	int err = 0;

	for (__u32 i = 0; !err && map && i < bpf_map__max_entries(map); i++) {
		struct iop_stack_core value = { 0 };

		if (bpf_map__lookup_elem(map, &i, sizeof(i), &value, sizeof(value), 0))
			return report_error(report, -errno, IOP_CAUSE_KERNEL,
					    "a map of the stack stage cannot be read: %s",
					    strerror(errno));
		value.generic = 1;
		err = put(map, i, &value, sizeof(value), report);
	}
	return err;
}
