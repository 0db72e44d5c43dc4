/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walks: loops over the payload whose end the packet decides. In line, each way
 * out of a loop is another state for the verifier, and loops behind each other
 * multiply them. A program with few walks has them in line; in one with more,
 * each is a global function, which the verifier looks at once, on its own.
 */
#include "abi/hash.h"
#include "emit/emitter.h"

#define MAX_INLINE_WALKS 2
#define MAX_WAYS_OUT 64

/* --- how many --- */

struct counting {
	const struct header *header;
	bool *seen;
	unsigned n;
	unsigned ways; /* out of all of them */
	bool forks;    /* where a field lies depends on conditions */
};

static void count_cond(struct counting *c, const struct cond *k);

static void count_field(struct counting *c, const struct hfield *f)
{
	if (!f || f->header != c->header || c->seen[f->index])
		return;
	c->seen[f->index] = true;
	if (f->n_fields || (f->kind == HTYPE_TEXT && f->delim_len))
		c->ways += f->max;
	c->n += f->n_fields || (f->kind == HTYPE_TEXT && f->delim_len);
	c->forks |= f->kind == HTYPE_WHEN || f->kind == HTYPE_VARINT;
	if (f->kind == HTYPE_DECIMAL) /* two numbers in one: no stack slot forgets them */
		c->n += MAX_INLINE_WALKS + 1;
	for (uint32_t i = 0; i < f->n_fields; i++) /* a walk within a walk */
		if (f->fields[i]->kind == HTYPE_TEXT || f->fields[i]->kind == HTYPE_DECIMAL)
			c->n += MAX_INLINE_WALKS;
	count_cond(c, f->when);
	count_field(c, f->begin);
	count_field(c, f->anchor);
	count_field(c, f->size_from);
}

static void count_value(struct counting *c, const struct value *v)
{
	if (!v)
		return;
	if (v->kind == VALUE_FIELD)
		count_field(c, v->field.hfield);
	count_value(c, v->a);
	count_value(c, v->b);
}

static void count_cond(struct counting *c, const struct cond *k)
{
	if (!k)
		return;
	count_cond(c, k->a);
	count_cond(c, k->b);
	count_value(c, k->lhs);
	count_value(c, k->rhs);
	if (k->kind >= COND_PREFIXES)
		count_field(c, k->field.hfield);
	if (k->kind == COND_CONTAINS) {
		c->n += k->n;
		c->ways += k->n * k->within;
	}
}

static bool is_bytes(const struct field_ref *f)
{
	return f->hfield ? !hfield_number(f->hfield) : lang_fields[f->field].type == TYPE_BYTES;
}

static void count_key(struct counting *c, const struct field_ref *f)
{
	count_field(c, f->hfield);
	c->n += is_bytes(f);
	c->ways += is_bytes(f) ? IOP_HASH_BYTES / 8 : 0;
}

static void count_action(struct counting *c, const struct action *a)
{
	for (; a; a = a->otherwise) {
		if (a->per)
			count_key(c, a->per);
		for (uint32_t i = 0; i < a->selector.n_keys; i++)
			count_key(c, &a->selector.keys[i]);
	}
}

static unsigned count_workload(struct emitter *e, const struct workload *w, unsigned *ways)
{
	struct counting c = { .header = w->payload };
	const struct stage *st = w->stages[plan_stage(e->hook)];

	c.seen = arena_alloc(e->arena, (w->payload ? w->payload->n_fields : 0) + 1);
	for (uint32_t i = 0; i < w->n_classes; i++)
		count_cond(&c, w->classes[i].when);
	for (uint32_t i = 0; i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			count_action(&c, st->rules[i].actions[k]);
	*ways = c.ways;
	/* Behind a fork all would be verified once for each way out and each way through it. */
	return c.n && c.forks ? c.n + MAX_INLINE_WALKS : c.n;
}

/* Workloads stand beside each other: the one with the most walks decides. */
void walk_plan(struct emitter *e)
{
	unsigned n = 0, most = 0;

	for (uint32_t i = 0; i < e->policy->n_workloads; i++) {
		unsigned ways = 0, walks = 0;

		if (e->policy->workloads[i]->stages[plan_stage(e->hook)])
			walks = count_workload(e, e->policy->workloads[i], &ways);
		n = walks > n ? walks : n;
		most = ways > most ? ways : most;
	}
	e->outline = n > MAX_INLINE_WALKS || most > MAX_WAYS_OUT;
	e->one_walk = n == 1 && !e->outline;
}

/* --- in line, or as a function --- */

void walk_found(struct emitter *e, struct walk *w, LLVMValueRef result)
{
	LLVMBasicBlockRef from = LLVMGetInsertBlock(e->b);

	emit_br(e, w->found);
	LLVMAddIncoming(w->result, &result, &from, 1);
}

static void found_block(struct emitter *e, struct walk *w)
{
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);

	w->found = emit_block(e, "found");
	emit_at(e, w->found);
	w->result = LLVMBuildPhi(e->b, e->i64, "");
	emit_at(e, here);
}

/* A function of the type that the stage library declares, with debug information of its own. */
static LLVMValueRef function(struct emitter *e)
{
	bool rx = e->hook == IOP_HOOK_RX;
	LLVMValueRef like = LLVMGetNamedFunction(e->mod, rx ? "iop_rx_walk" : "iop_socket_walk");
	const char *name = arena_printf(e->arena, "iop_%s_walk_%u", rx ? "rx" : "socket", e->n_walks++);
	LLVMValueRef f = LLVMAddFunction(e->mod, name, LLVMGlobalGetValueType(like));

	LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex,
				LLVMCreateEnumAttribute(
					e->ctx, LLVMGetEnumAttributeKindForName("noinline", 8), 0));
	/* Weak: LLVM must not draw conclusions about what it returns, the verifier does not. */
	LLVMSetLinkage(f, LLVMWeakAnyLinkage);
	debug_walk(e, f, name, like);
	return f;
}

static LLVMValueRef outlined(struct emitter *e, walk_body *body, const void *what)
{
	struct emitter outer = *e;
	struct walk w = { 0 };
	bool rx = e->hook == IOP_HOOK_RX;
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);
	LLVMMetadataRef *scopes = e->scopes;
	LLVMBasicBlockRef begin;
	LLVMValueRef f;

	e->scopes = arena_alloc(e->arena, (source_count(e->policy->sources) + 1) * sizeof(*e->scopes));
	f = function(e);
	e->fn = f;
	e->entry = emit_block(e, "entry");
	emit_at(e, emit_block(e, "begin"));
	debug_again(e, where);
	e->pkt = emit_alloca(e, LLVMArrayType2(e->i64, 16)); /* room for a struct iop_pkt */
	CALL(e, rx ? "iop_rx_walk_open" : "iop_socket_walk_open", e->pkt, LLVMGetParam(f, 0),
	     LLVMGetParam(f, 1));
	w.at = LLVMGetParam(f, 2);
	w.size = LLVMGetParam(f, 3);
	w.hash = LLVMGetParam(f, 4);
	e->walk_len = w.size;
	w.missing = emit_block(e, "missing");
	begin = emit_block(e, "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, w.at, emit_i64(e, MAX_AT), ""), begin, w.missing);
	emit_at(e, begin);
	found_block(e, &w);
	body(e, &w, what);
	emit_at(e, w.found);
	LLVMBuildRet(e->b, w.result);
	emit_at(e, w.missing);
	LLVMBuildRet(e->b, emit_i64(e, UINT64_MAX));
	emit_at(e, e->entry);
	LLVMSetCurrentDebugLocation2(e->b, NULL);
	LLVMBuildBr(e->b, LLVMGetNextBasicBlock(e->entry));
	/* What was made meanwhile stays; what concerns the function goes back. */
	e->fn = outer.fn;
	e->entry = outer.entry;
	e->pkt = outer.pkt;
	e->subprogram = outer.subprogram;
	e->walk_len = outer.walk_len;
	e->scopes = scopes;
	emit_at(e, here);
	LLVMSetCurrentDebugLocation2(e->b, where);
	return f;
}

/* The same field is walked on many ways to a class: by one function. */
static LLVMValueRef function_of(struct emitter *e, walk_body *body, const struct hfield *field)
{
	struct walk_function *w;

	for (w = e->walks; w; w = w->older)
		if (w->hook == e->hook && w->field == field)
			return w->fn;
	w = arena_new_of(e->arena, struct walk_function);
	w->hook = e->hook;
	w->field = field;
	w->fn = outlined(e, body, field);
	w->older = e->walks; /* with those of fields within */
	e->walks = w;
	return w->fn;
}

/* Calls a function that outlined() has made. */
static LLVMValueRef call(struct emitter *e, LLVMValueRef f, LLVMValueRef at, LLVMValueRef size,
			 LLVMValueRef hash)
{
	LLVMValueRef args[] = { LLVMBuildLoad2(e->b, e->ptr, e->pkt, ""), /* ctx: the first member */
				CALL(e, "iop_udp_distance", e->pkt), at, size, hash };

	return LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, 5, "");
}

LLVMValueRef emit_shared(struct emitter *e, LLVMValueRef *fn, walk_body *body, const void *what,
			 LLVMValueRef a, LLVMValueRef b, LLVMValueRef c)
{
	if (!*fn)
		*fn = outlined(e, body, what);
	return call(e, *fn, a, b, c);
}

LLVMValueRef emit_walk(struct emitter *e, LLVMValueRef at, LLVMValueRef size, LLVMValueRef hash,
		       walk_body *body, const void *what, bool field, LLVMBasicBlockRef missing)
{
	LLVMValueRef result;
	LLVMBasicBlockRef next;
	struct walk w = { .missing = missing, .at = at, .size = size, .hash = hash };

	if (!e->outline) {
		found_block(e, &w);
		body(e, &w, what);
		emit_at(e, w.found);
		return w.result;
	}
	result = call(e, field ? function_of(e, body, what) : outlined(e, body, what), at, size, hash);
	next = emit_block(e, "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntNE, result, emit_i64(e, UINT64_MAX), ""), next, missing);
	emit_at(e, next);
	return result;
}
