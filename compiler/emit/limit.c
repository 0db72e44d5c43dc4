/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits, and the keys of limits and hashes.
 */
#include "abi/hash.h"
#include "emit/emitter.h"

static void store(struct emitter *e, LLVMValueRef key, uint32_t offset, LLVMValueRef v)
{
	LLVMValueRef i = emit_i64(e, offset);

	LLVMBuildStore(e->b, v, LLVMBuildGEP2(e->b, e->i8, key, &i, 1, ""));
}

static void fill(struct emitter *e, LLVMValueRef key, uint32_t size, uint64_t word)
{
	for (uint32_t i = 0; i < size; i += 8)
		store(e, key, i, emit_i64(e, word));
}

static LLVMValueRef part(struct emitter *e, LLVMValueRef addr, unsigned i)
{
	LLVMValueRef v = LLVMBuildLoad2(e->b, LLVMStructGetTypeAtIndex(e->addr, i),
					LLVMBuildStructGEP2(e->b, e->addr, addr, i, ""), "");

	return i == 2 ? LLVMBuildZExt(e->b, v, e->i64, "") : v;
}

/* An address that is missing is that of no family. */
static void store_address(struct emitter *e, LLVMValueRef key, uint32_t offset,
			  const struct field_ref *f)
{
	LLVMBasicBlockRef missing = emit_block(e, "missing"), next = emit_block(e, "");
	LLVMValueRef addr = emit_address(e, f, missing);

	for (uint32_t i = 0; i < 3; i++)
		store(e, key, offset + 8 * i, part(e, addr, i));
	emit_br(e, next);
	emit_at(e, missing);
	for (uint32_t i = 0; i < 3; i++)
		store(e, key, offset + 8 * i, emit_i64(e, 0));
	emit_br(e, next);
	emit_at(e, next);
}

static LLVMValueRef nocase(struct emitter *e, const struct field_ref *f)
{
	return LLVMConstInt(e->i1, f->hfield && f->hfield->nocase, false);
}

/* A packet has one key at a time: all of a function stand in the same place, which is as large as
 * the largest. */
static LLVMValueRef key_room(struct emitter *e)
{
	uint32_t most = 0;

	for (uint32_t i = 0; i < e->plan->n_maps && !e->key; i++)
		if (e->plan->maps[i]->key != PLAN_KEY_NONE && e->plan->maps[i]->key_size > most)
			most = e->plan->maps[i]->key_size;
	if (!e->key)
		e->key = emit_alloca(e, LLVMArrayType2(e->i64, most / 8));
	return e->key;
}

LLVMValueRef emit_limit_key(struct emitter *e, const struct action *a)
{
	const struct plan_map *m = e->plan->actions[a->id].map;
	LLVMValueRef key = key_room(e);
	uint8_t *known = frame_save(e);
	LLVMBasicBlockRef next, missing;
	struct reading r;

	switch (m->key) {
	case PLAN_KEY_NONE:
	case PLAN_KEY_SET: /* of no limit */
		break;
	case PLAN_KEY_NUMBER:
		next = emit_block(e, "");
		missing = emit_block(e, "missing");
		store(e, key, 0, emit_field(e, a->per, missing).value);
		store(e, key, 8, emit_i64(e, 1));
		emit_br(e, next);
		emit_at(e, missing);
		store(e, key, 0, emit_i64(e, 0));
		store(e, key, 8, emit_i64(e, 0));
		emit_br(e, next);
		emit_at(e, next);
		break;
	case PLAN_KEY_ADDR:
		store_address(e, key, 0, a->per);
		break;
	case PLAN_KEY_FLOW:
		store_address(e, key, 0, &(struct field_ref){ .field = FIELD_IP_SRC });
		store_address(e, key, 24, &(struct field_ref){ .field = FIELD_IP_DST });
		store(e, key, 48, CALL(e, "iop_ports", e->pkt));
		break;
	case PLAN_KEY_BYTES:
		next = emit_block(e, "");
		missing = emit_block(e, "missing");
		fill(e, key, 64, 0);
		r = emit_field(e, a->per, missing);
		store(e, key, 64, CALL(e, "iop_key_bytes", key, e->pkt, r.at, r.size, nocase(e, a->per)));
		emit_br(e, next);
		emit_at(e, missing);
		store(e, key, 64, emit_i64(e, UINT64_MAX)); /* no size: missing */
		emit_br(e, next);
		emit_at(e, next);
		break;
	}
	frame_restore(e, known); /* a key that is missing was not read */
	return key;
}

/* Of a packet, or of a byte. */
static LLVMValueRef unit_cost(struct emitter *e, const struct action *a)
{
	LLVMValueRef cost;

	if (!a->param)
		return shape_datum(e, a, DATUM_COST);
	cost = LLVMBuildLoad2(e->b, e->i64, e->param_vars[a->param->id], "");
	LLVMSetVolatile(cost, true);
	return cost;
}

/* Gives the packet its time, and goes on at `next`. */
void emit_pace(struct emitter *e, const struct action *a, LLVMValueRef counts,
	       LLVMBasicBlockRef next, struct limit_state *s)
{
	const struct plan_action *pa = &e->plan->actions[a->id];
	LLVMBasicBlockRef known;

	debug_at(e, a->at);
	s->cost = unit_cost(e, a);
	if (a->rate_type == TYPE_BITRATE) {
		s->cost = LLVMBuildMul(e->b, s->cost, CALL(e, "iop_packet_bytes", e->pkt), "");
		s->cost = LLVMBuildLShr(e->b, s->cost, emit_i64(e, 16), "");
	}
	if (!pa->map) {
		s->now = CALL(e, "iop_now");
		s->tat = shape_element(e, e->buckets, a, DATUM_BUCKET);
	} else {
		known = emit_block(e, "");
		s->tat = CALL(e, "iop_limit_state", e->action_maps[a->id], s->key, s->now, s->cost,
			      counts);
		emit_cond_br(e, LLVMBuildIsNotNull(e->b, s->tat, ""), known, next);
		emit_at(e, known);
	}
	CALL(e, "iop_pace", e->pkt, s->tat, s->now, s->cost, counts);
	emit_br(e, next);
}

/*
 * Cost and tolerance are constants, or follow from the one number that a param
 * is (abi/object.h: what its variable holds). `conforms` is where a packet goes
 * whose key was not known, or cannot be remembered.
 */
void emit_limit(struct emitter *e, const struct action *a, LLVMValueRef counts,
		LLVMBasicBlockRef conforms, LLVMBasicBlockRef over, struct limit_state *s)
{
	const struct plan_action *pa = &e->plan->actions[a->id];
	LLVMBasicBlockRef next;

	debug_at(e, a->at);
	s->cost = unit_cost(e, a);
	s->tolerance = LLVMBuildMul(e->b, s->cost, shape_datum(e, a, DATUM_BURST), "");
	if (a->rate_type == TYPE_BITRATE) {
		s->cost = LLVMBuildMul(e->b, s->cost, CALL(e, "iop_packet_bytes", e->pkt), "");
		s->cost = LLVMBuildLShr(e->b, s->cost, emit_i64(e, 16), "");
		s->tolerance = LLVMBuildLShr(e->b, s->tolerance, emit_i64(e, 16), "");
		/* A packet may be larger than the burst; a single request is not. */
		next = emit_block(e, "");
		emit_cond_br(e, LLVMBuildICmp(e->b, LLVMIntULE, s->cost, s->tolerance, ""), next, over);
		emit_at(e, next);
	}
	if (!pa->map) {
		s->now = CALL(e, "iop_now");
		s->tat = shape_element(e, e->buckets, a, DATUM_BUCKET);
		return;
	}
	s->tat = CALL(e, "iop_limit_state", e->action_maps[a->id], s->key, s->now, s->cost, counts);
	next = emit_block(e, "");
	emit_cond_br(e, LLVMBuildIsNotNull(e->b, s->tat, ""), next, conforms);
	emit_at(e, next);
}

/* --- hashes --- */

static void walk_hash(struct emitter *e, struct walk *w, const void *what)
{
	walk_found(e, w, CALL(e, "iop_hash_payload", w->hash, e->pkt, w->at, w->size, nocase(e, what)));
}

static LLVMValueRef hash_field(struct emitter *e, LLVMValueRef h, const struct field_ref *f)
{
	LLVMBasicBlockRef missing = emit_block(e, "missing"), next = emit_block(e, ""), there;
	uint8_t *known = frame_save(e);
	LLVMValueRef a, b;
	struct reading r;

	if (!f->hfield && lang_fields[f->field].type == TYPE_ADDR) {
		a = CALL(e, "iop_hash_addr", h, emit_address(e, f, missing));
	} else {
		r = emit_field(e, f, missing);
		a = r.value ? CALL(e, "iop_hash_number", h, r.value) : emit_walk(e, r.at, r.size, h, walk_hash, f, false, missing);
	}
	there = LLVMGetInsertBlock(e->b);
	emit_br(e, next);
	emit_at(e, missing);
	b = CALL(e, "iop_hash_number", h, emit_i64(e, IOP_HASH_MISSING));
	emit_br(e, next);
	emit_at(e, next);
	frame_restore(e, known); /* a key that is missing was not read */
	return emit_phi2(e, e->i64, a, there, b, missing);
}

LLVMValueRef emit_hash_keys(struct emitter *e, const struct selector *s)
{
	LLVMValueRef h = emit_i64(e, iop_hash_start());

	if (s->flow)
		h = CALL(e, "iop_hash_flow", h, e->pkt);
	for (uint32_t i = 0; i < s->n_keys; i++)
		h = hash_field(e, h, &s->keys[i]);
	return h;
}
