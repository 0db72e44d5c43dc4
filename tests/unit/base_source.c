/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Offsets to lines and columns, at every edge of a file; names that do not depend
 * on where the compiler was started.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/source.h"

struct scene {
	struct arena *arena;
	struct source_set *set;
};

static int open_scene(void **state)
{
	struct scene *s = malloc(sizeof(*s));

	assert_non_null(s);
	s->arena = arena_new();
	s->set = source_set_new(s->arena);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	arena_free(s->arena);
	free(s);
	return 0;
}

static void assert_at(const struct scene *s, uint32_t offset, const struct source *f, uint32_t line,
		      uint32_t column)
{
	struct position at = source_position(s->set, offset);

	assert_ptr_equal(at.source, f);
	assert_int_equal(at.line, line);
	assert_int_equal(at.column, column);
}

static void offsets_become_positions(void **state)
{
	struct scene *s = *state;
	const struct source *a = source_add(s->set, "a.iop", NULL, "ab\n\ncd", 6);
	const struct source *empty = source_add(s->set, "empty.iop", NULL, "", 0);
	const struct source *b = source_add(s->set, "b.iop", NULL, "x\n", 2);

	assert_int_equal(source_count(s->set), 3);
	assert_ptr_equal(source_at(s->set, 2), b);
	assert_null(source_at(s->set, 3));

	assert_int_equal(a->base, 1);
	assert_int_equal(a->n_lines, 3);
	assert_at(s, 0, NULL, 0, 0);
	assert_at(s, a->base, a, 1, 1);
	assert_at(s, a->base + 2, a, 1, 3);
	assert_at(s, a->base + 3, a, 2, 1);
	assert_at(s, a->base + 4, a, 3, 1);
	assert_at(s, a->base + 6, a, 3, 3); /* the end of the file */
	assert_int_equal(empty->n_lines, 1);
	assert_at(s, empty->base, empty, 1, 1);
	assert_at(s, b->base, b, 1, 1);
	assert_at(s, b->base + 2, b, 2, 1);
	assert_at(s, b->base + 3, NULL, 0, 0);
	assert_at(s, UINT32_MAX, NULL, 0, 0);
}

static void text_may_hold_nuls(void **state)
{
	struct scene *s = *state;
	const struct source *f = source_add(s->set, "a", NULL, "a\0\nb", 4);

	assert_int_equal(f->size, 4);
	assert_memory_equal(f->text, "a\0\nb", 5);
	assert_int_equal(f->n_lines, 2);
}

static void names_are_relative_to_the_first(void **state)
{
	static const struct {
		const char *path, *name;
	} rows[] = {
		{ "/etc/iop/dns.iop", "dns.iop" },
		{ "/etc/iop/machine.iop", "machine.iop" },
		{ "/etc/iop/lib/kv.iop", "lib/kv.iop" },
		{ "/etc/iop/lib/../kv.iop", "kv.iop" },
		{ "/etc/common.iop", "../common.iop" },
		{ "/etc/iopx/a.iop", "../iopx/a.iop" },
		{ "/srv//x/./a.iop", "../../srv/x/a.iop" },
		{ "/a.iop", "../../a.iop" },
		{ "/x/../a.iop", "../../a.iop" },
		{ "/../a.iop", "../../a.iop" },
		{ "-", "<stdin>" },
	};
	struct scene *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(source_add(s->set, rows[i].path, NULL, "", 0)->name,
				    rows[i].name);
}

static void relative_paths_have_the_same_names(void **state)
{
	struct scene *s = *state;
	char here[4096], path[8192];

	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(path, sizeof(path), "%s/p/q/c.iop", here);
	assert_string_equal(source_add(s->set, "p/q/a.iop", NULL, "", 0)->name, "a.iop");
	assert_string_equal(source_add(s->set, "p/b.iop", NULL, "", 0)->name, "../b.iop");
	assert_string_equal(source_add(s->set, path, NULL, "", 0)->name, "c.iop");
	assert_string_equal(source_add(s->set, "x", "given", "", 0)->name, "given");
}

static void builtins_say_so(void **state)
{
	struct scene *s = *state;
	const struct source *f = source_add_builtin(s->set, "<built-in>/dns.iop", "x", 1);

	assert_true(f->builtin);
	assert_string_equal(f->name, "<built-in>/dns.iop");
	assert_false(source_add(s->set, "a", NULL, "", 0)->builtin);
}

static void files_are_read(void **state)
{
	struct scene *s = *state;
	char path[] = "/tmp/iop-unit-XXXXXX";
	int fd = mkstemp(path);
	const struct source *f;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a\0b\n", 4), 4);
	close(fd);
	f = source_read(s->set, path, "name");
	unlink(path);
	assert_non_null(f);
	assert_string_equal(f->name, "name");
	assert_int_equal(f->size, 4);
	assert_memory_equal(f->text, "a\0b\n", 5);
}

static void what_cannot_be_read_has_an_errno(void **state)
{
	struct scene *s = *state;

	errno = 0;
	assert_null(source_read(s->set, "/nowhere/at/all.iop", NULL));
	assert_int_equal(errno, ENOENT);
	errno = 0;
	assert_null(source_read(s->set, "/tmp", NULL));
	assert_int_equal(errno, EISDIR);
	errno = 0;
	assert_null(source_read(s->set, "/dev/zero", NULL));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(source_count(s->set), 0);
}

static void all_together_have_a_limit(void **state)
{
	enum { MIB = 1 << 20 };
	struct scene *s = *state;
	char *text = calloc(1, 40 * MIB);

	assert_non_null(text);
	assert_non_null(source_add(s->set, "a", NULL, text, 40 * MIB));
	errno = 0;
	assert_null(source_add(s->set, "b", NULL, text, 24 * MIB + 1));
	assert_int_equal(errno, EFBIG);
	assert_non_null(source_add(s->set, "b", NULL, text, 24 * MIB));
	assert_null(source_add(s->set, "c", NULL, "x", 1));
	assert_non_null(source_add(s->set, "d", NULL, "", 0));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(offsets_become_positions),
		TEST(text_may_hold_nuls),
		TEST(names_are_relative_to_the_first),
		TEST(relative_paths_have_the_same_names),
		TEST(builtins_say_so),
		TEST(files_are_read),
		TEST(what_cannot_be_read_has_an_errno),
		TEST(all_together_have_a_limit),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
