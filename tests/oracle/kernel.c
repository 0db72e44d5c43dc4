/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading and running; see kernel.h.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/set.h"
#include "abi/stack.h"
#include "base/arena.h"
#include "make_policy.h"

#define ETH_MIN 14
#define STACKS_MAX 64 /* POLICY_MAX_STACKS; more than a policy of make_policy.c has cores for them */

/* libbpf's way to speak is a callback without a context: one thread, one run at a time. */
static __thread FILE *log_to;

static int take_log(enum libbpf_print_level level, const char *format, va_list ap)
{
	if (level == LIBBPF_WARN && log_to)
		vfprintf(log_to, format, ap);
	return 0;
}

/* --- the machine --- */

bool machine_open(struct machine *m)
{
	*m = (struct machine){ .n_cpus = libbpf_num_possible_cpus() };
	libbpf_set_print(take_log);
	m->cpus = bpf_map_create(BPF_MAP_TYPE_CPUMAP, "iop_cpus", 4, 4, MAKE_CORES, NULL);
	if (m->cpus < 0 || m->n_cpus < 1) {
		fprintf(stderr, "oracle: no cpumap: %s\n", strerror(errno));
		return false;
	}
	/* No others, so that some cores of the policies are not there on any machine. */
	for (uint32_t core = 0; core < 2 && (int)core < m->n_cpus; core++) {
		uint32_t queue = 192;

		if (bpf_map_update_elem(m->cpus, &core, &queue, 0) == 0)
			targets_add(&m->there, core);
	}
	return true;
}

void machine_close(struct machine *m)
{
	if (m->cpus >= 0)
		close(m->cpus);
}

/* --- variables of .rodata and .data.live --- */

static void *variable(struct bpf_object *o, const char *in, const char *name, size_t size)
{
	const struct btf *btf = bpf_object__btf(o);
	int id = btf__find_by_name_kind(btf, in, BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, (uint32_t)id);
	struct bpf_map *map = bpf_object__find_map_by_name(o, in);
	size_t map_size;
	char *values = map ? bpf_map__initial_value(map, &map_size) : NULL;

	for (uint32_t i = 0; section && values && i < btf_vlen(section); i++) {
		const struct btf_var_secinfo *v = &btf_var_secinfos(section)[i];
		const struct btf_type *t = btf__type_by_id(btf, v->type);

		if (strcmp(btf__name_by_offset(btf, t->name_off), name) == 0 && v->size == size &&
		    v->offset + size <= map_size)
			return values + v->offset;
	}
	return NULL;
}

static uint64_t stored_as(const struct param *p, uint64_t value)
{
	if (p->type == TYPE_RATE)
		return iop_rate_cost(value);
	return p->type == TYPE_BITRATE ? iop_bitrate_cost(value) : value;
}

/* As `iopctl load --set` would, for some of the params. */
static void set_params(struct kernel *k, const struct policy *p, struct arena *a, struct rng *r)
{
	static const uint64_t rates[] = { 1, 3, 1000, 1000000000 };

	k->params = arena_alloc(a, (p->n_params + 1) * sizeof(*k->params));
	for (uint32_t i = 0; i < p->n_params; i++) {
		const struct param *param = p->params[i];
		char name[80];
		uint64_t *at, value = param->value;

		if (rng_percent(r, 40) && param->type == TYPE_NUMBER)
			value = rng_below(r, 12);
		else if (rng_percent(r, 40) && param->type != TYPE_NUMBER)
			value = rates[rng_below(r, 4)];
		if (value < param->min || value > param->max)
			value = param->value;
		snprintf(name, sizeof(name), "iop_param_%s", param->name);
		at = variable(k->object, param->live ? ".data.live" : ".rodata", name, sizeof(*at));
		if (at)
			*at = stored_as(param, value);
		k->params[i] = value;
	}
	k->env.params = k->params;
}

static void set_pools(struct kernel *k, const struct policy *p, struct arena *a, struct rng *r)
{
	k->pools = arena_alloc(a, (p->n_pools + 1) * sizeof(*k->pools));
	for (uint32_t i = 0; i < p->n_pools; i++) {
		uint16_t *cores = arena_alloc(a, MAKE_CORES * sizeof(*cores));
		struct iop_pool_cores *at;
		char name[80];

		if (p->pools[i]->fixed)
			continue;
		snprintf(name, sizeof(name), "iop_pool_%s", p->pools[i]->name);
		at = variable(k->object, ".rodata", name, sizeof(*at));
		k->pools[i].n = rng_in(r, 1, MAKE_CORES);
		k->pools[i].cores = cores;
		for (uint32_t c = 0; c < k->pools[i].n; c++)
			cores[c] = (uint16_t)rng_below(r, rng_percent(r, 70) ? 2 : MAKE_CORES);
		if (!at)
			continue;
		at->n = k->pools[i].n;
		for (uint32_t c = 0; c < at->n; c++)
			at->core[c] = cores[c];
	}
	k->env.pools = k->pools;
}

/* The cores of stack stages, in their order. */
static void set_stacks(struct kernel *k, const struct policy *p)
{
	for (uint32_t i = 0; i < p->n_workloads; i++) {
		const struct stack *s = p->workloads[i]->stack;
		struct iop_pool_cores *at;
		char name[80];

		if (!s)
			continue;
		snprintf(name, sizeof(name), "iop_stack_%s", p->workloads[i]->name);
		at = variable(k->object, ".rodata", name, sizeof(*at));
		for (uint32_t c = 0; at && c < s->most; c++) {
			uint32_t core = iop_stack_place(s->pool->n_cores,
							(uint32_t)s->pool->guaranteed, s->before,
							s->least, s->order, c);

			if (core < s->pool->n_cores)
				at->core[at->n++] = s->pool->cores[core];
		}
	}
}

/* --- maps --- */

static void shape_maps(struct kernel *k, const struct machine *m)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, k->object) {
		const char *name = bpf_map__name(map);

		if (strcmp(name, "iop_cpus") == 0) {
			bpf_map__set_max_entries(map, MAKE_CORES);
			bpf_map__reuse_fd(map, m->cpus);
		} else if (strncmp(name, "iop_worker_", 11) == 0 || strncmp(name, "iop_signal_", 11) == 0) {
			bpf_map__set_max_entries(map, MAKE_ROWS);
		} else if (strncmp(name, "iop_near_", 9) == 0 ||
			   strcmp(name, "iop_stack_cores") == 0) {
			bpf_map__set_max_entries(map, (uint32_t)m->n_cpus);
		} else if (strncmp(name, "iop_stack", 9) == 0) {
			bpf_map__set_max_entries(map, STACKS_MAX);
		}
	}
}

/* `local` picks the same on all cores, so that it does not matter where this runs. */
/* What the runtime does with the description (runtime/set.c). */
static bool fill_sets(struct kernel *k, const struct plan *plan)
{
	for (uint32_t i = 0; i < plan->policy->n_sets; i++) {
		const struct plan_set *s = &plan->sets[i];
		int map = s->map ? bpf_object__find_map_fd_by_name(k->object, s->map->name) : -1;
		uint32_t one = 1;

		for (uint32_t n = 0; s->map && n < s->n; n++) {
			struct iop_set_key key = { .length = 32u + s->prefixes[n].len,
						   .family = s->prefixes[n].family };

			memcpy(key.address, s->prefixes[n].addr, sizeof(key.address));
			if (bpf_map_update_elem(map, &key, &one, 0))
				return false;
		}
	}
	return true;
}

static bool fill_near(struct kernel *k, const struct policy *p, const struct machine *m,
		      struct arena *a, struct rng *r)
{
	k->near = arena_alloc(a, (p->n_actions + 1) * sizeof(*k->near));
	for (uint32_t i = 0; i < p->n_actions; i++) {
		char name[32];
		int map;

		k->near[i] = rng_below(r, 4);
		snprintf(name, sizeof(name), "iop_near_%u", i);
		map = bpf_object__find_map_fd_by_name(k->object, name);
		for (uint32_t cpu = 0; map >= 0 && (int)cpu < m->n_cpus; cpu++) {
			if (bpf_map_update_elem(map, &cpu, &k->near[i], 0))
				return false;
		}
	}
	return true;
}

/* Some of the cores of each stack stage are in use, and flows are spread over these. */
static bool fill_stacks(struct kernel *k, const struct policy *p, struct rng *r)
{
	int stacks = bpf_object__find_map_fd_by_name(k->object, "iop_stacks");
	int homes = bpf_object__find_map_fd_by_name(k->object, "iop_stack_homes");

	for (uint32_t n = 1; homes >= 0 && n <= MAKE_CORES; n++) {
		struct iop_stack_homes value;

		for (uint32_t b = 0; b < IOP_STACK_BUCKETS; b++)
			value.slot[b] = (uint8_t)iop_stack_home_of(b, n);
		if (bpf_map_update_elem(homes, &n, &value, 0))
			return false;
	}
	for (uint32_t i = 0; stacks >= 0 && i < p->n_workloads; i++) {
		const struct stack *s = p->workloads[i]->stack;
		uint32_t free_cores, most;
		struct iop_stack value = { .target = 100000 };

		if (!s)
			continue;
		free_cores = s->pool->n_cores - (uint32_t)s->pool->guaranteed;
		most = s->least + free_cores < s->most ? s->least + free_cores : s->most;
		value.least = s->least;
		value.most = most;
		value.n = rng_in(r, s->least, most);
		if (bpf_map_update_elem(stacks, &s->id, &value, 0))
			return false;
	}
	return true;
}

/* --- counters --- */

/* A map that the object lacks, because no packet can count in it, stays at zero. */
static void counters_open(struct counters *c, struct bpf_object *o, const char *name, int n_cpus,
			  uint32_t n_classes, uint32_t per_class, struct arena *a)
{
	struct bpf_map *map = bpf_object__find_map_by_name(o, name);

	*c = (struct counters){ .map = map ? bpf_map__fd(map) : -1,
				.n_classes = n_classes,
				.per_class = per_class,
				.n_cpus = (uint32_t)n_cpus };
	c->value = arena_alloc(a, (size_t)c->n_classes * c->per_class * 8 + 8);
	c->scratch = arena_alloc(a, (size_t)c->n_cpus * c->per_class * 8);
}

bool counters_read(struct counters *c, uint32_t class, uint64_t *rise)
{
	uint64_t *last = c->value + (size_t)class * c->per_class;

	memset(rise, 0, c->per_class * sizeof(*rise));
	if (c->map < 0)
		return true;
	if (bpf_map_lookup_elem(c->map, &class, c->scratch))
		return false;
	for (uint32_t i = 0; i < c->per_class; i++) {
		uint64_t now = 0;

		for (uint32_t cpu = 0; cpu < c->n_cpus; cpu++)
			now += c->scratch[(size_t)cpu * c->per_class + i];
		rise[i] = now - last[i];
		last[i] = now;
	}
	return true;
}

/* --- loading --- */

static bool load(struct kernel *k, const struct compiled *c, const struct machine *m,
		 enum iop_hook hook, struct rng *r)
{
	const struct plan_hook *h = &c->plan->hooks[hook];
	const char *wanted = h->program;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "random");
	struct bpf_program *p;

	k->object = bpf_object__open_mem(c->object, c->size, &opts);
	if (!k->object)
		return false;
	bpf_object__for_each_program(p, k->object) {
		bpf_program__set_autoload(p, strcmp(bpf_program__name(p), wanted) == 0);
		if (strcmp(bpf_program__name(p), wanted) == 0)
			bpf_program__set_log_level(p, 0);
	}
	shape_maps(k, m);
	set_params(k, c->policy, c->arena, r);
	set_pools(k, c->policy, c->arena, r);
	set_stacks(k, c->policy);
	k->error = -bpf_object__load(k->object);
	if (k->error)
		return false;
	p = bpf_object__find_program_by_name(k->object, wanted);
	k->program = p ? bpf_program__fd(p) : -1;
	k->cores = m->there;
	k->env.cores = &k->cores;
	k->env.limits = interp_limits_new(c->arena);
	counters_open(&k->counts, k->object, h->counts->name, m->n_cpus, c->policy->n_classes,
		      h->n_targets, c->arena);
	counters_open(&k->path, k->object, "iop_path", m->n_cpus, IOP_HOOKS, IOP_PATH_COUNT,
		      c->arena);
	return k->program >= 0 && fill_near(k, c->policy, m, c->arena, r) &&
	       fill_sets(k, c->plan) && fill_stacks(k, c->policy, r);
}

bool kernel_load(struct kernel *k, const struct compiled *c, const struct machine *m,
		 enum iop_hook hook, struct rng *r, char **log)
{
	size_t size;
	bool ok;

	memset(k, 0, sizeof(*k));
	*log = NULL;
	log_to = open_memstream(log, &size);
	if (!log_to)
		abort();
	ok = load(k, c, m, hook, r);
	if (!ok)
		fprintf(log_to, "loading failed: %s\n", strerror(errno));
	fclose(log_to);
	log_to = NULL;
	return ok;
}

void kernel_unload(struct kernel *k)
{
	bpf_object__close(k->object);
	k->object = NULL;
}

int kernel_run(struct kernel *k, const uint8_t *frame, size_t len)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)len,
		    .repeat = 1);

	if (len < ETH_MIN || bpf_prog_test_run_opts(k->program, &opts))
		return -1;
	return (int)opts.retval;
}
