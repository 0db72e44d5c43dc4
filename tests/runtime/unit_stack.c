// SPDX-License-Identifier: BSD-2-Clause
// Which cores a stack stage has, where flows belong, and which row is whose queue's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "stack.h"

/* --- cores --- */

/* Guarantees lie side by side; what is behind them is for all, each beginning elsewhere. */
static void guarantees_are_apart(void **state)
{
	__u32 n = 8, guaranteed = 3;

	(void)state;
	/* 1..6 of the first stage, 2..7 of the second one */
	assert_int_equal(iop_stack_place(n, guaranteed, 0, 1, 0, 0), 0);
	assert_int_equal(iop_stack_place(n, guaranteed, 1, 2, 1, 0), 1);
	assert_int_equal(iop_stack_place(n, guaranteed, 1, 2, 1, 1), 2);
	for (__u32 i = 0; i < 5; i++) {
		assert_int_equal(iop_stack_place(n, guaranteed, 0, 1, 0, 1 + i), 3 + i);
		assert_int_equal(iop_stack_place(n, guaranteed, 1, 2, 1, 2 + i), 3 + (i + 1) % 5);
	}
	assert_true(iop_stack_place(n, guaranteed, 0, 1, 0, 6) >= n);
	assert_true(iop_stack_place(n, guaranteed, 1, 2, 1, 7) >= n);
	assert_true(iop_stack_place(2, 3, 1, 2, 1, 2) >= 2);
}

static struct iop_object *with_stack(__u32 least, __u32 most, __u32 guaranteed)
{
	struct iop_object *o;
	struct describe d;
	char error[256];
	void *bytes;
	size_t size;

	describe_begin(&d, "p");
	DESCRIBE(&d, IOP_TABLE_POOLS, pool, .name = describe_string(&d, "net"), .n_terms = 1);
	DESCRIBE(&d, IOP_TABLE_TERMS, term, .kind = IOP_TERM_CORES, .lo = 2, .hi = 5);
	DESCRIBE(&d, IOP_TABLE_CLASSES, class, .name = describe_string(&d, "c"));
	DESCRIBE(&d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(&d, "w"),
		 .n_classes = 1);
	DESCRIBE(&d, IOP_TABLE_STACKS, stack, .least = least, .most = most, .queue = 64,
		 .guaranteed = guaranteed, .variable = describe_string(&d, "iop_stack_w"),
		 .target = 100000, .place = describe_place(&d, 7, 3));
	bytes = describe_end(&d, &size);
	describe_free(&d);
	o = object_from_description(bytes, size, "x", error, sizeof(error));
	free(bytes);
	if (!o)
		print_message("%s\n", error);
	return o;
}

static void a_stage_has_its_cores(void **state)
{
	__u32 cores[] = { 2, 3, 4, 5 };
	struct core_list pool = { 4, cores }, list;
	struct iop_object *o = with_stack(1, 4, 2);

	(void)state;
	assert_non_null(o);
	assert_int_equal(stack_cores(o, 0, &pool, &list), 0);
	/* one of its own, the two that nobody is guaranteed, and not the other's */
	assert_int_equal(list.n, 3);
	assert_int_equal(list.cores[0], 2);
	assert_int_equal(list.cores[1], 4);
	assert_int_equal(list.cores[2], 5);
	free(list.cores);
	object_close(o);
}

static void a_poor_pool_is_told(void **state)
{
	__u32 cores[] = { 2, 3 };
	struct core_list pool = { 2, cores };
	struct iop_report *report = iop_report_new();
	struct iop_object *o = with_stack(1, 2, 3);

	(void)state;
	assert_int_equal(stack_check(o, &pool, report), -ENOTSUP);
	assert_int_equal(iop_report_count(report), 1);
	assert_string_equal(iop_report_message(report, 0)->text,
			    "the guarantees of pool net add up to 3 cores, 1 more than it has here");
	assert_int_equal(iop_report_message(report, 0)->line, 7);
	object_close(o);
	o = with_stack(1, 4, 1);
	iop_report_free(report);
	report = iop_report_new();
	assert_int_equal(stack_check(o, &pool, report), 0);
	assert_int_equal(iop_report_count(report), 1);
	assert_int_equal(iop_report_message(report, 0)->level, IOP_LEVEL_NOTE);
	object_close(o);
	iop_report_free(report);
}

/* Interrupts go where no stage is; where there is no such core, to all of the pool. */
static void who_receives(void **state)
{
	__u32 cores[] = { 2, 3, 4, 5 };
	struct core_list pool = { 4, cores }, list;
	struct iop_object *o = with_stack(1, 2, 1);

	(void)state;
	assert_int_equal(stack_receivers(o, &pool, &list), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.cores[0], 4);
	assert_int_equal(list.cores[1], 5);
	free(list.cores);
	object_close(o);
	o = with_stack(1, 4, 1);
	assert_int_equal(stack_receivers(o, &pool, &list), 0);
	assert_int_equal(list.n, 4);
	for (__u32 i = 0; i < 4; i++)
		assert_int_equal(list.cores[i], cores[i]);
	free(list.cores);
	object_close(o);
}

static void broken_rows_are_refused(void **state)
{
	(void)state;
	assert_null(with_stack(0, 2, 2));
	assert_null(with_stack(3, 2, 3));
	assert_null(with_stack(1, IOP_STACK_CORES + 1, 1));
	assert_null(with_stack(2, 2, 1)); /* more than all are guaranteed together */
}

/* --- homes --- */

/* With one more core, buckets move to that one or not at all, and all get about the same. */
static void one_more_core_moves_few(void **state)
{
	(void)state;
	for (__u32 n = 1; n <= IOP_STACK_CORES; n++) {
		__u32 count[IOP_STACK_CORES] = { 0 };

		for (__u32 b = 0; b < IOP_STACK_BUCKETS; b++) {
			__u32 home = iop_stack_home_of(b, n);

			assert_in_range(home, 0, n - 1);
			if (n > 1 && home != iop_stack_home_of(b, n - 1))
				assert_int_equal(home, n - 1);
			count[home]++;
		}
		for (__u32 i = 0; i < n; i++)
			assert_in_range(count[i], IOP_STACK_BUCKETS / n / 2,
					IOP_STACK_BUCKETS * 2 / n);
	}
}

/* --- rows --- */

static void each_queue_has_a_row(void **state)
{
	static const struct {
		__u32 index[3], queues[3];
		size_t n;
	} cases[] = {
		{ { 4 }, { 1 }, 1 },
		{ { 4 }, { 12 }, 1 },
		{ { 2, 3 }, { 8, 8 }, 2 },
		{ { 7, 7000, 13 }, { 63, 1, 33 }, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct device devices[3] = { 0 };
		struct iop_stack_setup setup = { 0 };
		bool taken[STACK_MAX_ROWS] = { false };

		for (size_t d = 0; d < cases[i].n; d++) {
			devices[d].index = cases[i].index[d];
			devices[d].n_queues = cases[i].queues[d];
		}
		assert_true(stack_find_rows(devices, cases[i].n, &setup));
		assert_true(setup.mask < STACK_MAX_ROWS);
		for (size_t d = 0; d < cases[i].n; d++)
			for (__u32 q = 0; q < cases[i].queues[d]; q++) {
				__u32 row = (cases[i].index[d] * setup.mult + q) & setup.mask;

				assert_false(taken[row]);
				taken[row] = true;
			}
	}
}

static void too_many_queues_are_told(void **state)
{
	struct device device = { .index = 2, .n_queues = STACK_MAX_ROWS + 1 };
	struct iop_stack_setup setup = { 0 };

	(void)state;
	assert_false(stack_find_rows(&device, 1, &setup));
	assert_true(setup.mask < STACK_MAX_ROWS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guarantees_are_apart),
		cmocka_unit_test(a_stage_has_its_cores),
		cmocka_unit_test(a_poor_pool_is_told),
		cmocka_unit_test(who_receives),
		cmocka_unit_test(broken_rows_are_refused),
		cmocka_unit_test(one_more_core_moves_few),
		cmocka_unit_test(each_queue_has_a_row),
		cmocka_unit_test(too_many_queues_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
