/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Includes on a real file system: names that do not depend on where the compiler
 * was started, files that have several paths, chains that are too long.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "syntax/ast.h"

struct scene {
	char folder[64], before[4096];
	struct arena *arena;
	struct source_set *set;
	struct diags *diags;
	char *errors;
};

static int open_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	strcpy(s->folder, "/tmp/iop-include-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	assert_non_null(getcwd(s->before, sizeof(s->before)));
	assert_int_equal(chdir(s->folder), 0);
	assert_int_equal(mkdir("lib", 0700), 0);
	*state = s;
	return 0;
}

static void forget(struct scene *s)
{
	free(s->errors);
	arena_free(s->arena);
	s->errors = NULL;
	s->arena = NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	forget(s);
	assert_int_equal(chdir(s->before), 0);
	assert_int_equal(nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(s);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static struct ast *parse(struct scene *s, const char *path)
{
	struct ast *ast;
	size_t size;
	FILE *out;

	forget(s);
	s->arena = arena_new();
	s->set = source_set_new(s->arena);
	s->diags = diags_new(s->arena, s->set);
	ast = syntax_parse(s->arena, s->set, path, s->diags);
	out = open_memstream(&s->errors, &size);
	assert_non_null(out);
	diags_render(s->diags, DIAG_TEXT, out);
	fclose(out);
	return ast;
}

static void assert_names(const struct scene *s, const char *const *names, size_t n)
{
	assert_int_equal(source_count(s->set), n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(source_at(s->set, i)->name, names[i]);
}

static void names_do_not_depend_on_where_it_started(void **state)
{
	static const char *const names[] = { "a.iop", "lib/b.iop", "lib/c.iop", "d.iop",
					     "../e.iop" };
	struct scene *s = *state;
	char path[128];

	assert_int_equal(mkdir("in", 0700), 0);
	assert_int_equal(mkdir("in/lib", 0700), 0);
	write_file("in/a.iop", "include \"lib/b.iop\"; include \"./lib/../../e.iop\";");
	write_file("in/lib/b.iop", "include \"c.iop\"; include \"../d.iop\";");
	write_file("in/lib/c.iop", "policy c;");
	write_file("in/d.iop", "policy d;");
	write_file("e.iop", "policy e;");

	assert_non_null(parse(s, "in/a.iop"));
	assert_names(s, names, 5);
	assert_non_null(parse(s, "./in//lib/../a.iop"));
	assert_names(s, names, 5);
	snprintf(path, sizeof(path), "%s/in/a.iop", s->folder);
	assert_non_null(parse(s, path));
	assert_names(s, names, 5);
	assert_int_equal(chdir("in"), 0);
	assert_non_null(parse(s, "a.iop"));
	assert_names(s, names, 5);
	assert_int_equal(chdir("lib"), 0);
	assert_non_null(parse(s, "../a.iop"));
	assert_names(s, names, 5);
}

static void an_absolute_include_keeps_its_name(void **state)
{
	struct scene *s = *state;
	const char *names[2] = { "a.iop", NULL };
	char text[256], name[128];

	snprintf(text, sizeof(text), "include \"%s/lib//./b.iop\";", s->folder);
	snprintf(name, sizeof(name), "%s/lib/b.iop", s->folder);
	names[1] = name;
	write_file("a.iop", text);
	write_file("lib/b.iop", "policy b;");
	assert_non_null(parse(s, "a.iop"));
	assert_names(s, names, 2);
}

static void a_file_with_two_paths_is_read_once(void **state)
{
	static const char *const names[] = { "a.iop", "lib/b.iop" };
	struct scene *s = *state;

	write_file("a.iop", "include \"lib/b.iop\"; include \"b.iop\"; include \"lib/../b.iop\";");
	write_file("lib/b.iop", "policy b;");
	assert_int_equal(symlink("lib/b.iop", "b.iop"), 0);
	assert_non_null(parse(s, "a.iop"));
	assert_names(s, names, 2);
}

static void a_circle_through_a_link_is_found(void **state)
{
	struct scene *s = *state;

	write_file("a.iop", "include \"lib/b.iop\";");
	write_file("lib/b.iop", "include \"again.iop\";");
	assert_int_equal(symlink("../a.iop", "lib/again.iop"), 0);
	assert_null(parse(s, "a.iop"));
	assert_non_null(strstr(s->errors, "lib/b.iop:1:9: error: cannot include `again.iop`: "
					  "it includes this file"));
	assert_non_null(strstr(s->errors, "a.iop:1:9: note: from there, `lib/b.iop`"));
}

static void a_dash_is_a_file_here(void **state)
{
	struct scene *s = *state;

	write_file("a.iop", "include \"-\";");
	write_file("-", "policy dash;");
	assert_non_null(parse(s, "a.iop"));
	assert_string_equal(source_at(s->set, 1)->name, "-");
	assert_int_equal(source_at(s->set, 1)->size, 12);
}

static void long_chains_are_refused(void **state)
{
	struct scene *s = *state;
	char path[32], text[64];

	for (int i = 0; i < 40; i++) {
		snprintf(path, sizeof(path), "c%d.iop", i);
		snprintf(text, sizeof(text), i < 39 ? "include \"c%d.iop\";" : "policy c;", i + 1);
		write_file(path, text);
	}
	assert_null(parse(s, "c0.iop"));
	assert_non_null(strstr(s->errors, "cannot include `c32.iop`: too many files"));
	assert_int_equal(diags_errors(s->diags), 1);
	assert_non_null(parse(s, "c8.iop"));
}

static void what_cannot_be_read_is_said(void **state)
{
	struct scene *s = *state;

	assert_null(parse(s, "none.iop"));
	assert_string_equal(s->errors,
			    "error: cannot read `none.iop`: No such file or directory\n");
	assert_null(parse(s, "lib"));
	assert_string_equal(s->errors, "error: cannot read `lib`: Is a directory\n");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	write_file("a.iop", "include \"pipe\";");
	assert_null(parse(s, "a.iop"));
	assert_non_null(strstr(s->errors, "it is not a regular file"));
}

static void a_builtin_includes_nothing(void **state)
{
	static const char text[] = "include \"a.iop\";";
	struct scene *s = *state;
	const struct source *f;

	write_file("a.iop", "policy a;");
	assert_non_null(parse(s, "a.iop"));
	f = source_add_builtin(s->set, "builtin.iop", text, sizeof(text) - 1);
	assert_null(syntax_parse_source(s->arena, s->set, f, s->diags));
	assert_int_equal(diags_errors(s->diags), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_do_not_depend_on_where_it_started),
		TEST(an_absolute_include_keeps_its_name),
		TEST(a_file_with_two_paths_is_read_once),
		TEST(a_circle_through_a_link_is_found),
		TEST(a_dash_is_a_file_here),
		TEST(long_chains_are_refused),
		TEST(what_cannot_be_read_is_said),
		TEST(a_builtin_includes_nothing),
	};

	return cmocka_run_group_tests_name("syntax, include", tests, NULL, NULL);
}
