/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Diagnostics to the byte: what is underlined, what is left out, and that nothing
 * a source can hold reaches a terminal or breaks a line of JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"

struct scene {
	struct arena *arena;
	struct source_set *set;
	struct diags *diags;
	const struct source *file;
	char *shown;
};

static int open_scene(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->arena = arena_new();
	s->set = source_set_new(s->arena);
	s->diags = diags_new(s->arena, s->set);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;

	free(s->shown);
	arena_free(s->arena);
	free(s);
	return 0;
}

static void load(struct scene *s, const char *text, size_t size)
{
	s->file = source_add(s->set, "p.iop", NULL, text, size);
	assert_non_null(s->file);
}

#define LOAD(s, literal) load((s), (literal), sizeof(literal) - 1)

/* A span by the offsets within the loaded file. */
static struct span at(const struct scene *s, uint32_t begin, uint32_t end)
{
	return (struct span){ s->file->base + begin, s->file->base + end };
}

static const char *render(struct scene *s, enum diag_format format)
{
	size_t size;
	FILE *out;

	free(s->shown);
	out = open_memstream(&s->shown, &size);
	assert_non_null(out);
	diags_render(s->diags, format, out);
	fclose(out);
	return s->shown;
}

static void one_error_with_all_its_parts(void **state)
{
	struct scene *s = *state;
	struct diag *g;

	LOAD(s, "pool net { cores 0; }\n\tall -> steer to nett;\n");
	g = diag_error(s->diags, at(s, 39, 43), "there is no pool `%s`", "nett");
	diag_note(g, at(s, 5, 8), "the only pool is here");
	diag_help(g, "did you mean `net`?");
	assert_string_equal(render(s, DIAG_TEXT), "p.iop:2:18: error: there is no pool `nett`\n"
						  "    2 |         all -> steer to nett;\n"
						  "      |                         ^~~~\n"
						  "p.iop:1:6: note: the only pool is here\n"
						  "    1 | pool net { cores 0; }\n"
						  "      |      ^~~\n"
						  "help: did you mean `net`?\n");
	assert_int_equal(diags_errors(s->diags), 1);
	assert_int_equal(diags_warnings(s->diags), 0);
}

static void the_same_as_json(void **state)
{
	struct scene *s = *state;
	struct diag *g;

	assert_string_equal(render(s, DIAG_JSON), "[]\n");
	LOAD(s, "pool net { cores 0; }\n\tall -> steer to nett;\n");
	g = diag_error(s->diags, at(s, 39, 43), "there is no pool `%s`", "nett");
	diag_note(g, at(s, 5, 8), "the only \"pool\" is here");
	diag_note(g, SPAN_NONE, "somewhere");
	diag_help(g, "did you mean `net`?");
	diag_help(g, "or\tnot");
	diag_warning(s->diags, SPAN_NONE, "\xff\x01\\");
	assert_string_equal(
		render(s, DIAG_JSON),
		"[{\"level\":\"warning\",\"file\":null,\"line\":null,\"column\":null,"
		"\"end_line\":null,\"end_column\":null,\"message\":\"\\ufffd\\u0001\\\\\","
		"\"notes\":[],\"help\":[]},\n"
		"{\"level\":\"error\",\"file\":\"p.iop\",\"line\":2,\"column\":18,\"end_line\":2,"
		"\"end_column\":22,\"message\":\"there is no pool `nett`\",\"notes\":["
		"{\"file\":\"p.iop\",\"line\":1,\"column\":6,\"end_line\":1,\"end_column\":9,"
		"\"message\":\"the only \\\"pool\\\" is here\"},"
		"{\"file\":null,\"line\":null,\"column\":null,\"end_line\":null,"
		"\"end_column\":null,\"message\":\"somewhere\"}],"
		"\"help\":[\"did you mean `net`?\",\"or\\u0009not\"]}]\n");
}

static void sorted_by_file_and_offset(void **state)
{
	struct scene *s = *state;
	const struct source *other;

	LOAD(s, "a b");
	other = source_add(s->set, "q.iop", NULL, "c", 1);
	diag_error(s->diags, (struct span){ other->base, other->base + 1 }, "fourth");
	diag_error(s->diags, at(s, 2, 3), "second");
	diag_warning(s->diags, at(s, 2, 3), "third");
	diag_error(s->diags, at(s, 0, 1), "first");
	diag_error(s->diags, SPAN_NONE, "nowhere");
	assert_string_equal(render(s, DIAG_TEXT), "error: nowhere\n"
						  "p.iop:1:1: error: first\n"
						  "    1 | a b\n"
						  "      | ^\n"
						  "p.iop:1:3: error: second\n"
						  "    1 | a b\n"
						  "      |   ^\n"
						  "p.iop:1:3: warning: third\n"
						  "    1 | a b\n"
						  "      |   ^\n"
						  "q.iop:1:1: error: fourth\n"
						  "    1 | c\n"
						  "      | ^\n");
}

static void repetitions_are_dropped(void **state)
{
	struct scene *s = *state;
	struct diag *again;

	LOAD(s, "abc");
	diag_error(s->diags, at(s, 0, 1), "x");
	again = diag_error(s->diags, at(s, 0, 1), "x");
	diag_note(again, at(s, 0, 1), "lost");
	diag_help(again, "lost");
	diag_error(s->diags, at(s, 0, 2), "x");
	diag_error(s->diags, at(s, 0, 2), "y");
	diag_warning(s->diags, at(s, 0, 2), "y");
	assert_int_equal(diags_errors(s->diags), 3);
	assert_int_equal(diags_warnings(s->diags), 1);
	assert_null(strstr(render(s, DIAG_TEXT), "lost"));
}

static void twenty_are_kept_and_the_rest_counted(void **state)
{
	struct scene *s = *state;
	const char *text;

	LOAD(s, "abc");
	for (int i = 0; i < 21; i++)
		diag_error(s->diags, SPAN_NONE, "number %d", i);
	text = render(s, DIAG_TEXT);
	assert_non_null(strstr(text, "error: number 19\n1 more error not shown\n"));
	assert_null(strstr(text, "number 20"));
	for (int i = 0; i < 11; i++)
		diag_error(s->diags, at(s, 0, 1), "again");
	assert_int_equal(diags_errors(s->diags), 32);
	text = render(s, DIAG_TEXT);
	assert_non_null(strstr(text, "error: number 19\n12 more errors not shown\n"));
	text = render(s, DIAG_JSON);
	assert_non_null(strstr(text, "\"message\":\"12 more errors not shown\""));
	for (int i = 0; i < 102; i++)
		diag_warning(s->diags, SPAN_NONE, "warning %d", i);
	assert_int_equal(diags_warnings(s->diags), 102);
	text = render(s, DIAG_TEXT);
	assert_non_null(strstr(text, "not shown\n2 more warnings not shown\n"));
}

static void spans_of_every_shape(void **state)
{
	struct scene *s = *state;

	LOAD(s, "ab cd\r\nef\n");
	diag_error(s->diags, at(s, 3, 9), "over two lines");
	diag_error(s->diags, at(s, 5, 5), "empty, at the end of a line");
	diag_error(s->diags, at(s, 6, 7), "the line break");
	diag_error(s->diags, at(s, 10, 10), "the end of the file");
	diag_error(s->diags, (struct span){ s->file->base + 8, 2 }, "backwards");
	diag_error(s->diags, (struct span){ s->file->base + 7, 4000 }, "too far");
	assert_string_equal(render(s, DIAG_TEXT), "p.iop:1:4: error: over two lines\n"
						  "    1 | ab cd\n"
						  "      |    ^~\n"
						  "p.iop:1:6: error: empty, at the end of a line\n"
						  "    1 | ab cd\n"
						  "      |      ^\n"
						  "p.iop:1:7: error: the line break\n"
						  "    1 | ab cd\n"
						  "      |      ^\n"
						  "p.iop:2:1: error: too far\n"
						  "    2 | ef\n"
						  "      | ^~\n"
						  "p.iop:2:2: error: backwards\n"
						  "    2 | ef\n"
						  "      |  ^\n"
						  "p.iop:3:1: error: the end of the file\n"
						  "    3 | \n"
						  "      | ^\n");
}

static void unprintable_text_is_escaped(void **state)
{
	struct scene *s = *state;

	/* NUL, escape, broken and cut UTF-8, a C1 control, a right-to-left override,
	 * then two characters of which the second takes two columns */
	/* NOLINTNEXTLINE(misc-misleading-bidirectional) */
	LOAD(s, "\0\033[1m\xff\xc3\xc2\x9b\xe2\x80\xae\xc3\xa9\xe4\xbd\xa0!");
	diag_error(s->diags, at(s, 17, 18), "bad \033[31m \xfe");
	assert_string_equal(render(s, DIAG_TEXT),
			    "p.iop:1:18: error: bad \\x1b[31m \\xfe\n"
			    "    1 | \\x00\\x1b[1m\\xff\\xc3\\u{9b}\\u{202e}\xc3\xa9\xe4\xbd\xa0!\n"
			    "      |                                     ^\n");
}

static void broken_characters_are_shown_byte_by_byte(void **state)
{
	struct scene *s = *state;

	/* the last control; too long a form; a surrogate; beyond Unicode; cut */
	LOAD(s, "\x1f \xc0\x80 \xe0\x80\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xf8 \xf0\x9f\x98");
	diag_error(s->diags, at(s, 0, 1), "x");
	assert_string_equal(render(s, DIAG_TEXT),
			    "p.iop:1:1: error: x\n"
			    "    1 | \\x1f \\xc0\\x80 \\xe0\\x80\\xaf \\xed\\xa0\\x80 "
			    "\\xf4\\x90\\x80\\x80 \\xf8 \\xf0\\x9f\\x98\n"
			    "      | ^~~~\n");
}

static void marks_are_as_wide_as_what_they_mark(void **state)
{
	struct scene *s = *state;

	LOAD(s, "a\tb \xc3\xa9\xe4\xbd\xa0\x01 c");
	diag_error(s->diags, at(s, 1, 3), "tab");
	diag_error(s->diags, at(s, 4, 10), "rest");
	assert_string_equal(render(s, DIAG_TEXT), "p.iop:1:2: error: tab\n"
						  "    1 | a       b \xc3\xa9\xe4\xbd\xa0\\x01 c\n"
						  "      |  ^~~~~~~~\n"
						  "p.iop:1:5: error: rest\n"
						  "    1 | a       b \xc3\xa9\xe4\xbd\xa0\\x01 c\n"
						  "      |           ^~~~~~~\n");
}

static void long_lines_are_cut(void **state)
{
	struct scene *s = *state;
	char text[1000];
	const char *line, *mark;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	load(s, text, sizeof(text));
	diag_error(s->diags, at(s, 500, 503), "middle");
	render(s, DIAG_TEXT);
	line = strstr(s->shown, "| ") + 2;
	mark = strstr(line, "| ") + 2;
	assert_memory_equal(line, "...", 3);
	assert_memory_equal(strchr(line, '\n') - 3, "...", 3);
	assert_true(strcspn(line, "\n") < 130);
	assert_int_equal(strcspn(mark, "^"), 43);
	assert_memory_equal(line + 43, &text[500], 3);
	assert_string_equal(mark + 43, "^~~\n");
}

static void the_ends_of_long_lines_are_not_cut(void **state)
{
	struct scene *s = *state;
	char text[1000];

	memset(text, 'x', sizeof(text));
	load(s, text, sizeof(text));
	diag_error(s->diags, at(s, 0, 1000), "all");
	diag_error(s->diags, at(s, 1000, 1000), "end");
	render(s, DIAG_TEXT);
	assert_non_null(strstr(s->shown, "    1 | xxx"));
	assert_non_null(strstr(s->shown, "    1 | ...xxx"));
	assert_int_equal(s->shown[strlen(s->shown) - 2], '^');
	assert_null(strstr(strstr(s->shown, "error: end"), "x..."));
}

static void long_lines_are_cut_between_characters(void **state)
{
	struct scene *s = *state;
	char text[1000];

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	load(s, text, sizeof(text));
	for (uint32_t i = 300; i < 304; i++)
		diag_error(s->diags, at(s, i, i + 1), "here");
	assert_null(strstr(render(s, DIAG_TEXT), "\\x"));
	/* and where there are none, it does not search on */
	memset(text, 0x80, sizeof(text));
	load(s, text, sizeof(text));
	diag_error(s->diags, at(s, 500, 501), "here");
	assert_non_null(strstr(render(s, DIAG_TEXT), "...\\x80"));
}

static void colour_is_put_around(void **state)
{
	struct scene *s = *state;
	struct diag *g;

	LOAD(s, "ab");
	g = diag_error(s->diags, at(s, 0, 2), "x");
	diag_help(g, "y");
	assert_string_equal(render(s, DIAG_TEXT_COLOUR),
			    "\033[1mp.iop:1:1: \033[1;31merror\033[0m: \033[1mx\033[0m\n"
			    "    1 | ab\n"
			    "      | \033[1;31m^~\033[0m\n"
			    "\033[1;32mhelp\033[0m: y\n");
}

static void the_closest_word_is_found(void **state)
{
	static const char *const words[] = { "steer", "drop",         NULL,
					     "limit", "least_loaded", "round_robin" };
	static const struct {
		const char *word, *found;
	} rows[] = {
		{ "drpo", "drop" },    /* two swapped are one edit */
		{ "dorp", "drop" },
		{ "dro", "drop" },
		{ "dropp", "drop" },
		{ "limits", "limit" },
		{ "lomot", NULL },     /* two of five letters */
		{ "leastloaded", "least_loaded" },
		{ "round-robin", "round_robin" },
		{ "roundrbn", NULL },
		{ "xy", NULL },
		{ "", NULL },
		{ "steer", "steer" },
	};
	char huge[300];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = diag_closest(rows[i].word, words, 6);

		if (rows[i].found)
			assert_string_equal(found, rows[i].found);
		else
			assert_null(found);
	}
	memset(huge, 'x', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	assert_null(diag_closest(huge, words, 6));
	assert_null(diag_closest("drop", (const char *[]){ huge }, 1));
	assert_null(diag_closest("drop", NULL, 0));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_scene, close_scene)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_error_with_all_its_parts),
		TEST(the_same_as_json),
		TEST(sorted_by_file_and_offset),
		TEST(repetitions_are_dropped),
		TEST(twenty_are_kept_and_the_rest_counted),
		TEST(spans_of_every_shape),
		TEST(unprintable_text_is_escaped),
		TEST(broken_characters_are_shown_byte_by_byte),
		TEST(marks_are_as_wide_as_what_they_mark),
		TEST(long_lines_are_cut),
		TEST(the_ends_of_long_lines_are_not_cut),
		TEST(long_lines_are_cut_between_characters),
		TEST(colour_is_put_around),
		TEST(the_closest_word_is_found),
	};

	return cmocka_run_group_tests_name("diag", tests, NULL, NULL);
}
