/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Headers laid over payloads: where each field is, and when it is missing.
 */
#include "interp_fields.h"

static void numbers(void **state)
{
	struct hfield a = { .kind = HTYPE_U8, .width = 1, .offset = 0, .index = 0 };
	struct hfield b = { .kind = HTYPE_U16, .width = 2, .offset = 1, .index = 1 };
	struct hfield c = {
		.kind = HTYPE_U32, .width = 4, .offset = 3, .little = true, .index = 2
	};
	struct hfield d = { .kind = HTYPE_U64, .width = 8, .offset = 7, .index = 3 };
	struct header h = { .fields = LIST(&a, &b, &c, &d), .n_fields = 4 };
	const uint8_t p[] = { 1, 2, 3, 4, 5, 6, 7, 0x88, 9, 10, 11, 12, 13, 14, 15 };
	const struct hfield *const fields[] = { &a, &b, &c, &d };
	const uint64_t values[] = { 1, 0x0203, 0x07060504, 0x88090a0b0c0d0e0f };

	(void)state;
	for (int i = 0; i < 4; i++) {
		size_t need = fields[i]->offset + fields[i]->width;

		for (size_t len = 0; len <= sizeof(p); len++) {
			if (len < need)
				expect_missing(&h, fields[i], p, len);
			else
				expect_number(&h, fields[i], p, len, values[i]);
		}
	}
}

static void bits(void **state)
{
	/* a 1, b 4, c 11 in a unit of two bytes; d 64 in one of eight */
	struct hfield a = { .kind = HTYPE_BITS, .width = 2, .shift = 15, .bits = 1, .index = 0 };
	struct hfield b = { .kind = HTYPE_BITS, .width = 2, .shift = 11, .bits = 4, .index = 1 };
	struct hfield c = { .kind = HTYPE_BITS, .width = 2, .shift = 0, .bits = 11, .index = 2 };
	struct hfield d = { .kind = HTYPE_BITS, .width = 8, .bits = 64, .offset = 2, .index = 3 };
	struct header h = { .fields = LIST(&a, &b, &c, &d), .n_fields = 4 };
	const uint8_t p[] = { 0xd4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8 };

	(void)state;
	expect_number(&h, &a, p, 2, 1);
	expect_number(&h, &b, p, 2, 10);
	expect_number(&h, &c, p, 2, 0x421);
	expect_missing(&h, &a, p, 1); /* its bit is there, its unit is not */
	expect_number(&h, &d, p, 10, 0x0102030405060708);
	expect_missing(&h, &d, p, 9);
}

static void sized_bytes(void **state)
{
	struct hfield klen = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield id = { .kind = HTYPE_U16, .width = 2, .offset = 1, .index = 1 };
	struct hfield key = {
		.kind = HTYPE_BYTES, .size_from = &klen, .max = 5, .offset = 3, .index = 2
	};
	struct hfield gap = { .kind = HTYPE_SKIP, .fixed_size = 2, .anchor = &key, .index = 3 };
	struct hfield end = {
		.kind = HTYPE_U8, .width = 1, .anchor = &key, .offset = 2, .index = 4
	};
	struct header h = { .fields = LIST(&klen, &id, &key, &gap, &end), .n_fields = 5 };

	(void)state;
	expect_bytes(&h, &key, "\3..abc??Z", 9, "abc", 3);
	expect_number(&h, &end, "\3..abc??Z", 9, 'Z');
	expect_missing(&h, &end, "\3..abc??", 8);
	expect_bytes(&h, &key, "\3..abc", 6, "abc", 3);
	expect_missing(&h, &key, "\3..ab", 5);
	expect_bytes(&h, &key, "\0..", 3, "", 0);
	expect_missing(&h, &key, "\0.", 2); /* nothing of it, but its place is not there */
	expect_number(&h, &end, "\0..??Z", 6, 'Z');
	expect_bytes(&h, &key, "\5..abcde", 8, "abcde", 5);
	expect_missing(&h, &key, "\6..abcdef??Z", 12); /* more than its bound … */
	expect_missing(&h, &end, "\6..abcdef??Z", 12); /* … takes along what follows */
	expect_number(&h, &id, "\6\1\2", 3, 0x0102);    /* but not what goes before */
}

static void delimited_text(void **state)
{
	struct hfield verb = { .kind = HTYPE_TEXT,
			       .max = 3,
			       .index = 0,
			       .delim = (const uint8_t *)" ",
			       .delim_len = 1 };
	struct hfield line = { .kind = HTYPE_TEXT,
			       .max = 8,
			       .anchor = &verb,
			       .index = 1,
			       .delim = (const uint8_t *)"\r\n",
			       .delim_len = 2 };
	struct hfield rest = { .kind = HTYPE_TEXT, .max = 4, .anchor = &line, .index = 2 };
	struct header h = { .fields = LIST(&verb, &line, &rest), .n_fields = 3 };

	(void)state;
	expect_bytes(&h, &verb, "get k\r\nxyz", 10, "get", 3);
	expect_bytes(&h, &line, "get k\r\nxyz", 10, "k", 1);
	expect_bytes(&h, &rest, "get k\r\nxyz", 10, "xyz", 3);
	expect_bytes(&h, &rest, "get k\r\n", 7, "", 0);
	expect_bytes(&h, &rest, "get k\r\nwxyz", 11, "wxyz", 4);
	expect_missing(&h, &rest, "get k\r\nvwxyz", 12);
	expect_bytes(&h, &verb, " k", 2, "", 0);
	expect_missing(&h, &verb, "gets k\r\n", 8); /* four before the delimiter */
	expect_missing(&h, &line, "gets k\r\n", 8);
	expect_missing(&h, &verb, "get", 3);
	expect_missing(&h, &line, "get k\r", 6); /* half a delimiter */
	expect_bytes(&h, &line, "get \r\r\n", 7, "\r", 1);
	expect_bytes(&h, &line, "get 12345678\r\n", 14, "12345678", 8);
	expect_missing(&h, &line, "get 123456789\r\n", 15);
	expect_missing(&h, &verb, "", 0);
}

/* Labels as in DNS, at most three, then a number. */
static struct hfield label_len = { .kind = HTYPE_U8, .width = 1, .index = 0 };
static struct hfield label = {
	.kind = HTYPE_BYTES, .size_from = &label_len, .max = 4, .offset = 1, .index = 1
};
static const struct value len_value = { .kind = VALUE_FIELD, .field = HFIELD(&label_len) };
static const struct value zero = { .kind = VALUE_CONST };
static const struct cond is_root = { .kind = COND_EQ, .lhs = &len_value, .rhs = &zero };
static struct hfield *const label_fields[] = { &label_len, &label };

static void repeated(void **state)
{
	struct hfield id = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield name = { .kind = HTYPE_REPEAT,
			       .offset = 1,
			       .max = 3,
			       .until = &is_root,
			       .fields = label_fields,
			       .n_fields = 2,
			       .index = 1 };
	struct hfield type = { .kind = HTYPE_U16, .width = 2, .anchor = &name, .index = 2 };
	struct header h = { .fields = LIST(&id, &name, &type), .n_fields = 3 };

	(void)state;
	expect_bytes(&h, &name, "!\1a\2bc\0\0\x1c", 9, "\1a\2bc", 6);
	expect_number(&h, &type, "!\1a\2bc\0\0\x1c", 9, 28);
	expect_missing(&h, &type, "!\1a\2bc\0\0", 8);
	expect_bytes(&h, &name, "!\0", 2, "", 1);
	expect_number(&h, &type, "!\0\1\2", 4, 0x0102);
	expect_missing(&h, &name, "!\1a\1b\1c\0zz", 10); /* the fourth ends it */
	expect_missing(&h, &type, "!\1a\1b\1c\0zz", 10);
	expect_missing(&h, &name, "!\1a\2b", 5);         /* cut in an element */
	expect_missing(&h, &name, "!\1a", 3);            /* cut between two */
	expect_missing(&h, &name, "!\5abcde\0", 8);      /* an element beyond its bound */
	expect_missing(&h, &name, "!", 1);
	expect_missing(&h, &label, "!\1a\0", 4);         /* elements have no name outside */
}

/* An `until` over what the packet does not have never ends the list. */
static void until_unknown(void **state)
{
	static const struct value hops = { .kind = VALUE_FIELD, .field = FIELD(IP6_HOPS) };
	struct cond until = { .kind = COND_EQ, .lhs = &hops, .rhs = &zero };
	struct cond negated = { .kind = COND_NOT, .a = &until };
	struct hfield bytes = { .kind = HTYPE_REPEAT,
				.max = 3,
				.until = &until,
				.fields = label_fields,
				.n_fields = 1,
				.index = 0 };
	struct header h = { .fields = LIST(&bytes), .n_fields = 1 };

	(void)state;
	expect_missing(&h, &bytes, "\0\0\0\0", 4);
	bytes.until = &negated;
	expect_missing(&h, &bytes, "\0\0\0\0", 4);
}

/* Elements may use what stands before the list. */
static void repeat_looks_out(void **state)
{
	struct hfield size = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield tag = { .kind = HTYPE_U8, .width = 1, .index = 0 };
	struct hfield data = {
		.kind = HTYPE_SKIP, .size_from = &size, .max = 9, .offset = 1, .index = 1
	};
	struct value tag_value = { .kind = VALUE_FIELD, .field = HFIELD(&tag) };
	struct cond until = { .kind = COND_EQ, .lhs = &tag_value, .rhs = &zero };
	struct hfield list = { .kind = HTYPE_REPEAT,
			       .max = 4,
			       .until = &until,
			       .offset = 1,
			       .fields = LIST(&tag, &data),
			       .n_fields = 2,
			       .index = 1 };
	struct header h = { .fields = LIST(&size, &list), .n_fields = 2 };

	(void)state;
	expect_bytes(&h, &list, "\2\1aa\1bb\0ccrest", 14, "\1aa\1bb\0cc", 9);
	expect_missing(&h, &list, "\2\1aa\1bb\0c", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),          cmocka_unit_test(bits),
		cmocka_unit_test(sized_bytes),      cmocka_unit_test(delimited_text),
		cmocka_unit_test(repeated),         cmocka_unit_test(until_unknown),
		cmocka_unit_test(repeat_looks_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
