/* SPDX-License-Identifier: BSD-2-Clause */
/* Units, and what --set may say of the fixture's params. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "describe.h"
#include "load.h"
#include "units.h"

static void units_are_the_languages(void **state)
{
	static const struct {
		const char *text;
		enum iop_param_type type;
		__u64 value;
	} rows[] = {
		{ "0", IOP_PARAM_NUMBER, 0 },
		{ "53", IOP_PARAM_NUMBER, 53 },
		{ "0x1F", IOP_PARAM_NUMBER, 31 },
		{ "4k", IOP_PARAM_NUMBER, 4000 },
		{ "4Ki", IOP_PARAM_NUMBER, 4096 },
		{ "1.5M", IOP_PARAM_NUMBER, 1500000 },
		{ "2Gi", IOP_PARAM_NUMBER, 2147483648 },
		{ "18446744073709551615", IOP_PARAM_NUMBER, ~0ull },
		{ "5k/s", IOP_PARAM_RATE, 5000 },
		{ "1/s", IOP_PARAM_RATE, 1 },
		{ "0.5k/s", IOP_PARAM_RATE, 500 },
		{ "1Mi/s", IOP_PARAM_RATE, 1 << 20 },
		{ "10mbit", IOP_PARAM_BITRATE, 10000000 },
		{ "64kbit", IOP_PARAM_BITRATE, 64000 },
		{ "2.5gbit", IOP_PARAM_BITRATE, 2500000000 },
		{ "100us", IOP_PARAM_DURATION, 100000 },
		{ "1s", IOP_PARAM_DURATION, 1000000000 },
		{ "250ms", IOP_PARAM_DURATION, 250000000 },
		{ "7ns", IOP_PARAM_DURATION, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[160] = "";
		__u64 value = 1;

		if (units_parse(rows[i].text, rows[i].type, &value, error, sizeof(error)))
			fail_msg("%s: %s", rows[i].text, error);
		assert_int_equal(value, rows[i].value);
	}
}

static void what_is_no_value_is_told(void **state)
{
	static const struct {
		const char *text;
		enum iop_param_type type;
		int err;
		const char *error;
	} rows[] = {
		{ "", IOP_PARAM_NUMBER, -EINVAL, "\"\" is not a number; one is written like 4k" },
		{ "k", IOP_PARAM_NUMBER, -EINVAL, "\"k\" is not a number; one is written like 4k" },
		{ "-1", IOP_PARAM_NUMBER, -EINVAL,
		  "\"-1\" is not a number; one is written like 4k" },
		{ "0x", IOP_PARAM_NUMBER, -EINVAL,
		  "\"0x\" is not a number; one is written like 4k" },
		{ "1.", IOP_PARAM_NUMBER, -EINVAL,
		  "\"1.\" is not a number; one is written like 4k" },
		{ "1 k", IOP_PARAM_NUMBER, -EINVAL,
		  "\"1 k\" is not a number; one is written like 4k" },
		{ "1k/s", IOP_PARAM_NUMBER, -EINVAL,
		  "\"1k/s\" is not a number; one is written like 4k" },
		{ "5k", IOP_PARAM_RATE, -EINVAL, "\"5k\" is not a rate; one is written like 5k/s" },
		{ "5", IOP_PARAM_BITRATE, -EINVAL,
		  "\"5\" is not a bit rate; one is written like 10mbit" },
		{ "5", IOP_PARAM_DURATION, -EINVAL,
		  "\"5\" is not a duration; one is written like 100us" },
		{ "1.0000000001s", IOP_PARAM_DURATION, -EINVAL,
		  "\"1.0000000001s\" is not a duration; one is written like 100us" },
		{ "0.5", IOP_PARAM_NUMBER, -EINVAL, "\"0.5\" is not a whole number" },
		{ "0.5ns", IOP_PARAM_DURATION, -EINVAL,
		  "\"0.5ns\" is not a whole number of nanoseconds" },
		{ "18446744073709551616", IOP_PARAM_NUMBER, -ERANGE,
		  "\"18446744073709551616\" is too large: 64 bits are the most" },
		{ "99999999999999999999999999999999999999999999999999G", IOP_PARAM_NUMBER, -ERANGE,
		  "\"99999999999999999999999999999999999999999999999999G\" is too large: 64 bits are "
		  "the most" },
		{ "0xffffffffffffffffffffffff", IOP_PARAM_NUMBER, -ERANGE,
		  "\"0xffffffffffffffffffffffff\" is too large: 64 bits are the most" },
		{ "18446744074s", IOP_PARAM_DURATION, -ERANGE,
		  "\"18446744074s\" is too large: 64 bits are the most" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char error[160] = "";
		__u64 value;

		assert_int_equal(
			units_parse(rows[i].text, rows[i].type, &value, error, sizeof(error)),
			rows[i].err);
		assert_string_equal(error, rows[i].error);
	}
}

static void what_is_printed_can_be_read(void **state)
{
	static const struct {
		__u64 value;
		enum iop_param_type type;
		const char *text;
	} rows[] = {
		{ 0, IOP_PARAM_NUMBER, "0" },
		{ 1000, IOP_PARAM_NUMBER, "1k" },
		{ 1001, IOP_PARAM_NUMBER, "1001" },
		{ 5000, IOP_PARAM_RATE, "5k/s" },
		{ 0, IOP_PARAM_RATE, "0/s" },
		{ 1500, IOP_PARAM_RATE, "1500/s" },
		{ 10000000, IOP_PARAM_BITRATE, "10mbit" },
		{ 64001, IOP_PARAM_BITRATE, "64.001kbit" },
		{ 500, IOP_PARAM_BITRATE, "0.5kbit" },
		{ 0, IOP_PARAM_BITRATE, "0kbit" },
		{ 100000, IOP_PARAM_DURATION, "100us" },
		{ 1000000000, IOP_PARAM_DURATION, "1s" },
		{ 0, IOP_PARAM_DURATION, "0ns" },
		{ ~0ull, IOP_PARAM_NUMBER, "18446744073709551615" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[UNITS_TEXT], error[160] = "";
		__u64 value = 1;

		assert_string_equal(units_format(rows[i].value, rows[i].type, text), rows[i].text);
		assert_int_equal(units_parse(text, rows[i].type, &value, error, sizeof(error)), 0);
		assert_int_equal(value, rows[i].value);
	}
}

/* --- settings --- */

static struct iop_object *fixture(void)
{
	struct describe d;
	struct iop_object *o;
	char error[256];
	size_t size;
	void *section;

	describe_fixture(&d);
	section = describe_end(&d, &size);
	o = object_from_description(section, size, "fixture", error, sizeof(error));
	if (!o)
		fail_msg("%s", error);
	free(section);
	describe_free(&d);
	return o;
}

/* The value that one setting gives a param; a failure's first message goes to `text`. */
static int set(const char *setting, __u32 param, struct record_param *got, char text[256])
{
	struct iop_object *o = fixture();
	struct iop_report *report = iop_report_new();
	struct record record = RECORD_EMPTY;
	int err = params_read(o, &setting, 1, &record, report);

	text[0] = '\0';
	if (err) {
		const struct iop_message *m = iop_report_message(report, 0);

		assert_int_equal(m->cause, IOP_CAUSE_USAGE);
		snprintf(text, 256, "%u: %s%s%s", m->line, m->text, *m->help ? "; " : "", m->help);
	} else {
		*got = record.rows[param].param;
	}
	record_close(&record);
	iop_report_free(report);
	object_close(o);
	return err;
}

static void settings_are_held_to_their_params(void **state)
{
	struct record_param got;
	char text[256];

	(void)state;
	assert_int_equal(set("pace=5k/s", 1, &got, text), 0);
	assert_int_equal(got.value, 5000);
	assert_int_equal(got.set, 1);
	assert_int_equal(set("pace=5k/s", 0, &got, text), 0);
	assert_int_equal(got.value, 10); /* the policy's own */
	assert_int_equal(got.set, 0);

	assert_int_equal(set("every=0", 0, &got, text), -EINVAL);
	assert_string_equal(text, "6: param every cannot be 0: its uses allow 1 to 1k");
	assert_int_equal(set("every=1001", 0, &got, text), -EINVAL);
	assert_string_equal(text, "6: param every cannot be 1001: its uses allow 1 to 1k");
	assert_int_equal(set("pace=5", 1, &got, text), -EINVAL);
	assert_string_equal(text, "7: param pace: \"5\" is not a rate; one is written like 5k/s");
	assert_int_equal(set("paces=5", 1, &got, text), -EINVAL);
	assert_string_equal(text, "0: policy fixture has no param paces; it has: every, pace");
	assert_int_equal(set("pace", 1, &got, text), -EINVAL);
	assert_string_equal(text, "0: \"pace\" sets nothing: a setting is written param=value");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units_are_the_languages),
		cmocka_unit_test(what_is_no_value_is_told),
		cmocka_unit_test(what_is_printed_can_be_read),
		cmocka_unit_test(settings_are_held_to_their_params),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
