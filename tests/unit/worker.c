/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The row of a worker (bpf/abi/worker.h): what is outstanding, and how it heals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "abi/worker.h"

#define MS 1000000ULL
#define STUCK (1000 * MS)

static struct iop_worker_row row;
static uint64_t now;
static uint32_t queue; /* datagrams in its socket */

static int begin(void **state)
{
	(void)state;
	iop_worker_row_begin(&row, 7);
	now = 5000 * MS;
	queue = 0;
	return 0;
}

/* Requests arrive; `lost` of them never get into the queue. */
static void take(uint32_t n, uint32_t lost)
{
	for (uint32_t i = 0; i < n; i++)
		iop_worker_taken(&row, 3, 0, now);
	queue += n - lost;
}

/* It takes requests from the queue, and sends so many replies. */
static void reply(uint32_t taken, uint32_t replies)
{
	now += MS;
	queue -= taken;
	for (uint32_t i = 0; i < replies; i++)
		iop_worker_answered(&row, 1, 0, queue, now);
}

static void what_is_answered_is_not_outstanding(void **state)
{
	(void)state;
	assert_int_equal(iop_worker_open(&row), 0);
	take(5, 0);
	assert_int_equal(iop_worker_open(&row), 5);
	for (uint32_t left = 5; left-- > 0;) {
		reply(1, 1);
		assert_int_equal(iop_worker_open(&row), left);
	}
	assert_int_equal(row.depth, 0);
	assert_int_equal(row.class, 3);
}

static void what_was_lost_is_forgotten_at_the_next_reply(void **state)
{
	(void)state;
	take(100, 60);
	assert_int_equal(iop_worker_open(&row), 100);
	reply(1, 1);
	assert_int_equal(iop_worker_open(&row), 39);
}

static void messages_without_a_reply_are_forgotten(void **state)
{
	(void)state;
	take(50, 0);
	reply(30, 0); /* read and not answered */
	assert_int_equal(iop_worker_open(&row), 50);
	reply(1, 1);
	assert_int_equal(iop_worker_open(&row), 19);
}

static void several_replies_do_not_hide_who_waits(void **state)
{
	(void)state;
	take(10, 0);
	reply(1, 4);
	assert_int_equal(iop_worker_open(&row), 9);
	for (int i = 0; i < 9; i++)
		reply(1, 4);
	assert_int_equal(iop_worker_open(&row), 0);
	take(1, 0);
	assert_int_equal(iop_worker_open(&row), 1);
}

/* Sixteen at once: after it has shown that, they stay outstanding while they are in its hands. */
static void who_reads_many_at_once_is_known_for_it(void **state)
{
	(void)state;
	for (int round = 0; round < 3; round++) {
		take(16, 0);
		now += MS;
		queue = 0;
		for (uint32_t left = 16; left-- > 0;) {
			iop_worker_answered(&row, 1, 0, queue, now);
			if (round)
				assert_int_equal(iop_worker_open(&row), left);
		}
	}
	assert_in_range(row.depth, 14, 16);
	/* What is lost beyond that is forgotten as ever, and the rest with the years. */
	take(100, 100);
	reply(0, 1);
	assert_in_range(iop_worker_open(&row), 14, 16);
	for (int i = 0; i < 20; i++) {
		now += 1100 * MS;
		take(1, 0);
		reply(1, 1);
	}
	assert_int_equal(row.depth, 0);
	assert_int_equal(iop_worker_open(&row), 0);
}

static void the_work_follows_the_count(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		iop_worker_taken(&row, (uint32_t)i, 10, now);
	assert_int_equal(iop_worker_least(&row, 1), 40);
	assert_int_equal(iop_worker_least(&row, 0), 4);
	assert_int_equal(iop_worker_answers(&row), 0);
	iop_worker_answered(&row, 1, 10, 3, now);
	assert_int_equal(iop_worker_least(&row, 1), 30);
	assert_int_equal(iop_worker_answers(&row), 1);
	iop_worker_answered(&row, 1, 10, 1, now); /* one was lost */
	assert_int_equal(iop_worker_least(&row, 1), 10);
	iop_worker_answered(&row, 1, 10, 0, now);
	assert_int_equal(iop_worker_least(&row, 1), 0);
	assert_int_equal(iop_worker_answers(&row), IOP_NONE);
	assert_int_equal(row.work, 0);
}

static bool stuck(void)
{
	return iop_worker_load(&row, 1, now, STUCK) >= IOP_LOAD_STUCK;
}

static void who_owes_a_reply_for_too_long_is_stuck(void **state)
{
	(void)state;
	now += 100 * STUCK;
	assert_false(stuck()); /* it owes nothing */
	take(1, 0);
	assert_false(stuck());
	now += STUCK;
	assert_false(stuck());
	now += 1;
	assert_true(stuck());
	reply(1, 1);
	assert_false(stuck());
}

/* After twice the time it is tried, then after twice that, and so on; a reply ends it. */
static void who_is_stuck_is_tried_now_and_then(void **state)
{
	uint64_t begin_of_it = now, last = 0;
	int tries = 0;

	(void)state;
	take(1, 1);
	while (now < begin_of_it + 100 * STUCK) {
		now += STUCK / 10;
		if (stuck())
			continue;
		if (now > begin_of_it + STUCK) {
			tries++;
			assert_true(!last || now - last > STUCK);
			last = now;
			take(1, 1);
			assert_true(stuck());
		}
	}
	assert_in_range(tries, 5, 7); /* 2, 4, 8, 16, 32, 64 times */
	take(1, 0);
	reply(1, 1);
	assert_int_equal(iop_worker_open(&row), 0);
	assert_false(stuck());
}

static void numbers_go_round(void **state)
{
	(void)state;
	row.head = row.tail = 0xfffffffe;
	take(4, 0);
	assert_int_equal(iop_worker_open(&row), 4);
	reply(1, 1);
	assert_int_equal(iop_worker_open(&row), 3);
	row.tail = row.head + 1; /* two cores corrected it at once */
	assert_int_equal(iop_worker_open(&row), 0);
	queue = 0;
	take(2, 0);
	assert_int_equal(iop_worker_open(&row), 2);
	reply(0, 1);
	assert_int_equal(iop_worker_open(&row), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_answered_is_not_outstanding, begin),
		cmocka_unit_test_setup(what_was_lost_is_forgotten_at_the_next_reply, begin),
		cmocka_unit_test_setup(messages_without_a_reply_are_forgotten, begin),
		cmocka_unit_test_setup(several_replies_do_not_hide_who_waits, begin),
		cmocka_unit_test_setup(who_reads_many_at_once_is_known_for_it, begin),
		cmocka_unit_test_setup(the_work_follows_the_count, begin),
		cmocka_unit_test_setup(who_owes_a_reply_for_too_long_is_stuck, begin),
		cmocka_unit_test_setup(who_is_stuck_is_tried_now_and_then, begin),
		cmocka_unit_test_setup(numbers_go_round, begin),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
