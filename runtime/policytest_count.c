/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the programs counted, before and after a packet: the only way in which they tell
 * the class that they saw and the choice that they made.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "policytest_fate.h"

/* Element `key` of a per-CPU array of __u64, summed: adds to `sums`. */
static int add_element(const struct bpf_map *map, __u32 key, __u32 words, __u64 *sums)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = NULL;
	size_t size;

	if (cpus < 0)
		return cpus;
	size = (size_t)cpus * words * sizeof(*values);
	values = malloc(size);
	if (!values)
		return -ENOMEM;
	if (bpf_map__lookup_elem(map, &key, sizeof(key), values, size, 0))
		return -errno;
	for (size_t i = 0; i < (size_t)cpus * words; i++)
		sums[i % words] += values[i];
	return 0;
}

static bool is_counters(const struct bpf_map *map)
{
	return bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY && bpf_map__value_size(map) &&
	       bpf_map__value_size(map) % sizeof(__u64) == 0;
}

static int read_path(const struct bpf_object *obj, const struct iop_object *o, enum iop_hook hook,
		     struct tally *t)
{
	const struct bpf_map *map = program_map(obj, o, IOP_MAP_PATH);
	__u64 path[IOP_PATH_COUNT] = { 0 };
	int err;

	if (!map || (__u32)hook >= bpf_map__max_entries(map))
		return 0;
	if (!is_counters(map) || bpf_map__value_size(map) != sizeof(path))
		return -EBADMSG;
	err = add_element(map, hook, IOP_PATH_COUNT, path);
	t->unclassed = path[IOP_PATH_UNCLASSED];
	return err;
}

int tally_read(const struct bpf_object *obj, const struct iop_object *o, enum iop_hook hook,
	       struct tally *t)
{
	static const enum iop_map_role counts[IOP_HOOKS] = {
		[IOP_HOOK_SOCKET] = IOP_MAP_COUNT_SOCKET,
		[IOP_HOOK_TX] = IOP_MAP_COUNT_TX,
		[IOP_HOOK_RX] = IOP_MAP_COUNT_RX,
	};
	const struct bpf_map *map = program_map(obj, o, counts[hook]);
	int err = 0;

	*t = (struct tally){ 0 };
	if (map) {
		t->words = bpf_map__value_size(map) / sizeof(__u64);
		if (!is_counters(map) || t->words < IOP_COUNT_TARGETS)
			return -EBADMSG;
		t->classes = bpf_map__max_entries(map);
		if (t->classes > object_count(o, IOP_TABLE_CLASSES))
			t->classes = object_count(o, IOP_TABLE_CLASSES);
		t->sums = calloc((size_t)t->classes * t->words + 1, sizeof(*t->sums));
		if (!t->sums)
			return -ENOMEM;
	}
	for (__u32 i = 0; i < t->classes && !err; i++)
		err = add_element(map, i, t->words, t->sums + (size_t)i * t->words);
	return err ? err : read_path(obj, o, hook, t);
}

void tally_free(struct tally *t)
{
	free(t->sums);
}

static void find_target(const struct iop_object *o, enum iop_hook hook, const __u64 *before,
			const __u64 *after, __u32 words, struct tally_change *change)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);

		if (t->hook != (__u32)hook || t->class != change->class)
			continue;
		for (__u32 k = 0; k < t->n && t->first + k < words; k++) {
			if (after[t->first + k] == before[t->first + k])
				continue;
			change->target = t;
			change->number = k;
			return;
		}
	}
}

void tally_compare(const struct iop_object *o, enum iop_hook hook, const struct tally *before,
		   const struct tally *after, struct tally_change *change)
{
	*change = (struct tally_change){
		.class = IOP_NONE,
		.unclassed = after->unclassed != before->unclassed,
	};
	for (__u32 c = 0; c < after->classes && c < before->classes; c++) {
		const __u64 *was = before->sums + (size_t)c * before->words;
		const __u64 *is = after->sums + (size_t)c * after->words;

		if (was[IOP_COUNT_SEEN] == is[IOP_COUNT_SEEN])
			continue;
		change->class = c;
		for (__u32 k = 0; k < IOP_COUNT_TARGETS; k++)
			change->reasons[k] = is[k] - was[k];
		find_target(o, hook, was, is, after->words, change);
		return;
	}
}

void fate_tell_class(const struct iop_object *o, const struct tally_change *change,
		     struct fate *fate)
{
	/* A stage that has no rule for the workload does not count it. */
	if (fate->told || (change->class == IOP_NONE && !change->unclassed))
		return;
	fate->told = fate->classed = true;
	fate->class = change->class;
	if (change->class != IOP_NONE)
		fate->workload = object_class(o, change->class)->workload;
}
