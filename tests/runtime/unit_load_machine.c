/* SPDX-License-Identifier: BSD-2-Clause */
/* Pools and nearness on machines that hwloc makes up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "describe.h"
#include "machine.h"

/* 2 NUMA nodes, each with a last-level cache of 2 cores of 2 threads; thread t of core c is
 * c + 4 * t, as Linux numbers them: 0 and 4 are a core, 0 1 4 5 a node. */
#define TWO_NODES "package:1 numa:2 l3:1 l2:2 core:1 pu:2(indexes=0,4,1,5,2,6,3,7)"

struct pool_case {
	struct iop_desc_term terms[4];
	const char *cores; /* "0 1 4 5", or the message */
};

#define TERM(k, from, to) { .kind = (k), .lo = (from), .hi = (to) }

static struct iop_object *object_of(const struct iop_desc_term terms[4], const char *variable)
{
	struct describe d;
	struct iop_object *o;
	char error[256];
	size_t size;
	void *section;
	__u32 n = 0;

	describe_begin(&d, "machine");
	for (__u32 i = 0; i < 4; i++) {
		struct iop_desc_term t = terms[i];

		if (t.kind == IOP_TERM_KINDS)
			continue;
		t.place = describe_place(&d, 7, 12 + i);
		describe_row(&d, IOP_TABLE_TERMS, &t, sizeof(t));
		n++;
	}
	DESCRIBE(&d, IOP_TABLE_POOLS, pool, .name = describe_string(&d, "app"),
		 .place = describe_place(&d, 7, 6), .n_terms = n,
		 .variable = describe_string(&d, variable));
	section = describe_end(&d, &size);
	o = object_from_description(section, size, "machine", error, sizeof(error));
	if (!o)
		fail_msg("%s", error);
	free(section);
	describe_free(&d);
	return o;
}

static struct machine *open_machine(const char *synthetic)
{
	struct machine *m;

	assert_int_equal(setenv("HWLOC_SYNTHETIC", synthetic, 1), 0);
	m = machine_open(NULL);
	assert_non_null(m);
	return m;
}

static void check(const struct machine *m, const struct pool_case *c)
{
	struct iop_object *o = object_of(c->terms, "iop_pool_app");
	struct iop_report *report = iop_report_new();
	struct core_list list = { 0 };
	char got[512] = "";
	int n = 0;

	if (machine_pool(m, o, 0, &list, report)) {
		const struct iop_message *message = iop_report_message(report, 0);

		assert_int_equal(message->line, 7);
		snprintf(got, sizeof(got), "%s", message->text);
	}
	for (__u32 i = 0; i < list.n; i++)
		n += snprintf(got + n, sizeof(got) - (size_t)n, "%s%u", i ? " " : "",
			      list.cores[i]);
	assert_string_equal(got, c->cores);
	free(list.cores);
	iop_report_free(report);
	object_close(o);
}

#define NONE TERM(IOP_TERM_KINDS, 0, 0)
#define CORES(a, b) TERM(IOP_TERM_CORES, a, b)
#define NUMA(a, b) TERM(IOP_TERM_NUMA, a, b)
#define LLC(a, b) TERM(IOP_TERM_LLC, a, b)
#define EXCEPT(a, b) TERM(IOP_TERM_EXCEPT, a, b)
#define SMT_OFF TERM(IOP_TERM_SMT_OFF, 0, 0)

static void pools_on_two_nodes(void **state)
{
	static const struct pool_case cases[] = {
		{ { CORES(0, 3), NONE, NONE, NONE }, "0 1 2 3" },
		{ { CORES(6, 7), CORES(0, 0), NONE, NONE }, "0 6 7" },
		{ { NUMA(0, 0), NONE, NONE, NONE }, "0 1 4 5" },
		{ { NUMA(0, 1), NONE, NONE, NONE }, "0 1 2 3 4 5 6 7" },
		{ { LLC(1, 1), NONE, NONE, NONE }, "2 3 6 7" },
		{ { LLC(1, 1), SMT_OFF, NONE, NONE }, "2 3" },
		{ { SMT_OFF, NONE, NONE, NONE }, "0 1 2 3" },
		/* whose first thread is excepted keeps its second */
		{ { NUMA(0, 0), SMT_OFF, EXCEPT(0, 0), NONE }, "1 4" },
		{ { EXCEPT(0, 5), NONE, NONE, NONE }, "6 7" },
		{ { CORES(2, 2), NUMA(1, 1), EXCEPT(3, 3), NONE }, "2 6 7" },
		{ { CORES(1, 2), EXCEPT(0, 7), NONE, NONE },
		  "pool app has no core on this machine" },
		{ { CORES(6, 9), NONE, NONE, NONE },
		  "pool app: core 8 is not in this machine, whose last one is 7" },
		{ { CORES(0, 0xffffffff), NONE, NONE, NONE },
		  "pool app: core 8 is not in this machine, whose last one is 7" },
		{ { NUMA(1, 2), NONE, NONE, NONE },
		  "pool app: NUMA node 2 is not in this machine" },
		{ { LLC(2, 0xffffffff), NONE, NONE, NONE },
		  "pool app: last-level cache 2 is not in this machine" },
		{ { CORES(0, 1), EXCEPT(1, 0xffffffff), NONE, NONE }, "0" },
	};
	struct machine *m = open_machine(TWO_NODES);

	(void)state;
	assert_int_equal(machine_possible(m), 8);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(m, &cases[i]);
	machine_close(m);
}

static void all_faults_are_said(void **state)
{
	static const struct iop_desc_term terms[4] = { CORES(8, 8), NUMA(2, 2), LLC(5, 5), NONE };
	struct iop_object *o = object_of(terms, "iop_pool_app");
	struct machine *m = open_machine(TWO_NODES);
	struct iop_report *report = iop_report_new();
	struct core_list list = { 0 };

	(void)state;
	assert_int_equal(machine_pool(m, o, 0, &list, report), -ENOTSUP);
	assert_int_equal(iop_report_count(report), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(iop_report_message(report, i)->column, 12 + i);
	assert_int_equal(iop_report_cause(report), IOP_CAUSE_ENVIRONMENT);
	iop_report_free(report);
	machine_close(m);
	object_close(o);
}

static void a_machine_without_caches(void **state)
{
	static const struct pool_case none = {
		{ LLC(0, 0), NONE, NONE, NONE },
		"pool app: last-level cache 0 cannot be told: the machine does not say which cores "
		"share a cache"
	};
	struct machine *m = open_machine("core:2 pu:1");

	(void)state;
	check(m, &none);
	machine_close(m);
}

static void a_pool_holds_64_cores(void **state)
{
	static const struct pool_case most = { { CORES(0, 63), EXCEPT(2, 63), NONE, NONE }, "0 1" };
	static const struct pool_case all = {
		{ NUMA(0, 0), NONE, NONE, NONE },
		"pool app has 65 cores on this machine, 64 are the most"
	};
	struct machine *m = open_machine("numa:1 core:65 pu:1");

	(void)state;
	check(m, &most);
	check(m, &all);
	machine_close(m);
}

/* What is in the code needs no machine: the compiler may be elsewhere. */
static void fixed_pools_need_no_machine(void **state)
{
	static const struct iop_desc_term terms[4] = { CORES(70, 72), CORES(1, 2), EXCEPT(71, 71),
						       NONE };
	struct iop_object *o = object_of(terms, "");
	struct core_list list = { 0 };

	(void)state;
	assert_true(machine_pool_is_fixed(o, 0));
	assert_int_equal(machine_fixed_pool(o, 0, &list), 0);
	assert_int_equal(list.n, 4);
	assert_int_equal(list.cores[0], 1);
	assert_int_equal(list.cores[1], 2);
	assert_int_equal(list.cores[2], 70);
	assert_int_equal(list.cores[3], 72);
	free(list.cores);
	object_close(o);
}

/* hwloc's own format can say that a core is offline. */
static void an_offline_core_is_named(void **state)
{
	static const struct pool_case fixed = { { CORES(0, 1), NONE, NONE, NONE },
						"pool app: core 1 is offline" };
	static const struct pool_case node = { { NUMA(0, 0), NONE, NONE, NONE }, "0" };
	static const char xml[] =
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<!DOCTYPE topology SYSTEM \"hwloc2.dtd\">\n"
		"<topology version=\"2.0\">\n<object type=\"Machine\" os_index=\"0\" cpuset=\"0x1\" "
		"complete_cpuset=\"0x3\" allowed_cpuset=\"0x1\" nodeset=\"0x1\" "
		"complete_nodeset=\"0x1\" allowed_nodeset=\"0x1\" gp_index=\"1\">"
		"<object type=\"NUMANode\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x3\" "
		"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"2\" local_memory=\"1024\"/>"
		"<object type=\"Core\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
		"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"3\">"
		"<object type=\"PU\" os_index=\"0\" cpuset=\"0x1\" complete_cpuset=\"0x1\" "
		"nodeset=\"0x1\" complete_nodeset=\"0x1\" gp_index=\"4\"/></object></object>"
		"</topology>";
	char path[] = "/tmp/iop-machine.XXXXXX";
	int fd = mkstemp(path);
	struct machine *m;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, xml, sizeof(xml) - 1), sizeof(xml) - 1);
	close(fd);
	unsetenv("HWLOC_SYNTHETIC");
	assert_int_equal(setenv("HWLOC_XMLFILE", path, 1), 0);
	m = machine_open(NULL);
	unsetenv("HWLOC_XMLFILE");
	unlink(path);
	assert_non_null(m);
	assert_int_equal(machine_possible(m), 2);
	assert_false(machine_online(m, 1));
	assert_int_equal(machine_distance(m, 0, 1), MACHINE_FAR);
	check(m, &fixed);
	check(m, &node);
	machine_close(m);
}

/* --- nearness --- */

static void distances_follow_the_topology(void **state)
{
	struct machine *m = open_machine(TWO_NODES);

	(void)state;
	assert_int_equal(machine_distance(m, 3, 3), 0);
	assert_int_equal(machine_distance(m, 0, 4), 1);
	assert_true(machine_distance(m, 0, 1) > 1);
	assert_true(machine_distance(m, 0, 2) > machine_distance(m, 0, 1));
	assert_true(machine_distance(m, 0, 2) < MACHINE_FAR);
	assert_int_equal(machine_distance(m, 0, 5), machine_distance(m, 0, 1));
	assert_int_equal(machine_distance(m, 1, 4), machine_distance(m, 4, 1));
	assert_int_equal(machine_distance(m, 0, 99), MACHINE_FAR);
	machine_close(m);
}

static void near(const struct machine *m, const __u32 *places, __u32 n, const char *wanted)
{
	__u32 nearest[8];
	char got[64] = "";

	machine_nearest(m, places, n, nearest);
	for (unsigned i = 0; i < machine_possible(m); i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u", nearest[i]);
	assert_string_equal(got, wanted);
}

static void the_nearest_is_taken_and_equals_share(void **state)
{
	static const __u32 all[] = { 0, 1, 2, 3, 4, 5, 6, 7 }, ends[] = { 7, 0 }, one[] = { 5 },
			   lone[] = { 3, MACHINE_ANYWHERE },
			   anywhere[] = { MACHINE_ANYWHERE, MACHINE_ANYWHERE, MACHINE_ANYWHERE };
	struct machine *m = open_machine(TWO_NODES);

	(void)state;
	near(m, all, 8, "01234567");
	/* 0 1 4 5 are of the node of core 0, which is place 1. */
	near(m, ends, 2, "11001100");
	near(m, one, 1, "00000000");
	/* Somewhere is as far as the other node's end, and no farther than nothing. */
	near(m, lone, 2, "00000000");
	near(m, anywhere, 3, "01201201");
	near(m, NULL, 0, "00000000");
	machine_close(m);
}

/* The same cache before the same node before anything else. */
static void caches_come_before_nodes(void **state)
{
	static const __u32 three[] = { 7, 3, 1 }, two[] = { 7, 3 }, far[] = { 3, 5 };
	struct machine *m = open_machine("numa:2 l3:2 core:2 pu:1");

	(void)state;
	assert_true(machine_distance(m, 0, 1) < machine_distance(m, 0, 2));
	assert_true(machine_distance(m, 0, 2) < machine_distance(m, 0, 4));
	near(m, three, 3, "22110000");
	near(m, two, 2, "11110000");
	near(m, far, 2, "00001111");
	machine_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_on_two_nodes),
		cmocka_unit_test(all_faults_are_said),
		cmocka_unit_test(a_machine_without_caches),
		cmocka_unit_test(a_pool_holds_64_cores),
		cmocka_unit_test(fixed_pools_need_no_machine),
		cmocka_unit_test(an_offline_core_is_named),
		cmocka_unit_test(distances_follow_the_topology),
		cmocka_unit_test(the_nearest_is_taken_and_equals_share),
		cmocka_unit_test(caches_come_before_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
