/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many workloads that are told by where their packets go, over IPv4: ranges of one number that is
 * made of port and address, sorted, among .rodata. A search that halves them finds the last one
 * that does not begin behind a packet's. It has no branch, so the verifier follows one way.
 */
#include <stdlib.h>

#include "emit/emitter.h"

#define FEW_PLACES 8
#define MAX_PLACES 16384
#define MAX_PORTS 16 /* of one range, each of which is a place */

struct place {
	uint64_t lo, hi; /* port << 32 | address */
	uint16_t workload;
};

typedef vec(struct place) places;

bool is_placed(const struct workload *w)
{
	for (uint32_t i = 0; i < w->n_matches; i++) {
		const struct match *m = &w->matches[i];

		if (m->n_from || !m->n_to)
			return false;
		for (uint32_t k = 0; k < m->n_to; k++)
			if (m->to[k].family != 4)
				return false;
		for (uint32_t k = 0; k < m->n_ports; k++)
			if (m->ports[k].hi - m->ports[k].lo >= MAX_PORTS)
				return false;
	}
	return true;
}

static void add_match(struct emitter *e, places *all, const struct match *m, uint32_t workload)
{
	for (uint32_t i = 0; i < m->n_ports; i++)
		for (uint64_t p = m->ports[i].lo; p <= m->ports[i].hi; p++)
			for (uint32_t k = 0; k < m->n_to && all->n <= MAX_PLACES; k++) {
				const struct prefix *t = &m->to[k];
				uint64_t a = (uint64_t)t->addr[0] << 24 | (uint64_t)t->addr[1] << 16 |
					     (uint64_t)t->addr[2] << 8 | t->addr[3];
				uint64_t lo = emit_port(e, m, p) << 32 | a;

				*vec_push(e->arena, all) = (struct place){
					lo, lo + ((1ULL << (32 - t->len)) - 1), (uint16_t)workload
				};
			}
}

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return x->hi > y->hi ? -1 : x->hi < y->hi;
}

/* Those of different workloads do not overlap, so what does is of one. */
static size_t disjoint(struct place *p, size_t n)
{
	size_t out = 0;

	qsort(p, n, sizeof(*p), by_place);
	for (size_t i = 0; i < n; i++)
		if (!out || p[i].lo > p[out - 1].hi)
			p[out++] = p[i];
	return out;
}

static LLVMValueRef element(struct emitter *e, LLVMValueRef table, LLVMValueRef i, unsigned width)
{
	LLVMValueRef at = LLVMBuildMul(e->b, i, emit_i64(e, width), "");

	return emit_load(e, LLVMBuildGEP2(e->b, e->i8, table, &at, 1, ""), width);
}

/* Three arrays, whose length is a power of two: from where, up to where, whose. */
static LLVMValueRef search(struct emitter *e, const struct place *p, size_t n, LLVMValueRef key,
			   LLVMBasicBlockRef none)
{
	size_t size = 1;
	LLVMBasicBlockRef within, some;
	LLVMValueRef table, base = emit_i64(e, 0), hi, who, lo;
	uint64_t *words;

	while (size < n)
		size *= 2;
	words = arena_alloc(e->arena, size * 18);
	for (size_t i = 0; i < size; i++) {
		words[i] = i < n ? p[i].lo : INT64_MAX;
		words[size + i] = i < n ? p[i].hi : 0;
		((uint16_t *)(words + 2 * size))[i] = i < n ? p[i].workload : UINT16_MAX;
	}
	table = emit_constants(e, arena_printf(e->arena, "%s_places", e->plan->hooks[e->hook].program), words,
			       (uint32_t)(size * 18));
	for (size_t half = size / 2; half; half /= 2)
		base = CALL(e, "iop_halve", table, base, emit_i64(e, half), key);
	within = emit_block(e, "");
	some = emit_block(e, "");
	lo = element(e, table, base, 8);
	hi = element(e, table, LLVMBuildAdd(e->b, base, emit_i64(e, size), ""), 8);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, lo, key, ""), within, none);
	emit_at(e, within);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, key, hi, ""), some, none);
	emit_at(e, some);
	who = element(e, table, LLVMBuildAdd(e->b, base, emit_i64(e, 8 * size), ""), 2);
	return LLVMBuildZExt(e->b, who, e->i32, "");
}

LLVMValueRef places_find(struct emitter *e, LLVMValueRef port, LLVMBasicBlockRef none)
{
	struct field_ref dst = { .field = FIELD_IP_DST };
	LLVMBasicBlockRef found;
	places all = { 0 };
	LLVMValueRef key, who;
	uint32_t workloads = 0;

	for (uint32_t i = 0; i < e->policy->n_workloads; i++) {
		const struct workload *w = e->policy->workloads[i];

		if (!plan_at_hook(w, e->hook) || !is_placed(w))
			continue;
		workloads++;
		for (uint32_t k = 0; k < w->n_matches; k++)
			add_match(e, &all, &w->matches[k], i);
	}
	if (workloads <= FEW_PLACES || all.n > MAX_PLACES)
		return NULL;
	key = CALL(e, "iop_place", emit_address(e, &dst, none), port);
	who = search(e, all.v, disjoint(all.v, all.n), key, none);
	found = emit_block(e, "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, who, emit_i32(e, e->policy->n_workloads), ""), found,
		     none);
	emit_at(e, found);
	return who;
}
