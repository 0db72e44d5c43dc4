/* SPDX-License-Identifier: BSD-2-Clause */
#include "program.h"

#include <bpf/bpf.h>
#include <limits.h>
#include <linux/bpf.h>
#include <string.h>

#include "libbpf_log.h"
#include "line_info.h"
#include "rodata.h"
#include "stack.h"
#include "set_map.h"
#include "verifier.h"
#include "worker_rows.h"

#define VERIFIER_LOG (16u << 20)   /* pages are used as the kernel writes them */
#define VERIFIER_TAIL 40           /* lines */

/* libbpf calls the sections of variables after the policy, "dns_edge.rodata"; the
 * description calls them as the object does. */
const char *program_map_name(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map), *dot = strchr(name, '.');

	return bpf_map__is_internal(map) && dot ? dot : name;
}

static const struct iop_desc_map *described(const struct iop_object *o, const struct bpf_map *map)
{
	const char *name = program_map_name(map);

	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++)
		if (!strcmp(object_string(o, object_map(o, i)->name), name))
			return object_map(o, i);
	return NULL;
}

/* libbpf makes each instance its own of what is constant, and of what nobody described. */
static enum iop_map_scope scope_of(const struct iop_object *o, const struct bpf_map *map)
{
	const struct iop_desc_map *d = described(o, map);

	return d ? (enum iop_map_scope)d->scope : IOP_SCOPE_POLICY;
}

static bool is_rodata(const struct iop_object *o, const struct bpf_map *map)
{
	const struct iop_desc_map *d = described(o, map);

	return d ? d->role == IOP_MAP_RODATA : bpf_map__map_flags(map) & BPF_F_RDONLY_PROG;
}

bool program_owns_map(const struct iop_object *o, const struct bpf_map *map,
		      enum iop_map_scope scope)
{
	return scope_of(o, map) == scope && bpf_map__fd(map) >= 0 &&
	       (scope == IOP_SCOPE_POLICY || !is_rodata(o, map));
}

struct bpf_map *program_map(const struct bpf_object *obj, const struct iop_object *o,
			    enum iop_map_role role)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_MAPS); i++)
		if (object_map(o, i)->role == role)
			return bpf_object__find_map_by_name(
				obj, object_string(o, object_map(o, i)->name));
	return NULL;
}

const struct iop_desc_stage *program_stage(const struct iop_object *o, enum iop_hook hook)
{
	for (__u32 i = 0; i < object_count(o, IOP_TABLE_STAGES); i++)
		if (object_stage(o, i)->hook == hook)
			return object_stage(o, i);
	return NULL;
}

static struct bpf_program *program_of(const struct bpf_object *obj, const struct iop_object *o,
				      enum iop_hook hook)
{
	const struct iop_desc_stage *stage = program_stage(o, hook);

	return stage ? bpf_object__find_program_by_name(obj, object_string(o, stage->program))
		     : NULL;
}

int program_fd(const struct bpf_object *obj, const struct iop_object *o, enum iop_hook hook)
{
	const struct bpf_program *p = program_of(obj, o, hook);

	return p ? bpf_program__fd(p) : -ENOENT;
}

__u32 program_id(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_prog_get_info_by_fd(fd, &info, &size) ? 0 : info.id;
}

/* --- opening --- */

static int broken(const struct program_values *v, struct iop_report *report,
		  const struct libbpf_log *log, const char *what)
{
	int err = report_error(report, -EBADMSG, IOP_CAUSE_POLICY, "%s: %s", v->object->path, what);

	report_detail(report, libbpf_log_text(log));
	return err;
}

/* Exactly the hooks of `hooks` (bit per enum iop_hook) are loaded. */
static int choose_programs(const struct program_values *v, struct bpf_object *obj, unsigned hooks)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj) {
		int err = bpf_program__set_autoload(p, false);

		if (err)
			return err;
	}
	for (unsigned hook = 0; hook < IOP_HOOKS; hook++) {
		const struct iop_desc_stage *stage = program_stage(v->object, (enum iop_hook)hook);
		int err;

		if (!stage || !(hooks >> hook & 1))
			continue;
		p = program_of(obj, v->object, (enum iop_hook)hook);
		err = p ? bpf_program__set_autoload(p, true) : -ENOENT;
		if (err)
			return err;
	}
	return 0;
}

static int size_maps(const struct program_values *v, struct bpf_object *obj, __u32 workers)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		const struct iop_desc_map *d = described(v->object, map);
		__u32 entries = bpf_map__max_entries(map);

		if (!d)
			continue;
		switch (d->role) {
		case IOP_MAP_CPUS:
		case IOP_MAP_NEAR_CORE:
		case IOP_MAP_NEAR_WORKER: entries = machine_possible(v->machine); break;
		case IOP_MAP_SIGNAL:
		case IOP_MAP_WORKER_ROWS:
		case IOP_MAP_WORKER_OF: entries = worker_rows_count(v); break;
		case IOP_MAP_WORKERS: entries = workers > entries ? workers : entries; break;
		default:
			if (stack_map_entries(v, d->role))
				entries = stack_map_entries(v, d->role);
			break;
		}
		/* A socket of a reuseport_sockarray is in no other map, and that of `anywhere` is one. */
		if (d->role == IOP_MAP_WORKERS && program_stage(v->object, IOP_HOOK_LOOKUP) &&
		    bpf_map__set_type(map, BPF_MAP_TYPE_SOCKMAP))
			return -errno;
		if (bpf_map__set_max_entries(map, entries))
			return -errno;
	}
	return 0;
}

static int open_object(const struct program_values *v, unsigned hooks, __u32 workers,
		       const struct libbpf_log *log, struct bpf_object **out,
		       struct iop_report *report)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts,
		    .object_name = object_string(v->object, v->object->desc->policy));
	_cleanup_bpf_object_ struct bpf_object *obj =
		bpf_object__open_mem(v->object->elf, v->object->elf_size, &opts);
	int err;

	if (!obj)
		return broken(v, report, log, "libbpf does not take its programs and maps");
	if (choose_programs(v, obj, hooks))
		return broken(v, report, log, "a program of its description is missing");
	if (size_maps(v, obj, workers))
		return broken(v, report, log, "its maps cannot be sized for this machine");
	err = rodata_write(obj, v, report);
	if (err)
		return err;
	*out = TAKE_PTR(obj);
	return 0;
}

/* --- loading --- */

/* Where a rejection is in the sources: kernels before 6.9 tell the instruction only. */
static struct report_place place_of(const struct program_values *v, const struct bpf_object *obj,
				    const struct bpf_program *p,
				    const struct verifier_verdict *verdict, char file[PATH_MAX],
				    char source[PATH_MAX])
{
	struct report_place place = { file, verdict->line, 0 };
	struct line_info info;

	snprintf(file, PATH_MAX, "%.*s", verdict->file.length, verdict->file.at);
	snprintf(source, PATH_MAX, "%.*s", verdict->source.length, verdict->source.at);
	if (verdict->line || verdict->instruction < 0 ||
	    !line_info_find(v->object, obj, p, (__u32)verdict->instruction, &info))
		return place;
	snprintf(file, PATH_MAX, "%s", info.file);
	snprintf(source, PATH_MAX, "%s", info.source + strspn(info.source, " \t"));
	place.line = info.line;
	place.column = info.column;
	return place;
}

/* The verifier's words about the policy's line; never the kernel's alone. */
static int rejected(const struct program_values *v, const struct bpf_object *obj,
		    const struct bpf_program *p, const char *log, struct iop_report *report)
{
	struct verifier_verdict verdict = verifier_read(log);
	char file[PATH_MAX], source[PATH_MAX], sentence[512];
	struct report_place place = place_of(v, obj, p, &verdict, file, source);

	snprintf(sentence, sizeof(sentence), "%.*s", verdict.sentence.length, verdict.sentence.at);
	for (char *end = sentence; (end = strchr(end, '\n'));)
		*end = ';';
	(void)report_error_at(report, -EACCES, IOP_CAUSE_KERNEL, place,
			      "the kernel's verifier rejects program %s of policy %s: %s",
			      bpf_program__name(p),
			      object_string(v->object, v->object->desc->policy), sentence);
	report_source(report, source);
	report_help(report, "the fault is iopc's unless the object was made by something else: "
			    "please report it with the policy");
	report_detail(report, verifier_tail(log, VERIFIER_TAIL));
	return -EACCES;
}

static int tell_failure(const struct program_values *v, struct bpf_object *obj, int err,
			const struct libbpf_log *log, struct iop_report *report)
{
	struct bpf_program *p;

	bpf_object__for_each_program(p, obj) {
		size_t size;
		const char *text = bpf_program__log_buf(p, &size);

		if (bpf_program__autoload(p) && bpf_program__fd(p) < 0 && text && text[0])
			return rejected(v, obj, p, text, report);
	}
	(void)report_error(report, err, IOP_CAUSE_KERNEL,
			   "the kernel does not take the programs and maps of policy %s: %s (%s)",
			   object_string(v->object, v->object->desc->policy), strerror(-err),
			   libbpf_log_last(log));
	report_detail(report, libbpf_log_text(log));
	return err;
}

/* One program at most fails, the others do not write: they share the buffer. */
static int load_object(const struct program_values *v, struct bpf_object *obj,
		       const struct libbpf_log *log, struct iop_report *report)
{
	_cleanup_free_ char *buffer = malloc(VERIFIER_LOG);
	struct bpf_program *p;
	int err;

	if (!buffer)
		return report_no_memory(report);
	buffer[0] = '\0';
	bpf_object__for_each_program(p, obj)
		if (bpf_program__set_log_buf(p, buffer, VERIFIER_LOG))
			return report_no_memory(report);
	err = bpf_object__load(obj);
	err = err ? tell_failure(v, obj, err, log, report) : 0;
	bpf_object__for_each_program(p, obj)
		(void)bpf_program__set_log_buf(p, NULL, 0);
	return err;
}

/* --- what is in maps from the start --- */

static int fill_near(const struct program_values *v, const struct bpf_map *map, const __u32 *places,
		     __u32 n, struct iop_report *report)
{
	__u32 possible = machine_possible(v->machine);
	_cleanup_free_ __u32 *near = calloc(possible, sizeof(*near));

	if (!near)
		return report_no_memory(report);
	machine_nearest(v->machine, places, n, near);
	for (__u32 core = 0; core < possible; core++)
		if (bpf_map__update_elem(map, &core, sizeof(core), &near[core], sizeof(near[core]),
					 BPF_ANY))
			return report_error(report, -errno, IOP_CAUSE_KERNEL,
					    "map %s cannot be filled: %s", bpf_map__name(map),
					    strerror(errno));
	return 0;
}

static int add_core(const struct bpf_map *map, __u32 core, __u32 queue, int program,
		    struct iop_report *report)
{
	/* An object may have the queue's length alone for value, or the program of the core's
	 * thread behind it. */
	struct bpf_cpumap_val value = { .qsize = queue, .bpf_prog.fd = program };
	__u32 size = bpf_map__value_size(map);

	if (bpf_map__update_elem(map, &core, sizeof(core), &value,
				 size < sizeof(value) ? size : sizeof(value), BPF_ANY))
		return report_error(report, -errno, IOP_CAUSE_KERNEL,
				    "core %u cannot take packets: %s", core, strerror(errno));
	return 0;
}

/* Cores must be there before the first packet is sent to them. */
static int fill_cores(const struct program_values *v, const struct bpf_object *obj,
		      const struct bpf_map *map, struct iop_report *report)
{
	int program = program_fd(obj, v->object, IOP_HOOK_STACK), err = 0;

	for (__u32 core = 0; !err && core < bpf_map__max_entries(map); core++) {
		bool measured;
		__u32 queue = stack_queue_of(v, core, &measured);

		if (queue)
			err = add_core(map, core, queue, measured ? program : 0, report);
	}
	return err;
}

static int fill_policy(const struct program_values *v, const struct bpf_object *obj,
		       struct iop_report *report)
{
	const struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, obj) {
		const struct iop_desc_map *d = described(v->object, map);

		if (!d || d->scope != IOP_SCOPE_POLICY)
			continue;
		if (d->role == IOP_MAP_CPUS)
			err = fill_cores(v, obj, map, report);
		else if (d->role == IOP_MAP_SET)
			err = set_fill(v->object, d, map, report);
		else if (d->role == IOP_MAP_NEAR_CORE && d->pool != IOP_NONE)
			err = fill_near(v, map, v->pools[d->pool].cores, v->pools[d->pool].n,
					report);
		if (err)
			return err;
	}
	err = stack_fill(v, obj, report);
	return err ? err : worker_rows_fill(v, obj, report);
}

static int fill_near_worker(const struct program_values *v, const struct bpf_map *map,
			    const struct iop_desc_map *d, const struct adopt_group *group,
			    struct iop_report *report)
{
	struct worker_set set = { d->workers_kind, d->first_range, d->n_ranges, d->workers_n };
	_cleanup_free_ __u32 *places = calloc((size_t)group->is.n_workers + 1, sizeof(*places));
	__u32 n;

	if (!places)
		return report_no_memory(report);
	n = worker_set_resolve(v->object, &set, group->is.n_workers, places);
	for (__u32 i = 0; i < n; i++)
		places[i] = group->workers[places[i]].home;
	return fill_near(v, map, places, n, report);
}

static int fill_group(const struct program_values *v, const struct bpf_object *obj,
		      const struct adopt_group *group, struct iop_report *report)
{
	const struct bpf_map *map;
	int err = 0;

	bpf_object__for_each_map(map, obj) {
		const struct iop_desc_map *d = described(v->object, map);

		if (d && d->role == IOP_MAP_NEAR_WORKER)
			err = fill_near_worker(v, map, d, group, report);
		if (err)
			return err;
	}
	return 0;
}

/* --- the two kinds of instances --- */

int program_load_policy(const struct program_values *v, struct bpf_object **out,
			struct iop_report *report)
{
	_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();
	_cleanup_bpf_object_ struct bpf_object *obj = NULL;
	struct bpf_map *map;
	int err = open_object(v, ~(1u << IOP_HOOK_SOCKET), 0, log, &obj, report);

	if (err)
		return err;
	bpf_object__for_each_map(map, obj)
		if (scope_of(v->object, map) == IOP_SCOPE_GROUP &&
		    bpf_map__set_autocreate(map, false))
			return report_no_memory(report);
	err = load_object(v, obj, log, report);
	if (!err)
		err = fill_policy(v, obj, report);
	if (!err)
		*out = TAKE_PTR(obj);
	return err;
}

/* .data.group is right before the program can run. */
static int write_group(const struct program_values *v, struct bpf_object *obj,
		       const struct adopt_group *group, struct iop_report *report)
{
	struct iop_group value = { .workload = group->is.workload,
				   .n = group->is.n_workers,
				   .base = group->is.base };
	struct bpf_map *map = program_map(obj, v->object, IOP_MAP_GROUP);
	size_t size;
	void *data;

	if (!map)
		return 0; /* the policy does not ask how many workers there are */
	data = bpf_map__initial_value(map, &size);
	if (!data || size < sizeof(value))
		return broken(v, report, NULL, "its map of the group is too small");
	memcpy(data, &value, sizeof(value));
	return 0;
}

static int share_maps(const struct program_values *v, struct bpf_object *obj,
		      const struct bpf_object *policy, struct iop_report *report)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, obj) {
		const struct bpf_map *theirs;

		if (scope_of(v->object, map) == IOP_SCOPE_GROUP || is_rodata(v->object, map))
			continue;
		theirs = bpf_object__find_map_by_name(policy, program_map_name(map));
		if (!theirs || bpf_map__reuse_fd(map, bpf_map__fd(theirs)))
			return report_error(report, -EINVAL, IOP_CAUSE_KERNEL,
					    "map %s cannot be shared with the socket program",
					    bpf_map__name(map));
	}
	return 0;
}

int program_load_group(const struct program_values *v, const struct bpf_object *policy,
		       const struct adopt_group *group, struct bpf_object **out,
		       struct iop_report *report)
{
	_cleanup_libbpf_log_ struct libbpf_log *log = libbpf_log_begin();
	_cleanup_bpf_object_ struct bpf_object *obj = NULL;
	int err = open_object(v, 1u << IOP_HOOK_SOCKET, group->is.n_workers, log, &obj, report);

	if (!err)
		err = share_maps(v, obj, policy, report);
	if (!err)
		err = write_group(v, obj, group, report);
	if (!err)
		err = load_object(v, obj, log, report);
	if (!err)
		err = fill_group(v, obj, group, report);
	if (!err)
		*out = TAKE_PTR(obj);
	return err;
}
