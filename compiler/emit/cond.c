/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Conditions become branches. Three-valued logic needs two targets only: a
 * class is matched by true, so "is it true?" is asked, and behind a `not` "is
 * it false?"; unknown takes the other way in both. A comparison with a missing
 * field is neither.
 */
#include "emit/emitter.h"

/* A value's number; leaves for `no` if a field of it is missing. */
static LLVMValueRef number(struct emitter *e, const struct value *v, LLVMBasicBlockRef no)
{
	LLVMValueRef a, b;

	switch (v->kind) {
	case VALUE_CONST:
		return emit_i64(e, v->number);
	case VALUE_PARAM:
		a = LLVMBuildLoad2(e->b, e->i64, e->param_vars[v->param->id], "");
		LLVMSetVolatile(a, true);
		return a;
	case VALUE_FIELD:
		return emit_field(e, &v->field, no).value;
	default:
		break;
	}
	a = number(e, v->a, no);
	b = number(e, v->b, no);
	if (v->kind == VALUE_AND)
		return LLVMBuildAnd(e->b, a, b, "");
	if (v->kind == VALUE_OR)
		return LLVMBuildOr(e->b, a, b, "");
	return v->kind == VALUE_SHL ? LLVMBuildShl(e->b, a, b, "") : LLVMBuildLShr(e->b, a, b, "");
}

static void compare(struct emitter *e, const struct cond *c, LLVMBasicBlockRef is,
		    LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown)
{
	static const LLVMIntPredicate predicates[] = {
		[COND_EQ] = LLVMIntEQ,  [COND_NE] = LLVMIntNE,  [COND_LT] = LLVMIntULT,
		[COND_LE] = LLVMIntULE, [COND_GT] = LLVMIntUGT, [COND_GE] = LLVMIntUGE,
	};
	LLVMValueRef a = number(e, c->lhs, unknown), b = number(e, c->rhs, unknown);

	emit_cond_br(e, LLVMBuildICmp(e->b, predicates[c->kind], a, b, ""), is, is_not);
}

/* A set that is bits or a map. */
static void in_numbers(struct emitter *e, const struct set *s, LLVMValueRef v, LLVMBasicBlockRef is,
		       LLVMBasicBlockRef is_not)
{
	LLVMBasicBlockRef within;
	LLVMValueRef i, last;

	if (e->plan->sets[s->id].form == PLAN_SET_MAP) {
		emit_cond_br(e, CALL(e, "iop_in_numbers", e->set_vars[s->id], v), is, is_not);
		return;
	}
	within = emit_block(e, "within");
	i = LLVMBuildSub(e->b, v, emit_i64(e, s->ranges[0].lo), "");
	last = emit_i64(e, s->ranges[s->n - 1].hi - s->ranges[0].lo);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, i, last, ""), within, is_not);
	emit_at(e, within);
	emit_cond_br(e, CALL(e, "iop_in_bits", e->set_vars[s->id], i), is, is_not);
}

/* Single numbers become a switch, ranges comparisons behind it; all of them `base` higher. */
static void ranges(struct emitter *e, LLVMValueRef v, const struct range *list, uint32_t n,
		   uint64_t base, LLVMBasicBlockRef is, LLVMBasicBlockRef is_not)
{
	LLVMBasicBlockRef next = emit_block(e, "ranges");
	LLVMValueRef sw = LLVMBuildSwitch(e->b, v, next, n);

	emit_at(e, next);
	for (uint32_t i = 0; i < n; i++) {
		const struct range *r = &list[i];

		if (r->hi - r->lo < 4) {
			for (uint64_t k = 0; k <= r->hi - r->lo; k++) /* hi may be the greatest number */
				LLVMAddCase(sw, emit_i64(e, base + r->lo + k), is);
			continue;
		}
		LLVMValueRef from = LLVMBuildSub(e->b, v, emit_i64(e, base + r->lo), "");

		next = emit_block(e, "");
		emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, from, emit_i64(e, r->hi - r->lo), ""), is,
			     next);
		emit_at(e, next);
	}
	emit_br(e, is_not);
}

static LLVMValueRef member(struct emitter *e, LLVMTypeRef t, LLVMValueRef p, unsigned i)
{
	return LLVMBuildLoad2(e->b, LLVMStructGetTypeAtIndex(t, i),
			      LLVMBuildStructGEP2(e->b, t, p, i, ""), "");
}

/* The first `bits` bits of the bytes at `net` stand in a word of `width` bytes, which holds them
 * as they lie in the packet. */
static LLVMValueRef first_bits(struct emitter *e, LLVMValueRef word, const uint8_t *net,
			       unsigned width, unsigned bits)
{
	uint64_t want = 0, mask = 0;

	for (unsigned i = 0; i < width; i++) {
		unsigned n = bits >= 8 * i + 8 ? 8 : bits > 8 * i ? bits - 8 * i : 0;
		uint64_t m = (0xff00u >> n) & 0xff;

		mask |= m << (8 * i);
		want |= (net[i] & m) << (8 * i);
	}
	if (bits < 8 * width)
		word = LLVMBuildAnd(e->b, word, emit_i64(e, mask), "");
	return LLVMBuildICmp(e->b, LLVMIntEQ, word, emit_i64(e, want), "");
}

static void prefix(struct emitter *e, const struct prefix *p, LLVMValueRef hi, LLVMValueRef lo,
		   LLVMBasicBlockRef is)
{
	LLVMBasicBlockRef next, low;

	if (p->len == 0) {
		emit_br(e, is);
		emit_at(e, emit_block(e, "behind"));
		return;
	}
	next = emit_block(e, "");
	if (p->family == 4) {
		emit_cond_br(e, first_bits(e, lo, p->addr, 4, p->len), is, next);
	} else if (p->len <= 64) {
		emit_cond_br(e, first_bits(e, hi, p->addr, 8, p->len), is, next);
	} else {
		low = emit_block(e, "");
		emit_cond_br(e, first_bits(e, hi, p->addr, 8, 64), low, next);
		emit_at(e, low);
		emit_cond_br(e, first_bits(e, lo, p->addr + 8, 8, p->len - 64), is, next);
	}
	emit_at(e, next);
}

static void prefixes(struct emitter *e, const struct field_ref *f, const struct prefix *p,
		     uint32_t n, const struct set *set, LLVMBasicBlockRef is,
		     LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown)
{
	LLVMBasicBlockRef v4, v6;
	LLVMValueRef addr = emit_address(e, f, unknown), hi, lo, family;

	if (set && e->plan->sets[set->id].form == PLAN_SET_MAP) {
		emit_cond_br(e, CALL(e, "iop_in_set", e->set_vars[set->id], addr), is, is_not);
		return;
	}
	v4 = emit_block(e, "v4");
	v6 = emit_block(e, "v6");
	hi = member(e, e->addr, addr, 0);
	lo = member(e, e->addr, addr, 1);
	family = member(e, e->addr, addr, 2);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntEQ, family, emit_i32(e, 4), ""), v4, v6);
	for (int i = 4; i <= 6; i += 2) {
		emit_at(e, i == 4 ? v4 : v6);
		for (uint32_t k = 0; k < n; k++)
			if (p[k].family == i)
				prefix(e, &p[k], hi, lo, is);
		emit_br(e, is_not);
	}
}

/* The next word of a string that is compared at `p`, as large as fits; what differs from it. */
static LLVMValueRef word_diff(struct emitter *e, LLVMValueRef p, const struct bytes *s, bool nocase,
			      uint32_t *at)
{
	unsigned width = s->len - *at >= 8 ? 8 : s->len - *at >= 4 ? 4 : s->len - *at >= 2 ? 2 : 1;
	LLVMValueRef i = emit_i64(e, *at), word;
	uint64_t want = 0, letters = 0;

	for (unsigned k = 0; k < width; k++) { /* as it lies in memory: little-endian */
		uint8_t c = s->data[*at + k];

		want |= (uint64_t)c << (8 * k);
		if (nocase && c >= 'a' && c <= 'z') /* with this bit only the two of them are it */
			letters |= (uint64_t)0x20 << (8 * k);
	}
	word = emit_load(e, LLVMBuildGEP2(e->b, e->i8, p, &i, 1, ""), width);
	word = LLVMBuildZExt(e->b, word, e->i64, "");
	*at += width;
	if (letters)
		word = LLVMBuildOr(e->b, word, emit_i64(e, letters), "");
	return LLVMBuildXor(e->b, word, emit_i64(e, want), "");
}

LLVMValueRef emit_same(struct emitter *e, LLVMValueRef p, const struct bytes *s, bool nocase)
{
	LLVMValueRef diff = emit_i64(e, 0);

	for (uint32_t i = 0; i < s->len;)
		diff = LLVMBuildOr(e->b, diff, word_diff(e, p, s, nocase, &i), "");
	if (s->len > 1 && (s->len & (s->len - 1))) /* more than one word */
		diff = CALL(e, "iop_whole", diff);
	return LLVMBuildIsNull(e->b, diff, "");
}

/* The string at a position that the field is known to hold; `not`: it is not there. */
static void string_at(struct emitter *e, LLVMValueRef at, const struct bytes *s, bool nocase,
		      LLVMBasicBlockRef is, LLVMBasicBlockRef is_not)
{
	LLVMBasicBlockRef next;
	LLVMValueRef slot, p;

	if (s->len == 0) {
		emit_br(e, is);
		return;
	}
	next = emit_block(e, "");
	slot = emit_alloca(e, e->ptr);
	emit_cond_br(e, CALL(e, "iop_packet_at", e->pkt, at, emit_i64(e, s->len), slot), next, is_not);
	emit_at(e, next);
	p = LLVMBuildLoad2(e->b, e->ptr, slot, "");
	for (uint32_t i = 0; i < s->len;) {
		next = emit_block(e, "");
		emit_cond_br(e, LLVMBuildIsNull(e->b, word_diff(e, p, s, nocase, &i), ""), next, is_not);
		emit_at(e, next);
	}
	emit_br(e, is);
}

struct search {
	const struct bytes *string;
	uint32_t within;
	bool nocase;
};

/* Somewhere in the first `within` bytes of the field; what is found is of no interest. */
static void walk_search(struct emitter *e, struct walk *w, const void *what)
{
	const struct search *s = what;
	LLVMBasicBlockRef pre = LLVMGetInsertBlock(e->b), head = emit_block(e, "head"),
			  body = emit_block(e, ""), fits = emit_block(e, ""), latch = emit_block(e, "next"),
			  held = emit_block(e, ""), found = emit_block(e, "here");
	LLVMValueRef zero = emit_i64(e, 0), i, next, last, size = CALL(e, "iop_fork", w->size);
	LLVMValueRef slot = emit_alloca(e, e->ptr);

	emit_br(e, head);
	emit_at(e, head);
	i = LLVMBuildPhi(e->b, e->i64, "");
	LLVMAddIncoming(i, &zero, &pre, 1);
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, i, emit_i64(e, s->within - s->string->len), ""),
		     body, w->missing);
	emit_at(e, body);
	last = LLVMBuildAdd(e->b, i, emit_i64(e, s->string->len), "");
	emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, last, size, ""), fits, w->missing);
	emit_at(e, fits);
	emit_cond_br(e, CALL(e, "iop_packet_at", e->pkt, LLVMBuildAdd(e->b, w->at, i, ""),
			     emit_i64(e, s->string->len), slot),
		     held, w->missing);
	emit_at(e, held);
	emit_cond_br(e, emit_same(e, LLVMBuildLoad2(e->b, e->ptr, slot, ""), s->string, s->nocase), found, latch);
	emit_at(e, latch);
	next = LLVMBuildAdd(e->b, i, emit_i64(e, 1), "");
	emit_no_unroll(e, LLVMBuildBr(e->b, head));
	LLVMAddIncoming(i, &next, &latch, 1);
	emit_at(e, found);
	walk_found(e, w, emit_i64(e, 0));
}

static void strings(struct emitter *e, const struct cond *c, LLVMBasicBlockRef is,
		    LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown)
{
	struct reading r = emit_field(e, &c->field, unknown);
	bool nocase = c->field.hfield && c->field.hfield->nocase;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct bytes *s = &c->strings[i];
		LLVMBasicBlockRef more = i + 1 < c->n ? emit_block(e, "") : is_not, fits;

		if (c->kind == COND_CONTAINS) {
			struct search search = { s, c->within, nocase };

			emit_walk(e, r.at, r.size, emit_i64(e, 0), walk_search, &search, false, more);
			emit_br(e, is);
		} else {
			fits = emit_block(e, "");
			emit_cond_br(e, LLVMBuildICmp(e->b, c->kind == COND_BYTES ? LLVMIntEQ : LLVMIntUGE,
						      r.size, emit_i64(e, s->len), ""),
				     fits, more);
			emit_at(e, fits);
			string_at(e, r.at, s, nocase, is, more);
		}
		if (more != is_not)
			emit_at(e, more);
	}
}

void emit_comparison(struct emitter *e, const struct cond *c, LLVMBasicBlockRef is,
		     LLVMBasicBlockRef is_not, LLVMBasicBlockRef unknown)
{
	debug_at(e, c->at);
	if (e->hook == IOP_HOOK_TX && !cond_of_addresses(c)) {
		emit_br(e, unknown);
		return;
	}
	switch (c->kind) {
	case COND_RANGES:
		if (c->set && e->plan->sets[c->set->id].form != PLAN_SET_CODE)
			in_numbers(e, c->set, number(e, c->lhs, unknown), is, is_not);
		else
			ranges(e, number(e, c->lhs, unknown), c->ranges, c->n, 0, is, is_not);
		break;
	case COND_PREFIXES:
		prefixes(e, &c->field, c->prefixes, c->n, c->set, is, is_not, unknown);
		break;
	case COND_BYTES:
	case COND_STARTS:
	case COND_CONTAINS:
		strings(e, c, is, is_not, unknown);
		break;
	default:
		compare(e, c, is, is_not, unknown);
	}
}

void emit_cond(struct emitter *e, const struct cond *c, bool want, LLVMBasicBlockRef yes,
	       LLVMBasicBlockRef no)
{
	LLVMBasicBlockRef next;
	uint8_t *before;

	switch (c->kind) {
	case COND_AND:
	case COND_OR:
		next = emit_block(e, "");
		before = frame_save(e);
		/* "a and b" is true when both are, false when one is; `or` the other way round. */
		if ((c->kind == COND_AND) == want)
			emit_cond(e, c->a, want, next, no);
		else
			emit_cond(e, c->a, want, yes, next);
		/* Not every way that leads to b has read what a reads. */
		frame_restore(e, before);
		emit_at(e, next);
		emit_cond(e, c->b, want, yes, no);
		frame_restore(e, before);
		break;
	case COND_NOT:
		emit_cond(e, c->a, !want, yes, no);
		break;
	default:
		emit_comparison(e, c, want ? yes : no, want ? no : yes, no);
	}
}

static void match_side(struct emitter *e, enum lang_field field, const struct prefix *p, uint32_t n,
		       const struct set *set, LLVMBasicBlockRef no)
{
	struct field_ref f = { .field = field };
	LLVMBasicBlockRef next;

	if (!n)
		return;
	next = emit_block(e, "");
	prefixes(e, &f, p, n, set, next, no, no);
	emit_at(e, next);
}

uint64_t emit_port(const struct emitter *e, const struct match *m, uint64_t port)
{
	bool both = e->plan->protos[e->hook] == (PLAN_UDP | PLAN_TCP);

	return both && m->proto == PROTO_TCP ? port + (1u << 16) : port;
}

void emit_match(struct emitter *e, const struct workload *w, bool ports, LLVMBasicBlockRef yes,
		LLVMBasicBlockRef no)
{
	for (uint32_t i = 0; i < w->n_matches; i++) {
		const struct match *m = &w->matches[i];
		LLVMBasicBlockRef other = i + 1 < w->n_matches ? emit_block(e, "match") : no, next;

		debug_at(e, m->at);
		if (ports) {
			next = emit_block(e, "");
			ranges(e, CALL(e, "iop_dport", e->pkt), m->ports, m->n_ports,
			       emit_port(e, m, 0), next, other);
			emit_at(e, next);
		}
		match_side(e, FIELD_IP_DST, m->to, m->n_to, m->to_set, other);
		match_side(e, FIELD_IP_SRC, m->from, m->n_from, m->from_set, other);
		emit_br(e, yes);
		emit_at(e, other);
	}
}
