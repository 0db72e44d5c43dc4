/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Maps and variables whose layout the policy decides: globals with the debug
 * types from which LLVM makes the BTF that libbpf reads map definitions from.
 */
#include <linux/bpf.h>

#include "abi/set.h"
#include "emit/emitter.h"

/* `int (*name)[n]`, libbpf's way to write a number in a type. */
static struct debug_member number(struct emitter *e, const char *name, uint32_t n)
{
	LLVMMetadataRef i = LLVMDIBuilderCreateBasicType(e->di, "int", 3, 32, 5 /* DW_ATE_signed */,
							 LLVMDIFlagZero);
	LLVMMetadataRef p = LLVMDIBuilderCreatePointerType(e->di, debug_array(e, i, n), 64, 0, 0, "", 0);

	return (struct debug_member){ name, p, 8, 0 };
}

static struct debug_member type(struct emitter *e, const char *name, LLVMMetadataRef t)
{
	LLVMMetadataRef p = LLVMDIBuilderCreatePointerType(e->di, t, 64, 0, 0, "", 0);

	return (struct debug_member){ name, p, 8, 0 };
}

static LLVMMetadataRef key_type(struct emitter *e, const struct plan_map *m)
{
	LLVMMetadataRef u64 = debug_u64(e);

	switch (m->key) {
	case PLAN_KEY_NONE:
		return debug_u32(e);
	case PLAN_KEY_NUMBER:
		return debug_struct(e, "iop_key_number",
				    (struct debug_member[]){ { "value", u64, 8, 0 }, { "present", u64, 8, 8 } },
				    2, 16);
	case PLAN_KEY_ADDR:
		return debug_struct(e, "iop_key_addr",
				    (struct debug_member[]){ { "hi", u64, 8, 0 }, { "lo", u64, 8, 8 },
							     { "family", u64, 8, 16 } },
				    3, 24);
	case PLAN_KEY_FLOW:
		return debug_struct(e, "iop_key_flow",
				    (struct debug_member[]){ { "source", debug_array(e, u64, 3), 24, 0 },
							     { "destination", debug_array(e, u64, 3), 24, 24 },
							     { "ports", u64, 8, 48 } },
				    3, 56);
	case PLAN_KEY_BYTES:
		return debug_struct(e, "iop_key_bytes",
				    (struct debug_member[]){ { "bytes", debug_bytes(e, 64), 64, 0 },
							     { "size", u64, 8, 64 } },
				    2, 72);
	case PLAN_KEY_SET:
		return debug_struct(e, "iop_set_key",
				    (struct debug_member[]){ { "length", debug_u32(e), 4, 0 },
							     { "family", debug_u32(e), 4, 4 },
							     { "address", debug_bytes(e, 16), 16, 8 } },
				    3, sizeof(struct iop_set_key));
	}
	return debug_u32(e);
}

/* Counters by their names, so that `bpftool map dump` can be read. */
static LLVMMetadataRef counts_type(struct emitter *e, const struct plan_map *m)
{
	static const char *const names[] = {
#define COUNTER(id, name, doc) #id,
		IOP_COUNTERS(COUNTER)
#undef COUNTER
	};
	struct debug_member members[IOP_COUNT_TARGETS + 1];
	uint32_t n = 0, targets = m->value_size / 8 - IOP_COUNT_TARGETS;

	for (; n < IOP_COUNT_TARGETS; n++)
		members[n] = (struct debug_member){ names[n], debug_u64(e), 8, 8 * n };
	if (targets)
		members[n++] = (struct debug_member){ "target", debug_array(e, debug_u64(e), targets),
						      8 * targets, 8 * IOP_COUNT_TARGETS };
	return debug_struct(e, m->name, members, n, m->value_size);
}

static LLVMMetadataRef value_type(struct emitter *e, const struct plan_map *m)
{
	if (m->role == IOP_MAP_COUNT_RX || m->role == IOP_MAP_COUNT_SOCKET ||
	    m->role == IOP_MAP_COUNT_TX)
		return counts_type(e, m);
	if (m->role == IOP_MAP_SIGNAL)
		return debug_struct(e, m->name,
				    (struct debug_member[]){ { "value", debug_bytes(e, m->value_size),
							       m->value_size, 0 } },
				    1, m->value_size);
	return m->value_size == 8 ? debug_u64(e) : debug_u32(e);
}

static LLVMValueRef define_map(struct emitter *e, const struct plan_map *m)
{
	struct debug_member members[5] = { number(e, "type", m->type),
					   number(e, "max_entries", m->max_entries),
					   type(e, "key", key_type(e, m)),
					   type(e, "value", value_type(e, m)) };
	uint32_t n = 4;
	LLVMValueRef declared = LLVMGetNamedGlobal(e->mod, m->name), g;

	if (m->type == BPF_MAP_TYPE_LPM_TRIE)
		members[n++] = number(e, "map_flags", BPF_F_NO_PREALLOC);
	if (m->flags)
		members[n++] = number(e, "map_flags", m->flags);
	LLVMTypeRef shape = LLVMArrayType2(e->ptr, n);

	for (uint32_t i = 0; i < n; i++)
		members[i].offset = 8 * i;
	g = LLVMAddGlobal(e->mod, shape, "");
	LLVMSetInitializer(g, LLVMConstNull(shape));
	LLVMSetSection(g, ".maps");
	LLVMSetAlignment(g, 8);
	if (declared) {
		LLVMReplaceAllUsesWith(declared, g);
		LLVMDeleteGlobal(declared);
	}
	LLVMSetValueName2(g, m->name, strlen(m->name));
	debug_variable(e, g, m->name, debug_struct(e, "", members, n, 8 * n));
	return g;
}

void emit_maps(struct emitter *e)
{
	e->action_maps = arena_alloc(e->arena, (e->policy->n_actions + 1) * sizeof(*e->action_maps));
	e->set_vars = arena_alloc(e->arena, (e->policy->n_sets + 1) * sizeof(*e->set_vars));
	e->signal_maps = arena_alloc(e->arena, (e->policy->n_signals + 1) * sizeof(*e->signal_maps));
	for (uint32_t i = 0; i < e->plan->n_maps; i++) {
		const struct plan_map *m = e->plan->maps[i];

		if (!m->generated)
			continue;
		LLVMValueRef g = define_map(e, m);

		if (m->set)
			e->set_vars[m->set->id] = g;
		if (m->signal)
			e->signal_maps[m->signal->id] = g;
		if (m->action)
			e->action_maps[m->action->id] = g;
	}
}

/* A variable that the loader sets, of .rodata unless it is of another section; read as
 * volatile, so LLVM takes no value for granted (of .rodata the verifier will). */
static LLVMValueRef variable(struct emitter *e, const char *name, const char *section,
			     LLVMValueRef initial, LLVMMetadataRef t)
{
	LLVMValueRef g = LLVMAddGlobal(e->mod, LLVMTypeOf(initial), name);

	LLVMSetInitializer(g, initial);
	LLVMSetGlobalConstant(g, !section);
	if (section)
		LLVMSetSection(g, section);
	debug_variable(e, g, name, t);
	return g;
}

LLVMValueRef emit_constants(struct emitter *e, const char *name, const void *bytes, uint32_t size)
{
	LLVMValueRef g = variable(e, name, NULL, LLVMConstStringInContext2(e->ctx, bytes, size, true),
				  debug_bytes(e, size));

	LLVMSetAlignment(g, 8);
	return g;
}

static LLVMValueRef param(struct emitter *e, const struct param *p)
{
	uint64_t initial = iop_param_worth(plan_param_type(p), p->value);

	return variable(e, arena_printf(e->arena, "iop_param_%s", p->name),
			p->live ? PLAN_LIVE_SECTION : NULL, emit_i64(e, initial), debug_u64(e));
}

/* State of actions that needs no key: an array in .bss, NULL if nobody needs it. */
static LLVMValueRef state(struct emitter *e, const char *name, LLVMTypeRef t, LLVMMetadataRef debug,
			  uint32_t n)
{
	LLVMTypeRef array = LLVMArrayType2(t, n);
	LLVMValueRef g;

	if (n == 0)
		return NULL;
	g = LLVMAddGlobal(e->mod, array, name);
	LLVMSetInitializer(g, LLVMConstNull(array));
	debug_variable(e, g, name, debug_array(e, debug, n));
	return g;
}

/* Cores that the loader finds: struct iop_pool_cores. */
static LLVMValueRef cores_variable(struct emitter *e, const char *name)
{
	LLVMMetadataRef u32 = debug_u32(e);
	LLVMTypeRef t = LLVMArrayType2(e->i32, 1 + IOP_POOL_CORES);
	struct debug_member m[] = { { "n", u32, 4, 0 },
				    { "core", debug_array(e, u32, IOP_POOL_CORES), 4 * IOP_POOL_CORES, 4 } };

	return variable(e, name, NULL, LLVMConstNull(t),
			debug_struct(e, "iop_pool_cores", m, 2, sizeof(struct iop_pool_cores)));
}

static LLVMValueRef set_bits(struct emitter *e, const struct set *s)
{
	uint64_t first = s->ranges[0].lo, size = (s->ranges[s->n - 1].hi - first) / 8 + 1;
	uint8_t *bits = arena_alloc(e->arena, size);

	memset(bits, 0, size);
	for (uint32_t i = 0; i < s->n; i++)
		for (uint64_t k = s->ranges[i].lo - first; k <= s->ranges[i].hi - first; k++)
			bits[k / 8] |= (uint8_t)(1u << k % 8);
	return emit_constants(e, arena_printf(e->arena, "iop_set_%s", s->name), bits, (uint32_t)size);
}

/* What classes weigh: the stage library's iop_services. */
static void emit_services(struct emitter *e)
{
	uint32_t n = e->plan->services ? e->policy->n_classes : 0;
	LLVMValueRef declared = LLVMGetNamedGlobal(e->mod, "iop_services"), g;
	LLVMValueRef *values = arena_alloc(e->arena, (n + 1) * sizeof(LLVMValueRef));

	for (uint32_t i = 0; i < n; i++)
		values[i] = emit_i64(e, e->plan->services[i]);
	g = LLVMAddGlobal(e->mod, LLVMArrayType2(e->i64, n), "");
	LLVMSetInitializer(g, LLVMConstArray2(e->i64, values, n));
	LLVMSetGlobalConstant(g, true);
	LLVMSetLinkage(g, LLVMInternalLinkage);
	if (declared) {
		LLVMReplaceAllUsesWith(declared, g);
		LLVMDeleteGlobal(declared);
	}
	LLVMSetValueName2(g, "iop_services", strlen("iop_services"));
}

void emit_variables(struct emitter *e)
{
	for (uint32_t i = 0; i < e->policy->n_sets; i++)
		if (e->plan->sets[i].form == PLAN_SET_BITS)
			e->set_vars[i] = set_bits(e, e->policy->sets[i]);

	const struct policy *p = e->policy;
	LLVMMetadataRef u32 = debug_u32(e);

	e->param_vars = arena_alloc(e->arena, (p->n_params + 1) * sizeof(*e->param_vars));
	e->pool_vars = arena_alloc(e->arena, (p->n_pools + 1) * sizeof(*e->pool_vars));
	for (uint32_t i = 0; i < p->n_params; i++)
		e->param_vars[i] = param(e, p->params[i]);
	for (uint32_t i = 0; i < p->n_pools; i++) {
		if (p->pools[i]->fixed || !p->pools[i]->steered)
			continue;
		e->pool_vars[i] = cores_variable(
			e, arena_printf(e->arena, "iop_pool_%s", p->pools[i]->name));
	}
	e->stack_vars = arena_alloc(e->arena, (p->n_workloads + 1) * sizeof(*e->stack_vars));
	for (uint32_t i = 0; i < p->n_workloads; i++)
		if (p->workloads[i]->stack)
			e->stack_vars[i] = cores_variable(
				e, arena_printf(e->arena, "iop_stack_%s", p->workloads[i]->name));
	emit_services(e);
	e->turns = state(e, "iop_turns", e->i32, u32, e->plan->n_turns);
	e->buckets = state(e, "iop_buckets", e->i64, debug_u64(e), e->plan->n_buckets);
}
