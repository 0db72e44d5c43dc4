/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Source files laid end to end in one space of offsets, which starts at 1.
 * Between two files one offset is left free: it is the end of the former,
 * where "end of file" errors point.
 */
#include "base/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

#define MAX_BYTES ((size_t)64 * 1024 * 1024)

struct source_set {
	struct arena *arena;
	vec(struct source *) files;
	uint32_t next_base;
	size_t bytes;
};

struct source_set *source_set_new(struct arena *a)
{
	struct source_set *s = arena_new_of(a, struct source_set);

	s->arena = a;
	s->next_base = 1;
	return s;
}

/* `path` from the root on, without `.`, `..` and doubled slashes. It is not
 * looked at on disk: links stay what they are called. */
static char *absolute(struct arena *a, const char *path)
{
	char *cwd = path[0] == '/' ? NULL : realpath(".", NULL);
	char *in = arena_printf(a, "%s/%s", cwd ? cwd : "", path);
	char *out = arena_alloc(a, strlen(in) + 2);
	size_t n = 0;

	free(cwd);
	for (char *part = in, *end; *part; part = end) {
		size_t len;

		part += strspn(part, "/");
		end = part + strcspn(part, "/");
		len = (size_t)(end - part);
		if (len == 0 || (len == 1 && part[0] == '.'))
			continue;
		if (len == 2 && part[0] == '.' && part[1] == '.') {
			while (n > 0 && out[--n] != '/')
				;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, part, len);
		n += len;
	}
	out[n] = '\0';
	return out;
}

/* `path` as seen from the folder of `first`. */
static const char *relative(struct arena *a, const char *path, const char *first)
{
	const char *to = absolute(a, path), *from = absolute(a, first);
	size_t same = 0;
	char *name = "";

	for (size_t i = 0; to[i] && to[i] == from[i]; i++)
		if (to[i] == '/')
			same = i;
	for (const char *p = strchr(from + same + 1, '/'); p; p = strchr(p + 1, '/'))
		name = arena_printf(a, "../%s", name);
	return arena_printf(a, "%s%s", name, to + same + 1);
}

static const char *name_from_path(const struct source_set *s, const char *path)
{
	const char *slash;

	if (strcmp(path, "-") == 0)
		return "<stdin>";
	if (s->files.n > 0 && strcmp(s->files.v[0]->path, "-") != 0)
		return relative(s->arena, path, s->files.v[0]->path);
	slash = strrchr(path, '/');
	return arena_strdup(s->arena, slash ? slash + 1 : path);
}

static void map_lines(struct arena *a, struct source *f)
{
	const char *end = f->text + f->size, *p = f->text;
	uint32_t *line, n = 1;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n++;
		p++;
	}
	line = arena_alloc(a, n * sizeof(*line));
	f->line = line;
	f->n_lines = n;
	for (p = f->text; (p = memchr(p, '\n', (size_t)(end - p))) != NULL;)
		*++line = (uint32_t)(++p - f->text);
}

static struct source *add(struct source_set *s, const char *path, const char *name,
			  const char *text, size_t size)
{
	struct source *f;

	if (size > MAX_BYTES - s->bytes) {
		errno = EFBIG;
		return NULL;
	}
	f = arena_new_of(s->arena, struct source);
	f->path = arena_strdup(s->arena, path);
	f->name = name ? arena_strdup(s->arena, name) : name_from_path(s, path);
	f->text = arena_strndup(s->arena, text, size);
	f->size = size;
	f->base = s->next_base;
	map_lines(s->arena, f);
	s->next_base += (uint32_t)size + 1;
	s->bytes += size;
	*vec_push(s->arena, &s->files) = f;
	return f;
}

const struct source *source_add(struct source_set *s, const char *path, const char *name,
				const char *text, size_t size)
{
	return add(s, path, name, text, size);
}

const struct source *source_add_builtin(struct source_set *s, const char *name, const char *text,
					size_t size)
{
	struct source *f = add(s, name, name, text, size);

	if (f)
		f->builtin = true;
	return f;
}

/* All of `in`, at most `max` bytes and one more, in a block that the caller frees.
 * NULL and errno on failure. */
static char *read_all(FILE *in, size_t max, size_t *size)
{
	size_t cap = (size_t)64 * 1024, n = 0;
	char *text = malloc(cap), *more;

	while (text && n <= max && !feof(in) && !ferror(in)) {
		n += fread(text + n, 1, cap - n, in);
		if (n < cap)
			continue;
		more = realloc(text, cap *= 2);
		if (!more)
			free(text);
		text = more;
	}
	if (text && ferror(in)) {
		free(text);
		return NULL;
	}
	*size = n;
	return text;
}

const struct source *source_read(struct source_set *s, const char *path, const char *name)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const struct source *f = NULL;
	size_t size = 0;
	char *text;
	int error;
	FILE *in;

	in = is_stdin ? stdin : fopen(path, "rbe");
	if (!in)
		return NULL;
	text = read_all(in, MAX_BYTES - s->bytes, &size);
	if (text)
		f = source_add(s, path, name, text, size);
	error = errno;
	free(text);
	if (!is_stdin)
		fclose(in);
	errno = error;
	return f;
}

size_t source_count(const struct source_set *s)
{
	return s->files.n;
}

const struct source *source_at(const struct source_set *s, size_t i)
{
	return i < s->files.n ? s->files.v[i] : NULL;
}

const struct source *source_of(const struct source_set *s, uint32_t offset)
{
	size_t low = 0, high = s->files.n;

	/* the last file that starts at or before it */
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->files.v[mid]->base <= offset)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || offset - s->files.v[low - 1]->base > s->files.v[low - 1]->size)
		return NULL;
	return s->files.v[low - 1];
}

struct position source_position(const struct source_set *s, uint32_t offset)
{
	const struct source *f = source_of(s, offset);
	uint32_t low = 0, high, at;

	if (!f)
		return (struct position){ NULL, 0, 0 };
	at = offset - f->base;
	high = f->n_lines;
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (f->line[mid] <= at)
			low = mid;
		else
			high = mid;
	}
	return (struct position){ f, low + 1, at - f->line[low] + 1 };
}
