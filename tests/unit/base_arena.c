/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arena's promises: zeroed, aligned, apart from each other, valid to the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

static int open_arena(void **state)
{
	*state = arena_new();
	return 0;
}

static int close_arena(void **state)
{
	arena_free(*state);
	return 0;
}

static void blocks_are_zeroed_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 17, 1000, 16 * 1024 + 1, 200 * 1024 };
	enum { ROUNDS = 50, N = sizeof(sizes) / sizeof(sizes[0]) };
	unsigned char *blocks[ROUNDS][N];

	for (size_t i = 0; i < ROUNDS; i++) {
		for (size_t k = 0; k < N; k++) {
			unsigned char *b = arena_alloc(*state, sizes[k]);

			assert_non_null(b);
			assert_int_equal((uintptr_t)b % _Alignof(max_align_t), 0);
			for (size_t n = 0; n < sizes[k]; n++)
				assert_int_equal(b[n], 0);
			memset(b, (int)(1 + i * N + k) & 0xff, sizes[k]);
			blocks[i][k] = b;
		}
	}
	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t k = 0; k < N; k++)
			for (size_t n = 0; n < sizes[k]; n++)
				assert_int_equal(blocks[i][k][n], (1 + i * N + k) & 0xff);
}

static void first_block_may_be_large(void **state)
{
	char *large = arena_alloc(*state, 1 << 20), *small = arena_alloc(*state, 1);

	large[(1 << 20) - 1] = 'x';
	*small = 'y';
	assert_int_equal(large[(1 << 20) - 1], 'x');
}

static void strings_are_copied(void **state)
{
	const char with_nul[] = "ab\0cd";
	char *copy = arena_strndup(*state, with_nul, 5);

	assert_memory_equal(copy, with_nul, 6);
	assert_string_equal(arena_strdup(*state, ""), "");
	assert_string_equal(arena_strndup(*state, NULL, 0), "");
	assert_string_equal(arena_printf(*state, "%d-%s", 7, "x"), "7-x");
	assert_int_equal(strlen(arena_printf(*state, "%*s", 100000, "")), 100000);
}

struct pair {
	int a, b;
};

static void vectors_grow(void **state)
{
	vec(struct pair) v = { NULL, 0, 0 };

	for (int i = 0; i < 10000; i++) {
		struct pair *new = vec_push(*state, &v);

		assert_int_equal(new->a, 0);
		assert_int_equal(new->b, 0);
		*new = (struct pair){ i, -i };
	}
	assert_int_equal(v.n, 10000);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(v.v[i].a, i);
		assert_int_equal(v.v[i].b, -i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(blocks_are_zeroed_and_apart, open_arena,
						close_arena),
		cmocka_unit_test_setup_teardown(first_block_may_be_large, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(strings_are_copied, open_arena, close_arena),
		cmocka_unit_test_setup_teardown(vectors_grow, open_arena, close_arena),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
