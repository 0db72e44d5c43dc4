/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The description of fixture.bpf.c, and the tests that its policy carries: each kind
 * of expectation once, and all of them hold.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "describe.h"
#include "fixture.h"

enum { POOL_NET, POOL_TWO };

static void pools(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_TERMS, term, .kind = IOP_TERM_CORES,
		 .place = describe_place(d, 3, 12));
	DESCRIBE(d, IOP_TABLE_TERMS, term, .kind = IOP_TERM_NUMA,
		 .place = describe_place(d, 4, 12));
	DESCRIBE(d, IOP_TABLE_POOLS, pool, .name = describe_string(d, "net"),
		 .place = describe_place(d, 3, 6), .first_term = 0, .n_terms = 1, .steered = 1);
	DESCRIBE(d, IOP_TABLE_POOLS, pool, .name = describe_string(d, "two"),
		 .place = describe_place(d, 4, 6), .first_term = 1, .n_terms = 1, .steered = 1,
		 .variable = describe_string(d, "iop_pool_two"));
}

static void params(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_PARAMS, param, .name = describe_string(d, "every"),
		 .place = describe_place(d, 6, 7), .type = IOP_PARAM_NUMBER,
		 .variable = describe_string(d, "iop_param_every"), .value = 10, .min = 1,
		 .max = 1000);
	DESCRIBE(d, IOP_TABLE_PARAMS, param, .name = describe_string(d, "pace"),
		 .place = describe_place(d, 7, 7), .type = IOP_PARAM_RATE,
		 .variable = describe_string(d, "iop_param_pace"), .value = 1000, .min = 1,
		 .max = 1000000000);
}

static void workload(struct describe *d)
{
	static const char *const names[FIXTURE_CLASSES] = { "first", "steered", "rest" };

	for (__u32 i = 0; i < FIXTURE_CLASSES; i++)
		DESCRIBE(d, IOP_TABLE_CLASSES, class, .name = describe_string(d, names[i]),
			 .place = describe_place(d, 12 + i, 8), .workload = 0, .rank = i);
	DESCRIBE(d, IOP_TABLE_RANGES, range, FIXTURE_PORT, FIXTURE_PORT);
	DESCRIBE(d, IOP_TABLE_MATCHES, match, .place = describe_place(d, 10, 10),
		 .protocol = IPPROTO_UDP, .first_port = 0, .n_ports = 1);
	DESCRIBE(d, IOP_TABLE_OWNERS, owner, .kind = IOP_OWNER_COMM,
		 .text = describe_string(d, "iop-echo"), .place = describe_place(d, 11, 10));
	DESCRIBE(d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(d, "echo"),
		 .place = describe_place(d, 9, 10), .n_classes = FIXTURE_CLASSES, .n_matches = 1,
		 .n_owners = 1, .hooks = 1u << IOP_HOOK_SOCKET | 1u << IOP_HOOK_RX);
}

static void stages(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_STAGES, stage, .hook = IOP_HOOK_SOCKET,
		 .program = describe_string(d, "iop_socket"), .place = describe_place(d, 24, 11));
	DESCRIBE(d, IOP_TABLE_STAGES, stage, .hook = IOP_HOOK_RX,
		 .program = describe_string(d, "iop_rx"), .place = describe_place(d, 17, 11));
}

static void map(struct describe *d, const char *name, enum iop_map_role role,
		enum iop_map_scope scope, __u32 pool)
{
	DESCRIBE(d, IOP_TABLE_MAPS, map, .name = describe_string(d, name), .role = role,
		 .scope = scope, .pool = pool, .workers_kind = IOP_WORKERS_ALL,
		 .place = describe_place(d, 9, 10));
}

static void maps(struct describe *d)
{
	__u32 low = DESCRIBE(d, IOP_TABLE_RANGES, range, 0, 1);

	map(d, "iop_count_rx", IOP_MAP_COUNT_RX, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, "iop_count_socket", IOP_MAP_COUNT_SOCKET, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, "iop_path", IOP_MAP_PATH, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, "iop_cpus", IOP_MAP_CPUS, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, "iop_workers", IOP_MAP_WORKERS, IOP_SCOPE_GROUP, IOP_NONE);
	map(d, ".data.group", IOP_MAP_GROUP, IOP_SCOPE_GROUP, IOP_NONE);
	map(d, "iop_near_core_two", IOP_MAP_NEAR_CORE, IOP_SCOPE_POLICY, POOL_TWO);
	DESCRIBE(d, IOP_TABLE_MAPS, map, .name = describe_string(d, "iop_near_worker_0"),
		 .role = IOP_MAP_NEAR_WORKER, .scope = IOP_SCOPE_GROUP, .pool = IOP_NONE,
		 .workers_kind = IOP_WORKERS_LIST, .first_range = low, .n_ranges = 1,
		 .place = describe_place(d, 26, 20));
	map(d, "iop_turns", IOP_MAP_TURNS, IOP_SCOPE_GROUP, IOP_NONE);
	map(d, "iop_worker_rows", IOP_MAP_WORKER_ROWS, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, "iop_worker_of", IOP_MAP_WORKER_OF, IOP_SCOPE_POLICY, IOP_NONE);
	map(d, ".rodata", IOP_MAP_RODATA, IOP_SCOPE_POLICY, IOP_NONE);
}

static void socket_target(struct describe *d, enum fixture_class class, __u32 line,
			  enum iop_workers_kind kind, __u32 lo, __u32 hi, __u32 n)
{
	__u32 range = DESCRIBE(d, IOP_TABLE_RANGES, range, lo, hi);

	DESCRIBE(d, IOP_TABLE_TARGETS, target, .class = class, .hook = IOP_HOOK_SOCKET,
		 .first = IOP_COUNT_TARGETS, .n = FIXTURE_WORKERS, .pool = IOP_NONE,
		 .stack = IOP_NONE,
		 .workers_kind = kind, .first_range = range, .n_ranges = kind == IOP_WORKERS_LIST,
		 .workers_n = n, .place = describe_place(d, line, 16));
}

static void targets(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_TARGETS, target, .class = FIXTURE_STEERED, .hook = IOP_HOOK_RX,
		 .first = IOP_COUNT_TARGETS, .n = 1, .pool = POOL_NET, .stack = IOP_NONE,
		 .place = describe_place(d, 19, 20));
	DESCRIBE(d, IOP_TABLE_TARGETS, target, .class = FIXTURE_STEERED, .hook = IOP_HOOK_RX,
		 .first = IOP_COUNT_TARGETS + 1, .n = IOP_POOL_CORES, .pool = POOL_TWO,
		 .stack = IOP_NONE,
		 .place = describe_place(d, 20, 20));
	socket_target(d, FIXTURE_FIRST, 25, IOP_WORKERS_LIST, 1, 1, 0);
	socket_target(d, FIXTURE_STEERED, 26, IOP_WORKERS_LIST, 0, 1, 0);
	socket_target(d, FIXTURE_REST, 27, IOP_WORKERS_LAST, 0, 0, 2);
}

static void features(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_FEATURES, feature, .feature = IOP_FEATURE_REUSEPORT,
		 .since = 4 << 16 | 19,
		 .what = describe_string(d, "BPF picks a socket (sk_reuseport)"),
		 .why = describe_string(d, "the socket stage of echo"),
		 .place = describe_place(d, 24, 5));
	DESCRIBE(d, IOP_TABLE_FEATURES, feature, .feature = IOP_FEATURE_XDP_LINK,
		 .since = 5 << 16 | 9, .what = describe_string(d, "XDP attached by a link"),
		 .why = describe_string(d, "the rx stage of echo"),
		 .place = describe_place(d, 17, 5));
	DESCRIBE(d, IOP_TABLE_FEATURES, feature, .feature = IOP_FEATURE_CPUMAP,
		 .since = 4 << 16 | 15, .what = describe_string(d, "XDP to another core (cpumap)"),
		 .why = describe_string(d, "steered -> steer to net"),
		 .place = describe_place(d, 19, 20));
}

/* --- the policy's tests --- */

/* Steps of the test that is being described. */
struct steps {
	struct describe *d;
	__u32 first, line;
};

static struct steps test_begin(struct describe *d, __u32 line)
{
	__u32 n = (__u32)(d->tables[IOP_TABLE_STEPS].size / d->row_size[IOP_TABLE_STEPS]);

	return (struct steps){ d, n, line };
}

static void packet(struct steps *s, const char *from, const char *to, __u16 port,
		   const char *payload)
{
	unsigned char frame[2048];
	size_t size = describe_frame(frame, from, 4000, to, port, payload, strlen(payload));

	DESCRIBE(s->d, IOP_TABLE_STEPS, step, .kind = IOP_STEP_PACKET,
		 .place = describe_place(s->d, ++s->line, 5),
		 .blob = describe_blob(s->d, frame, size), .n_blob = (__u32)size);
}

static void expect(struct steps *s, enum iop_step_kind kind, __u32 a)
{
	DESCRIBE(s->d, IOP_TABLE_STEPS, step, .kind = kind,
		 .place = describe_place(s->d, ++s->line, 5), .a = a);
}

static void expect_workers(struct steps *s, __u32 lo, __u32 hi)
{
	__u32 range = DESCRIBE(s->d, IOP_TABLE_RANGES, range, lo, hi);

	DESCRIBE(s->d, IOP_TABLE_STEPS, step, .kind = IOP_EXPECT_SOCKET_WORKERS,
		 .place = describe_place(s->d, ++s->line, 5), .first_range = range, .n_ranges = 1);
}

static void test_end(const struct steps *s, const char *name)
{
	struct describe *d = s->d;
	__u32 n = (__u32)(d->tables[IOP_TABLE_STEPS].size / d->row_size[IOP_TABLE_STEPS]);

	DESCRIBE(d, IOP_TABLE_TESTS, test, .name = describe_string(d, name),
		 .place = describe_place(d, s->line, 1), .first_step = s->first,
		 .n_steps = n - s->first);
}

static void tests(struct describe *d)
{
	struct steps s = test_begin(d, 30);

	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "first");
	expect(&s, IOP_EXPECT_WORKLOAD, 0);
	expect(&s, IOP_EXPECT_CLASS, FIXTURE_FIRST);
	expect(&s, IOP_EXPECT_RX_PASS, 0);
	expect_workers(&s, 1, 1);
	test_end(&s, "the first class passes and meets worker 1");

	s = test_begin(d, 40);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "steer");
	expect(&s, IOP_EXPECT_CLASS, FIXTURE_STEERED);
	expect(&s, IOP_EXPECT_RX_STEER, POOL_NET);
	expect(&s, IOP_EXPECT_RX_CORE, 0);
	expect_workers(&s, 0, 1);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "two");
	expect(&s, IOP_EXPECT_RX_STEER, POOL_TWO);
	test_end(&s, "steering reaches both pools");

	s = test_begin(d, 50);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "drop");
	expect(&s, IOP_EXPECT_RX_DROP, 0);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "x");
	expect(&s, IOP_EXPECT_RX_PASS, 0);
	expect(&s, IOP_EXPECT_SOCKET_DROP, 0);
	test_end(&s, "dropped by the driver, dropped at the socket");

	s = test_begin(d, 60);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "a");
	expect(&s, IOP_EXPECT_CLASS, FIXTURE_REST);
	expect_workers(&s, 1, 2);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "b");
	expect_workers(&s, 1, 2);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "elsewhere");
	expect(&s, IOP_EXPECT_SOCKET_PASS, 0);
	test_end(&s, "the rest goes to the last two, and no farther");

	s = test_begin(d, 70);
	packet(&s, "fd00::2", "fd00::1", FIXTURE_PORT, "first");
	expect(&s, IOP_EXPECT_CLASS, FIXTURE_FIRST);
	expect_workers(&s, 1, 1);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT + 1, "first");
	expect(&s, IOP_EXPECT_WORKLOAD, IOP_NONE);
	expect(&s, IOP_EXPECT_CLASS, IOP_NONE);
	expect(&s, IOP_EXPECT_RX_PASS, 0);
	expect(&s, IOP_EXPECT_SOCKET_PASS, 0);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "");
	expect(&s, IOP_EXPECT_WORKLOAD, 0);
	expect(&s, IOP_EXPECT_CLASS, IOP_NONE);
	expect(&s, IOP_EXPECT_SOCKET_PASS, 0);
	test_end(&s, "IPv6 is ours, another port is not, nothing is of no class");

	s = test_begin(d, 90);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "limited");
	expect(&s, IOP_EXPECT_RX_PASS, 0);
	packet(&s, "10.0.0.2", "10.0.0.1", FIXTURE_PORT, "limited");
	expect(&s, IOP_EXPECT_RX_DROP, 0);
	test_end(&s, "each test begins afresh");
}

void describe_fixture(struct describe *d)
{
	describe_begin(d, "fixture");
	pools(d);
	params(d);
	workload(d);
	stages(d);
	maps(d);
	targets(d);
	features(d);
	tests(d);
}
