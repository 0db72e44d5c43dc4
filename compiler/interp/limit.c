/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Limits: the generic cell rate algorithm (ITU-T I.371) in its form with one
 * number a bucket, the theoretical arrival time: when the bucket will be empty
 * again. All arithmetic is wide enough never to overflow, so that it shows
 * where the programs' might.
 *
 * A program reads its own clock, so the moment of a packet is known only to lie
 * between two; a bucket is two numbers then, the least and the greatest that it
 * may hold.
 */
#include "interp/model.h"

#include <string.h>

#include "abi/hash.h"
#include "abi/object.h"
#include "base/arena.h"

typedef unsigned __int128 ns_t;

struct bucket {
	uint32_t action;
	struct key key;
	ns_t least, most; /* theoretical arrival time */
};

struct change {
	size_t bucket;
	ns_t least, most; /* before */
};

struct interp_limits {
	struct arena *arena;
	vec(struct bucket) buckets;
	vec(struct change) changes; /* of the last packet */
};

struct interp_limits *interp_limits_new(struct arena *a)
{
	struct interp_limits *l = arena_new_of(a, struct interp_limits);

	l->arena = a;
	return l;
}

void interp_limits_begin(struct interp_limits *l)
{
	if (l)
		l->changes.n = 0;
}

void interp_limits_undo(struct interp_limits *l)
{
	while (l->changes.n) {
		const struct change *c = &l->changes.v[--l->changes.n];

		l->buckets.v[c->bucket].least = c->least;
		l->buckets.v[c->bucket].most = c->most;
	}
}

/* --- keys --- */

static void key_add(struct key *k, uint64_t word)
{
	k->words[k->n++] = word;
}

static void key_add_bytes(struct key *k, const uint8_t *data, uint32_t len, bool nocase)
{
	uint32_t n = len < IOP_HASH_BYTES ? len : IOP_HASH_BYTES;

	for (uint32_t at = 0; at < n; at += 8) {
		uint64_t word = 0;

		for (uint32_t i = 0; i < 8 && at + i < n; i++)
			word |= (uint64_t)(nocase ? lower(data[at + i]) : data[at + i]) << (8 * i);
		key_add(k, word);
	}
	key_add(k, n);
}

static void key_add_datum(struct key *k, const struct datum *d)
{
	switch (d->kind) {
	case DATUM_MISSING: key_add(k, IOP_HASH_MISSING); break;
	case DATUM_NUMBER: key_add(k, d->number); break;
	case DATUM_ADDR:
		if (d->family == 4) {
			key_add(k, big_endian(d->data, 4));
		} else {
			key_add(k, big_endian(d->data, 8));
			key_add(k, big_endian(d->data + 8, 8));
		}
		break;
	case DATUM_BYTES: key_add_bytes(k, d->data, d->len, d->nocase); break;
	}
}

void key_add_flow(struct key *k, const struct packet *pk)
{
	struct datum src = addr_read(pk, true), dst = addr_read(pk, false);

	key_add_datum(k, &src);
	key_add_datum(k, &dst);
	key_add(k, (uint64_t)be16(pk->l4) << 16 | be16(pk->l4 + 2));
}

void key_add_field(struct key *k, const struct field_ref *f, const struct facts *facts)
{
	struct datum d = field_read(f, facts);

	key_add_datum(k, &d);
}

uint32_t key_hash(const struct key *k)
{
	uint64_t h = iop_hash_start();

	for (unsigned i = 0; i < k->n; i++)
		h = iop_hash_word(h, k->words[i]);
	return iop_hash_end(h);
}

/* --- buckets --- */

static struct key key_of(const struct action *a, const struct facts *facts)
{
	struct key k = { .n = 0 };

	if (a->per_flow)
		key_add_flow(&k, facts->packet);
	if (a->per)
		key_add_field(&k, a->per, facts);
	return k;
}

/* The bucket of a key; a key that was never met has an empty one. */
static size_t bucket_of(struct interp_limits *l, const struct action *a, const struct key *k)
{
	struct bucket *b;

	for (size_t i = 0; i < l->buckets.n; i++) {
		b = &l->buckets.v[i];
		if (b->action == a->id && b->key.n == k->n &&
		    memcmp(b->key.words, k->words, k->n * sizeof(k->words[0])) == 0)
			return i;
	}
	b = vec_push(l->arena, &l->buckets);
	b->action = a->id;
	b->key = *k;
	return l->buckets.n - 1;
}

static void bucket_set(struct interp_limits *l, size_t i, ns_t least, ns_t most)
{
	struct bucket *b = &l->buckets.v[i];
	struct change *c = vec_push(l->arena, &l->changes);

	*c = (struct change){ i, b->least, b->most };
	b->least = least;
	b->most = most;
}

static ns_t later(ns_t a, ns_t b)
{
	return a > b ? a : b;
}

/* Would a bucket with this arrival time be passed at this moment? */
static bool over(ns_t arrival, uint64_t now, ns_t cost, ns_t tolerance)
{
	return later(arrival, now) + cost > now + tolerance;
}

static ns_t cost_of(const struct action *a, const struct facts *facts, ns_t *tolerance)
{
	uint64_t rate = a->param ? param_value(a->param, facts->env) : a->rate;
	ns_t cost = a->rate_type == TYPE_BITRATE ? iop_bitrate_cost(rate) : iop_rate_cost(rate);

	if (a->rate_type != TYPE_BITRATE) {
		*tolerance = cost * a->burst;
		return cost;
	}
	*tolerance = (cost * a->burst) >> 16;
	return (cost * facts->packet->ip_len) >> 16;
}

/* Something that holds for sure, may hold, or cannot. */
static bool decide(bool sure, bool possible, const struct interp_env *env, unsigned *unsure)
{
	return sure == possible ? sure : env->guess >> (*unsure)++ & 1;
}

void pace(const struct action *a, const struct facts *facts, struct outcome *out, unsigned *unsure)
{
	const struct interp_env *env = facts->env;
	struct key k = key_of(a, facts);
	ns_t tolerance, cost = cost_of(a, facts, &tolerance), least = 0, most = 0, first, last;
	size_t bucket = 0;

	if (env->limits) {
		bucket = bucket_of(env->limits, a, &k);
		least = env->limits->buckets.v[bucket].least;
		most = env->limits->buckets.v[bucket].most;
	}
	first = later(least, env->earliest);
	last = later(most, env->latest);
	if (decide(least > (ns_t)env->latest + IOP_PACE_MOST,
		   most > (ns_t)env->earliest + IOP_PACE_MOST, env, unsure)) {
		out->counts[IOP_COUNT_LATE]++;
		first = (ns_t)env->earliest + IOP_PACE_MOST;
		last = (ns_t)env->latest + IOP_PACE_MOST;
		least = first;
		most = last;
	} else if (env->limits) {
		bucket_set(env->limits, bucket, first + cost, last + cost);
	}
	if (!decide(least > later(env->latest, out->leaves_most),
		    most > later(env->earliest, out->leaves_least), env, unsure))
		return;
	out->counts[IOP_COUNT_PACED]++;
	out->leaves_least = (uint64_t)first;
	out->leaves_most = (uint64_t)last;
}

bool limit_conforms(const struct action *a, const struct facts *facts, unsigned *unsure)
{
	const struct interp_env *env = facts->env;
	struct key k = key_of(a, facts);
	ns_t tolerance, cost = cost_of(a, facts, &tolerance), least = 0, most = 0;
	bool is_over, may_be_over;
	size_t bucket = 0;

	if (env->limits) {
		bucket = bucket_of(env->limits, a, &k);
		least = env->limits->buckets.v[bucket].least;
		most = env->limits->buckets.v[bucket].most;
	}
	/* The later the packet comes, the emptier the bucket. */
	is_over = over(least, env->latest, cost, tolerance);
	may_be_over = over(most, env->earliest, cost, tolerance);
	if (is_over != may_be_over)
		is_over = env->guess >> (*unsure)++ & 1;
	if (is_over)
		return false;
	if (env->limits)
		bucket_set(env->limits, bucket, later(least, env->earliest) + cost,
			   later(most, env->latest) + cost);
	return true;
}
