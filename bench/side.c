/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads and drives one of the two sides; see side.h.
 */
#include "side.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/worker.h"

#define ROWS "iop_worker_rows"
#define CORES 2 /* that the policies steer to: 0 and 1 */
#define CORE_QUEUE 64
#define FULL (1ULL << 62) /* an arrival time that no clock gets to */

static const char *const count_maps[HOOKS][2] = {
	[HOOK_RX] = { "iop_count_rx", "counts_rx" },
	[HOOK_SOCKET] = { "iop_count_socket", "counts_socket" },
};

static bool fail(const struct side *s, const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", s->path, what, strerror(err < 0 ? -err : err));
	return false;
}

void side_stay_here(void)
{
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
		if (!CPU_ISSET(cpu, &allowed))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

/* --- variables --- */

typedef void variable_fn(const char *name, void *at, uint32_t size, const void *arg);

/* Calls `fn` for each variable of a data section, whose bytes are `data`. */
static void each_variable(const struct side *s, const char *section, void *data, size_t size,
			  variable_fn *fn, const void *arg)
{
	const struct btf *btf = bpf_object__btf(s->object);
	int id = btf__find_by_name_kind(btf, section, BTF_KIND_DATASEC);
	const struct btf_type *t;
	const struct btf_var_secinfo *v;

	if (id < 0)
		return;
	t = btf__type_by_id(btf, (uint32_t)id);
	v = btf_var_secinfos(t);

	for (unsigned i = 0; i < btf_vlen(t); i++, v++) {
		const struct btf_type *var = btf__type_by_id(btf, v->type);

		if (v->offset + v->size <= size)
			fn(btf__name_by_offset(btf, var->name_off), (char *)data + v->offset,
			   v->size, arg);
	}
}

struct setting {
	const struct policy *policy;
	uint64_t cost_ns; /* 0: leave the rates alone */
};

static uint32_t core_near(uint32_t cpu)
{
	return cpu < CORES ? cpu : 0;
}

static void set_constant(const char *name, void *at, uint32_t size, const void *arg)
{
	const struct setting *set = arg;

	for (unsigned i = 0; i < 3 && set->policy; i++) {
		const struct rate_param *r = &set->policy->rates[i];

		if (set->cost_ns && r->iop && size == sizeof(set->cost_ns) &&
		    (strcmp(name, r->iop) == 0 || strcmp(name, r->twin) == 0))
			memcpy(at, &set->cost_ns, size);
	}
	if (strcmp(name, "near_core") == 0) {
		for (uint32_t cpu = 0; cpu < size; cpu++)
			((uint8_t *)at)[cpu] = (uint8_t)core_near(cpu);
	}
}

/* --- loading --- */

static bool is_near_map(const struct bpf_map *map)
{
	return strncmp(bpf_map__name(map), "iop_near_", 9) == 0;
}

static void size_maps(struct side *s, uint32_t n_cpus, uint32_t senders)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, s->object) {
		if (bpf_map__type(map) == BPF_MAP_TYPE_CPUMAP || is_near_map(map))
			(void)bpf_map__set_max_entries(map, n_cpus);
		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH && senders)
			(void)bpf_map__set_max_entries(map, senders);
	}
}

static bool fill_maps(const struct side *s, uint32_t n_cpus)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, s->object) {
		for (uint32_t cpu = 0; cpu < n_cpus; cpu++) {
			uint32_t value[2] = { CORE_QUEUE, 0 }; /* struct bpf_cpumap_val, or its beginning */

			if (is_near_map(map))
				value[0] = core_near(cpu);
			else if (bpf_map__type(map) != BPF_MAP_TYPE_CPUMAP || cpu >= CORES)
				break;
			if (bpf_map__update_elem(map, &cpu, sizeof(cpu), value, bpf_map__value_size(map),
						 0))
				return fail(s, bpf_map__name(map), errno);
		}
	}
	return true;
}

static void find_programs(struct side *s)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, s->object) {
		if (bpf_program__type(prog) == BPF_PROG_TYPE_XDP)
			s->programs[HOOK_RX] = prog;
		else if (bpf_program__type(prog) == BPF_PROG_TYPE_SK_REUSEPORT)
			s->programs[HOOK_SOCKET] = prog;
		else /* replies are not compared */
			(void)bpf_program__set_autoload(prog, false);
	}
}

/* The group that the socket program picks in, where it asks for that. */
static void set_group(struct side *s)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->object, ".data.group");
	struct bpf_map *rows = bpf_object__find_map_by_name(s->object, ROWS);
	size_t size;
	struct iop_group *group = map ? bpf_map__initial_value(map, &size) : NULL;

	if (group && size >= sizeof(*group))
		*group = (struct iop_group){ .n = SIDE_WORKERS };
	if (rows)
		(void)bpf_map__set_max_entries(rows, SIDE_WORKERS);
}

bool side_rest(const struct side *s)
{
	const struct bpf_map *rows = bpf_object__find_map_by_name(s->object, ROWS);
	struct iop_worker_row row;

	iop_worker_row_begin(&row, 0);
	for (uint32_t i = 0; rows && i < SIDE_WORKERS; i++)
		if (bpf_map__update_elem(rows, &i, sizeof(i), &row, sizeof(row), 0))
			return fail(s, ROWS, errno);
	return true;
}

bool side_open(struct side *s, const char *path, const struct policy *p, enum rates rates,
	       uint32_t senders)
{
	struct setting set = { .policy = p };
	int n_cpus = libbpf_num_possible_cpus(), err;
	struct bpf_map *constants;
	void *data;
	size_t size;

	*s = (struct side){ .path = path };
	s->object = bpf_object__open(path);
	if (!s->object || n_cpus < 0)
		return fail(s, "cannot open it", s->object ? n_cpus : errno);
	if (rates != RATES_DEFAULT)
		set.cost_ns = rates == RATES_OPEN ? 1 : 1000000000;
	constants = bpf_object__find_map_by_name(s->object, ".rodata");
	data = constants ? bpf_map__initial_value(constants, &size) : NULL;
	if (data)
		each_variable(s, ".rodata", data, size, set_constant, &set);
	size_maps(s, (uint32_t)n_cpus, senders);
	set_group(s);
	find_programs(s);
	err = bpf_object__load(s->object);
	if (err)
		return fail(s, "the kernel does not load it", err);
	return fill_maps(s, (uint32_t)n_cpus);
}

void side_close(struct side *s)
{
	bpf_object__close(s->object);
	s->object = NULL;
}

/* --- running --- */

uint32_t side_instructions(const struct side *s, enum hook h)
{
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);

	if (!s->programs[h] ||
	    bpf_prog_get_info_by_fd(bpf_program__fd(s->programs[h]), &info, &len)) {
		(void)fail(s, "cannot ask for its instructions", errno);
		return 0;
	}
	return info.xlated_prog_len / sizeof(struct bpf_insn);
}

int side_run(const struct side *s, const void *frame, size_t len, uint32_t times, uint32_t *ns)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = (int)times);
	int err = bpf_prog_test_run_opts(bpf_program__fd(s->programs[HOOK_RX]), &opts);

	if (err) {
		(void)fail(s, "cannot run it", err);
		return -1;
	}
	if (ns)
		*ns = opts.duration;
	return (int)opts.retval;
}

/* The kernel's own measure is in whole ns, too coarse for programs of twenty; and this clock
 * stands still while others use the CPU. */
static double cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double side_time(const struct side *s, const void *frame, size_t len, uint32_t times)
{
	double before = cpu_ns();

	if (side_run(s, frame, len, times, NULL) < 0)
		return -1;
	return (cpu_ns() - before) / times;
}

/* --- what they counted --- */

static bool add_counters(const struct side *s, const struct bpf_map *map, struct counters *out)
{
	int n_cpus = libbpf_num_possible_cpus();
	size_t each = bpf_map__value_size(map), words = each / sizeof(uint64_t);
	uint64_t *values = calloc((size_t)n_cpus, each);
	bool ok = values != NULL;

	for (uint32_t i = 0; ok && i < bpf_map__max_entries(map); i++) {
		ok = !bpf_map__lookup_elem(map, &i, sizeof(i), values, each * (size_t)n_cpus, 0) &&
		     out->used + words <= SIDE_COUNTERS_MAX;
		for (size_t k = 0; ok && k < words; k++) {
			for (int cpu = 0; cpu < n_cpus; cpu++)
				out->n[out->used + k] += values[(size_t)cpu * words + k];
		}
		out->used += (unsigned)words;
	}
	free(values);
	return ok || fail(s, "cannot read its counters", errno);
}

bool side_counters(const struct side *s, enum hook h, struct counters *out)
{
	struct bpf_map *map = bpf_object__find_map_by_name(s->object, count_maps[h][0]);
	struct bpf_map *path = bpf_object__find_map_by_name(s->object, "iop_path");
	struct bpf_map *unseen = bpf_object__find_map_by_name(s->object, "unseen");
	struct counters other = { 0 };

	memset(out, 0, sizeof(*out));
	if (!map)
		map = bpf_object__find_map_by_name(s->object, count_maps[h][1]);
	if (!map || !add_counters(s, map, out))
		return map ? false : fail(s, "it has no counters", ENOENT);
	out->n_classes = bpf_map__max_entries(map);
	if (h == HOOK_SOCKET && path && add_counters(s, path, &other))
		out->unseen = other.n[1]; /* IOP_HOOK_SOCKET is row 0, IOP_PATH_UNSEEN its second */
	else if (h == HOOK_SOCKET && unseen && add_counters(s, unseen, &other))
		out->unseen = other.n[0];
	return true;
}

/* --- what limits remember --- */

struct memory {
	uint64_t arrival;
	const uint32_t *turn; /* NULL: leave it */
};

/* Words of 64 bits are limits, those of 32 bits are turns. */
static void set_memory(const char *name, void *at, uint32_t size, const void *arg)
{
	const struct memory *m = arg;

	(void)name;
	if (size % sizeof(m->arrival) == 0) {
		for (uint32_t i = 0; i < size; i += sizeof(m->arrival))
			memcpy((char *)at + i, &m->arrival, sizeof(m->arrival));
	} else if (m->turn) {
		memcpy(at, m->turn, sizeof(*m->turn));
	}
}

static bool set_senders(const struct bpf_map *map, const struct memory *m)
{
	char key[256];
	size_t size = bpf_map__key_size(map);

	if (size > sizeof(key))
		return false;
	/* The first key each time when they are taken away, else one after the other. */
	for (const void *after = NULL; !bpf_map__get_next_key(map, after, key, size);) {
		if (m->arrival == 0) {
			if (bpf_map__delete_elem(map, key, size, 0))
				return false;
			continue;
		}
		after = key;
		if (bpf_map__update_elem(map, key, size, &m->arrival, sizeof(m->arrival),
					 BPF_EXIST))
			return false;
	}
	return true;
}

/* The section's map has one element, with all variables. */
static bool set_variables(const struct side *s, const struct memory *m)
{
	const struct bpf_map *map = bpf_object__find_map_by_name(s->object, ".bss");
	uint32_t zero = 0, size;
	char data[4096];

	if (!map)
		return true;
	size = bpf_map__value_size(map);
	if (size > sizeof(data) || bpf_map__lookup_elem(map, &zero, sizeof(zero), data, size, 0))
		return false;
	each_variable(s, ".bss", data, size, set_memory, m);
	return !bpf_map__update_elem(map, &zero, sizeof(zero), data, size, 0);
}

static bool set_all(const struct side *s, const struct memory *m)
{
	uint32_t zero = 0;
	struct bpf_map *map;

	if (!set_variables(s, m))
		return fail(s, "cannot set its variables", errno);
	bpf_object__for_each_map(map, s->object) {
		bool ok = true;

		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			ok = set_senders(map, m);
		else if (strncmp(bpf_map__name(map), "iop_limit_", 10) == 0)
			ok = !bpf_map__update_elem(map, &zero, sizeof(zero), &m->arrival,
						   sizeof(m->arrival), 0);
		if (!ok)
			return fail(s, "cannot set what its limits remember", errno);
	}
	return true;
}

bool side_forget(const struct side *s, uint32_t turn)
{
	return set_all(s, &(struct memory){ .turn = &turn });
}

bool side_fill(const struct side *s)
{
	return set_all(s, &(struct memory){ .arrival = FULL });
}

struct bpf_map *side_workers(const struct side *s)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, s->object) {
		if (bpf_map__type(map) == BPF_MAP_TYPE_REUSEPORT_SOCKARRAY)
			return map;
	}
	return NULL;
}
