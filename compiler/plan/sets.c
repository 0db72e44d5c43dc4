/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a set under a name is looked up: few entries are compared, one by one or by a search
 * tree; many numbers of a narrow range are bits; all else is a map, which the loader fills.
 */
#include <linux/bpf.h>

#include "abi/set.h"
#include "base/arena.h"
#include "base/diag.h"
#include "plan/plan.h"

#define FEW_PREFIXES 16
#define FEW_RANGES 64
#define MAX_BITS (1u << 19)               /* 64 KiB of constants */
#define MAX_ENTRIES (4 * POLICY_MAX_SET) /* that ranges of large numbers fall into */

typedef vec(struct prefix) prefixes;

/* A range of numbers as prefixes of their 64 bits. */
static void add_range(struct arena *a, prefixes *out, struct range r)
{
	uint64_t lo = r.lo;

	for (;;) {
		unsigned host = lo ? (unsigned)__builtin_ctzll(lo) : 64;
		struct prefix p = { .family = 6 };
		uint64_t last;

		while (host && (host == 64 ? UINT64_MAX : (1ULL << host) - 1) > r.hi - lo)
			host--;
		last = lo + (host == 64 ? UINT64_MAX : (1ULL << host) - 1);
		p.len = (uint8_t)(64 - host);
		for (unsigned i = 0; i < 8; i++)
			p.addr[i] = (uint8_t)(lo >> (56 - 8 * i));
		*vec_push(a, out) = p;
		if (last >= r.hi || out->n > MAX_ENTRIES)
			return;
		lo = last + 1;
	}
}

static void of_numbers(struct arena *a, const struct set *s, struct plan_set *out,
		       struct diags *diags)
{
	uint64_t span = s->ranges[s->n - 1].hi - s->ranges[0].lo;
	prefixes all = { 0 };

	if (s->n <= FEW_RANGES)
		return;
	if (span < MAX_BITS) {
		out->form = PLAN_SET_BITS;
		return;
	}
	for (uint32_t i = 0; i < s->n && all.n <= MAX_ENTRIES; i++)
		add_range(a, &all, s->ranges[i]);
	if (all.n > MAX_ENTRIES)
		diag_help(diag_error(diags, s->at, "the ranges of set `%s` are too many for a map: "
						   "they fall into more than %d blocks",
				     s->name, MAX_ENTRIES),
			  "single numbers and ranges that are powers of two take an entry each");
	out->form = PLAN_SET_MAP;
	out->prefixes = all.v;
	out->n = (uint32_t)all.n;
}

/* No entry is larger than one address or number: a hash finds it. */
static bool all_whole(const struct set *s, const struct plan_set *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (p->prefixes[i].len != (s->type == TYPE_NUMBER	  ? 64
					   : p->prefixes[i].family == 4 ? 32
									: 128))
			return false;
	return true;
}

void plan_sets(struct arena *a, struct plan *plan, struct diags *diags)
{
	const struct policy *policy = plan->policy;

	plan->sets = arena_alloc(a, (policy->n_sets + 1) * sizeof(*plan->sets));
	for (uint32_t i = 0; i < policy->n_sets; i++) {
		const struct set *s = policy->sets[i];
		struct plan_set *p = &plan->sets[i];

		if (!s->used)
			continue;
		if (s->type == TYPE_NUMBER) {
			of_numbers(a, s, p, diags);
		} else if (s->n > FEW_PREFIXES) {
			p->form = PLAN_SET_MAP;
			p->prefixes = s->prefixes;
			p->n = s->n;
		}
		plan->set_bits |= p->form == PLAN_SET_BITS;
		if (p->form != PLAN_SET_MAP)
			continue;
		struct plan_map *m = arena_new_of(a, struct plan_map);

		*m = (struct plan_map){
			.name = arena_printf(a, "iop_set_%s", s->name),
			.role = IOP_MAP_SET,
			.type = all_whole(s, p) ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_LPM_TRIE,
			.key_size = sizeof(struct iop_set_key),
			.value_size = 4,
			.max_entries = p->n,
			.key = PLAN_KEY_SET,
			.set = s,
			.generated = true,
		};
		p->map = m;
	}
}
