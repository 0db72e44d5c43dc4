/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of headers: where they are, whether they are there, what they hold.
 *
 * A field that several conditions or rules need is read once, before the first
 * of them, and kept; a field that one place needs is read there. So a header is
 * walked once, and nothing is read that no condition can need.
 */
#include "emit/emitter.h"

/* --- who needs what --- */

struct counting {
	const struct header *header;
	uint32_t *uses;
};

static void use(struct counting *c, const struct field_ref *f)
{
	if (f && f->hfield && f->hfield->header == c->header)
		c->uses[f->hfield->index]++;
}

static void use_value(struct counting *c, const struct value *v)
{
	if (!v)
		return;
	if (v->kind == VALUE_FIELD)
		use(c, &v->field);
	use_value(c, v->a);
	use_value(c, v->b);
}

static void use_cond(struct counting *c, const struct cond *cond)
{
	if (!cond)
		return;
	use_cond(c, cond->a);
	use_cond(c, cond->b);
	use_value(c, cond->lhs);
	use_value(c, cond->rhs);
	if (cond->kind >= COND_PREFIXES)
		use(c, &cond->field);
}

static void use_action(struct counting *c, const struct action *a)
{
	use(c, a->per);
	for (uint32_t i = 0; i < a->selector.n_keys; i++)
		use(c, &a->selector.keys[i]);
	if (a->otherwise)
		use_action(c, a->otherwise);
}

void reading_plan(struct emitter *e, const struct workload *w, uint32_t *uses)
{
	struct counting c = { .header = w->payload, .uses = uses };
	const struct stage *st = w->stages[plan_stage(e->hook)];

	for (uint32_t i = 0; i < w->n_classes; i++)
		use_cond(&c, w->classes[i].when);
	for (uint32_t i = 0; st && i < st->n_rules; i++)
		for (uint32_t k = 0; k < st->rules[i].n_actions; k++)
			use_action(&c, st->rules[i].actions[k]);
	/* What is read needs what it is placed or sized by. */
	for (uint32_t i = w->payload->n_fields; i-- > 0;) {
		const struct hfield *f = w->payload->fields[i];

		if (uses[i] && f->anchor)
			uses[f->anchor->index]++;
		if (uses[i] && f->size_from)
			uses[f->size_from->index]++;
	}
}

/* --- reading --- */

static struct reading read_field(struct emitter *e, const struct hfield *f);

/* What was read before, or read now for this place alone. */
struct reading emit_read(struct emitter *e, const struct hfield *f)
{
	struct reading *kept = e->frame.kept ? &e->frame.kept[f->index] : NULL;

	return kept && kept->ok ? *kept : read_field(e, f);
}

void reading_begin(struct emitter *e, const struct workload *w)
{
	uint32_t *uses;

	e->frame = (struct frame){ .header = w->payload };
	if (!w->payload)
		return;
	uses = arena_alloc(e->arena, (w->payload->n_fields + 1) * sizeof(*uses));
	e->frame.kept = arena_alloc(e->arena, (w->payload->n_fields + 1) * sizeof(*e->frame.kept));
	reading_plan(e, w, uses);
	for (uint32_t i = 0; i < w->payload->n_fields; i++)
		if (uses[i] > 1)
			e->frame.kept[i] = read_field(e, w->payload->fields[i]);
}

static LLVMValueRef add(struct emitter *e, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildAdd(e->b, a, b, "");
}

/*
 * `ok` and values that are made behind checks: each check leaves for `miss`,
 * done() joins both ways.
 */
struct attempt {
	LLVMBasicBlockRef miss;
};

static struct attempt begin(struct emitter *e)
{
	return (struct attempt){ emit_block(e, "miss") };
}

static void check(struct emitter *e, struct attempt *a, LLVMValueRef holds)
{
	LLVMBasicBlockRef next = emit_block(e, "");

	emit_cond_br(e, holds, next, a->miss);
	emit_at(e, next);
}

/* The values of the way that got here, or zeroes for the one that missed; returns `ok`. */
static LLVMValueRef done(struct emitter *e, struct attempt *a, LLVMValueRef **values, unsigned n)
{
	LLVMBasicBlockRef got = LLVMGetInsertBlock(e->b), join = emit_block(e, "join");
	LLVMValueRef ok;

	emit_br(e, join);
	emit_at(e, a->miss);
	emit_br(e, join);
	emit_at(e, join);
	ok = emit_phi2(e, e->i1, emit_true(e), got, LLVMConstInt(e->i1, 0, false), a->miss);
	for (unsigned i = 0; i < n; i++)
		*values[i] = emit_phi2(e, LLVMTypeOf(*values[i]), *values[i], got,
				       LLVMConstNull(LLVMTypeOf(*values[i])), a->miss);
	return ok;
}

/* Where the field begins; leaves the attempt if that cannot be told. */
static LLVMValueRef position(struct emitter *e, const struct hfield *f, struct attempt *a)
{
	LLVMValueRef base = e->frame.base ? e->frame.base : emit_i32(e, 0);

	if (f->anchor) {
		struct reading r = emit_read(e, f->anchor);

		check(e, a, r.end_ok);
		base = r.end;
	}
	return add(e, base, emit_i32(e, f->offset));
}

static struct reading read_number(struct emitter *e, const struct hfield *f)
{
	struct attempt a = begin(e);
	struct reading r = { 0 };
	LLVMValueRef out = emit_alloca(e, e->i64), *values[] = { &r.value };
	LLVMValueRef at = position(e, f, &a);

	check(e, &a, CALL(e, arena_printf(e->arena, "iop_payload_%s%u",
					  f->little && f->width > 1 ? "le" : "be", 8u * f->width),
			  e->pkt, at, out));
	r.value = LLVMBuildLoad2(e->b, e->i64, out, "");
	if (f->kind == HTYPE_BITS) {
		r.value = LLVMBuildLShr(e->b, r.value, emit_i64(e, f->shift), "");
		r.value = LLVMBuildAnd(e->b, r.value, emit_i64(e, (1ULL << f->bits) - 1), "");
	}
	r.ok = done(e, &a, values, 1);
	return r;
}

static LLVMValueRef payload_len(struct emitter *e)
{
	return CALL(e, "iop_payload_len", e->pkt);
}

/* Bytes that the payload need not hold to be skipped. */
static void finish_bytes(struct emitter *e, struct attempt *a, struct reading *r)
{
	LLVMValueRef *values[] = { &r->at, &r->size, &r->end };

	r->end_ok = done(e, a, values, 3);
	LLVMValueRef whole = LLVMBuildICmp(e->b, LLVMIntULE, r->end, payload_len(e), "");

	r->ok = LLVMBuildSelect(e->b, r->end_ok, whole, LLVMConstInt(e->i1, 0, false), "");
}

static struct reading read_bytes(struct emitter *e, const struct hfield *f)
{
	struct attempt a = begin(e);
	struct reading r = { .at = position(e, f, &a), .size = emit_i32(e, f->fixed_size) };

	if (f->size_from) {
		struct reading n = emit_read(e, f->size_from);

		check(e, &a, n.ok);
		if (f->size_from->bits >= 32 || f->max < (1ULL << f->size_from->bits) - 1)
			check(e, &a, LLVMBuildICmp(e->b, LLVMIntULE, n.value, emit_i64(e, f->max), ""));
		r.size = LLVMBuildTrunc(e->b, n.value, e->i32, "");
	}
	r.end = add(e, r.at, r.size);
	finish_bytes(e, &a, &r);
	return r;
}

/* A loop over 0 … n - 1: `i` counts in the block that is current then. */
struct loop {
	LLVMBasicBlockRef head;
	LLVMValueRef i;
};

static struct loop loop_begin(struct emitter *e, uint32_t n, LLVMBasicBlockRef out)
{
	LLVMBasicBlockRef pre = LLVMGetInsertBlock(e->b), body = emit_block(e, "body");
	struct loop l = { .head = emit_block(e, "head") };
	LLVMValueRef zero = emit_i32(e, 0);

	emit_br(e, l.head);
	emit_at(e, l.head);
	l.i = LLVMBuildPhi(e->b, e->i32, "");
	LLVMAddIncoming(l.i, &zero, &pre, 1);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, l.i, emit_i32(e, n), ""), body, out);
	emit_at(e, body);
	return l;
}

static void loop_end(struct emitter *e, struct loop *l)
{
	LLVMValueRef next = add(e, l->i, emit_i32(e, 1));
	LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);

	emit_no_unroll(e, LLVMBuildBr(e->b, l->head));
	LLVMAddIncoming(l->i, &next, &latch, 1);
}

/* The first delimiter with at most `max` bytes before it. */
static struct reading read_text(struct emitter *e, const struct hfield *f)
{
	struct attempt a = begin(e);
	struct reading r = { .at = position(e, f, &a) };

	if (!f->delim_len) {
		LLVMValueRef len = payload_len(e);

		check(e, &a, LLVMBuildICmp(e->b, LLVMIntULE, r.at, len, ""));
		r.size = LLVMBuildSub(e->b, len, r.at, "");
		check(e, &a, LLVMBuildICmp(e->b, LLVMIntULE, r.size, emit_i32(e, f->max), ""));
		r.end = len;
		finish_bytes(e, &a, &r);
		return r;
	}
	LLVMBasicBlockRef found = emit_block(e, "found");
	struct loop l = loop_begin(e, f->max + 1, a.miss);
	LLVMBasicBlockRef next = emit_block(e, "next");
	LLVMValueRef p = CALL(e, "iop_payload_at", e->pkt, add(e, r.at, l.i), emit_i32(e, f->delim_len));

	check(e, &a, LLVMBuildIsNotNull(e->b, p, ""));
	for (uint32_t k = 0; k < f->delim_len; k++) {
		LLVMValueRef i = emit_i64(e, k);
		LLVMValueRef at = LLVMBuildGEP2(e->b, e->i8, p, &i, 1, "");
		LLVMBasicBlockRef more = k + 1 < f->delim_len ? emit_block(e, "") : found;

		emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntEQ, emit_load(e, at, 1),
					      LLVMConstInt(e->i8, f->delim[k], false), ""),
			     more, next);
		emit_at(e, more);
	}
	emit_at(e, next);
	loop_end(e, &l);
	emit_at(e, found);
	r.size = l.i;
	r.end = add(e, add(e, r.at, l.i), emit_i32(e, f->delim_len));
	finish_bytes(e, &a, &r);
	return r;
}

/* Elements up to the one that meets `until`. An element that the packet cuts makes whatever
 * follows missing by itself: it lies behind the payload. */
static struct reading read_repeat(struct emitter *e, const struct hfield *f)
{
	struct attempt a = begin(e);
	struct reading r = { .at = position(e, f, &a) };
	LLVMBasicBlockRef pre = LLVMGetInsertBlock(e->b), found = emit_block(e, "found");
	LLVMBasicBlockRef next = emit_block(e, "next"), latch;
	struct loop l = loop_begin(e, f->max, a.miss);
	LLVMBasicBlockRef body = LLVMGetInsertBlock(e->b);
	struct frame outer = e->frame;
	LLVMValueRef base, end;

	emit_at(e, l.head);
	LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(l.head));
	base = LLVMBuildPhi(e->b, e->i32, "");
	LLVMAddIncoming(base, &r.at, &pre, 1);
	emit_at(e, body);

	const struct hfield *last = f->fields[f->n_fields - 1];

	e->frame = (struct frame){ .header = f->header, .base = base };
	e->frame.kept = arena_alloc(e->arena, f->n_fields * sizeof(*e->frame.kept));
	/* The element is small and walked in a loop: all of its fields are read once. */
	for (uint32_t i = 0; i < f->n_fields; i++)
		e->frame.kept[i] = read_field(e, f->fields[i]);
	if (hfield_fixed(last)) {
		LLVMValueRef ok = emit_true(e);

		end = base;
		if (last->anchor) {
			ok = e->frame.kept[last->anchor->index].end_ok;
			end = e->frame.kept[last->anchor->index].end;
		}
		check(e, &a, ok);
		end = add(e, end, emit_i32(e, last->offset + (last->kind <= HTYPE_BITS ? last->width
									     : last->fixed_size)));
	} else {
		check(e, &a, e->frame.kept[last->index].end_ok);
		end = e->frame.kept[last->index].end;
	}
	emit_cond(e, f->until, true, found, next);
	e->frame = outer;
	emit_at(e, next);
	latch = LLVMGetInsertBlock(e->b);
	LLVMAddIncoming(base, &end, &latch, 1);
	loop_end(e, &l);
	emit_at(e, found);
	r.end = end;
	r.size = LLVMBuildSub(e->b, end, r.at, "");
	finish_bytes(e, &a, &r);
	return r;
}

static struct reading read_field(struct emitter *e, const struct hfield *f)
{
	struct reading r;

	if (f->kind <= HTYPE_BITS)
		r = read_number(e, f);
	else if (f->kind == HTYPE_TEXT)
		r = read_text(e, f);
	else if (f->kind == HTYPE_REPEAT)
		r = read_repeat(e, f);
	else
		r = read_bytes(e, f);
	return r;
}

struct reading emit_field(struct emitter *e, const struct field_ref *f)
{
	struct reading r = { 0 };

	if (f->hfield)
		return emit_read(e, f->hfield);
	if (f->field == FIELD_PAYLOAD) {
		r.ok = r.end_ok = emit_true(e);
		r.at = emit_i32(e, 0);
		r.size = r.end = payload_len(e);
		return r;
	}
	LLVMValueRef out = emit_alloca(e, e->i64);

	r.ok = CALL(e, lang_fields[f->field].reader, e->pkt, out);
	/* Read where it is there only: the reader leaves `out` alone otherwise. */
	struct attempt a = begin(e);
	LLVMValueRef *values[] = { &r.value };

	check(e, &a, r.ok);
	r.value = LLVMBuildLoad2(e->b, e->i64, out, "");
	r.ok = done(e, &a, values, 1);
	return r;
}

LLVMValueRef emit_address(struct emitter *e, const struct field_ref *f, LLVMValueRef *addr)
{
	*addr = emit_alloca(e, e->addr);
	return CALL(e, lang_fields[f->field].reader, e->pkt, *addr);
}
