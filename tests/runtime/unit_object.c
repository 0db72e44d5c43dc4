/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of descriptions against what an enemy may hand it: cut, flipped, and wrong in
 * each way that a field can be wrong. The file around them is unit_elf.c's.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "describe.h"
#include "fixture.h"
#include "object.h"
#include "object_kit.h"

struct section {
	unsigned char *bytes;
	size_t size;
};

static struct section fixture_section(void)
{
	struct section s;
	struct describe d;

	describe_fixture(&d);
	s.bytes = describe_end(&d, &s.size);
	describe_free(&d);
	return s;
}

static struct iop_object *open_section(const struct section *s, char error[256])
{
	memset(error, 0, 256);
	errno = 0;
	return object_from_description(s->bytes, s->size, "x", error, 256);
}

/* Reads it; a refusal must have its words and its number. */
static bool survives(const struct section *s, bool look)
{
	char error[256];
	struct iop_object *o = open_section(s, error);

	if (!o) {
		assert_true(strncmp(error, "x: ", 3) == 0 && error[3]);
		assert_true(errno == EBADMSG || errno == ENOTSUP);
		return false;
	}
	if (look)
		object_kit_explain(o);
	object_close(o);
	return true;
}

/* --- whole --- */

static void test_valid(void **state)
{
	struct section s = fixture_section();
	char error[256];
	struct iop_object *o = open_section(&s, error);

	(void)state;
	assert_string_equal(error, "");
	assert_non_null(o);
	assert_string_equal(object_string(o, o->desc->policy), "fixture");
	assert_int_equal(object_count(o, IOP_TABLE_CLASSES), FIXTURE_CLASSES);
	assert_string_equal(object_string(o, object_class(o, FIXTURE_REST)->name), "rest");
	assert_int_equal(object_range(o, object_match(o, 0)->first_port)->lo, FIXTURE_PORT);
	assert_null(o->elf);
	object_kit_explain(o);
	object_close(o);
	free(s.bytes);
}

/* A later compiler's rows and header are longer; what this version knows is found. */
static void test_grown(void **state)
{
	struct describe d;
	struct section s;
	unsigned char *rows;
	char error[256];
	struct iop_object *o;
	size_t n;

	(void)state;
	describe_fixture(&d);
	n = d.tables[IOP_TABLE_CLASSES].size / sizeof(struct iop_desc_class);
	rows = calloc(n, sizeof(struct iop_desc_class) + 8);
	assert_non_null(rows);
	for (size_t i = 0; i < n; i++)
		memcpy(rows + i * (sizeof(struct iop_desc_class) + 8),
		       d.tables[IOP_TABLE_CLASSES].bytes + i * sizeof(struct iop_desc_class),
		       sizeof(struct iop_desc_class));
	free(d.tables[IOP_TABLE_CLASSES].bytes);
	d.tables[IOP_TABLE_CLASSES].bytes = rows;
	d.tables[IOP_TABLE_CLASSES].size = n * (sizeof(struct iop_desc_class) + 8);
	d.row_size[IOP_TABLE_CLASSES] = sizeof(struct iop_desc_class) + 8;
	s.bytes = describe_end(&d, &s.size);
	o = open_section(&s, error);
	assert_string_equal(error, "");
	assert_string_equal(object_string(o, object_class(o, FIXTURE_REST)->name), "rest");
	object_close(o);
	free(s.bytes);
	describe_free(&d);
}

/* --- damaged --- */

static void test_truncated(void **state)
{
	struct section s = fixture_section();
	size_t whole = s.size;

	(void)state;
	for (s.size = 0; s.size < whole; s.size++) {
		/* Of just this size, so that a byte beyond is seen. */
		struct section cut = { malloc(s.size + !s.size), s.size };

		assert_non_null(cut.bytes);
		memcpy(cut.bytes, s.bytes, s.size);
		assert_false(survives(&cut, false));
		if (s.size >= offsetof(struct iop_desc_header, n_tables)) {
			__u32 size = (__u32)s.size;

			memcpy(cut.bytes + offsetof(struct iop_desc_header, size), &size,
			       sizeof(size));
			(void)survives(&cut, true);
		}
		free(cut.bytes);
	}
	free(s.bytes);
}

static void test_bit_flips(void **state)
{
	struct section s = fixture_section();
	size_t accepted = 0;

	(void)state;
	for (size_t bit = 0; bit < s.size * 8; bit++) {
		s.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
		/* Each is read; to explain each as well would take a minute. */
		accepted += survives(&s, bit % 61 == 0);
		s.bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	/* Places, numbers and letters of names may be anything. */
	assert_in_range(accepted, s.size, s.size * 8);
	assert_true(survives(&s, true));
	free(s.bytes);
}

/* --- wrong in one field --- */

struct wrong {
	enum iop_desc_table_id table;
	__u32 row, at, value;
	const char *message;
};

#define W(table, row, type, member, value, message) \
	{ IOP_TABLE_##table, row, offsetof(struct iop_desc_##type, member), value, message }

/* clang-format off: a row a line */
static const struct wrong wrongs[] = {
	W(POOLS, 0, pool, name, 0, "pool 0: name: empty"),
	W(POOLS, 0, pool, name, 99999,
	  "pool 0: name: offset 99999 is not in the table of strings (%S bytes)"),
	W(POOLS, 1, pool, place.file, 99999,
	  "pool 1: place.file: offset 99999 is not in the table of strings (%S bytes)"),
	W(POOLS, 0, pool, first_term, 2, "pool 0: first_term: 1 rows from 2 on, but there are 2"),
	W(POOLS, 0, pool, n_terms, 0xffffffff,
	  "pool 0: first_term: 4294967295 rows from 0 on, but there are 2"),
	W(POOLS, 0, pool, n_terms, 2, "pool 1: first_term: term 1 belongs to another one"),
	W(POOLS, 0, pool, steered, 2, "pool 0: steered: unknown value 2"),
	W(TERMS, 1, term, kind, IOP_TERM_KINDS, "term 1: kind: unknown value 5"),
	W(TERMS, 1, term, lo, 7, "term 1: from 7 to 0"),
	W(PARAMS, 0, param, type, IOP_PARAM_TYPES, "param 0: type: unknown value 4"),
	W(PARAMS, 0, param, value, 1001, "param 0: 1001 is not within 1 to 1000"),
	W(WORKLOADS, 0, workload, n_classes, 4,
	  "workload 0: first_class: 4 rows from 0 on, but there are 3"),
	W(WORKLOADS, 0, workload, n_classes, 2, "class 2: workload 0 does not have it"),
	W(WORKLOADS, 0, workload, n_matches, 2,
	  "workload 0: first_match: 2 rows from 0 on, but there are 1"),
	W(WORKLOADS, 0, workload, first_owner, 1,
	  "workload 0: first_owner: 1 rows from 1 on, but there are 1"),
	W(MATCHES, 0, match, protocol, 1, "match 0: protocol: unknown value 1"),
	W(MATCHES, 0, match, n_ports, 99,
	  "match 0: first_port: 99 rows from 0 on, but there are %R"),
	W(MATCHES, 0, match, n_to, 1, "match 0: first_to: 1 rows from 0 on, but there are 0"),
	W(MATCHES, 0, match, n_from, 1, "match 0: first_from: 1 rows from 0 on, but there are 0"),
	W(RANGES, 0, range, hi, 70000, "match 0: there is no port 70000"),
	W(RANGES, 1, range, lo, 2, "range 1: from 2 to 1"),
	W(OWNERS, 0, owner, kind, IOP_OWNER_KINDS, "owner 0: kind: unknown value 3"),
	W(OWNERS, 0, owner, text, 0, "owner 0: text: empty"),
	W(WORKLOADS, 0, workload, hooks, 0x80000000, "workload 0: hooks: unknown bits 0x80000000"),
	W(CLASSES, 1, class, workload, 1, "class 1: workload: there is no workload 1 (1 rows)"),
	W(CLASSES, 1, class, workload, IOP_NONE,
	  "class 1: workload: there is no workload 4294967295 (1 rows)"),
	W(STAGES, 0, stage, hook, IOP_HOOKS, "stage 0: hook: unknown value 6"),
	W(STAGES, 0, stage, hook, IOP_HOOK_RX, "stage 1: the same hook as stage 0"),
	W(STAGES, 0, stage, bands, IOP_BANDS + 1, "stage 0: 9 bands, and 0 for pacing"),
	W(STAGES, 0, stage, paces, 2, "stage 0: 0 bands, and 2 for pacing"),
	W(STAGES, 1, stage, program, 0, "stage 1: program: empty"),
	W(MAPS, 0, map, role, IOP_MAP_ROLES, "map 0: role: unknown value 27"),
	W(MAPS, 0, map, scope, IOP_SCOPES, "map 0: scope: unknown value 2"),
	W(MAPS, 3, map, scope, IOP_SCOPE_GROUP, "map 3: a map of its role has another scope"),
	W(MAPS, 1, map, role, IOP_MAP_COUNT_RX, "map 1: the same role as map 0"),
	W(MAPS, 6, map, pool, 2, "map 6: pool: there is no pool 2 (2 rows)"),
	W(MAPS, 6, map, pool, IOP_NONE, "map 6: no pool"),
	W(MAPS, 7, map, workers_kind, IOP_WORKERS_KINDS, "map 7: workers_kind: unknown value 4"),
	W(MAPS, 7, map, first_range, 0xffffffff,
	  "map 7: first_range: 1 rows from 4294967295 on, but there are %R"),
	W(TARGETS, 0, target, class, 3, "target 0: class: there is no class 3 (3 rows)"),
	W(TARGETS, 0, target, hook, IOP_HOOKS, "target 0: hook: unknown value 6"),
	W(TARGETS, 0, target, first, 0, "target 0: 1 counters from 0 on"),
	W(TARGETS, 0, target, n, 0, "target 0: 0 counters from 12 on"),
	W(TARGETS, 0, target, n, 0x80000000, "target 0: 2147483648 counters from 12 on"),
	W(TARGETS, 0, target, pool, IOP_NONE, "target 0: no pool"),
	W(TARGETS, 0, target, stack, 0, "target 0: stack: there is no stack 0 (0 rows)"),
	W(TARGETS, 2, target, workers_kind, 4, "target 2: workers_kind: unknown value 4"),
	W(FEATURES, 0, feature, feature, IOP_FEATURES, "feature 0: feature: unknown value 16"),
	W(FEATURES, 0, feature, what, 0, "feature 0: what: empty"),
	W(TESTS, 0, test, n_steps, 0x80000000,
	  "test 0: first_step: 2147483648 rows from 0 on, but there are %P"),
	W(TESTS, 0, test, first_step, 1, "test 1: first_step: step 5 belongs to another one"),
	W(STEPS, 0, step, kind, IOP_EXPECT_RX_PASS, "test 0: does not begin with a packet"),
	W(STEPS, 0, step, kind, IOP_STEP_KINDS, "step 0: kind: unknown value 14"),
	W(STEPS, 0, step, n_blob, 0xfffffff0,
	  "step 0: blob: 4294967280 rows from 0 on, but there are %B"),
	W(STEPS, 1, step, a, 1, "step 1: a: there is no row 1 (1 rows)"),
	W(STEPS, 2, step, a, 3, "step 2: a: there is no row 3 (3 rows)"),
	W(STEPS, 4, step, n_ranges, 0, "step 4: no workers"),
};

/* clang-format on */

/* %S, %R, %P, %B of a message: rows of strings, ranges, steps, blobs of the fixture. */
static void expand(const struct iop_desc_header *h, const char *message, char out[256])
{
	static const struct {
		char letter;
		enum iop_desc_table_id table;
	} letters[] = { { 'S', IOP_TABLE_STRINGS },
			{ 'R', IOP_TABLE_RANGES },
			{ 'P', IOP_TABLE_STEPS },
			{ 'B', IOP_TABLE_BLOBS } };
	const char *percent = strchr(message, '%');

	(void)snprintf(out, 256, "x: %s", message);
	for (size_t i = 0; percent && i < 4; i++)
		if (letters[i].letter == percent[1])
			(void)snprintf(out, 256, "x: %.*s%u%s", (int)(percent - message), message,
				       h->tables[letters[i].table].count, percent + 2);
}

static void test_wrong_fields(void **state)
{
	struct section s = fixture_section();
	const struct iop_desc_header *h = (const void *)s.bytes;

	(void)state;
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const struct wrong *w = &wrongs[i];
		unsigned char *at = s.bytes + h->tables[w->table].offset +
				    w->row * h->tables[w->table].row_size + w->at;
		char error[256], expected[256];
		__u32 before;

		memcpy(&before, at, sizeof(before));
		memcpy(at, &w->value, sizeof(before));
		assert_null(open_section(&s, error));
		assert_int_equal(errno, EBADMSG);
		expand(h, w->message, expected);
		assert_string_equal(error, expected);
		memcpy(at, &before, sizeof(before));
	}
	assert_true(survives(&s, true));
	free(s.bytes);
}

/* --- a wrong header --- */

/* clang-format off: likewise */
static const struct {
	size_t at;
	__u32 value;
	int code;
	const char *message;
} wrong_headers[] = {
#define H(member, value, code, message) \
	{ offsetof(struct iop_desc_header, member), value, code, message }
	H(magic, 0, EBADMSG, "the description has no magic number"),
	H(magic, 0x494f5000, EBADMSG, "the description is of the other byte order"),
	H(version, 3, ENOTSUP, "the description is of version 3, this program reads version 2"),
	H(version, 0, EBADMSG, "the description is of the unknown version 0"),
	H(size, 16, EBADMSG, "the description says that it has 16 bytes, it has %z"),
	H(n_tables, 17, EBADMSG, "the description has 17 tables of 18"),
	H(n_tables, 0xffffffff, EBADMSG, "the description is cut short within its list of tables"),
	H(policy, 99999, EBADMSG, "policy: offset 99999 is not in the table of strings"),
	H(policy, 0, EBADMSG, "policy: not a name of at most 63 bytes"),
	H(compiler, 99999, EBADMSG, "compiler: offset 99999 is not in the table of strings"),
	H(compiler, 0, EBADMSG, "compiler: empty or longer than 255 bytes"),
	H(flags, 3, ENOTSUP, "the description has flags that this program does not know: 0x2"),
	H(tables[IOP_TABLE_POOLS].offset, 12, EBADMSG,
	  "table of pool rows: its offset 12 is not a multiple of 8"),
	H(tables[IOP_TABLE_POOLS].offset, 0xfffffff8, EBADMSG,
	  "table of pool rows: 2 rows at offset 4294967288 do not fit into %z bytes"),
	H(tables[IOP_TABLE_POOLS].count, 0xffffffff, EBADMSG,
	  "table of pool rows: 4294967295 rows at offset %p do not fit into %z bytes"),
	H(tables[IOP_TABLE_POOLS].row_size, 4, EBADMSG, "table of pool rows: bad row size 4"),
	H(tables[IOP_TABLE_PARAMS].row_size, 52, EBADMSG, "table of param rows: bad row size 52"),
	H(tables[IOP_TABLE_STRINGS].row_size, 2, EBADMSG, "table of string rows: bad row size 2"),
	H(tables[IOP_TABLE_STRINGS].count, 0, EBADMSG, "table of strings: empty"),
	H(tables[IOP_TABLE_STRINGS].count, 3, EBADMSG, "table of strings: does not end with a NUL"),
#undef H
};
/* clang-format on */

static void test_wrong_header(void **state)
{
	struct section s = fixture_section();

	(void)state;
	for (size_t i = 0; i < sizeof(wrong_headers) / sizeof(wrong_headers[0]); i++) {
		unsigned char *at = s.bytes + wrong_headers[i].at;
		char error[256], expected[256] = "x: ";
		size_t n = 3;
		__u32 before;

		memcpy(&before, at, sizeof(before));
		for (const char *m = wrong_headers[i].message; *m; m++)
			if (*m == '%') {
				const struct iop_desc_header *h = (const void *)s.bytes;

				n += (size_t)sprintf(
					expected + n, "%zu",
					*++m == 'z' ? s.size : h->tables[IOP_TABLE_POOLS].offset);
			} else {
				expected[n++] = *m;
			}
		expected[n] = '\0';
		memcpy(at, &wrong_headers[i].value, sizeof(before));
		assert_null(open_section(&s, error));
		assert_string_equal(error, expected);
		assert_int_equal(errno, wrong_headers[i].code);
		memcpy(at, &before, sizeof(before));
	}
	memset(s.bytes + offsetof(struct iop_desc_header, digest), 0, 32);
	assert_false(survives(&s, true));
	free(s.bytes);
}

/* --- names --- */

static void expect_name(const char *policy, const char *map, const char *class, const char *message)
{
	struct describe d;
	struct section s;
	char error[256], expected[256];
	struct iop_object *o;

	describe_begin(&d, policy);
	DESCRIBE(&d, IOP_TABLE_MAPS, map, .name = describe_string(&d, map), .role = IOP_MAP_OTHER,
		 .pool = IOP_NONE);
	DESCRIBE(&d, IOP_TABLE_CLASSES, class, .name = describe_string(&d, class));
	DESCRIBE(&d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(&d, "w"),
		 .n_classes = 1);
	s.bytes = describe_end(&d, &s.size);
	(void)snprintf(expected, sizeof(expected), "%s%s", *message ? "x: " : "", message);
	o = open_section(&s, error);
	assert_string_equal(error, expected);
	assert_int_equal(o != NULL, !*message);
	object_close(o);
	free(s.bytes);
	describe_free(&d);
}

static void test_names(void **state)
{
	char long_name[300];

	(void)state;
	memset(long_name, 'n', sizeof(long_name));
	long_name[256] = '\0';
	expect_name("p", "m", "c", "");
	expect_name("p", ".data.group", "_c9", "");
	expect_name("a/b", "m", "c", "policy: not a name of at most 63 bytes");
	expect_name("..", "m", "c", "policy: not a name of at most 63 bytes");
	expect_name("9p", "m", "c", "policy: not a name of at most 63 bytes");
	expect_name(long_name + 192, "m", "c", "policy: not a name of at most 63 bytes");
	expect_name(long_name + 193, "m", "c", "");
	expect_name("p", "../m", "c", "map 0: name: not the name of a program or map");
	expect_name("p", "..", "c", "map 0: name: not the name of a program or map");
	expect_name("p", "m", "c d", "class 0: name: not a name");
	expect_name("p", "m", "\033[2J", "class 0: name: not a name");
	expect_name("p", "m", long_name, "class 0: name: longer than 255 bytes");
	expect_name("p", "m", long_name + 1, "");
}

/* Rows that the fixture does not have: appended to a small policy. */
static void expect_rows(void (*add)(struct describe *d), const char *message)
{
	struct describe d;
	struct section s;
	char error[256], expected[256];

	describe_begin(&d, "p");
	add(&d);
	s.bytes = describe_end(&d, &s.size);
	assert_null(open_section(&s, error));
	(void)snprintf(expected, sizeof(expected), "x: %s", message);
	assert_string_equal(error, expected);
	free(s.bytes);
	describe_free(&d);
}

static void same_maps(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_MAPS, map, .name = describe_string(d, "m"), .role = IOP_MAP_OTHER,
		 .pool = IOP_NONE);
	DESCRIBE(d, IOP_TABLE_MAPS, map, .name = describe_string(d, "m"), .role = IOP_MAP_OTHER,
		 .pool = IOP_NONE);
}

static void family_5(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_PREFIXES, prefix, .family = 5);
}

static void ipv4_of_33_bits(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_PREFIXES, prefix, .family = 4, .length = 33);
}

static void ipv6_of_129_bits(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_PREFIXES, prefix, .family = 6, .length = 129);
}

static void name_at_the_end(struct describe *d)
{
	DESCRIBE(d, IOP_TABLE_POOLS, pool, .name = (__u32)d->tables[IOP_TABLE_STRINGS].size);
}

static void begin_with_a_letter(struct describe *d)
{
	d->tables[IOP_TABLE_STRINGS].bytes[0] = 'x';
}

static void test_other_rows(void **state)
{
	(void)state;
	expect_rows(same_maps, "map 1: the same name as map 0");
	expect_rows(family_5, "prefix 0: family: unknown value 5");
	expect_rows(ipv4_of_33_bits, "prefix 0: IPv4 addresses have no 33 bits");
	expect_rows(ipv6_of_129_bits, "prefix 0: IPv6 addresses have no 129 bits");
	expect_rows(name_at_the_end,
		    "pool 0: name: offset 14 is not in the table of strings (14 bytes)");
	expect_rows(begin_with_a_letter, "table of strings: does not begin with a NUL");
}

/* A file of 16 MiB must not stand for more text than one can wait for. */
static void test_shared_rows(void **state)
{
	struct describe d;
	struct section s;
	char error[256];

	(void)state;
	describe_begin(&d, "p");
	for (int i = 0; i < 2000; i++)
		DESCRIBE(&d, IOP_TABLE_RANGES, range, 1, 1);
	for (int i = 0; i < 2000; i++)
		DESCRIBE(&d, IOP_TABLE_TARGETS, target, .n_ranges = 2000, .pool = IOP_NONE,
			 .stack = IOP_NONE);
	DESCRIBE(&d, IOP_TABLE_CLASSES, class, .name = describe_string(&d, "c"));
	DESCRIBE(&d, IOP_TABLE_WORKLOADS, workload, .name = describe_string(&d, "w"),
		 .n_classes = 1);
	s.bytes = describe_end(&d, &s.size);
	assert_null(open_section(&s, error));
	assert_string_equal(
		error, "x: target 524: first_range: with it, more than 1048576 rows are named");
	free(s.bytes);
	describe_free(&d);
}

int main(void)
{
	/* clang-format off */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_grown),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bit_flips),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_wrong_header),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_other_rows),
		cmocka_unit_test(test_shared_rows),
	};
	/* clang-format on */

	return cmocka_run_group_tests(tests, NULL, NULL);
}
