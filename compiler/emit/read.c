/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields of headers: where they are, whether they are there, what they hold.
 *
 * A field is read where it is first needed and stays in its slots; what every
 * way to a place has read is not read again there. A field that is missing
 * leaves for where the caller wants it: no flag says later whether it was there.
 */
#include "emit/emitter.h"

void frame_begin(struct emitter *e, struct frame *f, struct hfield *const *fields, uint32_t n)
{
	*f = (struct frame){ .fields = fields, .n = n };
	f->slots = arena_alloc(e->arena, (n + 1) * sizeof(*f->slots));
	f->known = arena_alloc(e->arena, n + 1);
}

uint8_t *frame_save(struct emitter *e)
{
	uint8_t *known = arena_alloc(e->arena, e->frame.n + 1);

	memcpy(known, e->frame.known, e->frame.n);
	return known;
}

void frame_restore(struct emitter *e, const uint8_t *known)
{
	memcpy(e->frame.known, known, e->frame.n);
}

static LLVMValueRef add(struct emitter *e, LLVMValueRef a, LLVMValueRef b)
{
	return LLVMBuildAdd(e->b, a, b, "");
}

static void check(struct emitter *e, LLVMValueRef holds, LLVMBasicBlockRef missing)
{
	LLVMBasicBlockRef next = emit_block(e, "");

	emit_cond_br(e, holds, next, missing);
	emit_at(e, next);
}

/* A slot is zero where the field was not read: the verifier refuses a register that is spilled
 * without a value, even if nobody looks at it. */
static void keep(struct emitter *e, LLVMValueRef *slot, LLVMValueRef v)
{
	if (!*slot) {
		LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);

		*slot = emit_alloca(e, LLVMTypeOf(v));
		emit_at(e, e->entry);
		LLVMBuildStore(e->b, LLVMConstNull(LLVMTypeOf(v)), *slot);
		emit_at(e, here);
	}
	LLVMBuildStore(e->b, v, *slot);
}

static LLVMValueRef kept(struct emitter *e, LLVMTypeRef t, LLVMValueRef slot)
{
	return LLVMBuildLoad2(e->b, t, slot, "");
}

static struct reading from_slots(struct emitter *e, const struct hfield *f)
{
	const struct reading *s = &e->frame.slots[f->index];

	if (f->kind <= HTYPE_BITS)
		return (struct reading){ .value = kept(e, e->i64, s->value) };
	return (struct reading){ .at = kept(e, e->i64, s->at),
				 .size = kept(e, e->i64, s->size),
				 .end = kept(e, e->i64, s->end) };
}

static struct reading read_end(struct emitter *e, const struct hfield *f,
			       LLVMBasicBlockRef missing);

/* Where the field begins. */
static LLVMValueRef position(struct emitter *e, const struct hfield *f, LLVMBasicBlockRef missing)
{
	LLVMValueRef from = e->frame.base ? e->frame.base : emit_i64(e, 0);

	if (f->anchor)
		from = read_end(e, f->anchor, missing).end;
	return add(e, from, emit_i64(e, f->offset));
}

static LLVMValueRef payload_len(struct emitter *e)
{
	return CALL(e, "iop_payload_len", e->pkt);
}

static struct reading read_number(struct emitter *e, const struct hfield *f,
				  LLVMBasicBlockRef missing)
{
	struct reading r = { 0 };
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
	LLVMValueRef out = emit_alloca(e, e->i64), at;

	if (e->frame.known[f->index] & KNOWN_WHOLE)
		return from_slots(e, f);
	debug_at(e, f->at);
	at = position(e, f, missing);
	check(e, CALL(e, arena_printf(e->arena, "iop_%s_%s%u", e->frame.base ? "packet" : "payload",
				      f->little && f->width > 1 ? "le" : "be", 8u * f->width),
		      e->pkt, at, out),
	      missing);
	r.value = LLVMBuildLoad2(e->b, e->i64, out, "");
	if (f->kind == HTYPE_BITS) {
		/* Seen as a byte, its uppermost bit would become a sign, at two shifts. */
		r.value = CALL(e, "iop_whole", r.value);
		r.value = LLVMBuildLShr(e->b, r.value, emit_i64(e, f->shift), "");
		r.value = LLVMBuildAnd(e->b, r.value, emit_i64(e, (1ULL << f->bits) - 1), "");
	}
	keep(e, &e->frame.slots[f->index].value, r.value);
	e->frame.known[f->index] |= KNOWN_WHOLE;
	LLVMSetCurrentDebugLocation2(e->b, where);
	return r;
}

static struct reading read_bytes(struct emitter *e, const struct hfield *f,
				 LLVMBasicBlockRef missing)
{
	struct reading r = { .at = position(e, f, missing), .size = emit_i64(e, f->fixed_size) };

	if (f->size_from) {
		LLVMValueRef n = read_number(e, f->size_from, missing).value;

		if (f->size_from->bits >= 32 || f->max < (1ULL << f->size_from->bits) - 1)
			check(e, LLVMBuildICmp(e->b, LLVMIntULE, n, emit_i64(e, f->max), ""), missing);
		r.size = n;
	}
	r.end = add(e, r.at, r.size);
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
	LLVMValueRef zero = emit_i64(e, 0);

	emit_br(e, l.head);
	emit_at(e, l.head);
	l.i = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(l.i, &zero, &pre, 1);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULT, l.i, emit_i64(e, n), ""), body, out);
	emit_at(e, body);
	return l;
}

static void loop_end(struct emitter *e, struct loop *l)
{
	LLVMValueRef next = add(e, l->i, emit_i64(e, 1));
	LLVMBasicBlockRef latch = LLVMGetInsertBlock(e->b);

	emit_no_unroll(e, LLVMBuildBr(e->b, l->head));
	LLVMAddIncoming(l->i, &next, &latch, 1);
}

/* A position that a loop in line has found, without its history (iop_forget); what a function
 * returns has none. */
static LLVMValueRef settle(struct emitter *e, const struct hfield *f, LLVMValueRef end,
			   LLVMBasicBlockRef missing)
{
	LLVMValueRef v;

	if (e->one_walk) /* what follows is verified once for each of its ways out: not too many */
		return end;
	v = e->outline ? end : CALL(e, "iop_forget", end);
	/* An element's bound counts from its own beginning. */
	check(e, LLVMBuildICmp(e->b, LLVMIntULE, v, emit_i64(e, e->frame.base ? MAX_AT : f->max_end), ""),
	      missing);
	return v;
}

static LLVMValueRef walk_of(struct emitter *e, const struct hfield *f, LLVMValueRef at,
			    walk_body *body, LLVMBasicBlockRef missing)
{
	return emit_walk(e, at, emit_i64(e, 0), emit_i64(e, 0), body, f, missing);
}

/* The first delimiter with at most `max` bytes before it: where it ends. */
static void walk_text(struct emitter *e, struct walk *w, const void *what)
{
	const struct hfield *f = what;
	LLVMBasicBlockRef found = emit_block(e, "delimiter"), next = emit_block(e, "next");
	struct bytes delim = { f->delim, f->delim_len };
	LLVMValueRef slot = emit_alloca(e, e->ptr);
	struct loop l = loop_begin(e, f->max + 1, w->missing);

	check(e, CALL(e, "iop_packet_at", e->pkt, add(e, w->at, l.i), emit_i64(e, f->delim_len), slot),
	      w->missing);
	emit_cond_br(e, emit_same(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), &delim), found, next);
	emit_at(e, next);
	loop_end(e, &l);
	emit_at(e, found);
	walk_found(e, w, add(e, add(e, w->at, l.i), emit_i64(e, f->delim_len)));
}

static struct reading read_text(struct emitter *e, const struct hfield *f,
				LLVMBasicBlockRef missing)
{
	struct reading r = { .at = position(e, f, missing) };

	if (!f->delim_len) { /* the rest of the payload */
		r.end = payload_len(e);
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, r.at, r.end, ""), missing);
		r.size = LLVMBuildSub(e->b, r.end, r.at, "");
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, r.size, emit_i64(e, f->max), ""), missing);
		return r;
	}
	r.end = settle(e, f, walk_of(e, f, r.at, walk_text, missing), missing);
	r.size = LLVMBuildSub(e->b, LLVMBuildSub(e->b, r.end, r.at, ""), emit_i64(e, f->delim_len), "");
	return r;
}

/* Where an element ends, its last field read. */
static LLVMValueRef element_end(struct emitter *e, const struct hfield *last,
				LLVMBasicBlockRef missing)
{
	if (!hfield_fixed(last))
		return read_end(e, last, missing).end;
	return add(e, position(e, last, missing),
		   emit_i64(e, last->kind <= HTYPE_BITS ? last->width : last->fixed_size));
}

/* Elements up to the one that meets `until`. An element that the packet cuts makes whatever
 * follows missing by itself: it lies behind the payload. */
static void walk_repeat(struct emitter *e, struct walk *w, const void *what)
{
	const struct hfield *f = what;
	LLVMBasicBlockRef pre = LLVMGetInsertBlock(e->b), found = emit_block(e, "last"),
			  next = emit_block(e, "next"), latch;
	struct loop l = loop_begin(e, f->max, w->missing);
	LLVMBasicBlockRef body = LLVMGetInsertBlock(e->b);
	struct frame outer = e->frame;
	LLVMValueRef base, end;

	LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(l.head));
	base = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(base, &w->at, &pre, 1);
	emit_at(e, body);
	debug_at(e, f->at);
	frame_begin(e, &e->frame, f->fields, f->n_fields);
	e->frame.base = base;
	end = element_end(e, f->fields[f->n_fields - 1], w->missing);
	emit_cond(e, f->until, true, found, next);
	e->frame = outer;
	emit_at(e, next);
	latch = LLVMGetInsertBlock(e->b);
	LLVMAddIncoming(base, &end, &latch, 1);
	loop_end(e, &l);
	emit_at(e, found);
	walk_found(e, w, end);
}

static struct reading read_repeat(struct emitter *e, const struct hfield *f,
				  LLVMBasicBlockRef missing)
{
	struct reading r = { .at = position(e, f, missing) };

	r.end = settle(e, f, walk_of(e, f, r.at, walk_repeat, missing), missing);
	r.size = LLVMBuildSub(e->b, r.end, r.at, "");
	return r;
}

/* Where a field of bytes is and ends; the payload need not hold it. */
static struct reading read_end(struct emitter *e, const struct hfield *f,
			       LLVMBasicBlockRef missing)
{
	struct reading *slots = &e->frame.slots[f->index], r;
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);

	if (e->frame.known[f->index] & KNOWN_END)
		return from_slots(e, f);
	debug_at(e, f->at);
	r = f->kind == HTYPE_TEXT     ? read_text(e, f, missing)
	    : f->kind == HTYPE_REPEAT ? read_repeat(e, f, missing)
				      : read_bytes(e, f, missing);
	keep(e, &slots->at, r.at);
	keep(e, &slots->size, r.size);
	keep(e, &slots->end, r.end);
	e->frame.known[f->index] |= KNOWN_END;
	LLVMSetCurrentDebugLocation2(e->b, where);
	return r;
}

static struct reading read_whole(struct emitter *e, const struct hfield *f,
				 LLVMBasicBlockRef missing)
{
	struct reading r = read_end(e, f, missing);

	if (!(e->frame.known[f->index] & KNOWN_WHOLE))
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, r.end, payload_len(e), ""), missing);
	e->frame.known[f->index] |= KNOWN_WHOLE;
	return r;
}

struct reading emit_field(struct emitter *e, const struct field_ref *f,
			  LLVMBasicBlockRef missing)
{
	struct reading r = { 0 };

	if (f->hfield)
		return f->hfield->kind <= HTYPE_BITS ? read_number(e, f->hfield, missing)
						     : read_whole(e, f->hfield, missing);
	if (f->field == FIELD_PAYLOAD) {
		r.at = emit_i64(e, 0);
		r.size = r.end = payload_len(e);
		return r;
	}
	LLVMValueRef out = emit_alloca(e, e->i64);

	check(e, CALL(e, lang_fields[f->field].reader, e->pkt, out), missing);
	r.value = LLVMBuildLoad2(e->b, e->i64, out, "");
	return r;
}

LLVMValueRef emit_address(struct emitter *e, const struct field_ref *f,
			  LLVMBasicBlockRef missing)
{
	LLVMValueRef addr = emit_alloca(e, e->addr);

	check(e, CALL(e, lang_fields[f->field].reader, e->pkt, addr), missing);
	return addr;
}
