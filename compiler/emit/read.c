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
	for (uint32_t i = 0; i < n; i++)
		f->asked |= fields[i]->when != NULL;
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
	return (struct reading){ .value = hfield_number(f) ? kept(e, e->i64, s->value) : NULL,
				 .at = kept(e, e->i64, s->at),
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
	return e->walk_len ? e->walk_len : CALL(e, "iop_payload_len", e->pkt);
}

/* A number as it lies at a position. */
static LLVMValueRef load_number(struct emitter *e, LLVMValueRef at, const char *order, unsigned width,
				LLVMBasicBlockRef missing)
{
	LLVMValueRef out = emit_alloca(e, e->i64);

	if (e->frame.strict)
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, add(e, at, emit_i64(e, width)), payload_len(e), ""),
		      missing);
	check(e, CALL(e, arena_printf(e->arena, "iop_%s_%s%u", e->frame.base ? "packet" : "payload", order,
				      8 * width),
		      e->pkt, at, out),
	      missing);
	return LLVMBuildLoad2(e->b, e->i64, out, "");
}

static struct reading read_varying(struct emitter *e, const struct hfield *f,
				   LLVMBasicBlockRef missing);

static struct reading read_number(struct emitter *e, const struct hfield *f,
				  LLVMBasicBlockRef missing)
{
	struct reading r = { 0 };
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);

	if (f->kind == HTYPE_GIVEN)
		return (struct reading){ .value = emit_i64(e, f->number) };
	if (e->frame.known[f->index] & KNOWN_WHOLE)
		return from_slots(e, f);
	if (f->kind > HTYPE_BITS) {
		r = read_varying(e, f, missing);
		/* An element that is cut is told by its end (walk_repeat()). */
		if (!e->frame.base || e->frame.strict)
			check(e, LLVMBuildICmp(e->b, LLVMIntULE, r.end, payload_len(e), ""), missing);
		e->frame.known[f->index] |= KNOWN_WHOLE;
		return r;
	}
	debug_at(e, f->at);
	r.value = load_number(e, position(e, f, missing), f->little && f->width > 1 ? "le" : "be", f->width,
			      missing);
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

		/* Of a number that conditions look at, too, LLVM would compare another one. */
		if (e->frame.asked || f->size_from->kind > HTYPE_GIVEN)
			n = CALL(e, "iop_whole", n);
		/* How many digits a function has read, the verifier does not know. */
		if (f->size_from->kind == HTYPE_DECIMAL || f->size_from->bits >= 32 ||
		    f->max < (1ULL << f->size_from->bits) - 1)
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

/* Does the condition read bytes? */
static bool reads_bytes(const struct cond *c)
{
	if (c->kind <= COND_OR)
		return reads_bytes(c->a) || reads_bytes(c->b);
	return c->kind == COND_NOT ? reads_bytes(c->a) : c->kind >= COND_BYTES;
}

/* May a field of the element be asked for that ends behind what the walk finds? */
static bool looks_ahead(const struct hfield *f)
{
	bool ahead = f->kind == HTYPE_SEEK;

	for (uint32_t i = 0; i < f->n_fields; i++)
		ahead |= f->fields[i]->peeked;
	return ahead;
}

/* Walks that ask for whole fields on their way need the payload's length. */
static LLVMValueRef walk_of(struct emitter *e, const struct hfield *f, LLVMValueRef at,
			    walk_body *body, LLVMBasicBlockRef missing)
{
	bool whole = f->until && (looks_ahead(f) || reads_bytes(f->until));

	return emit_walk(e, at, whole ? payload_len(e) : emit_i64(e, 0), emit_i64(e, 0), body, f,
			 true, missing);
}

/* Is one of the field's delimiters at the pointer? */
static LLVMValueRef is_delimiter(struct emitter *e, const struct hfield *f, LLVMValueRef p)
{
	LLVMValueRef is = NULL;

	for (uint32_t i = 0; i <= f->more_delims; i++) {
		struct bytes delim = { f->delim + i * f->delim_len, f->delim_len };
		LLVMValueRef same = emit_same(e, p, &delim, false);

		is = is ? LLVMBuildOr(e->b, is, same, "") : same;
	}
	return is;
}

/* The first delimiter with at most `max` bytes before it: where it ends. */
static void walk_text(struct emitter *e, struct walk *w, const void *what)
{
	const struct hfield *f = what;
	LLVMBasicBlockRef found = emit_block(e, "delimiter"), next = emit_block(e, "next");
	LLVMValueRef slot = emit_alloca(e, e->ptr);
	struct loop l = loop_begin(e, f->max + 1, w->missing);

	check(e, CALL(e, "iop_packet_at", e->pkt, add(e, w->at, l.i), emit_i64(e, f->delim_len), slot),
	      w->missing);
	emit_cond_br(e, is_delimiter(e, f, LLVMBuildLoad2(e->b, e->ptr, slot, "")), found, next);
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
		/* What is compared is what is used: not the payload's length against more. */
		r.size = CALL(e, "iop_whole", LLVMBuildSub(e->b, r.end, r.at, ""));
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, r.size, emit_i64(e, f->max), ""), missing);
		return r;
	}
	r.end = settle(e, f, walk_of(e, f, r.at, walk_text, missing), missing);
	r.size = LLVMBuildSub(e->b, LLVMBuildSub(e->b, r.end, r.at, ""), emit_i64(e, f->delim_len), "");
	return r;
}

/* Decimal digits up to a delimiter: where that ends, and the number above it. */
static void walk_decimal(struct emitter *e, struct walk *w, const void *what)
{
	const struct hfield *f = what;
	LLVMBasicBlockRef pre = LLVMGetInsertBlock(e->b), end = emit_block(e, "delimiter"),
			  next = emit_block(e, "next"), found = emit_block(e, "found"), latch;
	LLVMValueRef slot = emit_alloca(e, e->ptr), zero = emit_i64(e, 0), p, value, digit, more, at;
	struct loop l = loop_begin(e, f->max + 1, w->missing);
	LLVMBasicBlockRef body = LLVMGetInsertBlock(e->b);

	LLVMPositionBuilderBefore(e->b, LLVMGetFirstInstruction(l.head));
	value = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(value, &zero, &pre, 1);
	emit_at(e, body);
	check(e, CALL(e, "iop_packet_at", e->pkt, add(e, w->at, l.i), emit_i64(e, f->delim_len), slot),
	      w->missing);
	p = LLVMBuildLoad2(e->b, e->ptr, slot, "");
	emit_cond_br(e, is_delimiter(e, f, p), end, next);
	emit_at(e, next);
	digit = LLVMBuildSub(e->b, LLVMBuildZExt(e->b, emit_load(e, p, 1), e->i64, ""), emit_i64(e, '0'), "");
	check(e, LLVMBuildICmp(e->b, LLVMIntULE, digit, emit_i64(e, 9), ""), w->missing);
	more = add(e, LLVMBuildMul(e->b, value, emit_i64(e, 10), ""), digit);
	latch = LLVMGetInsertBlock(e->b);
	LLVMAddIncoming(value, &more, &latch, 1);
	loop_end(e, &l);
	emit_at(e, end);
	emit_cond_br(e, LLVMBuildIsNotNull(e->b, l.i, ""), found, w->missing); /* no digit is no number */
	emit_at(e, found);
	at = add(e, add(e, w->at, l.i), emit_i64(e, f->delim_len));
	walk_found(e, w, LLVMBuildOr(e->b, LLVMBuildShl(e->b, value, emit_i64(e, 16), ""), at, ""));
}

static void read_decimal(struct emitter *e, const struct hfield *f, struct reading *r,
			 LLVMBasicBlockRef missing)
{
	LLVMValueRef both = walk_of(e, f, r->at, walk_decimal, missing);

	r->value = LLVMBuildLShr(e->b, both, emit_i64(e, 16), "");
	r->end = LLVMBuildAnd(e->b, both, emit_i64(e, 0xffff), "");
	check(e, LLVMBuildICmp(e->b, LLVMIntULE, r->end, emit_i64(e, MAX_AT), ""), missing);
	r->size = LLVMBuildSub(e->b, LLVMBuildSub(e->b, r->end, r->at, ""), emit_i64(e, f->delim_len), "");
}

/* The first two bits say whether the number has 1, 2, 4 or 8 bytes. */
static void read_varint(struct emitter *e, const struct hfield *f, struct reading *r,
			LLVMBasicBlockRef missing)
{
	LLVMValueRef first = load_number(e, r->at, "be", 1, missing), sw, values[4], sizes[4];
	LLVMBasicBlockRef done = emit_block(e, "varint"), cases[4];

	(void)f;
	first = LLVMBuildLShr(e->b, CALL(e, "iop_whole", first), emit_i64(e, 6), "");
	cases[0] = emit_block(e, "");
	sw = LLVMBuildSwitch(e->b, first, cases[0], 3);
	for (unsigned i = 0; i < 4; i++) {
		unsigned width = 1u << i;

		if (i) {
			cases[i] = emit_block(e, "");
			LLVMAddCase(sw, emit_i64(e, i), cases[i]);
		}
		emit_at(e, cases[i]);
		values[i] = LLVMBuildAnd(e->b, load_number(e, r->at, "be", width, missing),
					 emit_i64(e, (1ULL << (8 * width - 2)) - 1), "");
		sizes[i] = emit_i64(e, width);
		cases[i] = LLVMGetInsertBlock(e->b);
		emit_br(e, done);
	}
	emit_at(e, done);
	r->value = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(r->value, values, cases, 4);
	r->size = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(r->size, sizes, cases, 4);
	r->end = add(e, r->at, r->size);
}

/* Where an element ends, its last field read. */
static LLVMValueRef element_end(struct emitter *e, const struct hfield *last,
				LLVMBasicBlockRef missing)
{
	if (!hfield_fixed(last))
		return read_end(e, last, missing).end;
	return add(e, position(e, last, missing),
		   emit_i64(e, last->kind <= HTYPE_GIVEN ? last->width : last->fixed_size));
}

/* Elements up to the one that meets `until`, or for SEEK before it. An element that the packet cuts makes whatever
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
	if ((uint64_t)f->max * f->fixed_size > MAX_WALKED) /* never, but the verifier adds up */
		check(e, LLVMBuildICmp(e->b, LLVMIntULE, base, emit_i64(e, MAX_AT), ""), w->missing);
	frame_begin(e, &e->frame, f->fields, f->n_fields);
	e->frame.base = base;
	e->frame.strict = looks_ahead(f);
	if (f->kind == HTYPE_SEEK) {
		emit_cond(e, f->until, true, found, next);
		memset(e->frame.known, 0, e->frame.n); /* not all ways have read all */
		emit_at(e, next);
		end = element_end(e, f->fields[f->n_fields - 1], w->missing);
	} else {
		end = element_end(e, f->fields[f->n_fields - 1], w->missing);
		emit_cond(e, f->until, true, found, next);
		emit_at(e, next);
	}
	e->frame = outer;
	latch = LLVMGetInsertBlock(e->b);
	LLVMAddIncoming(base, &end, &latch, 1);
	loop_end(e, &l);
	emit_at(e, found);
	walk_found(e, w, f->kind == HTYPE_SEEK ? base : end);
}

static struct reading read_repeat(struct emitter *e, const struct hfield *f,
				  LLVMBasicBlockRef missing)
{
	struct reading r = { .at = position(e, f, missing) };

	r.end = settle(e, f, walk_of(e, f, r.at, walk_repeat, missing), missing);
	r.size = LLVMBuildSub(e->b, r.end, r.at, "");
	return r;
}

/* --- fields behind a condition --- */

static struct reading nowhere(struct emitter *e, LLVMValueRef at)
{
	return (struct reading){ .at = at, .size = emit_i64(e, 0), .end = at };
}

static void keep_reading(struct emitter *e, const struct hfield *f, const struct reading *r)
{
	struct reading *slots = &e->frame.slots[f->index];

	if (r->value)
		keep(e, &slots->value, r->value);
	keep(e, &slots->at, r->at);
	keep(e, &slots->size, r->size);
	keep(e, &slots->end, r->end);
	e->frame.known[f->index] |= KNOWN_END;
}

/* Where they begin: nowhere unless the condition is true. */
static struct reading read_when(struct emitter *e, const struct hfield *f, LLVMBasicBlockRef missing)
{
	LLVMBasicBlockRef there = emit_block(e, "there");
	LLVMValueRef at = position(e, f, missing);

	emit_cond(e, f->when, true, there, missing);
	emit_at(e, there);
	return nowhere(e, at);
}

static bool is_comparison(const struct cond *c)
{
	return c->kind > COND_NOT;
}

/* Three ways out; only what all of them have read stays known. */
static void three_ways(struct emitter *e, const struct cond *c, LLVMBasicBlockRef is,
		       LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown)
{
	LLVMBasicBlockRef next;
	uint8_t *before;

	if (is_comparison(c)) { /* it has read what it compares before it parts */
		emit_comparison(e, c, is, is_not, unknown);
		return;
	}
	next = emit_block(e, "");
	before = frame_save(e);
	emit_cond(e, c, true, is, next);
	frame_restore(e, before);
	emit_at(e, next);
	emit_cond(e, c, false, is_not, unknown);
	frame_restore(e, before);
}

/* Where they end: behind the last of them, or, without them, where they would begin. */
static struct reading read_when_end(struct emitter *e, const struct hfield *f,
				    LLVMBasicBlockRef missing)
{
	LLVMBasicBlockRef is = emit_block(e, "there"), is_not = emit_block(e, "absent"),
			  done = emit_block(e, ""), from;
	LLVMValueRef with, without, begin;
	struct reading mark;
	uint8_t *known;

	begin = position(e, f->begin, missing);
	three_ways(e, f->begin->when, is, is_not, missing);
	known = frame_save(e);
	emit_at(e, is);
	mark = nowhere(e, begin);
	keep_reading(e, f->begin, &mark);
	with = position(e, f, missing);
	from = LLVMGetInsertBlock(e->b);
	emit_br(e, done);
	frame_restore(e, known);
	emit_at(e, is_not);
	without = LLVMBuildAdd(e->b, begin, emit_i64(e, 0), "");
	emit_br(e, done);
	emit_at(e, done);
	return nowhere(e, emit_phi2(e, e->i64, with, from, without, is_not));
}

static struct reading read_varying(struct emitter *e, const struct hfield *f,
				   LLVMBasicBlockRef missing)
{
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
	struct reading r = { 0 };

	if (e->frame.known[f->index] & KNOWN_END)
		return from_slots(e, f);
	debug_at(e, f->at);
	r.at = position(e, f, missing);
	(f->kind == HTYPE_DECIMAL ? read_decimal : read_varint)(e, f, &r, missing);
	keep_reading(e, f, &r);
	LLVMSetCurrentDebugLocation2(e->b, where);
	return r;
}

/* Where a field of bytes is and ends; the payload need not hold it. */
static struct reading read_end(struct emitter *e, const struct hfield *f,
			       LLVMBasicBlockRef missing)
{
	LLVMMetadataRef where = LLVMGetCurrentDebugLocation2(e->b);
	struct reading r;

	if (hfield_number(f))
		return read_varying(e, f, missing);
	if (e->frame.known[f->index] & KNOWN_END)
		return from_slots(e, f);
	debug_at(e, f->at);
	switch (f->kind) {
	case HTYPE_TEXT: r = read_text(e, f, missing); break;
	case HTYPE_REPEAT:
	case HTYPE_SEEK: r = read_repeat(e, f, missing); break;
	case HTYPE_WHEN: r = f->begin ? read_when_end(e, f, missing) : read_when(e, f, missing); break;
	case HTYPE_PEEK: r = nowhere(e, position(e, f, missing)); break;
	default: r = read_bytes(e, f, missing);
	}
	keep_reading(e, f, &r);
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
		return hfield_number(f->hfield) ? read_number(e, f->hfield, missing)
						     : read_whole(e, f->hfield, missing);
	if (f->field == FIELD_PAYLOAD) {
		r.at = emit_i64(e, 0);
		r.size = r.end = payload_len(e);
		return r;
	}
	LLVMValueRef out = emit_alloca(e, e->i64);
	LLVMBasicBlockRef here = LLVMGetInsertBlock(e->b);

	/* LLVM may compare it first and ask later whether it is there; the verifier wants a value. */
	emit_at(e, e->entry);
	LLVMBuildStore(e->b, emit_i64(e, 0), out);
	emit_at(e, here);
	check(e, CALL(e, lang_fields[f->field].reader, e->pkt, out), missing);
	r.value = LLVMBuildLoad2(e->b, e->i64, out, "");
	/* Of a field that only one family has LLVM would compare what was never read, and look at
	 * the outcome where it was; the verifier refuses the comparison. */
	if (f->field >= FIELD_IP4_SRC && f->field <= FIELD_IP6_LEN)
		r.value = CALL(e, "iop_whole", r.value);
	return r;
}

LLVMValueRef emit_address(struct emitter *e, const struct field_ref *f,
			  LLVMBasicBlockRef missing)
{
	LLVMValueRef addr = emit_alloca(e, e->addr);

	check(e, CALL(e, lang_fields[f->field].reader, e->pkt, addr), missing);
	return addr;
}
