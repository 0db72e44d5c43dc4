/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The transaction: what is applied is reverted in the opposite order, wherever it
 * fails, and everybody is told.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "transaction.h"

#define STEPS 5

/* What happened, as letters: "A0 A1 R1 R0". */
struct diary {
	char text[256];
	int fail_at;       /* step whose apply fails; -1: none */
	int revert_fails;  /* step whose revert fails; -1: none */
	int stop_before;   /* number at which the question is answered with no; -1: none */
	size_t failed, reverted, planned;
};

static void note(struct diary *d, char what, unsigned step)
{
	size_t n = strlen(d->text);

	snprintf(d->text + n, sizeof(d->text) - n, "%s%c%u", n ? " " : "", what, step);
}

static int apply(void *context, __u32 subject, struct iop_report *report)
{
	struct diary *d = context;

	note(d, 'A', subject);
	return (int)subject == d->fail_at ? report_error(report, -EIO, IOP_CAUSE_KERNEL, "no") : 0;
}

static int revert(void *context, __u32 subject, struct iop_report *report)
{
	struct diary *d = context;

	note(d, 'R', subject);
	return (int)subject == d->revert_fails
		       ? report_error(report, -EBUSY, IOP_CAUSE_ENVIRONMENT, "stuck")
		       : 0;
}

static int ask(void *asked, size_t i)
{
	struct diary *d = asked;

	return (int)i == d->stop_before ? -EINTR : 0;
}

static void tell(void *told, const struct iop_step_event *event)
{
	struct diary *d = told;

	assert_int_equal(event->count, STEPS);
	assert_true(event->number >= 1 && event->number <= STEPS);
	d->failed += event->state == IOP_STEP_FAILED;
	d->reverted += event->state == IOP_STEP_REVERTED;
	d->planned += event->state == IOP_STEP_PLANNED;
}

/* Step 3 cannot be undone. */
static void build(struct transaction *t, struct diary *d)
{
	*t = (struct transaction){
		.context = d, .before = ask, .asked = d, .on_step = tell, .told = d
	};
	for (__u32 i = 0; i < STEPS; i++)
		assert_int_equal(transaction_add(t, apply, i == 3 ? NULL : revert, i, "step %u", i),
				 0);
}

static struct diary run(struct diary d, int expected, size_t messages)
{
	struct iop_report *report = iop_report_new();
	struct transaction t;

	build(&t, &d);
	assert_int_equal(transaction_run(&t, report), expected);
	assert_int_equal(iop_report_count(report), messages);
	transaction_free(&t);
	iop_report_free(report);
	return d;
}

static void all_is_done(void **state)
{
	struct diary d = run((struct diary){ "", -1, -1, -1, 0, 0, 0 }, 0, 0);

	(void)state;
	assert_string_equal(d.text, "A0 A1 A2 A3 A4");
}

static void a_failed_step_is_reverted_too(void **state)
{
	static const char *const wanted[STEPS] = {
		"A0 R0",
		"A0 A1 R1 R0",
		"A0 A1 A2 R2 R1 R0",
		"A0 A1 A2 A3 R2 R1 R0",
		"A0 A1 A2 A3 A4 R4 R2 R1 R0",
	};

	(void)state;
	for (int i = 0; i < STEPS; i++) {
		struct diary d = run((struct diary){ "", i, -1, -1, 0, 0, 0 }, -EIO, 1);

		assert_string_equal(d.text, wanted[i]);
		assert_int_equal(d.failed, 1);
	}
}

static void an_interruption_reverts_what_was_done(void **state)
{
	static const char *const wanted[STEPS + 1] = {
		"",
		"A0 R0",
		"A0 A1 R1 R0",
		"A0 A1 A2 R2 R1 R0",
		"A0 A1 A2 A3 R2 R1 R0",
		"A0 A1 A2 A3 A4 R4 R2 R1 R0", /* behind the last step */
	};

	(void)state;
	for (int i = 0; i <= STEPS; i++) {
		struct diary d = run((struct diary){ "", -1, -1, i, 0, 0, 0 }, -EINTR, 1);

		assert_string_equal(d.text, wanted[i]);
	}
}

static void reverting_goes_on_after_an_error(void **state)
{
	struct diary d = run((struct diary){ "", 4, 2, -1, 0, 0, 0 }, -EIO, 2);

	(void)state;
	assert_string_equal(d.text, "A0 A1 A2 A3 A4 R4 R2 R1 R0");
	assert_int_equal(d.failed, 2);
	assert_int_equal(d.reverted, 3);
}

static void taking_away_goes_on(void **state)
{
	struct diary d = { "", 1, -1, 0, 0, 0, 0 };
	struct transaction t;

	(void)state;
	build(&t, &d);
	assert_int_equal(transaction_run_all(&t, NULL), -EIO);
	assert_string_equal(d.text, "A0 A1 A2 A3 A4");
	transaction_free(&t);
}

static void telling_does_nothing(void **state)
{
	struct diary d = { "", -1, -1, -1, 0, 0, 0 };
	struct transaction t;

	(void)state;
	build(&t, &d);
	transaction_tell(&t);
	assert_string_equal(d.text, "");
	assert_int_equal(d.planned, STEPS);
	transaction_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_done),
		cmocka_unit_test(a_failed_step_is_reverted_too),
		cmocka_unit_test(an_interruption_reverts_what_was_done),
		cmocka_unit_test(reverting_goes_on_after_an_error),
		cmocka_unit_test(taking_away_goes_on),
		cmocka_unit_test(telling_does_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
