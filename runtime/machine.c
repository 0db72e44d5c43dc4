/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hwloc reads the topology, so that caches, hardware threads and NUMA nodes are
 * the same words on every processor, and tests can describe machines that we do
 * not have (HWLOC_SYNTHETIC).
 */
#include "machine.h"

#include <bpf/libbpf.h>
#include <hwloc.h>
#include <string.h>

DEFINE_CLEANUP(cleanup_bitmap, hwloc_bitmap_t, hwloc_bitmap_free)
#define _cleanup_bitmap_ _cleanup_(cleanup_bitmap)

struct machine {
	hwloc_topology_t topology;
	unsigned possible;
	int last_cache; /* depth of the last-level caches; negative: not known */
};

static const hwloc_obj_type_t caches[] = {
	HWLOC_OBJ_L5CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE,
	HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L1CACHE,
};

struct machine *machine_open(struct iop_report *report)
{
	_cleanup_free_ struct machine *m = calloc(1, sizeof(*m));
	int last, kernels;

	if (!m) {
		report_no_memory(report);
		return NULL;
	}
	if (hwloc_topology_init(&m->topology)) {
		report_error(report, -errno, IOP_CAUSE_ENVIRONMENT, "hwloc does not start: %s",
			     strerror(errno));
		return NULL;
	}
	/* A pool is about the machine, not about what iopctl itself may run on. */
	if (hwloc_topology_set_flags(m->topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) ||
	    hwloc_topology_load(m->topology)) {
		report_error(report, -errno, IOP_CAUSE_ENVIRONMENT,
			     "the machine's topology cannot be read: %s", strerror(errno));
		hwloc_topology_destroy(m->topology);
		return NULL;
	}
	last = hwloc_bitmap_last(hwloc_topology_get_complete_cpuset(m->topology));
	m->possible = last < 0 ? 1 : (unsigned)last + 1;
	/* The kernel may reckon with cores that are not plugged in yet. */
	kernels = hwloc_topology_is_thissystem(m->topology) ? libbpf_num_possible_cpus() : 0;
	if (kernels > 0 && (unsigned)kernels > m->possible)
		m->possible = (unsigned)kernels;
	m->last_cache = HWLOC_TYPE_DEPTH_UNKNOWN;
	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]) && m->last_cache < 0; i++)
		m->last_cache = hwloc_get_type_depth(m->topology, caches[i]);
	return TAKE_PTR(m);
}

void machine_close(struct machine *m)
{
	if (!m)
		return;
	hwloc_topology_destroy(m->topology);
	free(m);
}

unsigned machine_possible(const struct machine *m)
{
	return m->possible;
}

bool machine_online(const struct machine *m, unsigned core)
{
	return hwloc_bitmap_isset(hwloc_topology_get_topology_cpuset(m->topology), core);
}

static bool machine_present(const struct machine *m, unsigned core)
{
	return hwloc_bitmap_isset(hwloc_topology_get_complete_cpuset(m->topology), core);
}

/* Objects from a hardware thread up to the machine; each step that is wider than the
 * one below it is one further away. */
unsigned machine_distance(const struct machine *m, unsigned a, unsigned b)
{
	hwloc_obj_t at, parent;
	unsigned distance = 2;

	if (!machine_online(m, a) || !machine_online(m, b))
		return MACHINE_FAR;
	if (a == b)
		return 0;
	at = hwloc_get_pu_obj_by_os_index(m->topology, a);
	for (; at; at = parent) {
		if (hwloc_bitmap_isset(at->cpuset, b))
			return at->type == HWLOC_OBJ_CORE ? 1 : distance;
		parent = at->parent;
		if (parent && parent->type != HWLOC_OBJ_CORE && distance < MACHINE_FAR - 1 &&
		    !hwloc_bitmap_isequal(parent->cpuset, at->cpuset))
			distance++;
	}
	return MACHINE_FAR - 1;
}

/* --- pools --- */

/* Bitmaps grow with the largest number in them, and an object may say any. */
#define NUMBERS_END 65536

static unsigned first_of(const struct iop_desc_term *term)
{
	return term->lo < NUMBERS_END ? term->lo : NUMBERS_END;
}

static int last_of(const struct iop_desc_term *term)
{
	return term->hi < NUMBERS_END ? (int)term->hi : NUMBERS_END;
}

struct resolution {
	const struct machine *m;
	const struct iop_object *o;
	const char *pool;
	struct iop_report *report;
	hwloc_bitmap_t cores;
	int err;
};

static void reject(struct resolution *r, const struct iop_desc_term *term, const char *what,
		   __u32 number, const char *why)
{
	r->err = report_error_at(r->report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
				 report_place(r->o, &term->place), "pool %s: %s %u %s", r->pool,
				 what, number, why);
}

static void add_cores(struct resolution *r, const struct iop_desc_term *term)
{
	for (__u32 core = term->lo;; core++) {
		if (!machine_present(r->m, core)) {
			/* One message for the rest: a machine is too small once. */
			char why[64];

			snprintf(why, sizeof(why), "is not in this machine, whose last one is %u",
				 r->m->possible - 1);
			reject(r, term, "core", core, why);
			return;
		}
		if (!machine_online(r->m, core))
			reject(r, term, "core", core, "is offline");
		hwloc_bitmap_set(r->cores, core);
		if (core == term->hi)
			return;
	}
}

static void add_nodes(struct resolution *r, const struct iop_desc_term *term)
{
	for (__u32 node = term->lo;; node++) {
		hwloc_obj_t obj = hwloc_get_numanode_obj_by_os_index(r->m->topology, node);

		if (!obj) {
			reject(r, term, "NUMA node", node, "is not in this machine");
			return;
		}
		hwloc_bitmap_or(r->cores, r->cores, obj->cpuset);
		if (node == term->hi)
			return;
	}
}

static void add_caches(struct resolution *r, const struct iop_desc_term *term)
{
	for (__u32 cache = term->lo;; cache++) {
		hwloc_obj_t obj =
			r->m->last_cache < 0
				? NULL
				: hwloc_get_obj_by_depth(r->m->topology, r->m->last_cache, cache);

		if (!obj) {
			reject(r, term, "last-level cache", cache,
			       r->m->last_cache < 0 ? "cannot be told: the machine does not say "
						      "which cores share a cache"
						    : "is not in this machine");
			return;
		}
		hwloc_bitmap_or(r->cores, r->cores, obj->cpuset);
		if (cache == term->hi)
			return;
	}
}

static void keep_one_thread(struct resolution *r)
{
	hwloc_obj_t core = NULL;

	while ((core = hwloc_get_next_obj_by_type(r->m->topology, HWLOC_OBJ_CORE, core))) {
		bool kept = false;
		unsigned thread;

		hwloc_bitmap_foreach_begin(thread,
					   core->cpuset) if (hwloc_bitmap_isset(r->cores, thread))
		{
			if (kept)
				hwloc_bitmap_clr(r->cores, thread);
			kept = true;
		}
		hwloc_bitmap_foreach_end();
	}
}

/*
 * What is named first, less what `except` names, less all but one thread of each core:
 * in this order wherever the terms stand, so that `smt off` keeps the second thread of
 * a core whose first one is excepted.
 */
static void resolve_terms(struct resolution *r, const struct iop_desc_pool *pool)
{
	bool named = false, one_thread = false;

	for (__u32 i = 0; i < pool->n_terms; i++) {
		const struct iop_desc_term *term = object_term(r->o, pool->first_term + i);

		switch ((enum iop_pool_term_kind)term->kind) {
		case IOP_TERM_CORES: add_cores(r, term); break;
		case IOP_TERM_NUMA: add_nodes(r, term); break;
		case IOP_TERM_LLC: add_caches(r, term); break;
		case IOP_TERM_SMT_OFF: one_thread = true; continue;
		case IOP_TERM_EXCEPT:
		case IOP_TERM_KINDS: continue;
		}
		named = true;
	}
	if (!named)
		hwloc_bitmap_copy(r->cores, hwloc_topology_get_topology_cpuset(r->m->topology));
	for (__u32 i = 0; i < pool->n_terms; i++) {
		const struct iop_desc_term *term = object_term(r->o, pool->first_term + i);

		if (term->kind == IOP_TERM_EXCEPT)
			hwloc_bitmap_clr_range(r->cores, first_of(term), last_of(term));
	}
	if (one_thread)
		keep_one_thread(r);
	/* Nodes and caches list what is offline, too. */
	hwloc_bitmap_and(r->cores, r->cores, hwloc_topology_get_topology_cpuset(r->m->topology));
}

static int list_of(hwloc_const_bitmap_t set, struct core_list *list)
{
	unsigned core;

	*list = (struct core_list){ 0 };
	list->cores = calloc((size_t)hwloc_bitmap_weight(set) + 1, sizeof(*list->cores));
	if (!list->cores)
		return -ENOMEM;
	hwloc_bitmap_foreach_begin(core, set) list->cores[list->n++] = core;
	hwloc_bitmap_foreach_end();
	return 0;
}

int machine_pool(const struct machine *m, const struct iop_object *o, __u32 index,
		 struct core_list *list, struct iop_report *report)
{
	const struct iop_desc_pool *pool = object_pool(o, index);
	_cleanup_bitmap_ hwloc_bitmap_t set = hwloc_bitmap_alloc();
	struct resolution r = { m, o, object_string(o, pool->name), report, set, 0 };
	int n;

	if (!set)
		return report_no_memory(report);
	resolve_terms(&r, pool);
	if (r.err)
		return r.err;
	n = hwloc_bitmap_weight(set);
	if (n < 1)
		return report_error_at(report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
				       report_place(o, &pool->place),
				       "pool %s has no core on this machine", r.pool);
	if (n > IOP_POOL_CORES && !machine_pool_is_fixed(o, index))
		return report_error_at(report, -ENOTSUP, IOP_CAUSE_ENVIRONMENT,
				       report_place(o, &pool->place),
				       "pool %s has %d cores on this machine, %d are the most",
				       r.pool, n, IOP_POOL_CORES);
	return list_of(set, list) ? report_no_memory(report) : 0;
}

int machine_fixed_pool(const struct iop_object *o, __u32 index, struct core_list *list)
{
	const struct iop_desc_pool *pool = object_pool(o, index);
	_cleanup_bitmap_ hwloc_bitmap_t set = hwloc_bitmap_alloc();
	const struct iop_desc_term *term;

	if (!set)
		return -ENOMEM;
	for (__u32 i = 0; i < pool->n_terms; i++) {
		term = object_term(o, pool->first_term + i);
		if (term->kind == IOP_TERM_CORES)
			hwloc_bitmap_set_range(set, first_of(term), last_of(term));
	}
	for (__u32 i = 0; i < pool->n_terms; i++) {
		term = object_term(o, pool->first_term + i);
		if (term->kind == IOP_TERM_EXCEPT)
			hwloc_bitmap_clr_range(set, first_of(term), last_of(term));
	}
	return list_of(set, list);
}

void machine_nearest(const struct machine *m, const __u32 *places, __u32 n, __u32 *near)
{
	for (unsigned core = 0; core < m->possible; core++) {
		unsigned best = ~0u, equals = 0, wanted;

		near[core] = 0;
		for (__u32 i = 0; i < n; i++) {
			unsigned distance = places[i] == MACHINE_ANYWHERE
						    ? MACHINE_FAR
						    : machine_distance(m, core, places[i]);

			equals = distance < best ? 1 : equals + (distance == best);
			best = distance < best ? distance : best;
		}
		wanted = equals ? core % equals : 0;
		for (__u32 i = 0; i < n; i++) {
			unsigned distance = places[i] == MACHINE_ANYWHERE
						    ? MACHINE_FAR
						    : machine_distance(m, core, places[i]);

			if (distance == best && wanted-- == 0) {
				near[core] = i;
				break;
			}
		}
	}
}
