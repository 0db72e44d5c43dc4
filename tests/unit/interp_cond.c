/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Three-valued logic, and each comparison beside its bounds.
 */
#include "interp_kit.h"

static struct scene scene; /* 10.0.0.2:4000 -> 10.0.0.1:53 "hello world" */

static int open_scene(void **state)
{
	struct frame_spec spec = datagram("hello world", 11);

	(void)state;
	scene_open(&scene, &spec, NULL);
	return 0;
}

static int close_scene(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

static enum truth eval(const struct cond *c)
{
	return cond_eval(c, &scene.facts);
}

/* --- conditions of known truth --- */

static const struct value one = { .kind = VALUE_CONST, .number = 1 };
static const struct value two = { .kind = VALUE_CONST, .number = 2 };
static const struct value hops = { .kind = VALUE_FIELD, .field = FIELD(IP6_HOPS) }; /* missing */
static const struct value dport = { .kind = VALUE_FIELD, .field = FIELD(UDP_DPORT) };

static const struct cond of_truth[] = {
	[NO] = { .kind = COND_EQ, .lhs = &one, .rhs = &two },
	[YES] = { .kind = COND_EQ, .lhs = &one, .rhs = &one },
	[UNKNOWN] = { .kind = COND_EQ, .lhs = &hops, .rhs = &one },
};

static void kleene(void **state)
{
	static const enum truth both[3][3] = {
		[NO] = { [NO] = NO, [YES] = NO, [UNKNOWN] = NO },
		[YES] = { [NO] = NO, [YES] = YES, [UNKNOWN] = UNKNOWN },
		[UNKNOWN] = { [NO] = NO, [YES] = UNKNOWN, [UNKNOWN] = UNKNOWN },
	};
	static const enum truth either[3][3] = {
		[NO] = { [NO] = NO, [YES] = YES, [UNKNOWN] = UNKNOWN },
		[YES] = { [NO] = YES, [YES] = YES, [UNKNOWN] = YES },
		[UNKNOWN] = { [NO] = UNKNOWN, [YES] = YES, [UNKNOWN] = UNKNOWN },
	};
	static const enum truth not[3] = { [NO] = YES, [YES] = NO, [UNKNOWN] = UNKNOWN };

	(void)state;
	for (int a = 0; a < 3; a++) {
		struct cond c = { .kind = COND_NOT, .a = &of_truth[a] };

		assert_int_equal(eval(&of_truth[a]), a);
		assert_int_equal(eval(&c), not[a]);
		for (int b = 0; b < 3; b++) {
			c = (struct cond){ .kind = COND_AND, .a = &of_truth[a], .b = &of_truth[b] };
			assert_int_equal(eval(&c), both[a][b]);
			c.kind = COND_OR;
			assert_int_equal(eval(&c), either[a][b]);
		}
	}
}

static void comparisons(void **state)
{
	static const struct {
		enum cond_kind kind;
		enum truth below, equal, above;
	} rows[] = {
		{ COND_EQ, NO, YES, NO },  { COND_NE, YES, NO, YES }, { COND_LT, YES, NO, NO },
		{ COND_LE, YES, YES, NO }, { COND_GT, NO, NO, YES },  { COND_GE, NO, YES, YES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct value v = { .kind = VALUE_CONST, .number = 54 };
		struct cond c = { .kind = rows[i].kind, .lhs = &dport, .rhs = &v };

		assert_int_equal(eval(&c), rows[i].below);
		v.number = 53;
		assert_int_equal(eval(&c), rows[i].equal);
		v.number = 52;
		assert_int_equal(eval(&c), rows[i].above);
		v.number = UINT64_MAX; /* unsigned */
		assert_int_equal(eval(&c), rows[i].below);
		c.rhs = &hops;
		assert_int_equal(eval(&c), UNKNOWN);
		c = (struct cond){ .kind = rows[i].kind, .lhs = &hops, .rhs = &hops };
		assert_int_equal(eval(&c), UNKNOWN);
	}
}

static void arithmetic(void **state)
{
	static const struct {
		enum value_kind kind;
		uint64_t b, result;
	} rows[] = {
		{ VALUE_AND, 0x31, 0x31 }, { VALUE_AND, 0xf0, 0x30 }, { VALUE_OR, 0x80, 0xb5 },
		{ VALUE_SHL, 1, 106 },     { VALUE_SHR, 1, 26 },      { VALUE_SHL, 60, 5ULL << 60 },
		{ VALUE_SHL, 64, 0 },      { VALUE_SHR, 64, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct value b = { .kind = VALUE_CONST, .number = rows[i].b };
		struct value v = { .kind = rows[i].kind, .a = &dport, .b = &b };
		struct value r = { .kind = VALUE_CONST, .number = rows[i].result };
		struct cond c = { .kind = COND_EQ, .lhs = &v, .rhs = &r };

		assert_int_equal(eval(&c), YES);
		v.a = &hops;
		assert_int_equal(eval(&c), UNKNOWN);
		v = (struct value){ .kind = rows[i].kind, .a = &b, .b = &hops };
		assert_int_equal(eval(&c), UNKNOWN);
	}
}

static void params(void **state)
{
	struct param p = { .id = 1, .value = 53 };
	struct value v = { .kind = VALUE_PARAM, .param = &p };
	struct cond c = { .kind = COND_EQ, .lhs = &dport, .rhs = &v };
	const uint64_t set[] = { 53, 54 };

	(void)state;
	assert_int_equal(eval(&c), YES);
	scene.env.params = set;
	assert_int_equal(eval(&c), NO);
	scene.env.params = NULL;
}

static void ranges(void **state)
{
	struct range r[] = { { 10, 20 }, { 53, 53 }, { 100, UINT64_MAX } };
	struct value v = { .kind = VALUE_CONST };
	struct cond c = { .kind = COND_RANGES, .lhs = &v, .ranges = r, .n = 3 };
	static const struct {
		uint64_t n;
		enum truth in;
	} rows[] = {
		{ 9, NO },   { 10, YES }, { 20, YES }, { 21, NO },   { 52, NO },
		{ 53, YES }, { 54, NO },  { 99, NO },  { 100, YES }, { UINT64_MAX, YES },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		v.number = rows[i].n;
		assert_int_equal(eval(&c), rows[i].in);
	}
	c.lhs = &hops;
	assert_int_equal(eval(&c), UNKNOWN);
}

static void prefixes(void **state)
{
	struct prefix p = { .addr = { 10, 0, 0, 2 }, .family = 4, .len = 32 };
	struct cond c = { .kind = COND_PREFIXES, .field = FIELD(IP_SRC), .prefixes = &p, .n = 1 };

	(void)state;
	assert_int_equal(eval(&c), YES);
	p.addr[3] = 3; /* differs in the last bit */
	assert_int_equal(eval(&c), NO);
	p.len = 31;
	assert_int_equal(eval(&c), YES);
	p.addr[3] = 0;
	assert_int_equal(eval(&c), NO);
	p.len = 30;
	assert_int_equal(eval(&c), YES);
	p.len = 0;
	p.addr[0] = 99;
	assert_int_equal(eval(&c), YES);

	/* The other family: known to be in none, unless the field is of one family only. */
	p.family = 6;
	assert_int_equal(eval(&c), NO);
	c.field.field = FIELD_IP4_SRC;
	assert_int_equal(eval(&c), NO);
	c.field.field = FIELD_IP6_SRC;
	assert_int_equal(eval(&c), UNKNOWN);
}

static void strings(void **state)
{
	static const struct {
		enum cond_kind kind;
		const char *s;
		uint32_t within;
		enum truth result;
	} rows[] = {
		{ COND_BYTES, "hello world", 0, YES },  { COND_BYTES, "hello worl", 0, NO },
		{ COND_BYTES, "hello world!", 0, NO },  { COND_STARTS, "hello", 0, YES },
		{ COND_STARTS, "hello world", 0, YES }, { COND_STARTS, "hello world!", 0, NO },
		{ COND_STARTS, "ello", 0, NO },         { COND_CONTAINS, "world", 11, YES },
		{ COND_CONTAINS, "world", 10, NO }, /* not whole within the bound */
		{ COND_CONTAINS, "world", 500, YES },   { COND_CONTAINS, "hello", 5, YES },
		{ COND_CONTAINS, "hello", 4, NO },      { COND_CONTAINS, "o w", 7, YES },
		{ COND_CONTAINS, "o w", 6, NO },        { COND_CONTAINS, "hello world!", 500, NO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b[] = {
			{ (const uint8_t *)"xyz", 3 },
			{ (const uint8_t *)rows[i].s, (uint32_t)strlen(rows[i].s) },
		};
		struct cond c = { .kind = rows[i].kind,
				  .field = FIELD(PAYLOAD),
				  .strings = b,
				  .n = 2,
				  .within = rows[i].within };

		if (eval(&c) != rows[i].result)
			print_error("\"%s\" within %u\n", rows[i].s, rows[i].within);
		assert_int_equal(eval(&c), rows[i].result);
		c.n = 1;
		assert_int_equal(eval(&c), NO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kleene),     cmocka_unit_test(comparisons),
		cmocka_unit_test(arithmetic), cmocka_unit_test(params),
		cmocka_unit_test(ranges),     cmocka_unit_test(prefixes),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, open_scene, close_scene);
}
