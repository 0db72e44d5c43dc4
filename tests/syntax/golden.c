/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x.iop, and the tree or the messages that must come of it: x.ast if the text is
 * accepted, x.stderr if it is not. Links base and syntax and nothing else.
 *
 * usage: golden [--update] X.iop
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "syntax/ast.h"

/* A block of text that the caller frees; NULL if there is no such file. */
static char *read_file(const char *path, size_t *size)
{
	FILE *in = fopen(path, "rb");
	char *text = NULL, part[4096];
	FILE *out;

	if (!in)
		return NULL;
	out = open_memstream(&text, size);
	while (out && !feof(in) && !ferror(in))
		fwrite(part, 1, fread(part, 1, sizeof(part), in), out);
	if (out)
		fclose(out);
	fclose(in);
	return text;
}

static bool write_file(const char *path, const char *text, size_t size)
{
	FILE *out = fopen(path, "wb");
	bool written;

	if (!out)
		return false;
	written = fwrite(text, 1, size, out) == size;
	return fclose(out) == 0 && written;
}

/* What comes of it; `accepted` says which of the two. The caller frees it. */
static char *result_of(const char *path, bool *accepted, size_t *size)
{
	struct arena *arena = arena_new();
	struct source_set *sources = source_set_new(arena);
	struct diags *diags = diags_new(arena, sources);
	struct ast *ast = syntax_parse(arena, sources, path, diags);
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	*accepted = ast != NULL;
	if (out && ast)
		ast_print(ast, out);
	else if (out)
		diags_render(diags, DIAG_TEXT, out);
	if (out)
		fclose(out);
	arena_free(arena);
	return text;
}

/* The first line in which they differ. */
static void show_difference(const char *path, const char *expected, const char *got)
{
	int line = 1;

	while (*expected && strcspn(expected, "\n") == strcspn(got, "\n") &&
	       strncmp(expected, got, strcspn(expected, "\n") + 1) == 0) {
		got += strcspn(expected, "\n") + (strchr(expected, '\n') != NULL);
		expected += strcspn(expected, "\n") + (strchr(expected, '\n') != NULL);
		line++;
	}
	printf("%s:%d: differs\n  expected: %.*s\n  got:      %.*s\n", path, line,
	       (int)strcspn(expected, "\n"), expected, (int)strcspn(got, "\n"), got);
}

int main(int argc, char **argv)
{
	bool update = argc == 3 && strcmp(argv[1], "--update") == 0, accepted, same;
	const char *path = argv[argc - 1], *dot = strrchr(path, '.');
	size_t n_got = 0, n_expected = 0;
	char golden[4096], other[4096], *got, *expected;

	if ((argc != 2 && !update) || !dot) {
		fputs("usage: golden [--update] X.iop\n", stderr);
		return 2;
	}
	got = result_of(path, &accepted, &n_got);
	snprintf(golden, sizeof(golden), "%.*s.%s", (int)(dot - path), path,
		 accepted ? "ast" : "stderr");
	snprintf(other, sizeof(other), "%.*s.%s", (int)(dot - path), path,
		 accepted ? "stderr" : "ast");
	if (update) {
		remove(other);
		same = write_file(golden, got, n_got);
		free(got);
		return same ? 0 : 3;
	}
	expected = read_file(golden, &n_expected);
	same = expected && n_expected == n_got && memcmp(expected, got, n_got) == 0;
	if (!expected)
		printf("there is no %s; this came of it:\n%s", golden, got);
	else if (!same)
		show_difference(golden, expected, got);
	free(expected);
	free(got);
	return same ? 0 : 1;
}
