/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From workload to verdict: matches, classes, rules, limits, selectors, and the
 * run of a policy's own tests.
 */
#include "interp_kit.h"

#include <stdlib.h>

#include "base/arena.h"

/*
 * One workload on port 53 from 10.0.0.0/8 or fd00::/8, a class for each first
 * letter: a, b; the others are of no class.
 */
static const struct bytes a_text = { (const uint8_t *)"a", 1 },
			  b_text = { (const uint8_t *)"b", 1 };
static const struct cond is_a = {
	.kind = COND_STARTS, .field = FIELD(PAYLOAD), .strings = &a_text, .n = 1
};
static const struct cond is_b = {
	.kind = COND_STARTS, .field = FIELD(PAYLOAD), .strings = &b_text, .n = 1
};

struct world {
	struct range ports;
	struct prefix from[2];
	struct match match;
	struct class classes[2];
	const struct action *rx_actions[3], *socket_actions[1];
	struct rule rx_rules[2], socket_rule;
	struct stage rx, socket;
	struct workload workload;
	struct workload *workloads[1];
	struct policy policy;
	uint32_t workers[1];
	struct interp_env env;
	struct arena *arena;
};

static void world_open(struct world *w)
{
	*w = (struct world){
		.ports = { 53, 53 },
		.from = { { .addr = { 10 }, .family = 4, .len = 8 },
			  { .addr = { 0xfd }, .family = 6, .len = 8 } },
		.classes = { { .id = 0, .gid = 0, .name = "a", .when = &is_a },
			     { .id = 1, .gid = 1, .name = "b", .when = &is_b } },
		.workers = { 4 },
		.arena = arena_new(),
	};
	w->match = (struct match){
		.proto = PROTO_UDP, .ports = &w->ports, .n_ports = 1, .from = w->from, .n_from = 2
	};
	w->rx_rules[0] = (struct rule){ .classes = 1, .actions = w->rx_actions, .n_actions = 1 };
	w->socket_rule =
		(struct rule){ .classes = 3, .actions = w->socket_actions, .n_actions = 1 };
	w->rx = (struct stage){ .kind = STAGE_RX, .rules = w->rx_rules };
	w->socket = (struct stage){ .kind = STAGE_SOCKET, .rules = &w->socket_rule };
	w->workload = (struct workload){ .name = "letters",
					 .matches = &w->match,
					 .n_matches = 1,
					 .classes = w->classes,
					 .n_classes = 2 };
	w->workload.stages[STAGE_RX] = &w->rx;
	w->workload.stages[STAGE_SOCKET] = &w->socket;
	w->workloads[0] = &w->workload;
	w->policy = (struct policy){ .workloads = w->workloads, .n_workloads = 1, .n_classes = 2 };
	w->env =
		(struct interp_env){ .workers = w->workers, .limits = interp_limits_new(w->arena) };
}

static void world_close(struct world *w)
{
	arena_free(w->arena);
}

static struct decision decide(struct world *w, const struct frame_spec *spec)
{
	struct frame f;
	struct decision d;

	frame_build(spec, &f);
	interp_decide(&w->policy, f.bytes, f.len, &w->env, &d);
	return d;
}

static struct decision decide_text(struct world *w, const char *payload)
{
	struct frame_spec spec = datagram(payload, strlen(payload));

	return decide(w, &spec);
}

static void set_rx(struct world *w, const struct action *a)
{
	w->rx_actions[0] = a;
	w->rx.n_rules = 1;
}

static void set_socket(struct world *w, const struct action *a)
{
	w->socket_actions[0] = a;
	w->socket.n_rules = 1;
}

/* --- workload and class --- */

static void matches(void **state)
{
	struct world w;
	struct frame_spec spec = datagram("a", 1);

	(void)state;
	world_open(&w);
	assert_int_equal(decide(&w, &spec).class, 0);
	assert_int_equal(decide_text(&w, "b").class, 1);
	assert_int_equal(decide_text(&w, "c").workload, 0);
	assert_int_equal(decide_text(&w, "c").class, INTERP_NONE);
	assert_int_equal(decide_text(&w, "").class, INTERP_NONE);

	spec.dport = 54;
	assert_int_equal(decide(&w, &spec).workload, INTERP_NONE);
	spec.dport = 53;
	spec.src[0] = 11;
	assert_int_equal(decide(&w, &spec).workload, INTERP_NONE);
	spec = datagram6("a", 1);
	assert_int_equal(decide(&w, &spec).class, 0);
	spec.src[0] = 0xfe;
	assert_int_equal(decide(&w, &spec).workload, INTERP_NONE);
	spec.dst[0] = 0xfd; /* `from` is not `to` */
	assert_int_equal(decide(&w, &spec).workload, INTERP_NONE);

	w.match.n_ports = 0;
	w.match.to = w.from;
	w.match.n_to = 1;
	w.match.n_from = 0;
	spec = datagram("b", 1);
	spec.dport = 1;
	spec.src[0] = 99;
	assert_int_equal(decide(&w, &spec).class, 1);
	spec.dst[0] = 99;
	assert_int_equal(decide(&w, &spec).workload, INTERP_NONE);
	world_close(&w);
}

/* Neither a condition that is unknown nor its negation makes a class. */
static void unknown_is_no_class(void **state)
{
	static const struct value hops = { .kind = VALUE_FIELD, .field = FIELD(IP6_HOPS) };
	static const struct value zero = { .kind = VALUE_CONST };
	const struct cond c = { .kind = COND_EQ, .lhs = &hops, .rhs = &zero };
	const struct cond not = { .kind = COND_NOT, .a = &c };
	struct world w;

	(void)state;
	world_open(&w);
	w.classes[0].when = &c;
	w.classes[1].when = &not;
	assert_int_equal(decide_text(&w, "a").workload, 0);
	assert_int_equal(decide_text(&w, "a").class, INTERP_NONE);
	w.classes[1].when = NULL; /* takes the rest */
	assert_int_equal(decide_text(&w, "a").class, 1);
	world_close(&w);
}

static void order_of_actions(void **state)
{
	static const struct action count = { .kind = ACTION_COUNT };
	static const struct action drop = { .kind = ACTION_DROP };
	static const struct action pass = { .kind = ACTION_PASS };
	const struct action *const ending[] = { &drop, &pass };
	struct world w;
	struct decision d;

	(void)state;
	world_open(&w);
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_null(d.rx.by);
	assert_int_equal(d.rx.counts[IOP_COUNT_SEEN], 1);
	assert_int_equal(d.rx.counts[IOP_COUNT_PASSED], 1);

	/* a -> count, count; all -> drop, pass; */
	w.rx_actions[0] = w.rx_actions[1] = &count;
	w.rx_rules[0].n_actions = 2;
	w.rx_rules[1] = (struct rule){ .classes = 3, .actions = ending, .n_actions = 2 };
	w.rx.n_rules = 2;
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_DROP);
	assert_ptr_equal(d.rx.by, &drop);
	assert_int_equal(d.rx.counts[IOP_COUNT_COUNTED], 2);
	assert_int_equal(d.rx.counts[IOP_COUNT_DROPPED], 1);
	assert_int_equal(d.rx.counts[IOP_COUNT_PASSED], 0);
	assert_int_equal(d.socket.counts[IOP_COUNT_SEEN], 0); /* it never gets there */
	assert_int_equal(decide_text(&w, "b").rx.counts[IOP_COUNT_COUNTED], 0);
	assert_int_equal(decide_text(&w, "b").rx.verdict, VERDICT_DROP);

	/* No rule concerns what has no class. */
	d = decide_text(&w, "c");
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_int_equal(d.rx.counts[IOP_COUNT_SEEN], 0);
	world_close(&w);
}

/* --- limits --- */

static void limit_of_requests(void **state)
{
	const struct action limit = {
		.kind = ACTION_LIMIT, .rate_type = TYPE_RATE, .rate = 1000, .burst = 3
	};
	struct world w;
	uint64_t *now[2] = { &w.env.earliest, &w.env.latest };

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	*now[0] = *now[1] = 5000000000;
	for (int i = 0; i < 3; i++)
		assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	assert_int_equal(decide_text(&w, "a").rx.counts[IOP_COUNT_LIMITED], 1);
	assert_int_equal(decide_text(&w, "b").rx.verdict, VERDICT_PASS); /* not concerned */

	*now[0] = *now[1] += 999999;
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	*now[0] = *now[1] += 1;
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	*now[0] = *now[1] += 1000000000; /* a long rest gives the burst, and no more */
	for (int i = 0; i < 3; i++)
		assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	world_close(&w);
}

static void limit_of_bits(void **state)
{
	/* 1 Mbit/s: 8 us a byte. "a" is 29 bytes from the IP header on. */
	const struct action limit = {
		.kind = ACTION_LIMIT, .rate_type = TYPE_BITRATE, .rate = 1000000, .burst = 60
	};
	struct world w;
	struct frame_spec spec = datagram("a", 1);

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	spec.padding = 20; /* does not cost */
	assert_int_equal(decide(&w, &spec).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &spec).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &spec).rx.verdict, VERDICT_DROP);
	w.env.earliest = w.env.latest = 26 * 8000;
	assert_int_equal(decide(&w, &spec).rx.verdict, VERDICT_DROP);
	w.env.earliest = w.env.latest = 27 * 8000; /* 60 - 2 * 29 are left */
	assert_int_equal(decide(&w, &spec).rx.verdict, VERDICT_PASS);

	/* More than the burst never conforms. */
	w.env.earliest = w.env.latest = 1000000000;
	assert_int_equal(decide_text(&w, "a234567890123456789012345678901").rx.verdict,
			 VERDICT_PASS);
	w.env.earliest = w.env.latest = 2000000000;
	assert_int_equal(decide_text(&w, "a2345678901234567890123456789012x").rx.verdict,
			 VERDICT_DROP);
	world_close(&w);
}

static void limit_per_key(void **state)
{
	struct field_ref src = FIELD(IP_SRC);
	struct action limit = {
		.kind = ACTION_LIMIT, .rate_type = TYPE_RATE, .rate = 1, .burst = 1, .per = &src
	};
	struct world w;
	struct frame_spec one = datagram("a", 1), two = datagram("a", 1), six = datagram6("a", 1);

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	two.src[3] = 77;
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &two).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &six).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_DROP);
	assert_int_equal(decide(&w, &two).rx.verdict, VERDICT_DROP);
	assert_int_equal(decide(&w, &six).rx.verdict, VERDICT_DROP);
	one.sport++;
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_DROP);

	limit.id = 1; /* buckets are an action's own */
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_DROP);

	limit.per = NULL;
	limit.per_flow = true;
	limit.id = 2;
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_PASS);
	one.sport++;
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_DROP);

	/* All packets that lack the field share a bucket. */
	src.field = FIELD_IP6_FLOW;
	limit.per = &src;
	limit.per_flow = false;
	limit.id = 3;
	assert_int_equal(decide(&w, &one).rx.verdict, VERDICT_PASS);
	assert_int_equal(decide(&w, &two).rx.verdict, VERDICT_DROP);
	assert_int_equal(decide(&w, &six).rx.verdict, VERDICT_PASS);
	world_close(&w);
}

static void limit_else(void **state)
{
	static const struct action count = { .kind = ACTION_COUNT };
	static const struct action pass = { .kind = ACTION_PASS };
	static const struct action drop = { .kind = ACTION_DROP };
	struct action limit = { .kind = ACTION_LIMIT,
				.rate_type = TYPE_RATE,
				.rate = 1,
				.burst = 1,
				.otherwise = &pass };
	struct world w;
	struct decision d;

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	w.rx_actions[1] = &drop;
	w.rx_rules[0].n_actions = 2;
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP); /* conforms, goes on */
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_int_equal(d.rx.counts[IOP_COUNT_OVER], 1);
	assert_int_equal(d.rx.counts[IOP_COUNT_PASSED], 1);
	limit.otherwise = &count; /* does not end, so the rule goes on */
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_DROP);
	assert_int_equal(d.rx.counts[IOP_COUNT_OVER], 1);
	assert_int_equal(d.rx.counts[IOP_COUNT_COUNTED], 1);
	assert_int_equal(d.rx.counts[IOP_COUNT_DROPPED], 1);
	world_close(&w);
}

static void limit_by_param(void **state)
{
	const struct param rate = { .id = 0, .type = TYPE_RATE, .value = 1 };
	const struct action limit = {
		.kind = ACTION_LIMIT, .rate_type = TYPE_RATE, .param = &rate, .burst = 1
	};
	const uint64_t set[] = { 1000000000 };
	struct world w;

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	w.env.earliest = w.env.latest = 1;
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	interp_limits_undo(w.env.limits); /* nothing was taken */
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);

	w.env.params = set;
	w.env.limits = interp_limits_new(w.arena);
	for (int i = 0; i < 5; i++) {
		w.env.earliest = w.env.latest = (uint64_t)i;
		assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	}
	world_close(&w);
}

/* Where the moment decides, the guess does; a wrong guess can be taken back. */
static void limit_unsure(void **state)
{
	const struct action limit = {
		.kind = ACTION_LIMIT, .rate_type = TYPE_RATE, .rate = 1000000, .burst = 1
	};
	struct world w;
	struct decision d;

	(void)state;
	world_open(&w);
	set_rx(&w, &limit);
	w.env.earliest = 10000;
	w.env.latest = 10400;
	d = decide_text(&w, "a");
	assert_int_equal(d.unsure, 0);
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	w.env.earliest = 10900;
	w.env.latest = 11100;
	w.env.guess = 1;
	d = decide_text(&w, "a");
	assert_int_equal(d.unsure, 1);
	assert_int_equal(d.rx.verdict, VERDICT_DROP);
	w.env.guess = 0;
	d = decide_text(&w, "a");
	assert_int_equal(d.unsure, 1);
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	d = decide_text(&w, "a");
	assert_int_equal(d.unsure, 0); /* used up at one moment or the other */
	assert_int_equal(d.rx.verdict, VERDICT_DROP);

	w.env.earliest = w.env.latest = 20000;
	decide_text(&w, "a");
	interp_limits_undo(w.env.limits);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_PASS);
	assert_int_equal(decide_text(&w, "a").rx.verdict, VERDICT_DROP);
	world_close(&w);
}

/* --- selectors --- */

static uint32_t hash_of(const struct field_ref *keys, unsigned n, bool flow, const void *payload,
			size_t len)
{
	struct frame_spec spec = datagram(payload, len);
	struct key k = { .n = 0 };
	struct scene s;

	scene_open(&s, &spec, NULL);
	if (flow)
		key_add_flow(&k, &s.packet);
	for (unsigned i = 0; i < n; i++)
		key_add_field(&k, &keys[i], &s.facts);
	scene_close(&s);
	return key_hash(&k);
}

/* Numbers of a second implementation of abi/hash.h's words. */
static void hashes(void **state)
{
	const struct field_ref port = FIELD(UDP_DPORT), payload = FIELD(PAYLOAD),
			       absent = FIELD(IP6_FLOW);
	const struct field_ref both[] = { port, payload };
	struct frame_spec six = datagram6("", 0);
	struct key k = { .n = 0 };
	struct scene s;
	char xs[100];

	(void)state;
	memset(xs, 'x', sizeof(xs));
	assert_int_equal(hash_of(NULL, 0, true, "", 0), 0x41e673be);
	assert_int_equal(hash_of(&payload, 1, false, "hello world", 11), 0x9974e110);
	assert_int_equal(hash_of(&payload, 1, false, "", 0), 0xc1b2082a);
	assert_int_equal(hash_of(&payload, 1, false, xs, 100), 0x9dc4289b);
	assert_int_equal(hash_of(&payload, 1, false, xs, 64), 0x9dc4289b);
	assert_int_equal(hash_of(&absent, 1, false, "", 0), 0x7b707dd4);
	assert_int_equal(hash_of(&port, 1, false, "", 0), 0xa0d555ca);
	assert_int_equal(hash_of(both, 2, true, "hello world", 11), 0x5efb9088);

	scene_open(&s, &six, NULL);
	key_add_flow(&k, &s.packet);
	scene_close(&s);
	assert_int_equal(key_hash(&k), 0xbfa3122f);
}

static void steering(void **state)
{
	uint16_t cores[] = { 2, 5, 9 };
	struct pool pool = { .fixed = true, .cores = cores, .n_cores = 3 };
	struct action steer = { .kind = ACTION_STEER,
				.pool = &pool,
				.selector = { .kind = SELECTOR_HASH, .flow = true } };
	struct interp_pool known = { .cores = cores, .n = 2 };
	struct targets there = { .any = false };
	struct world w;
	struct decision d;

	(void)state;
	world_open(&w);
	set_rx(&w, &steer);
	d = decide_text(&w, "a"); /* 0x41e673be of 3 is the first */
	assert_int_equal(d.rx.verdict, VERDICT_STEER);
	assert_int_equal(targets_count(&d.rx.targets), 1);
	assert_true(targets_has(&d.rx.targets, 2));
	assert_int_equal(d.rx.counts[IOP_COUNT_STEERED], 1);

	targets_add(&there, 5);
	w.env.cores = &there;
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_int_equal(d.rx.counts[IOP_COUNT_FALLBACK], 1);
	steer.selector.kind = SELECTOR_RANDOM;
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_STEER);
	assert_true(d.rx.may_pass);
	assert_int_equal(targets_count(&d.rx.targets), 1);

	w.env.cores = NULL;
	d = decide_text(&w, "a");
	assert_false(d.rx.may_pass);
	assert_int_equal(targets_count(&d.rx.targets), 3);

	pool.fixed = false;
	d = decide_text(&w, "a");
	assert_true(targets_has(&d.rx.targets, 700)); /* nobody knows */
	w.env.pools = &known;
	d = decide_text(&w, "a");
	assert_int_equal(targets_count(&d.rx.targets), 2);
	known.n = 0;
	steer.selector.kind = SELECTOR_HASH;
	d = decide_text(&w, "a");
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_int_equal(d.rx.counts[IOP_COUNT_FALLBACK], 1);
	world_close(&w);
}

/* The workers that come out of a set when there are `n`, as bits; bit 31: may pass. */
static uint32_t workers_of(struct world *w, struct action *a, uint32_t n)
{
	struct decision d;
	uint32_t bits = 0;

	w->workers[0] = n;
	set_socket(w, a);
	d = decide_text(w, "a");
	for (uint32_t i = 0; i < 31; i++)
		bits |= (uint32_t)targets_has(&d.socket.targets, i) << i;
	assert_int_equal(d.socket.verdict, bits ? VERDICT_WORKER : VERDICT_PASS);
	assert_int_equal(d.socket.counts[IOP_COUNT_FALLBACK], !bits);
	return bits | (uint32_t)d.socket.may_pass << 31;
}

static void worker_sets(void **state)
{
	struct range ranges[] = { { 5, 6 }, { 0, 1 } };
	struct action a = {
		.kind = ACTION_WORKERS,
		.selector = { .kind = SELECTOR_ROUND_ROBIN },
		.workers = { .kind = WORKERS_LIST, .ranges = ranges, .n_ranges = 2, .n = 4 }
	};
	struct field_ref payload = FIELD(PAYLOAD);
	struct world w;

	(void)state;
	world_open(&w);
	assert_int_equal(workers_of(&w, &a, 8), 0x63);
	assert_int_equal(workers_of(&w, &a, 6), 0x80000023);
	assert_int_equal(workers_of(&w, &a, 0), 0);
	a.workers.kind = WORKERS_ALL;
	assert_int_equal(workers_of(&w, &a, 3), 7);
	a.workers.kind = WORKERS_LAST;
	a.workers.n = 2;
	assert_int_equal(workers_of(&w, &a, 5), 0x18);
	assert_int_equal(workers_of(&w, &a, 2), 3);
	assert_int_equal(workers_of(&w, &a, 1), 1);
	assert_int_equal(workers_of(&w, &a, 0), 0);
	a.workers.kind = WORKERS_ALL_BUT_LAST;
	assert_int_equal(workers_of(&w, &a, 5), 7);
	assert_int_equal(workers_of(&w, &a, 3), 1);
	assert_int_equal(workers_of(&w, &a, 2), 3); /* none would be left: all */
	assert_int_equal(workers_of(&w, &a, 1), 1);

	/* hash("a") of the list in its written order */
	a.selector = (struct selector){ .kind = SELECTOR_HASH, .keys = &payload, .n_keys = 1 };
	a.workers.kind = WORKERS_LIST;
	a.workers.n = 4;
	{
		uint32_t i = (uint32_t)((uint64_t)hash_of(&payload, 1, false, "a", 1) * 4 >> 32);
		static const uint32_t flat[] = { 5, 6, 0, 1 };

		assert_int_equal(workers_of(&w, &a, 8), 1u << flat[i]);
	}

	a = (struct action){ .kind = ACTION_WORKER,
			     .workers = { .ranges = ranges, .n_ranges = 1, .n = 1 } };
	ranges[0] = (struct range){ 3, 3 };
	assert_int_equal(workers_of(&w, &a, 4), 8);
	assert_int_equal(workers_of(&w, &a, 3), 0);
	world_close(&w);
}

static void fragments_at_the_socket(void **state)
{
	const struct action drop = { .kind = ACTION_DROP };
	struct frame_spec spec = datagram("a", 1);
	struct world w;
	struct decision d;

	(void)state;
	world_open(&w);
	set_rx(&w, &drop);
	set_socket(&w, &drop);
	spec.fragment = 0x2000;
	d = decide(&w, &spec);
	assert_int_equal(d.workload, INTERP_NONE);
	assert_int_equal(d.socket.verdict, VERDICT_PASS);
	w.env.reassembled = true;
	d = decide(&w, &spec);
	assert_int_equal(d.rx.verdict, VERDICT_PASS);
	assert_int_equal(d.rx.counts[IOP_COUNT_SEEN], 0);
	assert_int_equal(d.socket.verdict, VERDICT_DROP);
	world_close(&w);
}

/* --- the policy's own tests --- */

static void own_tests(void **state)
{
	static const char source[] = "line one\n  expect class b;\n  expect rx drop;\n";
	static const char expected[] =
		"ok right\n"
		"FAIL wrong: p.iop:2: expected class b, got class a\n"
		"     p.iop:3: expected rx drop, got rx pass\n"
		"     p.iop:3: expected socket workers 0,2-3, got socket workers 0-1,5-6\n"
		"1 passed, 1 failed\n";
	struct range ranges[] = { { 5, 6 }, { 0, 1 } }, wanted[] = { { 0, 0 }, { 2, 3 } };
	struct range wide[] = { { 0, 3 }, { 5, 7 } };
	const struct action all = { .kind = ACTION_WORKERS,
				    .selector = { .kind = SELECTOR_RANDOM },
				    .workers = { .ranges = ranges, .n_ranges = 2, .n = 4 } };
	struct frame_spec spec = datagram("a", 1);
	struct frame f;
	struct world w;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct source_set *sources;

	(void)state;
	frame_build(&spec, &f);
	world_open(&w);
	set_socket(&w, &all);
	sources = source_set_new(w.arena);
	assert_non_null(source_add(sources, "p.iop", "p.iop", source, sizeof(source) - 1));
	{
		uint32_t base = source_at(sources, 0)->base;
		struct span two = { base + 11, base + 12 }, three = { base + 28, base + 29 };
		struct test_step packet = { .is_packet = true,
					    .packet = f.bytes,
					    .len = (uint32_t)f.len };
		struct test_step right[] = {
			packet,
			{ .expect = { .kind = EXPECT_CLASS, .class = 0 } },
			{ .expect = { .kind = EXPECT_RX_PASS } },
			{ .expect = { .kind = EXPECT_WORKERS, .numbers = wide, .n_numbers = 2 } },
		};
		struct test_step wrong[] = {
			packet,
			{ .at = two, .expect = { .kind = EXPECT_CLASS, .class = 1 } },
			{ .at = three, .expect = { .kind = EXPECT_RX_DROP } },
			{ .at = three,
			  .expect = { .kind = EXPECT_WORKERS, .numbers = wanted, .n_numbers = 2 } },
		};
		struct test tests[] = { { .name = "right", .steps = right, .n_steps = 4 },
					{ .name = "wrong", .steps = wrong, .n_steps = 4 } };

		w.policy.sources = sources;
		w.policy.tests = tests;
		w.policy.n_tests = 2;
		assert_int_equal(interp_tests(&w.policy, out), 1);
	}
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches),
		cmocka_unit_test(unknown_is_no_class),
		cmocka_unit_test(order_of_actions),
		cmocka_unit_test(limit_of_requests),
		cmocka_unit_test(limit_of_bits),
		cmocka_unit_test(limit_per_key),
		cmocka_unit_test(limit_else),
		cmocka_unit_test(limit_by_param),
		cmocka_unit_test(limit_unsure),
		cmocka_unit_test(hashes),
		cmocka_unit_test(steering),
		cmocka_unit_test(worker_sets),
		cmocka_unit_test(fragments_at_the_socket),
		cmocka_unit_test(own_tests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
