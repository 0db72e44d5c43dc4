/* SPDX-License-Identifier: BSD-2-Clause */
/* Counters of stack stages, and how they stand: for stats and status. */
#include <bpf/bpf.h>
#include <string.h>

#include "pin.h"
#include "stack.h"
#include "stack_now.h"

static int open_map(const struct installed *is, enum iop_map_role role)
{
	const struct iop_object *o = is->description;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		char name[NAME_MAX + 1], path[PIN_PATH];
		int map;

		if (object_map(o, i)->role != role)
			continue;
		pin_name_of_map(object_string(o, object_map(o, i)->name), name);
		if (pin_path(path, is->name, "/maps/%s", name))
			return -ENAMETOOLONG;
		map = bpf_obj_get(path);
		return map < 0 ? -errno : map;
	}
	return -ENOENT;
}

static int map_info(int map, __u32 value_size, struct bpf_map_info *info)
{
	__u32 size = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (bpf_map_get_info_by_fd(map, info, &size))
		return -errno;
	return info->value_size == value_size ? 0 : -EBADMSG;
}

int stack_now(const struct installed *is, __u32 stack, struct iop_stack *now)
{
	_cleanup_fd_ int map = open_map(is, IOP_MAP_STACKS);
	struct bpf_map_info info;
	int err = map < 0 ? map : map_info(map, sizeof(*now), &info);

	if (!err && bpf_map_lookup_elem(map, &stack, now))
		err = -errno;
	return err;
}

/* --- of a core --- */

/* What each of the stage's cores has got, and how much of it, at most, its thread may not have
 * seen yet. */
static int add_unseen(const struct installed *is, __u32 stack, __u32 stages, __u64 *unseen)
{
	_cleanup_fd_ int map = open_map(is, IOP_MAP_STACK_ROWS);
	_cleanup_free_ struct iop_stack_row *row = malloc(sizeof(*row));
	struct bpf_map_info info;
	int err = map < 0 ? map : map_info(map, sizeof(*row), &info);

	if (!row)
		return -ENOMEM;
	for (__u32 i = 0; !err && i < info.max_entries / stages; i++) {
		__u32 key = stack * (info.max_entries / stages) + i;

		if (bpf_map_lookup_elem(map, &key, row))
			return -errno;
		for (__u32 slot = 0; slot < IOP_STACK_CORES; slot++)
			unseen[slot] +=
				row->sent[slot] - (__u32)(row->mark[slot].newest >> 32);
	}
	return err;
}

/* How many packets the driver stage gave to the core, of all classes. */
static __u64 given_to(const struct iop_stats_stage *rx, __u32 core)
{
	__u64 n = 0;

	for (size_t c = 0; c < rx->n_classes; c++)
		for (size_t i = 0; i < rx->classes[c].n_targets; i++)
			if (rx->classes[c].targets[i].number == core)
				n += rx->classes[c].targets[i].value;
	return n;
}

static int read_core(const struct installed *is, __u32 core, __u64 *seen)
{
	_cleanup_fd_ int map = open_map(is, IOP_MAP_STACK_CORES);
	struct iop_stack_core value;
	struct bpf_map_info info;
	int err = map < 0 ? map : map_info(map, sizeof(value), &info);

	if (!err && bpf_map_lookup_elem(map, &core, &value))
		err = -errno;
	*seen = err ? 0 : value.seen;
	return err;
}

static int add_cores(struct iop_stats_stack *s, const struct installed *is, __u32 stack,
		     const struct iop_stats_stage *rx, const struct iop_stack_counts *counts,
		     const struct core_list *list)
{
	const struct iop_object *o = is->description;
	bool others = object_pool(o, object_stack(o, stack)->pool)->steered;
	__u64 unseen[IOP_STACK_CORES] = { 0 };
	int err = 0;

	for (__u32 i = 0; i < list->n; i++)
		s->cores[i].given = given_to(rx, list->cores[i]);
	/* A core may be of several stages. */
	for (__u32 k = 0; !err && k < object_count(o, IOP_TABLE_STACKS); k++) {
		__u64 theirs[IOP_STACK_CORES] = { 0 };
		struct core_list cores;

		err = stack_cores_loaded(is, k, &cores);
		if (!err)
			err = add_unseen(is, k, object_count(o, IOP_TABLE_STACKS), theirs);
		for (__u32 i = 0; !err && i < list->n; i++)
			for (__u32 c = 0; c < cores.n; c++)
				unseen[i] += cores.cores[c] == list->cores[i] ? theirs[c] : 0;
		free(cores.cores);
	}
	for (__u32 i = 0; !err && i < list->n; i++) {
		struct iop_stats_core *c = &s->cores[s->n_cores++];
		const struct iop_stack_counts *its = &counts[list->cores[i]];
		__u64 served;

		c->core = list->cores[i];
		c->in_use = i < s->in_use;
		err = read_core(is, c->core, &served);
		c->served = served;
		c->measured = its->count[IOP_STACK_MEASURED];
		c->late = its->count[IOP_STACK_LATE];
		c->waited_ns = its->count[IOP_STACK_WAITED];
		/* What `steer` sends past the stage is in no row, so nothing can be told. */
		if (!others && c->given > c->served + unseen[i])
			c->lost = c->given - c->served - unseen[i];
	}
	return err;
}

/* --- of a stage --- */

static int read_counts(const struct installed *is, __u32 stack, struct iop_stack_counts **counts,
		       int *cpus)
{
	_cleanup_fd_ int map = open_map(is, IOP_MAP_COUNT_STACK);
	struct bpf_map_info info;
	int err = map < 0 ? map : map_info(map, sizeof(**counts), &info);

	*counts = NULL;
	*cpus = libbpf_num_possible_cpus();
	if (err || *cpus < 0)
		return err ? err : *cpus;
	*counts = calloc((size_t)*cpus, sizeof(**counts));
	if (!*counts)
		return -ENOMEM;
	return bpf_map_lookup_elem(map, &stack, *counts) ? -errno : 0;
}

static int add_stack(struct pile *pile, const struct installed *is, __u32 stack,
		     const struct iop_stats_stage *rx, struct iop_stats_stack *s)
{
	static const struct {
		enum iop_stack_counter id;
		const char *name, *doc;
	} names[] = {
#define NAME(id, name, doc) { IOP_STACK_##id, name, doc },
		IOP_STACK_COUNTERS(NAME)
#undef NAME
	};
	const struct iop_object *o = is->description;
	const struct iop_desc_stack *d = object_stack(o, stack);
	_cleanup_free_ struct iop_stack_counts *counts = NULL;
	struct core_list list = { 0 };
	struct iop_stack now;
	int cpus, err = stack_now(is, stack, &now);

	if (!err)
		err = read_counts(is, stack, &counts, &cpus);
	if (!err)
		err = stack_cores_loaded(is, stack, &list);
	if (err)
		return err;
	s->workload = pile_string(pile, object_string(o, object_workload(o, d->workload)->name));
	s->pool = pile_string(pile, object_string(o, object_pool(o, d->pool)->name));
	s->in_use = now.n < list.n ? now.n : list.n;
	s->least = d->least;
	s->most = d->most;
	s->counters = pile_array(pile, IOP_STACK_MEASURED, sizeof(*s->counters));
	s->cores = pile_array(pile, list.n, sizeof(*s->cores));
	for (size_t i = 0; s->counters && i < IOP_STACK_MEASURED; i++) {
		struct iop_stats_counter *c = &s->counters[s->n_counters++];

		*c = (struct iop_stats_counter){ names[i].name, names[i].doc, 0 };
		for (int cpu = 0; cpu < cpus; cpu++)
			c->value += counts[cpu].count[i];
	}
	err = !s->cores || !s->counters ? -ENOMEM : 0;
	for (__u32 i = 0; !err && i < list.n; i++)
		err = list.cores[i] < (__u32)cpus ? 0 : -EBADMSG;
	if (!err)
		err = add_cores(s, is, stack, rx, counts, &list);
	free(list.cores);
	return err;
}

int stats_add_stacks(struct pile *pile, const struct installed *is, struct iop_stats *stats)
{
	__u32 n = object_count(is->description, IOP_TABLE_STACKS);
	const struct iop_stats_stage *rx = NULL;
	int err = 0;

	for (size_t i = 0; i < stats->n_stages; i++)
		if (!strcmp(stats->stages[i].name, "rx"))
			rx = &stats->stages[i];
	stats->stacks = pile_array(pile, n, sizeof(*stats->stacks));
	if (!stats->stacks)
		return -ENOMEM;
	for (__u32 i = 0; rx && !err && i < n; i++)
		err = add_stack(pile, is, i, rx, &stats->stacks[stats->n_stacks++]);
	return err;
}

const char *status_of_stacks(struct pile *pile, const struct installed *is)
{
	const struct iop_object *o = is->description;
	const char *text = "cpumap";

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STACKS); i++) {
		const struct iop_desc_stack *d = object_stack(o, i);
		struct core_list list;
		struct iop_stack now;

		if (stack_now(is, i, &now) || stack_cores_loaded(is, i, &list))
			return pile_printf(pile, "%s, which cannot be read", text);
		text = pile_printf(pile, "%s%s %s on %u of %u..%u cores of %s (", text, i ? "," : ":",
				   object_string(o, object_workload(o, d->workload)->name), now.n,
				   d->least, d->most, object_string(o, object_pool(o, d->pool)->name));
		for (__u32 c = 0; c < list.n && c < now.n; c++)
			text = pile_printf(pile, "%s%s%u", text, c ? "," : "", list.cores[c]);
		text = pile_printf(pile, "%s)", text);
		free(list.cores);
	}
	return text;
}
