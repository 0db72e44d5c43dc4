/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fields that a packet may have or not, that take no room, or are looked for.
 */
#include "interp_fields.h"

static const struct value zero = { .kind = VALUE_CONST };
static const struct value one = { .kind = VALUE_CONST, .number = 1 };

/* `tag u8; when tag == 1 { key bytes 2; } tail u8;` */
static void behind_a_condition(void **state)
{
	struct hfield tag = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct value tag_value = { .kind = VALUE_FIELD, .field = HFIELD(&tag) };
	struct cond when = { .kind = COND_EQ, .lhs = &tag_value, .rhs = &one };
	struct hfield begin = { .kind = HTYPE_WHEN, .when = &when, .offset = 1, .index = 1 };
	struct hfield key = {
		.kind = HTYPE_BYTES, .fixed_size = 2, .max = 2, .anchor = &begin, .index = 2
	};
	struct hfield end = {
		.kind = HTYPE_WHEN, .begin = &begin, .anchor = &begin, .offset = 2, .index = 3
	};
	struct hfield tail = { .kind = HTYPE_U8, .width = 1, .anchor = &end, .index = 4 };
	struct header h = { .fields = LIST(&tag, &begin, &key, &end, &tail), .n_fields = 5 };

	(void)state;
	expect_bytes(&h, &key, "\1abZ", 4, "ab", 2);
	expect_number(&h, &tail, "\1abZ", 4, 'Z');
	expect_missing(&h, &tail, "\1ab", 3);
	expect_missing(&h, &key, "\0abZ", 4);
	expect_number(&h, &tail, "\0abZ", 4, 'a'); /* absent: takes no room */
	expect_missing(&h, &tail, "\0", 1);

	/* A condition that is unknown takes all that follows along. */
	when.lhs = &(struct value){ .kind = VALUE_FIELD, .field = FIELD(IP6_HOPS) };
	expect_missing(&h, &key, "\1abZ", 4);
	expect_missing(&h, &tail, "\1abZ", 4);
}

/* `peek { text until " "; } first u8;` */
static void looked_at(void **state)
{
	struct hfield word = { .kind = HTYPE_TEXT,
			       .max = 4,
			       .delim = (const uint8_t *)" \n",
			       .delim_len = 1,
			       .more_delims = 1,
			       .index = 0 };
	struct hfield back = { .kind = HTYPE_PEEK, .index = 1 };
	struct hfield first = { .kind = HTYPE_U8, .width = 1, .anchor = &back, .index = 2 };
	struct header h = { .fields = LIST(&word, &back, &first), .n_fields = 3 };

	(void)state;
	expect_bytes(&h, &word, "abc de", 6, "abc", 3);
	expect_bytes(&h, &word, "abc\nde ", 7, "abc", 3); /* the first of the delimiters */
	expect_number(&h, &first, "abc de", 6, 'a');
	expect_missing(&h, &word, "abcdef ", 7);
	expect_number(&h, &first, "abcdef ", 7, 'a'); /* whether it is there or not */
	expect_missing(&h, &first, "", 0);
}

/* `seek max 3 until tag == 0 { tag u8; size u8; skip size; } found u8;` */
static void looked_for(void **state)
{
	struct hfield tag = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield size = { .kind = HTYPE_U8, .width = 1, .offset = 1, .index = 1 };
	struct hfield data = {
		.kind = HTYPE_SKIP, .size_from = &size, .max = 5, .offset = 2, .index = 2
	};
	struct value tag_value = { .kind = VALUE_FIELD, .field = HFIELD(&tag) };
	struct cond until = { .kind = COND_EQ, .lhs = &tag_value, .rhs = &zero };
	struct hfield seek = { .kind = HTYPE_SEEK,
			       .max = 3,
			       .until = &until,
			       .fields = LIST(&tag, &size, &data),
			       .n_fields = 3,
			       .index = 0 };
	struct hfield found = {
		.kind = HTYPE_U8, .width = 1, .anchor = &seek, .offset = 1, .index = 1
	};
	struct header h = { .fields = LIST(&seek, &found), .n_fields = 2 };

	(void)state;
	expect_number(&h, &found, "\1\2ab\0\7", 6, 7); /* what is found need not be whole */
	expect_number(&h, &found, "\0\5", 2, 5);
	expect_number(&h, &found, "\1\0\1\0\0\5", 6, 5);
	expect_missing(&h, &found, "\1\0\1\0\1\0\0\5", 8); /* behind as many as are looked at */
	expect_missing(&h, &found, "\1\6abcdef\0\5", 10);	/* passes over what is whole only */
	expect_missing(&h, &found, "\1\2a", 3);
	expect_missing(&h, &found, "\0", 1);
}

static void decimals(void **state)
{
	struct hfield n = { .kind = HTYPE_DECIMAL,
			    .max = 3,
			    .delim = (const uint8_t *)"\r\n",
			    .delim_len = 2,
			    .index = 0 };
	struct hfield behind = { .kind = HTYPE_U8, .width = 1, .anchor = &n, .index = 1 };
	struct header h = { .fields = LIST(&n, &behind), .n_fields = 2 };

	(void)state;
	expect_number(&h, &n, "120\r\nZ", 6, 120);
	expect_number(&h, &n, "007\r\n", 5, 7);
	expect_number(&h, &behind, "1\r\nZ", 4, 'Z');
	expect_missing(&h, &n, "1200\r\n", 6);
	expect_missing(&h, &n, "\r\n", 2);
	expect_missing(&h, &n, "12", 2);
	expect_missing(&h, &n, "-1\r\n", 4);
	expect_missing(&h, &n, "1:\r\n", 4);
	expect_missing(&h, &behind, "1/\r\nZ", 5);
}

/* The examples of RFC 9000, appendix A.1. */
static void varints(void **state)
{
	struct hfield n = { .kind = HTYPE_VARINT, .index = 0 };
	struct hfield behind = { .kind = HTYPE_U8, .width = 1, .anchor = &n, .index = 1 };
	struct header h = { .fields = LIST(&n, &behind), .n_fields = 2 };

	(void)state;
	expect_number(&h, &n, "\xc2\x19\x7c\x5e\xff\x14\xe8\x8c", 8, 151288809941952652);
	expect_number(&h, &n, "\x9d\x7f\x3e\x7d", 4, 494878333);
	expect_number(&h, &n, "\x7b\xbd", 2, 15293);
	expect_number(&h, &n, "\x25", 1, 37);
	expect_number(&h, &n, "\x40\x25", 2, 37);
	expect_number(&h, &behind, "\x40\x25Z", 3, 'Z');
	expect_missing(&h, &n, "\x9d\x7f\x3e", 3);
	expect_missing(&h, &n, "", 0);
}

static void of_the_workload(void **state)
{
	struct hfield n = { .kind = HTYPE_GIVEN, .number = 2, .index = 0 };
	struct hfield id = { .kind = HTYPE_BYTES, .size_from = &n, .max = 20, .index = 1 };
	struct header h = { .fields = LIST(&n, &id), .n_fields = 2 };

	(void)state;
	expect_bytes(&h, &id, "abc", 3, "ab", 2);
	expect_number(&h, &n, "", 0, 2);
	expect_missing(&h, &id, "a", 1);
}

/* As the last field of an element it ends where the one before it does. */
static void given_last(void **state)
{
	struct hfield tag = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield n = { .kind = HTYPE_GIVEN, .number = 2, .offset = 1, .index = 1 };
	struct value tag_value = { .kind = VALUE_FIELD, .field = HFIELD(&tag) };
	struct cond until = { .kind = COND_EQ, .lhs = &tag_value, .rhs = &zero };
	struct hfield list = { .kind = HTYPE_REPEAT,
			       .max = 3,
			       .until = &until,
			       .fields = LIST(&tag, &n),
			       .n_fields = 2,
			       .index = 0 };
	struct header h = { .fields = LIST(&list), .n_fields = 1 };

	(void)state;
	expect_bytes(&h, &list, "\1\1\0Z", 4, "\1\1\0", 3);
	expect_missing(&h, &list, "\1\1", 2);
}

static void either_case(void **state)
{
	struct hfield name = {
		.kind = HTYPE_BYTES, .fixed_size = 6, .max = 6, .nocase = true, .index = 0
	};
	struct header h = { .fields = LIST(&name), .n_fields = 1 };
	struct bytes text = { (const uint8_t *)"a[z`@{", 6 };
	struct cond same = { .kind = COND_BYTES, .field = HFIELD(&name), .strings = &text, .n = 1 };
	struct field_ref ref = HFIELD(&name);
	struct frame_spec lower_case = datagram("a[z`@{", 6), upper_case = datagram("A[Z`@{", 6),
			  other = datagram("a{z`@[", 6);
	struct key keys[2] = { { .n = 0 }, { .n = 0 } };
	struct scene s;

	(void)state;
	scene_open(&s, &lower_case, &h);
	assert_int_equal(cond_eval(&same, &s.facts), YES);
	key_add_field(&keys[0], &ref, &s.facts);
	scene_close(&s);
	scene_open(&s, &upper_case, &h);
	assert_int_equal(cond_eval(&same, &s.facts), YES);
	key_add_field(&keys[1], &ref, &s.facts);
	scene_close(&s);
	assert_int_equal(key_hash(&keys[0]), key_hash(&keys[1]));
	scene_open(&s, &other, &h); /* only letters have a case */
	assert_int_equal(cond_eval(&same, &s.facts), NO);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(behind_a_condition), cmocka_unit_test(looked_at),
		cmocka_unit_test(looked_for),	      cmocka_unit_test(decimals),
		cmocka_unit_test(varints),	      cmocka_unit_test(of_the_workload),
		cmocka_unit_test(given_last),
		cmocka_unit_test(either_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
