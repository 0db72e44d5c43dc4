/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters, from the pinned maps alone: abi/count.h says how an element is laid out, the
 * description which core or worker a target is.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>
#include <time.h>

#include "installed.h"
#include "machine.h"
#include "pile.h"
#include "pin.h"
#include "stack.h"
#include "stack_now.h"
#include "words.h"

/* The answer and the memory that it is made of. */
struct answer {
	struct iop_stats stats; /* first: the caller's pointer is to it */
	struct pile pile;
	const struct installed *is;
};

struct counter_name {
	const char *name, *doc;
};

#define NAME(id, name, doc) { name, doc },
static const struct counter_name counters[] = { IOP_COUNTERS(NAME) };
static const struct counter_name path_counters[] = { IOP_PATH_COUNTERS(NAME) };
#undef NAME

/* A per-CPU map of __u64 arrays, summed over CPUs and, for maps of groups, over those. */
struct sums {
	__u32 elements, width;
	__u64 *values; /* owned */
};

static void sums_free(struct sums *s)
{
	free(s->values);
}
#define _cleanup_sums_ _cleanup_(sums_free)

static int add_map(struct sums *s, int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ __u64 *values = NULL;

	if (cpus < 0)
		return cpus;
	if (bpf_map_get_info_by_fd(map, &info, &size))
		return -errno;
	if (info.type != BPF_MAP_TYPE_PERCPU_ARRAY || info.value_size % sizeof(__u64))
		return -EBADMSG;
	if (!s->values) {
		s->elements = info.max_entries;
		s->width = info.value_size / sizeof(__u64);
		s->values = calloc((size_t)s->elements * s->width + 1, sizeof(__u64));
	}
	values = calloc((size_t)cpus * s->width + 1, sizeof(__u64));
	if (!s->values || !values)
		return -ENOMEM;
	if (info.max_entries != s->elements || info.value_size != s->width * sizeof(__u64))
		return -EBADMSG;
	for (__u32 key = 0; key < s->elements; key++) {
		if (bpf_map_lookup_elem(map, &key, values))
			return -errno;
		for (size_t i = 0; i < (size_t)cpus * s->width; i++)
			s->values[(size_t)key * s->width + i % s->width] += values[i];
	}
	return 0;
}

static int open_map(const struct installed *is, const struct iop_desc_map *m, const char *folder)
{
	char name[NAME_MAX + 1], path[PIN_PATH];
	int map;

	pin_name_of_map(object_string(is->description, m->name), name);
	if (pin_path(path, is->name, "%s/maps/%s", folder, name))
		return -ENAMETOOLONG;
	map = bpf_obj_get(path);
	return map < 0 ? -errno : map;
}

/* Elements that the policy does not have are no error: a stage may count nothing. */
static int read_role(const struct installed *is, enum iop_map_role role, struct sums *s)
{
	const struct iop_object *o = is->description;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++) {
		const struct iop_desc_map *m = object_map(o, i);
		__u32 copies = m->scope == IOP_SCOPE_GROUP ? is->n_groups : 1;
		int err = 0;

		if (m->role != role)
			continue;
		for (__u32 g = 0; !err && g < copies; g++) {
			_cleanup_fd_ int map = -1;
			char folder[32] = "";

			if (m->scope == IOP_SCOPE_GROUP)
				snprintf(folder, sizeof(folder), "/workers/%u", g);
			map = open_map(is, m, folder);
			err = map < 0 ? map : add_map(s, map);
		}
		return err;
	}
	return 0;
}

static __u64 sum_at(const struct sums *s, __u32 element, __u32 i)
{
	return element < s->elements && i < s->width ? s->values[(size_t)element * s->width + i]
						     : 0;
}

static struct iop_stats_counter *counters_of(struct answer *a, const struct sums *s, __u32 element,
					     const struct counter_name *names, size_t n)
{
	struct iop_stats_counter *c = pile_array(&a->pile, n, sizeof(*c));

	for (size_t i = 0; c && i < n; i++)
		c[i] = (struct iop_stats_counter){ names[i].name, names[i].doc,
						   sum_at(s, element, (__u32)i) };
	return c;
}

/* --- targets --- */

/* Several rules may name one core: it is one line. */
static void add_target(struct iop_stats_class *c, __u32 number, bool and_beyond, __u64 value)
{
	size_t i = 0;

	while (i < c->n_targets && c->targets[i].number < number)
		i++;
	if (i == c->n_targets || c->targets[i].number != number) {
		memmove(&c->targets[i + 1], &c->targets[i],
			(c->n_targets - i) * sizeof(*c->targets));
		c->targets[i] = (struct iop_stats_target){ .number = number };
		c->n_targets++;
	}
	c->targets[i].value += value;
	c->targets[i].and_beyond |= and_beyond;
}

/* Can the action choose this worker in some group of the workload? */
static bool can_choose(const struct installed *is, const struct iop_desc_target *t, __u32 number)
{
	const struct iop_object *o = is->description;

	for (__u32 i = 0; t->workers_kind == IOP_WORKERS_LIST && i < t->n_ranges; i++) {
		const struct iop_desc_range *range = object_range(o, t->first_range + i);

		if (number >= range->lo && number <= range->hi)
			return true;
	}
	for (__u32 g = 0; t->workers_kind != IOP_WORKERS_LIST && g < is->n_groups; g++) {
		const struct record_group *group = installed_group(is, g);
		__u32 cut = t->workers_n < group->n_workers ? group->n_workers - t->workers_n : 0;

		if (group->workload != object_class(o, t->class)->workload ||
		    number >= group->n_workers)
			continue;
		if (t->workers_kind == IOP_WORKERS_ALL ||
		    (t->workers_kind == IOP_WORKERS_LAST && number >= cut) ||
		    (t->workers_kind == IOP_WORKERS_ALL_BUT_LAST && number < cut))
			return true;
	}
	return false;
}

/* The greatest number of workers in a group. */
static __u32 most_workers(const struct installed *is)
{
	__u32 most = 0;

	for (__u32 g = 0; g < is->n_groups; g++)
		if (installed_group(is, g)->n_workers > most)
			most = installed_group(is, g)->n_workers;
	return most;
}

/* Does the last counter of the action stand for more than its own number? */
static bool goes_beyond(const struct installed *is, const struct iop_desc_target *t)
{
	for (__u32 number = t->n; number < most_workers(is); number++)
		if (can_choose(is, t, number))
			return true;
	return false;
}

static void add_workers(const struct answer *a, const struct sums *s, __u32 class,
			const struct iop_desc_target *t, struct iop_stats_class *c)
{
	for (__u32 i = 0; i < t->n; i++) {
		bool beyond = i + 1 == t->n && goes_beyond(a->is, t);
		__u64 value = sum_at(s, class, t->first + i);

		if (value || beyond || can_choose(a->is, t, i))
			add_target(c, i, beyond, value);
	}
}

static int add_cores(const struct answer *a, const struct sums *s, __u32 class,
		     const struct iop_desc_target *t, struct iop_stats_class *c)
{
	struct core_list list;
	int err = t->stack == IOP_NONE ? installed_pool(a->is, t->pool, &list)
				       : stack_cores_loaded(a->is, t->stack, &list);

	for (__u32 i = 0; !err && i < t->n && i < list.n; i++)
		add_target(c, list.cores[i], false, sum_at(s, class, t->first + i));
	free(list.cores);
	return err;
}

static int add_targets(struct answer *a, const struct sums *s, enum iop_hook hook, __u32 class,
		       struct iop_stats_class *c)
{
	const struct iop_object *o = a->is->description;
	size_t room = 0;
	int err = 0;

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_TARGETS); i++)
		if (object_target(o, i)->hook == hook && object_target(o, i)->class == class)
			room += object_target(o, i)->n < s->width ? object_target(o, i)->n
								  : s->width;
	c->targets = pile_array(&a->pile, room, sizeof(*c->targets));
	if (!c->targets)
		return -ENOMEM;
	for (__u32 i = 0; !err && i < object_count(o, IOP_TABLE_TARGETS); i++) {
		const struct iop_desc_target *t = object_target(o, i);

		/* What is not in the element is not a counter. */
		if (t->hook != hook || t->class != class || t->first > s->width ||
		    t->n > s->width - t->first)
			continue;
		if (hook == IOP_HOOK_RX)
			err = add_cores(a, s, class, t, c);
		else
			add_workers(a, s, class, t, c);
	}
	return err;
}

/* --- stages --- */

static int add_class(struct answer *a, const struct sums *s, enum iop_hook hook, __u32 class,
		     struct iop_stats_class *c)
{
	const struct iop_object *o = a->is->description;
	const struct iop_desc_class *d = object_class(o, class);

	c->workload =
		pile_string(&a->pile, object_string(o, object_workload(o, d->workload)->name));
	c->name = pile_string(&a->pile, object_string(o, d->name));
	c->n_counters = IOP_COUNT_TARGETS;
	c->counters = counters_of(a, s, class, counters, c->n_counters);
	return c->counters ? add_targets(a, s, hook, class, c) : -ENOMEM;
}

static int add_stage(struct answer *a, enum iop_hook hook, enum iop_map_role role,
		     const struct sums *path)
{
	const struct iop_object *o = a->is->description;
	struct iop_stats_stage *stage = &a->stats.stages[a->stats.n_stages++];
	_cleanup_sums_ struct sums s = { 0 };
	int err = read_role(a->is, role, &s);

	if (err)
		return err;
	stage->name = word_of_hook(hook);
	stage->target = hook == IOP_HOOK_RX ? "core" : "worker";
	stage->n_path = IOP_PATH_COUNT;
	stage->path = counters_of(a, path, hook, path_counters, stage->n_path);
	stage->classes =
		pile_array(&a->pile, object_count(o, IOP_TABLE_CLASSES), sizeof(*stage->classes));
	if (!stage->path || !stage->classes)
		return -ENOMEM;
	for (__u32 c = 0; !err && c < object_count(o, IOP_TABLE_CLASSES); c++)
		err = add_class(a, &s, hook, c, &stage->classes[stage->n_classes++]);
	return err;
}

static bool has_stage(const struct iop_object *o, enum iop_hook hook)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STAGES); i++)
		if (object_stage(o, i)->hook == hook)
			return true;
	return false;
}

static int read_all(struct answer *a)
{
	static const struct {
		enum iop_hook hook;
		enum iop_map_role role;
	} stages[] = {
		       /* in the order of the path */
		{ IOP_HOOK_RX, IOP_MAP_COUNT_RX },
		{ IOP_HOOK_SOCKET, IOP_MAP_COUNT_SOCKET },
		{ IOP_HOOK_TX, IOP_MAP_COUNT_TX },
	};
	_cleanup_sums_ struct sums path = { 0 };
	struct timespec now;
	int err = read_role(a->is, IOP_MAP_PATH, &path);

	a->stats.policy = pile_string(&a->pile, a->is->name);
	a->stats.stages = pile_array(&a->pile, IOP_HOOKS, sizeof(*a->stats.stages));
	if (!err && !a->stats.stages)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < sizeof(stages) / sizeof(stages[0]); i++)
		if (has_stage(a->is->description, stages[i].hook))
			err = add_stage(a, stages[i].hook, stages[i].role, &path);
	if (!err)
		err = stats_add_stacks(&a->pile, a->is, &a->stats);
	if (!clock_gettime(CLOCK_MONOTONIC, &now))
		a->stats.taken_at = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return !err && a->pile.failed ? -ENOMEM : err;
}

int iop_stats_read(const char *policy, struct iop_stats **stats, struct iop_report *report)
{
	_cleanup_installed_ struct installed is = INSTALLED_EMPTY;
	struct answer *a;
	int err = installed_open(&is, policy, report);

	if (err)
		return err;
	if (!is.description)
		return report_error(report, -EBADMSG, IOP_CAUSE_ENVIRONMENT,
				    "policy %s has no description: its load or unload was "
				    "interrupted",
				    policy);
	a = calloc(1, sizeof(*a));
	if (!a)
		return report_no_memory(report);
	a->is = &is;
	err = read_all(a);
	a->is = NULL;
	if (err) {
		iop_stats_free(&a->stats);
		return report_error(report, err, IOP_CAUSE_KERNEL,
				    "the counters of policy %s cannot be read: %s", policy,
				    strerror(-err));
	}
	*stats = &a->stats;
	return 0;
}

void iop_stats_free(struct iop_stats *stats)
{
	struct answer *a = (struct answer *)stats;

	if (!a)
		return;
	pile_free(&a->pile);
	free(a);
}
